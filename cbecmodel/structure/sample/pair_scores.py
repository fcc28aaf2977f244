r"""Second step of ordinal data: the correlation of each pair, given what is known of each variable alone.

For every case the derivative of its bivariate log-likelihood by the correlation is needed (the score), its second derivative
(for Newton's method), and its derivatives by the parameters of the two variables. All arrays have one row a pair and one column
a case. The limits of an ordinal response are ``u`` above and ``l`` below, the standardized residual of a continuous one is ``z``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbecmodel.structure.sample.bivariate_normal import bivariate_cdf, bivariate_density, density_slope

Floats = NDArray[np.float64]
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class PairTerms:
    """Derivatives of the log-likelihood of pairs, case by case.

    Attributes
    ----------
    score, bend : ndarray, shape (k, n)
        First and second derivative by the correlation.
    first, second : tuple of ndarray, shape (k, n)
        By the parameters of the two variables: for an ordinal one by its upper limit and (negative) by its lower one; for a
        continuous one by its mean and by its variance, in standardized units.
    """

    score: Floats
    bend: Floats
    first: tuple[Floats, Floats]
    second: tuple[Floats, Floats]


def _phi(z: Floats) -> Floats:
    density: Floats = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return density


def ordinal_pairs(u: Floats, low: Floats, v: Floats, down: Floats, rho: Floats, *, margins: bool = True) -> PairTerms:
    """Return the terms of pairs of ordinal variables.

    Parameters
    ----------
    u, low : ndarray, shape (k, n)
        Limits of the first variable.
    v, down : ndarray, shape (k, n)
        Limits of the second.
    rho : ndarray, shape (k,)
    margins : bool
        Whether the derivatives by limits are needed.

    Returns
    -------
    PairTerms
    """
    edges = ((u, v, 1.0), (low, v, -1.0), (u, down, -1.0), (low, down, 1.0))
    probability = slope = bend = np.zeros_like(u)
    for h, k, sign in edges:
        density = bivariate_density(h, k, rho)
        probability = probability + sign * bivariate_cdf(h, k, rho)
        slope = slope + sign * density
        bend = bend + sign * density_slope(h, k, rho, density)
    probability = np.maximum(probability, _TINY)
    score = slope / probability
    none = (np.zeros((0, 0)), np.zeros((0, 0)))
    if not margins:
        return PairTerms(score, bend / probability - score**2, none, none)
    r = rho[:, None]
    rest = np.sqrt(1 - r**2)

    def by_limit(z: Floats, upper: Floats, lower: Floats) -> Floats:
        found: Floats = _phi(z) * (special.ndtr((upper - r * z) / rest) - special.ndtr((lower - r * z) / rest))
        return found / probability

    first = by_limit(u, v, down), by_limit(low, v, down)
    second = by_limit(v, u, low), by_limit(down, u, low)
    return PairTerms(score, bend / probability - score**2, first, second)


def mixed_pairs(z: Floats, u: Floats, low: Floats, rho: Floats) -> PairTerms:
    """Return the terms of pairs of a continuous and an ordinal variable, in this order.

    Parameters
    ----------
    z : ndarray, shape (k, n)
    u, low : ndarray, shape (k, n)
    rho : ndarray, shape (k,)

    Returns
    -------
    PairTerms
    """
    r = rho[:, None]
    rest = np.sqrt(1 - r**2)
    above, below = (u - r * z) / rest, (low - r * z) / rest
    probability = np.maximum(special.ndtr(above) - special.ndtr(below), _TINY)
    high, deep = _phi(above), _phi(below)
    turn_high, turn_deep = (r * u - z) / rest**3, (r * low - z) / rest**3
    score = (high * turn_high - deep * turn_deep) / probability
    bend_high = high * (u / rest**3 + 3 * r * turn_high / rest**2 - above * turn_high**2)
    bend_deep = deep * (low / rest**3 + 3 * r * turn_deep / rest**2 - below * turn_deep**2)
    bend = (bend_high - bend_deep) / probability - score**2
    pull = (r / rest) * (high - deep) / probability
    mean, variance = z + pull, (z**2 - 1 + z * pull) / 2
    return PairTerms(score, bend, (mean, variance), (high / rest / probability, deep / rest / probability))


def continuous_pairs(z: Floats, w: Floats, rho: Floats) -> PairTerms:
    """Return the terms of pairs of continuous variables.

    Parameters
    ----------
    z, w : ndarray, shape (k, n)
    rho : ndarray, shape (k,)

    Returns
    -------
    PairTerms
    """
    r = rho[:, None]
    rest = 1 - r**2
    inner = z * w * (1 + r**2) - r * (z**2 + w**2)
    score = r / rest + inner / rest**2
    bend = (1 + r**2) / rest**2 + (2 * r * z * w - z**2 - w**2) / rest**2 + 4 * r * inner / rest**3
    first = (z - r * w) / rest, ((z**2 - r * z * w) / rest - 1) / 2
    second = (w - r * z) / rest, ((w**2 - r * z * w) / rest - 1) / 2
    return PairTerms(score, bend, first, second)
