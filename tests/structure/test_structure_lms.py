"""Latent products by maximum likelihood: against brute-force integration, finite differences, the linear model, and truth."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cbecmodel as cbec
from cbecmodel.errors import DataError, ModelError
from cbecmodel.measurement.validity import fornell_larcker
from cbecmodel.messages import use_language
from cbecmodel.structure.lms.fit import with_nodes

MEASURED = "X =~ x1 + x2 + x3\nM =~ m1 + m2 + m3\nY =~ y1 + y2 + y3\n"
MODEL = MEASURED + "Y ~ X + M + X:M"
TRUTH = {"X": 0.4, "M": 0.3, "X:M": 0.25}
SETTINGS = {"seed": 20_001, "replications": 200, "cases": 300}


def simulated(rng, n, square=0.0):
    x, m = rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], n).T
    y = 0.4 * x + 0.3 * m + 0.25 * x * m + square * x**2 + math.sqrt(0.5) * rng.standard_normal(n)
    noise = math.sqrt(0.4)
    columns = {}
    for name, values in (("x", x), ("m", m), ("y", y)):
        for number, loading in enumerate((1.0, 0.8, 0.9), start=1):
            columns[f"{name}{number}"] = number + loading * values + noise * rng.standard_normal(n)
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def data():
    return simulated(np.random.default_rng(4), 250).assign(z=np.random.default_rng(5).exponential(1.0, 250))


@pytest.fixture(scope="module")
def fit(data):
    return cbec.sem(MODEL, data, interaction="lms")


def point(fit):
    """Return the problem in standardized units and a place beside its solution."""
    work = fit.problem.standard
    x = fit.x * work.scale.parameters
    return work, x + 0.02 * np.sin(np.arange(len(x)))


def by_brute_force(frame, fit, square):
    """Return the log-likelihood of a small model by two-dimensional integration over X and M, case by case."""
    value = {(row.lhs, row.op, row.rhs): row.est for row in fit.parameters.itertuples()}
    line = np.linspace(-8, 8, 321)
    x, m = np.meshgrid(line, line, indexing="ij")
    cross = value["X", "~~", "M"]
    cov = [[value["X", "~~", "X"], cross], [cross, value["M", "~~", "M"]]]
    prior = stats.multivariate_normal([0, 0], cov).logpdf(np.stack([x, m], axis=-1))
    mean = (
        value["y1", "~1", ""] + value["y1", "~", "X"] * x + value["y1", "~", "M"] * m + value["y1", "~", "X:M"] * x * m
    )
    if square:
        mean = mean + value["y1", "~", "X:X"] * x**2
    total = 0.0
    for case in frame.itertuples():
        logs = prior + stats.norm.logpdf(case.y1, mean, math.sqrt(value["y1", "~~", "y1"]))
        for latent, where, names in (("X", line[:, None], ("x1", "x2")), ("M", line[None, :], ("m1", "m2"))):
            for name in names:
                centre = value[name, "~1", ""] + value[latent, "=~", name] * where
                logs = logs + stats.norm.logpdf(getattr(case, name), centre, math.sqrt(value[name, "~~", name]))
        top = logs.max()
        total += top + math.log(np.exp(logs - top).sum() * (line[1] - line[0]) ** 2)
    return total


@pytest.mark.parametrize("square", [False, True])
def test_likelihood_by_two_dimensional_integration(data, square):
    frame = data.iloc[:25]
    small = "X =~ x1 + x2; M =~ m1 + m2; y1 ~ X + M + X:M" + (" + X:X" if square else "")
    fixed = small.replace("X:M", "0.3*X:M").replace("X:X", "-0.2*X:X")
    found = cbec.sem(fixed, frame, interaction="lms")
    assert found.fit_measures["logl"] == pytest.approx(by_brute_force(frame, found, square), rel=0, abs=1e-8)


def test_likelihood_given_an_observed_moderator(data):
    """z is given and not normal: the likelihood is that of the answers given z."""
    frame = data.iloc[:40]
    found = cbec.sem("X =~ x1 + x2; y1 ~ X + z + 0.3*X:z", frame, interaction="lms")
    value = {(row.lhs, row.op, row.rhs): row.est for row in found.parameters.itertuples()}
    line = np.linspace(-9, 9, 4001)
    total = 0.0
    for case in frame.itertuples():
        mean = value["y1", "~1", ""] + (value["y1", "~", "X"] + 0.3 * case.z) * line + value["y1", "~", "z"] * case.z
        density = stats.norm.pdf(line, 0, math.sqrt(value["X", "~~", "X"]))
        density = density * stats.norm.pdf(case.y1, mean, math.sqrt(value["y1", "~~", "y1"]))
        for name in ("x1", "x2"):
            centre = value[name, "~1", ""] + value["X", "=~", name] * line
            density = density * stats.norm.pdf(getattr(case, name), centre, math.sqrt(value[name, "~~", name]))
        total += math.log(density.sum() * (line[1] - line[0]))
    assert found.fit_measures["logl"] == pytest.approx(total, rel=0, abs=1e-8)


@pytest.mark.parametrize(
    "model",
    [
        MODEL,
        MEASURED + "Y ~ X + M + X:M + X:X",
        MEASURED + "M ~ X\nY ~ X + M + X:M\nX ~ 0.3*1",
        MEASURED + "Y ~ X + M + z + X:z + a*X:M\nx1 ~~ m1\na == 0.2",
        "X =~ x1 + x2 + x3\nM =~ m1 + m2 + m3\ny1 ~ X + M + X:M\ny2 ~ y1 + X:M",
    ],
)
def test_gradient_is_the_derivative_of_the_likelihood(data, model):
    work, x = point(cbec.sem(model, data, interaction="lms"))
    found = work.objective(x, False).gradient
    steps = 1e-5 * np.eye(len(x))
    by_hand = [(work.objective(x + h, False).value - work.objective(x - h, False).value) / 2e-5 for h in steps]
    np.testing.assert_allclose(found, by_hand, rtol=0, atol=2e-8)


def test_without_interaction_it_is_the_linear_model(data):
    none = cbec.sem(MODEL.replace("X:M", "0*X:M"), data, interaction="lms")
    linear = cbec.sem(MEASURED + "Y ~ X + M", data, meanstructure=True, information="observed")
    assert none.fit_measures["logl"] == pytest.approx(linear.fit_measures["logl"], rel=0, abs=1e-8)
    keys = ["lhs", "op", "rhs"]
    for name, tolerance in (("est", 1e-8), ("se", 1e-8), ("std_lv", 1e-8), ("std_all", 1e-8)):
        mine, theirs = none.parameters.set_index(keys)[name], linear.parameters.set_index(keys)[name]
        np.testing.assert_allclose(mine[theirs.index], theirs, rtol=0, atol=tolerance)
    np.testing.assert_allclose(none.r_squared[linear.r_squared.index], linear.r_squared, atol=1e-8)
    mine, theirs = none.standardized().set_index(keys)["se"], linear.standardized().set_index(keys)["se"]
    np.testing.assert_allclose(mine[theirs.index], theirs, atol=1e-6)


def test_nodes_are_enough(fit):
    """A third fewer, or twice as many, nodes change nothing; few nodes do."""
    logs = {n: with_nodes(fit.problem, n).log_likelihood(fit.x) for n in (17, 65, 121)}
    own = fit.fit_measures["logl"]
    assert fit.n_nodes < 80
    assert abs(logs[121] - own) < 1e-7
    assert abs(logs[65] - own) < 1e-7
    assert abs(logs[17] - own) > 1e-4


def test_one_model_in_two_guises(data, fit):
    """Units of the latent variables, order of the parts and units of the answers change nothing that matters."""
    keys = ["lhs", "op", "rhs"]
    standardized = cbec.sem(MODEL, data, interaction="lms", std_lv=True)
    turned = cbec.sem(MODEL.replace("X:M", "M:X"), data, interaction="lms")
    larger = cbec.sem(MODEL, data.assign(**{f"x{k}": 10 * data[f"x{k}"] for k in (1, 2, 3)}), interaction="lms")
    for other in (standardized, turned):
        assert other.fit_measures["logl"] == pytest.approx(fit.fit_measures["logl"], rel=0, abs=1e-7)
    assert larger.fit_measures["logl"] == pytest.approx(fit.fit_measures["logl"] - 3 * 250 * math.log(10), abs=1e-6)
    slope = ("Y", "~", "X:M")
    mine = fit.parameters.set_index(keys)
    assert larger.parameters.set_index(keys)["est"][slope] * 10 == pytest.approx(mine["est"][slope], rel=1e-6)
    np.testing.assert_allclose(
        standardized.parameters.set_index(keys)["std_all"][mine.index], mine["std_all"], atol=1e-6
    )
    a, b = (one.standardized().set_index(keys)["se"] for one in (fit, standardized))
    assert a[slope] == pytest.approx(b[slope], rel=1e-4)


def test_moments_and_standardized_slopes(fit):
    value = {(row.lhs, row.op, row.rhs): row for row in fit.parameters.itertuples()}
    b1, b2, b3 = (value["Y", "~", name].est for name in ("X", "M", "X:M"))
    v, w, c = value["X", "~~", "X"].est, value["M", "~~", "M"].est, value["X", "~~", "M"].est
    residual = value["Y", "~~", "Y"].est
    variance = b1**2 * v + b2**2 * w + 2 * b1 * b2 * c + b3**2 * (v * w + c**2) + residual
    assert fit.r_squared["Y"] == pytest.approx(1 - residual / variance, rel=1e-10)
    assert value["Y", "~", "X:M"].std_all == pytest.approx(b3 * math.sqrt(v * w / variance), rel=1e-10)
    noise = value["y1", "~~", "y1"].est
    implied = fit.implied()
    assert implied["cov"].loc["y1", "y1"] == pytest.approx(variance + noise, rel=1e-10)
    assert implied["mean"]["y1"] == pytest.approx(value["y1", "~1", ""].est + b3 * c, rel=1e-10)


def test_tests_and_slopes(data, fit):
    linear = cbec.sem(MEASURED + "Y ~ X + M", data, meanstructure=True)
    test = fit.likelihood_ratio_test()
    gap = 2 * (fit.fit_measures["logl"] - linear.fit_measures["logl"])
    assert test.tolist() == pytest.approx([gap, 1.0, stats.chi2.sf(gap, 1)])
    compared = cbec.compare(fit, linear)
    assert compared["chisq_diff"].iloc[1] == pytest.approx(gap)
    assert compared["df_diff"].iloc[1] == 1
    assert fit.fit_measures[["chisq", "cfi", "rmsea"]].isna().all()
    slopes = fit.simple_slopes("Y", "X", "M", values=[0.0, 1.0]).slopes["est"]
    rows = fit.parameters.query("op == '~'").set_index("rhs")["est"]
    assert slopes.tolist() == pytest.approx([rows["X"], rows["X"] + rows["X:M"]])
    assert len(fit.johnson_neyman("Y", "X", "M").curve)
    named = cbec.sem(MODEL.replace("X:M", "b3*X:M"), data, interaction="lms")
    row = named.parameters.query("rhs == 'X:M'").iloc[0]
    assert named.wald_test("b3 == 0")["statistic"] == pytest.approx(row.z**2)


def test_slopes_of_an_observed_moderator_are_in_its_units(data):
    found = cbec.sem("X =~ x1 + x2 + x3; y1 ~ X + z + X:z", data, interaction="lms")
    rows = found.parameters.query("op == '~'").set_index("rhs")["est"]
    assert found.simple_slopes("y1", "X", "z", values=[2.0]).slopes["est"][0] == pytest.approx(
        rows["X"] + 2 * rows["X:z"]
    )


def test_how_it_shows_itself(fit):
    with use_language("en"):
        shown = fit.summary()
        assert "Against no products" in shown
        assert "X:M" in fit._repr_html_()
    with use_language("zh"):
        assert "与无乘积模型比较" in fit.summary()
    assert fit.plot() is not None


def test_errors_may_be_left_out(data):
    assert cbec.sem(MODEL, data, interaction="lms", se="none").parameters["se"].isna().any()


def test_without_products_the_method_does_not_matter(data):
    a, b = (cbec.sem(MEASURED + "Y ~ X + M", data, interaction=m) for m in ("lms", "double_mean_centring"))
    pd.testing.assert_frame_equal(a.parameters, b.parameters)


@pytest.mark.parametrize(
    ("model", "options", "word"),
    [
        (MODEL, {"estimator": "MLR"}, "estimator"),
        (MODEL, {"missing": "fiml"}, "missing"),
        (MODEL, {"group": "z"}, "group"),
        (MODEL, {"meanstructure": False}, "meanstructure"),
        (MODEL, {"ordered": ["x1"]}, "ordered"),
        (MODEL + "\nX:M ~~ X", {}, "X:M ~~ X"),
        (MODEL + "\nX:M ~ X", {}, "X:M ~ X"),
        (MEASURED + "Y ~ X + M + X:X + M:M", {}, "X:X, M:M"),
        (MEASURED + "X ~ M\nY ~ X + M + X:X", {}, "X:X"),
        ("X =~ x1\nM =~ m1\ny1 ~ X + M + X:M", {}, "error"),
        (MEASURED + "Y ~ X + M + b*X:M\nb > 0", {}, "inequalities"),
    ],
)
def test_what_it_does_not_know_is_said(data, model, options, word):
    with use_language("en"), pytest.raises(ModelError, match=word.replace("+", ".")):
        cbec.sem(model, data, interaction="lms", **options)


def test_it_needs_data():
    with pytest.raises((DataError, ModelError), match="data"):
        cbec.sem(MODEL, None, interaction="lms")


@pytest.mark.parametrize("name", ["residuals", "effects", "modification_indices", "factor_scores", "bootstrap"])
def test_what_has_no_answer_is_said(fit, name):
    with use_language("en"), pytest.raises(ModelError, match=name):
        getattr(fit, name)()


def test_elsewhere_too(data, fit):
    with pytest.raises(ModelError, match="vuong_test"):
        cbec.vuong_test(cbec.sem(MEASURED + "Y ~ X + M", data, meanstructure=True), fit)
    for ask in (cbec.reliability, fornell_larcker):
        with use_language("en"), pytest.raises(ModelError, match="without the latent products"):
            ask(fit)


def test_a_model_that_products_are_not_added_to(data):
    found = cbec.sem(MODEL.replace("X:M", "0.2*X:M"), data, interaction="lms")
    with pytest.raises(ModelError):
        found.likelihood_ratio_test()
    assert "AIC" in found.summary()


@pytest.mark.slow
def test_estimates_and_errors_hold_in_repeated_samples():
    """Bias within Monte Carlo error; the mean standard error agrees with the standard deviation of the estimates."""
    found, claimed = [], []
    for child in np.random.SeedSequence(SETTINGS["seed"]).spawn(SETTINGS["replications"]):
        frame = simulated(np.random.default_rng(child), SETTINGS["cases"])
        rows = cbec.sem(MODEL, frame, interaction="lms").parameters.query("op == '~'").set_index("rhs")
        found.append(rows["est"])
        claimed.append(rows["se"])
    estimates, errors = pd.DataFrame(found), pd.DataFrame(claimed)
    spread = estimates.std()
    bias = (estimates.mean() - pd.Series(TRUTH)) / (spread / math.sqrt(SETTINGS["replications"]))
    assert (bias.abs() < 2.6).all()
    assert (errors.mean() / spread).between(0.9, 1.1).all()
    covered = (np.abs(estimates.to_numpy() - np.array(list(TRUTH.values()))) < 1.96 * errors.to_numpy()).mean(axis=0)
    assert ((covered > 0.91) & (covered < 0.99)).all()
