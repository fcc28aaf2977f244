"""semopy 2.3.11 as an engine for point estimates, inside our guards.

semopy is given a covariance matrix in standardized units, every parameter written out with its own label (so that none of
its defaults takes part), no bounds, and a tight tolerance. What it returns is judged by our gradient, not by its word.
"""

from __future__ import annotations

import logging
import math
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.matrices import MOMENT, PATH
from cbecmodel.structure.estimate.minimise import GRADIENT_OK, Optimum
from cbecmodel.structure.estimate.native import Problem, StandardizedProblem, standardized
from cbecmodel.structure.estimate.start import starting_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cbecmodel.structure.table.parameter import Parameter
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]
# semopy keeps registries on its classes while it reads a model: one thread at a time
_LOCK: Final = threading.Lock()
# thirty indicators take some fifty steps; whoever needs hundreds diverges
_OPTIONS: Final = {"ftol": 1e-12, "maxiter": 500}


def estimate(problem: Problem) -> Optimum:
    """Return semopy's maximum-likelihood estimate.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    Optimum
        ``x`` in the user's units; ``gradient`` and ``converged`` are ours at that point.

    Raises
    ------
    ModelError
        If semopy cannot estimate such a model.
    """
    _refuse(problem)
    # semopy writes an equality as one label, so parameters that are equal must stay equal in the units it is given
    tied = bool((np.count_nonzero(problem.space.basis, axis=0) > 1).any())
    work = standardized(problem, common=tied)
    table = problem.table
    loose = {row.free - 1 for row in table.rows if row.op == "~1" and row.free}
    names = {name: f"v{index}" for index, name in enumerate(table.observed)}
    names |= {name: f"f{index}" for index, name in enumerate(table.latents)}
    syntax = "\n".join(_equations(problem, work, names))
    cov = pd.DataFrame(work.samples[0].cov, index=list(names.values())[: len(table.observed)])
    cov.columns = cov.index
    place = np.argmax(problem.space.basis != 0, axis=1)
    labels = [f"p{column}" for column in place]
    start = starting_values(table, work.pattern, work.samples, work.scale.parameters, 0.9)
    # first with semopy's bounds (variances not negative), then from there without: improper optima count too
    found, iterations = _solve(syntax, cov, dict(zip(labels, start.tolist(), strict=True)), bounded=True)
    inside = np.array([found.get(label, 0.0) for label in labels])
    if (
        work.gradient_size(
            _with_means(problem, work, np.where(np.isin(np.arange(len(inside)), list(loose)), 0.0, inside))
        )
        > GRADIENT_OK
    ):
        found, more = _solve(syntax, cov, {name: value or 0.01 for name, value in found.items()}, bounded=False)
        iterations += more
    x = np.array([0.0 if k in loose else found.get(label, math.nan) for k, label in enumerate(labels)])
    x = _with_means(problem, work, x)
    size = work.gradient_size(x)
    value = work.objective(x, False).value
    # SLSQP stops where the value no longer falls, which leaves more gradient than Newton's method does
    return Optimum(x / work.scale.parameters, value, size, iterations, size < 1e3 * GRADIENT_OK)


def _refuse(problem: Problem) -> None:
    table = problem.table
    basis = problem.space.basis
    reasons = {
        "estimator": bool(problem.weights),
        "groups": table.n_groups > 1,
        "missing": bool(problem.samples[0].patterns),
        "constraints": problem.limits is not None
        or bool(problem.space.offset.any())
        or not (np.isin(basis, (0.0, 1.0)).all()),
        "means": table.meanstructure and not _means_saturated(table),
    }
    for reason, holds in reasons.items():
        if holds:
            raise ModelError(f"structure.semopy_{reason}")


def _means_saturated(table: ParameterTable) -> bool:
    intercepts = [row for row in table.rows if row.op == "~1"]
    freed = [row for row in intercepts if row.free and row.lhs in table.observed]
    unlabelled = len({row.label or row.name for row in freed}) == len(freed)
    others = all(row.exogenous or (row.lhs in table.latents and row.fixed == 0) for row in intercepts if not row.free)
    return others and unlabelled and all(row.lhs in table.observed for row in intercepts if row.free)


