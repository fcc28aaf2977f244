"""Positive definite matrices, and symmetric ones as vectors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

Floats = NDArray[np.float64]


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
    >>> inverse.diagonal().tolist(), logdet
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
