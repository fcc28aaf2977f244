"""Simulate interaction.csv and panel.csv, which cases here use: python make_interaction_panel.py."""

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent


def interaction(rng: np.random.Generator, n: int = 400) -> pd.DataFrame:
    """Three latent variables, y = 0.4 x + 0.3 m + 0.25 x m, an observed moderator w and a group."""
    x = rng.standard_normal(n)
    m = 0.4 * x + rng.normal(0, 0.9, n)
    w = 2 + 0.3 * x + rng.standard_normal(n)
    y = 0.4 * x + 0.3 * m + 0.25 * x * m + 0.1 * x**2 + 0.2 * w + 0.15 * x * (w - 2) + rng.normal(0, 0.7, n)
    columns = {}
    for name, factor, level in (("x", x, 3.0), ("m", m, 4.0), ("y", y, 1.0)):
        for k, loading in enumerate((1.0, 0.8, 1.1), start=1):
            columns[f"{name}{k}"] = level + loading * factor + rng.normal(0, 0.6, n)
    columns["w"] = w
    frame = pd.DataFrame(columns).round(4)
    frame["g"] = np.where(np.arange(n) % 5 < 3, "a", "b")
    return frame


def panel(rng: np.random.Generator, n: int = 400) -> pd.DataFrame:
    """Four waves of x and y with stable traits, a covariate z, time-varying c, and an indicator pair for each wave."""
    z = rng.standard_normal(n)
    trait_x, trait_y = 0.6 * rng.standard_normal(n) + 0.3 * z, 0.6 * rng.standard_normal(n)
    within_x, within_y = rng.normal(0, 0.8, n), rng.normal(0, 0.8, n)
    slope = 0.3 + 0.25 * rng.standard_normal(n)
    columns = {}
    for t in range(1, 5):
        if t > 1:
            shock = rng.multivariate_normal([0, 0], [[0.5, 0.15], [0.15, 0.5]], n).T
            within_x, within_y = (
                0.4 * within_x + 0.15 * within_y + shock[0],
                0.25 * within_x + 0.35 * within_y + shock[1],
            )
        c = rng.standard_normal(n)
        columns[f"x{t}"] = 2 + 0.1 * t + trait_x + within_x
        columns[f"y{t}"] = 3 + trait_y + within_y
        columns[f"c{t}"] = c
        growth = 1 + trait_x + slope * (t - 1) + 0.2 * c + rng.normal(0, 0.4, n)
        columns[f"t{t}"] = growth
        for k, loading in enumerate((1.0, 0.9, 1.2), start=1):
            columns[f"t{t}{'abc'[k - 1]}"] = 0.2 * (k - 1) + loading * growth + rng.normal(0, 0.5, n)
    frame = pd.DataFrame(columns | {"z": z}).round(4)
    frame["g"] = np.where(np.arange(n) % 2 == 0, "a", "b")
    return frame


if __name__ == "__main__":
    interaction(np.random.default_rng(20260301)).to_csv(HERE / "interaction.csv", index=False, lineterminator="\n")
    panel(np.random.default_rng(20260302)).to_csv(HERE / "panel.csv", index=False, lineterminator="\n")
