"""What every index of screening gives: a value, whether it fires, and for whom it could be computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Vector = NDArray[np.float64]


class Index(NamedTuple):
    """One reason, for every respondent looked at.

    Parameters
    ----------
    name : str
    threshold : str
        As it is printed; empty if switched off.
    value : numpy.ndarray of shape (n,) or None
        None if it is a yes or no.
    fires : numpy.ndarray of bool, shape (n,)
    known : numpy.ndarray of bool, shape (n,)
        For whom it could be computed.
    """

    name: str
    threshold: str
    value: Vector | None
    fires: Flags
    known: Flags


def measured(name: str, threshold: str, value: Vector, fires: Flags) -> Index:
    """Return an index that is known where its value is.

    Parameters
    ----------
    name, threshold : str
    value : numpy.ndarray of shape (n,)
        NaN where it could not be computed.
    fires : numpy.ndarray of bool, shape (n,)

    Returns
    -------
    Index

    Examples
    --------
    >>> measured("irv", "< 0.5", np.array([0.2, np.nan]), np.array([True, True])).fires.tolist()
    [True, False]
    """
    return Index(name, threshold, value, fires & ~np.isnan(value), ~np.isnan(value))


def nothing(name: str, n: int, threshold: str = "") -> Index:
    """Return an index that could be computed for nobody.

    Parameters
    ----------
    name : str
    n : int
        Respondents.
    threshold : str

    Returns
    -------
    Index

    Examples
    --------
    >>> int(nothing("irv", 3).known.sum())
    0
    """
    none = np.zeros(n, dtype=bool)
    return Index(name, threshold, None, none, none)
