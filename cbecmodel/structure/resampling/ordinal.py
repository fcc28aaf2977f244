r"""Resamples of ordinal data: thresholds, polychoric correlations and their diagonal weights for many samples at once.

All answers of a pair that fall into one cell of its table share their scores, so that weighted tables of all pairs and samples
say everything: a sample's tables are products of its case weights with the answers. With DWLS the weights are those of the
resample itself (the inverse sampling variances of its own thresholds and correlations), as if it had been fitted alone.

References
----------
.. [1] Muthén, B. (1984). A general structural equation model with dichotomous, ordered categorical, and continuous latent
   variable indicators. Psychometrika, 49, 115-132.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.least_squares import discrepancy_of
from cbecmodel.structure.estimate.minimise import Optimum, minimise
from cbecmodel.structure.estimate.native import Problem, standardized, variance_mask
from cbecmodel.structure.resampling.alone import CONVERGED, EMPTY_CATEGORY, NO_OPTIMUM, PERFECT
from cbecmodel.structure.resampling.engine import Batch
from cbecmodel.structure.sample.bivariate_normal import FAR
from cbecmodel.structure.sample.nacov import cell_scores
from cbecmodel.structure.sample.polychoric import LIMIT, polychoric_correlations
from cbecmodel.structure.sample.thresholds import quantile_thresholds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cbecmodel.structure.estimate.likelihood import Derivatives
    from cbecmodel.structure.sample.statistics import OrdinalStatistics

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]
_BLOCK: Final = 300_000  # cells of tables held at once


@dataclass(frozen=True, slots=True)
class ManyStatistics:
    """Statistics of R samples of one group.

    Attributes
    ----------
    vector : ndarray, shape (R, m)
        Thresholds by variable, then correlations.
    spread : ndarray, shape (R, m)
        Sampling variances, times n.
    code : ndarray of int, shape (R,)
        0, or why there are none, an index into :data:`~cbecmodel.structure.resampling.alone.REASONS`.
    """

    vector: Floats
    spread: Floats
    code: Codes


def tabled(problem: Problem, estimator: str) -> bool:
    """Return whether resamples can be told by tables: complete ordinal variables alone, and diagonal weights.

    Parameters
    ----------
    problem : Problem
    estimator : str

    Returns
    -------
    bool
    """
    statistics = [sample.ordinal for sample in problem.samples]
    return (
        problem.limits is None
        and discrepancy_of(estimator) in ("DWLS", "ULS")
        and all(one is not None and one.ordered.all() and not one.given and one.codes.min() >= 0 for one in statistics)
    )


def ordinal_batch(problem: Problem, x: Floats) -> Batch:
    """Return what the results of a bootstrap need to know about a fit to ordinal data.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
        Where searches start, in the user's units.

    Returns
    -------
    Batch
        Without groups or cases: moments of numbers say nothing here.
    """
    work = standardized(problem)
    start = work.space.coordinates(x * work.scale.parameters)
    return Batch(problem, work, (), (), "DWLS", start, np.eye(len(start)), 1.0)


def many_statistics(statistics: OrdinalStatistics, weights: Floats) -> ManyStatistics:
    """Return thresholds, correlations and their sampling variances for many sets of case weights.

    Parameters
    ----------
    statistics : OrdinalStatistics
        Of the full sample.
    weights : ndarray, shape (R, n)
        How often each case was drawn.

    Returns
    -------
    ManyStatistics
    """
    p, size = statistics.codes.shape[1], int(statistics.codes.max()) + 1
    answers = (statistics.codes[:, :, None] == np.arange(size)).reshape(len(statistics.codes), -1).astype(np.float64)
    block = max(1, _BLOCK // (p * size) ** 2)
    parts = [_block(statistics, answers, weights[at : at + block], size=size) for at in range(0, len(weights), block)]
    columns = ([getattr(part, name) for part in parts] for name in ("vector", "spread", "code"))
    vector, spread, code = map(np.concatenate, columns)
    return ManyStatistics(vector, spread, code)


def _block(statistics: OrdinalStatistics, answers: Floats, weights: Floats, *, size: int) -> ManyStatistics:
    where, p = statistics.layout, statistics.codes.shape[1]
    row, column = where.pairs.row, where.pairs.column
    used = np.array([len(one) + 1 for one in statistics.cuts])
    counts = (weights @ answers).reshape(len(weights), p, size)
    inside = np.arange(size) < used[:, None]
    code = np.where(((counts == 0) & inside).any(axis=(1, 2)), EMPTY_CATEGORY, CONVERGED).astype(np.int8)
    vector = np.full((len(weights), len(statistics.vector)), np.nan)
    spread = vector.copy()
    good = np.flatnonzero(code == CONVERGED)
    if good.size:
        kept = counts[good]
        cuts = np.where(inside[:, :-1] & inside[:, 1:], np.clip(quantile_thresholds(kept), -FAR, FAR), FAR)
        tables = np.matmul(answers.T * weights[good][:, None, :], answers).reshape(len(good), p, size, p, size)
        pairs = np.moveaxis(tables[:, row, :, column], 0, 1)  # (R, k, size, size): the indices' axis comes first
        correlations, variances = _correlations(pairs, cuts, kept, row, column)
        flat = where.cut_variable, where.cut_number
        vector[good] = np.concatenate([cuts[:, *flat], correlations], axis=1)
        spread[good] = np.concatenate([variances[0][:, *flat], variances[1]], axis=1)
        code[good[(np.abs(correlations) > LIMIT - 1e-6).any(axis=1)]] = PERFECT
    return ManyStatistics(vector, spread, code)


def _threshold_scores(cuts: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Return the scores of thresholds in every category, shape (R, p, C - 1, C), and the inverses of their products."""
    size = counts.shape[2]
    share = counts / counts.sum(axis=2, keepdims=True)
    density = np.where(cuts < FAR, np.exp(-(cuts**2) / 2) / np.sqrt(2 * np.pi), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(cuts < FAR, density / share[:, :, :-1], 0.0)
        below = np.where(cuts < FAR, density / share[:, :, 1:], 0.0)
    scores = above[..., None] * np.eye(size - 1, size) - below[..., None] * np.eye(size - 1, size, 1)
    products = (scores * counts[:, :, None, :]) @ scores.swapaxes(2, 3)
    products += (cuts >= FAR)[..., None] * np.eye(size - 1)  # padded thresholds stand for themselves
    return scores, np.asarray(np.linalg.inv(products), dtype=np.float64)


def _correlations(
    tables: Floats, cuts: Floats, counts: Floats, row: NDArray[np.intp], column: NDArray[np.intp]
) -> tuple[Floats, tuple[Floats, Floats]]:
    """Return polychoric correlations, and the sampling variances (times n) of thresholds and of correlations."""
    replicates, k, size, _ = tables.shape
    n = counts[:, 0].sum(axis=1)  # whole clusters may be more or fewer cases
    scores, inverse = _threshold_scores(cuts, counts)
    stacked = tables.reshape(-1, size, size)
    first, second = cuts[:, row].reshape(-1, size - 1), cuts[:, column].reshape(-1, size - 1)
    rho = polychoric_correlations(stacked, first, second)
    # a correlation at the limit fails its replicate; its scores need only be finite
    score, by_first, by_second = cell_scores(stacked, first, second, rho)
    own = (stacked * score**2).sum(axis=(1, 2))
    moved = score
    for crossed, variable, axis in ((by_first, row, 2), (by_second, column, 1)):
        padded = cuts[:, variable] >= FAR
        known = np.where(padded.reshape(crossed.shape), 0.0, crossed).reshape(replicates, k, 1, size - 1)
        pull = (known @ inverse[:, variable] @ scores[:, variable]).reshape(-1, size)
        moved = moved - np.expand_dims(pull, axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (stacked * moved**2).sum(axis=(1, 2)) / own**2
    thresholds = n[:, None, None] * np.diagonal(inverse, axis1=2, axis2=3)
    return rho.reshape(replicates, k), (thresholds, n[:, None] * variance.reshape(replicates, k))


def fitted_tables(batch: Batch, estimator: str, weights: Sequence[Floats]) -> list[tuple[Optimum | None, int]]:
    """Fit resamples of ordinal data, each from the full sample's solution.

    Parameters
    ----------
    batch : Batch
        From :func:`ordinal_batch`.
    estimator : str
    weights : sequence of ndarray, shape (R, n_g)
        For each group how often each of its cases was drawn.

    Returns
    -------
    list of (Optimum or None, int)
        In the user's units, with the code of :data:`~cbecmodel.structure.resampling.alone.REASONS`.
    """
    many = [
        many_statistics(sample.ordinal, weight)
        for sample, weight in zip(batch.problem.samples, weights, strict=True)
        if sample.ordinal is not None
    ]
    code = np.max([one.code for one in many], axis=0)
    plain = discrepancy_of(estimator) == "ULS"
    found: list[tuple[Optimum | None, int]] = []
    for index, reason in enumerate(code.tolist()):
        if reason != CONVERGED:
            found.append((None, reason))
            continue
        vectors = [one.vector[index] for one in many]
        inverse = [np.ones_like(one.spread[index]) if plain else 1 / one.spread[index] for one in many]
        optimum = _fitted(batch, [float(weight[index].sum()) for weight in weights], vectors, inverse)
        found.append((optimum, CONVERGED if optimum.converged else NO_OPTIMUM))
    return found


def _fitted(batch: Batch, n: Sequence[float], vectors: Sequence[Floats], weights: Sequence[Floats]) -> Optimum:
    work = batch.work
    size = float(np.mean([weight.mean() for weight in weights]))
    samples = tuple(
        replace(sample, n=cases, ordinal=replace(sample.ordinal, vector=vector))
        for sample, cases, vector in zip(work.samples, n, vectors, strict=True)
        if sample.ordinal is not None
    )
    sized = replace(work, samples=samples, weights=tuple(weight / size for weight in weights))
    objective: Callable[[Floats, bool], Derivatives] = sized.objective
    start = work.space.point(batch.start)
    found = minimise(objective, work.space, start, positive=variance_mask(work.pattern))
    return replace(found, x=found.x / work.scale.parameters, value=found.value * size)
