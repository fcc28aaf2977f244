"""Single fits against lavaan and semopy in one run: python benchmarks/structure_fit.py.

Every time is that of a whole fit with standard errors, standardized values and fit measures, in CPU milliseconds on one BLAS
thread, the median of repetitions inside one process. All programs read the same files, written here. Where R or lavaan is
not there, that column stays empty. The second table is the memory of fits to 100,000 cases.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
import tracemalloc
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np
import pandas as pd
import semopy
from semopy.examples import holzinger39, political_democracy

import cbecmodel as cbec

SIM30 = """F1 =~ v1 + v2 + v3 + v4 + v5
F2 =~ v6 + v7 + v8 + v9 + v10
F3 =~ v11 + v12 + v13 + v14
F4 =~ v15 + v16 + v17 + v18
F5 =~ v19 + v20 + v21 + v22
F6 =~ v23 + v24 + v25 + v26
F7 =~ v27 + v28 + v29 + v30
F3 ~ F1 + F2
F4 ~ F1 + F3
F5 ~ F2 + F3 + F4
F6 ~ F4 + F5
F7 ~ F5 + F6 + F3
"""
DEMOCRACY = """ind60 =~ x1 + x2 + x3
dem60 =~ y1 + y2 + y3 + y4
dem65 =~ y5 + y6 + y7 + y8
dem60 ~ ind60
dem65 ~ ind60 + dem60
y1 ~~ y5
y2 ~~ y4 + y6
y3 ~~ y7
y4 ~~ y8
y6 ~~ y8
"""
ABILITIES = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9\n"
SIZES = (5, 5, 4, 4, 4, 4, 4)
LADDER = [[], ["loadings"], ["loadings", "intercepts"], ["loadings", "intercepts", "residuals"]]
# name: (function, model, file, options, steps of group_equal, repetitions of lavaan, whether semopy can do it)
CASES = {
    "sim30, ML": ("sem", SIM30, "sim30.csv", {}, None, 9, True),
    "sim30, MLR": ("sem", SIM30, "sim30.csv", {"estimator": "MLR"}, None, 3, False),
    "sim30, MLM": ("sem", SIM30, "sim30.csv", {"estimator": "MLM"}, None, 3, False),
    "Political Democracy, ML": ("sem", DEMOCRACY, "democracy.csv", {}, None, 15, True),
    "Holzinger-Swineford, ML": ("cfa", ABILITIES, "abilities.csv", {}, None, 15, True),
    "Holzinger-Swineford, four steps of invariance": (
        "cfa", ABILITIES, "abilities.csv", {"group": "school"}, LADDER, 5, False,
    ),
    "Holzinger-Swineford, WLS": ("cfa", ABILITIES, "abilities.csv", {"estimator": "WLS"}, None, 9, False),
    "Holzinger-Swineford, one answer in twenty missing, FIML": (
        "cfa", ABILITIES, "gaps.csv", {"missing": "fiml"}, None, 5, False,
    ),
    "sim30, one answer in ten missing, FIML": ("sem", SIM30, "sim30_gaps.csv", {"missing": "fiml"}, None, 1, False),
    "sim30, five categories, WLSMV": (
        "sem", SIM30, "sim30_ordered.csv", {"ordered": [f"v{k}" for k in range(1, 31)], "estimator": "WLSMV"}, None, 1, False,
    ),
}  # fmt: skip


def simulated(n: int, seed: int) -> pd.DataFrame:
    """Return data of the model SIM30: loadings near 0.8, paths between 0.2 and 0.5."""
    rng = np.random.default_rng(seed)
    factors = np.zeros((7, n))
    paths = {
        2: {0: 0.4, 1: 0.3},
        3: {0: 0.3, 2: 0.4},
        4: {1: 0.2, 2: 0.3, 3: 0.3},
        5: {3: 0.4, 4: 0.3},
        6: {4: 0.5, 5: 0.2, 2: 0.2},
    }
    for k in range(7):
        factors[k] = rng.standard_normal(n) * (1.0 if k < 2 else 0.8) + sum(
            b * factors[j] for j, b in paths.get(k, {}).items()
        )
    factors[1] += 0.3 * factors[0]
    owner = np.repeat(np.arange(7), SIZES)
    loadings = rng.uniform(0.7, 0.9, len(owner))
    values = loadings[:, None] * factors[owner] + 0.6 * rng.standard_normal((len(owner), n))
    return pd.DataFrame(values.T, columns=[f"v{k}" for k in range(1, len(owner) + 1)])


def files(folder: Path) -> None:
    """Write the data every program reads."""
    rng = np.random.default_rng(7)
    sim, abilities = simulated(500, 1), holzinger39.get_data()
    items = [f"x{k}" for k in range(1, 10)]
    abilities = abilities[["school", *items]]
    gaps = abilities.copy()
    gaps[items] = gaps[items].mask(rng.random((len(gaps), 9)) < 0.05)
    frames = {
        "sim30": sim, "sim30_gaps": sim.mask(rng.random(sim.shape) < 0.10), "gaps": gaps, "abilities": abilities,
        "democracy": political_democracy.get_data(),
        "sim30_ordered": sim.apply(lambda v: 1 + sum((v > c * v.std()).astype(int) for c in (-1.2, -0.4, 0.4, 1.2))),
    }  # fmt: skip
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    described = {
        name: {"function": function, "model": model, "data": data, "repetitions": count, "steps": steps,
               "options": {key.replace("_", "."): value for key, value in options.items()}}
        for name, (function, model, data, options, steps, count, _) in CASES.items()
    }  # fmt: skip
    (folder / "cases.json").write_text(json.dumps(described), encoding="utf-8")


def median(run, least: int = 5, seconds: float = 2.0) -> float:
    """Return the median CPU time of a call in milliseconds, after one call that does not count."""
    run()
    spent: list[float] = []
    while len(spent) < least or sum(spent) < seconds:
        start = time.process_time()
        run()
        spent.append(time.process_time() - start)
    return 1000 * float(np.median(spent))


def ours(folder: Path, name: str) -> float:
    """Return our time for a case."""
    function, model, data, options, steps, _, _ = CASES[name]
    frame = pd.read_csv(folder / data)

    numbers = itertools.count()

    def run() -> None:
        text = f"{model}# fit {next(numbers)}\n"  # another text every time: what was read before is not used again
        for equal in steps or [None]:
            more = {} if equal is None else {"group_equal": equal}
            fit = getattr(cbec, function)(text, frame, **options, **more)
            fit.parameters, fit.fit_measures  # noqa: B018 - they are computed when asked for

    return median(run)


def theirs(folder: Path, name: str) -> float | None:
    """Return semopy's time for a case it can fit."""
    _, model, data, _, _, _, can = CASES[name]
    if not can:
        return None
    frame = pd.read_csv(folder / data)

    def run() -> None:
        fitted = semopy.Model(model)
        fitted.fit(frame)
        fitted.inspect(std_est=True)
        semopy.calc_stats(fitted)

    return median(run)


