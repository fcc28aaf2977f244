"""Rows of a parameter table as text: lines of syntax, cells of HTML."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.table.parameter import Parameter


def syntax_line(row: Parameter) -> str:
    """Return the line of syntax that says one row.

    Parameters
    ----------
    row : Parameter

    Returns
    -------
    str

    Examples
    --------
    >>> from cbecmodel.structure.table.parameter import Parameter
    >>> syntax_line(Parameter("f", "=~", "x1", label="a", free=1))
    'f =~ NA*a*x1'
    """
    value = "" if row.free else f"{row.fixed!r}*"
    if not row.free and row.fixed == int(row.fixed):
        value = f"{int(row.fixed)}*"
    freed = "NA*" if row.free else ""  # also where a default would fix it
    label = f"{row.label}*" if row.label else ""
    said = {"start": row.start, "lower": row.lower, "upper": row.upper} if row.free else {}
    calls = "".join(f"{name}({number!r})*" for name, number in said.items() if not math.isnan(number))
    term = f"{freed}{value}{label}{calls}{row.rhs or '1'}"
    return f"{row.lhs} {'~' if row.op == '~1' else row.op} {term}"


def html_rows(rows: Sequence[Parameter]) -> str:
    """Return rows as an HTML table.

    Parameters
    ----------
    rows : sequence of Parameter

    Returns
    -------
    str

    Examples
    --------
    >>> html_rows([])[:6]
    '<table'
    """
    head = ["lhs", "op", "rhs", "group", "label", "free", "fixed", "start", "user"]
    cells = [[_cell(getattr(row, name)) for name in head] for row in rows]
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in cells)
    top = "".join(f'<th scope="col">{name}</th>' for name in head)
    return f'<table class="cbec-table"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:g}"
    return html.escape({True: "✓", False: ""}.get(value, str(value)) if isinstance(value, bool) else str(value))
