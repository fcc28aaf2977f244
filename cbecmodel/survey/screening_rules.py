"""When an answer sheet counts as careless: thresholds with defaults, from the instrument, or given."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from cbecmodel.errors import DataError
from cbecmodel.survey.text_matching import closest

if TYPE_CHECKING:
    from collections.abc import Callable

    from cbecmodel.survey.parts import ScreeningRules


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds of :func:`~cbecmodel.survey.screening.screen`; None switches an index off.

    Parameters
    ----------
    minimum_flags : int or None
        Careless indices that must fire before a respondent is left out. One index alone misjudges too many honest
        people [2]_. None: flags are shown, and nobody is left out for them.
    missing_share : float or None
        More than this share of the items shown unanswered excludes at once.
    seconds_per_item : float or None
        Faster than this per item shown is a speeder [1]_.
    share_of_median_time : float or None
        Faster than this share of the median time in the same language, on the same kind of device, is a speeder.
    longstring_share : float or None
        Share of the items answered, in one unbroken run of the same answer, from which a respondent is flagged [2]_.
    minimum_items : int
        Longest run and IRV are computed for those who answered at least this many items: over a handful of items, the same
        answer throughout is no sign of carelessness.
    irv : float or None
        Standard deviation of a respondent's answers, in scale points, below which all of them are nearly alike.
    mahalanobis_p : float or None
        Probability under chi-squared below which a pattern of answers is an outlier.
    even_odd : float or None
        Even-odd consistency (Spearman-Brown corrected) below which a respondent is flagged.
    synonyms : float or None
        Within-person correlation over like items below which a respondent is flagged.
    synonym_pairs : float
        Correlation across respondents above which two items are alike.
    antonyms : float or None
        Within-person correlation over opposite items above which a respondent is flagged.
    antonym_pairs : float
        Two items are opposite when their correlation across respondents, reversed items not yet reversed, is below minus this.
    duplicates : int or None
        Respondents of the same wave with the very same answers to all items from which each of them is flagged. Those who
        answered fewer than ``minimum_items`` items, or all of them alike, are not compared: they coincide by themselves.
    repeated_codes : int or None
        Respondents of the same wave with the same self-generated code from which each of them is flagged.
    attention : int or None
        Failed attention checks (instructed responses and infrequency items) from which a respondent is flagged.
    consistency : int or None
        Contradictions from which a respondent is flagged.
    diligence : int or None
        Answers that the researchers should not use from which a respondent is flagged.
    attention_excludes : bool
        Whether failing the attention checks excludes at once instead of being one flag.

    References
    ----------
    .. [1] Huang, J. L., Curran, P. G., Keeney, J., Poposki, E. M., & DeShon, R. P. (2012). Detecting and deterring insufficient
       effort responding to surveys. Journal of Business and Psychology, 27(1), 99-114.
    .. [2] Curran, P. G. (2016). Methods for the detection of carelessly invalid responses in survey data. Journal of
       Experimental Social Psychology, 66, 4-19.

    Examples
    --------
    >>> Rules(longstring_share=0.6).longstring_share
    0.6
    """

    minimum_flags: int | None = 2
    missing_share: float | None = 0.5
    seconds_per_item: float | None = 2.0
    share_of_median_time: float | None = 1 / 3
    longstring_share: float | None = 0.5
    minimum_items: int = 20
    irv: float | None = 0.5
    mahalanobis_p: float | None = 0.001
    even_odd: float | None = 0.3
    synonyms: float | None = 0.0
    synonym_pairs: float = 0.6
    antonyms: float | None = 0.0
    antonym_pairs: float = 0.6
    duplicates: int | None = 2
    repeated_codes: int | None = 2
    attention: int | None = 1
    consistency: int | None = 1
    diligence: int | None = 1
    attention_excludes: bool = False

    def __post_init__(self) -> None:
        for name, (allowed, fits) in _ALLOWED.items():
            value = getattr(self, name)
            if not fits(value):
                raise DataError("survey.bad_rule", rule=name, value=value, allowed=allowed)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _between(low: float, high: float, *, optional: bool = True) -> tuple[str, Callable[[Any], bool]]:
    allowed = f"{low:g}–{high:g}" + (" / None" if optional else "")
    return allowed, lambda value: (value is None and optional) or (_number(value) and low <= value <= high)


def _count(*, optional: bool = True, fewest: int = 1) -> tuple[str, Callable[[Any], bool]]:
    allowed = f"{fewest}, {fewest + 1}, {fewest + 2} …" + (" / None" if optional else "")
    return (
        allowed,
        lambda value: (value is None and optional) or (_number(value) and value >= fewest and value == int(value)),
    )


_ALLOWED: Final[dict[str, tuple[str, Callable[[Any], bool]]]] = {
    "minimum_flags": _count(),
    "missing_share": _between(0, 1),
    "seconds_per_item": _between(0, 600),
    "share_of_median_time": _between(0, 1),
    "longstring_share": _between(0, 1),
    "minimum_items": _count(optional=False),
    "irv": _between(0, 100),
    "mahalanobis_p": _between(0, 1),
    "even_odd": _between(-1, 1),
    "synonyms": _between(-1, 1),
    "synonym_pairs": _between(0, 1, optional=False),
    "antonyms": _between(-1, 1),
    "antonym_pairs": _between(0, 1, optional=False),
    "duplicates": _count(fewest=2),
    "repeated_codes": _count(fewest=2),
    "attention": _count(),
    "consistency": _count(),
    "diligence": _count(),
    "attention_excludes": ("True / False", lambda value: isinstance(value, bool)),
}


def choose_rules(registered: ScreeningRules | None, given: dict[str, Any]) -> Rules:
    """Return the rules to screen by.

    Where neither the instrument nor the caller states a rule, indices are computed and nobody is left out: whom to
    exclude is for the study to say, not for a default.

    Parameters
    ----------
    registered : ScreeningRules or None
        Of the instrument: fixed before data were seen.
    given : dict
        Override them, by name.

    Returns
    -------
    Rules

    Raises
    ------
    DataError
        If there is no such rule, or its value makes no sense.

    Examples
    --------
    >>> from cbecmodel.survey.parts import ScreeningRules
    >>> choose_rules(ScreeningRules(), {"irv": None}).irv is None
    True
    >>> choose_rules(None, {}).minimum_flags is None
    True
    """
    known = [one.name for one in fields(Rules)]
    if registered is not None:
        stated = {name: rule.threshold for name, rule in registered.rules.items()}
        chosen: dict[str, Any] = {"minimum_flags": registered.minimum_flags, **stated, **given}
    else:
        chosen = given or {"minimum_flags": None, "missing_share": None}
    for name in chosen:
        if name not in known:
            near = closest(name, known)
            raise DataError(
                "survey.unknown_rule", rule=name, near=f" ({near}?)" if near else "", known=", ".join(known)
            )
    return Rules(**chosen)
