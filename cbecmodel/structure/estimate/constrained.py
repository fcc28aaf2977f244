r"""Estimation under nonlinear equations, inequalities and bounds.

The optimum without inequalities is tried first: if it breaks none, it is the answer. Otherwise sequential quadratic programming
finds the region, and Newton steps on the conditions of Karush, Kuhn and Tucker for the active restrictions c,

.. math::

    \nabla F - \nabla c' \lambda = 0, \qquad c = 0,

end at full precision. A solution counts as converged by the size of that gradient and only if every multiplier of an
inequality has the right sign.

References
----------
.. [1] Nocedal, J., & Wright, S. J. (2006). Numerical optimization (2nd ed., ch. 12 and 18). Springer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from cbecmodel.structure.estimate import native
from cbecmodel.structure.estimate.minimise import GRADIENT_OK, Optimum
from cbecmodel.structure.estimate.start import starting_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cbecmodel.structure.table.limits import Limits

Floats = NDArray[np.float64]
_FEASIBLE: Final = 1e-9
_STEPS: Final = 60
_CHANGES: Final = 12  # of the set of active inequalities
_INFEASIBLE_VALUE: Final = 1e8


@dataclass(frozen=True, slots=True)
class _Work:
    """The problem in standardized units and in coordinates of the linear equations."""

    inner: native.StandardizedProblem
    limits: Limits
    size: float

    def x(self, z: Floats) -> Floats:
        return self.inner.space.point(z) / self.inner.scale.parameters

    def value(self, z: Floats) -> tuple[float, Floats]:
        found = self.inner.objective(self.inner.space.point(z), False)
        if not np.isfinite(found.value):
            return _INFEASIBLE_VALUE, np.zeros(len(z))
        return found.value / self.size, self.inner.space.basis.T @ found.gradient / self.size

    def slopes(self, jacobian: Floats) -> Floats:
        return (jacobian / self.inner.scale.parameters) @ self.inner.space.basis

    def equations(self, z: Floats) -> tuple[Floats, Floats]:
        values, jacobian = self.limits.equation_values(self.x(z))
        return values, self.slopes(jacobian)

    def inequalities(self, z: Floats) -> tuple[Floats, Floats]:
        values, jacobian = self.limits.inequality_values(self.x(z))
        return values, self.slopes(jacobian)

    def active(self, z: Floats, chosen: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Return values and slopes of the equations and of the chosen inequalities."""
        values, slopes = self.equations(z)
        more, steep = self.inequalities(z)
        return np.concatenate([values, more[chosen]]), np.concatenate([slopes, steep[chosen]])

    def curvature(self, z: Floats, chosen: NDArray[np.bool_], multipliers: Floats) -> Floats:
        """Return the second derivatives of ``multipliers' c`` by central differences of its exact gradient."""
        step = 1e-5 * np.maximum(1.0, np.abs(z))
        out = np.zeros((len(z), len(z)))
        for k in range(len(z)):
            move = np.zeros(len(z))
            move[k] = step[k]
            ahead, behind = (self.active(z + sign * move, chosen)[1] for sign in (1, -1))
            out[k] = multipliers @ (ahead - behind) / (2 * step[k])
        return (out + out.T) / 2


def estimate_within(problem: native.Problem, limits: Limits, boldness: Sequence[float]) -> Optimum:
    """Return the estimate that satisfies all restrictions.

    Parameters
    ----------
    problem : Problem
    limits : Limits
    boldness : sequence of float
        Starting points tried one after the other.

    Returns
    -------
    Optimum
        Its gradient is that of the Lagrangian.
    """
    plain = replace(problem, space=limits.space, limits=None)
    free = native.estimate(plain, boldness)
    if not limits.equations and free.converged and (limits.inequality_values(free.x)[0] > 0).all():
        return free
    inner = native.standardized(plain)
    size = float(np.mean([np.diag(weight).mean() for weight in inner.weights])) if inner.weights else 1.0
    work = _Work(inner, limits, size)
    best: Optimum | None = None
    for start in _starts(plain, inner, free, boldness):
        found = _solve(work, inner.space.coordinates(start))
        if best is None or (found.converged, -found.value) > (best.converged, -best.value):
            best = found
        if best.converged:
            break
    assert best is not None
    return replace(best, x=_on_bounds(limits, best.x), value=best.value * size)


