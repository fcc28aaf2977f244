r"""First step of ordinal data: each variable alone.

An ordinal variable is a normal response cut at thresholds, :math:`y = c` if :math:`\tau_{c} < \beta'x + e \le \tau_{c + 1}`
(ordered probit); a continuous one a linear regression. Without covariates the thresholds are normal quantiles of cumulated
shares.

References
----------
.. [1] Muthén, B. (1984). A general structural equation model with dichotomous, ordered categorical, and continuous latent
   variable indicators. Psychometrika, 49, 115-132.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbecmodel.errors import DataError
from cbecmodel.structure.sample.bivariate_normal import FAR

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
_STEPS: Final = 100
_PERFECT: Final = -1e-6  # log-likelihood a case at which the covariates tell every answer


@dataclass(frozen=True, slots=True)
class Margin:
    """One variable alone.

    Attributes
    ----------
    thresholds : ndarray, shape (C - 1,)
        Empty for a continuous variable.
    intercept : float
        Of a continuous variable; 0 for an ordinal one.
    slopes : ndarray, shape (x,)
    variance : float
        Residual variance of a continuous variable (divisor n); 1 for an ordinal one.
    upper, lower : ndarray, shape (n,)
        Limits of each case's response less its prediction; for a continuous variable both are its standardized residual.
        NaN where the answer is missing.
    codes : ndarray of int, shape (n,)
        Categories from 0; -1 is missing. Zeros for a continuous variable.
    scores : ndarray, shape (n, own parameters)
        Derivatives of each case's log-likelihood by thresholds (or the intercept), slopes, and variance; 0 where missing.
    """

    thresholds: Floats
    intercept: float
    slopes: Floats
    variance: float
    upper: Floats
    lower: Floats
    codes: Codes
    scores: Floats

    @property
    def ordered(self) -> bool:
        """Return whether the variable is ordinal.

        Returns
        -------
        bool
        """
        return bool(self.thresholds.size)


def quantile_thresholds(counts: Floats) -> Floats:
    """Return thresholds without covariates.

    Parameters
    ----------
    counts : ndarray, shape (..., C)
        Cases in each category, none of them empty.

    Returns
    -------
    ndarray, shape (..., C - 1)

    Examples
    --------
    >>> quantile_thresholds(np.array([25, 50, 25])).round(4).tolist()
    [-0.6745, 0.6745]
    """
    share = np.cumsum(counts, axis=-1)[..., :-1] / counts.sum(axis=-1, keepdims=True)
    found: Floats = special.ndtri(share)
    return found


def ordinal_margin(codes: Codes, inputs: Floats, name: str) -> Margin:
    """Estimate an ordinal variable by maximum likelihood.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
    inputs : ndarray, shape (n, x)
        Covariates; none is x = 0.
    name : str
        For messages.

    Returns
    -------
    Margin

    Raises
    ------
    DataError
        If the covariates separate the categories or depend on each other.
    """
    known = codes >= 0
    count = np.bincount(codes[known]).astype(np.float64)
    thresholds, slopes = quantile_thresholds(count), np.zeros(inputs.shape[1])
    if inputs.shape[1]:
        thresholds, slopes = _probit(codes[known], inputs[known], thresholds, name)
    limits = np.concatenate([[-FAR], thresholds, [FAR]])
    shift = inputs @ slopes
    upper = np.where(known, np.where(codes == len(thresholds), FAR, limits[codes + 1] - shift), np.nan)
    lower = np.where(known, np.where(codes == 0, -FAR, limits[np.maximum(codes, 0)] - shift), np.nan)
    scores = np.zeros((len(codes), len(thresholds) + len(slopes)))
    scores[known] = _probit_scores(codes[known], inputs[known], upper[known], lower[known], len(thresholds))
    return Margin(thresholds, 0.0, slopes, 1.0, upper, lower, codes, scores)


def _density(z: Floats) -> Floats:
    density: Floats = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return density


def interval_probability(upper: Floats, lower: Floats) -> Floats:
    """Return the normal probability of an interval, exact in both tails.

    Parameters
    ----------
    upper, lower : ndarray

    Returns
    -------
    ndarray
    """
    flip = lower > 0
    a, b = np.where(flip, -lower, upper), np.where(flip, -upper, lower)
    found: Floats = np.maximum(special.ndtr(a) - special.ndtr(b), 1e-300)
    return found


def _probit_scores(codes: Codes, inputs: Floats, upper: Floats, lower: Floats, thresholds: int) -> Floats:
    probability = interval_probability(upper, lower)
    above, below = _density(upper) / probability, _density(lower) / probability
    number = np.arange(thresholds)
    cut = (codes[:, None] == number) * above[:, None] - (codes[:, None] == number + 1) * below[:, None]
    return np.concatenate([cut, (below - above)[:, None] * inputs], axis=1)


def _probit(codes: Codes, inputs: Floats, thresholds: Floats, name: str) -> tuple[Floats, Floats]:
    """Return thresholds and slopes of an ordered probit regression by Newton's method on standardized covariates."""
    mean, unit = inputs.mean(axis=0), inputs.std(axis=0)
    z = (inputs - mean) / np.where(unit > 0, unit, 1.0)
    k = len(thresholds)
    theta = np.concatenate([thresholds, np.zeros(z.shape[1])])
    design = np.concatenate([(codes[:, None] == np.arange(k)).astype(float), -z], axis=1)
    other = np.concatenate([(codes[:, None] == np.arange(k) + 1).astype(float), -z], axis=1)
    design[codes == k], other[codes == 0] = 0.0, 0.0
    value, gradient, hessian = _probit_derivatives(theta, codes, z, design, other)
    for _ in range(_STEPS):
        try:
            step = -np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError as error:
            raise DataError("structure.probit_failed", variable=name) from error
        if not np.isfinite(step).all() or np.abs(theta).max() > FAR / 2:
            raise DataError("structure.probit_failed", variable=name)
        length = 1.0
        while length > 1e-8:
            found = _probit_derivatives(theta + length * step, codes, z, design, other)
            if found[0] >= value - 1e-12 * abs(value):
                break
            length /= 2
        theta, (value, gradient, hessian) = theta + length * step, found
        if np.abs(length * step).max() < 1e-13 or np.abs(gradient).max() < 1e-14:
            break
    if value > _PERFECT:
        raise DataError("structure.probit_failed", variable=name)
    slopes = theta[k:] / np.where(unit > 0, unit, 1.0)
    return theta[:k] + slopes @ mean, slopes


