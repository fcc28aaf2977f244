r"""Polychoric correlations of many pairs at once, from their contingency tables and given thresholds.

For a table n with thresholds a and b the correlation maximises :math:`\sum_{ij} n_{ij} \log \pi_{ij}(\rho)`, where
:math:`\pi_{ij}` is the bivariate normal probability of the rectangle between the thresholds (two-step estimation).

References
----------
.. [1] Olsson, U. (1979). Maximum likelihood estimation of the polychoric correlation coefficient. Psychometrika, 44, 443-460.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbecmodel.structure.sample.bivariate_normal import FAR, bivariate_cdf, bivariate_density, density_slope

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]
LIMIT: Final = 0.999  # estimates stay inside; a table without cases off its diagonal would lead to 1
_STEPS: Final = 60
_DONE: Final = 1e-13
_NEAR: Final = 1e-10


def corners(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return the limits at which the distribution function is needed for every cell of a table.

    Parameters
    ----------
    first : ndarray, shape (n, A - 1)
        Thresholds of the row variables; :data:`FAR` pads those with fewer categories.
    second : ndarray, shape (n, B - 1)

    Returns
    -------
    h, k : ndarray, shape (n, (A - 1) (B - 1))
    """
    n, a, b = len(first), first.shape[1], second.shape[1]
    h = np.broadcast_to(first[:, :, None], (n, a, b)).reshape(n, a * b)
    k = np.broadcast_to(second[:, None, :], (n, a, b)).reshape(n, a * b)
    return h, k


def _cells(inner: Floats, rows: Floats, columns: Floats) -> Floats:
    """Turn values at the corners into those of the cells; ``rows`` and ``columns`` are the values at infinity."""
    n, a, b = len(inner), rows.shape[1], columns.shape[1]
    whole = np.zeros((n, a + 2, b + 2))
    whole[:, 1:-1, 1:-1] = inner.reshape(n, a, b)
    whole[:, 1:-1, -1], whole[:, -1, 1:-1] = rows, columns
    whole[:, -1, -1] = 1.0 if rows.any() else 0.0
    return np.diff(np.diff(whole, axis=1), axis=2)


def cell_probabilities(first: Floats, second: Floats, rho: Floats) -> Floats:
    """Return the probabilities of all cells.

    Parameters
    ----------
    first : ndarray, shape (n, A - 1)
    second : ndarray, shape (n, B - 1)
    rho : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n, A, B)

    Examples
    --------
    >>> cell_probabilities(np.zeros((1, 1)), np.zeros((1, 1)), np.zeros(1))[0].tolist()
    [[0.25, 0.25], [0.25, 0.25]]
    """
    h, k = corners(first, second)
    return _cells(bivariate_cdf(h, k, rho), special.ndtr(first), special.ndtr(second))


def cell_slopes(first: Floats, second: Floats, rho: Floats) -> tuple[Floats, Floats]:
    """Return first and second derivatives of the probabilities by the correlation.

    Parameters
    ----------
    first : ndarray, shape (n, A - 1)
    second : ndarray, shape (n, B - 1)
    rho : ndarray, shape (n,)

    Returns
    -------
    slope, bend : ndarray, shape (n, A, B)
    """
    h, k = corners(first, second)
    density = bivariate_density(h, k, rho)
    none = np.zeros_like(first), np.zeros_like(second)
    return _cells(density, *none), _cells(density_slope(h, k, rho, density), *none)


def polychoric_correlations(tables: Floats, first: Floats, second: Floats) -> Floats:
    """Return the correlations of many tables.

    Parameters
    ----------
    tables : ndarray, shape (n, A, B)
        Frequencies, of any size; tables of bootstrap samples may stand one below the other.
    first : ndarray, shape (n, A - 1)
        Thresholds of the row variables, padded with :data:`~cbecmodel.structure.sample.bivariate_normal.FAR`.
    second : ndarray, shape (n, B - 1)

    Returns
    -------
    ndarray, shape (n,)
        To a zero of the derivative; ±:data:`LIMIT` where the likelihood still rises there.

    Examples
    --------
    >>> tables = np.array([[[40.0, 10.0], [10.0, 40.0]]])
    >>> zero = np.zeros((1, 1))
    >>> float(polychoric_correlations(tables, zero, zero)[0].round(10)) == round(float(np.sin(np.pi / 2 * 0.6)), 10)
    True
    """
    total = tables.sum(axis=(1, 2))
    tables = adjusted(tables) / total[:, None, None]
    cuts = first, second

    def derivatives(z: Floats, at: NDArray[np.intp]) -> tuple[Floats, Floats]:
        return _derivatives(tables[at], cuts[0][at], cuts[1][at], z)

    return maximise(derivatives, _start(tables), LIMIT)


def maximise(
    derivatives: Callable[[Floats, NDArray[np.intp]], tuple[Floats, Floats]], start: Floats, limit: float
) -> Floats:
    """Maximise the likelihoods of many correlations by Newton steps that stay inside what is known.

    Parameters
    ----------
    derivatives : callable
        First and second derivative of some likelihoods (their numbers) a case, by the arcus tangens hyperbolicus of the
        correlation.
    start : ndarray, shape (n,)
    limit : float
        Largest correlation.

    Returns
    -------
    ndarray, shape (n,)
    """
    z = np.arctanh(np.clip(start, -0.9, 0.9))
    low, high = np.full(len(z), -np.arctanh(limit)), np.full(len(z), np.arctanh(limit))
    waiting = np.arange(len(z))
    for _ in range(_STEPS):
        gradient, hessian = derivatives(z[waiting], waiting)
        rising = gradient > 0
        low[waiting[rising]], high[waiting[~rising]] = z[waiting[rising]], z[waiting[~rising]]
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(hessian < 0, -gradient / hessian, np.sign(gradient) * 0.5)
        there = z[waiting] + np.clip(step, -1.0, 1.0)
        # rounding of a gradient near zero must not send the search away from where it is
        outside = (there < low[waiting] - _NEAR) | (there > high[waiting] + _NEAR)
        z[waiting] = np.where(outside, (low[waiting] + high[waiting]) / 2, there)
        waiting = waiting[outside | (np.abs(step) > _DONE)]
        if not waiting.size:
            break
    return np.asarray(np.tanh(z), dtype=np.float64)


