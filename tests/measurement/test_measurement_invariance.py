"""Invariance against lavaan and semTools, dMACS by integration, the search for partial invariance, bad input."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats
from semopy.examples import holzinger39

import cbecmodel as cbec
from cbecmodel.errors import DataError, ModelError
from cbecmodel.measurement.invariance_steps import Criteria

MODEL = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
ITEMS = [f"x{k}" for k in range(1, 10)]
REFERENCE = Path(__file__).parents[1] / "reference" / "measurement" / "hs_invariance" / "reference.json"
EXPECTED = json.loads(REFERENCE.read_text(encoding="utf-8"))


def in_quarters() -> pd.DataFrame:
    data = holzinger39.get_data()
    return data.assign(**{n: 1 + np.searchsorted(EXPECTED["cuts"][n], data[n], side="left") for n in ITEMS})


@pytest.fixture(scope="module")
def schools() -> cbec.InvarianceResults:
    return cbec.invariance(MODEL, holzinger39.get_data(), group="school")


def check(table: pd.DataFrame, expected: dict[str, list[float]], rtol: float) -> None:
    for name, values in expected.items():
        known = [index for index, value in enumerate(values) if value is not None]
        wanted = np.array([values[index] for index in known], dtype=float)
        np.testing.assert_allclose(table[name].iloc[known], wanted, rtol=rtol, atol=rtol, err_msg=name)


@pytest.mark.parametrize("estimator", ["ML", "MLR"])
def test_continuous_steps_equal_lavaan(estimator: str) -> None:
    found = cbec.invariance(MODEL, holzinger39.get_data(), group="sex", estimator=estimator)
    assert found.table.index.tolist() == ["configural", "metric", "scalar", "strict", "means"]
    check(found.table, EXPECTED[estimator], 2e-5)


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.DataWarning")
def test_ordinal_steps_equal_semtools() -> None:
    found = cbec.invariance(MODEL, in_quarters(), group="sex", ordered=True)
    assert found.table.index.tolist() == ["configural", "thresholds", "loadings", "intercepts", "residuals"]
    check(found.table, EXPECTED["WLSMV"], 1e-4)
    with pytest.raises(ModelError, match="has ordinal ones"):
        found.effect_sizes()
    with pytest.raises(ModelError, match="not at scalar"):
        found.partial()


def test_changes_are_differences(schools: cbec.InvarianceResults) -> None:
    table = schools.table
    assert table["df"].tolist() == [48, 54, 60, 69, 72]
    for name in ("cfi", "rmsea", "srmr"):
        np.testing.assert_allclose(table[f"delta_{name}"].iloc[1:], np.diff(table[name]))
    assert table["verdict"].tolist() == ["", "holds", "fails", "holds", "fails"]
    assert schools.level == "metric"


@pytest.mark.parametrize(
    ("step", "changes", "verdict"),
    [
        ("metric", (-0.009, 0.014, 0.029), "holds"),
        ("metric", (-0.011, 0.014, 0.029), "mixed"),
        ("metric", (-0.011, 0.016, 0.0), "fails"),
        ("scalar", (-0.011, 0.0, 0.029), "fails"),
        ("scalar", (0.0, 0.016, 0.0), "mixed"),
    ],
)
def test_verdicts(step: str, changes: tuple[float, ...], verdict: str) -> None:
    row = pd.Series(changes, index=["delta_cfi", "delta_rmsea", "delta_srmr"])
    assert Criteria().verdict(step, row) == verdict


def test_partial_scalar_invariance_frees_two_intercepts(schools: cbec.InvarianceResults) -> None:
    """The classical finding: x3 and x7."""
    with_two = schools.partial("scalar", smallest=1)
    assert with_two.released == ["x3~1", "x7~1"]
    assert with_two.holds
    fit = cbec.cfa(
        MODEL,
        holzinger39.get_data(),
        group="school",
        group_equal=("loadings", "intercepts"),
        group_partial=["x3~1", "x7~1"],
    )
    assert with_two.fit.fit_measures["chisq"] == pytest.approx(fit.fit_measures["chisq"], rel=1e-9)
    kept = schools.partial("scalar", smallest=3)
    assert (kept.released, kept.reason) == ([], "too_few_left")
    none = schools.partial("scalar", alpha=1e-12)
    assert (none.released, none.reason) == ([], "nothing_significant")
    assert schools.partial("metric").released == []
    assert "x3~1" in with_two.summary()


def test_dmacs_is_its_integral(schools: cbec.InvarianceResults) -> None:
    """Over the later group's latent distribution, with the anchor's loading and intercept equal."""
    table = schools.effect_sizes({"visual": "x2"}).set_index("item")
    assert table.loc["x2", "dmacs"] == pytest.approx(0, abs=1e-12)
    # the anchor as marker with intercept zero puts the latent means on its scale
    model = "visual =~ x2 + x1 + x3\nx2 ~ 0*1\nvisual ~ NA*1\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
    data = holzinger39.get_data()
    rows = cbec.cfa(model, data, group="school").parameters.set_index(["lhs", "op", "rhs", "group"])["est"]
    slope = [rows["visual", "=~", "x3", g] for g in (1, 2)]
    cut = [rows["x3", "~1", "", g] for g in (1, 2)]
    people = stats.norm(rows["visual", "~1", "", 2], np.sqrt(rows["visual", "~~", "visual", 2]))
    gap = integrate.quad(
        lambda eta: (cut[1] - cut[0] + (slope[1] - slope[0]) * eta) ** 2 * people.pdf(eta), -10, 20, limit=200
    )[0]
    parts = [data.loc[data["school"] == label, "x3"] for label in data["school"].unique()]
    sd = sum((len(part) - 1) * part.std() for part in parts) / sum(len(part) - 1 for part in parts)
    assert table.loc["x3", "dmacs"] == pytest.approx(np.sqrt(gap) / sd, rel=1e-5)


def test_what_it_refuses(schools: cbec.InvarianceResults) -> None:
    data = holzinger39.get_data()
    with pytest.raises(ModelError, match="leave out group_equal"):
        cbec.invariance(MODEL, data, group="school", group_equal=("loadings",))
    with pytest.raises(DataError, match="one group only"):
        cbec.invariance(MODEL, data.assign(school="A"), group="school")
    with pytest.raises(ModelError, match="not items of their constructs: visual: x9"):
        schools.effect_sizes({"visual": "x9"})
    with pytest.raises(ModelError, match="not at means"):
        schools.partial("means")
    halves = data.assign(**{name: (data[name] > data[name].median()).astype(int) for name in ITEMS})
    with pytest.raises(ModelError, match="two categories"):
        cbec.invariance("visual =~ x1 + x2 + x3", halves, group="school", ordered=True)
    mixed = in_quarters().assign(x3=data["x3"])
    with pytest.raises(ModelError, match="these are not: x3"):
        cbec.invariance("visual =~ x1 + x2 + x3", mixed, group="school", ordered=["x1", "x2"])


def test_it_shows_itself(schools: cbec.InvarianceResults) -> None:
    assert "metric (loadings)" in str(schools)
    assert "Grant-White" in schools._repr_html_()
    cbec.set_language("zh")
    try:
        assert "跨组测量不变性" in str(schools)
    finally:
        cbec.set_language("en")


@pytest.mark.shared
@pytest.mark.parametrize("estimator", ["ml", "mlr"])
def test_schools_equal_the_reference(shared: Path, estimator: str) -> None:
    place = shared / "reference" / "sem"
    expected = json.loads((place / "lavaan" / f"06_hs_invariance_{estimator}_table.json").read_text(encoding="utf-8"))
    data = pd.read_csv(place / "data" / "holzinger_swineford_1939.csv")
    table = cbec.invariance(MODEL, data, group="school", estimator=estimator.upper()).table
    check(table, {name: expected["table"][name] for name in ("chisq", "df", "cfi", "rmsea", "srmr")}, 1e-7)
    check(table, {"delta_chisq": expected["lrt_sequential"]["Chisq.diff"]}, 1e-6)
    if estimator == "mlr":
        check(table, {"cfi_robust": expected["table"]["cfi.robust"]}, 1e-7)


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore::cbecmodel.errors.DataWarning")
def test_ordinal_schools_equal_the_reference(shared: Path) -> None:
    place = shared / "reference" / "sem"
    expected = json.loads((place / "lavaan" / "07_hs_ordinal_invariance_table.json").read_text(encoding="utf-8"))
    data = pd.read_csv(place / "data" / "hs_ordinal4_school.csv")
    table = cbec.invariance(MODEL, data, group="school", ordered=ITEMS).table
    names = ("chisq", "df", "chisq_scaled", "cfi_scaled", "rmsea_scaled", "srmr")
    check(table, {name: expected["table"][name.replace("_", ".")] for name in names}, 2e-5)
    check(table, {"delta_chisq": expected["lrt"]["Chisq.diff"]}, 2e-5)
