"""Starting values in standardized units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.matrices import (
    INTERCEPT,
    MOMENT,
    PATH,
    SCALE,
    THRESHOLD,
    GroupPattern,
    ModelPattern,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


def starting_values(
    table: ParameterTable,
    pattern: ModelPattern,
    samples: Sequence[SampleMoments],
    factors: Floats,
    boldness: float = 1.0,
) -> Floats:
    """Return a point to start from.

    Loadings start at ±1 (the sign of the covariance with the marker), (residual) variances at half the variance,
    covariances of exogenous observed variables at their sample values, intercepts at the means, regressions and residual
    covariances at zero; ``start()`` wins.

    Parameters
    ----------
    table : ParameterTable
    pattern, samples
        In standardized units.
    factors : ndarray, shape (q,)
        From the user's units to these.
    boldness : float
        Size of the loadings; smaller is safer.

    Returns
    -------
    ndarray, shape (q,)
    """
    x = np.zeros(pattern.n_free)
    for group, sample in zip(pattern.groups, samples, strict=True):
        x[group.parameter] = _group(group, sample, boldness)
    rows = [table.rows[index] for index in table.free_rows]
    given = np.array([row.start for row in rows], dtype=np.float64)
    return np.where(np.isnan(given), x, given * factors)


def _group(group: GroupPattern, sample: SampleMoments, boldness: float) -> Floats:
    p = group.p
    out = np.zeros(len(group.kind))
    markers = _markers(group)
    predicted = {int(i) for i in np.flatnonzero((group.paths != 0).any(axis=1))} | set(
        group.row[group.kind == PATH].tolist()
    )
    fixed_scale = np.diag(group.moments) > 0
    for index, (kind, i, j) in enumerate(zip(group.kind, group.row, group.column, strict=True)):
        if kind == THRESHOLD and sample.ordinal is not None:
            out[index] = sample.ordinal.cuts[i][j]
        elif kind == SCALE:
            out[index] = 1.0
        elif kind == INTERCEPT:
            out[index] = sample.mean[i] if i < p else 0.0
        elif kind == PATH and j >= p:
            out[index] = _loading(sample, markers.get(int(j)), int(i), p) * boldness * (0.7 if fixed_scale[j] else 1.0)
        elif kind == MOMENT and i == j:
            out[index] = _variance(group, sample, int(i), predicted, boldness)
        elif kind == MOMENT and i < p and j < p and not {int(i), int(j)} & predicted:
            out[index] = sample.cov[i, j]
    return out


def _variance(group: GroupPattern, sample: SampleMoments, i: int, predicted: set[int], boldness: float) -> float:
    if i >= group.p:
        return 0.5 * boldness
    return float(sample.cov[i, i]) * (0.5 if i in predicted else 1.0)


def _markers(group: GroupPattern) -> dict[int, int]:
    """Return the observed variable that gives each latent its direction."""
    found: dict[int, int] = {}
    free = [
        (int(i), int(j)) for i, j in zip(group.row[group.kind == PATH], group.column[group.kind == PATH], strict=True)
    ]
    fixed = [(int(i), int(j)) for i, j in np.argwhere(group.paths != 0)]
    for i, j in [*fixed, *free]:
        if j >= group.p and i < group.p:
            found.setdefault(j, i)
    return found


def _loading(sample: SampleMoments, marker: int | None, i: int, p: int) -> float:
    if i >= p:
        return 0.0 if marker is not None else 1.0
    if marker is None or marker == i:
        return 1.0
    return 1.0 if sample.cov[marker, i] >= 0 else -1.0
