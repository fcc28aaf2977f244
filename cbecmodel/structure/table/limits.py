"""What cannot be written as a linear space: nonlinear equations, inequalities and bounds of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from cbecmodel.errors import ModelError
from cbecmodel.structure.table.constraints import Space, constraint_values, equality_space, nonlinear_rules

if TYPE_CHECKING:
    from cbecmodel.structure.syntax.formulas import Constraint
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]
_TOUCHING = 1e-7  # an inequality holds with equality when its two sides are as near as this, in steps of a parameter


@dataclass(frozen=True, slots=True)
class Limits:
    """Restrictions of the parameters beyond the linear equations.

    Attributes
    ----------
    table : ParameterTable
    space : Space
        What the linear equations leave.
    equations : tuple of Constraint
        Nonlinear ``==``.
    inequalities : tuple of Constraint
        ``<`` and ``>``.
    lower, upper : ndarray, shape (q,)
        Bounds; infinite for none.
    """

    table: ParameterTable
    space: Space
    equations: tuple[Constraint, ...]
    inequalities: tuple[Constraint, ...]
    lower: Floats
    upper: Floats

    def equation_values(self, x: Floats) -> tuple[Floats, Floats]:
        """Return what the nonlinear equations leave over, and its derivatives.

        Parameters
        ----------
        x : ndarray, shape (q,)

        Returns
        -------
        values : ndarray, shape (c,)
        jacobian : ndarray, shape (c, q)
        """
        return constraint_values(self.table, self.equations, x)

    def inequality_values(self, x: Floats) -> tuple[Floats, Floats]:
        """Return by how much each inequality and then each bound holds, and its derivatives.

        Parameters
        ----------
        x : ndarray, shape (q,)

        Returns
        -------
        values : ndarray, shape (c,)
            Negative where one is broken.
        jacobian : ndarray, shape (c, q)
        """
        sign = np.array([1.0 if rule.op == ">" else -1.0 for rule in self.inequalities])
        values, slopes = constraint_values(self.table, self.inequalities, x)
        low, high = np.flatnonzero(np.isfinite(self.lower)), np.flatnonzero(np.isfinite(self.upper))
        unit = np.eye(len(x))
        return (
            np.concatenate([sign * values, x[low] - self.lower[low], self.upper[high] - x[high]]),
            np.concatenate([sign[:, None] * slopes, unit[low], -unit[high]]),
        )

    def names(self) -> list[str]:
        """Return what the entries of :meth:`inequality_values` are called.

        Returns
        -------
        list of str
        """
        free = self.table.free_names
        written = [f"{rule.lhs} {rule.op} {rule.rhs}" for rule in self.inequalities]
        low = [f"{free[k]} > {self.lower[k]:.6g}" for k in np.flatnonzero(np.isfinite(self.lower))]
        high = [f"{free[k]} < {self.upper[k]:.6g}" for k in np.flatnonzero(np.isfinite(self.upper))]
        return written + low + high


@dataclass(frozen=True, slots=True)
class Touched:
    """Restrictions that hold with equality at a solution.

    Attributes
    ----------
    space : Space
        Directions in which the estimates can vary: along the equations and the active inequalities. An active bound leaves its
        parameter free to vary, as if it were not there.
    inequalities, bounds : tuple of str
        The active ones.
    """

    space: Space
    inequalities: tuple[str, ...]
    bounds: tuple[str, ...]


def limits_of(table: ParameterTable, space: Space) -> Limits | None:
    """Return the restrictions of a table beyond the linear equations.

    Parameters
    ----------
    table : ParameterTable
    space : Space

    Returns
    -------
    Limits or None
        None if there are none.
    """
    rows = [table.rows[at] for at in table.free_rows]
    lower = np.array([row.lower for row in rows], dtype=np.float64)
    upper = np.array([row.upper for row in rows], dtype=np.float64)
    lower, upper = np.where(np.isnan(lower), -np.inf, lower), np.where(np.isnan(upper), np.inf, upper)
    unequal = tuple(rule for rule in table.constraints if rule.op in ("<", ">"))
    found = Limits(table, space, nonlinear_rules(table), unequal, lower, upper)
    none = not found.equations and not unequal and np.isinf(lower).all() and np.isinf(upper).all()
    return None if none else found


def linear_space(table: ParameterTable) -> Space:
    """Return the space of the linear equations, for methods that know no other restrictions.

    Parameters
    ----------
    table : ParameterTable

    Returns
    -------
    Space

    Raises
    ------
    ModelError
        If the table has nonlinear equations, inequalities or bounds.
    """
    space = equality_space(table)
    if limits_of(table, space) is not None:
        raise ModelError("structure.limits_unsupported")
    return space


def touched(limits: Limits, x: Floats) -> Touched:
    """Return what holds with equality at a solution, and the directions that leaves.

    Parameters
    ----------
    limits : Limits
    x : ndarray, shape (q,)

    Returns
    -------
    Touched
    """
    gaps, slopes = limits.inequality_values(x)
    size = np.linalg.norm(slopes, axis=1) * np.maximum(1.0, np.abs(x).max(initial=0.0))
    active = np.abs(gaps) <= _TOUCHING * np.maximum(size, 1e-300)
    names, written = limits.names(), len(limits.inequalities)
    basis = limits.space.basis
    free = _along(basis, limits.equation_values(x)[1])
    held = _along(free, slopes[:written][active[:written]])
    return Touched(
        Space(x.copy(), held, held=free.shape[1] - held.shape[1]),
        tuple(name for name, hit in zip(names[:written], active[:written], strict=True) if hit),
        tuple(name for name, hit in zip(names[written:], active[written:], strict=True) if hit),
    )


def _along(basis: Floats, slopes: Floats) -> Floats:
    """Return the directions of a basis along which linear forms do not change."""
    inside = slopes @ basis
    size = np.linalg.norm(inside, axis=1, keepdims=True)
    inside = inside[(size > 0).ravel()] / size[size > 0][:, None]
    return basis if not len(inside) else np.asarray(basis @ linalg.null_space(inside), dtype=np.float64)
