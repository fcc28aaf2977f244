"""Tables of parameters, each a function of problem, solution and sampling covariances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.matrices import place
from cbecmodel.structure.estimate.ordinal_derived import derived_values
from cbecmodel.structure.inference.standardize import (
    Kind,
    standardized_solution,
    standardized_values,
    with_derived_rows,
)
from cbecmodel.structure.inference.vcov import quantile, two_sided
from cbecmodel.structure.readouts.effects import traced_effects
from cbecmodel.structure.syntax.expressions import evaluate_all
from cbecmodel.structure.syntax.parser import parse_comparisons
from cbecmodel.structure.table.constraints import constraint_values, require_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.structure.estimate.native import Problem

Floats = NDArray[np.float64]
_SHARED = ("lhs", "op", "rhs", "group", "label")


def row_values(problem: Problem, x: Floats) -> tuple[Floats, Floats]:
    """Return the value of every row of the table and its derivatives.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    values : ndarray, shape (rows,)
    jacobian : ndarray, shape (rows, q)
    """
    table = problem.table
    position = {name: index for index, name in enumerate((*table.observed, *table.latents))}
    values = np.array([row.fixed for row in table.rows])
    free = table.free_rows
    values[free] = x
    for index, row in enumerate(table.rows):
        if row.exogenous:
            sample = problem.samples[row.group - 1]
            _, i, j = place(row, position)
            values[index] = sample.mean[i] if row.op == "~1" else sample.cov[i, j]
    jacobian = np.zeros((len(table.rows), len(x)))
    jacobian[free, np.arange(len(x))] = 1.0
    for index, (value, slope) in derived_rows(problem, x).items():
        values[index], jacobian[index] = value, slope
    return values, jacobian


def derived_rows(problem: Problem, x: Floats) -> dict[int, tuple[float, Floats]]:
    """Return the rows of ordinal variables whose values follow from others: residual variances (delta) or scales (theta).

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    dict
        Position of the row to its value and its derivatives, shape (q,).
    """
    table = problem.table
    if not table.ordered:
        return {}
    values = derived_values(problem.pattern, x)
    place = {name: index for index, name in enumerate(table.observed)}
    op = "~*~" if table.parameterization == "theta" else "~~"
    return {
        index: values[row.group - 1][place[row.lhs]]
        for index, row in enumerate(table.rows)
        if row.op == op and row.lhs == row.rhs and row.lhs in table.ordered
    }


def defined_values(problem: Problem, values: Floats, jacobian: Floats) -> tuple[Floats, Floats]:
    """Return the defined parameters at given values of the rows, and their derivatives.

    Parameters
    ----------
    problem : Problem
    values : ndarray, shape (rows,)
    jacobian : ndarray, shape (rows, q)

    Returns
    -------
    values : ndarray, shape (d,)
    jacobian : ndarray, shape (d, q)
    """
    trees = {rule.lhs: rule.right for rule in problem.table.defined}
    labels: dict[str, int] = {}
    for index, row in enumerate(problem.table.rows):
        if row.label:
            labels.setdefault(row.label, index)
    require_labels(list(trees.values()), {*labels, *trees})
    found = evaluate_all(trees, labels, values)
    slopes = np.array([slope for _, slope in found.values()]).reshape(len(found), len(values))
    return np.array([value for value, _ in found.values()]), slopes @ jacobian


def errors(jacobian: Floats, vcov: Floats) -> Floats:
    """Return delta-method standard errors; 0 for what depends on no free parameter.

    Parameters
    ----------
    jacobian : ndarray, shape (m, q)
    vcov : ndarray, shape (q, q)

    Returns
    -------
    ndarray, shape (m,)
    """
    moving = (jacobian != 0).any(axis=1)
    out = np.zeros(len(jacobian))
    local = jacobian[moving]
    variance = np.einsum("ij,jk,ik->i", local, vcov, local, optimize=True)
    size = np.einsum("ij,jj,ij->i", np.abs(local), np.abs(vcov), np.abs(local))
    rounding = np.abs(variance) < 1e-14 * size  # a standardized value that cannot vary
    with np.errstate(invalid="ignore"):
        out[moving] = np.where(rounding, 0.0, np.sqrt(variance))
    return out


def z_tests(estimate: Floats, se: Floats, level: float = 0.95) -> dict[str, Floats]:
    """Return z, p and the limits of the interval.

    Parameters
    ----------
    estimate, se : ndarray, shape (m,)
    level : float

    Returns
    -------
    dict
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(se > 0, estimate / se, np.nan)
    half = quantile(level) * se
    return {"se": se, "z": z, "pvalue": two_sided(z), "ci_lower": estimate - half, "ci_upper": estimate + half}


