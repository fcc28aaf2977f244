r"""Sample moments of many resamples at once.

A resample is a vector of case weights (how often each case was drawn). With the cases' deviations d from the full sample's
means and their products as columns of a matrix Z, all first and second moments of R resamples are one product of the R × n
weights with Z.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import vech_indices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.sample.moments import SampleMoments

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of one group, ready to be weighted.

    Attributes
    ----------
    centre : ndarray, shape (p,)
        What was subtracted.
    deviations : ndarray, shape (n, p)
        Zero where missing.
    products : ndarray, shape (n, p + p*)
        Deviations and their products (lower triangle, column by column).
    hidden : tuple of ndarray of int
        Variables missing in each pattern; empty for complete data.
    members : tuple of ndarray of int
        Cases of each pattern.
    answered : ndarray, shape (n, p)
        1 where there is an answer, 0 where there is none.
    unbiased : bool
        Divide covariances by n − 1.
    """

    centre: Floats
    deviations: Floats
    products: Floats
    hidden: tuple[Indices, ...]
    members: tuple[Indices, ...]
    answered: Floats
    unbiased: bool

    @property
    def n(self) -> int:
        """Return the number of cases.

        Returns
        -------
        int
        """
        return len(self.deviations)


@dataclass(frozen=True, slots=True)
class GroupMoments:
    """Moments of R resamples of one group, in the engine's units.

    Attributes
    ----------
    n : ndarray, shape (R,)
        Cases.
    cov : ndarray, shape (R, p, p)
        With incomplete data second moments of what was answered, divided by n, about the centre.
    mean : ndarray, shape (R, p)
        With incomplete data first moments of what was answered, about the centre.
    weights : ndarray, shape (R, n) or (R, 0)
        Case weights that sum to one, kept for incomplete data.
    moment_weights : ndarray, shape (R, p, p) or (0, 0, 0)
        Least squares: weight of each covariance, halved off the diagonal (those above it repeat those below).
    mean_weights : ndarray, shape (R, p) or (0, 0)
        Least squares: weight of each mean.
    """

    n: Floats
    cov: Floats
    mean: Floats
    weights: Floats
    moment_weights: Floats
    mean_weights: Floats

    def take(self, chosen: Indices) -> GroupMoments:
        """Return some of the resamples.

        Parameters
        ----------
        chosen : ndarray of int

        Returns
        -------
        GroupMoments
        """
        return GroupMoments(*(values[chosen] if len(values) else values for values in self._columns()))

    def _columns(self) -> tuple[Floats, ...]:
        return self.n, self.cov, self.mean, self.weights, self.moment_weights, self.mean_weights


@dataclass(frozen=True, slots=True)
class ManyMoments:
    """Moments of R resamples, group by group.

    Attributes
    ----------
    groups : tuple of GroupMoments
    """

    groups: tuple[GroupMoments, ...]

    def __len__(self) -> int:
        return len(self.groups[0].n)

    def take(self, chosen: Indices) -> ManyMoments:
        """Return some of the resamples.

        Parameters
        ----------
        chosen : ndarray of int

        Returns
        -------
        ManyMoments
        """
        return ManyMoments(tuple(group.take(chosen) for group in self.groups))


def cases_of(sample: SampleMoments, unit: Floats, *, unbiased: bool) -> Cases:
    """Return the cases of a group in units of the engine.

    Parameters
    ----------
    sample : SampleMoments
        With its data, in the user's units.
    unit : ndarray, shape (p,)
    unbiased : bool
        Divide covariances by n − 1.

    Returns
    -------
    Cases
    """
    assert sample.raw is not None
    values = sample.raw / unit
    centre = np.nanmean(values, axis=0)
    deviations = np.nan_to_num(values - centre, nan=0.0)
    rows, columns = vech_indices(values.shape[1])
    products = np.concatenate([deviations, deviations[:, rows] * deviations[:, columns]], axis=1)
    every = np.arange(values.shape[1])
    hidden = tuple(np.setdiff1d(every, one.observed) for one in sample.patterns)
    members = tuple(one.cases for one in sample.patterns)
    answered = (~np.isnan(values)).astype(np.float64)
    return Cases(centre, deviations, products, hidden, members, answered, unbiased)


