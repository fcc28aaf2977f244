"""What a user asked of :func:`~cbecmodel.policy.effect.policy_effect`, and whether it makes sense."""

from __future__ import annotations

from collections import Counter
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, get_args

from cbecmodel.errors import ModelError, PanelError
from cbecmodel.policy import options
from cbecmodel.policy.labels import listed
from cbecmodel.policy.options import choose

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cbecmodel.policy.options import (
        Aggregation,
        BasePeriod,
        ControlGroup,
        Engine,
        Estimator,
        Method,
        SmallSample,
        Transform,
        Vcov,
    )
    from cbecmodel.policy.panel import Panel

_UNUSED: Final[dict[str, tuple[str, ...]]] = {
    "twfe": ("control_group", "base_period", "aggregation", "method", "bootstrap"),
    "callaway_santanna": ("treatment", "fixed_effects", "weights", "window", "vcov", "small_sample", "engine"),
    "sun_abraham": ("treatment", "window", "control_group", "base_period", "aggregation", "method", "bootstrap"),
}
_CHOICES: Final = {
    "control_group": options.ControlGroup,
    "base_period": options.BasePeriod,
    "aggregation": options.Aggregation,
    "vcov": options.Vcov,
    "small_sample": options.SmallSample,
    "engine": options.Engine,
    "method": options.Method,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """The arguments of :func:`~cbecmodel.policy.effect.policy_effect` under their names there; sequences are tuples."""

    outcome: str
    estimator: Estimator
    treatment: str | None = None
    controls: tuple[str, ...] = ()
    fixed_effects: tuple[str, ...] = ("unit", "time")
    weights: str | None = None
    control_group: ControlGroup = "never"
    base_period: BasePeriod = "varying"
    aggregation: Aggregation = "simple"
    anticipation: int = 0
    vcov: Vcov = "cluster"
    cluster: tuple[str, ...] = ("unit",)
    small_sample: SmallSample = "fixest"
    bootstrap: int | None = None
    seed: int | None = None
    engine: Engine = "linearmodels"
    transform: Transform | None = None
    window: tuple[int, int] | None = None
    method: Method = "dr"


def check_specification(spec: Specification, panel: Panel, available: Iterable[str]) -> None:
    """Refuse options that do not exist, that the estimator does not use, or that contradict each other or the panel.

    Parameters
    ----------
    spec : Specification
    panel : Panel
    available : iterable of str
        Estimators there are.

    Raises
    ------
    ModelError
        If an option makes no sense.
    PanelError
        If nobody in the panel is treated, or it does not say who was.
    """
    _check_estimator(spec.estimator, list(available))
    for name, kind in _CHOICES.items():
        choose(name, getattr(spec, name), kind)
    if spec.transform is not None:
        choose("transform", spec.transform, options.Transform)
    _check_numbers(spec)
    _check_roles(spec)
    if spec.treatment is None:
        if panel.cohort is None:
            raise PanelError("policy.no_adoption")
        if not (panel.frame[panel.cohort] > 0).any():
            raise PanelError("policy.nobody_treated", column=panel.cohort)


def _check_estimator(estimator: str, available: list[str]) -> None:
    if estimator in available:
        return
    planned = [name for name in get_args(options.Estimator) if name not in available]
    known = ", ".join(available)
    if estimator in planned:
        raise ModelError("policy.not_available", estimator=estimator, available=known, planned=", ".join(planned))
    raise ModelError("policy.unknown_option", option="estimator", value=estimator, known=known)


def _check_numbers(spec: Specification) -> None:
    least = {"anticipation": 0, "bootstrap": 1, "seed": 0}
    for name, lowest in least.items():
        value = getattr(spec, name)
        if value is not None and not (_whole(value) and value >= lowest):
            raise ModelError("policy.not_a_count", option=name, value=repr(value), lowest=lowest)
    if spec.window is None:
        return
    given: Any = spec.window
    pair = len(given) == 2 and all(map(_whole, given)) if isinstance(given, (tuple, list)) else False
    base = -1 - spec.anticipation
    if not pair or not given[0] <= base <= given[1]:
        raise ModelError("policy.bad_window", window=repr(given), base=base)


def _whole(value: object) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _check_roles(spec: Specification) -> None:
    """Refuse options the estimator would pass over in silence, and columns that have two roles."""
    default = {field.name: field.default for field in fields(Specification) if field.default is not MISSING}
    unused = [name for name in _UNUSED[spec.estimator] if getattr(spec, name) != default[name]]
    if spec.estimator == "callaway_santanna" and len(spec.cluster) > 1:
        unused.append("cluster")
    if unused:
        raise ModelError("policy.not_for_estimator", options=listed(unused), estimator=spec.estimator)
    if len(spec.cluster) > 2:
        raise ModelError("policy.too_many_clusters", clusters=", ".join(spec.cluster))
    if len(spec.fixed_effects) > 2:
        raise ModelError("policy.too_many_effects", effects=", ".join(spec.fixed_effects))
    numbers = Counter([spec.outcome, *spec.controls, *([spec.treatment] if spec.treatment else [])])
    if twice := [column for column, n in numbers.items() if n > 1]:
        raise ModelError("policy.role_twice", columns=listed(twice))
