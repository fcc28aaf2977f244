"""Where the free elements of a group stand in the matrices their derivatives are gathered from.

Computed once a model: every evaluation of a discrepancy then only takes elements from small matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Places:
    """Indices of the k free elements of a group.

    Attributes
    ----------
    t : int
        Number of variables.
    row, column : ndarray of int, shape (k,)
    a, b : ndarray of int, shape (k,)
        Columns of ``Z = [G, C]`` whose product is an element's derivative.
    factor : ndarray, shape (k,)
        Its factor in the derivatives of the covariances: one half for a variance, 0 for an intercept.
    path, moment, intercept : ndarray of int
        Which elements are paths, (co)variances and intercepts.
    senders : ndarray of int, shape (s,)
        Variables that a path leaves: only their block of ``I - A`` needs an inverse.
    """

    t: int
    row: Indices
    column: Indices
    a: Indices
    b: Indices
    factor: Floats
    path: Indices
    moment: Indices
    intercept: Indices
    senders: Indices

    @cached_property
    def pairs(self) -> tuple[Indices, Indices, Indices]:
        """Return flat places of the pairs (a, a'), (b, b') and (a, b') in a matrix of order 2t.

        Returns
        -------
        tuple of ndarray of int, shape (k, k)
        """
        return self._flat(self.a, self.a), self._flat(self.b, self.b), self._flat(self.a, self.b)

    @cached_property
    def path_pairs(self) -> tuple[Indices, Indices, Indices, Indices]:
        """Return, for two paths (i, j) and (i', j'), flat places of (j, i'), (j, j') in order t, (i, i'), (i, t + j') in 2t.

        Returns
        -------
        tuple of ndarray of int, shape (paths, paths)
        """
        i, j, t = self.row[self.path], self.column[self.path], self.t
        return j[:, None] * t + i, j[:, None] * t + j, self._flat(i, i), self._flat(i, t + j)

    @cached_property
    def mixed_pairs(self) -> tuple[Indices, Indices, Indices, Indices]:
        """Return, for a path (i, j) and a moment (m, n), flat places of (j, m), (j, n) in order t, (i, n), (i, m) in 2t.

        Returns
        -------
        tuple of ndarray of int, shape (paths, moments)
        """
        i, j = self.row[self.path], self.column[self.path]
        m, n = self.row[self.moment], self.column[self.moment]
        return j[:, None] * self.t + m, j[:, None] * self.t + n, self._flat(i, n), self._flat(i, m)

    def _flat(self, left: Indices, right: Indices) -> Indices:
        return left[:, None] * (2 * self.t) + right


def places_of(
    is_path: NDArray[np.bool_],
    is_moment: NDArray[np.bool_],
    is_intercept: NDArray[np.bool_],
    row: Indices,
    column: Indices,
    *,
    fixed_paths: Floats,
) -> Places:
    """Find the places of free elements.

    Parameters
    ----------
    is_path, is_moment, is_intercept : ndarray of bool, shape (k,)
        What is neither path, (co)variance nor intercept moves neither covariances nor means.
    row, column : ndarray of int, shape (k,)
    fixed_paths : ndarray, shape (t, t)

    Returns
    -------
    Places
    """
    t = len(fixed_paths)
    factor = np.where(is_path | (row != column), 1.0, 0.5)
    sends = (fixed_paths != 0).any(axis=0)
    sends[column[is_path]] = True
    return Places(
        t=t,
        row=row,
        column=column,
        a=row,
        b=np.where(is_path, t + column, np.where(is_moment, column, 0)),
        factor=np.where(is_path | is_moment, factor, 0.0),
        path=np.flatnonzero(is_path),
        moment=np.flatnonzero(is_moment),
        intercept=np.flatnonzero(is_intercept),
        senders=np.flatnonzero(sends),
    )
