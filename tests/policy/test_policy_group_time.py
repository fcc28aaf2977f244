"""Group-time effects: closed forms, brute force, special cases, bad input."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from cbecmodel.errors import ConvergenceError, DataWarning, ModelError, PanelError, PolicyWarning
from cbecmodel.policy.effect import policy_effect
from cbecmodel.policy.panel import Panel
from cbecmodel.policy.results import PolicyResults
from cbecmodel.policy.two_by_two import two_by_two

COHORTS = {0: 30, 2012: 12, 2013: 15, 2015: 8}


def draw(seed: int, cohorts: dict[int, int], times: range = range(2010, 2017)) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    since = np.repeat(list(cohorts), list(cohorts.values()))
    n, t = len(since), len(times)
    frame = pd.DataFrame({"city": np.repeat(np.arange(n), t), "year": np.tile(np.asarray(times), n)})
    frame["since"] = np.repeat(since, t)
    frame["x"] = np.repeat(rng.normal(size=n) + 0.3 * (since > 0), t)
    frame["province"] = frame["city"] % 13
    lasting = frame["year"] - frame["since"] + 1
    effect = np.where((frame["since"] > 0) & (lasting > 0), 0.2 * lasting, 0)
    return frame.assign(y=effect + 0.05 * frame["x"] * (frame["year"] - 2010) + rng.normal(scale=0.3, size=n * t))


def estimate(frame: pd.DataFrame, **options: Any) -> PolicyResults:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", (PolicyWarning, DataWarning))
        return policy_effect(Panel(frame, "city", "year", "since"), "y", estimator="callaway_santanna", **options)


def test_effects_are_differences_of_mean_changes() -> None:
    frame = draw(1, COHORTS)
    means = frame.pivot_table(index="year", columns="since", values="y")
    cells = estimate(frame).group_time.set_index(["cohort", "time"])["att"]
    for (cohort, time), att in cells.items():
        base = cohort - 1 if time >= cohort else time - 1
        change = means.loc[time] - means.loc[base]
        assert att == pytest.approx(change[cohort] - change[0], abs=1e-12)


def test_not_yet_treated_controls_are_pooled() -> None:
    frame = draw(2, COHORTS)
    wide = frame.pivot_table(index=["city", "since"], columns="year", values="y")
    since = wide.index.get_level_values("since")
    cells = estimate(frame, control_group="not_yet", base_period="universal").group_time.set_index(["cohort", "time"])
    for (cohort, time), row in cells.iterrows():
        horizon = max(time, cohort - 1)
        change = (wide[time] - wide[cohort - 1]).to_numpy()
        controls = (since == 0) | ((since > horizon) & (since != cohort))
        assert row["att"] == pytest.approx(change[since == cohort].mean() - change[controls].mean(), abs=1e-12)
    assert (cells.loc[[(2012, 2011), (2013, 2012), (2015, 2014)], ["att", "se"]] == 0).all().all()


def test_one_cohort_equals_two_way_effects() -> None:
    """With one cohort and a universal base the event study is that of two-way fixed effects, its errors HC0-like."""
    frame = draw(3, {0: 20, 2013: 20})
    ours = estimate(frame, base_period="universal").event_study
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PolicyWarning)
        two_way = policy_effect(Panel(frame, "city", "year", "since"), "y", small_sample="none").event_study
    np.testing.assert_allclose(ours["att"], two_way["att"], atol=1e-12)
    np.testing.assert_allclose(ours["se"], two_way["se"], atol=1e-12)


def test_simple_average_weighs_by_cohort_size() -> None:
    res = estimate(draw(4, COHORTS))
    after = res.group_time.query("time >= cohort")
    sizes = after["cohort"].map(COHORTS)
    assert res.att == pytest.approx(np.average(after["att"], weights=sizes), rel=1e-12)
    grouped = estimate(draw(4, COHORTS), aggregation="group")
    by_cohort = after.groupby("cohort")["att"].mean()
    assert grouped.att == pytest.approx(np.average(by_cohort, weights=[COHORTS[g] for g in by_cohort.index]), rel=1e-12)
    dynamic = estimate(draw(4, COHORTS), aggregation="dynamic")
    events = dynamic.event_study.query("event_time >= 0")
    assert dynamic.att == pytest.approx(events["att"].mean(), rel=1e-12)


def sample(seed: int = 5, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    treated = (rng.random(n) < 1 / (1 + np.exp(-(x @ [-0.5, 0.7, -0.3])))).astype(float)
    return 0.5 * treated + x @ [0.2, 0.4, -0.6] + rng.normal(size=n), treated, x


def test_three_methods_by_hand() -> None:
    change, treated, x = sample()
    is_treated = treated == 1
    beta = sm.OLS(change[~is_treated], x[~is_treated]).fit().params
    score = sm.Logit(treated, x).fit(disp=0, tol=1e-14).predict(x)
    odds = (score / (1 - score))[~is_treated]
    plain = change[is_treated].mean()
    by_outcome = plain - (x[is_treated] @ beta).mean()
    by_weights = plain - np.average(change[~is_treated], weights=odds)
    rest = change - x @ beta
    both = rest[is_treated].mean() - np.average(rest[~is_treated], weights=odds)
    for method, expected in (("reg", by_outcome), ("ipw", by_weights), ("dr", both)):
        assert two_by_two(change, treated, x, method).att == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
def test_influence_functions_against_the_jackknife(method: str) -> None:
    """The root mean square influence is the jackknife error but for terms of order 1/n."""
    change, treated, x = sample()
    n = len(change)
    found = two_by_two(change, treated, x, method)
    assert found.influence.mean() == pytest.approx(0, abs=1e-12)
    left = np.ones(n, dtype=bool)
    effects = []
    for unit in range(n):
        left[unit] = False
        effects.append(two_by_two(change[left], treated[left], x[left], method).att)
        left[unit] = True
    jackknife = np.sqrt((n - 1) / n * ((np.array(effects) - np.mean(effects)) ** 2).sum())
    assert np.sqrt((found.influence**2).mean() / n) == pytest.approx(jackknife, rel=0.03)
    approximate = found.att - found.influence / (n - 1)
    assert np.corrcoef(effects, approximate)[0, 1] > 0.998


def test_second_engine_agrees_and_has_none_for_covariates() -> None:
    frame = draw(6, COHORTS)
    for options in ({}, {"control_group": "not_yet"}, {"base_period": "universal"}, {"anticipation": 1}):
        table = estimate(frame, **options).cross_check(strict=True)
        assert len(table) > 20
        assert table["difference"].max() < 1e-12
    assert estimate(frame, controls=["x"]).cross_check().empty


def test_clusters_are_sums_of_influence() -> None:
    frame = draw(7, COHORTS)
    res = estimate(frame, cluster="province")
    assert res.n_clusters == 13
    assert res.att == estimate(frame).att
    assert res.att_se != pytest.approx(estimate(frame).att_se, rel=1e-3)
    assert estimate(frame.assign(own=frame["city"]), cluster="own").att_se == pytest.approx(
        estimate(frame).att_se, rel=1e-12
    )


def test_bootstrap_changes_only_the_band() -> None:
    frame = draw(8, COHORTS)
    plain, first, second = (
        estimate(frame),
        estimate(frame, bootstrap=2000, seed=1),
        estimate(frame, bootstrap=2000, seed=1),
    )
    pd.testing.assert_frame_equal(first.event_study, second.event_study)
    assert first.att_se == plain.att_se
    widths = [(res.event_study["band_upper"] - res.event_study["att"]).to_numpy() for res in (plain, first)]
    np.testing.assert_allclose(widths[0], widths[1], rtol=0.1)


def test_incomplete_units_and_those_treated_from_the_start_are_counted() -> None:
    frame = draw(9, {**COHORTS, 2010: 3})
    frame = frame.drop(frame.index[5])
    frame.loc[frame["city"] == 1, "y"] = np.nan
    with pytest.warns() as given:
        res = policy_effect(Panel(frame, "city", "year", "since"), "y", estimator="callaway_santanna")
    assert res.dropped.to_dict() == {"y": 7, "unbalanced": 6, "always treated": 21}
    assert res.n_obs + res.n_dropped == len(frame)
    assert any("34 of" in str(warning.message) for warning in given)


def test_without_never_treated_the_last_cohort_is_the_control() -> None:
    frame = draw(10, {2012: 10, 2013: 10, 2015: 10})
    with pytest.raises(ModelError, match="no never-treated units"):
        estimate(frame)
    panel = Panel(frame, "city", "year", "since")
    with pytest.warns() as given:
        res = policy_effect(panel, "y", estimator="callaway_santanna", control_group="not_yet")
    keys = {warning.message.key for warning in given}
    assert keys == {"policy.last_cohort_controls", "policy.all_treated", "policy.rows_dropped"}
    assert res.group_time["time"].max() == 2014
    assert set(res.group_time["cohort"]) == {2012, 2013}
    assert res.dropped.to_dict() == {"after the last controls": 60}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"treatment": "x"}, ModelError, "cannot use: treatment"),
        ({"weights": "x"}, ModelError, "cannot use: weights"),
        ({"vcov": "iid"}, ModelError, "cannot use: vcov"),
        ({"cluster": ("unit", "time")}, ModelError, "cannot use: cluster"),
        ({"cluster": "year"}, ModelError, "change their cluster"),
        ({"controls": ["split"]}, ConvergenceError, "separate a cohort"),
        ({"controls": ["x", "x2"]}, ModelError, "collinear among 30 control units"),
    ],
)
def test_what_cannot_be_estimated(options: dict[str, Any], error: type[Exception], message: str) -> None:
    frame = draw(11, COHORTS)
    frame = frame.assign(split=(frame["since"] > 0).astype(float) + 0.01 * frame["x"], x2=-3 * frame["x"])
    with pytest.raises(error, match=message):
        estimate(frame, **options)


def test_no_unit_is_complete() -> None:
    frame = draw(12, {0: 2, 2012: 2}, range(2010, 2014))
    with pytest.raises(PanelError, match="No unit has a value in every period"):
        estimate(frame.drop(frame.index[[0, 5, 10, 15]]))


@pytest.mark.slow
def test_estimated_cohort_sizes_enter_the_error_of_averages() -> None:
    """Leave one unit out at a time: what it changes in the average is its influence, sizes of cohorts included."""
    frame = draw(14, {0: 60, 2012: 40, 2015: 30}, range(2011, 2017))
    res = estimate(frame)
    cities = frame["city"].unique()
    left = np.array([estimate(frame[frame["city"] != city]).att for city in cities])
    n = len(cities)
    jackknife = np.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum())
    assert res.att_se == pytest.approx(jackknife, rel=0.03)


def test_sun_abraham_equals_callaway_santanna_on_a_balanced_panel() -> None:
    """Point estimates coincide with never-treated controls and a universal base; two engines agree."""
    frame = draw(15, COHORTS)
    ours = estimate(frame, base_period="universal")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PolicyWarning)
        panel = Panel(frame, "city", "year", "since")
        other = policy_effect(panel, "y", estimator="sun_abraham")
    assert other.att == pytest.approx(ours.att, rel=1e-10)
    np.testing.assert_allclose(other.event_study["att"], ours.event_study["att"], atol=1e-11)
    assert other.cross_check(strict=True)["agrees"].all()
    with pytest.raises(ModelError, match="there are none"):
        policy_effect(Panel(frame[frame["since"] > 0], "city", "year", "since"), "y", estimator="sun_abraham")


def test_sun_abraham_leaves_out_units_treated_from_the_start() -> None:
    """As controls they would carry the effect into the comparison; the same numbers as without them."""
    frame = draw(9, {0: 12, 2010: 4, 2013: 8})
    frame.loc[(frame["since"] == 2010), "y"] += 3.0 * (frame["year"] - 2010)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        res = policy_effect(Panel(frame, "city", "year", "since"), "y", estimator="sun_abraham")
        without = policy_effect(
            Panel(frame[frame["since"] != 2010], "city", "year", "since"), "y", estimator="sun_abraham"
        )
    assert res.dropped.to_dict() == {"always treated": 28}
    assert (res.att, res.att_se) == pytest.approx((without.att, without.att_se), rel=1e-12)


@pytest.mark.parametrize("estimator", ["twfe", "callaway_santanna", "sun_abraham"])
def test_nobody_treated_and_everybody_from_the_start(estimator: Any) -> None:
    frame = draw(10, {0: 6, 2013: 6})
    with pytest.raises(PanelError, match="No unit of the panel is treated"):
        policy_effect(Panel(frame.assign(since=0), "city", "year", "since"), "y", estimator=estimator)
    with pytest.warns(PolicyWarning, match="treated from the first period"):
        panel = Panel(frame.assign(since=np.where(frame["since"] > 0, 2010, 0)), "city", "year", "since")
    with pytest.raises((ModelError, PanelError)):
        policy_effect(panel, "y", estimator=estimator)


@pytest.mark.parametrize("estimator", ["twfe", "callaway_santanna", "sun_abraham"])
def test_warnings_point_at_the_user_s_line(estimator: Any) -> None:
    panel = Panel(draw(11, {0: 6, 2013: 1}), "city", "year", "since")
    with pytest.warns(PolicyWarning) as caught:
        policy_effect(panel, "y", estimator=estimator)
    assert {warning.filename for warning in caught} == {__file__}


def test_growing_effects_are_recovered_where_two_way_effects_are_biased() -> None:
    """Truth over treated unit-years: the mean of .2 × years since adoption."""
    frame = draw(13, {year: 40 * size for year, size in {0: 2, 2012: 2, 2013: 1, 2015: 1}.items()})
    lasting = (frame["year"] - frame["since"] + 1)[(frame["since"] > 0) & (frame["year"] >= frame["since"])]
    res = estimate(frame, controls=["x"])
    assert abs(res.att - 0.2 * lasting.mean()) < 3 * res.att_se
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PolicyWarning)
        two_way = policy_effect(Panel(frame, "city", "year", "since"), "y")
    assert two_way.att < res.att - 3 * res.att_se
    assert "Sant'Anna" in str(res)
    assert res.plot() is not None
