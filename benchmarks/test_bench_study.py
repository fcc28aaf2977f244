"""The shipped study as whole processes: from nothing, and again when nothing has changed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def compendium(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "mystudy"
    subprocess.run([sys.executable, "-m", "cbecmodel", "new", str(folder)], check=True, capture_output=True)
    return folder


def run(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "cbecmodel", "run"], cwd=folder, check=True, capture_output=True)


def test_from_nothing(benchmark, compendium):
    benchmark.group = "study"

    def forget():
        shutil.rmtree(compendium / "reports" / "build", ignore_errors=True)
        return (compendium,), {}

    benchmark.pedantic(run, setup=forget, rounds=3)


def test_unchanged(benchmark, compendium):
    benchmark.group = "study"
    run(compendium)
    benchmark.pedantic(run, args=(compendium,), rounds=5)
