"""Files: text in whatever encoding people's programs wrote it."""

import pickle

import pytest

from cbecmodel.errors import FileError
from cbecmodel.files import decode
from cbecmodel.messages import use_language

TEXT = "城市,年份,产出\r\n杭州市,2015,1.5\r\n"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("gbk", "gb18030"),
        ("gb2312", "gb18030"),
        ("gb18030", "gb18030"),
        ("utf-16", "utf-16"),
    ],
)
def test_encodings_are_detected(written: str, found: str) -> None:
    assert decode(TEXT.encode(written)) == (TEXT, found)


def test_utf_16_without_regard_to_byte_order() -> None:
    assert decode(b"\xfe\xff" + TEXT.encode("utf-16-be")) == (TEXT, "utf-16")


def test_plain_ascii_and_nothing_are_utf_8() -> None:
    assert decode(b"a,b\n") == ("a,b\n", "utf-8")
    assert decode(b"") == ("", "utf-8")


def test_a_named_encoding_is_used_and_its_mark_dropped() -> None:
    assert decode(TEXT.encode("big5", errors="ignore"), "big5")[1] == "big5"
    assert decode(TEXT.encode("utf-8-sig"), "utf-8") == (TEXT, "utf-8")
    assert decode("㐀".encode("gb18030"), "gbk") == ("㐀", "gbk")


def test_a_byte_that_fits_nowhere_is_named_with_its_line() -> None:
    with pytest.raises(FileError, match=r"answers\.csv, line 2: byte 0xFF .* UTF-8, GB18030") as caught:
        decode(b"a,b\n1,\xff\xff\n", path="answers.csv")
    with use_language("zh"):
        assert "第 2 行" in str(pickle.loads(pickle.dumps(caught.value)))


def test_other_kinds_of_file_are_named() -> None:
    with pytest.raises(FileError, match="XLSX"):
        decode(b"PK\x03\x04rest", path="a.csv")
    with pytest.raises(FileError, match="not a text file"):
        decode(b"a\0b")


def test_unknown_encoding() -> None:
    with pytest.raises(FileError, match='no encoding "utf-9"'):
        decode(b"a", "utf-9")
