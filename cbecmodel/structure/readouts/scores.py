"""Factor scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import Implied, filled, implied
from cbecmodel.structure.readouts.ordinal_scores import modal_scores

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.matrices import GroupPattern
    from cbecmodel.structure.results import SEMResults

Floats = NDArray[np.float64]
_SHARED = ("lhs", "op", "rhs", "group", "label")


def factor_scores(fit: SEMResults, method: str) -> pd.DataFrame:
    """Return factor scores of the cases used.

    Parameters
    ----------
    fit : SEMResults
    method : {"regression", "bartlett", "ebm"}

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ModelError
    """
    if fit.table.ordered:
        if method != "ebm":
            raise ModelError("structure.no_ordinal_scores", method=method)
        modes = [modal_scores(fit.problem, fit.x, number) for number in range(fit.table.n_groups)]
        return pd.DataFrame(np.concatenate(modes), columns=list(fit.latents), index=fit.data_used)
    if method not in ("regression", "bartlett"):
        raise ModelError("structure.unknown_option", option="method", value=method, known="regression, bartlett")
    problem, parts = fit.problem, []
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        if sample.raw is None or sample.rows is None:
            raise ModelError("structure.scores_need_data")
        state, p = implied(group, fit.x), group.p
        means = problem.table.meanstructure
        centred = sample.raw - (state.mu if means else sample.mean)
        scores = np.tile(state.eta[p:] if means else np.zeros(len(state.eta) - p), (len(centred), 1))
        whole = (np.arange(p), np.arange(len(centred)))
        for seen, cases in [(one.observed, one.cases) for one in sample.patterns] or [whole]:
            weights = _score_weights(group, state, fit.x, method, seen)
            scores[cases] += centred[np.ix_(cases, seen)] @ weights.T
        parts.append(scores)
    return pd.DataFrame(np.concatenate(parts), columns=list(fit.latents), index=fit.data_used)


def _score_weights(group: GroupPattern, state: Implied, x: Floats, method: str, seen: NDArray[np.intp]) -> Floats:
    """Return the weights of the answered variables, shape (latents, k)."""
    p = group.p
    if method == "regression":
        weights = np.linalg.solve(state.sigma[np.ix_(seen, seen)], state.full[seen, p:]).T
        return np.asarray(weights, dtype=np.float64)
    paths, moments, _ = filled(group, x)
    loadings, noise = paths[seen, p:], moments[np.ix_(seen, seen)]
    if paths[:p, :p].any() or np.linalg.matrix_rank(loadings) < loadings.shape[1]:
        raise ModelError("structure.no_bartlett")
    try:
        scaled = np.linalg.solve(noise, loadings)
    except np.linalg.LinAlgError as error:
        raise ModelError("structure.no_bartlett") from error
    return np.asarray(np.linalg.solve(loadings.T @ scaled, scaled.T), dtype=np.float64)
