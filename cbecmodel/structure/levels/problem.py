"""The estimation problem of a two-level model, and the saturated and independence models it is compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.matrices import natural_scale, pattern_of, rescaled, rescaled_moments
from cbecmodel.structure.estimate.minimise import Optimum, minimise
from cbecmodel.structure.estimate.native import Problem, StandardizedProblem, estimate
from cbecmodel.structure.levels.likelihood import cluster_scores, level_discrepancy, log_likelihood
from cbecmodel.structure.levels.table import BETWEEN, WITHIN, LevelTable
from cbecmodel.structure.table.constraints import Space
from cbecmodel.structure.table.parameter import Parameter, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cbecmodel.structure.estimate.likelihood import Derivatives
    from cbecmodel.structure.levels.clusters import Clusters

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StandardizedLevels(StandardizedProblem):
    """The problem in units in which observed variables have variance near one.

    Attributes
    ----------
    data : Clusters
    """

    data: Clusters | None = None

    def objective(self, x: Floats, second: bool) -> Derivatives:
        """Return the discrepancy at a point in these units.

        Parameters
        ----------
        x : ndarray, shape (q,)
        second : bool

        Returns
        -------
        Derivatives
        """
        assert self.data is not None
        return level_discrepancy(self.pattern, self.data, x, second=second)


@dataclass(frozen=True)
class LevelProblem(Problem):
    """A two-level model and its data; the groups of table, samples and pattern are the levels.

    Attributes
    ----------
    data : Clusters
    """

    data: Clusters | None = None

    @property
    def levels(self) -> LevelTable:
        """Return the table.

        Returns
        -------
        LevelTable
        """
        assert isinstance(self.table, LevelTable)
        return self.table

    @property
    def clusters(self) -> Clusters:
        """Return the data.

        Returns
        -------
        Clusters
        """
        assert self.data is not None
        return self.data

    @cached_property
    def standard(self) -> StandardizedProblem:
        """Return the same problem in standardized units.

        Returns
        -------
        StandardizedLevels
        """
        # a latent variable's unit is that of its marker, at whichever level it stands
        within, between = self.pattern.groups
        merged = replace(within, paths=within.paths + between.paths, moments=within.moments + between.moments)
        scale = natural_scale(replace(self.pattern, groups=(merged, within, between)), self.samples)
        return StandardizedLevels(
            samples=tuple(rescaled_moments(sample, scale) for sample in self.samples),
            pattern=rescaled(self.pattern, scale),
            space=self.space.rescaled(scale.parameters),
            scale=scale,
            data=self.clusters.rescaled(scale.variables[: len(self.table.observed)]),
        )

    def log_likelihood(self, x: Floats) -> float:
        """Return the log-likelihood, given fixed exogenous variables.

        Parameters
        ----------
        x : ndarray, shape (q,)

        Returns
        -------
        float
        """
        joint = log_likelihood(self.clusters, level_discrepancy(self.pattern, self.clusters, x, second=False).value)
        counts = (self.clusters.n, len(self.clusters.sizes))
        names = (self.levels.fixed_within, self.levels.fixed_between)
        for sample, fixed, count in zip(self.samples, names, counts, strict=True):
            at = [self.table.observed.index(name) for name in fixed]
            if at:
                logdet = float(np.linalg.slogdet(sample.cov[np.ix_(at, at)])[1])
                joint += count / 2 * (len(at) * (np.log(2 * np.pi) + 1) + logdet)
        return joint

    def scores(self, x: Floats) -> Floats:
        """Return the derivatives of the clusters' log-likelihoods, in the user's units.

        Parameters
        ----------
        x : ndarray, shape (q,)

        Returns
        -------
        ndarray, shape (J, q)
        """
        return cluster_scores(self.pattern, self.clusters, x)


def saturated_problem(problem: LevelProblem) -> LevelProblem:
    """Return the model that leaves both levels' moments free.

    Parameters
    ----------
    problem : LevelProblem

    Returns
    -------
    LevelProblem
    """
    return _moments_problem(problem, saturated=True)


def independence_problem(problem: LevelProblem) -> LevelProblem:
    """Return the model of variances and means alone; exogenous observed variables keep their covariances.

    Parameters
    ----------
    problem : LevelProblem

    Returns
    -------
    LevelProblem
    """
    return _moments_problem(problem, saturated=False)


def _moments_problem(problem: LevelProblem, *, saturated: bool) -> LevelProblem:
    table = problem.levels
    rows = numbered(_rows(table, saturated=saturated))
    plain = replace(table, rows=rows, constraints=(), latents=(), composites=())
    space = Space(np.zeros(plain.n_free), np.eye(plain.n_free))
    return LevelProblem(plain, problem.samples, pattern_of(plain, problem.samples), space, data=problem.data)


def _rows(table: LevelTable, *, saturated: bool) -> Iterator[Parameter]:
    both = (table.within, table.fixed_within), (table.between, table.fixed_between)
    for number, (names, fixed) in zip((WITHIN, BETWEEN), both, strict=True):
        for one, other in combinations_with_replacement(names, 2):
            given = one in fixed and other in fixed
            together = one in table.predictors and other in table.predictors
            if saturated or one == other or together:
                yield Parameter(one, "~~", other, number, free=int(not given), exogenous=given)
        for name in names:
            if number == WITHIN and name in table.both:
                yield Parameter(name, "~1", "", number, fixed=0.0)
            else:
                yield Parameter(name, "~1", "", number, free=int(name not in fixed), exogenous=name in fixed)


def estimate_levels(problem: LevelProblem) -> Optimum:
    """Estimate a two-level model; variances between clusters may end below zero, if the data say so.

    Parameters
    ----------
    problem : LevelProblem

    Returns
    -------
    Optimum
    """
    found = estimate(problem)
    if found.converged:
        return found
    # steps that keep variances positive do not reach an optimum where one is negative
    work = problem.standard
    again = minimise(work.objective, work.space, found.x * work.scale.parameters)
    return replace(again, x=again.x / work.scale.parameters)
