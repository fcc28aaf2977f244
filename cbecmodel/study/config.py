"""``study.yaml``: what a study is made of, checked before anything runs.

A study file names surveys (files of answers, or a population to draw them from), structural models, panels and policies.
Every mistake in it is reported with file, line, place and what was expected.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

Language = Literal["en", "zh"]
Format = Literal["html", "pdf", "docx"]
Transform = Literal["none", "log", "log1p", "asinh"]
Texts = dict[Language, str]
Name = Annotated[str, StringConstraints(pattern=r"^[\w][\w.-]*$", max_length=60)]
Relative = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Part(BaseModel):
    """Root of the study file's parts: unknown keys are refused, values are never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SurveyConfig(Part):
    """One survey: an instrument, and either files of answers or a population to draw them from.

    Attributes
    ----------
    instrument : str
        Name of an instrument in ``surveys/``, or the path of one.
    files : list of str
        Files of answers; their rows are put together.
    format, encoding, sheet : str, optional
        As for :func:`cbecmodel.read_responses`.
    population : dict, optional
        The stated population, as for :func:`cbecmodel.simulate_responses`, with ``n`` respondents to draw.
    n : int, optional
        Respondents to draw; may stand in ``population`` as well.
    seed : int, optional
        Default: derived from the study's seed and the survey's name.
    screening : dict
        Thresholds that replace the instrument's own, by index.
    title : dict, optional
    """

    instrument: Relative
    files: list[Relative] = Field(default_factory=list)
    format: str | None = None
    encoding: str | None = None
    sheet: str | int | None = None
    population: dict[str, Any] | None = None
    n: int | None = Field(default=None, gt=1, le=10_000_000)
    seed: int | None = Field(default=None, ge=0)
    screening: dict[str, int | float | str | None] = Field(default_factory=dict)
    title: Texts | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.files) == (self.population is not None):
            raise PydanticCustomError("study.survey_source", "give either files or a population")
        if self.population is not None and self.n is None and "n" not in self.population:
            raise PydanticCustomError("study.survey_n", "say how many respondents to draw")
        return self


class ClaimConfig(Part):
    """A hypothesis the study file states itself, for studies without a theory file.

    Attributes
    ----------
    path : str
        ``"Y ~ X"``.
    sign : {1, -1, 0}
        Expected sign; 0 when only a difference from zero is expected.
    text : dict, optional
    """

    path: str
    sign: Literal[-1, 0, 1] = 0
    text: Texts | None = None


class ModelConfig(Part):
    """One structural equation model.

    Attributes
    ----------
    survey : str
        Whose answers it is fitted to.
    model : str, optional
        Name of a model of the theory. Exactly one of ``model`` and ``syntax`` is given.
    syntax : str, optional
        lavaan syntax.
    engine, estimator, missing : str
        As for :func:`cbecmodel.sem`.
    title : dict, optional
    labels : dict
        Labels of variables that neither the theory nor the instrument names.
    hypotheses : dict
        Hypotheses on this model's paths, by name.
    """

    survey: Name
    model: Name | None = None
    syntax: str | None = None
    engine: Literal["semopy", "native"] = "semopy"
    estimator: str = "ML"
    missing: str = "listwise"
    title: Texts | None = None
    labels: dict[str, Texts] = Field(default_factory=dict)
    hypotheses: dict[Name, ClaimConfig] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if (self.model is None) == (self.syntax is None):
            raise PydanticCustomError("study.model_source", "give either model or syntax")
        return self


class RolloutConfig(Part):
    """Which dates of the pilot-zone rollout count.

    Attributes
    ----------
    level : str
    year_rule, county_zones : str
        As for :func:`cbecmodel.pilot_zones`.
    """

    level: str = "prefecture"
    year_rule: str = "first_full"
    county_zones: str = "exclude"


class PanelPopulation(Part):
    """What a simulated panel is drawn from; left-out settings have the defaults of :func:`cbecmodel.simulate_panel`.

    Attributes
    ----------
    effect : float or dict
        The known effect in log points, or one an outcome.
    selection, spillover : float
        Switches: growth of early cities that began before the policy; effect on untreated neighbours. 0 is off.
    dynamic, heterogeneity, spillover_km, years, n_units, outcome
        As for :func:`cbecmodel.simulate_panel`.
    level, unit_sd, trend, year_sd, province_sd, noise_sd, noise_rho
        Likewise: the world without the policy.
    """

    effect: float | dict[Name, float] | None = None
    dynamic: float | None = None
    heterogeneity: float | None = Field(default=None, ge=0)
    selection: float | None = None
    spillover: float | None = None
    spillover_km: float | None = Field(default=None, ge=0)
    years: list[int] | None = Field(default=None, min_length=2, max_length=2)
    n_units: int | None = Field(default=None, gt=1)
    outcome: Name | None = None
    level: float | None = None
    unit_sd: float | None = Field(default=None, ge=0)
    trend: float | None = None
    year_sd: float | None = Field(default=None, ge=0)
    province_sd: float | None = Field(default=None, ge=0)
    noise_sd: float | None = Field(default=None, ge=0)
    noise_rho: float | None = Field(default=None, gt=-1, lt=1)


