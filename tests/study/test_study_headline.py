"""The shipped study, in a compendium as ``cbecmodel new`` writes it."""

import json
from pathlib import Path

import pandas as pd
import pytest

from cbecmodel.study.compendium import new_compendium
from cbecmodel.study.run import run_study

TRUTH = {  # the population of analysis/study.yaml
    ("PCI", "SDI"): 0.20,
    ("PCI", "PLI"): 0.18,
    ("PCI", "VI"): 0.34,
    ("CID", "PCI"): 0.15,
    ("CID", "SDI"): 0.15,
    ("CID", "PLI"): 0.12,
    ("CID", "VI"): 0.22,
}


@pytest.mark.slow
def test_the_headline_study(tmp_path: Path) -> None:
    folder = tmp_path / "mystudy"
    new_compendium(folder)
    study = folder / "analysis" / "study.yaml"
    study.write_text(study.read_text(encoding="utf-8").replace("[html, pdf, docx]", "[html]"), encoding="utf-8")
    run = run_study(study, progress=False)
    assert run.synthetic
    steps = folder / "reports" / "build" / "steps"
    model = json.loads((steps / "fit-M1" / "model.json").read_bytes())
    assert model["engine"] == "semopy"
    paths = pd.read_csv(steps / "fit-M1" / "parameters.csv").query("op == '~'").set_index(["lhs", "rhs"])["std_all"]
    assert set(paths.index) == TRUTH.keys()
    for path, truth in TRUTH.items():
        assert paths[path] == pytest.approx(truth, abs=0.10), path  # about two standard errors at n = 900
    effects = pd.read_csv(steps / "fit-M1" / "effects.csv")
    assert effects["path"].tolist() == ["SDI → PCI → CID", "PLI → PCI → CID", "VI → PCI → CID"]
    agreement = pd.read_csv(steps / "fit-M1" / "cross_check.csv")
    assert len(agreement) == 7
    assert agreement["agrees"].all()
    effect = pd.read_csv(steps / "policy-P1" / "effect.csv").iloc[0]
    assert effect["truth"] == 0.08
    assert effect["ci_lower"] < 0.08 < effect["ci_upper"]
    ledger = pd.read_csv(steps / "evidence" / "hypotheses.csv", index_col="hypothesis")
    tested = ["H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8", "H8a", "H8b", "H8c", "P1"]
    assert ledger.index[ledger["estimate"].notna()].tolist() == tested
    assert ledger.loc[tested, "reason_en"].str.contains("simulated population").all()
    assert ledger.loc[["L1", "L2", "L3", "L4"], "verdict"].tolist() == ["not_testable"] * 4
    assert ledger["reason_zh"].str.len().min() > 5
    shares = pd.read_csv(steps / "survey-consumer" / "flow.csv").set_index("stage")
    assert shares.loc["read", "n_left"] == 1200
    assert 30 < shares.loc["careless", "n_removed"] < 120
    assert run_study(study, progress=False).done == ()
