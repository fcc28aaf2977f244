from .errors import CbecError as CbecError
from .errors import CbecWarning as CbecWarning
from .measurement.reliability import reliability as reliability
from .messages import set_language as set_language
from .policy.effect import policy_effect as policy_effect
from .policy.panel import Panel as Panel
from .policy.results import PolicyResults as PolicyResults
from .policy.rollout import Rollout as Rollout
from .policy.rollout import competing_policies as competing_policies
from .policy.rollout import pilot_zones as pilot_zones
from .simulate.panel import simulate_panel as simulate_panel
from .simulate.responses import simulate_responses as simulate_responses
from .structure.api import cfa as cfa
from .structure.api import growth as growth
from .structure.api import sem as sem
from .structure.compare import compare as compare
from .structure.results import SEMResults as SEMResults
from .study.run import run_study as run_study
from .survey.instrument import Instrument as Instrument
from .survey.instrument import load_instrument as load_instrument
from .survey.read import read_responses as read_responses
from .survey.responses import Responses as Responses
from .theory.model import Theory as Theory
from .theory.model import load_theory as load_theory

__version__: str
