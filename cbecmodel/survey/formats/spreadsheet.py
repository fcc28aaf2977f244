"""Workbooks and delimited text that are written the same every time, and in which no text can act as a formula."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openpyxl.workbook.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

_MOMENT: Final = (2000, 1, 1, 0, 0, 0)
_CORE: Final = "docProps/core.xml"
_ACTIVE: Final = ("=", "+", "-", "@", "\t", "\r")


def add_row(sheet: Worksheet, values: Iterable[object]) -> None:
    """Append a row whose texts stay texts, also if they begin with an equals sign.

    Parameters
    ----------
    sheet : openpyxl Worksheet
    values : iterable
    """
    sheet.append([None if value == "" else value for value in values])
    for cell in sheet[sheet.max_row]:
        if cell.data_type == "f":
            cell.data_type = "s"
            cell.quotePrefix = True


def saved(book: Workbook) -> bytes:
    """Return a workbook's bytes, the same every time.

    Parameters
    ----------
    book : openpyxl Workbook

    Returns
    -------
    bytes
    """
    book.properties.creator = "cbecmodel"
    written = io.BytesIO()
    book.save(written)
    return steady_zip(written.getvalue(), lambda name, content: _without_times(content) if name == _CORE else content)


def steady_zip(data: bytes, edit: Callable[[str, bytes], bytes]) -> bytes:
    """Return a zip (a workbook, a document) without times, its members edited.

    Parameters
    ----------
    data : bytes
    edit : callable
        From a member's name and content to its new content.

    Returns
    -------
    bytes
    """
    steady = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(steady, "w", zipfile.ZIP_DEFLATED) as out:
        for entry in archive.infolist():
            content = edit(entry.filename, archive.read(entry))
            out.writestr(zipfile.ZipInfo(entry.filename, _MOMENT), content, zipfile.ZIP_DEFLATED)
    return steady.getvalue()


def _without_times(core: bytes) -> bytes:
    return re.sub(rb"(<dcterms:(created|modified)[^>]*>)[^<]*", rb"\g<1>2000-01-01T00:00:00Z", core)


def inert(value: str) -> str:
    """Return a text that no spreadsheet takes for a formula when it opens delimited text.

    Parameters
    ----------
    value : str

    Returns
    -------
    str
        Numbers stay; other texts that begin with ``= + - @`` get an apostrophe before them.

    Examples
    --------
    >>> inert("=HYPERLINK(1)"), inert("-77"), inert("fine")
    ("'=HYPERLINK(1)", '-77', 'fine')
    """
    if not value.startswith(_ACTIVE):
        return value
    try:
        float(value)
    except ValueError:
        return "'" + value
    return value


def delimited(rows: Iterable[Iterable[object]], separator: str = ",", *, bom: bool = False) -> bytes:
    """Write delimited text in UTF-8.

    Parameters
    ----------
    rows : iterable of iterable
    separator : str
    bom : bool
        Begin with a byte-order mark, which Excel needs to see that it is UTF-8.

    Returns
    -------
    bytes
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    for row in rows:
        writer.writerow(["" if value is None else inert(value) if isinstance(value, str) else value for value in row])
    return text.getvalue().encode("utf-8-sig" if bom else "utf-8")


def separated_raw(rows: Iterable[Iterable[object]], separator: str) -> bytes:
    """Write delimited text for a program, not for a spreadsheet: every text as it is.

    Parameters
    ----------
    rows : iterable of iterable
    separator : str

    Returns
    -------
    bytes
        UTF-8 with a byte-order mark.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")
