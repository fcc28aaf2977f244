r"""The bivariate normal distribution for many correlations at once.

.. math::

    \Phi_2(h, k; \rho) = \Phi(h) \Phi(k) + \frac{1}{2\pi} \int_0^{\arcsin\rho}
        \exp\left(-\frac{h^2 + k^2 - 2 h k \sin\theta}{2 \cos^2\theta}\right) d\theta .

The integral is taken by Gauss-Legendre quadrature; near ±1, where the integrand changes within a short distance of the end,
by quadrature on panels that shrink towards it.

References
----------
.. [1] Drezner, Z., & Wesolowsky, G. O. (1990). On the computation of the bivariate normal integral. Journal of Statistical
   Computation and Simulation, 35, 101-107.
.. [2] Genz, A. (2004). Numerical computation of rectangular bivariate and trivariate normal and t probabilities. Statistics
   and Computing, 14, 251-260.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
FAR: Final = 37.0  # beyond this the normal density is zero in double precision
_SMOOTH: Final = 0.925  # up to here one panel is exact to rounding
_PANELS: Final = 10
_NODES: Final = {count: np.polynomial.legendre.leggauss(count) for count in (8, 12, 20)}
_BLOCK: Final = 200_000  # elements times nodes that are held at once


def bivariate_cdf(h: Floats, k: Floats, rho: Floats) -> Floats:
    """Return the probability that both variables lie below their limits.

    Parameters
    ----------
    h, k : ndarray, shape (n, m)
        Limits; ±:data:`FAR` stands for infinity.
    rho : ndarray, shape (n,)
        One correlation a row, inside (-1, 1).

    Returns
    -------
    ndarray, shape (n, m)

    Examples
    --------
    >>> float(bivariate_cdf(np.zeros((1, 1)), np.zeros((1, 1)), np.array([0.5]))[0, 0].round(12))
    0.333333333333
    """
    out: Floats = special.ndtr(h) * special.ndtr(k)
    size = np.abs(rho)
    for rows, sine, weight in _quadratures(rho, size):
        if rows.size:
            step = max(1, _BLOCK // (h.shape[1] * sine.shape[1]))
            for first in range(0, rows.size, step):
                at = slice(first, first + step)
                here = rows[at]
                out[here] += _integral(h[here], k[here], sine[at], weight[at])
    return np.asarray(np.clip(out, 0.0, 1.0), dtype=np.float64)


def _integral(h: Floats, k: Floats, sine: Floats, weight: Floats) -> Floats:
    """Sum the integrand over the nodes of each row."""
    inverse = 1 / (1 - sine**2)
    product, squares = h * k, (h**2 + k**2) / 2
    exponent = product[:, :, None] * (sine * inverse)[:, None, :] - squares[:, :, None] * inverse[:, None, :]
    return np.asarray(np.einsum("nmq,nq->nm", np.exp(exponent), weight), dtype=np.float64)


def _quadratures(rho: Floats, size: Floats) -> list[tuple[NDArray[np.intp], Floats, Floats]]:
    """Return rows, sines of the nodes and weights for each size of correlation."""
    found = []
    for low, high, count in ((-1.0, 0.3, 8), (0.3, 0.75, 12), (0.75, _SMOOTH, 20)):
        rows = np.flatnonzero((size > low) & (size <= high))
        node, share = _NODES[count]
        half = np.arcsin(rho[rows])[:, None] / 2
        found.append((rows, np.sin(half * (1 + node)), half * share / (2 * np.pi)))
    rows = np.flatnonzero(size > _SMOOTH)
    node, share = _NODES[12]
    # in the distance u of the angle from ±90 degrees, panels that shrink by a constant factor
    nearest = np.arccos(np.minimum(size[rows], 1 - 1e-16))[:, None]
    edges = (np.pi / 2) * (nearest / (np.pi / 2)) ** (np.arange(_PANELS + 1) / _PANELS)
    middle, half = (edges[:, :-1] + edges[:, 1:]) / 2, (edges[:, :-1] - edges[:, 1:]) / 2
    u = (middle[:, :, None] + half[:, :, None] * node).reshape(len(rows), _PANELS * len(node))
    weight = (half[:, :, None] * share).reshape(u.shape) / (2 * np.pi)
    sign = np.sign(rho[rows])[:, None]
    found.append((rows, sign * np.cos(u), sign * weight))
    return found


def bivariate_density(h: Floats, k: Floats, rho: Floats) -> Floats:
    """Return the density, which is also the derivative of the distribution function by the correlation.

    Parameters
    ----------
    h, k : ndarray, shape (n, m)
    rho : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n, m)

    Examples
    --------
    >>> float((2 * np.pi * bivariate_density(np.zeros((1, 1)), np.zeros((1, 1)), np.array([0.0])))[0, 0])
    1.0
    """
    r = rho[:, None]
    rest = 1 - r**2
    density: Floats = np.exp(-(h**2 - 2 * r * h * k + k**2) / (2 * rest)) / (2 * np.pi * np.sqrt(rest))
    return density


def density_slope(h: Floats, k: Floats, rho: Floats, density: Floats) -> Floats:
    """Return the derivative of the density by the correlation.

    Parameters
    ----------
    h, k : ndarray, shape (n, m)
    rho : ndarray, shape (n,)
    density : ndarray, shape (n, m)

    Returns
    -------
    ndarray, shape (n, m)
    """
    r = rho[:, None]
    rest = 1 - r**2
    slope: Floats = density * (r / rest + (h * k * (1 + r**2) - r * (h**2 + k**2)) / rest**2)
    return slope
