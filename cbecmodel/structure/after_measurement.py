"""Structural after measurement: first the measurement models one by one, then the structural model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from cbecmodel.display.numbers import number, p_value
from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import ConvergenceError, ModelError, ModelWarning, warn
from cbecmodel.messages import text
from cbecmodel.structure.api import fit_table
from cbecmodel.structure.estimate.matrices import pattern_of
from cbecmodel.structure.estimate.minimise import Optimum
from cbecmodel.structure.estimate.native import Problem, estimate
from cbecmodel.structure.inference.two_step import Floats, LatentMoments, latent_moments, two_step_vcov
from cbecmodel.structure.inference.vcov import Uncertainty
from cbecmodel.structure.options import Options, check_options
from cbecmodel.structure.readouts.parameters import parameter_frame
from cbecmodel.structure.readouts.show import parameter_tables
from cbecmodel.structure.results import SEMResults
from cbecmodel.structure.sample.groups import group_moments, grouped
from cbecmodel.structure.sample.moments import SampleMoments
from cbecmodel.structure.table.defaults import parameter_table
from cbecmodel.structure.table.limits import linear_space
from cbecmodel.structure.table.parameter import Parameter, numbered
from cbecmodel.structure.table.partable import ParameterTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_OPTIONS = ("group", "group_equal", "group_partial", "orthogonal", "meanstructure", "fixed_x")
_MEASURES = ("chisq", "df", "pvalue", "cfi", "rmsea", "srmr")


def sam(
    model: str,
    data: Any,
    *,
    method: Literal["local", "global"] = "local",
    blocks: Sequence[Sequence[str]] | None = None,
    **options: Any,
) -> SAMResults:
    """Estimate the measurement models first and the structural model after them, as ``lavaan::sam`` does.

    In small samples this converges where joint estimation does not, and a misfit of one part does not spread to the other.

    Parameters
    ----------
    model : str
        lavaan syntax.
    data : pandas.DataFrame, or an object with a ``frame``
        Incomplete cases are left out.
    method : {"local", "global"}
        ``"local"`` estimates the structural model from the covariances that latent variables have given their measurement;
        ``"global"`` estimates it from all items, with the measurement parameters held.
    blocks : sequence of sequence of str, optional
        Latent variables to be measured together; by default each is measured alone. Latent variables that share items or have
        covarying residuals must stand in one block.
    **options
        ``group``, ``group_equal``, ``group_partial``, ``orthogonal``, ``meanstructure``, ``fixed_x`` of :func:`cbecmodel.sem`.

    Returns
    -------
    SAMResults
        With the errors of both steps (Rosseel and Loh's two-step correction).

    Raises
    ------
    ModelError
        If the model has no measured latent variables, latent indicators, composites or exploratory blocks, or another option is
        asked for.
    ConvergenceError

    References
    ----------
    .. [1] Rosseel, Y., & Loh, W. W. (2024). A structural after measurement approach to structural equation modeling.
       Psychological Methods, 29, 561-588.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import political_democracy
    >>> fit = cbec.sam("ind =~ x1 + x2 + x3; dem =~ y1 + y2 + y3 + y4; dem ~ ind", political_democracy.get_data())
    >>> round(float(fit.parameters.query("op == '~'")["est"].iloc[0]), 3)
    1.448
    """
    if method not in ("local", "global"):
        raise ModelError("structure.unknown_option", option="method", value=method, known="local, global")
    for name in options:
        if name not in _OPTIONS:
            raise ModelError("structure.unknown_option", option="sam", value=name, known=", ".join(_OPTIONS))
    checked = check_options("sem", options)
    frame, labels, members = grouped(data, checked.group)
    table = parameter_table(model, checked, labels)
    if frame is None:
        raise ModelError("structure.sam_data")
    divided = _blocks(table, blocks)
    needed = table.exogenous
    samples = group_moments(frame, table.observed, members, likelihood="normal", fiml=False, needed=needed)
    problem = Problem(table, samples, pattern_of(table, samples), linear_space(table))
    fits = tuple(
        fit_table(_measurement(table, block), _part(samples, _items(table, block)), checked) for block in divided
    )
    x, sigma, first = _first_step(table, fits)
    second = np.setdiff1d(np.arange(table.n_free), first)
    if not second.size:
        raise ModelError("structure.sam_nothing_left")
    local, reliability = _structural(problem, x, checked)
    x[second] = _matched(table, local.table, local.x)[second] if method == "local" else _held(problem, x, first)[second]
    return SAMResults(
        checked,
        problem,
        Optimum(x, math.nan, 0.0, 0, True),
        steps=Steps(method, divided, fits, local, reliability, two_step_vcov(problem, x, first, second, sigma), first),
        model=model,
        group_labels=labels,
        synthetic=bool(getattr(data, "synthetic", False)),
    )


def _items(table: ParameterTable, factors: Sequence[str]) -> tuple[str, ...]:
    rhs = {row.rhs for row in table.rows if row.op == "=~" and row.lhs in factors}
    return tuple(name for name in table.observed if name in rhs)


def _is_measurement(row: Parameter, items: Sequence[str]) -> bool:
    return row.op == "=~" or (row.op in {"~~", "~1"} and row.lhs in items)


def _blocks(table: ParameterTable, asked: Sequence[Sequence[str]] | None) -> tuple[tuple[str, ...], ...]:
    """Return which latent variables are measured together; refuse what cannot be measured apart."""
    inside = [row for row in table.rows if row.op == "=~" and row.rhs in table.latents]
    explored = any(row.efa for row in table.rows)
    if table.composites or inside or explored or not table.latents:
        raise ModelError("structure.sam_model")
    blocks = tuple((name,) for name in table.latents) if asked is None else tuple(tuple(block) for block in asked)
    named = [name for block in blocks for name in block]
    if sorted(named) != sorted(table.latents):
        raise ModelError("structure.sam_blocks", latents=", ".join(table.latents))
    owner: dict[str, int] = {}
    for index, block in enumerate(blocks):
        for item in _items(table, block):
            if owner.setdefault(item, index) != index:
                raise ModelError("structure.sam_shared", what=item)
    for row in table.rows:
        across = row.op == "~~" and {row.lhs, row.rhs} & owner.keys() and owner.get(row.lhs) != owner.get(row.rhs)
        if across or (row.op == "~" and {row.lhs, row.rhs} & owner.keys()):
            raise ModelError("structure.sam_shared", what=f"{row.lhs} {row.op} {row.rhs}")
    return blocks


def _measurement(table: ParameterTable, block: tuple[str, ...]) -> ParameterTable:
    """Return the measurement model of a block: its latent variables are free to vary and to covary."""
    items = _items(table, block)
    rows = [row for row in table.rows if row.op == "=~" and row.lhs in block]
    rows += [row for row in table.rows if row.op in {"~~", "~1"} and row.lhs in items]
    rows += [row for row in table.rows if row.op == "~1" and row.lhs in block]
    for group in range(1, table.n_groups + 1):
        for one, other in [*((name, name) for name in block), *combinations(block, 2)]:
            rows.append(Parameter(one, "~~", other, group, free=1, user=False))
    return ParameterTable(
        rows=numbered(sorted(rows, key=lambda row: row.group)),
        constraints=(),
        observed=items,
        latents=block,
        meanstructure=table.meanstructure,
        n_groups=table.n_groups,
    )


def _part(samples: Sequence[SampleMoments], names: tuple[str, ...]) -> tuple[SampleMoments, ...]:
    parts = []
    for sample in samples:
        at = [sample.names.index(name) for name in names]
        parts.append(SampleMoments(names, sample.n, sample.cov[np.ix_(at, at)], sample.mean[at]))
    return tuple(parts)


def _matched(table: ParameterTable, other: ParameterTable, values: Floats) -> Floats:
    """Return the values of another table's parameters in the order of this one's; NaN where it has none."""
    known = {(row.group, row.name): values[row.free - 1] for row in other.rows if row.free}
    rows = [table.rows[at] for at in table.free_rows]
    return np.array([known.get((row.group, row.name), math.nan) for row in rows], dtype=np.float64)


def _first_step(table: ParameterTable, fits: Sequence[SEMResults]) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Return the measurement parameters, their covariances, and their positions."""
    items = {name for fit in fits for name in fit.observed}
    x, sigma = np.full(table.n_free, math.nan), np.zeros((table.n_free, table.n_free))
    first = np.array(
        [k for k, at in enumerate(table.free_rows) if _is_measurement(table.rows[at], tuple(items))], dtype=np.intp
    )
    for fit in fits:
        found = _matched(table, fit.table, fit.x)
        number = _matched(table, fit.table, np.arange(len(fit.x), dtype=np.float64))
        here = first[np.isfinite(found[first])]
        x[here] = found[here]
        at = number[here].astype(np.intp)
        sigma[np.ix_(here, here)] = fit.vcov.to_numpy()[np.ix_(at, at)]
    return x, sigma, first


def _structural(problem: Problem, x: Floats, options: Options) -> tuple[SEMResults, tuple[LatentMoments, ...]]:
    """Fit the structural model to the moments that its variables have after measurement."""
    table = problem.table
    items = _items(table, table.latents)
    names = (*table.latents, *(name for name in table.observed if name not in items))
    rows = []
    for row in table.rows:
        if _is_measurement(row, items):
            continue
        loose = row.exogenous or (row.op == "~1" and not row.user)
        rows.append(replace(row, free=1, fixed=math.nan, exogenous=False) if loose else row)
    outcomes = {row.lhs for row in rows if row.op == "~"}
    written = {(row.lhs, row.rhs) for row in rows if row.op == "~~"} | {
        (row.rhs, row.lhs) for row in rows if row.op == "~~"
    }
    free = [name for name in names if name not in outcomes]
    for group in range(1, table.n_groups + 1):
        pairs = [pair for pair in combinations(free, 2) if pair not in written]
        rows += [Parameter(one, "~~", other, group, free=1, user=False) for one, other in pairs]
    small = ParameterTable(
        rows=numbered(sorted(rows, key=lambda row: row.group)),
        constraints=tuple(rule for rule in table.constraints if rule.op == "=="),
        observed=names,
        latents=(),
        predictors=tuple(name for name in free if any(row.op == "~" and row.rhs == name for row in rows)),
        meanstructure=table.meanstructure,
        n_groups=table.n_groups,
    )
    start = np.where(np.isnan(x), 0.0, x)
    n = int(sum(sample.n for sample in problem.samples))
    moments = tuple(latent_moments(problem, start, g, names, n) for g in range(1, table.n_groups + 1))
    samples = tuple(
        SampleMoments(names, sample.n, one.cov, one.mean) for sample, one in zip(problem.samples, moments, strict=True)
    )
    if any(one.shrunk for one in moments):
        warn(ModelWarning, "structure.sam_shrunk", stacklevel=3)
    return fit_table(small, samples, options), moments


def _held(problem: Problem, x: Floats, first: NDArray[np.intp]) -> Floats:
    """Estimate the structural parameters from all items, with those of the measurement models held."""
    table = problem.table
    held = {int(table.free_rows[k]): float(x[k]) for k in first}
    rows = [replace(row, free=0, fixed=held[at]) if at in held else row for at, row in enumerate(table.rows)]
    fixed = replace(table, rows=numbered(rows))
    work = Problem(fixed, problem.samples, pattern_of(fixed, problem.samples), linear_space(fixed))
    found = estimate(work)
    if not found.converged:
        raise ConvergenceError(
            "structure.not_converged", engine="native", gradient=f"{found.gradient:.2g}", iterations=found.iterations
        )
    return _matched(table, fixed, found.x)


@dataclass(frozen=True, slots=True)
class Steps:
    """How a model was estimated in two steps.

    Attributes
    ----------
    method : {"local", "global"}
    blocks : tuple of tuple of str
        Latent variables measured together.
    measurement : tuple of SEMResults
    structural : SEMResults
        The structural model, fitted to the moments of its variables after measurement.
    moments : tuple of LatentMoments
        One a group.
    vcov : ndarray, shape (q, q)
    first : ndarray of int
        Parameters of the first step.
    """

    method: str
    blocks: tuple[tuple[str, ...], ...]
    measurement: tuple[SEMResults, ...]
    structural: SEMResults
    moments: tuple[LatentMoments, ...]
    vcov: Floats
    first: NDArray[np.intp]


class SAMResults(SEMResults):
    """A model estimated in two steps; parameters, standardized values, effects and Wald tests as for any other.

    Attributes
    ----------
    steps : Steps
    """

    two_step = True

    def __init__(self, *args: Any, steps: Steps, **options: Any) -> None:
        super().__init__(*args, **options)
        self.steps = steps
        self.warnings = tuple(warning for fit in (*steps.measurement, steps.structural) for warning in fit.warnings)

    @cached_property
    def _uncertainty(self) -> Uncertainty:
        return Uncertainty(self.steps.vcov, ())

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """Return all parameters as :class:`SEMResults` does, with the step that estimated each (0: neither)."""
        found = parameter_frame(self.problem, self.x, self.steps.vcov)
        step = np.zeros(len(found), dtype=int)
        rows = self.table.free_rows
        step[rows] = 2
        step[rows[self.steps.first]] = 1
        return found.assign(step=step)

    @property
    def df(self) -> int:
        """Return the degrees of freedom of the structural model."""
        return self.steps.structural.df

    @cached_property
    def fit_measures(self) -> pd.Series[float]:
        """Return the fit of the structural model to the moments of its variables after measurement."""
        return self.steps.structural.fit_measures

    @cached_property
    def measurement(self) -> pd.DataFrame:
        """Return the fit of each measurement model."""
        rows = [
            {"latents": ", ".join(block), "n_items": len(fit.observed), **{k: fit.fit_measures[k] for k in _MEASURES}}
            for block, fit in zip(self.steps.blocks, self.steps.measurement, strict=True)
        ]
        return pd.DataFrame(rows)

    @cached_property
    def reliability(self) -> pd.DataFrame:
        """Return the reliability of the scores behind the structural model, a row a group."""
        names = list(self.steps.structural.observed)
        values = [one.reliability for one in self.steps.moments]
        return pd.DataFrame(values, columns=names, index=list(self.group_labels))

    def modification_indices(self, minimum: float = 0.0) -> pd.DataFrame:
        """Return those of the structural model.

        Parameters
        ----------
        minimum : float

        Returns
        -------
        pandas.DataFrame
        """
        return self.steps.structural.modification_indices(minimum)

    def _shown(self) -> tuple[str, list[tuple[str, str]], list[Table]]:
        facts = [
            (text("structure.show_cases"), str(self.n_obs)),
            (text("structure.show_sam_method"), text(f"structure.show_sam_{self.steps.method}")),
            (
                text("structure.show_sam_structure"),
                text("structure.show_just_identified") if self.df == 0 else _test(self),
            ),
        ]
        columns = {"latents": Column(text("structure.show_sam_measured"), "text"), "chisq": Column("χ²", digits=2)}
        columns |= {"df": Column("df", "count"), "pvalue": Column("p", "p"), "cfi": Column("CFI")}
        columns |= {"rmsea": Column("RMSEA"), "srmr": Column("SRMR")}
        tables = [Table(self.measurement, columns), *parameter_tables(self)]
        return text("structure.show_sam_title"), facts, tables

    def summary(self) -> str:
        """Return the results as text.

        Returns
        -------
        str
        """
        return summary_text(*self._shown(), self.synthetic)

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        return summary_html(*self._shown(), self.synthetic)


def _test(fit: SAMResults) -> str:
    found = fit.fit_measures
    return f"χ² {number(found['chisq'], 2)}, df = {fit.df}, p {p_value(found['pvalue'])}, CFI {number(found['cfi'])}"
