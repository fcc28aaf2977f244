"""Real data, from files to the built report, by writing only YAML."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from cbecmodel.study.run import run_study

HANOI = """\
id: hanoi
title: {en: Impulse buying in social commerce in Hanoi, zh: 河内社交电商中的冲动购买}
seed: 1
surveys:
  shoppers: {instrument: hanoi, files: [data/hanoi_social_commerce.csv]}
models:
  urge:
    survey: shoppers
    title: {en: Urge to buy, zh: 购买冲动}
    syntax: |
      PAR =~ PAR1 + PAR2 + PAR3
      INT =~ INT1 + INT2 + INT3
      HED =~ HED1 + HED2 + HED3
      URG =~ URG1 + URG2 + URG3
      URG ~ PAR + INT + HED
    hypotheses:
      U1: {path: "URG ~ PAR", sign: 1}
      U2: {path: "URG ~ INT", sign: 1}
      U3: {path: "URG ~ HED", sign: 1}
report: {formats: [html]}
"""
PROVINCES = """\
id: provinces
title: {en: Zones and design patents in 31 provinces, zh: 31 省综试区与外观设计专利}
seed: 1
panels:
  provinces: {file: data/cn_province_patents_rd_2010_2023.csv, unit: province, time: year}
policies:
  exposure:
    panel: provinces
    outcome: pat_granted_design
    transform: log1p
    treatment: share_gdp_dayweighted
    title: {en: Exposure to pilot zones, zh: 综试区暴露度}
    label: {en: granted design patents, zh: 外观设计专利授权数}
report: {formats: [html]}
"""


def compendium(folder: Path, study: str, data: Path) -> Path:
    for name in ("surveys", "data", "analysis"):
        (folder / name).mkdir()
    shutil.copy(data, folder / "data")
    (folder / "analysis" / "study.yaml").write_text(study, encoding="utf-8")
    return folder / "analysis" / "study.yaml"


def instrument(data: Path) -> str:
    """One construct a prefix of the columns, five points."""
    columns = data.read_text(encoding="utf-8").splitlines()[0].split(",")
    constructs: dict[str, list[str]] = {}
    for column in columns:
        constructs.setdefault(column.rstrip("0123456789"), []).append(column)
    items = [
        f"  {name}: {{items: {{{', '.join(f'{one}: {{}}' for one in found)}}}}}" for name, found in constructs.items()
    ]
    head = "id: hanoi\nversion: 1.0.0\ntitle: {en: Social commerce, zh: 社交电商}\nlanguages: [en, zh]\n"
    return "\n".join([f"{head}scales: {{agree: {{points: [1, 2, 3, 4, 5]}}}}\nconstructs:", *items]) + "\n"


def reports(folder: Path) -> list[str]:
    return [(folder / "reports" / "build" / lang / "report.html").read_text(encoding="utf-8") for lang in ("en", "zh")]


@pytest.mark.shared
def test_a_real_survey(tmp_path: Path, shared: Path) -> None:
    """Reference: lavaan on the same file – standardized paths .522, −.222, .355; χ² 129.0156 on 48 df, CFI .9346, RMSEA .0788."""
    data = shared / "data" / "hanoi_social_commerce.csv"
    study = compendium(tmp_path, HANOI, data)
    (tmp_path / "surveys" / "hanoi.yaml").write_text(instrument(data), encoding="utf-8")
    run = run_study(study, progress=False)
    steps = tmp_path / "reports" / "build" / "steps"
    measures = pd.read_csv(steps / "fit-urge" / "fit_measures.csv", index_col="name")["value"]
    assert measures["ntotal"] == 272
    assert measures["chisq"] == pytest.approx(129.0156, abs=5e-5)
    assert measures["df"] == 48
    assert measures["cfi"] == pytest.approx(0.9346, abs=5e-5)
    assert measures["rmsea"] == pytest.approx(0.0788, abs=5e-5)
    paths = pd.read_csv(steps / "fit-urge" / "parameters.csv").query("op == '~'").set_index("rhs")["std_all"]
    assert paths.to_dict() == pytest.approx({"PAR": 0.522, "INT": -0.222, "HED": 0.355}, abs=5e-4)
    ledger = pd.read_csv(steps / "evidence" / "hypotheses.csv", index_col="hypothesis")
    assert ledger["verdict"].to_dict() == {"U1": "supported", "U2": "contradicted", "U3": "supported"}
    assert not run.synthetic
    assert all("129.0" in html for html in reports(tmp_path))


@pytest.mark.shared
def test_a_real_panel(tmp_path: Path, shared: Path) -> None:
    """Reference: R fixest on the same file – −0.503704, SE 0.173176 clustered by province."""
    study = compendium(tmp_path, PROVINCES, shared / "data" / "cn_province_patents_rd_2010_2023.csv")
    run_study(study, progress=False)
    steps = tmp_path / "reports" / "build" / "steps"
    effect = pd.read_csv(steps / "policy-exposure" / "effect.csv").iloc[0]
    assert effect["att"] == pytest.approx(-0.503704, abs=5e-7)
    assert effect["se"] == pytest.approx(0.173176, abs=5e-7)
    checked = pd.read_csv(steps / "policy-exposure" / "cross_check.csv")
    assert checked["agrees"].all()
    assert all("0.504" in html for html in reports(tmp_path))


@pytest.mark.shared
def test_an_effect_without_a_test_of_its_trends_is_a_caution(tmp_path: Path, shared: Path) -> None:
    study = PROVINCES.replace("    panel: provinces\n", "    panel: provinces\n    hypothesis: P1\n")
    study = study.replace("seed: 1\n", "seed: 1\ntheory: theory\n")
    run_study(compendium(tmp_path, study, shared / "data" / "cn_province_patents_rd_2010_2023.csv"), progress=False)
    ledger = pd.read_csv(tmp_path / "reports/build/steps/evidence/hypotheses.csv", index_col="hypothesis")
    assert ledger.loc["P1", "verdict"] == "not_testable"
    assert "Parallel trends" in ledger.loc["P1", "reason_en"]
