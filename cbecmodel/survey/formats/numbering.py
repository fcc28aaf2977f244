"""Whether the numbers in a file are the instrument's codes, or count the options in the order they were shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cbecmodel.errors import DataError
from cbecmodel.survey import columns
from cbecmodel.survey.recode import NUMBER, split_answers
from cbecmodel.survey.text_matching import fold, shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cbecmodel.survey.codebook import Field
    from cbecmodel.survey.formats.table import RawTable

Numbers = Literal["codes", "positions"]


def numbering(table: RawTable, known: Mapping[str, Field], missing: Collection[int]) -> Numbers:
    """Decide what numbers mean from the answers themselves; never by guessing.

    Parameters
    ----------
    table : RawTable
        With its ``places``.
    known : Mapping
        Fields of the instrument by id.
    missing : collection of int
        The instrument's missing codes.

    Returns
    -------
    {"codes", "positions"}

    Raises
    ------
    DataError
        If both readings fit every answer and would give different data.
    """
    found = columns.plan(table.headers, known, table.file, table.places)
    fits = {"codes": True, "positions": True}
    differing: list[str] = []
    for name, position in found.questions.items():
        one = known[name]
        numbers = _numbers(table, position) - set(missing)
        if not one.codes or not numbers:
            continue
        positions = set(range(1, len(one.codes) + 1))
        fits["codes"] &= numbers <= set(one.codes)
        fits["positions"] &= numbers <= positions
        if one.codes != tuple(range(1, len(one.codes) + 1)):
            differing.append(name)
    if not differing or fits["codes"] != fits["positions"] or not fits["codes"]:
        return "positions" if fits["positions"] and not fits["codes"] else "codes"
    raise DataError("survey.numbers_ambiguous", file=table.file, n=len(differing), items=shortened(differing))


def _numbers(table: RawTable, position: int) -> set[float]:
    texts = {fold(str(cell)) for cell in table.cells.iloc[:, position].dropna().unique()}
    return {float(part) for text in texts for part in split_answers(text) if NUMBER.fullmatch(part)}
