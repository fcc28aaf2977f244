r"""Information and scores of the saturated model: means and covariances themselves are its parameters.

Moments are stacked as elsewhere: p means, then the lower triangle of the covariances column by column, m in all. With
:math:`K = \Sigma^{-1}` (for a pattern of missing answers: of its block, zero elsewhere), a case contributes to the score

.. math::

    K d, \qquad D' \mathrm{vec}(K d d' K - K) / 2, \qquad d = x - \mu .

References
----------
.. [1] Savalei, V., & Bentler, P. M. (2009). A two-stage approach to missing data: Theory and application to auxiliary
   variables. Structural Equation Modeling, 16, 477-497.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import vech_indices
from cbecmodel.structure.estimate.incomplete import expected_weight, observed_weight
from cbecmodel.structure.sample.design import total_rows
from cbecmodel.structure.sample.expectation import expected
from cbecmodel.structure.sample.linear import row_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cbecmodel.structure.sample.moments import SampleMoments

Floats = NDArray[np.float64]
Kind = Literal["expected", "observed"]


def _patterns(sample: SampleMoments) -> Iterator[tuple[NDArray[np.intp], float, Floats, Floats]]:
    """Yield answered variables, share of cases, mean and covariance of each pattern; complete data are one."""
    if sample.patterns:
        for one in sample.patterns:
            yield one.observed, one.n / sample.n, one.mean, one.cov
    else:
        yield np.arange(len(sample.names)), 1.0, sample.mean, sample.cov


def _shares(p: int) -> Floats:
    rows, columns = vech_indices(p)
    return np.where(rows == columns, 0.5, 1.0)


def saturated_information(sample: SampleMoments, mean: Floats, cov: Floats, kind: Kind = "expected") -> Floats:
    """Return the information of one case about the moments.

    Parameters
    ----------
    sample : SampleMoments
    mean : ndarray, shape (p,)
    cov : ndarray, shape (p, p)
        Where it is taken.
    kind : {"expected", "observed"}

    Returns
    -------
    ndarray, shape (m, m)
    """
    if sample.patterns:
        found = expected(sample.answers, mean, cov)
        if found is None:
            return np.full((len(mean) * (len(mean) + 3) // 2,) * 2, np.nan)
        weigh = expected_weight if kind == "expected" else observed_weight
        return weigh(sample.answers, found)
    p = len(mean)
    rows, columns = vech_indices(p)
    share = _shares(p)
    inverse = np.asarray(np.linalg.inv(cov), dtype=np.float64)
    gap = sample.mean - mean
    pull = inverse @ gap if kind == "observed" else np.zeros(p)
    other = inverse if kind == "expected" else 2 * inverse @ (sample.cov + np.outer(gap, gap)) @ inverse - inverse
    out = np.zeros((p + len(rows), p + len(rows)))
    out[:p, :p] = inverse
    out[p:, p:] = _pairs(inverse, other, rows, columns) * np.outer(share, share)
    mixed = share[:, None] * (pull[rows, None] * inverse[columns] + pull[columns, None] * inverse[rows])
    out[p:, :p], out[:p, p:] = mixed, mixed.T
    return out


def _pairs(one: Floats, other: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
    """Return ``D'(A ⊗ B)D / 2`` made symmetric, but for the factors of its diagonal elements."""
    rr, cc, rc, cr = (np.ix_(i, j) for i, j in ((rows, rows), (columns, columns), (rows, columns), (columns, rows)))
    if one is other:
        return np.asarray(one[rr] * one[cc] + one[rc] * one[cr], dtype=np.float64)
    found = one[rr] * other[cc] + other[rr] * one[cc] + one[rc] * other[cr] + other[rc] * one[cr]
    return np.asarray(found / 2, dtype=np.float64)


def saturated_scores(sample: SampleMoments, mean: Floats, cov: Floats) -> Floats:
    """Return the derivatives of each case's log-likelihood by the moments.

    Parameters
    ----------
    sample : SampleMoments
        With its cases.
    mean : ndarray, shape (p,)
    cov : ndarray, shape (p, p)

    Returns
    -------
    ndarray, shape (n, m)

    Raises
    ------
    ModelError
        If the model was fitted to moments.
    """
    if sample.raw is None:
        raise ModelError("structure.robust_needs_data")
    p = len(mean)
    out = np.zeros((len(sample.raw), p * (p + 3) // 2))
    for cases, scores in _score_blocks(sample, sample.raw, mean, cov):
        out[cases] = scores
    return out


def saturated_meat(sample: SampleMoments, mean: Floats, cov: Floats) -> Floats:
    """Return the mean outer product of casewise scores, by how cases were sampled: first-order information.

    Parameters
    ----------
    sample : SampleMoments
        With its cases.
    mean : ndarray, shape (p,)
    cov : ndarray, shape (p, p)

    Returns
    -------
    ndarray, shape (m, m)
        Of a simple random sample summed block by block, for scores need many times the memory of the data.

    Raises
    ------
    ModelError
        If the model was fitted to moments.
    """
    if sample.raw is None:
        raise ModelError("structure.robust_needs_data")
    if sample.design is not None:
        rows = total_rows([saturated_scores(sample, mean, cov)], [sample.design])
        return np.asarray(rows.T @ rows / sample.n, dtype=np.float64)
    size = len(mean) * (len(mean) + 3) // 2
    out = np.zeros((size, size))
    for _, scores in _score_blocks(sample, sample.raw, mean, cov):
        out += scores.T @ scores
    return out / sample.n


def _score_blocks(
    sample: SampleMoments, raw: Floats, mean: Floats, cov: Floats
) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Yield some cases of one pattern at a time with their scores."""
    p = len(mean)
    rows, columns = vech_indices(p)
    share = _shares(p)
    groups = [(one.observed, one.cases) for one in sample.patterns]
    if not groups:
        groups = [(np.arange(p, dtype=np.intp), np.arange(len(raw), dtype=np.intp))]
    for at, members in groups:
        inverse = np.zeros((p, p))
        inverse[np.ix_(at, at)] = np.linalg.inv(cov[np.ix_(at, at)])
        for block in row_blocks(len(members)):
            cases = members[block]
            out = np.empty((len(cases), p + len(rows)))
            pull = (raw[np.ix_(cases, at)] - mean[at]) @ inverse[at]
            out[:, :p] = pull
            np.multiply(pull[:, rows], pull[:, columns], out=out[:, p:])
            out[:, p:] -= inverse[rows, columns]
            out[:, p:] *= share
            yield cases, out
