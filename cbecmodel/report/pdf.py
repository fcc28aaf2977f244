"""From the printed form of the document to PDF, by pandoc and typst, the same bytes on every run."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from cbecmodel.content import content_folder
from cbecmodel.display.pandoc import EPOCH, pandoc
from cbecmodel.display.typefaces import FOLDER, fallback_folder
from cbecmodel.errors import ReportError, ReportWarning, warn
from cbecmodel.report.figure_files import write_figures
from cbecmodel.report.html import column_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.report.document import Document

PAGE_WIDTH: Final = 6.6  # inches between the margins
_IMAGE: Final = re.compile(r'image\("([\w-]+)\.svg"[^)]*\)')

_TYPST: Final = {
    r"^=(=+) ": r"\1 ",  # a heading of the page is a chapter; the title stands above them
    # a note belongs to its table, so that no page comes between them
    r"^  \)\]\n(  , caption: .*\n  , kind: table\n  \)\n<[\w-]+>)\n\n#block\[\n#set text\(size: 8pt\); (.*)\n\n\]": (
        r"  )\n#table-note[\2]]\n\1\n"
    ),
    # a heading between rows stays with the row below it
    r"^    (table\.cell\(colspan: \d+\)\[#strong\[.*\]\]),$": r"    table.header(level: 2, repeat: false, \1),",
}
_LONG, _TALL = 16, 6  # rows; shorter tables are kept on one page, the second where rows have several lines


def to_pdf(source: str, document: Document) -> bytes:
    """Return the document as a tagged PDF.

    Parameters
    ----------
    source : str
        Printed form of the document, figures as SVG.
    document : Document

    Returns
    -------
    bytes

    Raises
    ------
    ReportError
        If pandoc or typst fail, or typst as much as warns.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_figures(place, document, "svg")
        (place / "report.typ").write_bytes((content_folder("reports") / "report.typ").read_bytes())
        main = typst_source(source, document)
        (place / "main.typ").write_text(main, encoding="utf-8")
        return _typeset(place)


def typst_source(source: str, document: Document) -> str:
    """Return the document in typst's markup.

    Parameters
    ----------
    source, document
        As in :func:`to_pdf`.

    Returns
    -------
    str
    """
    body = pandoc(source, "typst").decode("utf-8").replace("align(center)[#table(", "align(left)[#table(")
    words, figures = document.words, document.figures

    def image(match: re.Match[str]) -> str:
        block = figures[match[1]]
        width = min(PAGE_WIDTH, float(block.figure.get_size_inches()[0]))
        return f'image("{match[1]}.svg", width: {width:.2f}in, alt: {json.dumps(block.alt, ensure_ascii=False)})'

    given = {
        "title": document.title,
        "kind": words("report_kind"),
        "line": document.subtitle,
        "contents": words("contents"),
        "notice": document.notice,
        "lang": words.lang,
    }
    options = ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in given.items())
    body = _IMAGE.sub(image, body)
    for found, put in _TYPST.items():
        body = re.sub(found, put, body, flags=re.MULTILINE)
    long = "".join(f"#show <{name}>: set block(breakable: true)\n" for name in _long_tables(document))
    return f'#import "report.typ": report, table-note\n#show: report.with({options})\n{long}\n{body}'


def _typeset(place: Path) -> bytes:
    """Return an accessible PDF (PDF/UA-1); where typst cannot make one of this text, a simpler one, and say so."""
    import typst

    def once(standards: Literal["ua-1"] | None, tags: bool) -> tuple[bytes, Sequence[Exception]]:
        made, heard = typst.compile_with_warnings(
            str(place / "main.typ"),
            root=str(place),
            font_paths=[str(FOLDER), str(fallback_folder())],
            ignore_system_fonts=True,
            format="pdf",
            pdf_standards=standards,
            pdf_tags=tags,
            timestamp=EPOCH,
        )
        return made, heard

    attempts: list[tuple[Literal["ua-1"] | None, bool]] = [("ua-1", True), (None, True), (None, False)]
    for standard, tags in attempts:
        try:
            made, warnings = once(standard, tags)
        except typst.TypstError as error:
            if "PDF" not in str(error) or not tags:  # not about tags or the standard, so nothing easier will help
                raise ReportError("report.typst_failed", reason=_said(error)) from error
            if standard is None:
                warn(ReportWarning, "report.untagged", reason=_said(error))
        else:
            break
    if warnings:
        raise ReportError("report.typst_failed", reason="; ".join(map(_said, warnings)))
    return made


def _said(problem: Exception) -> str:
    hints = getattr(problem, "hints", [])
    return " ".join([str(getattr(problem, "message", problem)), *map(str, hints)])


def _long_tables(document: Document) -> list[str]:
    return [
        name
        for name, block in document.tables.items()
        if len(block.table.frame) > (_TALL if column_shares(block.table) else _LONG)
    ]
