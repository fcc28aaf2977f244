"""The reference page names every public name, where it lives."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def public_names() -> dict[str, str]:
    stub = ast.parse((ROOT / "cbecmodel" / "__init__.pyi").read_text(encoding="utf-8"))
    return {
        alias.name: f"cbecmodel.{node.module}.{alias.name}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_every_public_name_is_in_the_reference():
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    described = {line.removeprefix("::: ") for line in page.splitlines() if line.startswith("::: ")}
    missing = [
        place
        for place in public_names().values()
        if place not in described and place.rpartition(".")[0] not in described
    ]
    assert missing == []
