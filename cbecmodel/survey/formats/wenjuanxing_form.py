"""问卷星 (Wenjuanxing): what its importer takes, as JSON lines and as plain text; one language a form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from cbecmodel.survey.formats.written import Feature, phrase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cbecmodel.survey.questionnaire import Block, Leaf, Prompt, Questionnaire

HOLDS: Final[frozenset[Feature]] = frozenset()
_KINDS: Final = {"one": "单选题", "several": "多选题", "country": "下拉题"}
_TEXT_KINDS: Final = {"one": "[单选题]", "several": "[多选题]", "country": "[下拉题]"}


def write(form: Questionnaire, languages: Sequence[str]) -> dict[str, bytes]:
    """Write a survey for 问卷星.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str

    Returns
    -------
    dict
        For each language a ``.jsonl`` and a ``.txt``. In the text the labels of a grid hold no spaces, which would make two
        labels of one; they have underscores instead, and the reader knows them.
    """
    found = {}
    for lang in languages:
        lines = [json.dumps(entry, ensure_ascii=False) for entry in _entries(form, lang)]
        found[f"{form.instrument.id}_{lang}.jsonl"] = ("\n".join(lines) + "\n").encode()
        found[f"{form.instrument.id}_{lang}.txt"] = _text(form, lang).encode()
    return found


def _entries(form: Questionnaire, lang: str) -> Iterator[dict[str, Any]]:
    yield {"qtype": "问卷标题", "title": form.instrument.title[lang]}
    for page in form.pages:
        heading = _heading(page, lang)
        if heading:
            yield {"qtype": "段落说明", "title": heading}
        for block in page.blocks:
            yield _entry(block, form, lang)


def _heading(page: Leaf, lang: str) -> str:
    return "\n".join(texts[lang] for texts in (page.title, page.intro) if texts)


def _entry(block: Block, form: Questionnaire, lang: str) -> dict[str, Any]:
    if block.kind == "note":
        return {"qtype": "段落说明", "title": block.text[lang]}
    labels = [choice.label[lang] for choice in block.choices]
    if block.kind == "grid":
        rows = [prompt.text[lang] for prompt in block.prompts]
        title = phrase(form, "agreement", lang)
        return {"qtype": "矩阵量表", "title": title, "rowtitle": rows, "select": labels}
    prompt = block.prompts[0]
    kind = _KINDS.get(prompt.kind, "填空题")
    return {"qtype": kind, "title": prompt.text[lang]} | ({"select": labels} if labels else {})


def _text(form: Questionnaire, lang: str) -> str:
    pieces = [form.instrument.title[lang]]
    number = 0
    for page in form.pages:
        heading = _heading(page, lang)
        pieces += [f"{heading}[段落说明]"] if heading else []
        for block in page.blocks:
            number += block.kind != "note"
            pieces.append("\n".join(_lines(block, number, form, lang)))
    return "\n\n".join(pieces) + "\n"


def _lines(block: Block, number: int, form: Questionnaire, lang: str) -> Iterator[str]:
    if block.kind == "note":
        yield f"{_one_line(block.text[lang])}[段落说明]"
        return
    labels = [choice.label[lang] for choice in block.choices]
    if block.kind == "grid":
        yield f"{number}、{phrase(form, 'agreement', lang)}[矩阵量表题]"
        yield " ".join(joined(label) for label in labels)
        yield from (_one_line(prompt.text[lang]) for prompt in block.prompts)
        return
    prompt = block.prompts[0]
    yield f"{number}、{_one_line(prompt.text[lang])}{_mark(prompt)}"
    yield from labels


def _mark(prompt: Prompt) -> str:
    return _TEXT_KINDS.get(prompt.kind, "[填空题]")


def joined(label: str) -> str:
    """Return a label without spaces.

    Parameters
    ----------
    label : str

    Returns
    -------
    str

    Examples
    --------
    >>> joined("Strongly agree"), joined("非常同意")
    ('Strongly_agree', '非常同意')
    """
    return "_".join(label.split())


def _one_line(text: str) -> str:
    return " ".join(text.split())
