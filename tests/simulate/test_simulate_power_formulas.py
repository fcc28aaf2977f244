"""Closed forms of power against semTools 0.5-6 (stored numbers), R's own chi-square, and published tables."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cbecmodel as cbec
from cbecmodel.errors import ContentError, ModelError
from cbecmodel.messages import use_language
from cbecmodel.simulate.normal_population import normal_population
from cbecmodel.simulate.power_formulas import n_for_noncentrality, power_chisq

REFERENCE = Path(__file__).parents[1] / "reference" / "power_rmsea" / "expected.json"
FACTOR = "f =~ .7*x1 + .7*x2 + .7*x3 + .7*x4"


def test_rmsea_power_is_semtools() -> None:
    for case in json.loads(REFERENCE.read_text(encoding="utf-8"))["power"]:
        found = cbec.power_rmsea(
            case["df"], case["n"], null=case["null"], alternative=case["alternative"], groups=case["groups"]
        )
        assert found == pytest.approx(case["power"], rel=1e-9), case


def test_sample_sizes_are_semtools() -> None:
    for case in json.loads(REFERENCE.read_text(encoding="utf-8"))["n"]:
        assert cbec.n_for_rmsea(case["df"], null=case["null"], alternative=case["alternative"]) == case["n"], case


def test_likelihood_ratio_power_is_lavaan() -> None:
    for case in json.loads(REFERENCE.read_text(encoding="utf-8"))["likelihood"]:
        found = cbec.power_test(case["population"], case["model"], case["restricted"], n=case["n"], meanstructure=False)
        assert found["noncentrality"] == pytest.approx(case["noncentrality"], rel=1e-6), case
        assert found["power"] == pytest.approx(case["power"], rel=1e-6), case


@pytest.mark.shared
def test_the_shared_reference(shared: Path) -> None:
    stored = json.loads((shared / "reference/sem/lavaan/12_power_rmsea.json").read_text(encoding="utf-8"))
    for case in stored["power_rmsea_0.05_0.08"]:
        assert cbec.power_rmsea(case["df"], case["n"]) == pytest.approx(case["power"], rel=1e-10)
    assert cbec.power_rmsea(24, 301, alternative=0.01) == pytest.approx(stored["power_notclose_0.05_0.01"], rel=1e-10)
    two = cbec.power_rmsea(48, 301, null=0, alternative=0.05, groups=2)
    assert two == pytest.approx(stored["power_0_05_g2"], rel=1e-10)
    for case in stored["n_for_power80"]:
        assert cbec.n_for_rmsea(case["df"]) == case["n"]
    nested = cbec.power_rmsea_difference((22, 20), 200, alternative=(0.06, 0.05))
    assert nested == pytest.approx(stored["nested_power"], rel=1e-10)
    single = cbec.power_test("y ~ .2*x", "y ~ x", "y ~ 0*x", n=200, standardized=True)
    assert single["power"] == pytest.approx(stored["sspower"], rel=1e-8)


def test_the_sample_size_is_the_first_with_that_power() -> None:
    for df in (5, 24, 200):
        n = cbec.n_for_rmsea(df, power=0.9)
        assert cbec.power_rmsea(df, n) > 0.9 >= cbec.power_rmsea(df, n - 1)
    assert power_chisq(1, 197 * 0.04) > 0.8 >= power_chisq(1, 196 * 0.04)
    assert math.isinf(n_for_noncentrality(1, 0.0))


def test_the_inverse_square_root_rule() -> None:
    assert [cbec.n_for_path(path) for path in (0.20, 0.10, -0.20, 0.30)] == [155, 619, 155, 69]  # Kock & Hadaya, 2018


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: cbec.power_rmsea(0, 100), "df is 0"),
        (lambda: cbec.power_rmsea(5, 1), "n is 1"),
        (lambda: cbec.power_rmsea(5, 100, alpha=1.5), "alpha is 1.5"),
        (lambda: cbec.power_rmsea(5, 100, null=0.05, alternative=0.05), "test needs"),
        (lambda: cbec.power_rmsea(5, 100, null=-0.1), "null is -0.1"),
        (lambda: cbec.n_for_rmsea(5, power=1), "power is 1"),
        (lambda: cbec.n_for_rmsea(1, null=0, alternative=1e-6), "Not even"),
        (lambda: cbec.n_for_path(0), "path is 0"),
        (lambda: cbec.power_rmsea_difference((20, 22), 200, alternative=(0.06, 0.05)), "degrees of freedom"),
        (lambda: cbec.power_rmsea_difference((22, 20), 200, alternative=(0.0, 0.05)), "RMSEA is"),
        (lambda: cbec.power_test("y ~ .2*x", "y ~ 0*x", "y ~ x", n=200), "which is which"),
    ],
)
def test_nonsense_is_refused(call: object, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        call()  # type: ignore[operator]


# ------------------------------------------------------------------------------------------------------------ populations


def test_standardized_values_give_unit_variances() -> None:
    syntax = f"{FACTOR}\ng =~ .8*y1 + .6*y2\ng ~ .5*f\nz ~ .2*g + .3*f\nx1 ~~ .1*y1"
    population = normal_population(syntax, standardized=True)
    np.testing.assert_allclose(np.diag(population.cov), 1, rtol=1e-12)
    assert population.frame.loc["x1", "y2"] == pytest.approx(0.7 * 0.5 * 0.6)
    assert population.frame.loc["x1", "y1"] == pytest.approx(0.7 * 0.5 * 0.8 + 0.1)


def test_circular_paths_too() -> None:
    population = normal_population("a ~ .3*b + .4*x\nb ~ .2*a + .4*z", standardized=True)
    np.testing.assert_allclose(np.diag(population.cov), 1, rtol=1e-12)


def test_raw_values_are_taken_as_they_stand() -> None:
    population = normal_population("y ~ 2*x + 1*1\nx ~~ 4*x\ny ~~ 3*y\nx ~ 5*1")
    assert population.cov.tolist() == [[19.0, 8.0], [8.0, 4.0]]
    assert population.mean.tolist() == [11.0, 5.0]


def test_a_fit_is_a_population() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        rng.multivariate_normal(np.arange(4), normal_population(FACTOR).cov, 300), columns=list("abcd")
    )
    fit = cbec.cfa("f =~ a + b + c + d", frame)
    population = normal_population(fit)
    np.testing.assert_array_equal(population.cov, fit.implied()["cov"])
    np.testing.assert_allclose(population.mean, frame.mean())
    # a model fitted to its own implied moments is that model
    assert cbec.power_test(fit, "", "f =~ a + b + c + d", n=100)["noncentrality"] == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize(
    ("syntax", "standardized", "said"),
    [
        ("y ~ .3*x + z", False, "no value for y ~ z"),
        ("f =~ x1 + .5*x2", False, "no value for f =~ x1"),
        ("y ~ b*x", False, "no value for y ~ x"),
        ("f =~ 1.2*x1 + .5*x2", True, "x1 explains 1.44"),
        ("y ~ .3*x\ny ~~ -1*y", False, "variance of y is negative"),
        ("a ~~ .9*b\na ~~ .9*c\nb ~~ -.9*c", False, r"a ~~ b \(0.90\), a ~~ c \(0.90\), b ~~ c \(-0.90\)"),
        ("a ~ 1*b\nb ~ 1*a", False, "circle"),
    ],
)
def test_impossible_populations_name_the_parameter(syntax: str, standardized: bool, said: str) -> None:
    with pytest.raises(ContentError, match=said):
        normal_population(syntax, standardized=standardized)


def test_covariances_as_population() -> None:
    cov = pd.DataFrame([[1.0, 0.3], [0.3, 1.0]], index=["y", "x"], columns=["y", "x"])
    assert cbec.power_test(cov, "y ~ x", "y ~ 0*x", n=100)["power"] > 0.85
    with pytest.raises(ContentError, match="square"):
        normal_population(cov.iloc[:1])
    with pytest.raises(ContentError, match="does not have"):
        normal_population(cov).of(["x", "w"])
    with pytest.raises(ContentError, match="cannot hold together"):
        normal_population(cov.replace(0.3, 1.3))


def test_messages_in_chinese() -> None:
    with use_language("zh"), pytest.raises(ContentError, match="总体没有给出 y ~ x 的数值"):
        normal_population("y ~ x")
