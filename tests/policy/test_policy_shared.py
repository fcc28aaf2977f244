"""Effects and errors against R (fixest, did) on the reference panels, at 1e-9; and a real panel of provinces."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cbecmodel.errors import CbecWarning, PolicyWarning
from cbecmodel.policy.effect import policy_effect
from cbecmodel.policy.panel import Panel
from cbecmodel.policy.results import PolicyResults

pytestmark = pytest.mark.shared
CASES = {
    "mpdta": ("countyreal", "year", "first.treat", "lemp"),
    "cbec_synth": ("city", "year", "g", "y"),
    "base_stagg": ("id", "year", "year_treated", "y"),
}


def load(shared: Path, case: str) -> tuple[Panel, str, dict[str, Any]]:
    folder = shared / "reference" / "policy"
    frame = pd.read_csv(folder / "data" / f"{case}.csv")
    unit, time, cohort, outcome = CASES[case]
    frame[cohort] = frame[cohort].where(
        frame[cohort] <= frame[time].max(), 0
    )  # base_stagg codes never treated as 10000
    reference = json.loads((folder / f"{case}.json").read_text(encoding="utf-8"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PolicyWarning)
        return Panel(frame, unit, time, cohort), outcome, reference


def effect(panel: Panel, outcome: str, **options: Any) -> PolicyResults:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CbecWarning)
        return policy_effect(panel, outcome, **options)


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize(
    ("vcov", "name"), [("cluster", "static_cluster_unit"), ("iid", "static_iid"), ("robust", "static_hetero")]
)
def test_static_effect_equals_fixest(shared: Path, case: str, vcov: str, name: str) -> None:
    panel, outcome, reference = load(shared, case)
    res, expected = effect(panel, outcome, vcov=vcov), reference["twfe"][name]
    assert res.att == pytest.approx(expected["coef"][".D"], rel=1e-9)
    assert res.att_se == pytest.approx(expected["se"][".D"], rel=1e-9)
    assert res.att_pvalue == pytest.approx(expected["p"][".D"], rel=1e-7)
    assert res.n_obs == expected["nobs"]


@pytest.mark.parametrize("case", list(CASES))
def test_event_study_equals_fixest(shared: Path, case: str) -> None:
    panel, outcome, reference = load(shared, case)
    rows = effect(panel, outcome).event_study.set_index("event_time")
    expected = reference["twfe"]["event"]
    assert len(rows) == len(expected["coef"]) + 1
    for key, value in expected["coef"].items():
        time = int(key.split("::")[1])
        assert rows.loc[time, "att"] == pytest.approx(value, rel=1e-8, abs=1e-10)
        assert rows.loc[time, "se"] == pytest.approx(expected["se"][key], rel=1e-8)
    assert rows.loc[-1, "se"] == 0


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"small_sample": "fixest"}, "fixest_default"),
        ({"small_sample": "reghdfe"}, "fixest_default"),
        ({"small_sample": "areg"}, "fixef_K_full"),
        ({"small_sample": "plm_sss"}, "fixef_K_none"),
        ({"small_sample": "none"}, "no_adj"),
        ({"small_sample": "plm"}, "no_adj"),
        ({"cluster": ("unit", "time")}, "twoway"),
    ],
)
def test_small_sample_conventions(shared: Path, options: dict[str, Any], name: str) -> None:
    panel, outcome, reference = load(shared, "mpdta")
    res, expected = effect(panel, outcome, **options), reference["twfe_conventions"][name]
    assert res.att_se == pytest.approx(expected["se"]["D"], rel=1e-9)
    if not str(options.get("small_sample")).startswith("plm"):  # plm takes the residual degrees of freedom
        assert res.att_pvalue == pytest.approx(expected["p"]["D"], rel=1e-8)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"cluster": "prov"}, "twfe_prov"),
        ({"cluster": ("unit", "time")}, "twfe_twoway"),
        ({"fixed_effects": ("unit", "prov^year")}, "twfe_provyear"),
    ],
)
def test_clusters_and_effects_of_other_columns(shared: Path, options: dict[str, Any], name: str) -> None:
    panel, outcome, reference = load(shared, "cbec_synth")
    res, expected = effect(panel, outcome, **options), reference[name]
    assert res.att == pytest.approx(expected["coef"]["treat"], rel=1e-9)
    assert res.att_se == pytest.approx(expected["se"]["treat"], rel=1e-9)
    assert res.att_pvalue == pytest.approx(expected["p"]["treat"], rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("case", list(CASES))
def test_two_engines_agree_at_1e_10(shared: Path, case: str) -> None:
    panel, outcome, _ = load(shared, case)
    table = effect(panel, outcome).cross_check(strict=True)
    assert table["difference"].max() < 1e-10


@pytest.mark.parametrize("case", list(CASES))
def test_sun_abraham_equals_fixest(shared: Path, case: str) -> None:
    panel, outcome, reference = load(shared, case)
    res, expected = effect(panel, outcome, estimator="sun_abraham"), reference["sunab"]
    assert res.att == pytest.approx(expected["att"]["coef"]["ATT"], rel=1e-9)
    assert res.att_se == pytest.approx(expected["att"]["se"]["ATT"], rel=1e-9)
    rows = res.event_study.set_index("event_time")
    assert len(rows) == len(expected["event"]["coef"]) + 1
    for key, value in expected["event"]["coef"].items():
        time = int(key.split("::")[1])
        assert rows.loc[time, "att"] == pytest.approx(value, rel=1e-8, abs=1e-10)
        assert rows.loc[time, "se"] == pytest.approx(expected["event"]["se"][key], rel=1e-8)


GROUPS = {"nevertreated": "never", "notyettreated": "not_yet"}


def runs(reference: dict[str, Any]) -> list[dict[str, Any]]:
    """List the runs of R's did in a reference file."""
    found = [*reference["cs"].values(), *reference.get("cs_cov", {}).values()]
    return found + ([reference["cs_anticip1"]] if "cs_anticip1" in reference else [])


