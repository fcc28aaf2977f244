"""Write imputed.csv: five stochastic-regression imputations of pupils_gaps.csv (a seeded normal draw, for tests alone)."""

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
ITEMS = [*(f"y{k}" for k in range(1, 7)), "x", "z", "a1"]


def imputed(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return one completion: parameters from a bootstrap sample, gaps drawn given a case's own answers."""
    sample = frame.sample(len(frame), replace=True, random_state=int(rng.integers(2**31)))
    mean, cov = sample.mean().to_numpy(), sample.cov().to_numpy()
    values = frame.to_numpy().copy()
    for row in values:
        hidden = np.isnan(row)
        if hidden.any():
            slopes = cov[np.ix_(hidden, ~hidden)] @ np.linalg.inv(cov[np.ix_(~hidden, ~hidden)])
            rest = cov[np.ix_(hidden, hidden)] - slopes @ cov[np.ix_(~hidden, hidden)]
            row[hidden] = rng.multivariate_normal(mean[hidden] + slopes @ (row[~hidden] - mean[~hidden]), rest)
    return pd.DataFrame(values, columns=frame.columns).round(4)


if __name__ == "__main__":
    data = pd.read_csv(HERE.parent / "sem" / "data" / "pupils_gaps.csv")[ITEMS]
    draws = [imputed(data, np.random.default_rng(seed)).assign(imputation=seed) for seed in range(1, 6)]
    pd.concat(draws).drop(columns=["x", "z", "a1"]).to_csv(HERE / "imputed.csv", index=False)
