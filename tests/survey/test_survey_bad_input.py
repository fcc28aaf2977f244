"""Files that cannot be used as they are: one sentence each, in two languages, that says what, where, and what to do."""

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from cbecmodel.errors import CbecError, DataError, DataWarning, FileError
from cbecmodel.files import write_atomic
from cbecmodel.messages import catalogue, use_language
from cbecmodel.survey.instrument import Instrument
from cbecmodel.survey.read import read_responses
from cbecmodel.survey.responses import Responses

Make = Callable[[Path], Path]


def _csv(content: str | bytes, name: str = "answers.csv") -> Make:
    return lambda folder: write_atomic(folder / name, content)


def _bomb(folder: Path) -> Path:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"")
        archive.filelist[0].file_size = 9 * 2**30
    return write_atomic(folder / "bomb.xlsx", data.getvalue())


def _damaged(folder: Path) -> Path:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("hello.txt", "no workbook")
    return write_atomic(folder / "damaged.xlsx", data.getvalue())


def _empty_book(folder: Path) -> Path:
    openpyxl.Workbook().save(folder / "empty.xlsx")
    return folder / "empty.xlsx"


BAD: dict[str, tuple[Make, type[CbecError], str, str]] = {
    "missing file": (lambda folder: folder / "none.csv", FileError, r"no file .*none\.csv", "找不到文件"),
    "empty file": (_csv(""), DataError, "holds no answers.*header row", "没有作答数据"),
    "header only": (_csv("A1,A2,A3\n"), DataError, "holds no answers", "没有作答数据"),
    "blank rows only": (_csv("A1,A2,A3\n,,\n,,\n"), DataError, "holds no answers", "没有作答数据"),
    "empty workbook": (_empty_book, DataError, "holds no answers", "没有作答数据"),
    "not text": (_csv(b"A1\n\xff\xfe\x00", "a.csv"), FileError, "not a text file", "不是文本文件"),
    "neither UTF-8 nor GBK": (
        _csv(b"A1,A2,A3\n1,2,\xff\xff\n"),
        FileError,
        "line 2: byte 0xFF is not text in UTF-8, GB18030.*encoding=",
        "第 2 行：字节 0xFF",
    ),
    "Western text that decodes as GBK": (
        _csv("A1,A2,A3,município,país\n1,2,3,Gijón,Málaga\n1,2,3,Córdoba,Cádiz\n".encode("cp1252")),
        FileError,
        r"not UTF-8 \(byte 0xED, line 1\).*encoding=\"big5\"",
        "又不像正常中文",
    ),
    "unknown ending": (
        _csv("A1\n1\n", "a.docx"),
        FileError,
        r'ending in "\.docx".*Save the answers as',
        "无法读取后缀",
    ),
    "old workbook": (_csv(b"\xd0\xcf\x11\xe0rest", "a.xls"), FileError, "old Excel workbook", "旧版 Excel"),
    "text called xlsx": (
        _csv("A1\n1\n", "a.xlsx"),
        FileError,
        'not an Excel workbook.*format="csv"',
        "不是 Excel 工作簿",
    ),
    "damaged workbook": (_damaged, FileError, "not an Excel workbook", "不是 Excel 工作簿"),
    "zip bomb": (_bomb, FileError, "would unpack to 9216 MB, more than the 2048 MB", "超过允许的 2048 MB"),
    "ragged row": (
        _csv("A1,A2,A3\n1,2,3\n1,2,3,4\n"),
        DataError,
        "row 3: 4 cells, but the header has 3",
        "第 3 行有 4 个",
    ),
    "open quote": (
        _csv('A1,A2,A3\n1,"2,3\n1,2,3\n'),
        DataError,
        "row 2: a double quote is opened and never closed",
        "没有配对",
    ),
    "title above the header": (
        _csv("My survey,,,\nid,A1,A2,A3\n1,1,2,3\n"),
        DataError,
        "item ids stand in row 2",
        "在第 2 行",
    ),
    "missing items": (
        _csv("A1,weather\n1,2\n"),
        DataError,
        r'lacks 2 item\(s\) of instrument "plain": A2, A3',
        "缺少问卷",
    ),
    "mistyped item": (_csv("A1,AA2,A3\n1,2,3\n"), DataError, "typing error: AA2 → A2", "疑似写错的列名：AA2 → A2"),
    "doubled column": (
        _csv("A1,A2,A3,a1\n1,2,3,1\n"),
        DataError,
        r"A1 stands in two columns: A \(A1\), D \(a1\)",
        "A1 出现在两列中",
    ),
    "doubled respondent": (
        _csv("id,A1,A2,A3\n7,1,2,3\n8,2,2,2\n7,1,1,1\n"),
        DataError,
        r"column A \(id\): 1 respondent id\(s\) occur more than once: 7 \(2, 4\)",
        "受访者编号重复：7 (2, 4)",
    ),
    "blank respondent": (
        _csv("id,A1,A2,A3\n,1,2,3\n8,2,2,2\n"),
        DataError,
        r"no id \(file rows: 2\)",
        "没有编号（第 2 行）",
    ),
    "outside the scale": (
        _csv("id,A1,A2,A3\n1,1,2,9\n2,2.5,2,2\n3,1,1,1\n"),
        DataError,
        r"2 answer\(s\) lie outside their scale: D2 \(A3\) = '9'; B3 \(A1\) = '2\.5'\. Allowed: A3: 1, 2, 3; A1: 1, 2, 3",
        "超出量表范围：D2 (A3) = '9'",
    ),
    "a word in an item": (
        _csv("id,A1,A2,A3\n1,Hihg,2,3\n2,2,soon,2\n"),
        DataError,
        r"neither a number nor a label.*B2 \(A1\) = 'Hihg' \(≈ 'high'\?\); C3 \(A2\) = 'soon'",
        "既不是数字，也不是该题的选项文字",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(case: str, tmp_path: Path, plain: Instrument) -> None:
    make, kind, english, chinese = BAD[case]
    path = make(tmp_path)
    with pytest.raises(kind, match=english) as caught:
        read_responses(path, plain)
    with use_language("zh"):
        spoken = str(pickle.loads(pickle.dumps(caught.value)))
    assert chinese in spoken


def test_rows_are_those_of_the_file_even_below_empty_ones(tmp_path: Path, plain: Instrument) -> None:
    path = write_atomic(tmp_path / "a.csv", 'A1,A2,A3\n1,2,3\n\n,,\n"2",2,8\n')
    with pytest.raises(DataError, match=r"C5 \(A3\) = '8'"):
        read_responses(path, plain)


def test_many_faults_are_counted_and_the_first_shown(tmp_path: Path, plain: Instrument) -> None:
    rows = "\n".join("7,7,7" for _ in range(100))
    path = write_atomic(tmp_path / "a.csv", f"A1,A2,A3\n{rows}\n")
    with pytest.raises(DataError, match=r"300 answer\(s\).*A2 \(A1\).*\(\+295\)"):
        read_responses(path, plain)


def test_a_country_must_be_a_code(tmp_path: Path, small: Instrument) -> None:
    text = "J1,J2,J3,C1,C2,T1,T2,S_COUNTRY\n1,2,3,4,5,1,2,vnm\n2,1,1,1,1,2,1,Viet Nam\n"
    with pytest.raises(DataError, match=r"H3 \(S_COUNTRY\) = 'Viet Nam'.*alpha-3"):
        read_responses(write_atomic(tmp_path / "a.csv", text), small)


def test_unknown_format_and_sheet(tmp_path: Path, plain: Instrument) -> None:
    path = _empty_book(tmp_path)
    with pytest.raises(DataError, match='no format "sas"'):
        read_responses(path, plain, "sas")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"no sheet 'Answers'\. Sheets: Sheet"):
        read_responses(path, plain, sheet="Answers")
    with pytest.raises(FileError, match='no encoding "utf-9"'):
        read_responses(write_atomic(tmp_path / "a.csv", "A1\n1"), plain, encoding="utf-9")


@pytest.mark.parametrize(
    ("text", "english", "chinese"),
    [
        ("A1,A2,A3,weather\n1,2,3,rain\n2,1,1,sun\n", "set aside: weather", "已另行存放：weather"),
        ("A1,A2,A3,A11\n1,2,3,1\n2,1,1,1\n", "set aside: A11", "A11"),
        ("A1,A2,A3\n,2,3\n,1,1\n", r"nobody answered 1 item\(s\): A1", "1 个题项无人作答：A1"),
        ("A1,A2,A3\n2,2,3\n2,1,1\n", r"same answer to 1 item\(s\): A1", "所有人的答案都相同：A1"),
    ],
)
def test_warnings(tmp_path: Path, plain: Instrument, text: str, english: str, chinese: str) -> None:
    path = write_atomic(tmp_path / "a.csv", text)
    with pytest.warns(DataWarning, match=english) as caught:
        answers = read_responses(path, plain)
    assert caught[0].filename == __file__
    with use_language("zh"):
        assert chinese in str(caught[0].message)
    assert len(answers.frame) == 2


def test_a_mistyped_question_is_named(tmp_path: Path, small: Instrument) -> None:
    text = "J1,J2,J3,C1,C2,T1,T2,S_AGEE\n1,2,3,4,5,1,2,30\n2,1,1,1,1,2,1,40\n"
    with pytest.warns(DataWarning, match="S_AGEE → S_AGE"):
        read_responses(write_atomic(tmp_path / "a.csv", text), small)


def test_wrong_use(plain: Instrument) -> None:
    answers = Responses.from_frame(pd.DataFrame({"A1": [1, 2], "A2": [2, 1], "A3": [1, 3]}), plain)
    for wrong, message in (([9], "not among the respondents: 9"), (np.array([True]), "mask has 1 values")):
        with pytest.raises(DataError, match=message):
            answers.keep(wrong, "why")
    with pytest.raises(DataError, match="mask has 1 values"):
        answers.keep(pd.Series([True], index=[1]), "why")
    with pytest.raises(DataError, match='no score "median"'):
        answers.scores("median")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="min_answered is 0"):
        answers.scores(min_answered=0)
    with pytest.raises(DataError, match=r'no screening rule "longstrin".*longstring_share'):
        answers.screen(longstrin=0.5)
    with pytest.raises(DataError, match=r'"missing_share" is 2; it must be 0–1'):
        answers.screen(missing_share=2)


def test_every_sentence_is_there_in_both_languages() -> None:
    for name, sentences in catalogue("survey").items():
        assert set(sentences) == {"en", "zh"}, name
