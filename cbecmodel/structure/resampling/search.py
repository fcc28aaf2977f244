r"""Minimise many discrepancies at once: limited-memory BFGS with one preconditioner for all.

Every search starts at the same point (the full sample's solution) or at one of its own, and takes the inverse Hessian there for
its first guess of curvature. Only values and gradients are asked for; step halving guards each search by itself.

References
----------
.. [1] Liu, D. C., & Nocedal, J. (1989). On the limited memory BFGS method for large scale optimization. Mathematical
   Programming, 45, 503-528.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Evaluate = Callable[[Floats, Indices], tuple[Floats, Floats]]

GRADIENT: Final = 3e-9  # a search stops when no element of its gradient is larger, and takes one step more unseen
DECREMENT: Final = 1e-20  # … or the expected decrease is this small
MAX_EVALUATIONS: Final = 200
MEMORY: Final = 24
SHORTEST: Final = 1e-8  # step at which a search is given up


@dataclass(frozen=True, slots=True)
class Search:
    """Where the searches ended.

    Attributes
    ----------
    z : ndarray, shape (R, r)
    value : ndarray, shape (R,)
    gradient : ndarray, shape (R,)
        Largest element of each gradient.
    evaluations : ndarray of int, shape (R,)
    """

    z: Floats
    value: Floats
    gradient: Floats
    evaluations: Indices


@dataclass(slots=True)
class _Running:
    """The searches still going on."""

    ids: Indices
    z: Floats
    value: Floats
    gradient: Floats
    direction: Floats
    slope: Floats
    length: Floats
    steps: list[Floats]
    changes: list[Floats]
    scales: list[Floats]

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        for name in ("ids", "z", "value", "gradient", "direction", "slope", "length"):
            setattr(self, name, getattr(self, name)[chosen])
        for history in (self.steps, self.changes, self.scales):
            history[:] = [part[chosen] for part in history]


def search(evaluate: Evaluate, start: Floats, preconditioner: Floats, max_evaluations: int = MAX_EVALUATIONS) -> Search:
    """Minimise.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(z, ids)`` returns values, shape (k,), and gradients, shape (k, r), of the searches ``ids`` at ``z``.
    start : ndarray, shape (R, r)
    preconditioner : ndarray, shape (r, r)
        Guess of the inverse Hessian.
    max_evaluations : int

    Returns
    -------
    Search

    Examples
    --------
    >>> centre = np.array([[1.0, 2.0], [3.0, 5.0]])
    >>> bowl = lambda z, ids: (((z - centre[ids]) ** 2).sum(axis=1), 2 * (z - centre[ids]))
    >>> search(bowl, np.zeros((2, 2)), np.eye(2)).z.round(6).tolist()
    [[1.0, 2.0], [3.0, 5.0]]
    """
    total = len(start)
    every = np.arange(total)
    value, gradient = evaluate(start, every)
    found = Search(start.copy(), value.copy(), _largest(gradient), np.ones(total, dtype=np.intp))
    direction = -gradient @ preconditioner
    slope = np.einsum("ri,ri->r", gradient, direction)
    run = _Running(every, start.copy(), value, gradient, direction, slope, np.ones(total), [], [], [])
    for _ in range(max_evaluations):
        _finish(run, found)
        if not len(run.ids):
            break
        _advance(evaluate, run, preconditioner, found)
    run.length[:] = 0.0
    _finish(run, found)
    return found


def _largest(gradient: Floats) -> Floats:
    return np.asarray(np.abs(gradient).max(axis=1, initial=0.0), dtype=np.float64)


def _finish(run: _Running, found: Search) -> None:
    """Write down the searches that are done or cannot go on."""
    size = _largest(run.gradient)
    done = (size <= GRADIENT) | (-run.slope <= DECREMENT) | (run.length < SHORTEST) | ~np.isfinite(run.value)
    if not done.any():
        return
    ids = run.ids[done]
    last = np.where((size <= GRADIENT)[:, None], run.direction, 0.0)[done]
    found.z[ids], found.value[ids], found.gradient[ids] = run.z[done] + last, run.value[done], size[done]
    run.keep(~done)


def _advance(evaluate: Evaluate, run: _Running, preconditioner: Floats, found: Search) -> None:
    """Try one step of every search."""
    there = run.z + run.length[:, None] * run.direction
    value, gradient = evaluate(there, run.ids)
    found.evaluations[run.ids] += 1
    # the last term: near the optimum the value cannot tell a better point any more
    enough = run.value + 1e-4 * run.length * run.slope + 1e-13 * np.abs(run.value)
    taken = value <= enough
    moved = taken[:, None]
    step = np.where(moved, there - run.z, 0.0)
    change = np.where(moved, gradient - run.gradient, 0.0)
    curvature = np.einsum("ri,ri->r", step, change)
    size = np.sqrt(np.einsum("ri,ri->r", step, step) * np.einsum("ri,ri->r", change, change))
    useful = curvature > 1e-10 * size
    run.steps.append(step)
    run.changes.append(change)
    run.scales.append(np.where(useful, 1 / np.where(useful, curvature, 1.0), 0.0))
    if len(run.steps) > MEMORY:
        for history in (run.steps, run.changes, run.scales):
            del history[0]
    run.z = np.where(moved, there, run.z)
    run.gradient = np.where(moved, gradient, run.gradient)
    run.value = np.where(taken, value, run.value)
    direction = _two_loops(run, preconditioner)
    run.direction = np.where(moved, direction, run.direction)
    run.slope = np.where(taken, np.einsum("ri,ri->r", run.gradient, direction), run.slope)
    shorter = run.length * np.where(np.isfinite(value), 0.5, 0.25)
    run.length = np.where(taken, 1.0, shorter)


def _two_loops(run: _Running, preconditioner: Floats) -> Floats:
    """Return the directions of the limited-memory BFGS formula."""
    rest = run.gradient.copy()
    kept: list[Floats] = []
    for step, change, scale in zip(run.steps[::-1], run.changes[::-1], run.scales[::-1], strict=True):
        share = scale * np.einsum("ri,ri->r", step, rest)
        kept.append(share)
        rest -= share[:, None] * change
    rest = rest @ preconditioner
    for step, change, scale, share in zip(run.steps, run.changes, run.scales, kept[::-1], strict=True):
        rest += (share - scale * np.einsum("ri,ri->r", change, rest))[:, None] * step
    return -rest
