"""Fit measures of maximum likelihood, with lavaan's names (``_`` for ``.``).

References
----------
.. [1] Bentler, P. M. (1990). Comparative fit indexes in structural models. Psychological Bulletin, 107, 238-246.
.. [2] Browne, M. W., & Cudeck, R. (1993). Alternative ways of assessing model fit. In Testing structural equation models
   (pp. 136-162). Sage.
.. [3] Hu, L., & Bentler, P. M. (1999). Cutoff criteria for fit indexes in covariance structure analysis. Structural
   Equation Modeling, 6, 1-55.
.. [4] Maydeu-Olivares, A. (2017). Assessing the size of model misfit in structural equation models. Psychometrika, 82,
   533-558.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from cbecmodel.structure.implied import implied, vech
from cbecmodel.structure.incomplete import available_moments, saturated_value
from cbecmodel.structure.likelihood import discrepancy, inverse_logdet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.moments import SampleMoments
    from cbecmodel.structure.native import Problem
    from cbecmodel.structure.partable import ParameterTable

Floats = NDArray[np.float64]
CLOSE, NOT_CLOSE, LEVEL = 0.05, 0.08, 0.90


@dataclass(frozen=True, slots=True)
class Test:
    """A chi-square test.

    Attributes
    ----------
    statistic : float
    df : float
        A whole number, except for the mean- and variance-adjusted test.
    """

    statistic: float
    df: float

    @property
    def pvalue(self) -> float:
        """Return the upper tail; NaN without degrees of freedom.

        Returns
        -------
        float
        """
        return float(special.chdtrc(self.df, max(self.statistic, 0.0))) if self.df > 0 else math.nan


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
    return table.n_groups * _moment_count(table) - n_independent


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
    fixed = np.array([name in table.predictors for name in table.observed])
    statistic = 0.0
    for sample in samples:
        if sample.patterns:
            statistic += sample.n * (_incomplete_baseline(sample, fixed) - sample.saturated)
            continue
        inside = sample.cov[np.ix_(fixed, fixed)]
        loose = np.log(np.diag(sample.cov)[~fixed]).sum() + (np.linalg.slogdet(inside)[1] if fixed.any() else 0.0)
        statistic += (sample.n - (likelihood == "wishart")) * (loose - np.linalg.slogdet(sample.cov)[1])
    moving = len(table.observed) - len(table.exogenous)
    kept = 0 if table.exogenous else len(table.predictors) * (len(table.predictors) - 1) // 2
    free = moving * (2 if table.meanstructure else 1) + kept
    return Test(float(statistic), table.n_groups * (_moment_count(table) - free))


def _incomplete_baseline(sample: SampleMoments, fixed: NDArray[np.bool_]) -> float:
    mean, variance = available_moments(sample.raw) if sample.raw is not None else (sample.mean, np.diag(sample.cov))
    block = np.outer(fixed, fixed)
    cov = np.where(block, sample.cov, np.diag(variance))
    return saturated_value(sample.patterns, np.where(fixed, sample.mean, mean), cov)


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
    model = saturated = 0.0
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        state = implied(group, x)
        gap = sample.mean - state.mu if table.meanstructure else np.zeros(group.p)
        if sample.patterns:
            constant = -sample.n_answers / 2 * math.log(2 * math.pi)
            model += constant - sample.n / 2 * saturated_value(sample.patterns, state.mu, state.sigma)
            saturated += constant - sample.n / 2 * sample.saturated
        else:
            model += _log_density(sample.n, state.sigma, sample.cov + np.outer(gap, gap))
            saturated += _log_density(sample.n, sample.cov, sample.cov)
        if fixed.any():
            inside = sample.cov[np.ix_(fixed, fixed)]
            given = _log_density(sample.n, inside, inside)
            model, saturated = model - given, saturated - given
    return model, saturated


def _log_density(n: int, sigma: Floats, spread: Floats) -> float:
    inverted = inverse_logdet(sigma)
    if inverted is None:
        return math.nan
    inverse, logdet = inverted
    return -n / 2 * (len(sigma) * math.log(2 * math.pi) + logdet + float((inverse * spread).sum()))


def incremental(test: Test, base: Test, suffix: str = "") -> dict[str, float]:
    """Return the indices that compare a model with the baseline.

    Parameters
    ----------
    test, base : Test
    suffix : str
        Put behind every name.

    Returns
    -------
    dict
    """
    x2, df, b2, bdf = test.statistic, test.df, base.statistic, base.df
    excess, b_excess = x2 - df, b2 - bdf
    worst = max(excess, b_excess, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.float64(b2) / bdf
        found = {
            "cfi": 1.0 if worst == 0 else 1 - max(excess, 0.0) / worst,
            "tli": float((ratio - x2 / df) / (ratio - 1)) if df > 0 else 1.0,
            "rfi": float((ratio - x2 / df) / ratio) if df > 0 else 1.0,
            "nfi": float((b2 - x2) / np.float64(b2)),
            "pnfi": float(df / np.float64(bdf) * (b2 - x2) / b2),
            "ifi": float((b2 - x2) / np.float64(b2 - df)),
            "rni": float(((b_excess) - excess) / np.float64(b_excess)),
        }
    found["nnfi"] = found["tli"]
    return {name + suffix: value for name, value in found.items()}


def rmsea(test: Test, n: float, n_groups: int = 1, suffix: str = "") -> dict[str, float]:
    """Return RMSEA with its interval and tests.

    Parameters
    ----------
    test : Test
    n : float
        Number of cases (N - groups under the Wishart likelihood).
    n_groups : int
    suffix : str

    Returns
    -------
    dict
    """
    x2, df = test.statistic, test.df
    names = ("rmsea", "rmsea_ci_lower", "rmsea_ci_upper", "rmsea_pvalue", "rmsea_notclose_pvalue")
    if df <= 0:
        return {name + suffix: value for name, value in zip(names, (0.0, 0.0, 0.0, math.nan, math.nan), strict=True)}

    def size(ncp: float) -> float:
        return math.sqrt(max(ncp, 0.0) / (n * df) * n_groups)

    lower, upper = (_noncentrality(x2, df, tail) for tail in ((1 + LEVEL) / 2, (1 - LEVEL) / 2))
    close, far = (n * df * bound**2 / n_groups for bound in (CLOSE, NOT_CLOSE))
    values = (
        size(x2 - df), size(lower), size(upper), 1 - float(special.chndtr(x2, df, close)), float(special.chndtr(x2, df, far))
    )  # fmt: skip
    return {name + suffix: value for name, value in zip(names, values, strict=True)}


def _noncentrality(statistic: float, df: float, tail: float) -> float:
    """Return the noncentrality at which the statistic has this lower tail; 0 if none has."""
    if special.chdtr(df, statistic) < tail or not math.isfinite(statistic):
        return 0.0
    high = max(statistic, 1.0)
    while special.chndtr(statistic, df, high) > tail:
        high *= 2
    return float(
        optimize.brentq(lambda ncp: special.chndtr(statistic, df, ncp) - tail, 0.0, high, xtol=1e-13, rtol=1e-14)
    )


def residual_measures(problem: Problem, x: Floats) -> dict[str, float]:
    """Return the summaries of residuals, groups weighted by their size.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    dict
    """
    total = sum(sample.n for sample in problem.samples)
    sums: dict[str, float] = {}
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        state = implied(group, x)
        found = _residuals(sample, state.sigma, state.mu, problem.table.meanstructure)
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + sample.n / total * value
    return sums


def _residuals(sample: SampleMoments, sigma: Floats, mu: Floats, means: bool) -> dict[str, float]:
    s, sd, sd_model = sample.cov, np.sqrt(np.diag(sample.cov)), np.sqrt(np.diag(sigma))
    p = len(sd)
    cov = vech(s - sigma)
    bentler = vech((s - sigma) / np.outer(sd, sd))
    cor = vech(s / np.outer(sd, sd) - sigma / np.outer(sd_model, sd_model))
    mplus = cor + vech(np.diag(np.diag(s - sigma) / np.diag(s)))
    gap = sample.mean - mu
    location = {"rmr": gap, "srmr": gap / sd, "crmr": gap / sd, "srmr_mplus": sample.mean / sd - mu / sd_model}
    count = {"crmr": p * (p - 1) / 2}
    out = {}
    for name, values in {"rmr": cov, "srmr": bentler, "crmr": cor, "srmr_mplus": mplus}.items():
        cells = count.get(name, p * (p + 1) / 2)
        alone = float((values**2).sum())
        out[f"{name}_nomean"] = math.sqrt(alone / cells) if cells else 0.0
        both = alone + float((location[name] ** 2).sum())
        out[name] = math.sqrt(both / (cells + p)) if means else out[f"{name}_nomean"]
    out["srmr_bentler"], out["srmr_bentler_nomean"] = out["srmr"], out["srmr_nomean"]
    return out


def goodness(problem: Problem, x: Floats, df: int) -> dict[str, float]:
    """Return GFI, AGFI and PGFI (one minus the weighted share of the sample moments left over).

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    df : int

    Returns
    -------
    dict
    """
    left = whole = 0.0
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        state = implied(group, x)
        inverse = np.linalg.inv(state.sigma)
        gap, both = inverse @ (sample.cov - state.sigma), inverse @ sample.cov
        left += sample.n * float((gap * gap.T).sum()) / 2
        whole += sample.n * float((both * both.T).sum()) / 2
        if problem.table.meanstructure:
            shift = sample.mean - state.mu
            left += sample.n * float(shift @ inverse @ shift)
            whole += sample.n * float(sample.mean @ inverse @ sample.mean)
    gfi = 1 - left / whole
    moments = problem.table.n_groups * _all_moments(problem.table)
    return {"gfi": gfi, "agfi": 1 - moments / df * (1 - gfi) if df else math.nan, "pgfi": df / moments * gfi}


def _all_moments(table: ParameterTable) -> int:
    p = len(table.observed)
    return p * (p + 1) // 2 + (p if table.meanstructure else 0)


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
    found |= _sizes(test, n, npar)
    return found | goodness(problem, x, df)


def _wishart_statistic(problem: Problem, x: Floats) -> float:
    """Return the sum of (n - 1) F over groups: estimates weigh groups by n, the test by n - 1."""
    parts = []
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        alone = replace(problem.pattern, groups=(group,))
        parts.append((sample.n - 1) * discrepancy(alone, (sample,), x, second=False).value)
    return float(sum(parts))


def _sizes(test: Test, n: float, npar: int) -> dict[str, float]:
    """Return Hoelter's critical numbers, McDonald's index and the expected cross-validation index."""
    x2, df = test.statistic, test.df
    out = {}
    for name, alpha in (("cn_05", 0.05), ("cn_01", 0.01)):
        out[name] = float(special.chdtri(df, alpha)) / (x2 / n) + 1 if df > 0 and x2 > 0 else math.nan
    return out | {"mfi": math.exp(-0.5 * (x2 - df) / n), "ecvi": x2 / n + 2 * npar / n}
