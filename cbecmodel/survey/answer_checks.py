"""Answers that cannot be used as they are: said at once, with the cells as the file shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

from cbecmodel.errors import DataError, DataWarning, warn
from cbecmodel.survey.columns import letter
from cbecmodel.survey.recode import as_text
from cbecmodel.survey.text_matching import closest, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from cbecmodel.survey import recode
    from cbecmodel.survey.codebook import Field
    from cbecmodel.survey.formats.table import RawTable
    from cbecmodel.survey.instrument import Instrument

SHOWN: Final = 5
_SPELT_OUT: Final = 5


class Fault(NamedTuple):
    """One cell that could not be read."""

    item: str
    column: int
    row: int
    text: str
    kind: recode.Fault


def check_answers(faults: Sequence[Fault], known: Mapping[str, Field], file: str) -> None:
    """Raise if any answer is outside its scale or cannot be read.

    Parameters
    ----------
    faults : sequence of Fault
    known : Mapping
        Fields by id.
    file : str

    Raises
    ------
    DataError
        With the first cells, their rows in the file, and what is allowed there.
    """
    for kind, key in (("unreadable", "survey.unreadable"), ("outside", "survey.outside_scale")):
        wrong = sorted((fault for fault in faults if fault.kind == kind), key=lambda fault: (fault.row, fault.column))
        if wrong:
            cells = "; ".join(
                f"{letter(f.column)}{f.row} ({f.item}) = {f.text!r}{_hint(f, known)}" for f in wrong[:SHOWN]
            )
            named = list(dict.fromkeys(fault.item for fault in wrong))
            allowed = "; ".join(f"{name}: {_allowed(known[name])}" for name in named[:SHOWN])
            more = len(wrong) - SHOWN
            cells += f" … (+{more})" if more > 0 else ""
            raise DataError(key, file=file, n=len(wrong), cells=cells, allowed=allowed, items=shortened(named))


def _hint(fault: Fault, known: Mapping[str, Field]) -> str:
    near = closest(fault.text, known[fault.item].labels) if fault.kind == "unreadable" else None
    return f" (≈ {near!r}?)" if near else ""


def _allowed(field: Field) -> str:
    if not field.codes:
        return {"integer": "0, 1, 2 …", "decimal": "0.5, 12 …", "country": "ISO 3166-1 alpha-3 (VNM, THA …)"}.get(
            field.kind, ""
        )
    codes = sorted(field.codes)
    run = len(codes) > _SPELT_OUT and codes == list(range(codes[0], codes[-1] + 1))
    return f"{codes[0]}, {codes[1]} … {codes[-1]}" if run else ", ".join(map(str, field.codes))


def respondents(table: RawTable, position: int | None) -> pd.Index[Any]:
    """Return the respondents' ids, checked.

    Parameters
    ----------
    table : RawTable
    position : int or None
        Column of ids; without one respondents are numbered from 1.

    Returns
    -------
    pandas.Index
        Named ``respondent``; whole numbers if all ids are, else text.

    Raises
    ------
    DataError
        If ids are blank or doubled.
    """
    if position is None:
        return pd.RangeIndex(1, len(table.rows) + 1, name="respondent")
    column = table.cells.iloc[:, position]
    filled = column.notna().to_numpy()
    ids = np.array(
        ["" if not full else as_text(v).strip() for v, full in zip(column, filled, strict=True)], dtype=object
    )
    where = {"file": table.file, "column": f"{letter(position)} ({table.headers[position].strip()})"}
    blank = ids == ""
    if blank.any():
        raise DataError("survey.blank_respondent", n=int(blank.sum()), rows=_rows(table.rows[blank]), **where)
    doubled = pd.Series(ids).duplicated(keep=False).to_numpy()
    if doubled.any():
        listed = [f"{name} ({_rows(table.rows[ids == name])})" for name in dict.fromkeys(ids[doubled])]
        raise DataError("survey.duplicated_respondent", n=len(listed), respondents=shortened(listed, SHOWN), **where)
    plain = all(
        name.isascii() and name.isdigit() and (name == "0" or name[0] != "0") and len(name) < 19 for name in ids
    )
    index: pd.Index[Any] = pd.Index(ids.astype(np.int64) if plain else ids, name="respondent")
    return index


def _rows(rows: NDArray[np.int64]) -> str:
    return shortened(map(str, rows), SHOWN)


def warn_about_items(frame: pd.DataFrame, instrument: Instrument, file: str) -> None:
    """Warn of items that nobody answered, and of items that everybody answered alike.

    Reading goes on, because other items may be analysed without them; a model that uses one raises its own error.

    Parameters
    ----------
    frame : pandas.DataFrame
    instrument : Instrument
    file : str

    Warns
    -----
    DataWarning
    """
    items = [name for name in instrument.items if name in frame]
    distinct = frame[items].nunique()
    empty = list(distinct.index[distinct == 0])
    answered = frame[items].notna().sum()
    constant = list(distinct.index[(distinct == 1) & (answered > 1)])
    for key, names in (("survey.all_missing_item", empty), ("survey.constant_item", constant)):
        if names:
            warn(DataWarning, key, stacklevel=5, file=file, n=len(names), items=shortened(names))
