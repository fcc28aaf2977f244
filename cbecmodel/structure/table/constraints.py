"""Equality constraints as a space: ``x = offset + basis z`` with free coordinates ``z``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.syntax.expressions import Expression, evaluate_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.syntax.formulas import Constraint
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Space:
    """All parameter vectors that satisfy the equality constraints.

    Attributes
    ----------
    offset : ndarray, shape (q,)
    basis : ndarray, shape (q, r)
        r = number of directions in which the parameters can vary.
    held : int
        Directions that active inequalities hold; they count as parameters all the same (lavaan's npar).
    """

    offset: Floats
    basis: Floats
    held: int = 0

    @property
    def size(self) -> int:
        """Return the number of independent parameters.

        Returns
        -------
        int
        """
        return int(self.basis.shape[1]) + self.held

    @cached_property
    def whole(self) -> bool:
        """Return whether there are no constraints: the coordinates are the parameters themselves.

        Returns
        -------
        bool
        """
        rows, columns = self.basis.shape
        return rows == columns and bool((self.basis == np.eye(rows)).all())

    def projected(self, gradient: Floats) -> Floats:
        """Return a gradient with respect to the coordinates.

        Parameters
        ----------
        gradient : ndarray, shape (q,)

        Returns
        -------
        ndarray, shape (r,)
        """
        return gradient if self.whole else self.basis.T @ gradient

    def inside(self, matrix: Floats) -> Floats:
        """Return second derivatives with respect to the coordinates.

        Parameters
        ----------
        matrix : ndarray, shape (q, q)

        Returns
        -------
        ndarray, shape (r, r)
        """
        return matrix if self.whole else self.basis.T @ matrix @ self.basis

    def outside(self, matrix: Floats) -> Floats:
        """Return covariances of the parameters from those of the coordinates.

        Parameters
        ----------
        matrix : ndarray, shape (r, r)

        Returns
        -------
        ndarray, shape (q, q)
        """
        return matrix if self.whole else self.basis @ matrix @ self.basis.T

    def coordinates(self, x: Floats) -> Floats:
        """Return the coordinates of the point of the space nearest to ``x``.

        Parameters
        ----------
        x : ndarray, shape (q,)

        Returns
        -------
        ndarray, shape (r,)
        """
        if self.whole:
            return x - self.offset
        return np.asarray(np.linalg.lstsq(self.basis, x - self.offset, rcond=None)[0], dtype=np.float64)

    def point(self, z: Floats) -> Floats:
        """Return the parameters at some coordinates.

        Parameters
        ----------
        z : ndarray, shape (r,)

        Returns
        -------
        ndarray, shape (q,)
        """
        return self.offset + (z if self.whole else self.basis @ z)

    def rescaled(self, factors: Floats) -> Space:
        """Return the same space for parameters in other units.

        Parameters
        ----------
        factors : ndarray, shape (q,)

        Returns
        -------
        Space
            Columns of the basis have length one.
        """
        if self.whole:
            return Space(self.offset * factors, self.basis, self.held)
        basis = self.basis * factors[:, None]
        return Space(self.offset * factors, basis / np.linalg.norm(basis, axis=0), self.held)


def constraint_values(table: ParameterTable, rules: Sequence[Constraint], x: Floats) -> tuple[Floats, Floats]:
    """Return ``left - right`` of each constraint and its derivatives.

    Parameters
    ----------
    table : ParameterTable
    rules : sequence of Constraint
        With operator ``==``, ``<`` or ``>``.
    x : ndarray, shape (q,)

    Returns
    -------
    values : ndarray, shape (c,)
    jacobian : ndarray, shape (c, q)

    Raises
    ------
    ModelError
        If a label is not known.
    """
    trees = {rule.lhs: rule.right for rule in table.defined}
    gaps = {f" {index}": Expression("-", (rule.left, rule.right)) for index, rule in enumerate(rules)}
    known = {**table.labels, **_names_of_rows(table)}
    require_labels([*trees.values(), *gaps.values()], {*known, *trees})
    found = evaluate_all({**trees, **gaps}, known, x)
    values = np.array([found[name][0] for name in gaps])
    slopes = np.array([found[name][1] for name in gaps]).reshape(len(gaps), len(x))
    return values, slopes


def _names_of_rows(table: ParameterTable) -> dict[str, int]:
    """Return lavaan's internal names ``.p1.`` of free rows."""
    return {f".p{index + 1}.": row.free - 1 for index, row in enumerate(table.rows) if row.free}


def require_labels(trees: Sequence[Expression], known: set[str]) -> None:
    """Raise if an expression uses a label that no parameter has.

    Parameters
    ----------
    trees : sequence of Expression
    known : set of str

    Raises
    ------
    ModelError
    """
    unknown = [name for tree in trees for name in tree.names() if name not in known]
    if unknown:
        shown = ", ".join(sorted(name for name in known if not name.startswith(".p"))) or "–"
        raise ModelError("structure.unknown_label", labels=", ".join(dict.fromkeys(unknown)), known=shown)


def equality_space(table: ParameterTable) -> Space:
    """Return the space that shared labels and linear ``==`` constraints leave.

    Parameters
    ----------
    table : ParameterTable

    Returns
    -------
    Space

    Raises
    ------
    ModelError
        If linear constraints contradict each other. Nonlinear ones are left out, see :func:`nonlinear_rules`.

    Examples
    --------
    >>> from cbecmodel.structure.table.defaults import parameter_table
    >>> equality_space(parameter_table("f =~ x1 + a*x2 + a*x3")).size
    5
    """
    q = table.n_free
    column = np.arange(q)
    first: dict[str, int] = {}
    for index, at in enumerate(table.free_rows):
        label = table.rows[at].label
        if label:
            column[index] = first.setdefault(label, index)
    kept, place = np.unique(column, return_inverse=True)
    merged = np.zeros((q, len(kept)))
    merged[np.arange(q), place] = 1.0
    rules = [rule for rule in table.constraints if rule.op == "=="]
    linear = [rule for rule, straight in zip(rules, _straight(table, rules), strict=True) if straight]
    if not linear:
        return Space(np.zeros(q), merged)
    origin, slopes = constraint_values(table, linear, np.zeros(q))
    return _intersect(merged, slopes @ merged, -origin)


def nonlinear_rules(table: ParameterTable) -> tuple[Constraint, ...]:
    """Return the ``==`` that are not linear in the parameters.

    Parameters
    ----------
    table : ParameterTable

    Returns
    -------
    tuple of Constraint
    """
    rules = [rule for rule in table.constraints if rule.op == "=="]
    return tuple(rule for rule, straight in zip(rules, _straight(table, rules), strict=True) if not straight)


def _straight(table: ParameterTable, rules: Sequence[Constraint]) -> list[bool]:
    """Return which constraints are linear: the same slopes at two unlike points, and a gap that follows them."""
    if not rules:
        return []
    point = np.linspace(0.3, 1.7, table.n_free)
    origin, slopes = constraint_values(table, rules, np.zeros(table.n_free))
    elsewhere, again = constraint_values(table, rules, point)
    same = np.isclose(slopes, again, rtol=1e-9, atol=1e-12).all(axis=1) & np.isfinite(origin)
    return [bool(one) for one in same & np.isclose(elsewhere - origin, slopes @ point, atol=1e-9)]


def _intersect(merged: Floats, rows: Floats, target: Floats) -> Space:
    left, singular, right = np.linalg.svd(rows)
    rank = int((singular > 1e-10 * max(1.0, singular[0])).sum())
    particular = right[:rank].T @ ((left[:, :rank].T @ target) / singular[:rank])
    if not np.allclose(rows @ particular, target, atol=1e-9):
        raise ModelError("structure.contradiction")
    return Space(merged @ particular, merged @ right[rank:].T)
