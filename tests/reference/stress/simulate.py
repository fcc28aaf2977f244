"""Small samples of a model with seven latent variables and thirty indicators: ``python simulate.py FOLDER`` writes them.

lavaan's counts (make.R) stand in expected.json; the test draws the same samples again.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

SIZES = (5, 5, 4, 4, 4, 4, 4)
PATHS = {(3, 0): 0.4, (3, 1): 0.25, (4, 1): 0.3, (4, 2): 0.3, (5, 3): 0.5, (5, 4): 0.2, (6, 3): 0.1, (6, 4): 0.4}
COUNT = 60


def model() -> str:
    """Return the model, in lavaan's syntax."""
    starts = np.cumsum([0, *SIZES])
    lines = [f"f{k} =~ " + " + ".join(f"z{i + 1}" for i in range(starts[k], starts[k + 1])) for k in range(len(SIZES))]
    return "\n".join([*lines, *(f"f{effect} ~ f{cause}" for effect, cause in PATHS)]) + "\n"


def sample(n: int, number: int) -> pd.DataFrame:
    """Draw one sample, its values rounded to six digits so that files and memory agree."""
    rng = np.random.default_rng([n, number])
    scores = np.empty((n, len(SIZES)))
    common = rng.standard_normal(n)
    for k in range(len(SIZES)):
        causes = sum((value * scores[:, cause] for (effect, cause), value in PATHS.items() if effect == k), np.zeros(n))
        own = rng.standard_normal(n)
        scores[:, k] = np.sqrt(0.3) * common + np.sqrt(0.7) * own if k < 3 else causes + np.sqrt(0.6) * own
    loadings = np.tile([1.0, 0.8, 1.1, 0.7, 0.9], len(SIZES))
    columns, at = {}, 0
    for k, size in enumerate(SIZES):
        for i in range(size):
            at += 1
            columns[f"z{at}"] = np.round(loadings[i] * scores[:, k] + 0.85 * rng.standard_normal(n), 6)
    return pd.DataFrame(columns)


def main() -> None:
    """Write model and samples."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.txt").write_text(model(), encoding="utf-8")
    for n in (40, 70):
        for number in range(COUNT):
            sample(n, number).to_csv(folder / f"stress_{n}_{number:03d}.csv", index=False)


if __name__ == "__main__":
    main()
