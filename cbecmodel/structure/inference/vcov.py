"""Covariances of the estimates, and what is wrong when there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbecmodel.structure.estimate.native import Problem, standardized

if TYPE_CHECKING:
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
    inner = space.basis.T @ information @ space.basis
    size = np.sqrt(np.clip(np.diag(inner), 0, None))
    nothing = np.full_like(information, np.nan)
    if not np.isfinite(inner).all():
        return Uncertainty(nothing, tuple(range(len(information))))
    unit = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(inner / np.outer(unit, unit))
    weak = values < _SINGULAR
    if weak.any():
        directions = np.abs(space.basis @ (vectors[:, weak] / unit[:, None])).max(axis=1)
        members = directions > 1e-4 * directions.max(initial=0.0)
        return Uncertainty(nothing, tuple(np.flatnonzero(members).tolist()))
    inverse = (vectors / values) @ vectors.T / np.outer(unit, unit)
    return Uncertainty(space.basis @ inverse @ space.basis.T, ())


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
    work = standardized(problem)
    found = work.objective(x * work.scale.parameters, True)
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
