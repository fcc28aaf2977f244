"""Excel workbooks: values only; macros never run, formulas are never computed, and what unpacks to too much is refused."""

from __future__ import annotations

import io
import warnings
import zipfile
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel.errors import DataError, FileError
from cbecmodel.survey.change_log import Event
from cbecmodel.survey.formats.table import RawTable
from cbecmodel.survey.formats.tabular import without_empty_rows
from cbecmodel.survey.recode import as_text

if TYPE_CHECKING:
    from pathlib import Path

    from openpyxl.workbook.workbook import Workbook

ENDINGS: Final = frozenset({".xlsx", ".xlsm"})
MAXIMUM_MEGABYTES: Final = 2048
_OLD: Final = b"\xd0\xcf\x11\xe0"


def read_workbook(path: Path, data: bytes, sheet: str | int | None = None) -> RawTable:
    """Read one sheet of a workbook.

    Parameters
    ----------
    path : pathlib.Path
        Its name is used in messages.
    data : bytes
    sheet : str or int, optional
        Name, or number counted from 0. Default: the first visible one.

    Returns
    -------
    RawTable

    Raises
    ------
    FileError
        If it is not a workbook, is the old format or encrypted, or would unpack to more than two gigabytes.
    DataError
        If the sheet does not exist or holds no answers.
    """
    _check(path, data)
    book = _open(path, data)
    try:
        names = list(book.sheetnames)
        chosen = _choose(book, sheet, path)
        rows = [[_cell(value) for value in row] for row in book[chosen].iter_rows(values_only=True)]
    finally:
        book.close()
    if len(rows) < 2:
        raise DataError("survey.empty_file", file=path.name)
    width = max(map(len, rows))
    cells = pd.DataFrame([row + [None] * (width - len(row)) for row in rows[1:]], dtype=object, columns=range(width))
    headers = tuple((cell or "") for cell in rows[0] + [None] * (width - len(rows[0])))
    others = ", ".join(name for name in names if name != chosen) or "–"
    events = (Event("read", "log_sheet", chosen, 1, {"others": others}),)
    return without_empty_rows(RawTable(path.name, "excel", "", headers, cells, np.arange(2, len(rows) + 1), events))


def _check(path: Path, data: bytes) -> None:
    if data.startswith(_OLD):
        raise FileError("survey.old_excel", file=path.name)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise FileError("survey.not_a_workbook", file=path.name) from error
    if size > MAXIMUM_MEGABYTES * 2**20:
        raise FileError("survey.workbook_too_large", file=path.name, size=size >> 20, limit=MAXIMUM_MEGABYTES)


def _open(path: Path, data: bytes) -> Workbook:
    import openpyxl

    try:
        with warnings.catch_warnings():  # about styles and drop-down lists, which hold no answers
            warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
            return openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except (
        KeyError,
        ValueError,
        TypeError,
        SyntaxError,
        zipfile.BadZipFile,
    ) as error:  # what a broken workbook makes openpyxl raise
        raise FileError("survey.not_a_workbook", file=path.name) from error


def _choose(book: Workbook, sheet: str | int | None, path: Path) -> str:
    names = book.sheetnames
    if sheet is None:
        visible = [name for name in names if book[name].sheet_state == "visible"]
        return (visible or names)[0]
    if isinstance(sheet, int) and 0 <= sheet < len(names):
        return names[sheet]
    if sheet in names:
        return str(sheet)
    raise DataError("survey.no_such_sheet", file=path.name, sheet=sheet, known=", ".join(names))


def _cell(value: Any) -> str | None:
    return None if value is None or value == "" else as_text(value)
