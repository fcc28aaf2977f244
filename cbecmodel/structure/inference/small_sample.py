r"""Corrections of the chi-square for small samples.

The likelihood-ratio statistic of a covariance structure rejects true models too often when there are many variables and few
cases. With p variables, k factors, d degrees of freedom and n = N - 1, the statistic is multiplied by

.. math::

    b = 1 - \frac{2p + 4k + 5}{6n}, \qquad y = 1 - \frac{2p + 2k + 7}{6n}, \qquad
    s = 1 - \frac{p(2p^2 + 3p - 1) - q(2q^2 + 3q - 1)}{12 d n}, \quad q = \frac{\sqrt{1 + 4p(p+1) - 8d} - 1}{2}

after Bartlett, Yuan and Swain.

References
----------
.. [1] Bartlett, M. S. (1950). Tests of significance in factor analysis. British Journal of Psychology, 3, 77-85.
.. [2] Swain, A. J. (1975). Analysis of parametric structures for variance matrices (doctoral thesis). University of Adelaide.
.. [3] Yuan, K.-H. (2005). Fit indices versus test statistics. Multivariate Behavioral Research, 40, 115-148.
.. [4] Herzog, W., & Boomsma, A. (2009). Small-sample robust estimators of noncentrality-based and incremental model fit.
   Structural Equation Modeling, 16, 1-27.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from cbecmodel.errors import ModelError
from cbecmodel.structure.inference.indices import Test, rmsea

if TYPE_CHECKING:
    from cbecmodel.structure.results import SEMResults


def correction_factors(p: int, factors: int, df: int, n: float) -> dict[str, float]:
    """Return what each correction multiplies the chi-square with.

    Parameters
    ----------
    p : int
        Observed variables.
    factors : int
    df : int
    n : float
        Cases less one.

    Returns
    -------
    dict
        ``bartlett``, ``swain``, ``yuan``.

    Examples
    --------
    >>> {name: round(value, 4) for name, value in correction_factors(9, 3, 24, 99).items()}
    {'bartlett': 0.9411, 'swain': 0.9594, 'yuan': 0.9478}
    """
    q = (math.sqrt(1 + 4 * p * (p + 1) - 8 * df) - 1) / 2
    gap = p * (2 * p**2 + 3 * p - 1) - q * (2 * q**2 + 3 * q - 1)
    return {
        "bartlett": 1 - (2 * p + 4 * factors + 5) / (6 * n),
        "swain": 1 - gap / (12 * df * n),
        "yuan": 1 - (2 * p + 2 * factors + 7) / (6 * n),
    }


def small_sample_tests(fit: SEMResults) -> pd.DataFrame:
    """Return the test of a model with each correction for small samples.

    Parameters
    ----------
    fit : SEMResults
        Of one group, by maximum likelihood.

    Returns
    -------
    pandas.DataFrame
        Rows ``bartlett``, ``swain``, ``yuan``; columns factor chisq df pvalue rmsea, and chisq_scaled pvalue_scaled after a
        robust test.

    Raises
    ------
    ModelError
        If there are several groups, no likelihood, or no degrees of freedom.
    """
    if fit.problem.weights or fit.table.n_groups > 1 or fit.df <= 0:
        raise ModelError("structure.small_sample")
    measures = fit.fit_measures
    factors = correction_factors(len(fit.observed), len(fit.latents), fit.df, fit.n_obs - 1)
    robust = "chisq_scaled" in measures.index
    rows = {}
    for name, factor in factors.items():
        test = Test(float(measures["chisq"]) * factor, fit.df)
        row = {"factor": factor, "chisq": test.statistic, "df": test.df, "pvalue": test.pvalue}
        row["rmsea"] = rmsea(test, fit.n_obs)["rmsea"]
        if robust:
            scaled = Test(float(measures["chisq_scaled"]) * factor, float(measures["df_scaled"]))
            row |= {"chisq_scaled": scaled.statistic, "pvalue_scaled": scaled.pvalue}
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")
