"""Newton's and quasi-Newton steps with safeguards, in the space the equality constraints leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.likelihood import Derivatives
from cbecmodel.structure.sample.linear import inverse_logdet

if TYPE_CHECKING:
    from cbecmodel.structure.table.constraints import Space

Floats = NDArray[np.float64]
Objective = Callable[[Floats, bool], Derivatives]

GRADIENT_OK: Final = 1e-7  # largest gradient element, in standardized units, at what counts as an optimum
_POLISHED: Final = 1e-13
_SCORING_STEPS: Final = 3
_HALVINGS: Final = 40
_GUARDED_STEPS: Final = 25
_NEAR: Final = 0.1  # gradient from which on a Hessian serves for several steps
_SINGULAR: Final = 1e10  # condition from which on scoring leaves the weakest directions alone
_SLOW: Final = 0.25  # share of the gradient left by a step after which the Hessian is computed anew


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where the search ended.

    Attributes
    ----------
    x : ndarray, shape (q,)
    value : float
    gradient : float
        Its largest element in the space of the constraints.
    iterations : int
    converged : bool
        Judged by the gradient.
    """

    x: Floats
    value: float
    gradient: float
    iterations: int
    converged: bool


def minimise(
    objective: Objective,
    space: Space,
    start: Floats,
    max_iterations: int = 150,
    *,
    positive: NDArray[np.bool_] | None = None,
) -> Optimum:
    """Minimise a discrepancy.

    Fisher scoring first, then Newton steps where the Hessian is positive definite, each with step halving. Near the optimum
    one Hessian serves for several steps, brought up to date by the differences of gradients, which cost a fraction of it;
    it is computed anew whenever the gradient falls slowly.

    Parameters
    ----------
    objective : callable
        ``objective(x, second)`` returns value, gradient, and (if ``second``) Hessian and expected information.
    space : Space
    start : ndarray, shape (q,)
    max_iterations : int
    positive : ndarray of bool, shape (q,), optional
        Parameters (variances) that the first steps keep positive: whoever starts improper may stay so. Later steps are free,
        so that improper optima are still found and reported.

    Returns
    -------
    Optimum
    """
    z = space.coordinates(start)
    here = objective(space.point(z), True)
    if not np.isfinite(here.value):
        return Optimum(space.point(z), np.inf, np.inf, 0, False)
    steps, model, guarded = 0, None, positive is not None
    for steps in range(1, max_iterations + 1):
        gradient = space.projected(here.gradient)
        size = float(np.abs(gradient).max(initial=0.0))
        if size < _POLISHED:
            break
        model = _Model.at(space, here, steps) if model is None else model
        direction = model.direction(gradient)
        length = 1.0
        if guarded and positive is not None and steps <= _GUARDED_STEPS:
            length = _inside(space.point(z)[positive], (space.basis @ direction)[positive])
        reuse = model.exact and size < _NEAR
        moved = _line_search(
            objective, space, z, here, gradient=gradient, direction=direction, length=length, second=not reuse
        )
        if moved is None:
            if model.updated:
                here, model = objective(space.point(z), True), None  # the old Hessian may be to blame
            elif length < 1:
                guarded, model = False, None  # or the guard, where a variance wants to be negative
            else:
                break
            continue
        change, gained = moved[0] - z, space.projected(moved[1].gradient) - gradient
        z, here = moved
        slow = np.abs(gradient + gained).max(initial=0.0) > _SLOW * size
        model = model.moved(change, gained) if reuse and not slow else None
        if model is None and not here.hessian.size:
            here = objective(space.point(z), True)
    gradient = space.projected(here.gradient)
    size = float(np.abs(gradient).max(initial=0.0))
    return Optimum(space.point(z), here.value, size, steps, size < GRADIENT_OK)


@dataclass(frozen=True, slots=True)
class _Model:
    """A quadratic model of the discrepancy.

    Attributes
    ----------
    inverse : ndarray, shape (r, r)
        Of the Hessian.
    exact : bool
        Whether it comes from the Hessian, not from the expected information.
    updated : bool
        Whether it comes from an earlier point, brought up to date by differences of gradients.
    """

    inverse: Floats
    exact: bool
    updated: bool = False

    @classmethod
    def at(cls, space: Space, here: Derivatives, step: int) -> _Model:
        """Take the Hessian where the discrepancy is convex, otherwise (and in the first steps) the information."""
        if step > _SCORING_STEPS:
            inverted = inverse_logdet(space.inside(here.hessian))
            if inverted is not None:
                return cls(inverted[0], True)
        scoring = 2 * space.inside(here.information)
        inverted = inverse_logdet(scoring)
        if inverted is not None and np.abs(inverted[0]).max() * np.abs(scoring).max() < _SINGULAR:
            return cls(inverted[0], False)
        values, vectors = np.linalg.eigh(scoring)
        kept = values > values[-1] / _SINGULAR
        along = vectors[:, kept]
        return cls((along / values[kept]) @ along.T, False)

    def direction(self, gradient: Floats) -> Floats:
        """Return the step to the model's minimum."""
        return -(self.inverse @ gradient)

    def moved(self, change: Floats, gained: Floats) -> _Model | None:
        """Return the model after a step (Broyden, Fletcher, Goldfarb, Shanno); None if it bent the wrong way."""
        curvature = float(change @ gained)
        if not curvature > 0:
            return None
        reach = self.inverse @ gained
        outward = np.outer(change, reach / curvature)
        grown = (1 + float(gained @ reach) / curvature) / curvature
        return _Model(self.inverse - outward - outward.T + np.outer(change, grown * change), True, True)


def _inside(values: Floats, steps: Floats) -> float:
    """Return the longest step (at most 1) that leaves every positive value a fifth of itself."""
    falling = (steps < 0) & (values > 0)
    return min(1.0, float((0.8 * values[falling] / -steps[falling]).min(initial=1.0)))


def _line_search(
    objective: Objective,
    space: Space,
    z: Floats,
    here: Derivatives,
    *,
    gradient: Floats,
    direction: Floats,
    length: float,
    second: bool,
) -> tuple[Floats, Derivatives] | None:
    slope = float(gradient @ direction)
    for attempt in range(_HALVINGS):
        there = z + length * direction
        whole = second and attempt == 0  # first steps are nearly always taken: compute all at once
        found = objective(space.point(there), whole)
        value = found.value
        if value <= here.value + 1e-4 * length * slope:
            return there, found
        if np.isfinite(value) and abs(value - here.value) <= 1e-12 * max(1.0, abs(here.value)):
            # too close for the value to tell: the gradient decides
            before = np.abs(gradient).max()
            return (there, found) if np.abs(space.projected(found.gradient)).max() < 0.9 * before else None
        length /= 2
    return None
