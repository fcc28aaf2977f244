r"""The likelihood of a model with products of latent variables, and its exact gradient.

Given one exogenous latent variable :math:`\xi` that is part of every product, the model is linear: a product
:math:`\xi\omega` with coefficient b adds :math:`b\xi` to the path from :math:`\omega`. The rest is normal given
:math:`\xi = m_\xi + s z`, so that

.. math::

    f(y) = \int \varphi(z) N\{y; \mu(z), \Sigma(z)\} dz \approx \sum_k w_k N(y; \mu_k, \Sigma_k) .

The integrand is smooth and falls like a normal density, for which equally spaced nodes are nearly exact once their spacing is
below the standard deviation of :math:`z` given a case's answers.

References
----------
.. [1] Klein, A., & Moosbrugger, H. (2000). Maximum likelihood estimation of latent interaction effects with the LMS method.
   Psychometrika, 65, 457-474.
.. [2] Trefethen, L. N., & Weideman, J. A. C. (2014). The exponentially convergent trapezoidal rule. SIAM Review, 56, 385-458.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import filled
from cbecmodel.structure.estimate.likelihood import Derivatives, nowhere
from cbecmodel.structure.estimate.matrices import INTERCEPT, MOMENT, PATH

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.matrices import GroupPattern

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_STEP: Final = 1e-5  # of the differences of gradients, in standardized units
_FLOOR: Final = 1e-6  # smallest eigenvalue, relative to the largest, of the curvature that steps are made with


@dataclass(frozen=True, slots=True)
class Given:
    """What is conditioned on.

    Attributes
    ----------
    at : int
        Place of the exogenous latent variable among the t variables.
    products : ndarray of int, shape (d,)
        Places of the products, columns of the paths that hold their coefficients.
    others : ndarray of int, shape (d,)
        Places of their other parts.
    nodes, weights : ndarray, shape (K,)
        Values of the standardized variable, and what their densities add up with.
    """

    at: int
    products: Indices
    others: Indices
    nodes: Floats
    weights: Floats


@dataclass(frozen=True, slots=True)
class Cases:
    """The data, centred.

    Attributes
    ----------
    values : ndarray, shape (n, p)
        Less their means.
    mean : ndarray, shape (p,)
    squares : ndarray, shape (n, p p)
        Products of every pair of values.
    """

    values: Floats
    mean: Floats
    squares: Floats

    @classmethod
    def of(cls, raw: Floats) -> Cases:
        """Centre data.

        Parameters
        ----------
        raw : ndarray, shape (n, p)

        Returns
        -------
        Cases
        """
        mean = raw.mean(axis=0)
        values = raw - mean
        return cls(values, mean, (values[:, :, None] * values[:, None, :]).reshape(len(raw), -1))


@dataclass(frozen=True, slots=True)
class Conditional:
    """The linear models given each node.

    Attributes
    ----------
    value : ndarray, shape (K,)
        Of the variable that is given.
    reach : ndarray, shape (t,)
        How far one standard deviation of it moves the residuals.
    rest : ndarray, shape (t, t)
        Their covariances given it.
    slopes : ndarray, shape (t, d)
        Coefficients of the products.
    total : ndarray, shape (K, t, t)
        Total effects of every variable on every other.
    full : ndarray, shape (K, t, t)
        Covariances of all variables.
    eta : ndarray, shape (K, t)
        Their means.
    """

    value: Floats
    reach: Floats
    rest: Floats
    slopes: Floats
    total: Floats
    full: Floats
    eta: Floats


def conditional(group: GroupPattern, given: Given, x: Floats, nodes: Floats) -> Conditional:
    """Return the linear models given each node.

    Parameters
    ----------
    group : GroupPattern
    given : Given
    x : ndarray, shape (q,)
    nodes : ndarray, shape (K,)

    Returns
    -------
    Conditional

    Raises
    ------
    numpy.linalg.LinAlgError
        If the given variable has no variance or ``I - A`` is singular.
    """
    paths, moments, intercepts = filled(group, x)
    slopes: Floats = paths[:, given.products].copy()
    paths[:, given.products] = 0.0
    variance = moments[given.at, given.at]
    if not variance > 0:
        raise np.linalg.LinAlgError
    reach = moments[:, given.at] / np.sqrt(variance)
    value = intercepts[given.at] + reach[given.at] * nodes
    every = np.repeat(paths[None], len(nodes), axis=0)
    for column, other in enumerate(given.others):
        every[:, :, other] += value[:, None] * slopes[:, column]
    total = np.asarray(np.linalg.inv(np.eye(len(paths)) - every), dtype=np.float64)
    rest: Floats = moments - np.outer(reach, reach)
    full = total @ rest @ total.transpose(0, 2, 1)
    eta = np.einsum("kij,kj->ki", total, intercepts + nodes[:, None] * reach)
    return Conditional(value, reach, rest, slopes, total, full, eta)


def mixture(group: GroupPattern, given: Given, cases: Cases, x: Floats, *, second: bool = False) -> Derivatives:
    """Return minus two log-likelihoods a case (without its constant) and derivatives.

    Parameters
    ----------
    group : GroupPattern
    given : Given
    cases : Cases
    x : ndarray, shape (q,)
    second : bool
        Also the Hessian, by central differences of the gradient; ``information`` is half of it, made positive definite.

    Returns
    -------
    Derivatives
    """
    empty = np.zeros((0, 0))
    try:
        state = conditional(group, given, x, given.nodes)
        sigma = state.full[:, : group.p, : group.p]
        logdet = 2 * np.log(np.diagonal(np.linalg.cholesky(sigma), axis1=1, axis2=2)).sum(axis=1)
        inverse = np.linalg.inv(sigma)
    except np.linalg.LinAlgError:
        return nowhere()
    gap = state.eta[:, : group.p] - cases.mean
    pull = np.einsum("kij,kj->ki", inverse, gap)
    height = np.log(given.weights) - (logdet + np.einsum("ki,ki->k", gap, pull)) / 2
    logs = cases.values @ pull.T + height - cases.squares @ inverse.reshape(len(inverse), -1).T / 2
    top = logs.max(axis=1, keepdims=True)
    share = np.exp(logs - top)
    sums = share.sum(axis=1, keepdims=True)
    n = len(cases.values)
    value = -2 * float((np.log(sums) + top).sum()) / n
    share /= sums * n
    count, first = share.sum(axis=0), share.T @ cases.values
    spread = (share.T @ cases.squares).reshape(inverse.shape)
    crossed = first[:, :, None] * gap[:, None, :]
    spread += count[:, None, None] * gap[:, :, None] * gap[:, None, :] - crossed - crossed.transpose(0, 2, 1)
    weight = count[:, None, None] * inverse - inverse @ spread @ inverse
    mean_weight = -2 * np.einsum("kij,kj->ki", inverse, first - count[:, None] * gap)
    gradient = _gathered(group, given, state, weight, mean_weight)
    if not second:
        return Derivatives(value, gradient, empty, empty)
    hessian = _hessian(group, given, cases, x)
    if not hessian.size:
        return nowhere()
    return Derivatives(value, gradient, hessian, _convex(hessian) / 2)


def _gathered(group: GroupPattern, given: Given, state: Conditional, weight: Floats, mean_weight: Floats) -> Floats:
    """Return the derivatives by the free elements from those by each node's covariances and means."""
    p, at = group.p, given.at
    total = state.total[:, :p]
    by_mean = np.einsum("kpt,kp->kt", total, mean_weight)
    left = total.transpose(0, 2, 1) @ weight
    by_path = 2 * left @ state.full[:, :p] + by_mean[:, :, None] * state.eta[:, None, :]
    by_moment, by_intercept = (left @ total).sum(axis=0), by_mean.sum(axis=0)
    through = by_path[:, :, given.others]
    by_value = np.einsum("ktd,td->k", through, state.slopes)
    by_paths = by_path.sum(axis=0)
    by_paths[:, given.products] = np.einsum("k,ktd->td", state.value, through)
    by_reach = given.nodes @ by_mean - 2 * by_moment @ state.reach
    by_reach[at] += given.nodes @ by_value
    by_intercept[at] += by_value.sum()
    deviation = state.reach[at]
    by_column = by_reach / deviation
    by_column[at] -= float(state.reach @ by_reach) / (2 * deviation**2)
    row, column = group.row, np.where(group.kind <= MOMENT, group.column, 0)
    twice = np.where(row == column, 1.0, 2.0)
    moment = twice * by_moment[row, column]
    moment += np.where(column == at, by_column[row], 0.0) + np.where(
        (row == at) & (row != column), by_column[column], 0.0
    )
    found = np.zeros(len(row))
    for kind, values in ((PATH, by_paths[row, column]), (MOMENT, moment), (INTERCEPT, by_intercept[row])):
        found[group.kind == kind] = values[group.kind == kind]
    gradient = np.zeros_like(found)
    gradient[group.parameter] = found
    return gradient


def _hessian(group: GroupPattern, given: Given, cases: Cases, x: Floats) -> Floats:
    rows = []
    for index in range(len(x)):
        step = np.zeros_like(x)
        step[index] = _STEP
        sides = [mixture(group, given, cases, x + sign * step) for sign in (1, -1)]
        if not all(np.isfinite(side.value) for side in sides):
            return np.zeros((0, 0))
        rows.append((sides[0].gradient - sides[1].gradient) / (2 * _STEP))
    found = np.array(rows).reshape(len(x), len(x))
    return np.asarray((found + found.T) / 2, dtype=np.float64)


def _convex(hessian: Floats) -> Floats:
    values, vectors = np.linalg.eigh(hessian)
    size = np.abs(values)
    return np.asarray((vectors * np.maximum(size, _FLOOR * size.max(initial=0.0))) @ vectors.T, dtype=np.float64)
