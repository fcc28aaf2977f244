"""Our own estimator: Newton on standardized moments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.likelihood import Derivatives, discrepancy
from cbecmodel.structure.matrices import MOMENT, ModelPattern, Scale, natural_scale, rescaled, rescaled_moments
from cbecmodel.structure.minimise import Optimum, minimise
from cbecmodel.structure.start import starting_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.constraints import Space
    from cbecmodel.structure.moments import SampleMoments
    from cbecmodel.structure.partable import ParameterTable

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything an engine needs.

    Attributes
    ----------
    table : ParameterTable
    samples : tuple of SampleMoments
    pattern : ModelPattern
    space : Space
    """

    table: ParameterTable
    samples: tuple[SampleMoments, ...]
    pattern: ModelPattern
    space: Space


@dataclass(frozen=True, slots=True)
class StandardizedProblem:
    """The same problem in units in which observed variables have variance near one.

    Attributes
    ----------
    samples : tuple of SampleMoments
    pattern : ModelPattern
    space : Space
    scale : Scale
    """

    samples: tuple[SampleMoments, ...]
    pattern: ModelPattern
    space: Space
    scale: Scale

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
        return discrepancy(self.pattern, self.samples, x, second=second)

    def gradient_size(self, x: Floats) -> float:
        """Return the largest element of the constrained gradient, in these units.

        Parameters
        ----------
        x : ndarray, shape (q,)

        Returns
        -------
        float
        """
        found = self.objective(x, False)
        return (
            float(np.abs(self.space.basis.T @ found.gradient).max(initial=0.0)) if np.isfinite(found.value) else np.inf
        )


def standardized(problem: Problem, *, common: bool = False) -> StandardizedProblem:
    """Change the units of a problem.

    Parameters
    ----------
    problem : Problem
    common : bool
        One unit for all observed variables, see :func:`~cbecmodel.structure.matrices.natural_scale`.

    Returns
    -------
    StandardizedProblem
    """
    scale = natural_scale(problem.pattern, problem.samples, common=common)
    return StandardizedProblem(
        samples=tuple(rescaled_moments(sample, scale) for sample in problem.samples),
        pattern=rescaled(problem.pattern, scale),
        space=problem.space.rescaled(scale.parameters),
        scale=scale,
    )


def variance_mask(pattern: ModelPattern) -> NDArray[np.bool_]:
    """Return which free parameters are variances.

    Parameters
    ----------
    pattern : ModelPattern

    Returns
    -------
    ndarray of bool, shape (q,)
    """
    mask = np.zeros(pattern.n_free, dtype=bool)
    for group in pattern.groups:
        mask[group.parameter[(group.kind == MOMENT) & (group.row == group.column)]] = True
    return mask


def estimate(problem: Problem, boldness: Sequence[float] = (1.0, 0.5, 0.1)) -> Optimum:
    """Return the maximum-likelihood estimate.

    Parameters
    ----------
    problem : Problem
    boldness : sequence of float
        Starting points tried one after the other until one converges.

    Returns
    -------
    Optimum
        ``x`` in the user's units, ``gradient`` in standardized ones.
    """
    work = standardized(problem)
    best: Optimum | None = None
    for size in boldness:
        start = starting_values(problem.table, work.pattern, work.samples, work.scale.parameters, size)
        found = minimise(work.objective, work.space, start, positive=variance_mask(work.pattern))
        if best is None or (found.converged, -found.value) > (best.converged, -best.value):
            best = found
        if best.converged:
            break
    assert best is not None
    return replace(best, x=best.x / work.scale.parameters)
