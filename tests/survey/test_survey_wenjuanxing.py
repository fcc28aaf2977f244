"""问卷星: what is recognised, how headers are matched, and what is said when they cannot be."""

from pathlib import Path

import pytest
from exports import LEADING, delimited, wenjuanxing

from cbecmodel.errors import DataError, DataWarning
from cbecmodel.files import write_atomic
from cbecmodel.messages import use_language
from cbecmodel.survey.codebook import fields
from cbecmodel.survey.formats.wenjuanxing import recognise
from cbecmodel.survey.instrument import Instrument, load_instrument
from cbecmodel.survey.read import read_responses

PEOPLE = [
    {
        "J1": 1,
        "J2": 2,
        "J3": 5,
        "C1": 3,
        "C2": 4,
        "T1": 5,
        "T2": 1,
        "consent": 1,
        "X_PET": 0,
        "R1": 1,
        "X_FOOD": (1, 9),
        "A1": 2,
    },
    {
        "J1": 2,
        "J2": 3,
        "J3": 4,
        "C1": 1,
        "C2": 5,
        "T1": 4,
        "T2": 2,
        "consent": 0,
        "X_PET": 96,
        "R1": 0,
        "X_FOOD": (2,),
        "A1": 1,
    },
]


def _file(folder: Path, rows: list[list[object]], name: str = "9_按序号_小_2_2.csv") -> Path:
    return write_atomic(folder / name, delimited(rows))


def test_numbers_are_positions_not_codes(tmp_path: Path, small: Instrument) -> None:
    with pytest.warns(DataWarning, match=r"positions of the options.*consent, R1, X_PET, X_FOOD") as caught:
        answers = read_responses(_file(tmp_path, wenjuanxing(PEOPLE, small, "number")), small)
    assert answers.frame["X_PET"].tolist() == [0, 96]
    assert answers.frame["consent"].tolist() == [1, 0]
    assert answers.frame["X_FOOD_9"].tolist() == [1, 0]
    assert caught[0].filename == __file__
    with use_language("zh"):
        assert "按选项序号理解" in str(caught[0].message)


def test_recognised_by_its_columns_alone(tmp_path: Path, small: Instrument) -> None:
    rows = wenjuanxing(PEOPLE, small, "text")
    answers = read_responses(_file(tmp_path, rows, "answers.csv"), small)
    assert answers.source.format == "wenjuanxing"
    assert answers.frame.index.tolist() == [1, 2]
    assert recognise("x.csv", LEADING)
    assert not recognise("x.csv", ["id", "J1"])


def test_options_with_columns_of_their_own(tmp_path: Path, small: Instrument) -> None:
    rows = wenjuanxing(PEOPLE, small, "number")
    at = next(i for i, header in enumerate(rows[0]) if "您吃什么" in str(header))
    for headers in (
        ["9、您吃什么？（可多选）(米饭)", "9、您吃什么？（可多选）(面条)", "9、您吃什么？（可多选）(其他)"],
        ["第9题(米饭)", "第9题(面条)", "第9题(其他)"],
    ):
        ticks = [headers, [1, 0, 1], [0, 1, 0]]
        split = [[*row[:at], *tick, *row[at + 1 :]] for row, tick in zip(rows, ticks, strict=True)]
        with pytest.warns(DataWarning, match="positions"):
            answers = read_responses(_file(tmp_path, split), small)
        assert answers.frame[["X_FOOD_1", "X_FOOD_2", "X_FOOD_9"]].to_numpy().tolist() == [[1, 0, 1], [0, 1, 0]]


def test_ids_in_titles_come_first(tmp_path: Path, small: Instrument) -> None:
    rows = wenjuanxing(PEOPLE, small, "text")
    at = next(i for i, header in enumerate(rows[0]) if str(header).endswith("我经常唱歌。"))
    rows[0][at] = "5、[J1] 另一种说法"
    assert read_responses(_file(tmp_path, rows), small).frame["J1"].tolist() == [1, 2]


def test_a_changed_title_is_named_not_guessed(tmp_path: Path, small: Instrument) -> None:
    rows = wenjuanxing(PEOPLE, small, "text")
    at = next(i for i, header in enumerate(rows[0]) if str(header).endswith("我睡得好。"))
    rows[0][at] = "8、我睡得很好。"
    with pytest.raises(DataError, match=r"lacks 1 item.*C1.*8、我睡得很好。 → C1"):
        read_responses(_file(tmp_path, rows), small)


def test_a_bare_number_is_refused(tmp_path: Path, small: Instrument) -> None:
    rows = wenjuanxing(PEOPLE, small, "text")
    rows[0][8] = "第3题"
    with pytest.raises(DataError, match=r"I \(第3题\).*rename each column") as caught:
        read_responses(_file(tmp_path, rows), small)
    with use_language("zh"):
        assert "请导出完整题目标题" in str(caught.value)


def test_two_questions_with_one_text_are_refused(tmp_path: Path) -> None:
    text = """
id: twins
title: Twins
scales: {two: {points: {1: a, 2: b}}}
constructs:
  A: {name: A, items: {A1: {text: How are you?}, A2: {text: How are you}, A3: {text: And you?}}}
"""
    instrument = load_instrument(write_atomic(tmp_path / "twins.yaml", text))
    rows = wenjuanxing([{"A1": 1, "A2": 2, "A3": 1}], instrument, "text", "en")
    with pytest.raises(DataError, match=r"more than one question.*How are you"):
        read_responses(_file(tmp_path, rows), instrument)


@pytest.mark.parametrize("name", ["consumer", "firm"])
@pytest.mark.parametrize("mode", ["text", "number"])
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.filterwarnings("ignore::cbecmodel.errors.DataWarning")
def test_the_study_s_own_instruments_come_back(tmp_path: Path, name: str, mode: str, lang: str) -> None:
    instrument = load_instrument(name)
    known = fields(instrument)
    people = [
        {i: one.codes[(at + shift) % len(one.codes)] for at, (i, one) in enumerate(known.items()) if one.codes}
        for shift in (0, 3, 1)
    ]
    for person in people:
        person |= {i: -99 for i, one in known.items() if any(person.get(i) == c for c in instrument.missing_codes)}
    rows = wenjuanxing(people, instrument, mode, lang)
    answers = read_responses(_file(tmp_path, rows), instrument)
    for item in instrument.items:
        assert answers.answered[item].tolist() == [person[item] for person in people]
    assert set(answers.frame["form_language"]) == {lang}
