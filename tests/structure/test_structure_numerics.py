"""Derivatives of incomplete data, memory, threads, pickles: what the numerics promise beside numbers."""

import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from semopy.examples import political_democracy

import cbecmodel as cbec
from cbecmodel.errors import DataError
from cbecmodel.structure.estimate import incomplete
from cbecmodel.structure.estimate.implied import implied
from cbecmodel.structure.sample.expectation import expected

MODEL = "ind60 =~ x1 + x2 + x3; dem60 =~ y1 + y2 + y3 + y4; dem65 =~ y5 + y6 + y7 + y8; dem65 ~ ind60 + dem60; dem60 ~ ind60"


@pytest.fixture(scope="module")
def gaps():
    data = political_democracy.get_data()
    return data.mask(np.random.default_rng(2).random(data.shape) < 0.08)


def test_derivatives_of_incomplete_data(gaps):
    fit = cbec.sem(MODEL, gaps, missing="fiml")
    work = fit.problem.standard
    x = fit.x * work.scale.parameters + 0.005 * np.random.default_rng(1).standard_normal(len(fit.x))
    found, steps = work.objective(x, True), 1e-5 * np.eye(len(x))
    values = [(work.objective(x + h, False).value - work.objective(x - h, False).value) / 2e-5 for h in steps]
    slopes = [(work.objective(x + h, False).gradient - work.objective(x - h, False).gradient) / 2e-5 for h in steps]
    np.testing.assert_allclose(found.gradient, values, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.hessian, slopes, atol=1e-6 * np.abs(found.hessian).max())


def test_two_ways_to_sum_over_patterns(gaps):
    work = cbec.sem(MODEL, gaps, missing="fiml").problem.standard
    state = implied(work.pattern.groups[0], cbec.sem(MODEL, gaps, missing="fiml").x * work.scale.parameters)
    answers = work.samples[0].answers
    sums = expected(answers, state.mu, state.sigma)
    means = state.h * state.z[:, state.a]
    ways = (incomplete._by_moments, incomplete._by_patterns)
    for one, other in zip(*(way(answers, sums, state, means) for way in ways), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9 * np.abs(other).max())


@pytest.mark.parametrize(
    ("estimator", "missing"), [("ML", "listwise"), ("MLR", "listwise"), ("MLM", "listwise"), ("MLR", "fiml")]
)
def test_memory_is_a_few_copies_of_the_data(estimator, missing):
    rng = np.random.default_rng(3)
    values = rng.standard_normal((40_000, 1)) + rng.standard_normal((40_000, 12))
    data = pd.DataFrame(values, columns=[f"v{k}" for k in range(12)])
    model = "f =~ " + " + ".join(data.columns)
    cbec.cfa(model, data.head(200), estimator=estimator)
    if missing == "fiml":
        data.iloc[:5000, 2] = np.nan
        data.iloc[3000:9000, 5] = np.nan
    tracemalloc.start()
    fit = cbec.cfa(model, data, estimator=estimator, missing=missing)
    assert fit.parameters["se"].notna().all()
    assert fit.fit_measures["cfi"] > 0.9
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * values.nbytes


def test_threads_and_pickles_give_identical_results():
    data = political_democracy.get_data()
    fit = cbec.sem(MODEL, data)
    with ThreadPoolExecutor(4) as pool:
        for again in pool.map(lambda _: cbec.sem(MODEL, data), range(8)):
            pd.testing.assert_frame_equal(again.parameters, fit.parameters, check_exact=True)
    copy = pickle.loads(pickle.dumps(fit))
    pd.testing.assert_frame_equal(copy.parameters, fit.parameters, check_exact=True)
    pd.testing.assert_series_equal(copy.fit_measures, fit.fit_measures, check_exact=True)
    with pytest.raises(DataError) as caught:
        cbec.sem(MODEL, data.assign(y2=1.0))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("power", [-6, 6])
def test_units_and_offsets_of_a_million(power):
    data = political_democracy.get_data()
    usual = cbec.sem(MODEL, data, meanstructure=True)
    moved = data.assign(x2=data["x2"] * 10.0**power, y5=data["y5"] * 10.0**-power, y1=data["y1"] + 1e6)
    fit = cbec.sem(MODEL, moved, meanstructure=True)
    np.testing.assert_allclose(fit.fit_measures["chisq"], usual.fit_measures["chisq"], rtol=1e-7)
    free = usual.parameters["op"] != "~1"
    np.testing.assert_allclose(fit.parameters["std_all"][free], usual.parameters["std_all"][free], rtol=1e-5, atol=1e-7)
