"""What many people saved from the preview is read from one folder; as CSV it is the same as from JSON."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cbecmodel.errors import DataError, FileError
from cbecmodel.files import write_atomic
from cbecmodel.survey.instrument import Instrument
from cbecmodel.survey.read import read_responses
from cbecmodel.survey.versions import item_hashes

pytestmark = pytest.mark.filterwarnings("ignore::cbecmodel.errors.DataWarning")


def _record(small: Instrument, name: str, **answers: Any) -> dict[str, Any]:
    carried = {"respondent": name, "instrument": small.id, "instrument_hash": small.content_hash}
    notes = {"item_order": {"JOY": ["J2", "J1"]}, "item_hashes": item_hashes(small), "duration_s": 61}
    return {**carried, "form_language": "zh", **notes, **answers}


def _cell(value: Any) -> str:
    """As the page writes it."""
    text = "┋".join(map(str, value)) if isinstance(value, list) else value
    text = json.dumps(text, separators=(",", ":")) if isinstance(text, dict) else str(text)
    if text[:1] in set("=+-@\t\r") and not text.lstrip("+-").isdigit():
        text = "'" + text
    return '"' + text.replace('"', '""') + '"'


def _csv(record: dict[str, Any]) -> str:
    return "\ufeff" + "\r\n".join(",".join(map(_cell, row)) for row in (record, record.values())) + "\r\n"


ITEMS = {"J1": 1, "J2": 2, "J3": 3, "C1": 4, "C2": -77, "T1": 5, "T2": 1}


@pytest.mark.parametrize("note", ["=1+1", "+ plus", "-dash", "@at", "'quoted", "''=x", '"a", b', "two\nlines", "\ttab"])
def test_csv_and_json_of_the_preview_are_the_same(tmp_path: Path, small: Instrument, note: str) -> None:
    record = _record(small, "r1", consent=1, S_AGE=30, X_FOOD=[1, 9], X_NOTE=note, **ITEMS)
    as_json = read_responses(write_atomic(tmp_path / "a.json", json.dumps(record)), small)
    as_csv = read_responses(write_atomic(tmp_path / "a.csv", _csv(record)), small)
    pd.testing.assert_frame_equal(as_json.frame.drop(columns="item_order"), as_csv.frame.drop(columns="item_order"))
    pd.testing.assert_frame_equal(as_json.missing, as_csv.missing, check_categorical=False)
    assert as_csv.frame["X_NOTE"].tolist() == [note]
    assert json.loads(as_csv.frame["item_order"].iloc[0]) == record["item_order"]


def test_an_apostrophe_in_other_files_stays(tmp_path: Path, small: Instrument) -> None:
    path = write_atomic(tmp_path / "a.csv", "J1,J2,J3,C1,C2,T1,T2,X_NOTE\n1,2,3,4,5,1,2,'=x\n")
    assert read_responses(path, small).frame["X_NOTE"].tolist() == ["'=x"]


def test_a_folder_is_read_as_one(tmp_path: Path, small: Instrument) -> None:
    write_atomic(tmp_path / "b.json", json.dumps(_record(small, "r1", consent=1, X_FOOD=[1], **ITEMS)))
    write_atomic(tmp_path / "a.json", json.dumps(_record(small, "r2", consent=0)))
    write_atomic(tmp_path / "c.csv", _csv(_record(small, "r3", consent=1, X_NOTE="=1+1", **ITEMS)))
    write_atomic(tmp_path / "notes.txt", "not answers")
    write_atomic(tmp_path / ".hidden.json", "{")
    answers = read_responses(tmp_path, small)
    assert answers.frame.index.tolist() == ["r2", "r1", "r3"]
    assert answers.frame["J1"].isna().tolist() == [True, False, False]
    assert answers.missing["C2"].tolist() == ["blank", "-77", "-77"]
    assert answers.source.n_rows == 3
    assert answers.log["n"].iloc[0] == 3
    assert read_responses(tmp_path, small).source.sha256 == answers.source.sha256


def test_a_fault_in_a_folder_names_the_file(tmp_path: Path, small: Instrument) -> None:
    write_atomic(tmp_path / "a.json", json.dumps(_record(small, "r1", consent=0)))
    write_atomic(tmp_path / "b.json", json.dumps(_record(small, "r2", **{**ITEMS, "J2": 9})))
    with pytest.raises(DataError, match=r"/b\.json: 1 answer\(s\) lie outside.*\(J2\) = '9'"):
        read_responses(tmp_path, small)
    write_atomic(tmp_path / "b.json", json.dumps(_record(small, "r1", **ITEMS)))
    with pytest.raises(DataError, match=f"{tmp_path.name}.*more than once: r1"):
        read_responses(tmp_path, small)
    write_atomic(tmp_path / "b.json", "{")
    with pytest.raises(FileError, match=r"b\.json"):
        read_responses(tmp_path, small)
    write_atomic(tmp_path / "b.json", "{}")
    with pytest.raises(DataError, match=r"b\.json"):
        read_responses(tmp_path, small)


def test_a_folder_without_answers_and_a_file_with_a_doubled_column(tmp_path: Path, small: Instrument) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(FileError, match='folder "none" holds no file of answers'):
        read_responses(tmp_path / "none", small)
    write_atomic(tmp_path / "a.csv", "J1,J1\n1,2\n")
    with pytest.raises(DataError, match=r'/a\.csv: the column "J1" occurs twice'):
        read_responses(tmp_path, small)
