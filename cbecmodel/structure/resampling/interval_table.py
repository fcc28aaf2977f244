"""Tables of bootstrap errors and intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.readouts import parameters as tables
from cbecmodel.structure.resampling.intervals import Interval, limits

if TYPE_CHECKING:
    import pandas as pd

    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.results import SEMResults

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """Quantities with their replicates.

    Attributes
    ----------
    estimates : ndarray, shape (k,)
        Of the full sample: every row of the table, then the defined parameters.
    jacobian : ndarray, shape (k, q)
    replicates : ndarray, shape (R, k)
    """

    estimates: Floats
    jacobian: Floats
    replicates: Floats


def interval_frame(
    problem: Problem,
    spread: Spread,
    kind: Interval,
    level: float,
    *,
    acceleration: Floats | None = None,
    errors: tuple[Floats, Floats] | None = None,
) -> pd.DataFrame:
    """Return a table of estimates with bootstrap errors and intervals.

    Parameters
    ----------
    problem : Problem
    spread : Spread
        Converged replicates alone.
    kind : str
        Of the intervals.
    level : float
    acceleration : ndarray, shape (k,), optional
        For ``"bca"``.
    errors : (ndarray, shape (k,), ndarray, shape (R, k)), optional
        Standard errors of the full sample and the replicates, for ``"studentized"``.

    Returns
    -------
    pandas.DataFrame
    """
    values, replicates = spread.estimates, spread.replicates
    moving = (spread.jacobian != 0).any(axis=1) | _varies(replicates)
    moving &= np.isfinite(replicates).any(axis=0)
    lower, upper = values.copy(), values.copy()
    lower[moving], upper[moving] = limits(
        kind,
        values[moving],
        replicates[:, moving],
        level,
        acceleration=None if acceleration is None else acceleration[moving],
        se=None if errors is None else errors[0][moving],
        replicate_se=None if errors is None else errors[1][:, moving],
    )
    se, bias = np.zeros(len(values)), np.zeros(len(values))
    se[moving] = _deviation(replicates[:, moving])
    bias[moving] = np.nanmean(replicates[:, moving], axis=0) - values[moving]
    columns = {"est": values, "se": se, "bias": bias, "ci_lower": lower, "ci_upper": upper}
    return tables.labelled_frame(problem, columns).assign(n=np.isfinite(replicates).sum(axis=0))


def row_errors(fit: SEMResults) -> Floats:
    """Return the delta-method standard errors of every row and defined parameter.

    Parameters
    ----------
    fit : SEMResults

    Returns
    -------
    ndarray, shape (k,)
    """
    _, jacobian = tables.with_defined(fit.problem, *tables.row_values(fit.problem, fit.x))
    return tables.errors(jacobian, fit.vcov.to_numpy())


def _deviation(replicates: Floats) -> Floats:
    """Return standard deviations; NaN for a single replicate."""
    count = np.isfinite(replicates).sum(axis=0)
    squares = np.nansum((replicates - np.nanmean(replicates, axis=0)) ** 2, axis=0)
    return np.sqrt(np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan))


def _varies(replicates: Floats) -> NDArray[np.bool_]:
    finite = np.isfinite(replicates)
    low = np.where(finite, replicates, np.inf).min(axis=0, initial=np.inf)
    high = np.where(finite, replicates, -np.inf).max(axis=0, initial=-np.inf)
    return np.asarray(high > low)
