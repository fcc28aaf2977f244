"""The package's own fonts, so that Latin and Chinese look the same on every machine."""

from __future__ import annotations

import io
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "fonts"
SANS: Final = "Noto Sans SC"
SERIF: Final = "Noto Serif SC"
FACES: Final = {
    (SANS, 400): "NotoSansSC-Regular.otf",
    (SANS, 700): "NotoSansSC-Bold.otf",
    (SERIF, 400): "NotoSerifSC-Regular.otf",
}
FALLBACK: Final = "DejaVu Sans"  # comes with matplotlib: letters Noto CJK lacks, such as Č and Ł


@cache
def characters(file: str) -> frozenset[int]:
    """Return the code points a font can show.

    Parameters
    ----------
    file : str
        Name of a file in ``display/fonts`` or :func:`fallback_folder`.

    Returns
    -------
    frozenset of int

    Examples
    --------
    >>> ord("创") in characters("NotoSerifSC-Regular.otf")
    True
    """
    from fontTools.ttLib import TTFont

    own = FOLDER / file
    with TTFont(own if own.exists() else fallback_folder() / file, lazy=True) as font:
        return frozenset(font.getBestCmap())


def fallback_folder() -> Path:
    """Return the folder of the fonts that come with matplotlib, :data:`FALLBACK` among them.

    Returns
    -------
    pathlib.Path

    Examples
    --------
    >>> (fallback_folder() / "DejaVuSans.ttf").exists()
    True
    """
    from matplotlib import get_data_path

    return Path(get_data_path()) / "fonts" / "ttf"


def unprintable(text: str) -> str:
    """Return the characters of a text that none of the fonts can show, each once.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> unprintable("文化 SDI"), unprintable("龘 α 龘"), unprintable("Nguyễn Čapek")
    ('', '龘', '')
    """
    known = characters(FACES[SERIF, 400]) | characters("DejaVuSans.ttf")
    return "".join(sorted({letter for letter in text if ord(letter) not in known and letter.isprintable()}))


def web_font(file: str, text: str) -> bytes:
    """Return a font with only the characters of a text, compressed for the web.

    Parameters
    ----------
    file : str
        Name of a file in ``display/fonts``.
    text : str

    Returns
    -------
    bytes
        WOFF2.

    Examples
    --------
    >>> web_font("NotoSansSC-Regular.otf", "文化")[:4]
    b'wOF2'
    """
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    options = Options()
    options.layout_features = ["kern", "mark", "ccmp", "pwid"]
    options.flavor = "woff2"
    options.drop_tables += ["GDEF"]
    with TTFont(FOLDER / file, lazy=True) as font:
        font.recalcTimestamp = False
        subsetter = Subsetter(options)
        subsetter.populate(text=text)
        subsetter.subset(font)
        font.flavor = "woff2"
        stream = io.BytesIO()
        font.save(stream)
    return stream.getvalue()


def font_face_css(text: str, bold: str = "") -> str:
    """Return ``@font-face`` rules that carry the fonts of one document inside it.

    Parameters
    ----------
    text : str
        Everything the document shows.
    bold : str
        What it shows in bold; "" takes no bold face in.

    Returns
    -------
    str

    Examples
    --------
    >>> font_face_css("文化").count("@font-face")
    2
    """
    rules = []
    for (family, weight), file in FACES.items():
        shown = bold if weight == 700 else text
        if shown:
            data = b64encode(web_font(file, shown)).decode("ascii")
            source = f"url(data:font/woff2;base64,{data}) format('woff2')"
            rules.append(f"@font-face{{font-family:'{family}';font-weight:{weight};src:{source}}}")
    return "\n".join(rules)


@cache
def register() -> None:
    """Tell matplotlib about the fonts; done once."""
    from matplotlib.font_manager import fontManager

    for file in FACES.values():
        fontManager.addfont(FOLDER / file)
