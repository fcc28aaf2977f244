"""The independence model, to which fit is compared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ConvergenceError
from cbecmodel.structure.estimate.matrices import pattern_of
from cbecmodel.structure.estimate.minimise import minimise
from cbecmodel.structure.estimate.native import Problem
from cbecmodel.structure.sample.incomplete import available_moments
from cbecmodel.structure.table.constraints import Space
from cbecmodel.structure.table.parameter import Parameter, numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


def baseline_problem(table: ParameterTable, samples: Sequence[SampleMoments]) -> tuple[Problem, Floats]:
    """Return the independence model and its estimate.

    Parameters
    ----------
    table : ParameterTable
    samples : sequence of SampleMoments

    Returns
    -------
    Problem, ndarray
    """
    rows, values = [], []
    names = table.observed
    for number, sample in enumerate(samples, start=1):
        mean, cov = _baseline_moments(table, sample)
        for i, one in enumerate(names):
            for j, other in enumerate(names[i:], start=i):
                together = one in table.predictors and other in table.predictors
                together = together or one in table.auxiliary or other in table.auxiliary
                if i == j or together:
                    given = one in table.exogenous and other in table.exogenous
                    rows.append(Parameter(one, "~~", other, number, free=int(not given), exogenous=given))
                    values.append(float(cov[i, j]))
        if table.meanstructure:
            for i, one in enumerate(names):
                given = one in table.exogenous
                rows.append(Parameter(one, "~1", "", number, free=int(not given), exogenous=given))
                values.append(float(mean[i]))
    independent = replace(table, rows=numbered(rows), constraints=(), latents=(), composites=())
    x = np.array(values)[independent.free_rows]
    space = Space(np.zeros(len(x)), np.eye(len(x)))
    problem = Problem(independent, tuple(samples), pattern_of(independent, samples), space)
    return problem, _searched(problem, x) if table.auxiliary else x


def _searched(problem: Problem, x: Floats) -> Floats:
    """Return the estimate of an independence model that is no function of the moments, from variances alone."""
    work = problem.standard
    rows = [problem.table.rows[at] for at in problem.table.free_rows]
    alone = np.array([row.op == "~1" or row.lhs == row.rhs for row in rows])
    found = minimise(work.objective, work.space, np.where(alone, x * work.scale.parameters, 0.0))
    if not found.converged:
        raise ConvergenceError("structure.auxiliary_baseline", gradient=f"{found.gradient:.2g}")
    return found.x / work.scale.parameters


def _baseline_moments(table: ParameterTable, sample: SampleMoments) -> tuple[Floats, Floats]:
    """Return the moments at which the independence model is estimated: with gaps, each variable's own."""
    if not sample.patterns or sample.raw is None or set(table.predictors) == set(table.observed):
        return sample.mean, sample.cov
    loose = ~np.array([name in table.predictors for name in table.observed])
    mean, variance = available_moments(sample.raw, sample.weights)
    return np.where(loose, mean, sample.mean), np.where(np.diag(loose), np.diag(variance), sample.cov)
