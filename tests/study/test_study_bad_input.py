"""Bad input: one clear message in each language that names the place, exit code 1, and nothing half-written."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cbecmodel import messages
from cbecmodel.cli import main
from cbecmodel.study.run import run_study

INSTRUMENT = """\
id: shop
version: 1.0.0
title: {en: Shopping, zh: 购物}
languages: [en, zh]
scales: {agree: {points: [1, 2, 3, 4, 5]}}
constructs:
  TRU: {name: {en: Trust, zh: 信任}, items: {T1: {}, T2: {}, T3: {}}}
  INT: {name: {en: Intention, zh: 意愿}, items: {I1: {}, I2: {}, I3: {}}}
"""
SURVEY = """\
id: shop
title: {en: Shopping, zh: 购物}
seed: 1
surveys:
  s: {instrument: shop, files: [answers.csv], screening: {minimum_flags: 99}}
models:
  M: {survey: s, syntax: "TRU =~ T1 + T2 + T3\\nINT =~ I1 + I2 + I3\\nINT ~ TRU"}
report: {formats: [html]}
"""
PANEL = """\
id: cities
title: {en: Cities, zh: 城市}
seed: 1
panels:
  p: {file: panel.csv, unit: 城市, time: 年份, cohort: since}
policies:
  P: {panel: p, outcome: y}
