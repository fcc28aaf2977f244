r"""Corrections of the chi-square of maximum likelihood.

Traces are those of :math:`U\Gamma`, :math:`U = V - V\Delta(\Delta'V\Delta)^{-1}\Delta'V`, with the normal-theory weight V.

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
from scipy.linalg import block_diag

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.baseline import baseline_problem
from cbecmodel.structure.estimate.implied import implied, jacobian, vech_indices
from cbecmodel.structure.inference.robust import (
    case_data,
    fixed_columns,
    inverse_of,
    moment_products,
    sample_deviations,
    score_products,
    score_rows,
)
from cbecmodel.structure.inference.two_stage import two_stage_trace
from cbecmodel.structure.inference.vcov import inverse_information

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.sample.moments import SampleMoments

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


def u_gamma(problem: Problem, x: Floats) -> tuple[float, float]:
    r"""Return the traces of :math:`U\Gamma` and of its square.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    trace, squares : float
    """
    fixed = fixed_columns(problem.table)
    work = problem.standard
    here = x * work.scale.parameters
    n = sum(sample.n for sample in problem.samples)
    sampled = any(sample.design is not None for sample in problem.samples)
    halves, parts, slopes = [], [], []
    for group, sample, data in zip(work.pattern.groups, work.samples, case_data(problem, work), strict=True):
        state = implied(group, here)
        keep = slice(None) if work.pattern.means else slice(group.p, None)
        half = _half_weight(inverse_of(state.sigma))[keep, keep]
        full = np.zeros((len(half), problem.pattern.n_free))
        full[:, group.parameter] = jacobian(state, work.pattern.means)
        root = np.sqrt(sample.n)
        if sampled:  # units may have cases in several groups
            parts.append(sample_deviations(data, sample, fixed)[:, keep] / root)
        else:
            parts.append(moment_products(data, sample, fixed)[keep, keep] / sample.n)
        halves.append(half)
        slopes.append(root / np.sqrt(n) * half @ full @ work.space.basis)
    joined = block_diag(*halves)
    spread = joined @ (_sampled_products(parts, problem.samples) if sampled else block_diag(*parts)) @ joined.T
    basis, _ = np.linalg.qr(np.concatenate(slopes))
    spread -= basis @ (basis.T @ spread)
    spread -= (spread @ basis) @ basis.T
    return float(spread.trace()), float(np.vdot(spread, spread))


def _sampled_products(parts: Sequence[Floats], samples: Sequence[SampleMoments]) -> Floats:
    """Return the cross-products of the deviations of all groups, by how cases were sampled."""
    ends = np.cumsum([part.shape[1] for part in parts])
    wide = []
    for part, end in zip(parts, ends.tolist(), strict=True):
        block = np.zeros((len(part), int(ends[-1])))
        block[:, end - part.shape[1] : end] = part
        wide.append(block)
    rows = score_rows(wide, samples)
    return rows.T @ rows


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


def trace_huber_white(problem: Problem, x: Floats, information: str = "observed") -> float:
    """Return the trace of the outer product of scores times the inverse information of a model.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    information : {"observed", "expected"}

    Returns
    -------
    float
    """
    work = problem.standard
    n = sum(sample.n for sample in problem.samples)
    found = problem.at(x).derivatives
    unit = found.information if information == "expected" else found.hessian / 2
    bread = inverse_information(n * unit, work.space).vcov
    return float((bread * score_products(problem, x)).sum())


def trace_saturated(problem: Problem, information: str = "observed") -> float:
    r"""Return :math:`\mathrm{tr}(V\Gamma)` at the sample moments, less that of fixed exogenous variables.

    Parameters
    ----------
    problem : Problem
    information : {"observed", "expected"}
        They differ for incomplete data alone.

    Returns
    -------
    float
    """
    fixed = fixed_columns(problem.table)
    if any(sample.patterns for sample in problem.samples):
        saturated, x = baseline_problem(replace(problem.table, predictors=problem.table.observed), problem.samples)
        return trace_huber_white(saturated, x, information)
    total = 0.0
    means = problem.table.meanstructure
    for number in range(len(problem.samples)):
        total += _saturated(problem.samples, number, np.ones(len(fixed), dtype=bool), means=means)
        total -= _saturated(problem.samples, number, fixed, means=means) if fixed.any() else 0.0
    return total


def _saturated(samples: Sequence[SampleMoments], number: int, chosen: NDArray[np.bool_], *, means: bool) -> float:
    sample = samples[number]
    if sample.raw is None:
        raise ModelError("structure.robust_needs_data")
    if sample.design is not None:
        return _designed(samples, number, chosen, means=means)
    d = sample.raw[:, chosen] - sample.mean[chosen]
    distance = np.einsum("ij,ij->i", d, np.linalg.solve(sample.cov[np.ix_(chosen, chosen)], d.T).T)
    p = int(chosen.sum())
    return float((p if means else 0) + ((distance**2).mean() - p) / 2)


def _designed(samples: Sequence[SampleMoments], number: int, chosen: NDArray[np.bool_], *, means: bool) -> float:
    """Return the trace of one group from unit totals of standardized deviations, in which V is the identity."""
    sample = samples[number]
    assert sample.raw is not None
    factor = np.linalg.cholesky(sample.cov[np.ix_(chosen, chosen)])
    y = np.linalg.solve(factor, (sample.raw[:, chosen] - sample.mean[chosen]).T).T
    rows, columns = vech_indices(y.shape[1])
    diagonal = rows == columns
    products = (y[:, rows] * y[:, columns] - diagonal) * np.where(diagonal, np.sqrt(0.5), 1.0)
    own = np.concatenate([y, products], axis=1) if means else products
    # units may reach into several groups: what they have outside this one is zero
    parts = [
        own if at == number else np.zeros((0 if other.raw is None else len(other.raw), own.shape[1]))
        for at, other in enumerate(samples)
    ]
    totals = score_rows(parts, samples)
    return float((totals**2).sum()) / sample.n


def correction(problem: Problem, x: Floats, kind: str, df: int, information: str = "observed") -> Correction:
    """Return the correction of a model's chi-square.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    kind : {"satorra_bentler", "yuan_bentler_mplus", "scaled_shifted", "mean_var_adjusted"}
    df : int
    information : {"observed", "expected"}
        Of the test of Yuan and Bentler; the others take the expected one.

    Returns
    -------
    Correction
    """
    if df <= 0:
        return Correction(np.nan, 0.0, float(df))
    if kind == "yuan_bentler_mplus":
        return Correction(
            (trace_saturated(problem, information) - trace_huber_white(problem, x, information)) / df, 0.0, df
        )
    if problem.samples[0].gamma is not None:
        return Correction(two_stage_trace(problem, x) / df, 0.0, df)
    trace, squares = u_gamma(problem, x)
    return correction_of(trace, squares, kind, df)


def correction_of(trace: float, squares: float, kind: str, df: float) -> Correction:
    r"""Return the correction that goes with the eigenvalues of :math:`U\Gamma`.

    Parameters
    ----------
    trace, squares : float
        Their sum and the sum of their squares.
    kind : {"satorra_bentler", "scaled_shifted", "mean_var_adjusted"}
    df : float

    Returns
    -------
    Correction
    """
    if df <= 0:
        return Correction(np.nan, 0.0, float(df))
    if kind == "satorra_bentler":
        return Correction(trace / df, 0.0, df)
    if kind == "mean_var_adjusted":
        return Correction(squares / trace, 0.0, trace**2 / squares)
    return Correction(float(np.sqrt(squares / df)), df - trace * float(np.sqrt(df / squares)), df)
