"""Exploratory factor analysis against psych, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from semopy.examples import holzinger39

import cbecmodel as cbec
from cbecmodel.errors import DataError, ModelError

ITEMS = [f"x{k}" for k in range(1, 10)]
PLACE = Path(__file__).parents[1] / "reference" / "measurement" / "hs_factors" / "reference.json"
EXPECTED = json.loads(PLACE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pupils() -> pd.DataFrame:
    return holzinger39.get_data()[ITEMS]


@pytest.fixture(scope="module")
def found(pupils: pd.DataFrame) -> cbec.FactorAnalysis:
    return cbec.factor_analysis(pupils)


def test_adequacy_sphericity_and_map_equal_psych(found: cbec.FactorAnalysis) -> None:
    assert found.kmo == pytest.approx(EXPECTED["kmo"], rel=1e-9)
    np.testing.assert_allclose(found.kmo_items, EXPECTED["kmo_items"], rtol=1e-9)
    assert found.bartlett["statistic"] == pytest.approx(EXPECTED["bartlett"], rel=1e-9)
    np.testing.assert_allclose(found.parallel["map"].iloc[:8], EXPECTED["map"], rtol=1e-8)
    np.testing.assert_allclose(found.parallel["factor"], EXPECTED["factor"], atol=2e-4)  # psych stops early
    assert found.suggested.to_dict() == {"parallel_components": 3, "parallel_factors": 3, "map": 2, "kaiser": 3}


@pytest.mark.parametrize("method", ["minres", "ml"])
def test_extractions_equal_psych(pupils: pd.DataFrame, method: str) -> None:
    fit = cbec.factor_analysis(pupils, 3, method=method, rotation="varimax", replicates=2)
    expected = EXPECTED["fits"][method]
    np.testing.assert_allclose(1 - fit.uniquenesses, expected["communality"], atol=2e-4)  # psych stops early
    np.testing.assert_allclose((fit.loadings**2).sum(axis=1), 1 - fit.uniquenesses, atol=1e-6)
    assert fit.fit["chisq"] == pytest.approx(expected["chisq"], abs=2e-3)
    assert fit.fit["df"] == expected["df"]
    assert fit.fit["rmsr"] == pytest.approx(expected["rmsr"], abs=1e-5)


def test_principal_axis_ends_where_minres_does(pupils: pd.DataFrame) -> None:
    one, other = (
        cbec.factor_analysis(pupils, 2, method=m, replicates=2).uniquenesses for m in ("minres", "principal_axis")
    )
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_maximum_likelihood_is_the_fit_of_efa(pupils: pd.DataFrame) -> None:
    ours = cbec.factor_analysis(pupils, 3, method="ml", rotation="oblimin", replicates=2)
    np.testing.assert_allclose(ours.loadings, cbec.efa(pupils, 3, rotation="oblimin").loadings(), atol=1e-4)


def test_parallel_analysis_repeats_itself(pupils: pd.DataFrame) -> None:
    one, two = (cbec.factor_analysis(pupils, seed=3, replicates=20).parallel for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    noise = pd.DataFrame(np.random.default_rng(1).normal(size=(300, 8)), columns=list("abcdefgh"))
    assert cbec.factor_analysis(noise).suggested["parallel_components"] == 0


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.DataWarning")
def test_polychoric_correlations(pupils: pd.DataFrame) -> None:
    cut = pupils.apply(lambda column: pd.qcut(column, 4, labels=False))
    fit = cbec.factor_analysis(cut, 3, correlations="polychoric", replicates=2)
    np.testing.assert_allclose(fit.correlations_of_items, cbec.polychoric(cut).correlations, atol=1e-9)
    assert fit.loadings.abs().max(axis=1).min() > 0.4


def test_what_it_refuses(pupils: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="same answer to x1"):
        cbec.factor_analysis(pupils.assign(x1=1))
    with pytest.raises(DataError, match=r"depend on each other exactly .*: x1, x2, total"):
        cbec.factor_analysis(pupils.assign(total=pupils["x1"] + pupils["x2"]))
    with pytest.raises(DataError, match="8 complete case"):
        cbec.factor_analysis(pupils.head(8))
    with pytest.raises(DataError, match="at least"):
        cbec.factor_analysis(pupils[["x1", "x2"]])
    with pytest.raises(ModelError, match="9"):
        cbec.factor_analysis(pupils, 7)
    with pytest.raises(ModelError, match="method"):
        cbec.factor_analysis(pupils, method="alpha")  # type: ignore[arg-type]  # the fault
    with pytest.raises(ModelError, match="two replicates"):
        cbec.factor_analysis(pupils, replicates=1)


def test_it_shows_itself(found: cbec.FactorAnalysis) -> None:
    assert "Parallel analysis, principal axis" in str(found)
    assert "0.752" in found._repr_html_()


@pytest.mark.shared
def test_bfi(shared: Path) -> None:
    answers = pd.read_csv(shared / "data" / "psych_bfi.csv").iloc[:, :25]
    found = cbec.factor_analysis(answers, 1, method="principal_axis", replicates=20)
    assert found.n_obs == 2436
    assert found.kmo == pytest.approx(0.84864523, abs=1e-8)
    assert found.kmo_items["A1"] == pytest.approx(0.7540716, abs=1e-7)
    assert found.bartlett["statistic"] == pytest.approx(18146.0656, abs=1e-4)
    np.testing.assert_allclose(
        found.parallel["component"].iloc[:5], [5.13431, 2.75189, 2.14270, 1.85233, 1.54816], atol=5e-6
    )
    assert found.suggested.to_dict() == {"parallel_components": 5, "parallel_factors": 6, "map": 5, "kaiser": 6}
    assert float((found.loadings["f1"] ** 2).mean()) == pytest.approx(0.17456334, abs=1e-5)  # psych stops early


@pytest.mark.shared
@pytest.mark.parametrize("rotation", ["varimax", "oblimin"])
def test_rotated_loadings_of_lavaan(shared: Path, rotation: str) -> None:
    place = shared / "reference" / "sem"
    expected = json.loads((place / "lavaan" / "12_hs_efa.json").read_text(encoding="utf-8"))["efa"][rotation]
    data = pd.read_csv(place / "data" / "holzinger_swineford_1939.csv")
    ours = cbec.factor_analysis(data, 3, variables=ITEMS, method="ml", rotation=rotation, replicates=2)
    np.testing.assert_allclose(ours.loadings, expected["lambda"]["values"], atol=2e-5)
