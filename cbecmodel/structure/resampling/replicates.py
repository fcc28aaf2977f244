"""Batches of bootstrap replicates: drawn, fitted together, and what failed tried again alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.minimise import Optimum
from cbecmodel.structure.resampling.alone import CONSTANT, CONVERGED, NO_OPTIMUM, fitted_alone
from cbecmodel.structure.resampling.draws import Draws, case_weights, drawn_moments, drawn_rows, simulated_values
from cbecmodel.structure.resampling.engine import Batch, ManyFits, fit_many
from cbecmodel.structure.resampling.ordinal import fitted_tables
from cbecmodel.structure.resampling.seeds import Seeded, Seeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.options import Options
    from cbecmodel.structure.resampling.moments import ManyMoments

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]
_FLAT = 1e-12  # variance, in units of the full sample's, of a variable that is constant


@dataclass(frozen=True, slots=True)
class Plan:
    """What every worker needs to know.

    Attributes
    ----------
    problem : Problem
        From which cases are drawn; transformed for Bollen and Stine's bootstrap.
    options : Options
    draws : Draws
    batch : Batch
    alone : bool
        Replicates must be fitted one at a time.
    tabled : bool
        Samples are told by tables of answers, see :mod:`~cbecmodel.structure.resampling.ordinal`.
    """

    problem: Problem
    options: Options
    draws: Draws
    batch: Batch
    alone: bool = False
    tabled: bool = False


def run_batch(drawn: Seeded, plan: Plan) -> dict[str, NDArray[np.generic]]:
    """Fit a batch of replicates.

    Parameters
    ----------
    drawn : Seeded
        Which replicates, and their generators.
    plan : Plan

    Returns
    -------
    dict of ndarray
        ``x`` (R, q) in the user's units, ``value``, ``gradient``, ``evaluations`` and ``code`` (R,), the last an index into
        :data:`~cbecmodel.structure.resampling.alone.REASONS`.
    """
    if plan.alone:
        return _columns(
            [_alone(plan, _one(drawn, index)) for index in drawn.indices], len(plan.problem.table.free_rows)
        )
    if plan.tabled:
        return _columns(_tabled(plan, drawn), len(plan.problem.table.free_rows))
    moments = drawn_moments(plan.batch, plan.draws, drawn)
    flat = _constant(moments, raw=plan.batch.method == "FIML")
    found = _fitted(plan.batch, moments, np.flatnonzero(~flat))
    x, value, gradient, evaluations = found.x, found.value, found.gradient, found.evaluations
    code = np.where(flat, CONSTANT, np.where(found.converged, CONVERGED, NO_OPTIMUM)).astype(np.int8)
    again = np.flatnonzero(code == NO_OPTIMUM)
    for index in again:
        single, code[index] = _alone(plan, _one(drawn, drawn.indices[int(index)]))
        if single is not None:
            x[index], value[index], gradient[index] = single.x, single.value, single.gradient
            evaluations[index] += single.iterations
    x[code != CONVERGED] = np.nan
    return {"x": x, "value": value, "gradient": gradient, "evaluations": evaluations, "code": code}


def _fitted(batch: Batch, moments: ManyMoments, chosen: NDArray[np.intp]) -> ManyFits:
    """Fit some of the samples; the others' results are NaN."""
    size, q = len(moments), batch.problem.pattern.n_free
    if len(chosen) == size:
        return fit_many(batch, moments)
    out = ManyFits(
        np.full((size, q), np.nan),
        np.full(size, np.nan),
        np.full(size, np.nan),
        np.zeros(size, dtype=np.intp),
        np.zeros(size, dtype=bool),
    )
    if len(chosen):
        found = fit_many(batch, moments.take(chosen))
        out.x[chosen], out.value[chosen], out.gradient[chosen] = found.x, found.value, found.gradient
        out.evaluations[chosen], out.converged[chosen] = found.evaluations, found.converged
    return out


def _one(drawn: Seeded, index: int) -> Seeds:
    return Seeds((index,), drawn.entropy, drawn.key)


def values_of(plan: Plan, seeds: Seeded) -> list[Floats]:
    """Return the data of one replicate.

    Parameters
    ----------
    plan : Plan
    seeds : Seeded
        A single replicate.

    Returns
    -------
    list of ndarray, shape (n_g, p)
    """
    if plan.draws.type == "parametric":
        return simulated_values(plan.problem, plan.draws, next(seeds.rngs()))
    sizes = [int(sample.n) for sample in plan.problem.samples]
    rows = drawn_rows(plan.draws, sizes, seeds)
    return [sample.raw[at] for sample, at in zip(plan.problem.samples, rows, strict=True) if sample.raw is not None]


def _alone(plan: Plan, seeds: Seeded) -> tuple[Optimum | None, int]:
    return fitted_alone(plan.problem, plan.options, values_of(plan, seeds))


def _tabled(plan: Plan, drawn: Seeded) -> list[tuple[Optimum | None, int]]:
    """Fit resamples of ordinal data; what did not converge is tried again from other starts."""
    weights = case_weights(plan.draws, [int(sample.n) for sample in plan.problem.samples], drawn)
    found = fitted_tables(plan.batch, plan.options.estimator, weights)
    for index, (_, code) in enumerate(found):
        if code == NO_OPTIMUM:
            found[index] = _alone(plan, _one(drawn, drawn.indices[index]))
    return found


def _columns(found: Sequence[tuple[Optimum | None, int]], q: int) -> dict[str, NDArray[np.generic]]:
    nothing = Optimum(np.full(q, np.nan), np.nan, np.nan, 0, False)
    optima = [nothing if optimum is None or code else optimum for optimum, code in found]
    return {
        "x": np.array([one.x for one in optima]).reshape(-1, q),
        "value": np.array([one.value for one in optima]),
        "gradient": np.array([one.gradient for one in optima]),
        "evaluations": np.array([one.iterations for one in optima], dtype=np.intp),
        "code": np.array([code for _, code in found], dtype=np.int8),
    }


def _constant(moments: ManyMoments, *, raw: bool) -> NDArray[np.bool_]:
    """Return which samples have a variable without variance (with incomplete data, one that nobody answered)."""
    bad = np.zeros(len(moments), dtype=bool)
    for group in moments.groups:
        variance = np.einsum("rii->ri", group.cov) - (group.mean**2 if raw else 0.0)
        bad |= (variance <= _FLAT).any(axis=1)
    return bad
