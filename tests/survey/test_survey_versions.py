"""Answers to another version are refused and the changes named; what routing hid is not called unanswered."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import SMALL

from cbecmodel.errors import ContentError, DataError
from cbecmodel.files import write_atomic
from cbecmodel.messages import use_language
from cbecmodel.survey.instrument import Instrument, load_instrument
from cbecmodel.survey.read import read_responses
from cbecmodel.survey.responses import Responses
from cbecmodel.survey.versions import item_hashes

pytestmark = pytest.mark.filterwarnings("ignore:.*same answer")
PEOPLE = [{"J1": 1, "J2": 2, "J3": 3, "C1": 4, "C2": 5, "T1": 1, "T2": at} for at in (1, 2)]


def _made(folder: Path, text: str) -> Instrument:
    return load_instrument(write_atomic(folder / "other.yaml", text))


def _written(folder: Path, instrument: Instrument, **more: Any) -> Path:
    carried = {"instrument": "small", "instrument_version": "0", "instrument_hash": instrument.content_hash}
    people = [{"respondent": f"r{at}", **carried, **more, **one} for at, one in enumerate(PEOPLE)]
    return write_atomic(folder / "answers.json", json.dumps(people))


def test_the_same_version_is_read_without_a_word(tmp_path: Path, small: Instrument) -> None:
    path = _written(tmp_path, small, item_hashes=item_hashes(small))
    assert read_responses(path, small).frame["J1"].tolist() == [1, 1]


def test_another_version_is_refused_and_the_changes_named(tmp_path: Path, small: Instrument) -> None:
    other = _made(tmp_path, SMALL.replace("I laugh.", "I laugh a lot.").replace("I sleep well.", "I sleep."))
    path = _written(tmp_path, other, item_hashes=item_hashes(other))
    with pytest.raises(DataError, match=r"2 answer sheet\(s\).*2 question\(s\) were changed.*: C1, J2\. ") as caught:
        read_responses(path, small)
    with use_language("zh"):
        assert "另一版本" in str(caught.value)
    taken = read_responses(path, small, any_version=True)
    assert taken.log["what"].str.contains("another version").sum() == 1


@pytest.mark.parametrize("carried", [{}, {"item_hashes": "{"}, {"item_hashes": "[1]"}])
def test_another_version_that_does_not_say_what_differs(
    tmp_path: Path, small: Instrument, carried: dict[str, Any]
) -> None:
    other = _made(tmp_path, SMALL.replace("I laugh.", "I laugh a lot."))
    with pytest.raises(DataError, match="does not say which questions differ"):
        read_responses(_written(tmp_path, other, **carried), small)


def test_another_version_with_the_same_questions(tmp_path: Path, small: Instrument) -> None:
    other = _made(tmp_path, SMALL.replace("minimum_flags: 2", "minimum_flags: 3"))
    with pytest.raises(DataError, match="All questions and answers are the same"):
        read_responses(_written(tmp_path, other, item_hashes=item_hashes(other)), small)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("{en: Cat, zh: 猫}", "{en: Cats, zh: 猫}", {"X_PET", "R1"}),
        ("reverse: true}\n  CALM", "reverse: false}\n  CALM", {"J3"}),
        ("maximum: 110", "maximum: 100", {"S_AGE"}),
        ("5: {en: Strongly agree", "6: {en: Strongly agree", {"J1", "J2", "J3", "C1", "C2", "T1", "T2", "A1"}),
        ("version", "version", set()),
    ],
)
def test_what_changes_the_hash_of_a_question(
    tmp_path: Path, small: Instrument, old: str, new: str, changed: set[str]
) -> None:
    ours, theirs = item_hashes(small), item_hashes(_made(tmp_path, SMALL.replace(old, new)))
    assert {name for name in ours if ours[name] != theirs[name]} == changed


ROUTED = SMALL.replace(
    "    name: {en: Trust, zh: 信任}", "    name: {en: Trust, zh: 信任}\n    relevant: X_PET > 0"
).replace("    type: select_multiple", "    type: select_multiple\n    relevant: T1 > 2")


def test_what_routing_hid_was_not_shown(tmp_path: Path) -> None:
    routed = _made(tmp_path, ROUTED)
    frame = pd.DataFrame([[1, 2, 3, 4, 5]] * 5, columns=["J1", "J2", "J3", "C1", "C2"])
    frame["X_PET"] = [0, 1, 1, None, 0]
    frame["T1"] = [None, None, 3, None, 4]
    frame["T2"] = [None, 4, 3, None, 4]
    frame["X_FOOD"] = [None, None, None, None, "1|2"]
    answers = Responses.from_frame(frame, routed)
    assert answers.missing["T1"].tolist() == ["-77", "blank", "", "blank", ""]  # of the fourth nothing is known
    assert answers.missing["X_FOOD_1"].tolist() == ["-77", "blank", "blank", "blank", ""]
    assert answers.frame["X_FOOD_1"].isna().tolist() == [True] * 4 + [False]
    shown = answers.log[answers.log["what"].str.contains("X_PET > 0")]
    assert shown[["where", "n"]].to_numpy().tolist() == [["T1", 1], ["T2", 1]]
    assert "T1 > 2" in answers.log[answers.log["where"] == "X_FOOD"]["what"].str.cat()


def test_without_the_code_nothing_is_said(tmp_path: Path) -> None:
    routed = _made(tmp_path, ROUTED.replace("  -77: {en: Not shown, zh: 未显示}\n", ""))
    frame = pd.DataFrame([[1, 2, 3, 4, 5]] * 2, columns=["J1", "J2", "J3", "C1", "C2"])
    answers = Responses.from_frame(frame.assign(X_PET=0, T1=[None, 2], T2=[None, 3]), routed)
    assert answers.missing["T1"].tolist() == ["blank", ""]


def test_a_condition_on_a_reversed_item_is_about_what_was_ticked(tmp_path: Path) -> None:
    routed = _made(tmp_path, ROUTED.replace("relevant: X_PET > 0", "relevant: J3 > 3"))
    frame = pd.DataFrame([[1, 2, 2, 4, 5], [1, 2, 4, 4, 5], [1, 2, 5, 4, 5]], columns=["J1", "J2", "J3", "C1", "C2"])
    answers = Responses.from_frame(frame.assign(T1=[None, None, 2], T2=[1, 2, 3]), routed)
    assert answers.missing["T1"].tolist() == ["-77", "blank", ""]


def test_a_key_must_be_a_question(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match='"X_CODE" is not a question of this instrument'):
        _made(tmp_path, SMALL + "keys: {person: X_CODE}\n")
    assert _made(tmp_path, SMALL + "keys: {person: X_NOTE}\n").keys.person == "X_NOTE"
