"""Reading answers: encodings, separators, sheets, labels, missing codes, reversing, ids."""

import hashlib
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from cbecmodel.errors import DataError, DataWarning
from cbecmodel.files import write_atomic
from cbecmodel.messages import use_language
from cbecmodel.survey.instrument import Instrument
from cbecmodel.survey.read import read_responses
from cbecmodel.survey.responses import Responses

CSV = "respondent,A1,A2,A3\nr1,1,2,3\nr2,High, low,LOW\nr3,-9,,2\n"


def _write(tmp_path: Path, content: str | bytes, name: str = "answers.csv") -> Path:
    return write_atomic(tmp_path / name, content)


def test_codes_labels_missing_and_reversing(tmp_path: Path, plain: Instrument) -> None:
    answers = read_responses(_write(tmp_path, CSV), plain)
    expected = pd.DataFrame(
        {"A1": [1, 3, np.nan], "A2": [2, 1, np.nan], "A3": [1, 3, 2.0]},
        index=pd.Index(["r1", "r2", "r3"], name="respondent"),
    )
    pd.testing.assert_frame_equal(answers.frame, expected, check_index_type=False)
    assert set(answers.frame.dtypes) == {np.dtype(float)}
    assert answers.missing.loc["r3"].tolist() == ["-9", "blank", ""]
    assert answers.raw.loc["r2", "A1"] == "High"
    assert answers.raw.loc["r3"].tolist() == ["r3", "-9", "", "2"]
    assert answers.answered["A3"].tolist() == [3, 1, 2]


def test_the_log_counts_every_change(tmp_path: Path, plain: Instrument) -> None:
    log = read_responses(_write(tmp_path, CSV), plain).log
    counts = {(row.step, row.where): row.n for row in log.itertuples()}
    assert counts["recode", "A1"] == counts["recode", "A2"] == counts["recode", "A3"] == 1
    assert counts["missing", "A1"] == counts["missing", "A2"] == 1
    assert counts["reverse", "A3"] == 3
    with use_language("zh"):
        assert "反向计分：x 变为 1 + 3 − x" in list(read_responses(tmp_path / "answers.csv", plain).log["what"])


def test_the_source_is_the_file(tmp_path: Path, plain: Instrument) -> None:
    path = _write(tmp_path, CSV)
    source = read_responses(path, plain).source
    assert source.sha256 == hashlib.sha256(CSV.encode()).hexdigest()
    assert (source.name, source.n_rows, source.format, source.encoding) == ("answers.csv", 3, "csv", "utf-8")
    assert path.read_text(encoding="utf-8") == CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators(tmp_path: Path, small: Instrument, encoding: str, separator: str) -> None:
    lines = ["序号,J1,J2,J3,C1,C2,T1,T2", "7,非常同意,同意,５,说不清,1,2.0, 非常  同意", "8,1,1,1,1,2,1,1"]
    content = "\r\n".join(lines).replace(",", separator) + "\r\n"
    answers = read_responses(_write(tmp_path, content.replace("非常  同意", "非常同意").encode(encoding)), small)
    assert answers.frame.loc[7].tolist() == [5, 4, 1, 3, 5, 2, 5]
    assert answers.source.encoding == {"gbk": "gb18030"}.get(encoding, encoding)


def test_a_named_encoding_is_honoured(tmp_path: Path, plain: Instrument) -> None:
    with pytest.warns(DataWarning, match="città"):
        answers = read_responses(
            _write(tmp_path, "id,A1,A2,A3,città\n1,1,1,1,è\n2,2,2,2,\n".encode("cp1252")), plain, encoding="cp1252"
        )
    assert answers.extra.loc[1, "città"] == "è"
    assert answers.source.encoding == "cp1252"


def test_order_case_and_spaces_of_columns_do_not_matter(tmp_path: Path, plain: Instrument) -> None:
    first = read_responses(_write(tmp_path, CSV), plain).frame
    lines = [line.split(",") for line in CSV.splitlines()]
    shuffled = "\n".join(",".join(line[i] for i in (3, 1, 0, 2)) for line in lines).replace("A3,A1", " a3 ,a1")
    pd.testing.assert_frame_equal(read_responses(_write(tmp_path, shuffled, "other.csv"), plain).frame, first)


def test_excel_round_trip(tmp_path: Path, small: Instrument) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Remarks of the team"])
    sheet = book.create_sheet("答案")
    sheet.append(["id", "J1", "J2", "J3", "C1", "C2", "T1", "T2", "S_AGE", "X_FOOD", None])
    sheet.append([101, 1, "同意", 3.0, "Agree", 5, None, -88, 34, "Rice;Noodles, dry", None])
    sheet.append([None] * 11)
    sheet.append([102, 2, 2, 2, 2, 2, 2, 3, 17, "9", None])
    book.save(tmp_path / "book.xlsx")
    answers = read_responses(tmp_path / "book.xlsx", small, sheet="答案")
    assert answers.frame.index.tolist() == [101, 102]
    assert answers.frame.loc[101, ["J1", "J2", "J3", "C1", "C2"]].tolist() == [1, 4, 3, 4, 1]
    assert answers.missing.loc[101, ["T1", "T2"]].tolist() == ["blank", "-88"]
    assert answers.frame.loc[101, ["X_FOOD_1", "X_FOOD_2", "X_FOOD_9"]].tolist() == [1, 1, 0]
    assert answers.frame.loc[102, ["X_FOOD_1", "X_FOOD_2", "X_FOOD_9"]].tolist() == [0, 0, 1]
    pd.testing.assert_frame_equal(read_responses(tmp_path / "book.xlsx", small, sheet=1).frame, answers.frame)
    assert (answers.log["step"] == "read").sum() == 3


