"""The estimation problem of a model with products of latent variables."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import implied
from cbecmodel.structure.estimate.matrices import PATH, Scale, natural_scale, rescaled, rescaled_moments
from cbecmodel.structure.estimate.minimise import Optimum, minimise
from cbecmodel.structure.estimate.native import Problem, StandardizedProblem, variance_mask
from cbecmodel.structure.lms.likelihood import Cases, Given, conditional, mixture

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.likelihood import Derivatives

Floats = NDArray[np.float64]
_SPACING: Final = 0.85  # of the nodes, in standard deviations of the given variable once a case's answers are known
_REACH: Final = 7.0  # standard deviations the nodes reach to either side of the outermost case and of the mean
MOST_NODES: Final = 600


@dataclass(frozen=True, slots=True)
class StandardizedProducts(StandardizedProblem):
    """The problem in units in which observed variables have variance near one.

    Attributes
    ----------
    given : Given
    cases : Cases
    """

    given: Given | None = None
    cases: Cases | None = None

    def objective(self, x: Floats, second: bool) -> Derivatives:
        """Return minus two log-likelihoods a case at a point in these units.

        Parameters
        ----------
        x : ndarray, shape (q,)
        second : bool

        Returns
        -------
        Derivatives
        """
        assert self.given is not None
        assert self.cases is not None
        return mixture(self.pattern.groups[0], self.given, self.cases, x, second=second)


@dataclass(frozen=True)
class ProductProblem(Problem):
    """A model with products of latent variables, and its data.

    Attributes
    ----------
    given : Given
    """

    given: Given | None = None

    @property
    def conditioned(self) -> Given:
        """Return what is conditioned on.

        Returns
        -------
        Given
        """
        assert self.given is not None
        return self.given

    @cached_property
    def standard(self) -> StandardizedProducts:
        """Return the same problem in standardized units; a product's unit is the product of its parts'.

        Returns
        -------
        StandardizedProducts
        """
        scale, given = natural_scale(self.pattern, self.samples), self.conditioned
        units, factors = scale.variables.copy(), scale.parameters.copy()
        units[given.products] = units[given.at] * units[given.others]
        group = self.pattern.groups[0]
        free = np.isin(group.column, given.products) & (group.kind == PATH)
        factors[group.parameter[free]] *= (units / scale.variables)[group.column[free]]
        scale = Scale(units, factors)
        raw = self.samples[0].raw
        assert raw is not None
        return StandardizedProducts(
            samples=tuple(rescaled_moments(sample, scale) for sample in self.samples),
            pattern=rescaled(self.pattern, scale),
            space=self.space.rescaled(scale.parameters),
            scale=scale,
            given=given,
            cases=Cases.of(raw / units[: raw.shape[1]]),
        )

    def log_likelihood(self, x: Floats) -> float:
        """Return the log-likelihood, given fixed exogenous variables.

        Parameters
        ----------
        x : ndarray, shape (q,)

        Returns
        -------
        float
        """
        work, sample = self.standard, self.samples[0]
        p, n = len(sample.names), sample.n
        value = work.objective(x * work.scale.parameters, False).value
        joint = -n * (value / 2 + p * math.log(2 * math.pi) / 2 + float(np.log(work.scale.variables[:p]).sum()))
        at = [self.table.observed.index(name) for name in self.table.exogenous]
        if at:
            logdet = float(np.linalg.slogdet(sample.cov[np.ix_(at, at)])[1])
            joint += n / 2 * (len(at) * (math.log(2 * math.pi) + 1) + logdet)
        return joint

    def moments(self, x: Floats) -> tuple[Floats, Floats]:
        """Return means and covariances of all variables, products included.

        Parameters
        ----------
        x : ndarray, shape (q,)

        Returns
        -------
        mean : ndarray, shape (t,)
        cov : ndarray, shape (t, t)
        """
        nodes, weights = np.polynomial.hermite_e.hermegauss(24)  # exact for the polynomials these are
        weights = weights / math.sqrt(2 * math.pi)
        given = self.conditioned
        state = conditional(self.pattern.groups[0], given, x, nodes)
        eta, make = state.eta, np.repeat(np.eye(state.eta.shape[1])[None], len(nodes), axis=0)
        for product, other in zip(given.products, given.others, strict=True):
            make[:, product] = state.value[:, None] * make[:, other]
        eta = np.einsum("kij,kj->ki", make, eta)
        mean = weights @ eta
        gap = eta - mean
        cov = np.einsum("k,kij->ij", weights, make @ state.full @ make.transpose(0, 2, 1))
        return mean, cov + (gap * weights[:, None]).T @ gap


def certainty(problem: Problem, x: Floats, at: int) -> tuple[float, float]:
    """Return how precisely a linear model's latent variable is known from the answers, in its standard deviations.

    Parameters
    ----------
    problem : Problem
        Without products.
    x : ndarray, shape (q,)
    at : int
        Its place among the variables.

    Returns
    -------
    deviation : float
        Standard deviation once the answers are known.
    farthest : float
        Largest expectation of a case, from the mean.
    """
    sample, state = problem.samples[0], implied(problem.pattern.groups[0], x)
    assert sample.raw is not None
    weights = np.linalg.solve(state.sigma, state.full[: len(state.sigma), at])
    variance = float(state.full[at, at])
    left = 1 - float(weights @ state.full[: len(state.sigma), at]) / variance
    farthest = float(np.abs((sample.raw - sample.mean) @ weights).max()) / math.sqrt(variance)
    return math.sqrt(max(left, 0.0)), farthest


def node_grid(deviation: float, farthest: float) -> tuple[Floats, Floats]:
    """Return equally spaced nodes for a standard normal variable, and their weights.

    Parameters
    ----------
    deviation : float
        Its standard deviation once a case's answers are known.
    farthest : float
        Where the outermost case is.

    Returns
    -------
    nodes, weights : ndarray, shape (K,)

    Examples
    --------
    >>> nodes, weights = node_grid(0.5, 3.0)
    >>> len(nodes), round(float(weights.sum()), 10), round(float(weights @ nodes**2), 10)
    (35, 1.0, 1.0)
    """
    reach = max(_REACH, farthest + _REACH * deviation)
    half = math.ceil(reach / (_SPACING * deviation))
    return spaced_nodes(reach, half)


def spaced_nodes(reach: float, half: int) -> tuple[Floats, Floats]:
    """Return ``2 half + 1`` nodes from ``-reach`` to ``reach``, and normal weights.

    Parameters
    ----------
    reach : float
    half : int

    Returns
    -------
    nodes, weights : ndarray, shape (2 half + 1,)
    """
    nodes = np.linspace(-reach, reach, 2 * half + 1)
    weights = np.exp(-(nodes**2) / 2) / math.sqrt(2 * math.pi) * (reach / half)
    return nodes, np.asarray(weights, dtype=np.float64)


def estimate_products(problem: ProductProblem, start: Floats) -> Optimum:
    """Maximise the likelihood.

    Parameters
    ----------
    problem : ProductProblem
    start : ndarray, shape (q,)
        In the user's units.

    Returns
    -------
    Optimum
    """
    work = problem.standard
    found = minimise(work.objective, work.space, start * work.scale.parameters, positive=variance_mask(work.pattern))
    return replace(found, x=found.x / work.scale.parameters)
