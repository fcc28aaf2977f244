"""Taking fixed effects out of columns (Frisch–Waugh–Lovell), and finding columns that nothing is left of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

NEGLIGIBLE: Final = 1e-9
"""Share of a column's length below which what is left of it counts as rounding error."""


def dummies(codes: NDArray[np.int64], drop_first: bool) -> NDArray[np.float64]:
    """Return 0/1 columns for the levels of codes.

    Parameters
    ----------
    codes : numpy.ndarray
        0 … L−1, n.
    drop_first : bool
        Leave level 0 out.

    Returns
    -------
    numpy.ndarray
        n × L, or n × (L − 1).

    Examples
    --------
    >>> dummies(np.array([0, 1, 1]), drop_first=True).ravel().tolist()
    [0.0, 1.0, 1.0]
    """
    full = np.zeros((len(codes), int(codes.max()) + 1))
    full[np.arange(len(codes)), codes] = 1.0
    return full[:, 1:] if drop_first else full


def demean(
    columns: NDArray[np.float64], codes: NDArray[np.int64], weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Subtract (weighted) group means from columns.

    Parameters
    ----------
    columns : numpy.ndarray
        n × k.
    codes : numpy.ndarray
        Groups 0 … L−1, n.
    weights : numpy.ndarray or None

    Returns
    -------
    numpy.ndarray
        n × k.

    Examples
    --------
    >>> demean(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 1]), None).ravel().tolist()
    [-1.0, 1.0, 0.0]
    """
    w = np.ones(len(codes)) if weights is None else weights
    mass = np.bincount(codes, w)
    means = np.column_stack([np.bincount(codes, w * column) / mass for column in columns.T])
    return columns - means[codes]


def within(
    columns: NDArray[np.float64], effects: Iterable[NDArray[np.int64]], weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Return what is left of columns when all fixed effects are taken out, exactly.

    The effect with the most levels is taken out by subtracting means, the others by regression on their dummies.

    Parameters
    ----------
    columns : numpy.ndarray
        n × k.
    effects : iterable of numpy.ndarray
        Codes 0 … L−1, n each.
    weights : numpy.ndarray or None

    Returns
    -------
    numpy.ndarray
        n × k.

    Examples
    --------
    >>> within(np.arange(4.0)[:, None], [np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])], None).round(12).ravel().tolist()
    [0.0, 0.0, 0.0, 0.0]
    """
    ordered = sorted(effects, key=lambda codes: -int(codes.max()))
    if not ordered:
        return columns
    left = demean(columns, ordered[0], weights)
    if len(ordered) == 1:
        return left
    others = demean(np.hstack([dummies(codes, drop_first=True) for codes in ordered[1:]]), ordered[0], weights)
    root = 1.0 if weights is None else np.sqrt(weights)[:, None]
    coefficients = np.linalg.lstsq(others * root, left * root, rcond=None)[0]
    remainder: NDArray[np.float64] = left - others @ coefficients
    return remainder


def redundant(columns: NDArray[np.float64], lengths: NDArray[np.float64]) -> list[int]:
    """Return the columns that those before them (and the effects taken out) already determine.

    Parameters
    ----------
    columns : numpy.ndarray
        n × k, effects taken out.
    lengths : numpy.ndarray
        Euclidean length of each column before that, k.

    Returns
    -------
    list of int

    Examples
    --------
    >>> redundant(np.array([[1.0, 2.0], [-1.0, -2.0]]), np.array([1.4, 2.8]))
    [1]
    """
    found: list[int] = []
    basis: list[NDArray[np.float64]] = []
    for index, column in enumerate(columns.T):
        rest = column.copy()
        for _ in range(2):  # twice is enough for orthogonality to working precision
            for direction in basis:
                rest -= (direction @ rest) * direction
        length = float(np.linalg.norm(rest))
        if length <= NEGLIGIBLE * max(float(lengths[index]), np.finfo(float).tiny):
            found.append(index)
        else:
            basis.append(rest / length)
    return found
