"""Options of :func:`cbecmodel.sem`: their names, and the one place that checks them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.least_squares import LEAST_SQUARES
from cbecmodel.structure.estimate.rotation_criteria import rotation_options

if TYPE_CHECKING:
    from collections.abc import Sequence

Estimator = Literal["ML", "MLR", "MLF", "MLM", "MLMV", "MLMVS", "GLS", "ULS", "WLS", "DWLS", "WLSM", "WLSMV", "ULSMV"]
Missing = Literal["listwise", "pairwise", "fiml", "two_stage", "robust_two_stage"]
Engine = Literal["native", "semopy"]
Information = Literal["expected", "observed", "first_order"]
Likelihood = Literal["normal", "wishart"]
Parameterization = Literal["delta", "theta"]
Function = Literal["sem", "cfa", "growth"]
GroupEqual = Literal[
    "loadings", "intercepts", "means", "thresholds", "regressions", "residuals", "residual_covariances",
    "lv_variances", "lv_covariances", "composite_loadings",
]  # fmt: skip

_KNOWN: Final[dict[str, tuple[str, ...]]] = {
    "estimator": get_args(Estimator),
    "missing": get_args(Missing),
    "engine": get_args(Engine),
    "information": get_args(Information),
    "likelihood": get_args(Likelihood),
    "parameterization": get_args(Parameterization),
    "group_equal": get_args(GroupEqual),
}
# What the estimators of this version can do; an option outside raises and names these.
_AVAILABLE: Final[dict[str, tuple[str, ...]]] = {
    "estimator": ("ML", "MLR", "MLF", "MLM", "MLMV", "MLMVS", *LEAST_SQUARES),
    "missing": ("listwise", "pairwise", "fiml", "two_stage", "robust_two_stage"),
    "engine": ("native", "semopy"),
    "information": ("expected", "observed", "first_order"),
    "likelihood": ("normal", "wishart"),
    "parameterization": ("delta", "theta"),
    "se": ("standard", "robust_sem", "robust_huber_white", "first_order", "two_stage", "bootstrap", "none"),
    "test": ("standard", "satorra_bentler", "yuan_bentler_mplus", "scaled_shifted", "mean_var_adjusted"),
}
# What each estimator implies: standard errors, information, test.
_IMPLIED: Final[dict[str, tuple[str, str, str]]] = {
    "ML": ("standard", "expected", "standard"),
    "MLF": ("first_order", "expected", "standard"),
    "MLR": ("robust_huber_white", "observed", "yuan_bentler_mplus"),
    "MLM": ("robust_sem", "expected", "satorra_bentler"),
    "MLMV": ("robust_sem", "expected", "scaled_shifted"),
    "MLMVS": ("robust_sem", "expected", "mean_var_adjusted"),
    "GLS": ("standard", "expected", "standard"),
    "WLS": ("standard", "expected", "standard"),
    # their weights are not the inverse of the moments' covariances: only the sandwich is right
    "ULS": ("robust_sem", "expected", "standard"),
    "DWLS": ("robust_sem", "expected", "standard"),
    "WLSM": ("robust_sem", "expected", "satorra_bentler"),
    "WLSMV": ("robust_sem", "expected", "scaled_shifted"),
    "ULSMV": ("robust_sem", "expected", "scaled_shifted"),
}
_LEAST_SQUARES: Final[dict[str, tuple[str, ...]]] = {
    "se": ("standard", "robust_sem", "bootstrap", "none"),
    "information": ("expected",),
    "test": ("standard", "satorra_bentler", "scaled_shifted", "mean_var_adjusted"),
    "missing": ("listwise", "pairwise"),
    "engine": ("native",),
}
TWO_STAGE: Final = ("two_stage", "robust_two_stage")
_TWO_STAGE: Final[dict[str, tuple[str, ...]]] = {
    "estimator": ("ML",),
    "se": ("two_stage", "none"),
    "test": ("satorra_bentler", "standard"),
    "information": ("expected",),
    "likelihood": ("normal",),
    "engine": ("native", "semopy"),
}
_COMPLETE_ONLY: Final = ("satorra_bentler", "scaled_shifted", "mean_var_adjusted")
_ORDINAL: Final = ("WLS", "DWLS", "ULS", "WLSM", "WLSMV", "ULSMV")
# What knows of weights, clusters and strata; all of it is robust.
_DESIGN: Final[dict[str, tuple[str, ...]]] = {
    "estimator": ("ML", "MLR", "MLM", "MLMV", "MLMVS"),
    "se": ("robust_huber_white", "robust_sem", "none"),
    "likelihood": ("normal",),
}


@dataclass(frozen=True, slots=True)
class Options:
    """Everything :func:`cbecmodel.sem` was asked for, checked.

    Attributes
    ----------
    function : {"sem", "cfa", "growth"}
        Whose defaults the parameter table has.
    estimator, se, missing, parameterization, rotation, likelihood, information, test, engine : str
        See :func:`cbecmodel.sem`.
    group, cluster, weights, strata, fpc : str or None
        Columns of the data.
    group_equal, group_partial, ordered : tuple of str
    auxiliary : tuple of str
    std_lv, orthogonal, fixed_x : bool
    meanstructure : bool or None
        None: when asked or needed.
    """

    function: Function = "sem"
    estimator: str = "ML"
    se: str = "standard"
    missing: str = "listwise"
    group: str | None = None
    group_equal: tuple[str, ...] = ()
    group_partial: tuple[str, ...] = ()
    ordered: tuple[str, ...] = ()
    parameterization: str = "delta"
    std_lv: bool = False
    orthogonal: bool = False
    meanstructure: bool | None = None
    fixed_x: bool = True
    cluster: str | None = None
    weights: str | None = None
    strata: str | None = None
    fpc: str | None = None
    auxiliary: tuple[str, ...] = ()
    bounds: Any = None
    rotation: str = "geomin"
    rotation_args: Any = None
    likelihood: str = "normal"
    information: str = "expected"
    test: str = "standard"
    engine: str = "native"
    extra: dict[str, Any] = field(default_factory=dict)


def check_options(function: Function, asked: dict[str, Any]) -> Options:
    """Check what was asked for and fill in what each estimator implies.

    Parameters
    ----------
    function : {"sem", "cfa", "growth"}
    asked : dict
        The keyword arguments as given.

    Returns
    -------
    Options

    Raises
    ------
    ModelError
        If a value is unknown, or not available yet; names what is.

    Examples
    --------
    >>> check_options("sem", {"estimator": "ML", "se": None}).se
    'standard'
    """
    chosen = _completed(asked)
    for name, known in _KNOWN.items():
        for value in _names(chosen.get(name, ())):
            if value not in known:
                raise ModelError("structure.unknown_option", option=name, value=value, known=", ".join(known))
    for name, available in _AVAILABLE.items():
        value = chosen.get(name, available[0])
        if value not in available:
            raise ModelError("structure.option_unavailable", option=name, value=value, available=", ".join(available))
    if chosen.get("missing") == "fiml" and (chosen["se"] == "robust_sem" or chosen["test"] in _COMPLETE_ONLY):
        raise ModelError("structure.fiml_estimator", estimator=chosen.get("estimator", "ML"))
    _check_estimator(chosen)
    _check_rotation(chosen)
    _check_ordinal(chosen)
    return Options(function=function, **chosen)


def _check_rotation(chosen: dict[str, Any]) -> None:
    if chosen.get("rotation", "none") != "none":
        rotation_options(chosen["rotation"], chosen.get("rotation_args"))


def _check_ordinal(chosen: dict[str, Any]) -> None:
    if chosen.get("ordered") and chosen["estimator"] not in _ORDINAL:
        raise ModelError(
            "structure.ordinal_estimator",
            estimator=chosen["estimator"],
            variables=", ".join(chosen["ordered"]),
            available=", ".join(_ORDINAL),
        )
    if chosen.get("missing") == "pairwise" and not chosen.get("ordered"):
        raise ModelError("structure.pairwise_ordinal")
    if chosen.get("parameterization") == "theta" and not chosen.get("ordered"):
        raise ModelError("structure.theta_ordinal")


def _check_estimator(chosen: dict[str, Any]) -> None:
    hessian = chosen.get("estimator") == "GLS" and chosen["information"] == "observed"
    if chosen.get("estimator") in LEAST_SQUARES:
        rules = _LEAST_SQUARES | ({"information": ("observed",)} if hessian else {})
        _check_pairs(chosen, rules, "structure.least_squares_option")
    if chosen.get("missing") in TWO_STAGE:
        _check_pairs(chosen, _TWO_STAGE, "structure.two_stage_option")
        if _has_design(chosen):
            raise ModelError("structure.two_stage_design")
    elif chosen.get("se") == "two_stage":
        others = ", ".join(one for one in _AVAILABLE["se"] if one != "two_stage")
        raise ModelError("structure.option_unavailable", option="se", value="two_stage", available=others)
    if _has_design(chosen):
        _check_pairs(chosen, _DESIGN, "structure.design_option")


def _check_pairs(chosen: dict[str, Any], rules: dict[str, tuple[str, ...]], key: str) -> None:
    for name, available in rules.items():
        if chosen.get(name, available[0]) not in available:
            raise ModelError(
                key,
                estimator=chosen.get("estimator", "ML"),
                option=name,
                value=chosen[name],
                available=", ".join(available),
            )


def _has_design(chosen: dict[str, Any]) -> bool:
    return any(chosen.get(name) is not None for name in ("weights", "cluster", "strata", "fpc"))


def _completed(asked: dict[str, Any]) -> dict[str, Any]:
    """Fill in what the estimator and groups imply."""
    chosen = dict(asked)
    if chosen.get("se") == "cluster":
        _require_cluster(chosen)
        chosen["se"] = None  # what cluster= implies in any case
    ordinal = bool(chosen.get("ordered"))
    if ordinal and chosen.get("estimator", "ML") == "ML":
        chosen["estimator"] = "WLSMV"  # what lavaan takes for ordinal variables if no estimator is asked for
    if ordinal and chosen.get("missing") == "fiml":
        raise ModelError("structure.ordinal_missing")
    design = _has_design(chosen)
    estimator = str(chosen.get("estimator", "ML"))
    # errors that hold under independent draws alone are wrong in a designed sample
    implied = _IMPLIED.get("MLR" if design and estimator == "ML" else estimator, _IMPLIED["ML"])
    staged = chosen.get("missing") in TWO_STAGE
    if staged and estimator == "ML":
        implied = ("two_stage", "expected", "satorra_bentler")
    for name, default in zip(("se", "information", "test"), implied, strict=True):
        chosen[name] = default if chosen.get(name) is None else chosen[name]
    if chosen.get("missing") == "fiml" and asked.get("information") is None:
        chosen["information"] = "observed"
    _by_first_derivatives(chosen, asked)
    drawn = any(chosen.get(name) is not None for name in ("cluster", "strata", "fpc"))
    unsaid = chosen.get("meanstructure") is None
    if staged or (unsaid and (chosen.get("group") or chosen.get("missing") == "fiml" or drawn)):
        chosen["meanstructure"] = True
    if staged or (chosen.get("estimator") in LEAST_SQUARES and not ordinal):
        chosen["fixed_x"] = False
    for name in ("group_equal", "group_partial", "ordered"):
        chosen[name] = _names(chosen.get(name, ()))
    return chosen


def _require_cluster(chosen: dict[str, Any]) -> None:
    if chosen.get("cluster") is None:
        raise ModelError("structure.cluster_errors")


def _by_first_derivatives(chosen: dict[str, Any], asked: dict[str, Any]) -> None:
    """Let information from first derivatives mean standard errors from them, and MLF with another information plain ones."""
    if chosen["information"] == "first_order":
        if chosen["se"] not in ("standard", "first_order") or chosen.get("estimator") in LEAST_SQUARES:
            raise ModelError("structure.first_order", se=chosen["se"], estimator=chosen.get("estimator", "ML"))
        chosen["se"], chosen["information"] = "first_order", "expected"
    elif chosen.get("estimator") == "MLF" and asked.get("information") is not None and asked.get("se") is None:
        chosen["se"] = "standard"


def _names(value: str | Sequence[str] | bool | None) -> tuple[str, ...]:
    if value is None or value is False:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]  # True is refused by tuple()