def _on_bounds(limits: Limits, x: Floats) -> Floats:
    """Put values that are a rounding error away from a bound on it."""
    for bound in (limits.lower, limits.upper):
        x = np.where(np.abs(x - bound) <= 1e-12 * np.maximum(1.0, np.abs(x)), bound, x)
    return x


def _starts(
    problem: native.Problem, inner: native.StandardizedProblem, free: Optimum, boldness: Sequence[float]
) -> Iterator[Floats]:
    factors = inner.scale.parameters
    for bold in boldness:
        yield starting_values(problem.table, inner.pattern, inner.samples, factors, bold)
    if np.isfinite(free.x).all():
        yield free.x * factors


def _solve(work: _Work, start: Floats) -> Optimum:
    constraints: Any = []
    for kind, function in (("eq", work.equations), ("ineq", work.inequalities)):
        if len(function(start)[0]):
            constraints.append({"type": kind, "fun": _part(function, 0), "jac": _part(function, 1)})
    found = optimize.minimize(
        work.value, start, jac=True, method="SLSQP", constraints=constraints, options={"maxiter": 500, "ftol": 1e-13}
    )
    z = np.asarray(found.x, dtype=np.float64)
    if not np.isfinite(z).all():
        return Optimum(work.x(start), np.inf, np.inf, int(found.nit), False)
    z, residual = _polished(work, z)
    value = work.value(z)[0]
    return Optimum(work.x(z), value, residual, int(found.nit), bool(residual < GRADIENT_OK))


def _part(function: Any, index: int) -> Any:
    return lambda z: np.nan_to_num(function(z)[index], nan=-1e6)


def _polished(work: _Work, z: Floats) -> tuple[Floats, float]:
    """Take Newton steps on the active set, correcting the set until signs and feasibility are right."""
    gaps, _ = work.inequalities(z)
    chosen: NDArray[np.bool_] = gaps < 1e-5
    for _ in range(_CHANGES):
        there, multipliers, residual = _newton(work, z, chosen)
        if not np.isfinite(residual):
            return z, residual
        gaps, _ = work.inequalities(there)
        pulling = np.zeros_like(chosen)
        pulling[chosen] = multipliers[len(multipliers) - int(chosen.sum()) :] < -GRADIENT_OK
        broken = (gaps < -_FEASIBLE) & ~chosen
        if residual >= GRADIENT_OK or not (pulling.any() or broken.any()):
            return there, residual
        chosen = (chosen & ~pulling) | broken
    return z, float("inf")


def _newton(work: _Work, z: Floats, chosen: NDArray[np.bool_]) -> tuple[Floats, Floats, float]:
    best: tuple[Floats, Floats, float] = z, np.zeros(0), float("inf")
    multipliers: Floats
    rising = 0
    for _ in range(_STEPS):
        found = work.inner.objective(work.inner.space.point(z), True)
        if not np.isfinite(found.value):
            break
        basis = work.inner.space.basis
        gradient, hessian = basis.T @ found.gradient / work.size, basis.T @ found.hessian @ basis / work.size
        values, slopes = work.active(z, chosen)
        multipliers = np.asarray(np.linalg.lstsq(slopes.T, gradient, rcond=None)[0], dtype=np.float64)
        left = np.abs(gradient - slopes.T @ multipliers).max(initial=0.0)
        residual = float(max(left, np.abs(values).max(initial=0.0)))
        rising = rising + 1 if residual >= best[2] else 0
        if residual < best[2]:
            best = z, multipliers, residual
        if residual < 1e-14 or rising > 3:
            break
        if len(work.limits.equations) + len(work.limits.inequalities):
            hessian = hessian - work.curvature(z, chosen, multipliers)
        corner = np.zeros((len(values), len(values)))
        system = np.block([[hessian, -slopes.T], [slopes, corner]])
        step = np.linalg.lstsq(system, -np.concatenate([gradient, values]), rcond=None)[0]
        z = z + step[: len(z)]
    return best
