"""Qualtrics: the advanced text format that it imports, and its exports of responses (three header rows, or two)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cbecmodel.survey.questionnaire import questionnaire
from cbecmodel.survey.text_matching import bare, fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cbecmodel.survey.formats.table import RawTable
    from cbecmodel.survey.formats.written import Feature
    from cbecmodel.survey.instrument import Instrument
    from cbecmodel.survey.questionnaire import Block, Choice, Leaf, Questionnaire

HOLDS: Final[frozenset[Feature]] = frozenset({"pages"})
MARKS: Final = frozenset({"startdate", "enddate", "responseid", "recordeddate"})
_NUMBERED: Final = re.compile(r"(?P<stem>.+)_(?P<number>\d+)")
_IMPORT_ID: Final = "ImportId"


def write(form: Questionnaire, languages: Sequence[str]) -> dict[str, bytes]:
    """Write a survey in Qualtrics' advanced text format, one file a language.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str

    Returns
    -------
    dict
        Choices are numbered in the order they are shown; :func:`~cbecmodel.survey.read.read_responses` knows that order.
    """
    found = {}
    for lang in languages:
        lines = ["[[AdvancedFormat]]", "", f"[[ED:form_language:{lang}]]", ""]
        for page in form.pages:
            lines += [f"[[Block:{page.id}]]", "", *_page(page, lang)]
        found[f"{form.instrument.id}_{lang}.txt"] = ("\n".join(lines).rstrip() + "\n").encode("utf-8")
    return found


def _page(page: Leaf, lang: str) -> Iterator[str]:
    heading = [texts[lang] for texts in (page.title, page.intro) if texts]
    if heading:
        yield from ("[[Question:DB]]", f"[[ID:{page.id}_intro]]", *heading, "")
    for block in page.blocks:
        yield from _block(block, lang)
        yield ""


def _block(block: Block, lang: str) -> Iterator[str]:
    if block.kind == "note":
        yield from ("[[Question:DB]]", f"[[ID:{block.id}]]", _one_line(block.text[lang]))
        return
    if block.kind == "grid":
        yield from ("[[Question:Matrix]]", f"[[ID:{block.id}]]", _one_line(block.id), "[[AdvancedChoices]]")
        for number, prompt in enumerate(block.prompts, start=1):
            yield from (f"[[Choice:{number}]]", _one_line(prompt.text[lang]))
        yield from _numbered("Answer", block.choices, lang)
        return
    prompt = block.prompts[0]
    if not prompt.choices:
        yield from ("[[Question:TE:SingleLine]]", f"[[ID:{prompt.id}]]", _one_line(prompt.text[lang]))
        return
    kind = {"several": "MC:MultipleAnswer", "country": "MC:Dropdown"}.get(prompt.kind, "MC:SingleAnswer:Vertical")
    yield from (f"[[Question:{kind}]]", f"[[ID:{prompt.id}]]", _one_line(prompt.text[lang]))
    yield from _numbered("Choice", block.choices, lang)


def _numbered(what: str, choices: Sequence[Choice], lang: str) -> Iterator[str]:
    yield f"[[Advanced{what}s]]"
    for number, choice in enumerate(choices, start=1):
        yield from (f"[[{what}:{number}]]", _one_line(choice.label[lang]))


def _one_line(text: str) -> str:
    return "<br>".join(text.split("\n"))


def recognise(headers: Sequence[str]) -> bool:
    """Say whether headers are those of a Qualtrics export.

    Parameters
    ----------
    headers : sequence of str

    Returns
    -------
    bool

    Examples
    --------
    >>> recognise(["StartDate", "EndDate", "Status", "IPAddress", "ResponseId", "S_AGE"])
    True
    >>> recognise(["ResponseID", "ResponseSet", "Name", "StartDate", "EndDate", "S_AGE"])
    True
    """
    return len({fold(header) for header in headers} & MARKS) >= 3


def interpret(table: RawTable, instrument: Instrument) -> RawTable:
    """Take off the second and third header row, and say which question each column holds.

    Parameters
    ----------
    table : RawTable
    instrument : Instrument

    Returns
    -------
    RawTable
        With ``places``. Rows of a grid are found by the wording in the second header row, else by their number.
    """
    texts, below = _headers(table)
    form = questionnaire(instrument)
    wordings = {bare(text): name for name, prompt in form.prompts.items() for text in prompt.text.values()}
    grids = {block.id: block for block in form.blocks if block.kind == "grid"}
    multiple = {prompt.id: prompt.choices for prompt in form.prompts.values() if prompt.kind == "several"}
    places: dict[int, str | tuple[str, int]] = {}
    for position, header in enumerate(table.headers):
        place = _place(header.strip(), texts.get(position, ""), grids, multiple, wordings)
        if place is not None:
            places[position] = place
    cells = table.cells.iloc[below:].reset_index(drop=True)
    return replace(table, format="qualtrics", places=places, cells=cells, rows=table.rows[below:])


def _headers(table: RawTable) -> tuple[dict[int, str], int]:
    """Return the wordings of the second header row and how many rows below the first are headers."""
    texts: dict[int, str] = {}
    below = 0
    for at in range(min(2, len(table.cells))):
        row = [cell if isinstance(cell, str) else "" for cell in table.cells.iloc[at]]
        if any(_is_import_id(cell) for cell in row):
            return texts, at + 1
        if at == 0 and _is_wording(table.headers, row):
            texts, below = dict(enumerate(row)), 1
    return texts, below


def _is_import_id(cell: str) -> bool:
    try:
        return cell.startswith("{") and _IMPORT_ID in json.loads(cell)
    except ValueError:
        return False


def _is_wording(headers: Sequence[str], row: Sequence[str]) -> bool:
    """Say whether the row repeats what the platform's own columns are called, instead of holding answers."""
    own = [cell for header, cell in zip(headers, row, strict=True) if fold(header) in MARKS]
    return bool(own) and all(cell and not any(sign.isdigit() for sign in cell) for cell in own)


def _place(
    header: str,
    text: str,
    grids: Mapping[str, Block],
    multiple: Mapping[str, Sequence[Choice]],
    wordings: Mapping[str, str],
) -> str | tuple[str, int] | None:
    numbered = _NUMBERED.fullmatch(header)
    if numbered is None:
        return None  # an id of its own is found by name
    stem, number = numbered["stem"], int(numbered["number"])
    if stem in multiple and 1 <= number <= len(multiple[stem]):
        return stem, int(multiple[stem][number - 1].code)
    if stem not in grids:
        return None
    tail = next((wordings[bare(part)] for part in _tails(text) if bare(part) in wordings), None)
    if tail is not None:
        return tail
    block = grids[stem]
    return block.prompts[number - 1].id if 1 <= number <= len(block.prompts) else None


def _tails(text: str) -> Iterator[str]:
    pieces = text.split(" - ")
    return (" - ".join(pieces[start:]) for start in range(len(pieces)))
