"""The command line: help in two languages, one clear message an error, exit codes, nothing heavy before it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from cbecmodel import messages
from cbecmodel.cli import main
from cbecmodel.content import content_folder
from cbecmodel.errors import ContentError


@pytest.fixture(autouse=True)
def _same_language_after() -> object:
    token = messages._chosen.set(None)
    yield
    messages._chosen.reset(token)


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def test_help_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--help") == 0
    assert "Run a study" in capsys.readouterr().out
    assert call("--lang", "zh", "--help") == 0
    said = capsys.readouterr().out
    assert "用法" in said
    assert "运行研究" in said
    assert call("run", "--lang", "zh", "--help") == 0
    assert "从中断处继续" in capsys.readouterr().out


def test_language_from_the_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CBECMODEL_LANG", "zh")
    assert call("new", "--help") == 0
    assert "可直接运行" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--version") == 0
    assert capsys.readouterr().out.startswith("cbecmodel 0.")


def test_help_and_version_import_nothing_heavy() -> None:
    script = (
        "import sys\nfrom cbecmodel.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'numpy', 'scipy', 'semopy', 'matplotlib', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("arguments", "english", "chinese"),
    [
        (("rnu",), '"rnu"', "没有命令"),
        (("run", "--forse"), "--force", "没有选项"),
        (("new",), "DIR", "缺少参数"),
        (("check",), "PATH", "缺少参数"),
        (("run", "--lang", "de"), "--lang", "--lang"),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...], english: str, chinese: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    assert english in capsys.readouterr().err
    assert call("--lang", "zh", *arguments) == 2
    assert chinese in capsys.readouterr().err


def test_a_missing_study_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "none.yaml"
    assert call("run", str(missing)) == 1
    said = capsys.readouterr().err
    assert str(missing) in said
    assert "Traceback" not in said
    assert call("--lang", "zh", "run", str(missing)) == 1
    assert "找不到" in capsys.readouterr().err


def test_debug_shows_where(tmp_path: Path) -> None:
    broken = tmp_path / "study.yaml"
    broken.write_text("id: 1\n", encoding="utf-8")
    with pytest.raises(ContentError):
        main(["--debug", "run", str(broken)])


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cbecmodel.study.run.run_study", stopped)
    assert call("run") == 130
    assert "kept" in capsys.readouterr().err
    assert call("--lang", "zh", "run") == 130
    assert "已保留" in capsys.readouterr().err


def test_new_writes_a_ready_compendium_and_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mystudy"
    assert call("new", str(folder)) == 0
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"README.md", "Makefile", "analysis/study.yaml", "surveys/theory.yaml", "surveys/consumer.yaml"} <= written
    assert (folder / "analysis" / "study.yaml").read_bytes() == (content_folder("analysis") / "study.yaml").read_bytes()
    from cbecmodel.study.study import load_study

    study = load_study(folder / "analysis" / "study.yaml")
    assert study.root == folder
    assert study.content("consumer") == folder / "surveys" / "consumer.yaml"
    before = (folder / "README.md").read_bytes()
    assert call("new", str(folder)) == 1
    assert "not an empty folder" in capsys.readouterr().err
    assert (folder / "README.md").read_bytes() == before


def test_new_takes_an_empty_folder_and_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert call("new", str(tmp_path / "empty")) == 0
    (tmp_path / "file").write_text("x")
    assert call("new", str(tmp_path / "file")) == 1
    assert (tmp_path / "file").read_text() == "x"


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("check", str(content_folder("surveys"))) == 0
    assert "0 error" in capsys.readouterr().err
    copy = tmp_path / "consumer.yaml"
    text = (content_folder("surveys") / "consumer.yaml").read_text(encoding="utf-8")
    copy.write_text(text.replace("constructs:", "construct:", 1), encoding="utf-8")
    assert call("check", str(copy)) == 1
    said = capsys.readouterr()
    assert "consumer.yaml" in said.out
    assert "Traceback" not in said.err
    assert call("check", str(tmp_path / "nowhere.yaml")) == 1
