r"""Maximum likelihood with incomplete data: every case counts with what it answered.

Cases with the same answered variables form a pattern j with :math:`n_j` cases, mean :math:`m_j` and covariance :math:`S_j`.

.. math::

    F = \sum_j \frac{n_j}{N} \{\log|\Sigma_j| + \mathrm{tr}(S_j \Sigma_j^{-1})
        + (m_j - \mu_j)' \Sigma_j^{-1} (m_j - \mu_j)\}

References
----------
.. [1] Arbuckle, J. L. (1996). Full information estimation in the presence of incomplete data. In Advanced structural
   equation modeling (pp. 243-277). Erlbaum.
.. [2] Dempster, A. P., Laird, N. M., & Rubin, D. B. (1977). Maximum likelihood from incomplete data via the EM algorithm.
   Journal of the Royal Statistical Society B, 39, 1-38.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_STEPS, _CHANGE = 20_000, 1e-12


@dataclass(frozen=True, slots=True)
class MissingPattern:
    """Cases that answered the same variables.

    Attributes
    ----------
    observed : ndarray of int, shape (k,)
        Positions of the answered variables.
    n : float
        With sampling weights, their sum.
    mean : ndarray, shape (k,)
    cov : ndarray, shape (k, k)
        Divisor n.
    cases : ndarray of int, shape (n,)
        Rows of the sample's data.
    """

    observed: Indices
    n: float
    mean: Floats
    cov: Floats
    cases: Indices


def missing_patterns(values: Floats, weights: Floats | None = None) -> tuple[MissingPattern, ...]:
    """Sort cases into patterns.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        NaN is missing; every case has answered something.
    weights : ndarray, shape (n,), optional

    Returns
    -------
    tuple of MissingPattern

    Examples
    --------
    >>> [int(one.n) for one in missing_patterns(np.array([[1.0, 2.0], [np.nan, 3.0], [2.0, 1.0]]))]
    [1, 2]
    """
    answered = ~np.isnan(values)
    kinds, member = np.unique(answered, axis=0, return_inverse=True)
    member = member.ravel()
    found = []
    for number, kind in enumerate(kinds):
        cases = np.flatnonzero(member == number)
        columns = np.flatnonzero(kind)
        part = values[np.ix_(cases, columns)]
        share = np.ones(len(cases)) if weights is None else weights[cases]
        size = float(share.sum())
        mean = share @ part / size
        centred = part - mean
        found.append(MissingPattern(columns, size, mean, (centred * share[:, None]).T @ centred / size, cases))
    return tuple(found)


def available_moments(values: Floats, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Return each variable's mean and variance over its own answers: the estimate of the independence model.

    Parameters
    ----------
    values : ndarray, shape (n, p)
    weights : ndarray, shape (n,), optional

    Returns
    -------
    mean, variance : ndarray, shape (p,)
    """
    if weights is None:
        return np.nanmean(values, axis=0), np.nanvar(values, axis=0)
    share = np.where(np.isnan(values), 0.0, weights[:, None])
    size = share.sum(axis=0)
    mean = np.nansum(share * values, axis=0) / size
    return mean, np.nansum(share * (values - mean) ** 2, axis=0) / size


def em_moments(patterns: Sequence[MissingPattern], mean: Floats, cov: Floats) -> tuple[Floats, Floats]:
    """Return the maximum-likelihood mean and covariances of the saturated model by the EM algorithm.

    Steps are extrapolated (SQUAREM) and taken back when that lowers the likelihood.

    Parameters
    ----------
    patterns : sequence of MissingPattern
    mean, cov : ndarray
        Where to start.

    Returns
    -------
    mean : ndarray, shape (p,)
    cov : ndarray, shape (p, p)
    """
    scale = np.sqrt(np.diag(cov))
    for _ in range(_STEPS):
        one = _em_step(patterns, mean, cov)
        two = _em_step(patterns, *one)
        r = [b - a for a, b in zip((mean, cov), one, strict=True)]
        v = [c - b - d for b, c, d in zip(one, two, r, strict=True)]
        size = np.sqrt(sum(float((part**2).sum()) for part in v))
        length = np.sqrt(sum(float((part**2).sum()) for part in r)) / size if size > 0 else 1.0
        jump = max(float(length), 1.0)
        ahead = [a + 2 * jump * b + jump**2 * c for a, b, c in zip((mean, cov), r, v, strict=True)]
        before = mean, cov
        mean, cov = two
        if jump > 1 and saturated_value(patterns, *ahead) <= saturated_value(patterns, *two):
            mean, cov = _em_step(patterns, ahead[0], ahead[1])
        change = max(
            float(np.abs((mean - before[0]) / scale).max()),
            float(np.abs((cov - before[1]) / np.outer(scale, scale)).max()),
        )
        if change < _CHANGE:
            break
    return mean, cov


def _em_step(patterns: Sequence[MissingPattern], mean: Floats, cov: Floats) -> tuple[Floats, Floats]:
    p = len(mean)
    total = sum(one.n for one in patterns)
    first, second = np.zeros(p), np.zeros((p, p))
    for one in patterns:
        seen = one.observed
        hidden = np.setdiff1d(np.arange(p), seen)
        slopes = np.linalg.solve(cov[np.ix_(seen, seen)], cov[np.ix_(seen, hidden)])
        whole = np.zeros((p, len(seen)))
        whole[seen] = np.eye(len(seen))
        whole[hidden] = slopes.T
        shift = whole @ (one.mean - mean[seen])
        first += one.n * shift
        second += one.n * (whole @ one.cov @ whole.T + np.outer(shift, shift))
        if hidden.size:
            rest = cov[np.ix_(hidden, hidden)] - cov[np.ix_(hidden, seen)] @ slopes
            second[np.ix_(hidden, hidden)] += one.n * rest
    step = first / total
    return mean + step, second / total - np.outer(step, step)


def saturated_value(patterns: Sequence[MissingPattern], mean: Floats, cov: Floats) -> float:
    """Return the discrepancy F at given moments.

    Parameters
    ----------
    patterns : sequence of MissingPattern
    mean : ndarray, shape (p,)
    cov : ndarray, shape (p, p)

    Returns
    -------
    float
        ``inf`` where the covariances are not positive definite.
    """
    total, value = sum(one.n for one in patterns), 0.0
    for one in patterns:
        block = cov[np.ix_(one.observed, one.observed)]
        try:
            factor = np.linalg.cholesky(block)
        except np.linalg.LinAlgError:
            return float("inf")
        gap = one.mean - mean[one.observed]
        spread = np.linalg.solve(factor, one.cov + np.outer(gap, gap))
        quadratic = np.trace(np.linalg.solve(factor, spread.T))
        value += one.n / total * (2 * float(np.log(np.diag(factor)).sum()) + float(quadratic))
    return value
