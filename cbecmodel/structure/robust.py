r"""Robust standard errors and corrected tests of maximum likelihood with complete data.

For case i let :math:`z_i` stack its deviations from the means and its products of deviations less the implied covariances.
With the normal-theory weight V and the Jacobian Δ, casewise scores are :math:`\Delta' V z_i`; with their covariance, sums over
cases replace every p* × p* matrix. Traces are those of :math:`U\Gamma`, :math:`U = V - V\Delta(\Delta'V\Delta)^{-1}\Delta'V`.

References
----------
.. [1] Satorra, A., & Bentler, P. M. (1994). Corrections to test statistics and standard errors in covariance structure
   analysis. In Latent variables analysis (pp. 399-419). Sage.
.. [2] Yuan, K.-H., & Bentler, P. M. (2000). Three likelihood-based methods for mean and covariance structure analysis with
   nonnormal missing data. Sociological Methodology, 30, 165-200.
.. [3] Asparouhov, T., & Muthen, B. (2010). Simple second order chi-square correction. Mplus technical appendix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.constraints import Space
from cbecmodel.structure.implied import Implied, implied, vech, vech_indices
from cbecmodel.structure.incomplete import available_moments
from cbecmodel.structure.inference import Uncertainty, inverse_information
from cbecmodel.structure.matrices import pattern_of
from cbecmodel.structure.native import Problem, StandardizedProblem, standardized
from cbecmodel.structure.partable import Parameter, ParameterTable, numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.moments import SampleMoments

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Correction:
    """How a statistic is corrected: ``statistic / factor + shift`` with ``df`` degrees of freedom.

    Attributes
    ----------
    factor : float
    shift : float
    df : float
    """

    factor: float
    shift: float
    df: float


def _data(problem: Problem, work: StandardizedProblem) -> list[Floats]:
    """Return the cases in the units of ``work``."""
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


def _sample_deviations(data: Floats, sample: SampleMoments, fixed: NDArray[np.bool_]) -> Floats:
    """Return ``z`` about the sample moments; what fixed exogenous variables explain of it does not vary."""
    z = _deviations(data, sample.mean, sample.cov)
    if fixed.any():
        inputs = np.column_stack([np.ones(len(data)), data[:, fixed]])
        fitted = data.copy()
        fitted[:, ~fixed] = inputs @ np.linalg.lstsq(inputs, data[:, ~fixed], rcond=None)[0]
        z = z - _deviations(fitted, sample.mean, sample.cov)
        z = z - z.mean(axis=0)
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


def _weighted_jacobian(state: Implied, inverse: Floats) -> Floats:
    """Return ``V Δ``, shape (p + p*, k)."""
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
    work = standardized(problem)
    here = x * work.scale.parameters
    fixed = fixed_columns(problem.table)
    parts = []
    for group, sample, data in zip(work.pattern.groups, work.samples, _data(problem, work), strict=True):
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
            weights = _weighted_jacobian(replace(state, z=state.z[at]), inverse_of(sigma))
            scores[one.cases] = _deviations(data[np.ix_(one.cases, at)], state.mu[at], sigma) @ weights
        return scores
    weights = _weighted_jacobian(state, inverse_of(state.sigma))
    if not means:
        weights[: len(sample.names)] = 0.0
    if centred:
        return _sample_deviations(data, sample, fixed) @ weights
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
    work = standardized(problem)
    if kind == "first_order":
        found = inverse_information(scores.T @ scores, work.space)
        return Uncertainty(found.vcov / units, found.unidentified)
    meat = scores.T @ scores
    second = work.objective(x * factors, True)
    n = sum(sample.n for sample in problem.samples)
    bread = inverse_information(
        n * (second.information if information == "expected" else second.hessian / 2), work.space
    )
    return Uncertainty(bread.vcov @ meat @ bread.vcov / units, bread.unidentified)


def u_gamma(problem: Problem, x: Floats) -> Floats:
    r"""Return the eigenvalues of :math:`U\Gamma` that are not zero.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    ndarray
        At most as many as there are degrees of freedom.
    """
    fixed = fixed_columns(problem.table)
    work = standardized(problem)
    here = x * work.scale.parameters
    n = sum(sample.n for sample in problem.samples)
    roots, slopes = [], []
    for group, sample, data in zip(work.pattern.groups, work.samples, _data(problem, work), strict=True):
        state = implied(group, here)
        z = _sample_deviations(data, sample, fixed)
        half = _half_weight(inverse_of(state.sigma))
        keep = slice(None) if work.pattern.means else slice(group.p, None)
        full = np.zeros((z.shape[1], problem.pattern.n_free))
        np.add.at(full.T, group.parameter, _plain_jacobian(state).T)
        roots.append((half[keep, keep] @ z[:, keep].T) / np.sqrt(sample.n))
        slopes.append(np.sqrt(sample.n / n) * half[keep, keep] @ full[keep] @ work.space.basis)
    basis, _ = np.linalg.qr(np.concatenate(slopes))
    start, residual = 0, []
    for root in roots:
        block = np.zeros((basis.shape[0], root.shape[1]))
        block[start : start + len(root)] = root
        residual.append(block)
        start += len(root)
    spread = np.concatenate(residual, axis=1)
    spread = spread - basis @ (basis.T @ spread)
    small = spread @ spread.T if spread.shape[0] <= spread.shape[1] else spread.T @ spread
    values = np.linalg.eigvalsh(small)[::-1]
    kept: Floats = values[: max(spread.shape[0] - basis.shape[1], 0)]
    return kept


def _plain_jacobian(state: Implied) -> Floats:
    rows, columns = vech_indices(state.sigma.shape[0])
    u, w = state.z[:, state.a], state.z[:, state.b]
    return np.concatenate([state.h * u, state.f * (u[rows] * w[columns] + w[rows] * u[columns])])


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


def _half_weight(inverse: Floats) -> Floats:
    """Return a root of V, so that ``root' root = V``."""
    p = len(inverse)
    rows, columns = vech_indices(p)
    weight = np.zeros((p + len(rows), p + len(rows)))
    weight[:p, :p] = inverse
    pairs = inverse[np.ix_(rows, rows)] * inverse[np.ix_(columns, columns)]
    pairs = pairs + inverse[np.ix_(rows, columns)] * inverse[np.ix_(columns, rows)]
    share = np.where(rows == columns, 0.5, 1.0)
    weight[p:, p:] = pairs * np.outer(share, share)
    return np.asarray(np.linalg.cholesky(weight).T, dtype=np.float64)


