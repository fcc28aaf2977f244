"""Effects of two groups over two periods, with covariates, and their influence functions.

References
----------
.. [1] Sant'Anna, P. H. C. & Zhao, J. (2020). Doubly robust difference-in-differences estimators. Journal of Econometrics 219(1),
   101–122.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from cbecmodel.errors import ConvergenceError, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cbecmodel.policy.options import Method

TRIM: Final = 0.995
"""Controls whose propensity score is at least this get no weight."""


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """An effect and what each unit contributes to its error.

    Attributes
    ----------
    att : float
    influence : numpy.ndarray
        n; the standard error is the root of its mean square over n.
    """

    att: float
    influence: NDArray[np.float64]


def two_by_two(
    change: NDArray[np.float64], treated: NDArray[np.float64], covariates: NDArray[np.float64], method: Method
) -> TwoByTwo:
    """Estimate the effect on the treated from changes between two periods.

    Parameters
    ----------
    change : numpy.ndarray
        Outcome after minus before, n.
    treated : numpy.ndarray
        0/1, n.
    covariates : numpy.ndarray
        n × k, with a constant.
    method : {"dr", "ipw", "reg"}
        Doubly robust, inverse probability weighting (normalised), or outcome regression.

    Returns
    -------
    TwoByTwo

    Raises
    ------
    ModelError
        If covariates are collinear among the controls.
    ConvergenceError
        If the propensity score separates treated and controls.

    Examples
    --------
    >>> change, treated = np.array([3.0, 1.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0, 0.0])
    >>> round(two_by_two(change, treated, np.ones((4, 1)), "dr").att, 12)
    1.5
    """
    n, x = len(change), covariates
    out, out_influence = np.zeros(n), np.zeros_like(x)
    if method != "ipw":
        out, out_influence = _outcome_regression(change, treated, x)
    if method == "reg":
        mean = treated.mean()
        eta_t, eta_c = (treated * change).mean() / mean, (treated * out).mean() / mean
        first = treated * (change - eta_t)
        second = treated * (out - eta_c) + out_influence @ (treated[:, None] * x).mean(axis=0)
        return TwoByTwo(float(eta_t - eta_c), (first - second) / mean)
    score, score_influence = _propensity(treated, x)
    kept = (score < TRIM) | (treated == 1)
    weight = kept * score * (1 - treated) / (1 - score)
    rest = change - out
    eta_t, eta_c = (treated * rest).mean() / treated.mean(), (weight * rest).mean() / weight.mean()
    of_treated = treated * (rest - eta_t) - out_influence @ (treated[:, None] * x).mean(axis=0)
    of_controls = (
        weight * (rest - eta_c)
        + score_influence @ ((weight * (rest - eta_c))[:, None] * x).mean(axis=0)
        - out_influence @ (weight[:, None] * x).mean(axis=0)
    )
    influence = of_treated / treated.mean() - of_controls / weight.mean()
    return TwoByTwo(float(eta_t - eta_c), influence)


def _outcome_regression(
    change: NDArray[np.float64], treated: NDArray[np.float64], x: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Regress changes of controls on covariates; return predictions for all and the influence on the coefficients."""
    controls = x * (1 - treated)[:, None]
    gram = controls.T @ x / len(x)
    if np.linalg.matrix_rank(gram) < x.shape[1]:
        raise ModelError("policy.covariates_collinear", n=int((1 - treated).sum()), k=x.shape[1])
    beta = np.linalg.lstsq(x[treated == 0], change[treated == 0], rcond=None)[0]
    out: NDArray[np.float64] = x @ beta
    influence: NDArray[np.float64] = (controls * (change - out)[:, None]) @ np.linalg.inv(gram)
    return out, influence


def _propensity(
    treated: NDArray[np.float64], x: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a logit by Newton's method; return scores and the influence on the coefficients."""
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        score = 1 / (1 + np.exp(-np.clip(x @ beta, -700, 700)))
        information = (x * (score * (1 - score))[:, None]).T @ x
        gradient = x.T @ (treated - score)
        if np.linalg.cond(information) > 1e14:
            break
        step = np.linalg.solve(information, gradient)
        beta = beta + step
        if np.abs(step).max() <= 1e-12 * (1 + np.abs(beta).max()):
            score = np.minimum(1 / (1 + np.exp(-(x @ beta))), 1 - 1e-6)
            information = (x * (score * (1 - score))[:, None]).T @ x
            return score, (x * (treated - score)[:, None]) @ np.linalg.inv(information) * len(x)
    raise ConvergenceError("policy.separation", n=int(treated.sum()))
