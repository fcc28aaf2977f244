r"""Implied moments and their derivatives.

With :math:`E = (I - A)^{-1}`, :math:`T = E S E'` and the selection F of the observed variables,
:math:`\Sigma = F T F'` and :math:`\mu = F E m`. Let :math:`G = F E`, :math:`C = F T` and :math:`\eta = E m`. Then

.. math::

    \partial\Sigma/\partial A_{ij} = G_i C_j' + C_j G_i', \quad
    \partial\Sigma/\partial S_{ij} = G_i G_j' + G_j G_i', \quad
    \partial\mu/\partial A_{ij} = G_i \eta_j, \quad \partial\mu/\partial m_i = G_i .

Every derivative of :math:`\Sigma` is thus ``f (z_a z_b' + z_b z_a')`` for two columns of ``Z = [G, C]``, and whatever is
contracted with it is a gather from a small matrix: no loop over parameters, no p² × p² matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.matrices import GroupPattern
    from cbecmodel.structure.estimate.places import Places

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Implied:
    """Moments a model implies for one group, with what their derivatives need.

    Attributes
    ----------
    sigma : ndarray, shape (p, p)
    mu : ndarray, shape (p,)
    total : ndarray, shape (t, t)
        Total effects E of every variable on every other.
    full : ndarray, shape (t, t)
        Covariances of all variables, observed and latent.
    eta : ndarray, shape (t,)
        Their means.
    z : ndarray, shape (p, 2t)
        ``[G, C]``.
    h : ndarray, shape (k,)
        Factor of each free element in the derivatives of the means.
    places : Places
        Of the free elements.
    """

    sigma: Floats
    mu: Floats
    total: Floats
    full: Floats
    eta: Floats
    z: Floats
    h: Floats
    places: Places

    @property
    def a(self) -> Indices:
        """Return the first column of ``z`` of each free element.

        Returns
        -------
        ndarray of int, shape (k,)
        """
        return self.places.a

    @property
    def b(self) -> Indices:
        """Return the second column of ``z`` of each free element.

        Returns
        -------
        ndarray of int, shape (k,)
        """
        return self.places.b

    @property
    def f(self) -> Floats:
        """Return the factor of each free element in the derivatives of the covariances.

        Returns
        -------
        ndarray, shape (k,)
        """
        return self.places.factor


def filled(group: GroupPattern, x: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the matrices A, S, m with the free values put in.

    Parameters
    ----------
    group : GroupPattern
    x : ndarray, shape (q,)

    Returns
    -------
    paths, moments : ndarray, shape (t, t)
    intercepts : ndarray, shape (t,)
    """
    paths, moments, intercepts = group.paths.copy(), group.moments.copy(), group.intercepts.copy()
    values, at = x[group.parameter], group.places
    row, column = at.row, at.column
    paths[row[at.path], column[at.path]] = values[at.path]
    moments[row[at.moment], column[at.moment]] = values[at.moment]
    moments[column[at.moment], row[at.moment]] = values[at.moment]
    intercepts[row[at.intercept]] = values[at.intercept]
    return paths, moments, intercepts


def total_effects(paths: Floats, senders: Indices) -> Floats:
    """Return the total effects of every variable on every other.

    Parameters
    ----------
    paths : ndarray, shape (t, t)
    senders : ndarray of int, shape (s,)
        Columns that hold paths: a variable without any has no effects, so that only their block is inverted.

    Returns
    -------
    ndarray, shape (t, t)
        The inverse of ``I - A``.

    Raises
    ------
    numpy.linalg.LinAlgError
        If ``I - A`` is singular.
    """
    total = np.eye(len(paths))
    if senders.size:
        out = paths[:, senders]
        inner = np.linalg.inv(np.eye(senders.size) - out[senders])
        total[:, senders] = out @ inner
        total[np.ix_(senders, senders)] = inner
    return total


def implied(group: GroupPattern, x: Floats) -> Implied:
    """Return the implied moments of a group.

    Parameters
    ----------
    group : GroupPattern
    x : ndarray, shape (q,)
        Free parameters.

    Returns
    -------
    Implied

    Raises
    ------
    numpy.linalg.LinAlgError
        If ``I - A`` is singular.
    """
    paths, moments, intercepts = filled(group, x)
    p, at = group.p, group.places
    total = total_effects(paths, at.senders)
    full = total @ moments @ total.T
    full = (full + full.T) / 2
    eta = total @ intercepts
    z = np.concatenate([total[:p], full[:p]], axis=1)
    h = np.zeros(len(at.row))
    h[at.path] = eta[at.column[at.path]]
    h[at.intercept] = 1.0
    return Implied(full[:p, :p], eta[:p], total, full, eta, z, h, at)


def contract(state: Implied, weight: Floats, mean_weight: Floats) -> Floats:
    """Return ``tr(W ∂Σ) + w' ∂μ`` for every free element.

    Parameters
    ----------
    state : Implied
    weight : ndarray, shape (p, p)
        Symmetric.
    mean_weight : ndarray, shape (p,)

    Returns
    -------
    ndarray, shape (k,)
    """
    t = len(state.eta)
    inner = state.z[:, :t].T @ weight @ state.z
    return 2 * state.f * inner[state.a, state.b] + state.h * (state.z[:, :t].T @ mean_weight)[state.a]


def products(state: Implied, left: Floats, right: Floats) -> Floats:
    """Return ``tr(P ∂Σ_k Q ∂Σ_l)`` for every pair of free elements.

    Parameters
    ----------
    state : Implied
    left, right : ndarray, shape (2t, 2t)
        ``Z'PZ`` and ``Z'QZ``, symmetric.

    Returns
    -------
    ndarray, shape (k, k)
    """
    aa, bb, ab = state.places.pairs
    p_aa, p_bb, p_ab = left.take(aa), left.take(bb), left.take(ab)
    q_aa, q_bb, q_ab = (p_aa, p_bb, p_ab) if right is left else (right.take(aa), right.take(bb), right.take(ab))
    out = p_aa * q_bb + p_bb * q_aa
    crossed = p_ab * q_ab.T
    out += crossed
    out += crossed.T
    out *= state.f
    out *= state.f[:, None]
    return out


def jacobian(state: Implied, means: bool) -> Floats:
    """Return the derivatives of the stacked moments.

    Parameters
    ----------
    state : Implied
    means : bool
        Put the p means first.

    Returns
    -------
    ndarray, shape (p* or p + p*, k)
        Covariances in the order of :func:`vech`.
    """
    rows, columns = vech_indices(state.sigma.shape[0])
    u, w = state.z[:, state.a], state.z[:, state.b]
    cov = state.f * (u[rows] * w[columns] + w[rows] * u[columns])
    return np.concatenate([state.h * u, cov]) if means else cov


def vech_indices(p: int) -> tuple[Indices, Indices]:
    """Return rows and columns of a lower triangle, column by column.

    Parameters
    ----------
    p : int

    Returns
    -------
    rows, columns : ndarray of int, shape (p (p + 1) / 2,)
    """
    columns, rows = np.triu_indices(p)
    return rows, columns


def vech(matrix: Floats) -> Floats:
    """Stack the lower triangle of a symmetric matrix, column by column.

    Parameters
    ----------
    matrix : ndarray, shape (p, p)

    Returns
    -------
    ndarray, shape (p (p + 1) / 2,)

    Examples
    --------
    >>> vech(np.array([[1.0, 2.0], [2.0, 3.0]])).tolist()
    [1.0, 2.0, 3.0]
    """
    return matrix[vech_indices(matrix.shape[0])]
