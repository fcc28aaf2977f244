"""Our own estimator: Newton on standardized moments."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate import least_squares, ordinal
from cbecmodel.structure.estimate.likelihood import Derivatives, discrepancy
from cbecmodel.structure.estimate.matrices import MOMENT, ModelPattern, Scale, natural_scale, rescaled, rescaled_moments
from cbecmodel.structure.estimate.minimise import Optimum, minimise
from cbecmodel.structure.estimate.point import Point
from cbecmodel.structure.estimate.start import starting_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.table.constraints import Space
    from cbecmodel.structure.table.limits import Limits
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """Everything an engine needs.

    Attributes
    ----------
    table : ParameterTable
    samples : tuple of SampleMoments
    pattern : ModelPattern
    space : Space
    weights : tuple of ndarray, shape (m, m)
        Of the moments of each group, for least squares; none for maximum likelihood.
    limits : Limits, optional
        Nonlinear equations, inequalities and bounds; then ``space`` is, once there is a solution, tangent to them there.
    """

    table: ParameterTable
    samples: tuple[SampleMoments, ...]
    pattern: ModelPattern
    space: Space
    weights: tuple[Floats, ...] = ()
    limits: Limits | None = None

    @cached_property
    def standard(self) -> StandardizedProblem:
        """Return the same problem in standardized units.

        Returns
        -------
        StandardizedProblem
        """
        return standardized(self)

    def at(self, x: Floats) -> Point:
        """Return the model at a parameter vector; what was computed at the last one is kept.

        Parameters
        ----------
        x : ndarray, shape (q,)
            In the user's units.

        Returns
        -------
        Point
        """
        last = self.__dict__.get("_last")
        if not isinstance(last, Point) or not np.array_equal(last.x, x):
            last = Point(self, x)
            self.__dict__["_last"] = last
        return last

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what can be computed again.

        Returns
        -------
        dict
        """
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class StandardizedProblem:
    """The same problem in units in which observed variables have variance near one.

    Attributes
    ----------
    samples : tuple of SampleMoments
    pattern : ModelPattern
    space : Space
    scale : Scale
    weights : tuple of ndarray, shape (m, m)
    """

    samples: tuple[SampleMoments, ...]
    pattern: ModelPattern
    space: Space
    scale: Scale
    weights: tuple[Floats, ...] = ()

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
        if self.samples[0].ordinal is not None:
            return ordinal.discrepancy(self.pattern, self.samples, self.weights, x, second=second)
        if self.weights:
            return least_squares.discrepancy(self.pattern, self.samples, self.weights, x, second=second)
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
        inside = np.isfinite(found.value)
        return float(np.abs(self.space.projected(found.gradient)).max(initial=0.0)) if inside else np.inf


def standardized(problem: Problem, *, common: bool = False) -> StandardizedProblem:
    """Change the units of a problem.

    Parameters
    ----------
    problem : Problem
    common : bool
        One unit for all observed variables, see :func:`~cbecmodel.structure.estimate.matrices.natural_scale`.

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
        weights=tuple(
            _rescaled_weight(weight, sample, scale.variables[: len(sample.names)], problem.pattern.means)
            for weight, sample in zip(problem.weights, problem.samples, strict=bool(problem.weights))
        ),
    )


def _size(weight: Floats) -> float:
    """Return the mean of the diagonal of a weight, which may be given as that diagonal."""
    return float((weight if weight.ndim == 1 else np.diag(weight)).mean())


def _rescaled_weight(weight: Floats, sample: SampleMoments, unit: Floats, means: bool) -> Floats:
    if sample.ordinal is None:
        return least_squares.rescaled_weight(weight, unit, means)
    units = sample.ordinal.units(unit)
    return weight * (units**2 if weight.ndim == 1 else np.outer(units, units))


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
    """Return the estimate of maximum likelihood or, where moments have weights, of least squares.

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
    if problem.limits is not None:
        from cbecmodel.structure.estimate.constrained import estimate_within  # it takes this function's help

        return estimate_within(problem, problem.limits, boldness)
    work = problem.standard
    # weights may have any size (those of ULS are in the data's units), convergence is judged near one
    size = float(np.mean([_size(weight) for weight in work.weights])) if work.weights else 1.0
    sized = replace(work, weights=tuple(weight / size for weight in work.weights))
    best: Optimum | None = None
    for bold in boldness:
        start = starting_values(problem.table, work.pattern, work.samples, work.scale.parameters, bold)
        found = minimise(sized.objective, work.space, start, positive=variance_mask(work.pattern))
        if best is None or (found.converged, -found.value) > (best.converged, -best.value):
            best = found
        if best.converged:
            break
    assert best is not None
    return replace(best, x=best.x / work.scale.parameters, value=best.value * size)
