"""The study's own theory: complete, consistent, and true to the paper's words."""

import re

import pytest
import yaml

from cbecmodel.content import content_folder
from cbecmodel.survey.instrument import load_instrument
from cbecmodel.theory.model import load_theory, validate_theory
from cbecmodel.theory.syntax_names import latents, regressions
from cbecmodel.theory.theory_rules import quote_digest, substance_findings
from cbecmodel.theory.yaml_source import read_yaml


@pytest.fixture(scope="module")
def theory():
    return load_theory(content_folder("surveys") / "theory.yaml")


def test_all_claims_of_the_draft_and_those_on_reach_and_soft_power(theory):
    assert {f"C{n:02d}" for n in range(1, 48)} <= set(theory.claims)
    on_reach = [c for c in theory.claims.values() if "RCH" in c.constructs]
    assert {"abstract", "3.2", "4"} <= {c.section for c in on_reach}
    assert [c.section for c in theory.claims.values() if "软实力" in c.quote] == ["abstract", "4"]


def test_every_claim_has_a_hypothesis_or_a_reason(theory):
    for claim in theory.claims.values():
        assert bool(theory.hypotheses_of_claim[claim.id]) != (claim.no_hypothesis is not None), claim.id
        assert claim.constructs or claim.no_construct, claim.id


def test_every_quote_has_its_digest(theory):
    assert {c.id: quote_digest(c.quote) for c in theory.claims.values()} == theory.quote_digests


@pytest.mark.shared
def test_quotes_are_the_words_of_the_paper_at_their_line(theory, shared):
    lines = (shared / "research" / "paper.txt").read_text(encoding="utf-8").splitlines()
    for claim in theory.claims.values():
        assert claim.quote in lines[claim.line - 1], claim.id


@pytest.mark.shared
def test_nothing_of_the_draft_was_lost(theory, shared):
    draft = yaml.safe_load((shared / "research" / "constructs.yaml").read_text(encoding="utf-8"))
    for name, claim in draft["claims"].items():
        assert theory.claims[name].quote == claim["quote_zh"]
        assert theory.claims[name].section == str(claim["section"])
    assert set(draft["constructs"]) <= set(theory.constructs)
    assert set(draft["sources"]) <= set(theory.sources)
    questions = {**load_instrument("consumer").questions, **load_instrument("firm").questions}
    for part in ("screening", "covariates"):
        assert {q["id"] for side in draft[part].values() for q in side} <= set(questions)
    for name, construct in draft["constructs"].items():
        assert theory.constructs[name].of == tuple(construct.get("of", ()))
        items = load_instrument(construct["instrument"]).items
        for item in construct.get("items", []):
            assert items[item["id"]].reverse == item.get("rev", False)
            assert items[item["id"]].core == item.get("core", False)


def test_hypotheses_are_those_of_the_design(theory):
    wanted = [f"H{n}" for n in range(1, 16)] + ["H8a", "H8b", "H8c"]
    wanted += [f"F{n}" for n in range(1, 11)] + [f"L{n}" for n in range(1, 5)] + [f"P{n}" for n in range(1, 5)]
    assert set(wanted) <= set(theory.hypotheses)
    assert all(not theory.hypotheses[f"L{n}"].testable for n in range(1, 5))
    assert {"C29", "C30"} <= set(theory.hypotheses["P1"].claims)
    assert theory.hypotheses["P2"].claims == ("C31",)
    assert theory.hypotheses["P3"].claims == ("C32", "C33")
    assert theory.hypotheses["P4"].claims == ("C34",)
    assert set(theory.hypotheses["P1"].outcomes) == {"design_patents", "cultural_trademarks", "cultural_exports"}
    assert theory.hypotheses["F9"].kind == "necessary_condition"
    assert any("RCH" in path for path in theory.hypotheses["F9"].paths)
    assert any("PRF" in path for path in theory.hypotheses["F9"].paths)


def test_headline_model_has_exactly_seven_paths_and_three_indirect_effects(theory):
    syntax = theory.syntax("M1")
    drivers = ("SDI", "PLI", "VI")
    paths = {("PCI", x) for x in drivers} | {("CID", x) for x in (*drivers, "PCI")}
    assert set(regressions(syntax)) == paths
    assert len(regressions(syntax)) == 7
    assert latents(syntax)["PLI"] == ("MLD", "ALG", "PGA")
    assert re.findall(r"^(H8\w) := (.*)$", syntax, flags=re.MULTILINE) == [
        ("H8a", "a1*b"),
        ("H8b", "a2*b"),
        ("H8c", "a3*b"),
    ]
    viewers = theory.models["M1_LSI"]
    assert viewers.respondents == "X_LIVE > 0"
    assert latents(viewers.syntax)["PLI"] == ("MLD", "ALG", "LSI", "PGA")


def test_measurement_lines_of_the_models_are_the_instruments(theory):
    for model in theory.models.values():
        instrument = load_instrument(model.instrument)
        for latent, indicators in latents(model.syntax).items():
            expected = theory.constructs[latent].of or instrument.constructs[latent].items
            if model.id == "M1" and latent == "PLI":
                expected = tuple(name for name in expected if name != "LSI")
            assert indicators == expected, (model.id, latent)


def test_value_interaction_never_meets_its_own_indicators_as_predictors(theory):
    for model in theory.models.values():
        predictors = {rhs for _, rhs in regressions(model.syntax)}
        assert not ("VI" in latents(model.syntax) and predictors & {"PVF", "SYM", "EMR"})


def test_no_findings(theory):
    source = read_yaml(theory.path)
    again, findings = validate_theory(source)
    assert findings == []
    assert again is not None
    assert substance_findings(source, again) == []


def test_shows_itself(theory):
    html = theory._repr_html_()
    assert "C39" in html
    assert "H8c" in html
    assert "not been" in html or "Draft" in html
    assert str(theory) == repr(theory)
    assert " at 0x" not in html