def adjusted(tables: Floats) -> Floats:
    """Return tables in which a single empty cell of a 2 × 2 table holds half a case, the margins kept.

    Parameters
    ----------
    tables : ndarray, shape (n, A, B)

    Returns
    -------
    ndarray, shape (n, A, B)
        Larger tables are left as they are.
    """
    if tables.shape[1:] != (2, 2):
        return tables
    empty = tables == 0
    single = empty.sum(axis=(1, 2)) == 1
    if not single.any():
        return tables
    diagonal = empty[:, 0, 0] | empty[:, 1, 1]
    half = np.where(single, np.where(diagonal, 0.5, -0.5), 0.0)
    return np.asarray(tables + half[:, None, None] * np.array([[1.0, -1.0], [-1.0, 1.0]]), dtype=np.float64)


def _derivatives(tables: Floats, first: Floats, second: Floats, z: Floats) -> tuple[Floats, Floats]:
    """Return the derivatives of the log-likelihood by the arcus tangens hyperbolicus of the correlation."""
    rho = np.tanh(z)
    inside = tables > 0
    probability = np.where(inside, np.maximum(cell_probabilities(first, second, rho), 1e-300), 1.0)
    slope, bend = cell_slopes(first, second, rho)
    ratio = np.where(inside, slope / probability, 0.0)
    gradient = (tables * ratio).sum(axis=(1, 2))
    hessian = (tables * (np.where(inside, bend / probability, 0.0) - ratio**2)).sum(axis=(1, 2))
    rest = 1 - rho**2
    return gradient * rest, hessian * rest**2 - 2 * rho * rest * gradient


def _start(tables: Floats) -> Floats:
    """Return product-moment correlations of the category numbers, widened a little."""
    a, b = np.arange(tables.shape[1]), np.arange(tables.shape[2])
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    mean_a, mean_b = rows @ a, columns @ b
    covariance = np.einsum("nab,a,b->n", tables, a, b) - mean_a * mean_b
    spread = (rows @ a**2 - mean_a**2) * (columns @ b**2 - mean_b**2)
    return np.asarray(1.15 * covariance / np.sqrt(np.maximum(spread, 1e-12)), dtype=np.float64)


def padded(thresholds: list[Floats]) -> Floats:
    """Stack thresholds of variables, those with fewer categories filled up.

    Parameters
    ----------
    thresholds : list of ndarray

    Returns
    -------
    ndarray, shape (p, most categories - 1)
    """
    out = np.full((len(thresholds), max(len(one) for one in thresholds)), FAR)
    for row, one in zip(out, thresholds, strict=True):
        row[: len(one)] = one
    return out


def pair_tables(codes: NDArray[np.intp], rows: NDArray[np.intp], columns: NDArray[np.intp], size: int) -> Floats:
    """Count the answers of pairs of variables.

    Parameters
    ----------
    codes : ndarray of int, shape (n, p)
        Categories from 0; -1 is missing.
    rows, columns : ndarray of int, shape (k,)
        The two variables of each pair.
    size : int
        Largest number of categories.

    Returns
    -------
    ndarray, shape (k, size, size)

    Examples
    --------
    >>> codes = np.array([[0, 1], [1, 1], [1, -1]])
    >>> pair_tables(codes, np.array([0]), np.array([1]), 2)[0].tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """
    answers = (codes[:, :, None] == np.arange(size)).reshape(len(codes), -1).astype(np.float64)
    whole = (answers.T @ answers).reshape(codes.shape[1], size, codes.shape[1], size)
    return np.ascontiguousarray(whole[rows, :, columns, :])


def polychoric_matrix(codes: NDArray[np.intp]) -> Floats:
    """Return the polychoric correlations of variables that are all ordinal, without errors or checks: for many samples.

    Parameters
    ----------
    codes : ndarray of int, shape (n, p)
        Categories from 0, each of them chosen by somebody; -1 is missing, and every pair uses the answers it has.

    Returns
    -------
    ndarray, shape (p, p)

    Examples
    --------
    >>> codes = np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], [40, 10, 10, 40], axis=0)
    >>> float(polychoric_matrix(codes)[0, 1].round(4))
    0.809
    """
    size, p = int(codes.max()) + 1, codes.shape[1]
    counts = (codes[:, :, None] == np.arange(size)).sum(axis=0)
    thresholds = [
        np.asarray(special.ndtri(np.cumsum(one[one > 0])[:-1] / one.sum()), dtype=np.float64) for one in counts
    ]
    cuts = padded(thresholds)
    column, row = np.triu_indices(p, 1)
    rho = polychoric_correlations(pair_tables(codes, row, column, cuts.shape[1] + 1), cuts[row], cuts[column])
    out = np.eye(p)
    out[row, column] = out[column, row] = rho
    return out
