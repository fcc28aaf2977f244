"""The code a step depends on is found through imports of imports, and through sentences and data files."""

from pathlib import Path

import pytest

from cbecmodel.study.code import CodeBase


@pytest.fixture
def package(tmp_path: Path) -> Path:
    root = tmp_path / "toy"
    files = {
        "__init__.py": "",
        "a/__init__.py": '"""A."""',
        "a/top.py": "from toy.b.middle import f\n",
        "a/lazy.py": "def g():\n    from toy.c import deep\n    return deep\n",
        "b/__init__.py": "",
        "b/middle.py": "import toy.c.deep\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from toy.d import only\n",
        "c/__init__.py": "",
        "c/deep.py": "x = 1\n",
        "c/facts.csv": "1\n",
        "d/__init__.py": "",
        "d/only.py": "",
        "locale/c.yaml": "a: {en: x}\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_closure_follows_imports_and_leaves_out_what_only_type_checkers_see(package: Path) -> None:
    code = CodeBase(package)
    assert code.closure("toy.a.top") == {"toy.a.top", "toy.b", "toy.b.middle", "toy.c", "toy.c.deep"}
    assert code.closure("toy.a.lazy") == {"toy.a.lazy", "toy.c", "toy.c.deep"}


@pytest.mark.parametrize("edited", ["c/deep.py", "b/middle.py", "c/facts.csv", "locale/c.yaml"])
def test_hash_changes_with_helpers_data_and_sentences(package: Path, edited: str) -> None:
    before = CodeBase(package).hash("toy.a.top")
    assert CodeBase(package).hash("toy.a.top") == before
    (package / edited).write_text("# edited\n", encoding="utf-8")
    assert CodeBase(package).hash("toy.a.top") != before


@pytest.mark.parametrize("edited", ["d/only.py", "a/lazy.py"])
def test_hash_does_not_change_with_unrelated_code(package: Path, edited: str) -> None:
    before = CodeBase(package).hash("toy.a.top")
    (package / edited).write_text("# edited\n", encoding="utf-8")
    assert CodeBase(package).hash("toy.a.top") == before


def test_the_steps_see_the_rooms_they_use() -> None:
    code = CodeBase()
    assert "cbecmodel.structure.api" in code.closure("cbecmodel.study.models")
    assert "cbecmodel.policy.engines" in code.closure("cbecmodel.study.policies")
    assert "cbecmodel.policy.engines" not in code.closure("cbecmodel.study.models")
    assert "cbecmodel.survey.screening" in code.closure("cbecmodel.study.surveys")
    assert "cbecmodel.report.html" in code.closure("cbecmodel.study.documents")
