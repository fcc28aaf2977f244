"""Facts of the pilot zones, and what becomes of them under each rule."""

import pandas as pd
import pytest

from cbecmodel.errors import ModelError, PanelError
from cbecmodel.messages import use_language
from cbecmodel.policy.options import YEAR_COLUMNS
from cbecmodel.policy.policy_data import competing_policies, national_policies, zone_facts
from cbecmodel.policy.rollout import Rollout, pilot_zones

PARTLY = {"130600", "150700", "152500", "222400", "230800", "231000", "330700", "652700"}


def test_batches_and_kinds() -> None:
    zones = zone_facts()
    assert len(zones) == 181
    assert zones.groupby("batch").size().to_dict() == {1: 1, 2: 12, 3: 22, 4: 24, 5: 46, 6: 27, 7: 33, 8: 16}
    county = zones[zones["kind"] == "county_city"]
    assert set(county["name_en"]) == {
        *("Yiwu", "Hunchun", "Suifenhe", "Manzhouli", "Alashankou", "Yanji", "Tongjiang", "Erenhot"),
    }
    assert (county["prefecture_adcode"].str[4:] == "00").all()
    assert set(zones.loc[zones["revoked_year"] == 2025, "name_en"]) == {"Haikou", "Sanya", "Alashankou"}
    assert (zones["revoked_year"].isna()).sum() == 178
    assert zones["adcode"].str.fullmatch(r"\d{6}").sum() == 180  # Xiong'an has no code
    assert not zones.loc[zones["adcode"] != "", "adcode"].duplicated().any()


def test_dates_are_in_order_and_years_follow_from_them() -> None:
    zones = zone_facts()
    dated = zones[zones["approval_date"].notna()]
    assert (dated["approval_date"] < dated["publication_date"]).all()
    early = dated[dated["decision_date"].notna()]
    assert (early["decision_date"] < early["approval_date"]).all()
    assert set(early["batch"]) == {2, 3, 5}
    assert (dated["approval_date"].dt.year == dated["approval_year"]).all()
    assert (zones["first_full_year"] == zones["approval_year"] + 1).all()
    half = dated["approval_year"] + (dated["approval_date"].dt.month > 6)
    assert (half == dated["treat_year_h1rule"]).all()
    later = zones.loc[zones["treat_year_h1rule"] != zones["approval_year"], "batch"]
    assert set(later) == {3, 4, 7}


def test_unverified_rows_say_so() -> None:
    zones = zone_facts()
    assert zones["status"].value_counts().to_dict() == {
        "verified": 77,
        "day_recalled": 73,
        "signature_date_unknown": 16,
        "name_recalled": 15,
    }
    assert set(zones.loc[zones["status"] == "day_recalled", "batch"]) == {5, 6}
    assert set(zones.loc[zones["status"] == "name_recalled", "batch"]) == {7}
    assert (zones["verified"] == (zones["status"] == "verified")).all()


def test_facts_are_not_shared_between_callers() -> None:
    mine = zone_facts()
    mine["batch"] = 0
    assert zone_facts()["batch"].iloc[0] == 1


def test_competing_policies_are_typed_and_marked() -> None:
    rivals = competing_policies()
    assert len(rivals) == 314
    assert rivals["adcode"].str.fullmatch(r"\d{6}").all()
    assert set(rivals["status"]) == {"verified", "transcribed", "partly_verified", "recalled"}
    assert not rivals.loc[rivals["status"] == "recalled", "verified"].any()
    assert rivals["year"].between(2012, 2023).all()
    assert len(national_policies()) == 24


@pytest.mark.parametrize("rule", ["first_full", "approval", "h1"])
def test_year_rules_are_the_columns(rule: str) -> None:
    rollout = pilot_zones(year_rule=rule)
    zones = zone_facts().set_index("adcode")[YEAR_COLUMNS[rule]]
    whole = [unit for unit in rollout.cohort.index if unit in zones.index]
    assert len(whole) == 168
    assert (rollout.cohort[whole] == zones[whole]).all()


