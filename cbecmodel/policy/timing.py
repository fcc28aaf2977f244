"""Times and adoption years as whole numbers, whatever a file stored them as."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from cbecmodel.errors import PanelError
from cbecmodel.policy.labels import listed

_ISO_DATE: Final = r"\d{4}-\d{2}-\d{2}"


def whole_times(values: pd.Series[Any], column: str) -> pd.Series[Any]:
    """Return times as ``int64``.

    Parameters
    ----------
    values : pandas.Series
        Whole numbers, or text and floats that are such.
    column : str
        Its name, for messages.

    Returns
    -------
    pandas.Series

    Raises
    ------
    PanelError
        If a time is missing or no whole number; dates too, because what a period is must be said.

    Examples
    --------
    >>> import pandas as pd
    >>> whole_times(pd.Series(["2015", "2016"]), "year").tolist()
    [2015, 2016]
    """
    if _date_years(values).notna().any():
        raise PanelError("policy.time_dates", column=column)
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    bad = ~np.isfinite(numbers) | (numbers != numbers.round())
    if bad.any():
        raise PanelError(
            "policy.time_not_whole", column=column, values=listed(list(values[bad].unique()), 5), n=int(bad.sum())
        )
    return numbers.astype("int64")


def cohort_years(values: pd.Series[Any], column: str) -> pd.Series[Any]:
    """Return first treated periods as ``int64``, 0 for never.

    Parameters
    ----------
    values : pandas.Series
        Whole numbers or dates (their year; text too, if it is like ``2015-03-07``); 0, NaN, NaT, None, "" or inf for never
        treated.
    column : str
        Its name, for messages.

    Returns
    -------
    pandas.Series

    Raises
    ------
    PanelError
        If a value is no whole number.

    Examples
    --------
    >>> import pandas as pd
    >>> cohort_years(pd.Series([2015, 0, float("nan"), float("inf")]), "since").tolist()
    [2015, 0, 0, 0]
    """
    years = _date_years(values)
    blank = values.isna() | (values.astype(str).str.strip() == "")
    written = values.astype(object).mask(blank)
    iso = written.astype(str).str.strip().str.fullmatch(_ISO_DATE)
    written = written.where(~iso, written.astype(str).str.strip().str[:4]).where(years.isna(), years)
    numbers = pd.to_numeric(written, errors="coerce").astype("float64")
    bad = (numbers.isna() & ~blank) | (np.isfinite(numbers) & (numbers != numbers.round())) | (numbers < 0)
    if bad.any():
        raise PanelError(
            "policy.cohort_not_whole", column=column, values=listed(list(values[bad].unique()), 5), n=int(bad.sum())
        )
    return numbers.where(np.isfinite(numbers), 0).fillna(0).astype("int64")


def _date_years(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return the years of dates and calendar periods, whatever a column keeps them in; NaN for all else."""
    if pd.api.types.is_datetime64_any_dtype(values) or isinstance(values.dtype, pd.PeriodDtype):
        years: pd.Series[Any] = values.dt.year.astype("float64")
        return years
    if values.dtype != object:
        return pd.Series(np.nan, index=values.index)
    dated = values[values.map(lambda one: isinstance(one, (date, pd.Period))) & values.notna()]
    return dated.map(lambda one: float(one.year)).reindex(values.index).astype("float64")