def lavaan(folder: Path) -> dict:
    """Return lavaan's times and versions; empty where R cannot run them."""
    script = Path(__file__).with_suffix(".R")
    if shutil.which("Rscript") is None:
        sys.stderr.write("Rscript is not here: no times of lavaan\n")
        return {"times": {}, "versions": {}}
    done = subprocess.run(["Rscript", str(script), str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(f"lavaan could not be timed: {done.stderr.strip()[-300:]}\n")
        return {"times": {}, "versions": {}}
    return json.loads(done.stdout)


def memory() -> list[str]:
    """Return rows of the table of memory, in copies of the data."""
    data = simulated(100_000, 3)
    kinds = np.random.default_rng(5).random((50, 30)) < 0.08
    gaps = data.mask(kinds[np.random.default_rng(6).integers(0, 50, len(data))])
    cbec.sem(SIM30, data.head(500))  # what is loaded once does not count
    rows = []
    for name, frame, options in (
        ("ML", data, {}), ("MLR", data, {"estimator": "MLR"}), ("MLM", data, {"estimator": "MLM"}),
        ("DWLS", data, {"estimator": "DWLS"}), ("FIML, 50 patterns", gaps, {"missing": "fiml"}),
    ):  # fmt: skip
        tracemalloc.start()
        fit = cbec.sem(SIM30, frame, **options)
        fit.parameters, fit.fit_measures  # noqa: B018
        peak = tracemalloc.get_traced_memory()[1] / data.to_numpy().nbytes
        tracemalloc.stop()
        rows.append(f"| {name} | {peak:.1f} |")
    return rows


def main() -> None:
    """Write both tables to standard output."""
    warnings.simplefilter("ignore")
    with TemporaryDirectory() as place:
        folder = Path(place)
        files(folder)
        reference = lavaan(folder)
        versions = {"semopy": semopy.__version__, "numpy": np.__version__, **reference["versions"]}
        out = ["| fit | cbecmodel, ms | lavaan, ms | times faster | semopy, ms |", "|---|---|---|---|---|"]
        for name in CASES:
            mine, r, other = ours(folder, name), reference["times"].get(name), theirs(folder, name)
            ratio = "" if r is None else f"{r / mine:.0f}"
            cells = [
                name,
                f"{mine:.1f}",
                "" if r is None else f"{r:.0f}",
                ratio,
                "" if other is None else f"{other:.0f}",
            ]
            out.append(f"| {' | '.join(cells)} |")
    out += ["", "| fit to 100,000 × 30 | most memory, in copies of the data |", "|---|---|", *memory(), ""]
    out.append(", ".join(f"{name} {version}" for name, version in versions.items()))
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
