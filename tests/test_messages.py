"""Every sentence the code names exists, in both languages, with the same placeholders; and none is left over."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

PACKAGE = Path(__file__).resolve().parents[1] / "cbecmodel"
ROOMS = sorted(path.stem for path in (PACKAGE / "locale").glob("*.yaml"))
LANGUAGES = {"en", "zh"}
FILES = {"json", "yaml", "py", "html", "csv", "typ", "docx", "pdf", "css"}  # "provenance.json" names a file


@cache
def catalogue(room: str) -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = yaml.safe_load(
        (PACKAGE / "locale" / f"{room}.yaml").read_text(encoding="utf-8")
    )
    return loaded


def placeholders(sentence: str) -> set[str]:
    return {re.split(r"[.\[]", name)[0] for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("room", ROOMS)
def test_both_languages_say_the_same_things(room: str) -> None:
    for key, sentence in catalogue(room).items():
        assert set(sentence) == LANGUAGES, f"{room}.{key}"
        assert len({bool(text) for text in sentence.values()}) == 1, f"{room}.{key} is empty in one language"
        found = {lang: placeholders(text) for lang, text in sentence.items()}
        assert found["en"] == found["zh"], f"{room}.{key}: {found}"


def literals(tree: ast.AST) -> Iterator[str]:
    """Every text in the code, with a dot-star where a part is filled in at run time."""
    if isinstance(tree, ast.JoinedStr):
        fixed = [part.value if isinstance(part, ast.Constant) else None for part in tree.values]
        yield "".join(".+" if text is None else re.escape(str(text)) for text in fixed)
        for part in tree.values:
            if isinstance(part, ast.FormattedValue):
                yield from literals(part.value)
        return
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        yield re.escape(tree.value)
    for node in ast.iter_child_nodes(tree):
        yield from literals(node)


@cache
def written() -> set[str]:
    """Collect the texts in the code and the quoted words in the templates, which name keys too."""
    found = {text for p in PACKAGE.rglob("*.py") for text in literals(ast.parse(p.read_text(encoding="utf-8")))}
    templates = PACKAGE.parent / "reports" / "templates"
    for path in [*PACKAGE.rglob("*.j2"), *templates.rglob("*.j2"), *templates.rglob("*.html")]:
        words = re.findall(r"[\"']([\w.-]+)[\"']", path.read_text(encoding="utf-8"))
        found.update(map(re.escape, words))
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_every_sentence_that_is_named_exists(room: str) -> None:
    """``room.key`` anywhere in the code; where a part is filled in at run time, at least one key must fit."""
    known = catalogue(room).keys()
    for pattern in written():
        if not re.fullmatch(rf"{room}\\\.(?:[\w+.-]|\\-)+", pattern):
            continue
        name = pattern.removeprefix(f"{room}\\.")
        if name in FILES:
            continue
        assert any(re.fullmatch(name, key) for key in known), f"{room}.yaml has no {name}"


@pytest.mark.parametrize("room", ROOMS)
def test_no_sentence_is_left_over(room: str) -> None:
    """A key counts as used if any text in the code names it, whole or as ``room.key``, or can become it."""
    names = {pattern.removeprefix(f"{room}\\.").replace("\\.", "_") for pattern in written()}
    telling = [re.compile(name) for name in names if ".+" not in name or len(re.sub(r"\.\+|\\", "", name)) >= 3]
    unused = [key for key in catalogue(room) if not any(name.fullmatch(key) for name in telling)]
    assert not unused, f"{room}.yaml: {unused}"
