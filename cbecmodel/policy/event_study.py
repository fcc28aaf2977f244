"""Event studies: columns for each time since adoption, the joint test of the leads, and simultaneous bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from scipy import stats

from cbecmodel.policy.regression import redundant_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cbecmodel.policy.regression import Regression
    from cbecmodel.policy.sample import Sample

COLUMNS: Final = ("event_time", "att", "se", "ci_lower", "ci_upper", "band_lower", "band_upper")
_DRAWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class EventDesign:
    """Columns of an event study.

    Attributes
    ----------
    times : tuple of int
        Event times with a column, in order.
    columns : numpy.ndarray
        n × len(times), 0/1.
    bases : tuple of int
        Event times left out: the base, and a second one where the first is not enough.
    lost : tuple of int
        Event times that cannot be told apart from the effects; they have no column.
    """

    times: tuple[int, ...]
    columns: NDArray[np.float64]
    bases: tuple[int, ...]
    lost: tuple[int, ...] = ()


def event_times(
    time: NDArray[np.int64], cohort: NDArray[np.int64], window: tuple[int, int] | None
) -> NDArray[np.float64]:
    """Return time since adoption, NaN for the never treated.

    Parameters
    ----------
    time, cohort : numpy.ndarray
        n each; cohort 0 is never treated.
    window : (int, int), optional
        Times before the first and after the last are counted as these (binned).

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> event_times(np.array([2010, 2015, 2015]), np.array([2013, 2013, 0]), (-2, 1)).tolist()
    [-2.0, 1.0, nan]
    """
    since = np.full(time.shape, np.nan)
    since[cohort > 0] = (time - cohort)[cohort > 0]
    if window is not None:
        np.clip(since, float(window[0]), float(window[1]), out=since)
    return since


def event_design(sample: Sample, since: NDArray[np.float64], base: int) -> EventDesign | None:
    """Make the columns, and find a second base or lost times where they are collinear.

    Parameters
    ----------
    sample : Sample
    since : numpy.ndarray
        Time since adoption, NaN for never treated, n.
    base : int
        Event time that is left out.

    Returns
    -------
    EventDesign or None
        None if no treated unit is seen at the base, or nothing is left to estimate.
    """
    seen = np.unique(since[~np.isnan(since)]).astype(int).tolist()
    if base not in seen or len(seen) < 2:
        return None
    times, bases = [time for time in seen if time != base], [base]
    columns = _columns(since, times)
    redundant = redundant_columns(sample, columns)
    if redundant and not np.isnan(since).any() and times[0] < base:
        # without never-treated units a straight line in event time is lost in the effects: the first lead is a second base
        bases.insert(0, times.pop(0))
        columns = _columns(since, times)
        redundant = redundant_columns(sample, columns)
    lost = tuple(times[index] for index in redundant)
    times = [time for time in times if time not in lost]
    if not times:
        return None
    return EventDesign(tuple(times), _columns(since, times), tuple(bases), lost)


def _columns(since: NDArray[np.float64], times: list[int]) -> NDArray[np.float64]:
    return np.column_stack([(since == time).astype(np.float64) for time in times])


def critical_value(cov: NDArray[np.float64], df: float, level: float, seed: int) -> float:
    """Return the critical value of a simultaneous (sup-t) band.

    Parameters
    ----------
    cov : numpy.ndarray
        Covariance of the k estimates.
    df : float
        Of the multivariate t distribution.
    level : float
    seed : int

    Returns
    -------
    float
        The ``level`` quantile of the largest absolute t statistic, from 100,000 draws; for k = 1 the exact t quantile.

    References
    ----------
    .. [1] Montiel Olea, J. L. & Plagborg-Møller, M. (2019). Simultaneous confidence bands: theory, implementation, and an
       application to SVARs. Journal of Applied Econometrics 34(1), 1–17.

    Examples
    --------
    >>> round(critical_value(np.eye(1), 10, 0.95, 0), 3), round(critical_value(np.eye(2), 1e6, 0.95, 0), 1)
    (2.228, 2.2)
    """
    if len(cov) == 1:
        return float(stats.t.ppf(0.5 + level / 2, df))
    se = np.sqrt(np.diag(cov))
    values, vectors = np.linalg.eigh(cov / np.outer(se, se))
    root = vectors * np.sqrt(np.clip(values, 0, None))
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    draws = rng.standard_normal((_DRAWS, len(cov))) @ root.T
    scale = np.sqrt(rng.chisquare(df, _DRAWS) / df) if np.isfinite(df) else np.ones(_DRAWS)
    return float(np.quantile(np.abs(draws).max(axis=1) / scale, level))


def event_table(fitted: Regression, design: EventDesign, level: float, seed: int) -> pd.DataFrame:
    """Return effects by event time with pointwise intervals and a simultaneous band.

    Parameters
    ----------
    fitted : Regression
    design : EventDesign
    level : float
    seed : int
        Of the band's draws.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`; bases have effect and standard error 0, lost times NaN.
    """
    lower, upper = fitted.interval(level)
    half = critical_value(fitted.cov, fitted.corrected.df, level, seed) * fitted.se
    values = [fitted.params, fitted.se, lower, upper, fitted.params - half, fitted.params + half]
    rows = [(time, *cells) for time, *cells in zip(design.times, *values, strict=True)]
    rows += [(time, *[0.0] * 6) for time in design.bases] + [(time, *[np.nan] * 6) for time in design.lost]
    return pd.DataFrame(sorted(rows), columns=list(COLUMNS))


def lead_test(fitted: Regression, design: EventDesign) -> pd.Series[Any]:
    """Test jointly that the effects before the base are 0.

    Parameters
    ----------
    fitted : Regression
    design : EventDesign

    Returns
    -------
    pandas.Series
        ``statistic`` (F: the Wald statistic over its degrees of freedom), ``df``, ``df_denominator``, ``pvalue``; empty
        without leads.

    Notes
    -----
    The covariance may have fewer dimensions than there are leads when clusters are few; then the generalised inverse is
    used and ``df`` is the rank.
    """
    leads = [index for index, time in enumerate(design.times) if time < max(design.bases)]
    if not leads:
        return pd.Series(dtype=float)
    cov, params = fitted.cov[np.ix_(leads, leads)], fitted.params[leads]
    se = np.sqrt(np.diag(cov))
    scaled, t = cov / np.outer(se, se), params / se
    rank = int(np.linalg.matrix_rank(scaled, hermitian=True))
    statistic = float(t @ np.linalg.pinv(scaled, hermitian=True) @ t) / rank
    p = float(stats.f.sf(statistic, rank, fitted.corrected.df))
    return pd.Series({"statistic": statistic, "df": rank, "df_denominator": fitted.corrected.df, "pvalue": p})
