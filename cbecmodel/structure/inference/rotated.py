r"""From an unrotated solution of exploratory blocks to the rotated one, with what its standard errors need.

With the rotation T of a block, :math:`\eta_{new} = T'\eta` turns loadings, regressions, residual covariances and means. Rotated
estimates vary along the directions in which the conditions of stationarity of the rotation hold (the bordered information of
[1]_): the null space of their derivatives is the space of the rotated problem, and every standard error, robust or not, and
every test follows from it as from any linear constraint.

The conditions depend on the parameters also through the variances that standardize the items. ``se="delta"`` takes these as
the model implies them. ``se="bordered"`` leaves the correlations of the factors out of them, as lavaan does by default; the
two are the same for orthogonal rotations and without standardization (``std_ov=False``), and for oblique ones differ little
except for loadings near zero.

References
----------
.. [1] Jennrich, R. I. (1974). Simplified formulae for standard errors in maximum-likelihood factor analysis. British Journal
   of Mathematical and Statistical Psychology, 27, 122-131.
.. [2] Asparouhov, T., & Muthen, B. (2009). Exploratory structural equation modeling. Structural Equation Modeling, 16, 397-438.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.checks import Finding
from cbecmodel.structure.estimate.gradient_projection import differentiated, stationarity
from cbecmodel.structure.estimate.matrices import INTERCEPT, MOMENT, PATH, GroupPattern, pattern_of
from cbecmodel.structure.estimate.rotation import Rotation, promax, rotate, row_weights
from cbecmodel.structure.estimate.rotation_criteria import RotationOptions, criterion_of, rotation_options
from cbecmodel.structure.table.constraints import Space, equality_space
from cbecmodel.structure.table.exploratory import Block, blocks_of, echelon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.estimate.matrices import ModelPattern
    from cbecmodel.structure.estimate.minimise import Optimum
    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.options import Options
    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]
Array = NDArray[Any]
Matrices = tuple[Array, Array, Array]
_SAME: Final = 1e-7


@dataclass(frozen=True, slots=True)
class Turn:
    """One rotation and where it applies.

    Attributes
    ----------
    block : Block
    group : int
        From 0.
    groups : tuple of int
        All groups that it turns.
    factors, items : ndarray of int
        Positions among all variables.
    """

    block: Block
    group: int
    groups: tuple[int, ...]
    factors: NDArray[np.intp]
    items: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Rotated:
    """A rotated solution.

    Attributes
    ----------
    problem : Problem
        Its ``space`` is tangent to the rotated solutions at ``x``.
    x : ndarray, shape (q,)
    turns : tuple of Turn
    rotations : tuple of Rotation
        One a turn.
    """

    problem: Problem
    x: Floats
    turns: tuple[Turn, ...]
    rotations: tuple[Rotation, ...]


def unrotated_table(table: ParameterTable, samples: Sequence[SampleMoments], options: Options) -> ParameterTable:
    """Return the table to be estimated: that of the model, with an echelon of zeros in its exploratory blocks.

    Parameters
    ----------
    table : ParameterTable
    samples : sequence of SampleMoments
    options : Options

    Returns
    -------
    ParameterTable
    """
    if not any(row.efa for row in table.rows):
        return table
    return echelon(table, samples, rotating=options.rotation != "none")


def rotate_solution(
    problem: Problem, optimum: Optimum, table: ParameterTable, options: Options
) -> tuple[Problem, Optimum, tuple[tuple[Turn, Rotation], ...]]:
    """Rotate a solution if its model has exploratory blocks; otherwise return it as it is.

    Parameters
    ----------
    problem : Problem
        Of :func:`unrotated_table`.
    optimum : Optimum
    table : ParameterTable
        Of the model.
    options : Options

    Returns
    -------
    Problem, Optimum, tuple of (Turn, Rotation)
    """
    if problem.table is table or options.rotation == "none":
        return problem, optimum, ()
    found = rotated_solution(problem, optimum.x, table, rotation_options(options.rotation, options.rotation_args))
    return found.problem, replace(optimum, x=found.x), tuple(zip(found.turns, found.rotations, strict=True))


def rotation_findings(rotation: Sequence[tuple[Turn, Rotation]]) -> list[Finding]:
    """Return what a reader must know about rotations: other local minima nearly as good.

    Parameters
    ----------
    rotation : sequence of (Turn, Rotation)

    Returns
    -------
    list of Finding
    """
    return [
        Finding(
            "structure.rotation_minima",
            {
                "block": turn.block.name,
                "value": f"{found.minima[0]:.6g}",
                "other": f"{found.minima[1]:.6g}",
                "count": int(found.counts[0]),
                "starts": int(found.counts.sum()),
            },
        )
        for turn, found in rotation
        if found.ambiguous
    ]


def rotated_solution(problem: Problem, x: Floats, table: ParameterTable, options: RotationOptions) -> Rotated:
    """Rotate the exploratory blocks of a solution.

    Parameters
    ----------
    problem : Problem
        Of the unrotated table.
    x : ndarray, shape (q0,)
    table : ParameterTable
        Of the rotated solution.
    options : RotationOptions

    Returns
    -------
    Rotated

    Raises
    ------
    ModelError
        If the model treats factors of a block differently, so that the rotated solution is no solution of it.
    ConvergenceError
    """
    if problem.limits is not None and (problem.limits.equations or problem.limits.inequalities):
        raise ModelError("structure.efa_limits")
    pattern = pattern_of(table, problem.samples)
    turns = _turns(table)
    matrices = [_matrices(group, x) for group in problem.pattern.groups]
    rotations = tuple(_rotate(turn, matrices, problem.samples, options) for turn in turns)
    turned = _turned(matrices, turns, [rotation.transformation for rotation in rotations])
    found = _read(pattern, turned)
    space = equality_space(table)
    _require_same(table, pattern, found, turned, space)
    sizes = [sample.n for sample in problem.samples]
    if options.method == "promax":
        basis = _promax_basis(
            pattern, found, tuple(zip(turns, rotations, strict=True)), sizes, options=options, space=space
        )
    else:
        slopes = differentiated(lambda y: _conditions(pattern, y, turns, sizes, options), found)
        basis = _along(space.basis, slopes)
    moved = replace(problem, table=table, pattern=pattern, space=Space(found, basis), limits=None)
    return Rotated(moved, found, turns, rotations)


def _turns(table: ParameterTable) -> tuple[Turn, ...]:
    position = {name: index for index, name in enumerate((*table.observed, *table.latents))}
    everywhere = tuple(range(table.n_groups))
    return tuple(
        Turn(
            block,
            group,
            everywhere if block.tied else (group,),
            np.array([position[name] for name in block.factors]),
            np.array([position[name] for name in block.items]),
        )
        for block in blocks_of(table)
        if len(block.factors) > 1
        for group in (everywhere[:1] if block.tied else everywhere)
    )


def _matrices(group: GroupPattern, x: Array) -> Matrices:
    """Return A, S, m with the free values put in; complex if these are."""
    kind = np.result_type(x, np.float64)
    paths, moments, intercepts = (a.astype(kind) for a in (group.paths, group.moments, group.intercepts))
    values = x[group.parameter]
    for at, matrix in ((group.kind == PATH, paths), (group.kind == MOMENT, moments)):
        matrix[group.row[at], group.column[at]] = values[at]
    at = group.kind == MOMENT
    moments[group.column[at], group.row[at]] = values[at]
    at = group.kind == INTERCEPT
    intercepts[group.row[at]] = values[at]
    return paths, moments, intercepts


def _read(pattern: ModelPattern, matrices: list[Matrices]) -> Array:
    """Return the free parameters that matrices hold."""
    x = np.zeros(pattern.n_free, dtype=matrices[0][0].dtype)
    for group, (paths, moments, intercepts) in zip(pattern.groups, matrices, strict=True):
        column = np.where(group.kind == INTERCEPT, 0, group.column)
        x[group.parameter] = np.select(
            [group.kind == PATH, group.kind == MOMENT],
            [paths[group.row, column], moments[group.row, column]],
            intercepts[group.row],
        )
    return x


def _parts(
    turn: Turn, matrices: list[Matrices], sizes: Sequence[float], *, correlated: bool
) -> tuple[Array, Array, Array]:
    """Return loadings and correlations of a block's factors, and the variances of its items (averaged over groups)."""
    inside = np.ix_(turn.factors, turn.factors)
    paths, moments, _ = matrices[turn.group]
    loadings, phi = paths[np.ix_(turn.items, turn.factors)], moments[inside]
    total = sum(sizes[number] for number in turn.groups)
    variances: Array = np.zeros(len(turn.items), dtype=loadings.dtype)
    for number in turn.groups:
        spread = matrices[number][1]
        weight = spread[inside] if correlated else np.diag(np.diag(spread[inside]))
        own = ((loadings @ weight) * loadings).sum(axis=1) + np.diag(spread)[turn.items]
        variances = variances + own * (sizes[number] / total)
    return loadings, phi, variances


