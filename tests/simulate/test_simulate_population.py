"""Populations: reading them, impossible ones, and what they imply."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from cbecmodel.errors import ContentError, ModelSyntaxError
from cbecmodel.messages import use_language
from cbecmodel.simulate.item_responses import Question, category_probabilities, cut, cut_points, measurement
from cbecmodel.simulate.latent import read_paths, solve
from cbecmodel.simulate.population import Answering, Population

AGREE = (1, 2, 3, 4, 5, 6, 7)


def items(*constructs: str, n: int = 3) -> list[Question]:
    return [Question(f"{name}{number}", name, AGREE) for name in constructs for number in range(1, n + 1)]


def test_a_mediation_by_hand() -> None:
    structure = solve(read_paths("M ~ .5*X\nY ~ .4*M + .2*X  # direct"), ["X", "M", "Y"])
    assert structure.correlation("X", "Y") == pytest.approx(0.5 * 0.4 + 0.2, abs=1e-14)
    assert structure.correlation("M", "Y") == pytest.approx(0.4 + 0.5 * 0.2, abs=1e-14)
    assert structure.r_squared["Y"] == pytest.approx(0.4**2 + 0.2**2 + 2 * 0.4 * 0.2 * 0.5, abs=1e-14)
    np.testing.assert_allclose(np.diag(structure.correlations), 1, atol=1e-14)
    np.testing.assert_allclose(structure.coefficients("Y", ["M", "X"]), [0.4, 0.2], atol=1e-14)
    assert structure.coefficients("Y", ["M"])[0] == pytest.approx(0.5)


def test_correlated_disturbances_keep_unit_variances() -> None:
    structure = solve(read_paths("M ~ .5*X; Y ~ .4*M; M ~~ .3*Y"), ["X", "M", "Y"])
    np.testing.assert_allclose(np.diag(structure.correlations), 1, atol=1e-14)
    disturbance_m = np.sqrt(1 - 0.25)
    scale = -0.4 * disturbance_m * 0.3 + np.sqrt((0.4 * disturbance_m * 0.3) ** 2 + 1 - 0.16)
    assert structure.correlation("M", "Y") == pytest.approx(0.4 + 0.3 * disturbance_m * scale, abs=1e-14)


def test_second_order_loadings_and_the_default_correlation() -> None:
    syntax = "SDI =~ .8*PRS + .7*FBC\nPCI ~ .3*SDI"
    structure = solve(read_paths(syntax), ["PRS", "FBC", "PCI", "LOC", "MKR"], 0.2, ["MKR"])
    assert structure.correlation("PRS", "FBC") == pytest.approx(0.56)
    assert structure.correlation("LOC", "SDI") == pytest.approx(0.2)
    assert structure.correlation("LOC", "PRS") == pytest.approx(0.16)
    assert structure.correlation("MKR", "SDI") == 0
    assert structure.correlation("PCI", "PRS") == pytest.approx(0.24)


def test_signs_and_blanks() -> None:
    read = read_paths("Y ~ .3 * X+ -.2*Z - 1*W+2*V")
    assert [(term.rhs, term.value) for term in read] == [("X", 0.3), ("Z", -0.2), ("W", -1.0), ("V", 2.0)]


@pytest.mark.parametrize(
    ("syntax", "error", "says"),
    [
        ("Y = .3*X", ModelSyntaxError, "line 1"),
        ("\nY ~ X", ModelSyntaxError, r'line 2, Y ~: expected number\*name, found "X"'),
        ("Y ~ .3*X + ", ModelSyntaxError, "line 1"),
        ("Y ~ .3*X\nY ~ .2*X", ModelSyntaxError, "line 2: Y ~ X"),
        ("Y ~~ .3*X\nX ~~ .2*Y", ModelSyntaxError, "line 2: X ~~ Y"),
        ("Y ~ .3*Y", ModelSyntaxError, "itself"),
        ("Y ~ .3*X; X ~ .3*Y", ContentError, "circle"),
        ("Y ~ .8*X + .8*Z; X ~~ .5*Z", ContentError, r"Y ~ 0.8\*X \+ 0.8\*Z explain 1.92"),
        ("A ~~ .9*B; B ~~ .9*C; A ~~ -.9*C", ContentError, "A, B, C"),
        ("A ~~ 1.2*B", ContentError, "A ~~ B is 1.2"),
        ("Y ~ .3*X; Y ~~ .3*Z", ContentError, "Y ~~ Z"),
    ],
)
def test_impossible_paths_say_which(syntax: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        solve(read_paths(syntax), ["X", "Y", "Z"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"careles": {}}, "careles: there is no such key. Did you mean careless"),
        ({"careless": {"shar": 0.1}}, "careless.shar: there is no such key. Did you mean share"),
        ({"zzz": 1}, "zzz: there is no such key. Check"),
        ({"covariates": {"S_AGE": {"mean": 30, "sd": 1, "min": 70, "max": 20}}}, "S_AGE: min is 70 and max is 20"),
        ([1], "Population, n, paths …: .* pairs belong here"),
        ({"careless": {"share": 1.1}}, "careless.share: 1.1 "),
        ({"careless": {"kinds": {"random": 0.5}}}, "sum to 0.5"),
        ({"languages": {"en": 0.5, "zh": 0.6}}, "sum to 1.1"),
        ({"covariates": {"S_AGE": {"mean": "old", "sd": 1, "min": 1, "max": 9}}}, "covariates.S_AGE.mean: a number"),
        ({"covariates": {"S_AGE": {"mean": 30, "sd": 1, "min": 1}}}, "covariates.S_AGE.max: this value is missing"),
        ({"covariates": {"X_LIVE": {0: 1.5}}}, "covariates.X_LIVE.0: 1.5 is out of range"),
        ({"careless": {"kinds": {"lazy": 1.0}}}, "careless.kinds.lazy"),
        ({"loadings": 0.8}, "loadings: .* pairs belong here, not 0.8"),
        ({"durations": {"sd_log": 0}}, "sd_log: 0 is out of range; it must be greater than 0"),
        ({"loadings": {"items": {"PCI1": 1.0}}}, "loadings.items.PCI1: 1.0"),
        ({"thresholds": {"default": {"probabilities": [0.5, 0.4]}}}, "thresholds.default.*sum to 0.9"),
        ({"thresholds": {"default": {"probabilities": [0.5, 0.5], "mean": 3}}}, "not both"),
        ({"n": "many"}, "n: a whole number belongs here, not 'many'"),
    ],
)
def test_a_bad_population_says_where(given: Any, says: str) -> None:
    with pytest.raises(ContentError, match=says):
        Population.load(given)
    with pytest.raises(ContentError, match=r"study\.yaml: "):
        Population.load(given, where="study.yaml")
    with use_language("zh"), pytest.raises(ContentError, match="总体设定"):
        Population.load(given)


def test_an_item_that_is_explained_away_is_named() -> None:
    population = Population.load({"loadings": {"default": 0.9}, "method_factor": 0.5})
    with pytest.raises(ContentError, match=r"0.9\*A and the method factor explain 1.06 of the variance of item A1"):
        measurement(population, items("A"))
    crossing = Population.load({"paths": "A ~~ .5*B; A =~ .6*B1"})
    with pytest.raises(ContentError, match="item B1"):
        measurement(crossing, items("A", "B"))
    with pytest.raises(ContentError, match="names the item B1"):
        measurement(Population.load({"paths": "B1 ~ .3*A"}), items("A", "B"))


def test_method_factor_pulls_reverse_items_the_other_way() -> None:
    questions = [Question("A1", "A", AGREE), Question("A2", "A", AGREE, reverse=True), Question("B1", "B", AGREE)]
    implied = measurement(Population.load({"method_factor": 0.3}), questions).correlations()
    assert implied[0, 1] == pytest.approx(0.75**2 - 0.09)
    assert implied[0, 2] == pytest.approx(0.09)
    assert implied[1, 2] == pytest.approx(-0.09)


def test_thresholds_give_the_stated_probabilities() -> None:
    stated = (0.02, 0.05, 0.10, 0.20, 0.28, 0.23, 0.12)
    np.testing.assert_allclose(category_probabilities(Answering(probabilities=stated), 7), stated, atol=1e-14)
    with pytest.raises(ContentError, match="PCI1: 3 probabilities for a scale of 7"):
        cut_points(Answering(probabilities=(0.2, 0.3, 0.5)), 7, "PCI1")


def test_skew_normal_thresholds_have_the_stated_moments() -> None:
    """With many categories the rounded variable has the stated mean, deviation and skewness (quadrature, no sampling)."""
    n, mean, sd, skew = 2001, 1100.0, 120.0, -0.6
    probabilities = category_probabilities(Answering(mean=mean, sd=sd, skew=skew), n)
    values = np.arange(1, n + 1)
    m = probabilities @ values
    s = np.sqrt(probabilities @ (values - m) ** 2)
    assert m == pytest.approx(mean, abs=0.01)
    assert s == pytest.approx(sd, abs=0.01)
    assert probabilities @ ((values - m) / s) ** 3 == pytest.approx(skew, abs=1e-3)


def test_without_skew_the_thresholds_are_borders_of_a_rounded_normal() -> None:
    np.testing.assert_allclose(
        category_probabilities(Answering(mean=4.8, sd=1.4), 7)[0], stats.norm.cdf((1.5 - 4.8) / 1.4), atol=1e-15
    )


def test_reverse_items_are_ticked_in_reverse() -> None:
    latent = np.linspace(-3, 3, 7)
    borders = cut_points(Answering(mean=4, sd=1), 7)
    forward = cut(latent, borders, Question("A1", "A", AGREE))
    backward = cut(latent, borders, Question("A2", "A", AGREE, reverse=True))
    np.testing.assert_array_equal(forward + backward, 8)
