"""From the printed form of the document to DOCX by pandoc, and the last touches pandoc leaves open.

These are the notice on each page and contents that show before Word renews them; nothing tells when the file was made.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cbecmodel.content import content_folder
from cbecmodel.display.pandoc import pandoc
from cbecmodel.report.figure_files import write_figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.report.document import Document

NOTICE: Final = "CBECMODEL-NOTICE"
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_LANGUAGE: Final = {"en": "en-GB", "zh": "zh-CN"}


def to_docx(source: str, document: Document) -> bytes:
    """Return the document as DOCX.

    Parameters
    ----------
    source : str
        Printed form of the document, figures as PNG.
    document : Document

    Returns
    -------
    bytes

    Raises
    ------
    ReportError
        If pandoc fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_figures(place, document, "png")
        words, reference = document.words, content_folder("reports") / "reference.docx"
        given = {"title": document.title, "toc-title": words("contents"), "lang": words.lang}
        given |= {"subtitle": document.subtitle} if document.subtitle else {}
        options = [f"--reference-doc={reference}", "--toc", "--toc-depth=1", "--shift-heading-level-by=-1"]
        options += [f"--metadata={name}={value}" for name, value in given.items()]
        made = pandoc(source, "docx", *options, folder=place)
    contents = [(f"chapter-{chapter.id}", chapter.title) for chapter in document.chapters]
    return finished(made, contents, notice=document.notice, lang=words.lang)


def finished(document: bytes, contents: Sequence[tuple[str, str]], *, notice: str, lang: str) -> bytes:
    """Return a DOCX with its page header filled in, the same bytes for the same content.

    Parameters
    ----------
    document : bytes
        As pandoc made it from the reference document, whose header holds :data:`NOTICE`.
    contents : sequence of (bookmark, title)
        Chapters.
    notice : str
        "" leaves the header empty.
    lang : {"en", "zh"}

    Returns
    -------
    bytes
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(document)) as given, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        names = sorted(given.namelist(), key=lambda name: (name != "[Content_Types].xml", name))
        for name in names:
            entry = zipfile.ZipInfo(name, date_time=_EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            made.writestr(entry, _part(name, given.read(name), contents, notice, lang))
    return stream.getvalue()


def _part(name: str, data: bytes, contents: Sequence[tuple[str, str]], notice: str, lang: str) -> bytes:
    if re.fullmatch(r"word/header\d*\.xml", name):
        said = escape(notice).encode("utf-8")
        return (
            data.replace(NOTICE.encode(), said)
            if notice
            else re.sub(rb"<w:p>.*</w:p>", b"<w:p/>", data, flags=re.DOTALL)
        )
    if name == "word/styles.xml":
        return re.sub(rb"<w:lang [^>]*/>", _language(lang), data)
    if name == "word/document.xml":
        return _table_rows(_contents(data, contents))
    return data


def _language(lang: str) -> bytes:
    latin = "en-GB" if lang == "zh" else _LANGUAGE[lang]
    return f'<w:lang w:val="{latin}" w:eastAsia="zh-CN" w:bidi="ar-SA"/>'.encode()


def _contents(data: bytes, contents: Sequence[tuple[str, str]]) -> bytes:
    """Write the chapters into the table of contents, which pandoc leaves for Word to fill."""
    lines = "</w:p><w:p>".join(
        f'<w:hyperlink w:anchor="{name}"><w:r><w:t xml:space="preserve">{escape(title)}</w:t></w:r></w:hyperlink>'
        for name, title in contents
    )
    field = (
        rb'<w:fldChar w:fldCharType="begin" w:dirty="true" />(<w:instrText.*?</w:instrText>)'
        rb'<w:fldChar w:fldCharType="separate" />'
    )
    begin = b'<w:fldChar w:fldCharType="begin" />\\1<w:fldChar w:fldCharType="separate" /></w:r>'
    return re.sub(field, begin + lines.replace("\\", "\\\\").encode("utf-8") + b"<w:r>", data, count=1)


def _table_rows(data: bytes) -> bytes:
    """Keep each row of a table on one page."""
    whole = b'<w:trPr><w:cantSplit w:val="true"/>'
    return re.sub(rb"<w:tr>(?!\s*<w:trPr>)", b"<w:tr>" + whole + b"</w:trPr>", data.replace(b"<w:trPr>", whole))