def weighted_moments(cases: Cases, weights: Floats) -> GroupMoments:
    """Return the moments of resamples.

    Parameters
    ----------
    cases : Cases
    weights : ndarray, shape (R, n)
        How often each case stands in each resample; need not be whole numbers.

    Returns
    -------
    GroupMoments
    """
    size, p = len(weights), cases.deviations.shape[1]
    total = weights.sum(axis=1)
    first_second = (weights @ cases.products) / total[:, None]
    mean = first_second[:, :p]
    rows, columns = vech_indices(p)
    cov = np.empty((size, p, p))
    cov[:, rows, columns] = first_second[:, p:]
    cov[:, columns, rows] = first_second[:, p:]
    nothing = np.zeros((0, 0)), np.zeros((0, 0, 0)), np.zeros((0, 0))
    if cases.hidden:
        return GroupMoments(total, cov, mean.copy(), weights / total[:, None], *nothing[1:])
    cov -= mean[:, :, None] * mean[:, None, :]
    if cases.unbiased:
        cov *= (total / (total - 1))[:, None, None]
    return GroupMoments(total, cov, mean + cases.centre, *nothing)


def given_moments(covs: Floats, means: Floats, n: Floats) -> GroupMoments:
    """Return moments that are known already, such as those of simulated samples.

    Parameters
    ----------
    covs : ndarray, shape (R, p, p)
        In the engine's units and with the divisor the estimator wants.
    means : ndarray, shape (R, p)
    n : ndarray, shape (R,)

    Returns
    -------
    GroupMoments
    """
    nothing = np.zeros((0, 0)), np.zeros((0, 0, 0)), np.zeros((0, 0))
    return GroupMoments(n, covs, means, *nothing)


def with_identity_weights(moments: GroupMoments, unit: Floats) -> GroupMoments:
    """Add the weights of unweighted least squares.

    Parameters
    ----------
    moments : GroupMoments
    unit : ndarray, shape (p,)
        The engine's units; the discrepancy is one in the user's.

    Returns
    -------
    GroupMoments
    """
    weight = np.outer(unit, unit) ** 2 * np.where(np.eye(len(unit), dtype=bool), 1.0, 0.5)
    size = len(moments.n)
    return replace(
        moments,
        moment_weights=np.broadcast_to(weight, (size, *weight.shape)),
        mean_weights=np.broadcast_to(unit**2, (size, len(unit))),
    )


def with_diagonal_weights(moments: GroupMoments, cases: Cases, weights: Floats) -> GroupMoments:
    r"""Add the weights of diagonally weighted least squares: one over the variance of each product of deviations.

    Parameters
    ----------
    moments : GroupMoments
    cases : Cases
    weights : ndarray, shape (R, n)

    Returns
    -------
    GroupMoments
        With :math:`b` the resample's mean deviation, :math:`\sum w (d_i - b_i)^2 (d_j - b_j)^2` is expanded in the moments of
        d up to the fourth.
    """
    d = cases.deviations
    size, p = len(weights), d.shape[1]
    share = weights / weights.sum(axis=1, keepdims=True)
    rows, columns = vech_indices(p)
    i, j = d[:, rows], d[:, columns]
    fourth = share @ (i * i * j * j)
    third_ij, third_ji = share @ (i * i * j), share @ (i * j * j)
    second, first = share @ (i * j), share @ d
    square = share @ (d * d)
    a, b = first[:, rows], first[:, columns]
    whole = fourth - 2 * b * third_ij - 2 * a * third_ji + b * b * square[:, rows] + a * a * square[:, columns]
    whole += 4 * a * b * second - 3 * a * a * b * b
    spread = whole - (second - a * b) ** 2
    weight = np.zeros((size, p, p))
    with np.errstate(divide="ignore"):
        weight[:, rows, columns] = np.where(rows == columns, 1.0, 0.5) / spread
        weight[:, columns, rows] = weight[:, rows, columns]
        return replace(moments, moment_weights=weight, mean_weights=1 / (square - first * first))


def stacked(parts: Sequence[ManyMoments]) -> ManyMoments:
    """Put the resamples of several batches one below the other.

    Parameters
    ----------
    parts : sequence of ManyMoments

    Returns
    -------
    ManyMoments
    """
    groups = []
    for index in range(len(parts[0].groups)):
        columns = zip(*(part.groups[index]._columns() for part in parts), strict=True)
        groups.append(GroupMoments(*(np.concatenate(column) for column in columns)))
    return ManyMoments(tuple(groups))
