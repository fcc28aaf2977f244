"""The batched engine: many fits at once are the single fits."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from semopy.examples import holzinger39, political_democracy

import cbecmodel as cbec
from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.least_squares import weight_matrix
from cbecmodel.structure.estimate.matrices import pattern_of
from cbecmodel.structure.estimate.native import estimate
from cbecmodel.structure.inference.vcov import likelihood_vcov
from cbecmodel.structure.resampling.engine import batch_of, discrepancies, fit_many, resampled, simulated
from cbecmodel.structure.resampling.information import standard_errors
from cbecmodel.structure.sample.moments import array_moments, incomplete_moments

DEMOCRACY = """
ind60 =~ x1 + x2 + x3
dem60 =~ y1 + a*y2 + y3 + a*y4
dem65 =~ y5 + y6 + y7 + y8
dem60 ~ ind60
dem65 ~ ind60 + dem60
y1 ~~ y5
y2 ~~ y4 + y6
"""
PATHS = "dem60 =~ y1 + y2 + y3\ny5 ~ dem60 + x1\ndem60 ~ x1 + x2\ny6 ~ y5 + x2"
HOLZINGER = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"


def democracy() -> pd.DataFrame:
    return political_democracy.get_data()


def gaps() -> pd.DataFrame:
    data = democracy()
    rng = np.random.default_rng(4)
    return data.mask(rng.random(data.shape) < 0.08)


def holzinger() -> pd.DataFrame:
    return holzinger39.get_data()


CASES = {
    "covariances, equal loadings": lambda: cbec.sem(DEMOCRACY, democracy()),
    "means": lambda: cbec.sem(DEMOCRACY, democracy(), meanstructure=True),
    "fixed exogenous": lambda: cbec.sem(PATHS, democracy()),
    "fixed exogenous, means": lambda: cbec.sem(PATHS, democracy(), meanstructure=True),
    "random exogenous": lambda: cbec.sem(PATHS, democracy(), fixed_x=False),
    "wishart": lambda: cbec.sem(DEMOCRACY, democracy(), likelihood="wishart"),
    "groups, scalar": lambda: cbec.cfa(HOLZINGER, holzinger(), group="school", group_equal=("loadings", "intercepts")),
    "linear constraint": lambda: cbec.cfa("f =~ x1 + b*x2 + c*x3 + x4\nb + c == 3", holzinger()),
    "incomplete": lambda: cbec.sem(DEMOCRACY, gaps(), missing="fiml"),
    "ULS": lambda: cbec.sem(DEMOCRACY, democracy(), estimator="ULS"),
    "GLS": lambda: cbec.sem(DEMOCRACY, democracy(), estimator="GLS", meanstructure=True),
    "DWLS": lambda: cbec.cfa(HOLZINGER, holzinger(), estimator="DWLS", meanstructure=True),
}


def alone(fit, rows):
    """Fit one resample by the single-fit code."""
    options, table = fit.options, fit.table
    samples = []
    for sample, chosen in zip(fit.problem.samples, rows, strict=True):
        raw = sample.raw[chosen]
        if sample.patterns:
            samples.append(incomplete_moments(raw, sample.names, table.exogenous))
        else:
            samples.append(array_moments(raw, sample.names, "wishart" if fit.problem.weights else options.likelihood))
    weights = (
        tuple(weight_matrix(s, options.estimator, table.meanstructure) for s in samples) if fit.problem.weights else ()
    )
    problem = replace(fit.problem, samples=tuple(samples), pattern=pattern_of(table, samples), weights=weights)
    return problem, estimate(problem)


def draws(fit, count, seed=0):
    rng = np.random.default_rng(seed)
    rows = [[rng.integers(0, s.n, s.n) for s in fit.problem.samples] for _ in range(count)]
    weights = [
        np.array([np.bincount(one[g], minlength=s.n) for one in rows]) for g, s in enumerate(fit.problem.samples)
    ]
    return rows, weights


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.ModelWarning")
@pytest.mark.parametrize("name", CASES)
def test_each_resample_gets_what_it_would_get_alone(name):
    fit = CASES[name]()
    batch = batch_of(fit.problem, fit.x, fit.options.estimator)
    rows, weights = draws(fit, 6)
    found = fit_many(batch, resampled(batch, weights))
    assert found.converged.all()
    for index, chosen in enumerate(rows):
        problem, optimum = alone(fit, chosen)
        np.testing.assert_allclose(found.x[index], optimum.x, rtol=2e-6, atol=2e-6)
        saturated = problem.samples[0].saturated if fit.options.missing == "fiml" else 0.0
        assert found.value[index] - saturated == pytest.approx(optimum.value, rel=1e-9, abs=1e-9)


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.ModelWarning")
@pytest.mark.parametrize("name", CASES)
def test_the_gradient_is_that_of_the_discrepancy(name):
    fit = CASES[name]()
    batch = batch_of(fit.problem, fit.x, fit.options.estimator)
    _, weights = draws(fit, 2, seed=3)
    moments = resampled(batch, weights)
    z = np.repeat(batch.start[None], 2, axis=0) * 1.05
    _, gradient = discrepancies(batch, moments, z)
    for k in range(z.shape[1]):
        step = 1e-5 * np.eye(z.shape[1])[k]
        slope = (discrepancies(batch, moments, z + step)[0] - discrepancies(batch, moments, z - step)[0]) / 2e-5
        np.testing.assert_allclose(gradient[:, k], slope, rtol=1e-5, atol=2e-7)


def test_a_sample_does_not_depend_on_its_neighbours():
    fit = CASES["means"]()
    batch = batch_of(fit.problem, fit.x)
    _, weights = draws(fit, 40)
    moments = resampled(batch, weights)
    together = fit_many(batch, moments)
    apart = fit_many(batch, moments.take(np.array([7, 31])))
    np.testing.assert_allclose(apart.x, together.x[[7, 31]], rtol=1e-9)


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.ModelWarning")
@pytest.mark.parametrize("name", ["covariances, equal loadings", "fixed exogenous, means", "groups, scalar"])
def test_standard_errors_are_those_of_single_fits(name):
    fit = CASES[name]()
    batch = batch_of(fit.problem, fit.x)
    rows, weights = draws(fit, 3, seed=8)
    moments = resampled(batch, weights)
    found = fit_many(batch, moments)
    se = standard_errors(batch, moments, found)
    for index, chosen in enumerate(rows):
        problem, optimum = alone(fit, chosen)
        vcov = likelihood_vcov(problem, optimum.x, "expected", "normal").vcov
        np.testing.assert_allclose(se[index], np.sqrt(np.diag(vcov)), rtol=1e-5)


def test_moments_alone_are_enough_for_maximum_likelihood():
    fit = CASES["means"]()
    batch = batch_of(fit.problem, fit.x)
    sample = fit.problem.samples[0]
    moments = simulated(batch, [sample.cov[None]], [sample.mean[None]], [np.array([sample.n])])
    np.testing.assert_allclose(fit_many(batch, moments).x[0], fit.x, rtol=1e-9, atol=1e-10)


def test_what_the_engine_cannot_do_is_refused():
    fit = cbec.cfa("f =~ x1 + x2 + x3", holzinger(), estimator="WLS")
    with pytest.raises(ModelError, match="WLS"):
        batch_of(fit.problem, fit.x, "WLS")
    fit = CASES["DWLS"]()
    batch = batch_of(fit.problem, fit.x, "DWLS")
    with pytest.raises(ModelError, match="DWLS"):
        simulated(batch, [], [], [])
