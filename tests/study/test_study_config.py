"""A study file's mistakes are named with file, line, place and what was expected, in both languages."""

from pathlib import Path

import pytest

from cbecmodel.errors import ContentError, FileError
from cbecmodel.messages import use_language
from cbecmodel.study.study import load_study

HEAD = "id: mine\ntitle: {en: Mine, zh: 我的}\nseed: 1\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


CASES = [
    (HEAD + "sead: 2\n", 4, "sead", "seed", "是否想写"),
    (HEAD + "panels:\n  p: {file: a.csv, unit: u, time: t, rolout: {}}\n", 5, "rolout", "rollout", "是否想写"),
    (HEAD + "surveys:\n  s: {instrument: consumer}\n", 5, "surveys › s", "population", "files"),
    (HEAD + "surveys:\n  s: {instrument: consumer, population: {}}\n", 5, "surveys › s", "n: 1200", "n: 1200"),
    (HEAD + "models:\n  M:\n    survey: s\n", 5, "models › M", "syntax", "syntax"),
    (HEAD + "models:\n  M:\n    survey: nobody\n    syntax: f =~ a\n", 6, "nobody", "not defined", "没有定义"),
    (HEAD + "panels:\n  p: {unit: u}\n", 5, "panels › p", "simulate", "simulate"),
    (HEAD + "panels:\n  p: {file: a.csv}\n", 5, "panels › p", "unit:", "单位列"),
    (HEAD + "panels:\n  p: {file: nowhere.csv, unit: u, time: t}\n", 5, "nowhere.csv", "no file", "找不到"),
    (HEAD + "surveys:\n  s: {instrument: no_such, files: [a.csv]}\n", 5, "no_such", "no file", "找不到"),
    (HEAD + "policies:\n  P: {panel: q, outcome: y}\n", 5, "q", "not defined", "没有定义"),
    (HEAD + "languages: [en, fr]\n", 4, "fr", "en", "en"),
    ("id: mine\ntitle: {en: Mine}\nseed: many\n", 3, "seed", "number", "数"),
    ("id: mine\nseed: 1\n", 1, "title", "title", "title"),
    (HEAD + "seed: 2\n", 4, "seed", "seed", "seed"),
    ("just text\n", 1, "study", "id, title", "研究文件"),
    (HEAD + "models: {M: [\n", 5, "study.yaml", "5", "5"),
]


@pytest.mark.parametrize(("text", "line", "place", "english", "chinese"), CASES)
def test_a_mistake_is_named(tmp_path: Path, text: str, line: int, place: str, english: str, chinese: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ContentError) as caught:
        load_study(path)
    with use_language("en"):
        said = str(caught.value)
    assert str(path) in said
    assert caught.value.values["line"] == line
    assert place in said
    assert english in said
    with use_language("zh"):
        assert chinese in str(caught.value)


def test_missing_study_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"study\.yaml"):
        load_study(tmp_path / "study.yaml")


def test_root_is_the_compendium_above_the_file(tmp_path: Path) -> None:
    (tmp_path / "surveys").mkdir()
    (tmp_path / "analysis").mkdir()
    study = load_study(write(tmp_path / "analysis", HEAD))
    assert study.root == tmp_path
    assert study.build == tmp_path / "reports" / "build"
    alone = tmp_path.parent / f"{tmp_path.name}_alone"
    alone.mkdir()
    assert load_study(write(alone, HEAD)).root == alone


def test_own_instrument_comes_before_the_packaged_one(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, HEAD))
    assert study.content("consumer").parent.name == "surveys"
    (tmp_path / "surveys").mkdir()
    own = tmp_path / "surveys" / "consumer.yaml"
    own.write_text("x", encoding="utf-8")
    assert study.content("consumer") == own


def test_seeds_of_parts_differ_and_depend_on_nothing_else(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, HEAD))
    assert study.seed("survey", "a") != study.seed("survey", "b")
    assert study.seed("survey", "a") == load_study(write(tmp_path, HEAD + "languages: [zh]\n")).seed("survey", "a")


def test_names_of_files_never_carry_the_machines_folders(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, HEAD))
    assert study.shown(tmp_path / "data" / "a.csv") == "data/a.csv"
    assert study.shown(study.content("consumer")) == "cbecmodel/surveys/consumer.yaml"
    assert study.shown(Path("/elsewhere/b.csv")) == "b.csv"
