"""Rotate factors: loadings in, a rotated solution out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ConvergenceError, ModelError
from cbecmodel.structure.estimate.gradient_projection import descend, polish, rotated_by
from cbecmodel.structure.estimate.rotation_criteria import RotationOptions, criterion_of

Floats = NDArray[np.float64]
Array = NDArray[Any]
_SAME: Final = 1e-4  # minima whose values differ by less, relatively, are one
_CLOSE: Final = 1e-3  # another minimum so near makes the choice between them arbitrary
_SALIENT: Final = 0.8


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotated solution.

    Attributes
    ----------
    loadings : ndarray, shape (p, m)
        In the units of those given.
    correlations : ndarray, shape (m, m)
        Of the factors.
    transformation : ndarray, shape (m, m)
        T, with loadings ``A inv(T')`` and correlations ``T'T``.
    value : float
        Of the criterion (NaN for promax, which has none).
    minima : ndarray, shape (k,)
        Values of the distinct minima that the starts led to, best first.
    counts : ndarray of int, shape (k,)
        How many starts led to each.
    order : ndarray of int, shape (m,)
        Which unordered factor stands where.
    """

    loadings: Floats
    correlations: Floats
    transformation: Floats
    value: float
    minima: Floats
    counts: NDArray[np.intp]
    order: NDArray[np.intp]

    @property
    def ambiguous(self) -> bool:
        """Return whether another local minimum is within a thousandth of the best.

        Returns
        -------
        bool
        """
        if len(self.minima) < 2:
            return False
        return bool(self.minima[1] - self.minima[0] < _CLOSE * abs(self.minima[0]))


def rotate(loadings: Floats, options: RotationOptions, variances: Floats | None = None) -> Rotation:
    """Rotate orthogonal factors.

    Parameters
    ----------
    loadings : ndarray, shape (p, m)
        Of uncorrelated factors with variance one.
    options : RotationOptions
    variances : ndarray, shape (p,), optional
        Of the items; then the standardized loadings are what gets simple (``std_ov``).

    Returns
    -------
    Rotation

    Raises
    ------
    ModelError
        If an item has no communality to weight by, or the target has the wrong shape.
    ConvergenceError
        If no start reached a minimum.

    Examples
    --------
    >>> import numpy as np
    >>> simple = np.array([[0.8, 0], [0.7, 0], [0.6, 0], [0, 0.8], [0, 0.7], [0, 0.6]])
    >>> turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    >>> found = rotate(simple @ turn, RotationOptions("varimax"))
    >>> bool(np.abs(found.loadings - simple).max() < 1e-8)
    True
    """
    p, m = loadings.shape
    if m < 2:
        sign = -1.0 if options.reflect and loadings.sum() < 0 else 1.0
        one = np.ones((1, 1))
        return Rotation(loadings * sign, one, one * sign, 0.0, np.zeros(1), np.ones(1, np.intp), np.zeros(1, np.intp))
    weights = row_weights(loadings, np.eye(m), variances, options)
    criterion = criterion_of(options, (p, m))
    orthogonal = options.is_orthogonal or options.method == "promax"
    weighted = loadings * weights[:, None]
    found = descend(weighted, criterion, _starts(m, options), orthogonal=orthogonal)
    if not found.converged.any():
        raise ConvergenceError("structure.rotation_not_converged", method=options.method, starts=len(found.values))
    values = np.where(found.converged, found.values, np.inf)
    best = int(np.argmin(values))
    at, exact = polish(weighted, criterion, found.transformations[best], orthogonal=orthogonal)
    value = float(criterion(rotated_by(weighted, at))[0])
    if not exact or value > values[best] + 1e-6 * abs(values[best]):
        raise ConvergenceError("structure.rotation_not_converged", method=options.method, starts=len(found.values))
    if options.method == "promax":
        at, value = promax(loadings, at, variances, options.promax_kappa), np.nan
    minima, counts = _distinct(values[np.isfinite(values)])
    at = _reflected(loadings, at) if options.reflect else at
    order = _order(rotated_by(loadings, at), options)
    at = at[:, order]
    turned = np.asarray(rotated_by(loadings, at), dtype=np.float64)
    phi = np.eye(m) if options.is_orthogonal else at.T @ at
    return Rotation(turned, phi, at, value, minima, counts, order)


