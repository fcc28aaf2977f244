"""The fonts are the derived ones, hold what reports need, and travel in part only."""

import hashlib
import io
import re
from base64 import b64decode

import pytest
from fontTools.ttLib import TTFont

from cbecmodel.display.canvas import figure_bytes, new_figure
from cbecmodel.display.typefaces import FACES, FOLDER, SANS, characters, font_face_css, unprintable

HASHES = {  # printed by reports/fonts.py
    "NotoSansSC-Regular.otf": "f4e8d89b571c54401b40cd2338300382543463b3e845813f7c626455cad49278",
    "NotoSansSC-Bold.otf": "883dc2ec652bf72aeeace8b88895be27ea7153c310ec5a6fe0babd93ebbd183f",
    "NotoSerifSC-Regular.otf": "ae47b8d9f1c2a77628763c25f7a98bf06cd60cb7da90e0613b83ccd37a37ac70",
}
VIETNAMESE = "ĂăÂâĐđÊêÔôƠơƯưễịỳạẢỐờỨ₫" + "".join(map(chr, range(0x1EA0, 0x1EFA)))


@pytest.mark.parametrize("file", FACES.values())
def test_fonts_are_those_that_were_derived(file):
    assert hashlib.sha256((FOLDER / file).read_bytes()).hexdigest() == HASHES[file]


def test_fonts_together_stay_small():
    assert sum((FOLDER / file).stat().st_size for file in FACES.values()) < 10_000_000


@pytest.mark.parametrize("file", FACES.values())
def test_fonts_hold_gb2312_and_vietnamese(file):
    codes = [bytes([high, low]) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF)]
    chinese = {letter for code in codes if (letter := code.decode("gb2312", errors="ignore"))}
    assert len(chinese) == 6763
    assert {ord(letter) for letter in chinese} <= characters(file)
    assert {ord(letter) for letter in VIETNAMESE} <= characters(file)


def test_what_no_font_can_show_is_known():
    assert unprintable("跨境电商−→χ²≥≤≠±×αω—–·“”‘’…★ é") == ""
    assert unprintable("Nguyễn Thị Ánh, Čapek, Łukasz, ₱5 ฿3") == ""
    assert unprintable("ไทย \U00020000龘") == "ทยไ龘\U00020000"


def test_letters_noto_lacks_are_drawn_in_a_figure_without_a_warning():
    figure, axes = new_figure(3, 1)
    axes.set_title("Nguyễn Thị Ánh, Čapek, Łukasz")
    assert figure_bytes(figure).startswith(b"<?xml")  # matplotlib warns of a missing glyph, and warnings are errors


def test_a_page_carries_only_the_letters_it_shows():
    small, large = font_face_css("文化"), font_face_css("文化" + "".join(map(chr, range(0x4E00, 0x4F00))), bold="文")
    assert len(small) < 10_000 < len(large)
    assert f"font-family:'{SANS}';font-weight:700" in large
    assert small == font_face_css("化文")
    (first, *_) = re.findall(r"base64,([^)]+)\)", small)
    assert set(TTFont(io.BytesIO(b64decode(first))).getBestCmap()) == {ord("文"), ord("化")}


def test_the_licence_of_the_fonts_is_with_them():
    said = (FOLDER / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in said
    assert "Adobe" in said
