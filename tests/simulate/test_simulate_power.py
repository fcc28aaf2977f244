"""Monte Carlo power against closed forms, against one-by-one estimation, and against itself in other places."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cbecmodel as cbec
from cbecmodel.errors import ContentError, ConvergenceError, ModelError
from cbecmodel.messages import use_language
from cbecmodel.simulate.normal_population import normal_population
from cbecmodel.simulate.power_curves import fitted_curve
from cbecmodel.simulate.power_samples import normal_data, wishart_moments

FACTORS = "f =~ .7*x1 + .8*x2 + .6*x3\ng =~ .7*y1 + .8*y2 + .6*y3\ng ~ .3*f"
MODEL = "f =~ x1 + x2 + x3\ng =~ y1 + y2 + y3\ng ~ b*f"
MEDIATION = "m ~ .3*x\ny ~ .3*m + .2*x"
PATHS = "m ~ a*x\ny ~ b*m + c*x\nab := a*b\ntotal := c + ab"


def row(found: cbec.PowerResults, n: int, label: str) -> pd.Series:
    whole = found.parameters
    return whole[(whole["n"] == n) & (whole["label"] == label)].iloc[0]


# ------------------------------------------------------------------------------------------------------------ the numbers


def test_wishart_draws_have_the_moments_of_samples() -> None:
    """Mean and variance of S: E S = (n-1)/n Sigma, Var s_ij = (n-1)(s_ii s_jj + s_ij^2)/n^2."""
    population = normal_population(FACTORS, standardized=True)
    n, size = 40, 8000
    drawn = wishart_moments(population, n, [np.random.default_rng(k) for k in range(size)])
    sigma = population.cov
    spread = (np.outer(np.diag(sigma), np.diag(sigma)) + sigma**2) * (n - 1) / n**2
    np.testing.assert_array_less(np.abs(drawn.cov.mean(axis=0) - sigma * (n - 1) / n), 4.5 * np.sqrt(spread / size))
    np.testing.assert_allclose(drawn.cov.var(axis=0), spread, rtol=0.12)
    np.testing.assert_array_less(np.abs(drawn.mean.mean(axis=0)), 4.5 / np.sqrt(n * size))
    np.testing.assert_allclose(drawn.mean.var(axis=0) * n, 1, rtol=0.1)


def test_power_of_a_regression_is_that_of_theory() -> None:
    """With x random, the Wald test of beta in n cases: integrate the power given x over the chi-square of x."""
    n, beta = 80, 0.3
    found = cbec.power("y ~ .3*x", "y ~ b*x", n=n, replications=4000, seed=11, standardized=True)
    grid = (np.arange(2000) + 0.5) / 2000
    spread = stats.chi2.ppf(grid, n - 1)  # sum of squares of x
    residual = 1 - beta**2
    # the statistic est/se with the ML residual variance: t with n - 2, stretched by n/(n - 2)
    cut = 1.959963984540054 * np.sqrt((n - 2) / n)
    shift = beta * np.sqrt(spread / residual)
    expected = float((stats.nct.sf(cut, n - 2, shift) + stats.nct.cdf(-cut, n - 2, shift)).mean())
    here = row(found, n, "b")
    assert abs(here["power"] - expected) < 4 * here["power_mcse"]
    assert abs(here["coverage"] - (1 - 2 * stats.t.sf(cut, n - 2))) < 4 * here["coverage_mcse"]
    assert abs(here["bias"]) < 4 * here["bias_mcse"]
    assert here["sd"] == pytest.approx(np.sqrt(residual / (n - 3)), rel=0.05)


def test_power_of_a_latent_path_is_near_satorra_and_saris() -> None:
    n = 400
    found = cbec.power(FACTORS, MODEL, n=n, replications=2000, seed=5, standardized=True)
    closed = cbec.power_test(FACTORS, MODEL, MODEL.replace("b*f", "0*f"), n=n, standardized=True)["power"]
    here = row(found, n, "b")
    assert (
        abs(here["power"] - closed) < 4 * here["power_mcse"] + 0.015
    )  # Wald and likelihood-ratio tests differ a little
    assert here["truth"] == pytest.approx(0.3)


def test_tests_of_fit_reject_as_theory_says() -> None:
    """A right model: level alpha. A wrong one: noncentral chi-square (n large, misfit small)."""
    right = cbec.power(FACTORS, MODEL, n=500, replications=2000, seed=6, standardized=True).fit_tests
    level = right[right["test"] == "exact"].iloc[0]
    assert abs(level["power"] - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 2000)
    wrong = FACTORS + "\nx1 ~~ .08*y1"
    found = cbec.power(wrong, MODEL, n=500, replications=2000, seed=7, standardized=True).fit_tests
    closed = cbec.power_test(wrong, "", MODEL, n=500, standardized=True)
    here = found[found["test"] == "exact"].iloc[0]
    assert abs(here["power"] - closed["power"]) < 4 * here["power_mcse"] + 0.01
    # close fit: the rejection rate of chi-square beyond the quantile of the hypothesis
    cut = stats.ncx2.isf(0.05, closed["df"], 500 * closed["df"] * 0.05**2)
    close = found[found["test"] == "close"].iloc[0]
    assert (
        abs(close["power"] - stats.ncx2.sf(cut, closed["df"], closed["noncentrality"])) < 4 * close["power_mcse"] + 0.01
    )


def test_batched_estimates_are_those_of_single_fits() -> None:
    """The same samples one by one: the sampler of the moments is the same, the estimator is not."""
    together = cbec.power(MEDIATION, PATHS, n=60, replications=40, seed=3, ordinal=5)
    alone = cbec.power(
        MEDIATION, PATHS, n=60, replications=40, seed=3, ordinal=5, information="observed", se="standard"
    )
    one, other = together.replicates(60), alone.replicates(60)
    estimates = [name for name in one if "~" in name and not name.endswith("_se")] + ["ab", "total"]
    np.testing.assert_allclose(one[estimates], other[estimates], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(one[["chisq", "cfi", "rmsea"]], other[["chisq", "cfi", "rmsea"]], rtol=1e-5, atol=1e-7)


def test_every_column_of_a_replicate_is_that_of_sem() -> None:
    found = cbec.power(FACTORS, MODEL + "\nbb := b^2", n=90, replications=3, seed=8, standardized=True)
    population = normal_population(FACTORS, standardized=True)
    from cbecmodel.parallel import replicate_rng

    for index, here in found.replicates(90).iterrows():
        seed = np.random.SeedSequence(8, spawn_key=(90,))
        drawn = wishart_moments(population, 90, [replicate_rng(seed, int(index))])
        cov = pd.DataFrame(drawn.cov[0] * 90 / 89, index=population.names, columns=population.names)
        fit = cbec.sem(MODEL + "\nbb := b^2", sample_cov=cov, sample_nobs=90)
        table = fit.parameters.set_index(fit.parameters["lhs"] + fit.parameters["op"] + fit.parameters["rhs"])
        for name in ("g~f", "f=~x2", "g~~g", "x1~~x1"):
            assert here[name] == pytest.approx(table.loc[name, "est"], rel=1e-6)
            assert here[f"{name}_se"] == pytest.approx(table.loc[name, "se"], rel=1e-6)
        assert here["bb_se"] == pytest.approx(table.loc["bb:=b^2", "se"], rel=1e-5)
        for name in ("chisq", "pvalue", "rmsea", "rmsea_pvalue", "rmsea_notclose_pvalue", "cfi"):
            assert here[name] == pytest.approx(fit.fit_measures[name], rel=1e-6, abs=1e-9)


def test_the_curve_finds_the_required_n() -> None:
    found = cbec.power(MEDIATION, PATHS, n=[60, 120, 200], replications=1500, seed=2, standardized=True)
    wanted = found.required_n.set_index("label").loc["b"]
    assert wanted["inside"]
    assert wanted["ci_lower"] < wanted["n"] < wanted["ci_upper"]
    closed = cbec.power_test(MEDIATION, PATHS, PATHS.replace("b*m", "0*m").split("\nab")[0], n=100, standardized=True)
    assert wanted["n"] == pytest.approx(closed["n_required"], rel=0.06)
    alone = cbec.power(MEDIATION, PATHS, n=75, replications=1500, seed=2, standardized=True)
    assert alone.required_n.set_index("label").loc["b", "n"] == pytest.approx(closed["n_required"], rel=0.08)


def test_intervals_of_the_required_n_cover_as_they_say() -> None:
    """Brute force: binomial powers from a known curve, refitted many times."""
    rng = np.random.default_rng(4)
    sizes, a, b = np.array([50.0, 100.0, 150.0, 250.0]), -1.96, 0.27
    truth = ((stats.norm.ppf(0.8) - a) / b) ** 2
    hits, covered = stats.norm.cdf(a + b * np.sqrt(sizes)), 0
    for _ in range(400):
        curve = fitted_curve(sizes, rng.binomial(500, hits), [500] * 4, 0.05)
        assert curve is not None
        n, low, high = curve.required(0.8)
        covered += low <= truth <= high
        assert low <= n <= high
    assert 0.92 < covered / 400 < 0.98


def test_missing_answers_and_categories() -> None:
    data = normal_data(normal_population(FACTORS, standardized=True), {"x1": [0.2, 0.5, 0.3]}, {"mcar": 0.1})
    frame = data.draw(40_000, np.random.default_rng(1))
    assert frame.isna().mean().to_numpy() == pytest.approx(0.1, abs=0.01)
    shares = frame["x1"].value_counts(normalize=True).sort_index()
    assert shares.index.tolist() == [1, 2, 3]
    assert shares.to_numpy() == pytest.approx([0.2, 0.5, 0.3], abs=0.01)
    mar = {"mar": {"share": 0.2, "covariate": "y1", "slope": 1.0}}
    frame = normal_data(normal_population(FACTORS, standardized=True), None, mar).draw(40_000, np.random.default_rng(2))
    assert not frame["y1"].isna().any()
    assert frame["y1"][frame["x1"].isna()].mean() > 0.4


@pytest.mark.slow
def test_gaps_cost_power_and_fiml_wins_some_back() -> None:
    given = {"n": 100, "replications": 250, "seed": 9, "standardized": True}
    whole = cbec.power(MEDIATION, PATHS, **given)
    gaps = cbec.power(MEDIATION, PATHS, missing=0.25, **given)
    fiml = cbec.power(MEDIATION, PATHS, missing=0.25, treatment="fiml", fixed_x=False, **given)
    assert gaps.convergence["n_used"].iloc[0] == pytest.approx(100 * 0.75**3, rel=0.05)
    assert fiml.convergence["n_used"].iloc[0] > 96
    sd = [row(found, 100, "b")["sd"] for found in (whole, fiml, gaps)]
    assert sd[0] < sd[1] < sd[2]


def test_robust_errors_are_estimated_one_by_one() -> None:
    found = cbec.power(MEDIATION, PATHS, n=80, replications=20, seed=1, standardized=True, estimator="MLR")
    assert found.convergence["converged"].tolist() == [20]
    assert 0.5 < row(found, 80, "b")["se_ratio"] < 2


def test_an_instrument_is_a_population() -> None:
    consumer = cbec.load_instrument("consumer")
    model = consumer.measurement("PCI", "CID") + "\nCID ~ b*PCI"
    population = {"paths": "CID ~ .3*PCI", "careless": {"share": 0.1}, "missing": {"mcar": 0.01}}
    found = cbec.power(population, model, instrument="consumer", n=150, replications=12, seed=2)
    assert not found.exact
    assert found.convergence["n_used"].iloc[0] < 150
    assert row(found, 150, "b")["truth"] == pytest.approx(0.3, abs=0.06)
    assert "100,000 attentive" in str(found)


# ------------------------------------------------------------------------------------------------ the same in other places


def test_sizes_do_not_depend_on_each_other() -> None:
    one = cbec.power(MEDIATION, PATHS, n=70, replications=150, seed=1)
    two = cbec.power(MEDIATION, PATHS, n=[120, 70], replications=150, seed=1)
    pd.testing.assert_frame_equal(one.replicates(70), two.replicates(70))
    assert two.sizes == (70, 120)


def test_processes_and_folders_change_nothing(tmp_path: Path) -> None:
    here = cbec.power(MEDIATION, PATHS, n=70, replications=300, seed=1)
    there = cbec.power(MEDIATION, PATHS, n=70, replications=300, seed=1, parallel=2, folder=tmp_path)
    again = cbec.power(MEDIATION, PATHS, n=70, replications=300, seed=1, folder=tmp_path)
    pd.testing.assert_frame_equal(here.replicates(70), there.replicates(70), check_exact=True)
    pd.testing.assert_frame_equal(here.replicates(70), again.replicates(70), check_exact=True)
    for changed in ({"model": PATHS.replace("a*x", "a*x + 0*1")}, {"population": MEDIATION.replace(".2", ".1")}):
        given = {"population": MEDIATION, "model": PATHS, **changed}
        with pytest.raises(ContentError, match="another computation"):
            cbec.power(given["population"], given["model"], n=70, replications=300, seed=1, folder=tmp_path)


def test_results_show_themselves_in_both_languages() -> None:
    found = cbec.power(MEDIATION, PATHS, n=[70, 140], replications=200, seed=1, standardized=True)
    shown = str(found)
    assert "Monte Carlo power" in shown
    assert "y ~ m" in shown
    assert repr(found) == shown
    assert "<table" in found._repr_html_()
    with use_language("zh"):
        assert "检验功效" in str(found)
        assert found.plot().axes[0].get_ylabel() == "检验功效"
    labels = [one.get_label() for one in found.plot(["b", "ab"]).axes[0].containers]
    assert labels == ["y ~ m", "ab"]
    with pytest.raises(ModelError, match="no parameter q"):
        found.plot(["q"])


# ------------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"n": 1}, ContentError, "n is 1"),
        ({"n": []}, ContentError, r"n is \[\]"),
        ({"n": [50, 2.5]}, ContentError, "2.5"),
        ({"n": 4}, ContentError, "n = 4 is too small for 3"),
        ({"replications": 1}, ContentError, "replications is 1"),
        ({"alpha": 0}, ModelError, "alpha is 0"),
        ({"target": 1.2}, ModelError, "target is 1.2"),
        ({"seed": None}, ValueError, "seed"),
        ({"group": "g"}, ModelError, "group cannot be given"),
        ({"model": "y ~ m + w"}, ValueError, "w"),
        ({"population": "y ~ .3*m + .9*x\nm ~ .9*x", "standardized": True}, ContentError, "y explains"),
        ({"population": {"paths": "a ~ .3*b"}}, ContentError, "needs its instrument"),
        ({"instrument": "consumer", "population": {}, "missing": 0.1}, ContentError, "stand in its population"),
        ({"ordinal": 1}, ContentError, "number of categories"),
        ({"ordinal": {"y": [0.5, 0.6]}}, ContentError, "sum"),
        ({"ordinal": {"w": 5}}, ContentError, "does not have"),
        ({"missing": 1.5}, ContentError, "1.5"),
        ({"missing": {"mar": {"share": 0.1, "covariate": "w", "slope": 1}}}, ContentError, "does not have"),
    ],
)
def test_bad_input_is_refused(changed: dict[str, object], kind: type[Exception], said: str) -> None:
    given = {"population": MEDIATION, "model": PATHS, "n": 50, "replications": 10, "seed": 1, **changed}
    population, model = given.pop("population"), given.pop("model")
    with pytest.raises(kind, match=said):
        cbec.power(population, model, **given)  # type: ignore[arg-type]


def test_a_model_that_no_sample_identifies() -> None:
    with pytest.raises(ModelError, match="does not identify"):
        cbec.power("a ~~ .3*b", "f =~ a + b", n=50, replications=5, seed=1)


def test_all_failing_says_why() -> None:
    with pytest.raises(ConvergenceError, match="could not be estimated in any of the 5 samples"):
        cbec.power(MEDIATION, PATHS, n=20, replications=5, seed=1, missing=0.6)


@pytest.mark.parametrize("stop_at", [2, 3])
def test_ctrl_c_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch, stop_at: int) -> None:
    """Two batches of the first size: stopped between them, and before the first batch of the second size."""
    from cbecmodel.simulate import power_estimates

    calls = []

    def stopped(batch: object, plan: object) -> dict[str, np.ndarray]:
        calls.append(batch)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        return power_estimates.estimates(batch, plan)  # type: ignore[arg-type]

    monkeypatch.setattr("cbecmodel.simulate.power.estimates", stopped)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = cbec.power(MEDIATION, PATHS, n=[60, 90], replications=256, seed=1)
    assert found.partial
    assert found.sizes == (60,)
    assert found.convergence["replicates"].tolist() == [128 * (stop_at - 1)]
    assert "Stopped before its end" in str(found)
    assert len(caught) == (stop_at == 2)
