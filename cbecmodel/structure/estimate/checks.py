"""What a reader must know about a solution before believing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import CbecWarning, ModelWarning
from cbecmodel.structure.estimate.implied import filled, implied
from cbecmodel.structure.estimate.ordinal_derived import with_derived

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.table.limits import Touched
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a solution.

    Attributes
    ----------
    key : str
        Sentence.
    values : dict
        What fills it.
    """

    key: str
    values: dict[str, Any]

    def warning(self) -> CbecWarning:
        """Return it as a warning.

        Returns
        -------
        CbecWarning
        """
        return ModelWarning(self.key, **self.values)


def product_findings(table: ParameterTable, se: str) -> Iterator[Finding]:
    """Look for products with an outcome among their parts, which the model leaves unrelated to other variables.

    Parameters
    ----------
    table : ParameterTable
    se : str
        Kind of the standard errors; robust ones are right all the same.

    Yields
    ------
    Finding
    """
    outcomes = {row.lhs for row in table.rows if row.op == "~"}
    used = [row.rhs for row in table.rows if row.op == "~" and ":" in row.rhs and row.rhs in table.observed]
    related = {name for row in table.rows if row.op == "~~" and row.lhs != row.rhs for name in (row.lhs, row.rhs)}
    alone = [name for name in dict.fromkeys(used) if set(name.split(":")) & outcomes and name not in related]
    if alone and se == "standard":
        yield Finding("structure.product_alone", {"products": ", ".join(alone)})


def active_findings(held: Touched | None) -> Iterator[Finding]:
    """Look for inequalities and bounds that hold with equality.

    Parameters
    ----------
    held : Touched or None

    Yields
    ------
    Finding
    """
    if held is not None and held.inequalities:
        yield Finding("structure.active_inequality", {"constraints": "; ".join(held.inequalities)})
    if held is not None and held.bounds:
        yield Finding("structure.at_bound", {"bounds": "; ".join(held.bounds)})


def solution_findings(
    problem: Problem, x: Floats, unidentified: Sequence[int], df: int, group_labels: Sequence[str] = ("",)
) -> Iterator[Finding]:
    """Look for under-identification and improper values.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    unidentified : sequence of int
        Free parameters in directions without information.
    df : int
    group_labels : sequence of str

    Yields
    ------
    Finding
    """
    table = problem.table
    if df < 0:
        yield Finding("structure.negative_df", {"df": df})
    if unidentified:
        names = parameter_names(table, group_labels)
        weak = ", ".join(names[k] for k in unidentified)
        yield Finding("structure.unidentified", {"parameters": weak})
    for number in range(1, table.n_groups + 1):
        yield from _improper(problem, x, number, group_labels)


def parameter_names(table: ParameterTable, group_labels: Sequence[str]) -> list[str]:
    """Return what the free parameters are called in sentences: label, or ``lhs op rhs`` and the name of the group.

    Parameters
    ----------
    table : ParameterTable
    group_labels : sequence of str

    Returns
    -------
    list of str
    """
    rows = [table.rows[index] for index in table.free_rows]
    several = len(group_labels) > 1
    return [row.label or row.name + (f" ({group_labels[row.group - 1]})" if several else "") for row in rows]


def _improper(problem: Problem, x: Floats, number: int, group_labels: Sequence[str]) -> Iterator[Finding]:
    table = problem.table
    group = problem.pattern.groups[number - 1]
    names = (*table.observed, *table.latents)
    where = f" ({group_labels[number - 1]})" if len(group_labels) > 1 else f" ({number})" if table.n_groups > 1 else ""
    _, moments, _ = problem.at(x).matrices[number - 1]
    state = problem.at(x).states[number - 1]
    if table.ordered:
        pattern, values, _ = with_derived(problem.pattern, x)
        moments, state = filled(pattern.groups[number - 1], values)[1], implied(pattern.groups[number - 1], values)
    scale = np.maximum(np.abs(np.diag(state.full)), 1e-300)
    negative = [name for name, bad in zip(names, np.diag(moments) < -1e-10 * scale, strict=True) if bad]
    if negative:
        yield Finding("structure.negative_variance", {"variables": ", ".join(negative) + where})
    yield from _residuals(moments, names, group.p, where)
    latent = state.full[group.p :, group.p :]
    if not latent.size or (np.diag(latent) <= 0).any():
        return
    sd = np.sqrt(np.diag(latent))
    cor = latent / np.outer(sd, sd)
    high = [(i, j) for i, j in zip(*np.triu_indices(len(cor), 1), strict=True) if abs(cor[i, j]) > 1 + 1e-10]
    if high:
        pairs = ", ".join(f"{table.latents[i]} ~~ {table.latents[j]} ({cor[i, j]:.3f})" for i, j in high)
        yield Finding("structure.impossible_correlation", {"pairs": pairs + where})
    structural = [k for k, name in enumerate(table.latents) if name not in table.composites]
    inner = cor[np.ix_(structural, structural)]
    values, vectors = np.linalg.eigh(inner) if structural else (np.ones(1), np.ones((1, 1)))
    if values[0] < -1e-10:
        members = np.flatnonzero(np.abs(vectors[:, 0]) > 0.1)
        involved = ", ".join(table.latents[structural[k]] for k in members)
        yield Finding("structure.latent_covariance", {"variables": involved + where, "eigenvalue": f"{values[0]:.4g}"})


def _residuals(moments: Floats, names: Sequence[str], p: int, where: str) -> Iterator[Finding]:
    """Look for residuals of observed variables that correlate by more than one."""
    variance = np.diag(moments)[:p]
    sd = np.sqrt(np.where(variance > 0, variance, np.inf))
    cor = np.triu(moments[:p, :p] / np.outer(sd, sd), 1)
    pairs = ", ".join(
        f"{names[i]} ~~ {names[j]} ({cor[i, j]:.3f})" for i, j in zip(*np.nonzero(np.abs(cor) > 1 + 1e-10), strict=True)
    )
    if pairs:
        yield Finding("structure.impossible_residual", {"pairs": pairs + where})
