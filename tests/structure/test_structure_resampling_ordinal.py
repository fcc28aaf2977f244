"""The bootstrap of ordinal fits: batches of tables are the single fits, what fails says why, and what is stopped is kept."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from semopy.examples import holzinger39

import cbecmodel as cbec
from cbecmodel.errors import CbecWarning, DataError, ModelError, ModelWarning
from cbecmodel.structure.resampling import replicates as replicates_module
from cbecmodel.structure.resampling.alone import problem_of
from cbecmodel.structure.resampling.ordinal import many_statistics
from cbecmodel.structure.resampling.replicates import values_of
from cbecmodel.structure.resampling.seeds import Seeds

ITEMS = [f"x{k}" for k in range(1, 10)]
FACTORS = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
PATHS = """
visual =~ x1 + x2 + x3
textual =~ a*x4 + x5 + a*x6
speed =~ x7 + x8 + x9
speed ~ b*visual + textual
x1 ~~ x9
q := b^2
"""
pytestmark = pytest.mark.filterwarnings("ignore::cbecmodel.errors.DataWarning", "ignore::cbecmodel.errors.ModelWarning")


def answers() -> pd.DataFrame:
    """Cut Holzinger's tests into two, three and four categories."""
    data = holzinger39.get_data()
    shares = ([0.2, 0.5, 0.8], [0.4, 0.7], [0.55])
    cut = {
        name: np.searchsorted(np.quantile(data[name], shares[k % 3]), data[name].to_numpy())
        for k, name in enumerate(ITEMS)
    }
    return pd.DataFrame(cut).assign(school=data["school"].to_numpy(), age=data["ageyr"].to_numpy(dtype=float))


def gaps() -> pd.DataFrame:
    data = answers()
    missing = np.random.default_rng(4).random((len(data), len(ITEMS))) < 0.05
    return data.assign(**{name: data[name].mask(missing[:, k]) for k, name in enumerate(ITEMS)})


def alone(fit, boot, number, **options):
    """Fit the data of one replicate anew, as a user would."""
    values = values_of(boot.plan, Seeds((number,), boot.seed))
    groups = zip(values, fit.problem.samples, fit.group_labels, strict=True)
    frames = [pd.DataFrame(rows, columns=sample.names).assign(school=label) for rows, sample, label in groups]
    return cbec.sem(fit.model, pd.concat(frames, ignore_index=True), **options)


CASES = {
    "WLSMV": (PATHS, answers, {}, True),
    "ULSMV": (PATHS, answers, {"estimator": "ULSMV"}, True),
    "DWLS, theta": ("f =~ x4 + x5 + x6 + x1", answers, {"estimator": "DWLS", "parameterization": "theta"}, True),
    "groups": (FACTORS, answers, {"group": "school"}, True),
    "equal over groups": (FACTORS, answers, {"group": "school", "group_equal": ["loadings", "thresholds"]}, True),
    "WLS": (FACTORS, answers, {"estimator": "WLS"}, False),
    "pairwise": (FACTORS, gaps, {"missing": "pairwise"}, False),
    "covariate": (FACTORS + "\nvisual ~ age", answers, {}, False),
    "mixed": (FACTORS + "\nage ~ visual", answers, {}, False),
}


@pytest.mark.parametrize("name", CASES)
def test_each_replicate_is_the_fit_of_its_resample(name):
    model, data, options, tabled = CASES[name]
    options = {"ordered": [name for name in ITEMS if name in model], **options}
    fit = cbec.sem(model, data(), **options)
    boot = fit.bootstrap(5, seed=3, progress=False)
    assert boot.plan.tabled == tabled
    assert boot.converged.all()
    for number in (0, 4):
        one = alone(fit, boot, number, **options)
        np.testing.assert_allclose(boot.x[number], one.x, atol=1e-6)
        np.testing.assert_allclose(boot.value[number], one.optimum.value, atol=1e-9)
        again = boot.replicate(number)
        assert again.fit_measures["chisq"] == pytest.approx(one.fit_measures["chisq"], abs=1e-6)
        row = boot._raw(np.array([number]), None)[0]
        columns = one.parameters["est"].to_numpy()
        np.testing.assert_allclose(row, columns, atol=1e-6)
        standardized = boot._standardized(np.array([number]), None, "all")[0]
        np.testing.assert_allclose(standardized, one.standardized()["est_std"].to_numpy(), atol=1e-6)


