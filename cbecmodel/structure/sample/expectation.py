r"""The E-step: what incomplete data are expected to sum to, were they complete.

For a pattern with hidden variables h, :math:`P_j`, the inverse of its block of Σ bordered with zeros, is

.. math::

    P_j = A - A_{\cdot h} A_{hh}^{-1} A_{h \cdot}, \qquad A = \Sigma^{-1},

and completing a deviation d takes :math:`-A_{hh}^{-1} A_{h \cdot} d` for its hidden part: only matrices as large as the number
of gaps are inverted. By Fisher's identity the gradient of the likelihood is that of complete data with the expected moments.

References
----------
.. [1] Dempster, A. P., Laird, N. M., & Rubin, D. B. (1977). Maximum likelihood from incomplete data via the EM algorithm.
   Journal of the Royal Statistical Society B, 39, 1-38.
.. [2] Walker, H. F., & Ni, P. (2011). Anderson acceleration for fixed-point iterations. SIAM Journal on Numerical Analysis,
   49, 1715-1735.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.sample.linear import inverse_logdet

if TYPE_CHECKING:
    from cbecmodel.structure.sample.answers import Answers, Batch

Floats = NDArray[np.float64]
_STEPS: Final = 5_000
_CHANGE: Final = 1e-13  # of means and covariances in standardized units
_DEPTH: Final = 6  # steps the extrapolation looks back on
_WORSE: Final = 1e-10  # rise of the discrepancy after which an extrapolation is taken back


@dataclass(frozen=True, slots=True)
class Completion:
    """One batch of patterns, completed.

    Attributes
    ----------
    slopes : ndarray, shape (J, k, p)
        Regressions of the hidden variables on the answered ones.
    rest : ndarray, shape (J, k, k)
        Covariances of the hidden variables given the answered ones.
    rows : ndarray, shape (R, p)
        Deviations from the mean, gaps filled with their expectations.
    """

    slopes: Floats
    rest: Floats
    rows: Floats


@dataclass(frozen=True, slots=True)
class Expected:
    """Expected moments of one case.

    Attributes
    ----------
    value : float
        The discrepancy: minus two log-likelihoods of a case, without its constant.
    inverse : ndarray, shape (p, p)
        Of the covariances.
    shift : ndarray, shape (p,)
        Expected deviation from the mean.
    second : ndarray, shape (p, p)
        Expected products of deviations.
    completions : tuple of Completion
        One a batch.
    """

    value: float
    inverse: Floats
    shift: Floats
    second: Floats
    completions: tuple[Completion, ...]


def expected(answers: Answers, mu: Floats, sigma: Floats) -> Expected | None:
    """Return the expected moments at given moments.

    Parameters
    ----------
    answers : Answers
    mu : ndarray, shape (p,)
    sigma : ndarray, shape (p, p)

    Returns
    -------
    Expected or None
        None where the covariances are not positive definite.
    """
    inverted = inverse_logdet(sigma)
    if inverted is None:
        return None
    inverse, logdet = inverted
    p = answers.p
    value, shift, known, rest = answers.n * logdet, np.zeros(p), np.zeros((p, p)), np.zeros(p * p)
    completions = []
    for batch in answers.batches:
        done = _completed(batch, inverse, mu)
        shift += batch.load @ done.rows
        known += done.rows.T @ done.rows
        if batch.hidden.size:
            value -= float(batch.n @ np.linalg.slogdet(done.rest)[1])
            places = batch.hidden[:, :, None] * p + batch.hidden[:, None, :]
            rest += np.bincount(places.ravel(), (batch.n[:, None, None] * done.rest).ravel(), p * p)
        completions.append(done)
    value = (value + float(np.vdot(inverse, known))) / answers.n
    second = (known + rest.reshape(p, p)) / answers.n
    return Expected(value, inverse, shift / answers.n, second, tuple(completions))


def _completed(batch: Batch, inverse: Floats, mu: Floats) -> Completion:
    rows = batch.rows - batch.loads * mu
    across = inverse[batch.hidden]
    k = batch.hidden.shape[1]
    if k == 0:
        return Completion(across, np.zeros((len(batch.n), 0, 0)), rows)
    within = np.take_along_axis(across, np.broadcast_to(batch.hidden[:, None, :], (len(batch.n), k, k)), axis=2)
    rest: Floats = 1 / within if k == 1 else np.asarray(np.linalg.inv(within), dtype=np.float64)
    slopes = -rest @ across
    filled = (slopes[batch.member] @ rows[:, :, None])[:, :, 0]
    np.put_along_axis(rows, batch.hidden[batch.member], filled, axis=1)
    return Completion(slopes, rest, rows)


def saturated_moments(answers: Answers, mean: Floats, cov: Floats) -> tuple[Floats, Floats]:
    """Return the maximum-likelihood means and covariances of the saturated model by the EM algorithm.

    Steps are extrapolated from the last few (Anderson) and taken back when that lowers the likelihood.

    Parameters
    ----------
    answers : Answers
    mean, cov : ndarray
        Where to start.

    Returns
    -------
    mean : ndarray, shape (p,)
    cov : ndarray, shape (p, p)
    """
    p = answers.p
    unit = np.sqrt(np.diag(cov))
    units = np.concatenate([unit, np.outer(unit, unit).ravel()])
    here = np.concatenate([mean, cov.ravel()]) / units
    safe, best = here, np.inf
    points: list[Floats] = []
    steps: list[Floats] = []
    for _ in range(_STEPS):
        whole = here * units
        found = expected(answers, whole[:p], whole[p:].reshape(p, p))
        if found is None or found.value > best + _WORSE * max(1.0, abs(best)):
            if not points:
                break  # the covariances have become singular; the caller says of which variables
            here, points, steps = safe, [], []  # back to the last plain step
            best = np.inf
            continue
        best = min(best, found.value)
        spread = found.second - np.outer(found.shift, found.shift)
        safe = np.concatenate([whole[:p] + found.shift, spread.ravel()]) / units
        step = safe - here
        if np.abs(step).max() < _CHANGE:
            break
        points, steps = [*points[-_DEPTH:], here], [*steps[-_DEPTH:], step]
        here = _extrapolated(points, steps)
    whole = safe * units
    cov = whole[p:].reshape(p, p)
    return whole[:p], (cov + cov.T) / 2


def _extrapolated(points: list[Floats], steps: list[Floats]) -> Floats:
    """Return the point at which the steps, were they linear in it, would vanish."""
    there = points[-1] + steps[-1]
    if len(points) == 1:
        return there
    bends = np.diff(np.array(steps), axis=0)
    moves = np.diff(np.array(points), axis=0) + bends
    weights = np.linalg.lstsq(bends.T, steps[-1], rcond=1e-12)[0]
    out: Floats = there - weights @ moves
    return out
