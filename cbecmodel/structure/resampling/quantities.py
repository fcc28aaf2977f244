"""What is read off many fits: defined parameters, standardized values, and whether a solution is proper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.matrices import MOMENT, PATH, place
from cbecmodel.structure.resampling.implied import ManyImplied, many_implied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.inference.standardize import Kind
    from cbecmodel.structure.resampling.engine import Batch
    from cbecmodel.structure.resampling.moments import ManyMoments
    from cbecmodel.structure.syntax.expressions import Expression

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_OPERATORS: Final[dict[str, Callable[..., Floats]]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power, "negative": np.negative,
}  # fmt: skip


def evaluate_many(tree: Expression, known: Mapping[str, Floats], size: int) -> Floats:
    """Evaluate an expression for many parameter vectors.

    Parameters
    ----------
    tree : Expression
    known : mapping of str to ndarray, shape (R,)
        Values of the labels.
    size : int
        R.

    Returns
    -------
    ndarray, shape (R,)
        NaN where it has no value.

    Examples
    --------
    >>> from cbecmodel.structure.syntax.parser import parse_expression
    >>> evaluate_many(parse_expression("a^2 + sqrt(b)"), {"a": np.array([1.0, 2.0]), "b": np.array([4.0, 9.0])}, 2).tolist()
    [3.0, 7.0]
    """
    if tree.kind == "number":
        return np.full(size, tree.number)
    if tree.kind == "name":
        return known[tree.name]
    function = _OPERATORS.get(tree.kind) or getattr(np, tree.kind)  # exp, log, sqrt, abs, sin, cos, tan, tanh
    with np.errstate(all="ignore"):
        found = np.asarray(function(*(evaluate_many(part, known, size) for part in tree.parts)), dtype=np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def row_values(problem: Problem, x: Floats, moments: ManyMoments | None, units: Floats) -> Floats:
    """Return the values of all rows of the table.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (R, q)
    moments : ManyMoments or None
        Of the same samples, for the moments of fixed exogenous variables; None takes the full sample's.
    units : ndarray, shape (t,)
        The engine's units, in which ``moments`` are.

    Returns
    -------
    ndarray, shape (R, rows)
    """
    table = problem.table
    position = {name: index for index, name in enumerate((*table.observed, *table.latents))}
    out = np.repeat(np.array([row.fixed for row in table.rows])[None], len(x), axis=0)
    out[:, table.free_rows] = x
    for index, row in enumerate(table.rows):
        if not row.exogenous:
            continue
        _, i, j = place(row, position)
        if moments is None:
            sample = problem.samples[row.group - 1]
            out[:, index] = sample.mean[i] if row.op == "~1" else sample.cov[i, j]
        else:
            drawn = moments.groups[row.group - 1]
            mean, cov = drawn.mean[:, i] * units[i], drawn.cov[:, i, j] * units[i] * units[j]
            out[:, index] = mean if row.op == "~1" else cov
    return out


def defined_many(problem: Problem, values: Floats) -> Floats:
    """Return the defined parameters.

    Parameters
    ----------
    problem : Problem
    values : ndarray, shape (R, rows)
        Of all rows of the table, raw or standardized.

    Returns
    -------
    ndarray, shape (R, d)
    """
    known: dict[str, Floats] = {}
    for index, row in enumerate(problem.table.rows):
        if row.label:
            known.setdefault(row.label, values[:, index])
    for rule in problem.table.defined:
        known[rule.lhs] = evaluate_many(rule.right, known, len(values))
    found = [known[rule.lhs] for rule in problem.table.defined]
    return np.column_stack(found) if found else np.zeros((len(values), 0))


def standardized_many(batch: Batch, moments: ManyMoments | None, x: Floats, values: Floats, kind: Kind) -> Floats:
    """Return standardized values of all rows of the table.

    Parameters
    ----------
    batch : Batch
    moments : ManyMoments or None
        Needed only if the model has fixed exogenous variables.
    x : ndarray, shape (R, q)
        In the user's units.
    values : ndarray, shape (R, rows)
        From :func:`row_values`.
    kind : {"all", "lv", "nox"}

    Returns
    -------
    ndarray, shape (R, rows)
        NaN where a variance is not positive.
    """
    table = batch.problem.table
    names = (*table.observed, *table.latents)
    position = {name: index for index, name in enumerate(names)}
    raw = {"all": (), "lv": table.observed, "nox": table.exogenous}[kind]
    keeps = np.array([name in raw for name in names])
    out = np.empty_like(values)
    for number in range(1, table.n_groups + 1):
        with np.errstate(invalid="ignore"):
            unit = np.where(keeps, 1.0, np.sqrt(variances_many(batch, moments, x, number)))
        at = [index for index, row in enumerate(table.rows) if row.group == number]
        places = {index: place(table.rows[index], position) for index in at}
        residual = {i: values[:, index] for index, (what, i, j) in places.items() if what == MOMENT and i == j}
        nothing, ones = np.zeros(len(values)), np.ones(len(values))
        for index, (what, i, j) in places.items():
            with np.errstate(invalid="ignore", divide="ignore"):
                if what == PATH:
                    factor = unit[:, j] / unit[:, i]
                elif what != MOMENT:
                    factor = 1 / unit[:, i]
                elif i == j:
                    factor = 1 / unit[:, i] ** 2
                else:
                    own = [ones if keeps[k] else np.sqrt(residual.get(k, nothing)) for k in (i, j)]
                    factor = 1 / (own[0] * own[1])
                out[:, index] = np.where(np.isfinite(factor), values[:, index] * factor, np.nan)
    return out


def _states(batch: Batch, moments: ManyMoments | None, x: Floats, number: int) -> ManyImplied:
    """Return the implied moments; without drawn ones for models that take nothing from the data."""
    means = batch.work.pattern.means
    cov, mean = np.zeros((len(x), 0, 0)), np.zeros((len(x), 0))
    if moments is not None:
        cov, mean = moments.groups[number - 1].cov, moments.groups[number - 1].mean
    if moments is not None and batch.method == "FIML":
        cov = cov - mean[:, :, None] * mean[:, None, :]
        mean = mean + batch.cases[number - 1].centre
    return many_implied(batch.groups[number - 1], x * batch.work.scale.parameters, cov, mean, means=means)


def variances_many(batch: Batch, moments: ManyMoments | None, x: Floats, number: int) -> Floats:
    """Return the implied variances of all variables of a group.

    Parameters
    ----------
    batch : Batch
    moments : ManyMoments or None
        Needed only if the model has fixed exogenous variables.
    x : ndarray, shape (R, q)
        In the user's units.
    number : int
        Of the group, from 1.

    Returns
    -------
    ndarray, shape (R, t)
    """
    group, units = batch.groups[number - 1], batch.work.scale.variables
    state = _states(batch, moments, x, number)
    out = np.empty((len(x), len(units)))
    out[:, : group.p] = np.einsum("rii->ri", state.sigma)
    out[:, group.core] = np.einsum("rii->ri", state.inner)
    return out * units**2


def improper(batch: Batch, moments: ManyMoments | None, x: Floats) -> Flags:
    """Return which solutions hold a negative variance or an impossible covariance matrix of latent variables.

    Parameters
    ----------
    batch : Batch
    moments : ManyMoments or None
        Needed only if the model has fixed exogenous variables.
    x : ndarray, shape (R, q)
        In the user's units.

    Returns
    -------
    ndarray of bool, shape (R,)
    """
    table, bad = batch.problem.table, np.zeros(len(x), dtype=bool)
    composites = [name in table.composites for name in table.latents]
    for number, group in enumerate(batch.groups, start=1):
        pattern = batch.problem.pattern.groups[number - 1]
        free = (pattern.kind == MOMENT) & (pattern.row == pattern.column)
        variance = variances_many(batch, moments, x, number)
        floor = -1e-10 * np.maximum(np.abs(variance[:, pattern.row[free]]), 1e-300)
        bad |= (x[:, pattern.parameter[free]] < floor).any(axis=1)
        latent = np.array([k for k, v in enumerate(group.core) if v >= group.p and not composites[v - group.p]], int)
        if latent.size:
            bad |= _impossible(_states(batch, moments, x, number).inner[:, latent[:, None], latent[None, :]])
    return bad


def _impossible(cov: Floats) -> Flags:
    diagonal = np.einsum("rii->ri", cov)
    negative = (diagonal <= 0).any(axis=1)
    size = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    cor = cov / (size[:, :, None] * size[:, None, :])
    cor[~np.isfinite(cor).all(axis=(1, 2))] = np.eye(cov.shape[1])
    return np.asarray(negative | (np.linalg.eigvalsh(cor)[:, 0] < -1e-10), dtype=bool)