@pytest.mark.parametrize("group", [None, "school"])
def test_statistics_of_tables_are_those_of_cases(group):
    """Thresholds, correlations and all sampling variances, for unequal numbers of categories."""
    fit = cbec.sem(FACTORS, answers(), ordered=ITEMS, group=group)
    boot = fit.bootstrap(4, seed=8, progress=False)
    for number in range(4):
        values = values_of(boot.plan, Seeds((number,), 8))
        single = problem_of(fit.problem, fit.options, values).samples
        for rows, sample, own in zip(values, fit.problem.samples, single, strict=True):
            ordinal = sample.ordinal
            codes = {tuple(row): 0 for row in sample.ordinal.codes.tolist()}
            for row in rows.astype(int).tolist():
                codes[tuple(row)] += 1
            seen, weights = set(), np.zeros(len(ordinal.codes))
            for place, row in enumerate(map(tuple, ordinal.codes.tolist())):
                weights[place] = 0 if row in seen else codes[row]  # equal answers are one case drawn more often
                seen.add(row)
            many = many_statistics(ordinal, weights[None])
            np.testing.assert_allclose(many.vector[0], own.ordinal.vector, atol=1e-10)
            np.testing.assert_allclose(many.spread[0], np.diag(own.ordinal.acov), rtol=1e-8)


def test_intervals_and_what_they_are_made_of():
    fit = cbec.sem(PATHS, answers(), ordered=ITEMS)
    boot = fit.bootstrap(60, seed=5, progress=False)
    table = boot.parameters.set_index(["lhs", "op", "rhs"])
    np.testing.assert_allclose(table["est"], fit.parameters["est"].to_numpy())
    product = table.loc[("q", ":=", "b^2")]
    b = boot.replicates["b"]
    assert product["se"] == pytest.approx(float((b**2).std(ddof=1)))
    loading = fit.parameters.query("lhs == 'visual' and rhs == 'x2'")["se"].item()
    assert table.loc[("visual", "=~", "x2"), "se"] == pytest.approx(loading, rel=0.5)
    assert (boot.intervals("studentized")["n"] > 0).any()
    assert "WLSMV" in fit.options.estimator
    with pytest.raises(ModelError, match="ordinal variables"):
        boot.intervals("bca")


def test_batches_are_the_same_elsewhere_and_go_on_from_a_folder(tmp_path):
    fit = cbec.sem(FACTORS, answers(), ordered=ITEMS)
    whole = fit.bootstrap(20, seed=2, progress=False)
    plan = pickle.loads(pickle.dumps(whole.plan))
    elsewhere = replicates_module.run_batch(Seeds(tuple(range(5, 20)), 2), plan)
    np.testing.assert_array_equal(whole.x[5:], elsewhere["x"])
    kept = fit.bootstrap(20, seed=2, progress=False, folder=tmp_path)
    again = fit.bootstrap(20, seed=2, progress=False, folder=tmp_path)
    np.testing.assert_array_equal(whole.x, kept.x)
    np.testing.assert_array_equal(whole.x, again.x)


@pytest.mark.parametrize("estimator", ["WLSMV", "WLS"])
def test_an_empty_category_fails_its_replicate(estimator):
    data = answers()
    data.loc[data.index[:1], "x1"] = 4  # one person: in e⁻¹ of all resamples nobody
    fit = cbec.sem("f =~ x1 + x2 + x3 + x4", data, ordered=ITEMS, estimator=estimator)
    with pytest.warns(ModelWarning, match="a category of an ordinal variable is empty"):
        boot = fit.bootstrap(30, seed=1, progress=False)
    failed = boot.replicates["status"] == "failed"
    assert 3 < failed.sum() < 20
    assert set(boot.replicates.loc[failed, "reason"]) <= {"empty_category", "no_optimum"}
    for number in boot.indices:
        drawn = values_of(boot.plan, Seeds((int(number),), 1))[0][:, 0]
        assert (boot.replicates.loc[number, "reason"] == "empty_category") == (4 not in drawn)
    assert boot.replicates.loc[failed, "x1|t1"].isna().all() or boot.replicates.loc[failed].iloc[:, 0].isna().all()


