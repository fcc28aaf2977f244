r"""Robust CFI, TLI and RMSEA of models for ordinal variables.

The misfit is measured by the likelihood discrepancy between the polychoric correlations R and those the model implies,
:math:`T = \sum_g n_g \{\log|P| - \log|R| + \mathrm{tr}(R P^{-1}) - p\}`, at the least-squares estimates, and corrected by the
mean of its distribution, :math:`\mathrm{tr}(Q' V Q \Gamma)` with
:math:`Q = I - \Delta (\Delta' W \Delta)^{-1} \Delta' W`, W the weights of the fit and V those of the likelihood. For several
groups lavaan 0.6-14 leaves the groups' shares out of the baseline's V, and its robust CFI and TLI differ from these.

References
----------
.. [1] Savalei, V. (2021). Improving fit indices in structural equation modeling with categorical data. Multivariate Behavioral
   Research, 56, 390-407.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbecmodel.structure.estimate.ordinal import weighted
from cbecmodel.structure.estimate.ordinal_responses import responses
from cbecmodel.structure.inference.indices import CLOSE, NOT_CLOSE, Test, incremental, rmsea
from cbecmodel.structure.inference.moment_blocks import moment_blocks
from cbecmodel.structure.sample.linear import inverse_logdet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.sample.statistics import OrdinalStatistics

Floats = NDArray[np.float64]


def correlation_matrix(statistics: OrdinalStatistics, pairs: Floats) -> Floats:
    """Return a correlation matrix from its stacked elements.

    Parameters
    ----------
    statistics : OrdinalStatistics
    pairs : ndarray, shape (k,)

    Returns
    -------
    ndarray, shape (p, p)
    """
    where = statistics.layout.pairs
    out = np.eye(len(statistics.ordered))
    out[where.row, where.column] = out[where.column, where.row] = pairs
    return out


def likelihood_weight(inverse: Floats, statistics: OrdinalStatistics) -> Floats:
    """Return the weight of correlations in the likelihood discrepancy.

    Parameters
    ----------
    inverse : ndarray, shape (p, p)
        Of the implied correlations.
    statistics : OrdinalStatistics

    Returns
    -------
    ndarray, shape (k, k)
    """
    row, column = statistics.layout.pairs.row, statistics.layout.pairs.column
    pairs = inverse[np.ix_(row, row)] * inverse[np.ix_(column, column)]
    found: Floats = pairs + inverse[np.ix_(row, column)] * inverse[np.ix_(column, row)]
    return found


def categorical_ml_measures(problem: Problem, x: Floats, plain: Mapping[str, float]) -> dict[str, float]:
    """Return the ``_robust`` measures of a model whose variables are all ordinal.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    plain : mapping
        The measures without correction.

    Returns
    -------
    dict
        Empty with continuous or exogenous variables, or if the correlations are not positive definite.
    """
    table, df, base_df = problem.table, plain["df"], plain["baseline_df"]
    if set(table.observed) != set(table.ordered) or df <= 0:
        return {}
    found = _discrepancies(problem, x)
    if found is None:
        return {}
    statistic, null, mean, null_mean = found
    c, cb = mean / df, null_mean / base_df
    n, groups = plain["ntotal"] - table.n_groups, table.n_groups
    out = _incremental(statistic, null, df, base_df, c=c, cb=cb)
    corrected = Test(statistic / c, df)
    inside, root = rmsea(corrected, n, groups), math.sqrt(c)
    out["rmsea_robust"] = math.sqrt(max(statistic / n / df - c / n, 0.0)) * math.sqrt(groups)
    out["rmsea_ci_lower_robust"] = inside["rmsea_ci_lower"] * root
    out["rmsea_ci_upper_robust"] = inside["rmsea_ci_upper"] * root
    for name, bound in (("rmsea_pvalue_robust", CLOSE), ("rmsea_notclose_pvalue_robust", NOT_CLOSE)):
        tail = float(special.chndtr(corrected.statistic, df, n * df * bound**2 / (c * groups)))
        out[name] = 1 - tail if bound == CLOSE else tail
    return out


def _incremental(statistic: float, null: float, df: float, base_df: float, *, c: float, cb: float) -> dict[str, float]:
    """Return the incremental indices of statistics whose means are ``c df`` and ``cb df``."""
    scaled = incremental(Test(statistic - (c - 1) * df, df), Test(null - (cb - 1) * base_df, base_df))
    excess, b_excess = statistic - c * df, null - cb * base_df
    out = {"cfi_robust": scaled["cfi"], "tli_robust": 1 - excess * base_df / (b_excess * df)}
    return out | {"nnfi_robust": out["tli_robust"], "rni_robust": 1 - excess / b_excess}


def _discrepancies(problem: Problem, x: Floats) -> tuple[float, float, float, float] | None:
    """Return the statistics of the model and of independence, and the means of their distributions."""
    work, blocks = moment_blocks(problem, x)
    basis = work.space.basis
    slopes = [block.slopes @ basis for block in blocks]
    bread = sum(
        block.share * slope.T @ weighted(block.weight, slope) for block, slope in zip(blocks, slopes, strict=True)
    )
    inverse_bread = np.linalg.pinv(np.asarray(bread), hermitian=True)
    statistic = null = null_mean = 0.0
    inner: list[tuple[Floats, Floats, Floats, Floats]] = []
    for group, sample, block, slope in zip(problem.pattern.groups, problem.samples, blocks, slopes, strict=True):
        statistics = sample.ordinal
        assert statistics is not None
        k = len(statistics.layout.pairs.row)
        seen = inverse_logdet(correlation_matrix(statistics, statistics.vector[-k:]))
        fitted = inverse_logdet(correlation_matrix(statistics, responses(group, statistics, x).vector[-k:]))
        if seen is None or fitted is None:
            return None
        spread = correlation_matrix(statistics, statistics.vector[-k:])
        statistic += sample.n * (fitted[1] - seen[1] + float((spread * fitted[0]).sum()) - len(spread))
        null -= sample.n * seen[1]
        acov = block.acov[-k:, -k:]
        null_mean += float(np.trace(acov))
        weight = block.weight[-k:] if block.weight.ndim == 1 else block.weight[-k:, -k:]
        inner.append((likelihood_weight(fitted[0], statistics), weighted(weight, slope[-k:]), slope[-k:], acov))
    # tr(Q' V Q Γ) with Q = I - Δ B Δ' W; groups meet in B
    both = sum(
        block.share * slope.T @ likelihood @ slope
        for block, (likelihood, _, slope, _) in zip(blocks, inner, strict=True)
    )
    mean = 0.0
    for block, (likelihood, pull, slope, acov) in zip(blocks, inner, strict=True):
        mean += float((likelihood * acov).sum())
        mean -= 2 * block.share * float(np.trace(inverse_bread @ (pull.T @ acov @ likelihood @ slope)))
        mean += block.share * float(np.trace(inverse_bread @ np.asarray(both) @ inverse_bread @ (pull.T @ acov @ pull)))
    return statistic, null, mean, null_mean
