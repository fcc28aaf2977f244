r"""What least squares needs for errors and tests: slopes, weights and sampling covariances of each group's moments.

With :math:`\hat\Gamma` the covariances of the moments (times n), V their weight and :math:`\Delta` their derivatives, the
estimates have covariances :math:`B \Delta' V \Gamma V \Delta B / n`, :math:`B = (\Delta' V \Delta)^{-1}`, and the statistic is a
mixture of chi-squares with the eigenvalues of :math:`U\Gamma`, :math:`U = V - V \Delta B \Delta' V`.

References
----------
.. [1] Satorra, A., & Bentler, P. M. (1994). Corrections to test statistics and standard errors in covariance structure
   analysis. In Latent variables analysis (pp. 399-419). Sage.
.. [2] Muthén, B., du Toit, S. H. C., & Spisic, D. (1997). Robust inference using weighted least squares and quadratic
   estimating equations in latent variable modeling with categorical and continuous outcomes. Unpublished manuscript.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import implied, jacobian
from cbecmodel.structure.estimate.least_squares import deviation_blocks, moment_units
from cbecmodel.structure.estimate.ordinal import weighted
from cbecmodel.structure.estimate.ordinal_responses import responses
from cbecmodel.structure.inference.vcov import Uncertainty, inverse_information

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.estimate.native import Problem, StandardizedProblem

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """The moments of one group, in standardized units.

    Attributes
    ----------
    share : float
        Of the group in all cases.
    slopes : ndarray, shape (m, q)
        Derivatives by the free parameters in standardized units.
    weight : ndarray, shape (m,) or (m, m)
    acov : ndarray, shape (m, m)
        Sampling covariances, times n.
    """

    share: float
    slopes: Floats
    weight: Floats
    acov: Floats


def moment_blocks(problem: Problem, x: Floats) -> tuple[StandardizedProblem, list[Block]]:
    """Return the moments of all groups at a solution.

    Parameters
    ----------
    problem : Problem
        With weights.
    x : ndarray, shape (q,)
        In the user's units.

    Returns
    -------
    work : StandardizedProblem
    blocks : list of Block

    Raises
    ------
    ModelError
        If the model was fitted to moments.
    """
    work = problem.standard
    here = x * work.scale.parameters
    total = sum(sample.n for sample in problem.samples)
    means = problem.pattern.means
    found = []
    for group, sample, raw, weight in zip(
        work.pattern.groups, work.samples, problem.samples, work.weights, strict=True
    ):
        if sample.ordinal is not None:
            local, acov = responses(group, sample.ordinal, here).jacobian, sample.ordinal.acov
        else:
            local = jacobian(implied(group, here), means)
            units = moment_units(work.scale.variables[: group.p], means)
            products = sum(z.T @ z for z in deviation_blocks(raw, means))
            acov = np.asarray(products / np.outer(units, units) / raw.n, dtype=np.float64)
        slopes = np.zeros((len(local), problem.pattern.n_free))
        np.add.at(slopes.T, group.parameter, local.T)
        found.append(Block(sample.n / total, slopes, weight, acov))
    return work, found


def block_vcov(problem: Problem, x: Floats, kind: str, information: str = "expected") -> Uncertainty:
    """Return covariances of least-squares estimates.

    Parameters
    ----------
    problem : Problem
        With weights.
    x : ndarray, shape (q,)
    kind : {"standard", "robust_sem"}
        Whether the weights are taken for the inverse of the moments' sampling covariances, or these are estimated.
    information : {"expected", "observed"}
        The second is the Hessian of the discrepancy.

    Returns
    -------
    Uncertainty
    """
    work, blocks = moment_blocks(problem, x)
    n = sum(sample.n for sample in problem.samples) - len(problem.samples)
    factors = work.scale.parameters
    pulls = [weighted(block.weight, block.slopes) for block in blocks]
    unit = sum(block.share * block.slopes.T @ pull for block, pull in zip(blocks, pulls, strict=True))
    if information == "observed":
        unit = work.objective(x * factors, True).hessian / 2
    bread = inverse_information(n * np.asarray(unit), work.space)
    units = np.outer(factors, factors)
    if kind == "standard":
        return Uncertainty(bread.vcov / units, bread.unidentified)
    meat = sum(block.share * pull.T @ block.acov @ pull for block, pull in zip(blocks, pulls, strict=True))
    return Uncertainty(n * bread.vcov @ np.asarray(meat) @ bread.vcov / units, bread.unidentified)


def root_of(weight: Floats) -> Floats:
    """Return a root of a weight: ``root' root`` is the weight.

    Parameters
    ----------
    weight : ndarray, shape (m,) or (m, m)

    Returns
    -------
    ndarray, shape (m,) or (m, m)
    """
    if weight.ndim == 1:
        return np.sqrt(weight)
    return np.asarray(np.linalg.cholesky(weight).T, dtype=np.float64)


def u_gamma_traces(roots: Sequence[Floats], slopes: Sequence[Floats], acovs: Sequence[Floats]) -> tuple[float, float]:
    r"""Return the traces of :math:`U\Gamma` and of its square.

    Parameters
    ----------
    roots : sequence of ndarray
        Of the weight of each group.
    slopes : sequence of ndarray, shape (m, r)
        By independent parameters, times the root of the group's share.
    acovs : sequence of ndarray, shape (m, m)

    Returns
    -------
    trace, squares : float
    """
    inner = [
        root[:, None] * acov * root if root.ndim == 1 else root @ acov @ root.T
        for root, acov in zip(roots, acovs, strict=True)
    ]
    basis, _ = np.linalg.qr(np.concatenate([weighted(r, s) for r, s in zip(roots, slopes, strict=True)]))
    ends = np.cumsum([len(one) for one in inner])[:-1]
    turned = [one @ part for one, part in zip(inner, np.split(basis, ends), strict=True)]
    both = basis.T @ np.concatenate(turned)
    trace = sum(float(np.trace(one)) for one in inner) - float(np.trace(both))
    squares = sum(float((one**2).sum()) for one in inner) - 2 * sum(float((part**2).sum()) for part in turned)
    return trace, squares + float((both**2).sum())
