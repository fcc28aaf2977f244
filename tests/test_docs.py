"""The reference page names every public name, where it lives."""

import ast
import warnings
from pathlib import Path

from cbecmodel.errors import CbecWarning

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


def test_the_examples_of_the_page_on_models_run():
    """Those that share the beginning; the others are about data of the reader."""
    page = (ROOT / "docs" / "sem.md").read_text(encoding="utf-8")
    blocks = [part.partition("```")[0] for part in page.split("```python\n")[1:]]
    first = next(place for place, block in enumerate(blocks) if "semopy.examples" in block)
    last = next(place for place, block in enumerate(blocks) if "simple_slopes" in block)
    space: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CbecWarning)
        for block in blocks[first:last]:
            exec(block, space)
    assert last - first > 7
