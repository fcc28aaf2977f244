"""Import budget: ``import cbecmodel`` under 0.3 s, ``cbecmodel --help`` under 0.5 s, and no heavy library in the first."""

import subprocess
import sys

import pytest


def process(*arguments: str) -> str:
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("statement", ["pass", "import cbecmodel"])
def test_import(benchmark, statement):
    benchmark.group = "import (the first row is Python itself)"
    benchmark.pedantic(process, args=("-c", statement), rounds=10, warmup_rounds=2)


def test_help(benchmark):
    benchmark.pedantic(process, args=("-m", "cbecmodel", "--help"), rounds=10, warmup_rounds=2)
