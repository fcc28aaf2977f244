"""What to tell the reader when no optimum was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ConvergenceError
from cbecmodel.structure.estimate.checks import parameter_names
from cbecmodel.structure.estimate.implied import implied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.estimate.minimise import Optimum
    from cbecmodel.structure.estimate.native import Problem

Floats = NDArray[np.float64]
_SHARE: Final = 0.3  # of the largest part in a direction, from which on a member of it is named


def no_convergence(
    problem: Problem, optimum: Optimum, engine: str, group_labels: Sequence[str] = ("",)
) -> ConvergenceError:
    """Return the error of a search that reached no optimum.

    Parameters
    ----------
    problem : Problem
    optimum : Optimum
        Where the search ended.
    engine : str
    group_labels : sequence of str

    Returns
    -------
    ConvergenceError
        Names the variables whose implied covariances are impossible where the search began, or the parameters that the data
        determine least where it ended.
    """
    gradient = f"{optimum.gradient:.2g}"
    if not np.isfinite(optimum.x).all():
        return ConvergenceError(
            "structure.not_converged", engine=engine, gradient=gradient, iterations=optimum.iterations
        )
    impossible = _impossible(problem, optimum.x, group_labels)
    if impossible:
        return ConvergenceError("structure.no_start", engine=engine, variables=impossible)
    names = parameter_names(problem.table, group_labels)
    weak = ", ".join(dict.fromkeys(names[k] for k in _weakest(problem, optimum.x)))
    return ConvergenceError(
        "structure.not_converged_at",
        engine=engine, gradient=gradient, iterations=optimum.iterations, parameters=weak,
    )  # fmt: skip


def _impossible(problem: Problem, x: Floats, group_labels: Sequence[str]) -> str:
    """Return the variables whose implied covariance matrix is not positive definite, group by group."""
    if problem.table.ordered:  # residual variances of answers are derived: they make any such matrix possible
        return ""
    work, found = problem.standard, []
    for number, group in enumerate(work.pattern.groups):
        full = implied(group, x * work.scale.parameters).full[: group.p, : group.p]
        if not np.isfinite(full).all():
            continue
        values, vectors = np.linalg.eigh(full)
        if values[0] > 0:
            continue
        size = np.abs(vectors[:, 0])
        names = [problem.table.observed[k] for k in np.flatnonzero(size > _SHARE * size.max())]
        found.append(", ".join(names) + (f" ({group_labels[number]})" if len(group_labels) > 1 else ""))
    return "; ".join(found)


def _weakest(problem: Problem, x: Floats) -> list[int]:
    """Return the free parameters of the direction of least information (scale-free)."""
    work = problem.standard
    information = work.space.inside(work.objective(x * work.scale.parameters, True).information)
    if not information.size or not np.isfinite(information).all():
        return list(range(len(x)))
    unit = np.sqrt(np.maximum(information.diagonal(), 1e-12 * information.diagonal().max(initial=1e-300)))
    _, vectors = np.linalg.eigh(information / np.outer(unit, unit))
    direction = np.abs(work.space.basis @ vectors[:, 0])
    return np.flatnonzero(direction > _SHARE * direction.max()).tolist()
