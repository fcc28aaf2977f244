"""Batches: one table however it is computed, kept when the run is killed, refused when it belongs to something else."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from cbecmodel.batches import Batch
from cbecmodel.errors import CbecError, CbecWarning, ContentError, DataError, FileError, MissingDependency
from cbecmodel.messages import use_language
from cbecmodel.parallel import Replicates, batch_size, map_batches, map_replicates

N, SIZE, SEED = 60, 7, 11


def work(batch: Batch, size: int = 40, pause: float = 0.0) -> dict[str, np.ndarray]:
    """Use BLAS, so that threads and instruction sets matter; return every kind of column."""
    time.sleep(pause)
    drawn = np.array([rng.normal(size=(size, size)) for rng in batch.rngs()])
    solved = np.linalg.solve(drawn @ drawn.transpose(0, 2, 1) + np.eye(size), drawn[:, 0, :, None])[..., 0]
    solved[0, 0] = np.nan
    status = np.array([index % 3 for index in batch.indices], dtype=np.int8)
    return {"value": solved, "status": status, "good": status > 0, "why": np.where(status == 0, "nothing", "")}


def work_slowly(batch: Batch) -> dict[str, np.ndarray]:
    return work(batch, pause=0.4)


def same(one: Replicates, other: Replicates) -> None:
    assert list(one.columns) == list(other.columns)
    np.testing.assert_array_equal(one.indices, other.indices)
    for name, values in one.columns.items():
        assert values.dtype.kind == other[name].dtype.kind
        assert values.shape == other[name].shape
        assert values.tolist() == other[name].tolist() if values.dtype.kind == "U" else True
        assert values.dtype.kind == "U" or values.tobytes() == other[name].tobytes(), name


def plain() -> Replicates:
    return map_batches(work, N, SEED, size=SIZE)


def test_processes_equal_serial_bit_for_bit() -> None:
    found = map_batches(work, N, SEED, size=SIZE, parallel=2)
    same(found, plain())
    assert not found.partial
    assert found.indices.tolist() == list(range(N))
    assert found.environment["numpy"] == np.__version__


def test_the_size_of_batches_depends_on_work_and_number_alone() -> None:
    assert batch_size(1, 1e3) == 1
    assert batch_size(1_000, 1e12) == 1  # a replicate of minutes is a batch of its own
    assert batch_size(100_000, 1e4) == 6250
    assert all(batch_size(n, 1e5) <= n for n in (1, 10, 127, 128, 129))


def test_nothing_and_nonsense() -> None:
    assert map_batches(work, 0, 1, size=3).columns == {}
    with pytest.raises(ContentError, match="batch of 0"):
        map_batches(work, 5, 1, size=0)
    with pytest.raises(ContentError, match="-5"):
        map_batches(work, -5, 1, size=2)


def fail_in_third(batch: Batch) -> dict[str, np.ndarray]:
    if 2 * SIZE in batch.indices:
        raise DataError("core.file_missing", path="answers.csv", folder="here")
    return work(batch)


@pytest.mark.parametrize("parallel", [None, 2])
def test_an_error_names_the_batch(parallel: int | None) -> None:
    with pytest.raises(CbecError, match="Replicates 14 to 20 ") as caught:
        map_batches(fail_in_third, N, SEED, size=SIZE, parallel=parallel)
    assert isinstance(caught.value.__cause__, DataError)
    with use_language("zh"):
        assert "第 14 至 20 次重复" in str(caught.value)


def fail_soon(rng: np.random.Generator, index: int) -> int:
    raise ValueError(index)


def test_ending_early_with_much_work_waiting_leaves_no_thread_in_trouble() -> None:
    """loky sets an error on each waiting future; one that was cancelled before refuses it and kills its thread."""
    troubles: list[object] = []
    before, threading.excepthook = threading.excepthook, lambda found: troubles.append(found.exc_value)
    try:
        for _ in range(3):
            with pytest.raises(CbecError, match="Replicate 0 "):
                map_replicates(fail_soon, 400, 1, parallel=2)
    finally:
        threading.excepthook = before
    assert troubles == []


def stop_in_third(batch: Batch) -> dict[str, np.ndarray]:
    if 2 * SIZE in batch.indices:
        raise KeyboardInterrupt
    return work(batch)


def test_ctrl_c_returns_what_is_done() -> None:
    with pytest.warns(CbecWarning, match="14 of 60"):
        found = map_batches(stop_in_third, N, SEED, size=SIZE)
    assert found.partial
    whole = plain()
    assert found["value"].tobytes() == whole["value"][: 2 * SIZE].tobytes()
    with pytest.raises(KeyboardInterrupt):
        map_batches(stop_in_third, N, SEED, size=N)  # nothing is done


def where(wanted: Mapping[str, str] | None) -> dict[str, str]:
    return {"kernel": "fast" if wanted is None else str(os.getpid())}


def pinned(wanted: Mapping[str, str] | None) -> dict[str, str]:
    return {"kernel": "portable" if wanted is None else wanted["kernel"]}


def test_a_worker_with_another_instruction_set_is_refused() -> None:
    assert map_batches(work, N, SEED, size=SIZE, environment=pinned).environment["kernel"] == "portable"
    with pytest.raises(CbecError, match=r"kernel: \d+ ≠ fast"):
        map_batches(work, N, SEED, size=SIZE, environment=where)


def test_progress_counts_replicates(capsys: pytest.CaptureFixture[str]) -> None:
    map_batches(work, N, SEED, size=SIZE, label="power")
    shown = capsys.readouterr().err
    assert "power: 100%" in shown
    assert "60/60" in shown


# ------------------------------------------------------------------------------------------------ batches kept in a folder


def test_a_folder_is_taken_up_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(CbecWarning, match="goes on from here"):
        map_batches(stop_in_third, N, SEED, size=SIZE, folder=tmp_path, identity={"model": "m"})
    assert len(list(tmp_path.glob("batch-*.parquet"))) == 2
    found = map_batches(work, N, SEED, size=SIZE, folder=tmp_path, identity={"model": "m"}, label="power")
    assert found.resumed == 14
    assert "14/60" in capsys.readouterr().err
    same(found, plain())
    again = map_batches(stop_in_third, N, SEED, size=SIZE, folder=tmp_path, identity={"model": "m"})  # all is there
    same(again, plain())


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"identity": {"model": "other"}}, "model: m ≠ other"),
        ({"identity": {}}, "model: m ≠ –"),
        ({"seed": 12}, "seed"),
        ({"n": 61}, "replicates: 60 ≠ 61"),
        ({"size": 8}, "batch: 7 ≠ 8"),
    ],
)
def test_a_folder_of_another_computation_is_refused(tmp_path: Path, changed: dict[str, object], named: str) -> None:
    given = {"n": N, "seed": SEED, "size": SIZE, "identity": {"model": "m"}}
    map_batches(work, folder=tmp_path, **given)  # type: ignore[arg-type]
    with pytest.raises(ContentError, match="another computation") as caught:
        map_batches(work, folder=tmp_path, **{**given, **changed})  # type: ignore[arg-type]
    assert named in str(caught.value)


def test_batches_of_other_numerics_are_refused(tmp_path: Path) -> None:
    map_batches(work, N, SEED, size=SIZE, folder=tmp_path)
    manifest = tmp_path / "manifest.json"
    said = json.loads(manifest.read_text(encoding="utf-8"))
    said["environment"]["blas"] = "openblas 0.3 Zen"
    manifest.write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(ContentError, match=r"blas: openblas 0\.3 Zen ≠ "):
        map_batches(work, N, SEED, size=SIZE, folder=tmp_path)
    manifest.write_text("{}", encoding="utf-8")
    with pytest.raises(FileError, match=r"manifest\.json cannot be read"):
        map_batches(work, N, SEED, size=SIZE, folder=tmp_path)


def test_foreign_and_damaged_batches_are_refused(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    map_batches(work, N, SEED, size=SIZE, folder=one)
    map_batches(work, N, SEED + 1, size=SIZE, folder=other)
    (one / "batch-000001.parquet").write_bytes((other / "batch-000001.parquet").read_bytes())
    with pytest.raises(ContentError, match="belongs to another computation"):
        map_batches(work, N, SEED, size=SIZE, folder=one)
    (one / "batch-000001.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(FileError, match="Delete it"):
        map_batches(work, N, SEED, size=SIZE, folder=one)
    (one / "batch-000001.parquet").unlink()
    found = map_batches(work, N, SEED, size=SIZE, folder=one)
    assert found.resumed == N - SIZE
    same(found, plain())


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependency, match=r"cbecmodel\[cluster\]"):
        map_batches(work, N, SEED, size=SIZE, folder=tmp_path)


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from cbecmodel.parallel import map_batches
from test_parallel_batches import N, SEED, SIZE, work_slowly
map_batches(work_slowly, N, SEED, size=SIZE, folder=sys.argv[1], parallel=2)
"""


