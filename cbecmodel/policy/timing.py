"""Times and adoption years as whole numbers, whatever a file stored them as."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cbecmodel.errors import PanelError
from cbecmodel.policy.units import listed


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
    if pd.api.types.is_datetime64_any_dtype(values):
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
        Whole numbers or dates (their year); 0, NaN, NaT, None, "" or inf for never treated.
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
    if pd.api.types.is_datetime64_any_dtype(values):
        years: pd.Series[Any] = values.dt.year.fillna(0).astype("int64")
        return years
    blank = values.isna() | (values.astype(str).str.strip() == "")
    numbers = pd.to_numeric(values.mask(blank), errors="coerce").astype("float64")
    bad = (numbers.isna() & ~blank) | (np.isfinite(numbers) & (numbers != numbers.round())) | (numbers < 0)
    if bad.any():
        raise PanelError(
            "policy.cohort_not_whole", column=column, values=listed(list(values[bad].unique()), 5), n=int(bad.sum())
        )
    return numbers.where(np.isfinite(numbers), 0).fillna(0).astype("int64")
