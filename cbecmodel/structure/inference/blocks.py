r"""The matrices that tests of moments are made of: Jacobian, information of the moments, their sampling covariances.

For a group with share w of the cases: :math:`\Delta` (derivatives of the implied moments), V (the weight of the moments: their
normal-theory information at the model, or what least squares minimises with), and :math:`\Gamma` (sampling covariances of root n
times the moments). With them the information of the parameters is :math:`\sum_g w_g \Delta_g' V_g \Delta_g`, whatever the
estimator. All are in units in which observed variables have variance near one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import implied, jacobian
from cbecmodel.structure.estimate.ordinal_responses import responses
from cbecmodel.structure.inference.moment_blocks import moment_blocks as least_squares_blocks
from cbecmodel.structure.inference.robust import case_data, fixed_columns, moment_products
from cbecmodel.structure.inference.saturated import saturated_information

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.native import Problem

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """One group.

    Attributes
    ----------
    share : float
        Of all cases.
    delta : ndarray, shape (m, q)
        By the parameters in standardized units.
    weight, gamma : ndarray, shape (m, m)
    """

    share: float
    delta: Floats
    weight: Floats
    gamma: Floats


def moment_blocks(problem: Problem, x: Floats) -> list[Block]:
    """Return the matrices of every group at a solution.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    list of Block

    Raises
    ------
    ModelError
        If the model was fitted to moments.
    """
    if problem.weights:
        _, least = least_squares_blocks(problem, x)
        dense = [one.weight if one.weight.ndim == 2 else np.diag(one.weight) for one in least]
        return [Block(one.share, one.slopes, weight, one.acov) for one, weight in zip(least, dense, strict=True)]
    work = problem.standard
    here = x * work.scale.parameters
    fixed = fixed_columns(problem.table)
    total = sum(sample.n for sample in problem.samples)
    means = problem.pattern.means
    found = []
    for group, sample, cases in zip(work.pattern.groups, work.samples, case_data(problem, work), strict=True):
        state = implied(group, here)
        keep = slice(None) if means else slice(group.p, None)
        delta = np.zeros((group.p + group.p * (group.p + 1) // 2, len(x)))
        np.add.at(delta.T, group.parameter, jacobian(state, True).T)
        gamma = moment_products(cases, sample, fixed)[keep, keep] / sample.n
        mean = state.mu if means else sample.mean
        weight = saturated_information(sample, mean, state.sigma)[keep, keep]
        found.append(Block(sample.n / total, delta[keep], weight, gamma))
    return found


def block_jacobians(problem: Problem, x: Floats, names: tuple[str, ...]) -> list[Floats]:
    """Return the derivatives of each group's moments in the user's units, variables in a given order.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    names : tuple of str
        The observed variables.

    Returns
    -------
    list of ndarray, shape (m, q)

    Raises
    ------
    ModelError
        If ordinal models have their variables in unlike order.
    """
    found = []
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        if sample.ordinal is not None:
            if sample.names != names:
                raise ModelError("structure.not_comparable")
            local = responses(group, sample.ordinal, x).jacobian
            found.append(np.zeros((len(local), len(x))))
            np.add.at(found[-1].T, group.parameter, local.T)
            continue
        p = group.p
        place = np.array([sample.names.index(name) for name in names])
        table = np.zeros((p, p), dtype=np.intp)
        columns, rows = np.triu_indices(p)
        table[rows, columns] = table[columns, rows] = np.arange(len(rows))
        order = np.concatenate([place, p + table[place[rows], place[columns]]])
        delta = np.zeros((p + len(rows), len(x)))
        np.add.at(delta.T, group.parameter, jacobian(implied(group, x), True).T)
        found.append(delta[order] if problem.pattern.means else delta[order][p:])
    return found