def row_weights(loadings: Array, phi: Array, variances: Array | None, options: RotationOptions) -> Array:
    """Return what each row is multiplied with before the criterion looks at it.

    Parameters
    ----------
    loadings : ndarray, shape (p, m)
    phi : ndarray, shape (m, m)
    variances : ndarray, shape (p,), optional
        Of the items.
    options : RotationOptions

    Returns
    -------
    ndarray, shape (p,)

    Raises
    ------
    ModelError
        If Kaiser's weights do not exist.
    """
    weights = np.ones(len(loadings), dtype=loadings.dtype)
    if options.std_ov and variances is not None:
        if (np.real(variances) <= 0).any():
            raise ModelError("structure.rotation_variance")
        weights = 1 / np.sqrt(variances)
    if options.kaiser:
        communality = ((loadings @ phi) * loadings).sum(axis=1)
        if (np.real(communality) <= 0).any():
            raise ModelError("structure.rotation_communality")
        weights = 1 / np.sqrt(communality)  # standardizing first changes nothing
    return weights


def promax(loadings: Array, varimax: Array, variances: Array | None, kappa: float) -> Array:
    r"""Return promax's transformation: a regression of powers of the varimax loadings on them.

    Parameters
    ----------
    loadings : ndarray, shape (p, m)
        Unrotated.
    varimax : ndarray, shape (m, m)
        Orthogonal.
    variances : ndarray, shape (p,), optional
    kappa : float

    Returns
    -------
    ndarray, shape (m, m)
        T, with columns of length one.
    """
    simple = loadings @ varimax
    if variances is not None:
        simple = simple / np.sqrt(variances)[:, None]
    powers = simple * (simple * simple) ** ((kappa - 1) / 2)
    turn = np.linalg.solve(simple.T @ simple, simple.T @ powers)
    spread = np.linalg.inv(turn.T @ turn)
    turn = varimax @ (turn * np.sqrt(np.diag(spread)))
    inverse: Array = np.linalg.inv(turn).T
    return inverse


def _starts(m: int, options: RotationOptions) -> Floats:
    """Return the identity and random orthogonal matrices, the same for the same seed."""
    rng = np.random.default_rng(np.random.SeedSequence(options.seed))
    count = 0 if options.method == "promax" else options.rstarts
    draws = rng.standard_normal((count, m, m))
    q, r = np.linalg.qr(draws)
    signs = np.sign(np.diagonal(r, axis1=-2, axis2=-1))
    return np.concatenate([np.eye(m)[None], q * signs[:, None, :]])


def _distinct(values: Floats) -> tuple[Floats, NDArray[np.intp]]:
    ordered = np.sort(values)
    scale = max(abs(float(ordered[0])), 1e-12)
    first = np.concatenate([[True], np.diff(ordered) > _SAME * scale])
    group = np.cumsum(first) - 1
    return ordered[first], np.bincount(group).astype(np.intp)


def _reflected(loadings: Floats, at: Floats) -> Floats:
    sums = rotated_by(loadings, at).sum(axis=0)
    return at * np.where(sums < 0, -1.0, 1.0)


def _order(loadings: Floats, options: RotationOptions) -> NDArray[np.intp]:
    if options.order_lv_by == "none" or options.method in {"bi_geomin", "bi_quartimin", "target"}:
        return np.arange(loadings.shape[1])
    size = np.abs(loadings)
    if options.order_lv_by == "sumofsquares":
        return np.argsort(-(size**2).sum(axis=0), kind="stable")
    salient = size >= _SALIENT * size.max(axis=0)
    place = [float(np.flatnonzero(column).mean()) for column in salient.T]
    return np.argsort(place, kind="stable")