def test_options_in_columns_of_their_own(tmp_path: Path, small: Instrument) -> None:
    text = (
        "J1,J2,J3,C1,C2,T1,T2,X_FOOD_1,X_FOOD/2,x_food(9)\n1,2,3,4,5,1,2,1,,\n1,2,3,4,5,1,3,0,1,0\n2,2,3,4,4,2,2,,,\n"
    )
    text = text.replace("1,2,3,4,5,1,3", "2,3,4,3,4,1,3")
    answers = read_responses(_write(tmp_path, text), small)
    assert answers.frame[["X_FOOD_1", "X_FOOD_2", "X_FOOD_9"]].to_numpy().tolist()[:2] == [[1, 0, 0], [0, 1, 0]]
    assert answers.frame[["X_FOOD_1", "X_FOOD_2", "X_FOOD_9"]].iloc[2].isna().all()
    assert answers.missing["X_FOOD_2"].tolist() == ["", "", "blank"]


def test_paradata(tmp_path: Path, plain: Instrument) -> None:
    text = (
        "id,A1,A2,A3,用时,Duration (in seconds),UserLanguage,提交答卷时间,来自IP\n"
        "1,1,2,3,x,300,ZH-S,2024/3/5 14:03:22,10.0.0.1\n2,2,3,1,y,2分5秒,EN,soon,10.0.0.2\n"
    )
    with pytest.warns(DataWarning, match="用时"):
        answers = read_responses(_write(tmp_path, text), plain)
    assert answers.frame["duration_s"].tolist() == [300, 125]
    assert answers.frame["form_language"].tolist() == ["zh", "en"]
    assert answers.frame["end_time"].iloc[0] == pd.Timestamp("2024-03-05 14:03:22")
    assert pd.isna(answers.frame["end_time"].iloc[1])
    assert "来自IP" not in answers.raw
    assert not answers.raw.astype(str).apply(lambda column: column.str.contains("10.0.0")).to_numpy().any()
    assert answers.log.set_index("step").loc["paradata", "where"] == "end_time"


def test_the_short_form_and_optional_constructs_may_be_absent(tmp_path: Path) -> None:
    text = """
id: long
title: Long
scales: {three: {points: {1: a, 2: b, 3: c}}}
constructs:
  A: {name: A, items: {A1: {core: true}, A2: {core: true}, A3: {}}}
  B: {name: B, optional: true, items: {B1: {core: true}}}
"""
    instrument = write_atomic(tmp_path / "long.yaml", text)
    answers = read_responses(_write(tmp_path, "A1,A2\n1,2\n2,1\n"), instrument)
    assert answers.items == ("A1", "A2")
    assert answers.scores().columns.tolist() == ["A"]


def test_from_frame_is_the_same_as_a_file(tmp_path: Path, plain: Instrument) -> None:
    frame = pd.DataFrame(
        {"A1": [1, 3, -9], "A2": [2, 1, None], "A3": [3, 1, 2]}, index=pd.Index(["r1", "r2", "r3"], name="respondent")
    )
    before = frame.copy(deep=True)
    made = Responses.from_frame(frame.convert_dtypes(), plain, source_name="drawn", synthetic=True)
    pd.testing.assert_frame_equal(
        made.frame, read_responses(_write(tmp_path, CSV), plain).frame, check_index_type=False
    )
    pd.testing.assert_frame_equal(frame, before)
    assert made.synthetic
    assert "Synthetic" in made.summary()
    assert made.source.sha256 == Responses.from_frame(frame.convert_dtypes(), plain).source.sha256
    assert made.source.sha256 != Responses.from_frame(frame.replace(-9, 1), plain).source.sha256


def test_keep_leaves_raw_and_writes_down_why(tmp_path: Path, plain: Instrument) -> None:
    answers = read_responses(_write(tmp_path, CSV), plain)
    kept = answers.keep(["r1", "r3"], "pilot")
    assert kept.frame.index.tolist() == ["r1", "r3"]
    assert len(kept.raw) == 3
    assert kept.log.iloc[-1][["step", "where", "n"]].tolist() == ["keep", "pilot", 1]
    assert kept.keep(answers.frame["A1"].loc[["r1", "r3"]].notna(), "answered").frame.index.tolist() == ["r1"]
    assert len(answers.frame) == 3


