"""Simulated panels: the truth is exact, switches do what they say, and nothing else moves."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cbecmodel.errors import DataError, PanelError
from cbecmodel.parallel import map_replicates
from cbecmodel.policy.panel import Panel
from cbecmodel.policy.rollout import Rollout, pilot_zones
from cbecmodel.simulate.geography import distances
from cbecmodel.simulate.panel import simulate_panel
from cbecmodel.simulate.responses import simulate_responses

OUTCOME = "log_design_patents"


def two_way(panel: Panel, outcome: str = OUTCOME) -> float:
    """Return the static two-way fixed-effects coefficient of a balanced panel (Frisch–Waugh)."""

    def within(values: np.ndarray) -> np.ndarray:
        return values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()

    frame = panel.frame
    treated = (frame["cohort"] > 0) & (frame["year"] >= frame["cohort"])
    y, d = (within(column.to_numpy(dtype=float).reshape(panel.n_units, -1)) for column in (frame[outcome], treated))
    return float((y * d).sum() / (d * d).sum())


def replicate(rng: np.random.Generator, index: int, settings: dict[str, Any]) -> float:
    return two_way(simulate_panel(seed=int(rng.integers(2**32)), **settings))


def monte_carlo(replicates: int = 60, **settings: Any) -> tuple[float, float]:
    estimates = np.array(map_replicates(replicate, replicates, 5, args=(settings,)))
    return float(estimates.mean()), float(estimates.std(ddof=1) / np.sqrt(replicates))


def test_the_panel_stands_on_the_real_rollout() -> None:
    panel = simulate_panel(seed=1)
    assert panel.synthetic
    assert panel.balanced
    assert panel.n_units == 285
    units = panel.frame.drop_duplicates("unit").set_index("unit")
    real = pilot_zones().cohort
    real = real[(real > 0) & (real <= 2024)]
    pd.testing.assert_series_equal(
        units.loc[real.index, "cohort"], real, check_names=False, check_dtype=False, check_index_type=False
    )
    invented = units.index.str.startswith("synthetic-")
    assert (units.loc[invented, "cohort"] == 0).all()
    assert invented.sum() + len(pilot_zones().cohort) >= 285
    assert units[["lon", "lat", "province"]].notna().to_numpy().all()


@pytest.mark.parametrize(
    "settings",
    [{}, {"dynamic": 0.02}, {"heterogeneity": 0.05}, {"dynamic": -0.01, "heterogeneity": 0.1, "effect": 0.0}],
)
def test_the_true_average_is_exactly_the_effect_asked_for(settings: dict[str, float]) -> None:
    panel = simulate_panel(seed=2, **settings)
    effects = panel.truth["effects"]
    asked = settings.get("effect", 0.08)
    assert panel.truth["att"] == asked
    assert effects.loc[effects["treated"], OUTCOME].mean() == pytest.approx(asked, abs=1e-15)
    assert (effects.loc[~effects["treated"], OUTCOME] == 0).all()
    sizes = effects[effects["treated"]].groupby(effects["year"] - effects["cohort"]).size()
    weighted = sum(panel.truth["event_study"][time] * n for time, n in sizes.items()) / sizes.sum()
    assert weighted == pytest.approx(asked, abs=1e-14)
    if "dynamic" in settings and "heterogeneity" not in settings:
        steps = [
            panel.truth["group_time"][2019, year + 1] - panel.truth["group_time"][2019, year] for year in (2019, 2020)
        ]
        assert steps == pytest.approx([0.02, 0.02], abs=1e-14)


def test_switches_add_what_they_say_and_nothing_else() -> None:
    plain, selected = simulate_panel(seed=3), simulate_panel(seed=3, selection=0.02)
    difference = selected.frame[OUTCOME] - plain.frame[OUTCOME]
    np.testing.assert_allclose(difference, selected.truth["effects"]["selection"], atol=1e-12)
    hangzhou = selected.truth["effects"].query("unit == '330100'")
    np.testing.assert_allclose(np.diff(hangzhou["selection"]), 0.02, atol=1e-15)  # the first zone grows fastest
    never = selected.truth["effects"].query("cohort == 0")
    assert (never["selection"] == 0).all()
    spilled = simulate_panel(seed=3, spillover=0.05, spillover_km=150)
    difference = spilled.frame[OUTCOME] - plain.frame[OUTCOME]
    np.testing.assert_allclose(difference, spilled.truth["effects"]["spillover"], atol=1e-12)
    assert not (spilled.truth["effects"]["treated"] & (spilled.truth["effects"]["spillover"] > 0)).any()


def test_spillover_reaches_as_far_as_it_is_told() -> None:
    places = pd.DataFrame(
        {"place": ["a", "near", "far"], "since": [2012, 0, 0], "lon": [120.0, 121.0, 124.0], "lat": [30.0, 30.0, 30.0]}
    )
    mine = Rollout.from_frame(places, "place", "since")
    assert distances(np.array([120.0, 121.0]), np.array([30.0, 30.0]))[0, 1] == pytest.approx(96.3, abs=0.1)
    panel = simulate_panel(rollout=mine, years=(2010, 2014), n_units=4, spillover=0.05, spillover_km=100, seed=1)
    reached = panel.truth["effects"].set_index(["unit", "year"])["spillover"].unstack()  # noqa: PD010 - one row a cell
    assert reached.loc["near"].tolist() == [0, 0, 0.05, 0.05, 0.05]
    assert (reached.loc[["a", "far"]] == 0).to_numpy().all()


def test_the_same_seed_gives_the_same_panel_and_outcomes_are_apart() -> None:
    one, other = (simulate_panel(seed=4, effect={"patents": 0.08, "marks": 0.0}) for _ in range(2))
    pd.testing.assert_frame_equal(one.frame, other.frame)
    alone = simulate_panel(seed=4, effect={"marks": 0.0})
    pd.testing.assert_series_equal(one.frame["marks"], alone.frame["marks"])
    assert one.truth["outcomes"]["patents"]["att"] == 0.08
    assert "att" not in one.truth
    assert alone.truth["att"] == 0.0


def test_two_way_is_unbiased_when_all_is_well() -> None:
    mean, error = monte_carlo(80)
    assert abs(mean - 0.08) < 4 * error


def test_two_way_is_fooled_by_selection_and_by_spillover() -> None:
    mean, error = monte_carlo(20, selection=0.03)
    assert mean - 0.08 > 10 * error
    mean, error = monte_carlo(20, spillover=0.05)
    assert 0.08 - mean > 10 * error


def test_two_way_misses_the_average_of_growing_effects() -> None:
    """Forbidden comparisons: with growing effects the static coefficient lies below the true average."""
    mean, error = monte_carlo(20, dynamic=0.03)
    assert 0.08 - mean > 4 * error


def test_noise_has_the_stated_spread_and_memory() -> None:
    panel = simulate_panel(
        seed=6, effect=0.0, unit_sd=0, trend=0, year_sd=0, province_sd=0, noise_sd=0.2, noise_rho=0.6, level=0
    )
    noise = panel.frame[OUTCOME].to_numpy().reshape(285, 15)
    assert noise.std() == pytest.approx(0.2, abs=0.01)
    assert np.mean(noise[:, 1:] * noise[:, :-1]) / np.mean(noise**2) == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"years": (2024, 2010)}, "2024, 2010"),
        ({"years": (2000, 2010)}, "treats no unit between 2000 and 2010"),
        ({"n_units": 100}, "n_units is 100"),
        ({"noise_sd": -1}, "noise_sd is -1"),
        ({"noise_rho": 1.0}, "noise_rho"),
        ({"years": 2010}, "years are 2010"),
        ({"years": (2010.5, 2012)}, "two whole numbers"),
        ({"effect": "a"}, "effect is 'a'; a finite number"),
        ({"effect": {"a": float("nan")}}, r"effect\[a\] is nan"),
        ({"selection": None}, "selection is None"),
        ({"rollout": pd.DataFrame()}, "rollout is a DataFrame"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(PanelError, match=says):
        simulate_panel(seed=1, **settings)


@pytest.mark.parametrize("seed", [None, -1, 1.5, "one", True])
def test_a_seed_is_needed_from_which_the_same_is_drawn_again(seed: Any) -> None:
    with pytest.raises(DataError, match=r"seed is .* whole number"):
        simulate_panel(seed=seed)
    with pytest.raises(DataError, match=r"seed is .* whole number"):
        simulate_responses("firm", n=10, seed=seed)


def test_spillover_needs_places() -> None:
    mine = Rollout.from_frame(pd.DataFrame({"place": ["a", "b"], "since": [2012, 0]}), "place", "since")
    assert simulate_panel(rollout=mine, years=(2010, 2014), n_units=5, seed=1).n_units == 5
    with pytest.raises(PanelError, match="lon and lat"):
        simulate_panel(rollout=mine, years=(2010, 2014), n_units=5, spillover=0.1, seed=1)
