"""Auxiliary variables: semTools' cfa.auxiliary (0.5-6, lavaan 0.6-14 at its usual precision), and bad input."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cbecmodel as cbec
from cbecmodel.errors import ModelError

ROOT = Path(__file__).parents[1] / "reference"
MODEL = "f =~ y1 + y2 + y3\ng =~ y4 + y5 + y6"


@pytest.fixture(scope="module")
def gaps():
    return pd.read_csv(ROOT / "sem" / "data" / "pupils_gaps.csv")


def test_semtools(gaps):
    """The numbers are printed by tests/reference/design/auxiliary.R."""
    fit = cbec.cfa(MODEL, gaps, missing="fiml", auxiliary=("a1", "a2"))
    numbers = pd.read_csv(ROOT / "design" / "auxiliary.csv").set_index("name")["value"]
    found = fit.parameters.set_index(["lhs", "op", "rhs"])
    for item in ("y2", "y3", "y5", "y6"):
        row = found.loc[("f" if item < "y4" else "g", "=~", item)]
        np.testing.assert_allclose(row[["est", "se"]].astype(float), numbers[[f"{item}.est", f"{item}.se"]], rtol=2e-5)
    for name in ("chisq", "df", "logl", "baseline.chisq", "baseline.df", "cfi", "tli", "rmsea"):
        np.testing.assert_allclose(fit.fit_measures[name.replace(".", "_")], numbers[name], rtol=2e-6, atol=2e-5)


def test_complete_data_need_none(gaps):
    whole = gaps.dropna()
    plain = cbec.cfa(MODEL, whole, missing="fiml")
    helped = cbec.cfa(MODEL, whole, missing="fiml", auxiliary="a1")
    keys = ["lhs", "op", "rhs"]
    both = plain.parameters.merge(helped.parameters, on=keys, suffixes=("", "_helped"))
    np.testing.assert_allclose(both["est_helped"], both["est"], atol=1e-7)
    np.testing.assert_allclose(helped.fit_measures[["chisq", "cfi"]], plain.fit_measures[["chisq", "cfi"]], atol=1e-6)


def test_bad_input(gaps):
    with pytest.raises(ModelError, match="fiml"):
        cbec.cfa(MODEL, gaps, auxiliary="a1")
    with pytest.raises(ModelError, match="y1"):
        cbec.cfa(MODEL, gaps, missing="fiml", auxiliary=("a1", "y1"))
