"""Corrections for small samples: formulas, limits and a seeded Monte Carlo."""

import numpy as np
import pandas as pd
import pytest
from semopy.examples import holzinger39, political_democracy

import cbecmodel as cbec
from cbecmodel.errors import ModelError
from cbecmodel.structure.inference.small_sample import correction_factors


@pytest.mark.parametrize(("p", "k", "df", "n"), [(9, 3, 24, 300), (11, 3, 35, 74), (6, 1, 9, 20)])
def test_formulas(p, k, df, n):
    found = correction_factors(p, k, df, n)
    free = p * (p + 1) / 2 - df
    q = np.roots([0.5, 0.5, -free]).max()  # the number of variables a saturated model would have
    np.testing.assert_allclose(
        found["swain"], 1 - (p * (2 * p**2 + 3 * p - 1) - q * (2 * q**2 + 3 * q - 1)) / (12 * df * n), rtol=1e-12
    )
    np.testing.assert_allclose((1 - found["bartlett"]) * 6 * n, 2 * p + 4 * k + 5)
    np.testing.assert_allclose((1 - found["yuan"]) * 6 * n, 2 * p + 2 * k + 7)
    assert all(value > 0.999 for value in correction_factors(p, k, df, 1e6).values())


def test_table():
    data = political_democracy.get_data()
    model = "dem60 =~ y1 + y2 + y3 + y4; dem65 =~ y5 + y6 + y7 + y8"
    for estimator in ("ML", "MLM"):
        fit = cbec.cfa(model, data, estimator=estimator)
        table = fit.small_sample_tests()
        assert list(table.index) == ["bartlett", "swain", "yuan"]
        np.testing.assert_allclose(table["chisq"], table["factor"] * fit.fit_measures["chisq"])
        np.testing.assert_allclose(table["factor"], list(correction_factors(8, 2, 19, 74).values()))
        assert (table["pvalue"] > fit.fit_measures["pvalue"]).all()
        assert ("chisq_scaled" in table) == (estimator == "MLM")


@pytest.mark.slow
def test_corrected_tests_keep_their_level():
    """Ten indicators of one factor, 40 cases: the plain test rejects too often, the corrected ones do not."""
    rng = np.random.default_rng(3)
    items = [f"v{k}" for k in range(10)]
    plain, corrected = [], []
    for _ in range(150):
        frame = pd.DataFrame(0.8 * rng.standard_normal((40, 1)) + 0.6 * rng.standard_normal((40, 10)), columns=items)
        fit = cbec.cfa("f =~ " + " + ".join(items), frame)
        plain.append(fit.fit_measures["pvalue"] < 0.05)
        corrected.append(fit.small_sample_tests()["pvalue"] < 0.05)
    assert np.mean(plain) > 0.08
    assert (np.mean(corrected, axis=0) < np.mean(plain)).all()
    assert (np.mean(corrected, axis=0) < 0.11).all()


def test_refusals():
    data = holzinger39.get_data()
    for fit in (
        cbec.cfa("f =~ x1 + x2 + x3 + x4", data, group="school"), cbec.cfa("f =~ x1 + x2 + x3", data),
        cbec.cfa("f =~ x1 + x2 + x3 + x4", data, estimator="GLS"),
    ):  # fmt: skip
        with pytest.raises(ModelError, match="one group"):
            fit.small_sample_tests()
