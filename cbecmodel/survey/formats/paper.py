"""A questionnaire to print: PDF by typst, DOCX by pandoc; one language, or several side by side."""

from __future__ import annotations

import json
import re
import tempfile
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cbecmodel import messages
from cbecmodel.content import content_folder
from cbecmodel.display.pandoc import EPOCH, pandoc
from cbecmodel.display.typefaces import FOLDER, fallback_folder
from cbecmodel.errors import MissingDependency
from cbecmodel.survey.formats.spreadsheet import steady_zip
from cbecmodel.survey.formats.written import phrase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cbecmodel.survey.condition import Condition
    from cbecmodel.survey.formats.written import Feature
    from cbecmodel.survey.questionnaire import Block, Leaf, Prompt, Questionnaire

HOLDS: Final[frozenset[Feature]] = frozenset({"languages", "pages", "routing", "screening"})
_EMPTY_HEADER: Final = re.compile(rb"(<w:hdr[^>]*>).*(</w:hdr>)", re.DOTALL)
_MANY: Final = 30  # options; more are written in

_TYPST: Final = """
#set document(title: TITLE, date: none)
#set page(paper: "a4", margin: (x: 18mm, y: 18mm), footer: context align(center, text(size: 8pt, fill: luma(110),
  counter(page).display("1 / 1", both: true))))
#set text(font: ("Noto Sans SC", "DejaVu Sans"), size: 9.5pt, lang: LANG, FEATURES fill: rgb("#1f2933"))
#set par(leading: 0.62em, spacing: 0.9em)
#let second(body) = text(fill: luma(95), size: 0.93em, features: ("pwid",), body)
#let mark(sign) = box(baseline: 0.12em, text(size: 1.25em, sign))
#let line-of(width) = box(width: width, baseline: 0.15em, stroke: (bottom: 0.6pt + luma(90)), height: 1.1em)
#show heading.where(level: 1): it => block(below: 0.6em, text(size: 15pt, weight: "bold", it.body))
#show heading.where(level: 2): it => block(above: 1.5em, below: 0.7em, sticky: true, width: 100%,
  stroke: (bottom: 0.8pt + rgb("#3b5b7a")), inset: (bottom: 3pt),
  text(size: 11.5pt, weight: "bold", fill: rgb("#27435c"), it.body))
#let notice(body) = block(fill: luma(243), inset: 8pt, radius: 3pt, width: 100%, body)
#let only(body) = block(sticky: true, text(size: 8.5pt, style: "normal", fill: rgb("#8a4b08"), [→ ] + body))
#let question(body, answers) = block(breakable: false, width: 100%, above: 1em, below: 1em)[#body #v(0.2em) #answers]
"""


def write(form: Questionnaire, languages: Sequence[str]) -> dict[str, bytes]:
    """Write a printable questionnaire.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str

    Returns
    -------
    dict
        A PDF and a DOCX for each language; of several languages also one of each with all of them.

    Raises
    ------
    MissingDependency
        Without the extra ``report``.
    """
    editions = [(lang,) for lang in languages] + ([tuple(languages)] if len(languages) > 1 else [])
    found = {}
    for edition in editions:
        name = f"{form.instrument.id}_{'_'.join(edition)}"
        found[f"{name}.pdf"] = _pdf(form, edition)
        found[f"{name}.docx"] = _docx(form, edition)
    return found


def _pdf(form: Questionnaire, languages: Sequence[str]) -> bytes:
    try:
        import typst
    except ImportError as error:
        purpose = messages.text("core.purpose_pdf")
        raise MissingDependency("core.missing_dependency", package="typst", extra="report", purpose=purpose) from error
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "main.typ"
        place.write_text("\n".join(_source(form, languages)), encoding="utf-8")
        made = typst.compile(
            str(place),
            font_paths=[str(FOLDER), str(fallback_folder())],
            ignore_system_fonts=True,
            format="pdf",
            timestamp=EPOCH,
        )
    assert isinstance(made, bytes)
    return made


