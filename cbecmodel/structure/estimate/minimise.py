"""Newton's method with safeguards, in the space the equality constraints leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.likelihood import Derivatives

if TYPE_CHECKING:
    from cbecmodel.structure.table.constraints import Space

Floats = NDArray[np.float64]
Objective = Callable[[Floats, bool], Derivatives]

GRADIENT_OK: Final = 1e-7  # largest gradient element, in standardized units, at what counts as an optimum
_POLISHED: Final = 1e-13
_SCORING_STEPS: Final = 3
_HALVINGS: Final = 40
_GUARDED_STEPS: Final = 25


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

    Fisher scoring first, then Newton steps where the Hessian is positive definite, each with step halving; at the end
    full Newton steps as long as the gradient still falls.

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
    steps = 0
    for steps in range(1, max_iterations + 1):
        gradient = space.basis.T @ here.gradient
        size = float(np.abs(gradient).max(initial=0.0))
        if size < _POLISHED:
            break
        direction = _direction(space, here, gradient, steps)
        length = 1.0
        if positive is not None and steps <= _GUARDED_STEPS:
            length = _inside(space.point(z)[positive], (space.basis @ direction)[positive])
        moved = _line_search(objective, space, z, here, gradient=gradient, direction=direction, length=length)
        if moved is None:
            break
        z, here = moved
    gradient = space.basis.T @ here.gradient
    size = float(np.abs(gradient).max(initial=0.0))
    return Optimum(space.point(z), here.value, size, steps, size < GRADIENT_OK)


def _direction(space: Space, here: Derivatives, gradient: Floats, step: int) -> Floats:
    hessian = space.basis.T @ here.hessian @ space.basis
    if step > _SCORING_STEPS:
        try:
            np.linalg.cholesky(hessian)
            return -np.asarray(np.linalg.solve(hessian, gradient), dtype=np.float64)
        except np.linalg.LinAlgError:
            pass  # not convex here: score instead
    scoring = 2 * space.basis.T @ here.information @ space.basis
    values, vectors = np.linalg.eigh(scoring)
    kept = values > 1e-10 * values[-1]
    along = vectors[:, kept]
    scored: Floats = -along @ ((along.T @ gradient) / values[kept])
    return scored


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
) -> tuple[Floats, Derivatives] | None:
    slope = float(gradient @ direction)
    for attempt in range(_HALVINGS):
        there = z + length * direction
        whole = attempt == 0  # first steps are nearly always taken: compute all at once
        found = objective(space.point(there), whole)
        value = found.value
        if value <= here.value + 1e-4 * length * slope:
            return there, found if whole else objective(space.point(there), True)
        if np.isfinite(value) and abs(value - here.value) <= 1e-12 * max(1.0, abs(here.value)):
            # too close for the value to tell: the gradient decides
            found = found if whole else objective(space.point(there), True)
            before = np.abs(gradient).max()
            return (there, found) if np.abs(space.basis.T @ found.gradient).max() < 0.9 * before else None
        length /= 2
    return None
