"""Extraction of factors from a correlation matrix, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from cbecmodel.errors import ConvergenceError

if TYPE_CHECKING:
    from collections.abc import Callable

Array: TypeAlias = NDArray[np.float64]
Method = Literal["minres", "ml", "principal_axis"]
_SMALLEST = 0.005  # uniqueness, as in psych and factanal


@dataclass(frozen=True, slots=True)
class Extraction:
    """Unrotated factors.

    Attributes
    ----------
    loadings : ndarray, shape (p, m)
    uniquenesses : ndarray, shape (p,)
    """

    loadings: Array
    uniquenesses: Array


def extract(r: Array, m: int, method: Method = "minres") -> Extraction:
    """Extract m uncorrelated factors.

    Parameters
    ----------
    r : ndarray, shape (p, p)
        Correlations.
    m : int
    method : {"minres", "ml", "principal_axis"}
        Least squares of the off-diagonal residuals [1]_; maximum likelihood [2]_; the eigenvectors of the correlations with
        communalities on the diagonal, repeated until these stay.

    Returns
    -------
    Extraction

    Raises
    ------
    ConvergenceError

    References
    ----------
    .. [1] Harman, H. H., & Jones, W. H. (1966). Factor analysis by minimizing residuals (minres). Psychometrika 31, 351–368.
    .. [2] Jöreskog, K. G. (1967). Some contributions to maximum likelihood factor analysis. Psychometrika 32, 443–482.

    Examples
    --------
    >>> loadings = np.array([0.8, 0.7, 0.6, 0.5])
    >>> r = np.outer(loadings, loadings)
    >>> np.fill_diagonal(r, 1)
    >>> np.abs(extract(r, 1).loadings[:, 0]).round(3).tolist()
    [0.8, 0.7, 0.6, 0.5]
    """
    start = _start(r)
    if method == "principal_axis":
        unique = _principal_axis(r, m, start)
    else:
        criterion = _likelihood if method == "ml" else _squares
        unique, reached = _minimum(lambda psi: criterion(psi, r, m), start)
        if not reached:
            raise ConvergenceError("measurement.extraction", method=method)
    if method == "ml":
        root = np.sqrt(unique)
        loadings = root[:, None] * _axes(r / np.outer(root, root), m, 1.0)
    else:
        loadings = _axes(r - np.diag(unique), m, 0.0)
    return Extraction(loadings * np.where(loadings.sum(axis=0) < 0, -1.0, 1.0), unique)


def _start(r: Array) -> Array:
    """Return the shares of variance that the other items do not explain."""
    return np.asarray(np.clip(1 / np.diag(np.linalg.inv(r)), _SMALLEST, 1.0), np.float64)


def _axes(matrix: Array, m: int, floor: float) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    out: Array = vectors[:, ::-1][:, :m] * np.sqrt(np.maximum(values[::-1][:m] - floor, 0))
    return out


def _minimum(criterion: Callable[[Array], tuple[float, Array]], start: Array) -> tuple[Array, bool]:
    """Return the best uniquenesses found, and whether they are a minimum."""
    at = start
    for _ in range(6):  # a line search that stumbles over two eigenvalues changing places starts anew
        found = minimize(
            criterion,
            at,
            jac=True,
            method="L-BFGS-B",
            bounds=[(_SMALLEST, 1.0)] * len(start),
            options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 2000, "maxcor": 20},
        )
        at = np.asarray(found.x, np.float64)
        inside = (at > _SMALLEST + 1e-9) & (at < 1 - 1e-9)
        if np.abs(found.jac[inside]).max(initial=0.0) < 1e-4:
            return at, True
    return at, False


def _squares(psi: Array, r: Array, m: int) -> tuple[float, Array]:
    values, vectors = np.linalg.eigh(r - np.diag(psi))
    left, axes = values[: len(psi) - m], vectors[:, : len(psi) - m]
    return float((left**2).sum()) / 2, -(axes**2) @ left


def _likelihood(psi: Array, r: Array, m: int) -> tuple[float, Array]:
    root = 1 / np.sqrt(psi)
    values, vectors = np.linalg.eigh(r * np.outer(root, root))
    left, axes = values[: len(psi) - m], vectors[:, : len(psi) - m]
    return float((left - np.log(left) - 1).sum()), (axes**2) @ (1 - left) / psi


def _principal_axis(r: Array, m: int, start: Array) -> Array:
    unique = start
    for _ in range(5000):
        new = np.clip(1 - (_axes(r - np.diag(unique), m, 0.0) ** 2).sum(axis=1), _SMALLEST, 1.0)
        if np.abs(new - unique).max() < 1e-10:
            return np.asarray(new, np.float64)
        unique = new
    raise ConvergenceError("measurement.extraction", method="principal_axis")


def common_eigenvalues(r: Array) -> Array:
    """Return the eigenvalues, largest first, of correlations with the communalities of one factor on the diagonal.

    Parameters
    ----------
    r : ndarray, shape (p, p)

    Returns
    -------
    ndarray, shape (p,)
    """
    # correlations by chance may have no smooth minimum; they are compared at the best communalities there are
    unique, _ = _minimum(lambda psi: _squares(psi, r, 1), _start(r))
    values = np.linalg.eigvalsh(r - np.diag(unique))
    return np.asarray(values[::-1], np.float64)


def minimum_average_partial(r: Array) -> Array:
    """Return Velicer's mean squared partial correlations after 1, 2, … p - 1 components.

    Parameters
    ----------
    r : ndarray, shape (p, p)

    Returns
    -------
    ndarray, shape (p - 1,)
        NaN where nothing of an item is left.

    References
    ----------
    .. [1] Velicer, W. F. (1976). Determining the number of components from the matrix of partial correlations. Psychometrika
       41, 321–327.

    Examples
    --------
    >>> loadings = np.kron(np.eye(2), np.array([[0.8], [0.75], [0.7], [0.65], [0.6]]))
    >>> r = loadings @ loadings.T
    >>> np.fill_diagonal(r, 1)
    >>> int(np.nanargmin(minimum_average_partial(r))) + 1
    2
    """
    p = len(r)
    values, vectors = np.linalg.eigh(r)
    parts = vectors[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0))
    out = np.full(p - 1, np.nan)
    for m in range(1, p):
        left = r - parts[:, :m] @ parts[:, :m].T
        spread = np.diag(left)
        if spread.min() > 1e-12:
            partial = left / np.sqrt(np.outer(spread, spread))
            out[m - 1] = ((partial**2).sum() - p) / (p * (p - 1))
    return out


def parallel_eigenvalues(n: int, p: int, replicates: int, seed: int) -> tuple[Array, Array]:
    """Return eigenvalues of uncorrelated normal items: of components, and of common factors.

    Parameters
    ----------
    n, p : int
        Cases, items.
    replicates : int
    seed : int

    Returns
    -------
    tuple of ndarray, shape (replicates, p)

    Examples
    --------
    >>> parallel_eigenvalues(100, 4, 3, seed=1)[0].sum(axis=1).round(6).tolist()
    [4.0, 4.0, 4.0]
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    components, factors = np.empty((replicates, p)), np.empty((replicates, p))
    for number in range(replicates):
        r = np.asarray(np.corrcoef(rng.standard_normal((n, p)), rowvar=False), np.float64)
        components[number] = np.linalg.eigvalsh(r)[::-1]
        factors[number] = common_eigenvalues(r)
    return components, factors
