"""Panels: what is refused, what is reported, and how a rollout meets their units."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cbecmodel.errors import DataWarning, FileError, PanelError, PolicyWarning
from cbecmodel.messages import use_language
from cbecmodel.policy.panel import Panel
from cbecmodel.policy.read import read_panel
from cbecmodel.policy.rollout import Rollout, pilot_zones


def grid(units: list[object], times: range, **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame([(unit, time) for unit in units for time in times], columns=["city", "year"])
    return frame.assign(**columns)


def test_the_user_s_frame_is_not_changed_and_the_copy_is_sorted() -> None:
    frame = grid(["b", "a"], range(2000, 2003), g=[2001.0] * 3 + [np.nan] * 3).sample(frac=1, random_state=1)
    frame["year"] = frame["year"].astype(str)
    before = frame.copy()
    panel = Panel(frame, unit="city", time="year", cohort="g")
    pd.testing.assert_frame_equal(frame, before)
    assert panel.frame["city"].tolist() == ["a"] * 3 + ["b"] * 3
    assert panel.frame["year"].tolist() == [2000, 2001, 2002] * 2
    assert panel.frame["g"].tolist() == [0] * 3 + [2001] * 3
    assert panel.balanced
    assert panel.gaps.empty
    assert panel.warnings == ()
    panel.frame["city"] = "x"
    assert "x" not in set(frame["city"])


@pytest.mark.parametrize("code", [0, np.nan, np.inf, None, pd.NaT])
def test_codes_for_never_treated(code: object) -> None:
    cohorts = pd.Series([code] * 3 + [2001] * 3, dtype=object)
    assert Panel(grid(["a", "b"], range(2000, 2003), g=cohorts), "city", "year", "g").cohorts.to_numpy().tolist() == [
        [0, 1, 3],
        [2001, 1, 3],
    ]


def test_dates_of_adoption_give_their_year() -> None:
    dates = pd.to_datetime(pd.Series([None] * 3 + ["2001-07-24"] * 3))
    assert (
        Panel(grid(["a", "b"], range(2000, 2003), g=dates), "city", "year", "g").frame["g"].tolist()
        == [0] * 3 + [2001] * 3
    )


def test_duplicates_are_all_named() -> None:
    frame = pd.concat(
        [grid(["a", "b"], range(2000, 2003)), grid(["a"], range(2001, 2003)), grid(["b"], range(2000, 2001))]
    )
    with pytest.raises(PanelError, match=r"6 rows share.*a 2001, a 2002, b 2000"):
        Panel(frame, unit="city", time="year")
    with pytest.raises(PanelError, match=r"a 2009, … \(40\)\. Keep one row"):  # the first ten, and how many there are
        Panel(pd.concat([grid(["a", "b"], range(2000, 2020))] * 2), unit="city", time="year")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"year": [2000.5, 2001, 2002] * 2}, "whole numbers.*2 rows do not: 2000.5"),
        ({"year": ["2000", "soon", "2002"] * 2}, "2 rows do not: soon"),
        ({"year": [np.nan, 2001, 2002] * 2}, "2 rows do not: nan"),
        ({"year": pd.to_datetime(["2000-01-01", "2001-01-01", "2002-01-01"] * 2)}, "holds dates.*dt.year"),
        ({"city": ["a", None, "a", "b", "b", "b"]}, "no unit in rows 1"),
        ({"g": [2001, 2001, 2002, 0, 0, 0]}, "changes within a unit: a"),
        ({"g": [2009] * 3 + [0] * 3}, r"after the last one of the panel \(2000–2002\): a \(2009\)"),
        ({"g": ["later"] * 3 + [0] * 3}, "as a whole number.*3 rows do not: later"),
        ({"g": [-1] * 3 + [0] * 3}, "3 rows do not: -1"),
    ],
)
def test_panels_that_cannot_be_used(change: dict[str, object], message: str) -> None:
    frame = grid(["a", "b"], range(2000, 2003), g=[2001] * 3 + [0] * 3).assign(**change)
    with pytest.raises(PanelError, match=message):
        Panel(frame, unit="city", time="year", cohort="g")


def test_a_unit_spelt_in_two_ways_is_refused() -> None:
    """Blanks at the ends, full-width characters, numbers beside text: readers see one unit, a computer several."""
    for other in (" a", "a\u3000", "ａ"):
        with pytest.raises(PanelError, match="spells 1 unit"):
            Panel(pd.concat([grid(["a"], range(2)), grid([other], range(2, 4))]), unit="city", time="year")
    with pytest.raises(PanelError, match="'330100' / 330100"):
        Panel(pd.concat([grid([330100], range(2)), grid(["330100"], range(2, 4))]), unit="city", time="year")
    assert Panel(grid(["a", "A", "b 1", "b1"], range(2)), unit="city", time="year").n_units == 4


@pytest.mark.parametrize("values", [[0, 1], [False, True], [0.0, 1.0]])
def test_an_indicator_is_no_cohort(values: list[object]) -> None:
    frame = grid(["a", "b"], range(2000, 2003)).assign(
        treated=lambda f: f["city"].map(dict(zip("ab", values, strict=True)))
    )
    with pytest.raises(PanelError, match=r'holds only 0 and 1.*treatment="treated"'):
        Panel(frame, unit="city", time="year", cohort="treated")
    early = grid(["a", "b"], range(3)).assign(g=lambda f: f["city"].map({"a": 0, "b": 1}))
    assert Panel(early, unit="city", time="year", cohort="g").cohorts["cohort"].tolist() == [0, 1]


def test_dates_are_seen_however_a_column_keeps_them() -> None:
    frame = grid(["a", "b"], range(2000, 2003))
    text = frame["year"].astype(str)
    for dates in (
        pd.to_datetime(text),
        pd.PeriodIndex(text, freq="Y").to_series(index=frame.index),
        pd.to_datetime(text).astype(object),
    ):
        with pytest.raises(PanelError, match="holds dates"):
            Panel(frame.assign(year=dates), unit="city", time="year")
    day = pd.Timestamp("2001-03-07")
    for since in ("2001-03-07", day, day.date(), day.to_period("Q")):
        cohort = pd.Series([None] * 3 + [since] * 3, dtype=object)
        assert Panel(frame.assign(g=cohort), "city", "year", "g").frame["g"].tolist() == [0] * 3 + [2001] * 3


def test_only_rollouts_are_merged() -> None:
    with pytest.raises(PanelError, match="wants a Rollout, not a DataFrame"):
        Panel(grid(["a"], range(2)), unit="city", time="year").with_rollout(pd.DataFrame())  # type: ignore[arg-type]  # the fault


def test_missing_columns_name_the_nearest() -> None:
    with pytest.raises(PanelError, match=r"in the index.*reset_index"):
        Panel(grid(["a"], range(2)).set_index(["city", "year"]), unit="city", time="year")
    with pytest.raises(PanelError, match=r'no column "place"\. The columns are: city, year'):
        Panel(grid(["a"], range(2)), unit="place", time="year")
    with pytest.raises(PanelError, match=r'no column "cty" .nearest: "city"'):
        Panel(grid(["a"], range(2)), unit="cty", time="year")
    with pytest.raises(PanelError, match="no rows"):
        Panel(grid([], range(2)), unit="city", time="year")
    with pytest.raises(PanelError, match="this is a list"):
        Panel([1], unit="city", time="year")


def test_gaps_late_entry_and_early_exit_are_told_apart() -> None:
    frame = grid(["a", "b", "c", "d"], range(2000, 2004))
    out = [("b", 2000), ("c", 2002), ("d", 2003), ("d", 2002)]
    frame = frame[~pd.Series(list(zip(frame["city"], frame["year"], strict=True))).isin(out)]
    with pytest.warns(DataWarning, match=r"Periods missing .*\(1\): c 2002"):
        panel = Panel(frame, unit="city", time="year")
    assert panel.gaps.to_numpy().tolist() == [
        ["b", 2000, "late_entry"],
        ["c", 2002, "gap"],
        ["d", 2002, "early_exit"],
        ["d", 2003, "early_exit"],
    ]
    assert not panel.balanced
    assert "rows missing before entry: 1; inside: 1; after exit: 2" in str(panel)


def test_units_with_one_row_and_units_always_treated_are_named() -> None:
    frame = grid(["a", "b"], range(2000, 2003), g=[2000] * 3 + [0] * 3)
    with pytest.warns(PolicyWarning, match=r"treated from the first period \(2000\).*\(1\): a\."):
        Panel(frame, "city", "year", "g")
    with pytest.warns(DataWarning, match=r"single row.*\(1\): b"):
        panel = Panel(frame.assign(g=0).iloc[:4], "city", "year", "g")
    assert len(panel.warnings) == 1


def test_a_hole_in_time_is_named_but_not_a_wide_step() -> None:
    frame = grid(["a", "b"], range(2000, 2005))
    with pytest.warns(DataWarning, match="periods 2002 of"):
        Panel(frame[frame["year"] != 2002], "city", "year")
    Panel(frame[frame["year"] % 2 == 0], "city", "year")


def test_real_rollout_on_a_panel_of_prefectures() -> None:
    units = [330100, 320500, 330700, 222400, 150700, 632200, 130300, 130600]
    panel = Panel(grid(units, range(2010, 2023)), unit="city", time="year")
    with pytest.warns(PolicyWarning, match=r"left out: 4 .52 of 104 rows.*Hulunbuir"):
        treated = panel.with_rollout(pilot_zones(year_rule="approval"))
    assert treated.cohort == "cohort"
    assert treated.cohorts.to_numpy().tolist() == [[0, 2, 26], [2015, 1, 13], [2016, 1, 13]]
    status = treated.matching.set_index("unit")["status"]
    assert status["130300"] == "after_last_period"
    assert status["632200"] == "never"
    assert status["330700"] == "excluded"
    assert status["440100"] == "not_in_panel"
    assert len(panel.frame) == 104
    assert len(treated.warnings) == 1


def test_partly_treated_prefectures_before_their_counties_are_clean() -> None:
    panel = Panel(grid([330100, 222400], range(2010, 2019)), unit="city", time="year")
    assert panel.with_rollout(pilot_zones(year_rule="approval")).n_units == 2  # Hunchun came in 2019


def test_flag_and_parent() -> None:
    panel = Panel(grid([330100, 330700, 222400], range(2010, 2024)), unit="city", time="year")
    with pytest.warns(PolicyWarning, match=r"2 prefectures .* kept with their own cohort"):
        flagged = panel.with_rollout(pilot_zones(year_rule="approval", county_zones="flag"))
    assert flagged.cohorts["cohort"].tolist() == [0, 2015, 2022]
    marked = flagged.frame.query("partly_treated")
    assert marked.groupby("city")["year"].agg(["min", "max"]).to_numpy().tolist() == [[2019, 2023], [2018, 2021]]
    with pytest.warns(PolicyWarning, match="overstates"):
        parent = panel.with_rollout(pilot_zones(year_rule="approval", county_zones="parent"))
    assert parent.cohorts["cohort"].tolist() == [2015, 2018, 2019]


def test_nothing_matches_is_said() -> None:
    panel = Panel(grid(["杭州市", "苏州市"], range(2010, 2013)), unit="city", time="year")
    with pytest.raises(PanelError, match="holds 杭州市, 苏州市; the rollout names units as 110000"):
        panel.with_rollout(pilot_zones())
    only = Panel(grid([330700], range(2010, 2024)), unit="city", time="year")
    with pytest.raises(PanelError, match="Every unit"):
        only.with_rollout(pilot_zones())


def test_own_rollout_and_a_taken_column_name() -> None:
    rollout = Rollout.from_frame(pd.DataFrame({"id": ["a"], "g": [2001]}), "id", "g")
    panel = Panel(grid(["a", "b"], range(2000, 2003), cohort="mine"), "city", "year", synthetic=True)
    treated = panel.with_rollout(rollout)
    assert treated.cohort == "rollout_cohort"
    assert treated.frame["cohort"].unique().tolist() == ["mine"]
    assert treated.synthetic
    assert "Synthetic data" in str(treated)


def test_summary_in_both_languages() -> None:
    panel = Panel(grid(["a", "b"], range(2000, 2003), g=[2001] * 3 + [0] * 3), "city", "year", "g")
    assert "never treated" in str(panel)
    with use_language("zh"):
        assert "从未受处理" in panel._repr_html_()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_files_in_any_encoding(tmp_path: Path, encoding: str, delimiter: str) -> None:
    content = "代码,年份,产出\n010,2000,1.5\n010,2001,\n020,2000,3\n020,2001,4\n".replace(",", delimiter)
    path = tmp_path / "面板.csv"
    path.write_bytes(content.encode(encoding))
    panel = read_panel(path, "代码", "年份")
    assert panel.frame["代码"].tolist() == ["010", "010", "020", "020"]
    assert panel.frame["产出"].isna().sum() == 1


def test_excel_and_stata(tmp_path: Path) -> None:
    frame = grid([330100, 330200], range(2000, 2003), y=1.0)
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    frame.to_stata(tmp_path / "a.dta", write_index=False)
    assert read_panel(tmp_path / "a.xlsx", "city", "year").n_units == 2
    assert read_panel(tmp_path / "a.dta", "city", "year").n_units == 2


def test_files_that_are_no_panel(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no file"):
        read_panel(tmp_path / "none.csv", "city", "year")
    for name, data, message in [
        ("empty.csv", b"", "empty"),
        ("bad.csv", b"city,year\n\xff\xff,1\n", "line 2"),
        ("fake.xlsx", b"city,year\n", "cannot be read"),
        ("fake.csv", b"PK\x03\x04", "XLSX"),
    ]:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(FileError, match=message):
            read_panel(tmp_path / name, "city", "year")
    (tmp_path / "twice.csv").write_bytes(b"city,year,year\na,1,2\n")
    with pytest.raises(PanelError, match='more than one column named "year"'):
        read_panel(tmp_path / "twice.csv", "city", "year")


def test_a_row_with_too_many_cells_is_named(tmp_path: Path) -> None:
    path = tmp_path / "panel.csv"
    path.write_text("city,year,y\na,1,2\na,2,3,4,5\n")
    with pytest.raises(PanelError, match="row 3: 5 cells, but the header has 3"):
        read_panel(path, "city", "year")
