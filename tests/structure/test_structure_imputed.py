"""Pooling over imputations: semTools' numbers (0.5-6), what must hold, and bad input."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cbecmodel as cbec
from cbecmodel.errors import DataError, ModelError

ROOT = Path(__file__).parents[1] / "reference" / "design"
NUMBERS = json.loads((ROOT / "imputed.json").read_text(encoding="utf-8"))
MODEL = "f =~ y1 + y2 + y3\ng =~ y4 + y5 + y6\ng ~ b*f\ndouble := 2*b"
NESTED = MODEL.replace("y5", "a*y5").replace("y6", "a*y6")


@pytest.fixture(scope="module")
def sets():
    return [part.reset_index(drop=True) for _, part in pd.read_csv(ROOT / "imputed.csv").groupby("imputation")]


@pytest.fixture(scope="module")
def fit(sets):
    return cbec.sem_mi(MODEL, sets)


def test_parameters(fit):
    """The R fits stop at lavaan's usual precision."""
    expected = NUMBERS["parameters"]
    assert fit.parameters["lhs"].tolist() == expected["lhs"]
    np.testing.assert_allclose(fit.parameters["est"], expected["est"], atol=2e-6)
    np.testing.assert_allclose(fit.parameters["se"], expected["se"], atol=2e-6)
    np.testing.assert_allclose(fit.vcov, np.array(NUMBERS["vcov"]), atol=1e-6)


def test_tests(fit, sets):
    nested = cbec.sem_mi(NESTED, sets)
    found = {
        "D3": fit.test(), "D2": fit.test("D2"), "D3_nested": fit.compare(nested), "D2_nested": nested.compare(fit, "D2"),
    }  # fmt: skip
    for name, ours in found.items():
        for key in ("F", "df1", "df2", "pvalue", "ariv", "fmi"):
            np.testing.assert_allclose(ours[key], NUMBERS[name][key], rtol=2e-5, atol=1e-9, err_msg=f"{name} {key}")


def test_fit_measures(fit):
    for name, value in NUMBERS["fit"].items():
        np.testing.assert_allclose(fit.fit_measures[name.replace(".", "_")], value, rtol=2e-6, atol=2e-6, err_msg=name)
    for name in ("logl", "aic", "bic"):
        np.testing.assert_allclose(fit.fit_measures[name], NUMBERS["D3"][name], rtol=1e-8)


def test_degrees_of_freedom(fit):
    """Barnard and Rubin (1999), by their formula for one parameter; never more than complete data would have."""
    estimates = np.array([one.parameters["est"][1] for one in fit.fits])
    within = np.mean([one.parameters["se"][1] ** 2 for one in fit.fits])
    extra = (1 + 1 / 5) * estimates.var(ddof=1)
    share, complete = extra / (within + extra), 385 - 13
    observed = (complete + 1) / (complete + 3) * complete * (1 - share)
    expected = 1 / (share**2 / 4 + 1 / observed)
    np.testing.assert_allclose(fit.parameters["df"][1], expected, rtol=1e-10)
    assert fit.parameters["df"].max() < complete


def test_same_data_five_times(sets):
    once = cbec.sem(MODEL, sets[0])
    same = cbec.sem_mi(MODEL, [sets[0]] * 5)
    np.testing.assert_allclose(same.parameters["se"], once.parameters["se"], rtol=1e-8)
    np.testing.assert_allclose(same.parameters["fmi"].dropna(), 0, atol=1e-8)
    np.testing.assert_allclose(same.fit_measures["chisq"], once.fit_measures["chisq"], rtol=1e-7)


def test_other_estimators(sets):
    robust = cbec.sem_mi(MODEL, sets, estimator="MLR")
    assert robust.test("D2", robust=True)["F"] != robust.test("D2")["F"]
    with pytest.raises(ModelError, match="D2"):
        robust.test("D3", robust=True)
    squares = cbec.sem_mi(MODEL, sets, estimator="GLS")
    assert "logl" not in squares.fit_measures.index
    with pytest.raises(ModelError, match="D2"):
        squares.test("D3")
    grouped = [part.assign(g=np.arange(len(part)) % 2) for part in sets]
    assert cbec.sem_mi(MODEL, grouped, group="g").fit_measures["df"] == 2 * 8 + 1  # b is one parameter


def test_shown(fit):
    assert "Imputations" in fit.summary()
    assert "FMI" in fit._repr_html_()
    assert not fit.synthetic


def test_bad_input(sets, fit):
    with pytest.raises(DataError, match="at least two"):
        cbec.sem_mi(MODEL, sets[:1])
    with pytest.raises(DataError, match="at least two"):
        cbec.sem_mi(MODEL, "data.csv")
    with pytest.raises(DataError, match="384, 385"):
        cbec.sem_mi(MODEL, [sets[0], sets[1].iloc[1:]])
    with pytest.raises(ModelError, match="Two-level"):
        cbec.sem_mi("level: 1\ny1 ~ y2\nlevel: 2\ny1 ~~ y1", sets)
    with pytest.raises(ModelError, match="D2, D3"):
        fit.test("D5")
    with pytest.raises(ModelError, match="nested"):
        fit.compare(fit)
    with pytest.raises(ModelError, match="not_there"):
        cbec.sem_mi(MODEL, sets, function="not_there")
    with pytest.raises(ModelError, match="no degrees"):
        cbec.sem_mi("y1 ~ y2", sets).test()
    with pytest.raises(ModelError, match="corrected"):
        fit.test("D2", robust=True)
