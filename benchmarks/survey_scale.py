"""Reads, recodes, scores and screens a million answers to ninety items; prints seconds and the most memory.

python benchmarks/survey_scale.py [ROWS]
"""

import resource
import sys
import tempfile
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from cbecmodel.errors import DataWarning
from cbecmodel.files import write_atomic
from cbecmodel.survey.instrument import Instrument, load_instrument
from cbecmodel.survey.read import read_responses

CONSTRUCTS, ITEMS, SEED = 18, 5, 20251122


def instrument(folder: Path) -> Instrument:
    """Eighteen constructs of five items on a seven-point scale, one item in five reversed."""
    items = {
        c: "".join(
            f"      Q{c}_{i}: {{text: Statement {c}.{i}?{', reverse: true' if i == ITEMS else ''}}}\n"
            for i in range(1, ITEMS + 1)
        )
        for c in range(1, CONSTRUCTS + 1)
    }
    constructs = "".join(f"  F{c}:\n    name: Factor {c}\n    items:\n{items[c]}" for c in items)
    text = f"""
id: large
title: Large
scales: {{agree: {{points: {{1: a, 2: b, 3: c, 4: d, 5: e, 6: f, 7: g}}}}}}
missing_codes: {{-99: Unanswered}}
screening_rules: {{minimum_flags: 2}}
covariates:
  AGE: {{type: integer, text: 'Age?', minimum: 15, maximum: 99}}
constructs:
{constructs}"""
    return load_instrument(write_atomic(folder / "large.yaml", text))


def answers(path: Path, made: Instrument, rows: int) -> None:
    """One factor a construct, answers rounded to the scale; two in a hundred cells missing, one person in fifty careless."""
    rng = np.random.default_rng(SEED)
    for start in range(0, rows, 100_000):
        n = min(100_000, rows - start)
        factor = rng.normal(size=(n, CONSTRUCTS)).repeat(ITEMS, axis=1)
        latent = 0.8 * factor + 0.6 * rng.normal(size=factor.shape)
        latent[:, ITEMS - 1 :: ITEMS] *= -1
        codes = np.clip(np.round(4 + 1.4 * latent), 1, 7).astype(np.int8)
        careless = rng.random(n) < 0.02
        codes[careless] = rng.integers(1, 8, size=(int(careless.sum()), 1))
        codes[rng.random(codes.shape) < 0.02] = -99
        frame = pd.DataFrame(codes, columns=list(made.items))
        frame.insert(0, "respondent", np.arange(start + 1, start + n + 1))
        frame = frame.assign(AGE=rng.integers(18, 80, n), duration_s=rng.integers(100, 900, n), form_language="en")
        frame.to_csv(path, mode="a" if start else "w", header=not start, index=False)


def main() -> None:
    """Time each step on its own, in one process."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made, path = instrument(folder), folder / "answers.csv"
        answers(path, made, rows)
        print(f"{rows} rows x {len(made.items)} items, {path.stat().st_size >> 20} MB")
        before = resource.getrusage(resource.RUSAGE_SELF)
        marks = [("", time.perf_counter())]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            read = read_responses(path, made)
        marks.append(("read and recode", time.perf_counter()))
        read.scores()
        marks.append(("score", time.perf_counter()))
        found = read.screen()
        marks.append(("screen", time.perf_counter()))
        _ = found.kept
        marks.append(("keep", time.perf_counter()))
        after = resource.getrusage(resource.RUSAGE_SELF)
    for (_, start), (step, end) in pairwise(marks):
        print(f"{step:16s} {end - start:7.1f} s")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{'all':16s} {marks[-1][1] - marks[0][1]:7.1f} s, processor {cpu:.1f} s, {after.ru_maxrss / 2**20:.2f} GB at most"
    )


if __name__ == "__main__":
    main()
