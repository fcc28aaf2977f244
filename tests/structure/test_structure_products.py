"""Latent interactions by product indicators, against semTools and lavaan."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from semopy.examples import political_democracy

import cbecmodel as cbec
from cbecmodel.errors import DataError, ModelError
from cbecmodel.messages import use_language

ROOT = Path(__file__).parents[1] / "reference" / "sem"
FIRST, SECOND = ["x1", "x2", "x3"], ["m1", "m2", "m3"]
MODEL = "X =~ x1 + x2 + x3\nM =~ m1 + m2 + m3\nY =~ y1 + y2 + y3\nY ~ X + M + X:M"


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(ROOT / "data" / "interaction.csv")


@pytest.mark.parametrize(
    ("name", "method", "matched", "product"),
    [
        ("int_double_matched", "double_mean_centring", None, "XM"),
        ("int_double_all", "double_mean_centring", False, "XM"),
        ("int_residual_matched", "residual_centring", True, "XM"),
    ],
)
def test_from_syntax_as_written_by_hand(data, name, method, matched, product):
    """The model sem writes is the one whose numbers lavaan gave, product and shared errors included."""
    numbers = json.loads((ROOT / name / "numbers.json").read_text(encoding="utf-8"))["parameters"]
    written = cbec.latent_interaction(MODEL, data, method, matched)
    fit = cbec.sem(written.model, written.data, estimator="MLR")
    expected = {
        (a.replace(product, "X:M"), op, b.replace(product, "X:M")): (est, se)
        for a, op, b, est, se in zip(*(numbers[key] for key in ("lhs", "op", "rhs", "est", "se")), strict=True)
    }
    assert len(expected) == len(fit.parameters)
    for row in fit.parameters.itertuples():
        est, se = expected.get((row.lhs, row.op, row.rhs)) or expected[(row.rhs, row.op, row.lhs)]
        assert row.est == pytest.approx(est, rel=1e-6, abs=1e-8)
        assert row.se == pytest.approx(se, rel=1e-6, abs=1e-8)


def test_one_call_is_the_written_model_with_robust_errors(data):
    written = cbec.latent_interaction(MODEL, data)
    apart, fit = cbec.sem(written.model, written.data, estimator="MLR"), cbec.sem(MODEL, data)
    assert fit.options.estimator == "MLR"
    pd.testing.assert_frame_equal(fit.parameters, apart.parameters)
    assert cbec.sem(MODEL, data, se="standard").options.estimator == "ML"
    assert cbec.sem(MODEL, data, estimator="MLM").options.estimator == "MLM"
    assert "x1.m1" not in data.columns


def test_slopes_do_not_depend_on_double_centring_when_means_are_free(data):
    slopes = [
        cbec.sem(MODEL, data, interaction=method, meanstructure=True).parameters.query("op == '~'")
        for method in ("double_mean_centring", "mean_centring")
    ]
    np.testing.assert_allclose(slopes[0]["est"], slopes[1]["est"], rtol=1e-9)
    np.testing.assert_allclose(slopes[0]["se"], slopes[1]["se"], rtol=1e-6)


def test_order_of_the_parts_and_units_do_not_matter(data):
    fit = cbec.sem(MODEL, data)
    turned = cbec.sem(MODEL.replace("X:M", "M:X"), data)
    scaled = data.assign(**{name: data[name] * 10 + 5 for name in FIRST})
    larger = cbec.sem(MODEL, scaled)
    slope = fit.parameters.set_index(["lhs", "rhs"])["est"]
    assert turned.parameters.set_index(["lhs", "rhs"])["est"][("Y", "M:X")] == pytest.approx(slope[("Y", "X:M")])
    found = larger.parameters.set_index(["lhs", "rhs"])["est"]
    assert found[("Y", "X:M")] * 10 == pytest.approx(slope[("Y", "X:M")], rel=1e-7)


def test_residual_products_are_orthogonal_to_all_indicators(data):
    made = cbec.product_indicators(data, FIRST, SECOND, "residual_centring", matched=False)
    products = made[[f"{a}.{b}" for a in FIRST for b in SECOND]]
    np.testing.assert_allclose(products.mean(), 0, atol=1e-12)
    cross = products.to_numpy().T @ (data[FIRST + SECOND] - data[FIRST + SECOND].mean()).to_numpy()
    np.testing.assert_allclose(cross, 0, atol=1e-9)


def test_missing_answers_and_names(data):
    gaps = data.copy()
    gaps.loc[0, "x1"] = np.nan
    double = cbec.product_indicators(gaps, FIRST, SECOND, names=["p", "q", "r"])
    assert double.loc[0, ["p", "q"]].isna().tolist() == [True, False]
    residual = cbec.product_indicators(gaps, FIRST, SECOND, "residual_centring")
    assert residual.loc[0, ["x1.m1", "x2.m2"]].isna().all()
    assert gaps.columns.tolist() == data.columns.tolist()
    fit = cbec.sem(MODEL, gaps, missing="fiml")
    assert fit.n_obs == len(gaps)


def test_several_products_squares_and_observed_moderators(data):
    model = "X =~ x1 + x2 + x3; Y =~ y1 + y2 + y3; w ~~ w; X ~~ w; Y ~ X + w + X:X + X:w"
    written = cbec.latent_interaction(model, data)
    assert written.products == {
        "X:X": (("x1", "x1"), ("x2", "x2"), ("x3", "x3")),
        "X:w": (("x1", "w"), ("x2", "w"), ("x3", "w")),
    }
    # x1*x1 and x1*w share the error of x1; products with w alone share nothing that has an error
    assert "x1.x1 ~~ x1.w" in written.model
    assert "x1.w ~~ x2.w" not in written.model
    fit = cbec.sem(model, data)
    effect = fit.parameters.query("op == '~'").set_index("rhs")["est"]
    assert abs(effect["X:w"] - 0.15) < 0.1
    assert abs(effect["X:X"] - 0.1) < 0.15


def test_groups_and_blocks(data):
    fit = cbec.sem(MODEL, data, group="g", group_equal="loadings")
    assert (fit.parameters["rhs"] == "X:M").sum() >= 2
    half = MODEL.replace("\n", ";")
    blocks = cbec.sem(f"group: a\n{half}\ngroup: b\n{half}", data, group="g")
    both = cbec.sem(MODEL, data, group="g")
    assert blocks.fit_measures["chisq"] == pytest.approx(both.fit_measures["chisq"])


def test_marker_may_stand_anywhere(data):
    moved = cbec.latent_interaction(MODEL.replace("X =~ x1 + x2", "X =~ NA*x1 + 1*x2"), data)
    assert moved.products["X:M"][0] == ("x2", "m1")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda d: cbec.product_indicators(d, ["x1"], ["m1", "m2"]), ModelError, "as many indicators"),
        (lambda d: cbec.product_indicators(d, [], ["m1"]), ModelError, "one variable or more"),
        (lambda d: cbec.product_indicators(d, ["x1", "x1"], ["m1", "m2"]), ModelError, "each once"),
        (lambda d: cbec.product_indicators(d, "x1", "m1", "none"), ModelError, "method="),
        (lambda d: cbec.product_indicators(d, "x1", "m1", names=["a", "b"]), ModelError, "1 products, but 2"),
        (lambda d: cbec.product_indicators(d, "x1", "m1", names=["g"]), DataError, "already: g"),
        (lambda d: cbec.product_indicators(d, "x1", "m9"), DataError, "m9"),
        (lambda d: cbec.product_indicators(d, "x1", "g"), DataError, "not numeric"),
        (lambda d: cbec.product_indicators(d.head(3), FIRST, SECOND, "residual_centring"), DataError, "complete cases"),
        (lambda d: cbec.product_indicators(d.assign(x1=np.nan), "x1", "m1"), DataError, "missing"),
        (lambda d: cbec.sem(MODEL, d, interaction="latent"), ModelError, "interaction="),
        (lambda d: cbec.sem(MODEL, d, std_lv=True), ModelError, "std_lv"),
        (lambda d: cbec.sem(MODEL.replace("=~ x1", "=~ NA*x1"), d), ModelError, "units"),
        (lambda d: cbec.sem(MODEL + ":Y", d), ModelError, "more than two"),
        (lambda d: cbec.sem(MODEL, sample_cov=d[FIRST].cov(), sample_nobs=9), ModelError, "needs the data"),
        (lambda d: cbec.latent_interaction("Y =~ y1 + y2", d), ModelError, "no product"),
        (
            lambda d: cbec.sem("X =~ x1 + x2; M =~ m1 + m2; G =~ X + M; y1 ~ G + G:y2", d),
            ModelError,
            "measured by latent",
        ),
    ],
)
def test_refusals(data, call, error, words):
    with pytest.raises(error, match=words) as caught:
        call(data)
    with use_language("zh"):
        assert words not in str(caught.value) or words.endswith(("=", "std_lv", "m9"))


@pytest.mark.shared
def test_reference_model(shared, tmp_path):
    """semTools' help-page model (dat2way) needs the data written by make_data.R; its means alone are in the references."""
    path = shared / "reference" / "sem" / "data" / "dat2way.csv"
    if not path.is_file():
        pytest.skip("dat2way.csv is not here; Rscript R/make_data.R writes it")
    folder = shared / "reference" / "sem" / "lavaan"
    frame = pd.read_csv(path)
    numbers = json.loads((folder / "11_latent_interaction_doublemc.json").read_text(encoding="utf-8"))
    made = cbec.product_indicators(frame, ["x1", "x2", "x3"], ["x4", "x5", "x6"])
    fit = cbec.sem(numbers["model"], made, meanstructure=True)
    for ours, theirs in (("est", "est"), ("se", "se"), ("std_all", "std.all")):
        expected = np.array([math.nan if v is None else v for v in numbers["parameters"][theirs]], dtype=float)
        np.testing.assert_allclose(fit.parameters[ours], expected, rtol=1e-6, atol=1e-8)
    numbers = json.loads((folder / "11_indprod_residual_centering.json").read_text(encoding="utf-8"))
    made = cbec.product_indicators(frame, ["x1", "x2", "x3"], ["x4", "x5", "x6"], "residual_centring", matched=False)
    for name, sd in numbers["sd"].items():
        assert made[name].std() == pytest.approx(sd, rel=1e-10)
        assert made[name].mean() == pytest.approx(numbers["means"][name], abs=1e-12)


def test_observed_products_are_made_on_the_fly():
    data = political_democracy.get_data()
    fit = cbec.sem("y1 ~ x1 + x2 + x1:x2", data)
    apart = cbec.sem("y1 ~ x1 + x2 + p", data.assign(p=data["x1"] * data["x2"]))
    np.testing.assert_allclose(fit.parameters["est"], apart.parameters["est"], rtol=1e-9)
