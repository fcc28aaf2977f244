"""The words of a model's syntax, each with its place in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from cbecmodel.errors import ModelSyntaxError

Kind = Literal["name", "number", "text", "operator", "newline", "end"]

_PATTERN: Final = re.compile(
    r"""(?P<blank>[ \t\r\f\u00a0\u3000\ufeff]+)
      | (?P<comment>[\#!][^\n]*)
      | (?P<newline>\n|;|；)
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>(?:[^\W\d]|\.[^\W\d])[\w.]*)
      | (?P<text>"[^"\n]*"|'[^'\n]*')
      | (?P<operator>=~|<~|~\*~|~~|:=|==|\*\*|[~|<>*+\-/^(),:?])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the syntax.

    Attributes
    ----------
    kind : {"name", "number", "text", "operator", "newline", "end"}
    text : str
        As written; without the quotation marks for ``"text"``.
    line, column : int
        Where it begins, both from 1.
    """

    kind: Kind
    text: str
    line: int
    column: int

    def shown(self) -> str:
        """Return the token as a message quotes it.

        Returns
        -------
        str

        Examples
        --------
        >>> Token("newline", ";", 1, 5).shown()
        '↵'
        """
        return "↵" if self.kind in {"newline", "end"} else self.text


def tokenize(syntax: str) -> list[Token]:
    r"""Split a model's syntax into tokens; comments and blanks are dropped.

    Parameters
    ----------
    syntax : str
        Model syntax in lavaan's language.

    Returns
    -------
    list of Token
        Ends with one token of kind ``"end"``. ``;`` ends a formula as a line end does.

    Raises
    ------
    ModelSyntaxError
        At a character that belongs to no word of the language.

    Examples
    --------
    >>> [token.text for token in tokenize("文化 =~ 1*x1 + x2 # marker")]
    ['文化', '=~', '1', '*', 'x1', '+', 'x2', '']
    """
    tokens: list[Token] = []
    position, line, start = 0, 1, 0
    while position < len(syntax):
        match = _PATTERN.match(syntax, position)
        if match is None:
            here = Token("operator", syntax[position], line, position - start + 1)
            slips = {"=": "expected_equals", '"': "expected_quote", "'": "expected_quote"}
            fail(syntax, here, f"syntax.{slips.get(here.text, 'expected_word')}")
        kind, word = match.lastgroup, match.group()
        if kind not in {"blank", "comment"}:
            shown = word[1:-1] if kind == "text" else word
            tokens.append(Token(kind, shown, line, position - start + 1))  # type: ignore[arg-type]  # a group's name is a Kind
        position = match.end()
        if word == "\n":
            line, start = line + 1, position
    tokens.append(Token("end", "", line, position - start + 1))
    return tokens


def quoted_line(syntax: str, line: int, column: int) -> str:
    """Return a line of the syntax with a caret under one column.

    Parameters
    ----------
    syntax : str
    line, column : int
        From 1.

    Returns
    -------
    str
        Two lines; wide (Chinese) characters before the caret take two places, as terminals show them.

    Examples
    --------
    >>> print(quoted_line("f =~ x1 x2", 1, 9))
        f =~ x1 x2
                ^
    """
    from unicodedata import east_asian_width

    lines = syntax.split("\n")
    quoted = lines[line - 1].replace("\t", " ").rstrip() if line <= len(lines) else ""
    width = sum(2 if east_asian_width(letter) in "WF" else 1 for letter in quoted[: column - 1])
    width += max(0, column - 1 - len(quoted))
    return f"    {quoted}\n    {' ' * width}^"


def fail(syntax: str, token: Token, expected: str, **values: object) -> NoReturn:
    """Raise the syntax error at a token.

    Parameters
    ----------
    syntax : str
        The whole model.
    token : Token
        Where reading stopped.
    expected : str
        Name of the sentence part (in ``locale/structure.yaml``) that says what was expected there.
    **values
        Placeholders of that part.

    Raises
    ------
    ModelSyntaxError
        Always.

    Examples
    --------
    >>> fail("f = x", Token("operator", "=", 1, 3), "syntax.expected_operator")
    Traceback (most recent call last):
    cbecmodel.errors.ModelSyntaxError: Model syntax, line 1, column 3: found "=", expected an operator ...
    """
    raise ModelSyntaxError(
        f"structure.{expected.replace('syntax.', 'syntax_')}",
        line=token.line,
        column=token.column,
        found=token.shown(),
        quoted=quoted_line(syntax, token.line, token.column),
        **values,
    )
