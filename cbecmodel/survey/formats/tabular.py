"""Text tables: CSV, TSV and what Excel saves as such, in any usual encoding and with any usual separator."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel.errors import DataError, DataWarning, FileError, warn
from cbecmodel.files import decode
from cbecmodel.survey.change_log import Event
from cbecmodel.survey.formats.table import RawTable
from cbecmodel.survey.text_matching import shortened

if TYPE_CHECKING:
    from pathlib import Path

ENDINGS: Final = frozenset({".csv", ".tsv", ".txt"})
SEPARATORS: Final = (",", "\t", ";")
_GUARDED: Final = re.compile(r"'[=+\-@\t\r\n]")
_SEP_LINE: Final = re.compile(r"\ufeff?sep=(.)\r?\n", re.IGNORECASE)
_IN_QUOTE: Final = re.compile(r"starting at row (\d+)")
_TOO_LONG: Final = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
_USUAL_SHARE: Final = 0.8


def read_table(path: Path, data: bytes, encoding: str | None = None) -> RawTable:
    r"""Read a text table.

    Parameters
    ----------
    path : pathlib.Path
        Its name is used in messages.
    data : bytes
    encoding : str, optional
        See :func:`cbecmodel.files.decode`. What is detected as GB18030 must also look like Chinese: Western and Big5 texts
        often decode without an error, into nonsense.

    Returns
    -------
    RawTable

    Raises
    ------
    FileError
        If the bytes are not text.
    DataError
        If it is empty or a row has more cells than the header.

    Warns
    -----
    DataWarning
        If a row has fewer cells than the header.

    Examples
    --------
    >>> from pathlib import Path
    >>> table = read_table(Path("a.csv"), "id;PU1\n7;同意\n".encode("gbk"))
    >>> table.headers, table.encoding, table.cells.iloc[0].tolist()
    (('id', 'PU1'), 'gb18030', ['7', '同意'])
    """
    text, found = decode(data, encoding, path=path)
    if encoding is None and found == "gb18030":
        _check_chinese(data, text, path)
    first = 1
    if said := _SEP_LINE.match(text):  # Excel's own way of naming the separator
        text, first = text[said.end() :], 2
    separator = said[1] if said else _separator(text)
    frame = _parse(text, separator, path, first)
    if len(frame) < 2:
        raise DataError("survey.empty_file", file=path.name)
    headers = tuple(frame.iloc[0].fillna("").astype(str))
    cells = frame.iloc[1:]
    rows = np.arange(first + 1, first + len(frame))
    _warn_about_short_rows(text, separator, path, first)
    return without_empty_rows(RawTable(path.name, "csv", found, headers, cells, rows))


def without_apostrophes(table: RawTable) -> RawTable:
    """Undo what keeps a spreadsheet from taking a text for a formula: an apostrophe before ``= + - @``, tab or line end.

    Parameters
    ----------
    table : RawTable
        Of a file that is known to have been written so.

    Returns
    -------
    RawTable
    """
    cells = table.cells
    for position in range(len(table.headers)):
        column = cells.iloc[:, position]
        guarded = column.map(lambda cell: isinstance(cell, str) and bool(_GUARDED.match(cell))).to_numpy(dtype=bool)
        if guarded.any():
            cells = cells.copy() if cells is table.cells else cells
            plain = [cell[1:] if there else cell for cell, there in zip(column, guarded, strict=True)]
            cells.isetitem(position, plain)
    return replace(table, cells=cells)


def without_empty_rows(table: RawTable) -> RawTable:
    """Leave out rows without any answer, as spreadsheets often leave below the table, and columns without header and answers.

    Parameters
    ----------
    table : RawTable

    Returns
    -------
    RawTable

    Raises
    ------
    DataError
        If nothing is left.
    """
    cells = table.cells
    filled = np.zeros(len(cells), dtype=bool)
    used = []
    for position, header in enumerate(table.headers):
        column = cells.iloc[:, position]
        full = (column.notna() & _not_empty(column)).to_numpy(dtype=bool)
        filled |= full
        if header.strip() or full.any():
            used.append(position)
    if not filled.any() or not any(header.strip() for header in table.headers):
        raise DataError("survey.empty_file", file=table.file)
    events = [Event("read", "log_read", table.file, len(cells), {"rows": len(cells)})]
    if not filled.all():
        events.append(Event("read", "log_empty_rows", table.file, int((~filled).sum())))
    kept = cells.iloc[:, used] if filled.all() else cells.iloc[filled.nonzero()[0], used]
    kept = kept.set_axis(range(len(used)), axis=1).reset_index(drop=True)
    headers = tuple(table.headers[position] for position in used)
    made = (*table.events, *events)
    return RawTable(table.file, table.format, table.encoding, headers, kept, table.rows[filled], made)


def _not_empty(column: pd.Series[Any]) -> pd.Series[bool]:
    """Compare with the empty text; cells of several types only as objects."""
    return (column if column.dtype == "str" else column.astype(object)) != ""


def _parse(text: str, separator: str, path: Path, first: int) -> pd.DataFrame:
    try:
        width = len(next(csv.reader(io.StringIO(text, newline=None), delimiter=separator), []))
    except csv.Error as error:  # a cell of more than 131,072 characters: a quote that is never closed
        raise DataError("survey.open_quote", file=path.name, row=first) from error
    if not width:
        raise DataError("survey.empty_file", file=path.name)
    try:
        return pd.read_csv(
            io.StringIO(text),
            sep=separator,
            header=None,
            names=range(width),
            index_col=False,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=False,
            engine="c",
        )
    except pd.errors.ParserError as error:
        long = _TOO_LONG.search(str(error))
        if long is None:
            quote = _IN_QUOTE.search(str(error))  # counted from 0
            raise DataError("survey.open_quote", file=path.name, row=first + int(quote[1]) if quote else "?") from error
        counts = {"row": int(long[2]) + first - 1, "expected": int(long[1]), "found": int(long[3])}
        raise DataError("survey.ragged_row", file=path.name, separator=separator, **counts) from error


def _warn_about_short_rows(text: str, separator: str, path: Path, first: int) -> None:
    """Warn of rows with too few cells: not wrong for sure, but a file cut off while saved or sent ends in one."""
    if _all_rows_full(text, separator):
        return
    cells = [len(row) for row in csv.reader(io.StringIO(text, newline=None), delimiter=separator)]
    short = [first + at for at, n in enumerate(cells) if 0 < n < cells[0]]
    if short:
        rows = shortened(map(str, short), 5)
        warn(DataWarning, "survey.short_rows", stacklevel=6, file=path.name, n=len(short), rows=rows, expected=cells[0])


def _all_rows_full(text: str, separator: str) -> bool:
    """Tell without taking rows apart, which is slow, that none is short; rows too long were refused before."""
    if '"' in text or text.count("\r") != text.count("\r\n"):
        return False
    header = text.partition("\n")[0]
    lines = text.count("\n") + (not text.endswith("\n"))
    return text.count(separator) == header.count(separator) * lines


def _separator(text: str) -> str:
    """Return the separator that stands most often outside quotes in the header."""
    header = next(iter(text.splitlines()), "")
    outside = Counter(re.sub(r'"[^"]*"', "", header))
    return max(SEPARATORS, key=lambda sign: outside[sign])


def _check_chinese(data: bytes, text: str, path: Path) -> None:
    """Refuse text that is GB18030 only by accident: ordinary Chinese keeps to the characters of GB 2312."""
    signs = Counter(sign for sign in text[:1_000_000] if ord(sign) > 127)
    usual = sum(n for sign, n in signs.items() if _in_gb2312(sign))
    if usual >= _USUAL_SHARE * sum(signs.values()):
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"0x{data[error.start]:02X}"
        raise FileError("survey.garbled", file=path.name, byte=byte, line=line) from error


def _in_gb2312(sign: str) -> bool:
    try:
        sign.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
