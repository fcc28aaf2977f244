"""Which names a model in lavaan's syntax uses.

This reads just enough of the syntax to check a model against the constructs and items it speaks of; the full grammar
belongs to :mod:`cbecmodel.structure`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_OPERATOR: Final = re.compile(r"=~|<~|:=|~~|~\*~|==|[~|<>]")
_COMMENT: Final = re.compile(r"[#!].*")
_NAME: Final = re.compile(r"[^\W\d][\w.]*")
_BLOCK: Final = re.compile(r"(group|level|block)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula of a model.

    Attributes
    ----------
    line : int
        Its first line inside the syntax, counted from 0.
    lhs, rhs : tuple of str
        Names on the left and on the right, without labels and numbers.
    operator : str
    """

    line: int
    lhs: tuple[str, ...]
    operator: str
    rhs: tuple[str, ...]


def formulas(syntax: str) -> tuple[Formula, ...]:
    """Split a model into its formulas.

    Parameters
    ----------
    syntax : str

    Returns
    -------
    tuple of Formula
        Block headers and lines without an operator are left out.

    Examples
    --------
    >>> formulas("PCI ~ a*SDI + PLI  # paths")
    (Formula(line=0, lhs=('PCI',), operator='~', rhs=('SDI', 'PLI')),)
    """
    found = []
    for start, statement in _statements(syntax):
        operator = _OPERATOR.search(statement)
        if operator is None or _BLOCK.match(statement):
            continue
        left, right = statement[: operator.start()], statement[operator.end() :]
        found.append(Formula(start, _terms(left), operator.group(), _terms(right)))
    return tuple(found)


def latents(syntax: str) -> dict[str, tuple[str, ...]]:
    """Return the latent variables of a model and what measures them.

    Parameters
    ----------
    syntax : str

    Returns
    -------
    dict
        ``{latent: (indicator, …)}`` in the order of the syntax.

    Examples
    --------
    >>> latents("A =~ a1 + a2; B =~ A + b1")
    {'A': ('a1', 'a2'), 'B': ('A', 'b1')}
    """
    measured: dict[str, tuple[str, ...]] = {}
    for formula in formulas(syntax):
        if formula.operator in {"=~", "<~"}:
            for latent in formula.lhs:
                measured[latent] = measured.get(latent, ()) + formula.rhs
    return measured


def regressions(syntax: str) -> tuple[tuple[str, str], ...]:
    """Return the structural paths of a model.

    Parameters
    ----------
    syntax : str

    Returns
    -------
    tuple of (str, str)
        ``(outcome, predictor)`` pairs in the order of the syntax.

    Examples
    --------
    >>> regressions("CID ~ b*PCI + SDI")
    (('CID', 'PCI'), ('CID', 'SDI'))
    """
    return tuple((lhs, rhs) for f in formulas(syntax) if f.operator == "~" for lhs in f.lhs for rhs in f.rhs)


def _statements(syntax: str) -> list[tuple[int, str]]:
    """Join continued lines and split at semicolons."""
    statements: list[tuple[int, str]] = []
    continued = False
    for number, raw in enumerate(syntax.splitlines()):
        for piece in _COMMENT.sub("", raw).split(";"):
            part = piece.strip()
            if not part:
                continue
            if statements and (continued or part.startswith("+")):
                start, before = statements.pop()
                statements.append((start, f"{before} {part}"))
            else:
                statements.append((number, part))
            continued = part[-1] in "+*~=,("
    return statements


def _terms(side: str) -> tuple[str, ...]:
    names: list[str] = []
    for term in side.split("+"):
        variable = term.rsplit("*", 1)[-1]
        names += _NAME.findall(variable)
    return tuple(names)
