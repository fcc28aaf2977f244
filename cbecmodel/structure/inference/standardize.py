"""Standardized solutions and their derivatives.

Loadings and paths are multiplied by the standard deviation of the cause and divided by that of the effect; variances are
divided by the implied variance; covariances by the roots of the two (residual) variances of the same kind, so that they are
(residual) correlations; intercepts by the standard deviation. ``"lv"`` does so for latent variables alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import Implied, filled, implied
from cbecmodel.structure.estimate.matrices import (
    INTERCEPT,
    MOMENT,
    PATH,
    SCALE,
    THRESHOLD,
    GroupPattern,
    ModelPattern,
    place,
)
from cbecmodel.structure.estimate.ordinal_derived import with_derived
from cbecmodel.structure.estimate.ordinal_responses import filled_cuts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]
Kind = Literal["all", "lv", "nox"]


@dataclass(frozen=True, slots=True)
class Standardized:
    """Standardized values of all rows of a table.

    Attributes
    ----------
    values : ndarray, shape (rows,)
    jacobian : ndarray, shape (rows, q)
    """

    values: Floats
    jacobian: Floats


def standardized_rows(table: ParameterTable, pattern: ModelPattern, x: Floats, kind: Kind) -> Standardized:
    """Standardize every row.

    Parameters
    ----------
    table : ParameterTable
    pattern : ModelPattern
    x : ndarray, shape (q,)
    kind : {"all", "lv", "nox"}
        ``"nox"`` leaves fixed exogenous variables in their units.

    Returns
    -------
    Standardized
    """
    values, jacobian = np.zeros(len(table.rows)), np.zeros((len(table.rows), pattern.n_free))
    for at, group, units in _groups(table, pattern, x, kind):
        raw, factor = units.values(), np.exp(units.log_factor())
        own = np.zeros((len(at), pattern.n_free))
        numbers = np.array([table.rows[index].free - 1 for index in at], dtype=np.intp)
        free = np.flatnonzero(numbers >= 0)
        own[free, numbers[free]] = 1.0
        own[units.places[0] == SCALE] = 0.0
        values[at] = raw * factor
        jacobian[at] = factor[:, None] * (own + raw[:, None] * units.factor_slopes(group, pattern.n_free))
    return Standardized(values, jacobian)


def with_derived_rows(
    table: ParameterTable, pattern: ModelPattern, x: Floats
) -> tuple[ParameterTable, ModelPattern, Floats, Floats]:
    """Count the residual variances that follow from scales of ordinal variables as parameters.

    Parameters
    ----------
    table : ParameterTable
    pattern : ModelPattern
    x : ndarray, shape (q,)

    Returns
    -------
    table : ParameterTable
    pattern : ModelPattern
    x : ndarray, shape (r,)
    jacobian : ndarray, shape (r, q)
        Of these by the free parameters.
    """
    if not table.ordered or table.parameterization == "theta":
        return table, pattern, x, np.eye(len(x))
    wide, values, jacobian = with_derived(pattern, x)
    ordered = [name for name in table.observed if name in table.ordered]
    number = {
        (name, group): len(x) + 1 + group * len(ordered) + index
        for group in range(table.n_groups)
        for index, name in enumerate(ordered)
    }
    rows = tuple(
        replace(row, free=number[row.lhs, row.group - 1])
        if row.op == "~~" and row.lhs == row.rhs and row.lhs in table.ordered
        else row
        for row in table.rows
    )
    return replace(table, rows=rows), wide, values, jacobian


def standardized_solution(table: ParameterTable, pattern: ModelPattern, x: Floats, kind: Kind) -> Standardized:
    """Standardize every row; residual variances that follow from scales of ordinal variables move with them.

    Parameters
    ----------
    table : ParameterTable
    pattern : ModelPattern
    x : ndarray, shape (q,)
    kind : {"all", "lv", "nox"}

    Returns
    -------
    Standardized
    """
    if not table.ordered:
        return standardized_rows(table, pattern, x, kind)
    table, pattern, x, jacobian = with_derived_rows(table, pattern, x)
    found = standardized_rows(table, pattern, x, kind)
    return Standardized(found.values, found.jacobian @ jacobian)


def standardized_values(table: ParameterTable, pattern: ModelPattern, x: Floats, kind: Kind) -> Floats:
    """Standardize every row, without derivatives.

    Parameters
    ----------
    table : ParameterTable
    pattern : ModelPattern
    x : ndarray, shape (q,)
    kind : {"all", "lv", "nox"}

    Returns
    -------
    ndarray, shape (rows,)
    """
    out = np.zeros(len(table.rows))
    for at, _, units in _groups(table, pattern, x, kind):
        out[at] = units.values() * np.exp(units.log_factor())
    return out


def unit_factors(table: ParameterTable, pattern: ModelPattern, x: Floats, kind: Kind) -> Floats:
    """Return what standardizing multiplies each row with.

    Parameters
    ----------
    table : ParameterTable
    pattern : ModelPattern
    x : ndarray, shape (q,)
    kind : {"all", "lv", "nox"}

    Returns
    -------
    ndarray, shape (rows,)
    """
    out = np.zeros(len(table.rows))
    for at, _, units in _groups(table, pattern, x, kind):
        out[at] = np.exp(units.log_factor())
    return out


def _groups(
    table: ParameterTable, pattern: ModelPattern, x: Floats, kind: Kind
) -> Iterator[tuple[list[int], GroupPattern, _Units]]:
    """Yield, group by group, the rows of the table, the pattern, and the units of the variables."""
    names = (*table.observed, *table.latents)
    position = {name: index for index, name in enumerate(names)}
    raw = set({"all": (), "lv": table.observed, "nox": table.exogenous}[kind])
    standing = np.array([name not in raw for name in names])
    for number, group in enumerate(pattern.groups, start=1):
        at = [index for index, row in enumerate(table.rows) if row.group == number]
        places = np.array([place(table.rows[index], position) for index in at], dtype=np.intp).reshape(-1, 3).T
        cuts = None if group.ordinal is None else filled_cuts(group, x)
        yield at, group, _Units(implied(group, x), filled(group, x), places, standing, cuts)


@dataclass(frozen=True, slots=True)
class _Units:
    """The units of the variables of one group, and where each row of the table stands.

    Attributes
    ----------
    state : Implied
    matrices : tuple of ndarray
        Paths, moments and intercepts.
    places : ndarray of int, shape (3, rows)
        Matrix, row and column.
    standing : ndarray of bool, shape (t,)
        Which variables are standardized.
    cuts : ndarray, shape (p, most thresholds), optional
        Thresholds, if some variables are ordinal.
    """

    state: Implied
    matrices: tuple[Floats, Floats, Floats]
    places: NDArray[np.intp]
    standing: NDArray[np.bool_]
    cuts: Floats | None = None

    def values(self) -> Floats:
        """Return the values in the user's units."""
        kind, row, number = self.places
        column = np.where(kind <= MOMENT, number, 0)
        paths, moments, intercepts = self.matrices
        found = np.where(kind == PATH, paths[row, column], moments[row, column])
        out: Floats = np.where(kind == INTERCEPT, intercepts[row], found)
        if self.cuts is not None:
            cut = kind == THRESHOLD
            out[cut] = self.cuts[row[cut], number[cut]]
            out[kind == SCALE] = 1.0
        return out

    def log_factor(self) -> Floats:
        """Return the logarithm of what each row is multiplied with."""
        with np.errstate(divide="ignore", invalid="ignore"):
            unit = np.where(self.standing, 0.5 * np.log(self.state.full.diagonal()), 0.0)
            own = self.matrices[1].diagonal()
            residual = np.where(self.standing, 0.5 * np.log(np.where(own > 0, own, np.nan)), 0.0)
        return self._combined(unit, residual)

    def factor_slopes(self, group: GroupPattern, q: int) -> Floats:
        """Return its derivatives with respect to all free parameters, shape (rows, q)."""
        variance, slopes = variances(group, self.state, q)
        own = self.matrices[1].diagonal()
        with np.errstate(divide="ignore", invalid="ignore"):
            unit = np.where(self.standing[:, None], 0.5 * slopes / variance[:, None], 0.0)
            steep = np.where(own != 0, 0.5 / own, np.nan)
        at = group.places
        free = at.moment[at.row[at.moment] == at.column[at.moment]]
        free = free[self.standing[at.row[free]]]
        residual = np.zeros((len(own), q))
        residual[at.row[free], group.parameter[free]] = steep[at.row[free]]
        return self._combined(unit, residual)

    def _combined(self, unit: Floats, residual: Floats) -> Floats:
        """Add up, for each row, the units of its variables; of residual covariances, those of the residuals."""
        kind, row, column = self.places
        out: Floats = -unit[row]
        out[kind == SCALE] = 0.0
        paths = kind == PATH
        out[paths] += unit[column[paths]]
        moments = (kind == MOMENT) & (row == column)
        out[moments] -= unit[row[moments]]
        pairs = (kind == MOMENT) & (row != column)
        out[pairs] = -residual[row[pairs]] - residual[column[pairs]]
        return out


def variances(group: GroupPattern, state: Implied, q: int) -> tuple[Floats, Floats]:
    """Return the implied variances of all variables and their derivatives.

    Parameters
    ----------
    group : GroupPattern
    state : Implied
    q : int
        Number of free parameters of the model.

    Returns
    -------
    variance : ndarray, shape (t,)
    slopes : ndarray, shape (t, q)
    """
    total, full = state.total, state.full
    reach = np.concatenate([total, full], axis=1)
    local = 2 * state.f * reach[:, state.a] * reach[:, state.b]
    slopes = np.zeros((len(full), q))
    slopes[:, group.parameter] = local
    return np.diag(full).copy(), slopes
