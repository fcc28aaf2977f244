r"""Least squares for ordinal and mixed data.

The normal responses behind ordinal variables have the moments :math:`\mu^*, \Sigma^*` that the model implies (given fixed
exogenous variables, whose total effects are :math:`\Pi^*`) and the scales :math:`\delta`, 1 for continuous variables. Then

.. math::

    \tau_{jc} \to \delta_j (\tau_{jc} - \mu^*_j), \qquad \Pi = \delta \Pi^*, \qquad
    \Sigma_{ij} = \delta_i \delta_j \Sigma^*_{ij} .

In the delta parameterization :math:`\delta` are parameters and residual variances of ordinal variables follow from them; in the
theta parameterization :math:`\delta_j = 1 / \sqrt{\Sigma^*_{jj}}`.

References
----------
.. [1] Muthén, B. (1984). A general structural equation model with dichotomous, ordered categorical, and continuous latent
   variable indicators. Psychometrika, 49, 115-132.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import Implied, implied
from cbecmodel.structure.estimate.matrices import (
    INTERCEPT,
    PATH,
    SCALE,
    THRESHOLD,
    GroupPattern,
    OrdinalPattern,
)

if TYPE_CHECKING:
    from cbecmodel.structure.sample.statistics import OrdinalStatistics

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Responses:
    """Implied statistics of one group, with their derivatives by its free elements.

    Attributes
    ----------
    vector : ndarray, shape (m,)
    jacobian : ndarray, shape (m, k)
    state : Implied
        Moments of the responses, given fixed exogenous variables; its elements are the first of the k.
    scales : ndarray, shape (p,)
    cuts : ndarray, shape (p, most thresholds)
    location, spread : ndarray, shape (p, k)
        Derivatives of means and variances of the responses.
    scale_slopes : ndarray, shape (p, k)
    totals : ndarray, shape (p x, k)
        Derivatives of the total effects of exogenous variables.
    """

    vector: Floats
    jacobian: Floats
    state: Implied
    scales: Floats
    cuts: Floats
    location: Floats
    spread: Floats
    scale_slopes: Floats
    totals: Floats


def ordinal_part(group: GroupPattern) -> OrdinalPattern:
    """Return what a group has for its ordinal variables.

    Parameters
    ----------
    group : GroupPattern

    Returns
    -------
    OrdinalPattern
    """
    assert group.ordinal is not None
    return group.ordinal


def filled_cuts(group: GroupPattern, x: Floats) -> Floats:
    """Return the thresholds of a group.

    Parameters
    ----------
    group : GroupPattern
    x : ndarray, shape (q,)

    Returns
    -------
    ndarray, shape (p, most thresholds)
    """
    cuts = ordinal_part(group).cuts.copy()
    at = group.kind == THRESHOLD
    cuts[group.row[at], group.column[at]] = x[group.parameter[at]]
    return cuts


def responses(group: GroupPattern, statistics: OrdinalStatistics, x: Floats) -> Responses:
    """Return the implied statistics of a group.

    Parameters
    ----------
    group : GroupPattern
    statistics : OrdinalStatistics
    x : ndarray, shape (q,)

    Returns
    -------
    Responses

    Raises
    ------
    numpy.linalg.LinAlgError
        If ``I - A`` is singular.
    """
    ordinal, inner = ordinal_part(group), group.core
    state = implied(inner, x)
    k, kept = len(group.kind), group.kind <= INTERCEPT
    p = len(statistics.ordered)
    z, a, b = state.z[:p], state.a, state.b
    location, spread, slopes = (np.zeros((p, k)) for _ in range(3))
    location[:, kept] = state.h * z[:, a]
    spread[:, kept] = 2 * state.f * z[:, a] * z[:, b]
    cuts, scales = filled_cuts(group, x), ordinal.scales[:p].copy()
    if ordinal.theta:
        which = np.flatnonzero(statistics.ordered)
        variance = state.sigma[which, which]
        with np.errstate(invalid="ignore", divide="ignore"):
            scales[which] = 1 / np.sqrt(variance)
        slopes[which] = -0.5 * scales[which, None] ** 3 * spread[which]
    else:
        at = np.flatnonzero(group.kind == SCALE)
        scales[group.row[at]] = x[group.parameter[at]]
        slopes[group.row[at], at] = 1.0
    totals = _totals(inner, state, statistics, k, kept)
    partial = Responses(np.zeros(0), np.zeros((0, 0)), state, scales, cuts, location, spread, slopes, totals)
    vector, jacobian = _stacked(group, statistics, partial, kept)
    return replace(partial, vector=vector, jacobian=jacobian)


def _totals(
    inner: GroupPattern, state: Implied, statistics: OrdinalStatistics, k: int, kept: NDArray[np.bool_]
) -> Floats:
    """Return the derivatives of the total effects, in the order of the layout."""
    where, p = statistics.layout, len(statistics.ordered)
    out = np.zeros((len(where.slope_variable), k))
    if len(out):
        path = inner.kind == PATH
        reach = np.where(path, state.total[np.ix_(where.slope_variable, inner.row)], 0.0)
        out[:, kept] = reach * state.total[inner.column * path][:, p + where.slope_input].T
    return out


def _stacked(
    group: GroupPattern, statistics: OrdinalStatistics, part: Responses, kept: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Stack the statistics and their derivatives in the order of the layout."""
    where, p = statistics.layout, len(statistics.ordered)
    state, scale, k = part.state, part.scales, len(group.kind)
    variable, number = where.cut_variable, where.cut_number
    cut = number >= 0
    mean = state.mu[variable]
    gap = np.where(cut, part.cuts[variable, np.maximum(number, 0)] - mean, mean)
    sign = np.where(cut, -scale[variable], 1.0)[:, None]
    head = sign * part.location[variable] + np.where(cut, gap, 0.0)[:, None] * part.scale_slopes[variable]
    at = np.flatnonzero(group.kind == THRESHOLD)
    place = {(int(v), int(c)): index for index, (v, c) in enumerate(zip(variable, number, strict=True))}
    rows = np.array([place[int(group.row[e]), int(group.column[e])] for e in at], dtype=np.intp)
    head[rows, at] += scale[group.row[at]]
    i, s = where.slope_variable, where.slope_input
    total = state.total[i, p + s]
    effect = scale[i, None] * part.totals + total[:, None] * part.scale_slopes[i]
    row, column = where.pairs.row, where.pairs.column
    u, w = state.z[:p, state.a], state.z[:p, state.b]
    star = state.sigma[row, column]
    both = (scale[row] * scale[column])[:, None]
    pair = np.zeros((len(row), k))
    pair[:, kept] = both * state.f * (u[row] * w[column] + w[row] * u[column])
    if part.scale_slopes.any():
        pair += (star * scale[column])[:, None] * part.scale_slopes[row]
        pair += (star * scale[row])[:, None] * part.scale_slopes[column]
    values = [np.where(cut, scale[variable] * gap, gap), scale[i] * total, np.diag(state.sigma)[where.variance]]
    vector = np.concatenate([*values, both[:, 0] * star])
    return vector, np.concatenate([head, effect, part.spread[where.variance], pair])
