"""The parts of a two-way coefficient sum to it, and equal R's bacondecomp."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cbecmodel.errors import PanelError, PolicyWarning
from cbecmodel.policy.bacon import bacon_decomposition
from cbecmodel.policy.effect import policy_effect
from cbecmodel.policy.panel import Panel


def staggered(cohorts: dict[int, int]) -> Panel:
    rng = np.random.default_rng(1)
    since = np.repeat(list(cohorts), list(cohorts.values()))
    frame = pd.DataFrame(
        {"city": np.repeat(np.arange(len(since)), 8), "year": np.tile(np.arange(2010, 2018), len(since))}
    )
    frame["since"] = np.repeat(since, 8)
    frame["y"] = rng.normal(size=len(frame)) + 0.3 * np.clip(frame["year"] - frame["since"], 0, 8) * (
        frame["since"] > 0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PolicyWarning)
        return Panel(frame, "city", "year", "since")


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.PolicyWarning")
@pytest.mark.parametrize(
    "cohorts", [{0: 9, 2012: 4, 2014: 6}, {2012: 4, 2014: 6, 2015: 3}, {0: 9, 2010: 5, 2012: 4, 2016: 6}]
)
def test_weighted_comparisons_sum_to_the_coefficient(cohorts: dict[int, int]) -> None:
    panel = staggered(cohorts)
    parts = bacon_decomposition(panel, "y")
    assert (parts["weight"] > 0).all()
    assert parts["weight"].sum() == pytest.approx(1, abs=1e-12)
    coefficient = policy_effect(panel, "y").att
    assert (parts["weight"] * parts["estimate"]).sum() == pytest.approx(coefficient, rel=1e-10)


def test_always_treated_units_are_controls_of_their_own_kind() -> None:
    parts = bacon_decomposition(staggered({0: 9, 2010: 5, 2012: 4}), "y")
    assert set(parts["type"]) == {"treated_vs_never", "later_vs_always"}
    assert set(parts["treated"]) == {2012}


def test_what_cannot_be_decomposed() -> None:
    panel = staggered({0: 3, 2012: 3})
    with pytest.raises(PanelError, match="2 outcomes are missing"):
        bacon_decomposition(
            Panel(panel.frame.assign(y=panel.frame["y"].mask(panel.frame.index < 2)), "city", "year", "since"), "y"
        )
    with pytest.raises(PanelError, match="1 unit-periods"):
        bacon_decomposition(Panel(panel.frame.iloc[1:], "city", "year", "since"), "y")
    with pytest.raises(PanelError, match="who was treated when"):
        bacon_decomposition(Panel(panel.frame, "city", "year"), "y")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("case", "columns"),
    [("mpdta", ("countyreal", "year", "first.treat", "lemp")), ("cbec_synth", ("city", "year", "g", "y"))],
)
def test_equal_to_bacondecomp(shared: Path, case: str, columns: tuple[str, str, str, str]) -> None:
    folder = shared / "reference" / "policy"
    expected = pd.DataFrame(json.loads((folder / f"{case}.json").read_text(encoding="utf-8"))["bacon"]["detail"])
    unit, time, cohort, outcome = columns
    parts = bacon_decomposition(Panel(pd.read_csv(folder / "data" / f"{case}.csv"), unit, time, cohort), outcome)
    control = expected["untreated"].where(expected["untreated"] < 9999, 0).astype(int)
    expected = expected.assign(control=control).set_index(["treated", "control"]).sort_index()
    parts = parts.set_index(["treated", "control"]).sort_index()
    assert parts.index.tolist() == expected.index.tolist()
    np.testing.assert_allclose(parts["estimate"], expected["estimate"], rtol=1e-9)
    np.testing.assert_allclose(parts["weight"], expected["weight"], rtol=1e-9)
