"""Second derivatives of the statistics of ordinal data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.likelihood import curvature, mean_curvature
from cbecmodel.structure.estimate.matrices import (
    INTERCEPT,
    PATH,
    GroupPattern,
)
from cbecmodel.structure.estimate.ordinal_responses import Responses, ordinal_part

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.implied import Implied
    from cbecmodel.structure.sample.nacov import Layout
    from cbecmodel.structure.sample.statistics import OrdinalStatistics

Floats = NDArray[np.float64]


def sums(places: NDArray[np.intp], values: Floats, size: int) -> Floats:
    """Return the sum of the values at each place.

    Parameters
    ----------
    places : ndarray of int, shape (n,)
    values : ndarray, shape (n,)
    size : int

    Returns
    -------
    ndarray, shape (size,)
    """
    return np.asarray(np.bincount(places, values, size), dtype=np.float64)


def bend(group: GroupPattern, statistics: OrdinalStatistics, found: Responses, pull: Floats) -> Floats:
    """Return ``-2 pull' ∂²σ``.

    Parameters
    ----------
    group : GroupPattern
    statistics : OrdinalStatistics
    found : Responses
    pull : ndarray, shape (m,)
        Weighted residuals.

    Returns
    -------
    ndarray, shape (k, k)
    """
    where, p = statistics.layout, len(statistics.ordered)
    state, scale = found.state, found.scales
    heads, effects, own, pairs = np.split(pull, np.cumsum(where.sizes)[:-1])
    cut = where.cut_number >= 0
    by_mean = sums(where.cut_variable, np.where(cut, -scale[where.cut_variable], 1.0) * heads, p)
    by_total = effects * scale[where.slope_variable]
    row, column = where.pairs.row, where.pairs.column
    matrix = np.zeros((p, p))
    matrix[row, column] = pairs * scale[row] * scale[column] / 2
    matrix = matrix + matrix.T
    matrix[where.variance, where.variance] = own
    cross = np.zeros((len(group.kind), len(group.kind)))
    if found.scale_slopes.any():
        by_scale, cross = _scale_terms(statistics, found, heads, effects, pairs)
        if ordinal_part(group).theta:
            which = np.flatnonzero(statistics.ordered)
            matrix[which, which] -= 0.5 * scale[which] ** 3 * by_scale[which]
            turn = 0.75 * scale[which] ** 5 * by_scale[which]
            cross += found.spread[which].T @ (turn[:, None] * found.spread[which])
    kept = group.kind <= INTERCEPT
    bent = -2 * cross
    bent[np.ix_(kept, kept)] += _raw_bend(group.core, state, where, matrix, by_mean=by_mean, by_total=by_total)
    return bent


def _raw_bend(
    inner: GroupPattern, state: Implied, where: Layout, matrix: Floats, *, by_mean: Floats, by_total: Floats
) -> Floats:
    """Return minus two times the weighted second derivatives of covariances, means and total effects."""
    p = len(matrix)
    z = state.z[:p]
    out = -2 * curvature(state, z.T @ matrix @ z)
    nothing = np.zeros((z.shape[1], z.shape[1]))
    out = out + mean_curvature(state, nothing, z.T @ by_mean, 0.0)
    path = inner.kind == PATH
    i, j = inner.row, inner.column * path
    for number in np.unique(where.slope_input):
        at = where.slope_input == number
        reach = state.total[where.slope_variable[at]].T @ by_total[at]
        chain = reach[i][:, None] * state.total[np.ix_(j, i)] * state.total[j, p + number]
        chain = np.where(np.multiply.outer(path, path), chain, 0.0)
        out -= 2 * (chain + chain.T)
    return np.asarray(out, dtype=np.float64)


def _scale_terms(
    statistics: OrdinalStatistics, found: Responses, heads: Floats, effects: Floats, pairs: Floats
) -> tuple[Floats, Floats]:
    """Return the weights of the scales, and the second derivatives in which a scale takes part."""
    where, p = statistics.layout, len(statistics.ordered)
    state, scale, slope = found.state, found.scales, found.scale_slopes
    cut = where.cut_number >= 0
    variable = where.cut_variable
    gaps = np.where(cut, found.cuts[variable, np.maximum(where.cut_number, 0)] - state.mu[variable], 0.0)
    by_scale = sums(variable, gaps * heads, p)
    rows = np.flatnonzero(cut)
    # derivatives of threshold less mean: those of the statistic without its scale
    plain = found.jacobian[rows] - gaps[rows, None] * slope[variable[rows]]
    beside = np.zeros((p, slope.shape[1]))
    np.add.at(beside, variable[rows], (heads[rows] / scale[variable[rows]])[:, None] * plain)
    i = where.slope_variable
    by_scale += sums(i, effects * state.total[i, p + where.slope_input], p)
    np.add.at(beside, i, effects[:, None] * found.totals)
    row, column = where.pairs.row, where.pairs.column
    star = state.sigma[row, column]
    by_scale += sums(row, pairs * scale[column] * star, p) + sums(column, pairs * scale[row] * star, p)
    jacobian = found.jacobian[-len(row) :] if len(row) else np.zeros((0, slope.shape[1]))
    bare = jacobian - (star * scale[column])[:, None] * slope[row] - (star * scale[row])[:, None] * slope[column]
    bare = bare / (scale[row] * scale[column])[:, None]
    np.add.at(beside, row, (pairs * scale[column])[:, None] * bare)
    np.add.at(beside, column, (pairs * scale[row])[:, None] * bare)
    square = np.zeros((p, p))
    square[row, column] = square[column, row] = pairs * star
    cross = slope.T @ beside
    return by_scale, cross + cross.T + slope.T @ square @ slope
