"""Score tests: what lifting equality constraints, or adding parameters, would do to the chi-square and the estimates.

References
----------
.. [1] Bentler, P. M., & Chou, C.-P. (1992). Some new covariance structure model improvement statistics. Sociological Methods
   & Research, 21, 259-282.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, special

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.matrices import pattern_of
from cbecmodel.structure.estimate.native import Problem
from cbecmodel.structure.inference.standardize import Kind, unit_factors, with_derived_rows
from cbecmodel.structure.syntax.parser import parse
from cbecmodel.structure.table.constraints import Space, constraint_values
from cbecmodel.structure.table.parameter import Parameter, numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.syntax.formulas import Formula
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]
_SINGULAR: Final = 1e-9  # share of its diagonal an information must have in a direction


def constraint_rows(table: ParameterTable, x: Floats) -> tuple[list[tuple[str, str]], Floats]:
    """Return every equality constraint: shared labels first, then the ``==`` that were written.

    Parameters
    ----------
    table : ParameterTable
    x : ndarray, shape (q,)
        Where the slopes of nonlinear constraints are taken.

    Returns
    -------
    sides : list of (str, str)
        What is equal to what.
    slopes : ndarray, shape (c, q)
    """
    sides: list[tuple[str, str]] = []
    slopes = []
    first: dict[str, int] = {}
    for index, at in enumerate(table.free_rows):
        label = table.rows[at].label
        if label and first.setdefault(label, index) != index:
            slope = np.zeros(table.n_free)
            slope[first[label]], slope[index] = 1.0, -1.0
            slopes.append(slope)
            one, other = (table.rows[table.free_rows[at]] for at in (first[label], index))
            sides.append((_named(one), _named(other)))
    rules = [rule for rule in table.constraints if rule.op == "=="]
    if rules:
        slopes.extend(constraint_values(table, rules, x)[1])
        sides.extend((rule.lhs, rule.rhs) for rule in rules)
    return sides, np.array(slopes).reshape(len(slopes), table.n_free)


def _named(row: Parameter) -> str:
    return row.name + (f".g{row.group}" if row.group > 1 else "")


@dataclass(frozen=True, slots=True)
class _Opened:
    """A model with its constraints as rows, and what is added to it."""

    problem: Problem
    x: Floats
    names: list[tuple[str, str]]
    slopes: Floats
    tested: list[int]
    new: list[int]

    def information(self, kind: str) -> tuple[Floats, Floats, Floats]:
        """Return score and information of the whole sample in standardized units, and those units."""
        work = self.problem.standard
        factors = work.scale.parameters
        found = work.objective(self.x * factors, True)
        n = sum(sample.n for sample in self.problem.samples)
        return -n / 2 * found.gradient, n * (found.information if kind == "expected" else found.hessian / 2), factors


def _opened(problem: Problem, x: Floats, add: str | None, release: Sequence[int] | None) -> _Opened:
    sides, slopes = constraint_rows(problem.table, x)
    if add is None:
        if not sides:
            raise ModelError("structure.no_constraints")
        chosen = list(range(len(sides))) if release is None else [int(one) - 1 for one in release]
        if any(not 0 <= one < len(sides) for one in chosen):
            raise ModelError("structure.no_such_constraint", count=len(sides))
        return _Opened(problem, x, sides, slopes, chosen, [])
    wide, values, new = with_added(problem, x, add)
    old = [k for k in range(len(values)) if k not in set(new)]
    rows = np.zeros((len(sides) + len(new), len(values)))
    rows[: len(sides), old] = slopes
    rows[np.arange(len(sides), len(rows)), new] = 1.0
    table = wide.table
    added = [table.rows[at] for at in table.free_rows[new]]
    names = [(_named(row), f"{values[k]:g}") for row, k in zip(added, new, strict=True)]
    return _Opened(wide, values, sides + names, rows, list(range(len(sides), len(rows))), new)


def with_added(problem: Problem, x: Floats, add: str) -> tuple[Problem, Floats, list[int]]:
    """Return the problem with further free parameters at the values they have now.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    add : str
        Formulas such as ``"x1 ~~ x2; f =~ x9"``.

    Returns
    -------
    Problem, ndarray, list of int
        The new ones' positions among the free parameters (from 0).

    Raises
    ------
    ModelError
        If a parameter is free already, or its variables are not in the model.
    """
    table = problem.table
    rows = list(table.rows)
    values: dict[int, float] = {at: float(value) for at, value in zip(table.free_rows.tolist(), x, strict=True)}
    known = {*table.observed, *table.latents}
    new: list[int] = []
    for formula in parse(add).formulas:
        unknown = [name for name in (formula.lhs, formula.rhs) if name and name not in known]
        if unknown:
            raise ModelError("structure.no_such_parameter", parameter=f"{formula.lhs} {formula.op} {formula.rhs}")
        for group in range(1, table.n_groups + 1):
            at = _position(rows, formula, group)
            if at is None:
                at = len(rows)
                rows.append(Parameter(formula.lhs, formula.op, formula.rhs, group, fixed=0.0, user=False))
            if rows[at].free or rows[at].exogenous:
                raise ModelError("structure.already_free", parameter=rows[at].name)
            values[at] = rows[at].fixed
            new.append(at)
    opened = [replace(row, free=1) if at in set(new) else row for at, row in enumerate(rows)]
    wide = replace(table, rows=numbered(opened), constraints=())
    start = np.array([values[at] for at in wide.free_rows.tolist()])
    space = Space(np.zeros(len(start)), np.eye(len(start)))
    position = {at: k for k, at in enumerate(wide.free_rows.tolist())}
    found = Problem(wide, problem.samples, pattern_of(wide, problem.samples), space, problem.weights)
    return found, start, [position[at] for at in new]


def _position(rows: Sequence[Parameter], formula: Formula, group: int) -> int | None:
    wanted = {(formula.lhs, formula.op, formula.rhs)}
    if formula.op == "~~":
        wanted.add((formula.rhs, formula.op, formula.lhs))
    hits = (at for at, row in enumerate(rows) if (row.lhs, row.op, row.rhs) in wanted and row.group == group)
    return next(hits, None)


def _inverse_within(information: Floats, kept: Floats) -> Floats:
    """Invert an information in the space that rows of constraints leave; directions without information are left out."""
    basis = linalg.null_space(kept) if len(kept) else np.eye(len(information))
    inner = basis.T @ information @ basis
    unit = np.sqrt(np.clip(np.diag(inner), 1e-300, None))
    values, vectors = np.linalg.eigh(inner / np.outer(unit, unit))
    known = values > _SINGULAR
    along = basis @ (vectors[:, known] / unit[:, None])
    return np.asarray((along / values[known]) @ along.T, dtype=np.float64)


def score_test(
    problem: Problem,
    x: Floats,
    *,
    add: str | None = None,
    release: Sequence[int] | None = None,
    cumulative: bool = False,
    information: str = "expected",
) -> pd.DataFrame:
    """Test equality constraints, or parameters the model leaves out, without fitting the larger model.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    add : str, optional
        Formulas of fixed or left-out parameters to test instead of the constraints.
    release : sequence of int, optional
        Numbers (from 1) of the constraints to test.
    cumulative : bool
        Also release one after the other, the largest univariate statistic first.
    information : {"expected", "observed"}

    Returns
    -------
    pandas.DataFrame
        Columns test lhs op rhs statistic df pvalue, and epc with ``add``.

    Raises
    ------
    ModelError
        If the model has no equality constraints, or a parameter cannot be added.
    """
    opened = _opened(problem, x, add, release)
    score, matrix, factors = opened.information(information)
    rows, tested = opened.slopes / factors, opened.tested

    def released(which: Sequence[int]) -> tuple[float, Floats]:
        step = _inverse_within(matrix, np.delete(rows, list(which), axis=0)) @ score
        return float(score @ step), step / factors

    alone = [released([one]) for one in tested]
    found = [("total", "", "", released(tested)[0], float(np.linalg.matrix_rank(rows[tested])), np.nan)]
    for one, (value, step) in zip(tested, alone, strict=True):
        change = step[opened.new[one - len(rows)]] if opened.new else np.nan
        found.append(("univariate", *opened.names[one], value, 1.0, change))
    if cumulative:
        order = sorted(range(len(tested)), key=lambda index: -alone[index][0])
        for count, index in enumerate(order, start=1):
            value = released([tested[k] for k in order[:count]])[0]
            found.append(("cumulative", *opened.names[tested[index]], value, float(count), np.nan))
    frame = pd.DataFrame(found, columns=["test", "lhs", "rhs", "statistic", "df", "epc"])
    frame.insert(2, "op", np.where(frame["test"] == "total", "", "=="))
    frame["pvalue"] = special.chdtrc(frame["df"], frame["statistic"])
    kept = ["test", "lhs", "op", "rhs", "statistic", "df", "pvalue"]
    return frame[[*kept, "epc"]] if opened.new else frame[kept]


def expected_changes(
    problem: Problem, x: Floats, *, add: str | None = None, release: Sequence[int] | None = None
) -> pd.DataFrame:
    """Return how every parameter would change if the tested ones were free.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    add, release
        As in :func:`score_test`.

    Returns
    -------
    pandas.DataFrame
        Columns lhs op rhs group label est epc epv sepc_lv sepc_all, a row a free parameter: ``epv`` is the expected value,
        ``sepc`` the standardized change.
    """
    opened = _opened(problem, x, add, release)
    score, matrix, factors = opened.information("expected")
    kept = np.delete(opened.slopes / factors, opened.tested, axis=0)
    change = _inverse_within(matrix, kept) @ score / factors
    table, pattern = opened.problem.table, opened.problem.pattern
    rows = [table.rows[at] for at in table.free_rows]
    frame = pd.DataFrame(
        {name: [getattr(row, name) for row in rows] for name in ("lhs", "op", "rhs", "group", "label")}
    )
    frame = frame.assign(est=opened.x, epc=change, epv=opened.x + change)
    kinds: tuple[Kind, ...] = ("lv", "all")
    for kind in kinds:
        factors = unit_factors(*with_derived_rows(table, pattern, opened.x)[:3], kind)
        frame[f"sepc_{kind}"] = change * factors[table.free_rows]
    return frame
