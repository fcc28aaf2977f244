"""Many files of answers in one folder, as the preview page saves them: one file a respondent, read as one table."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from cbecmodel import files
from cbecmodel.errors import DataError, FileError
from cbecmodel.survey.change_log import Event
from cbecmodel.survey.formats.surveyjs_answers import ENDINGS as JSON
from cbecmodel.survey.formats.table import RawTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENDINGS: Final = JSON | {".csv"}


def files_in(folder: Path) -> tuple[Path, ...]:
    """Return the files of answers in a folder, by name; hidden files and other endings are passed over.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    tuple of pathlib.Path

    Raises
    ------
    FileError
        If there is none.
    """
    found = (one for one in sorted(folder.iterdir()) if one.is_file() and not one.name.startswith("."))
    taken = tuple(one for one in found if one.suffix.lower() in ENDINGS)
    if not taken:
        raise FileError("survey.empty_folder", folder=folder.name, endings=", ".join(sorted(ENDINGS)))
    return taken


def read_folder(
    folder: Path, read: Callable[[Path, bytes], RawTable]
) -> tuple[RawTable, str, tuple[tuple[str, slice], ...]]:
    """Read every file of a folder into one table.

    Parameters
    ----------
    folder : pathlib.Path
    read : callable
        Takes a path and its bytes, and gives the cells of one file.

    Returns
    -------
    table : RawTable
        Columns are those of all files by name; ``rows`` counts respondents through all of them.
    sha256 : str
        Of the hashes of the files, in order.
    places : tuple
        Name of each file and its rows in the table.

    Raises
    ------
    FileError
        If there is no file of answers.
    DataError
        If one of them cannot be read, or names a column twice; says which.
    """
    paths = files_in(folder)
    tables, digest = [], hashlib.sha256()
    for path in paths:
        data = files.read_bytes(path)
        digest.update(hashlib.sha256(data).hexdigest().encode())
        tables.append(read(path, data))
    parts: list[pd.DataFrame] = []
    places, start = [], 0
    for path, table in zip(paths, tables, strict=True):
        names = [header.strip() for header in table.headers]
        doubled = next((name for name in names if names.count(name) > 1), None)
        if doubled is not None:
            raise DataError("survey.doubled_in_file", file=f"{folder.name}/{path.name}", column=doubled)
        places.append((f"{folder.name}/{path.name}", slice(start, start + len(table.cells))))
        start += len(table.cells)
        parts.append(table.cells.set_axis(names, axis=1).astype(object))
    cells = pd.concat(parts, ignore_index=True)
    headers = tuple(map(str, cells.columns))
    cells = cells.where(cells.notna(), None).set_axis(range(len(headers)), axis=1)
    events = (Event("read", "log_files", folder.name, len(paths)),)
    rows = np.arange(1, len(cells) + 1)
    return RawTable(folder.name, "surveyjs", "", headers, cells, rows, events), digest.hexdigest(), tuple(places)


def rows_of(table: RawTable, name: str, rows: slice) -> RawTable:
    """Return what one file gave to the table of its folder, under its own name.

    Parameters
    ----------
    table : RawTable
    name : str
    rows : slice

    Returns
    -------
    RawTable
        With the columns of all files, so that a question this respondent was not asked is empty rather than absent.
    """
    cells = table.cells.iloc[rows].reset_index(drop=True)
    return replace(table, file=name, cells=cells, rows=np.arange(1, len(cells) + 1))
