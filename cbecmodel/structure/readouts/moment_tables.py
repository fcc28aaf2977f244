"""What a solution implies, what it leaves over, and what it explains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import filled, implied
from cbecmodel.structure.estimate.matrices import PATH
from cbecmodel.structure.estimate.ordinal_derived import with_derived
from cbecmodel.structure.readouts.ordinal_tables import implied_statistics, residual_statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.results import SEMResults

Floats = NDArray[np.float64]
_SHARED = ("lhs", "op", "rhs", "group", "label")


def by_group(fit: SEMResults, function: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """Return what a function gives for one group, or for each by label.

    Parameters
    ----------
    fit : SEMResults
    function : callable
        Of the group's number, from 1.

    Returns
    -------
    dict
    """
    if fit.table.n_groups == 1:
        return function(1)
    return {label: function(number) for number, label in enumerate(fit.group_labels, start=1)}


def implied_frames(problem: Problem, x: Floats, number: int) -> dict[str, Any]:
    """Return implied covariances and means of a group.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    number : int

    Returns
    -------
    dict
    """
    if problem.table.ordered:
        return implied_statistics(problem, x, number)
    names = list(problem.table.observed)
    state = implied(problem.pattern.groups[number - 1], x)
    mean = state.mu if problem.table.meanstructure else problem.samples[number - 1].mean
    return {
        "cov": pd.DataFrame(state.sigma, index=names, columns=names),
        "mean": pd.Series(mean, index=names, name="mean"),
    }


def residual_frames(problem: Problem, x: Floats, number: int, kind: str) -> dict[str, Any]:
    """Return residual covariances (or correlations) and means of a group.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    number : int
    kind : {"raw", "cor_bentler", "cor_bollen"}
        Correlations: with the standard deviations of the sample throughout, or each matrix with its own.

    Returns
    -------
    dict
    """
    if problem.table.ordered:
        return residual_statistics(problem, x, number, kind)
    fitted = implied_frames(problem, x, number)
    sample = problem.samples[number - 1]
    names = list(sample.names)
    sd, sd_model = np.ones(len(names)), np.ones(len(names))
    if kind != "raw":
        sd = sd_model = np.sqrt(np.diag(sample.cov))
    if kind == "cor_bollen":
        sd_model = np.sqrt(np.diag(fitted["cov"].to_numpy()))
    cov = sample.cov / np.outer(sd, sd) - fitted["cov"].to_numpy() / np.outer(sd_model, sd_model)
    mean = (sample.mean - fitted["mean"].to_numpy()) / sd
    if not problem.table.meanstructure:
        mean = np.zeros(len(names))
    return {"cov": pd.DataFrame(cov, index=names, columns=names), "mean": pd.Series(mean, index=names, name="mean")}


def r_squared(problem: Problem, x: Floats, group_labels: tuple[str, ...]) -> pd.Series[float]:
    """Return explained shares of variance.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    group_labels : tuple of str

    Returns
    -------
    pandas.Series
        Indexed by variable, or by group label and variable.
    """
    names = (*problem.table.observed, *problem.table.latents)
    pattern, x, _ = with_derived(problem.pattern, x)
    found: dict[Any, float] = {}
    for label, group in zip(group_labels, pattern.groups, strict=True):
        paths, moments, _ = filled(group, x)
        arrows = (paths != 0).any(axis=1)
        arrows[group.row[group.kind == PATH]] = True
        full = implied(group, x).full
        for k in np.flatnonzero(arrows).tolist():
            key = names[k] if len(group_labels) == 1 else (label, names[k])
            if names[k] not in problem.table.composites:
                # a negative residual variance explains nothing: lavaan too gives no value
                found[key] = float(1 - moments[k, k] / full[k, k]) if moments[k, k] >= 0 else np.nan
    return pd.Series(found, dtype=np.float64, name="r_squared")