@pytest.mark.parametrize("case", list(CASES))
def test_callaway_santanna_equals_did(shared: Path, case: str) -> None:
    panel, outcome, reference = load(shared, case)
    for run in runs(reference):
        settings, expected = run["settings"], run["att_gt"]
        covariate = settings["xformla"].removeprefix("~")
        near = {"rel": 1e-9, "abs": 1e-12} if covariate == "1" else {"rel": 1e-6, "abs": 1e-9}
        options = {
            "controls": [] if covariate == "1" else [covariate],
            "control_group": GROUPS[settings["control_group"]],
            "base_period": settings["base_period"],
            "method": settings["est_method"],
            "anticipation": settings["anticipation"],
        }
        for aggregation, numbers in run["agg"].items():
            res = effect(panel, outcome, estimator="callaway_santanna", aggregation=aggregation, **options)
            assert res.att == pytest.approx(numbers["overall_att"], **near)
            assert res.att_se == pytest.approx(numbers["overall_se"], **near)
        cells = res.group_time
        assert cells["cohort"].tolist() == expected["group"]
        assert cells["time"].tolist() == expected["t"]
        assert cells["att"].tolist() == pytest.approx(expected["att"], **near)
        assert cells["se"].tolist() == pytest.approx([se or 0.0 for se in expected["se"]], **near)
        events = run["agg"]["dynamic"]
        assert res.event_study["event_time"].tolist() == events["egt"]
        assert res.event_study["att"].tolist() == pytest.approx(events["att"], **near)
        assert res.event_study["se"].tolist() == pytest.approx([se or 0.0 for se in events["se"]], **near)
        if (
            case == "mpdta"
            and settings["anticipation"] == 0
            and covariate == "1"
            and settings["base_period"] == "varying"
        ):
            assert res.pre_trend["statistic"] * res.pre_trend["df"] == pytest.approx(settings["W"][0][0], rel=1e-8)
        assert res.cross_check(strict=True)["agrees"].all()


def test_grunfeld_and_wage_panel_controls(shared: Path) -> None:
    """A regressor as treatment and another as control: within estimates of plm."""
    folder = shared / "reference" / "policy"
    frame = pd.read_csv(folder / "data" / "grunfeld.csv")
    panel = Panel(frame, unit="firm", time="year")
    res = effect(panel, "inv", treatment="value", controls=["capital"], small_sample="plm")
    expected = json.loads((folder / "grunfeld.json").read_text(encoding="utf-8"))
    assert res.att == pytest.approx(expected["within_twoways"]["coef"]["value"], rel=1e-9)


@pytest.mark.parametrize(("small_sample", "se"), [("fixest", 0.173176), ("none", 0.167584)])
def test_real_provinces(shared: Path, small_sample: str, se: float) -> None:
    frame = pd.read_csv(shared / "data" / "cn_province_patents_rd_2010_2023.csv")
    panel = Panel(frame, unit="province", time="year")
    with pytest.warns(PolicyWarning, match="comparison of doses"):
        res = policy_effect(
            panel,
            outcome="pat_granted_design",
            transform="log1p",
            treatment="share_gdp_dayweighted",
            cluster="province",
            small_sample=small_sample,
        )
    assert res.att == pytest.approx(-0.503704, abs=5e-7)
    assert res.att_se == pytest.approx(se, abs=5e-7)
    assert (res.n_obs, res.n_units, res.n_times, res.n_clusters, res.n_dropped) == (434, 31, 14, 31, 0)
    assert res.event_study.empty
    assert res.cross_check(strict=True)["agrees"].all()
    assert np.isfinite(res.att_ci).all()
