r"""Power as a curve of n: the power of a z-test is a probit function of :math:`\sqrt n`, nearly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]
_STEPS = 200
_MOST = 1e7


@dataclass(frozen=True, slots=True)
class PowerCurve:
    r"""A fitted curve :math:`\Phi(a + b \sqrt n)`.

    Attributes
    ----------
    a, b : float
    cov : ndarray, shape (2, 2)
        Sampling covariances of a and b.
    """

    a: float
    b: float
    cov: Floats

    def at(self, n: Floats) -> Floats:
        """Return the power at some sample sizes.

        Parameters
        ----------
        n : ndarray

        Returns
        -------
        ndarray
        """
        return np.asarray(special.ndtr(self.a + self.b * np.sqrt(n)), dtype=np.float64)

    def band(self, n: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return the pointwise Monte Carlo interval of the power.

        Parameters
        ----------
        n : ndarray
        level : float

        Returns
        -------
        lower, upper : ndarray
        """
        at = np.column_stack([np.ones_like(n), np.sqrt(n)])
        half = special.ndtri((1 + level) / 2) * np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", at, self.cov, at), 0.0))
        middle = self.a + self.b * np.sqrt(n)
        return np.asarray(special.ndtr(middle - half)), np.asarray(special.ndtr(middle + half))

    def required(self, power: float, level: float = 0.95) -> tuple[float, float, float]:
        """Return the sample size at which the curve reaches a power, with its Monte Carlo interval.

        Parameters
        ----------
        power : float
        level : float

        Returns
        -------
        n, lower, upper : float
            NaN if the curve does not rise; the interval is where the band reaches the power (infinite if it never does).

        Examples
        --------
        >>> curve = fitted_curve([100, 200, 300], [520, 850, 960], [1000, 1000, 1000], alpha=0.05)
        >>> [math.ceil(value) for value in curve.required(0.8)]
        [179, 173, 186]
        """
        nothing = (math.nan, math.nan, math.nan)
        if self.b <= 0:
            return nothing
        root = (special.ndtri(power) - self.a) / self.b
        if root <= 0 or root**2 > _MOST:
            return nothing
        z2 = float(special.ndtri((1 + level) / 2)) ** 2
        # Fieller: roots s of (a + b s - q)^2 = z^2 Var(a + b s)
        gap = self.a - float(special.ndtri(power))
        first = self.b**2 - z2 * self.cov[1, 1]
        second = 2 * (gap * self.b - z2 * self.cov[0, 1])
        third = gap**2 - z2 * self.cov[0, 0]
        inside = second**2 - 4 * first * third
        if first <= 0 or inside < 0:
            return float(root**2), 0.0, math.inf
        low, high = sorted((-second + sign * math.sqrt(inside)) / (2 * first) for sign in (-1, 1))
        return float(root**2), max(low, 0.0) ** 2, max(high, 0.0) ** 2


def fitted_curve(n: Sequence[float], hits: Sequence[float], tries: Sequence[float], alpha: float) -> PowerCurve | None:
    r"""Fit a power curve by maximum likelihood.

    Parameters
    ----------
    n : sequence of float
    hits, tries : sequence of float
        Replicates in which the test rejected, and replicates, for each n.
    alpha : float
        Level of the test. With a single n the intercept is :math:`-z_{1-\alpha/2}`, as for a z-test.

    Returns
    -------
    PowerCurve or None
        None if the replicates do not tell: all or none of them rejected.

    Examples
    --------
    >>> fitted_curve([100, 200], [1000, 1000], [1000, 1000], alpha=0.05) is None
    True
    """
    size, hit, tried = (np.asarray(values, dtype=np.float64) for values in (n, hits, tries))
    kept = tried > 0
    size, hit, tried = size[kept], hit[kept], tried[kept]
    informative = (hit > 0) & (hit < tried)
    if not informative.any():
        return None
    free = np.column_stack([np.ones_like(size), np.sqrt(size)])
    fixed = float(special.ndtri(alpha / 2))
    if len(size) == 1:
        found, cov = _probit(free[:, 1:], hit, tried, np.array([fixed]), np.array([0.1]))
        return PowerCurve(fixed, float(found[0]), np.array([[0.0, 0.0], [0.0, cov[0, 0]]]))
    share = np.clip(hit / tried, 0.5 / tried, 1 - 0.5 / tried)
    start = np.linalg.lstsq(free * np.sqrt(tried)[:, None], special.ndtri(share) * np.sqrt(tried), rcond=None)[0]
    found, cov = _probit(free, hit, tried, np.zeros(len(size)), np.asarray(start, dtype=np.float64))
    return PowerCurve(float(found[0]), float(found[1]), cov)


def _probit(design: Floats, hit: Floats, tried: Floats, offset: Floats, start: Floats) -> tuple[Floats, Floats]:
    """Maximise a binomial probit likelihood by Fisher scoring with step halving."""
    beta = start
    value = _log_likelihood(design @ beta + offset, hit, tried)
    for _ in range(_STEPS):
        eta = design @ beta + offset
        share = np.clip(special.ndtr(eta), 1e-12, 1 - 1e-12)
        density = np.exp(-(eta**2) / 2) / math.sqrt(2 * math.pi)
        weight = tried * density**2 / (share * (1 - share))
        score = design.T @ ((hit - tried * share) * density / (share * (1 - share)))
        information = design.T @ (design * weight[:, None])
        step = np.linalg.lstsq(information, score, rcond=None)[0]
        length = 1.0
        while length > 1e-8 and _log_likelihood(design @ (beta + length * step) + offset, hit, tried) < value:
            length /= 2
        beta = beta + length * step
        value = _log_likelihood(design @ beta + offset, hit, tried)
        if np.abs(length * step).max() < 1e-10 * (1 + np.abs(beta).max()):
            break
    return beta, np.asarray(np.linalg.pinv(information), dtype=np.float64)


def _log_likelihood(eta: Floats, hit: Floats, tried: Floats) -> float:
    return float((hit * special.log_ndtr(eta) + (tried - hit) * special.log_ndtr(-eta)).sum())
