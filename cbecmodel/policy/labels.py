"""Words of this room's summaries and messages in the reader's language: labels, names of places, lists of units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cbecmodel.messages import language, text

if TYPE_CHECKING:
    import pandas as pd

_REASONS: Final = {
    "unbalanced": "reason_unbalanced",
    "always treated": "reason_always_treated",
    "after the last controls": "reason_after_last_controls",
}


def says(key: str, **values: object) -> str:
    """Return one of this room's sentences.

    Parameters
    ----------
    key : str
        Without the room's name.
    **values
        What its placeholders stand for.

    Returns
    -------
    str

    Examples
    --------
    >>> says("cohort")
    'Cohort'
    """
    return text(f"policy.{key}", None, **values)


def name_column() -> str:
    """Return the column that holds names in the reader's language.

    Returns
    -------
    {"name_en", "name_zh"}

    Examples
    --------
    >>> name_column()
    'name_en'
    """
    return f"name_{language()}"


def dropped_rows(counts: pd.Series[Any]) -> str:
    """Say why rows were left out, and how many for each reason.

    Parameters
    ----------
    counts : pandas.Series
        Column without a value, or another reason, to rows.

    Returns
    -------
    str

    Examples
    --------
    >>> import pandas as pd
    >>> dropped_rows(pd.Series({"gdp": 3, "always treated": 14}))
    'gdp 3; always treated 14'
    """
    return "; ".join(f"{says(_REASONS[why]) if why in _REASONS else why} {n}" for why, n in counts.items())


def listed(names: list[Any], limit: int = 10) -> str:
    """Name units in a sentence, and how many more there are.

    Parameters
    ----------
    names : list
    limit : int
        How many are named.

    Returns
    -------
    str

    Examples
    --------
    >>> listed(["a", "b", "c"], limit=2)
    'a, b, … (3)'
    """
    joint = says("list_joint")
    shown = joint.join(str(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown}{joint}… ({len(names)})"