def test_scores(tmp_path: Path, plain: Instrument) -> None:
    answers = read_responses(_write(tmp_path, "A1,A2,A3\n1,2,3\n3,,\n3,1,2\n2,3,\n"), plain)
    np.testing.assert_allclose(answers.scores()["A"], [4 / 3, np.nan, 2, 2.5])
    np.testing.assert_allclose(answers.scores("sum")["A"], [4, np.nan, 6, 7.5])
    np.testing.assert_allclose(answers.scores(min_answered=0.3)["A"], [4 / 3, 3, 2, 2.5])
    np.testing.assert_allclose(answers.scores(min_answered=1)["A"], [4 / 3, np.nan, 2, np.nan])


def test_summary_in_two_languages(tmp_path: Path, plain: Instrument) -> None:
    answers = read_responses(_write(tmp_path, CSV), plain)
    assert "Respondents  3" in str(answers)
    with use_language("zh"):
        html = answers._repr_html_()
    assert "受访者" in html
    assert "<h3>" in html
    assert "0x" not in html


@pytest.mark.shared
def test_a_real_survey(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "hanoi_social_commerce.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    constructs: dict[str, list[str]] = {}
    for name in header:
        constructs.setdefault(name.rstrip("0123456789"), []).append(name)
    lines = [f"  {name}: {{name: {name}, items: [{', '.join(items)}]}}" for name, items in constructs.items()]
    yaml = "\n".join(
        [
            "id: hanoi",
            "title: Social commerce in Hanoi",
            "scales: {five: {points: [1, 2, 3, 4, 5]}}",
            "constructs:",
            *lines,
        ]
    )
    answers = read_responses(path, write_atomic(tmp_path / "hanoi.yaml", yaml))
    truth = pd.read_csv(path)
    assert len(answers.items) == 52
    assert np.array_equal(answers.frame[header].to_numpy(), truth[header].to_numpy(dtype=float), equal_nan=True)
    assert len(answers.screen().kept.frame) <= 272


def test_old_line_ends_and_short_rows(tmp_path: Path, plain: Instrument) -> None:
    with pytest.warns(DataWarning, match=r"1 row\(s\) have fewer cells than the header \(3\).*Rows: 3\."):
        answers = read_responses(_write(tmp_path, b"A1,A2,A3\r1,2,3\r2,3\r3,1,1\r"), plain)
    assert answers.frame["A1"].tolist() == [1, 2, 3]
    assert answers.missing["A3"].tolist() == ["", "blank", ""]


def test_excel_s_own_line_for_the_separator(tmp_path: Path, plain: Instrument) -> None:
    answers = read_responses(_write(tmp_path, "sep=|\r\nA1|A2|A3\r\n1|2|3\r\n2|3|1\r\n"), plain)
    assert answers.frame["A2"].tolist() == [2, 3]
    with pytest.raises(DataError, match=r"B4 \(A2\) = '9'"):
        read_responses(_write(tmp_path, "sep=;\nA1;A2;A3\n1;2;3\n2;9;1\n"), plain)
    with pytest.raises(DataError, match="row 4: 4 cells"):
        read_responses(_write(tmp_path, "sep=;\nA1;A2;A3\n1;2;3\n2;2;1;1\n"), plain)


def test_languages_are_those_of_the_instrument(tmp_path: Path) -> None:
    text = """
id: two
title: {zh-TW: 二, en: Two}
languages: [zh-TW, en]
scales: {two: {points: [1, 2]}}
constructs: {A: {name: {zh-TW: 甲, en: A}, items: {A1: {}, A2: {}}}}
"""
    path = _write(tmp_path, "A1,A2,language\n1,2,ZH_tw\n2,1,en-US\n")
    answers = read_responses(path, write_atomic(tmp_path / "two.yaml", text))
    assert answers.frame["form_language"].tolist() == ["zh-TW", "en"]


def test_answers_with_code_and_label(tmp_path: Path, small: Instrument) -> None:
    rows = "J1,J2,J3,C1,C2,T1,T2\n5 = Strongly agree,４．同意,3,1,2,5,5\n1,1,1,2,1,1,1\n"
    assert read_responses(_write(tmp_path, rows), small).frame.iloc[0, :2].tolist() == [5, 4]
    with pytest.raises(DataError, match="5 = Disagree"):
        read_responses(_write(tmp_path, rows.replace("5 = Strongly agree", "5 = Disagree")), small)


def test_a_wording_that_fits_no_question_is_shown(tmp_path: Path, small: Instrument) -> None:
    path = _write(tmp_path, "序号,提交答卷时间,1、我经常唱歌。,2、我笑得很多\n1,2025/11/17 10:00:00,1,2\n")
    with pytest.raises(DataError, match=r"lacks .* Columns that fit no question: .*D \(2、我笑得很多\)"):
        read_responses(path, small)


def test_names_are_shown_in_the_only_language_there_is(tmp_path: Path) -> None:
    text = "id: vi\nlanguages: [vi]\ntitle: Niềm vui\nscales: {a: {points: [1, 2]}}\n"
    text += "constructs: {VUI: {name: Vui vẻ, items: [V1]}}\n"
    path = tmp_path / "vi.yaml"
    path.write_text(text, encoding="utf-8")
    shown = str(read_responses(_write(tmp_path, "V1\n1\n2\n"), path))
    assert "Niềm vui" in shown
    assert "Vui vẻ" in shown