def _string(text: str) -> str:
    """Return a text as a typst string, so that no sign in it is markup."""
    return json.dumps(text, ensure_ascii=False)


def _said(texts: Mapping[str, str], languages: Sequence[str], *, strong: bool = False) -> str:
    """Return a text in the first language and, smaller below it, in the others."""
    wordings = list(dict.fromkeys(texts[lang] for lang in languages))  # brands and numbers are the same in all
    first, *others = (" + linebreak() + ".join(_string(line) for line in text.split("\n") if line) for text in wordings)
    shown = f"strong({first})" if strong else f"({first})"
    return " + ".join([shown, *(f"linebreak() + second({other})" for other in others)])


def _source(form: Questionnaire, languages: Sequence[str]) -> Iterator[str]:
    first = languages[0]
    yield (
        _TYPST.replace("TITLE", _string(form.instrument.title[first]))
        .replace("LANG", _string(first.split("-")[0]))
        .replace("FEATURES", "" if first.startswith("zh") else 'features: ("pwid",),')
    )
    yield f"#heading(level: 1, {_said(form.instrument.title, languages)})"
    if form.instrument.status:
        yield f"#notice({_said(form.instrument.status, languages)})"
    for page in form.pages:
        yield from _page(page, form, languages)
    ends = {lang: phrase(form, "finished", lang) for lang in languages}
    yield f"#v(1em)\n#align(center, {_said(ends, languages)})"


def _page(page: Leaf, form: Questionnaire, languages: Sequence[str]) -> Iterator[str]:
    if page.title:
        yield f"#heading(level: 2, {_said(page.title, languages)})"
    if page.relevant is not None:
        yield f"#only({_said(_rule(page.relevant, form, languages), languages)})"
    if page.intro:
        yield f"#block({_said(page.intro, languages)})"
    for block in page.blocks:
        if block.relevant is not None and page.relevant is None:
            yield f"#only({_said(_rule(block.relevant, form, languages), languages)})"
        yield from _block(block, form, languages)


def _rule(rule: Condition, form: Questionnaire, languages: Sequence[str]) -> dict[str, str]:
    """Say in words when something is to be answered."""
    prompt = form.prompts.get(rule.variable)
    found = {}
    for lang in languages:
        question = prompt.text[lang] if prompt else rule.variable
        answers = [choice.label[lang] for choice in prompt.choices if rule.holds(choice.code)] if prompt else []
        shown = " / ".join(answers) or f"{rule.operator} {rule.value}"
        found[lang] = phrase(form, "only_if", lang, question=question, answers=shown)
    return found


def _block(block: Block, form: Questionnaire, languages: Sequence[str]) -> Iterator[str]:
    if block.kind == "note":
        yield f"#notice({_said(block.text, languages)})"
    elif block.kind == "grid":
        yield _grid(block, languages)
    else:
        yield _question(block.prompts[0], form, languages)


def _grid(block: Block, languages: Sequence[str]) -> str:
    count = len(block.choices)
    head = ", ".join(
        [
            "[]",
            *(
                f"align(center + bottom, text(size: 7.2pt, {_said(choice.label, languages)}))"
                for choice in block.choices
            ),
        ]
    )
    rows = []
    for prompt in block.prompts:
        cells = [f"{_said(prompt.text, languages)}", *(['align(center + horizon, mark("○"))'] * count)]
        rows.append(", ".join(cells))
    body = ",\n  ".join(rows)
    return (
        f"#table(columns: (1fr, ..({count} * (13.2mm,))), inset: (x: 2.5pt, y: 4.5pt), stroke: none,\n"
        "  fill: (_, row) => if row > 0 and calc.odd(row) { luma(246) },\n"
        f"  table.header({head}),\n  {body})"
    ).replace(f"..({count} * (13.2mm,))", f"..range({count}).map(_ => 13.2mm)")


