"""The last touches to a DOCX: the notice at the head of each page, the language, and no trace of when it was made."""

from __future__ import annotations

import io
import re
import zipfile
from html import escape
from typing import Final

NOTICE: Final = "CBECMODEL-NOTICE"
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_LANGUAGE: Final = {"en": "en-GB", "zh": "zh-CN"}


def finished(document: bytes, *, notice: str, lang: str) -> bytes:
    """Return a DOCX with its page header filled in, the same bytes for the same content.

    Parameters
    ----------
    document : bytes
        As pandoc made it from the reference document, whose header holds :data:`NOTICE`.
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
            made.writestr(entry, _part(name, given.read(name), notice, lang))
    return stream.getvalue()


def _part(name: str, data: bytes, notice: str, lang: str) -> bytes:
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
        return _table_widths(data)
    return data


def _language(lang: str) -> bytes:
    latin = "en-GB" if lang == "zh" else _LANGUAGE[lang]
    return f'<w:lang w:val="{latin}" w:eastAsia="zh-CN" w:bidi="ar-SA"/>'.encode()


def _table_widths(data: bytes) -> bytes:
    """Let rows stay whole across pages, and repeat the head of a table on each."""
    return data.replace(b"<w:tblHeader", b'<w:cantSplit w:val="true"/><w:tblHeader')