def _with_means(problem: Problem, work: StandardizedProblem, x: Floats) -> Floats:
    """Fill in the intercepts that make the implied means equal to the sample's."""
    from cbecmodel.structure.estimate.implied import filled
    from cbecmodel.structure.estimate.matrices import INTERCEPT

    if not problem.table.meanstructure:
        return x
    group = work.pattern.groups[0]
    paths, _, _ = filled(group, x)
    mean = np.concatenate([work.samples[0].mean, np.zeros(len(paths) - group.p)])
    # latents' means are free of intercepts: their means follow from the observed ones only through regressions on them
    latent = np.arange(group.p, len(paths))
    if latent.size:
        inner = np.eye(latent.size) - paths[np.ix_(latent, latent)]
        mean[latent] = np.linalg.solve(inner, paths[np.ix_(latent, np.arange(group.p))] @ mean[: group.p])
    intercepts = mean - paths @ mean
    at = group.kind == INTERCEPT
    x = x.copy()
    x[group.parameter[at]] = intercepts[group.row[at]]
    return x


def _equations(problem: Problem, work: StandardizedProblem, names: dict[str, str]) -> Iterator[str]:
    """Write the model in standardized units, one parameter a line."""
    place = np.argmax(problem.space.basis != 0, axis=1)
    group = work.pattern.groups[0]
    position = {name: index for index, name in enumerate(names)}
    for row in problem.table.rows:
        if row.op == "~1":
            continue
        word = f"p{place[row.free - 1]}" if row.free else _written(_fixed(row, group, position))
        operator = "=~" if row.op == "=~" else "~~" if row.op == "~~" else "~"
        yield f"{names[row.lhs]} {operator} {word}*{names[row.rhs]}"


def _fixed(row: Parameter, group: Any, position: dict[str, int]) -> float:
    from cbecmodel.structure.estimate.matrices import place

    kind, i, j = place(row, position)
    matrix = {PATH: group.paths, MOMENT: group.moments}[kind]
    return float(matrix[i, j])


def _written(value: float) -> str:
    text = f"{value:.17f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def semopy_syntax(table: ParameterTable) -> str:
    """Write a parameter table in semopy's language.

    Parameters
    ----------
    table : ParameterTable

    Returns
    -------
    str
        One parameter a line; free ones carry their label or ``_name``. Intercepts are left out.

    Examples
    --------
    >>> from cbecmodel.structure.table.defaults import parameter_table
    >>> print(semopy_syntax(parameter_table("f =~ x1 + x2 + x3")).splitlines()[0])
    f =~ 1.0*x1
    """
    lines = []
    for row in table.rows:
        if row.op == "~1" or row.exogenous:
            continue
        word = (row.label or f"p{row.free}") if row.free else _written(row.fixed)
        operator = "~" if row.op == "<~" else row.op
        lines.append(f"{row.lhs} {operator} {word}*{row.rhs}")
    return "\n".join(lines) + "\n"


def _solve(syntax: str, cov: pd.DataFrame, start: dict[str, float], *, bounded: bool) -> tuple[dict[str, float], int]:
    """Let semopy fit a model from our starting values (its own never end for a factor without a marker)."""
    import semopy

    with _LOCK, _quiet():
        try:
            model = semopy.Model(syntax, cov_diag=True)
            for name, parameter in model.parameters.items():
                if not bounded:
                    parameter.bound = (None, None)
                if parameter.active:
                    parameter.start = start[name]
            free = [name for name, parameter in model.parameters.items() if parameter.active]
            model.load(cov=cov, n_samples=1000)
            result = model.fit(obj="MLW", solver="SLSQP", options=dict(_OPTIONS))
        except (ArithmeticError, ValueError, KeyError, IndexError, np.linalg.LinAlgError, SyntaxError) as error:
            raise ModelError("structure.semopy_failed", reason=f"{type(error).__name__}: {error}") from error
        return dict(zip(free, map(float, model.param_vals), strict=True)), int(getattr(result, "n_it", 0))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep semopy's log lines to itself and let NumPy overflow in silence: the result is judged by our gradient."""
    logger = logging.getLogger()
    silent = logging.NullHandler()  # without any handler, logging.warning() would install one for good
    logger.addFilter(_not_semopy)
    logger.addHandler(silent)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        logger.removeHandler(silent)
        logger.removeFilter(_not_semopy)


def _not_semopy(record: logging.LogRecord) -> bool:
    return "semopy" not in record.pathname.replace("semopy_engine", "")
