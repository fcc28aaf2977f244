r"""Standard errors of maximum likelihood that hold without normality.

For case i let :math:`z_i` stack its deviations from the means and its products of deviations less the implied covariances.
With the normal-theory weight V and the Jacobian Δ, casewise scores are :math:`\Delta' V z_i`; with their covariance, sums over
cases replace every p* × p* matrix.

References
----------
.. [1] Satorra, A., & Bentler, P. M. (1994). Corrections to test statistics and standard errors in covariance structure
   analysis. In Latent variables analysis (pp. 399-419). Sage.
.. [2] Yuan, K.-H., & Bentler, P. M. (2000). Three likelihood-based methods for mean and covariance structure analysis with
   nonnormal missing data. Sociological Methodology, 30, 165-200.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import Implied, implied, vech, vech_indices
from cbecmodel.structure.inference.vcov import Uncertainty, inverse_information
from cbecmodel.structure.sample.design import total_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.estimate.native import Problem, StandardizedProblem
    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


def case_data(problem: Problem, work: StandardizedProblem) -> list[Floats]:
    """Return the cases of each group in the units of ``work``.

    Parameters
    ----------
    problem : Problem
    work : StandardizedProblem

    Returns
    -------
    list of ndarray, shape (n, p)

    Raises
    ------
    ModelError
        If the model was fitted to moments.
    """
    found = []
    for sample in problem.samples:
        if sample.raw is None:
            raise ModelError("structure.robust_needs_data")
        found.append(sample.raw / work.scale.variables[: len(sample.names)])
    return found


def _deviations(data: Floats, mu: Floats, sigma: Floats) -> Floats:
    """Return ``z`` for every case, shape (n, p + p*)."""
    rows, columns = vech_indices(len(mu))
    d = data - mu
    return np.concatenate([d, d[:, rows] * d[:, columns] - vech(sigma)], axis=1)


def score_rows(parts: Sequence[Floats], samples: Sequence[SampleMoments]) -> Floats:
    """Return rows whose cross-product estimates the variance of the total of casewise scores, by how cases were sampled.

    Parameters
    ----------
    parts : sequence of ndarray, shape (n, k)
        Scores of each group's cases, unweighted.
    samples : sequence of SampleMoments

    Returns
    -------
    ndarray, shape (cases or units, k)
    """
    return total_rows(parts, [sample.design for sample in samples])


def by_group(rows: Floats, samples: Sequence[SampleMoments]) -> list[Floats]:
    """Split what :func:`case_scores` returns.

    Parameters
    ----------
    rows : ndarray, shape (N, k)
    samples : sequence of SampleMoments

    Returns
    -------
    list of ndarray, shape (n, k)
    """
    sizes = [len(sample.raw) if sample.raw is not None else 0 for sample in samples]
    return np.split(rows, np.cumsum(sizes)[:-1])


def sample_deviations(data: Floats, sample: SampleMoments, fixed: NDArray[np.bool_]) -> Floats:
    """Return ``z`` about the sample moments; what fixed exogenous variables explain of it does not vary.

    Parameters
    ----------
    data : ndarray, shape (n, p)
    sample : SampleMoments
    fixed : ndarray of bool, shape (p,)

    Returns
    -------
    ndarray, shape (n, p + p*)
    """
    z = _deviations(data, sample.mean, sample.cov)
    if fixed.any():
        inputs = np.column_stack([np.ones(len(data)), data[:, fixed]])
        fitted = data.copy()
        root = np.ones(len(data)) if sample.weights is None else np.sqrt(sample.weights)
        slopes = np.linalg.lstsq(inputs * root[:, None], data[:, ~fixed] * root[:, None], rcond=None)[0]
        fitted[:, ~fixed] = inputs @ slopes
        z = z - _deviations(fitted, sample.mean, sample.cov)
        z = z - np.average(z, axis=0, weights=root**2)
    return z


def fixed_columns(table: ParameterTable) -> NDArray[np.bool_]:
    """Return which observed variables are fixed exogenous ones.

    Parameters
    ----------
    table : ParameterTable

    Returns
    -------
    ndarray of bool, shape (p,)
    """
    return np.array([name in table.exogenous for name in table.observed])


def weighted_jacobian(state: Implied, inverse: Floats) -> Floats:
    """Return ``V Δ`` for the weight V of the normal distribution.

    Parameters
    ----------
    state : Implied
    inverse : ndarray, shape (p, p)
        Of the implied covariances.

    Returns
    -------
    ndarray, shape (p + p*, k)
    """
    rows, columns = vech_indices(len(inverse))
    z = inverse @ state.z
    u, w = z[:, state.a], z[:, state.b]
    share = np.where(rows == columns, 0.5, 1.0)[:, None]
    cov = share * state.f * (u[rows] * w[columns] + w[rows] * u[columns])
    return np.concatenate([state.h * u, cov])


def case_scores(problem: Problem, x: Floats, *, centred: bool = False) -> tuple[Floats, Floats]:
    """Return the scores of all cases in standardized units, groups one below the other.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
        In the user's units.
    centred : bool
        Take deviations from the sample moments instead of the model's: their products then estimate the sampling
        covariances of the moments whether or not the model is true.

    Returns
    -------
    scores : ndarray, shape (N, q)
    factors : ndarray, shape (q,)
        From the user's units to these.
    """
    work = problem.standard
    here = x * work.scale.parameters
    fixed = fixed_columns(problem.table)
    parts = []
    for group, sample, data in zip(work.pattern.groups, work.samples, case_data(problem, work), strict=True):
        state = implied(group, here)
        local = _group_scores(state, sample, data, fixed, means=work.pattern.means, centred=centred)
        scores = np.zeros((len(data), problem.pattern.n_free))
        np.add.at(scores.T, group.parameter, local.T)
        parts.append(scores)
    return np.concatenate(parts), work.scale.parameters


def _group_scores(
    state: Implied, sample: SampleMoments, data: Floats, fixed: NDArray[np.bool_], *, means: bool, centred: bool
) -> Floats:
    """Return the scores of one group's cases, shape (n, k)."""
    if sample.patterns:
        scores = np.zeros((len(data), len(state.a)))
        for one in sample.patterns:
            at = one.observed
            sigma = state.sigma[np.ix_(at, at)]
            weights = weighted_jacobian(replace(state, z=state.z[at]), inverse_of(sigma))
            scores[one.cases] = _deviations(data[np.ix_(one.cases, at)], state.mu[at], sigma) @ weights
        return scores
    weights = weighted_jacobian(state, inverse_of(state.sigma))
    if not means:
        weights[: len(sample.names)] = 0.0
    if centred:
        return sample_deviations(data, sample, fixed) @ weights
    return _deviations(data, state.mu if means else sample.mean, state.sigma) @ weights


