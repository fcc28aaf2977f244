"""What a frame must be before it is a panel, and what its reader should know."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cbecmodel.errors import CbecWarning, DataWarning, PanelError, PolicyWarning
from cbecmodel.policy.labels import listed
from cbecmodel.policy.options import close_match
from cbecmodel.policy.timing import cohort_years, whole_times
from cbecmodel.policy.unit_codes import plain_spelling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def require_columns(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Refuse columns that are not there (with the nearest name) or stand there twice.

    Parameters
    ----------
    frame : pandas.DataFrame
    columns : iterable of str

    Raises
    ------
    PanelError

    Examples
    --------
    >>> import pandas as pd
    >>> require_columns(pd.DataFrame({"city": [], "year": []}), ["city"])
    """
    for column in columns:
        if column not in frame.columns:
            raise _unknown_column(frame, column)
        if list(frame.columns).count(column) > 1:
            raise PanelError("policy.column_twice", column=column)


def _unknown_column(frame: pd.DataFrame, column: str) -> PanelError:
    if column in frame.index.names:
        return PanelError("policy.column_in_index", column=column)
    near, known = close_match(column, frame.columns), listed(list(frame.columns), 30)
    if near:
        return PanelError("policy.unknown_column_near", column=column, near=near, known=known)
    return PanelError("policy.unknown_column", column=column, known=known)


def checked_frame(frame: pd.DataFrame, unit: str, time: str, cohort: str | None) -> pd.DataFrame:
    """Return a sorted copy of a frame that is a panel, or say why it is none.

    Parameters
    ----------
    frame : pandas.DataFrame
    unit, time : str
    cohort : str or None

    Returns
    -------
    pandas.DataFrame
        Sorted by unit and time, index 0, 1, …; times and cohorts ``int64``.

    Raises
    ------
    PanelError
    """
    if not isinstance(frame, pd.DataFrame):
        raise PanelError("policy.not_a_frame", kind=type(frame).__name__)
    require_columns(frame, [unit, time] if cohort is None else [unit, time, cohort])
    if frame.empty:
        raise PanelError("policy.no_rows")
    if frame[unit].isna().any():
        raise PanelError("policy.unit_missing", column=unit, rows=listed(list(frame.index[frame[unit].isna()])))
    _check_spelling(frame[unit], unit)
    copy = frame.copy()
    copy[time] = whole_times(frame[time], time)
    twice = copy.duplicated([unit, time], keep=False)
    if twice.any():
        pairs = copy.loc[twice, [unit, time]].drop_duplicates()
        names = [f"{one} {period}" for one, period in pairs.itertuples(index=False)]
        raise PanelError("policy.duplicate_rows", n=int(twice.sum()), pairs=listed(names), unit=unit, time=time)
    if cohort is not None:
        copy[cohort] = cohort_years(frame[cohort], cohort)
        _check_cohorts(copy, unit, time, cohort)
    order = np.lexsort((copy[time].to_numpy(), _ranks(copy[unit])))
    return copy.iloc[order].reset_index(drop=True)


def _ranks(values: pd.Series[Any]) -> NDArray[np.intp]:
    """Return a sortable code for identifiers of whatever type, mixed ones as text."""
    try:
        return pd.factorize(values, sort=True)[0]
    except TypeError:
        return pd.factorize(values.astype(str), sort=True)[0]


def _check_spelling(values: pd.Series[Any], unit: str) -> None:
    """Refuse a unit that is spelt in two ways: it would silently count as two units."""
    spellings: dict[str, list[str]] = {}
    for value in values.unique():
        spellings.setdefault(plain_spelling(value), []).append(repr(value) if isinstance(value, str) else str(value))
    several = [" / ".join(sorted(forms)) for forms in spellings.values() if len(forms) > 1]
    if several:
        raise PanelError("policy.unit_spellings", column=unit, n=len(several), units=listed(several, 5))


