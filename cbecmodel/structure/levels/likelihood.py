r"""The two-level normal likelihood, with exact first and second derivatives.

A cluster of size n has the mean of its cases, with covariances :math:`V_n = \Sigma_B + \Sigma_W / n`, independent of the
deviations from it. With :math:`J_n` clusters of size n, :math:`M_n` the products of their means' deviations from the model and
:math:`S_W` the sum of products inside clusters, N cases in J clusters have, up to a constant,

.. math::

    N F = \sum_n J_n \{\log|V_n| + \mathrm{tr}(V_n^{-1} M_n)\}
        + (N - J) \log|\Sigma_W| + \mathrm{tr}(\Sigma_W^{-1} S_W) .

Variables of one level alone have zeros in the other's matrix, so that the same formulas serve them.

References
----------
.. [1] McDonald, R. P., & Goldstein, H. (1989). Balanced versus unbalanced designs for linear structural relations in two-level
   data. British Journal of Mathematical and Statistical Psychology, 42, 215-232.
.. [2] Rosseel, Y. (2021). Evaluating the observed log-likelihood function in two-level structural equation modeling with
   missing data. Psych, 3, 197-232.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import Implied, contract, implied
from cbecmodel.structure.estimate.likelihood import Derivatives, curvature, mean_curvature, nowhere
from cbecmodel.structure.sample.linear import inverse_logdet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cbecmodel.structure.estimate.matrices import GroupPattern, ModelPattern
    from cbecmodel.structure.levels.clusters import Clusters

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _Part:
    """One independent part of the data: count times log|V| + tr(V^-1 (spread + gap gap'))."""

    count: float
    at: Indices
    below: float  # share of the within matrix in V
    above: float  # share of the between matrix
    sigma: Floats
    spread: Floats
    gap: Floats


def _parts(data: Clusters, within: Implied, between: Implied) -> Iterator[_Part]:
    everything = np.arange(len(within.mu))
    mu = within.mu + between.mu
    for one in data.classes:
        sigma = between.sigma + within.sigma / one.size
        yield _Part(one.count, everything, 1 / one.size, 1.0, sigma, one.cov, one.mean - mu)
    at = data.varying
    left = data.n - len(data.sizes)
    block = np.ix_(at, at)
    yield _Part(left, at, 1.0, 0.0, within.sigma[block], data.inside[block] / left, np.zeros(len(at)))


def level_discrepancy(pattern: ModelPattern, data: Clusters, x: Floats, *, second: bool = True) -> Derivatives:
    """Return the discrepancy (minus two log-likelihoods a case, without constants) and its derivatives.

    Parameters
    ----------
    pattern : ModelPattern
        Two groups: within and between.
    data : Clusters
    x : ndarray, shape (q,)
    second : bool
        Also compute Hessian and expected information.

    Returns
    -------
    Derivatives
    """
    try:
        states = tuple(implied(group, x) for group in pattern.groups)
    except np.linalg.LinAlgError:
        return nowhere()
    p, q = len(states[0].mu), pattern.n_free
    value, pull = 0.0, np.zeros(p)
    weights = np.zeros((2, p, p))
    hessian, information = np.zeros((q, q)), np.zeros((q, q))
    slopes = tuple(spread_slopes(g, s, q) for g, s in zip(pattern.groups, states, strict=True)) if second else ()
    for part in _parts(data, *states):
        inverted = inverse_logdet(part.sigma)
        if inverted is None:
            return nowhere()
        inverse, logdet = inverted
        share = part.count / data.n
        spread = part.spread + np.outer(part.gap, part.gap)
        value += share * (logdet + float((inverse * spread).sum()))
        weight = share * (inverse - inverse @ spread @ inverse)
        block = np.ix_(part.at, part.at)
        weights[0][block] += part.below * weight
        weights[1][block] += part.above * weight
        if part.above:
            pull += share * (inverse @ part.gap)
        if second:
            found = _first_products(part, inverse, spread, slopes)
            hessian += share * found[0]
            information += share * found[1]
    gradient = np.zeros(q)
    for group, state, weight in zip(pattern.groups, states, weights, strict=True):
        np.add.at(gradient, group.parameter, contract(state, weight, -2 * pull))
        if second:
            at = np.ix_(group.parameter, group.parameter)
            np.add.at(hessian, at, _bend(state, weight, pull))
    if not second:
        return Derivatives(value, gradient, np.zeros((0, 0)), np.zeros((0, 0)))
    return Derivatives(value, gradient, hessian, information)


def spread_slopes(group: GroupPattern, state: Implied, q: int) -> tuple[Floats, Floats]:
    """Return the derivatives of a level's covariances and means with respect to all parameters.

    Parameters
    ----------
    group : GroupPattern
    state : Implied
    q : int

    Returns
    -------
    cov : ndarray, shape (q, p, p)
    mean : ndarray, shape (q, p)
    """
    p = len(state.mu)
    u, w = state.z[:, state.a].T, state.z[:, state.b].T
    half = state.f[:, None, None] * u[:, :, None] * w[:, None, :]
    cov, mean = np.zeros((q, p, p)), np.zeros((q, p))
    np.add.at(cov, group.parameter, half + half.transpose(0, 2, 1))
    np.add.at(mean, group.parameter, state.h[:, None] * u)
    return cov, mean


def _first_products(
    part: _Part, inverse: Floats, spread: Floats, slopes: tuple[tuple[Floats, Floats], ...]
) -> tuple[Floats, Floats]:
    """Return the products of first derivatives in Hessian and expected information."""
    (cov_w, mean_w), (cov_b, mean_b) = slopes
    block = np.ix_(np.arange(len(cov_w)), part.at, part.at)
    moved = part.below * cov_w[block] + part.above * cov_b[block]
    q = len(moved)
    turned = inverse @ moved
    back = turned.transpose(0, 2, 1).reshape(q, -1)
    squares = turned.reshape(q, -1) @ back.T
    crossed = (inverse @ spread @ turned).reshape(q, -1) @ back.T
    hessian = crossed + crossed.T - squares
    information = squares / 2
    if part.above:
        mean = mean_w + mean_b
        quadratic = mean @ inverse @ mean.T
        bent = mean @ (turned @ (inverse @ part.gap)).T
        hessian = hessian + 2 * quadratic + 2 * (bent + bent.T)
        information = information + quadratic
    return hessian, information


def _bend(state: Implied, weight: Floats, pull: Floats) -> Floats:
    """Return what second derivatives of a level's moments add to the Hessian."""
    out = curvature(state, state.z.T @ weight @ state.z)
    nothing = np.zeros((state.z.shape[1], state.z.shape[1]))
    return np.asarray(out + mean_curvature(state, nothing, state.z.T @ pull, 0.0), dtype=np.float64)


def cluster_scores(pattern: ModelPattern, data: Clusters, x: Floats) -> Floats:
    """Return the derivatives of each cluster's log-likelihood.

    Parameters
    ----------
    pattern : ModelPattern
    data : Clusters
    x : ndarray, shape (q,)

    Returns
    -------
    ndarray, shape (J, q)
    """
    states = tuple(implied(group, x) for group in pattern.groups)
    within, between = states
    q, at = pattern.n_free, data.varying
    (cov_w, mean_w), (cov_b, mean_b) = (spread_slopes(g, s, q) for g, s in zip(pattern.groups, states, strict=True))
    block = np.ix_(at, at)
    inner = np.linalg.inv(within.sigma[block])
    scores = np.zeros((len(data.sizes), q))
    gaps = data.means - within.mu - between.mu
    for size in np.unique(data.sizes):
        own = np.flatnonzero(data.sizes == size)
        inverse = np.linalg.inv(between.sigma + within.sigma / size)
        pull = gaps[own] @ inverse
        weight = inverse - pull[:, :, None] * pull[:, None, :]
        below = weight / size
        inside = data.spread[np.ix_(own, at, at)]
        below[np.ix_(np.arange(len(own)), at, at)] += (size - 1) * inner - inner @ inside @ inner
        flat = (
            below.reshape(len(own), -1) @ cov_w.reshape(q, -1).T + weight.reshape(len(own), -1) @ cov_b.reshape(q, -1).T
        )
        scores[own] = pull @ (mean_w + mean_b).T - flat / 2
    return scores


def log_likelihood(data: Clusters, value: float) -> float:
    """Return the log-likelihood that belongs to a discrepancy.

    Parameters
    ----------
    data : Clusters
        In the units of the discrepancy.
    value : float

    Returns
    -------
    float
    """
    k, p = len(data.varying), data.means.shape[1]
    constant = (data.n * k + len(data.sizes) * (p - k)) * math.log(2 * math.pi)
    constant += k * float(np.log(data.sizes).sum())
    return float(-(data.n * value + constant) / 2)
