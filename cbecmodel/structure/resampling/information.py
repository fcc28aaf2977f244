r"""Expected information of many fits at once, and the standard errors it gives.

Every derivative of the implied covariances is :math:`f (d_a d_b' + d_b d_a')` for two columns of ``[I, L, ΛC]``; with
:math:`G` the inner products of these columns in :math:`\Sigma^{-1}`, one observation has the information

.. math:: f_k f_l (G_{ac} G_{bd} + G_{ad} G_{bc}) + h_k h_l G_{ac} .
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.resampling.engine import Batch, ManyFits, block_size
from cbecmodel.structure.resampling.implied import ManyImplied, many_implied
from cbecmodel.structure.resampling.objective import inverse_logdet
from cbecmodel.structure.resampling.reduced import (
    FACTOR_COV,
    FACTOR_MEAN,
    LOADING,
    OBSERVED_MEAN,
    REGRESSION,
    RESIDUAL_COV,
    ReducedGroup,
)

if TYPE_CHECKING:
    from cbecmodel.structure.resampling.moments import GroupMoments, ManyMoments

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


def standard_errors(batch: Batch, moments: ManyMoments, fits: ManyFits) -> Floats:
    """Return standard errors from the expected information of complete data.

    Parameters
    ----------
    batch : Batch
        Fitted by maximum likelihood to complete data.
    moments : ManyMoments
    fits : ManyFits
        Of the same R samples.

    Returns
    -------
    ndarray, shape (R, q)
        In the user's units; NaN where the information is singular.

    Raises
    ------
    ModelError
        For incomplete data and least squares.
    """
    out = np.empty_like(fits.x)
    block = max(block_size(batch) // 2, 8)
    for begin in range(0, len(fits.x), block):
        at = np.arange(begin, min(begin + block, len(fits.x)))
        with np.errstate(invalid="ignore"):
            out[at] = np.sqrt(np.einsum("rii->ri", sampling_covariances(batch, moments.take(at), fits.x[at])))
    return out


def sampling_covariances(batch: Batch, moments: ManyMoments, x: Floats) -> Floats:
    """Return the sampling covariances of estimates from the expected information of complete data.

    Parameters
    ----------
    batch : Batch
        Fitted by maximum likelihood to complete data.
    moments : ManyMoments
    x : ndarray, shape (R, q)
        Estimates in the same R samples, in the user's units.

    Returns
    -------
    ndarray, shape (R, q, q)
        In the user's units; NaN where the information is singular.

    Raises
    ------
    ModelError
        For incomplete data and least squares.
    """
    if batch.method != "ML":
        raise ModelError("structure.resampling_needs_cases", method=batch.method)
    factors, basis = batch.work.scale.parameters, batch.work.space.basis
    information = _information(batch, moments, x * factors)
    if np.array_equal(basis, np.eye(len(factors))):  # nothing is held equal
        return _inverses(information) / np.outer(factors, factors)
    inverse = _inverses(basis.T @ information @ basis)
    return np.asarray(basis @ inverse @ basis.T, dtype=np.float64) / np.outer(factors, factors)


def _information(batch: Batch, moments: ManyMoments, x: Floats) -> Floats:
    """Return the information of the whole samples, shape (R, q, q)."""
    q = x.shape[1]
    out = np.zeros((len(x), q, q))
    means = batch.work.pattern.means
    for group, sample in zip(batch.groups, moments.groups, strict=True):
        state = many_implied(group, x, sample.cov, sample.mean, means=means)
        inner, at = _group_information(group, state, sample, means=means)
        out[:, at[:, None], at[None, :]] += inner
    return out


def _group_information(
    group: ReducedGroup, state: ManyImplied, sample: GroupMoments, *, means: bool
) -> tuple[Floats, Indices]:
    size, p = state.mu.shape
    inverse, logdet = inverse_logdet(state.sigma)
    parts = [np.broadcast_to(part, (size, *part.shape[1:])) for part in (np.eye(p)[None], state.reach, state.spread)]
    columns = np.concatenate(parts, axis=2)
    products = columns.transpose(0, 2, 1) @ inverse @ columns
    first, second, factor, at = _columns(group)
    crossed = _gather(products, first, second) * _gather(products, second, first)
    inner = _gather(products, first, first) * _gather(products, second, second) + crossed
    inner *= np.multiply.outer(factor, factor)
    if means:
        slope = _mean_factors(group, state, size)
        inner += slope[:, :, None] * slope[:, None, :] * _gather(products, first, first)
    inner[np.isinf(logdet)] = np.nan
    return inner * sample.n[:, None, None], at


def _gather(matrix: Floats, rows: Indices, columns: Indices) -> Floats:
    return np.asarray(matrix[:, rows[:, None], columns[None, :]], dtype=np.float64)


def _columns(group: ReducedGroup) -> tuple[Indices, Indices, Floats, Indices]:
    """Return for every free element its two columns, its factor and its parameter."""
    p, m = group.p, group.m
    shifts = {
        LOADING: (0, p + m),
        REGRESSION: (p, p + m),
        FACTOR_COV: (p, p),
        RESIDUAL_COV: (0, 0),
        OBSERVED_MEAN: (0, 0),
        FACTOR_MEAN: (p, p),
    }
    first, second, factor, at = [], [], [], []
    for kind, (left, right) in shifts.items():
        cells = group.free[kind]
        first.append(cells.row + left)
        second.append(cells.column + right)
        symmetric = kind in (FACTOR_COV, RESIDUAL_COV)
        halved = np.where(cells.row == cells.column, 0.5, 1.0) if symmetric else np.ones(len(cells.row))
        factor.append(halved if kind not in (OBSERVED_MEAN, FACTOR_MEAN) else np.zeros(len(cells.row)))
        at.append(cells.source)
    return np.concatenate(first), np.concatenate(second), np.concatenate(factor), np.concatenate(at)


def _mean_factors(group: ReducedGroup, state: ManyImplied, size: int) -> Floats:
    """Return h of every free element, shape (R, k)."""
    eta = np.broadcast_to(state.eta, (size, group.m))
    found = []
    for kind in (LOADING, REGRESSION, FACTOR_COV, RESIDUAL_COV, OBSERVED_MEAN, FACTOR_MEAN):
        cells = group.free[kind]
        if kind in (LOADING, REGRESSION):
            found.append(eta[:, cells.column])
        else:
            ones = 1.0 if kind in (OBSERVED_MEAN, FACTOR_MEAN) else 0.0
            found.append(np.full((size, len(cells.row)), ones))
    return np.concatenate(found, axis=1)


def _inverses(matrices: Floats) -> Floats:
    """Invert each matrix; NaN where that cannot be."""
    size = np.sqrt(np.maximum(np.einsum("rii->ri", matrices), 1e-300))
    scaled = matrices / (size[:, :, None] * size[:, None, :])
    out = np.full_like(matrices, np.nan)
    fine = np.isfinite(scaled).all(axis=(1, 2))
    if not fine.any():
        return out
    try:
        inverse = np.linalg.inv(scaled[fine])
    except np.linalg.LinAlgError:
        fine[fine] = np.linalg.cond(scaled[fine]) < 1e12
        inverse = np.linalg.inv(scaled[fine])
    out[fine] = inverse / (size[fine][:, :, None] * size[fine][:, None, :])
    return out
