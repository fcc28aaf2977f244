"""Small samples of a large model converge as often as with lavaan, alone and as samples fitted together."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import cbecmodel as cbec
from cbecmodel.errors import ConvergenceError
from cbecmodel.structure.resampling.engine import batch_of, fit_many, simulated

FOLDER = Path(__file__).parents[1] / "reference" / "stress"


def script():
    spec = importlib.util.spec_from_file_location("stress_simulate", FOLDER / "simulate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::cbecmodel.errors.ModelWarning")
@pytest.mark.parametrize("n", [40, 70])
def test_as_many_converge_as_in_lavaan(n):
    expected = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
    made = script()
    samples = [made.sample(n, number) for number in range(made.COUNT)]
    assert len(samples) == expected["samples"]
    alone = 0
    for data in samples:
        try:
            alone += cbec.sem(made.model(), data).converged
        except ConvergenceError:
            continue
    assert alone >= expected["converged"][str(n)]


@pytest.mark.filterwarnings("ignore::cbecmodel.errors.ModelWarning")
@pytest.mark.parametrize("n", [40, 70])
def test_fitted_together_from_a_common_start(n):
    expected = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
    made = script()
    large = cbec.sem(made.model(), made.sample(2000, 0))
    batch = batch_of(large.problem, large.x)
    names = list(large.observed)
    raw = [made.sample(n, number)[names].to_numpy() for number in range(made.COUNT)]
    covs = np.array([np.cov(one, rowvar=False, bias=True) for one in raw])
    means = np.array([one.mean(axis=0) for one in raw])
    found = fit_many(batch, simulated(batch, [covs], [means], [np.full(len(raw), float(n))]))
    rescued = 0  # as the bootstrap does: what did not converge together is tried alone, from cold starts
    for number in np.flatnonzero(~found.converged):
        try:
            rescued += cbec.sem(made.model(), made.sample(n, int(number))).converged
        except ConvergenceError:
            continue
    assert found.converged.sum() >= 0.9 * len(raw)
    assert found.converged.sum() + rescued >= expected["converged"][str(n)]