report: {formats: [html]}
"""


@pytest.fixture(autouse=True)
def _same_language_after() -> object:
    token = messages._chosen.set(None)
    yield
    messages._chosen.reset(token)


def answers() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    trust = rng.standard_normal(120)
    intention = 0.6 * trust + 0.8 * rng.standard_normal(120)
    items = {f"T{k}": trust for k in (1, 2, 3)} | {f"I{k}": intention for k in (1, 2, 3)}
    values = {
        n: np.clip(np.round(3 + 1.1 * (0.8 * v + 0.6 * rng.standard_normal(120))), 1, 5) for n, v in items.items()
    }
    return pd.DataFrame(values).astype(int).assign(respondent=[f"r{k}" for k in range(120)])


def panel() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame(
        {"城市": np.repeat([f"c{k:02}" for k in range(40)], 8), "年份": np.tile(range(2010, 2018), 40)}
    )
    frame["since"] = np.where(frame["城市"] < "c20", 2014, 0)
    treated = (frame["since"] > 0) & (frame["年份"] >= frame["since"])
    return frame.assign(y=0.3 * treated + rng.normal(0, 0.1, len(frame)))


def survey_study(folder: Path, frame: pd.DataFrame | bytes, study: str = SURVEY) -> Path:
    (folder / "surveys").mkdir(exist_ok=True)
    (folder / "surveys" / "shop.yaml").write_text(INSTRUMENT, encoding="utf-8")
    data = frame if isinstance(frame, bytes) else frame.to_csv(index=False).encode()
    (folder / "answers.csv").write_bytes(data)
    (folder / "study.yaml").write_text(study, encoding="utf-8")
    return folder / "study.yaml"


def panel_study(folder: Path, frame: pd.DataFrame | bytes, study: str = PANEL) -> Path:
    data = frame if isinstance(frame, bytes) else frame.to_csv(index=False).encode()
    (folder / "panel.csv").write_bytes(data)
    (folder / "study.yaml").write_text(study, encoding="utf-8")
    return folder / "study.yaml"


def refused(study: Path, capsys: pytest.CaptureFixture[str], *places: str) -> None:
    """The command says one thing, in both languages, naming the places; and leaves nothing but finished steps."""
    for lang in ("en", "zh"):
        with pytest.raises(SystemExit) as left:
            main(["--lang", lang, "run", str(study)])
        said = capsys.readouterr().err.split("\r")[-1]
        assert left.value.code == 1
        assert "Traceback" not in said
        assert said.count("Error: ") + said.count("错误：") == 1
        for place in places:
            assert place in said, said
    build = study.parent / "reports" / "build"
    assert not [p for p in build.rglob("*") if p.suffix in {".part", ".old"} or ".part" in p.name]
    assert not (build / "provenance.json").exists()
    for folder in (build / "steps").glob("*"):
        assert (folder / "record.json").is_file()


Change = Callable[[pd.DataFrame], pd.DataFrame]
ANSWERS: list[tuple[str, Change, tuple[str, ...]]] = [
    ("unknown column", lambda f: f.rename(columns={"T2": "TT2"}), ("answers.csv", "T2")),
    ("duplicated id", lambda f: f.assign(respondent=["r1", *f["respondent"][1:]]), ("answers.csv", "r1")),
    ("outside the scale", lambda f: f.assign(I2=[9, *f["I2"][1:]]), ("answers.csv", "I2", "9")),
    ("all missing", lambda f: f.assign(T3=np.nan), ("T3",)),
    ("constant item", lambda f: f.assign(T3=4), ("T3",)),
]


@pytest.mark.parametrize(("name", "change", "places"), ANSWERS, ids=[name for name, _, _ in ANSWERS])
def test_bad_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, change: Change, places: tuple[str, ...]
) -> None:
    refused(survey_study(tmp_path, change(answers())), capsys, *places)


PANELS: list[tuple[str, Change, tuple[str, ...]]] = [
    ("duplicate rows", lambda f: pd.concat([f, f.iloc[[3]]]), ("c00", "2013")),
    (
        "adoption after the window",
        lambda f: f.assign(since=f["since"].where(f["城市"] != "c07", 2030)),
        ("c07", "2030"),
    ),
    ("unknown outcome", lambda f: f.rename(columns={"y": "why"}), ("y",)),
    ("missing unit", lambda f: f.assign(城市=f["城市"].where(f["城市"] != "c07")), ("城市",)),
]


@pytest.mark.parametrize(("name", "change", "places"), PANELS, ids=[name for name, _, _ in PANELS])
def test_bad_panel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, change: Change, places: tuple[str, ...]
) -> None:
    refused(panel_study(tmp_path, change(panel())), capsys, *places)


def test_missing_answers_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = survey_study(tmp_path, answers())
    (tmp_path / "answers.csv").unlink()
    refused(study, capsys, "answers.csv", "study.yaml")


def test_a_model_variable_that_nobody_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(survey_study(tmp_path, answers(), SURVEY.replace("T1 + T2 + T3", "T1 + T2 + T9")), capsys, "T9")


def test_a_syntax_error_names_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(survey_study(tmp_path, answers(), SURVEY.replace("INT ~ TRU", "INT ~ + TRU")), capsys, "3")


def test_files_of_every_usual_encoding_read_the_same(tmp_path: Path) -> None:
    """UTF-8 with mark and GBK are recognised; the numbers do not differ."""
    text = panel().to_csv(index=False)
    effects = []
    for name, data in (("plain", text.encode()), ("bom", text.encode("utf-8-sig")), ("gbk", text.encode("gbk"))):
        (tmp_path / name).mkdir()
        run_study(panel_study(tmp_path / name, data), progress=False)
        effects.append((tmp_path / name / "reports/build/steps/policy-P/effect.csv").read_bytes())
    assert effects[0] == effects[1] == effects[2]


def test_wrong_encoding_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = PANEL.replace("cohort: since}", "cohort: since, encoding: utf-8}")
    refused(panel_study(tmp_path, panel().to_csv(index=False).encode("gbk"), study), capsys, "panel.csv", "utf-8")


def test_a_respondent_in_two_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = survey_study(tmp_path, answers(), SURVEY.replace("[answers.csv]", "[answers.csv, more.csv]"))
    answers().head(3).to_csv(tmp_path / "more.csv", index=False)
    refused(study, capsys, "r0", "more.csv")


def test_two_files_are_one_survey(tmp_path: Path) -> None:
    whole, half = tmp_path / "whole", tmp_path / "half"
    whole.mkdir()
    half.mkdir()
    run_study(survey_study(whole, answers()), progress=False)
    study = survey_study(half, answers().head(70), SURVEY.replace("[answers.csv]", "[answers.csv, more.csv]"))
    answers().tail(50).to_csv(half / "more.csv", index=False)
    run_study(study, progress=False)
    kept = "reports/build/steps/fit-M/parameters.csv"
    assert (whole / kept).read_bytes() == (half / kept).read_bytes()
