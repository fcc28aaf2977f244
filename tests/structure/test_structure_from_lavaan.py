"""The page for lavaan users runs, with the published numbers it states."""

import re
import warnings
from pathlib import Path

from cbecmodel.errors import ModelWarning

PAGE = Path(__file__).parents[2] / "docs" / "from-lavaan.md"


def test_code_of_the_page_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 5
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), names)
    assert "Simple slopes" in capsys.readouterr().out
