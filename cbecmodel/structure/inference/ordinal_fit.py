"""What ordinal statistics need for fit measures: degrees of freedom, the independence model, residuals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.ordinal import weighted
from cbecmodel.structure.estimate.ordinal_responses import responses

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.sample.statistics import OrdinalStatistics
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


def ordinal_count(table: ParameterTable) -> int:
    """Return the number of statistics of a group.

    Parameters
    ----------
    table : ParameterTable

    Returns
    -------
    int
    """
    cuts = sum(row.op == "|" and row.group == 1 for row in table.rows)
    moving = len(table.observed) - len(table.exogenous)
    continuous = moving - len(table.ordered)
    return cuts + 2 * continuous + moving * len(table.exogenous) + moving * (moving - 1) // 2


def ordinal_baseline_df(table: ParameterTable) -> int:
    """Return the degrees of freedom of the independence model: its thresholds, slopes and variances are free.

    Parameters
    ----------
    table : ParameterTable

    Returns
    -------
    int
    """
    moving = len(table.observed) - len(table.exogenous)
    kept = 0 if table.exogenous else len(table.predictors) * (len(table.predictors) - 1) // 2
    return table.n_groups * (moving * (moving - 1) // 2 - kept)


def free_alone(table: ParameterTable, statistics: OrdinalStatistics) -> NDArray[np.bool_]:
    """Return which statistics the independence model leaves free.

    Parameters
    ----------
    table : ParameterTable
    statistics : OrdinalStatistics

    Returns
    -------
    ndarray of bool, shape (m,)
    """
    where = statistics.layout
    together = np.array([name in table.predictors for name in table.observed])[: len(statistics.ordered)]
    pairs = together[where.pairs.row] & together[where.pairs.column]
    return np.concatenate([np.ones(sum(where.sizes[:3]), dtype=bool), pairs])


def ordinal_independence(problem: Problem) -> tuple[float, float]:
    """Return the statistics of the independence model and of no model at all.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    left, whole : float
    """
    left = whole = 0.0
    for sample, weight in zip(problem.samples, problem.weights, strict=True):
        assert sample.ordinal is not None
        vector = sample.ordinal.vector
        whole += (sample.n - 1) * float(vector @ weighted(weight, vector))
        own = free_alone(problem.table, sample.ordinal)
        rest = np.where(own, 0.0, vector)
        pull = weighted(weight, rest)
        explained = 0.0
        if weight.ndim == 2:
            explained = float(pull[own] @ np.linalg.solve(weight[np.ix_(own, own)], pull[own]))
        left += (sample.n - 1) * (float(rest @ pull) - explained)
    return left, whole


def ordinal_residuals(problem: Problem, x: Floats) -> dict[str, float]:
    """Return the summaries of residuals, groups weighted by their size.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    dict
        Names with ``_nomean`` leave thresholds and means out; so does ``srmr``, as lavaan's.
    """
    total = sum(sample.n for sample in problem.samples)
    sums: dict[str, float] = {}
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        assert sample.ordinal is not None
        vector = responses(group, sample.ordinal, x).vector
        for name, value in _summaries(sample, vector).items():
            sums[name] = sums.get(name, 0.0) + sample.n / total * value
    return sums


def _summaries(sample: SampleMoments, vector: Floats) -> dict[str, float]:
    """Return root mean square residuals; as in lavaan they count variances and exogenous variables but leave them out."""
    statistics = sample.ordinal
    assert statistics is not None
    where, p = statistics.layout, len(statistics.ordered)
    sd = np.sqrt(np.diag(sample.cov)[:p])
    cuts, slopes, own, count = where.sizes
    variance = np.ones(p)
    variance[where.variance] = vector[cuts + slopes : cuts + slopes + own]
    row, column = where.pairs.row, where.pairs.column
    seen, fitted = statistics.vector[len(vector) - count :], vector[len(vector) - count :]
    units = sd[row] * sd[column]
    place = (statistics.vector - vector)[:cuts][where.cut_number >= 0]
    residuals = {
        "rmr": seen - fitted,
        "srmr": (seen - fitted) / units,
        "crmr": seen / units - fitted / np.sqrt(variance[row] * variance[column]),
    }
    out = {}
    for name, values in residuals.items():
        cells = count if name == "crmr" else count + len(sample.names)
        alone = float((values**2).sum())
        out[f"{name}_nomean"] = math.sqrt(alone / cells) if cells else 0.0
        out[name] = math.sqrt((alone + float((place**2).sum())) / (cells + len(place)))
    out["srmr_bentler"], out["srmr_bentler_nomean"] = out["srmr"], out["srmr_nomean"]
    out["srmr"] = out["srmr_nomean"]
    return out
