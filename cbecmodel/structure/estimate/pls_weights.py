r"""Partial least squares: weights of composites from correlations alone.

References
----------
.. [1] Wold, H. (1982). Soft modeling: The basic design and some extensions. In Systems under indirect observation, Part II
   (pp. 1-54). North-Holland.
.. [2] Dijkstra, T. K., & Henseler, J. (2015). Consistent partial least squares path modeling. MIS Quarterly, 39, 297-316.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ConvergenceError, ModelError

Floats = NDArray[np.float64]
Scheme = Literal["path", "factorial", "centroid"]
SCHEMES: Final = ("path", "factorial", "centroid")
_COLLINEAR: Final = 1e-10  # smallest eigenvalue of the correlations of a mode B block


@dataclass(frozen=True, slots=True)
class Design:
    """Who measures what, and who predicts whom.

    Attributes
    ----------
    constructs : tuple of str
    blocks : tuple of tuple of int
        Positions of the indicators of each construct.
    modes : tuple of {"A", "B"}
    factors : tuple of bool
        Which constructs are common factors, to be corrected for attenuation.
    paths : ndarray of bool, shape (k, k)
        ``paths[i, j]``: j predicts i.
    """

    constructs: tuple[str, ...]
    blocks: tuple[tuple[int, ...], ...]
    modes: tuple[str, ...]
    factors: tuple[bool, ...]
    paths: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Composites:
    """A solution.

    Attributes
    ----------
    weights : ndarray, shape (p, k)
        Of standardized indicators; composites have variance one.
    loadings : ndarray, shape (p, k)
        Of each construct's own indicators, zero elsewhere.
    cross : ndarray, shape (p, k)
        Correlations of indicators with composites.
    correlations : ndarray, shape (k, k)
        Of the constructs, corrected for attenuation if asked for.
    rho_a : ndarray, shape (k,)
        Dijkstra and Henseler's reliability; one for mode B and single indicators.
    coefficients : ndarray, shape (k, k)
        Path coefficients, ``[i, j]`` from j to i.
    r_squared : ndarray, shape (k,)
        NaN for exogenous constructs.
    iterations : int
    """

    weights: Floats
    loadings: Floats
    cross: Floats
    correlations: Floats
    rho_a: Floats
    coefficients: Floats
    r_squared: Floats
    iterations: int


def composites(
    cor: Floats,
    design: Design,
    scheme: Scheme = "path",
    *,
    consistent: bool = True,
    tolerance: float = 1e-10,
    max_iterations: int = 500,
) -> Composites:
    """Estimate a path model by partial least squares.

    Parameters
    ----------
    cor : ndarray, shape (p, p)
        Correlations of the indicators.
    design : Design
    scheme : {"path", "factorial", "centroid"}
        Inner weights.
    consistent : bool
        Correct common factors for attenuation (PLSc).
    tolerance : float
        Largest change of a weight at which the weights have settled.
    max_iterations : int

    Returns
    -------
    Composites

    Raises
    ------
    ConvergenceError
        If the weights do not settle.
    ModelError
        If a mode B block is collinear, or a factor's indicators do not hang together (no reliability).

    Examples
    --------
    >>> cor = np.array([[1, 0.56, 0.336], [0.56, 1, 0.294], [0.336, 0.294, 1.0]])
    >>> design = Design(("f", "y"), ((0, 1), (2,)), ("A", "A"), (True, False), np.array([[False, False], [True, False]]))
    >>> composites(cor, design).coefficients.shape
    (2, 2)
    """
    weights, iterations = _settled(cor, design, scheme, tolerance, max_iterations)
    cross = cor @ weights
    within = weights != 0
    plain = weights.T @ cross
    rho = np.array([_reliability(cor, weights, design, k) for k in range(len(design.blocks))])
    loadings = np.where(within, cross, 0.0)
    latent = plain
    if consistent:
        scale = np.sqrt(np.where(design.factors, rho, 1.0))
        latent = plain / np.outer(scale, scale)
        np.fill_diagonal(latent, 1.0)
        for k, corrected in enumerate(design.factors):
            if corrected and len(design.blocks[k]) > 1:
                loadings[:, k] = weights[:, k] * scale[k] / (weights[:, k] @ weights[:, k])
    coefficients, r_squared = regressions(latent, design.paths)
    return Composites(weights, loadings, cross, latent, rho, coefficients, r_squared, iterations)


def _settled(cor: Floats, design: Design, scheme: Scheme, tolerance: float, max_iterations: int) -> tuple[Floats, int]:
    """Return the weights at which outer and inner estimation agree."""
    inverses = [_inverse(cor, design, k) for k in range(len(design.blocks))]
    weights = np.zeros((len(cor), len(design.blocks)))
    for k, block in enumerate(design.blocks):
        weights[list(block), k] = 1.0
    weights /= np.sqrt(np.einsum("ik,ij,jk->k", weights, cor, weights))
    for iteration in range(1, max_iterations + 1):
        inner = _inner_weights(weights.T @ cor @ weights, design.paths, scheme)
        toward = cor @ weights @ inner.T
        new = np.zeros_like(weights)
        for k, block in enumerate(design.blocks):
            at = list(block)
            direction = toward[at, k]
            inverse = inverses[k]
            new[at, k] = direction if inverse is None else inverse @ direction
        size = np.sqrt(np.einsum("ik,ij,jk->k", new, cor, new))
        if not (size > 0).all():
            lost = ", ".join(design.constructs[k] for k in np.flatnonzero(~(size > 0)))
            raise ModelError("structure.pls_unrelated", constructs=lost)
        new /= size
        new *= np.where((cor @ new * (new != 0)).sum(axis=0) < 0, -1.0, 1.0)
        change = float(np.abs(new - weights).max())
        weights = new
        if change < tolerance:
            return weights, iteration
    raise ConvergenceError("structure.pls_not_converged", iterations=max_iterations, change=f"{change:.2g}")


def _inverse(cor: Floats, design: Design, k: int) -> Floats | None:
    """Return the inverse of a mode B block's correlations; None for mode A."""
    if design.modes[k] == "A":
        return None
    own = cor[np.ix_(design.blocks[k], design.blocks[k])]
    if np.linalg.eigvalsh(own)[0] < _COLLINEAR:
        raise ModelError("structure.pls_collinear", construct=design.constructs[k])
    return np.asarray(np.linalg.inv(own), dtype=np.float64)


