"""Covariances of the estimates, and what is wrong when there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbecmodel.structure.sample.linear import inverse_logdet

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.table.constraints import Space

Floats = NDArray[np.float64]
_SINGULAR = 1e-9  # smallest eigenvalue of the information in correlation form that still identifies


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Sampling covariances of the free parameters.

    Attributes
    ----------
    vcov : ndarray, shape (q, q)
        NaN throughout if the information is singular.
    unidentified : tuple of int
        Free parameters (from 0) that take part in a direction without information.
    """

    vcov: Floats
    unidentified: tuple[int, ...]


def inverse_information(information: Floats, space: Space) -> Uncertainty:
    """Invert an information matrix in the space the constraints leave.

    Parameters
    ----------
    information : ndarray, shape (q, q)
        Of the whole sample.
    space : Space

    Returns
    -------
    Uncertainty
    """
    inner = space.inside(information)
    nothing = np.full_like(information, np.nan)
    if not np.isfinite(inner).all():
        return Uncertainty(nothing, tuple(range(len(information))))
    size = np.sqrt(np.clip(inner.diagonal(), 0, None))
    unit = np.where(size > 0, size, 1.0)
    units = np.multiply.outer(unit, unit)
    inverted = inverse_logdet(inner / units)
    # the largest column sum of the inverse bounds its largest eigenvalue from above
    if inverted is not None and np.abs(inverted[0]).sum(axis=0).max(initial=0.0) < 1 / _SINGULAR:
        return Uncertainty(space.outside(inverted[0] / units), ())
    values, vectors = np.linalg.eigh(inner / units)
    weak = values < _SINGULAR
    if weak.any():
        directions = np.abs(space.basis @ (vectors[:, weak] / unit[:, None])).max(axis=1)
        members = directions > 1e-4 * directions.max(initial=0.0)
        return Uncertainty(nothing, tuple(np.flatnonzero(members).tolist()))
    return Uncertainty(space.outside((vectors / values) @ vectors.T / units), ())


def likelihood_vcov(problem: Problem, x: Floats, kind: str, likelihood: str) -> Uncertainty:
    """Return the covariances of maximum-likelihood estimates.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    kind : {"expected", "observed"}
        Which information is inverted.
    likelihood : {"normal", "wishart"}

    Returns
    -------
    Uncertainty
    """
    work, found = problem.standard, problem.at(x).derivatives
    unit = found.information if kind == "expected" else found.hessian / 2
    n = sum(sample.n - (likelihood == "wishart") for sample in problem.samples)
    result = inverse_information(n * unit, work.space)
    factors = work.scale.parameters
    return Uncertainty(result.vcov / np.outer(factors, factors), result.unidentified)


def two_sided(z: Floats) -> Floats:
    """Return two-sided normal p-values.

    Parameters
    ----------
    z : ndarray

    Returns
    -------
    ndarray

    Examples
    --------
    >>> float(two_sided(np.array([1.959963984540054])).round(6)[0])
    0.05
    """
    result: Floats = 2 * special.ndtr(-np.abs(z))
    return result


def quantile(level: float) -> float:
    """Return the normal quantile of a two-sided interval.

    Parameters
    ----------
    level : float
        For instance 0.95.

    Returns
    -------
    float
    """
    return float(special.ndtri((1 + level) / 2))
