"""Estimates in the samples of a power study: all at once where the batched engine can, one by one otherwise."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbecmodel.errors import CbecError, ConvergenceError, ModelWarning
from cbecmodel.simulate.power_samples import Moments, NormalData, wishart_moments
from cbecmodel.structure.api import sem
from cbecmodel.structure.inference.indices import CLOSE, NOT_CLOSE
from cbecmodel.structure.readouts.parameters import defined_values, row_values
from cbecmodel.structure.resampling.engine import Batch, fit_many, simulated
from cbecmodel.structure.resampling.information import sampling_covariances
from cbecmodel.structure.resampling.quantities import improper
from cbecmodel.structure.sample.moments import array_moments
from cbecmodel.structure.syntax.expressions import evaluate_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from cbecmodel.batches import Batch as Replicates
    from cbecmodel.simulate.power_samples import Answers
    from cbecmodel.structure.resampling.engine import ManyFits
    from cbecmodel.structure.resampling.moments import ManyMoments
    from cbecmodel.structure.results import SEMResults

Floats = NDArray[np.float64]
Columns: TypeAlias = dict[str, NDArray[Any]]
PROPER, IMPROPER, NOT_CONVERGED, FAILED = range(4)
MEASURES: Final = ("chisq", "pvalue", "rmsea", "rmsea_pvalue", "rmsea_notclose_pvalue", "cfi")
_SCALED: Final = {
    "chisq": "chisq_scaled", "pvalue": "pvalue_scaled", "rmsea": "rmsea_robust", "cfi": "cfi_robust",
    "rmsea_pvalue": "rmsea_pvalue_robust", "rmsea_notclose_pvalue": "rmsea_notclose_pvalue_robust",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with each replicate; the same in every worker.

    Attributes
    ----------
    source : NormalData or Answers
    n : int
    model : str
    options : dict
        Of :func:`cbecmodel.sem`.
    names : tuple of str
        Observed variables of the model.
    many : Batch or None
        The model in the batched engine, where that can fit it.
    size : int
        Free and defined parameters together.
    """

    source: NormalData | Answers
    n: int
    model: str
    options: dict[str, Any]
    names: tuple[str, ...]
    many: Batch | None
    size: int


def estimates(replicates: Replicates, plan: Plan) -> Columns:
    """Draw a batch of samples and estimate the model in each.

    Parameters
    ----------
    replicates : cbecmodel.batches.Batch
    plan : Plan

    Returns
    -------
    dict of ndarray
        ``est`` and ``se``, shape (m, k); ``fit``, shape (m, 6), see ``MEASURES``; ``status`` (proper, improper, not converged,
        failed); ``used``, the cases; ``why``.
    """
    rngs = list(replicates.rngs())
    if plan.many is None:
        return _gathered([_single(plan, rng) for rng in rngs], plan.size)
    if plan.source.plain:
        assert isinstance(plan.source, NormalData)
        return _batched(plan, plan.many, wishart_moments(plan.source.population.of(plan.names), plan.n, rngs))
    return _batched_data(plan, plan.many, rngs)


# ------------------------------------------------------------------------------------------------------- all at once


def _batched_data(plan: Plan, many: Batch, rngs: Sequence[np.random.Generator]) -> Columns:
    """Draw data, and estimate from their moments."""
    drawn, failures = [], {}
    for index, rng in enumerate(rngs):
        try:
            values = plan.source.draw(plan.n, rng).reindex(columns=list(plan.names)).to_numpy(dtype=np.float64)
            drawn.append(array_moments(values, plan.names))
        except CbecError as error:  # a constant answer, or too few complete cases: counted, with its reason
            failures[index] = str(error)
    found = _nothing(len(rngs), plan.size)
    for index, why in failures.items():
        found["status"][index], found["why"][index] = FAILED, why
    if drawn:
        covs, means = np.array([one.cov for one in drawn]), np.array([one.mean for one in drawn])
        part = _batched(plan, many, Moments(covs, means, np.array([float(one.n) for one in drawn])))
        kept = [index for index in range(len(rngs)) if index not in failures]
        for name, values in part.items():
            found[name][kept] = values
    return {**found, "why": found["why"].astype(str)}


def _batched(plan: Plan, many: Batch, drawn: Moments) -> Columns:
    moments = simulated(many, [drawn.cov], [drawn.mean], [drawn.n])
    fits = fit_many(many, moments)
    found = _nothing(len(drawn.n), plan.size)
    found["used"][:] = drawn.n
    est, se = _with_defined(many, fits, moments)
    found["est"][:], found["se"][:] = est, se
    found["fit"][:] = _fit_measures(many, fits, drawn)
    solved = np.where(improper(many, moments, fits.x), IMPROPER, PROPER)
    found["status"][:] = np.where(fits.converged, solved, NOT_CONVERGED)
    for index in np.flatnonzero(~fits.converged):  # a cold start may still find what the warm one missed
        again = _alone(plan, drawn, int(index))
        for name, value in again.items():
            found[name][index] = value
    return {**found, "why": found["why"].astype(str)}


