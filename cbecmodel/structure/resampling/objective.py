r"""Discrepancies of many resamples at once, with gradients.

Maximum likelihood of complete data, of incomplete data, and least squares all end in one contraction: a symmetric weight for
the covariances and a vector for the means. For incomplete data Fisher's identity gives the gradient: it is that of complete
data at the moments expected under the current parameters.

References
----------
.. [1] Jamshidian, M., & Bentler, P. M. (1999). ML estimation of mean and covariance structures with missing data using complete
   data routines. Journal of Educational and Behavioral Statistics, 24, 21-41.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.resampling.implied import ManyImplied, add_slopes, many_implied

if TYPE_CHECKING:
    from cbecmodel.structure.resampling.moments import Cases, GroupMoments
    from cbecmodel.structure.resampling.reduced import ReducedGroup

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Method = Literal["ML", "FIML", "GLS", "ULS", "DWLS"]


def group_discrepancy(
    group: ReducedGroup,
    moments: GroupMoments,
    cases: Cases | None,
    x: Floats,
    gradient: Floats,
    *,
    share: Floats,
    method: Method,
    means: bool,
) -> Floats:
    """Return a group's share of the discrepancy and add its share of the gradient.

    Parameters
    ----------
    group : ReducedGroup
    moments : GroupMoments
    cases : Cases or None
        Needed for incomplete data.
    x, gradient : ndarray, shape (R, q)
        The gradient is changed in place.
    share : ndarray, shape (R,)
        What the group counts.
    method : {"ML", "FIML", "GLS", "ULS", "DWLS"}
    means : bool

    Returns
    -------
    ndarray, shape (R,)
        ``inf`` where the implied covariances are impossible. Without the part that depends on the data alone (the
        log-determinant of the sample covariances, for maximum likelihood).
    """
    if method == "FIML":
        assert cases is not None
        cov, mean = _answered_moments(moments, cases)
        state = many_implied(group, x, cov, mean, means=True)
        value, weight, pull = _incomplete(state, moments, cases)
    else:
        state = many_implied(group, x, moments.cov, moments.mean, means=means)
        if method == "ML":
            value, weight, pull = _likelihood(state, moments, means=means)
        else:
            value, weight, pull = _least_squares(state, moments, method, means=means)
    value = np.where(state.possible, value, np.inf)
    add_slopes(group, state, weight * share[:, None, None], pull * share[:, None], gradient, means=means)
    return share * value


def inverse_logdet(matrices: Floats) -> tuple[Floats, Floats]:
    """Return inverses and log-determinants.

    Parameters
    ----------
    matrices : ndarray, shape (R, p, p)

    Returns
    -------
    inverse : ndarray, shape (R, p, p)
        The identity where a matrix is not positive definite.
    logdet : ndarray, shape (R,)
        There ``inf``.
    """
    p = matrices.shape[1]
    try:
        factor, fine = np.linalg.cholesky(matrices), np.ones(len(matrices), dtype=bool)
        inverse = np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        fine = np.array([_positive(matrix) for matrix in matrices], dtype=bool)
        matrices = np.where(fine[:, None, None], matrices, np.eye(p))
        factor, inverse = np.linalg.cholesky(matrices), np.linalg.inv(matrices)
    diagonal = factor[:, np.arange(p), np.arange(p)]
    logdet = np.where(fine, 2 * np.log(diagonal).sum(axis=1), np.inf)
    return np.asarray(inverse, dtype=np.float64), logdet


def _positive(matrix: Floats) -> bool:
    try:
        np.linalg.cholesky(matrix)
        np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(matrix).all())


def _likelihood(state: ManyImplied, moments: GroupMoments, *, means: bool) -> tuple[Floats, Floats, Floats]:
    inverse, logdet = inverse_logdet(state.sigma)
    spread = moments.cov
    gap = moments.mean - state.mu
    if means:
        spread = spread + gap[:, :, None] * gap[:, None, :]
    return _normal(inverse, logdet, spread, gap)


def _normal(inverse: Floats, logdet: Floats, spread: Floats, gap: Floats) -> tuple[Floats, Floats, Floats]:
    """Return value, weight and pull of the normal likelihood."""
    standing = inverse @ spread
    value = logdet + np.trace(standing, axis1=1, axis2=2)
    return value, inverse - standing @ inverse, -2 * (inverse @ gap[:, :, None])[:, :, 0]


def _answered_moments(moments: GroupMoments, cases: Cases) -> tuple[Floats, Floats]:
    """Return moments about the centre, those of variables that everybody answered (others are not asked for)."""
    cov = moments.cov - moments.mean[:, :, None] * moments.mean[:, None, :]
    return cov, moments.mean + cases.centre


def _incomplete(state: ManyImplied, moments: GroupMoments, cases: Cases) -> tuple[Floats, Floats, Floats]:
    """Return value, weight and pull with the moments expected of the unanswered."""
    inverse, logdet = inverse_logdet(state.sigma)
    mu = state.mu - cases.centre
    spread, first = moments.cov.copy(), moments.mean.copy()
    value = logdet - moments.weights @ (1 - cases.answered).sum(axis=1)
    shift = (inverse @ mu[:, :, None])[:, :, 0]
    for hidden, members in zip(cases.hidden, cases.members, strict=True):
        if not hidden.size:
            continue
        weights, values = moments.weights[:, members], cases.deviations[members]
        total = weights.sum(axis=1)
        rows = inverse[:, hidden]
        rest, logdet_hidden = inverse_logdet(rows[:, :, hidden])  # inverse: covariances given the answers
        value = value + total * logdet_hidden
        expected = (shift[:, hidden, None] - rows @ values.T).transpose(0, 2, 1) @ rest
        weighted = weights[:, :, None] * expected
        first[:, hidden] += weighted.sum(axis=1)
        cross = weighted.transpose(0, 2, 1) @ values
        spread[:, hidden, :] += cross
        spread[:, :, hidden] += cross.transpose(0, 2, 1)
        block = weighted.transpose(0, 2, 1) @ expected + total[:, None, None] * rest
        spread[:, hidden[:, None], hidden[None, :]] += block
    outer = mu[:, :, None] * first[:, None, :]
    spread = spread - outer - outer.transpose(0, 2, 1) + mu[:, :, None] * mu[:, None, :]
    found, weight, pull = _normal(inverse, value, spread, first - mu)
    return found, weight, pull


def _least_squares(
    state: ManyImplied, moments: GroupMoments, method: Method, *, means: bool
) -> tuple[Floats, Floats, Floats]:
    gap, mean_gap = moments.cov - state.sigma, moments.mean - state.mu
    if method == "GLS":
        inverse, _ = inverse_logdet(moments.cov)
        standing = inverse @ gap
        value = np.einsum("rij,rji->r", standing, standing) / 2
        weight = -standing @ inverse
        pull = (inverse @ mean_gap[:, :, None])[:, :, 0]
    else:
        weight = -2 * moments.moment_weights * gap
        value = -np.einsum("rij,rij->r", weight, gap) / 2
        pull = moments.mean_weights * mean_gap
    if means:
        value = value + np.einsum("ri,ri->r", pull, mean_gap)
    return value, weight, -2 * pull


def impossible(values: Floats) -> Flags:
    """Return where a discrepancy could not be computed.

    Parameters
    ----------
    values : ndarray, shape (R,)

    Returns
    -------
    ndarray of bool, shape (R,)
    """
    return ~np.isfinite(values)