class PanelConfig(Part):
    """One panel: a file, or a simulation on the real rollout.

    Attributes
    ----------
    file : str, optional
    encoding : str, optional
    unit, time : str
        Columns that name the units and the times.
    cohort : str, optional
        Column with the first treated time of each unit.
    rollout : RolloutConfig, optional
        Take the cohorts from the pilot zones instead.
    simulate : PanelPopulation, optional
        What to draw it from instead.
    seed : int, optional
        Default: derived from the study's seed and the panel's name.
    title : dict, optional
    """

    file: Relative | None = None
    encoding: str | None = None
    unit: str = "unit"
    time: str = "year"
    cohort: str | None = None
    rollout: RolloutConfig | None = None
    simulate: PanelPopulation | None = None
    seed: int | None = Field(default=None, ge=0)
    title: Texts | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.simulate is None):
            raise PydanticCustomError("study.panel_source", "give either file or simulate")
        if self.file is not None and not {"unit", "time"} <= self.model_fields_set:
            raise PydanticCustomError("study.panel_columns", "name the columns of units and times")
        if self.cohort is not None and self.rollout is not None:
            raise PydanticCustomError("study.panel_cohort", "give either cohort or rollout")
        return self


class PolicyConfig(Part):
    """One policy effect.

    Attributes
    ----------
    panel : str
    outcome : str
        Column of the panel.
    transform : {"none", "log", "log1p", "asinh"}
        Applied to the outcome first.
    treatment : str, optional
        Column of a (continuous) treatment, for panels without cohorts.
    estimator, controls, fixed_effects, vcov, cluster, weights, anticipation, window, small_sample
        As for :func:`cbecmodel.policy_effect`.
    event_study : bool
        Show the effect by time since treatment; only with cohorts.
    hypothesis : str, optional
        Which hypothesis of the theory the effect speaks to.
    title, label : dict, optional
        Title of the chapter; what the outcome is called.
    """

    panel: Name
    outcome: str
    transform: Transform = "none"
    treatment: str | None = None
    estimator: str = "twfe"
    controls: list[str] = Field(default_factory=list)
    fixed_effects: list[str] = Field(default=["unit", "time"])
    vcov: Literal["cluster", "robust", "iid"] = "cluster"
    cluster: str | list[str] | None = None
    weights: str | None = None
    anticipation: int = Field(default=0, ge=0)
    window: list[int] | None = Field(default=None, min_length=2, max_length=2)
    small_sample: str = "fixest"
    event_study: bool = True
    hypothesis: Name | None = None
    title: Texts | None = None
    label: Texts | None = None


class ReportConfig(Part):
    """The report.

    Attributes
    ----------
    formats : list of {"html", "pdf", "docx"}
    folder : str
        Where the study's results go, from the top of the compendium.
    """

    formats: list[Format] = Field(default=["html", "pdf", "docx"], min_length=1)
    folder: Relative = "reports/build"


class StudyConfig(Part):
    """A whole study, as its file states it.

    Attributes
    ----------
    id : str
    title, abstract : dict
    languages : list of {"en", "zh"}
        Languages to write the report in.
    seed : int
        Every random draw of the study is derived from it.
    theory : str, optional
        Name or path of a theory; without one only hypotheses stated here are judged.
    surveys, models, panels, policies : dict
    report : ReportConfig
    """

    id: Name
    title: Texts
    abstract: Texts = Field(default_factory=dict)
    languages: list[Language] = Field(default=["en", "zh"], min_length=1)
    seed: int = Field(ge=0)
    theory: Relative | None = None
    surveys: dict[Name, SurveyConfig] = Field(default_factory=dict)
    models: dict[Name, ModelConfig] = Field(default_factory=dict)
    panels: dict[Name, PanelConfig] = Field(default_factory=dict)
    policies: dict[Name, PolicyConfig] = Field(default_factory=dict)
    report: ReportConfig = Field(default_factory=ReportConfig)
