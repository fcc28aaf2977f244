"""Weights, clusters and strata: what theory says must hold, the survey package's numbers, and bad input."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cbecmodel as cbec
from cbecmodel.errors import DataError, DataWarning, ModelError
from cbecmodel.structure.resampling.engine import batch_of

ROOT = Path(__file__).parents[1] / "reference"
TWO = "f =~ y1 + y2 + y3\ng =~ y4 + y5 + y6"
PATHS = f"{TWO}\nf ~ x\ng ~ f + x"
SURVEY = json.loads((ROOT / "design" / "survey.json").read_text(encoding="utf-8"))
DESIGNS = {
    "strata_cluster_weights": {"strata": "region", "cluster": "school", "weights": "weight"},
    "strata_cluster_weights_fpc": {
        "strata": "region", "cluster": "school", "weights": "weight", "fpc": "schools_in_region",
    },
    "strata_weights": {"strata": "region", "weights": "weight"},
    "strata_cluster": {"strata": "region", "cluster": "school"},
}  # fmt: skip


@pytest.fixture(scope="module")
def pupils():
    return pd.read_csv(ROOT / "sem" / "data" / "pupils.csv")


@pytest.fixture(scope="module")
def gaps():
    return pd.read_csv(ROOT / "sem" / "data" / "pupils_gaps.csv")


@pytest.mark.parametrize("estimator", ["MLM", "MLMV"])
@pytest.mark.parametrize("name", list(DESIGNS))
def test_survey_moments(pupils, name, estimator):
    """As lavaan.survey: lavaan with the survey package's covariances of the moments; its optimum is good to 1e-6."""
    expected = SURVEY[name][estimator]
    fit = cbec.cfa(TWO, pupils, estimator=estimator, **DESIGNS[name])
    assert fit.parameters["op"].tolist() == expected["op"]
    np.testing.assert_allclose(fit.parameters["est"], expected["est"], atol=2e-6)
    np.testing.assert_allclose(fit.parameters["se"], expected["se"], atol=1e-7)
    for measure, value in expected["fit"].items():
        np.testing.assert_allclose(fit.fit_measures[measure.replace(".", "_")], value, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", list(DESIGNS))
def test_survey_scores(pupils, name):
    """The sandwich with the survey package's variance of the scores' total."""
    fit = cbec.cfa(TWO, pupils, estimator="MLR", **DESIGNS[name])
    np.testing.assert_allclose(fit.vcov, np.array(SURVEY[name]["MLR"]["vcov"]), rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("options", [{}, {"missing": "fiml"}, {"group": "sector"}])
def test_weights_are_replicates(gaps, options):
    copies = np.arange(len(gaps)) % 3 + 1
    weighted = cbec.cfa(TWO, gaps.assign(w=copies), weights="w", **options)
    repeated = cbec.cfa(TWO, gaps.loc[gaps.index.repeat(copies)], **options)
    np.testing.assert_allclose(weighted.parameters["est"], repeated.parameters["est"], rtol=1e-7, atol=1e-9)
    per_case = weighted.fit_measures["chisq"] / weighted.n_obs
    np.testing.assert_allclose(per_case, repeated.fit_measures["chisq"] / repeated.n_obs, rtol=1e-7)


@pytest.mark.parametrize("estimator", ["MLR", "MLM"])
def test_equal_weights_are_none(pupils, estimator):
    weighted = cbec.sem(PATHS, pupils.assign(w=7.0), weights="w", estimator=estimator)
    plain = cbec.sem(PATHS, pupils, estimator=estimator)
    np.testing.assert_allclose(weighted.parameters["se"], plain.parameters["se"], rtol=1e-8)
    np.testing.assert_allclose(weighted.fit_measures, plain.fit_measures[weighted.fit_measures.index], rtol=1e-7)


def test_clusters_of_one(pupils, gaps):
    for frame, options in ((pupils, {}), (gaps, {"missing": "fiml"})):
        own = frame.assign(own=range(len(frame)))
        with pytest.warns(DataWarning, match="one case only"):
            clustered = cbec.sem(PATHS, own, cluster="own", estimator="MLR", **options)
        plain = cbec.sem(PATHS, own, estimator="MLR", meanstructure=True, **options)
        factor = np.sqrt(plain.n_obs / (plain.n_obs - 1))
        np.testing.assert_allclose(clustered.parameters["se"], plain.parameters["se"] * factor, rtol=1e-9)
        scale = clustered.fit_measures["chisq_scaling_factor"] / plain.fit_measures["chisq_scaling_factor"]
        np.testing.assert_allclose(scale, factor**2, rtol=1e-9)


def test_names_of_units_do_not_matter(pupils):
    plain = cbec.cfa(TWO, pupils, cluster="school", strata="region", weights="weight")
    within = pupils.assign(school=pupils.groupby("region")["school"].transform(lambda s: pd.factorize(s)[0]))
    other = cbec.cfa(TWO, within.sample(frac=1, random_state=1), cluster="school", strata="region", weights="weight")
    np.testing.assert_allclose(other.parameters["se"], plain.parameters["se"], rtol=1e-8)
    np.testing.assert_allclose(other.fit_measures["chisq_scaled"], plain.fit_measures["chisq_scaled"], rtol=1e-8)


def test_everything_drawn_leaves_no_error(pupils):
    half = cbec.cfa(TWO, pupils.assign(f=0.5), cluster="school", fpc="f")
    none = cbec.cfa(TWO, pupils.assign(f=1e-12), cluster="school", fpc="f")
    np.testing.assert_allclose(half.vcov, none.vcov / 2, rtol=1e-6)


def test_ml_is_robust(pupils):
    fit = cbec.cfa(TWO, pupils, weights="weight")
    assert (fit.options.se, fit.options.test) == ("robust_huber_white", "yuan_bentler_mplus")
    assert fit.n_obs == 385


def test_groups_across_clusters(pupils):
    mixed = pupils.assign(half=np.where(np.arange(len(pupils)) % 2, "a", "b"))
    with pytest.warns(DataWarning, match="several groups") as caught:
        cbec.cfa(TWO, mixed, group="half", cluster="school")
    assert "half" in str(caught[-1].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cbec.cfa(TWO, mixed, group="half", cluster="school", strata="region")  # a survey's units may reach across


@pytest.mark.parametrize(
    ("change", "options", "error", "said"),
    [
        ({"weight": -1.0}, {"weights": "weight"}, DataError, "3 (-1)"),
        ({"weight": 0.0}, {"weights": "weight"}, DataError, "3 (0)"),
        ({"weight": np.nan}, {"weights": "weight"}, DataError, "3 (nan)"),
        ({"weight": np.inf}, {"weights": "weight"}, DataError, "infinite"),
        ({"weight": 1.0}, {"weights": "wieght"}, DataError, "weight"),
        ({"school": np.nan}, {"cluster": "school"}, DataError, "in rows: 3"),
        ({"region": np.nan}, {"strata": "region"}, DataError, "in rows: 3"),
        ({"region": 9}, {"strata": "region", "cluster": "school"}, DataError, "one unit only"),
        ({"schools_in_region": 3}, {"strata": "region", "fpc": "schools_in_region"}, DataError, "row"),
        ({}, {"weights": "weight", "estimator": "GLS"}, ModelError, "GLS"),
        ({}, {"cluster": "school", "estimator": "MLF"}, ModelError, "MLR"),
        ({}, {"cluster": "school", "se": "standard"}, ModelError, "robust_huber_white"),
        ({}, {"weights": "weight", "likelihood": "wishart"}, ModelError, "normal"),
    ],
)
def test_bad_input(pupils, change, options, error, said):
    frame = pupils.astype({"school": float, "region": float})
    for column, value in change.items():
        frame.loc[3, column] = value
    with pytest.raises(error) as caught:
        cbec.cfa(TWO, frame, **options)
    assert said in str(caught.value)


def test_one_cluster_and_no_data(pupils):
    with pytest.raises(DataError, match="two at least"):
        cbec.cfa(TWO, pupils.assign(one=1), cluster="one")
    with pytest.raises(DataError, match="need the data"):
        cbec.cfa(TWO, sample_cov=pupils.filter(like="y").cov(), sample_nobs=100, cluster="school")


@pytest.mark.shared
def test_sampling_weights_of_the_reference(shared):
    """lavaan 0.6-14; not polished, so 1e-6 at best."""
    folder = shared / "reference" / "sem"
    numbers = json.loads((folder / "lavaan" / "12_sampling_weights.json").read_text(encoding="utf-8"))
    frame = pd.read_csv(folder / "data" / "demo_twolevel.csv")
    frame["w"] = 0.5 + (np.arange(1, len(frame) + 1) * 7 % 11) / 10
    fit = cbec.sem(numbers["model"], frame, weights="w", estimator="MLR")
    for column, theirs in (("est", "est"), ("se", "se"), ("std_all", "std.all")):
        np.testing.assert_allclose(fit.parameters[column], numbers["parameters"][theirs], rtol=2e-6, atol=1e-7)
    for name, value in numbers["fit_measures"].items():
        if name not in {"gfi", "agfi", "pgfi"}:
            ours = fit.fit_measures[name.replace(".", "_")]
            np.testing.assert_allclose(ours, value, rtol=2e-6, atol=2e-6, err_msg=name)


def test_designs_are_not_resampled(pupils):
    fit = cbec.cfa(TWO, pupils, cluster="school")
    with pytest.raises(ModelError, match="one by one"):
        batch_of(fit.problem, fit.x)
