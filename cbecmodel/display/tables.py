"""Tables from plain frames, as HTML, LaTeX and text; and the one look of every results object."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

from cbecmodel.display.markup import STYLE, html_facts, html_table, latex_table
from cbecmodel.display.numbers import count, number, p_value, percent, scientific
from cbecmodel.display.plain_text import column_widths, display_width, text_row, wrap
from cbecmodel.messages import language, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Kind = Literal["text", "number", "p", "percent", "count", "scientific"]
_DIGITS: Final = {"number": 3}
WRITERS: Final[dict[str, Callable[[object, int, str], str]]] = {
    "number": number,
    "p": lambda value, _, lang: p_value(value, lang),
    "percent": percent,
    "count": lambda value, _, lang: count(value, lang),
    "scientific": scientific,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: what it is called, and how its values are written.

    Attributes
    ----------
    label : str
        Text of the header.
    kind : {"text", "number", "p", "percent", "count", "scientific"}
        Numbers have a fixed count of decimals; shares become percentages.
    digits : int, optional
        Decimals; three for numbers, one for percentages and powers of ten.

    Examples
    --------
    >>> Column("Estimate").kind
    'number'
    """

    label: str
    kind: Kind = "number"
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A frame and how to show it; the frame keeps its full precision.

    Attributes
    ----------
    frame : pandas.DataFrame
        Its index is not shown.
    columns : mapping of str to Column
        Which columns of the frame are shown, in this order.
    title : str
    notes : tuple of str
        Printed below.
    row_groups : str, optional
        Column whose runs of equal values become headings between the rows.
    lang : {"", "en", "zh"}
        Language of yes, no, dashes and "Note"; "" is the language messages are in.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"path": ["PCI ~ SDI", "文化认同 ~ PCI"], "est": [0.31234, -0.2], "p": [0.0001, 0.04]})
    >>> print(Table(frame, {"path": Column("Path", "text"), "est": Column("Est.", digits=2), "p": Column("p", "p")}))
    Path             Est.       p
    ─────────────────────────────
    PCI ~ SDI        0.31  < .001
    文化认同 ~ PCI  −0.20    .040
    """

    frame: pd.DataFrame
    columns: Mapping[str, Column]
    title: str = ""
    notes: tuple[str, ...] = ()
    row_groups: str | None = None
    lang: str = ""

    @property
    def right(self) -> list[bool]:
        """Which columns hold numbers and are aligned to the right."""
        return [column.kind != "text" for column in self.columns.values()]

    @property
    def header(self) -> list[str]:
        """Labels of the shown columns."""
        return [column.label for column in self.columns.values()]

    def cells(self) -> list[list[str]]:
        """Return the written cells, row by row.

        Returns
        -------
        list of list of str
        """
        lang = self.lang or language()
        written = [[_cell(value, column, lang) for value in self.frame[name]] for name, column in self.columns.items()]
        return [list(row) for row in zip(*written, strict=True)]

    def groups(self) -> list[tuple[str, list[list[str]]]]:
        """Return the written rows under their headings.

        Returns
        -------
        list of (str, list of list of str)
            One group without a heading if the table has no :attr:`row_groups`.
        """
        rows = self.cells()
        if self.row_groups is None:
            return [("", rows)]
        found: list[tuple[str, list[list[str]]]] = []
        for heading, row in zip(self.frame[self.row_groups].astype(str), rows, strict=True):
            if not found or found[-1][0] != heading:
                found.append((heading, []))
            found[-1][1].append(row)
        return found

    def to_html(self, style: bool = True) -> str:
        """Return the table as semantic HTML that reads well in light and dark pages.

        Parameters
        ----------
        style : bool
            Put the small style sheet before it.

        Returns
        -------
        str
        """
        table = html_table(self.header, self.right, self.groups(), self.title, self.notes)
        return (STYLE if style else "") + f'<div class="cbec">{table}</div>'

    def to_latex(self) -> str:
        r"""Return the table as a LaTeX float with booktabs rules.

        Returns
        -------
        str
            Needs ``\usepackage{booktabs}``; Chinese text needs XeLaTeX or LuaLaTeX with ctex.
        """
        return latex_table(self.header, self.right, self.groups(), self.title, self.notes)

    def to_text(self, width: int | None = None) -> str:
        """Return the table as plain text; Chinese characters count two cells.

        Parameters
        ----------
        width : int, optional
            Cells a line may take; text columns are broken into lines to fit.

        Returns
        -------
        str
        """
        right = self.right
        rows = [self.header, *self.cells()]
        widths = column_widths(rows, [not flush for flush in right], width)
        head = text_row(self.header, widths, right)
        rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
        lines = [self.title] if self.title else []
        lines += [*head, rule]
        for heading, group in self.groups():
            lines += [heading] if heading else []
            lines += [line for row in group for line in text_row(row, widths, right)]
        lines += [line for note in self.notes for line in wrap(note, width or max(display_width(rule), 60))]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()


def _cell(value: object, column: Column, lang: str) -> str:
    if column.kind != "text":
        digits = _DIGITS.get(column.kind, 1) if column.digits is None else column.digits
        return WRITERS[column.kind](value, digits, lang)
    if isinstance(value, (bool, np.bool_)):
        return text("display.agreed" if value else "display.not_agreed", lang)
    return "" if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)) else str(value)


def summary_html(title: str, facts: Sequence[tuple[str, str]], tables: Sequence[Table], synthetic: bool = False) -> str:
    """Return the one look every results object has in a notebook.

    Parameters
    ----------
    title : str
    facts : sequence of (str, str)
        Label and value, shown side by side under the title; a long one over the whole width.
    tables : sequence of Table
    synthetic : bool
        Say that the data were simulated.

    Returns
    -------
    str
        HTML without identifiers or time stamps.

    Examples
    --------
    >>> "<h3>" in summary_html("Model", [("N", "200")], [])
    True
    """
    parts = [
        STYLE,
        f'<div class="cbec"><h3>{escape(title)}</h3>',
        f'<p class="cbec-synthetic">{escape(text("display.synthetic"))}</p>' if synthetic else "",
        html_facts(facts),
        *(html_table(t.header, t.right, t.groups(), t.title, t.notes) for t in tables),
        "</div>",
    ]
    return "".join(parts)


def summary_text(
    title: str,
    facts: Sequence[tuple[str, str]],
    tables: Sequence[Table],
    synthetic: bool = False,
    width: int | None = None,
) -> str:
    """Return the same look in plain text, for ``str()`` and ``repr()``.

    Parameters
    ----------
    title : str
    facts : sequence of (str, str)
    tables : sequence of Table
    synthetic : bool
    width : int, optional
        Cells a line may take.

    Returns
    -------
    str

    Examples
    --------
    >>> print(summary_text("Model M1", [("Observations", "200"), ("χ²", "12.3")], []))
    Model M1
    ════════
    Observations  200
    χ²            12.3
    """
    lines = [title, "═" * display_width(title)]
    lines += wrap(text("display.synthetic"), width or 100) if synthetic else []
    if facts:
        widths = column_widths([list(fact) for fact in facts], [False, True], width)
        lines += [line for fact in facts for line in text_row(fact, widths, [False, False])]
    return "\n".join([*lines, *(f"\n{table.to_text(width)}" for table in tables)])
