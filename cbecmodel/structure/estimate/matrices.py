"""Model matrices: where each parameter stands.

The model is written as ``v = m + A v + e``, ``Cov(e) = S`` (the reticular action model), where ``v`` holds the p observed
variables followed by the latent ones. Loadings, regressions and composite weights are elements of ``A``, (co)variances of
``S``, intercepts of ``m``, so that one set of formulas serves them all.

References
----------
.. [1] McArdle, J. J., & McDonald, R. P. (1984). Some algebraic properties of the reticular action model for moment
   structures. British Journal of Mathematical and Statistical Psychology, 37, 234-251.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.places import Places, places_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.table.parameter import Parameter
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
PATH: Final = 0
MOMENT: Final = 1
INTERCEPT: Final = 2
THRESHOLD: Final = 3
SCALE: Final = 4


@dataclass(frozen=True, slots=True)
class OrdinalPattern:
    """What a group has besides when some observed variables are ordinal.

    Attributes
    ----------
    theta : bool
        Residual variances are parameters and scales follow (theta parameterization), or the other way round (delta).
    ordered : ndarray of bool, shape (p,)
    given : ndarray of bool, shape (p,)
        Fixed exogenous variables: everything is modelled given them.
    cuts : ndarray, shape (p, most thresholds)
        Fixed thresholds; 0 where free.
    scales : ndarray, shape (p,)
        Fixed scales of the responses.
    """

    theta: bool
    ordered: NDArray[np.bool_]
    given: NDArray[np.bool_]
    cuts: Floats
    scales: Floats


@dataclass(frozen=True)
class GroupPattern:
    """Matrices of one group with the fixed values, and the places of the free ones.

    Attributes
    ----------
    p : int
        Observed variables; they come first among the t variables.
    paths, moments : ndarray, shape (t, t)
    intercepts : ndarray, shape (t,)
    kind, row, column, parameter : ndarray of int, shape (k,)
        The k free elements of this group: matrix, place, and position in the vector of all free parameters, where no two
        are the same.
    ordinal : OrdinalPattern, optional
        Thresholds and scales, if some variables are ordinal.
    """

    p: int
    paths: Floats
    moments: Floats
    intercepts: Floats
    kind: Indices
    row: Indices
    column: Indices
    parameter: Indices
    ordinal: OrdinalPattern | None = None

    @cached_property
    def places(self) -> Places:
        """Return where the free elements stand in the matrices their derivatives are gathered from.

        Returns
        -------
        Places
        """
        return places_of(
            self.kind == PATH,
            self.kind == MOMENT,
            self.kind == INTERCEPT,
            self.row,
            self.column,
            fixed_paths=self.paths,
        )

    @cached_property
    def core(self) -> GroupPattern:
        """Return the group as it is given its exogenous variables, without thresholds, scales, and what follows from scales.

        Returns
        -------
        GroupPattern
        """
        assert self.ordinal is not None
        keep = self.kind <= INTERCEPT
        moments, intercepts = self.moments.copy(), self.intercepts.copy()
        given = np.flatnonzero(self.ordinal.given)
        moments[given], moments[:, given], intercepts[given] = 0.0, 0.0, 0.0
        if not self.ordinal.theta:
            which = np.flatnonzero(self.ordinal.ordered)
            moments[which, which] = 0.0
        kept = {name: getattr(self, name)[keep] for name in ("kind", "row", "column", "parameter")}
        return replace(self, moments=moments, intercepts=intercepts, **kept)

    @cached_property
    def block(self) -> tuple[Any, Any]:
        """Return what indexes this group's rows and columns in a matrix of all free parameters.

        Returns
        -------
        tuple
            Slices where its parameters follow each other.
        """
        numbers = self.parameter
        if numbers.size and (np.diff(numbers) == 1).all():
            span = slice(int(numbers[0]), int(numbers[-1]) + 1)
            return span, span
        return numbers[:, None], numbers


@dataclass(frozen=True, slots=True)
class ModelPattern:
    """All groups.

    Attributes
    ----------
    groups : tuple of GroupPattern
    n_free : int
        Length q of the vector of free parameters.
    means : bool
        Whether means are modelled.
    """

    groups: tuple[GroupPattern, ...]
    n_free: int
    means: bool


def place(row: Parameter, position: dict[str, int]) -> tuple[int, int, int]:
    """Return matrix, row and column of a parameter.

    Parameters
    ----------
    row : Parameter
    position : dict
        Index of each variable.

    Returns
    -------
    tuple of int
    """
    left = position[row.lhs]
    if row.op == "~1":
        return INTERCEPT, left, 0
    if row.op == "|":
        return THRESHOLD, left, int(row.rhs[1:]) - 1
    if row.op == "~*~":
        return SCALE, left, 0
    right = position[row.rhs]
    if row.op == "=~":
        return PATH, right, left
    if row.op == "~~":
        return MOMENT, left, right
    return PATH, left, right


def pattern_of(table: ParameterTable, samples: Sequence[SampleMoments]) -> ModelPattern:
    """Turn a parameter table into matrices.

    Parameters
    ----------
    table : ParameterTable
    samples : sequence of SampleMoments
        One a group; moments of fixed exogenous variables are taken from them.

    Returns
    -------
    ModelPattern
    """
    names = (*table.observed, *table.latents)
    position = {name: index for index, name in enumerate(names)}
    groups = [
        _group([row for row in table.rows if row.group == number], position, table, sample)
        for number, sample in enumerate(samples, start=1)
    ]
    return ModelPattern(tuple(groups), table.n_free, table.meanstructure)


def _group(
    rows: Sequence[Parameter], position: dict[str, int], table: ParameterTable, sample: SampleMoments
) -> GroupPattern:
    t, p = len(position), len(table.observed)
    cuts = max((int(row.rhs[1:]) for row in rows if row.op == "|"), default=0)
    matrices: list[Floats] = [
        np.zeros((t, t)),
        np.zeros((t, t)),
        np.zeros((t, 1)),
        np.zeros((p, cuts)),
        np.ones((p, 1)),
    ]
    free: list[tuple[int, int, int, int]] = []
    for row in rows:
        kind, i, j = place(row, position)
        if row.free:
            free.append((kind, i, j, row.free - 1))
            continue
        value = row.fixed
        if row.exogenous:
            value = float(sample.mean[i] if kind == INTERCEPT else sample.cov[i, j])
        matrices[kind][i, j] = value
        if kind == MOMENT:
            matrices[kind][j, i] = value
    columns = np.array(free, dtype=np.intp).reshape(-1, 4).T
    ordinal = None
    if table.ordered:
        ordinal = OrdinalPattern(
            theta=table.parameterization == "theta",
            ordered=np.array([name in table.ordered for name in table.observed]),
            given=np.array([name in table.exogenous for name in table.observed]),
            cuts=matrices[THRESHOLD],
            scales=matrices[SCALE][:, 0],
        )
    kinds, here, there, parameter = columns
    return GroupPattern(p, matrices[0], matrices[1], matrices[2][:, 0], kinds, here, there, parameter, ordinal)


@dataclass(frozen=True, slots=True)
class Scale:
    """A change of units.

    Attributes
    ----------
    variables : ndarray, shape (t,)
        The new unit of every variable.
    parameters : ndarray, shape (q,)
        What a free parameter is multiplied with to be in the new units.
    """

    variables: Floats
    parameters: Floats


def natural_scale(pattern: ModelPattern, samples: Sequence[SampleMoments], *, common: bool = False) -> Scale:
    """Return units in which observed variables have variance near one, and latents that of their markers.

    Parameters
    ----------
    pattern : ModelPattern
    samples : sequence of SampleMoments
    common : bool
        One unit for all observed variables (the geometric mean of theirs), in which equal parameters stay equal.

    Returns
    -------
    Scale
    """
    total = sum(sample.n for sample in samples)
    variance = sum(np.diag(sample.cov) * (sample.n / total) for sample in samples)
    first = pattern.groups[0]
    t = len(first.intercepts)
    unit = np.full(t, np.nan)
    unit[: first.p] = np.exp(np.mean(np.log(variance)) / 2) if common else np.sqrt(variance)
    for _ in range(t):
        waiting = np.flatnonzero(np.isnan(unit))
        if not waiting.size:
            break
        for latent in waiting:
            unit[latent] = _latent_unit(first, int(latent), unit)
        if np.isnan(unit[waiting]).all():
            unit[waiting] = 1.0
    factors = np.ones(pattern.n_free)
    for group in pattern.groups:
        factors[group.parameter] = _factors(group.kind, group.row, group.column, unit)
    return Scale(unit, factors)


def _latent_unit(group: GroupPattern, latent: int, unit: Floats) -> float:
    """Return a latent's unit from its marker, its fixed variance, or (composites) its fixed weight; NaN if unknown yet."""
    marked = np.flatnonzero((group.paths[:, latent] != 0) & ~np.isnan(unit))
    if marked.size:
        return float(unit[marked[0]] / abs(group.paths[marked[0], latent]))
    if group.moments[latent, latent] > 0:
        return float(np.sqrt(group.moments[latent, latent]))
    sources = np.flatnonzero((group.paths[latent] != 0) & ~np.isnan(unit))
    if sources.size:
        return float(abs(group.paths[latent, sources[0]]) * unit[sources[0]])
    waits = (group.paths[:, latent] != 0).any() or (group.paths[latent] != 0).any()
    return float("nan") if waits else 1.0


