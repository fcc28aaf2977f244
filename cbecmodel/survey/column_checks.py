"""What a file lacks and what it has too much of, measured against the instrument."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

from cbecmodel.errors import DataError, DataWarning, warn
from cbecmodel.survey.change_log import Event
from cbecmodel.survey.columns import PLATFORM, letter
from cbecmodel.survey.text_matching import bare, closest, fold, shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cbecmodel.survey.codebook import Field
    from cbecmodel.survey.columns import Plan
    from cbecmodel.survey.formats.table import RawTable
    from cbecmodel.survey.instrument import Instrument

_ALIKE: Final = 0.8
_TITLE_ROWS: Final = 10


def check_presence(table: RawTable, found: Plan, known: Mapping[str, Field], instrument: Instrument) -> list[Event]:
    """Raise if items have no column; say what else is absent or unknown.

    A file that lacks every item outside the short form (``core``) holds the short form and is accepted; so is one without
    an optional construct. Unknown columns of a frame are a program's own and only logged, unless they look like a typing error.

    Parameters
    ----------
    table : RawTable
    found : Plan
    known : Mapping
        Fields of the instrument by id.
    instrument : Instrument

    Returns
    -------
    list of Event

    Raises
    ------
    DataError
        If items that were to be asked have no column.

    Warns
    -----
    DataWarning
        If there are columns that the instrument does not know.
    """
    extra = {position: table.headers[position].strip() for position in found.extra}
    absent = [name for name in known if name not in found.known]
    items = [name for name in absent if name in instrument.items]
    lacking = [name for name in items if name not in _may_be_absent(instrument, items)]
    near = {at: name for at, header in extra.items() if (name := _near(header, lacking or absent, known))}
    likely = shortened(f"{extra[at]} → {name}" for at, name in near.items())
    if lacking:
        row = _header_below(table, lacking)
        if row is not None:
            raise DataError("survey.header_below", file=table.file, row=row, first=table.headers[0].strip()[:40])
        key = "survey.missing_items_near" if near else "survey.missing_items"
        counts = {"n": len(lacking), "items": shortened(lacking, 12), "instrument": instrument.id}
        unplaced = shortened(f"{letter(at)} ({header})" for at, header in extra.items()) or "–"
        raise DataError(key, file=table.file, near=likely, unknown=unplaced, **counts)
    unknown = [header for header in extra.values() if fold(header) not in PLATFORM]
    if near or (unknown and table.format != "frame"):
        key = "survey.unknown_columns_near" if near else "survey.unknown_columns"
        counts = {"n": len(unknown), "columns": shortened(unknown)}
        warn(DataWarning, key, stacklevel=5, file=table.file, near=likely, **counts)
    events = [Event("columns", "log_absent", name, 1) for name in absent]
    for at, header in extra.items():
        key = "log_extra_near" if at in near else "log_extra"
        events.append(Event("columns", key, f"{letter(at)} ({header})", 1, {"near": near.get(at, "")}))
    personal = [Event("columns", "log_personal", table.headers[at].strip(), 1) for at in found.dropped]
    return [*events, *personal]


def _header_below(table: RawTable, lacking: Sequence[str]) -> int | None:
    """Return the row of the file that holds the ids, if titles stand above it."""
    wanted = {fold(name) for name in lacking}
    for position in range(min(_TITLE_ROWS, len(table.cells))):
        cells = {fold(str(cell)) for cell in table.cells.iloc[position]}
        if len(cells & wanted) * 2 > len(wanted):
            return int(table.rows[position])
    return None


def _may_be_absent(instrument: Instrument, absent: Sequence[str]) -> frozenset[str]:
    without = set(absent)
    constructs = [set(c.items) for c in instrument.constructs.values() if c.optional and set(c.items) <= without]
    optional = set().union(*constructs)
    long_form = {name for name, item in instrument.items.items() if not item.core}
    any_core = any(item.core for item in instrument.items.values())
    return frozenset(optional | (long_form if any_core and long_form <= without else set()))


def _near(header: str, absent: Collection[str], known: Mapping[str, Field]) -> str | None:
    """Find the absent question whose id, or whose text, a header nearly is."""
    name = closest(header, absent)
    if name is not None:
        return name
    written = bare(header).lstrip("0123456789")
    texts = {bare(text): name for name in absent for text in known[name].texts.values()}
    scores = {name: SequenceMatcher(None, written, text).ratio() for text, name in texts.items() if text}
    best = max(scores, key=lambda name: scores[name], default=None)
    return best if best is not None and scores[best] >= _ALIKE else None
