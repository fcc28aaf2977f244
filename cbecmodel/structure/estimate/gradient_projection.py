r"""The gradient projection algorithm, for many starting points at once.

A rotation is a matrix T with :math:`\Lambda = A T'^{-1}`, :math:`\Phi = T'T`: orthogonal, or with columns of length one. Steps
go down the gradient and are projected back; the last digits come from Newton's method on the conditions of stationarity.

References
----------
.. [1] Bernaards, C. A., & Jennrich, R. I. (2005). Gradient projection algorithms and software for arbitrary rotation criteria
   in factor analysis. Educational and Psychological Measurement, 65, 676-696.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.rotation_criteria import Criterion

Floats = NDArray[np.float64]
Array = NDArray[Any]
TOLERANCE: Final = 1e-5  # length of the projected gradient at which a start has arrived
_STEPS: Final = 5000
_HALVINGS: Final = 30
_EXACT: Final = 1e-12  # imaginary step of complex differentiation
_POLISHED: Final = 1e-11
_NEWTON_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Descent:
    """Where each start ended.

    Attributes
    ----------
    transformations : ndarray, shape (s, m, m)
    values : ndarray, shape (s,)
    converged : ndarray of bool, shape (s,)
    """

    transformations: Floats
    values: Floats
    converged: NDArray[np.bool_]


def _transpose(a: Array) -> Array:
    return np.swapaxes(a, -1, -2)


def rotated_by(loadings: Array, transformation: Array) -> Array:
    r"""Return :math:`A T'^{-1}`.

    Parameters
    ----------
    loadings : ndarray, shape (p, m)
    transformation : ndarray, shape (…, m, m)

    Returns
    -------
    ndarray, shape (…, p, m)
    """
    return loadings @ _transpose(np.linalg.inv(transformation))


def descend(loadings: Floats, criterion: Criterion, starts: Floats, *, orthogonal: bool) -> Descent:
    """Follow the projected gradient from every start.

    Parameters
    ----------
    loadings : ndarray, shape (p, m)
        Unrotated.
    criterion : callable
    starts : ndarray, shape (s, m, m)
        Orthogonal matrices.
    orthogonal : bool

    Returns
    -------
    Descent
    """
    at = starts.copy()
    value, slope = _value(loadings, criterion, at, orthogonal=orthogonal)
    step = np.ones(len(at))
    moving = np.ones(len(at), dtype=bool)
    size = np.full(len(at), np.inf)
    for _ in range(_STEPS):
        here = np.flatnonzero(moving)
        projected = _projected(at[here], slope[here], orthogonal=orthogonal)
        size[here] = np.sqrt((projected**2).sum(axis=(1, 2)))
        arrived = size[here] < TOLERANCE
        moving[here[arrived]] = False
        here, projected = here[~arrived], projected[~arrived]
        if not here.size:
            break
        step[here] *= 2
        waiting = np.arange(len(here))
        for _ in range(_HALVINGS):
            k = here[waiting]
            there = _retracted(at[k] - step[k, None, None] * projected[waiting], orthogonal=orthogonal)
            new, new_slope = _value(loadings, criterion, there, orthogonal=orthogonal)
            better = new < value[k] - 0.5 * size[k] ** 2 * step[k]
            at[k[better]], value[k[better]], slope[k[better]] = there[better], new[better], new_slope[better]
            step[k[~better]] /= 2
            waiting = waiting[~better]
            if not waiting.size:
                break
        moving[here[waiting]] = False  # rounding hides further progress
    return Descent(at, value, size < 1e2 * TOLERANCE)


def _value(loadings: Floats, criterion: Criterion, at: Floats, *, orthogonal: bool) -> tuple[Floats, Floats]:
    """Return value and gradient with respect to T."""
    if orthogonal:
        value, slope = criterion(loadings @ at)
        return value, loadings.T @ slope
    inverse = np.linalg.inv(at)
    turned = loadings @ _transpose(inverse)
    value, slope = criterion(turned)
    return value, -_transpose(_transpose(turned) @ slope @ inverse)


def _projected(at: Floats, slope: Floats, *, orthogonal: bool) -> Floats:
    if orthogonal:
        inner = _transpose(at) @ slope
        return np.asarray(slope - at @ ((inner + _transpose(inner)) / 2), dtype=np.float64)
    return np.asarray(slope - at * (at * slope).sum(axis=1, keepdims=True), dtype=np.float64)


def _retracted(at: Floats, *, orthogonal: bool) -> Floats:
    if orthogonal:
        left, _, right = np.linalg.svd(at)
        return np.asarray(left @ right, dtype=np.float64)
    return np.asarray(at / np.sqrt((at**2).sum(axis=1, keepdims=True)), dtype=np.float64)


def stationarity(loadings: Array, phi: Array, criterion: Criterion, *, orthogonal: bool) -> Array:
    r"""Return what is zero where a rotation is optimal.

    With :math:`Z = \Lambda' \partial Q/\partial\Lambda`: :math:`Z - Z'` for orthogonal rotations, else
    :math:`Z - \mathrm{diag}(Z)\Phi`.

    Parameters
    ----------
    loadings : ndarray, shape (p, m)
        Rotated (and weighted, as the criterion sees them).
    phi : ndarray, shape (m, m)
        Correlations of the factors.
    criterion : callable
    orthogonal : bool

    Returns
    -------
    ndarray, shape (m (m - 1) / 2,) or (m (m - 1),)
    """
    inner = loadings.T @ criterion(loadings)[1]
    m = len(inner)
    if orthogonal:
        upper = np.triu_indices(m, 1)
        skew: Array = (inner - inner.T)[upper]
        return skew
    gap = inner - np.diag(inner)[:, None] * phi
    off: Array = gap[~np.eye(m, dtype=bool)]
    return off


def polish(loadings: Floats, criterion: Criterion, at: Floats, *, orthogonal: bool) -> tuple[Floats, bool]:
    """Take Newton steps to where the conditions of stationarity hold.

    Parameters
    ----------
    loadings : ndarray, shape (p, m)
    criterion : callable
    at : ndarray, shape (m, m)
        Near an optimum.
    orthogonal : bool

    Returns
    -------
    transformation : ndarray, shape (m, m)
    stationary : bool
        Whether they do hold.
    """
    m = len(at)
    count = m * (m - 1) // (2 if orthogonal else 1)

    def moved(k: Array) -> Array:
        return _moved(at, k, orthogonal=orthogonal)

    def conditions(k: Array) -> Array:
        turn = moved(k)
        return stationarity(rotated_by(loadings, turn), turn.T @ turn, criterion, orthogonal=orthogonal)

    scale = max(float(np.abs(criterion(rotated_by(loadings, at))[1]).max()), 1e-8)
    size = np.inf
    for _ in range(_NEWTON_STEPS):
        gap = conditions(np.zeros(count))
        before, size = size, float(np.abs(gap).max(initial=0.0))
        if size < 1e-15 * scale or size >= before:
            break
        slopes = differentiated(conditions, np.zeros(count))
        at = moved(np.clip(-np.linalg.lstsq(slopes, gap, rcond=None)[0], -0.2, 0.2))
    return at, size < _POLISHED * scale


def _moved(at: Floats, k: Array, *, orthogonal: bool) -> Array:
    m = len(at)
    if orthogonal:
        turn = np.zeros((m, m), dtype=k.dtype)
        turn[np.triu_indices(m, 1)] = k / 2
        turn = turn - turn.T
        return at @ np.linalg.solve(np.eye(m) - turn, np.eye(m) + turn)
    change = np.zeros((m, m), dtype=k.dtype)
    change[~np.eye(m, dtype=bool)] = k
    there = at @ (np.eye(m) + change)
    unit: Array = there / np.sqrt((there * there).sum(axis=0))
    return unit


def differentiated(function: Any, x: Floats) -> Floats:
    """Return exact derivatives of an analytic function by a complex step.

    Parameters
    ----------
    function : callable
        From a complex vector to a complex vector.
    x : ndarray, shape (q,)

    Returns
    -------
    ndarray, shape (c, q)

    Examples
    --------
    >>> differentiated(lambda x: x**3, np.array([2.0])).tolist()
    [[12.0]]
    """
    columns = []
    for k in range(len(x)):
        there = x.astype(np.complex128)
        there[k] += 1j * _EXACT
        columns.append(np.imag(function(there)) / _EXACT)
    return np.array(columns).T if columns else np.zeros((0, 0))
