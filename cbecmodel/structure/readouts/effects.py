"""Direct, indirect and total effects by tracing the paths of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError, ModelWarning, warn
from cbecmodel.structure.estimate.implied import filled, implied
from cbecmodel.structure.estimate.matrices import PATH, GroupPattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cbecmodel.structure.estimate.native import Problem

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect with its derivatives.

    Attributes
    ----------
    kind : {"total", "direct", "indirect", "path"}
        ``"path"`` is one route of the indirect effect.
    path : str
        The route, ``A -> B -> C``; ``""`` for totals.
    value : float
    gradient : ndarray, shape (q,)
    standardized : float
        With source and target in units of their standard deviations.
    """

    kind: str
    path: str
    value: float
    gradient: Floats
    standardized: float


def traced_effects(problem: Problem, x: Floats, source: str, target: str, group: int = 1) -> list[Effect]:
    """Return total, direct, total indirect and every single indirect effect.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    source, target : str
        Observed or latent variables.
    group : int

    Returns
    -------
    list of Effect

    Raises
    ------
    ModelError
        If a variable is not in the model, or no path leads from one to the other.
    """
    names = (*problem.table.observed, *problem.table.latents)
    for name in (source, target):
        if name not in names:
            raise ModelError("structure.effect_unknown", variable=name, known=", ".join(names))
    pattern = problem.pattern.groups[group - 1]
    start, end = names.index(source), names.index(target)
    paths, _, _ = filled(pattern, x)
    arrows = paths != 0
    arrows[pattern.row[pattern.kind == PATH], pattern.column[pattern.kind == PATH]] = True
    routes = list(_routes(arrows, start, end))
    if not routes:
        raise ModelError("structure.effect_none", source=source, target=target)
    if stability_index(paths) >= 1:
        warn(ModelWarning, "structure.unstable_loop", stacklevel=5, index=stability_index(paths))
    state = implied(pattern, x)
    unit = float(np.sqrt(state.full[start, start] / state.full[end, end]))
    out = [_total(pattern, state.total, (start, end), x, unit)]
    direct = _route(pattern, paths, (start, end), x, names=names, unit=unit) if arrows[end, start] else None
    if direct is not None:
        out.append(Effect("direct", direct.path, direct.value, direct.gradient, direct.standardized))
    indirect = [_route(pattern, paths, route, x, names=names, unit=unit) for route in routes if len(route) > 2]
    if indirect:
        rest = out[0].value - (direct.value if direct else 0.0)
        slope = out[0].gradient - (direct.gradient if direct else 0.0)
        out.append(Effect("indirect", "", rest, slope, rest * unit))
    return out + indirect


def stability_index(paths: Floats) -> float:
    """Return the largest absolute eigenvalue of the paths: 0 for a recursive model, below one if a loop settles.

    Parameters
    ----------
    paths : ndarray, shape (t, t)

    Returns
    -------
    float

    References
    ----------
    .. [1] Bentler, P. M., & Freeman, E. H. (1983). Tests for stability in linear structural equation systems. Psychometrika,
       48, 143-145.

    Examples
    --------
    >>> round(stability_index(np.array([[0.0, 0.5], [0.5, 0.0]])), 3)
    0.5
    """
    # loops alone count: rounding gives the eigenvalues of a nilpotent matrix a size of some 1e-5
    reach = np.linalg.matrix_power((paths != 0).astype(float) + np.eye(len(paths)), len(paths)) > 0
    inside = np.flatnonzero(np.diag((paths != 0) @ reach.astype(float)) > 0)
    if not inside.size:
        return 0.0
    return float(np.abs(np.linalg.eigvals(paths[np.ix_(inside, inside)])).max())


def _routes(arrows: NDArray[np.bool_], start: int, end: int) -> Iterator[tuple[int, ...]]:
    """Yield the routes that visit no variable twice."""
    waiting: list[tuple[int, ...]] = [(start,)]
    while waiting:
        route = waiting.pop(0)
        for following in np.flatnonzero(arrows[:, route[-1]]).tolist():
            if following == end:
                yield (*route, following)
            elif following not in route:
                waiting.append((*route, following))


def _total(group: GroupPattern, total: Floats, ends: tuple[int, int], x: Floats, unit: float) -> Effect:
    start, end = ends
    gradient = np.zeros(len(x))
    at = group.kind == PATH
    np.add.at(gradient, group.parameter[at], total[end, group.row[at]] * total[group.column[at], start])
    value = float(total[end, start]) - float(start == end)
    return Effect("total", "", value, gradient, value * unit)


def _route(
    group: GroupPattern, paths: Floats, route: tuple[int, ...], x: Floats, *, names: tuple[str, ...], unit: float
) -> Effect:
    steps = list(zip(route[1:], route[:-1], strict=True))
    values = np.array([paths[step] for step in steps])
    where = {
        (int(i), int(j)): int(parameter)
        for kind, i, j, parameter in zip(group.kind, group.row, group.column, group.parameter, strict=True)
        if kind == PATH
    }
    gradient = np.zeros(len(x))
    for index, step in enumerate(steps):
        if step in where:
            gradient[where[step]] += float(np.delete(values, index).prod())
    value = float(values.prod())
    return Effect("path", " -> ".join(names[k] for k in route), value, gradient, value * unit)
