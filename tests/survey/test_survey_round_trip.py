"""Whatever people answer comes back the same from every format, in every order of columns, whatever stands beside it."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from exports import by_id, delimited, wenjuanxing, workbook
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cbecmodel.errors import CbecError, DataWarning
from cbecmodel.files import write_atomic
from cbecmodel.survey.codebook import Field, fields
from cbecmodel.survey.instrument import Instrument
from cbecmodel.survey.read import read_responses
from cbecmodel.survey.responses import Responses

FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
COUNTRIES = ("VNM", "THA", "IDN", "CHN")


def _answer(one: Field) -> st.SearchStrategy[Any]:
    if one.kind == "multiple":
        found: st.SearchStrategy[Any] = st.sets(st.sampled_from(one.codes), min_size=1).map(
            lambda codes: tuple(sorted(codes))
        )
    elif one.codes:
        found = st.sampled_from(one.codes)
    elif one.kind == "integer":
        found = st.integers(5, 110)
    elif one.kind == "country":
        found = st.sampled_from(COUNTRIES)
    else:
        found = st.sampled_from(["很好", "fine; thanks", 'he said "no", twice', "two\nlines"])
    return st.one_of(found, found, found, st.none(), st.just(-77), st.just(-99))


def _people(instrument: Instrument) -> st.SearchStrategy[list[dict[str, Any]]]:
    person = st.fixed_dictionaries({name: _answer(one) for name, one in fields(instrument).items()})
    return st.lists(person, min_size=1, max_size=6)


def _expected(truth: list[dict[str, Any]], instrument: Instrument) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {}
    for name, one in fields(instrument).items():
        given = [None if person[name] in (-77, -99) else person[name] for person in truth]
        if one.kind == "multiple":
            for code in one.codes:
                columns[f"{name}_{code}"] = [np.nan if a is None else float(code in a) for a in given]
        elif one.kind in {"country", "text"}:
            columns[name] = given
        else:
            turn = 6 if one.reverse else None
            columns[name] = [np.nan if a is None else float(a if turn is None else turn - a) for a in given]
    return pd.DataFrame(columns, index=pd.RangeIndex(1, len(truth) + 1, name="respondent"))


def _read(content: bytes, name: str, instrument: Instrument, **options: Any) -> Responses:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # six people often agree on an item
        return read_responses(write_atomic(Path(folder) / name, content), instrument, **options)


def _check(answers: Responses, truth: list[dict[str, Any]], instrument: Instrument, *, blank: str = "blank") -> None:
    expected = _expected(truth, instrument)
    got = answers.frame[list(expected.columns)]
    for name in expected:
        left, right = got[name].astype(object), expected[name].astype(object)
        assert left.where(left.notna(), None).tolist() == right.where(right.notna(), None).tolist(), name
    for name, one in fields(instrument).items():
        column = f"{name}_{one.codes[0]}" if one.kind == "multiple" else name
        reasons = {None: blank, -77: "-77", -99: "-99"}
        assert answers.missing[column].tolist() == [reasons.get(person[name], "") for person in truth], name


@pytest.mark.parametrize("kind", ["csv", "excel"])
@pytest.mark.parametrize("style", ["code", "label"])
@FEW
@given(data=st.data())
def test_by_id(small: Instrument, kind: str, style: str, data: st.DataObject) -> None:
    truth = data.draw(_people(small))
    lang = data.draw(st.sampled_from(["en", "zh"]))
    rows = by_id(truth, small, style, lang)
    extra = data.draw(st.booleans())
    if extra:
        rows = [[*row, "zz" if at else "other_thing"] for at, row in enumerate(rows)]
    order = data.draw(st.permutations(range(len(rows[0]))))
    rows = [[row[at] for at in order] for row in rows]
    if kind == "excel":
        answers = _read(workbook(rows), "a.xlsx", small)
    else:
        encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]))
        separator = data.draw(st.sampled_from([",", ";", "\t"]))
        answers = _read(delimited(rows, separator, encoding), "a.csv", small)
    assert answers.extra_columns == (("other_thing",) if extra else ())
    _check(answers, truth, small)


@pytest.mark.parametrize("mode", ["text", "number"])
@pytest.mark.parametrize("headers", ["new", "old"])
@FEW
@given(data=st.data())
def test_wenjuanxing(small: Instrument, mode: str, headers: str, data: st.DataObject) -> None:
    truth = data.draw(_people(small))
    lang = data.draw(st.sampled_from(["en", "zh"]))
    rows = wenjuanxing(truth, small, mode, lang, headers)
    in_excel = data.draw(st.booleans())
    name = f"12345_按{'文本' if mode == 'text' else '序号'}_小问卷_9_9"
    content, ending = (workbook(rows), ".xlsx") if in_excel else (delimited(rows, encoding="gb18030"), ".csv")
    every = {a for person in truth for a in person.values() if a not in (None, -77, -99)}
    if not any(isinstance(a, (int, tuple)) for a in every):
        return
    answers = _read(content, name + ending, small)
    assert answers.source.format == "wenjuanxing"
    _check(answers, truth, small, blank="-99")
    assert set(answers.frame["form_language"]) == {lang}
    assert answers.frame["duration_s"].tolist() == [101 + i for i in range(len(truth))]
    assert not any("10.1.2.3" in str(cell) for cell in answers.raw.to_numpy().ravel())


@FEW
@given(content=st.binary(max_size=200), ending=st.sampled_from([".csv", ".xlsx", ".txt"]))
def test_rubbish_is_refused_by_name(plain: Instrument, content: bytes, ending: str) -> None:
    with pytest.raises(CbecError):
        _read(content, f"a{ending}", plain)


@FEW
@given(text=st.text(alphabet='A123,;\t"\n\r .-九同意', max_size=80))
def test_garbage_text_is_refused_or_read_but_never_crashes(plain: Instrument, text: str) -> None:
    try:
        answers = _read(("A1,A2,A3\n" + text).encode(), "a.csv", plain)
    except CbecError:
        return
    values = answers.frame.to_numpy()
    assert np.isin(values[~np.isnan(values)], [1, 2, 3]).all()
