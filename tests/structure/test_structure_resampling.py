"""The batched engine: many fits at once are the single fits."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from semopy.examples import holzinger39, political_democracy

import cbecmodel as cbec
from cbecmodel.errors import ConvergenceError, DataError, ModelError
from cbecmodel.structure.estimate.least_squares import weight_matrix
from cbecmodel.structure.estimate.matrices import pattern_of
from cbecmodel.structure.estimate.native import estimate
from cbecmodel.structure.inference.vcov import likelihood_vcov
from cbecmodel.structure.resampling import seeds as seeds_module
from cbecmodel.structure.resampling.compiled import instruction_sets, kernel_environment, kernel_in_use, set_kernel
from cbecmodel.structure.resampling.engine import batch_of, discrepancies, fit_many, resampled, simulated
from cbecmodel.structure.resampling.information import standard_errors
from cbecmodel.structure.resampling.seeds import Seeds
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


def circles() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    x, y, e, f = rng.standard_normal((4, 300))
    # a = 0.5 b + x + e, b = 0.3 a + y + f, solved
    return pd.DataFrame({"a": (x + e + 0.5 * (y + f)) / 0.85, "b": (y + f + 0.3 * (x + e)) / 0.85, "x": x, "y": y})


def holzinger() -> pd.DataFrame:
    return holzinger39.get_data()


@st.composite
def models(draw):
    """Draw a model of one or two factors, perhaps with a path, equal loadings or correlated residuals."""
    first, second = draw(st.integers(3, 5)), draw(st.integers(0, 4))
    names = [f"v{k}" for k in range(first + second)]
    equal = draw(st.booleans())
    lines = [
        "f =~ " + " + ".join((f"a*{name}" if equal and k in (1, 2) else name) for k, name in enumerate(names[:first]))
    ]
    if second >= 3:
        lines += ["g =~ " + " + ".join(names[first:])]
        lines += [draw(st.sampled_from(["g ~ f", "f ~~ g", f"g ~ {names[0]}"]))]
    elif second:
        lines += [f"{name} ~ f" for name in names[first:]]
    if draw(st.booleans()):
        lines += [f"{names[0]} ~~ {names[1]}"] if not equal else []
    return "\n".join(lines), names, draw(st.sampled_from(["ML", "ML", "ULS", "GLS", "DWLS"]))


CASES = {
    "covariances, equal loadings": lambda: cbec.sem(DEMOCRACY, democracy()),
    "means": lambda: cbec.sem(DEMOCRACY, democracy(), meanstructure=True),
    "fixed exogenous": lambda: cbec.sem(PATHS, democracy()),
    "fixed exogenous, means": lambda: cbec.sem(PATHS, democracy(), meanstructure=True),
    "random exogenous": lambda: cbec.sem(PATHS, democracy(), fixed_x=False),
    "wishart": lambda: cbec.sem(DEMOCRACY, democracy(), likelihood="wishart"),
    "groups, scalar": lambda: cbec.cfa(HOLZINGER, holzinger(), group="school", group_equal=("loadings", "intercepts")),
    "nonrecursive": lambda: cbec.sem("a ~ b + x\nb ~ a + y\na ~~ b", circles()),
    "second order": lambda: cbec.cfa(HOLZINGER + "\ng =~ visual + textual + speed", holzinger()),
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


@pytest.fixture(params=["numpy", *instruction_sets()])
def kernel(request):
    """Run with every engine there is here."""
    set_kernel("numpy") if request.param == "numpy" else set_kernel("c", request.param)
    yield request.param
    set_kernel("auto")


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.ModelWarning")
@pytest.mark.parametrize("name", CASES)
def test_each_resample_gets_what_it_would_get_alone(name, kernel):
    fit = CASES[name]()
    batch = batch_of(fit.problem, fit.x, fit.options.estimator)
    rows, weights = draws(fit, 6)
    found = fit_many(batch, resampled(batch, weights))
    assert found.converged.all()
    for index, chosen in enumerate(rows):
        problem, optimum = alone(fit, chosen)
        if not optimum.converged:  # from its cold start; from the full sample's solution it is better
            assert found.value[index] < optimum.value
            continue
        np.testing.assert_allclose(found.x[index], optimum.x, rtol=2e-6, atol=2e-6)
        saturated = problem.samples[0].saturated if fit.options.missing == "fiml" else 0.0
        assert found.value[index] - saturated == pytest.approx(optimum.value, rel=1e-9, abs=1e-9)


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.ModelWarning")
@pytest.mark.parametrize("name", CASES)
def test_the_gradient_is_that_of_the_discrepancy(name, kernel):
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


def test_a_sample_does_not_depend_on_its_neighbours(kernel):
    fit = CASES["means"]()
    batch = batch_of(fit.problem, fit.x)
    _, weights = draws(fit, 40)
    moments = resampled(batch, weights)
    together = fit_many(batch, moments)
    apart = fit_many(batch, moments.take(np.array([7, 31])))
    if kernel == "numpy":  # its batched products may round differently for other batches
        np.testing.assert_allclose(apart.x, together.x[[7, 31]], rtol=1e-9)
    else:
        np.testing.assert_array_equal(apart.x, together.x[[7, 31]])


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


def test_the_engine_can_be_chosen():
    set_kernel("numpy")
    assert kernel_in_use() == "numpy"
    assert kernel_environment({"kernel": "numpy"}) == {"kernel": "numpy"}
    set_kernel("auto")
    with pytest.raises(ModelError, match="fortran"):
        set_kernel("fortran")
    with pytest.raises(ModelError, match="mmx"):
        set_kernel("auto", "mmx")
    shown = cbec.show_config()
    assert kernel_in_use() in str(shown) or not instruction_sets()
    assert shown.to_dict()["numpy"] == np.__version__
    assert "<h3>" in shown._repr_html_()


def test_without_the_compiled_engine(monkeypatch):
    monkeypatch.setattr("cbecmodel.structure.resampling.compiled._module", lambda: None)
    assert kernel_in_use() == "numpy"
    assert "NumPy" in str(cbec.show_config())
    with pytest.raises(ModelError, match="compiler"):
        set_kernel("c")


@pytest.mark.skipif(not instruction_sets(), reason="the compiled engine is not here")
class TestCompiled:
    """The compiled engine against NumPy."""

    @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(model=models(), seed=st.integers(0, 1000), gap=st.sampled_from([0.0, 0.0, 0.15]), means=st.booleans())
    def test_random_models(self, model, seed, gap, means):
        syntax, names, estimator = model
        rng = np.random.default_rng(seed)
        factor = rng.standard_normal((150, 2))
        data = pd.DataFrame(rng.standard_normal((150, len(names))), columns=names)
        data = data + factor[:, [k % 2 for k in range(len(names))]] + 0.4 * factor[:, [0]]
        if gap and estimator == "ML":
            data = data.mask(rng.random(data.shape) < gap).dropna(how="all")
        options = {"missing": "fiml"} if gap and estimator == "ML" else {"estimator": estimator}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fit = cbec.sem(syntax, data, meanstructure=means or None, fixed_x=False, **options)
        except (ConvergenceError, DataError):
            return
        batch = batch_of(fit.problem, fit.x, estimator)
        _, weights = draws(fit, 12, seed)
        moments = resampled(batch, weights)
        here = batch.start + 0.02 * rng.standard_normal((12, len(batch.start)))
        set_kernel("numpy")
        value, gradient = discrepancies(batch, moments, here)
        slow = fit_many(batch, moments)
        for name in instruction_sets():
            set_kernel("c", name)
            other, slope = discrepancies(batch, moments, here)
            np.testing.assert_allclose(other, value, rtol=1e-11, atol=1e-11)
            there = np.isfinite(value)
            np.testing.assert_allclose(slope[there], gradient[there], rtol=1e-9, atol=1e-10)
            fast = fit_many(batch, moments)
            both = fast.converged & slow.converged
            assert both.sum() >= 0.8 * slow.converged.sum()
            np.testing.assert_allclose(fast.value[both], slow.value[both], rtol=1e-9, atol=1e-9)
            if np.linalg.cond(batch.preconditioner) < 1e3:
                np.testing.assert_allclose(fast.x[both], slow.x[both], rtol=1e-6, atol=1e-6)
        set_kernel("auto")

    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(
        st.integers(0, 2**130),
        st.lists(st.integers(0, 2**32 - 1), max_size=2),
        st.lists(st.integers(1, 300), min_size=1, max_size=3),
    )
    def test_it_draws_what_numpy_draws(self, entropy, key, sizes):
        seeds = Seeds((0, 1, 99_999), entropy, tuple(key))
        for fast, plain in zip(seeds_module._compiled(seeds, sizes), seeds_module._plain(seeds, sizes), strict=True):
            np.testing.assert_array_equal(fast, plain)
        assert seeds_module._same_bits()

    def test_wrong_buffers_raise(self):
        from cbecmodel.structure.resampling import _kernel

        with pytest.raises(ValueError, match="mmx"):
            _kernel.search("mmx", (), [], ())
        with pytest.raises(TypeError):
            _kernel.search("base", (), [], ())
        one, whole = np.zeros(1), np.zeros(2, dtype=np.int64)
        model = (0, 0, 1, 1, 0, one, whole, whole[:0], one[:0], one)
        task = (1, 5, 1e-9, 1e-20, one, one.copy(), one.copy(), one.copy(), np.zeros(1, dtype=np.int64))
        with pytest.raises(ValueError, match="expected"):
            _kernel.search("base", (0, 0, 1, 1, 0, np.zeros(3), whole, whole[:0], one[:0], one), [], task)
        with pytest.raises(ValueError, match="unknown method"):
            _kernel.search("base", (9, *model[1:]), [], task)
        with pytest.raises(TypeError, match="tuple"):
            _kernel.search("base", model, [1], task)
