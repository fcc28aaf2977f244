r"""The normal-theory discrepancy of complete data, its gradient, Hessian and expected information.

.. math::

    F_g = \log|\Sigma| - \log|S| + \mathrm{tr}(S \Sigma^{-1}) - p + (\bar x - \mu)' \Sigma^{-1} (\bar x - \mu),
    \qquad F = \sum_g (n_g / N) F_g .

The Hessian of F is exact; ``hessian / 2`` is the observed information of one observation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import Implied, contract, implied, products
from cbecmodel.structure.sample.linear import inverse_logdet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.estimate.matrices import GroupPattern, ModelPattern
    from cbecmodel.structure.sample.moments import SampleMoments

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Discrepancy at one point.

    Attributes
    ----------
    value : float
        ``inf`` where an implied covariance matrix is not positive definite.
    gradient : ndarray, shape (q,)
    hessian : ndarray, shape (q, q)
        Empty if not asked for.
    information : ndarray, shape (q, q)
        Expected information of one observation; empty if not asked for.
    """

    value: float
    gradient: Floats
    hessian: Floats
    information: Floats


def discrepancy(
    pattern: ModelPattern, samples: Sequence[SampleMoments], x: Floats, *, second: bool = True
) -> Derivatives:
    """Return the discrepancy and its derivatives.

    Parameters
    ----------
    pattern : ModelPattern
    samples : sequence of SampleMoments
    x : ndarray, shape (q,)
    second : bool
        Also compute Hessian and expected information.

    Returns
    -------
    Derivatives
    """
    q = pattern.n_free
    total = sum(sample.n for sample in samples)
    value, gradient = 0.0, np.zeros(q)
    size = q if second else 0
    hessian, information = np.zeros((size, size)), np.zeros((size, size))
    for group, sample in zip(pattern.groups, samples, strict=True):
        found = _group(group, sample, x, pattern.means, second)
        share = sample.n / total
        if not np.isfinite(found.value):
            return found
        value += share * found.value
        gradient[group.parameter] += share * found.gradient
        if second:
            hessian[group.block] += share * found.hessian
            information[group.block] += share * found.information
    return Derivatives(value, gradient, hessian, information)


def nowhere() -> Derivatives:
    """Return what a discrepancy is where the implied covariances are not positive definite.

    Returns
    -------
    Derivatives
    """
    return Derivatives(np.inf, np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)))


def _group(group: GroupPattern, sample: SampleMoments, x: Floats, means: bool, second: bool) -> Derivatives:
    try:
        state = implied(group, x)
    except np.linalg.LinAlgError:
        return nowhere()
    if sample.patterns:
        from cbecmodel.structure.estimate.incomplete import discrepancy_incomplete  # it builds on this module

        return discrepancy_incomplete(sample.answers, sample.saturated, state, second=second)
    inverted = inverse_logdet(state.sigma)
    if inverted is None:
        return nowhere()
    inverse, logdet = inverted
    spread, pull = sample.cov, np.zeros(group.p)
    if means:
        gap = sample.mean - state.mu
        spread, pull = spread + np.outer(gap, gap), inverse @ gap
    value = logdet + float(np.vdot(spread, inverse)) - sample.saturated
    quadratic = inverse @ spread @ inverse
    gradient = contract(state, inverse - quadratic, -2 * pull)
    if not second:
        return Derivatives(value, gradient, np.zeros((0, 0)), np.zeros((0, 0)))
    return _second_order(state, inverse, quadratic, pull, value=value, gradient=gradient, means=means)


def _second_order(
    state: Implied,
    inverse: Floats,
    quadratic: Floats,
    pull: Floats,
    *,
    value: float,
    gradient: Floats,
    means: bool,
) -> Derivatives:
    """Return value and gradient with Hessian and expected information."""
    m = state.z.T @ inverse @ state.z
    n = state.z.T @ quadratic @ state.z
    information = products(state, m, m) / 2
    hessian = products(state, m, 2 * n - m) + curvature(state, m - n)
    if means:
        mean_part = np.multiply.outer(state.h, state.h) * m.take(state.places.pairs[0])
        information += mean_part
        hessian += mean_curvature(state, m, state.z.T @ pull, mean_part)
    return Derivatives(value, gradient, hessian, information)


def curvature(state: Implied, inner: Floats) -> Floats:
    """Return ``tr(W ∂²Σ)``.

    Parameters
    ----------
    state : Implied
    inner : ndarray, shape (2t, 2t)
        ``Z'WZ``.

    Returns
    -------
    ndarray, shape (k, k)
    """
    at = state.places
    out = np.zeros((len(at.row), len(at.row)))
    if not at.path.size:
        return out
    # path (i, j) with path (m, n): 2 { E[n,i] P[m,t+j] + T[n,j] P[i,m] + E[j,m] P[i,t+n] }
    ji, jj, ii, ij = at.path_pairs
    first = state.total.take(ji) * inner.take(ij)
    out[np.ix_(at.path, at.path)] = 2 * (first + first.T + state.full.take(jj) * inner.take(ii))
    # path (i, j) with moment (m, n): 2 f { E[j,m] P[i,n] + E[j,n] P[i,m] }
    jm, jn, i_n, im = at.mixed_pairs
    mixed = 2 * state.f[at.moment] * (state.total.take(jm) * inner.take(i_n) + state.total.take(jn) * inner.take(im))
    out[np.ix_(at.path, at.moment)] = mixed
    out[np.ix_(at.moment, at.path)] = mixed.T
    return out


def mean_curvature(state: Implied, m: Floats, pull: Floats, mean_part: Floats | float) -> Floats:
    """Return the second derivatives that the means add.

    Parameters
    ----------
    state : Implied
    m : ndarray, shape (2t, 2t)
        ``Z'Σ⁻¹Z``; zero where the weight does not depend on the parameters.
    pull : ndarray, shape (2t,)
        ``Z'Σ⁻¹(x̄ - μ)``.
    mean_part : ndarray, shape (k, k), or 0
        Expected information of the means.

    Returns
    -------
    ndarray, shape (k, k)
    """
    at, f, h = state.places, state.f, state.h
    cross = (f * pull[at.b])[:, None] * m.take(at.pairs[0]) + (f * pull[at.a])[:, None] * m.take(at.pairs[2]).T
    cross = 2 * cross * h
    out: Floats = 2 * mean_part + cross + cross.T
    bent = np.zeros_like(cross)
    ji = at.path_pairs[0]
    chain = pull[at.row[at.path], None] * state.total.take(ji) * state.eta[at.column[at.path]]
    bent[np.ix_(at.path, at.path)] = chain + chain.T
    reach = state.total[np.ix_(at.column[at.path], at.row[at.intercept])]
    alone = pull[at.row[at.path], None] * reach
    bent[np.ix_(at.path, at.intercept)] = alone
    bent[np.ix_(at.intercept, at.path)] = alone.T
    out -= 2 * bent
    return out