def _check_cohorts(frame: pd.DataFrame, unit: str, time: str, cohort: str) -> None:
    if set(frame[cohort].unique()) <= {0, 1} and int(frame[time].min()) > 1 and (frame[cohort] == 1).any():
        raise PanelError("policy.cohort_is_indicator", column=cohort)
    several = frame.groupby(unit, observed=True)[cohort].nunique()
    if (several > 1).any():
        raise PanelError("policy.cohort_varies", column=cohort, units=listed(list(several.index[several > 1])))
    last = int(frame[time].max())
    late = frame[frame[cohort] > last]
    if not late.empty:
        found = late.drop_duplicates(unit)
        names = [f"{one} ({year})" for one, year in zip(found[unit], found[cohort], strict=True)]
        first = int(frame[time].min())
        raise PanelError("policy.cohort_outside", column=cohort, units=listed(names), first=first, last=last)


def missing_rows(frame: pd.DataFrame, unit: str, time: str) -> pd.DataFrame:
    """Return the unit–periods that are not there.

    Parameters
    ----------
    frame : pandas.DataFrame
    unit, time : str

    Returns
    -------
    pandas.DataFrame
        ``unit``, ``time``, ``kind``: ``late_entry`` before the unit's first row, ``gap`` between its rows, ``early_exit``
        after its last.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"u": ["a", "a", "a", "b"], "t": [1, 2, 3, 2]})
    >>> missing_rows(frame, "u", "t")["kind"].tolist()
    ['late_entry', 'early_exit']
    """
    units, names = pd.factorize(frame[unit])
    times, periods = pd.factorize(frame[time], sort=True)
    there = np.zeros((len(names), len(periods)), dtype=bool)
    there[units, times] = True
    row, column = np.nonzero(~there)
    first = there.argmax(axis=1)[row]
    last = len(periods) - 1 - there[:, ::-1].argmax(axis=1)[row]
    kind = np.where(column < first, "late_entry", np.where(column > last, "early_exit", "gap"))
    return pd.DataFrame({"unit": names[row], "time": np.asarray(periods)[column], "kind": kind})


def panel_warnings(
    frame: pd.DataFrame, unit: str, time: str, cohort: str | None, stacklevel: int
) -> tuple[CbecWarning, ...]:
    """Give, and return, what the reader of a panel should know.

    Parameters
    ----------
    frame : pandas.DataFrame
        Checked.
    unit, time : str
    cohort : str or None
    stacklevel : int
        Frames between this function and the user's line.

    Returns
    -------
    tuple of CbecWarning
        Units with one row, gaps inside a unit's rows, periods that no unit has, units treated from the start.
    """
    found: list[CbecWarning] = []
    sizes = frame.groupby(unit, observed=True, sort=False).size()
    if (sizes == 1).any():
        names = list(sizes.index[sizes == 1])
        found.append(DataWarning("policy.single_rows", n=len(names), units=listed(names)))
    if len(frame) < len(sizes) * frame[time].nunique():
        gaps = missing_rows(frame, unit, time).query("kind == 'gap'")
        if not gaps.empty:
            names = [f"{one} {period}" for one, period in zip(gaps["unit"], gaps["time"], strict=True)]
            found.append(DataWarning("policy.gaps", n=len(names), pairs=listed(names)))
    periods = np.sort(frame[time].unique())
    holes = (
        sorted(set(range(int(periods[0]), int(periods[-1]) + 1)) - set(periods.tolist())) if len(periods) > 1 else []
    )
    if holes and len(periods) > 2 and len(set(np.diff(periods).tolist())) > 1:
        found.append(DataWarning("policy.time_holes", column=time, periods=listed(holes)))
    if cohort is not None:
        always = frame[(frame[cohort] > 0) & (frame[cohort] <= periods[0])].drop_duplicates(unit)
        if not always.empty:
            names = list(always[unit])
            found.append(
                PolicyWarning("policy.always_treated", n=len(names), units=listed(names), first=int(periods[0]))
            )
    for warning in found:
        warnings.warn(warning, stacklevel=stacklevel)
    return tuple(found)
