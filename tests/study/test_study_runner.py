"""Steps run when something they depend on changed, and only then; a stop at any moment loses one step."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cbecmodel.errors import DataError, DataWarning, FileError, warn
from cbecmodel.files import sha256
from cbecmodel.study import runner as runner_module
from cbecmodel.study.artefacts import Artefacts
from cbecmodel.study.code import CodeBase
from cbecmodel.study.runner import Runner
from cbecmodel.study.steps import Given, Step

BROKEN: dict[str, bool] = {}


class Silent:
    def begins(self, step: Step) -> None: ...

    def ends(self, step: Step, *, ran: bool) -> None: ...


class OneCode(CodeBase):
    """Code whose hash the test chooses."""

    def __init__(self, version: str = "1") -> None:
        super().__init__()
        self.version = version

    def hash(self, module: str) -> str:
        return self.version


def read(given: Given) -> Artefacts:
    (path,) = given.files.values()
    return Artefacts({"lines.txt": path.read_bytes(), "length.txt": str(len(path.read_bytes())).encode()})


def count(given: Given) -> Artefacts:
    if BROKEN:
        raise DataError("study.no_theory", model="x")
    warn(DataWarning, "study.no_theory", model="M")
    return Artefacts({"count.txt": given.before["read"].files["length.txt"] + str(given.settings["plus"]).encode()})


def show(given: Given) -> Artefacts:
    return Artefacts({"shown.txt": b"shown " + given.before["count"].files["count.txt"]})


def steps(data: Path, plus: int = 1) -> list[Step]:
    return [
        Step("read", f"{__name__}:read", files={"data": data}),
        Step("count", f"{__name__}:count", {"plus": plus}, needs={"read": ("length.txt",)}),
        Step("show", f"{__name__}:show", needs={"count": ()}, published={"shown.txt": "out/shown.txt"}),
    ]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    BROKEN.clear()
    path = tmp_path / "data.txt"
    path.write_text("one\n")
    return path


def run(tmp_path: Path, data: Path, *, plus: int = 1, code: str = "1", force: bool = False) -> tuple[str, ...]:
    return Runner(tmp_path / "build", OneCode(code)).run(steps(data, plus), Silent(), force=force).done


def tree(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_second_run_does_nothing(tmp_path: Path, data: Path) -> None:
    assert run(tmp_path, data) == ("read", "count", "show")
    before = tree(tmp_path / "build")
    assert run(tmp_path, data) == ()
    os.utime(data)  # time stamps do not matter
    assert run(tmp_path, data) == ()
    assert run(tmp_path, data, force=True) == ("read", "count", "show")
    assert tree(tmp_path / "build") == before


def test_edited_data_reruns_what_depends_on_it(tmp_path: Path, data: Path) -> None:
    run(tmp_path, data)
    data.write_text("another\n")
    assert run(tmp_path, data) == ("read", "count", "show")
    data.write_text("twother\n")  # other text of the same length: "count" needs the length only
    assert run(tmp_path, data) == ("read",)


def test_edited_settings_rerun_their_step_and_the_ones_after(tmp_path: Path, data: Path) -> None:
    run(tmp_path, data)
    assert run(tmp_path, data, plus=2) == ("count", "show")


def test_edited_code_reruns(tmp_path: Path, data: Path) -> None:
    run(tmp_path, data)
    assert run(tmp_path, data, code="2") == ("read", "count", "show")


@pytest.mark.parametrize("damage", ["tampered", "deleted", "record", "cut"])
def test_damaged_artefacts_are_made_again(tmp_path: Path, data: Path, damage: str) -> None:
    run(tmp_path, data)
    before = tree(tmp_path / "build")
    folder = tmp_path / "build" / "steps" / "count"
    if damage == "tampered":
        (folder / "count.txt").write_text("999")
    elif damage == "deleted":
        (folder / "count.txt").unlink()
    elif damage == "record":
        (folder / "record.json").unlink()
    else:
        (folder / "record.json").write_text((folder / "record.json").read_text()[:20])
    assert run(tmp_path, data) == ("count",)
    assert tree(tmp_path / "build") == before


def test_published_files_are_put_back(tmp_path: Path, data: Path) -> None:
    run(tmp_path, data)
    shown = tmp_path / "build" / "out" / "shown.txt"
    assert shown.read_text() == "shown 41"
    shown.write_text("changed by hand")
    assert run(tmp_path, data) == ()
    assert shown.read_text() == "shown 41"


def test_a_failing_step_is_named_and_leaves_what_was_there(tmp_path: Path, data: Path) -> None:
    run(tmp_path, data)
    before = tree(tmp_path / "build")
    BROKEN["yes"] = True
    with pytest.raises(DataError) as caught:
        run(tmp_path, data, plus=3)
    assert "count" in caught.value.__notes__[0]
    assert tree(tmp_path / "build") == before
    BROKEN.clear()
    assert run(tmp_path, data, plus=3) == ("count", "show")


def test_warnings_are_kept_in_every_language(tmp_path: Path, data: Path) -> None:
    run(tmp_path, data)
    kept = Runner(tmp_path / "build").artefacts(steps(data)[1]).value("warnings.json")
    assert len(kept) == 1
    assert "syntax" in kept[0]["en"]
    assert "理论" in kept[0]["zh"]


def test_parts_that_left_the_study_are_swept(tmp_path: Path, data: Path) -> None:
    run(tmp_path, data)
    Runner(tmp_path / "build", OneCode()).run(steps(data)[:2], Silent())
    assert sorted(p.name for p in (tmp_path / "build" / "steps").iterdir()) == ["count", "read"]


@pytest.mark.parametrize("call", ["fsync", "write"])
def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    run(tmp_path, data)
    before = tree(tmp_path / "build")
    data.write_text("something else\n")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if call == "fsync":
            patch.setattr(os, "fsync", full)
        else:
            patch.setattr(runner_module, "write_atomic", _full_after_the_first(full))
        with pytest.raises(FileError):
            run(tmp_path, data)
    assert tree(tmp_path / "build") == before
    assert run(tmp_path, data) == ("read", "count", "show")


def _full_after_the_first(full: object) -> object:
    from cbecmodel.files import write_atomic

    seen: list[Path] = []

    def write(path: Path, payload: bytes) -> Path:
        if seen:
            raise FileError("core.disk_full", path=str(path), reason="full")
        seen.append(path)
        return write_atomic(path, payload)

    return write


KILLED = """
import os, signal, sys
from pathlib import Path
from cbecmodel import files
from cbecmodel.study import runner
folder, when = Path(sys.argv[1]), int(sys.argv[2])
seen = []
replace = Path.replace
def write(self, target):
    seen.append(1)
    if len(seen) == when:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)
Path.replace = write
from tests.study.test_study_runner import OneCode, Silent, steps
runner.Runner(folder / "build", OneCode()).run(steps(folder / "data.txt"), Silent())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a POSIX signal")
@pytest.mark.parametrize("when", [1, 3, 5, 7, 9, 10])
def test_killed_anywhere_a_second_run_ends_the_same(tmp_path: Path, data: Path, when: int) -> None:
    root = Path(__file__).parents[2]
    script = tmp_path / "killed.py"
    script.write_text(textwrap.dedent(KILLED))
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(when)], env=environment, check=False, cwd=root
    )
    assert done.returncode == -signal.SIGKILL
    run(tmp_path, data)
    whole = tmp_path / "whole"
    Runner(whole, OneCode()).run(steps(data), Silent())
    assert tree(tmp_path / "build") == tree(whole)
