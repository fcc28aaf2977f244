"""Modification indices: what freeing a fixed parameter would do to the chi-square.

References
----------
.. [1] Sorbom, D. (1989). Model modification. Psychometrika, 54, 371-384.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import implied, jacobian
from cbecmodel.structure.estimate.incomplete import expected_weight
from cbecmodel.structure.estimate.matrices import pattern_of
from cbecmodel.structure.estimate.native import Problem, StandardizedProblem
from cbecmodel.structure.estimate.ordinal import weighted
from cbecmodel.structure.estimate.ordinal_responses import responses
from cbecmodel.structure.inference.robust import inverse_of, weighted_jacobian
from cbecmodel.structure.inference.standardize import Kind, unit_factors, with_derived_rows
from cbecmodel.structure.sample.expectation import expected
from cbecmodel.structure.table.constraints import Space
from cbecmodel.structure.table.parameter import Parameter, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]
_NOTHING = 1e-8  # share of a parameter's information that the model's own parameters must leave


def candidates(table: ParameterTable) -> list[Parameter]:
    """Return the parameters a model leaves out and could have, and those the user fixed.

    Parameters
    ----------
    table : ParameterTable

    Returns
    -------
    list of Parameter
        Loadings, residual covariances, latent covariances and, if the model has regressions, further ones.
    """
    present = {(row.lhs, row.op, row.rhs) for row in table.rows}
    present |= {(c, op, a) for a, op, c in present if op == "~~"}
    indicates = {(row.lhs, row.rhs) for row in table.rows if row.op == "=~"}
    zero = [key for key in _left_out(table) if key not in present]
    # a regression of a factor's indicator on the factor is that loading
    zero = [
        key for key in zero if not (key[1] == "~" and ((key[2], key[0]) in indicates or (key[0], key[2]) in indicates))
    ]
    return [
        Parameter(*key, group=group, fixed=0.0, user=False) for group in range(1, table.n_groups + 1) for key in zero
    ]


def _left_out(table: ParameterTable) -> Iterator[tuple[str, str, str]]:
    indicators = dict.fromkeys(row.rhs for row in table.rows if row.op == "=~" and row.rhs in table.observed)
    factors = dict.fromkeys(row.lhs for row in table.rows if row.op == "=~")
    moving = [name for name in table.observed if name not in table.predictors]
    for factor in factors:
        for item in indicators:
            yield factor, "=~", item
    for one, other in combinations(moving, 2):
        yield one, "~~", other
    for one, other in combinations(factors, 2):
        yield one, "~~", other
    regressed = [row for row in table.rows if row.op == "~"]
    involved = dict.fromkeys(name for row in regressed for name in (row.lhs, row.rhs))
    for outcome in involved:
        for cause in involved:
            if outcome != cause and outcome not in table.predictors:
                yield outcome, "~", cause


def modification_indices(problem: Problem, x: Floats, minimum: float = 0.0) -> pd.DataFrame:
    """Return modification indices and expected changes.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    minimum : float
        Smallest index shown.

    Returns
    -------
    pandas.DataFrame
        Columns lhs op rhs group mi epc sepc_lv sepc_all sepc_nox, in the order of the table and then of the left-out parameters.
    """
    table = problem.table
    # markers too: where equality constraints give their factor a unit, freeing one changes the fit
    freed = {index for index, row in enumerate(table.rows) if not row.free and not row.exogenous and row.user}
    rows = [replace(row, free=1) if index in freed else row for index, row in enumerate(table.rows)]
    extra = candidates(table)
    opened = replace(table, rows=numbered([*rows, *(replace(row, free=1) for row in extra)]), constraints=())
    start = np.array([opened.rows[at].fixed for at in opened.free_rows])
    old = np.array([table.rows[at].free - 1 if at < len(rows) else -1 for at in opened.free_rows])
    values = np.where(old >= 0, x[np.maximum(old, 0)], start)
    basis = np.where((old >= 0)[:, None], problem.space.basis[np.maximum(old, 0)], 0.0)
    pattern = pattern_of(opened, problem.samples)
    wide = Problem(opened, problem.samples, pattern, Space(np.zeros(len(values)), np.eye(len(values))), problem.weights)
    mi, epc = _scores(wide, values, basis, np.flatnonzero(old < 0))
    shown = [opened.rows[at] for at, before in zip(opened.free_rows, old, strict=True) if before < 0]
    frame = pd.DataFrame({name: [getattr(row, name) for row in shown] for name in ("lhs", "op", "rhs", "group")})
    frame = frame.assign(mi=mi, epc=epc)
    kinds: tuple[Kind, ...] = ("lv", "all", "nox")
    for kind in kinds:
        factors = unit_factors(*with_derived_rows(opened, pattern, values)[:3], kind)
        frame[f"sepc_{kind}"] = epc * factors[opened.free_rows][old < 0]
    keep = frame["mi"].notna() & (frame["mi"] >= minimum)
    return frame[keep].reset_index(drop=True)


def _scores(wide: Problem, values: Floats, basis: Floats, new: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return index and expected change of each new parameter, NaN where the model leaves no information on it."""
    work = wide.standard
    factors = work.scale.parameters
    own = basis * factors[:, None]
    own = own / np.linalg.norm(own, axis=0)
    cross, diagonal = np.zeros((len(values), own.shape[1])), np.zeros(len(values))
    n = sum(sample.n for sample in wide.samples)
    for number, group in enumerate(work.pattern.groups):
        slopes, pulled = _weighted_slopes(work, number, values * factors)
        size = work.samples[number].n
        cross[group.parameter] += size * (slopes.T @ (pulled @ own[group.parameter]))
        diagonal[group.parameter] += size * (slopes * pulled).sum(axis=0)
    across = np.linalg.lstsq(own.T @ cross, cross[new].T, rcond=None)[0]
    left = diagonal[new] - (cross[new] * across.T).sum(axis=1)
    score = -n / 2 * work.objective(values * factors, False).gradient[new]
    known = left > _NOTHING * diagonal[new]
    left = np.where(known, left, np.nan)
    return score**2 / left, score / left / factors[new]


def _weighted_slopes(work: StandardizedProblem, number: int, x: Floats) -> tuple[Floats, Floats]:
    """Return the Jacobian Δ of a group's moments, and V Δ for the weight V of a case's expected information."""
    sample, means = work.samples[number], work.pattern.means
    if sample.ordinal is not None:
        slopes = responses(work.pattern.groups[number], sample.ordinal, x).jacobian
        return slopes, weighted(work.weights[number], slopes)
    state = implied(work.pattern.groups[number], x)
    if work.weights:
        slopes = jacobian(state, means)
        return slopes, work.weights[number] @ slopes
    slopes = jacobian(state, True)
    if sample.patterns:
        found = expected(sample.answers, state.mu, state.sigma)
        if found is None:
            return slopes, np.full_like(slopes, np.nan)
        return slopes, expected_weight(sample.answers, found) @ slopes
    pulled = weighted_jacobian(state, inverse_of(state.sigma))
    if not means:
        pulled[: len(state.mu)] = 0.0
    return slopes, pulled
