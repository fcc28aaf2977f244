"""Verdicts follow the stated rules: never better than the weakest check, and never about the world when simulated."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from cbecmodel.study.artefacts import Artefacts
from cbecmodel.study.chains import chain, defined_path, effect_rows
from cbecmodel.study.estimates import Estimates, policy_estimate
from cbecmodel.study.evidence import Estimate, Problem, judge, reason, weigh, weigh_one
from cbecmodel.study.models import improper
from cbecmodel.study.steps import Given

CLEAR = Estimate("M: X → Y", 0.3, 0.3, 0.2, 0.4, 1e-6, 0.3)
NULL = replace(CLEAR, value=0.01, pvalue=0.6)
AGAINST = replace(CLEAR, value=-0.3)
HYPOTHESIS = {
    "id": "H1",
    "text": {"en": "More X, more Y.", "zh": "X 越多，Y 越多。"},
    "claims": ["C01", "C02"],
    "sign": 1,
    "kind": "direct",
    "model": "M",
    "paths": ["Y ~ X"],
    "testable": True,
    "design": {"data": {"en": "A cross-section.", "zh": "一次横截面。"}},
    "reason": None,
    "outcomes": {},
}


@pytest.mark.parametrize(
    ("estimate", "sign", "verdict"),
    [
        (CLEAR, 1, "supported"),
        (CLEAR, 0, "supported"),
        (CLEAR, -1, "contradicted"),
        (AGAINST, 1, "contradicted"),
        (AGAINST, -1, "supported"),
        (AGAINST, 0, "supported"),
        (NULL, 1, "not_supported"),
        (replace(CLEAR, pvalue=0.05), 1, "not_supported"),
        (replace(CLEAR, pvalue=0.0499), 1, "supported"),
        (replace(CLEAR, pvalue=math.nan), 1, "not_testable"),
        (replace(CLEAR, problems=(Problem("problem_engines"),)), 1, "not_testable"),
        (replace(AGAINST, problems=(Problem("problem_no_leads"),)), 1, "not_testable"),
    ],
)
def test_rules(estimate: Estimate, sign: int, verdict: str) -> None:
    assert judge(estimate, sign) == verdict


def test_simulated_data_never_speak_of_the_world() -> None:
    why = reason(replace(CLEAR, synthetic=True), 1, "supported")
    assert "of the simulated population" in why["en"]
    assert "模拟总体" in why["zh"]
    assert "simulated" not in reason(CLEAR, 1, "supported")["en"]


def test_a_failed_check_is_named_beside_the_estimate() -> None:
    found = weigh_one(HYPOTHESIS, [replace(CLEAR, problems=(Problem("problem_pre_trend", {"p": "< .001"}),))])
    assert found.verdict == "not_testable"
    assert "< .001" in found.reason["en"]
    assert "< .001" in found.reason["zh"]
    assert found.row()["estimate"] == 0.3


def test_a_hypothesis_of_several_parts_is_as_good_as_its_weakest() -> None:
    assert weigh_one(HYPOTHESIS, [CLEAR, CLEAR]).verdict == "supported"
    weak = weigh_one(HYPOTHESIS, [CLEAR, NULL])
    assert (weak.verdict, weak.row()["estimate"]) == ("not_supported", 0.01)
    assert weigh_one(HYPOTHESIS, [NULL, AGAINST, CLEAR]).verdict == "contradicted"
    partly = weigh_one(HYPOTHESIS, [CLEAR, None])
    assert partly.verdict == "not_testable"
    assert "1 of 2" in partly.reason["en"]


def test_what_was_not_estimated_says_why() -> None:
    assert weigh_one(HYPOTHESIS, []).verdict == "not_tested"
    assert "model M" in weigh_one(HYPOTHESIS, []).reason["en"]
    assert "一次横截面" in weigh_one(HYPOTHESIS, [None]).reason["zh"]
    never = {**HYPOTHESIS, "testable": False, "reason": {"en": "Feedback.", "zh": "反馈。"}}
    assert weigh_one(never, []).verdict == "not_testable"
    assert weigh_one(never, []).reason == {"en": "Feedback.", "zh": "反馈。"}


def test_outcomes_that_were_not_looked_at_are_mentioned() -> None:
    several = {**HYPOTHESIS, "outcomes": {"a": {}, "b": {}, "c": {}}}
    assert "2 more outcome" in weigh_one(several, [CLEAR]).reason["en"]


def fitted(**changes: object) -> Artefacts:
    made = Artefacts()
    known = {"model": "M", "synthetic": False, "converged": True, "improper": [], **changes}
    measures = {"cfi": changes.get("cfi", 0.97), "rmsea": 0.04, "srmr": 0.03}
    made.json("model.json", {name: value for name, value in known.items() if name != "cfi"})
    row = {"lhs": "Y", "op": "~", "rhs": "X", "label": "a", "est": 0.5, "se": 0.1, "z": 5.0, "pvalue": 1e-6}
    row |= {"ci_lower": 0.3, "ci_upper": 0.7, "std_all": 0.4}
    parameters = pd.DataFrame(
        [row, {**row, "lhs": "Z", "rhs": "Y", "label": "b", "est": 0.2}, {**row, "op": ":=", "rhs": "a*b"}]
    )
    made.table("parameters.csv", parameters)
    made.table("effects.csv", effect_rows(parameters))
    made.table("fit_measures.csv", pd.Series(measures).rename_axis("name").rename("value").reset_index())
    checked = pd.DataFrame(
        {"lhs": ["Y", "Z"], "op": "~", "rhs": ["X", "Y"], "other": [0.5, 0.2], "agrees": [True, True]}
    )
    made.table("cross_check.csv", checked)
    return made


def test_estimates_are_found_by_path_and_by_chain() -> None:
    found = Estimates({"M": fitted()}, {})
    direct = found.path("M", "Y ~ X")
    assert direct is not None
    assert (direct.value, direct.standardized, direct.second_engine, direct.problems) == (0.5, 0.4, 0.5, ())
    indirect = found.path("M", "X -> Y -> Z")
    assert indirect is not None
    assert indirect.second_engine == pytest.approx(0.1)
    assert found.path("M", "X ~ Y") is None
    assert found.of(HYPOTHESIS) == [direct]
    assert found.of({**HYPOTHESIS, "model": "other"}) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"converged": False}, "converge"), ({"improper": ["x ~~ x"]}, "x ~~ x"), ({"cfi": 0.85}, "CFI 0.850")],
)
def test_a_bad_solution_supports_nothing(changes: dict[str, object], word: str) -> None:
    estimate = Estimates({"M": fitted(**changes)}, {}).path("M", "Y ~ X")
    assert estimate is not None
    assert judge(estimate, 1) == "not_testable"
    assert word in reason(estimate, 1, "not_testable")["en"]


def policy(leads: list[float], agrees: bool = True) -> Artefacts:
    made = Artefacts()
    made.json("policy.json", {"id": "P", "outcome": "y", "hypothesis": "P1", "synthetic": True})
    effect = {"att": 0.08, "se": 0.01, "ci_lower": 0.06, "ci_upper": 0.1, "pvalue": 1e-9, "truth": 0.08}
    made.table("effect.csv", pd.DataFrame([effect]))
    made.table("pre_trend.csv", pd.DataFrame({"pvalue": leads}, dtype=float))
    made.table(
        "cross_check.csv", pd.DataFrame({"quantity": ["att", "att se"], "other": [0.08, 0.01], "agrees": agrees})
    )
    return made


@pytest.mark.parametrize(
    ("leads", "agrees", "verdict"),
    [
        ([0.4], True, "supported"),
        ([0.01], True, "not_testable"),
        ([], True, "not_testable"),
        ([0.4], False, "not_testable"),
    ],
)
def test_a_policy_effect_needs_parallel_trends_and_two_engines(leads: list[float], agrees: bool, verdict: str) -> None:
    assert judge(policy_estimate(policy(leads, agrees)), 1) == verdict


def test_the_ledger_has_a_row_for_every_hypothesis() -> None:
    theory = Artefacts()
    panel = {**HYPOTHESIS, "id": "P1", "kind": "panel", "model": None, "paths": []}
    theory.json("hypotheses.json", [HYPOTHESIS, {**HYPOTHESIS, "id": "H2", "paths": ["X ~ Y"]}, panel])
    stated = {"M": {"S1": {"path": "Z ~ Y", "sign": -1, "text": None}}}
    before = {"theory": theory, "fit:M": fitted(), "policy:P": policy([0.4])}
    ledger = weigh(Given({"stated": stated}, {}, before)).frame("hypotheses.csv").set_index("hypothesis")
    expected = {"H1": "supported", "H2": "not_tested", "P1": "supported", "S1": "contradicted"}
    assert ledger["verdict"].to_dict() == expected
    assert ledger["synthetic"].to_dict() == {"H1": False, "H2": False, "P1": True, "S1": False}


def test_chains() -> None:
    assert chain("Y~X") == ("X", "Y")
    assert chain("A → B→C") == ("A", "B", "C")
    assert defined_path("a*b", {"a": ("X", "M"), "b": ("Q", "Y")}) == "a*b"
    assert defined_path("2*a", {"a": ("X", "M")}) == "2*a"


def test_improper_solutions_are_seen_in_standardized_correlations_only_off_the_diagonal() -> None:
    rows = {"lhs": ["x", "f"], "op": ["~~", "~~"], "rhs": ["x", "f"], "est": [0.1, 3.0], "std_all": [0.1, 1.0]}
    assert improper(pd.DataFrame(rows)) == []
