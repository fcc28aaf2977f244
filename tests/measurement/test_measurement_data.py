"""Normality and missing answers against psych and Little's test, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pingouin
import pytest
from semopy.examples import holzinger39

import cbecmodel as cbec
from cbecmodel.errors import DataError

ITEMS = [f"x{k}" for k in range(1, 10)]
PLACE = Path(__file__).parents[1] / "reference" / "measurement" / "hs_factors" / "reference.json"


def test_mardia_equals_psych() -> None:
    expected = json.loads(PLACE.read_text(encoding="utf-8"))["mardia"]
    data = holzinger39.get_data()[ITEMS]
    tests = cbec.normality(data).tests
    assert tests.loc["mardia_skewness", "value"] == pytest.approx(expected["b1p"], rel=1e-9)
    assert tests.loc["mardia_skewness", "statistic"] == pytest.approx(expected["skew"], rel=1e-9)
    assert tests.loc["mardia_skewness_small", "statistic"] == pytest.approx(expected["small_skew"], rel=1e-9)
    assert tests.loc["mardia_kurtosis", "value"] == pytest.approx(expected["b2p"], rel=1e-9)
    assert tests.loc["mardia_kurtosis", "statistic"] == pytest.approx(expected["z"], rel=1e-9)
    assert tests.loc["henze_zirkler", "value"] == pytest.approx(pingouin.multivariate_normality(data).hz)
    assert "Mardia" in cbec.normality(data)._repr_html_()


def test_little_is_its_definition() -> None:
    """With one item incomplete, maximum likelihood is a regression on the complete ones."""
    data = holzinger39.get_data()[["x1", "x2"]].astype(float)
    data.loc[data.index[:60], "x1"] = np.nan
    seen = data.dropna()
    slope = np.cov(seen.T, ddof=0)[0, 1] / seen["x2"].var(ddof=0)
    left = seen["x1"] - seen["x1"].mean() - slope * (seen["x2"] - seen["x2"].mean())
    s22 = data["x2"].var(ddof=0)
    sigma = np.array([[left.var(ddof=0) + slope**2 * s22, slope * s22], [slope * s22, s22]])
    mu = np.array([seen["x1"].mean() + slope * (data["x2"].mean() - seen["x2"].mean()), data["x2"].mean()])
    gap = seen.mean().to_numpy() - mu
    other = data.loc[data["x1"].isna(), "x2"].mean() - mu[1]
    wanted = len(seen) * gap @ np.linalg.solve(sigma, gap) + 60 * other**2 / s22
    found = cbec.missingness(data)
    assert found.little["statistic"] == pytest.approx(wanted, rel=1e-6)
    assert found.little["df"] == 1
    assert found.patterns["cases"].tolist() == [241, 60]
    assert np.isnan(cbec.missingness(seen).little["pvalue"])
    assert "Little" in str(found)


def test_what_they_refuse() -> None:
    data = holzinger39.get_data()[ITEMS]
    with pytest.raises(DataError, match="same answer to x1"):
        cbec.missingness(data.assign(x1=np.nan))
    with pytest.raises(DataError, match="5 complete case"):
        cbec.missingness(data.head(5))
    with pytest.raises(DataError, match="need 8 at least"):
        cbec.normality(data[["x1", "x2"]].head(7))


@pytest.mark.shared
def test_bfi(shared: Path) -> None:
    answers = pd.read_csv(shared / "data" / "psych_bfi.csv").iloc[:, :5]
    little = cbec.missingness(answers).little
    assert little["statistic"] == pytest.approx(50.12873, abs=1e-5)
    assert (little["df"], little["patterns"]) == (40, 13)
    tests = cbec.normality(answers.assign(A1=7 - answers["A1"])).tests
    assert tests.loc["mardia_skewness", "value"] == pytest.approx(5.26233906, abs=1e-8)
    assert tests.loc["mardia_kurtosis", "statistic"] == pytest.approx(31.19928608, abs=1e-7)
