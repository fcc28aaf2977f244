"""The bootstrap: intervals against R's, replicates against single fits, refusals, and what is counted."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from semopy.examples import holzinger39, political_democracy

import cbecmodel as cbec
from cbecmodel.errors import CbecError, ConvergenceError, DataError, ModelError, ModelWarning
from cbecmodel.structure.estimate.native import estimate
from cbecmodel.structure.resampling.draws import Draws, drawn_rows, transformed
from cbecmodel.structure.resampling.engine import batch_of, discrepancies, fit_many, resampled
from cbecmodel.structure.resampling.influence import case_influence
from cbecmodel.structure.resampling.intervals import limits, order_quantiles
from cbecmodel.structure.resampling.seeds import Seeds

MODEL = """
ind60 =~ x1 + x2 + x3
dem60 =~ y1 + y2 + y3 + y4
dem60 ~ b1*ind60
y5 ~ b2*dem60 + ind60
ab := b1*b2
"""
HOLZINGER = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"


def democracy() -> pd.DataFrame:
    return political_democracy.get_data()


@pytest.fixture(scope="module")
def fit():
    return cbec.sem(MODEL, democracy())


@pytest.fixture(scope="module")
def boot(fit):
    return fit.bootstrap(300, seed=5, progress=False)


def on_indices(fit, indices):
    """Fit the resamples whose rows are given."""
    n = fit.n_obs
    weights = np.array([np.bincount(row, minlength=n) for row in indices])
    batch = batch_of(fit.problem, fit.x)
    moments = resampled(batch, [weights])
    return batch, moments, fit_many(batch, moments)


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore::cbecmodel.errors.ModelWarning")
def test_replicates_and_intervals_of_lavaan(shared):
    folder = shared / "reference" / "sem"
    case = json.loads((folder / "lavaan" / "04_political_democracy_bootstrap.json").read_text(encoding="utf-8"))
    data = pd.read_csv(folder / "data" / case["data_file"])
    indices = pd.read_csv(folder / "data" / case["index_file"]).to_numpy() - 1
    fit = cbec.sem(case["model"], data)
    batch, moments, found = on_indices(fit, indices)
    assert found.converged.all()
    names = case["coef_names"]
    places = [names.index(name) for name in fit.table.free_names]
    theirs = np.array(case["boot_coef"], dtype=float)[:, places]
    np.testing.assert_allclose(found.x, theirs, rtol=2e-4, atol=3e-4)  # lavaan stops at about 1e-5 of each parameter
    space, factors = batch.work.space, batch.work.scale.parameters
    at_theirs, _ = discrepancies(batch, moments, np.array([space.coordinates(x * factors) for x in theirs]))
    at_ours, _ = discrepancies(batch, moments, np.array([space.coordinates(x * factors) for x in found.x]))
    assert (at_ours <= at_theirs + 1e-13).all()
    kinds = {"percentile": "perc", "basic": "basic", "bias_corrected": "bca.simple", "normal": "norm"}
    for ours, theirs_name in kinds.items():
        frame = pd.DataFrame(case["ci"][theirs_name])
        keys = frame["name"] if ours == "normal" else pd.Series(names)
        at = [keys.tolist().index(name) for name in fit.table.free_names]
        lower, upper = limits(ours, fit.x, found.x, 0.95)
        np.testing.assert_allclose(lower, frame["ci.lower"].to_numpy(float)[at], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(upper, frame["ci.upper"].to_numpy(float)[at], rtol=1e-4, atol=1e-4)


@pytest.mark.shared
def test_mediation_intervals_of_r(shared):
    folder = shared / "reference" / "sem"
    case = json.loads((folder / "lavaan" / "10_mediation_bootstrap.json").read_text(encoding="utf-8"))
    data = pd.read_csv(folder / "data" / "mediation_simulated.csv")
    indices = pd.read_csv(folder / "data" / "bootstrap_indices_2000x100.csv").to_numpy() - 1
    fit = cbec.sem("Y ~ c*X + b*M\nM ~ a*X\nab := a*b\ntotal := c + a*b", data)
    _, _, found = on_indices(fit, indices)
    columns = {name: found.x[:, k] for name, k in fit.table.labels.items()}
    columns["ab"] = columns["a"] * columns["b"]
    columns["total"] = columns["c"] + columns["ab"]
    np.testing.assert_allclose(columns["ab"][:20], case["boot_ab_first20"], rtol=1e-9)
    for name, column in columns.items():
        tails = np.array([0.025, 0.975])
        np.testing.assert_allclose(order_quantiles(column, tails), case["perc"][name], rtol=1e-9)
        estimate_of = np.array([case["estimate"][name]])
        both = limits("bias_corrected", estimate_of, column[:, None], 0.95)
        np.testing.assert_allclose(np.ravel(both), case["bias_corrected"][name], rtol=1e-9)


def test_each_replicate_is_the_fit_of_its_own_cases(fit, boot):
    assert boot.counts.to_dict() == {
        "requested": 300, "done": 300, "converged": 300, "improper": int((boot.status == "improper").sum()), "failed": 0,
    }  # fmt: skip
    names = list(fit.table.free_names)
    for number in (0, 17, 299):
        [rows] = drawn_rows(Draws("nonparametric"), [75], Seeds((number,), 5))
        single = (
            cbec.sem(MODEL, democracy().iloc[rows].reset_index(drop=True)) if number == 0 else boot.replicate(number)
        )
        again = estimate(single.problem)
        np.testing.assert_allclose(boot.replicates.loc[number, names].to_numpy(float), again.x, rtol=1e-6, atol=1e-7)
        assert boot.replicate(number).fit_measures["chisq"] == pytest.approx(75 * again.value, rel=1e-8)
        ab = single.parameters.query("lhs == 'ab'")["est"].iloc[0]
        assert boot.replicates.loc[number, "ab"] == pytest.approx(ab, rel=1e-6)


def test_standardized_replicates_are_those_of_single_fits(boot):
    frame = boot.standardized()
    assert (frame.query("op == '=~'")["ci_lower"] < frame.query("op == '=~'")["est_std"]).all()
    from cbecmodel.structure.resampling.quantities import row_values, standardized_many

    for kind in ("all", "lv"):
        values = row_values(boot.fit.problem, boot.x[:2], None, boot.plan.batch.work.scale.variables)
        found = standardized_many(boot.plan.batch, None, boot.x[:2], values, kind)
        single = boot.replicate(1).standardized(kind)["est_std"].to_numpy()[: found.shape[1]]
        np.testing.assert_allclose(found[1], single, rtol=1e-9, atol=1e-12)


def test_fixed_exogenous_variables_keep_the_moments_of_each_resample():
    fit = cbec.sem("y1 ~ a*x1 + x2\ny2 ~ b*y1 + x1\nab := a*b", democracy())
    boot = fit.bootstrap(40, seed=2, progress=False)
    single = boot.replicate(3)
    for ours, theirs in ((boot.standardized("all"), single.standardized("all")),):
        assert (ours["lhs"] == theirs["lhs"]).all()
    drawn = boot._blockwise(lambda at, moments: boot._standardized(at, moments, "all"))[3]
    np.testing.assert_allclose(drawn, single.standardized("all")["est_std"], rtol=1e-8, atol=1e-10)
    frame = boot.parameters
    assert (
        frame.loc[frame["lhs"].eq("x1") & frame["op"].eq("~~"), "se"] > 0
    ).all()  # they vary from resample to resample


def test_influence_is_the_jackknife_in_the_limit():
    fit = cbec.sem(MODEL, democracy())
    batch = batch_of(fit.problem, fit.x)
    influence = case_influence(batch)
    step = 1e-3
    weights = np.ones((4, 75))
    weights[np.arange(4), [0, 10, 50, 74]] += step
    up = fit_many(batch, resampled(batch, [weights])).x
    weights[np.arange(4), [0, 10, 50, 74]] -= 2 * step
    down = fit_many(batch, resampled(batch, [weights])).x
    np.testing.assert_allclose(influence[[0, 10, 50, 74]], (up - down) / (2 * step), rtol=2e-3, atol=1e-5)


def test_the_kinds_of_intervals(boot):
    ab = {kind: boot.intervals(kind).query("lhs == 'ab'").iloc[0] for kind in ("percentile", "basic", "normal", "bca")}
    assert all(row["ci_lower"] < row["est"] < row["ci_upper"] for row in ab.values())
    few = boot.first(60).intervals("studentized", level=0.9).query("lhs == 'ab'").iloc[0]
    assert few["ci_lower"] < few["est"] < few["ci_upper"]
    wide, narrow = (boot.intervals("percentile", level=level)["ci_upper"] for level in (0.99, 0.8))
    assert (wide >= narrow).all()
    with pytest.raises(ModelError, match="percentile"):
        boot.intervals("exact")
    with pytest.raises(ModelError, match="0\\.95"):
        boot.intervals("percentile", level=95)
    with pytest.raises(ModelError, match="tandardized"):
        boot.standardized(ci="studentized")


def test_the_bootstrap_is_the_same_when_run_again(fit, boot):
    np.testing.assert_array_equal(fit.bootstrap(300, seed=5, progress=False).x, boot.x)
    assert not np.array_equal(fit.bootstrap(300, seed=6, progress=False).x, boot.x)
    assert pickle.loads(pickle.dumps(boot)).parameters.equals(boot.parameters)


def test_finished_batches_are_kept(fit, boot, tmp_path):
    for _ in range(2):
        again = fit.bootstrap(300, seed=5, progress=False, folder=tmp_path / "kept")
        np.testing.assert_array_equal(again.x, boot.x)
    with pytest.raises(CbecError):
        fit.bootstrap(300, seed=6, progress=False, folder=tmp_path / "kept")


@pytest.mark.slow
def test_processes_give_the_same_bits(fit, boot):
    np.testing.assert_array_equal(fit.bootstrap(300, seed=5, progress=False, parallel=2).x, boot.x)


def test_bollen_stine(fit):
    small = transformed(fit.problem, fit.x)
    raw = small.samples[0].raw
    np.testing.assert_allclose(np.cov(raw, rowvar=False, bias=True), small.samples[0].cov, rtol=1e-9, atol=1e-9)
    boot = fit.bootstrap(300, seed=1, type="bollen_stine", progress=False)
    assert 0.0 < boot.bollen_stine_pvalue < 1.0
    chisq = boot.value[boot.converged] * fit.n_obs
    assert chisq.mean() == pytest.approx(fit.df, rel=0.35)  # near its expectation under the model
    assert "Bollen" in str(boot)
    with pytest.raises(ModelError, match="bollen_stine"):
        _ = fit.bootstrap(5, progress=False).bollen_stine_pvalue
    gaps = democracy().mask(np.random.default_rng(1).random((75, 11)) < 0.05)
    with pytest.raises(ModelError, match="complete"):
        cbec.sem(MODEL, gaps, missing="fiml").bootstrap(5, type="bollen_stine", progress=False)


def test_the_parametric_bootstrap_has_the_errors_of_normal_theory(fit):
    boot = fit.bootstrap(600, seed=4, type="parametric", progress=False)
    frame = boot.parameters.merge(fit.parameters, on=["lhs", "op", "rhs"], suffixes=("", "_normal"))
    loadings = frame.query("op == '=~' and se > 0")
    np.testing.assert_allclose(loadings["se"], loadings["se_normal"], rtol=0.25)


def test_groups_keep_their_sizes_and_clusters_stay_whole():
    data = holzinger39.get_data()
    fit = cbec.cfa(HOLZINGER, data, group="school", group_equal="loadings")
    boot = fit.bootstrap(30, seed=1, progress=False)
    assert [s.n for s in boot.replicate(2).problem.samples] == [s.n for s in fit.problem.samples]
    assert "(Pasteur)" in str(boot)
    single = cbec.cfa(HOLZINGER, data)
    clusters = pd.Series(np.arange(len(data)) // 7, index=data.index)
    whole = single.bootstrap(30, seed=1, progress=False, cluster=clusters)
    [rows] = drawn_rows(whole.plan.draws, [301], Seeds((0,), 1))
    counts = np.bincount(rows, minlength=301)
    assert all(np.ptp(counts[clusters == name]) == 0 for name in clusters.unique())
    assert whole.intervals("bca")["ci_lower"].notna().all()
    with pytest.raises(DataError, match="301"):
        single.bootstrap(5, cluster=[1, 2], progress=False)
    with pytest.raises(DataError, match="one cluster"):
        single.bootstrap(5, cluster=np.ones(301), progress=False)
    with pytest.raises(DataError, match="missing"):
        single.bootstrap(5, cluster=clusters.where(clusters > 0), progress=False)


def test_incomplete_data():
    gaps = democracy().mask(np.random.default_rng(1).random((75, 11)) < 0.05)
    fit = cbec.sem(MODEL, gaps, missing="fiml")
    boot = fit.bootstrap(60, seed=1, progress=False)
    assert boot.converged.all()
    np.testing.assert_allclose(boot.replicate(4).x, estimate(boot.replicate(4).problem).x, rtol=1e-5, atol=1e-6)
    assert boot.apply(lambda one: one.fit_measures[["cfi", "rmsea"]]).shape == (60, 2)


def test_what_is_fitted_one_at_a_time():
    data = holzinger39.get_data()
    fit = cbec.cfa("f =~ x1 + x2 + x3 + x9", data, estimator="WLS")
    boot = fit.bootstrap(8, seed=1, progress=False)
    assert boot.counts["converged"] == 8
    np.testing.assert_allclose(boot.x[3], boot.replicate(3).x)
    with pytest.raises(ModelError, match="WLS"):
        boot.intervals("bca")
    bounded = cbec.cfa("f =~ x1 + a*x2 + b*x3 + x9\na > 0.2", data).bootstrap(6, seed=1, progress=False)
    assert bounded.counts["converged"] == 6


def test_what_cannot_be_resampled_says_so():
    data = holzinger39.get_data()
    coded = data.assign(**{name: (data[name] > data[name].median()).astype(int) for name in ("x1", "x2", "x3", "x4")})
    with pytest.raises(ModelError, match="ordinal"):
        cbec.cfa("f =~ x1 + x2 + x3 + x4", coded, ordered=True, estimator="WLSMV").bootstrap(5, type="parametric")
    with pytest.raises(ModelError, match="otated"):
        cbec.cfa('efa("b")*f + efa("b")*g =~ x1 + x2 + x3 + x4 + x5 + x6', data).bootstrap(5)
    numbers = data[["x1", "x2", "x3", "x4"]]
    with pytest.raises(ModelError, match="two_stage"):
        cbec.cfa("f =~ x1 + x2 + x3 + x4", numbers.mask(numbers < 1.5), missing="two_stage").bootstrap(5)
    with pytest.raises(ModelError, match="weighted"):
        cbec.cfa("f =~ x1 + x2 + x3 + x4", data, weights="x9").bootstrap(5)


def rare(values: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.standard_normal((40, 1)) + 0.7 * rng.standard_normal((40, 4)), columns=list("abcd"))
    data["d"] = 0.0
    data.loc[: values - 1, "d"] = data.loc[: values - 1, "a"]
    return data


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.ModelWarning")
def test_resamples_in_which_a_variable_is_constant_are_counted():
    fit = cbec.cfa("f =~ a + b + c + d", rare(2))
    with pytest.warns(ModelWarning, match="constant"):
        boot = fit.bootstrap(200, seed=3, progress=False)
    failed = boot.replicates.query("status == 'failed'")
    assert set(failed["reason"]) <= {"constant", "no_optimum", "singular"}
    assert (failed["reason"] == "constant").mean() > 0.5
    assert failed[list(fit.table.free_names)].isna().all().all()
    assert boot.counts["failed"] + boot.counts["converged"] == 200
    assert (boot.parameters["n"] <= boot.counts["converged"]).all()
    with pytest.raises(ModelError, match=str(failed.index[0])):
        boot.replicate(int(failed.index[0]))


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.ModelWarning")
def test_all_replicates_failing_says_why(monkeypatch):
    fit = cbec.cfa("f =~ a + b + c", rare(2))
    monkeypatch.setattr("cbecmodel.structure.resampling.replicates._FLAT", 1e9)
    with pytest.raises(ConvergenceError, match="constant: 4"):
        fit.bootstrap(4, progress=False)


def test_bad_input(fit):
    with pytest.raises(ModelError, match="percentile"):
        fit.bootstrap(5, ci="exact")
    with pytest.raises(ModelError, match="parametric"):
        fit.bootstrap(5, type="wild")
    with pytest.raises(ModelError, match="at least one"):
        fit.bootstrap(0)
    with pytest.raises(ModelError, match="0\\.95"):
        fit.bootstrap(5, level=2)
    cov = democracy()[["y1", "y2", "y3", "y4"]].cov()
    moments = cbec.cfa("f =~ y1 + y2 + y3 + y4", sample_cov=cov, sample_nobs=75)
    with pytest.raises(ModelError, match="data"):
        moments.bootstrap(5)


def test_how_it_shows_itself(boot):
    assert "percentile" in str(boot)
    assert "ab := b1*b2" in boot._repr_html_()
    with_one = boot.plot("ab", lang="zh")
    assert with_one.axes[0].get_title(loc="left").startswith("ab")
    assert len(boot.plot("b1", "b2", "ab").axes) == 3
    with pytest.raises(ModelError, match="nonsense"):
        boot.plot("nonsense")
    cbec.set_language("zh")
    try:
        assert "百分位" in str(boot)
    finally:
        cbec.set_language("en")


def test_order_quantiles_at_the_edges():
    values = np.array([3.0, 1.0, 2.0, np.nan])
    assert order_quantiles(values, np.array([0.001, 0.999, 0.5])).tolist() == [1.0, 3.0, 2.0]
    assert np.isnan(order_quantiles(np.array([np.nan]), np.array([0.5]))).all()


@pytest.mark.slow
def test_a_cluster_takes_more_than_a_megabyte_of_data():
    rng = np.random.default_rng(3)
    values = rng.standard_normal((2000, 1)) + rng.standard_normal((2000, 10))
    data = pd.DataFrame(values, columns=[f"v{k}" for k in range(10)])
    fit = cbec.cfa("f =~ " + " + ".join(data.columns), data)
    here = fit.bootstrap(130, seed=1, progress=False)
    np.testing.assert_array_equal(fit.bootstrap(130, seed=1, progress=False, parallel="dask").x, here.x)
