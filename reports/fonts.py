"""Derive the vendored fonts from Noto CJK: GB2312, Latin with the letters of Vietnamese, the symbols of reports.

The package carries small fonts so that Chinese shows on any machine and every build is byte-identical. They come from
Noto Sans CJK 2.004 and Noto Serif CJK 2.001 (Adobe and Google, SIL Open Font License 1.1, see ``OFL.txt`` beside them).
Run it with the folder that holds the four collections, and the folder to write to::

    python reports/fonts.py <folder of Noto*CJK-*.ttc> cbecmodel/display/fonts

Noto CJK has every Vietnamese letter and ₫, but of Latin Extended-A only
ĀāĂăĐđĒēĚěĨĩĪīŃńŇňŌōŎŏŒœŨũŪūŬŭ: not Č, Ł, Ş, Ž and their like, and no ₱, ฿ or ₹. Those come from
DejaVu Sans, which matplotlib brings: figures and the PDF fall back to it. Neither has Thai, Khmer or Burmese letters.

It prints the SHA-256 of every source and result; the results' are kept in ``tests/display/test_display_fonts.py``.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont

SIMPLIFIED_CHINESE = 2  # place of SC in each collection
LAST_ROW = 0xF8  # GB2312 keeps its 6,763 characters below it
FONTS = {
    "NotoSansSC-Regular.otf": ("NotoSansCJK-Regular.ttc", "Noto Sans SC", "Regular"),
    "NotoSansSC-Bold.otf": ("NotoSansCJK-Bold.ttc", "Noto Sans SC", "Bold"),
    "NotoSerifSC-Regular.otf": ("NotoSerifCJK-Regular.ttc", "Noto Serif SC", "Regular"),
}
SYMBOLS = "₫€₩–—‘’“”…·•‰′″※←↑→↓↔⇒∂∆∏∑−√∞∩∪∫∴∼≈≠≡≤≥⊥①②③④⑤⑥⑦⑧⑨⑩■□▲△▼▽◆◇○◎●★☆✓✗⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉"


def wanted_characters() -> set[int]:
    """Return the code points kept: Latin and Vietnamese, Greek, GB2312, and the symbols of reports."""
    chinese = {
        ord(bytes([high, low]).decode("gb2312"))
        for high in range(0xA1, LAST_ROW)
        for low in range(0xA1, 0xFF)
        if bytes([high, low]).decode("gb2312", errors="ignore")
    }
    latin = {*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x1A0, 0x1B1), *range(0x1EA0, 0x1EFA)}
    return chinese | latin | {*range(0x391, 0x3CA)} | {ord(symbol) for symbol in SYMBOLS}


def derive(source: Path, family: str, style: str) -> TTFont:
    """Return one face of a collection, cut down and renamed to its family."""
    font = TTCollection(source).fonts[SIMPLIFIED_CHINESE]
    options = Options()
    options.layout_features = [
        "kern",
        "mark",
        "mkmk",
        "locl",
        "ccmp",
        "pwid",
    ]  # pwid: narrow quotation marks in Latin text
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.hinting = False
    options.desubroutinize = False
    options.drop_tables += ["VORG", "vhea", "vmtx", "BASE", "DSIG"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=wanted_characters())
    subsetter.subset(font)
    compact = family.replace(" ", "")
    names = {1: family, 2: style, 3: f"{compact}-{style};GB2312", 4: f"{family} {style}", 6: f"{compact}-{style}"}
    for place, text in names.items():
        font["name"].setName(text, place, 3, 1, 0x409)
    font["name"].names = [record for record in font["name"].names if record.platformID == 3 and record.langID == 0x409]
    top = font["CFF "].cff
    top.fontNames = [f"{compact}-{style}"]
    top.topDictIndex[0].FamilyName, top.topDictIndex[0].FullName = family, f"{family} {style}"
    font.recalcTimestamp = False
    return font


def main(sources: str, target: str) -> None:
    """Write every font and print the hashes."""
    for name, (collection, family, style) in FONTS.items():
        source, result = Path(sources) / collection, Path(target) / name
        derive(source, family, style).save(result)
        for path in (source, result):
            sys.stdout.write(
                f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.stat().st_size:>9}  {path.name}\n"
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
