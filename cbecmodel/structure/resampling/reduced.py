r"""The model of a group in its smallest matrices.

Observed variables that cause nothing (indicators) need not stand among the causes. Let :math:`\eta` hold the latent variables
and those observed ones that cause something or covary with one that does. Then

.. math::

    y = \nu + \Lambda \eta + \varepsilon, \quad \eta = \alpha + B \eta + \zeta, \quad
    \Sigma = \Lambda A \Psi A' \Lambda' + \Theta, \quad \mu = \nu + \Lambda A \alpha, \quad A = (I - B)^{-1},

is the same model as that of :mod:`cbecmodel.structure.estimate.matrices`, with an m × m inverse instead of a t × t one.

References
----------
.. [1] Jöreskog, K. G. (1977). Structural equation models in the social sciences. In Applications of statistics (pp. 265-287).
   North-Holland.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.matrices import INTERCEPT, MOMENT, PATH, GroupPattern, place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

LOADING: Final = 0
REGRESSION: Final = 1
FACTOR_COV: Final = 2
RESIDUAL_COV: Final = 3
OBSERVED_MEAN: Final = 4
FACTOR_MEAN: Final = 5
N_KINDS: Final = 6


@dataclass(frozen=True, slots=True)
class Cells:
    """Elements of one matrix.

    Attributes
    ----------
    row, column : ndarray of int, shape (k,)
    source : ndarray of int, shape (k,)
        Free elements: position among the free parameters. Elements taken from the data: position of the first variable.
    other : ndarray of int, shape (k,)
        Elements taken from the data: position of the second variable, or −1 for a mean.
    """

    row: Indices
    column: Indices
    source: Indices
    other: Indices


@dataclass(frozen=True, slots=True)
class ReducedGroup:
    """Matrices of one group: fixed values, and the places of the free ones and of those taken from the data.

    Attributes
    ----------
    p, m : int
        Observed variables, elements of η.
    fixed : tuple of ndarray
        Λ (p, m), B (m, m), Ψ (m, m), Θ (p, p), ν (p, 1), α (m, 1), zero where free.
    free : tuple of Cells
        Of each of the six matrices.
    given : tuple of Cells
        Moments of fixed exogenous variables, of each matrix.
    core : ndarray of int, shape (m,)
        Which of the model's t variables (observed first) stand in η.
    """

    p: int
    m: int
    fixed: tuple[Floats, ...]
    free: tuple[Cells, ...]
    given: tuple[Cells, ...]
    core: Indices

    @property
    def recursive_free(self) -> bool:
        """Return whether η has no paths at all, so that ``A`` is the identity.

        Returns
        -------
        bool
        """
        return not len(self.free[REGRESSION].row) and not self.fixed[REGRESSION].any()


def reduced_group(group: GroupPattern, table: ParameterTable, number: int) -> ReducedGroup:
    """Reduce the matrices of one group.

    Parameters
    ----------
    group : GroupPattern
    table : ParameterTable
        Says which fixed moments are taken from the data.
    number : int
        Of the group, from 1.

    Returns
    -------
    ReducedGroup

    Examples
    --------
    >>> from cbecmodel.structure.estimate.matrices import pattern_of
    >>> from cbecmodel.structure.sample.moments import SampleMoments
    >>> from cbecmodel.structure.table.defaults import parameter_table
    >>> table = parameter_table("f =~ x1 + x2 + x3; f ~ w")
    >>> sample = SampleMoments(table.observed, 100, np.eye(4), np.zeros(4))
    >>> small = reduced_group(pattern_of(table, [sample]).groups[0], table, 1)
    >>> small.p, small.m, len(small.given[FACTOR_COV].row)
    (4, 2, 1)
    """
    core = _core(group)
    at = np.full(len(group.intercepts), -1, dtype=np.intp)
    at[core] = np.arange(len(core))
    exogenous = _exogenous(table, number)
    taken = {(kind, i, j) for kind, i, j in exogenous}
    p, m = group.p, len(core)
    shapes = ((p, m), (m, m), (m, m), (p, p), (p, 1), (m, 1))
    fixed = tuple(np.zeros(shape) for shape in shapes)
    promoted = core[core < p]
    fixed[LOADING][promoted, at[promoted]] = 1.0
    for kind, i, j, value in _fixed_elements(group):
        if (kind, i, j) not in taken and (kind, j, i) not in taken:
            where, row, column = _target(kind, i, j, at)
            fixed[where][row, column] = value
            if kind == MOMENT:
                fixed[where][column, row] = value
    free = _cells(
        (*_target(int(kind), int(i), int(j), at), int(parameter), -1)
        for kind, i, j, parameter in zip(group.kind, group.row, group.column, group.parameter, strict=True)
    )
    given = _cells((*_target(kind, i, j, at), i, -1 if kind == INTERCEPT else j) for kind, i, j in exogenous)
    return ReducedGroup(p, m, fixed, free, given, core)


def _core(group: GroupPattern) -> Indices:
    """Return the variables that must stand in η: latents, causes, and what covaries with them."""
    t = len(group.intercepts)
    paths, moments = group.paths != 0, group.moments != 0
    is_path, is_moment = group.kind == PATH, group.kind == MOMENT
    paths[group.row[is_path], group.column[is_path]] = True
    moments[group.row[is_moment], group.column[is_moment]] = True
    moments |= moments.T
    inside = paths.any(axis=0)
    inside[group.p :] = True
    for _ in range(t):
        reached = inside | (moments & inside).any(axis=1)
        if (reached == inside).all():
            break
        inside = reached
    return np.flatnonzero(inside)


def _exogenous(table: ParameterTable, number: int) -> list[tuple[int, int, int]]:
    position = {name: index for index, name in enumerate((*table.observed, *table.latents))}
    return [place(row, position) for row in table.rows if row.group == number and row.exogenous]


def _fixed_elements(group: GroupPattern) -> Iterable[tuple[int, int, int, float]]:
    for kind, matrix in ((PATH, group.paths), (MOMENT, np.tril(group.moments))):
        for i, j in np.argwhere(matrix != 0):
            yield kind, int(i), int(j), float(matrix[i, j])
    for i in np.flatnonzero(group.intercepts):
        yield INTERCEPT, int(i), 0, float(group.intercepts[i])


def _target(kind: int, i: int, j: int, at: Indices) -> tuple[int, int, int]:
    """Return matrix, row and column of an element in the reduced form."""
    inner = at[i] >= 0
    if kind == PATH:
        return (REGRESSION, int(at[i]), int(at[j])) if inner else (LOADING, i, int(at[j]))
    if kind == MOMENT:
        return (FACTOR_COV, int(at[i]), int(at[j])) if inner else (RESIDUAL_COV, i, j)
    return (FACTOR_MEAN, int(at[i]), 0) if inner else (OBSERVED_MEAN, i, 0)


def _cells(elements: Iterable[tuple[int, int, int, int, int]]) -> tuple[Cells, ...]:
    found = np.array(list(elements), dtype=np.intp).reshape(-1, 5)
    return tuple(Cells(*found[found[:, 0] == kind, 1:].T.copy()) for kind in range(N_KINDS))