def labelled_frame(problem: Problem, columns: Mapping[str, Floats]) -> pd.DataFrame:
    """Put columns beside the names of all rows and defined parameters.

    Parameters
    ----------
    problem : Problem
    columns : mapping of str to ndarray, shape (rows + d,)

    Returns
    -------
    pandas.DataFrame
        Columns lhs op rhs group label, then these.
    """
    rows, defined = problem.table.rows, problem.table.defined
    shared: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in _SHARED}
    for rule in defined:
        for name, value in zip(_SHARED, (rule.lhs, ":=", rule.rhs, 0, rule.lhs), strict=True):
            shared[name].append(value)
    return pd.DataFrame(shared | dict(columns))


def with_defined(problem: Problem, values: Floats, jacobian: Floats) -> tuple[Floats, Floats]:
    """Append the defined parameters to the values of all rows, and their derivatives.

    Parameters
    ----------
    problem : Problem
    values : ndarray, shape (rows,)
    jacobian : ndarray, shape (rows, q)

    Returns
    -------
    values : ndarray, shape (rows + d,)
    jacobian : ndarray, shape (rows + d, q)
    """
    if not problem.table.defined:
        return values, jacobian
    more, slopes = defined_values(problem, values, jacobian)
    return np.concatenate([values, more]), np.concatenate([jacobian, slopes])


def parameter_frame(problem: Problem, x: Floats, vcov: Floats) -> pd.DataFrame:
    """Return the table of all parameters.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    vcov : ndarray, shape (q, q)

    Returns
    -------
    pandas.DataFrame
    """
    values, jacobian = with_defined(problem, *row_values(problem, x))
    # what follows from other parameters has no error of its own in this table (it has one in the standardized solution)
    jacobian[list(derived_rows(problem, x))] = 0.0
    columns = {"est": values, **z_tests(values, errors(jacobian, vcov))}
    columns["pvalue"] = np.where(_at_bounds(problem, values), np.nan, columns["pvalue"])
    kinds: tuple[Kind, ...] = ("lv", "all")
    for kind in kinds:
        solution = standardized_values(*with_derived_rows(problem.table, problem.pattern, x)[:3], kind)
        if kind == "lv":
            scales = np.flatnonzero([row.op == "~*~" for row in problem.table.rows])
            solution[scales] = values[scales]
        if problem.table.defined:
            solution = np.concatenate([solution, defined_values(problem, solution, np.zeros((len(solution), 0)))[0]])
        columns[f"std_{kind}"] = solution
    return labelled_frame(problem, columns)


def _at_bounds(problem: Problem, values: Floats) -> NDArray[np.bool_]:
    """Return which rows lie at a bound: the estimate is not normal there, so a normal test means nothing."""
    rows = problem.table.rows
    at = [bool(row.free) and value in (row.lower, row.upper) for row, value in zip(rows, values, strict=False)]
    return np.array(at + [False] * (len(values) - len(rows)))


def standardized_frame(problem: Problem, x: Floats, vcov: Floats, kind: Kind, level: float) -> pd.DataFrame:
    """Return the standardized solution.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    vcov : ndarray, shape (q, q)
    kind : {"all", "lv", "nox"}
    level : float

    Returns
    -------
    pandas.DataFrame
    """
    found = standardized_solution(problem.table, problem.pattern, x, kind)
    values, jacobian = with_defined(problem, found.values, found.jacobian)
    return labelled_frame(problem, {"est_std": values, **z_tests(values, errors(jacobian, vcov), level)})


def effects_frame(
    problem: Problem, x: Floats, vcov: Floats, source: str, target: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Return effects of one variable on another.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    vcov : ndarray, shape (q, q)
    source, target : str
    level : float

    Returns
    -------
    pandas.DataFrame
    """
    parts = []
    for group in range(1, problem.table.n_groups + 1):
        found = traced_effects(problem, x, source, target, group)
        values = np.array([effect.value for effect in found])
        se = errors(np.array([effect.gradient for effect in found]), vcov)
        frame = pd.DataFrame({
            "group": group,
            "effect": [effect.kind for effect in found],
            "path": [effect.path for effect in found],
            "est": values,
            **z_tests(values, se, level),
            "std_all": [effect.standardized for effect in found],
        })  # fmt: skip
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def wald(problem: Problem, x: Floats, vcov: Floats, constraints: str) -> pd.Series[float]:
    """Return Wald's test of constraints.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    vcov : ndarray, shape (q, q)
    constraints : str

    Returns
    -------
    pandas.Series

    Raises
    ------
    ModelError
        If a constraint is no equation, or they depend on each other.
    """
    rules = parse_comparisons(constraints)
    if any(rule.op != "==" for rule in rules):
        raise ModelError("structure.wald_equations")
    gap, slopes = constraint_values(problem.table, rules, x)
    spread = slopes @ vcov @ slopes.T
    if np.isnan(spread).any() or np.linalg.matrix_rank(spread, hermitian=True) < len(rules):
        raise ModelError("structure.wald_dependent")
    statistic = float(gap @ np.linalg.solve(spread, gap))
    pvalue = float(special.chdtrc(len(rules), statistic))
    return pd.Series({"statistic": statistic, "df": float(len(rules)), "pvalue": pvalue}, name="wald")
