"""Fit measures of maximum likelihood, with lavaan's names (``_`` for ``.``)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.baseline import baseline_problem
from cbecmodel.structure.estimate.implied import vech_indices
from cbecmodel.structure.estimate.least_squares import discrepancy_of, moment_vector
from cbecmodel.structure.estimate.likelihood import discrepancy
from cbecmodel.structure.inference.indices import CLOSE, LEVEL, NOT_CLOSE, Test, incremental, rmsea, sizes
from cbecmodel.structure.inference.ordinal_fit import (
    ordinal_baseline_df,
    ordinal_count,
    ordinal_independence,
    ordinal_residuals,
)
from cbecmodel.structure.inference.residual_measures import goodness, residual_measures
from cbecmodel.structure.sample.incomplete import available_moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


def model_df(table: ParameterTable, n_independent: int) -> int:
    """Return the degrees of freedom: moments that are modelled less independent parameters.

    Parameters
    ----------
    table : ParameterTable
    n_independent : int

    Returns
    -------
    int
    """
    count = ordinal_count(table) if table.ordered else _moment_count(table)
    return table.n_groups * count - n_independent


def _moment_count(table: ParameterTable) -> int:
    p, x = len(table.observed), len(table.exogenous)
    count = p * (p + 1) // 2 - x * (x + 1) // 2
    return count + (p - x if table.meanstructure else 0)


def baseline_test(table: ParameterTable, samples: Sequence[SampleMoments], likelihood: str) -> Test:
    """Return the test of the model in which variables are independent; exogenous observed ones keep their covariances.

    Parameters
    ----------
    table : ParameterTable
    samples : sequence of SampleMoments
    likelihood : {"normal", "wishart"}

    Returns
    -------
    Test
    """
    if table.auxiliary:
        independent, x = baseline_problem(table, samples)
        total = sum(sample.n for sample in samples)
        value = discrepancy(independent.pattern, samples, x, second=False).value
        return Test(float(total * value), model_df(table, independent.space.size))
    fixed = np.array([name in table.predictors for name in table.observed])
    statistic = 0.0
    for sample in samples:
        if sample.patterns:
            statistic += sample.n * (_incomplete_baseline(sample, fixed) - sample.saturated)
            continue
        inside = sample.cov[np.ix_(fixed, fixed)]
        loose = np.log(np.diag(sample.cov)[~fixed]).sum() + (np.linalg.slogdet(inside)[1] if fixed.any() else 0.0)
        statistic += (sample.n - (likelihood == "wishart")) * (loose - sample.saturated + len(fixed))
    return Test(float(statistic), _baseline_df(table))


def _baseline_df(table: ParameterTable) -> int:
    moving = len(table.observed) - len(table.exogenous)
    kept = 0 if table.exogenous else len(table.predictors) * (len(table.predictors) - 1) // 2
    free = moving * (2 if table.meanstructure else 1) + kept
    return table.n_groups * (_moment_count(table) - free)


def least_squares_measures(problem: Problem, x: Floats, value: float, estimator: str) -> dict[str, float]:
    """Return every measure of a least-squares fit.

    Parameters
    ----------
    problem : Problem
        With weights.
    x : ndarray, shape (q,)
    value : float
        The discrepancy F there.
    estimator : {"GLS", "ULS", "WLS", "DWLS"}
        The statistic of ULS has no known distribution: its p-values are NaN.

    Returns
    -------
    dict
        There is no likelihood, so no AIC or BIC.
    """
    table, npar = problem.table, problem.space.size
    total = sum(sample.n for sample in problem.samples)
    n = total - table.n_groups
    test = Test(total * value, model_df(table, npar))
    left, whole = ordinal_independence(problem) if table.ordered else _independence(problem)
    base = Test(left, ordinal_baseline_df(table) if table.ordered else _baseline_df(table))
    unknown = discrepancy_of(estimator) == "ULS"
    found: dict[str, float] = {
        "npar": npar, "fmin": value / 2, "chisq": test.statistic, "df": test.df,
        "pvalue": math.nan if unknown else test.pvalue, "baseline_chisq": base.statistic, "baseline_df": base.df,
        "baseline_pvalue": math.nan if unknown else base.pvalue,
    }  # fmt: skip
    found |= incremental(test, base) | {"ntotal": total} | rmsea(test, n, table.n_groups)
    found |= {"rmsea_ci_level": LEVEL, "rmsea_close_h0": CLOSE, "rmsea_notclose_h0": NOT_CLOSE}
    found |= ordinal_residuals(problem, x) if table.ordered else residual_measures(problem, x)
    found |= sizes(test, n, npar)
    if table.ordered:
        found["wrmr"] = math.sqrt(test.statistic / ordinal_count(table))
    gfi = 1 - test.statistic / whole
    moments = table.n_groups * len(problem.weights[0])
    spare = math.nan if test.df == 0 else 1 - moments / test.df * (1 - gfi)
    return found | {"gfi": gfi, "agfi": spare, "pgfi": test.df / moments * gfi}


def _independence(problem: Problem) -> tuple[float, float]:
    """Return the statistics of the independence model, which is linear in its parameters, and of no model at all."""
    table = problem.table
    kept = np.array([name in table.predictors for name in table.observed])
    rows, columns = vech_indices(len(kept))
    own = (rows == columns) | (kept[rows] & kept[columns])
    own = np.concatenate([np.ones(len(kept), dtype=bool), own]) if table.meanstructure else own
    left = whole = 0.0
    for sample, weight in zip(problem.samples, problem.weights, strict=True):
        rest = moment_vector(sample, table.meanstructure)
        whole += (sample.n - 1) * float(rest @ weight @ rest)
        rest = np.where(own, 0.0, rest)
        pull = weight @ rest
        inside = weight[np.ix_(own, own)]
        fitted = np.linalg.lstsq(inside, pull[own], rcond=None)[0]
        left += (sample.n - 1) * float(rest @ pull - pull[own] @ fitted)
    return left, whole


def _incomplete_baseline(sample: SampleMoments, fixed: NDArray[np.bool_]) -> float:
    mean, variance = (
        available_moments(sample.raw, sample.weights) if sample.raw is not None else (sample.mean, np.diag(sample.cov))
    )
    block = np.outer(fixed, fixed)
    cov = np.where(block, sample.cov, np.diag(variance))
    return sample.discrepancy(np.where(fixed, sample.mean, mean), cov)


def log_likelihoods(problem: Problem, x: Floats) -> tuple[float, float]:
    """Return the log-likelihood of the model and of the saturated model, given fixed exogenous variables.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    model, saturated : float
    """
    table = problem.table
    fixed = np.array([name in table.exogenous for name in table.observed])
    at = problem.at(x)
    model = saturated = 0.0
    for sample, state, inverted in zip(problem.samples, at.states, at.inverses, strict=True):
        constant = -sample.n_answers / 2 * math.log(2 * math.pi)
        saturated += constant - sample.n / 2 * sample.saturated
        if sample.patterns:
            model += constant - sample.n / 2 * sample.discrepancy(state.mu, state.sigma)
        elif inverted is None:
            model = math.nan
        else:
            inverse, logdet = inverted
            gap = sample.mean - state.mu if table.meanstructure else np.zeros(len(inverse))
            quadratic = float(np.vdot(inverse, sample.cov)) + float(gap @ inverse @ gap)
            model += constant - sample.n / 2 * (logdet + quadratic)
        if fixed.any():
            given = _given(sample, fixed)
            model, saturated = model - given, saturated - given
    return model, saturated


def _given(sample: SampleMoments, fixed: NDArray[np.bool_]) -> float:
    """Return the log-likelihood of fixed exogenous variables at their own moments."""
    inside = sample.cov[np.ix_(fixed, fixed)]
    return -sample.n / 2 * (len(inside) * (math.log(2 * math.pi) + 1) + float(np.linalg.slogdet(inside)[1]))


def ml_measures(problem: Problem, x: Floats, value: float, likelihood: str) -> dict[str, float]:
    """Return every measure of a maximum-likelihood fit.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    value : float
        The discrepancy F there.
    likelihood : {"normal", "wishart"}

    Returns
    -------
    dict
    """
    total = sum(sample.n for sample in problem.samples)
    groups = problem.table.n_groups
    n = total - groups * (likelihood == "wishart")
    npar = problem.space.size
    df = model_df(problem.table, npar)
    test = Test(n * value if likelihood == "normal" else _wishart_statistic(problem, x), df)
    base = baseline_test(problem.table, problem.samples, likelihood)
    model, saturated = log_likelihoods(problem, x)
    found: dict[str, float] = {
        "npar": npar, "fmin": value / 2, "chisq": test.statistic, "df": df, "pvalue": test.pvalue,
        "baseline_chisq": base.statistic, "baseline_df": base.df, "baseline_pvalue": base.pvalue,
    }  # fmt: skip
    found |= incremental(test, base)
    found |= {"logl": model, "unrestricted_logl": saturated, "aic": 2 * npar - 2 * model}
    found |= {"bic": npar * math.log(total) - 2 * model, "ntotal": total}
    found |= {"bic2": npar * math.log((total + 2) / 24) - 2 * model}
    found |= rmsea(test, n, groups)
    found |= {"rmsea_ci_level": LEVEL, "rmsea_close_h0": CLOSE, "rmsea_notclose_h0": NOT_CLOSE}
    found |= residual_measures(problem, x)
    found |= sizes(test, n, npar)
    return found | goodness(problem, x, df)


def _wishart_statistic(problem: Problem, x: Floats) -> float:
    """Return the sum of (n - 1) F over groups: estimates weigh groups by n, the test by n - 1."""
    parts = []
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        alone = replace(problem.pattern, groups=(group,))
        parts.append((sample.n - 1) * discrepancy(alone, (sample,), x, second=False).value)
    return float(sum(parts))
