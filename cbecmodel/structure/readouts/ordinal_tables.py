"""Statistics of ordinal data: what the model implies and what it leaves over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.structure.estimate.ordinal_responses import responses

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.sample.statistics import OrdinalStatistics

Floats = NDArray[np.float64]


def statistic_frames(statistics: OrdinalStatistics, vector: Floats, names: tuple[str, ...]) -> dict[str, Any]:
    """Sort stacked statistics into tables.

    Parameters
    ----------
    statistics : OrdinalStatistics
    vector : ndarray, shape (m,)
    names : tuple of str
        Modelled variables, then fixed exogenous ones.

    Returns
    -------
    dict
        ``cov`` (correlations of the responses of ordinal variables, covariances of continuous ones; given the exogenous
        variables), ``mean`` (0 for ordinal ones), ``thresholds`` and, with exogenous variables, ``slopes``.
    """
    where, p = statistics.layout, len(statistics.ordered)
    own, given = list(names[:p]), list(names[p:])
    heads, effects, variances, pairs = np.split(vector, np.cumsum(where.sizes)[:-1])
    cov = np.eye(p)
    cov[where.variance, where.variance] = variances
    cov[where.pairs.row, where.pairs.column] = cov[where.pairs.column, where.pairs.row] = pairs
    mean = np.zeros(p)
    cut = where.cut_number >= 0
    mean[where.cut_variable[~cut]] = heads[~cut]
    labels = [f"{own[v]}|t{c + 1}" for v, c in zip(where.cut_variable[cut], where.cut_number[cut], strict=True)]
    found: dict[str, Any] = {
        "cov": pd.DataFrame(cov, index=own, columns=own),
        "mean": pd.Series(mean, index=own, name="mean"),
        "thresholds": pd.Series(heads[cut], index=labels, name="threshold"),
    }
    if given:
        found["slopes"] = pd.DataFrame(effects.reshape(len(given), p).T, index=own, columns=given)
    return found


def implied_statistics(problem: Problem, x: Floats, number: int) -> dict[str, Any]:
    """Return the statistics the model implies for a group.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    number : int

    Returns
    -------
    dict
        As :func:`statistic_frames`.
    """
    statistics = problem.samples[number - 1].ordinal
    assert statistics is not None
    vector = responses(problem.pattern.groups[number - 1], statistics, x).vector
    return statistic_frames(statistics, vector, problem.table.observed)


def residual_statistics(problem: Problem, x: Floats, number: int, kind: str) -> dict[str, Any]:
    """Return sample statistics less implied ones.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    number : int
    kind : {"raw", "cor"}
        ``"cor"`` compares correlations, and means in standard deviations.

    Returns
    -------
    dict
        As :func:`statistic_frames`.
    """
    statistics = problem.samples[number - 1].ordinal
    assert statistics is not None
    seen = statistic_frames(statistics, statistics.vector, problem.table.observed)
    fitted = implied_statistics(problem, x, number)
    if kind == "cor":
        for frames in (seen, fitted):
            sd = np.sqrt(np.diag(frames["cov"].to_numpy()))
            frames["cov"] = frames["cov"] / np.outer(sd, sd)
            frames["mean"] = frames["mean"] / sd
    out = {name: seen[name] - fitted[name] for name in seen}
    diagonal = np.flatnonzero(statistics.ordered)
    values = out["cov"].to_numpy(copy=True)
    values[diagonal, diagonal] = 0.0
    out["cov"] = pd.DataFrame(values, index=out["cov"].index, columns=out["cov"].columns)
    return out
