"""Measure Monte Carlo power and its growth with replicates, n, variables and workers; write ``measured/power.json``.

CPU seconds of one thread for the comparison with lavaan (R's side is left out, with a message, where R is absent), wall
seconds for workers. Usage: ``OPENBLAS_NUM_THREADS=1 python benchmarks/measure_power.py``.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from power_model import ITEMS, model, population

import cbecmodel as cbec
from cbecmodel.simulate.normal_population import normal_population
from cbecmodel.structure.resampling.compiled import instruction_sets, set_kernel

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
N, REPLICATES, R_REPLICATES = 500, 1000, 12


def run(replications: int, n: int = N, items: tuple[int, ...] = ITEMS, parallel: int | None = None) -> object:
    """Run one study."""
    return cbec.power(
        population(items), model(items), n=n, replications=replications, seed=1, standardized=True, parallel=parallel
    )


def seconds(work: Callable[[], object], clock: Callable[[], float], rounds: int = 3) -> float:
    """Return the median time of some runs."""
    found = []
    for _ in range(rounds):
        begin = clock()
        work()
        found.append(clock() - begin)
    return statistics.median(found)


def cpu(work: Callable[[], object], rounds: int = 3) -> float:
    """Return CPU seconds."""
    return seconds(work, time.process_time, rounds)


def lavaan() -> float | None:
    """Return CPU seconds of one replicate in lavaan."""
    if shutil.which("Rscript") is None:
        sys.stderr.write("Rscript is not here: no comparison with lavaan\n")
        return None
    with tempfile.TemporaryDirectory() as folder:
        moments, syntax = Path(folder) / "cov.csv", Path(folder) / "model.txt"
        normal_population(population(), standardized=True).frame.to_csv(moments, index=False)
        syntax.write_text(model() + "\n", encoding="utf-8")
        command = ["Rscript", str(HERE / "power_lavaan.R"), str(moments), str(syntax), str(N), str(R_REPLICATES)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def workers(replications: int) -> dict[str, float]:
    """Return seconds with one and two workers: wall, and CPU of the busiest process, which others on the machine do not touch."""
    run(200, parallel=2)  # the workers are up
    wall, busiest = {}, {}
    for count in (1, 2):
        parallel = count if count > 1 else None
        here = psutil.Process()
        processes = [here, *here.children(recursive=True)]
        before = [sum(process.cpu_times()[:2]) for process in processes]
        begin = time.perf_counter()
        run(replications, parallel=parallel)
        wall[count] = time.perf_counter() - begin
        used = [sum(process.cpu_times()[:2]) - old for process, old in zip(processes, before, strict=True)]
        busiest[count] = used[0] + max(used[1:]) if parallel else used[0]
    return {
        "wall_1": wall[1], "wall_2": wall[2], "cpu_1": busiest[1], "cpu_2": busiest[2], "load": psutil.getloadavg()[0],
    }  # fmt: skip


def main() -> None:
    """Measure all and write it down."""
    run(50)  # everything is loaded
    found: dict[str, object] = {"n": N, "replicates": REPLICATES, "instruction_sets": list(instruction_sets())}
    peer = lavaan()
    found["lavaan_replicate"] = peer
    for kernel in ("c", "numpy") if instruction_sets() else ("numpy",):
        set_kernel(kernel)
        found[kernel] = cpu(lambda: run(REPLICATES))
    set_kernel("auto")
    found["by_replicates"] = {count: cpu(lambda c=count: run(c), 1) for count in (250, 1000, 4000)}
    found["by_n"] = {n: cpu(lambda n=n: run(REPLICATES, n=n), 1) for n in (100, 400, 1600, 6400)}
    sizes = {9: (3, 3, 3), 15: (5, 5, 5), 30: ITEMS, 60: tuple(2 * size for size in ITEMS)}
    found["by_variables"] = {p: cpu(lambda i=items: run(REPLICATES, items=i), 1) for p, items in sizes.items()}
    found["by_workers"] = workers(20_000)
    (HERE / "measured").mkdir(exist_ok=True)
    (HERE / "measured" / "power.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
