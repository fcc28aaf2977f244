"""How bootstrap samples are drawn: which cases, or which transformed or simulated ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import implied
from cbecmodel.structure.resampling.engine import Batch, resampled
from cbecmodel.structure.resampling.moments import Cases, ManyMoments, cases_of, stacked
from cbecmodel.structure.resampling.seeds import Seeded, draw_counts

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.native import Problem

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
BootstrapType = Literal["nonparametric", "parametric", "bollen_stine"]
TYPES = get_args(BootstrapType)


@dataclass(frozen=True, slots=True)
class Draws:
    """What is drawn for one replicate.

    Attributes
    ----------
    type : {"nonparametric", "parametric", "bollen_stine"}
    units : tuple of ndarray of int, shape (n_g,)
        For each group the cluster (from 0) of each case; empty if cases are drawn.
    centres, roots : tuple of ndarray
        Parametric: means, shape (p,), and a root of the covariances, shape (p, p), of each group in the user's units.
    """

    type: BootstrapType
    units: tuple[Indices, ...] = ()
    centres: tuple[Floats, ...] = ()
    roots: tuple[Floats, ...] = ()


def transformed(problem: Problem, x: Floats) -> Problem:
    r"""Return the problem with data for which the model holds exactly (Bollen and Stine).

    Each group's cases become :math:`(y - \bar y) S^{-1/2} \hat\Sigma^{1/2} + \hat\mu`.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    Problem

    References
    ----------
    .. [1] Bollen, K. A., & Stine, R. A. (1992). Bootstrapping goodness-of-fit measures in structural equation models.
       Sociological Methods & Research, 21, 205-229.
    """
    samples = []
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        assert sample.raw is not None
        state = implied(group, x)
        mu = state.mu if problem.pattern.means else sample.mean
        turn = np.linalg.solve(_root(sample.cov), _root(state.sigma))
        raw = (sample.raw - sample.mean) @ turn + mu
        samples.append(replace(sample, raw=raw, cov=state.sigma, mean=mu))
    return replace(problem, samples=tuple(samples))


def _root(matrix: Floats) -> Floats:
    """Return the symmetric root of a positive definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T, dtype=np.float64)


def drawn_moments(batch: Batch, draws: Draws, seeds: Seeded) -> ManyMoments:
    """Return the moments of bootstrap samples.

    Parameters
    ----------
    batch : Batch
    draws : Draws
    seeds : Seeded
        Which replicates.

    Returns
    -------
    ManyMoments
    """
    if draws.type == "parametric":
        return stacked([_simulated(batch, draws, rng) for rng in seeds.rngs()])
    sizes = [cases.n for cases in batch.cases]
    return resampled(batch, case_weights(draws, sizes, seeds))


def case_weights(draws: Draws, sizes: list[int], seeds: Seeded) -> list[Floats]:
    """Return how often each case is drawn.

    Parameters
    ----------
    draws : Draws
        Not parametric.
    sizes : list of int
        Cases of each group.
    seeds : Seeded
        Which replicates.

    Returns
    -------
    list of ndarray, shape (R, n_g)

    Examples
    --------
    >>> from cbecmodel.structure.resampling.seeds import Seeds
    >>> [weights] = case_weights(Draws("nonparametric"), [5], Seeds((0,), 1))
    >>> float(weights.sum())
    5.0
    """
    if not draws.units:
        return draw_counts(seeds, sizes)
    counts = draw_counts(seeds, [int(units.max()) + 1 for units in draws.units])
    return [count[:, units] for count, units in zip(counts, draws.units, strict=True)]


def drawn_rows(draws: Draws, sizes: list[int], seeds: Seeded) -> list[Indices]:
    """Return the cases of one bootstrap sample, in the order of the data.

    Parameters
    ----------
    draws : Draws
        Not parametric.
    sizes : list of int
    seeds : Seeded
        A single replicate.

    Returns
    -------
    list of ndarray of int
    """
    counts = case_weights(draws, sizes, seeds)
    return [np.repeat(np.arange(count.shape[1]), count[0].astype(np.intp)) for count in counts]


def simulated_values(problem: Problem, draws: Draws, rng: np.random.Generator) -> list[Floats]:
    """Return the data of one parametric sample, with the gaps of the real ones.

    Parameters
    ----------
    problem : Problem
    draws : Draws
    rng : numpy.random.Generator

    Returns
    -------
    list of ndarray, shape (n_g, p)
    """
    found = []
    for sample, centre, root in zip(problem.samples, draws.centres, draws.roots, strict=True):
        values = rng.standard_normal((int(sample.n), len(centre))) @ root + centre
        if sample.patterns and sample.raw is not None:
            values[np.isnan(sample.raw)] = np.nan
        found.append(values)
    return found


def _simulated(batch: Batch, draws: Draws, rng: np.random.Generator) -> ManyMoments:
    """Return the moments of one parametric sample."""
    cases: list[Cases] = []
    values = simulated_values(batch.problem, draws, rng)
    for sample, value, old in zip(batch.problem.samples, values, batch.cases, strict=True):
        unit = batch.work.scale.variables[: value.shape[1]]
        cases.append(cases_of(replace(sample, raw=value), unit, unbiased=old.unbiased))
    own = replace(batch, cases=tuple(cases))
    return resampled(own, [np.ones((1, one.n)) for one in cases])


def parametric(problem: Problem, x: Floats) -> Draws:
    """Return draws from the normal distribution the model implies.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    Draws

    Raises
    ------
    ModelError
        If the implied covariances are not positive definite.
    """
    centres, roots = [], []
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        state = implied(group, x)
        try:
            roots.append(np.asarray(np.linalg.cholesky(state.sigma).T, dtype=np.float64))
        except np.linalg.LinAlgError as error:
            raise ModelError("structure.bootstrap_population") from error
        centres.append(state.mu if problem.pattern.means else sample.mean)
    return Draws("parametric", (), tuple(centres), tuple(roots))