def _rotate(turn: Turn, matrices: list[Matrices], samples: Any, options: RotationOptions) -> Rotation:
    loadings, _, variances = _parts(turn, matrices, [sample.n for sample in samples], correlated=True)
    return rotate(loadings, options, variances)


def _turned(matrices: list[Matrices], turns: tuple[Turn, ...], transformations: list[Array]) -> list[Matrices]:
    """Turn the factors of all blocks."""
    out = []
    for number, (paths, moments, intercepts) in enumerate(matrices):
        kind = np.result_type(paths, *transformations) if transformations else paths.dtype
        whole = np.eye(len(intercepts), dtype=kind)
        for turn, transformation in zip(turns, transformations, strict=True):
            if number in turn.groups:
                whole[np.ix_(turn.factors, turn.factors)] = transformation.T
        out.append((whole @ paths @ np.linalg.inv(whole), whole @ moments @ whole.T, whole @ intercepts))
    return out


def _require_same(
    table: ParameterTable, pattern: ModelPattern, x: Floats, turned: list[Matrices], space: Space
) -> None:
    """Raise unless the model can say what rotation made of it."""
    names = (*table.observed, *table.latents)
    wrong = [
        name
        for group, matrices in zip(pattern.groups, turned, strict=True)
        for name in _differences(names, _matrices(group, x), matrices)
    ]
    unequal = np.abs(space.point(space.coordinates(x)) - x) > _SAME * max(1.0, float(np.abs(x).max()))
    wrong += [table.free_names[k] for k in np.flatnonzero(unequal)]
    if wrong:
        raise ModelError("structure.efa_incomplete", parameters=", ".join(dict.fromkeys(wrong)))