def _with_defined(many: Batch, fits: ManyFits, moments: ManyMoments) -> tuple[Floats, Floats]:
    """Return free and defined parameters with their standard errors (delta method)."""
    vcov = sampling_covariances(many, moments, fits.x)
    with np.errstate(invalid="ignore"):
        se = np.sqrt(np.einsum("rii->ri", vcov))
    table = many.problem.table
    trees = {rule.lhs: rule.right for rule in table.defined}
    if not trees:
        return fits.x, se
    used = {label: k for label, k in table.labels.items() if any(label in tree.names() for tree in trees.values())}
    fixed = {row.label: row.fixed for row in table.rows if row.label and not row.free}
    at = np.array(list(used.values()), dtype=np.intp)
    places = {label: k for k, label in enumerate((*used, *fixed))}
    constants = np.array(list(fixed.values()))
    inner = vcov[:, at[:, None], at[None, :]]
    more, errors = np.empty((len(fits.x), len(trees))), np.empty((len(fits.x), len(trees)))
    for index, x in enumerate(fits.x):
        values = evaluate_all(trees, places, np.concatenate([x[at], constants]))
        slopes = np.array([slope[: len(at)] for _, slope in values.values()])
        more[index] = [value for value, _ in values.values()]
        errors[index] = np.sqrt(np.einsum("ij,jk,ik->i", slopes, inner[index], slopes))
    return np.hstack([fits.x, more]), np.hstack([se, errors])


def _fit_measures(many: Batch, fits: ManyFits, drawn: Moments) -> Floats:
    """Return chi-square and what follows from it for every sample."""
    table = many.problem.table
    p, x = len(table.observed), len(table.exogenous)
    moments = p * (p + 1) // 2 - x * (x + 1) // 2 + (p - x if table.meanstructure else 0)
    df = moments - many.problem.space.size
    chisq = drawn.n * fits.value
    return np.column_stack([*_from_chisq(chisq, df, drawn.n).values(), _cfi(many, chisq, df, drawn)])


def _from_chisq(chisq: Floats, df: int, n: Floats) -> dict[str, Floats]:
    nothing = np.full(len(chisq), np.nan)
    if df <= 0:
        return {"chisq": chisq, "pvalue": nothing, "rmsea": np.zeros(len(chisq)), "close": nothing, "far": nothing}
    positive = np.maximum(chisq, 0.0)
    return {
        "chisq": chisq,
        "pvalue": special.chdtrc(df, positive),
        "rmsea": np.sqrt(np.maximum(chisq - df, 0.0) / (n * df)),
        "close": 1 - special.chndtr(positive, df, n * df * CLOSE**2),
        "far": special.chndtr(positive, df, n * df * NOT_CLOSE**2),
    }


def _cfi(many: Batch, chisq: Floats, df: int, drawn: Moments) -> Floats:
    if df <= 0:
        return np.ones(len(chisq))
    table = many.problem.table
    fixed = np.array([name in table.predictors for name in table.observed])
    logdets = np.linalg.slogdet(drawn.cov)[1]
    inside = np.linalg.slogdet(drawn.cov[:, fixed][:, :, fixed])[1] if fixed.any() else 0.0
    variances = np.einsum("rii->ri", drawn.cov)[:, ~fixed]
    base = drawn.n * (np.log(variances).sum(axis=1) + inside - logdets)
    loose = int((~fixed).sum())
    base_df = loose * (loose - 1) // 2 + loose * int(fixed.sum())
    excess = np.maximum(chisq - df, 0.0)
    worst = np.maximum(np.maximum(excess, base - base_df), 1e-300)
    return np.asarray(1 - excess / worst, dtype=np.float64)


# -------------------------------------------------------------------------------------------------------- one by one


def _alone(plan: Plan, drawn: Moments, index: int) -> Columns:
    import pandas as pd

    n = int(drawn.n[index])
    cov = pd.DataFrame(drawn.cov[index] * n / (n - 1), index=list(plan.names), columns=list(plan.names))
    mean = dict(zip(plan.names, drawn.mean[index], strict=True))
    return _estimated(plan, {"sample_cov": cov, "sample_mean": mean, "sample_nobs": n})


def _single(plan: Plan, rng: np.random.Generator) -> Columns:
    try:
        data: pd.DataFrame = plan.source.draw(plan.n, rng)
    except CbecError as error:
        return {"status": np.array(FAILED), "why": np.array(str(error))}
    return _estimated(plan, {"data": data})


def _estimated(plan: Plan, data: Mapping[str, Any]) -> Columns:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)  # counted as improper
        try:
            return _read_off(sem(plan.model, **data, **plan.options))
        except ConvergenceError as error:
            return {"status": np.array(NOT_CONVERGED), "why": np.array(str(error))}
        except CbecError as error:  # a constant answer, too few cases, …: counted, with its reason
            return {"status": np.array(FAILED), "why": np.array(str(error))}


def _read_off(fit: SEMResults) -> Columns:
    values, jacobian = row_values(fit.problem, fit.x)
    defined, slopes = defined_values(fit.problem, values, jacobian)
    vcov = fit.vcov.to_numpy()
    errors = np.einsum("ij,jk,ik->i", slopes, vcov, slopes)
    with np.errstate(invalid="ignore"):
        se = np.sqrt(np.concatenate([np.diag(vcov), errors]))
    measures = fit.fit_measures
    found = [measures.get(_SCALED[name], measures.get(name, math.nan)) for name in MEASURES]
    return {
        "est": np.concatenate([fit.x, defined]), "se": se, "fit": np.array(found, dtype=np.float64),
        "status": np.array(IMPROPER if fit.warnings else PROPER), "used": np.array(float(fit.n_obs)), "why": np.array(""),
    }  # fmt: skip


def _nothing(size: int, k: int) -> Columns:
    """Return the columns of replicates about which nothing is known yet."""
    return {
        "est": np.full((size, k), np.nan), "se": np.full((size, k), np.nan), "fit": np.full((size, len(MEASURES)), np.nan),
        "status": np.full(size, FAILED, dtype=np.int8), "used": np.full(size, np.nan), "why": np.full(size, "", dtype=object),
    }  # fmt: skip


def _gathered(rows: Sequence[Columns], k: int) -> Columns:
    found = _nothing(len(rows), k)
    for index, row in enumerate(rows):
        for name, value in row.items():
            found[name][index] = value if value.ndim else value.item()
    return {**found, "why": found["why"].astype(str)}
