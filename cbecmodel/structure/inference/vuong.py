r"""Vuong's tests of two models that need not be nested.

With casewise log-likelihoods l of both models, :math:`\hat\omega^2 = \mathrm{Var}(l_{1i} - l_{2i})`. If the models cannot be told
apart, :math:`n\hat\omega^2` is distributed as a sum of chi-squares weighted by the squared eigenvalues of

.. math::

    W = \begin{pmatrix} -B_{11} A_1^{-1} & -B_{12} A_2^{-1} \\ B_{21} A_1^{-1} & B_{22} A_2^{-1} \end{pmatrix} ,

where A is the information of one case and B the covariances of casewise scores. If they can,
:math:`\sum (l_{1i} - l_{2i}) / (\sqrt n \hat\omega)` is standard normal under equal fit.

References
----------
.. [1] Vuong, Q. H. (1989). Likelihood ratio tests for model selection and non-nested hypotheses. Econometrica, 57, 307-333.
.. [2] Merkle, E. C., You, D., & Preacher, K. J. (2016). Testing nonnested structural equation models. Psychological Methods,
   21, 151-163.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import implied
from cbecmodel.structure.inference.quadratic_forms import upper_tail
from cbecmodel.structure.inference.robust import case_scores
from cbecmodel.structure.inference.vcov import inverse_information, quantile

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.results import SEMResults

Floats = NDArray[np.float64]
Adjustment = Literal["none", "aic", "bic"]


def casewise_loglikelihood(problem: Problem, x: Floats) -> Floats:
    """Return the log-likelihood of each case, fixed exogenous variables included.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    ndarray, shape (N,)
        Groups one after the other.

    Raises
    ------
    ModelError
        If the model was fitted to moments or by least squares.
    """
    if problem.weights:
        raise ModelError("structure.no_likelihood")
    parts = []
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        if sample.raw is None:
            raise ModelError("structure.robust_needs_data")
        state = implied(group, x)
        mean = state.mu if problem.pattern.means else sample.mean
        every = (np.arange(group.p, dtype=np.intp), np.arange(len(sample.raw), dtype=np.intp))
        values = np.zeros(len(sample.raw))
        for at, cases in [(one.observed, one.cases) for one in sample.patterns] or [every]:
            sigma = state.sigma[np.ix_(at, at)]
            gap = sample.raw[np.ix_(cases, at)] - mean[at]
            distance = (gap * np.linalg.solve(sigma, gap.T).T).sum(axis=1)
            constant = len(at) * math.log(2 * math.pi) + float(np.linalg.slogdet(sigma)[1])
            values[cases] = -0.5 * (constant + distance)
        parts.append(values)
    return np.concatenate(parts)


def vuong_test(
    first: SEMResults,
    second: SEMResults,
    *,
    nested: bool = False,
    adjustment: Adjustment = "none",
    information: Literal["expected", "observed"] = "expected",
    level: float = 0.95,
) -> pd.DataFrame:
    """Test whether two models can be told apart, and which one fits better; they need not be nested.

    Parameters
    ----------
    first, second : SEMResults
        Fitted by maximum likelihood to the same cases of the same variables.
    nested : bool
        The second is nested in the first: the likelihood ratio is then a weighted sum of chi-squares, whether or not the
        larger model holds.
    adjustment : {"none", "aic", "bic"}
        Take the penalty of a criterion off the likelihood ratio.
    information : {"expected", "observed"}
        Whose inverse goes into the weights.
    level : float
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        Columns statistic pvalue ci_lower ci_upper. Rows ``distinguishable`` (the variance of the casewise differences; p small:
        they can be told apart), ``first_better`` and ``second_better`` (z), or with ``nested`` ``likelihood_ratio``; and
        ``aic_difference`` and ``bic_difference`` (first less second) with their intervals.

    Raises
    ------
    ModelError
        If the models cannot be compared.

    References
    ----------
    .. [1] Vuong, Q. H. (1989). Likelihood ratio tests for model selection and non-nested hypotheses. Econometrica, 57, 307-333.
    .. [2] Merkle, E. C., You, D., & Preacher, K. J. (2016). Testing nonnested structural equation models. Psychological
       Methods, 21, 151-163.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import political_democracy
    >>> data = political_democracy.get_data()
    >>> one = cbec.cfa("f =~ y1 + y2 + y3 + y4; y1 ~~ y2", data)
    >>> other = cbec.cfa("f =~ y1 + y2 + y3 + y4; y2 ~~ y4", data)
    >>> table = cbec.vuong_test(one, other)
    >>> table.index.tolist()[:2], bool(table.loc["distinguishable", "pvalue"] < 0.05)
    (['distinguishable', 'first_better'], True)
    """
    _require(first, second, adjustment)
    gap = casewise_loglikelihood(first.problem, first.x) - casewise_loglikelihood(second.problem, second.x)
    n = len(gap)
    variance = float(gap.var())
    weights = _weights(first, second, information)
    npar = [fit.fit_measures["npar"] for fit in (first, second)]
    penalty = {"none": 0.0, "aic": npar[0] - npar[1], "bic": (npar[0] - npar[1]) / 2 * math.log(n)}[adjustment]
    ratio = float(gap.sum()) - penalty
    rows = {"distinguishable": (variance, upper_tail(n * variance, weights**2), math.nan, math.nan)}
    if nested:
        rows["likelihood_ratio"] = (2 * ratio, upper_tail(2 * ratio, -weights), math.nan, math.nan)
    else:
        z = ratio / math.sqrt(n * variance) if variance > 0 else math.nan
        rows["first_better"] = (z, float(special.ndtr(-z)), math.nan, math.nan)
        rows["second_better"] = (z, float(special.ndtr(z)), math.nan, math.nan)
    half = quantile(level) * math.sqrt(4 * n * variance)
    for name in ("aic", "bic"):
        difference = float(first.fit_measures[name] - second.fit_measures[name])
        rows[f"{name}_difference"] = (difference, math.nan, difference - half, difference + half)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["statistic", "pvalue", "ci_lower", "ci_upper"])


def _weights(first: SEMResults, second: SEMResults, information: str) -> Floats:
    """Return the eigenvalues of W, those of a symmetric matrix like it."""
    scores, signed = [], []
    for fit, sign in ((first, -1.0), (second, 1.0)):
        problem = fit.problem
        rows, factors = case_scores(problem, fit.x)
        found = problem.standard.objective(fit.x * factors, True)
        unit = found.information if information == "expected" else found.hessian / 2
        scores.append(rows)
        signed.append(sign * inverse_information(unit, problem.standard.space).vcov)
    joint = np.concatenate(scores, axis=1)
    root = np.linalg.qr(joint / math.sqrt(len(joint)))[1]
    q = len(signed[0])
    middle = root[:, :q] @ signed[0] @ root[:, :q].T + root[:, q:] @ signed[1] @ root[:, q:].T
    return np.asarray(np.linalg.eigvalsh((middle + middle.T) / 2), dtype=np.float64)


def _require(first: SEMResults, second: SEMResults, adjustment: str) -> None:
    if adjustment not in get_args(Adjustment):
        known = ", ".join(get_args(Adjustment))
        raise ModelError("structure.unknown_option", option="adjustment", value=adjustment, known=known)
    if first.integrated or second.integrated:
        raise ModelError("structure.lms_unavailable", what="vuong_test()")
    if any(fit.problem.weights for fit in (first, second)):
        raise ModelError("structure.no_likelihood")
    if any(sample.design is not None for fit in (first, second) for sample in fit.problem.samples):
        raise ModelError("structure.vuong_design")
    same = set(first.observed) == set(second.observed) and set(first.table.exogenous) == set(second.table.exogenous)
    same = same and first.table.meanstructure == second.table.meanstructure
    same = same and len(first.problem.samples) == len(second.problem.samples)
    for one, other in zip(first.problem.samples, second.problem.samples, strict=False):
        same = same and one.raw is not None and other.raw is not None and len(one.raw) == len(other.raw)
        if same and one.raw is not None and other.raw is not None:
            order = [other.names.index(name) for name in one.names]
            same = bool(np.array_equal(one.raw, other.raw[:, order], equal_nan=True))
    if not same:
        raise ModelError("structure.not_comparable")
