"""The bootstrap of a fitted model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cbecmodel.errors import ConvergenceError, DataError, ModelError, ModelWarning, warn
from cbecmodel.messages import text
from cbecmodel.parallel import batch_size, map_batches
from cbecmodel.structure.estimate.threads import one_thread
from cbecmodel.structure.resampling.alone import REASONS
from cbecmodel.structure.resampling.bootstrap_results import BootstrapResults
from cbecmodel.structure.resampling.compiled import kernel_environment
from cbecmodel.structure.resampling.draws import TYPES, BootstrapType, Draws, parametric, transformed
from cbecmodel.structure.resampling.engine import batch_of
from cbecmodel.structure.resampling.intervals import INTERVALS, Interval
from cbecmodel.structure.resampling.ordinal import ordinal_batch, tabled
from cbecmodel.structure.resampling.replicates import Plan, run_batch

if TYPE_CHECKING:
    from pathlib import Path

    from cbecmodel.parallel import Parallel
    from cbecmodel.structure.results import SEMResults


def bootstrap(
    fit: SEMResults,
    replicates: int = 5000,
    *,
    seed: int = 1,
    ci: Interval = "percentile",
    level: float = 0.95,
    type: BootstrapType = "nonparametric",  # noqa: A002 - lavaan's name
    cluster: Any = None,
    parallel: Parallel = None,
    folder: str | Path | None = None,
    progress: bool = True,
) -> BootstrapResults:
    """Fit the model to many resamples; see :meth:`cbecmodel.SEMResults.bootstrap`.

    Parameters
    ----------
    fit : SEMResults
        Of a fit to data.
    replicates, seed, ci, level, type, cluster, parallel, folder, progress
        See there.

    Returns
    -------
    BootstrapResults

    Raises
    ------
    ModelError, DataError, ConvergenceError
    """
    _check(fit, replicates, ci, level, type)
    plan = plan_of(fit, type, cluster)
    size = batch_size(replicates, _operations(plan))
    found = map_batches(
        run_batch,
        replicates,
        seed,
        size=size,
        parallel=parallel,
        folder=folder,
        identity=_identity(fit, plan),
        environment=kernel_environment,
        label=text("structure.bootstrap_label") if progress else "",
        args=(plan,),
    )
    code = np.asarray(found["code"])
    failed = {REASONS[c]: int((code == c).sum()) for c in range(1, len(REASONS)) if (code == c).any()}
    why = "; ".join(f"{text(f'structure.bootstrap_{name}')}: {count}" for name, count in failed.items())
    if not (code == 0).any():
        raise ConvergenceError("structure.bootstrap_none", replicates=len(code), why=why)
    if failed:
        warn(
            ModelWarning,
            "structure.bootstrap_failed",
            failed=int((code != 0).sum()),
            n=len(code),
            why=why,
            stacklevel=4,
        )
    return BootstrapResults(
        fit=fit,
        plan=plan,
        seed=seed,
        ci=ci,
        level=level,
        n_requested=replicates,
        indices=found.indices,
        x=np.asarray(found["x"]),
        value=np.asarray(found["value"]),
        gradient=np.asarray(found["gradient"]),
        evaluations=np.asarray(found["evaluations"]),
        code=code,
    )


def plan_of(fit: SEMResults, type: BootstrapType = "nonparametric", cluster: Any = None) -> Plan:  # noqa: A002
    """Return what workers need to draw and fit replicates of a fit.

    Parameters
    ----------
    fit : SEMResults
    type : {"nonparametric", "parametric", "bollen_stine"}
    cluster : array-like, optional
        The cluster of every case: a Series with the data's index, or values in the order of ``fit.data_used``.

    Returns
    -------
    Plan

    Raises
    ------
    ModelError, DataError
    """
    problem = fit.problem
    if fit.rotation:
        raise ModelError("structure.bootstrap_rotated")
    draws = Draws(type, _units(fit, cluster))
    if any(sample.ordinal is not None for sample in problem.samples):
        return _ordinal_plan(fit, draws)
    if type == "parametric":
        draws = parametric(problem, fit.x)
    if type == "bollen_stine":
        if any(sample.patterns for sample in problem.samples) or problem.weights:
            raise ModelError("structure.bollen_stine_ml")
        problem = transformed(problem, fit.x)
    alone = problem.limits is not None or fit.options.estimator == "WLS"
    with one_thread():
        batch = batch_of(replace(problem, weights=()) if alone else problem, fit.x, fit.options.estimator)
    return Plan(problem, fit.options, draws, batch, alone)


def _ordinal_plan(fit: SEMResults, draws: Draws) -> Plan:
    if draws.type != "nonparametric":
        raise ModelError("structure.bootstrap_ordinal_type", type=draws.type)
    by_tables = tabled(fit.problem, fit.options.estimator)
    with one_thread():
        batch = ordinal_batch(fit.problem, fit.x)
    return Plan(fit.problem, fit.options, draws, batch, alone=not by_tables, tabled=by_tables)


def _check(fit: SEMResults, replicates: int, ci: str, level: float, kind: str) -> None:
    for option, value, known in (("ci", ci, INTERVALS), ("type", kind, TYPES)):
        if value not in known:
            raise ModelError("structure.unknown_option", option=option, value=value, known=", ".join(known))
    if replicates < 1:
        raise ModelError("structure.bootstrap_count", replicates=replicates)
    if not 0 < level < 1:
        raise ModelError("structure.bootstrap_level", level=level)
    if fit.options.missing not in ("listwise", "fiml", "pairwise"):
        raise ModelError(
            "structure.bootstrap_option", option="missing", value=fit.options.missing, known="listwise, fiml, pairwise"
        )
    if fit.rotation or fit.two_step:
        raise ModelError("structure.bootstrap_rotated")
    if any(sample.raw is None for sample in fit.problem.samples):
        raise ModelError("structure.bootstrap_needs_data")


def _units(fit: SEMResults, cluster: Any) -> tuple[np.ndarray[Any, np.dtype[np.intp]], ...]:
    """Return the cluster of each case of each group."""
    if cluster is None:
        return ()
    aligned = isinstance(cluster, pd.Series) and fit.data_used is not None
    values = pd.Series(np.asarray(cluster.reindex(fit.data_used) if aligned else cluster))
    sizes = [int(sample.n) for sample in fit.problem.samples]
    if len(values) != sum(sizes):
        raise DataError("structure.bootstrap_cluster_length", given=len(values), n=sum(sizes))
    if values.isna().any():
        raise DataError("structure.bootstrap_cluster_missing", count=int(values.isna().sum()))
    ends = np.cumsum(sizes)
    found = tuple(pd.factorize(values.iloc[end - size : end])[0] for end, size in zip(ends, sizes, strict=True))
    if any(units.max() < 1 for units in found):
        raise DataError("structure.bootstrap_one_cluster")
    return found


def _operations(plan: Plan) -> float:
    """Return roughly how many arithmetic operations one replicate takes, from model and cases alone."""
    evaluations, total = 20.0, 0.0
    for group, sample in zip(plan.problem.pattern.groups, plan.problem.samples, strict=True):
        p, t = group.p, len(group.intercepts)
        total += 12 * p**3 + 12 * p * t * max(t - p, 1) + sample.n * p**2 / evaluations
        total += sum(4 * one.n * p * (p - len(one.observed)) for one in sample.patterns)
    alone = 50.0 if plan.alone or plan.tabled else 1.0
    return alone * evaluations * total


def _identity(fit: SEMResults, plan: Plan) -> dict[str, str]:
    """Return what a folder of finished batches must be of."""
    import hashlib

    digest = hashlib.sha256(fit.model.encode("utf-8"))
    for sample in fit.problem.samples:
        digest.update(b"" if sample.raw is None else np.ascontiguousarray(sample.raw).tobytes())
    digest.update(np.ascontiguousarray(fit.x).tobytes())
    digest.update(repr(fit.options).encode("utf-8"))
    for units in plan.draws.units:
        digest.update(np.ascontiguousarray(units).tobytes())
    return {"what": f"bootstrap {plan.draws.type}", "model and data": digest.hexdigest()}
