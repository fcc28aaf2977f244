"""Two stages with incomplete data: special cases, and what is refused."""

import numpy as np
import pytest
from semopy.examples import holzinger39

import cbecmodel as cbec
from cbecmodel.errors import ModelError

MODEL = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
ITEMS = [f"x{k}" for k in range(1, 10)]


@pytest.fixture(scope="module")
def complete():
    frame = holzinger39.get_data().reset_index(drop=True)
    frame[ITEMS] = frame[ITEMS].astype(float)
    return frame


@pytest.fixture(scope="module")
def gaps(complete):
    frame = complete.copy()
    frame[ITEMS] = frame[ITEMS].mask(np.random.default_rng(3).random((len(frame), 9)) < 0.1)
    return frame


def test_without_gaps_it_is_maximum_likelihood(complete):
    staged, plain = (cbec.cfa(MODEL, complete, missing=how, meanstructure=True) for how in ("two_stage", "listwise"))
    np.testing.assert_allclose(staged.x, plain.x, rtol=1e-8)
    # the information is taken at the sample's moments instead of the model's
    np.testing.assert_allclose(np.diag(staged.vcov), np.diag(plain.vcov), rtol=0.35)
    np.testing.assert_allclose(staged.fit_measures["chisq_scaling_factor"], 1, rtol=1e-8)
    fiml = cbec.cfa(MODEL, complete, missing="fiml")
    np.testing.assert_allclose(fiml.fit_measures["rmsea_robust"], fiml.fit_measures["rmsea"], rtol=1e-6)
    np.testing.assert_allclose(fiml.fit_measures["cfi_robust"], fiml.fit_measures["cfi"], rtol=1e-6)


def test_robust_without_gaps_scales_as_mlm_does(complete):
    """At the same moments the sandwich is that of Satorra and Bentler, but for where the weight is taken."""
    staged = cbec.cfa(MODEL, complete, missing="robust_two_stage")
    mlm = cbec.cfa(MODEL, complete, estimator="MLM", meanstructure=True)
    np.testing.assert_allclose(
        staged.fit_measures["chisq_scaling_factor"], mlm.fit_measures["chisq_scaling_factor"], rtol=0.05
    )


def test_units_do_not_matter(gaps):
    one, other = (cbec.cfa(MODEL, gaps.assign(x1=gaps["x1"] * k), missing="robust_two_stage") for k in (1, 1000))
    for name in ("chisq_scaled", "cfi_robust", "rmsea_robust"):
        np.testing.assert_allclose(one.fit_measures[name], other.fit_measures[name], rtol=1e-7)
    np.testing.assert_allclose(one.standardized()["se"], other.standardized()["se"], rtol=1e-6, atol=1e-10)


def test_refusals(gaps):
    for options, said in (
        ({"estimator": "MLR"}, "estimator"), ({"se": "standard"}, "se"), ({"test": "scaled_shifted"}, "test"),
        ({"weights": "ageyr"}, "weights"),
    ):  # fmt: skip
        with pytest.raises(ModelError, match=said):
            cbec.cfa(MODEL, gaps, missing="two_stage", **options)
    with pytest.raises(ModelError, match="two_stage"):
        cbec.cfa(MODEL, gaps, se="two_stage")
