r"""The normal-theory discrepancy of complete data, its gradient, Hessian and expected information.

.. math::

    F_g = \log|\Sigma| - \log|S| + \mathrm{tr}(S \Sigma^{-1}) - p + (\bar x - \mu)' \Sigma^{-1} (\bar x - \mu),
    \qquad F = \sum_g (n_g / N) F_g .

The Hessian of F is exact; ``hessian / 2`` is the observed information of one observation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from cbecmodel.structure.estimate.implied import Implied, contract, implied, products
from cbecmodel.structure.estimate.matrices import INTERCEPT, MOMENT, PATH, GroupPattern, ModelPattern

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def inverse_logdet(matrix: Floats) -> tuple[Floats, float] | None:
    """Return inverse and log-determinant of a positive definite matrix.

    Parameters
    ----------
    matrix : ndarray, shape (p, p)

    Returns
    -------
    (ndarray, float) or None
        None if it is not positive definite.
    """
    factor, info = lapack.dpotrf(matrix, lower=1, clean=1)
    if info != 0 or not np.isfinite(factor).all():
        return None
    logdet = 2 * float(np.log(np.diag(factor)).sum())
    inverse, info = lapack.dpotri(factor, lower=1)
    lower = np.tril(inverse)
    return (lower + np.tril(inverse, -1).T, logdet) if info == 0 else None


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
        # a parameter may stand in several places (never within one group's index twice after labels: summed by add.at)
        np.add.at(gradient, group.parameter, share * found.gradient)
        if second:
            at = np.ix_(group.parameter, group.parameter)
            np.add.at(hessian, at, share * found.hessian)
            np.add.at(information, at, share * found.information)
    return Derivatives(value, gradient, hessian, information)


def _group(group: GroupPattern, sample: SampleMoments, x: Floats, means: bool, second: bool) -> Derivatives:
    nothing = Derivatives(np.inf, np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)))
    try:
        state = implied(group, x)
    except np.linalg.LinAlgError:
        return nothing
    if sample.patterns:
        return _incomplete(group, sample, state, second)
    inverted = inverse_logdet(state.sigma)
    if inverted is None:
        return nothing
    inverse, logdet = inverted
    gap = sample.mean - state.mu if means else np.zeros(group.p)
    spread = sample.cov + np.outer(gap, gap)
    sample_logdet = float(np.linalg.slogdet(sample.cov)[1])
    value = logdet - sample_logdet + float((spread * inverse).sum()) - group.p
    quadratic = inverse @ spread @ inverse
    pull = inverse @ gap
    gradient = contract(state, inverse - quadratic, -2 * pull)
    if not second:
        return Derivatives(value, gradient, np.zeros((0, 0)), np.zeros((0, 0)))
    return _second_order(group, state, inverse, quadratic, pull, value=value, gradient=gradient, means=means)


def _second_order(
    group: GroupPattern,
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
    mean_part = np.multiply.outer(state.h, state.h) * m[np.ix_(state.a, state.a)] if means else 0.0
    squares = products(state, m, m)
    information = squares / 2 + mean_part
    hessian = 2 * products(state, m, n) - squares + curvature(group, state, m - n)
    if means:
        hessian = hessian + mean_curvature(group, state, m, state.z.T @ pull, mean_part)
    return Derivatives(value, gradient, hessian, information)


def _incomplete(group: GroupPattern, sample: SampleMoments, state: Implied, second: bool) -> Derivatives:
    """Sum the discrepancy over patterns of missing answers."""
    p, k = group.p, len(group.kind)
    value = -sample.saturated
    weight, pull = np.zeros((p, p)), np.zeros(p)
    hessian, information = np.zeros((k, k)), np.zeros((k, k))
    for one in sample.patterns:
        at = np.ix_(one.observed, one.observed)
        inverted = inverse_logdet(state.sigma[at])
        if inverted is None:
            return Derivatives(np.inf, np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)))
        inverse, logdet = inverted
        gap = one.mean - state.mu[one.observed]
        spread = one.cov + np.outer(gap, gap)
        share = one.n / sample.n
        value += share * (logdet + float((spread * inverse).sum()))
        quadratic = inverse @ spread @ inverse
        weight[at] += share * (inverse - quadratic)
        pull[one.observed] += share * (inverse @ gap)
        if second:
            part = replace(state, z=state.z[one.observed])
            found = _second_order(group, part, inverse, quadratic, inverse @ gap, value=0.0, gradient=gap, means=True)
            hessian += share * found.hessian
            information += share * found.information
    gradient = contract(state, weight, -2 * pull)
    if not second:
        return Derivatives(value, gradient, np.zeros((0, 0)), np.zeros((0, 0)))
    return Derivatives(value, gradient, hessian, information)


def curvature(group: GroupPattern, state: Implied, inner: Floats) -> Floats:
    """Return ``tr(W ∂²Σ)``.

    Parameters
    ----------
    group : GroupPattern
    state : Implied
    inner : ndarray, shape (2t, 2t)
        ``Z'WZ``.

    Returns
    -------
    ndarray, shape (k, k)
    """
    t = len(state.eta)
    path, moment = group.kind == PATH, group.kind == MOMENT
    i, j = group.row, group.column
    e = state.total
    column, row = np.ix_(j, i), np.ix_(i, i)
    out = np.zeros((len(i), len(i)))
    # path k = (i, j) with path l = (m, n): 2 { E[n,i] P[m,t+j] + T[n,j] P[i,m] + E[j,m] P[i,t+n] }
    first = e[column].T * inner[np.ix_(i, t + j)].T
    both = 2 * (first + first.T + state.full[np.ix_(j, j)] * inner[row])
    pairs = np.multiply.outer(path, path)
    out[pairs] = both[pairs]
    # path k = (i, j) with moment l = (m, n): 2 f { E[j,m] P[i,n] + E[j,n] P[i,m] }
    mixed = 2 * state.f * (e[column] * inner[np.ix_(i, j)] + e[np.ix_(j, j)] * inner[row])
    pairs = np.multiply.outer(path, moment)
    out[pairs] = mixed[pairs]
    out.T[pairs] = mixed[pairs]
    return out


def mean_curvature(group: GroupPattern, state: Implied, m: Floats, pull: Floats, mean_part: Floats | float) -> Floats:
    """Return the second derivatives that the means add.

    Parameters
    ----------
    group : GroupPattern
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
    a, b, f, h = state.a, state.b, state.f, state.h
    cross = (f * pull[b])[:, None] * m[np.ix_(a, a)] + (f * pull[a])[:, None] * m[np.ix_(b, a)]
    cross = 2 * cross * h
    out: Floats = 2 * mean_part + cross + cross.T
    path, intercept = group.kind == PATH, group.kind == INTERCEPT
    i, j = group.row, group.column
    reach = state.total[np.ix_(j, i)]  # E[j_k, i_l]
    chain = pull[i][:, None] * reach * np.where(path, state.eta[j], 0.0)
    bent = np.where(np.multiply.outer(path, path), chain + chain.T, 0.0)
    alone = np.where(np.multiply.outer(path, intercept), pull[i][:, None] * reach, 0.0)
    out -= 2 * (bent + alone + alone.T)
    return out
