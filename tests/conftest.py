"""Fixtures that every room's tests share."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data and reference files that are not part of the project."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not here; this test reads real data or reference numbers from it")
    return SHARED
