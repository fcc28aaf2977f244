r"""Least squares for ordinal and mixed data: the discrepancy between sample statistics and what the model implies.

.. math::

    F = \sum_g \frac{n_g - 1}{N} (s_g - \sigma_g)' V_g (s_g - \sigma_g)

with thresholds, means, slopes, variances and correlations s, see :mod:`cbecmodel.structure.estimate.ordinal_responses`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.likelihood import Derivatives
from cbecmodel.structure.estimate.ordinal_curvature import bend
from cbecmodel.structure.estimate.ordinal_responses import responses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.estimate.matrices import (
        ModelPattern,
    )
    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.sample.statistics import OrdinalStatistics

Floats = NDArray[np.float64]


def discrepancy(
    pattern: ModelPattern, samples: Sequence[SampleMoments], weights: Sequence[Floats], x: Floats, *, second: bool
) -> Derivatives:
    """Return the discrepancy and its derivatives.

    Parameters
    ----------
    pattern : ModelPattern
    samples : sequence of SampleMoments
        With ordinal statistics.
    weights : sequence of ndarray, shape (m,) or (m, m)
        Diagonal or full.
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
    nothing = Derivatives(np.inf, np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)))
    for group, sample, weight in zip(pattern.groups, samples, weights, strict=True):
        assert sample.ordinal is not None
        try:
            found = responses(group, sample.ordinal, x)
        except np.linalg.LinAlgError:
            return nothing
        if not np.isfinite(found.vector).all():
            return nothing
        share = (sample.n - 1) / total
        gap = sample.ordinal.vector - found.vector
        pull = weighted(weight, gap)
        value += share * float(gap @ pull)
        np.add.at(gradient, group.parameter, -2 * share * (found.jacobian.T @ pull))
        if second:
            inner = found.jacobian.T @ weighted(weight, found.jacobian)
            bent = bend(group, sample.ordinal, found, pull)
            at = np.ix_(group.parameter, group.parameter)
            np.add.at(hessian, at, share * (2 * inner + bent))
            np.add.at(information, at, sample.n / total * inner)
    return Derivatives(value, gradient, hessian, information)


def weighted(weight: Floats, values: Floats) -> Floats:
    """Return a weight, diagonal or full, times a vector or a matrix.

    Parameters
    ----------
    weight : ndarray, shape (m,) or (m, m)
    values : ndarray, shape (m,) or (m, k)

    Returns
    -------
    ndarray
    """
    if weight.ndim == 2:
        return np.asarray(weight @ values, dtype=np.float64)
    return weight * values if values.ndim == 1 else weight[:, None] * values


def ordinal_weight(statistics: OrdinalStatistics, estimator: str) -> Floats:
    """Return the weight of a group's statistics.

    Parameters
    ----------
    statistics : OrdinalStatistics
    estimator : {"ULS", "WLS", "DWLS"}

    Returns
    -------
    ndarray, shape (m,) or (m, m)
        Diagonal weights are vectors.
    """
    if estimator == "ULS":
        return np.ones(len(statistics.vector))
    if estimator == "DWLS":
        return np.asarray(1 / np.diag(statistics.acov), dtype=np.float64)
    unit = np.sqrt(np.diag(statistics.acov))
    inverse = np.linalg.inv(statistics.acov / np.outer(unit, unit)) / np.outer(unit, unit)
    return np.asarray((inverse + inverse.T) / 2, dtype=np.float64)
