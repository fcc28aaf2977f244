"""Arithmetic of parameters: what stands in ``:=``, ``==``, ``<`` and ``>``, with exact derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.syntax.tokens import Token, fail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Floats = NDArray[np.float64]

# value and derivative of each function of one argument
_FUNCTIONS: Final[dict[str, tuple[Callable[[float], float], Callable[[float], float]]]] = {
    "exp": (math.exp, math.exp),
    "log": (math.log, lambda x: 1 / x),
    "sqrt": (math.sqrt, lambda x: 0.5 / math.sqrt(x)),
    "abs": (abs, lambda x: math.copysign(1.0, x)),
    "sin": (math.sin, math.cos),
    "cos": (math.cos, lambda x: -math.sin(x)),
    "tan": (math.tan, lambda x: 1 / math.cos(x) ** 2),
    "tanh": (math.tanh, lambda x: 1 - math.tanh(x) ** 2),
}
_POWER: Final = {"^", "**"}


@dataclass(frozen=True, slots=True)
class Expression:
    """One node of an expression.

    Attributes
    ----------
    kind : str
        ``"number"``, ``"name"``, an operator (``+ - * / ^``), ``"negative"`` or a function's name.
    parts : tuple of Expression
        Its operands.
    name : str
        The parameter's label, for ``"name"``.
    number : float
        The value, for ``"number"``.
    """

    kind: str
    parts: tuple[Expression, ...] = ()
    name: str = ""
    number: float = 0.0

    def names(self) -> tuple[str, ...]:
        """Return the labels it uses, in the order of their first appearance.

        Returns
        -------
        tuple of str
        """
        found = [self.name] if self.kind == "name" else [name for part in self.parts for name in part.names()]
        return tuple(dict.fromkeys(found))

    def evaluate(self, values: Mapping[str, tuple[float, Floats]]) -> tuple[float, Floats]:
        """Return its value and gradient.

        Parameters
        ----------
        values : mapping
            For each label its value and its gradient, shape ``(k,)``.

        Returns
        -------
        value : float
        gradient : ndarray, shape (k,)
        """
        if self.kind == "number":
            return self.number, np.zeros(1)
        if self.kind == "name":
            return values[self.name]
        value, slope = self.parts[0].evaluate(values)
        if self.kind == "negative":
            return -value, -slope
        if self.kind in _FUNCTIONS:
            function, derivative = _FUNCTIONS[self.kind]
            return function(value), derivative(value) * slope
        return _combine(self.kind, value, slope, *self.parts[1].evaluate(values))


def _combine(operator: str, a: float, da: Floats, b: float, db: Floats) -> tuple[float, Floats]:
    if operator == "+":
        return a + b, da + db
    if operator == "-":
        return a - b, da - db
    if operator == "*":
        return a * b, b * da + a * db
    if operator == "/":
        return a / b, (da - a / b * db) / b
    power = a**b
    slope = b * a ** (b - 1) * da if b else 0 * da
    return power, slope + power * math.log(a) * db if np.any(db) else slope + 0 * db


class ExpressionReader:
    """Reads one expression from a list of tokens (recursive descent).

    Parameters
    ----------
    syntax : str
        The whole model, to be quoted in errors.
    tokens : list of Token
    position : int
        Where the expression begins.

    Examples
    --------
    >>> from cbecmodel.structure.syntax.tokens import tokenize
    >>> reader = ExpressionReader("a*b + 2", tokenize("a*b + 2"), 0)
    >>> tree = reader.read()
    >>> tree.names()
    ('a', 'b')
    """

    def __init__(self, syntax: str, tokens: list[Token], position: int) -> None:
        self.syntax, self.tokens, self.position = syntax, tokens, position

    def _take(self, *wanted: str) -> str:
        token = self.tokens[self.position]
        if token.kind == "operator" and token.text in wanted:
            self.position += 1
            return token.text
        return ""

    def read(self) -> Expression:
        """Return the expression and move behind it.

        Returns
        -------
        Expression

        Raises
        ------
        ModelSyntaxError
            If something else stands there.
        """
        left = self._product()
        while operator := self._take("+", "-"):
            left = Expression(operator, (left, self._product()))
        return left

    def _product(self) -> Expression:
        left = self._signed()
        while operator := self._take("*", "/"):
            left = Expression(operator, (left, self._signed()))
        return left

    def _signed(self) -> Expression:
        if self._take("-"):
            return Expression("negative", (self._signed(),))
        if self._take("+"):
            return self._signed()
        base = self._atom()
        if self._take(*_POWER):
            return Expression("^", (base, self._signed()))
        return base

    def _atom(self) -> Expression:
        token = self.tokens[self.position]
        if token.kind == "number":
            self.position += 1
            return Expression("number", number=float(token.text))
        if token.kind == "name":
            self.position += 1
            if self._take("("):
                if token.text not in _FUNCTIONS:
                    fail(self.syntax, token, "syntax.expected_function", known=", ".join(_FUNCTIONS))
                return Expression(token.text, (self._closed(),))
            return Expression("name", name=token.text)
        if self._take("("):
            return self._closed()
        return fail(self.syntax, token, "syntax.expected_expression")

    def _closed(self) -> Expression:
        inside = self.read()
        if not self._take(")"):
            fail(self.syntax, self.tokens[self.position], "syntax.expected_close")
        return inside


def evaluate_all(
    expressions: Mapping[str, Expression], labels: Mapping[str, int], x: Floats
) -> dict[str, tuple[float, Floats]]:
    """Evaluate named expressions in order; a later one may use an earlier one.

    Parameters
    ----------
    expressions : mapping of str to Expression
    labels : mapping of str to int
        Position in ``x`` of every label.
    x : ndarray, shape (k,)
        Parameter values.

    Returns
    -------
    dict
        ``{name: (value, gradient)}``, gradients of shape (k,).

    Examples
    --------
    >>> from cbecmodel.structure.syntax.parser import parse_expression
    >>> value, slope = evaluate_all({"ab": parse_expression("a*b")}, {"a": 0, "b": 1}, np.array([2.0, 3.0]))["ab"]
    >>> value, slope.tolist()
    (6.0, [3.0, 2.0])
    """
    unit = np.eye(len(x))
    known: dict[str, tuple[float, Floats]] = {label: (float(x[k]), unit[k]) for label, k in labels.items()}
    zero = np.zeros(len(x))
    out: dict[str, tuple[float, Floats]] = {}
    for name, tree in expressions.items():
        try:
            value, slope = tree.evaluate(known)
        except (ValueError, ZeroDivisionError, OverflowError):
            value, slope = math.nan, np.full(len(x), math.nan)
        out[name] = known[name] = value, slope + zero
    return out
