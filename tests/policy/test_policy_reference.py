"""Two-way effects against R on data that linearmodels carries (reference/policy/two_way), at 1e-9."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from linearmodels.datasets import jobtraining, wage_panel

from cbecmodel.errors import DataWarning
from cbecmodel.policy.effect import policy_effect
from cbecmodel.policy.panel import Panel

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference/policy/two_way/reference.json").read_text(encoding="utf-8")
)
NEAR = {"rel": 1e-9, "abs": 1e-13}


@pytest.fixture(scope="module")
def wages() -> Panel:
    return Panel(wage_panel.load(), unit="nr", time="year")


@pytest.fixture(scope="module")
def jobs() -> Panel:
    frame = jobtraining.load()
    granted = frame["year"].where(frame["grant"] == 1)
    return Panel(
        frame.assign(cohort=granted.groupby(frame["fcode"]).transform("min")),
        unit="fcode",
        time="year",
        cohort="cohort",
    )


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.PolicyWarning")
@pytest.mark.parametrize(
    ("options", "name"),
    [({"small_sample": "plm"}, "HC0"), ({"small_sample": "plm_sss"}, "sss"), ({"vcov": "iid"}, "iid")],
)
@pytest.mark.parametrize("regressor", ["union", "married", "hours"])
def test_plm(wages: Panel, regressor: str, options: dict[str, Any], name: str) -> None:
    controls = [other for other in ("union", "married", "hours") if other != regressor]
    res = policy_effect(wages, "lwage", treatment=regressor, controls=controls, **options)
    expected = REFERENCE["wage_panel"]
    assert res.n_obs == expected["n"]
    assert res.att == pytest.approx(expected[name]["coef"][regressor], **NEAR)
    assert res.att_se == pytest.approx(expected[name]["se"][regressor], **NEAR)


def test_event_study_by_dummies_with_rows_left_out(jobs: Panel) -> None:
    with pytest.warns() as given:
        res = policy_effect(jobs, "lscrap", small_sample="none")
    expected = REFERENCE["jobtraining"]
    assert {warning.category for warning in given} >= {DataWarning}
    assert (res.n_obs, res.n_units) == (expected["n"], expected["firms"])
    assert res.n_obs + res.n_dropped == len(jobs.frame)
    assert res.dropped.to_dict() == {"lscrap": res.n_dropped}
    assert res.att == pytest.approx(expected["static"]["coef"]["treated"], **NEAR)
    assert res.att_se == pytest.approx(expected["static"]["se"]["treated"], **NEAR)
    rows = res.event_study.set_index("event_time")
    for name, time in (("t0", -2), ("t2", 0), ("t3", 1)):
        assert rows.loc[time, "att"] == pytest.approx(expected["event"]["coef"][name], **NEAR)
        assert rows.loc[time, "se"] == pytest.approx(expected["event"]["se"][name], **NEAR)


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.CbecWarning")
def test_hc1(jobs: Panel) -> None:
    res = policy_effect(jobs, "lscrap", vcov="robust")
    assert res.att_se == pytest.approx(REFERENCE["jobtraining"]["static_hc1"]["se"]["treated"], **NEAR)


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.CbecWarning")
@pytest.mark.parametrize("vcov", ["cluster", "robust", "iid"])
def test_engines_agree_with_controls_and_weights(wages: Panel, vcov: str) -> None:
    frame = wages.frame[wages.frame["nr"] < 1000].assign(w=lambda rows: 1 + rows["exper"])
    panel = Panel(frame, unit="nr", time="year")
    res = policy_effect(panel, "lwage", treatment="union", controls=["hours", "married"], weights="w", vcov=vcov)
    table = res.cross_check(strict=True)
    assert table["difference"].max() < 1e-10
    assert res.att != pytest.approx(policy_effect(panel, "lwage", treatment="union", controls=["hours", "married"]).att)
    other = policy_effect(
        panel, "lwage", treatment="union", controls=["hours", "married"], weights="w", engine="statsmodels"
    )
    assert other.att == pytest.approx(res.att, rel=1e-11)
    assert isinstance(other.cross_check(), pd.DataFrame)
