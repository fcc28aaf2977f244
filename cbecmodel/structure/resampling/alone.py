"""One replicate at a time: what the batched engine cannot do or could not finish, and full results of a replicate."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import DataError, DataWarning
from cbecmodel.structure.estimate.least_squares import weight_matrix
from cbecmodel.structure.estimate.matrices import pattern_of
from cbecmodel.structure.estimate.native import Problem, estimate
from cbecmodel.structure.sample.categories import Categories
from cbecmodel.structure.sample.moments import SampleMoments, array_moments, incomplete_moments
from cbecmodel.structure.sample.ordinal import ordinal_sample
from cbecmodel.structure.table.constraints import equality_space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.estimate.minimise import Optimum
    from cbecmodel.structure.options import Options

Floats = NDArray[np.float64]

CONVERGED: Final = 0
NO_OPTIMUM: Final = 1
CONSTANT: Final = 2
SINGULAR: Final = 3
UNUSABLE: Final = 4
EMPTY_CATEGORY: Final = 5
PERFECT: Final = 6
REASONS: Final = ("", "no_optimum", "constant", "singular", "unusable", "empty_category", "perfect")
_KEYS: Final = {
    "structure.constant": CONSTANT,
    "structure.dependent": SINGULAR,
    "structure.not_positive_definite": SINGULAR,
    "structure.category_unused": EMPTY_CATEGORY,
    "structure.category_of_group": EMPTY_CATEGORY,
    "structure.perfect_pair": PERFECT,
}


def problem_of(problem: Problem, options: Options, values: Sequence[Floats]) -> Problem:
    """Return the same model with other data.

    Parameters
    ----------
    problem : Problem
    options : Options
    values : sequence of ndarray, shape (n_g, p)
        The cases of each group.

    Returns
    -------
    Problem

    Raises
    ------
    DataError
        If these data cannot be used: a constant variable, or one that is a linear combination of others.
    """
    table = problem.table
    divisor = "wishart" if problem.weights else options.likelihood
    samples: list[SampleMoments] = []
    for data, sample in zip(values, problem.samples, strict=True):
        if sample.ordinal is not None:
            samples.append(_ordinal(data, sample, pairwise=options.missing == "pairwise"))
        elif sample.patterns:
            samples.append(incomplete_moments(data, sample.names, table.exogenous))
        else:
            samples.append(array_moments(data, sample.names, divisor))
    weights = tuple(weight_matrix(one, options.estimator, table.meanstructure) for one in samples)
    return replace(
        problem,
        samples=tuple(samples),
        pattern=pattern_of(table, samples),
        space=equality_space(table),
        weights=weights if problem.weights else (),
    )


def _ordinal(data: Floats, sample: SampleMoments, *, pairwise: bool) -> SampleMoments:
    """Return the sample with other answers, in the categories it has."""
    assert sample.ordinal is not None
    scales = [
        Categories(name, tuple(str(code) for code in range(len(cuts) + 1)), codes)
        for name, cuts, codes in zip(sample.names, sample.ordinal.cuts, sample.ordinal.codes.T, strict=False)
        if len(cuts)
    ]  # fixed exogenous variables, which follow, have none
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # empty cells are nothing special in a resample
        return ordinal_sample(data, sample.names, scales, sample.ordinal.given, where="", pairwise=pairwise)


def fitted_alone(problem: Problem, options: Options, values: Sequence[Floats]) -> tuple[Optimum | None, int]:
    """Fit one replicate by the code of single fits, from cold starts.

    Parameters
    ----------
    problem : Problem
    options : Options
    values : sequence of ndarray, shape (n_g, p)

    Returns
    -------
    optimum : Optimum or None
    code : int
        Index into :data:`REASONS`.
    """
    try:
        found = estimate(problem_of(problem, options, values))
    except DataError as error:
        return None, _KEYS.get(error.key, UNUSABLE)
    return found, CONVERGED if found.converged else NO_OPTIMUM