def test_correlations_of_one_fail_their_replicate():
    """Two items of which six persons tell the difference, in some resamples too few."""
    data = answers()
    first = (data["x4"] > 1).astype(int)
    second, third = first.copy(), first.copy()
    for value in (0, 1):
        second[first.index[first == value][:3]] = 1 - value
        third[first.index[first == value][-40:]] = 1 - value
    model, names = "f =~ x1 + x3 + x2", ["x1", "x2", "x3"]
    fit = cbec.sem(model, data.assign(x1=first, x2=second, x3=third), ordered=names, estimator="ULSMV")
    boot = fit.bootstrap(20, seed=1, progress=False)
    perfect = boot.replicates["reason"] == "perfect"
    assert 0 < perfect.sum() < 20
    for number in boot.indices:
        if perfect[number]:
            with pytest.raises(DataError, match="one variable tells the other"):
                alone(fit, boot, int(number), ordered=names, estimator="ULSMV")
        else:
            assert alone(fit, boot, int(number), ordered=names, estimator="ULSMV").n_obs == fit.n_obs


@pytest.mark.parametrize("kind", ["parametric", "bollen_stine"])
def test_other_draws_are_refused(kind):
    fit = cbec.sem(FACTORS, answers(), ordered=ITEMS)
    with pytest.raises(ModelError, match="cannot draw answers in categories"):
        fit.bootstrap(5, type=kind, progress=False)


def test_clusters_are_drawn_whole():
    fit = cbec.sem("f =~ x1 + x2 + x3 + x4", answers(), ordered=ITEMS)
    clusters = np.arange(int(fit.n_obs)) // 5
    boot = fit.bootstrap(4, seed=1, cluster=clusters, progress=False)
    for number in range(4):  # the last cluster is a single case, so that resamples differ in size
        one = alone(fit, boot, number, ordered=ITEMS[:4])
        np.testing.assert_allclose(boot.x[number], one.x, atol=1e-6)
        np.testing.assert_allclose(boot.value[number], one.optimum.value, atol=1e-9)


def test_what_the_warm_start_misses_is_fitted_alone(monkeypatch):
    fit = cbec.sem("f =~ x1 + x2 + x3 + x4", answers(), ordered=ITEMS)
    whole = fit.bootstrap(4, seed=1, progress=False)
    real = replicates_module.fitted_tables
    monkeypatch.setattr(replicates_module, "fitted_tables", lambda *given: [(found, 1) for found, _ in real(*given)])
    again = fit.bootstrap(4, seed=1, progress=False)
    assert again.converged.all()
    np.testing.assert_allclose(again.x, whole.x, atol=1e-6)


@pytest.mark.parametrize("ordered", [ITEMS, None])
def test_ctrl_c_returns_what_is_done_marked_partial(monkeypatch, ordered):
    fit = cbec.sem("f =~ x1 + x2 + x3 + x4", answers(), ordered=ordered)
    whole = fit.bootstrap(30, seed=1, progress=False)
    calls = []

    def stopped(batch, plan):
        calls.append(batch)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return replicates_module.run_batch(batch, plan)

    monkeypatch.setattr("cbecmodel.structure.resampling.bootstrap.run_batch", stopped)
    monkeypatch.setattr("cbecmodel.structure.resampling.bootstrap.batch_size", lambda n, operations: 10)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        boot = fit.bootstrap(30, seed=1, progress=False)
    assert any(issubclass(one.category, CbecWarning) and "20" in str(one.message) for one in caught)
    assert boot.partial
    assert not whole.partial
    assert boot.counts["requested"] == 30
    assert boot.counts["done"] == 20
    np.testing.assert_allclose(boot.x, whole.x[:20], atol=1e-12)
    assert boot.parameters["ci_lower"].notna().any()


def test_ctrl_c_before_anything_is_done_is_ctrl_c(monkeypatch):
    fit = cbec.sem("f =~ x1 + x2 + x3 + x4", answers(), ordered=ITEMS)

    def stopped(batch, plan):
        raise KeyboardInterrupt

    monkeypatch.setattr("cbecmodel.structure.resampling.bootstrap.run_batch", stopped)
    with pytest.raises(KeyboardInterrupt):
        fit.bootstrap(30, seed=1, progress=False)
