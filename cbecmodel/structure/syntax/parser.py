"""Model syntax in lavaan's language, read into plain formulas.

Grammar (``[...]`` optional, ``{...}`` repeated)::

    model    = {[formula] (line end | ";")}
    formula  = names operator terms | label ":=" expr | expr ("==" | "<" | ">") expr | block
    block    = ("level" | "group") ":" (name | number)
    names    = [efa "*"] name {"+" [efa "*"] name}
    operator = "=~" | "~" | "~~" | "|" | "<~" | "~*~"
    terms    = term {"+" term}
    term     = {modifier "*"} (name {":" name} | "1" | "0")
    modifier = number | NA | label | "label" | start(...) | equal("...") | c(...) | lower(...) | upper(...) | label("...")

A formula goes on over a line end that follows or precedes an operator, ``+``, ``*``, or stands inside parentheses.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from cbecmodel.structure.syntax.expressions import Expression, ExpressionReader
from cbecmodel.structure.syntax.formulas import Constraint, Formula, Model, Modifiers
from cbecmodel.structure.syntax.modifiers import ModifierReader
from cbecmodel.structure.syntax.tokens import Token, fail, tokenize

_RELATIONS: Final = ("=~", "<~", "~~", "~*~", "~", "|")
_COMPARISONS: Final = ("==", "<", ">")
_BLOCKS: Final = ("level", "group", "block", "class")
_GLUE: Final = frozenset({*_RELATIONS, *_COMPARISONS, ":=", "+", "*", "-", "/", "^", "**", ",", "(", ":", "?"})


def parse(syntax: str) -> Model:
    """Read a model's syntax.

    Parameters
    ----------
    syntax : str
        In lavaan's language: ``=~ ~ ~~ ~1 | <~ := == < >``, modifiers, ``level:`` and ``group:`` blocks.

    Returns
    -------
    Model

    Raises
    ------
    ModelSyntaxError
        Says line, column, what was found and what was expected, and quotes the line.

    Examples
    --------
    >>> model = parse("f =~ x1 + a*x2; y ~ f + 1")
    >>> [(row.lhs, row.op, row.rhs) for row in model.formulas]
    [('f', '=~', 'x1'), ('f', '=~', 'x2'), ('y', '~', 'f'), ('y', '~1', '')]
    """
    return _parsed(syntax)


@lru_cache(maxsize=16)  # one fit asks several times what its model says; what it gets cannot be changed
def _parsed(syntax: str) -> Model:
    return _Parser(syntax).model()


def parse_expression(text: str) -> Expression:
    """Read one arithmetic expression of labels.

    Parameters
    ----------
    text : str

    Returns
    -------
    Expression

    Examples
    --------
    >>> parse_expression("a*(b + 1)").names()
    ('a', 'b')
    """
    tokens = tokenize(text)
    reader = ExpressionReader(text, tokens, 0)
    tree = reader.read()
    if tokens[reader.position].kind != "end":
        fail(text, tokens[reader.position], "syntax.expected_end")
    return tree


def parse_comparisons(text: str) -> tuple[Constraint, ...]:
    """Read constraints such as ``"a == b; c == 0"``.

    Parameters
    ----------
    text : str

    Returns
    -------
    tuple of Constraint

    Examples
    --------
    >>> parse_comparisons("a == b")[0].op
    '=='
    """
    model = _Parser(text).model()
    if model.formulas or not model.constraints:
        fail(text, tokenize(text)[0], "syntax.expected_comparison")
    return model.constraints


class _Parser(ModifierReader):
    def __init__(self, syntax: str) -> None:
        super().__init__(syntax, _joined(tokenize(syntax)))
        self.group = self.level = ""
        self.formulas: dict[tuple[str, ...], Formula] = {}
        self.constraints: list[Constraint] = []

    def model(self) -> Model:
        while self.here.kind != "end":
            if self.here.kind == "newline":
                self.position += 1
                continue
            self.statement()
            if self.here.kind not in {"newline", "end"}:
                self.fail("expected_plus")
        if not self.formulas and not self.constraints:
            self.fail("expected_formula")
        return Model(tuple(self.formulas.values()), tuple(self.constraints), self.syntax)

    def statement(self) -> None:
        operator = self.operator_ahead()
        if operator is None:
            if self.here.text in _BLOCKS and self.tokens[self.position + 1].text == ":":
                return self.block()
            while self.here.kind not in {"newline", "end"}:
                self.position += 1
            return self.fail("expected_operator")
        if operator == ":=" or operator in _COMPARISONS:
            self.refuse_arrow()
            return self.constraint()
        return self.relation()

    def refuse_arrow(self) -> None:
        """Refuse ``y <- x`` and ``x -> y``, which would read as comparisons with a negative number."""
        words = self.tokens[self.position : self.position + 4]
        if (
            len(words) == 4
            and words[0].kind == words[3].kind == "name"
            and words[1].text + words[2].text in {"<-", "->"}
        ):
            self.fail("expected_tilde", replace(words[1], text=words[1].text + words[2].text))

    def operator_ahead(self) -> str | None:
        for token in self.tokens[self.position :]:
            if token.kind in {"newline", "end"}:
                return None
            if token.kind == "operator" and (token.text in _RELATIONS or token.text in (":=", *_COMPARISONS)):
                return token.text
        return None

    def block(self) -> None:
        kind = self.here.text
        self.position += 2
        if self.here.kind not in {"name", "number", "text"}:
            self.fail("expected_block_name", block=kind)
        if kind == "level":
            self.level = self.here.text
        else:
            self.group, self.level = self.here.text, ""
        self.position += 1

    def constraint(self) -> None:
        start, line = self.position, self.here.line
        left = self.expression()
        middle = self.position
        operator = self.take(":=", *_COMPARISONS)
        if operator is None or (operator.text == ":=" and (left.kind != "name" or middle != start + 1)):
            return self.fail("expected_label", self.tokens[start] if operator else None)
        right = self.expression()
        words = [token.text for token in self.tokens]
        lhs, rhs = "".join(words[start:middle]), "".join(words[middle + 1 : self.position])
        self.constraints.append(Constraint(operator.text, lhs, rhs, left, right, line))
        return None

    def expression(self) -> Expression:
        reader = ExpressionReader(self.syntax, self.tokens, self.position)
        tree = reader.read()
        self.position = reader.position
        return tree

    def relation(self) -> None:
        left = [self.left_name()]
        while self.take("+"):
            left.append(self.left_name())
        operator = self.take(*_RELATIONS)
        if operator is None:
            return self.fail("expected_operator")
        terms = [self.term(operator.text)]
        while self.take("+"):
            terms.append(self.term(operator.text))
        for lhs, efa in left:
            for token, rhs, modifiers in terms:
                self.add(lhs, operator.text, rhs, modifiers, efa=efa, token=token)
        return None

    def left_name(self) -> tuple[str, str]:
        efa = ""
        if self.here.text == "efa" and self.tokens[self.position + 1].text == "(":
            self.position += 2
            efa = str(self.values("text")[0])
            if not self.take("*"):
                self.fail("expected_times")
        return self.variable(), efa

    def variable(self) -> str:
        if self.here.kind != "name":
            self.fail("expected_variable")
        words = [self.here.text]
        self.position += 1
        while self.take(":"):
            if self.here.kind != "name":
                self.fail("expected_variable")
            words.append(self.here.text)
            self.position += 1
        return ":".join(words)

    def term(self, operator: str) -> tuple[Token, str, Modifiers]:
        modifiers = Modifiers()
        while True:
            token, after = self.here, self.position
            said = self.modifier()
            if said is not None and self.take("*"):
                modifiers = modifiers.merged(said)
                continue
            self.position = after
            if operator == "~" and token.kind == "number" and float(token.text) in (0, 1):
                self.position += 1
                constant = modifiers if float(token.text) else modifiers.merged(Modifiers(fixed=(0.0,)))
                return token, "", constant
            return token, self.variable(), modifiers

    def add(self, lhs: str, op: str, rhs: str, modifiers: Modifiers, *, efa: str, token: Token) -> None:
        op = "~1" if op == "~" and not rhs else op
        if lhs == rhs and op in {"=~", "~", "<~"}:
            self.fail("expected_other", token)
        row = Formula(lhs, op, rhs, modifiers, self.group, self.level, efa, token.line, token.column)
        pair = tuple(sorted((lhs, rhs))) if op == "~~" else (lhs, rhs)
        key = (self.group, self.level, op, *pair)
        if key in self.formulas:
            row = replace(self.formulas[key], modifiers=self.formulas[key].modifiers.merged(modifiers))
        self.formulas[key] = row


def _joined(tokens: list[Token]) -> list[Token]:
    """Drop the line ends a formula continues over."""
    kept: list[Token] = []
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind == "operator":
            depth += (token.text == "(") - (token.text == ")")
        if token.kind == "newline" and token.text == "\n":
            later = next((t for t in tokens[index:] if t.kind != "newline"), token)
            before = kept[-1] if kept else token
            goes_on = later.kind == "operator" and later.text in _GLUE and later.text not in {"(", "-"}
            if depth > 0 or (before.kind == "operator" and before.text in _GLUE) or (goes_on and kept):
                continue
        kept.append(token)
    return kept
