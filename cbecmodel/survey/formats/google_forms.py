"""Google Forms: wordings as headers, ``Title [row of the grid]``, and labels as answers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cbecmodel.errors import DataError
from cbecmodel.survey.columns import letter
from cbecmodel.survey.text_matching import bare, fold, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.survey.codebook import Field
    from cbecmodel.survey.formats.table import RawTable

_STAMP: Final = frozenset({"timestamp", "时间戳记", "时间戳", "marca temporal", "horodateur", "zeitstempel"})
_ROW: Final = re.compile(r"^.*\[(?P<row>.+)\]\s*$", re.DOTALL)


def recognise(headers: Sequence[str]) -> bool:
    """Say whether headers are those of Google Forms' answers.

    Parameters
    ----------
    headers : sequence of str

    Returns
    -------
    bool

    Examples
    --------
    >>> recognise(["Timestamp", "How old are you (in years)?"])
    True
    """
    return bool(headers) and fold(headers[0]) in _STAMP


def interpret(table: RawTable, known: Mapping[str, Field]) -> RawTable:
    """Say which question each column holds, by its wording in any language.

    Parameters
    ----------
    table : RawTable
    known : Mapping
        Fields of the instrument by id.

    Returns
    -------
    RawTable
        With ``places``.

    Raises
    ------
    DataError
        If a header fits more than one question.
    """
    wordings: dict[str, set[str]] = {}
    for name, one in known.items():
        for text in one.texts.values():
            wordings.setdefault(bare(text), set()).add(name)
    places: dict[int, str | tuple[str, int]] = {}
    ambiguous = []
    for position, header in enumerate(table.headers):
        row = _ROW.match(header)
        found = wordings.get(bare(row["row"])) if row else None
        found = found or wordings.get(bare(header)) or set()
        if len(found) == 1:
            places[position] = next(iter(found))
        elif found:
            ambiguous.append(f"{letter(position)} ({header.strip()})")
        elif fold(header) in _STAMP:
            places[position] = "end_time"
    if ambiguous:
        raise DataError("survey.unplaced_header", file=table.file, n=len(ambiguous), columns=shortened(ambiguous))
    return replace(table, format="google_forms", places=places)
