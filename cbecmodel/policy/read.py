"""Panels from files: CSV in whatever encoding, Excel, Stata."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from cbecmodel.errors import FileError, PanelError
from cbecmodel.files import decode, read_bytes
from cbecmodel.policy.labels import listed
from cbecmodel.policy.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Mapping


_TOO_LONG: Final = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def read_panel(
    path: str | Path,
    unit: str,
    time: str,
    cohort: str | None = None,
    *,
    encoding: str | None = None,
    sheet: str | int = 0,
    synthetic: bool = False,
) -> Panel:
    r"""Read a panel from a file.

    Parameters
    ----------
    path : str or pathlib.Path
        ``.csv``, ``.tsv``, ``.txt`` (comma, semicolon or tab), ``.xlsx`` or Stata's ``.dta``.
    unit, time, cohort : str
        Columns, as for :class:`~cbecmodel.policy.panel.Panel`. Units are read as text, so that codes keep their zeros.
    encoding : str, optional
        Of a text file; by default UTF-8 (with or without mark), UTF-16 with mark, or GB18030/GBK is recognised.
    sheet : str or int
        Of an Excel file.
    synthetic : bool
        The data were simulated.

    Returns
    -------
    Panel

    Raises
    ------
    FileError
        If the file is missing, is no text in a known encoding, or is no table.
    PanelError
        If it is no panel; see :class:`~cbecmodel.policy.panel.Panel`.

    Examples
    --------
    >>> import tempfile
    >>> from cbecmodel.files import write_atomic
    >>> path = write_atomic(tempfile.mkdtemp() + "/panel.csv", "城市,年份,产出\n甲,2019,1\n甲,2020,2\n".encode("gbk"))
    >>> read_panel(path, "城市", "年份").n_units
    1
    """
    path = Path(path)
    ending = path.suffix.lower()
    data = read_bytes(path)
    try:
        if ending in {".xlsx", ".xlsm"}:
            frame = pd.read_excel(io.BytesIO(data), sheet_name=sheet, dtype={unit: str})
        elif ending == ".dta":
            frame = pd.read_stata(io.BytesIO(data), convert_categoricals=False)
        else:
            frame = _text_table(decode(data, encoding, path=path)[0], path, {unit: str})
    except (ValueError, KeyError, OSError, csv.Error) as error:
        if isinstance(error, (FileError, PanelError)):
            raise
        if long := _TOO_LONG.search(str(error)):
            values = {"row": long[2], "expected": long[1], "found": long[3]}
            raise PanelError("policy.ragged_row", path=str(path), **values) from error
        raise FileError("policy.unreadable", path=str(path), reason=str(error).split("\n")[0]) from error
    return Panel(frame, unit=unit, time=time, cohort=cohort, synthetic=synthetic)


def _text_table(content: str, path: Path, dtype: Mapping[str, type]) -> pd.DataFrame:
    """Read a delimited table; the header decides between comma, semicolon and tab."""
    head = content.split("\n", 1)[0]
    if not head.strip():
        raise FileError("policy.unreadable", path=str(path), reason="empty")
    delimiter = max(",;\t", key=head.count)
    header = next(csv.reader([head.rstrip("\r")], delimiter=delimiter))
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise PanelError("policy.column_twice", column=listed(twice))
    return pd.read_csv(io.StringIO(content), sep=delimiter, dtype=dict(dtype), skipinitialspace=True)
