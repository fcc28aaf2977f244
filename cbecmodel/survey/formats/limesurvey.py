"""LimeSurvey: the tab-separated structure of a survey, and its export of responses."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cbecmodel.survey.formats.spreadsheet import separated_raw
from cbecmodel.survey.formats.written import Feature, phrase
from cbecmodel.survey.questionnaire import questionnaire
from cbecmodel.survey.text_matching import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cbecmodel.survey.condition import Condition
    from cbecmodel.survey.formats.table import RawTable
    from cbecmodel.survey.instrument import Instrument
    from cbecmodel.survey.questionnaire import Block, Leaf, Prompt, Questionnaire

HOLDS: Final[frozenset[Feature]] = frozenset(
    {"languages", "pages", "routing", "screening", "random_order", "required", "limits", "pattern"}
)
COLUMNS: Final = (
    "id", "related_id", "class", "type/scale", "name", "relevance", "text", "help", "language", "validation", "mandatory",
    "other", "default", "same_default", "random_order", "num_value_int_only", "min_num_value_n", "max_num_value_n",
)  # fmt: skip
_LANGUAGES: Final = {"zh": "zh-Hans"}
_SUB: Final = re.compile(r"(?P<code>[A-Za-z][A-Za-z0-9]*)\[(?P<sub>[A-Za-z0-9]+)\]")
MARKS: Final = frozenset({"submitdate", "lastpage", "startlanguage"})

Row = dict[str, Any]


def code_of(name: str | int) -> str:
    """Return a code LimeSurvey accepts: letters and digits alone; a minus becomes the letter n.

    Parameters
    ----------
    name : str or int
        Id of a question or grid, or code of an answer.

    Returns
    -------
    str

    Examples
    --------
    >>> code_of("S_AGE"), code_of("MLD_ALG"), code_of(-88)
    ('SAGE', 'MLDALG', 'n88')
    """
    return re.sub(r"[^A-Za-z0-9]", "", str(name).replace("-", "n", 1) if isinstance(name, int) else str(name))


def write(form: Questionnaire, languages: Sequence[str]) -> dict[str, bytes]:
    """Write the structure of a survey for LimeSurvey.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str

    Returns
    -------
    dict
        One tab-separated file.
    """
    names = [_LANGUAGES.get(lang, lang) for lang in languages]
    rows: list[Row] = [
        {"class": "S", "name": "language", "text": names[0]},
        {"class": "S", "name": "additional_languages", "text": " ".join(names[1:])},
        {"class": "S", "name": "format", "text": "G"},
        {"class": "S", "name": "anonymized", "text": "Y"},
        {"class": "S", "name": "ipaddr", "text": "N"},
        {"class": "S", "name": "datestamp", "text": "Y"},
        {"class": "S", "name": "savetimings", "text": "Y"},
        {"class": "S", "name": "showprogress", "text": "Y"},
    ]
    for lang, name in zip(languages, names, strict=True):
        title, finished = form.instrument.title[lang], phrase(form, "finished", lang)
        rows.append({"class": "SL", "name": "surveyls_title", "text": title, "language": name})
        rows.append({"class": "SL", "name": "surveyls_endtext", "text": finished, "language": name})
    for lang, name in zip(languages, names, strict=True):
        rows += [{**row, "language": name} for row in _structure(form, lang)]
    lines = [COLUMNS, *([row.get(column, "") for column in COLUMNS] for row in rows)]
    return {f"{form.instrument.id}.txt": separated_raw(lines, "\t")}


def _structure(form: Questionnaire, lang: str) -> Iterator[Row]:
    asked: list[Condition] = []
    for number, page in enumerate(form.pages, start=1):
        yield from _group(page, number, asked, lang)
        asked = [*asked, *(p.ends for block in page.blocks for p in block.prompts if p.ends is not None)]
    if form.endings:
        rule = " or ".join(f"({_expression(ending)})" for ending in form.endings)
        number = len(form.pages) + 1
        yield {"class": "G", "type/scale": number, "name": "notEligible", "relevance": rule}
        text = phrase(form, "not_eligible", lang)
        yield {"class": "Q", "type/scale": "X", "name": "notEligible", "relevance": "1", "text": text, "mandatory": "N"}


def _group(page: Leaf, number: int, endings: Sequence[Condition], lang: str) -> Iterator[Row]:
    gates = [f"!({_expression(ending)})" for ending in endings]
    gates += [_expression(page.relevant)] if page.relevant is not None else []
    title = page.title[lang] if page.title else page.id
    intro = page.intro[lang] if page.intro else ""
    rule = " and ".join(gates) or "1"
    yield {"class": "G", "type/scale": number, "name": title, "relevance": rule, "text": intro}
    for block in page.blocks:
        own = block.relevant if page.relevant is None else None
        yield from _block(block, lang, "1" if own is None else _expression(own), page)


def _block(block: Block, lang: str, relevance: str, page: Leaf) -> Iterator[Row]:
    base = {"class": "Q", "name": code_of(block.id), "relevance": relevance, "other": "N", "mandatory": "N"}
    if block.kind == "note":
        yield base | {"type/scale": "X", "text": block.text[lang]}
        return
    needed = "Y" if all(prompt.required for prompt in block.prompts) else "N"
    if block.kind == "grid":
        title = page.title[lang] if page.title else block.id
        yield base | {"type/scale": "F", "text": title, "mandatory": needed, "random_order": int(block.randomize)}
        for prompt in block.prompts:
            yield {
                "class": "SQ",
                "type/scale": 0,
                "name": code_of(prompt.id),
                "relevance": "1",
                "text": prompt.text[lang],
            }
    else:
        yield base | _question(block.prompts[0], lang) | {"mandatory": needed}
    several = block.prompts[0].kind == "several"
    for choice in block.choices:
        kind = "SQ" if several else "A"
        yield {"class": kind, "type/scale": 0, "name": code_of(choice.code), "text": choice.label[lang]}


def _question(prompt: Prompt, lang: str) -> Row:
    row: Row = {"text": prompt.text[lang], "validation": f"/{prompt.pattern}/" if prompt.pattern else ""}
    if prompt.choices:
        kind = {"several": "M", "country": "!"}.get(prompt.kind, "L")
        return row | {"type/scale": kind}
    if prompt.kind == "text":
        return row | {"type/scale": "S"}
    limits = {"min_num_value_n": prompt.minimum, "max_num_value_n": prompt.maximum}
    row |= {name: f"{value:g}" for name, value in limits.items() if value is not None}
    return row | {"type/scale": "N", "num_value_int_only": int(prompt.kind == "integer")}


def _expression(rule: Condition) -> str:
    value = f'"{rule.value}"' if isinstance(rule.value, str) else f"{rule.value:g}"
    return f"{code_of(rule.variable)}.NAOK {rule.operator} {value}"


def recognise(headers: Sequence[str]) -> bool:
    """Say whether headers are those of LimeSurvey's export of responses.

    Parameters
    ----------
    headers : sequence of str

    Returns
    -------
    bool

    Examples
    --------
    >>> recognise(["id", "submitdate", "lastpage", "startlanguage", "seed", "SAGE"])
    True
    """
    return {fold(header) for header in headers} >= MARKS


def interpret(table: RawTable, instrument: Instrument) -> RawTable:
    """Say which question each column of an export of responses holds.

    Parameters
    ----------
    table : RawTable
    instrument : Instrument

    Returns
    -------
    RawTable
        With ``places``: question codes, or ``grid[row]`` and ``question[option]``. Answers that were coded with a letter
        for the minus have it back.
    """
    form = questionnaire(instrument)
    known = {code_of(name): name for name in form.prompts} | {code_of(key): key for key in _keys(instrument)}
    options = {
        (code_of(prompt.id), code_of(choice.code)): (prompt.id, int(choice.code))
        for prompt in form.prompts.values()
        if prompt.kind == "several"
        for choice in prompt.choices
    }
    places: dict[int, str | tuple[str, int]] = {}
    for position, header in enumerate(table.headers):
        place = _place(header.strip(), known, options)
        if place is not None:
            places[position] = place
    return replace(table, format="limesurvey", places=places, cells=_minus(table.cells, places))


def _keys(instrument: Instrument) -> Iterator[str]:
    return (name for name, question in instrument.questions.items() if question.type == "key")


def _place(
    header: str, known: Mapping[str, str], options: Mapping[tuple[str, str], tuple[str, int]]
) -> str | tuple[str, int] | None:
    sub = _SUB.fullmatch(header)
    if sub is None:
        return known.get(header)
    return options.get((sub["code"], sub["sub"])) or known.get(sub["sub"])


def _minus(cells: Any, places: Mapping[int, object]) -> Any:
    """Give answers such as ``n99`` their minus back."""
    coded = re.compile(r"n(\d+)")

    def minus(cell: Any) -> Any:
        return coded.sub(r"-\1", cell) if isinstance(cell, str) and coded.fullmatch(cell) else cell

    found = cells.copy()
    for position in places:
        found.isetitem(position, found.iloc[:, position].map(minus))
    return found
