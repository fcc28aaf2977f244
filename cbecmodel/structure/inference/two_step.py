r"""Two-step estimation: the moments of latent variables after their measurement, and errors that know both steps.

With the loadings :math:`\Lambda` and residual covariances :math:`\Theta` of the measurement models and
:math:`M = (\Lambda'\Theta^{-1}\Lambda)^{-1}\Lambda'\Theta^{-1}`, latent variables have covariances
:math:`M S M' - \lambda M\Theta M'`; :math:`\lambda` is one unless that is not positive definite (Fuller). The parameters of the
second step have covariances

.. math:: I_{22}^{-1}/N + I_{22}^{-1} I_{21} \Sigma_{11} I_{12} I_{22}^{-1},

with the information I of the whole model and the covariances :math:`\Sigma_{11}` of the first step.

References
----------
.. [1] Rosseel, Y., & Loh, W. W. (2024). A structural after measurement approach to structural equation modeling. Psychological
   Methods, 29, 561-588.
.. [2] Fuller, W. A. (1987). Measurement error models. Wiley.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import filled
from cbecmodel.structure.estimate.native import Problem, standardized

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_NO_RESIDUAL = 1e-6


@dataclass(frozen=True, slots=True)
class LatentMoments:
    """Moments of the structural variables of one group.

    Attributes
    ----------
    cov : ndarray, shape (k, k)
    mean : ndarray, shape (k,)
    reliability : ndarray, shape (k,)
        Share of the variance of the (Bartlett) scores that is not measurement error.
    shrunk : bool
        Whether less than all of the error was taken out, so that ``cov`` is positive definite.
    """

    cov: Floats
    mean: Floats
    reliability: Floats
    shrunk: bool


def latent_moments(problem: Problem, x: Floats, number: int, variables: Sequence[str], n_total: int) -> LatentMoments:
    """Return the moments of latent variables (and of observed ones among them) after measurement.

    Parameters
    ----------
    problem : Problem
        Of the whole model.
    x : ndarray, shape (q,)
        Its parameters; those of the measurement models count.
    number : int
        Group, from 1.
    variables : sequence of str
        Structural variables.
    n_total : int
        Cases in all groups.

    Returns
    -------
    LatentMoments

    Raises
    ------
    ModelError
        If the loadings cannot tell the latent variables apart.
    """
    table, sample = problem.table, problem.samples[number - 1]
    group = problem.pattern.groups[number - 1]
    p = group.p
    paths, moments, intercepts = filled(group, x)
    names = (*table.observed, *table.latents)
    at = [names.index(name) for name in variables]
    latent = np.array([index >= p for index in at])
    items = np.flatnonzero((paths[:p, p:] != 0).any(axis=1))
    items = np.setdiff1d(items, at)
    loadings = paths[items][:, [index for index in at if index >= p]]
    error = moments[np.ix_(items, items)]
    mapping, spread = _mapping(loadings, error)
    m = np.zeros((len(at), p))
    m[np.ix_(np.flatnonzero(latent), items)] = mapping
    m[np.flatnonzero(~latent), [index for index in at if index < p]] = 1.0
    noise = np.zeros((len(at), len(at)))
    noise[np.ix_(latent, latent)] = spread
    total = m @ sample.cov @ m.T
    share = _share(total, noise, n_total)
    cov = total - share * noise
    level = np.where(np.arange(p)[:, None] == items, 1.0, 0.0) @ intercepts[items]
    return LatentMoments(cov, m @ (sample.mean - level), np.diag(cov) / np.diag(total), share < 1)


def _mapping(loadings: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Return M and the error covariances of the scores."""
    held = np.abs(np.diag(error)) < _NO_RESIDUAL
    weight = np.zeros_like(error)
    rest = np.flatnonzero(~held)
    weight[np.ix_(rest, rest)] = np.linalg.inv(error[np.ix_(rest, rest)])
    weight[held, held] = 1.0
    inner = loadings.T @ weight @ loadings
    if np.linalg.matrix_rank(inner, hermitian=True) < len(inner):
        raise ModelError("structure.sam_rank")
    mapping = np.asarray(np.linalg.solve(inner, loadings.T @ weight), dtype=np.float64)
    return mapping, mapping @ error @ mapping.T


def _share(total: Floats, noise: Floats, n: int) -> float:
    """Return how much of the error can be taken out (Fuller's smallest root)."""
    roots = linalg.eigvals(np.linalg.solve(total, noise)).real
    smallest = 1 / float(roots.max()) if roots.max() > 0 else np.inf
    return smallest - 1 / (n - 1) if smallest < 1 + 1 / (n - 1) else 1.0


def two_step_vcov(problem: Problem, x: Floats, first: Indices, second: Indices, sigma: Floats) -> Floats:
    """Return the covariances of all parameters.

    Parameters
    ----------
    problem : Problem
        Of the whole model.
    x : ndarray, shape (q,)
    first, second : ndarray of int
        Parameters of the two steps.
    sigma : ndarray, shape (q, q)
        Covariances of the first step, zero elsewhere.

    Returns
    -------
    ndarray, shape (q, q)
    """
    work = standardized(problem)
    factors = work.scale.parameters
    n = sum(sample.n for sample in problem.samples)
    information = n * work.objective(x * factors, True).information * np.outer(factors, factors)
    basis = problem.space.basis[second]
    basis = basis[:, (basis != 0).any(axis=0)]
    inverse = basis @ np.linalg.inv(basis.T @ information[np.ix_(second, second)] @ basis) @ basis.T
    carry = -inverse @ information[np.ix_(second, first)]
    inside = sigma[np.ix_(first, first)]
    out = np.zeros_like(information)
    out[np.ix_(first, first)] = inside
    out[np.ix_(second, first)] = carry @ inside
    out[np.ix_(first, second)] = (carry @ inside).T
    out[np.ix_(second, second)] = inverse + carry @ inside @ carry.T
    return out
