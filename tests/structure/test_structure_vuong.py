"""Vuong's tests: parts by brute force, limits that theory gives, and a seeded Monte Carlo."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from semopy.examples import holzinger39, political_democracy

import cbecmodel as cbec
from cbecmodel.errors import ModelError
from cbecmodel.structure.inference.quadratic_forms import upper_tail
from cbecmodel.structure.inference.vuong import _weights, casewise_loglikelihood

ONE = "f =~ y1 + y2 + y3 + y4; g =~ y5 + y6 + y7 + y8; y1 ~~ y5"
OTHER = "f =~ y1 + y2 + y3 + y4 + y5 + y6 + y7 + y8; y2 ~~ y4; y2 ~~ y6"


@pytest.fixture(scope="module")
def data():
    return political_democracy.get_data()


@pytest.fixture(scope="module")
def fits(data):
    return cbec.cfa(ONE, data, meanstructure=True), cbec.cfa(OTHER, data, meanstructure=True)


@pytest.mark.parametrize(
    "weights", [[1.0, 1.0, 1.0], [3.0, 1.0, 0.5, 0.1], [2.0, -1.0, 0.3, 0.3], [5.0, 0.2], [1.0, 2.0]]
)
def test_tails_of_weighted_chi_squares(weights):
    weights = np.array(weights)
    draws = (np.random.default_rng(1).standard_normal((400_000, len(weights))) ** 2) @ weights
    for q in np.quantile(draws, [0.02, 0.3, 0.7, 0.95, 0.995]):
        np.testing.assert_allclose(upper_tail(float(q), weights), (draws > q).mean(), atol=0.003)
    if np.ptp(weights) == 0:
        np.testing.assert_allclose(upper_tail(5.0, weights), stats.chi2.sf(5.0, 3), rtol=1e-10)
    if len(weights) == 2 and (weights > 0).all():  # two pairs of equal weights: exponentials
        a, b = 2 * weights
        exact = (a * np.exp(-7 / a) - b * np.exp(-7 / b)) / (a - b)
        np.testing.assert_allclose(upper_tail(7.0, np.repeat(weights, 2)), exact, atol=1e-8)


def test_casewise_loglikelihoods(fits, data):
    for fit in fits:
        moments = fit.implied()
        names = list(fit.observed)
        expected = stats.multivariate_normal(moments["mean"], moments["cov"]).logpdf(data[names])
        np.testing.assert_allclose(casewise_loglikelihood(fit.problem, fit.x), expected, rtol=1e-10)
        np.testing.assert_allclose(expected.sum(), fit.fit_measures["logl"], rtol=1e-12)


def test_casewise_loglikelihoods_with_gaps():
    frame = holzinger39.get_data().reset_index(drop=True)
    items = [f"x{k}" for k in range(1, 7)]
    frame[items] = frame[items].astype(float).mask(np.random.default_rng(2).random((len(frame), 6)) < 0.2)
    fit = cbec.cfa("a =~ x1 + x2 + x3; b =~ x4 + x5 + x6", frame, missing="fiml")
    np.testing.assert_allclose(casewise_loglikelihood(fit.problem, fit.x).sum(), fit.fit_measures["logl"], rtol=1e-10)


def test_weights_by_numerical_derivatives(fits):
    """The eigenvalues of W put together from differences of casewise log-likelihoods."""
    scores, inverses = [], []
    for fit in fits:
        step = 1e-5
        columns = []
        for k in range(len(fit.x)):
            move = np.zeros(len(fit.x))
            move[k] = step
            ahead, behind = (casewise_loglikelihood(fit.problem, fit.x + sign * move) for sign in (1, -1))
            columns.append((ahead - behind) / (2 * step))
        scores.append(np.column_stack(columns))
        inverses.append(fit.n_obs * fit.vcov.to_numpy())
    n = len(scores[0])
    b = [[one.T @ other / n for other in scores] for one in scores]
    w = np.block([
        [-b[0][0] @ inverses[0], -b[0][1] @ inverses[1]],
        [b[1][0] @ inverses[0], b[1][1] @ inverses[1]],
    ])  # fmt: skip
    expected = np.sort(np.linalg.eigvals(w).real)
    np.testing.assert_allclose(np.sort(_weights(*fits, "expected")), expected, atol=1e-5)


def test_table(fits):
    table, mirror = cbec.vuong_test(*fits), fits[1].vuong_test(fits[0])
    assert table.loc["distinguishable", "pvalue"] < 0.05
    np.testing.assert_allclose(table.loc["first_better", "pvalue"] + table.loc["second_better", "pvalue"], 1)
    np.testing.assert_allclose(table.loc["first_better", "statistic"], -mirror.loc["first_better", "statistic"])
    np.testing.assert_allclose(table.loc["distinguishable"], mirror.loc["distinguishable"], atol=1e-8)
    difference = fits[0].fit_measures["bic"] - fits[1].fit_measures["bic"]
    row = table.loc["bic_difference"]
    np.testing.assert_allclose(row["statistic"], difference)
    half = stats.norm.ppf(0.975) * np.sqrt(75 * 4 * table.loc["distinguishable", "statistic"])
    np.testing.assert_allclose([row["ci_lower"], row["ci_upper"]], [difference - half, difference + half])
    penalized = cbec.vuong_test(*fits, adjustment="bic").loc["first_better", "statistic"]
    scale = np.sqrt(75 * table.loc["distinguishable", "statistic"])
    np.testing.assert_allclose(penalized, -difference / 2 / scale, rtol=1e-10)


@pytest.mark.slow
def test_nested_ratio_has_its_level():
    """Where the smaller model holds, the weighted chi-square rejects as often as it says."""
    rng = np.random.default_rng(11)
    pvalues = []
    for _ in range(60):
        factor = rng.standard_normal((300, 1))
        frame = pd.DataFrame(0.7 * factor + 0.6 * rng.standard_normal((300, 4)), columns=list("abcd"))
        large, small = cbec.cfa("f =~ a + b + c + d", frame), cbec.cfa("f =~ a + p*b + p*c + p*d", frame)
        table = cbec.vuong_test(large, small, nested=True)
        np.testing.assert_allclose(
            table.loc["likelihood_ratio", "statistic"],
            small.fit_measures["chisq"] - large.fit_measures["chisq"],
            rtol=1e-6,
        )
        pvalues.append(table.loc["likelihood_ratio", "pvalue"])
    assert stats.kstest(pvalues, "uniform").pvalue > 0.01


def test_refusals(fits, data):
    with pytest.raises(ModelError, match="adjustment"):
        cbec.vuong_test(*fits, adjustment="hqic")
    with pytest.raises(ModelError, match="compared"):
        cbec.vuong_test(fits[0], cbec.cfa("f =~ y1 + y2 + y3 + y4", data, meanstructure=True))
    with pytest.raises(ModelError, match="likelihood"):
        cbec.vuong_test(cbec.cfa(ONE, data, estimator="GLS"), fits[1])
