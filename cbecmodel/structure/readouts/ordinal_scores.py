"""Factor scores from ordinal answers: the mode of each case's posterior distribution (empirical Bayes modal scores)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import filled, implied
from cbecmodel.structure.estimate.ordinal_derived import with_derived
from cbecmodel.structure.estimate.ordinal_responses import filled_cuts
from cbecmodel.structure.sample.bivariate_normal import FAR
from cbecmodel.structure.sample.thresholds import interval_probability

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.native import Problem

Floats = NDArray[np.float64]
_STEPS: Final = 100
_DONE: Final = 1e-11


def modal_scores(problem: Problem, x: Floats, number: int) -> Floats:
    """Return the scores of a group's cases.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    number : int
        Group, from 0.

    Returns
    -------
    ndarray, shape (n, latents)

    Raises
    ------
    ModelError
        If residuals covary, observed variables cause others, or there are exogenous variables.
    """
    pattern, values, _ = with_derived(problem.pattern, x)
    group, sample = pattern.groups[number], problem.samples[number]
    statistics, p = sample.ordinal, pattern.groups[number].p
    assert statistics is not None
    assert sample.raw is not None
    paths, moments, intercepts = filled(group, values)
    noise = moments[:p, :p]
    if paths[:, :p].any() or statistics.given or (noise - np.diag(np.diag(noise))).any() or (np.diag(noise) <= 0).any():
        raise ModelError("structure.no_modal_scores")
    state = implied(group, values)
    sd = np.sqrt(np.diag(noise))
    loadings = paths[:p, p:] / sd[:, None]
    cuts = np.full((p, group.ordinal.cuts.shape[1] + 2 if group.ordinal else 2), FAR)
    cuts[:, 0] = -FAR
    for variable, one in enumerate(statistics.cuts):
        cuts[variable, 1 : len(one) + 1] = filled_cuts(group, values)[variable, : len(one)]
    shift = intercepts[:p]
    codes = np.maximum(statistics.codes, 0)
    columns = np.arange(p)
    upper, lower = cuts[columns, codes + 1], cuts[columns, codes]
    upper = np.where(upper < FAR, (upper - shift) / sd, FAR)
    lower = np.where(lower > -FAR, (lower - shift) / sd, -FAR)
    known = ~np.isnan(sample.raw[:, :p])
    straight = np.where(known, sample.raw[:, :p] - shift, 0.0) / sd
    prior = np.asarray(np.linalg.inv(state.full[p:, p:]), dtype=np.float64)
    start = np.tile(state.eta[p:], (len(codes), 1))
    return _modes(start, loadings, prior, (upper, lower, straight), known, ordered=statistics.ordered)


def _modes(
    start: Floats,
    loadings: Floats,
    prior: Floats,
    answers: tuple[Floats, Floats, Floats],
    known: NDArray[np.bool_],
    *,
    ordered: NDArray[np.bool_],
) -> Floats:
    """Climb the posteriors, which are concave, of all cases at once by Newton steps."""
    upper, lower, straight = answers
    scores = start.copy()
    for _ in range(_STEPS):
        fitted = scores @ loadings.T
        u = np.where(upper < FAR, upper - fitted, FAR)
        low = np.where(lower > -FAR, lower - fitted, -FAR)
        probability = interval_probability(u, low)
        high, deep = (np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) / probability for z in (u, low))
        slope = np.where(ordered, deep - high, straight - fitted)
        bend = np.where(ordered, slope**2 + u * high - low * deep, 1.0)
        slope, bend = np.where(known, slope, 0.0), np.where(known, bend, 0.0)
        gradient = slope @ loadings - (scores - start) @ prior
        hessian = np.einsum("np,pa,pb->nab", bend, loadings, loadings) + prior
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        scores += np.clip(step, -2.0, 2.0)
        if np.abs(step).max(initial=0.0) < _DONE:
            break
    return scores