def _question(prompt: Prompt, form: Questionnaire, languages: Sequence[str]) -> str:
    several = prompt.kind == "several"
    if prompt.choices and len(prompt.choices) <= _MANY:
        sign = "□" if several else "○"
        options = [f'[#mark("{sign}") #box({_said(choice.label, languages)})]' for choice in prompt.choices]
        columns = 1 if len(options) > 8 or any(_long(choice.label, languages) for choice in prompt.choices) else 2
        answers = f"grid(columns: ({', '.join(['1fr'] * columns)}), gutter: 0.55em, {', '.join(options)})"
    else:
        width = "28mm" if prompt.kind in {"integer", "decimal"} else "90mm"
        answers = f"line-of({width})"
    ending = ""
    if prompt.ends is not None and prompt.choices and len(prompt.choices) <= _MANY:
        stops = {
            lang: phrase(
                form,
                "ends_here",
                lang,
                answers=" / ".join(c.label[lang] for c in prompt.choices if prompt.ends.holds(c.code)),
            )
            for lang in languages
        }
        ending = f"\n#only({_said(stops, languages)})"
    strong = all(
        "\n" not in prompt.text[lang] for lang in languages
    )  # a text of several paragraphs is read, not scanned
    return f"#question({_said(prompt.text, languages, strong=strong)}, {answers}){ending}"


def _long(label: Mapping[str, str], languages: Sequence[str]) -> bool:
    return any(sum(2 if ord(sign) > 0x2E80 else 1 for sign in label[lang]) > 38 for lang in languages)


def _docx(form: Questionnaire, languages: Sequence[str]) -> bytes:
    title = form.instrument.title[languages[0]]
    body = "\n".join(_html(form, languages))
    page = f"<html lang='{languages[0]}'><head><title>{escape(title)}</title></head><body>{body}</body></html>"
    reference = content_folder("reports") / "reference.docx"
    made = pandoc(page, "docx", f"--reference-doc={reference}")
    return steady_zip(
        made, lambda name, content: _EMPTY_HEADER.sub(rb"\1<w:p/>\2", content) if "header" in name else content
    )


def _html_text(texts: Mapping[str, str], languages: Sequence[str]) -> str:
    lines = [
        escape(line) for text in dict.fromkeys(texts[lang] for lang in languages) for line in text.split("\n") if line
    ]
    return "<br>".join(lines)


def _html(form: Questionnaire, languages: Sequence[str]) -> Iterator[str]:
    if form.instrument.status:
        yield f"<blockquote><p>{_html_text(form.instrument.status, languages)}</p></blockquote>"
    for page in form.pages:
        if page.title:
            yield f"<h1>{_html_text(page.title, languages)}</h1>"
        if page.relevant is not None:
            yield f"<p><em>→ {_html_text(_rule(page.relevant, form, languages), languages)}</em></p>"
        if page.intro:
            yield f"<p>{_html_text(page.intro, languages)}</p>"
        for block in page.blocks:
            yield from _html_block(block, languages)


def _html_block(block: Block, languages: Sequence[str]) -> Iterator[str]:
    if block.kind == "note":
        yield f"<blockquote><p>{_html_text(block.text, languages)}</p></blockquote>"
        return
    if block.kind == "grid":
        head = "".join(f"<th>{_html_text(choice.label, languages)}</th>" for choice in block.choices)
        share = 58 / len(block.choices)
        widths = "<col style='width: 42%'>" + f"<col style='width: {share:.1f}%'>" * len(block.choices)
        cells = "<td>○</td>" * len(block.choices)
        rows = "".join(f"<tr><td>{_html_text(prompt.text, languages)}</td>{cells}</tr>" for prompt in block.prompts)
        yield f"<table><colgroup>{widths}</colgroup><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return
    prompt = block.prompts[0]
    plain = any("\n" in prompt.text[lang] for lang in languages)
    asked = _html_text(prompt.text, languages)
    yield f"<p>{asked}</p>" if plain else f"<p><strong>{asked}</strong></p>"
    if prompt.choices and len(prompt.choices) <= _MANY:
        sign = "□" if prompt.kind == "several" else "○"
        yield "<p>" + "<br>".join(f"{sign} {_html_text(choice.label, languages)}" for choice in prompt.choices) + "</p>"
    else:
        yield "<p>____________________</p>"
