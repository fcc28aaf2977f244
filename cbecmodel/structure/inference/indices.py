"""Indices of fit that are functions of chi-squares.

References
----------
.. [1] Bentler, P. M. (1990). Comparative fit indexes in structural models. Psychological Bulletin, 107, 238-246.
.. [2] Browne, M. W., & Cudeck, R. (1993). Alternative ways of assessing model fit. In Testing structural equation models
   (pp. 136-162). Sage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

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
    if not df > 0:  # of a corrected test it may be NaN
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
    if special.chdtr(df, max(statistic, 0.0)) < tail or not math.isfinite(statistic):  # a perfect fit may be -1e-14
        return 0.0
    if statistic > 1e5:  # beyond SciPy's series; the root is then normal with variance one
        return float((math.sqrt(statistic) - special.ndtri(tail)) ** 2)
    high = max(statistic, 1.0)
    while special.chndtr(statistic, df, high) > tail:
        high *= 2
    return float(
        optimize.brentq(lambda ncp: special.chndtr(statistic, df, ncp) - tail, 0.0, high, xtol=1e-13, rtol=1e-14)
    )


def sizes(test: Test, n: float, npar: int) -> dict[str, float]:
    """Return Hoelter's critical numbers, McDonald's index and the expected cross-validation index.

    Parameters
    ----------
    test : Test
    n : float
        Number of cases.
    npar : int

    Returns
    -------
    dict
    """
    x2, df = test.statistic, test.df
    out = {}
    for name, alpha in (("cn_05", 0.05), ("cn_01", 0.01)):
        out[name] = float(special.chdtri(df, alpha)) / (x2 / n) + 1 if df > 0 and x2 > 0 else math.nan
    return out | {"mfi": math.exp(-0.5 * (x2 - df) / n), "ecvi": x2 / n + 2 * npar / n}
