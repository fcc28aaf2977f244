"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest

# before NumPy is loaded: several linear-algebra threads make small problems slower, and tests run side by side
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data and reference files that are not part of the project."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not here; this test reads real data or reference numbers from it")
    return SHARED
