"""XLSForm: the workbook that ODK, KoboToolbox and their kin read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import openpyxl

from cbecmodel.survey.formats.spreadsheet import add_row, saved
from cbecmodel.survey.formats.written import Feature, language_name, phrase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cbecmodel.survey.condition import Condition
    from cbecmodel.survey.questionnaire import Block, Choice, Leaf, Prompt, Questionnaire

HOLDS: Final[frozenset[Feature]] = frozenset(
    {"languages", "pages", "routing", "screening", "required", "limits", "pattern"}
)
_TYPES: Final = {"integer": "integer", "decimal": "decimal", "text": "text"}
_ELIGIBLE: Final = "eligible"
_OPERATORS: Final = {"==": "=", "!=": "!="}

Row = dict[str, Any]


def write(form: Questionnaire, languages: Sequence[str]) -> dict[str, bytes]:
    """Write an XLSForm.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str

    Returns
    -------
    dict
        One workbook: sheets ``survey``, ``choices``, ``settings``.

    References
    ----------
    .. [1] XLSForm specification, https://xlsform.org
    """
    lists = _Lists(form, languages)
    rows = [
        {"type": "start", "name": "start_time"},
        {"type": "end", "name": "end_time"},
        {"type": "audit", "name": "audit"},
    ]
    rows += _survey(form, languages, lists)
    labels = [f"label::{_language(lang)}" for lang in languages]
    messages = [f"constraint_message::{_language(lang)}" for lang in languages]
    columns = ["type", "name", *labels, "required", "relevant", "appearance", "constraint", *messages, "calculation"]
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    _sheet(book, "survey", columns, rows)
    _sheet(book, "choices", ["list_name", "name", *labels], lists.rows)
    settings = {
        "form_title": form.instrument.title[languages[0]],
        "form_id": form.instrument.id,
        "version": form.instrument.content_hash[:12],
        "default_language": _language(languages[0]),
    }
    _sheet(book, "settings", list(settings), [settings])
    return {f"{form.instrument.id}.xlsx": saved(book)}


def _language(lang: str) -> str:
    return f"{language_name(lang)} ({lang})"


def _sheet(book: openpyxl.Workbook, name: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    sheet = book.create_sheet(name)
    add_row(sheet, columns)
    for row in rows:
        add_row(sheet, [row.get(column) for column in columns])
    sheet.freeze_panes = "A2"


class _Lists:
    """Lists of choices, each written once."""

    def __init__(self, form: Questionnaire, languages: Sequence[str]) -> None:
        self.form, self.languages = form, languages
        self.names: list[tuple[tuple[Choice, ...], str]] = []
        self.rows: list[Row] = []

    def name(self, prompt: Prompt) -> str:
        for choices, name in self.names:
            if choices == prompt.choices:
                return name
        name = self._new_name(prompt)
        self.names.append((prompt.choices, name))
        for choice in prompt.choices:
            self.rows.append({"list_name": name, "name": choice.code, **_labels(choice.label, self.languages)})
        return name

    def _new_name(self, prompt: Prompt) -> str:
        """Name a list after the scale it is, else after the first question that uses it."""
        item = self.form.instrument.items.get(prompt.id)
        taken = {name for _, name in self.names}
        return item.scale if item is not None and item.scale not in taken else f"{prompt.id}_choices"


def _labels(texts: Mapping[str, str], languages: Sequence[str]) -> Row:
    return {f"label::{_language(lang)}": texts[lang] for lang in languages}


def _survey(form: Questionnaire, languages: Sequence[str], lists: _Lists) -> Iterator[Row]:
    """Yield the rows of all pages; after the questions that screen out, only the eligible see more."""
    asked: list[Condition] = []
    for page in form.pages:
        ready = tuple(asked)
        asked += [prompt.ends for block in page.blocks for prompt in block.prompts if prompt.ends is not None]
        yield from _page(page, languages, lists, ready)
    if form.endings:
        texts = {lang: phrase(form, "not_eligible", lang) for lang in languages}
        rule = " or ".join(_expression(ending) for ending in form.endings)
        yield {"type": "note", "name": "not_eligible", **_labels(texts, languages), "relevant": rule}


def _page(page: Leaf, languages: Sequence[str], lists: _Lists, endings: Sequence[Condition]) -> Iterator[Row]:
    gates = [f"not({_expression(ending)})" for ending in endings]
    gates += [_expression(page.relevant)] if page.relevant is not None else []
    title = _labels(page.title, languages) if page.title else {}
    yield {"type": "begin_group", "name": f"page_{page.id}", **title, "relevant": " and ".join(gates)}
    if page.intro:
        yield {"type": "note", "name": f"{page.id}_intro", **_labels(page.intro, languages)}
    for block in page.blocks:
        rule = block.relevant if page.relevant is None else None
        yield from _block(block, languages, lists, rule)
    yield {"type": "end_group", "name": f"page_{page.id}"}


def _block(block: Block, languages: Sequence[str], lists: _Lists, rule: Condition | None) -> Iterator[Row]:
    relevant = {"relevant": _expression(rule)} if rule is not None else {}
    if block.kind == "note":
        yield {"type": "note", "name": block.id, **_labels(block.text, languages), **relevant}
    elif block.kind == "single" or len(block.prompts) == 1:
        yield _row(block.prompts[0], languages, lists) | relevant
    else:
        yield {"type": "begin_group", "name": f"grid_{block.id}", "appearance": "table-list", **relevant}
        yield from (_row(prompt, languages, lists) for prompt in block.prompts)
        yield {"type": "end_group", "name": f"grid_{block.id}"}


def _row(prompt: Prompt, languages: Sequence[str], lists: _Lists) -> Row:
    row: Row = {"name": prompt.id, **_labels(prompt.text, languages), "required": "yes" if prompt.required else None}
    if prompt.choices:
        kind = "select_multiple" if prompt.kind == "several" else "select_one"
        row |= {"type": f"{kind} {lists.name(prompt)}"}
        row |= {"appearance": "minimal autocomplete"} if prompt.kind == "country" else {}
    else:
        row |= {"type": _TYPES[prompt.kind]}
    return row | _constraint(prompt, languages, lists.form)


def _constraint(prompt: Prompt, languages: Sequence[str], form: Questionnaire) -> Row:
    if prompt.pattern is not None:
        rule = f"regex(., '{prompt.pattern}')"
        return {"constraint": rule} | _messages(form, languages, "bad_pattern", {})
    low, high = prompt.minimum, prompt.maximum
    parts = [f". >= {_plain(low)}"] if low is not None else []
    parts += [f". <= {_plain(high)}"] if high is not None else []
    if not parts:
        return {}
    limits = {"low": "–" if low is None else _plain(low), "high": "–" if high is None else _plain(high)}
    return {"constraint": " and ".join(parts)} | _messages(form, languages, "out_of_limits", limits)


def _messages(form: Questionnaire, languages: Sequence[str], key: Any, values: Mapping[str, object]) -> Row:
    return {f"constraint_message::{_language(lang)}": phrase(form, key, lang, **values) for lang in languages}


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _expression(rule: Condition) -> str:
    value = f"'{rule.value}'" if isinstance(rule.value, str) else _plain(rule.value)
    return f"${{{rule.variable}}} {_OPERATORS.get(rule.operator, rule.operator)} {value}"
