"""What the chapters' tables and sentences say is what the results hold."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cbecmodel.report.build import report_chapters
from cbecmodel.report.document import Bullets, FigureBlock, Prose, TableBlock, Words

EN = Words("en")


def tables(results, words=EN):
    blocks = [block for chapter in report_chapters(results, words) for block in chapter.blocks]
    return {block.id: block.table for block in blocks if isinstance(block, TableBlock)}


def said(results, words=EN):
    blocks = [block for chapter in report_chapters(results, words) for block in chapter.blocks]
    prose = [block.text for block in blocks if isinstance(block, Prose)]
    return " ".join([*prose, *(item for block in blocks if isinstance(block, Bullets) for item in block.items)])


def rows(table):
    return {row[0]: row[1:] for row in table.cells()}


def with_model(results, **changes):
    (model,) = results.models
    return replace(results, models=(replace(model, **changes),))


def with_policy(results, **changes):
    (policy,) = results.policies
    return replace(results, policies=(replace(policy, **changes),))


@pytest.mark.parametrize(
    ("measures", "met"),
    [({}, ["yes"] * 4), ({"cfi": 0.949, "tli": 0.95, "rmsea": 0.061, "srmr": 0.08}, ["no", "yes", "no", "yes"])],
)
def test_fit_is_read_by_the_conventions(results, measures, met):
    (model,) = results.models
    changed = with_model(results, fit_measures=pd.Series({**model.fit_measures, **measures}))
    shown = rows(tables(changed)["tab-fit-M1"])
    assert [shown[name][-1] for name in ("CFI", "TLI", "RMSEA [90% CI]", "SRMR")] == met
    assert f"it meets {met.count('yes')} of 4 conventional cut-offs" in said(changed)


def test_fixed_loadings_have_no_standard_error(results):
    (model,) = results.models
    table = model.parameters.copy()
    table.loc[(table["op"] == "=~") & (table["rhs"] == "SDM1"), ["se", "pvalue"]] = [0.0, np.nan]
    shown = rows(tables(with_model(results, parameters=table))["tab-loadings-M1"])
    assert shown["SDM1"][1:3] == ["–", "–"]
    assert shown["SDM2"][1] == "0.030"


def test_how_missing_answers_were_treated_is_said(results):
    assert "with semopy on 1,041 respondents (complete cases). 51 respondents" in said(results)
    told = said(with_model(results, engine="native", missing="fiml", n_dropped=0))
    assert "with cbecmodel on 1,041 respondents (full information maximum likelihood" in told
    assert "were left out" not in told


def drawn(results):
    blocks = [block for chapter in report_chapters(results, EN) for block in chapter.blocks]
    (figure,) = [b.figure for b in blocks if isinstance(b, FigureBlock) and b.id == "fig-paths-M1"]
    (caption,) = [b.caption for b in blocks if isinstance(b, FigureBlock) and b.id == "fig-paths-M1"]
    return [note.get_text() for note in figure.axes[0].texts], caption


def test_the_diagram_shows_standardized_paths_and_explained_variance(results):
    (model,) = results.models
    notes, caption = drawn(results)
    assert {"H1  0.31", "H7  0.37", "R² = 0.32", "R² = 0.39"} <= set(notes)  # 1 − .68, 1 − .61
    assert "Double-headed" not in caption
    assert "first-order facets" in caption
    rest = [("SDI", "PLI", 0.44), ("SDI", "VI", 0.41), ("PLI", "VI", -0.38), ("SDM1", "SDM2", 0.99)]
    moments = pd.DataFrame(rest, columns=["lhs", "rhs", "std_all"]).assign(op="~~", est=7.0)
    notes, caption = drawn(with_model(results, parameters=pd.concat([model.parameters, moments], ignore_index=True)))
    assert {"0.44", "0.41", "−0.38"} <= set(notes)
    assert "0.99" not in notes  # residuals of items are not in the diagram
    assert "Double-headed arrows: correlations." in caption


def test_many_correlated_causes_have_no_arrows(results):
    (model,) = results.models
    more = pd.DataFrame([("CID", "~", "X", 0.1), ("SDI", "~~", "PLI", 0.44)], columns=["lhs", "op", "rhs", "std_all"])
    table = pd.concat([model.parameters, more.assign(est=0.1, pvalue=0.5)], ignore_index=True)
    notes, caption = drawn(with_model(results, parameters=table))
    assert "0.44" not in notes
    assert "Double-headed" not in caption


def test_leads_that_differ_are_said(results):
    assert "did not differ detectably" in said(results)
    (policy,) = results.policies
    told = said(with_policy(results, pre_trend=pd.Series({**policy.pre_trend, "pvalue": 0.01})))
    assert "already differed (joint test of the leads, p = .010), so the effect must not be read as causal" in told
    assert "has no leads" in said(with_policy(results, pre_trend=pd.Series(dtype=float)))


def test_one_panel_has_one_rollout_figure(results):
    (policy,) = results.policies
    two = replace(results, policies=(policy, replace(policy, id="P2")))
    blocks = [block.id for c in report_chapters(two, EN) for block in c.blocks if isinstance(block, FigureBlock)]
    assert [name for name in blocks if "rollout" in name or "events" in name] == [
        "fig-rollout-cities", "fig-events-P1", "fig-events-P2",
    ]  # fmt: skip


def test_the_truth_has_a_column_only_where_it_is_known(results):
    assert "True effect" in tables(results)["tab-policy"].header
    assert "True effect" not in tables(with_policy(results, truth=None))["tab-policy"].header
    assert "simulated with an effect" not in said(with_policy(results, truth=None))


def test_cross_checks_are_condensed_to_the_largest_difference(results):
    names = ["att", "att_se", "event_time -2", "event_time 0", "event_time 0 se", "event_time 1 se"]
    checked = pd.DataFrame({
        "quantity": names, "est": 0.5, "other": 0.5, "difference": [1e-15, 2e-15, 3e-13, -4e-12, 5e-14, 6e-15],
        "tolerance": 1e-10, "agrees": [True, True, True, True, True, False],
    })  # fmt: skip
    changed = with_policy(results, cross_check=checked)
    shown = rows(tables(changed)["tab-engines"])
    assert shown["Effect"] == ["0.500000", "0.500000", "1.0e−15", "1e−10", "yes"]
    assert shown["Event-study effects (2)"] == ["–", "–", "−4.0e−12", "1e−10", "yes"]
    assert shown["Their standard errors (2)"] == ["–", "–", "5.0e−14", "1e−10", "no"]
    assert "12 of 13 agree" in said(changed)  # 7 paths and these 6


def test_the_ledger_shows_sign_verdict_and_what_was_not_tested(results):
    hypotheses = results.hypotheses.copy()
    hypotheses.loc[hypotheses["hypothesis"] == "H2", "expected"] = -1
    hypotheses.loc[hypotheses["hypothesis"] == "H3", "expected"] = 0
    found = tables(replace(results, hypotheses=hypotheses))
    shown = rows(found["tab-tested"])
    assert [shown[name][1] for name in ("H1", "H2", "H3")] == ["+", "−", "≠ 0"]
    assert shown["H1"][2:] == [
        "0.31", "[0.22,\u00a00.40]", "< .001", "Supported. The estimate 0.310 has the expected sign.",
    ]  # fmt: skip
    assert shown["H4"][-1].startswith("Not supported.")
    simulated = "From simulated data: this is about the simulated population, not the world."
    assert simulated in found["tab-tested"].notes
    assert list(rows(found["tab-untested"])) == ["H12"]
    assert "Of 11 hypotheses: 9 supported, 1 not supported, 1 not testable with this design." in said(results)


def test_a_p_value_in_a_reason_stays_on_one_line(results):
    hypotheses = results.hypotheses.assign(reason_en="Estimate 0.3, p < .001: differs from zero.")
    shown = rows(tables(replace(results, hypotheses=hypotheses.iloc[:1]))["tab-tested"])
    assert "p\u00a0<\u00a0.001: differs" in shown["H1"][-1]


def test_provenance_shortens_hashes_and_tells_of_changes(results):
    shown = rows(tables(results)["tab-provenance"])
    assert shown["analysis/study.yaml"] == ["9f86d081884c7d65"]
    assert shown["Commit"] == ["9f86d081884c7d65"]
    assert shown["consumer"] == ["id consumer, version 0.1.0, content 9f86d081884c7d65"]
    changed = {**results.provenance, "commit": {"id": "a" * 40, "changed": True}}
    (commit,) = rows(tables(replace(results, provenance=changed))["tab-provenance"])["Commit"]
    assert commit.startswith("a" * 16 + " ")
    assert len(commit) > 20
