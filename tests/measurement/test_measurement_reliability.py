"""Reliability against semTools, psych and lavaan, and what it says about constructs it cannot judge."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pingouin
import pytest
from semopy.examples import holzinger39

import cbecmodel as cbec
from cbecmodel.errors import ModelError, ModelWarning
from cbecmodel.measurement.reliability import COLUMNS, cronbach_alpha
from cbecmodel.measurement.validity import fornell_larcker

REFERENCE = Path(__file__).parents[1] / "reference" / "measurement"
MODEL = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"


def reference(case: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REFERENCE / case / "reference.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def pupils() -> pd.DataFrame:
    return holzinger39.get_data()


@pytest.mark.parametrize("column", [name for name in COLUMNS if name != "n_items"])
def test_three_factors_equal_semtools_and_psych(pupils: pd.DataFrame, column: str) -> None:
    table = cbec.reliability(cbec.cfa(MODEL, pupils))
    assert list(table.columns) == list(COLUMNS)
    assert table["n_items"].tolist() == [3, 3, 3]
    expected = reference("hs_three_factors")[column]
    np.testing.assert_allclose(table[column], [expected[name] for name in table.index], rtol=1e-7, atol=0)


def test_fornell_larcker_equals_lavaan(pupils: pd.DataFrame) -> None:
    expected = reference("hs_three_factors")
    wanted = np.array(expected["latent_correlations"])
    np.fill_diagonal(wanted, np.sqrt(list(expected["ave"].values())))
    np.testing.assert_allclose(fornell_larcker(cbec.cfa(MODEL, pupils)), wanted, rtol=1e-7)


def test_second_order_rows_speak_of_first_order_constructs(pupils: pd.DataFrame) -> None:
    table = cbec.reliability(cbec.cfa(f"{MODEL}\ng =~ visual + textual + speed", pupils))
    expected = reference("hs_second_order")
    row = table.loc["g"]
    assert row["n_items"] == 3
    assert row["composite_reliability"] == pytest.approx(expected["composite_reliability"], rel=1e-7)
    assert row["ave"] == pytest.approx(expected["ave"], rel=1e-7)
    assert row[["alpha", "alpha_ci_lower", "omega", "omega_model_implied", "ave_variance_weighted"]].isna().all()
    first = reference("hs_three_factors")["omega"]  # same fit: three factors under one are just identified
    np.testing.assert_allclose(table["omega"].iloc[:3], list(first.values()), rtol=1e-7)


def test_alpha_and_its_interval_are_pingouins(pupils: pd.DataFrame) -> None:
    ours = cronbach_alpha(pupils[["x1", "x2", "x3"]], level=0.9)
    estimate, interval = pingouin.cronbach_alpha(pupils[["x1", "x2", "x3"]], ci=0.9)
    assert ours.estimate == estimate
    np.testing.assert_allclose([ours.lower, ours.upper], interval, atol=5.1e-4)  # pingouin rounds to three digits


def test_alpha_from_moments_alone(pupils: pd.DataFrame) -> None:
    columns = [f"x{number}" for number in range(1, 10)]
    from_data = cbec.reliability(cbec.cfa(MODEL, pupils))
    from_moments = cbec.reliability(cbec.cfa(MODEL, sample_cov=pupils[columns].cov(), sample_nobs=len(pupils)))
    shared = [name for name in COLUMNS if not name.startswith("alpha_ci")]
    np.testing.assert_allclose(from_moments[shared], from_data[shared], rtol=1e-6)
    assert from_moments[["alpha_ci_lower", "alpha_ci_upper"]].isna().to_numpy().all()


def test_omega_ignores_units(pupils: pd.DataFrame) -> None:
    table = cbec.reliability(cbec.cfa(MODEL, pupils, std_lv=True))
    np.testing.assert_allclose(table["omega"], cbec.reliability(cbec.cfa(MODEL, pupils))["omega"], rtol=1e-7)
    scaled = pupils.assign(**{f"x{number}": pupils[f"x{number}"] * 100 for number in range(1, 10)})
    np.testing.assert_allclose(
        cbec.reliability(cbec.cfa(MODEL, scaled)), cbec.reliability(cbec.cfa(MODEL, pupils)), rtol=1e-6
    )


def test_a_single_item_is_named(pupils: pd.DataFrame) -> None:
    model = "visual =~ x1 + x2 + x3\nspeed =~ x7\nx7 ~~ .2*x7"
    with pytest.warns(ModelWarning, match="speed has one item, x7") as caught:
        table = cbec.reliability(cbec.cfa(model, pupils))
    assert caught[0].filename == __file__  # the warning points at the caller's line
    assert np.isnan(table.loc["speed", "alpha"])
    assert table.loc["speed", "n_items"] == 1


def test_an_item_left_unreversed_is_named(pupils: pd.DataFrame) -> None:
    fit = cbec.cfa(MODEL, pupils.assign(x2=7 - pupils["x2"]))
    with pytest.warns(ModelWarning, match="visual: x2 loads negatively"):
        cbec.reliability(fit)


def test_only_fitted_models_have_a_reliability() -> None:
    with pytest.raises(ModelError, match="not of a DataFrame"):
        cbec.reliability(pd.DataFrame())  # type: ignore[arg-type]  # the fault


@pytest.mark.shared
def test_five_items_of_the_bfi(shared: Path) -> None:
    """Values of psych, lavaan and semTools in the shared reference page, A1 reversed, listwise."""
    answers = pd.read_csv(shared / "data" / "psych_bfi.csv")[["A1", "A2", "A3", "A4", "A5"]].assign(
        A1=lambda d: 7 - d["A1"]
    )
    row = cbec.reliability(cbec.cfa("A =~ A1 + A2 + A3 + A4 + A5", answers)).loc["A"]
    assert row["alpha"] == pytest.approx(0.70375589, abs=5e-9)
    assert row["composite_reliability"] == pytest.approx(0.724021, abs=1e-6)
    assert row["ave"] == pytest.approx(0.356243, abs=1e-6)
    assert row["ave_variance_weighted"] == pytest.approx(0.339392, abs=1e-6)
    assert row["omega"] == pytest.approx(0.714136, abs=1e-6)


@pytest.mark.shared
def test_five_constructs_of_the_influencer_survey(shared: Path) -> None:
    answers = pd.read_csv(shared / "data" / "seminr_influencer.csv")
    sizes = {"SIC": 7, "PIC": 5, "PQ": 4, "PL": 4, "PI": 5}
    names = {name: [f"{name.lower()}_{number}" for number in range(1, size + 1)] for name, size in sizes.items()}
    model = "\n".join(f"{name} =~ {' + '.join(items)}" for name, items in names.items())
    table = cbec.reliability(cbec.cfa(model, answers))
    np.testing.assert_allclose(
        table["composite_reliability"], [0.923281, 0.914011, 0.934168, 0.927522, 0.942520], atol=1e-6
    )
    np.testing.assert_allclose(table["ave"], [0.635179, 0.681039, 0.780178, 0.763204, 0.766745], atol=1e-6)
    assert table["n_items"].tolist() == list(sizes.values())