def test_county_rules() -> None:
    exclude, flag, parent = (
        pilot_zones(year_rule="approval", county_zones=rule) for rule in ("exclude", "flag", "parent")
    )
    assert set(exclude.partial["unit"]) == PARTLY
    assert not PARTLY & set(exclude.cohort.index)
    assert flag.cohort[sorted(PARTLY)].to_dict() == {
        "130600": 2025,
        "150700": 0,
        "152500": 0,
        "222400": 0,
        "230800": 0,
        "231000": 0,
        "330700": 2022,
        "652700": 2025,
    }
    assert parent.cohort[sorted(PARTLY)].to_dict() == {
        "130600": 2020,
        "150700": 2020,
        "152500": 2025,
        "222400": 2019,
        "230800": 2022,
        "231000": 2019,
        "330700": 2018,
        "652700": 2022,
    }
    assert all(len(rollout.table) == 181 for rollout in (exclude, flag, parent))


def test_yanbian_has_two_zones_and_takes_the_first() -> None:
    partial = pilot_zones().partial.set_index("unit")
    assert partial.loc["222400", "zones"] == "珲春市、延吉市"
    assert partial.loc["222400", "from_year"] == 2020


def test_absorbed_zones_stay_treated_and_the_island_covers_the_rest() -> None:
    rollout = pilot_zones(year_rule="approval")
    assert rollout.cohort[["460100", "460200", "460300", "460400"]].tolist() == [2018, 2020, 2025, 2025]
    assert rollout.of(pd.Series([469005, 460100])).tolist() == [2025, 2018]
    assert rollout.table.loc[rollout.table["name_en"] == "Alashankou", "unit"].item() == "652700"


def test_zone_level_keeps_counties_under_their_own_code() -> None:
    rollout = pilot_zones(level="zone", year_rule="approval")
    assert len(rollout.cohort) == 181
    assert rollout.cohort["330782"] == 2018
    assert rollout.cohort["330700"] == 2022
    assert rollout.cohort["Z060"] == 2020


def test_identifiers_match_however_they_are_stored() -> None:
    rollout = pilot_zones(year_rule="approval")
    for stored in (330100, 330100.0, "330100", " 330100 ", "330100.0"):
        assert rollout.of(pd.Series([stored])).item() == 2015
    assert rollout.of(pd.Series([110100, 310000])).tolist() == [2018, 2016]
    assert rollout.of(pd.Series(["杭州市"])).item() == 0


def test_a_rollout_of_ones_own() -> None:
    frame = pd.DataFrame({"id": [1, 2, 3, 4], "since": [2015.0, float("nan"), float("inf"), 0]})
    before = frame.copy()
    rollout = Rollout.from_frame(frame, "id", "since", name="toy")
    assert rollout.cohort.to_dict() == {"1": 2015, "2": 0, "3": 0, "4": 0}
    assert rollout.cohort_table[["cohort", "n_units"]].to_numpy().tolist() == [[2015, 1]]
    assert "toy" in str(rollout)
    pd.testing.assert_frame_equal(frame, before)
    dates = pd.DataFrame({"id": ["a", "b"], "since": pd.to_datetime(["2019-12-15", None])})
    assert Rollout.from_frame(dates, "id", "since").cohort.tolist() == [2019, 0]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"id": [1, 1], "since": [2015, 2016]}, "more than once: 1"),
        ({"id": [1, None], "since": [2015, 2016]}, "no unit in rows 1"),
        ({"id": [1, 2], "since": [2015, 2016.5]}, "first treated period as a whole number.*2016.5"),
        ({"id": [1, 2], "since": ["2015", "soon"]}, "1 rows do not: soon"),
        ({"idd": [1, 2], "since": [2015, 0]}, 'no column "id" .nearest: "idd"'),
    ],
)
def test_rollouts_that_cannot_be_used(frame: dict[str, list[object]], message: str) -> None:
    with pytest.raises(PanelError, match=message):
        Rollout.from_frame(pd.DataFrame(frame), "id", "since")


def test_unknown_rules_are_refused() -> None:
    with pytest.raises(ModelError, match="first_full, approval, h1"):
        pilot_zones(year_rule="half")
    with pytest.raises(ModelError, match="exclude, flag, parent"):
        pilot_zones(county_zones="ignore")


def test_summary_speaks_both_languages_and_shows_the_county_rule() -> None:
    rollout = pilot_zones()
    assert "8 prefectures" in rollout.summary()
    assert "Jinhua" in rollout.summary()
    with use_language("zh"):
        assert "金华市" in rollout._repr_html_()
        assert "未完全核实" in str(rollout)