def _probit_derivatives(
    theta: Floats, codes: Codes, z: Floats, design: Floats, other: Floats
) -> tuple[float, Floats, Floats]:
    """Return log-likelihood a case, gradient and Hessian."""
    k = design.shape[1] - z.shape[1]
    shift = z @ theta[k:]
    limits = np.concatenate([[-FAR], theta[:k], [FAR]])
    if (np.diff(theta[:k]) <= 0).any():
        return -np.inf, np.zeros(len(theta)), np.eye(len(theta))
    upper = np.where(codes == k, FAR, limits[codes + 1] - shift)
    lower = np.where(codes == 0, -FAR, limits[codes] - shift)
    probability = interval_probability(upper, lower)
    above, below = _density(upper) / probability, _density(lower) / probability
    score = above[:, None] * design - below[:, None] * other
    hessian = -(score.T @ score) - design.T @ ((above * upper)[:, None] * design)
    hessian += other.T @ ((below * lower)[:, None] * other)
    n = len(codes)
    return float(np.log(probability).mean()), score.mean(axis=0), hessian / n


def continuous_margin(values: Floats, inputs: Floats, name: str) -> Margin:
    """Estimate a continuous variable by maximum likelihood.

    Parameters
    ----------
    values : ndarray, shape (n,)
        NaN is missing.
    inputs : ndarray, shape (n, x)
    name : str

    Returns
    -------
    Margin

    Raises
    ------
    DataError
        If the variable is constant.
    """
    known = ~np.isnan(values)
    design = np.column_stack([np.ones(known.sum()), inputs[known]])
    coefficients = np.linalg.lstsq(design, values[known], rcond=None)[0]
    residual = np.full(len(values), np.nan)
    residual[known] = values[known] - design @ coefficients
    variance = float((residual[known] ** 2).mean())
    if not variance > 1e-20 * float((values[known] ** 2).mean()):
        raise DataError("structure.constant", variables=name)
    z = residual / np.sqrt(variance)
    scores = np.zeros((len(values), 2 + inputs.shape[1]))
    slope = z[known] / np.sqrt(variance)
    scores[known, 0] = slope
    scores[known, 1:-1] = slope[:, None] * inputs[known]
    scores[known, -1] = (z[known] ** 2 - 1) / (2 * variance)
    codes = np.where(known, 0, -1)
    return Margin(np.zeros(0), float(coefficients[0]), coefficients[1:], variance, z, z, codes, scores)
