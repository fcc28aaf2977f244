"""Fit measures from corrected test statistics, and their robust versions.

References
----------
.. [1] Brosseau-Liard, P. E., Savalei, V., & Li, L. (2012). An investigation of the sample performance of two nonnormality
   corrections for RMSEA. Multivariate Behavioral Research, 47, 904-930.
.. [2] Brosseau-Liard, P. E., & Savalei, V. (2014). Adjusting incremental fit indices for nonnormality. Multivariate
   Behavioral Research, 49, 460-470.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbecmodel.structure.estimate.baseline import baseline_problem
from cbecmodel.structure.inference.corrections import Correction, correction, trace_huber_white, trace_saturated
from cbecmodel.structure.inference.indices import CLOSE, NOT_CLOSE, Test, incremental, rmsea

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.structure.estimate.native import Problem

Floats = NDArray[np.float64]


def scaled_measures(
    problem: Problem, x: Floats, kind: str, plain: Mapping[str, float], information: str = "observed"
) -> dict[str, float]:
    """Return the ``_scaled`` and ``_robust`` measures of a fit.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    kind : str
        See :func:`cbecmodel.structure.inference.corrections.correction`.
    plain : mapping
        The measures without correction.
    information : {"observed", "expected"}
        Of the test of Yuan and Bentler.

    Returns
    -------
    dict
    """
    df, base_df = int(plain["df"]), int(plain["baseline_df"])
    base, base_x = baseline_problem(problem.table, problem.samples)
    fit = correction(problem, x, kind, df, information)
    null = correction(base, base_x, kind, base_df, information)
    groups = problem.table.n_groups
    found = corrected_measures(plain, fit, null, kind, groups=groups)
    if kind == "mean_var_adjusted":
        # tests with a fractional df: what has df as a share is that of the satorra-bentler scaling
        return found
    if kind == "yuan_bentler_mplus":
        found |= _mplus_factors(problem, x, information)
    if any(sample.patterns for sample in problem.samples):
        return found  # the robust indices of complete data do not hold with gaps
    test = Test(found["chisq_scaled"], found["df_scaled"])
    return found | robust_indices(plain, fit, null, n=plain["ntotal"], groups=groups, corrected=test)


def corrected_measures(
    plain: Mapping[str, float], fit: Correction, null: Correction, kind: str, *, groups: int
) -> dict[str, float]:
    """Return the ``_scaled`` measures.

    Parameters
    ----------
    plain : mapping
        The measures without correction.
    fit, null : Correction
        Of the model and of the baseline.
    kind : str
    groups : int

    Returns
    -------
    dict
    """
    test, base_test = corrected(plain["chisq"], fit), corrected(plain["baseline_chisq"], null)
    found = {
        "chisq_scaled": test.statistic, "df_scaled": test.df, "pvalue_scaled": test.pvalue, "chisq_scaling_factor": fit.factor,
        "baseline_chisq_scaled": base_test.statistic, "baseline_df_scaled": base_test.df,
        "baseline_pvalue_scaled": base_test.pvalue, "baseline_chisq_scaling_factor": null.factor,
    }  # fmt: skip
    if kind == "scaled_shifted":
        found |= {"chisq_shift_parameters": fit.shift, "baseline_chisq_shift_parameters": null.shift}
    found |= incremental(test, base_test, "_scaled")
    # the statistic against the mean of its own distribution, but for scaled and shifted tests, which have the right mean
    against = test if kind == "scaled_shifted" else Test(plain["chisq"], fit.factor * fit.df)
    return found | rmsea(against, plain["ntotal"], groups, "_scaled")


def corrected(statistic: float, rule: Correction) -> Test:
    """Return a corrected test.

    Parameters
    ----------
    statistic : float
    rule : Correction

    Returns
    -------
    Test
    """
    return Test(statistic / rule.factor + rule.shift, rule.df)


def _mplus_factors(problem: Problem, x: Floats, information: str) -> dict[str, float]:
    """Return the scaling factors of the two log-likelihoods."""
    table = problem.table
    p, fixed = len(table.observed), len(table.exogenous)
    count = p * (p + 1) / 2 - fixed * (fixed + 1) / 2 + ((p - fixed) if table.meanstructure else 0)
    return {
        "scaling_factor_h1": trace_saturated(problem, information) / (count * table.n_groups),
        "scaling_factor_h0": trace_huber_white(problem, x, information)
        / table.n_free,  # lavaan counts tied parameters each
    }


def robust_indices(
    plain: Mapping[str, float], fit: Correction, null: Correction, *, n: float, groups: int, corrected: Test
) -> dict[str, float]:
    """Return CFI, TLI, RNI and RMSEA, with interval and tests, that estimate their normal-theory values.

    Parameters
    ----------
    plain : mapping
        chisq, df, baseline_chisq and baseline_df without correction.
    fit, null : Correction
        Of the model and of the baseline model.
    n : float
        Number of cases.
    groups : int
    corrected : Test
        The model's corrected test.

    Returns
    -------
    dict
    """
    x2, df, b2, bdf = (plain[name] for name in ("chisq", "df", "baseline_chisq", "baseline_df"))
    c, cb = _penalty(fit, df), _penalty(null, bdf)
    excess, b_excess = x2 - c * df, b2 - cb * bdf
    worst = max(excess, b_excess, 0.0)
    out = {"cfi_robust": 1.0 if worst == 0 else 1 - max(excess, 0.0) / worst}
    out["rni_robust"] = 1 - excess / b_excess
    out["tli_robust"] = 1.0 if df == 0 else 1 - excess * bdf / (b_excess * df)
    out["nnfi_robust"] = out["tli_robust"]
    if df == 0:
        return out
    inside = rmsea(corrected, n, groups)
    root = math.sqrt(fit.factor)  # of the scaled and shifted test too: without its shift
    out["rmsea_robust"] = math.sqrt(max(x2 / n / df - c / n, 0.0)) * math.sqrt(groups)
    out["rmsea_ci_lower_robust"] = inside["rmsea_ci_lower"] * root
    out["rmsea_ci_upper_robust"] = inside["rmsea_ci_upper"] * root
    for name, bound, upper in (
        ("rmsea_pvalue_robust", CLOSE, True),
        ("rmsea_notclose_pvalue_robust", NOT_CLOSE, False),
    ):
        tail = float(special.chndtr(corrected.statistic, df, n * df * bound**2 / (fit.factor * groups)))
        out[name] = 1 - tail if upper else tail
    return out


def _penalty(rule: Correction, df: float) -> float:
    """Return the factor of a scaling that has the same mean as the correction (they differ for scaled and shifted)."""
    return rule.factor if rule.shift == 0 else rule.factor * (df - rule.shift) / df
