"""Two-way effects and event studies: against brute force, in special cases, and with bad input."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cbecmodel.errors import DataWarning, DisagreementError, ModelError, PanelError, PolicyWarning
from cbecmodel.messages import use_language
from cbecmodel.policy import regression
from cbecmodel.policy.effect import policy_effect
from cbecmodel.policy.engines import RawFit
from cbecmodel.policy.panel import Panel
from cbecmodel.policy.results import PolicyResults


def staggered(
    seed: int, cohorts: dict[int, int], times: range = range(2010, 2018), effect: float = 0.5
) -> pd.DataFrame:
    """Draw a panel with so many units in each cohort."""
    rng = np.random.default_rng(seed)
    since = np.repeat(list(cohorts), list(cohorts.values()))
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(len(since)), len(times)),
            "year": np.tile(np.asarray(times), len(since)),
            "since": np.repeat(since, len(times)),
        }
    )
    frame["x"] = rng.normal(size=len(frame))
    frame["province"] = frame["city"] % 12
    treated = (frame["since"] > 0) & (frame["year"] >= frame["since"])
    noise = rng.normal(scale=0.3, size=len(frame)) + np.repeat(rng.normal(size=len(since)), len(times))
    return frame.assign(y=effect * treated + 0.1 * (frame["year"] - 2010) + 0.2 * frame["x"] + noise)


def quiet(frame: pd.DataFrame, **options: Any) -> PolicyResults:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", (PolicyWarning, DataWarning))
        panel = Panel(frame, unit="city", time="year", cohort=options.pop("cohort", "since"))
        return policy_effect(panel, options.pop("outcome", "y"), **options)


def brute(frame: pd.DataFrame, columns: np.ndarray, cluster: str = "city") -> tuple[np.ndarray, np.ndarray, int]:
    """Regress on columns and all dummies; return coefficients, cluster covariance without factor, number of columns."""
    city, year = (pd.get_dummies(frame[name]).to_numpy(float) for name in ("city", "year"))
    design = np.hstack([columns, city, year[:, 1:]])
    bread = np.linalg.inv(design.T @ design)
    beta = bread @ design.T @ frame["y"].to_numpy()
    scores = design * (frame["y"].to_numpy() - design @ beta)[:, None]
    sums = pd.DataFrame(scores).groupby(frame[cluster].to_numpy()).sum().to_numpy()
    k = columns.shape[1]
    return beta[:k], (bread @ sums.T @ sums @ bread)[:k, :k], design.shape[1]


COHORTS = {0: 20, 2012: 8, 2014: 12, 2015: 6}


def columns_of(frame: pd.DataFrame, times: list[int]) -> np.ndarray:
    since = (frame["year"] - frame["since"]).where(frame["since"] > 0)
    return np.column_stack([(since == time).to_numpy(float) for time in times])


@pytest.mark.parametrize("cluster", ["city", "province"])
def test_static_and_event_equal_brute_force(cluster: str) -> None:
    frame = staggered(1, COHORTS).sample(frac=0.9, random_state=1).sort_values(["city", "year"])
    res = quiet(frame, controls=["x"], cluster=cluster)
    n, groups = len(frame), frame[cluster].nunique()
    treated = ((frame["since"] > 0) & (frame["year"] >= frame["since"])).to_numpy(float)[:, None]
    x = frame[["x"]].to_numpy()
    beta, cov, _ = brute(frame, np.hstack([treated, x]), cluster)
    factor = groups / (groups - 1) * (n - 1) / (n - 2 - frame["year"].nunique())
    assert res.att == pytest.approx(beta[0], rel=1e-10)
    assert res.att_se == pytest.approx(np.sqrt(cov[0, 0] * factor), rel=1e-10)
    half = stats.t.ppf(0.975, groups - 1) * res.att_se
    assert res.att_ci == pytest.approx((beta[0] - half, beta[0] + half), rel=1e-9)

    times = [time for time in range(-5, 6) if time != -1]
    beta, cov, _ = brute(frame, np.hstack([columns_of(frame, times), x]), cluster)
    factor = groups / (groups - 1) * (n - 1) / (n - len(times) - 1 - frame["year"].nunique())
    rows = res.event_study.set_index("event_time")
    np.testing.assert_allclose(rows.loc[times, "att"], beta[:-1], rtol=1e-9)
    np.testing.assert_allclose(rows.loc[times, "se"], np.sqrt(np.diag(cov)[:-1] * factor), rtol=1e-9)
    leads = slice(0, 4)
    wald = beta[leads] @ np.linalg.inv(cov[leads, leads] * factor) @ beta[leads] / 4
    assert res.pre_trend["statistic"] == pytest.approx(wald, rel=1e-8)
    assert res.pre_trend["pvalue"] == pytest.approx(stats.f.sf(wald, 4, groups - 1), rel=1e-8)
    assert res.pre_trend[["df", "df_denominator"]].tolist() == [4, groups - 1]
    assert res.cross_check(strict=True)["agrees"].all()


def test_one_cohort_collapses_to_differences_of_means() -> None:
    frame = staggered(2, {0: 10, 2013: 5})
    res = quiet(frame)
    means = frame.pivot_table(index="year", columns="since", values="y")
    gap = means[2013] - means[0]
    assert res.att == pytest.approx(gap.loc[2013:].mean() - gap.loc[:2012].mean(), rel=1e-11)
    rows = res.event_study.set_index("event_time")
    np.testing.assert_allclose(rows["att"], (gap - gap[2012]).to_numpy(), rtol=1e-9, atol=1e-12)
    assert rows.loc[-1, ["att", "se"]].tolist() == [0, 0]


def test_known_effect_is_recovered() -> None:
    """Monte Carlo, constant effect .5: mean within four Monte Carlo standard errors, coverage of 95 % intervals near 95 %."""
    draws = [quiet(staggered(seed, {0: 15, 2013: 15}, range(2011, 2015)), engine="statsmodels") for seed in range(30)]
    effects = np.array([res.att for res in draws])
    assert abs(effects.mean() - 0.5) < 4 * effects.std() / np.sqrt(30)
    assert np.mean([res.att_ci[0] < 0.5 < res.att_ci[1] for res in draws]) > 0.85


def test_anticipation_moves_the_base() -> None:
    frame = staggered(3, {0: 10, 2013: 8})
    res = quiet(frame, anticipation=1)
    rows = res.event_study.set_index("event_time")
    assert rows.index[rows["se"] == 0].tolist() == [-2]
    moved = quiet(frame.assign(since=frame["since"].where(frame["since"] == 0, 2012)))
    assert res.att == pytest.approx(moved.att, rel=1e-12)


def test_window_bins_the_ends() -> None:
    frame = staggered(4, COHORTS)
    res = quiet(frame, window=(-3, 2))
    assert res.event_study["event_time"].tolist() == [-3, -2, -1, 0, 1, 2]
    since = (frame["year"] - frame["since"]).where(frame["since"] > 0).clip(-3, 2)
    binned = np.column_stack([(since == time).to_numpy(float) for time in (-3, -2, 0, 1, 2)])
    beta, _, _ = brute(frame, binned)
    rows = res.event_study.set_index("event_time")
    np.testing.assert_allclose(rows.loc[[-3, -2, 0, 1, 2], "att"], beta, rtol=1e-9)


def test_without_never_treated_a_second_base_is_needed_and_said() -> None:
    panel = Panel(staggered(5, {2013: 10, 2015: 10, 2016: 10}), "city", "year", "since")
    with pytest.warns(PolicyWarning) as given:
        res = policy_effect(panel, "y")
    keys = {warning.message.key for warning in given}
    assert keys == {"policy.second_base", "policy.all_treated", "policy.staggered_twfe"}
    rows = res.event_study.set_index("event_time")
    assert rows.index[rows["se"] == 0].tolist() == [-6, -1]
    assert {warning.key for warning in res.warnings} == keys


def test_warnings_for_few_clusters_and_lone_units() -> None:
    panel = Panel(staggered(6, {0: 6, 2013: 1}), "city", "year", "since")
    with pytest.warns(PolicyWarning) as given:
        policy_effect(panel, "y")
    found = {warning.message.key: str(warning.message) for warning in given}
    assert set(found) == {"policy.few_clusters", "policy.single_unit_cohorts"}
    assert "7 clusters" in found["policy.few_clusters"]
    assert "one unit only: 2013 (6)" in found["policy.single_unit_cohorts"]
    assert given[0].filename == __file__


def test_rows_without_values_are_counted_by_reason() -> None:
    frame = staggered(7, {0: 12, 2013: 8, 2015: 3})
    frame.loc[frame.index[:3], "y"] = np.nan
    frame.loc[frame.index[2:7], "x"] = np.nan
    frame.loc[frame["since"] == 2015, "y"] = np.nan
    panel = Panel(frame, "city", "year", "since")
    with pytest.warns() as given:
        res = policy_effect(panel, "y", controls=["x"])
    assert res.n_dropped == 7 + 24
    assert res.n_obs == len(frame) - 31
    assert res.dropped.to_dict() == {"x": 4, "y": 27}
    messages = " ".join(str(warning.message) for warning in given)
    assert "31 of 184 rows were not used" in messages
    assert "No row of the cohorts 2015 is complete" in messages
    assert "Rows not used" in str(res)


def test_transforms() -> None:
    frame = staggered(8, {0: 10, 2013: 10})
    frame["y"] = np.exp(frame["y"])
    log = quiet(frame, transform="log")
    assert log.att == pytest.approx(quiet(frame.assign(y=np.log(frame["y"]))).att, rel=1e-12)
    assert quiet(frame, transform="log1p").att == pytest.approx(quiet(frame.assign(y=np.log1p(frame["y"]))).att)
    assert quiet(frame, transform="asinh").att == pytest.approx(quiet(frame.assign(y=np.arcsinh(frame["y"]))).att)
    with pytest.raises(PanelError, match="has no value for 160 rows"):
        quiet(frame.assign(y=0.0), transform="log")


def test_two_way_clusters_that_are_not_positive_are_repaired_and_said() -> None:
    frame = staggered(9, COHORTS)
    panel = Panel(frame, "city", "year", "since")
    with pytest.warns(PolicyWarning) as given:
        res = policy_effect(panel, "y", cluster=("unit", "time"))
    assert "policy.vcov_repaired" in {warning.message.key for warning in given}
    assert res.event_study["se"].notna().all()
    assert res.n_clusters == 8


def test_controls_in_huge_units_cost_no_precision() -> None:
    frame = staggered(10, COHORTS)
    small = quiet(frame, controls=["x"])
    huge = quiet(frame.assign(x=1e13 * frame["x"] + 3e15), controls=["x"])
    assert huge.att == pytest.approx(small.att, rel=1e-9)
    assert huge.cross_check(strict=True)["agrees"].all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"estimator": "stacked"}, ModelError, "not in this version; available: twfe, callaway_santanna, sun_abraham"),
        ({"estimator": "sun_abraham", "treatment": "x"}, ModelError, "cannot use: treatment"),
        ({"method": "logit"}, ModelError, "dr, ipw, reg"),
        ({"estimator": "did"}, ModelError, "there are: twfe, callaway_santanna"),
        ({"vcov": "hac"}, ModelError, "cluster, robust, iid"),
        ({"small_sample": "stata"}, ModelError, "fixest, reghdfe, areg"),
        ({"engine": "fixest"}, ModelError, "linearmodels, statsmodels"),
        ({"bootstrap": 99}, ModelError, "cannot use: bootstrap"),
        ({"control_group": "not_yet"}, ModelError, "cannot use: control_group"),
        ({"seed": "a"}, ModelError, "seed='a' must be a whole number"),
        ({"anticipation": 0.5}, ModelError, "whole number, 0 or more"),
        ({"window": 3}, ModelError, "two whole numbers"),
        ({"controls": ["y"]}, ModelError, "named more than once: y"),
        ({"outcome": "one"}, ModelError, "same in all periods"),
        ({"outcome": "shared"}, ModelError, "same for all units"),
        ({"estimator": "callaway_santanna", "cluster": "one"}, ModelError, "one level only"),
        ({"estimator": "callaway_santanna", "bootstrap": -1}, ModelError, "whole number, 1 or more"),
        ({"estimator": "callaway_santanna", "small_sample": "none"}, ModelError, "cannot use: small_sample"),
        ({"anticipation": -1}, ModelError, "0 or more"),
        ({"window": (0, 3)}, ModelError, "base period -1 between them"),
        ({"cluster": ("city", "year", "x")}, ModelError, "one or two ways"),
        ({"fixed_effects": ("unit", "time", "x")}, ModelError, "At most two"),
        ({"controls": ["z"]}, PanelError, 'no column "z"'),
        ({"controls": ["city"]}, ModelError, "already determine: city"),
        ({"controls": ["x", "x2"]}, ModelError, "already determine: x2"),
        ({"controls": ["one"]}, ModelError, "already determine: one"),
        ({"controls": ["word"]}, PanelError, "160 rows do not: 'a'"),
        ({"treatment": "city"}, ModelError, "Nothing of the treatment"),
        ({"weights": "one0"}, PanelError, "must be positive; 160"),
        ({"cluster": "one"}, ModelError, "one level only"),
        ({"controls": ["void"]}, PanelError, "No row has a value"),
        ({"cohort": None}, PanelError, "who was treated when"),
    ],
)
def test_what_cannot_be_estimated(options: dict[str, Any], error: type[Exception], message: str) -> None:
    frame = staggered(11, {0: 10, 2013: 10}).assign(one=1.0, one0=0.0, word="a", void=np.nan)
    frame["shared"] = frame["year"] % 5
    with pytest.raises(error, match=message):
        quiet(frame.assign(x2=2 * frame["x"] + 1), **options)


def test_two_units_in_two_periods_leave_nothing_to_estimate_errors_from() -> None:
    frame = pd.DataFrame({"city": list("aabb"), "year": [1, 2, 1, 2], "since": [2, 2, 0, 0], "y": [1.5, 2.0, 1.0, 1.2]})
    with pytest.raises(ModelError, match="4 rows for 4 parameters"):
        quiet(frame)


def test_only_panels_are_taken() -> None:
    with pytest.raises(PanelError, match="wants a Panel, not a DataFrame"):
        policy_effect(staggered(1, {0: 2, 2013: 2}), "y")


def test_disagreement_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    res = quiet(staggered(12, {0: 10, 2013: 10}))
    honest = regression.fit

    def wrong(*arguments: Any) -> RawFit:
        found = honest(*arguments)
        return RawFit(found.params * (1 + 1e-8), found.cov)

    monkeypatch.setattr(regression, "fit", wrong)
    assert not res.cross_check()["agrees"].all()
    with pytest.raises(DisagreementError, match="two engines disagree on att"):
        res.cross_check(strict=True)


def test_band_is_wider_than_the_interval_and_reproducible() -> None:
    frame = staggered(13, COHORTS)
    first, second = quiet(frame, seed=3).event_study, quiet(frame, seed=3).event_study
    pd.testing.assert_frame_equal(first, second)
    free = first[first["se"] > 0]
    assert (free["band_upper"] > free["ci_upper"]).all()
    assert (free["band_lower"] < free["ci_lower"]).all()


def test_nothing_depends_on_the_order_of_rows_or_changes_the_panel() -> None:
    frame = staggered(14, COHORTS)
    panel = Panel(frame, "city", "year", "since")
    before = panel.frame.copy()
    with pytest.warns(PolicyWarning):
        res = policy_effect(panel, "y")
    pd.testing.assert_frame_equal(panel.frame, before)
    assert quiet(frame.sample(frac=1, random_state=2)).att == res.att


def test_results_speak_and_draw() -> None:
    frame = staggered(15, COHORTS)
    panel = Panel(frame, "city", "year", "since", synthetic=True, truth={"att": 0.5})
    with pytest.warns(PolicyWarning):
        res = policy_effect(panel, "y")
    assert "Synthetic" in str(res)
    assert "K = " in repr(res)
    assert "clustered by unit (46 clusters)" in res._repr_html_()
    assert "\\toprule" in res.to_latex()
    with use_language("zh"):
        assert "双向固定效应" in str(res)
    assert res.plot(lang="zh") is not None
    static = quiet(frame, treatment="x")
    with pytest.raises(ModelError, match="no event study"):
        static.plot()
    assert static.pre_trend.empty
