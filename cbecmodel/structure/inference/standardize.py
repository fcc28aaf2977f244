"""Standardized solutions and their derivatives.

Loadings and paths are multiplied by the standard deviation of the cause and divided by that of the effect; variances are
divided by the implied variance; covariances by the roots of the two (residual) variances of the same kind, so that they are
(residual) correlations; intercepts by the standard deviation. ``"lv"`` does so for latent variables alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import Implied, filled, implied
from cbecmodel.structure.estimate.matrices import MOMENT, PATH, GroupPattern, ModelPattern, place

if TYPE_CHECKING:
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
    values = np.zeros(len(table.rows))
    jacobian = np.zeros((len(table.rows), pattern.n_free))
    names = (*table.observed, *table.latents)
    position = {name: index for index, name in enumerate(names)}
    raw = {"all": set(), "lv": set(table.observed), "nox": set(table.exogenous)}[kind]
    standing = np.array([name not in raw for name in names])
    for number, group in enumerate(pattern.groups, start=1):
        at = [index for index, row in enumerate(table.rows) if row.group == number]
        places = np.array([place(table.rows[index], position) for index in at], dtype=np.intp).reshape(-1, 3)
        found = _group(group, x, places, standing)
        values[at] = found.values
        jacobian[at] = found.jacobian
    return Standardized(values, jacobian)


def _group(group: GroupPattern, x: Floats, places: NDArray[np.intp], standing: NDArray[np.bool_]) -> Standardized:
    q = len(x)
    state = implied(group, x)
    paths, moments, intercepts = filled(group, x)
    kind, row, column = places.T
    variance, slopes = variances(group, state, q)
    # logarithms of the units of each variable, and their derivatives: 0 where it keeps its own unit
    with np.errstate(divide="ignore", invalid="ignore"):
        log_unit = np.where(standing, 0.5 * np.log(variance), 0.0)
        unit_slope = np.where(standing[:, None], 0.5 * slopes / variance[:, None], 0.0)
    value = np.where(kind == PATH, paths[row, column], np.where(kind == MOMENT, moments[row, column], intercepts[row]))
    log_factor = np.select(
        [kind == PATH, (kind == MOMENT) & (row == column)],
        [log_unit[column] - log_unit[row], -2 * log_unit[row]],
        -log_unit[row],
    )
    factor_slope = np.select(
        [(kind == PATH)[:, None], ((kind == MOMENT) & (row == column))[:, None]],
        [unit_slope[column] - unit_slope[row], -2 * unit_slope[row]],
        -unit_slope[row],
    )
    own = _own_slopes(group, kind, row, column, q)
    for index in np.flatnonzero((kind == MOMENT) & (row != column)):
        log_factor[index], factor_slope[index] = _residual_scale(
            group, moments, int(row[index]), int(column[index]), standing=standing, q=q
        )
    factor = np.exp(log_factor)
    return Standardized(value * factor, factor[:, None] * (own + value[:, None] * factor_slope))


def _own_slopes(
    group: GroupPattern, kind: NDArray[np.intp], row: NDArray[np.intp], column: NDArray[np.intp], q: int
) -> Floats:
    """Return the derivatives of the raw values: 1 at a free row's own parameter."""
    index = {
        (int(k), int(i), int(j)): int(parameter)
        for k, i, j, parameter in zip(group.kind, group.row, group.column, group.parameter, strict=True)
    }
    own = np.zeros((len(kind), q))
    for at, key in enumerate(zip(kind.tolist(), row.tolist(), column.tolist(), strict=True)):
        if key in index:
            own[at, index[key]] = 1.0
    return own


def _residual_scale(
    group: GroupPattern, moments: Floats, i: int, j: int, *, standing: NDArray[np.bool_], q: int
) -> tuple[float, Floats]:
    """Return the logarithm of what makes a covariance a correlation of the two residuals, with its derivatives."""
    log_factor, slope = 0.0, np.zeros(q)
    for k in (i, j):
        if not standing[k]:
            continue
        variance = moments[k, k]
        log_factor -= 0.5 * np.log(variance) if variance > 0 else np.nan
        own = (group.kind == MOMENT) & (group.row == k) & (group.column == k)
        slope[group.parameter[own]] -= 0.5 / variance if variance else np.nan
    return log_factor, slope


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
    np.add.at(slopes.T, group.parameter, local.T)
    return np.diag(full).copy(), slopes
