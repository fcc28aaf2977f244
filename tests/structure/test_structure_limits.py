"""Nonlinear equations, inequalities and bounds: what theory says must hold, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from semopy.examples import holzinger39, political_democracy

import cbecmodel as cbec
from cbecmodel.errors import ModelError, ModelWarning
from cbecmodel.messages import use_language

PATHS = """
ind60 =~ x1 + x2 + x3
dem60 =~ y1 + y2 + y3 + y4
dem65 =~ y5 + y6 + y7 + y8
dem60 ~ b1*ind60
dem65 ~ b2*ind60 + b3*dem60
"""
FACTORS = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9\n"
HEYWOOD = pd.DataFrame([[1, 0.6, 0.3], [0.6, 1, 0.9], [0.3, 0.9, 1]], index=list("abc"), columns=list("abc"))


@pytest.fixture(scope="module")
def data():
    return political_democracy.get_data()


@pytest.fixture(scope="module")
def children():
    return holzinger39.get_data()


def test_equations_may_use_defined_parameters(data):
    said = cbec.sem(PATHS + "ind := b1*b3\ntot := ind + b2\nind/tot == 0.6", data)
    written = cbec.sem(PATHS + "b1*b3 == 0.6*(b1*b3 + b2)", data)
    np.testing.assert_allclose(said.x, written.x, rtol=1e-9)
    assert said.df == cbec.sem(PATHS, data).df + 1
    found = said.parameters.set_index("lhs")["est"]
    np.testing.assert_allclose(found["ind"] / found["tot"], 0.6, rtol=1e-12)


def test_an_equation_in_other_words_is_the_same(data):
    straight = cbec.sem(PATHS + "b2 == 2*b3", data)
    curved = cbec.sem(PATHS + "log(b2) == log(2) + log(b3)", data)
    np.testing.assert_allclose(curved.x, straight.x, rtol=1e-8)
    np.testing.assert_allclose(curved.vcov, straight.vcov, rtol=1e-6, atol=1e-10)
    assert curved.df == straight.df
    np.testing.assert_allclose(curved.score_test()["statistic"], straight.score_test()["statistic"], rtol=1e-6)


def test_rescaling_changes_nothing(data):
    model = PATHS + "b1*b3 == b2*1.5"
    factors = pd.Series(np.where(data.columns.str.startswith("x"), 1.0, 1e3), index=data.columns)
    one, other = cbec.sem(model, data), cbec.sem(model, data.drop(columns=[]) * factors)
    np.testing.assert_allclose(one.fit_measures["chisq"], cbec.sem(model, data * 100).fit_measures["chisq"], rtol=1e-9)
    assert np.isfinite(other.fit_measures["chisq"])


def test_inactive_inequalities_change_nothing(data):
    plain, fit = cbec.sem(PATHS, data), cbec.sem(PATHS + "b1 > 0; b2 < 10", data)
    np.testing.assert_allclose(fit.x, plain.x, rtol=1e-12)
    np.testing.assert_allclose(fit.vcov, plain.vcov, rtol=1e-10, atol=1e-14)
    assert fit.warnings == ()
    assert fit.df == plain.df


def test_an_active_inequality_is_an_equation_and_is_announced(data):
    with pytest.warns(ModelWarning, match="b2 < 0.3") as caught:
        fit = cbec.sem(PATHS + "b2 < 0.3", data)
    assert [found.message.key for found in caught] == ["structure.active_inequality"]
    with use_language("zh"):
        assert "b2 < 0.3" in str(fit.warnings[0])
    equal = cbec.sem(PATHS + "b2 == 0.3", data)
    np.testing.assert_allclose(fit.x, equal.x, rtol=1e-8)
    np.testing.assert_allclose(fit.vcov, equal.vcov, rtol=1e-6, atol=1e-12)
    assert (fit.df, equal.df) == (equal.df - 1, fit.df + 1)
    assert fit.optimum.gradient < 1e-10


def test_bounds_hold_and_are_announced():
    with pytest.warns(ModelWarning, match="b~~b > 0"):
        fit = cbec.cfa("f =~ a + b + c", sample_cov=HEYWOOD, sample_nobs=200, std_lv=True, bounds="pos.var")
    rows = fit.parameters.set_index(["lhs", "op", "rhs"])
    assert rows.loc[("b", "~~", "b"), "est"] == 0
    assert rows.loc[("b", "~~", "b"), "se"] > 0
    assert np.isnan(rows.loc[("b", "~~", "b"), "pvalue"])
    assert fit.df == 0


@pytest.mark.parametrize("how", ["syntax", "names", "label"])
def test_three_ways_to_say_a_bound(children, how):
    syntax = FACTORS.replace("x2", "upper(0.5)*x2")
    bounds = {"names": {"visual =~ x2": (None, 0.5)}, "label": {"p": (None, 0.5)}}.get(how)
    model = {"syntax": syntax, "names": FACTORS, "label": FACTORS.replace("x2", "p*x2")}[how]
    with pytest.warns(ModelWarning, match="< 0.5"):
        fit = cbec.cfa(model, children, bounds=bounds)
    assert fit.parameters.loc[1, "est"] == 0.5
    fixed = cbec.cfa(FACTORS.replace("x2", "0.5*x2"), children)
    np.testing.assert_allclose(fit.fit_measures["chisq"], fixed.fit_measures["chisq"], rtol=1e-9)
    assert fit.df == fixed.df - 1


@pytest.mark.parametrize("bounds", ["standard", "wide", "none", "pos_lv_var"])
def test_bounds_that_do_not_bind_change_nothing(children, bounds):
    plain, fit = cbec.cfa(FACTORS, children), cbec.cfa(FACTORS, children, bounds=bounds)
    np.testing.assert_allclose(fit.x, plain.x, rtol=1e-12)


def test_bounds_of_the_table(children):
    """The ranges lavaan 0.6-14 prints for bounds = "wide" (parTable)."""
    model = "v =~ x1 + x2 + x3; t =~ x4 + x5 + x6; v ~~ t; t ~ v; x1 ~~ x5"
    with pytest.warns(ModelWarning):
        fit = cbec.cfa(model, children, bounds="wide")
    rows = {row.name: (row.lower, row.upper) for row in fit.table.rows}
    for name, expected in {
        "v=~x2": (-3.82729809, 3.827298), "t=~x6": (-3.57139717, 3.571397), "v~~t": (-1.73968538, 1.739685),
        "x1~~x5": (-1.70937573, 1.709376), "x1~~x1": (-0.06112664, 1.467039), "x5~~x5": (-0.08298929, 1.991743),
        "v~~v": (0.13583698, 1.725130), "t~~t": (0.00500000, 1.754364),
    }.items():  # fmt: skip
        np.testing.assert_allclose(rows[name], expected, rtol=1e-6)
    assert np.isnan(rows["t~v"]).all()


def test_refusals(children):
    for bounds, said in (
        ("tight", "standard"), ({"visual =~ x99": (0, 1)}, "x99"), ({"visual =~ x2": 1}, "pair"),
        ({"visual =~ x2": (2, 1)}, "above"),
    ):  # fmt: skip
        with pytest.raises(ModelError, match=said):
            cbec.cfa(FACTORS, children, bounds=bounds)
    with pytest.raises(ModelError, match="semopy"):
        cbec.cfa(FACTORS.replace("x2", "p*x2") + "p > 0", children, engine="semopy")
    with pytest.raises(ModelError, match="uses q"):
        cbec.cfa(FACTORS.replace("x2", "p*x2") + "p*q == 1", children)
    with pytest.raises(cbec.CbecError):
        cbec.cfa(FACTORS.replace("x2", "p*x2") + "p^2 == -1", children)


def test_structure_after_measurement_knows_linear_constraints_only(data):
    for rule in ("b1*b3 == b2", "b2 > 0"):
        with pytest.raises(ModelError, match="linear equality"):
            cbec.sam(PATHS + rule, data)
