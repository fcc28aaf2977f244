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

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


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
