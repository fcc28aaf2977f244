"""What a two-level likelihood sees of the data: clusters of each size, and the spread inside clusters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import DataError, DataWarning, warn
from cbecmodel.structure.sample.columns import Floats, numeric_columns
from cbecmodel.structure.sample.design import cluster_codes
from cbecmodel.structure.sample.moments import SampleMoments, array_moments

if TYPE_CHECKING:
    from cbecmodel.structure.levels.table import LevelTable

Indices = NDArray[np.intp]
_FLOOR = 1e-3  # least share of a variable's variance that starting values give the clusters' level


@dataclass(frozen=True, slots=True)
class SizeClass:
    """Clusters of one size.

    Attributes
    ----------
    size : int
        Cases in each.
    count : int
        Number of clusters.
    mean : ndarray, shape (p,)
        Of the clusters' means.
    cov : ndarray, shape (p, p)
        Of the clusters' means, divisor ``count``.
    """

    size: int
    count: int
    mean: Floats
    cov: Floats


@dataclass(frozen=True, slots=True)
class Clusters:
    """Sufficient statistics of clustered data, variables in the order of the table.

    Attributes
    ----------
    n : int
        Cases.
    varying : ndarray of int
        Variables that vary within clusters (all but those of the clusters' level alone).
    classes : tuple of SizeClass
    inside : ndarray, shape (p, p)
        Products of the cases' deviations from their clusters' means, summed.
    means : ndarray, shape (J, p)
        Of each cluster.
    sizes : ndarray of int, shape (J,)
    spread : ndarray, shape (J, p, p)
        ``inside``, cluster by cluster.
    cases : ndarray, shape (n, p)
        The cases used.
    member : ndarray of int, shape (n,)
        Their clusters.
    rows : ndarray of int, shape (n,)
        Their positions in the data.
    labels : pandas.Index, length J
        What the data call the clusters.
    """

    n: int
    varying: Indices
    classes: tuple[SizeClass, ...]
    inside: Floats
    means: Floats
    sizes: Indices
    spread: Floats
    cases: Floats
    member: Indices
    rows: Indices
    labels: pd.Index

    def rescaled(self, unit: Floats) -> Clusters:
        """Return the statistics in other units, without those of single clusters.

        Parameters
        ----------
        unit : ndarray, shape (p,)

        Returns
        -------
        Clusters
        """
        square = np.outer(unit, unit)
        classes = tuple(replace(one, mean=one.mean / unit, cov=one.cov / square) for one in self.classes)
        return replace(self, classes=classes, inside=self.inside / square)


def read_clusters(frame: pd.DataFrame, table: LevelTable, name: str) -> tuple[Clusters, tuple[SampleMoments, ...]]:
    """Read clustered data.

    Parameters
    ----------
    frame : pandas.DataFrame
    table : LevelTable
    name : str
        Column of the clusters.

    Returns
    -------
    clusters : Clusters
    samples : tuple of SampleMoments
        Moments of the two levels: where starting values and the moments of fixed exogenous variables come from.

    Raises
    ------
    DataError
        If a variable of the clusters' level varies within one, or there are too few clusters.
    """
    codes = cluster_codes(frame, name)
    values = numeric_columns(frame, table.observed)
    plain = array_moments(values, table.observed)  # says what is empty, constant or dependent
    assert plain.rows is not None
    used, first, member = np.unique(codes[plain.rows], return_index=True, return_inverse=True)
    data, member = values[plain.rows], np.asarray(member.ravel(), dtype=np.intp)
    sizes = np.bincount(member)
    means = np.zeros((len(used), data.shape[1]))
    np.add.at(means, member, data)
    means /= sizes[:, None]
    deviations = data - means[member]
    varying = np.array([at for at, each in enumerate(table.observed) if each in table.within], dtype=np.intp)
    if (sizes == 1).all():
        raise DataError("structure.no_within", column=name)
    _refuse(frame, table, deviations, means, plain.rows)
    spread = np.zeros((len(used), data.shape[1], data.shape[1]))
    for cluster in range(len(used)):
        own = deviations[member == cluster]
        spread[cluster] = own.T @ own
    clusters = Clusters(
        n=len(data),
        varying=varying,
        classes=_classes(means, sizes),
        inside=spread.sum(axis=0),
        means=means,
        sizes=np.asarray(sizes, dtype=np.intp),
        spread=spread,
        cases=data,
        member=member,
        rows=plain.rows,
        labels=pd.Index(frame[name].iloc[plain.rows[first]], name=name),
    )
    if plain.n_dropped:
        warn(DataWarning, "structure.level_dropped", count=plain.n_dropped, stacklevel=6)
    return clusters, _samples(clusters, table, plain)


def _refuse(frame: pd.DataFrame, table: LevelTable, deviations: Floats, means: Floats, rows: Indices) -> None:
    above = len(table.between)
    if len(means) <= above:
        raise DataError("structure.too_few_clusters", clusters=len(means), variables=above)
    size = np.abs(means).max(axis=0) + np.abs(deviations).max(axis=0)
    for at, name in enumerate(table.observed):
        still = np.abs(deviations[:, at]) <= 1e-10 * size[at]
        if name not in table.within and not still.all():
            raise DataError("structure.varies_within", variable=name, row=frame.index[rows[int(np.argmin(still))]])
        if name in table.within and still.all():
            raise DataError("structure.constant_within", variable=name)


def _classes(means: Floats, sizes: NDArray[np.int_]) -> tuple[SizeClass, ...]:
    found = []
    for size in np.unique(sizes):
        own = means[sizes == size]
        centred = own - own.mean(axis=0)
        found.append(SizeClass(int(size), len(own), own.mean(axis=0), centred.T @ centred / len(own)))
    return tuple(found)


def _samples(clusters: Clusters, table: LevelTable, plain: SampleMoments) -> tuple[SampleMoments, ...]:
    """Return moments of the levels: pooled within, and what they leave of the clusters' means."""
    p, number = len(table.observed), len(clusters.sizes)
    in_within = np.array([name in table.within for name in table.observed])
    in_between = np.array([name in table.between for name in table.observed])
    split = in_within & in_between
    within = clusters.inside / max(clusters.n - number, 1)
    alone = in_within & ~in_between
    within = np.where(np.outer(alone, alone), plain.cov, within)
    centre = clusters.means.mean(axis=0)
    gaps = clusters.means - np.where(split, plain.mean, centre)
    total = gaps.T @ gaps / number
    average = (clusters.n - float((clusters.sizes**2).sum()) / clusters.n) / (number - 1)
    between = np.where(
        np.outer(in_between, in_between), total - np.where(np.outer(split, split), within, 0) / average, 0
    )
    between = _proper(between, np.where(in_between, np.diag(plain.cov), 0.0))
    mean_within = np.where(alone, plain.mean, 0.0)
    mean_between = np.where(split, plain.mean, np.where(in_between, centre, 0.0))
    within = np.where(np.outer(in_within, in_within), within, np.zeros((p, p)))
    return (
        SampleMoments(table.observed, clusters.n - number, within, mean_within, n_dropped=plain.n_dropped),
        SampleMoments(table.observed, number, between, mean_between),
    )


def _proper(matrix: Floats, variance: Floats) -> Floats:
    """Return the nearest positive definite matrix with no variance below a small share of the total."""
    at = np.flatnonzero(variance > 0)
    unit = np.sqrt(variance[at])
    values, vectors = np.linalg.eigh(matrix[np.ix_(at, at)] / np.outer(unit, unit))
    if values[0] > _FLOOR:
        return matrix
    out = np.zeros_like(matrix)
    fixed = (vectors * np.maximum(values, _FLOOR)) @ vectors.T * np.outer(unit, unit)
    out[np.ix_(at, at)] = fixed
    return out
