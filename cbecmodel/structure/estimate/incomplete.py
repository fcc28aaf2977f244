r"""The likelihood of incomplete data as a function of a model's parameters, with exact derivatives.

The gradient is that of complete data at the expected moments. The Hessian sums, over patterns j, products of
:math:`P_j` (the bordered inverse of a pattern's covariances) and of :math:`R_j = 2 P_j S_j P_j - P_j`; all patterns together
make one matrix, :math:`\sum_j w_j P_j \otimes R_j`, by a single product of matrices whose rows are patterns.

References
----------
.. [1] Savalei, V. (2010). Expected versus observed information in SEM with incomplete normal and nonnormal data.
   Psychological Methods, 15, 352-367.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import Implied, contract, jacobian, products, vech_indices
from cbecmodel.structure.estimate.likelihood import Derivatives, curvature, mean_curvature, nowhere
from cbecmodel.structure.sample.expectation import Expected, expected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cbecmodel.structure.sample.answers import Answers

Floats = NDArray[np.float64]
_MANY: Final = 60  # variables from which on p* x p* matrices are too large


def discrepancy_incomplete(answers: Answers, saturated: float, state: Implied, *, second: bool) -> Derivatives:
    """Return the discrepancy of a group with incomplete data.

    Parameters
    ----------
    answers : Answers
    saturated : float
        The discrepancy of the saturated model.
    state : Implied
    second : bool
        Also compute Hessian and expected information.

    Returns
    -------
    Derivatives
        With respect to the free elements of the group.
    """
    found = expected(answers, state.mu, state.sigma)
    if found is None:
        return nowhere()
    weight = found.inverse - found.inverse @ found.second @ found.inverse
    pull = found.inverse @ found.shift
    gradient = contract(state, weight, -2 * pull)
    nothing = np.zeros((0, 0))
    if not second:
        return Derivatives(found.value - saturated, gradient, nothing, nothing)
    means = state.h * state.z[:, state.a]
    parts = _by_moments if answers.p <= _MANY else _by_patterns
    information, hessian, of_means = parts(answers, found, state, means)
    hessian += curvature(state, state.z.T @ weight @ state.z)
    # the means' own second derivatives, less what passes through the covariances
    order = state.z.shape[1]
    hessian += mean_curvature(state, np.zeros((order, order)), state.z.T @ pull, of_means)
    return Derivatives(found.value - saturated, gradient, hessian, information + of_means)


def _by_moments(answers: Answers, found: Expected, state: Implied, means: Floats) -> tuple[Floats, Floats, Floats]:
    """Return information of the covariances, first-order part of the Hessian, information of the means."""
    sums = moment_sums(answers, found)
    slopes = jacobian(state, False)
    information = slopes.T @ _both_ways(sums.expected, answers.p) @ slopes / 2
    hessian = slopes.T @ _both_ways(sums.observed, answers.p) @ slopes
    cross = slopes.T @ _pulled(sums.crossed, answers.p) @ means
    return information, hessian + cross + cross.T, means.T @ sums.means @ means


def _by_patterns(answers: Answers, found: Expected, state: Implied, means: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the same one pattern after the other: with many variables there are too many pairs of moments."""
    k = means.shape[1]
    information, hessian, of_means, crossed = (np.zeros((k, k)) for _ in range(4))
    for n, inverses, pulls, starts, load in _pattern_parts(answers, found):
        ends = [*starts[1:].tolist(), len(pulls)]
        for size, inverse, start, end in zip(n.tolist(), inverses, starts.tolist(), ends, strict=True):
            z, v = inverse @ state.z, pulls[start:end] @ state.z
            left = state.z.T @ z * (size / answers.n)
            right = (2 * v.T @ v - size * (state.z.T @ z)) / size
            information += products(state, left, state.z.T @ z) / 2
            hessian += products(state, left, right)
            of_means += means.T @ inverse @ means * (size / answers.n)
            drawn = load[start:end] @ v / answers.n
            a, b = z.T @ means, drawn
            crossed += 2 * state.f[:, None] * (b[state.b][:, None] * a[state.a] + b[state.a][:, None] * a[state.b])
    return information, hessian + crossed + crossed.T, of_means


@dataclass(frozen=True, slots=True)
class MomentSums:
    """Sums over patterns, m = p (p + 1) / 2.

    Attributes
    ----------
    expected : ndarray, shape (m, m)
        ``vech(P) vech(P)'``, weighted by the share of cases.
    observed : ndarray, shape (m, m)
        ``vech(P) vech(2 P S P - P)'``.
    crossed : ndarray, shape (m, p)
        ``vech(P) (P d)'`` for the mean deviation d.
    means : ndarray, shape (p, p)
        ``P``.
    """

    expected: Floats
    observed: Floats
    crossed: Floats
    means: Floats


