"""Ordinal data: correlations against direct maximisation, the covariances of statistics, invariances, bad input, lavaan."""

import json
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import cbecmodel as cbec
from cbecmodel.errors import DataError, DataWarning, ModelError, ModelWarning
from cbecmodel.structure.sample.bivariate_normal import bivariate_cdf
from cbecmodel.structure.sample.polychoric import pair_tables, polychoric_correlations, polychoric_matrix

MODEL = "f =~ a + b + c + d"
SHARED = [
    "dwls", "ulsmv", "wlsm", "wlsmv", "wlsmv_theta", "invariance_configural", "invariance_thresholds", "invariance_loadings",
    "invariance_intercepts", "invariance_residuals",
]  # fmt: skip


def simulated(n=400, seed=3, cuts=(-0.7, 0.4)):
    """Return four ordinal items of one factor, a continuous variable, a covariate and two groups."""
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal(n)
    y = 0.7 * factor[:, None] + np.sqrt(0.51) * rng.standard_normal((n, 4))
    data = pd.DataFrame((y[:, :, None] > np.array(cuts)).sum(axis=2) + 1, columns=list("abcd"))
    data["v"] = 3 + 2 * (0.6 * factor + 0.8 * rng.standard_normal(n))
    data["w"] = rng.standard_normal(n)
    return data.assign(g=np.where(rng.random(n) < 0.5, "one", "two"))


# ---------------------------------------------------------------- first and second step
@pytest.mark.parametrize("rho", [-0.9999, -0.95, -0.6, 0.0, 0.3, 0.8, 0.93, 0.999])
def test_bivariate_probabilities(rho):
    """Against scipy's bivariate normal, some limits nearly on the diagonal."""
    h, k = np.array([[0.3, -1.2, 2.0, 0.5, -0.4]]), np.array([[0.3, 0.7, -2.0, 0.51, 0.4]])
    law = stats.multivariate_normal(cov=[[1, rho], [rho, 1]], allow_singular=True)
    expected = [law.cdf([a, b]) for a, b in zip(h[0], k[0], strict=True)]
    np.testing.assert_allclose(
        bivariate_cdf(h, k, np.array([rho]))[0], expected, rtol=0, atol=2e-8 if abs(rho) > 0.99 else 1e-12
    )


def test_polychoric_maximises_the_likelihood():
    data = simulated(300)
    found = cbec.polychoric(data[["a", "b"]])
    table = pd.crosstab(data["a"], data["b"]).to_numpy()
    cuts = [np.concatenate([[-8], found.thresholds[name].to_numpy(), [8]]) for name in "ab"]

    def negative(rho):
        law = stats.multivariate_normal(cov=[[1, rho], [rho, 1]])
        grid = np.array([[law.cdf([x, y]) for y in cuts[1]] for x in cuts[0]])
        return -(table * np.log(np.diff(np.diff(grid, axis=0), axis=1))).sum()

    best = optimize.minimize_scalar(negative, bounds=(-0.99, 0.99), method="bounded", options={"xatol": 1e-10}).x
    assert found.correlations.loc["a", "b"] == pytest.approx(best, abs=1e-6)
    shares = np.cumsum(data["a"].value_counts().sort_index())[:-1] / len(data)
    np.testing.assert_allclose(found.thresholds["a"], stats.norm.ppf(shares), rtol=1e-12)


def test_many_tables_at_once_equal_one_at_a_time():
    data = simulated(200)
    codes = data[list("abcd")].to_numpy() - 1
    matrix = polychoric_matrix(codes)
    np.testing.assert_allclose(matrix, cbec.polychoric(data[list("abcd")]).correlations, atol=1e-12)
    tables = pair_tables(codes, np.array([0, 1]), np.array([2, 3]), 3)
    cuts = np.stack([stats.norm.ppf(np.cumsum(np.bincount(column))[:-1] / 200) for column in codes.T])
    both = polychoric_correlations(tables, cuts[[0, 1]], cuts[[2, 3]])
    np.testing.assert_allclose(both, [matrix[0, 2], matrix[1, 3]], atol=1e-12)


def test_tetrachoric_correlation_is_exact_for_median_splits():
    table = np.array([[[35.0, 15.0], [15.0, 35.0]]])
    zero = np.zeros((1, 1))
    assert polychoric_correlations(table, zero, zero)[0] == pytest.approx(
        math.sin(2 * math.pi * (0.35 - 0.25)), abs=1e-12
    )


