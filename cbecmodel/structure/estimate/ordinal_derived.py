"""What follows from the parameters of ordinal variables: residual variances (delta) or scales (theta)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import implied
from cbecmodel.structure.estimate.matrices import (
    MOMENT,
    SCALE,
    GroupPattern,
    ModelPattern,
)
from cbecmodel.structure.estimate.ordinal_responses import ordinal_part

Floats = NDArray[np.float64]


def derived_values(pattern: ModelPattern, x: Floats) -> list[dict[int, tuple[float, Floats]]]:
    """Return what follows from the parameters of ordinal variables: residual variances (delta) or scales (theta).

    Parameters
    ----------
    pattern : ModelPattern
    x : ndarray, shape (q,)

    Returns
    -------
    list of dict
        One a group: variable to value and derivatives by the parameters, shape (q,).
    """
    found = []
    for group in pattern.groups:
        which = np.flatnonzero(ordinal_part(group).ordered)
        if ordinal_part(group).theta:
            inner = group.core
            state = implied(inner, x)
            slope = np.zeros((group.p, len(x)))
            np.add.at(slope.T, inner.parameter, (2 * state.f * state.z[:, state.a] * state.z[:, state.b]).T)
            value = 1 / np.sqrt(np.diag(state.sigma)[which])
            slope = -0.5 * value[:, None] ** 3 * slope[which]
        else:
            value, slope = _residual_variances(group, which, x)
        found.append({int(k): (float(v), s) for k, v, s in zip(which, value, slope, strict=True)})
    return found


def with_derived(pattern: ModelPattern, x: Floats) -> tuple[ModelPattern, Floats, Floats]:
    """Return the model with the residual variances that follow from scales as further parameters.

    Parameters
    ----------
    pattern : ModelPattern
    x : ndarray, shape (q,)

    Returns
    -------
    pattern : ModelPattern
    x : ndarray, shape (r,)
    jacobian : ndarray, shape (r, q)
        Of these by the free parameters.
    """
    q = len(x)
    if all(group.ordinal is None or group.ordinal.theta for group in pattern.groups):
        return pattern, x, np.eye(q)
    groups, values, slopes = [], [x], [np.eye(q)]
    count = q
    for group in pattern.groups:
        ordinal = group.ordinal
        if ordinal is None or ordinal.theta:
            groups.append(group)
            continue
        which = np.flatnonzero(ordinal.ordered)
        value, slope = _residual_variances(group, which, x)
        values.append(value)
        slopes.append(slope)
        groups.append(
            replace(
                group,
                kind=np.concatenate([group.kind, np.full(len(which), MOMENT)]),
                row=np.concatenate([group.row, which]),
                column=np.concatenate([group.column, which]),
                parameter=np.concatenate([group.parameter, count + np.arange(len(which))]),
            )
        )
        count += len(which)
    return replace(pattern, groups=tuple(groups), n_free=count), np.concatenate(values), np.concatenate(slopes)


def _residual_variances(group: GroupPattern, which: NDArray[np.intp], x: Floats) -> tuple[Floats, Floats]:
    """Return the residual variances of ordinal variables that their scales leave, with derivatives."""
    inner = group.core
    state = implied(inner, x)
    scales = ordinal_part(group).scales.copy()
    at = np.flatnonzero(group.kind == SCALE)
    scales[group.row[at]] = x[group.parameter[at]]
    slope = np.zeros((group.p, len(x)))
    np.add.at(slope.T, inner.parameter, (-2 * state.f * state.z[:, state.a] * state.z[:, state.b]).T)
    np.add.at(slope, (group.row[at], group.parameter[at]), -2 / scales[group.row[at]] ** 3)
    value = 1 / scales**2 - np.diag(state.sigma)
    return value[which], slope[which]