def _differences(names: tuple[str, ...], ours: Matrices, theirs: Matrices) -> list[str]:
    """Return which parameters of a group are not the same."""
    found = []
    for operator, one, other in zip(("~", "~~", "~1"), ours, theirs, strict=True):
        gap = np.abs(one - other).reshape(len(names), -1)
        apart = np.argwhere(gap > _SAME * max(1.0, float(np.abs(other).max())))
        found += [
            f"{names[i]} {operator} {'' if operator == '~1' else names[j]}".rstrip()
            for i, j in apart
            if operator != "~~" or i <= j
        ]
    return found


def _conditions(
    pattern: ModelPattern, x: Array, turns: tuple[Turn, ...], sizes: Sequence[float], options: RotationOptions
) -> Array:
    """Return what is zero where every block's rotation is optimal."""
    matrices = [_matrices(group, x) for group in pattern.groups]
    found = []
    orthogonal = options.is_orthogonal or options.method == "promax"
    for turn in turns:
        loadings, phi, variances = _parts(turn, matrices, sizes, correlated=options.se == "delta")
        seen = np.eye(len(phi)) if options.se == "bordered" else phi
        weights = row_weights(loadings, seen, variances, options)
        criterion = criterion_of(options, loadings.shape)
        found.append(stationarity(loadings * weights[:, None], phi, criterion, orthogonal=orthogonal))
        if options.method == "promax":  # the varimax step: factors are uncorrelated
            found.append(phi[np.triu_indices(len(phi), 1)])
    return np.concatenate(found) if found else np.zeros(0, dtype=x.dtype)


def _along(basis: Floats, slopes: Floats) -> Floats:
    """Return the directions of a basis in which conditions go on to hold."""
    if not slopes.size:
        return basis
    inside = slopes @ basis
    inside = inside / np.linalg.norm(inside, axis=1, keepdims=True)
    return np.asarray(basis @ np.linalg.svd(inside)[2][len(inside) :].T, dtype=np.float64)


def _promax_basis(
    pattern: ModelPattern,
    x: Floats,
    rotated: tuple[tuple[Turn, Rotation], ...],
    sizes: Sequence[float],
    *,
    options: RotationOptions,
    space: Space,
) -> Floats:
    """Return the directions of promax solutions: those of varimax, carried through promax's regression."""
    turns = tuple(turn for turn, _ in rotated)
    orders = [rotation.transformation for _, rotation in rotated]
    back = _turned([_matrices(group, x) for group in pattern.groups], turns, [np.linalg.inv(t) for t in orders])
    varimax = replace(options, method="varimax", orthogonal=True, row_weights="kaiser" if options.kaiser else "none")
    plain = []
    for turn in turns:
        loadings, _, variances = _parts(turn, back, sizes, correlated=True)
        plain.append(rotate(loadings, varimax, variances).transformation)
    simple = _turned(back, turns, plain)
    start = _read(pattern, simple)

    def carried(y: Array) -> Array:
        matrices = [_matrices(group, y) for group in pattern.groups]
        turn_by = []
        for turn, aim, first in zip(turns, orders, plain, strict=True):
            loadings, _, variances = _parts(turn, matrices, sizes, correlated=True)
            eye = np.eye(len(turn.factors))
            found = promax(loadings, eye, variances if options.std_ov else None, options.promax_kappa)
            turn_by.append(_matched(found, np.linalg.solve(first, aim)))
        return _read(pattern, _turned(matrices, turns, turn_by))

    slopes = differentiated(lambda y: _conditions(pattern, y, turns, sizes, options), start)
    return differentiated(carried, start) @ _along(space.basis, slopes)


def _matched(found: Array, aim: Array) -> Array:
    """Put the columns of a transformation in the order and direction of another."""
    likeness = np.real(found).T @ aim
    order = np.abs(likeness).argmax(axis=0)
    turned: Array = found[:, order] * np.sign(likeness[order, np.arange(len(order))])
    return turned
