r"""Least squares: the discrepancies of GLS, ULS, WLS and DWLS, their derivatives and standard errors.

With s the sample moments (means first, if modelled; covariances with divisor n - 1) and V the weight of a group,

.. math::

    F = \sum_g \frac{n_g - 1}{N} (s_g - \sigma_g)' V_g (s_g - \sigma_g) .

V is the inverse of the moments' sampling covariances under normality (GLS) or without it (WLS), the inverse of their diagonal
(DWLS), or the identity (ULS).

References
----------
.. [1] Browne, M. W. (1984). Asymptotically distribution-free methods for the analysis of covariance structures. British
   Journal of Mathematical and Statistical Psychology, 37, 62-83.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import DataError, ModelError
from cbecmodel.structure.estimate.implied import Implied, contract, implied, jacobian, vech, vech_indices
from cbecmodel.structure.estimate.likelihood import Derivatives, curvature, mean_curvature
from cbecmodel.structure.estimate.ordinal import ordinal_weight
from cbecmodel.structure.sample.linear import row_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cbecmodel.structure.estimate.matrices import ModelPattern
    from cbecmodel.structure.sample.moments import SampleMoments

Floats = NDArray[np.float64]
LEAST_SQUARES: Final = ("GLS", "ULS", "WLS", "DWLS", "WLSM", "WLSMV", "ULSMV")
_DISCREPANCY: Final = {"WLSM": "DWLS", "WLSMV": "DWLS", "ULSMV": "ULS"}


def discrepancy_of(estimator: str) -> str:
    """Return the discrepancy that an estimator minimises: some differ only in their errors and tests.

    Parameters
    ----------
    estimator : str

    Returns
    -------
    {"GLS", "ULS", "WLS", "DWLS"}

    Examples
    --------
    >>> discrepancy_of("WLSMV")
    'DWLS'
    """
    return _DISCREPANCY.get(estimator, estimator)


def moment_vector(sample: SampleMoments, means: bool) -> Floats:
    """Stack the sample moments.

    Parameters
    ----------
    sample : SampleMoments
    means : bool

    Returns
    -------
    ndarray, shape (p* or p + p*,)
    """
    cov = vech(sample.cov)
    return np.concatenate([sample.mean, cov]) if means else cov


def moment_deviations(sample: SampleMoments, means: bool) -> Floats:
    """Return each case's deviation from the sample moments.

    Parameters
    ----------
    sample : SampleMoments
    means : bool

    Returns
    -------
    ndarray, shape (n, p* or p + p*)

    Raises
    ------
    ModelError
        If the model was fitted to moments.
    """
    if sample.raw is None:
        raise ModelError("structure.robust_needs_data")
    z: Floats = _products(sample.raw - sample.mean)
    z = z - z.mean(axis=0)
    return z if means else z[:, len(sample.names) :]


def deviation_blocks(sample: SampleMoments, means: bool) -> Iterator[Floats]:
    """Yield what :func:`moment_deviations` returns block by block, so that it is never there at once.

    Parameters
    ----------
    sample : SampleMoments
    means : bool

    Yields
    ------
    ndarray, shape (cases, p* or p + p*)

    Raises
    ------
    ModelError
        If the model was fitted to moments.
    """
    if sample.raw is None:
        raise ModelError("structure.robust_needs_data")
    blocks = list(row_blocks(len(sample.raw)))
    total = sum(_products(sample.raw[rows] - sample.mean).sum(axis=0) for rows in blocks)
    for rows in blocks:
        z = _products(sample.raw[rows] - sample.mean) - total / len(sample.raw)
        yield z if means else z[:, len(sample.names) :]


def _products(d: Floats) -> Floats:
    rows, columns = vech_indices(d.shape[1])
    return np.concatenate([d, d[:, rows] * d[:, columns]], axis=1)


def weight_matrix(sample: SampleMoments, estimator: str, means: bool) -> Floats:
    """Return the weight of a group's moments.

    Parameters
    ----------
    sample : SampleMoments
    estimator : str
        One of :data:`LEAST_SQUARES`.
    means : bool

    Returns
    -------
    ndarray, shape (m, m)

    Raises
    ------
    DataError
        If WLS has no more cases than moments.
    """
    estimator = discrepancy_of(estimator)
    if sample.ordinal is not None:
        return ordinal_weight(sample.ordinal, estimator)
    size = len(moment_vector(sample, means))
    if estimator == "ULS":
        return np.eye(size)
    if estimator == "GLS":
        return _normal_weight(sample, means)
    spread = sum((z**2).sum(axis=0) for z in deviation_blocks(sample, means)) / sample.n
    if estimator == "DWLS":
        return np.diag(1 / spread)
    if sample.n <= size:
        raise DataError("structure.too_few_for_wls", n=sample.n, moments=size)
    unit = np.sqrt(spread)
    inner = sum((z / unit).T @ (z / unit) for z in deviation_blocks(sample, means)) / sample.n
    weight: Floats = np.linalg.inv(inner) / np.outer(unit, unit)
    return weight


def _normal_weight(sample: SampleMoments, means: bool) -> Floats:
    inverse = np.linalg.inv(sample.cov)
    rows, columns = vech_indices(len(inverse))
    pairs = inverse[np.ix_(rows, rows)] * inverse[np.ix_(columns, columns)]
    pairs = pairs + inverse[np.ix_(rows, columns)] * inverse[np.ix_(columns, rows)]
    share = np.where(rows == columns, 0.5, 1.0)
    block = pairs * np.outer(share, share)
    if not means:
        return np.asarray(block, dtype=np.float64)
    p = len(inverse)
    weight = np.zeros((p + len(block), p + len(block)))
    weight[:p, :p], weight[p:, p:] = inverse, block
    return weight


def discrepancy(
    pattern: ModelPattern, samples: Sequence[SampleMoments], weights: Sequence[Floats], x: Floats, *, second: bool
) -> Derivatives:
    """Return the discrepancy and its derivatives.

    Parameters
    ----------
    pattern : ModelPattern
    samples : sequence of SampleMoments
    weights : sequence of ndarray, shape (m, m)
    x : ndarray, shape (q,)
    second : bool
        Also compute the Hessian and the information of one observation.

    Returns
    -------
    Derivatives
    """
    q = pattern.n_free
    total = sum(sample.n for sample in samples)
    value, gradient = 0.0, np.zeros(q)
    size = q if second else 0
    hessian, information = np.zeros((size, size)), np.zeros((size, size))
    for group, sample, weight in zip(pattern.groups, samples, weights, strict=True):
        try:
            state = implied(group, x)
        except np.linalg.LinAlgError:
            return Derivatives(np.inf, np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)))
        share = (sample.n - 1) / total
        sigma = np.concatenate([state.mu, vech(state.sigma)]) if pattern.means else vech(state.sigma)
        gap = moment_vector(sample, pattern.means) - sigma
        pull = weight @ gap
        value += share * float(gap @ pull)
        np.add.at(gradient, group.parameter, share * _slope(state, pull, pattern.means))
        if second:
            slopes = jacobian(state, pattern.means)
            inner = slopes.T @ weight @ slopes
            bent = _bend(state, pull, pattern.means)
            at = np.ix_(group.parameter, group.parameter)
            np.add.at(hessian, at, share * (2 * inner + bent))
            np.add.at(information, at, sample.n / total * inner)
    return Derivatives(value, gradient, hessian, information)


def _parts(state: Implied, pull: Floats, means: bool) -> tuple[Floats, Floats]:
    """Return ``V (s - σ)`` as a symmetric matrix and a vector for the means."""
    p = len(state.mu)
    rows, columns = vech_indices(p)
    matrix = np.zeros((p, p))
    matrix[rows, columns] = pull[p if means else 0 :] / 2
    return matrix + matrix.T, pull[:p] if means else np.zeros(p)


def _slope(state: Implied, pull: Floats, means: bool) -> Floats:
    matrix, vector = _parts(state, pull, means)
    return -2 * contract(state, matrix, vector)


def _bend(state: Implied, pull: Floats, means: bool) -> Floats:
    """Return ``-2 (V (s - σ))' ∂²σ``."""
    matrix, vector = _parts(state, pull, means)
    bent = -2 * curvature(state, state.z.T @ matrix @ state.z)
    if means:
        nothing = np.zeros((state.z.shape[1], state.z.shape[1]))
        bent = bent + mean_curvature(state, nothing, state.z.T @ vector, 0.0)
    return bent


def rescaled_weight(weight: Floats, unit: Floats, means: bool) -> Floats:
    """Return a weight for moments in other units.

    Parameters
    ----------
    weight : ndarray, shape (m, m)
    unit : ndarray, shape (p,)
        New unit of each variable.
    means : bool

    Returns
    -------
    ndarray, shape (m, m)
    """
    units = moment_units(unit, means)
    return weight * np.outer(units, units)


def moment_units(unit: Floats, means: bool) -> Floats:
    """Return the units of the stacked moments.

    Parameters
    ----------
    unit : ndarray, shape (p,)
        Of each variable.
    means : bool

    Returns
    -------
    ndarray, shape (m,)
    """
    pairs = vech(np.outer(unit, unit))
    return np.concatenate([unit, pairs]) if means else pairs
