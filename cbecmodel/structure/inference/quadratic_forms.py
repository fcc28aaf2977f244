r"""Distributions of weighted sums of chi-squares, :math:`Q = \sum_j \lambda_j z_j^2` with independent standard normal z.

References
----------
.. [1] Imhof, J. P. (1961). Computing the distribution of quadratic forms in normal variables. Biometrika, 48, 419-426.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, special

Floats = NDArray[np.float64]
_ARCHES: Final = 300
_AVERAGES: Final = 40


def upper_tail(value: float, weights: Floats) -> float:
    r"""Return :math:`P(Q > q)` by Imhof's inversion formula.

    .. math::

        P(Q > q) = \frac12 + \frac1\pi \int_0^\infty \frac{\sin\theta(u)}{u \rho(u)} du, \quad
        \theta = \tfrac12 \sum_j \arctan(\lambda_j u) - \tfrac12 q u, \quad \rho = \prod_j (1 + \lambda_j^2 u^2)^{1/4}

    Parameters
    ----------
    value : float
    weights : ndarray, shape (k,)
        Of either sign; those that are nothing beside the largest are left out.

    Returns
    -------
    float

    Examples
    --------
    >>> round(upper_tail(7.814727903251179, np.ones(3)), 6), round(upper_tail(0.0, np.array([1.0, -1.0])), 6)
    (0.05, 0.5)
    """
    size = np.abs(weights).max(initial=0.0)
    if size == 0:
        return float(value < 0)
    kept = weights[np.abs(weights) > 1e-10 * size] / size
    q = value / size
    if np.ptp(kept) < 1e-12:  # all alike: a chi-square, turned round if negative
        tail = float(special.chdtrc(len(kept), max(q / kept[0], 0.0)))
        return tail if kept[0] > 0 else 1 - tail

    def density(u: float) -> float:
        angle = 0.5 * float(np.arctan(kept * u).sum()) - 0.5 * q * u
        return math.sin(angle) / (u * math.exp(0.25 * float(np.log1p((kept * u) ** 2).sum())))

    # one arch of the sine at a time; their alternating sum is speeded up by averaging neighbours
    width = 2 * math.pi / max(abs(q), 1.0)
    arches = np.array([integrate.quad(density, k * width, (k + 1) * width, limit=200)[0] for k in range(_ARCHES)])
    sums = np.cumsum(arches)
    for _ in range(_AVERAGES):
        sums = (sums[1:] + sums[:-1]) / 2
    return float(min(max(0.5 + sums[-1] / math.pi, 0.0), 1.0))
