r"""Implied moments of many parameter vectors at once, and what their derivatives contract to.

With :math:`L = \Lambda A`, :math:`C = A \Psi A'` and a symmetric weight W for the covariances, w for the means,

.. math::

    \mathrm{tr}(W\,d\Sigma) + w'd\mu:\quad
    \Lambda_{ij}: 2 (W \Lambda C)_{ij} + w_i (A\alpha)_j,\quad
    B_{ij}: 2 (L' W \Lambda C)_{ij} + (L'w)_i (A\alpha)_j,\quad
    \Psi_{ij}: (2 - \delta_{ij}) (L' W L)_{ij},\quad
    \Theta_{ij}: (2 - \delta_{ij}) W_{ij},\quad
    \nu_i: w_i,\quad \alpha_i: (L'w)_i .
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.resampling.reduced import (
    FACTOR_COV,
    FACTOR_MEAN,
    LOADING,
    OBSERVED_MEAN,
    REGRESSION,
    RESIDUAL_COV,
    Cells,
    ReducedGroup,
)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ManyImplied:
    """Moments that R parameter vectors imply for one group.

    Attributes
    ----------
    sigma : ndarray, shape (R, p, p)
    mu : ndarray, shape (R, p)
        Zero if means are not modelled.
    reach : ndarray, shape (R, p, m)
        L.
    spread : ndarray, shape (R, p, m)
        Λ C.
    inner : ndarray, shape (R, m, m)
        C, the covariances of η.
    back : ndarray, shape (R, m, m)
        Ψ A'.
    eta : ndarray, shape (R, m)
        A α, the means of η.
    possible : ndarray of bool, shape (R,)
        False where I − B is singular.
    """

    sigma: Floats
    mu: Floats
    reach: Floats
    spread: Floats
    inner: Floats
    back: Floats
    eta: Floats
    possible: Flags


def filled(group: ReducedGroup, kind: int, x: Floats, cov: Floats, mean: Floats) -> Floats:
    """Return one matrix of a group for every parameter vector.

    Parameters
    ----------
    group : ReducedGroup
    kind : int
        Which matrix, see :mod:`cbecmodel.structure.resampling.reduced`.
    x : ndarray, shape (R, q)
    cov : ndarray, shape (R, p, p)
        Sample covariances, for those of fixed exogenous variables.
    mean : ndarray, shape (R, p)

    Returns
    -------
    ndarray, shape (R, rows, columns)
        A view of shape (1, rows, columns) where nothing varies.
    """
    free, given, base = group.free[kind], group.given[kind], group.fixed[kind]
    if not len(free.row) and not len(given.row):
        return base[None]
    out = np.repeat(base[None], len(x), axis=0)
    _put(out, free, x[:, free.source], kind)
    if len(given.row):
        values = mean[:, given.source] if (given.other < 0).all() else cov[:, given.source, given.other]
        _put(out, given, values, kind)
    return out


def _put(out: Floats, cells: Cells, values: Floats, kind: int) -> None:
    out[:, cells.row, cells.column] = values
    if kind in (FACTOR_COV, RESIDUAL_COV):
        out[:, cells.column, cells.row] = values


def many_implied(group: ReducedGroup, x: Floats, cov: Floats, mean: Floats, *, means: bool) -> ManyImplied:
    """Return the implied moments of one group at many parameter vectors.

    Parameters
    ----------
    group : ReducedGroup
    x : ndarray, shape (R, q)
    cov : ndarray, shape (R, p, p)
    mean : ndarray, shape (R, p)
    means : bool
        Whether means are modelled.

    Returns
    -------
    ManyImplied
    """
    size = len(x)
    loadings = filled(group, LOADING, x, cov, mean)
    psi = filled(group, FACTOR_COV, x, cov, mean)
    possible = np.ones(size, dtype=bool)
    if group.recursive_free:
        reach, back, inner = loadings, psi, psi
        total = np.eye(group.m)[None]
    else:
        total, possible = _inverses(np.eye(group.m) - filled(group, REGRESSION, x, cov, mean))
        reach = loadings @ total
        back = psi @ total.transpose(0, 2, 1)
        inner = total @ back
    spread = loadings @ inner
    sigma = spread @ loadings.transpose(0, 2, 1) + filled(group, RESIDUAL_COV, x, cov, mean)
    sigma = np.broadcast_to(sigma, (size, group.p, group.p))
    if not means:
        return ManyImplied(
            sigma, np.zeros((size, group.p)), reach, spread, inner, back, np.zeros((1, group.m)), possible
        )
    eta = (total @ filled(group, FACTOR_MEAN, x, cov, mean))[:, :, 0]
    mu = filled(group, OBSERVED_MEAN, x, cov, mean)[:, :, 0] + (loadings @ eta[:, :, None])[:, :, 0]
    return ManyImplied(sigma, np.broadcast_to(mu, (size, group.p)), reach, spread, inner, back, eta, possible)


def _inverses(matrices: Floats) -> tuple[Floats, Flags]:
    """Invert each matrix; where that cannot be, give the identity and say so."""
    try:
        return np.asarray(np.linalg.inv(matrices), dtype=np.float64), np.ones(len(matrices), dtype=bool)
    except np.linalg.LinAlgError:
        fine = np.linalg.slogdet(matrices)[0] != 0
        safe = np.where(fine[:, None, None], matrices, np.eye(matrices.shape[1]))
        return np.asarray(np.linalg.inv(safe), dtype=np.float64), fine


def add_slopes(
    group: ReducedGroup, state: ManyImplied, weight: Floats, pull: Floats, gradient: Floats, *, means: bool
) -> None:
    """Add ``tr(W dΣ) + w' dμ`` of every free element to the gradients.

    Parameters
    ----------
    group : ReducedGroup
    state : ManyImplied
    weight : ndarray, shape (R, p, p)
    pull : ndarray, shape (R, p)
        w; not looked at without means.
    gradient : ndarray, shape (R, q)
        Changed in place. A parameter stands in a group at most once.
    means : bool
    """
    free = group.free
    through = weight @ state.reach
    inner = state.reach.transpose(0, 2, 1) @ through
    outer_pull = (state.reach.transpose(0, 2, 1) @ pull[:, :, None])[:, :, 0] if means else None
    for kind, left in ((LOADING, through), (REGRESSION, inner)):
        cells = free[kind]
        if not len(cells.row):
            continue
        slope = 2 * (left @ state.back)[:, cells.row, cells.column]
        if outer_pull is not None:
            slope += (pull if kind == LOADING else outer_pull)[:, cells.row] * state.eta[:, cells.column]
        gradient[:, cells.source] += slope
    for kind, matrix in ((FACTOR_COV, inner), (RESIDUAL_COV, weight)):
        cells = free[kind]
        factor = np.where(cells.row == cells.column, 1.0, 2.0)
        gradient[:, cells.source] += factor * matrix[:, cells.row, cells.column]
    if outer_pull is not None:
        gradient[:, free[OBSERVED_MEAN].source] += pull[:, free[OBSERVED_MEAN].row]
        gradient[:, free[FACTOR_MEAN].source] += outer_pull[:, free[FACTOR_MEAN].row]
