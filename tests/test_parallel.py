"""The map over replicates: one answer however it is run, errors with their index, nothing left running."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from cbecmodel.errors import CbecError, ContentError, DataError, MissingDependency
from cbecmodel.messages import use_language
from cbecmodel.parallel import map_replicates, replicate_rng


def draw(rng: np.random.Generator, index: int, size: int) -> np.ndarray:
    """Use BLAS on something large enough for threads to matter."""
    matrix = rng.normal(size=(size, size))
    return np.append(np.linalg.solve(matrix @ matrix.T + np.eye(size), matrix[0]), index)


def fail_at_five(rng: np.random.Generator, index: int) -> int:
    if index == 5:
        raise DataError("core.file_missing", path="answers.csv", folder="here")
    return index


class UnpicklableError(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


def fail_badly(rng: np.random.Generator, index: int) -> int:
    raise UnpicklableError(1, index)


def test_serial_uses_the_spawned_children() -> None:
    children = np.random.SeedSequence(42).spawn(4)
    expected = [np.random.default_rng(child).random(3) for child in children]
    got = map_replicates(lambda rng, index: rng.random(3), 4, 42)
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(replicate_rng(42, 3).random(3), expected[3])


def test_a_seed_sequence_keeps_its_place_in_the_tree() -> None:
    parent = np.random.SeedSequence(42).spawn(2)[1]
    expected = [np.random.default_rng(child).random() for child in np.random.SeedSequence(42).spawn(2)[1].spawn(3)]
    assert map_replicates(lambda rng, index: rng.random(), 3, parent) == expected


def test_processes_equal_serial_bit_for_bit() -> None:
    serial = map_replicates(draw, 300, 7, args=(60,))  # more replicates than batches
    processes = map_replicates(draw, 300, 7, parallel=2, args=(60,))
    assert np.asarray(serial).tobytes() == np.asarray(processes).tobytes()
    assert [int(row[-1]) for row in processes] == list(range(300))


@pytest.mark.slow
def test_dask_equals_serial_bit_for_bit() -> None:
    distributed = pytest.importorskip("distributed")
    serial = np.asarray(map_replicates(draw, 20, 7, args=(60,)))
    assert np.asarray(map_replicates(draw, 20, 7, parallel="dask", args=(60,))).tobytes() == serial.tobytes()
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert np.asarray(map_replicates(draw, 20, 7, parallel=client, args=(60,))).tobytes() == serial.tobytes()
        with pytest.raises(CbecError) as caught:
            map_replicates(fail_at_five, 20, 7, parallel=client)
        assert caught.value.values["index"] == 5


@pytest.mark.parametrize("parallel", [None, 2])
def test_an_error_is_raised_with_its_index(parallel: int | None) -> None:
    with pytest.raises(CbecError, match="Replicate 5 ") as caught:
        map_replicates(fail_at_five, 9, 1, parallel=parallel)
    assert isinstance(caught.value.__cause__, DataError)
    assert "fail_at_five" in "".join(caught.value.__notes__)
    with use_language("zh"):
        assert "第 5 次重复" in str(caught.value)


@pytest.mark.parametrize("parallel", [None, 2])
def test_an_error_that_cannot_be_pickled_still_says_itself(parallel: int | None) -> None:
    with pytest.raises(CbecError, match="UnpicklableError: 1 and 0"):
        map_replicates(fail_badly, 3, 1, parallel=parallel)


def test_nothing_to_do_and_nonsense() -> None:
    assert map_replicates(draw, 0, 1) == []
    assert map_replicates(draw, 0, 1, parallel=2) == []
    with pytest.raises(ContentError, match="-3"):
        map_replicates(draw, -3, 1)
    for nonsense in (0, -2, "threads"):
        with pytest.raises(ContentError, match="parallel="):
            map_replicates(draw, 2, 1, parallel=nonsense, args=(3,))  # type: ignore[arg-type]


def test_dask_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependency, match=r"cbecmodel\[cluster\]"):
        map_replicates(draw, 2, 1, parallel="dask", args=(3,))


def test_progress_only_with_a_label(capsys: pytest.CaptureFixture[str]) -> None:
    map_replicates(draw, 2, 1, args=(3,))
    assert capsys.readouterr().err == ""
    map_replicates(draw, 2, 1, args=(3,), label="bootstrap")
    assert "bootstrap: 100%" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for child processes in /proc")
def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    script = tmp_path / "work.py"
    script.write_text(
        textwrap.dedent("""
        import os, pathlib, sys, time
        from cbecmodel.parallel import map_replicates
        def work(rng, index):
            pathlib.Path(sys.argv[1], str(os.getpid())).touch()
            time.sleep(60)
        try:
            map_replicates(work, 4, 1, parallel=2)
        except KeyboardInterrupt:
            sys.exit(130)
        """),
        encoding="utf-8",
    )
    pids = tmp_path / "pids"
    pids.mkdir()
    process = subprocess.Popen([sys.executable, str(script), str(pids)], stderr=subprocess.PIPE)
    try:
        _wait(lambda: len(list(pids.iterdir())) >= 2, 30)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) == 130
        _wait(lambda: not any(_alive(int(path.name)) for path in pids.iterdir()), 10)
    finally:
        process.kill()
        process.communicate()
        for path in pids.iterdir():
            if _alive(int(path.name)):
                os.kill(int(path.name), signal.SIGKILL)


def _alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.is_file() and "State:\tZ" not in status.read_text(encoding="utf-8")


def _wait(until: object, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not until():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
