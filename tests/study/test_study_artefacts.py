"""What steps hand on comes back as it was, and equal content gives equal bytes."""

import numpy as np
import pandas as pd
import pytest

from cbecmodel.study.artefacts import Artefacts, canonical

FRAME = pd.DataFrame(
    {
        "respondent": ["001", "002", "003"],
        "answer": [1.0, np.nan, 1 / 3],
        "n": [1, 2, 3],
        "excluded": [True, False, True],
        "quote": ['say "yes", 再见', "", "line\nbreak"],
        "nothing": [np.nan, np.nan, np.nan],
    }
)


def test_tables_come_back_as_they_were() -> None:
    made = Artefacts()
    made.table("a.csv", FRAME)
    back = Artefacts(dict(made.files)).frame("a.csv")
    pd.testing.assert_frame_equal(back, FRAME, check_dtype=False)
    assert back["answer"].iloc[2] == 1 / 3
    kinds = back.dtypes.map(lambda kind: "s" if kind in ("str", "object") else kind.kind)
    assert kinds.tolist() == ["s", "f", "i", "b", "s", "f"]


def test_empty_tables_keep_their_columns() -> None:
    made = Artefacts()
    made.table("a.csv", FRAME.iloc[:0])
    assert made.frame("a.csv").columns.tolist() == FRAME.columns.tolist()
    assert made.frame("a.csv").empty


def test_equal_content_equal_bytes() -> None:
    one, other = Artefacts(), Artefacts()
    one.table("a.csv", FRAME)
    one.table("b.csv", FRAME[["n"]])
    other.table("b.csv", FRAME[["n"]])
    other.table("a.csv", FRAME.copy())
    assert one.files == other.files
    assert b"\r" not in one.files["a.csv"]


def test_json_has_one_form_and_no_invalid_numbers() -> None:
    assert canonical({"b": np.float64(0.1), "a": np.int64(2), "认": (True,)}) == '{"a": 2, "b": 0.1, "认": [true]}'
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})
    with pytest.raises(TypeError):
        canonical({"a": object()})
