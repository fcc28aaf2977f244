"""Fit measures of two-level models."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ConvergenceError
from cbecmodel.structure.estimate.implied import Implied, vech
from cbecmodel.structure.inference.corrections import Correction
from cbecmodel.structure.inference.indices import CLOSE, LEVEL, NOT_CLOSE, Test, incremental, rmsea
from cbecmodel.structure.inference.scaled import corrected_measures, robust_indices
from cbecmodel.structure.inference.vcov import Uncertainty, inverse_information
from cbecmodel.structure.levels.problem import LevelProblem, estimate_levels, independence_problem

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]


def solved(
    problem: LevelProblem, make: Callable[[LevelProblem], LevelProblem], name: str
) -> tuple[LevelProblem, Floats]:
    """Estimate a model that a two-level model is compared with.

    Parameters
    ----------
    problem : LevelProblem
    make : callable
        :func:`~cbecmodel.structure.levels.problem.saturated_problem` or ``independence_problem``.
    name : str
        For the message.

    Returns
    -------
    LevelProblem, ndarray

    Raises
    ------
    ConvergenceError
    """
    other = make(problem)
    optimum = estimate_levels(other)
    if not optimum.converged:
        raise ConvergenceError("structure.level_reference", model=name, gradient=f"{optimum.gradient:.2g}")
    return other, optimum.x


def robust_level_vcov(problem: LevelProblem, x: Floats) -> Uncertainty:
    """Return covariances of the estimates that hold without normality: clusters are the independent units.

    Parameters
    ----------
    problem : LevelProblem
    x : ndarray, shape (q,)

    Returns
    -------
    Uncertainty
    """
    scale = problem.standard.scale.parameters
    scores = problem.scores(x) / scale
    bread = inverse_information(problem.clusters.n / 2 * problem.at(x).derivatives.hessian, problem.standard.space)
    units = np.outer(scale, scale)
    return Uncertainty(bread.vcov @ (scores.T @ scores) @ bread.vcov / units, bread.unidentified)


def _trace(problem: LevelProblem, x: Floats) -> float:
    scale = problem.standard.scale.parameters
    scores = problem.scores(x) / scale
    bread = inverse_information(problem.clusters.n / 2 * problem.at(x).derivatives.hessian, problem.standard.space).vcov
    return float((bread * (scores.T @ scores)).sum())


def level_measures(
    problem: LevelProblem, x: Floats, saturated: tuple[LevelProblem, Floats], *, robust: bool
) -> dict[str, float]:
    """Return every measure of a two-level fit.

    Parameters
    ----------
    problem : LevelProblem
    x : ndarray, shape (q,)
    saturated : LevelProblem, ndarray
        The saturated model and its estimates.
    robust : bool
        Add those of the Yuan-Bentler test.

    Returns
    -------
    dict
        ``srmr`` is the sum of ``srmr_within`` and ``srmr_between``, as in lavaan.
    """
    full, full_x = saturated
    base, base_x = solved(problem, independence_problem, "baseline")
    npar, total, moments = problem.space.size, problem.clusters.n, full.table.n_free
    model, best, least = problem.log_likelihood(x), full.log_likelihood(full_x), base.log_likelihood(base_x)
    test = Test(2 * (best - model), moments - npar)
    null = Test(2 * (best - least), moments - base.table.n_free)
    found: dict[str, float] = {
        "npar": npar, "chisq": test.statistic, "df": test.df, "pvalue": test.pvalue, "baseline_chisq": null.statistic,
        "baseline_df": null.df, "baseline_pvalue": null.pvalue,
    }  # fmt: skip
    found |= incremental(test, null)
    found |= {"logl": model, "unrestricted_logl": best, "aic": 2 * npar - 2 * model}
    found |= {"bic": npar * math.log(total) - 2 * model, "ntotal": total}
    found |= {"bic2": npar * math.log((total + 2) / 24) - 2 * model}
    found |= rmsea(test, total)
    found |= {"rmsea_ci_level": LEVEL, "rmsea_close_h0": CLOSE, "rmsea_notclose_h0": NOT_CLOSE}
    found |= _residual_sizes(problem, x, full.at(full_x).states)
    if not robust:
        return found
    below = _trace(full, full_x)
    own = _trace(problem, x)
    rule = Correction(math.nan, 0.0, 0.0)
    if test.df > 0:
        rule = Correction((below - own) / test.df, 0.0, test.df)
    null_rule = Correction((below - _trace(base, base_x)) / null.df, 0.0, null.df)
    found |= corrected_measures(found, rule, null_rule, "yuan_bentler_mplus", groups=1)
    found |= {"scaling_factor_h1": below / moments, "scaling_factor_h0": own / problem.table.n_free}
    corrected = Test(found["chisq_scaled"], found["df_scaled"])
    return found | robust_indices(found, rule, null_rule, n=total, groups=1, corrected=corrected)


def _residual_sizes(problem: LevelProblem, x: Floats, saturated: tuple[Implied, ...]) -> dict[str, float]:
    out = {}
    table = problem.levels
    for name, names, one, other in zip(
        ("within", "between"), (table.within, table.between), saturated, problem.at(x).states, strict=True
    ):
        at = np.ix_(*[[table.observed.index(each) for each in names]] * 2)
        gap = vech(_correlations(one.sigma[at]) - _correlations(other.sigma[at]))
        out[f"srmr_{name}"] = math.sqrt(float((gap**2).mean()))
    return {"srmr": out["srmr_within"] + out["srmr_between"]} | out


def _correlations(cov: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(np.diag(cov))
        return np.asarray(cov / np.outer(sd, sd), dtype=np.float64)
