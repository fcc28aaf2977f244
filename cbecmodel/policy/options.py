"""The options of this room: their names, and one validator."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from cbecmodel.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["prefecture", "zone"]
YearRule = Literal["first_full", "approval", "h1"]
CountyRule = Literal["exclude", "flag", "parent"]
Estimator = Literal[
    "twfe",
    "sun_abraham",
    "callaway_santanna",
    "imputation",
    "stacked",
    "local_projection",
    "two_stage",
    "synthetic_did",
    "dcdh",
    "ppml",
    "random_effects",
    "triple_difference",
    "dose",
]
ControlGroup = Literal["never", "not_yet"]
BasePeriod = Literal["varying", "universal"]
Aggregation = Literal["simple", "group", "dynamic", "calendar"]
Vcov = Literal["cluster", "robust", "iid"]
SmallSample = Literal["fixest", "reghdfe", "areg", "plm", "plm_sss", "none"]
Engine = Literal["linearmodels", "statsmodels"]
Transform = Literal["log1p", "log", "asinh"]
Method = Literal["dr", "ipw", "reg"]

YEAR_COLUMNS: Final[dict[str, str]] = {
    "first_full": "first_full_year",
    "approval": "approval_year",
    "h1": "treat_year_h1rule",
}


def choose(name: str, value: Any, kind: Any) -> None:
    """Refuse an option that does not exist, and name those that do.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
        What was given.
    kind : Literal alias
        The allowed values.

    Raises
    ------
    ModelError

    Examples
    --------
    >>> choose("year_rule", "half", YearRule)
    Traceback (most recent call last):
    cbecmodel.errors.ModelError: year_rule="half" is not an option; there are: first_full, approval, h1.
    """
    known = get_args(kind)
    if value not in known:
        raise ModelError("policy.unknown_option", option=name, value=value, known=", ".join(known))


def close_match(name: object, known: Iterable[object]) -> str:
    """Return the known name nearest to a mistyped one, or "".

    Parameters
    ----------
    name : object
    known : iterable

    Returns
    -------
    str

    Examples
    --------
    >>> close_match("citty", ["city", "year"])
    'city'
    """
    found = get_close_matches(str(name), [str(one) for one in known], n=1)
    return found[0] if found else ""
