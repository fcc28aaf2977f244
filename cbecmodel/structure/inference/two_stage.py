r"""Two stages with incomplete data: estimate the moments by EM, then fit the model to them as if they were complete.

Standard errors and the test know that the moments were estimated: with V the normal-theory information of complete moments and
:math:`\Gamma` the sampling covariances of the estimated ones,

.. math::

    \mathrm{Cov}(\hat\theta) = E^{-1} \Delta' V \Gamma V \Delta E^{-1} / n, \qquad E = \Delta' V \Delta ,

and the chi-square is divided by :math:`\mathrm{tr}(U\Gamma)/df`. :math:`\Gamma` is the inverse of the observed information of the
first stage, or (robust) its sandwich.

References
----------
.. [1] Savalei, V., & Bentler, P. M. (2009). A two-stage approach to missing data: Theory and application to auxiliary
   variables. Structural Equation Modeling, 16, 477-497.
.. [2] Savalei, V., & Falk, C. F. (2014). Robust two-stage approach outperforms robust full information maximum likelihood with
   incomplete nonnormal data. Structural Equation Modeling, 21, 280-302.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import implied, jacobian
from cbecmodel.structure.inference.saturated import saturated_information, saturated_meat
from cbecmodel.structure.inference.vcov import Uncertainty, inverse_information

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.sample.moments import SampleMoments

Floats = NDArray[np.float64]


def first_stage(sample: SampleMoments, *, robust: bool) -> SampleMoments:
    """Return moments estimated from incomplete data as moments to fit a model to, with their sampling covariances.

    Parameters
    ----------
    sample : SampleMoments
        With its cases; moments of incomplete data are their maximum-likelihood estimates.
    robust : bool
        Sampling covariances that hold without normality.

    Returns
    -------
    SampleMoments
        Without the cases.
    """
    unit = np.sqrt(np.diag(sample.cov))
    rows = np.triu_indices(len(unit))
    units = np.concatenate([unit, (unit[rows[0]] * unit[rows[1]])])
    seen = saturated_information(sample, sample.mean, sample.cov, "observed") * np.outer(units, units)
    bread = np.asarray(np.linalg.inv(seen), dtype=np.float64)
    if robust:
        bread = bread @ (saturated_meat(sample, sample.mean, sample.cov) * np.outer(units, units)) @ bread
    return replace(sample, raw=None, patterns=(), gamma=bread * np.outer(units, units))


def _sums(problem: Problem, x: Floats) -> tuple[Floats, Floats, float]:
    """Return the information of one case, the meat of the sandwich, and tr(V Γ)."""
    work = problem.standard
    here = x * work.scale.parameters
    total = sum(sample.n for sample in work.samples)
    information, meat = np.zeros((len(x), len(x))), np.zeros((len(x), len(x)))
    trace = 0.0
    for group, sample in zip(work.pattern.groups, work.samples, strict=True):
        weight = saturated_information(sample, sample.mean, sample.cov)
        delta = np.zeros((len(weight), len(x)))
        np.add.at(delta.T, group.parameter, jacobian(implied(group, here), True).T)
        load = weight @ delta
        gamma = np.zeros_like(weight) if sample.gamma is None else sample.gamma
        information += sample.n / total * delta.T @ load
        meat += sample.n / total * load.T @ gamma @ load
        trace += float((weight * gamma).sum())
    return information, meat, trace


def two_stage_vcov(problem: Problem, x: Floats) -> Uncertainty:
    """Return the covariances of two-stage estimates.

    Parameters
    ----------
    problem : Problem
        Its samples know the sampling covariances of their moments.
    x : ndarray, shape (q,)

    Returns
    -------
    Uncertainty
    """
    work = problem.standard
    n = sum(sample.n for sample in problem.samples)
    information, meat, _ = _sums(problem, x)
    bread = inverse_information(information, work.space)
    units = np.outer(work.scale.parameters, work.scale.parameters)
    return Uncertainty(bread.vcov @ meat @ bread.vcov / n / units, bread.unidentified)


def two_stage_trace(problem: Problem, x: Floats) -> float:
    r"""Return :math:`\mathrm{tr}(U\Gamma)`, the expectation of the chi-square of two-stage estimates.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    float
    """
    information, meat, trace = _sums(problem, x)
    inverse = inverse_information(information, problem.standard.space).vcov
    return trace - float((inverse * meat).sum())