def _factors(kind: Indices, row: Indices, column: Indices, unit: Floats) -> Floats:
    here = unit[row]
    there = unit[np.where(kind >= INTERCEPT, 0, column)]
    other = np.where(kind == SCALE, here, 1 / here)
    return np.where(kind == PATH, there / here, np.where(kind == MOMENT, 1 / (here * there), other))


def rescaled(pattern: ModelPattern, scale: Scale) -> ModelPattern:
    """Return the same model in other units.

    Parameters
    ----------
    pattern : ModelPattern
    scale : Scale

    Returns
    -------
    ModelPattern
    """
    u = scale.variables
    groups = tuple(
        replace(
            group,
            paths=group.paths * u / u[:, None],
            moments=group.moments / np.outer(u, u),
            intercepts=group.intercepts / u,
        )
        for group in pattern.groups
    )
    return replace(pattern, groups=groups)


def rescaled_moments(sample: SampleMoments, scale: Scale) -> SampleMoments:
    """Return sample moments in other units.

    Parameters
    ----------
    sample : SampleMoments
    scale : Scale

    Returns
    -------
    SampleMoments
        Without the raw data.
    """
    u = scale.variables[: len(sample.names)]
    patterns = tuple(
        replace(one, mean=one.mean / u[one.observed], cov=one.cov / np.outer(u[one.observed], u[one.observed]))
        for one in sample.patterns
    )
    gamma = sample.gamma
    if gamma is not None:
        i, j = np.triu_indices(len(u))
        units = np.concatenate([u, u[i] * u[j]])
        gamma = gamma / np.outer(units, units)
    cov, mean = sample.cov / np.outer(u, u), sample.mean / u
    ordinal = None if sample.ordinal is None else sample.ordinal.rescaled(u)
    return replace(sample, cov=cov, mean=mean, raw=None, patterns=patterns, gamma=gamma, ordinal=ordinal)
