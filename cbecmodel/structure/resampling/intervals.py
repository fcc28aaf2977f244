r"""Confidence intervals from bootstrap replicates.

References
----------
.. [1] Davison, A. C., & Hinkley, D. V. (1997). Bootstrap methods and their application. Cambridge University Press.
.. [2] Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American Statistical Association, 82, 171-185.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbecmodel.errors import ModelError

Floats = NDArray[np.float64]
Interval = Literal["percentile", "basic", "normal", "bias_corrected", "bca", "studentized"]
INTERVALS: Final = get_args(Interval)


def order_quantiles(replicates: Floats, probabilities: Floats) -> Floats:
    """Return quantiles interpolated between order statistics on the scale of normal quantiles, as R's ``boot`` does.

    Parameters
    ----------
    replicates : ndarray, shape (R,)
        Values that are not finite are left out.
    probabilities : ndarray, shape (k,)

    Returns
    -------
    ndarray, shape (k,)
        The extreme order statistics where a probability lies beyond them; NaN without replicates.

    Examples
    --------
    >>> order_quantiles(np.arange(1.0, 100.0), np.array([0.05, 0.5])).tolist()
    [5.0, 50.0]
    """
    values = np.sort(replicates[np.isfinite(replicates)])
    size = len(values)
    if not size:
        return np.full(len(probabilities), np.nan)
    rank = (size + 1) * np.asarray(probabilities, dtype=np.float64)
    whole = np.round(rank)
    rank = np.where(np.abs(rank - whole) <= 1e-12 * whole, whole, rank)  # 0.95 * 20 is 19, not a little less
    below = np.clip(np.nan_to_num(np.floor(rank), nan=0.0), 0, size).astype(np.intp)
    inside = (below > 0) & (below < size)
    low = np.clip(below, 1, max(size - 1, 1))
    left, right = special.ndtri(low / (size + 1)), special.ndtri((low + 1) / (size + 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(inside & (rank > below), (special.ndtri(probabilities) - left) / (right - left), 0.0)
    between = values[low - 1] + share * (values[np.minimum(low, size - 1)] - values[low - 1])
    found = np.where(inside, between, np.where(below == 0, values[0], values[-1]))
    return np.where(np.isnan(probabilities), np.nan, found)


def limits(
    kind: Interval,
    estimate: Floats,
    replicates: Floats,
    level: float,
    *,
    acceleration: Floats | None = None,
    se: Floats | None = None,
    replicate_se: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Return the limits of intervals for several quantities.

    Parameters
    ----------
    kind : {"percentile", "basic", "normal", "bias_corrected", "bca", "studentized"}
    estimate : ndarray, shape (k,)
        Of the full sample.
    replicates : ndarray, shape (R, k)
        NaN where a replicate has no value.
    level : float
        For instance 0.95.
    acceleration : ndarray, shape (k,)
        For ``"bca"``.
    se : ndarray, shape (k,)
    replicate_se : ndarray, shape (R, k)
        For ``"studentized"``.

    Returns
    -------
    lower, upper : ndarray, shape (k,)

    Raises
    ------
    ModelError
        For an interval that is not known, or a level outside (0, 1).
    """
    if kind not in INTERVALS:
        raise ModelError("structure.unknown_option", option="ci", value=kind, known=", ".join(INTERVALS))
    if not 0 < level < 1:
        raise ModelError("structure.bootstrap_level", level=level)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if kind == "normal":
        half = special.ndtri(tails[1]) * np.nanstd(replicates, axis=0, ddof=1)
        centre = 2 * estimate - np.nanmean(replicates, axis=0)
        return centre - half, centre + half
    out = np.empty((2, len(estimate)))
    for k, value in enumerate(estimate):
        column = replicates[:, k]
        if kind == "percentile":
            out[:, k] = order_quantiles(column, tails)
        elif kind == "basic":
            out[:, k] = 2 * value - order_quantiles(column, tails)[::-1]
        elif kind == "studentized":
            assert se is not None
            assert replicate_se is not None
            with np.errstate(divide="ignore", invalid="ignore"):
                scaled = (column - value) / replicate_se[:, k]
            out[:, k] = value - se[k] * order_quantiles(scaled, tails)[::-1]
        else:
            bend = 0.0 if acceleration is None or kind == "bias_corrected" else float(acceleration[k])
            out[:, k] = order_quantiles(column, _corrected(column, float(value), bend, tails))
    return out[0], out[1]


def _corrected(column: Floats, estimate: float, acceleration: float, tails: Floats) -> Floats:
    """Return the probabilities at which a bias-corrected interval reads the replicates."""
    known = column[np.isfinite(column)]
    if not known.size or np.ptp(known) == 0:
        return tails
    bias = special.ndtri((known < estimate).mean())
    if not np.isfinite(bias):
        return np.full(2, np.nan)
    shifted = bias + special.ndtri(tails)
    return np.asarray(special.ndtr(bias + shifted / (1 - acceleration * shifted)), dtype=np.float64)


def accelerations(influence: Floats) -> Floats:
    r"""Return :math:`\sum l_i^3 / \{6 (\sum l_i^2)^{3/2}\}` of casewise influences.

    Parameters
    ----------
    influence : ndarray, shape (n, k)

    Returns
    -------
    ndarray, shape (k,)
        0 where nothing has influence.

    Examples
    --------
    >>> accelerations(np.array([[-1.0], [0.0], [1.0]])).tolist()
    [0.0]
    """
    spread = (influence**2).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (influence**3).sum(axis=0) / (6 * spread**1.5)
    return np.where(spread > 0, found, 0.0)