def moment_sums(answers: Answers, found: Expected) -> MomentSums:
    """Return what the second derivatives need of all patterns.

    Parameters
    ----------
    answers : Answers
    found : Expected

    Returns
    -------
    MomentSums
    """
    p = answers.p
    m = p * (p + 1) // 2
    rows, columns = vech_indices(p)
    sums = MomentSums(np.zeros((m, m)), np.zeros((m, m)), np.zeros((m, p)), np.zeros((p, p)))
    for n, inverses, pulls, starts, load in _pattern_parts(answers, found):
        share = n / answers.n
        stacked = inverses[:, rows, columns]
        squares = np.add.reduceat(pulls[:, rows] * pulls[:, columns], starts) / answers.n
        mean_pulls = np.add.reduceat(load[:, None] * pulls, starts) / answers.n
        weighted = stacked * share[:, None]
        sums.expected[...] += stacked.T @ weighted
        sums.observed[...] += stacked.T @ (2 * squares - weighted)
        sums.crossed[...] += stacked.T @ mean_pulls
        sums.means[...] += np.tensordot(share, inverses, 1)
    return sums


def expected_weight(answers: Answers, found: Expected) -> Floats:
    """Return the weight V of means and covariances in the expected information of a case, ``Δ' V Δ``.

    Parameters
    ----------
    answers : Answers
    found : Expected

    Returns
    -------
    ndarray, shape (p + m, p + m)
    """
    sums = moment_sums(answers, found)
    return _joined(sums.means, _both_ways(sums.expected, answers.p) / 2, None)


def observed_weight(answers: Answers, found: Expected) -> Floats:
    """Return the weight V of means and covariances in the observed information of a case.

    Parameters
    ----------
    answers : Answers
    found : Expected

    Returns
    -------
    ndarray, shape (p + m, p + m)
    """
    sums = moment_sums(answers, found)
    return _joined(sums.means, _both_ways(sums.observed, answers.p) / 2, _pulled(sums.crossed, answers.p) / 2)


def _joined(means: Floats, covariances: Floats, between: Floats | None) -> Floats:
    p, m = len(means), len(covariances)
    weight = np.zeros((p + m, p + m))
    weight[:p, :p], weight[p:, p:] = means, covariances
    if between is not None:
        weight[p:, :p], weight[:p, p:] = between, between.T
    return weight


def _pattern_parts(
    answers: Answers, found: Expected
) -> Iterator[tuple[Floats, Floats, Floats, NDArray[np.intp], Floats]]:
    """Yield sizes, P of each pattern, ``P d`` of each row, first row of each pattern, and multiples of the mean in rows."""
    for batch, done in zip(answers.batches, found.completions, strict=True):
        across = found.inverse[batch.hidden]
        inverses = found.inverse + across.transpose(0, 2, 1) @ done.slopes
        starts = np.searchsorted(batch.member, np.arange(len(batch.n)))
        yield batch.n, inverses, done.rows @ found.inverse, starts, batch.load


def _both_ways(sums: Floats, p: int) -> Floats:
    """Return V with ``vech(X)' V vech(X) = tr(P X R X)`` summed, for symmetric X, from ``vech(P) vech(R)'`` summed."""
    rows, columns = vech_indices(p)
    m = len(rows)
    place = np.zeros((p, p), dtype=np.intp)
    place[rows, columns] = place[columns, rows] = np.arange(m)
    d, a = rows[:, None], columns[:, None]
    even = sums + sums.T
    out: Floats = even.take(place[a, rows] * m + place[columns, d])
    out += even.take(place[d, rows] * m + place[columns, a])
    share = np.where(rows == columns, 0.5, 1.0)
    out *= share
    out *= share[:, None]
    return out


def _pulled(crossed: Floats, p: int) -> Floats:
    """Return ``2 d(P S P) / d vech(Sigma) d mu`` summed over patterns, shape (m, p)."""
    place = np.zeros((p, p), dtype=np.intp)
    rows, columns = vech_indices(p)
    place[rows, columns] = place[columns, rows] = np.arange(len(rows))
    every = np.arange(p)
    share = np.where(rows == columns, 0.5, 1.0)[:, None]
    first = crossed[place[rows[:, None], every], columns[:, None]]
    return 2 * share * (first + crossed[place[columns[:, None], every], rows[:, None]])
