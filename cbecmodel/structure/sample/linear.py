"""Positive definite matrices, and rows block by block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = NDArray[np.float64]
_ROWS: Final = 4096  # cases at once: what is computed of each case never needs more memory than this many


def row_blocks(n: int) -> Iterator[slice]:
    """Split rows into blocks, so that what is derived from them needs little memory at a time.

    Parameters
    ----------
    n : int

    Yields
    ------
    slice

    Examples
    --------
    >>> [block.stop for block in row_blocks(5000)]
    [4096, 5000]
    """
    for start in range(0, n, _ROWS):
        yield slice(start, min(start + _ROWS, n))


def inverse_logdet(matrix: Floats) -> tuple[Floats, float] | None:
    """Return inverse and log-determinant of a positive definite matrix.

    Parameters
    ----------
    matrix : ndarray, shape (p, p)

    Returns
    -------
    (ndarray, float) or None
        None if it is not positive definite.

    Examples
    --------
    >>> inverse, logdet = inverse_logdet(np.diag([2.0, 0.5]))
    >>> inverse.diagonal().round(12).tolist(), round(abs(logdet), 12)
    ([0.5, 2.0], 0.0)
    """
    factor, info = lapack.dpotrf(matrix, lower=1, clean=1)
    diagonal = factor.diagonal()
    if info != 0 or not math.isfinite(float(diagonal.sum())):
        return None
    inverse, info = lapack.dpotri(factor, lower=1)
    if info != 0:
        return None
    inverse += inverse.T  # the upper triangle was zero
    inverse.flat[:: len(inverse) + 1] /= 2
    return inverse, 2 * float(np.log(diagonal).sum())