def trace_huber_white(problem: Problem, x: Floats) -> float:
    """Return the trace of the outer product of scores times the inverse observed information of a model.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    float
    """
    scores, factors = case_scores(problem, x)
    work = standardized(problem)
    n = sum(sample.n for sample in problem.samples)
    bread = inverse_information(n * work.objective(x * factors, True).hessian / 2, work.space).vcov
    return float((bread * (scores.T @ scores)).sum())


def trace_saturated(problem: Problem) -> float:
    r"""Return :math:`\mathrm{tr}(V\Gamma)` at the sample moments, less that of fixed exogenous variables.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    float
    """
    fixed = fixed_columns(problem.table)
    if any(sample.patterns for sample in problem.samples):
        saturated, x = baseline_problem(replace(problem.table, predictors=problem.table.observed), problem.samples)
        return trace_huber_white(saturated, x)
    total = 0.0
    for sample in problem.samples:
        total += _saturated(sample, np.ones(len(fixed), dtype=bool), means=problem.table.meanstructure)
        total -= _saturated(sample, fixed, means=problem.table.meanstructure) if fixed.any() else 0.0
    return total


def _saturated(sample: SampleMoments, chosen: NDArray[np.bool_], *, means: bool) -> float:
    if sample.raw is None:
        raise ModelError("structure.robust_needs_data")
    d = sample.raw[:, chosen] - sample.mean[chosen]
    distance = np.einsum("ij,ij->i", d, np.linalg.solve(sample.cov[np.ix_(chosen, chosen)], d.T).T)
    p = int(chosen.sum())
    return float((p if means else 0) + ((distance**2).mean() - p) / 2)


def correction(problem: Problem, x: Floats, kind: str, df: int) -> Correction:
    """Return the correction of a model's chi-square.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    kind : {"satorra_bentler", "yuan_bentler_mplus", "scaled_shifted", "mean_var_adjusted"}
    df : int

    Returns
    -------
    Correction
    """
    if df <= 0:
        return Correction(np.nan, 0.0, float(df))
    if kind == "yuan_bentler_mplus":
        return Correction((trace_saturated(problem) - trace_huber_white(problem, x)) / df, 0.0, df)
    values = u_gamma(problem, x)
    trace, squares = float(values.sum()), float((values**2).sum())
    if kind == "satorra_bentler":
        return Correction(trace / df, 0.0, df)
    if kind == "mean_var_adjusted":
        return Correction(squares / trace, 0.0, trace**2 / squares)
    return Correction(float(np.sqrt(squares / df)), df - trace * float(np.sqrt(df / squares)), df)


def baseline_problem(table: ParameterTable, samples: Sequence[SampleMoments]) -> tuple[Problem, Floats]:
    """Return the independence model and its estimate.

    Parameters
    ----------
    table : ParameterTable
    samples : sequence of SampleMoments

    Returns
    -------
    Problem, ndarray
    """
    rows, values = [], []
    names = table.observed
    for number, sample in enumerate(samples, start=1):
        mean, cov = _baseline_moments(table, sample)
        for i, one in enumerate(names):
            for j, other in enumerate(names[i:], start=i):
                together = one in table.predictors and other in table.predictors
                if i == j or together:
                    given = one in table.exogenous and other in table.exogenous
                    rows.append(Parameter(one, "~~", other, number, free=int(not given), exogenous=given))
                    values.append(float(cov[i, j]))
        if table.meanstructure:
            for i, one in enumerate(names):
                given = one in table.exogenous
                rows.append(Parameter(one, "~1", "", number, free=int(not given), exogenous=given))
                values.append(float(mean[i]))
    independent = replace(table, rows=numbered(rows), constraints=(), latents=(), composites=())
    x = np.array(values)[independent.free_rows]
    space = Space(np.zeros(len(x)), np.eye(len(x)))
    return Problem(independent, tuple(samples), pattern_of(independent, samples), space), x


def _baseline_moments(table: ParameterTable, sample: SampleMoments) -> tuple[Floats, Floats]:
    """Return the moments at which the independence model is estimated: with gaps, each variable's own."""
    if not sample.patterns or sample.raw is None or set(table.predictors) == set(table.observed):
        return sample.mean, sample.cov
    loose = ~np.array([name in table.predictors for name in table.observed])
    mean, variance = available_moments(sample.raw)
    return np.where(loose, mean, sample.mean), np.where(np.diag(loose), np.diag(variance), sample.cov)
