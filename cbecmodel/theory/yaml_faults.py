"""What an author did when a file is not YAML, told from what the parser says and from the line itself.

The parser speaks of tokens, in English, and often points below the fault. Here the usual slips of people who write YAML
by hand get a sentence of their own, at the line where the slip is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cbecmodel.errors import ContentError

if TYPE_CHECKING:
    from pathlib import Path

    import yaml

_FULL_WIDTH_COLON: Final = re.compile(r"^[^:\"'#]*：")
# What the parser says (the C library's words and PyYAML's own), and the sentence for it: at the line where the faulty part
# begins, or where the parser stopped.
_AT_OPENING: Final = {
    "could not find expected ':'": "yaml_no_colon",
    "end of stream": "yaml_open_quote",
    "document separator": "yaml_open_quote",
    "',' or": "yaml_bracket",
    "unexpected ':'": "yaml_bracket",
}
_AT_STOP: Final = {
    "mapping values are not allowed": "yaml_stray_colon",
    "expected key": "yaml_indentation",
    "<block end>": "yaml_indentation",
    "another document": "yaml_two_documents",
}


def not_yaml(path: Path, text: str, error: yaml.YAMLError) -> ContentError:
    r"""Say what is wrong with text that the parser refused.

    Parameters
    ----------
    path : pathlib.Path
        Named in the message.
    text : str
        Content of the file.
    error : yaml.YAMLError

    Returns
    -------
    ContentError
        With ``file``, ``line``, ``where`` and ``rule``.

    Examples
    --------
    >>> import yaml
    >>> from pathlib import Path
    >>> try:
    ...     yaml.safe_load("scales:\n\tagree: 1\n")
    ... except yaml.YAMLError as error:
    ...     str(not_yaml(Path("a.yaml"), "scales:\n\tagree: 1\n", error))
    'a.yaml, line 2: a tab stands in the indentation; YAML allows blanks only. Replace each tab by two blanks.'
    """
    problem = str(getattr(error, "problem", None) or error).splitlines()[0]
    stopped, inside = (getattr(error, name, None) for name in ("problem_mark", "context_mark"))
    line = 1 if stopped is None else stopped.line + 1
    opened = line if inside is None else inside.line + 1
    lines = ["", *text.splitlines(), ""]  # counted from 1; the parser may stop behind the last
    key, at = _slip(problem, lines, min(line, len(lines) - 1), opened)
    return ContentError(
        f"theory.{key}", file=str(path), line=at, where="", rule="not_yaml", reason=problem, text=lines[at].strip()[:40]
    )


def _slip(problem: str, lines: list[str], line: int, opened: int) -> tuple[str, int]:
    """Name the sentence and its line; ``line`` is where the parser stopped, ``opened`` where what it was reading begins."""
    if "cannot start any token" in problem:
        return "yaml_tab" if "\t" in lines[line] else "yaml_sign", line
    for number in sorted({opened, max(line - 1, 1), line}):
        if _FULL_WIDTH_COLON.match(lines[number]):
            return "yaml_full_width_colon", number
    for said, key in _AT_OPENING.items():
        if said in problem:
            return key, opened
    return next((key for said, key in _AT_STOP.items() if said in problem), "not_yaml"), line
