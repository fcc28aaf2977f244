"""One report in one language, from typed results to files: HTML for the screen, PDF and DOCX by way of pandoc."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal

from cbecmodel.display.typefaces import unprintable
from cbecmodel.errors import ReportError, ReportWarning, warn
from cbecmodel.report.cross_checks import cross_checks_chapter
from cbecmodel.report.document import Chapter, Document, Words
from cbecmodel.report.docx import to_docx
from cbecmodel.report.html import render, shown_text
from cbecmodel.report.hypotheses import hypotheses_chapter
from cbecmodel.report.measurement import measurement_chapter
from cbecmodel.report.paths import paths_chapter
from cbecmodel.report.pdf import to_pdf
from cbecmodel.report.policy import policy_chapter
from cbecmodel.report.provenance import provenance_chapter
from cbecmodel.report.references import references_chapter
from cbecmodel.report.sample import items_chapter, sample_chapter
from cbecmodel.report.summary import summary_chapter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.report.results import StudyResults

Format = Literal["html", "pdf", "docx"]
FORMATS: Final = ("html", "pdf", "docx")
_ADDRESS: Final = re.compile(r"\s*https?://\S+$")


def build_report(
    results: StudyResults, lang: str, formats: Sequence[str] = ("html", "pdf", "docx")
) -> dict[str, bytes]:
    """Write a study's report in one language.

    Equal results give equal bytes. HTML needs nothing but this package; PDF and DOCX need the extra ``report``.

    Parameters
    ----------
    results : StudyResults
    lang : {"en", "zh"}
    formats : sequence of {"html", "pdf", "docx"}

    Returns
    -------
    dict of str to bytes
        The documents by format; where the extra is not installed only HTML.

    Raises
    ------
    ReportError
        If a format is unknown, a text or template is missing, or pandoc or typst fail; with their message.

    Warns
    -----
    ReportWarning
        If the extra ``report`` is not installed, or the fonts lack a character.
    """
    for wanted in formats:
        if wanted not in FORMATS:
            raise ReportError("report.unknown_format", wanted=wanted)
    document = report_document(results, lang)
    asked = dict.fromkeys(("html", *formats)) if _missing_extra(formats) else dict.fromkeys(formats)
    made: dict[str, bytes] = {}
    if "html" in asked:
        made["html"] = render(document).encode("utf-8")
    if _missing_extra(formats):
        others = ", ".join(name for name in formats if name != "html")
        warn(ReportWarning, "report.only_html", formats=others)
        return made
    if "pdf" in asked:
        source = render(document, "svg")
        if lacking := unprintable(document.title + document.subtitle + shown_text(source)):
            warn(ReportWarning, "report.missing_glyphs", characters=" ".join(lacking))
        made["pdf"] = to_pdf(source, document)
    if "docx" in asked:
        made["docx"] = to_docx(render(document, "png"), document)
    return made


def _missing_extra(formats: Sequence[str]) -> bool:
    needed = {"pdf": ("pypandoc", "typst"), "docx": ("pypandoc",)}
    return any(find_spec(package) is None for name in formats for package in needed.get(name, ()))


def report_document(results: StudyResults, lang: str) -> Document:
    """Return a study's report before it has a look.

    Parameters
    ----------
    results : StudyResults
    lang : {"en", "zh"}

    Returns
    -------
    Document
    """
    words = Words(lang)
    paper = _ADDRESS.sub("", words.of(results.paper))  # the references have it
    return Document(
        words=words,
        title=words.of(results.title) or results.id,
        subtitle=words("paper_line", paper=paper) if paper else "",
        chapters=tuple(report_chapters(results, words)),
        synthetic=results.synthetic,
    )


def report_chapters(results: StudyResults, words: Words) -> list[Chapter]:
    """Return the chapters of a report; those with nothing to say are left out.

    Parameters
    ----------
    results : StudyResults
    words : Words

    Returns
    -------
    list of Chapter
    """
    chapters = [summary_chapter(results, words)]
    if results.samples:
        chapters.append(sample_chapter(results.samples, words))
    if results.models:
        chapters += [measurement_chapter(results.models, words), paths_chapter(results, words)]
    if results.policies:
        chapters.append(policy_chapter(results.policies, words))
    chapters.append(cross_checks_chapter(results, words))
    if len(results.hypotheses):
        chapters.append(hypotheses_chapter(results, words))
    chapters += [provenance_chapter(results, words), references_chapter(results, words)]
    if any(len(sample.items) for sample in results.samples):
        chapters.append(items_chapter(results, words))
    return [chapter for chapter in chapters if chapter.blocks]
