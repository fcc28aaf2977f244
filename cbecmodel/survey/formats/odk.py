"""Exports of Kobo and ODK with XML names as headers: groups before the name, ``page_platform/grid_MLD/MLD1``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cbecmodel.survey.text_matching import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.survey.codebook import Field
    from cbecmodel.survey.formats.table import RawTable

MARKS: Final = frozenset(
    {"_uuid", "_submission_time", "_id", "meta/instanceid", "instanceid", "formhub/uuid", "key", "submissiondate"}
)
_SEPARATOR: Final = re.compile(r"[/:-]")
_PARADATA: Final = {"start_time": "start_time", "end_time": "end_time", "start": "start_time", "end": "end_time"}


def recognise(headers: Sequence[str]) -> bool:
    """Say whether headers are those of an export of Kobo or ODK.

    Parameters
    ----------
    headers : sequence of str

    Returns
    -------
    bool

    Examples
    --------
    >>> recognise(["start_time", "page_consent/consent", "_id", "_uuid", "_submission_time"])
    True
    >>> recognise(["id", "PU1", "PU2"])
    False
    """
    folded = {fold(header) for header in headers}
    return len(folded & MARKS) >= 2


def interpret(table: RawTable, known: Mapping[str, Field]) -> RawTable:
    """Say which question each column of an export holds.

    Parameters
    ----------
    table : RawTable
    known : Mapping
        Fields of the instrument by id.

    Returns
    -------
    RawTable
        With ``places``. Of a multiple question the columns of its options are taken where the export has them.
    """
    places: dict[int, str | tuple[str, int]] = {}
    for position, header in enumerate(table.headers):
        place = _place(header, known)
        if place is not None:
            places[position] = place
    split = {place[0] for place in places.values() if isinstance(place, tuple)}
    kept = {at: place for at, place in places.items() if not (isinstance(place, str) and place in split)}
    whole = tuple(at for at, place in places.items() if isinstance(place, str) and place in split)
    return _without(replace(table, format="odk", places=kept), whole)


def _place(header: str, known: Mapping[str, Field]) -> str | tuple[str, int] | None:
    parts = [part for part in _SEPARATOR.split(header.strip()) if part]
    if not parts:
        return None
    last = parts[-1]
    if last in known:
        return last
    owner = known.get(parts[-2]) if len(parts) > 1 else None
    if owner is not None and owner.kind == "multiple" and last.lstrip("-").isdigit() and int(last) in owner.codes:
        return owner.id, int(last)
    return _PARADATA.get(fold(last))


def _without(table: RawTable, positions: Sequence[int]) -> RawTable:
    """Leave out columns that repeat others: the joined answers beside a column an option."""
    keep = [at for at in range(len(table.headers)) if at not in positions]
    moved = {old: new for new, old in enumerate(keep)}
    cells = table.cells.iloc[:, keep].set_axis(range(len(keep)), axis=1)
    places = {moved[at]: place for at, place in table.places.items()}
    return replace(table, headers=tuple(table.headers[at] for at in keep), cells=cells, places=places)
