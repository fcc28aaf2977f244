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
from cbecmodel.structure.sample.linear import row_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    p = len(mu)
    rows, columns = vech_indices(p)
    d = data - mu
    out = np.empty((len(data), p + len(rows)))
    out[:, :p] = d
    np.multiply(d[:, rows], d[:, columns], out=out[:, p:])
    out[:, p:] -= vech(sigma)
    return out


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
    explained = _explained(data, sample, fixed)
    if explained is not None:
        z -= _deviations(explained, sample.mean, sample.cov)
        z -= np.average(z, axis=0, weights=sample.weights)
    return z


def _explained(data: Floats, sample: SampleMoments, fixed: NDArray[np.bool_]) -> Floats | None:
    """Return what fixed exogenous variables say of each case, None if there are none."""
    if not fixed.any():
        return None
    inputs = np.column_stack([np.ones(len(data)), data[:, fixed]])
    fitted = data.copy()
    root = np.ones(len(data)) if sample.weights is None else np.sqrt(sample.weights)
    slopes = np.linalg.lstsq(inputs * root[:, None], data[:, ~fixed] * root[:, None], rcond=None)[0]
    fitted[:, ~fixed] = inputs @ slopes
    return fitted


def moment_products(data: Floats, sample: SampleMoments, fixed: NDArray[np.bool_]) -> Floats:
    """Return the sum over cases of ``z z'``, in the way the cases were sampled.

    Parameters
    ----------
    data : ndarray, shape (n, p)
    sample : SampleMoments
    fixed : ndarray of bool, shape (p,)

    Returns
    -------
    ndarray, shape (p + p*, p + p*)
        Block by block where cases are independent and equal: the n × (p + p*) matrix is never there.
    """
    if sample.design is not None:
        totals = score_rows([sample_deviations(data, sample, fixed)], [sample])
        return totals.T @ totals
    explained = _explained(data, sample, fixed)
    size = len(sample.mean) * (len(sample.mean) + 3) // 2
    total, products = np.zeros(size), np.zeros((size, size))
    for rows in row_blocks(len(data)):
        z = _deviations(data[rows], sample.mean, sample.cov)
        if explained is not None:
            z -= _deviations(explained[rows], sample.mean, sample.cov)
        total += z.sum(axis=0)
        products += z.T @ z
    return products if explained is None else products - np.outer(total, total / len(data))


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
    sizes = [len(data) for data in case_data(problem, work)]
    scores = np.zeros((sum(sizes), problem.pattern.n_free))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    for number, cases, local in _score_blocks(problem, x, centred=centred):
        scores[(starts[number] + cases)[:, None], work.pattern.groups[number].parameter] = local
    if centred and fixed_columns(problem.table).any():
        for sample, start, end in zip(problem.samples, starts, starts[1:], strict=False):
            scores[start:end] -= np.average(scores[start:end], axis=0, weights=sample.weights)
    return scores, work.scale.parameters


def score_products(problem: Problem, x: Floats, *, centred: bool = False) -> Floats:
    """Return the sum over cases of the products of scores, by how the cases were sampled.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    centred : bool
        See :func:`case_scores`.

    Returns
    -------
    ndarray, shape (q, q)
        Block by block where cases are independent and equal, so that the scores of all cases are never there at once.
    """
    if any(sample.design is not None for sample in problem.samples):
        rows = score_rows(by_group(case_scores(problem, x, centred=centred)[0], problem.samples), problem.samples)
        return rows.T @ rows
    q = problem.pattern.n_free
    products, totals = np.zeros((q, q)), np.zeros((len(problem.samples), q))
    for number, _, local in _score_blocks(problem, x, centred=centred):
        group = problem.pattern.groups[number]
        products[group.block] += local.T @ local
        totals[number, group.parameter] += local.sum(axis=0)
    if centred and fixed_columns(problem.table).any():
        for sample, total in zip(problem.samples, totals, strict=True):
            products -= np.outer(total, total) / sample.n
    return products


def _score_blocks(problem: Problem, x: Floats, *, centred: bool) -> Iterator[tuple[int, NDArray[np.intp], Floats]]:
    """Yield number of the group, cases, and their scores with respect to the group's parameters."""
    work = problem.standard
    fixed = fixed_columns(problem.table)
    means = work.pattern.means
    for number, (group, sample) in enumerate(zip(work.pattern.groups, work.samples, strict=True)):
        data = case_data(problem, work)[number]
        state = implied(group, x * work.scale.parameters)
        if sample.patterns:
            yield from ((number, cases, local) for cases, local in _incomplete_scores(state, sample, data))
            continue
        weights = weighted_jacobian(state, inverse_of(state.sigma))
        if not means:
            weights[: len(sample.names)] = 0.0
        mu, sigma = (sample.mean, sample.cov) if centred else (state.mu if means else sample.mean, state.sigma)
        explained = _explained(data, sample, fixed) if centred else None
        for rows in row_blocks(len(data)):
            z = _deviations(data[rows], mu, sigma)
            if explained is not None:
                z -= _deviations(explained[rows], mu, sigma)
            yield number, np.arange(rows.start, rows.stop), z @ weights


def _incomplete_scores(
    state: Implied, sample: SampleMoments, data: Floats
) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Yield cases and scores of incomplete data, pattern by pattern."""
    for one in sample.patterns:
        at = one.observed
        sigma = state.sigma[np.ix_(at, at)]
        weights = weighted_jacobian(replace(state, z=state.z[at]), inverse_of(sigma))
        for rows in row_blocks(len(one.cases)):
            cases = one.cases[rows]
            yield cases, _deviations(data[np.ix_(cases, at)], state.mu[at], sigma) @ weights


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
    work = problem.standard
    units = np.outer(work.scale.parameters, work.scale.parameters)
    meat = score_products(problem, x, centred=kind == "robust_sem")
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
