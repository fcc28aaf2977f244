"""Parameter tables: edits, and the round trips to syntax and semopy, over random models."""

import math
import re
from itertools import combinations

import numpy as np
import pytest
import semopy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from semopy.examples import political_democracy

import cbecmodel as cbec
from cbecmodel import ParameterTable
from cbecmodel.errors import ModelError
from cbecmodel.structure.options import Options
from cbecmodel.structure.table.defaults import parameter_table


def facts(table):
    """Return what a table says, whatever the order of its rows and of the two sides of a covariance."""
    rows = []
    for row in table.rows:
        left, right = sorted((row.lhs, row.rhs)) if row.op == "~~" else (row.lhs, row.rhs)
        said = (row.start, row.lower, row.upper) if row.free else (row.fixed,)  # a fixed row has no start to speak of
        numbers = [None if math.isnan(v) else v for v in said]
        rows.append((left, row.op, right, row.group, row.label, bool(row.free), row.exogenous, *map(str, numbers)))
    return sorted(rows), sorted((r.op, r.lhs, r.rhs) for r in table.constraints), table.meanstructure


MODIFIERS = st.sampled_from(
    ["", "NA*", "1*", "0.5*", "-0.25*", "a*", "b*", "start(0.3)*", "lower(0)*", "upper(2)*a*", "2?"]
)


@st.composite
def models(draw):
    """Draw factors with indicators, regressions in one direction, covariances, intercepts, defined parameters."""
    factors = [f"f{k}" for k in range(draw(st.integers(1, 3)))]
    lines, items = [], []
    for factor in factors:
        own = [f"{factor}x{k}" for k in range(draw(st.integers(2, 4)))]
        items += own
        lines.append(f"{factor} =~ " + " + ".join(draw(MODIFIERS) + name for name in own))
    chain = [*factors, "y", "z"]
    pairs = [pair for pair in combinations(chain, 2) if draw(st.booleans())]
    lines += [f"{a} ~ {draw(MODIFIERS)}{b}" for a, b in pairs]
    if draw(st.booleans()):
        lines.append(f"{items[0]} ~~ {draw(MODIFIERS)}{items[1]}")
    if draw(st.booleans()):
        lines.append(f"{items[0]} ~ {draw(MODIFIERS)}1")
    if any("a*" in line for line in lines if "NA*" not in line):
        lines.append("twice := 2*a")
    return "\n".join(lines)


@settings(max_examples=80, deadline=None)
@given(models(), st.booleans(), st.booleans())
def test_syntax_and_back(model, std_lv, means):
    options = Options(std_lv=std_lv, meanstructure=means or None)
    table = parameter_table(model, options)
    again = parameter_table(table.to_syntax(), Options(meanstructure=table.meanstructure))
    assert facts(again) == facts(table)
    assert again.to_syntax().splitlines() == parameter_table(again.to_syntax()).to_syntax().splitlines()


@settings(max_examples=30, deadline=None)
@given(models())
def test_semopy_and_back(model):
    lines = [line for line in model.splitlines() if not re.search(r"~.*[ *?]1$", line) and ":=" not in line]
    text = "\n".join(lines).replace("2?", "")
    for word in ("start(0.3)*", "lower(0)*", "upper(2)*", "NA*"):
        text = text.replace(word, "")
    table = parameter_table(text)
    try:
        theirs = semopy.Model(table.to_semopy(), cov_diag=True)
    except ValueError:
        assume(False)  # semopy cannot read every covariance of outcomes
    back = ParameterTable.from_semopy(theirs)
    free = {(tuple(sorted((r.lhs, r.rhs))) if r.op == "~~" else (r.lhs, r.rhs)) for r in table.rows if r.free}
    found = {(tuple(sorted((r.lhs, r.rhs))) if r.op == "~~" else (r.lhs, r.rhs)) for r in back.rows if r.free}
    assert found == free
    fixed = {(r.lhs, r.op, r.rhs): r.fixed for r in table.rows if not r.free and not r.exogenous and r.op == "=~"}
    assert {(r.lhs, r.op, r.rhs): r.fixed for r in back.rows if not r.free and r.op == "=~"} == fixed
    assert set(back.exogenous) == set(table.exogenous)
    assert set(back.latents) == set(table.latents)


MODEL = "i =~ x1 + x2 + x3; d =~ y1 + a*y2 + a*y3; d ~ i; y1 ~~ y2"


def test_semopy_model_has_our_fit():
    data = political_democracy.get_data()
    model = semopy.Model(MODEL.replace("; ", "\n"))
    fit, ours = cbec.sem(ParameterTable.from_semopy(model), data), cbec.sem(MODEL, data)
    assert fit.fit_measures["chisq"] == pytest.approx(ours.fit_measures["chisq"], abs=1e-9)
    path = semopy.Model("y1 ~ b*x1 + x2\ny2 ~ y1 + b*x1")
    again = cbec.sem(ParameterTable.from_semopy(path), data)
    assert again.fit_measures["chisq"] == pytest.approx(
        cbec.sem("y1 ~ b*x1 + x2; y2 ~ y1 + b*x1", data).fit_measures["chisq"], abs=1e-9
    )


def test_edited_table_is_fitted():
    data = political_democracy.get_data()
    table = ParameterTable.from_syntax(MODEL)
    pairs = [
        (table.removed("y1", "~~", "y2"), MODEL.replace("y1 ~~ y2", "")),
        (table.added("y2", "~~", "y3"), MODEL + " + 0*y9; y2 ~~ y3".replace(" + 0*y9", "")),
        (table.added("y3", "~", "x1", fixed=0.1), MODEL + "; y3 ~ 0.1*x1"),
        (table.edited("d", "~", "i", fixed=0.5), MODEL.replace("d ~ i", "d ~ 0.5*i")),
    ]
    for edited, syntax in pairs:
        fit, by_hand = cbec.sem(edited, data), cbec.sem(syntax, data)
        assert fit.fit_measures["chisq"] == pytest.approx(by_hand.fit_measures["chisq"], abs=1e-8)
        assert fit.df == by_hand.df
        again = cbec.sem(fit.model, data)
        assert again.fit_measures["chisq"] == pytest.approx(fit.fit_measures["chisq"], abs=1e-8)
    means = cbec.sem(table, data, estimator="MLR")
    np.testing.assert_allclose(means.x, cbec.sem(MODEL, data).x, rtol=1e-7)


def test_groups_survive_the_round_trip():
    table = parameter_table("f =~ x1 + c(a, b)*x2 + x3", Options(group="g", meanstructure=True), ("u", "v"))
    assert facts(parameter_table(table.to_syntax(), Options(group="g", meanstructure=True), ("1", "2"))) == facts(table)


def test_equal_survives_the_round_trip():
    table = parameter_table('f =~ x1 + x2 + equal("f=~x2")*x3')
    assert facts(parameter_table(table.to_syntax())) == facts(table)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: t.added("y1", "~~", "y2"), "already"),
        (lambda t: t.added("y2", "~~", "y1"), "already"),
        (lambda t: t.added("y1", "~~", "y9"), "cannot be added"),
        (lambda t: t.added("y1", "=>", "y2"), "cannot be added"),
        (lambda t: t.removed("y1", "~~", "x1"), "no parameter"),
        (lambda t: ParameterTable.from_semopy("f =~ x1"), "semopy.Model"),
        (lambda t: cbec.sem(3, political_democracy.get_data()), "lavaan syntax"),
        (lambda t: cbec.sem(t, political_democracy.get_data().assign(g=[1, 2, 1] * 25), group="g"), "1 group"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ModelError, match=words):
        call(ParameterTable.from_syntax(MODEL))
