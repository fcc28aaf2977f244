r"""Rubin's rules and the pooled tests of multiple imputation.

With estimates :math:`\theta_i` of m data sets, mean :math:`\bar\theta`, mean sampling covariances W and covariances B of the
estimates, :math:`T = W + (1 + 1/m) B`.

References
----------
.. [1] Rubin, D. B. (1987). Multiple imputation for nonresponse in surveys. Wiley.
.. [2] Barnard, J., & Rubin, D. B. (1999). Small-sample degrees of freedom with multiple imputation. Biometrika, 86, 948-955.
.. [3] Li, K.-H., Meng, X.-L., Raghunathan, T. E., & Rubin, D. B. (1991). Significance levels from repeated p-values with
   multiply-imputed data. Statistica Sinica, 1, 65-92.
.. [4] Meng, X.-L., & Rubin, D. B. (1992). Performing likelihood ratio tests with multiply-imputed data sets. Biometrika, 79,
   103-111.
.. [5] Chan, K. W., & Meng, X.-L. (2022). Multiple improvements of multiple imputation likelihood ratio tests. Statistica
   Sinica, 32, 1489-1514.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pooled:
    """Estimates of several data sets, pooled.

    Attributes
    ----------
    estimate : ndarray, shape (q,)
    within, between, total : ndarray, shape (q, q)
        Mean sampling covariances, covariances between data sets, and Rubin's total.
    """

    estimate: Floats
    within: Floats
    between: Floats
    total: Floats


def rubin(estimates: Floats, vcovs: Floats) -> Pooled:
    """Pool estimates.

    Parameters
    ----------
    estimates : ndarray, shape (m, q)
    vcovs : ndarray, shape (m, q, q)

    Returns
    -------
    Pooled

    Examples
    --------
    >>> pooled = rubin(np.array([[1.0], [3.0]]), np.ones((2, 1, 1)))
    >>> float(pooled.estimate[0]), float(pooled.total[0, 0])
    (2.0, 4.0)
    """
    within = vcovs.mean(axis=0)
    between = np.cov(estimates, rowvar=False).reshape(within.shape)
    return Pooled(estimates.mean(axis=0), within, between, within + (1 + 1 / len(estimates)) * between)


def barnard_rubin(within: Floats, total: Floats, m: int, complete: float) -> Floats:
    """Return degrees of freedom of pooled t-tests.

    Parameters
    ----------
    within, total : ndarray, shape (k,)
        Variances.
    m : int
    complete : float
        Degrees of freedom without missing values.

    Returns
    -------
    ndarray, shape (k,)
        NaN where nothing varies.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (total - within) / total
        old = (m - 1) / share**2
        observed = (complete + 1) / (complete + 3) * complete * (1 - share)
        found: Floats = 1 / (1 / old + 1 / observed)
    return found


@dataclass(frozen=True, slots=True)
class PooledTest:
    """A pooled test.

    Attributes
    ----------
    statistic : float
        F.
    df1, df2 : float
    ariv : float
        Average relative increase of the variance through missing values.
    """

    statistic: float
    df1: float
    df2: float
    ariv: float

    @property
    def pvalue(self) -> float:
        """Return the upper tail.

        Returns
        -------
        float
        """
        return float(special.fdtrc(self.df1, self.df2, max(self.statistic, 0.0)))


def d2(statistics: Floats, df: float) -> PooledTest:
    """Pool chi-square statistics.

    Parameters
    ----------
    statistics : ndarray, shape (m,)
    df : float

    Returns
    -------
    PooledTest
    """
    m = len(statistics)
    ariv = (1 + 1 / m) * float(np.var(np.sqrt(np.maximum(statistics, 0)), ddof=1))
    value = max((float(statistics.mean()) / df - (m + 1) / (m - 1) * ariv) / (1 + ariv), 0.0)
    spare = df ** (-3 / m) * (m - 1) * (1 + 1 / max(ariv, 1e-12)) ** 2
    return PooledTest(value, df, min(spare, 1e12), ariv)


def d3(constrained: float, mean: float, df: float, m: int) -> PooledTest:
    """Pool likelihood-ratio statistics.

    Parameters
    ----------
    constrained : float
        Mean statistic at pooled estimates (D3), or that of the stacked data divided by m (D4).
    mean : float
        Mean of the data sets' own statistics.
    df : float
    m : int

    Returns
    -------
    PooledTest
    """
    a = df * (m - 1)
    ariv = max((m + 1) / a * (mean - constrained), 1e-12)
    value = max(constrained / (df * (1 + ariv)), 0.0)
    large, small = 4 + (a - 4) * (1 + (1 - 2 / a) / ariv) ** 2, a * (1 + 1 / df) * (1 + 1 / ariv) ** 2 / 2
    spare = large if a > 4 else small
    return PooledTest(value, df, min(spare, 1e12), ariv)