def test_correlations_near_one_are_found():
    table = np.array([[[48.0, 2.0], [2.0, 48.0]]])
    zero = np.zeros((1, 1))
    assert polychoric_correlations(table, zero, zero)[0] == pytest.approx(math.sin(2 * math.pi * 0.23), abs=1e-10)


def test_standard_errors_are_those_of_repeated_samples():
    """A seeded Monte Carlo: the spread of estimates over 300 samples against the mean standard error (tolerance 8 %)."""
    found = [cbec.polychoric(simulated(300, seed)[["a", "v"]], ordered="a") for seed in range(300)]
    spread = np.std([one.correlations.loc["a", "v"] for one in found])
    assert np.mean([one.std_errors.loc["a", "v"] for one in found]) == pytest.approx(spread, rel=0.08)


def test_covariances_of_statistics_equal_a_numerical_sandwich():
    """The stacked estimating equations of thresholds and a polychoric correlation, differentiated numerically."""
    data = simulated(20_000)
    found = cbec.polychoric(data[["a", "b"]])
    theta = np.concatenate([found.thresholds, [found.correlations.loc["a", "b"]]])
    codes = data[["a", "b"]].to_numpy() - 1

    def likelihoods(values):
        cuts = [np.concatenate([[-8], part, [8]]) for part in (values[:2], values[2:4])]
        grid = bivariate_cdf(np.repeat(cuts[0], 4)[None], np.tile(cuts[1], 4)[None], values[4:])[0].reshape(4, 4)
        own = [np.log(np.diff(stats.norm.cdf(part)))[column] for part, column in zip(cuts, codes.T, strict=True)]
        return own, np.log(np.diff(np.diff(grid, axis=0), axis=1))[codes[:, 0], codes[:, 1]]

    def scores(values):
        out, h = np.zeros((len(codes), 5)), 1e-5
        for k in range(5):
            step = np.eye(5)[k] * h
            up, down = likelihoods(values + step), likelihoods(values - step)
            out[:, k] = ((up[1] - down[1]) if k == 4 else (up[0][k // 2] - down[0][k // 2])) / (2 * h)
        return out

    meat, bread = scores(theta), np.zeros((5, 5))
    for k in range(5):
        step = np.eye(5)[k] * 1e-4
        bread[:, k] = (scores(theta + step) - scores(theta - step)).sum(axis=0) / 2e-4
    inverse = np.linalg.inv(bread)
    sandwich = np.sqrt(np.diag(inverse @ meat.T @ meat @ inverse.T))
    ours = np.concatenate([found.threshold_errors, [found.std_errors.loc["a", "b"]]])
    # bread from products of scores instead of second derivatives: equal but for sampling
    np.testing.assert_allclose(ours, sandwich, rtol=0.02)
    np.testing.assert_allclose(ours[:4], sandwich[:4], rtol=1e-5)  # thresholds are saturated: equal


# ---------------------------------------------------------------- what theory says must not matter
def test_codes_order_of_rows_and_names_of_groups_do_not_matter():
    data = simulated()
    fit = cbec.cfa(MODEL, data, ordered=True)
    recoded = data.assign(a=data["a"].map({1: -5, 2: 0, 3: 7}), b=pd.Categorical(data["b"].map({1: "lo", 2: "mid", 3: "hi"}),
                                                                              ["lo", "mid", "hi"], ordered=True))  # fmt: skip
    with pytest.warns(DataWarning, match="Nobody chose"):
        other = cbec.cfa(MODEL, recoded.sample(frac=1, random_state=1), ordered=["a", "c", "d"])
    np.testing.assert_allclose(fit.parameters["est"], other.parameters["est"], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(fit.parameters["se"], other.parameters["se"], rtol=1e-8, atol=1e-10)


def test_delta_theta_and_markers_fit_alike():
    data = simulated()
    fits = [
        cbec.cfa(MODEL, data, ordered=True, parameterization=kind, std_lv=std)
        for kind in ("delta", "theta")
        for std in (False, True)
    ]
    for fit in fits[1:]:
        for name in ("chisq", "chisq_scaled", "cfi_scaled", "srmr"):
            assert fit.fit_measures[name] == pytest.approx(fits[0].fit_measures[name], rel=1e-8)
        np.testing.assert_allclose(fit.parameters["std_all"], fits[0].parameters["std_all"], rtol=1e-7, atol=1e-9)


def test_units_of_a_continuous_variable_do_not_matter():
    data = simulated()
    model, ordered = "f =~ a + b + c + v", ["a", "b", "c"]
    one = cbec.cfa(model, data, ordered=ordered)
    other = cbec.cfa(model, data.assign(v=data["v"] / 1000), ordered=ordered)
    assert one.fit_measures["chisq_scaled"] == pytest.approx(other.fit_measures["chisq_scaled"], rel=1e-8, abs=1e-10)
    np.testing.assert_allclose(one.standardized()["se"], other.standardized()["se"], rtol=1e-7, atol=1e-9)


def test_groups_without_equalities_are_separate_fits():
    data = simulated(600)
    both = cbec.cfa(MODEL, data, ordered=True, group="g")
    for number, label in enumerate(both.group_labels, start=1):
        alone = cbec.cfa(MODEL, data[data["g"] == label], ordered=True)
        mine = both.parameters[both.parameters["group"] == number]
        np.testing.assert_allclose(mine["est"], alone.parameters["est"], rtol=1e-8, atol=1e-9)


def test_truth_is_recovered():
    found = cbec.cfa(MODEL, simulated(20_000), ordered=True, std_lv=True).parameters.query("op == '=~'")
    np.testing.assert_allclose(found["est"], 0.7, atol=4 * found["se"].max())


def test_implied_statistics_and_residuals_are_labelled():
    fit = cbec.sem("f =~ a + b + c + v\nf ~ w", simulated(), ordered=["a", "b", "c"])
    implied, left = fit.implied(), fit.residuals("cor")
    assert implied["thresholds"].index[:2].tolist() == ["a|t1", "a|t2"]
    assert implied["slopes"].shape == (4, 1)
    assert left["cov"].to_numpy().diagonal() == pytest.approx(0)
    assert left["cov"].abs().to_numpy().max() < 0.1
    assert "Thresholds" in fit.summary()


# ---------------------------------------------------------------- what is refused, and what is said aloud
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"estimator": "MLR"}, ModelError, "MLR.*WLSMV"),
        ({"missing": "fiml"}, ModelError, "pairwise"),
        ({"ordered": ["a", "nobody"]}, DataError, "nobody"),
    ],
)
def test_options_that_do_not_go_with_ordinal_variables(options, error, words):
    with pytest.raises(error, match=words):
        cbec.cfa(MODEL, simulated(), **({"ordered": True} | options))


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("f =~ a + b + c + d\na ~~ NA*a", {}, 'a.*parameterization="theta"'),
        ("f =~ a + b + c + d\na ~*~ NA*a", {"parameterization": "theta"}, 'a.*parameterization="delta"'),
        ("b ~ a + w\na ~ w", {}, 'a is a cause of b.*"theta"'),
        ("f =~ a + b + c + d\na | t3", {}, "a has no threshold t3.*t1, t2"),
        ("f =~ a + b + v\nv | t1", {"ordered": ["a", "b"]}, "1000|v"),
    ],
)
def test_models_that_ask_for_what_does_not_exist(model, options, words):
    with pytest.raises((ModelError, DataError), match=words):
        cbec.sem(model, simulated(), **({"ordered": True} | options))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.assign(a=1), "a.*one category"),
        (lambda d: d.assign(a=d["a"] + 0.5), "a.*1.5|a.*whole number"),
        (lambda d: d.assign(a=d["a"].astype("category")), "a have no order"),
        (lambda d: d.assign(a=d["b"]), "b.*a|a.*b"),
        (lambda d: d.assign(a=(d.index * 5.0)), "a.*runs from"),
    ],
)
def test_data_that_cannot_be_ordinal(change, words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        with pytest.raises(DataError, match=words):
            cbec.cfa(MODEL, change(simulated()), ordered=["a", "b"])


def test_a_category_missing_in_a_group_names_item_category_and_group():
    data = simulated()
    data.loc[(data["g"] == "two") & (data["c"] == 3), "c"] = 2
    with pytest.raises(DataError, match='group "two" chose category 3 of c'):
        cbec.cfa(MODEL, data, ordered=True, group="g")


def test_empty_cells_and_many_categories_are_said():
    data = simulated(60, seed=5)
    data.loc[(data["a"] == 1) & (data["b"] == 3), "b"] = 2
    with pytest.warns(DataWarning, match="a × b"):
        cbec.polychoric(data[["a", "b"]])
    data["a"] = np.arange(60) % 15
    with pytest.warns(DataWarning, match="15 categories"):
        cbec.polychoric(data[["a", "v"]], ordered="a")


def test_an_ordered_exogenous_variable_is_a_number_and_it_is_said():
    data = simulated()
    with pytest.warns(DataWarning, match="taken as numbers.*: d"):
        fit = cbec.sem("f =~ a + b + c\nf ~ d", data, ordered=["a", "b", "c", "d"])
    assert fit.table.ordered == ("a", "b", "c")


def test_moments_alone_are_not_enough():
    data = simulated()[list("abcd")]
    with pytest.raises(DataError, match="need the data"):
        cbec.cfa(MODEL, sample_cov=data.cov(), sample_nobs=400, ordered=True)


def test_covariates_that_separate_categories_are_named():
    data = simulated(80).assign(w=lambda d: d["a"] * 10.0)
    with pytest.raises(DataError, match="a on the exogenous"):
        cbec.sem("f =~ a + b + c\nf ~ w", data, ordered=["a", "b", "c"])


# ---------------------------------------------------------------- lavaan's numbers that are not part of the project
def numbers_of(values):
    return np.array([math.nan if value is None else value for value in values], dtype=float)


@pytest.mark.shared
@pytest.mark.parametrize("name", [*(f"07_hs_ordinal_{each}" for each in SHARED), "08_bfi_five_factor_wlsmv"])
def test_shared_case(shared, name):
    folder = shared / "reference" / "sem"
    expected = json.loads((folder / "lavaan" / f"{name}.json").read_text(encoding="utf-8"))
    options = expected["options"] | ({"se": "standard"} if name.endswith("_dwls") else {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        warnings.simplefilter("ignore", DataWarning)
        fit = cbec.cfa(expected["model"], pd.read_csv(folder / "data" / expected["data_file"]), **options)
    for ours, theirs in (("est", "est"), ("se", "se"), ("std_lv", "std.lv"), ("std_all", "std.all")):
        np.testing.assert_allclose(
            fit.parameters[ours], numbers_of(expected["parameters"][theirs]), rtol=1e-6, atol=1e-7, err_msg=ours
        )
    np.testing.assert_allclose(
        fit.standardized()["se"], numbers_of(expected["standardized_std_all"]["se"]), rtol=1e-6, atol=5e-7
    )
    for key, value in expected["fit_measures"].items():
        ours = key.replace(".", "_")
        several = fit.table.n_groups > 1 and ours in {"cfi_robust", "tli_robust", "nnfi_robust", "rni_robust"}
        if value is None or ours in {"gfi", "agfi", "pgfi"} or several:
            continue
        np.testing.assert_allclose(fit.fit_measures[ours], value, rtol=2e-6, atol=2e-6, err_msg=key)
    if "modification_indices" in expected:
        index = fit.modification_indices().set_index(["lhs", "op", "rhs"])
        theirs = expected["modification_indices"]
        for lhs, op, rhs, mi, epc in zip(*(theirs[k] for k in ("lhs", "op", "rhs", "mi", "epc")), strict=True):
            np.testing.assert_allclose(
                index.loc[(lhs, op, rhs), ["mi", "epc"]].to_numpy(float), [mi, epc], rtol=5e-6, atol=1e-6
            )


@pytest.mark.shared
def test_shared_polychorics(shared):
    """lavaan's to 2e-7 (its own precision), polycor's and psych's to what the reference says of them."""
    folder = shared / "reference" / "sem"
    expected = json.loads((folder / "lavaan" / "07_hs_polychoric_crosscheck.json").read_text(encoding="utf-8"))
    with pytest.warns(DataWarning, match="empty cell"):
        found = cbec.polychoric(pd.read_csv(folder / "data" / "hs_ordinal4.csv")).correlations.to_numpy()
    np.testing.assert_allclose(found, np.array(expected["lavaan"]["values"]), atol=2e-7)
    np.testing.assert_allclose(found, np.array(expected["polycor"]), atol=2e-5)
    np.testing.assert_allclose(found, np.array(expected["psych"]), atol=2e-4)


@pytest.mark.shared
def test_modal_scores(shared):
    """lavPredict of lavaan 0.6-14, first cases (its optimiser stops at some 1e-5)."""
    data = pd.read_csv(shared / "reference" / "sem" / "data" / "hs_ordinal4.csv")
    model = "visual =~ x1 + x2 + x3; textual =~ x4 + x5 + x6; speed =~ x7 + x8 + x9"
    with pytest.warns(DataWarning, match="empty cell"):
        fit = cbec.cfa(model, data, ordered=True)
    expected = [[-0.54627796, 0.0003270956, 0.34034682], [0.01813798, -1.1219039187, 0.39264318]]
    np.testing.assert_allclose(fit.factor_scores("ebm").to_numpy()[:2], expected, atol=2e-4)
    pd.testing.assert_frame_equal(fit.factor_scores(), fit.factor_scores("ebm"))  # the one that ordinal answers have
