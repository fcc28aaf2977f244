"""Resampling against lavaan and a semopy loop: CPU time of one thread on each side, in one run.

``python benchmarks/structure_bootstrap.py [--replicates 2000] [--lavaan 60]`` prints a table; lavaan's rows are skipped, and say
so, where R or lavaan is absent. Model A is semopy's political democracy example (11 variables, 75 cases), model B has 30
variables, 7 latent ones and 500 simulated cases; their free and defined parameters are timed, from resampling to intervals.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # before NumPy is loaded

import numpy as np
import pandas as pd
from semopy import Model
from semopy.examples import political_democracy

import cbecmodel as cbec
from cbecmodel.structure.resampling.compiled import instruction_sets, kernel_in_use

HERE = Path(__file__).parent
A = """
ind60 =~ x1 + x2 + x3
dem60 =~ y1 + y2 + y3 + y4
dem65 =~ y5 + y6 + y7 + y8
dem60 ~ b1*ind60
dem65 ~ b2*ind60 + b3*dem60
y1 ~~ y5
y2 ~~ y4
y2 ~~ y6
y3 ~~ y7
y4 ~~ y8
y6 ~~ y8
ind := b1*b3
"""
SIZES = {"M1": 5, "M2": 5, "M3": 4, "E1": 4, "E2": 4, "O1": 4, "O2": 4}
PATHS = {
    ("E1", "M1"): 0.4, ("E1", "M2"): 0.25, ("E1", "M3"): 0.0, ("E2", "M1"): 0.1, ("E2", "M2"): 0.3, ("E2", "M3"): 0.3,
    ("O1", "E1"): 0.5, ("O1", "E2"): 0.2, ("O2", "E1"): 0.1, ("O2", "E2"): 0.4,
}  # fmt: skip
B = "".join(
    f"{name} =~ " + " + ".join(f"z{sum(list(SIZES.values())[:k]) + i + 1}" for i in range(size)) + "\n"
    for k, (name, size) in enumerate(SIZES.items())
)
B += "E1 ~ a1*M1 + M2 + M3\nE2 ~ M1 + M2 + M3\nO1 ~ b1*E1 + E2\nO2 ~ E1 + E2\nind := a1*b1\n"
TARGETS = {  # issue 4: with the kernel, with NumPy alone
    ("A", "bootstrap"): (700, 40), ("B", "bootstrap"): (200, 40), ("A", "semopy"): (300, 60), ("B", "semopy"): (300, 60),
    ("B", "fiml"): (1000, 50), ("B", "dwls"): (150, 0),
}  # fmt: skip


def simulated(n: int = 500, seed: int = 1) -> pd.DataFrame:
    """Draw the data of model B."""
    rng = np.random.default_rng(seed)
    names = list(SIZES)
    scores = {}
    common = rng.standard_normal((n, 1))
    for name in names[:3]:
        scores[name] = np.sqrt(0.3) * common[:, 0] + np.sqrt(0.7) * rng.standard_normal(n)
    for name in names[3:]:
        causes = sum(value * scores[cause] for (effect, cause), value in PATHS.items() if effect == name)
        scores[name] = causes + np.sqrt(0.6) * rng.standard_normal(n)
    columns = {}
    for name, size in SIZES.items():
        for _ in range(size):
            loading, noise = rng.uniform(0.7, 1.2), rng.uniform(0.5, 1.0)
            columns[f"z{len(columns) + 1}"] = loading * scores[name] + np.sqrt(noise) * rng.standard_normal(n)
    return pd.DataFrame(columns)


def gapped(data: pd.DataFrame, seed: int = 7) -> pd.DataFrame:
    """Take away a tenth of the answers."""
    return data.mask(np.random.default_rng(seed).random(data.shape) < 0.10)


def cpu(function: Callable[[], object]) -> float:
    begin = time.process_time()
    function()
    return time.process_time() - begin


def ours(fit: cbec.SEMResults, replicates: int, kernel: str) -> float:
    """Return milliseconds a replicate, from drawing to intervals."""
    cbec.set_kernel(kernel)  # type: ignore[arg-type]
    fit.bootstrap(20, progress=False)
    seconds = min(cpu(lambda: fit.bootstrap(replicates, progress=False).parameters) for _ in range(3))
    cbec.set_kernel("auto")
    return 1000 * seconds / replicates


def semopy_loop(model: str, data: pd.DataFrame, replicates: int = 12) -> float:
    plain = model.replace("ind := b1*b3\n", "").replace("ind := a1*b1\n", "")
    for label in ("a1*", "b1*", "b2*", "b3*"):
        plain = plain.replace(label, "")
    rng = np.random.default_rng(1)

    def loop() -> None:
        for _ in range(replicates):
            rows = rng.integers(0, len(data), len(data))
            Model(plain).fit(data.iloc[rows].reset_index(drop=True))

    return 1000 * cpu(loop) / replicates


def lavaan(folder: Path, task: str, replicates: int) -> float | None:
    """Return lavaan's milliseconds a replicate, or None where R cannot be run."""
    if shutil.which("Rscript") is None:
        return None
    command = ["Rscript", str(HERE / "structure_bootstrap.R"), str(folder), task, str(replicates)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


def row(model: str, work: str, peer: float | None, fast: float, slow: float) -> dict[str, object]:
    with_kernel, numpy_only = TARGETS.get((model, work), (0, 0))
    return {
        "model": model, "work": work, "peer ms": peer, "kernel ms": fast, "NumPy ms": slow,
        "× kernel": np.nan if peer is None else peer / fast,
        "target": with_kernel, "× NumPy": np.nan if peer is None else peer / slow, "target ": numpy_only,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--lavaan", type=int, default=60, help="replicates of lavaan's, which are slow")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    democracy, many = political_democracy.get_data(), simulated()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "A.txt").write_text(A, encoding="utf-8")
        (folder / "B.txt").write_text(B, encoding="utf-8")
        democracy.to_csv(folder / "A.csv", index=False)
        many.to_csv(folder / "B.csv", index=False)
        gapped(many).to_csv(folder / "Bgaps.csv", index=False, na_rep="NA")
        fits = {"A": cbec.sem(A, democracy), "B": cbec.sem(B, many)}
        for model, data in (("A", democracy), ("B", many)):
            fast, slow = (ours(fits[model], asked.replicates, kernel) for kernel in ("auto", "numpy"))
            rows.append(row(model, "bootstrap", lavaan(folder, model, asked.lavaan), fast, slow))
            rows.append(row(model, "semopy", semopy_loop(model=A if model == "A" else B, data=data), fast, slow))
        few = max(asked.replicates // 10, 20)
        fiml = cbec.sem(B, gapped(many), missing="fiml")
        fast, slow = ours(fiml, few, "auto"), ours(fiml, 20, "numpy")
        rows.append(row("B", "fiml", lavaan(folder, "fiml", max(asked.lavaan // 15, 3)), fast, slow))
        dwls = cbec.sem(B, many, estimator="DWLS")
        fast, slow = ours(dwls, few, "auto"), ours(dwls, few, "numpy")
        rows.append(row("B", "dwls", lavaan(folder, "dwls", max(asked.lavaan // 15, 3)), fast, slow))
    print(f"engine: {kernel_in_use()} of {', '.join(instruction_sets()) or 'none'}; {sys.version.split()[0]}")
    if any(one["peer ms"] is None for one in rows):
        print("R or lavaan is not here: its rows have no ratio")
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda value: f"{value:.3g}"))


if __name__ == "__main__":
    main()