@pytest.mark.slow
def test_a_killed_parent_goes_on_where_it_was(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(textwrap.dedent(SCRIPT.format(tests=str(Path(__file__).parent))), encoding="utf-8")
    folder = tmp_path / "kept"
    process = subprocess.Popen([sys.executable, str(script), str(folder)], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 120
        while len(list(folder.glob("batch-*.parquet"))) < 2:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    there = len(list(folder.glob("batch-*.parquet")))
    assert 2 <= there < -(-N // SIZE)
    found = map_batches(work, N, SEED, size=SIZE, folder=folder)
    assert found.resumed >= 2 * SIZE - 3  # the last batch is a short one
    same(found, plain())


@pytest.mark.slow
def test_a_killed_dask_worker_changes_nothing(tmp_path: Path) -> None:
    import distributed

    folder = tmp_path / "kept"
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        killed = []

        def kill_one() -> None:
            while len(list(folder.glob("batch-*.parquet"))) < 2:
                time.sleep(0.02)
            pid = next(iter(client.run(os.getpid).values()))
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill_one)
        killer.start()
        found = map_batches(work_slowly, N, SEED, size=SIZE, parallel=client, folder=folder)
        killer.join()
        assert killed
        same(found, plain())
        same(map_batches(work, N, SEED, size=SIZE, parallel=client), plain())
        _refuses_a_worker_without_the_package(client)


def _refuses_a_worker_without_the_package(client: object) -> None:
    """Hide the package from one worker, by code that does not need the package itself."""
    hide = "[__import__('sys').modules.__setitem__(name, None) for name in ('cbecmodel', 'cbecmodel.workers')]"
    client.run(exec, hide, workers=[next(iter(client.scheduler_info()["workers"]))])  # type: ignore[attr-defined]
    with pytest.raises(MissingDependency, match="cannot load cbecmodel"):
        map_batches(work, N, SEED, size=SIZE, parallel=client)  # type: ignore[arg-type]