def _inner_weights(cor: Floats, paths: NDArray[np.bool_], scheme: Scheme) -> Floats:
    linked = paths | paths.T
    if scheme == "centroid":
        return np.where(linked, np.sign(cor), 0.0)
    inner = np.where(linked, cor, 0.0)
    if scheme == "factorial":
        return inner
    for i in range(len(cor)):
        causes = np.flatnonzero(paths[i])
        if causes.size:
            inner[i, causes] = np.linalg.solve(cor[np.ix_(causes, causes)], cor[causes, i])
    return inner


def _reliability(cor: Floats, weights: Floats, design: Design, k: int) -> float:
    """Return rho_A."""
    block = list(design.blocks[k])
    if design.modes[k] == "B" or len(block) == 1:
        return 1.0
    w, own = weights[block, k], cor[np.ix_(block, block)]
    square = np.outer(w, w)
    off = w @ (own - np.diag(np.diag(own))) @ w
    rho = float((w @ w) ** 2 * off / (w @ (square - np.diag(np.diag(square))) @ w))
    if design.factors[k] and rho <= 0:
        raise ModelError("structure.pls_reliability", construct=design.constructs[k], rho=f"{rho:.3f}")
    return rho


def regressions(cor: Floats, paths: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return path coefficients and R² of every endogenous construct, from correlations.

    Parameters
    ----------
    cor : ndarray, shape (k, k)
    paths : ndarray of bool, shape (k, k)

    Returns
    -------
    coefficients : ndarray, shape (k, k)
    r_squared : ndarray, shape (k,)
        NaN for exogenous ones.
    """
    coefficients = np.zeros(cor.shape)
    r_squared = np.full(len(cor), np.nan)
    for i in range(len(cor)):
        causes = np.flatnonzero(paths[i])
        if causes.size:
            b = np.linalg.solve(cor[np.ix_(causes, causes)], cor[causes, i])
            coefficients[i, causes] = b
            r_squared[i] = b @ cor[causes, i]
    return coefficients, r_squared
