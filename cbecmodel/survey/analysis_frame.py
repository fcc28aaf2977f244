"""From cells to the analysis frame: every column found, every answer recoded, everything wrong said at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd

from cbecmodel.survey import answer_checks, columns
from cbecmodel.survey.change_log import Event
from cbecmodel.survey.codebook import Field, fields
from cbecmodel.survey.column_checks import check_presence
from cbecmodel.survey.paradata import read_paradata
from cbecmodel.survey.privacy import is_personal, without_contacts
from cbecmodel.survey.recode import ANSWERED, BLANK, NO_ANSWER, Dialect, Reading, Recoded, reader, recode
from cbecmodel.survey.routing_reasons import note_not_shown
from cbecmodel.survey.text_matching import fold
from cbecmodel.survey.versions import check_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from cbecmodel.survey.formats.table import RawTable
    from cbecmodel.survey.instrument import Instrument

_TICKED: Final[Mapping[str, float]] = {
    **dict.fromkeys(("1", "yes", "y", "true", "是", "x", "✓", "√", "checked"), 1.0),
    **dict.fromkeys(("0", "no", "n", "false", "否", "unchecked"), 0.0),
}


@dataclass(frozen=True, slots=True)
class Assembled:
    """What becomes a :class:`~cbecmodel.survey.responses.Responses`; the three frames share their index."""

    frame: pd.DataFrame
    raw: pd.DataFrame
    missing: pd.DataFrame
    extra: tuple[str, ...]
    events: tuple[Event, ...]


@dataclass(slots=True)
class _Work:
    """Columns as they get ready."""

    frame: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    faults: list[answer_checks.Fault] = field(default_factory=list)


def assemble(
    table: RawTable,
    instrument: Instrument,
    accept: Mapping[str, int | str] | None = None,
    *,
    keep_personal: bool = False,
    any_version: bool = False,
) -> Assembled:
    """Turn a file's cells into an analysis frame.

    Parameters
    ----------
    table : RawTable
    instrument : Instrument
    accept : mapping, optional
        Further wordings of answers, to a label or code of the questions in which they occur.
    keep_personal : bool
        Take over columns with personal data, and contacts in free texts.
    any_version : bool
        Take answers that say they were given to another version of the instrument.

    Returns
    -------
    Assembled

    Raises
    ------
    DataError
        If the answers are to another version of the instrument, a column is doubled or lacking, an answer is
        outside its scale or unreadable, or a respondent is doubled.

    Warns
    -----
    DataWarning
        If there are unknown columns, or items that nobody answered or everybody answered alike.
    """
    versions = check_version(table, instrument, any_version=any_version)
    known = {name: one.accepting(accept or {}) for name, one in fields(instrument).items()}
    found = columns.plan(table.headers, known, table.file, table.places, None if keep_personal else _personal(table))
    events = [*table.events, *versions, *check_presence(table, found, known, instrument)]
    if not keep_personal:
        table, cleaned = _without_contacts(table, found, known)
        events += cleaned
    index = answer_checks.respondents(table, found.respondent)
    work = _Work()
    for one in known.values():
        if one.id in found.known:
            _read_field(one, table, found, tuple(instrument.missing_codes), work)
    answer_checks.check_answers(work.faults, known, table.file)
    work.events += note_not_shown(work.frame, work.missing, instrument, len(index))
    paradata, lost = read_paradata(table, found, index, instrument.languages)
    frame = pd.concat([pd.DataFrame(work.frame, index=index), paradata], axis=1)
    answer_checks.warn_about_items(frame, instrument, table.file)
    names = _unique_names(table.headers)
    kept = [position for position in range(len(names)) if position not in found.dropped]
    raw = table.cells.iloc[:, kept].set_axis(index, axis=0).set_axis([names[at] for at in kept], axis=1)
    extra = tuple(names[position] for position in found.extra)
    return Assembled(frame, raw, pd.DataFrame(work.missing, index=index), extra, (*events, *work.events, *lost))


def _personal(table: RawTable) -> Callable[[int], bool]:
    return lambda position: is_personal(table.headers[position], table.cells.iloc[:, position])


def _without_contacts(table: RawTable, found: columns.Plan, known: Mapping[str, Field]) -> tuple[RawTable, list[Event]]:
    """Take e-mail addresses and telephone numbers out of free texts."""
    cells, events = table.cells, []
    for name, position in found.questions.items():
        if known[name].kind != "text":
            continue
        before = cells.iloc[:, position]
        after = before.map(lambda cell: without_contacts(cell) if isinstance(cell, str) else cell)
        changed = int((before.fillna("").astype(str) != after.fillna("").astype(str)).sum())
        if changed:
            cells = cells.copy() if cells is table.cells else cells
            cells.isetitem(position, after.to_numpy())
            events.append(Event("columns", "log_contacts", name, changed))
    return replace(table, cells=cells), events


def _read_field(one: Field, table: RawTable, found: columns.Plan, missing: tuple[int, ...], work: _Work) -> None:
    names = _reasons(missing, table.dialect)
    if one.id in found.options:
        _read_ticks(one, table, found.options[one.id], missing, work)
        return
    position = found.questions[one.id]
    recoded = recode(table.cells.iloc[:, position], reader(one, missing, table.dialect))
    where = (one.id, position)
    work.faults += [
        answer_checks.Fault(*where, int(table.rows[row]), text, kind) for row, text, kind in recoded.faults()
    ]
    reasons = recoded.reasons(names)
    if one.kind == "multiple":
        for code in one.codes:
            work.frame[f"{one.id}_{code}"] = recoded.chosen(code)
            work.missing[f"{one.id}_{code}"] = _categories(reasons, names)
    else:
        work.frame[one.id] = _values(one, recoded)
        work.missing[one.id] = _categories(reasons, names)
    work.events += _events(one, recoded, table.dialect)


def _reasons(missing: tuple[int, ...], dialect: Dialect) -> tuple[str, ...]:
    return (ANSWERED, BLANK, *dict.fromkeys([*map(str, missing), *dialect.missing.values()]))


def _categories(reasons: NDArray[Any], names: tuple[str, ...]) -> pd.Categorical[Any]:
    from_codes = cast("Any", pd.Categorical).from_codes  # its stub knows no arrays of small integers
    return cast("pd.Categorical[Any]", from_codes(reasons, categories=list(names)))


def _values(one: Field, recoded: Recoded) -> Any:
    if one.kind in {"country", "text"}:
        return recoded.words()
    numbers = recoded.numbers()
    return one.turn - numbers if one.reverse and one.turn is not None else numbers


def _events(one: Field, recoded: Recoded, dialect: Dialect) -> list[Event]:
    events = []
    labelled = recoded.count(lambda reading: reading.labelled)
    if labelled:
        events.append(Event("recode", "log_labels", one.id, labelled))
    if dialect.positions and one.kind in {"coded", "multiple"} and one.codes != tuple(range(1, len(one.codes) + 1)):
        numbered = recoded.count(lambda reading: reading.value is not None and not reading.labelled)
        events.append(Event("recode", "log_positions", one.id, numbered, {"codes": ", ".join(map(str, one.codes))}))
    reasons = recoded.reason_counts()
    for reason in sorted(reasons.keys() - {ANSWERED}):
        n = reasons[reason]
        if n:
            key = "log_blank" if reason == BLANK else "log_missing"
            events.append(Event("missing", key, one.id, n, {"reason": reason}))
    if one.reverse and one.turn is not None:
        n = recoded.count(lambda reading: reading.value is not None)
        low = min(one.codes) if one.codes else one.low
        values = {"low": low, "high": one.turn - (low or 0)}
        events.append(Event("reverse", "log_reversed", one.id, n, values))
    return events


def _read_ticks(one: Field, table: RawTable, places: Mapping[int, int], missing: tuple[int, ...], work: _Work) -> None:
    """Read a multiple question whose options have a column each; an empty cell beside a ticked one means not ticked."""
    ticks = {}
    names = _reasons(missing, table.dialect)
    absent = {**{str(code): str(code) for code in missing}, **table.dialect.missing}
    for code, position in places.items():
        recoded = recode(table.cells.iloc[:, position], partial(_tick, one=one, code=code, absent=absent))
        found = [
            answer_checks.Fault(one.id, position, int(table.rows[row]), text, kind)
            for row, text, kind in recoded.faults()
        ]
        work.faults += found
        ticks[code] = recoded
    any_answer = np.any([~np.isnan(recoded.numbers()) for recoded in ticks.values()], axis=0)
    for code, recoded in ticks.items():
        numbers = recoded.numbers()
        reasons = recoded.reasons(names)
        unticked = any_answer & np.isnan(numbers) & (reasons == names.index(BLANK))
        name = f"{one.id}_{code}"
        work.frame[name] = np.where(unticked, 0.0, numbers)
        work.missing[name] = _categories(np.where(unticked, 0, reasons), names)
        if unticked.any():
            work.events.append(Event("recode", "log_unticked", name, int(unticked.sum())))


def _tick(text: str, *, one: Field, code: int, absent: Mapping[str, str]) -> Reading:
    folded = fold(text)
    if folded in NO_ANSWER:
        return Reading(reason=BLANK)
    if folded in absent:
        return Reading(reason=absent[folded])
    if folded in _TICKED:
        return Reading(_TICKED[folded])
    return Reading(1.0, labelled=True) if one.labels.get(folded) == code else Reading(fault="unreadable")


def _unique_names(headers: tuple[str, ...]) -> list[str]:
    """Headers as they stand; a doubled or empty one gets its column's letter, so that every column has a name of its own."""
    stripped = [header.strip() for header in headers]
    doubled = {name for name in stripped if not name or stripped.count(name) > 1}
    return [f"{name} ({columns.letter(at)})".strip() if name in doubled else name for at, name in enumerate(stripped)]