def robust_vcov(problem: Problem, x: Floats, kind: str, information: str) -> Uncertainty:
    """Return covariances of the estimates that hold without normality.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    kind : {"robust_huber_white", "robust_sem", "first_order"}
        ``"robust_huber_white"`` takes the outer product of scores at the model, ``"robust_sem"`` their covariance within
        groups, ``"first_order"`` inverts the outer product.
    information : {"expected", "observed"}
        Bread of the sandwich.

    Returns
    -------
    Uncertainty
    """
    scores, factors = case_scores(problem, x, centred=kind == "robust_sem")
    units = np.outer(factors, factors)
    work = problem.standard
    rows = score_rows(by_group(scores, problem.samples), problem.samples)
    meat = rows.T @ rows
    if kind == "first_order":
        found = inverse_information(meat, work.space)
        return Uncertainty(found.vcov / units, found.unidentified)
    second = problem.at(x).derivatives
    n = sum(sample.n for sample in problem.samples)
    bread = inverse_information(
        n * (second.information if information == "expected" else second.hessian / 2), work.space
    )
    return Uncertainty(bread.vcov @ meat @ bread.vcov / units, bread.unidentified)


def inverse_of(matrix: Floats) -> Floats:
    """Return an inverse.

    Parameters
    ----------
    matrix : ndarray, shape (p, p)

    Returns
    -------
    ndarray, shape (p, p)
    """
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
