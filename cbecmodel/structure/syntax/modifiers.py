"""Modifiers of terms: numbers, labels and calls before a ``*``."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from cbecmodel.structure.syntax.formulas import Modifiers
from cbecmodel.structure.syntax.tokens import Token, fail

_CALLS: Final = ("c", "start", "equal", "label", "lower", "upper", "rv")
Value = float | str


class ModifierReader:
    """Reads modifiers from a position in a list of tokens.

    Parameters
    ----------
    syntax : str
    tokens : list of Token
    """

    def __init__(self, syntax: str, tokens: list[Token]) -> None:
        self.syntax, self.tokens, self.position = syntax, tokens, 0

    @property
    def here(self) -> Token:
        """Return the token at the position."""
        return self.tokens[self.position]

    def take(self, *wanted: str) -> Token | None:
        """Return the operator at the position and go on, if it is a wanted one."""
        token = self.here
        if token.kind == "operator" and token.text in wanted:
            self.position += 1
            return token
        return None

    def fail(self, expected: str, token: Token | None = None, **values: object) -> None:
        """Raise the syntax error that says what was expected."""
        fail(self.syntax, token or self.here, f"syntax.{expected}", **values)

    def modifier(self) -> Modifiers | None:
        """Return the modifier at the position, None if there is none."""
        token = self.here
        if token.kind == "name" and token.text in _CALLS and self.tokens[self.position + 1].text == "(":
            self.position += 2
            return self._call(token)
        negative = bool(self.take("-"))
        if self.here.kind == "number":
            value = self._number() * (-1 if negative else 1)
            return Modifiers(start=(value,)) if self.take("?") and self._back("*") else Modifiers(fixed=(value,))
        if token.kind not in {"name", "text"}:
            return None
        self.position += 1
        return Modifiers(fixed=(math.nan,)) if token.text == "NA" else Modifiers(label=(token.text,))

    def _back(self, text: str) -> bool:
        # ``0.5?x`` is lavaan's short form of ``start(0.5)*x``: put the missing ``*`` where term() looks for it
        self.position -= 1
        mark = self.here
        self.tokens[self.position] = Token("operator", text, mark.line, mark.column)
        return True

    def _number(self) -> float:
        """Return the number (or fraction) at the position."""
        value = float(self.here.text)
        self.position += 1
        if self.here.text == "/" and self.tokens[self.position + 1].kind == "number":
            self.position += 1
            value /= float(self.here.text)
            self.position += 1
        return value

    def _call(self, name: Token) -> Modifiers:
        """Return the modifier that a call such as ``start(0.5)`` makes."""
        if name.text in {"equal", "label", "rv"}:
            said = self.values("text")
            words = tuple(map(str, said))
            return Modifiers(equal=words) if name.text == "equal" else Modifiers(label=words)
        values = self.values("any" if name.text == "c" else "number")
        if name.text != "c":
            bounds = tuple(map(float, values))
            return replace(Modifiers(), **{name.text: bounds})  # type: ignore[arg-type]  # start, lower or upper
        named = any(isinstance(value, str) for value in values)
        if not named:
            return Modifiers(fixed=tuple(map(float, values)))
        if all(isinstance(value, str) or math.isnan(value) for value in values):
            return Modifiers(label=tuple(value if isinstance(value, str) else "" for value in values))
        self.fail("expected_one_kind", name)
        raise AssertionError

    def values(self, kind: str) -> list[Value]:
        """Return the values up to the closing parenthesis; nested ``c(...)`` are laid flat."""
        found: list[Value] = []
        while True:
            if self.here.text == "c" and self.tokens[self.position + 1].text == "(":
                self.position += 2
                found.extend(self.values(kind))
            else:
                found.append(self._value(kind))
            if self.take(")"):
                return found
            if not self.take(","):
                self.fail("expected_comma")

    def _value(self, kind: str) -> Value:
        """Return one value of a call."""
        negative = bool(self.take("-"))
        token = self.here
        if token.kind == "number" and kind != "text":
            return self._number() * (-1 if negative else 1)
        if token.kind == "name" and token.text == "NA" and kind != "text":
            self.position += 1
            return math.nan
        if token.kind in {"name", "text"} and kind != "number" and not negative:
            self.position += 1
            return token.text
        self.fail("expected_text" if kind == "text" else "expected_number")
        raise AssertionError
