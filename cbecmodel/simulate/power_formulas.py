"""Power in closed form: tests of fit by RMSEA, likelihood-ratio tests of parameters, and a rule of thumb.

References
----------
.. [1] MacCallum, R. C., Browne, M. W., & Sugawara, H. M. (1996). Power analysis and determination of sample size for covariance
   structure modeling. Psychological Methods, 1, 130-149.
.. [2] MacCallum, R. C., Browne, M. W., & Cai, L. (2006). Testing differences between nested covariance structure models.
   Psychological Methods, 11, 19-35.
.. [3] Satorra, A., & Saris, W. E. (1985). Power of the likelihood ratio test in covariance structure analysis.
   Psychometrika, 50, 83-90.
.. [4] Kock, N., & Hadaya, P. (2018). Minimum sample size estimation in PLS-SEM: The inverse square root and gamma-exponential
   methods. Information Systems Journal, 28, 227-261.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy import special, stats

from cbecmodel.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 10_000_000  # cases: beyond this no sample size is sought


def power_rmsea(
    df: int, n: float, *, null: float = 0.05, alternative: float = 0.08, alpha: float = 0.05, groups: int = 1
) -> float:
    r"""Return the power of a test of fit by RMSEA.

    The statistic has noncentrality :math:`(n - 1)\, df\, \varepsilon^2 / G`. With ``alternative`` above ``null`` the test rejects
    large values: close fit is tested with .05 against .08, exact fit with 0 against, say, .05. With ``alternative`` below it
    rejects small ones: not-close fit, .05 against .01.

    Parameters
    ----------
    df : int
        Degrees of freedom of the model.
    n : float
        Cases of all groups together.
    null, alternative : float
        RMSEA under the hypothesis, and the one that holds.
    alpha : float
    groups : int
        G.

    Returns
    -------
    float

    Raises
    ------
    ModelError
        If a number makes no sense.

    References
    ----------
    MacCallum, Browne and Sugawara (1996); checked against semTools' ``findRMSEApower``.

    Examples
    --------
    >>> round(power_rmsea(24, 301), 12)
    0.701594142155
    """
    _check(df=df, n=n, alpha=alpha, groups=groups)
    _check_rmsea(null, alternative)
    scale = (n - 1) * df / groups
    return _tail_power(df, scale * null**2, scale * alternative**2, alpha, upper=alternative > null)


def n_for_rmsea(
    df: int,
    *,
    null: float = 0.05,
    alternative: float = 0.08,
    power: float = 0.8,
    alpha: float = 0.05,
    groups: int = 1,
) -> int:
    """Return the smallest sample with which a test of fit by RMSEA has some power.

    Parameters
    ----------
    df : int
    null, alternative : float
        As in :func:`power_rmsea`.
    power, alpha : float
    groups : int

    Returns
    -------
    int
        Cases of all groups together.

    Raises
    ------
    ModelError

    Examples
    --------
    >>> [n_for_rmsea(df) for df in (20, 50, 100)]
    [434, 214, 132]
    """
    _check(power=power)
    return _smallest(
        lambda n: power_rmsea(df, n, null=null, alternative=alternative, alpha=alpha, groups=groups), power
    )


def power_rmsea_difference(
    df: tuple[int, int],
    n: float,
    *,
    null: tuple[float, float] = (0.0, 0.0),
    alternative: tuple[float, float],
    alpha: float = 0.05,
    groups: int = 1,
) -> float:
    """Return the power of the test of a difference in fit between two nested models.

    Parameters
    ----------
    df : (int, int)
        Of the restricted model, and of the other.
    n : float
        Cases of all groups together.
    null, alternative : (float, float)
        RMSEA of the two models, in the same order, under the hypothesis, and as it is.
    alpha : float
    groups : int

    Returns
    -------
    float

    Raises
    ------
    ModelError

    References
    ----------
    MacCallum, Browne and Cai (2006); checked against semTools' ``findRMSEApowernested``.

    Examples
    --------
    >>> round(power_rmsea_difference((22, 20), 200, alternative=(0.06, 0.05)), 6)
    0.569501
    """
    _check(df=df[1], n=n, alpha=alpha, groups=groups)
    if df[0] <= df[1]:
        raise ModelError("simulate.power_not_nested", restricted=df[0], other=df[1])
    low, high = ((n - 1) * (df[0] * one[0] ** 2 - df[1] * one[1] ** 2) / groups for one in (null, alternative))
    if low < 0 or high <= low:
        raise ModelError("simulate.power_same_rmsea", null=null, alternative=alternative)
    return _tail_power(df[0] - df[1], low, high, alpha, upper=True)


def power_chisq(df: int, noncentrality: float, alpha: float = 0.05) -> float:
    """Return the power of a chi-square test.

    Parameters
    ----------
    df : int
    noncentrality : float
    alpha : float

    Returns
    -------
    float

    Examples
    --------
    >>> round(power_chisq(1, 7.849), 3)
    0.8
    """
    _check(df=df, alpha=alpha)
    return _tail_power(df, 0.0, noncentrality, alpha, upper=True)


def n_for_noncentrality(df: int, per_case: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """Return the smallest sample with which a chi-square test has some power.

    Parameters
    ----------
    df : int
    per_case : float
        Noncentrality that one case adds.
    power, alpha : float

    Returns
    -------
    float
        Infinite if cases add nothing.

    Examples
    --------
    >>> n_for_noncentrality(1, 0.04)
    197.0
    """
    _check(power=power)
    if per_case * _MOST < 1:
        return math.inf
    return float(_smallest(lambda n: power_chisq(df, n * per_case, alpha), power))


def n_for_path(path: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    r"""Return the sample that the inverse-square-root rule asks for.

    .. math:: n > \left(\frac{z_{1-\alpha} + z_{power}}{|\beta|}\right)^2

    A rule of thumb for one standardized path, tested one-sided as its authors do; a simulation (:func:`cbecmodel.power`) tells
    more.

    Parameters
    ----------
    path : float
        The smallest standardized path that matters.
    power, alpha : float

    Returns
    -------
    int

    Raises
    ------
    ModelError

    References
    ----------
    Kock and Hadaya (2018).

    Examples
    --------
    >>> n_for_path(0.20)
    155
    """
    _check(power=power, alpha=alpha)
    if not 0 < abs(path) < 1:
        raise ModelError("simulate.power_number", name="path", given=path, rule="0 < |path| < 1")
    return math.ceil(((special.ndtri(1 - alpha) + special.ndtri(power)) / abs(path)) ** 2)


def _tail_power(df: int, null: float, alternative: float, alpha: float, *, upper: bool) -> float:
    at = stats.ncx2.isf(alpha, df, null) if upper and null > 0 else stats.chi2.isf(alpha, df)
    if not upper:
        at = stats.ncx2.ppf(alpha, df, null)
        return float(stats.ncx2.cdf(at, df, alternative) if alternative > 0 else stats.chi2.cdf(at, df))
    return float(stats.ncx2.sf(at, df, alternative))


def _smallest(power_of: Callable[[int], float], wanted: float) -> int:
    """Return the smallest n with more than the wanted power, which grows with n."""
    high = 8
    while power_of(high) <= wanted:
        high *= 2
        if high > _MOST:
            raise ModelError("simulate.power_out_of_reach", power=wanted, n=_MOST)
    low = 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(middle) > wanted else (middle + 1, high)
    return low


def _check(**given: float) -> None:
    rules = {"alpha": "0 < alpha < 1", "power": "0 < power < 1", "df": "df ≥ 1", "n": "n ≥ 2", "groups": "groups ≥ 1"}
    for name, value in given.items():
        fine = 0 < value < 1 if name in {"alpha", "power"} else value >= (2 if name == "n" else 1)
        if not fine or not math.isfinite(value):
            raise ModelError("simulate.power_number", name=name, given=value, rule=rules[name])


def _check_rmsea(null: float, alternative: float) -> None:
    for name, value in (("null", null), ("alternative", alternative)):
        if not 0 <= value < 1:
            raise ModelError("simulate.power_number", name=name, given=value, rule="0 ≤ RMSEA < 1")
    if null == alternative:
        raise ModelError("simulate.power_same_rmsea", null=null, alternative=alternative)
