"""Helpers that write longitudinal models, against lavaan's fits of models written by hand (tests/reference/sem)."""

import json
import warnings
from pathlib import Path

import pandas as pd
import pytest

import cbecmodel as cbec
from cbecmodel.errors import ModelError, ModelWarning
from cbecmodel.messages import use_language

ROOT = Path(__file__).parents[1] / "reference" / "sem"
XY = {"x": ["x1", "x2", "x3", "x4"], "y": ["y1", "y2", "y3", "y4"]}
WAVES = ["t1", "t2", "t3", "t4"]
INDICATORS = {f"e{t}": [f"t{t}{k}" for k in "abc"] for t in range(1, 5)}
C = ["c1", "c2", "c3", "c4"]
WRITTEN = {
    "panel_ri_clpm": ("sem", cbec.ri_clpm(XY), {"estimator": "MLR"}),
    "panel_ri_clpm_equal": ("sem", cbec.ri_clpm(XY, equal=["autoregressive", "cross_lagged", "residuals"]), {}),
    "panel_ri_clpm_covariate": ("sem", cbec.ri_clpm(XY, equal="cross_lagged", covariates="z"), {}),
    "panel_clpm": ("sem", cbec.ri_clpm(XY, traditional=True), {}),
    "panel_ri_clpm_groups": (
        "sem", cbec.ri_clpm(XY, equal=["autoregressive", "cross_lagged"], groups=2), {"group": "g"},
    ),
    "curve_tvc": ("growth", cbec.growth_curve(WAVES, predictors="z", time_varying=C), {}),
    "curve_quadratic": ("growth", cbec.growth_curve(XY["x"], shape="quadratic", equal_residuals=True), {}),
    "curve_piecewise": (
        "growth", cbec.growth_curve(WAVES, shape="piecewise", knot=1.5, equal_residuals=True), {"estimator": "MLR"},
    ),
    "curve_free_groups": ("growth", cbec.growth_curve(WAVES, shape="free"), {"group": "g"}),
    "curve_second_order": ("growth", cbec.growth_curve(INDICATORS), {}),
    "change_dual": ("sem", cbec.latent_change(WAVES), {}),
}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(ROOT / "data" / "panel.csv")


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_as_written_by_hand(data, name):
    """Same chi-square, degrees of freedom and sorted free estimates with their errors as lavaan's fit of the other text."""
    numbers = json.loads((ROOT / name / "numbers.json").read_text(encoding="utf-8"))
    function, syntax, options = WRITTEN[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)  # some growth factors of these data have negative variances
        fit = getattr(cbec, function)(syntax, data, **options)
    for key in ("chisq", "df", "npar", "logl"):
        assert fit.fit_measures[key] == pytest.approx(numbers["fit_measures"][key], rel=1e-7, abs=1e-7)
    table = numbers["parameters"]
    expected = sorted((e, s) for e, s in zip(table["est"], table["se"], strict=True) if s)
    found = sorted(zip(*(fit.parameters.query("se > 0")[key] for key in ("est", "se")), strict=True))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-7)


def test_random_intercepts_recover_what_made_the_data(data):
    fit = cbec.sem(cbec.ri_clpm(XY, equal=["autoregressive", "cross_lagged", "residuals"]), data)
    found = fit.parameters.drop_duplicates("label").set_index("label")
    for label, truth in (("auto_x", 0.4), ("cross_x_y", 0.15), ("auto_y", 0.35), ("cross_y_x", 0.25)):
        assert abs(found.loc[label, "est"] - truth) < 3 * found.loc[label, "se"]


def test_constraints_test_equality_over_time(data):
    free, tied = (cbec.sem(cbec.ri_clpm(XY, equal=equal), data) for equal in ((), ("autoregressive", "cross_lagged")))
    table = cbec.compare(free, tied)
    assert table["df_diff"].iloc[1] == 8
    means = cbec.sem(cbec.ri_clpm(XY, equal="means"), data)
    assert means.df - free.df == 6


def test_three_variables_waves_and_covariates(data):
    three = {**XY, "t": WAVES}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        fit = cbec.sem(cbec.ri_clpm(three, covariates=["z"], covariates_on="waves"), data)
    regressions = fit.parameters.query("op == '~'")
    assert (regressions["rhs"] == "z").sum() == 12
    assert (regressions["rhs"] != "z").sum() == 27
    no_slope = cbec.sem(cbec.latent_change(WAVES, constant=False, name="_t"), data)
    assert "beta_t" in set(no_slope.parameters["label"])
    both = cbec.growth_curve(WAVES, time_varying={"c": C, "x": XY["x"]}, times=[0, 1, 2, 4.5], name="_a")
    assert "4.5*t4" in both
    assert "t2 ~ c2 + x2" in both


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cbec.ri_clpm({"x": ["x1", "x2", "x3"]}), "two variables"),
        (lambda: cbec.ri_clpm({"x": "x1", "y": "y1"}), "list of columns"),
        (lambda: cbec.ri_clpm({"x": ["x1", "x2", "x3"], "y": ["y1", "y2"]}), "x: 3, y: 2"),
        (lambda: cbec.ri_clpm({"x": ["x1", "x2"], "y": ["y1", "y2"]}), "needs 3"),
        (lambda: cbec.ri_clpm({"x": ["x1", "x2", "x3"], "y": ["y1", "y2", "x3"]}), "more than one wave: x3"),
        (lambda: cbec.ri_clpm(XY, equal="lags"), "equal="),
        (lambda: cbec.ri_clpm(XY, covariates_on="all"), "covariates_on="),
        (lambda: cbec.latent_change(["a", "b"]), "needs 3"),
        (lambda: cbec.latent_change("abc"), "needs 3"),
        (lambda: cbec.latent_change(WAVES, constant=False, proportional=False), "no change"),
        (lambda: cbec.growth_curve(WAVES, shape="cubic"), "shape="),
        (lambda: cbec.growth_curve(WAVES[:3], shape="quadratic"), "needs 4"),
        (lambda: cbec.growth_curve(WAVES, [0, 1, 1, 2]), "do not increase"),
        (lambda: cbec.growth_curve(WAVES, [0, 1]), "2 times for 4"),
        (lambda: cbec.growth_curve(WAVES, shape="piecewise"), "knot"),
        (lambda: cbec.growth_curve(WAVES, knot=1), "knot"),
        (lambda: cbec.growth_curve(WAVES, shape="piecewise", knot=3), "between 0 and 3"),
        (lambda: cbec.growth_curve({"a": ["a1", "a2"], "b": ["b1"], "c": ["c1", "c2"]}), "same number of indicators"),
        (lambda: cbec.growth_curve(WAVES, time_varying=C[:2]), "2 column"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ModelError) as caught:
        call()
    assert words in str(caught.value)
    with use_language("zh"):
        assert str(caught.value)
