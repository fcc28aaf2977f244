"""Plain text in columns, where a Chinese character is as wide as two letters."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP: Final = "  "
NARROWEST: Final = 10


def display_width(text: str) -> int:
    """Return how many terminal cells a text takes.

    Parameters
    ----------
    text : str

    Returns
    -------
    int
        Wide and full-width characters count two, combining marks none.

    Examples
    --------
    >>> display_width("SDI"), display_width("文化")
    (3, 4)
    """
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def pad(text: str, width: int, right: bool = False) -> str:
    """Fill a text with blanks to a display width.

    Parameters
    ----------
    text : str
    width : int
        Terminal cells.
    right : bool
        Align to the right, as numbers are.

    Returns
    -------
    str

    Examples
    --------
    >>> pad("文化", 6) + "|", pad("1.0", 5, right=True)
    ('文化  |', '  1.0')
    """
    blanks = " " * max(0, width - display_width(text))
    return blanks + text if right else text + blanks


def wrap(text: str, width: int) -> list[str]:
    """Break a text into lines: at blanks, and between Chinese characters.

    Parameters
    ----------
    text : str
    width : int
        Terminal cells a line may take; a single longer word is cut.

    Returns
    -------
    list of str
        At least one line.

    Examples
    --------
    >>> wrap("cultural identity", 10)
    ['cultural', 'identity']
    >>> wrap("文化创新感知", 8)
    ['文化创新', '感知']
    """
    lines, line = [], ""
    for piece in _pieces(text):
        if line and display_width((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line = line + piece if line else piece.lstrip()
        while display_width(line.rstrip()) > width:
            cut = _fitting(line, width)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _pieces(text: str) -> list[str]:
    """Split where a line may break; closing punctuation stays with what it closes."""
    pieces: list[str] = []
    for letter in text:
        wide = unicodedata.east_asian_width(letter) in "WF"
        closing = unicodedata.category(letter) in {"Pe", "Pf", "Po"}
        after_break = not pieces or pieces[-1][-1] == " " or unicodedata.east_asian_width(pieces[-1][-1]) in "WF"
        if pieces and (letter == " " or (wide and closing) or not (wide or after_break)):
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces


def _fitting(text: str, width: int) -> int:
    """Return how many characters fit; at least one."""
    cut = 1
    while cut < len(text) and display_width(text[: cut + 1]) <= width:
        cut += 1
    return cut


def column_widths(rows: Sequence[Sequence[str]], shrinkable: Sequence[bool], width: int | None) -> list[int]:
    """Return each column's width, the widest text columns made narrower until the table fits.

    Parameters
    ----------
    rows : sequence of sequence of str
        Cells, header included.
    shrinkable : sequence of bool
        Columns whose cells may be broken into lines.
    width : int or None
        Terminal cells the table may take.

    Returns
    -------
    list of int

    Examples
    --------
    >>> column_widths([["a long sentence of words", "1.00"]], [True, False], 20)
    [14, 4]
    """
    widths = [max((display_width(cell) for cell in column), default=0) for column in zip(*rows, strict=True)]
    while width is not None and sum(widths) + len(GAP) * (len(widths) - 1) > width:
        widest = max((w for w, soft in zip(widths, shrinkable, strict=True) if soft), default=0)
        if widest <= NARROWEST:
            break
        widths[next(i for i, w in enumerate(widths) if w == widest and shrinkable[i])] -= 1
    return widths


def text_row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    """Lay one row out, on as many lines as its tallest cell needs.

    Parameters
    ----------
    cells : sequence of str
    widths : sequence of int
    right : sequence of bool
        Columns aligned to the right.

    Returns
    -------
    list of str

    Examples
    --------
    >>> text_row(["文化认同", "0.31"], [10, 6], [False, True])
    ['文化认同      0.31']
    """
    blocks = [wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines = []
    for height in range(max(len(block) for block in blocks)):
        parts = [
            pad(block[height] if height < len(block) else "", width, flush)
            for block, width, flush in zip(blocks, widths, right, strict=True)
        ]
        lines.append(GAP.join(parts).rstrip())
    return lines
