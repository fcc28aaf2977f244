"""What people answered on a platform comes back the same from the platform's own export."""

import json
from dataclasses import replace
from typing import Any

import pytest
from exports import delimited
from hypothesis import given
from hypothesis import strategies as st
from platforms import google_forms, limesurvey, odk, qualtrics, statistical, surveyjs
from test_survey_round_trip import FEW, _check, _people, _read

from cbecmodel.errors import DataError, FileError
from cbecmodel.survey.instrument import Instrument


def _without_reasons(truth: list[dict[str, Any]], *kept: int) -> list[dict[str, Any]]:
    """What is left of the truth on a platform that knows no missing codes."""
    return [{name: None if a in (-77, -99) and a not in kept else a for name, a in person.items()} for person in truth]


def _answered(truth: list[dict[str, Any]]) -> bool:
    return any(a not in (None, -77, -99) for person in truth for a in person.values())


@pytest.mark.parametrize("headers", [3, 2])
@pytest.mark.parametrize("style", ["text", "number"])
@FEW
@given(data=st.data())
def test_qualtrics(small: Instrument, headers: int, style: str, data: st.DataObject) -> None:
    truth = _without_reasons(data.draw(_people(small)))
    lang = data.draw(st.sampled_from(["en", "zh"]))
    options = {"numbers": "positions"} if style == "number" else {}
    answers = _read(qualtrics(truth, small, lang=lang, style=style, headers=headers), "export.csv", small, **options)
    assert answers.source.format == "qualtrics"
    assert answers.frame.index.tolist() == [f"R_{at}" for at in range(1, len(truth) + 1)]
    assert not any("10.1.2.3" in str(cell) for cell in answers.raw.to_numpy().ravel())
    assert set(answers.frame["form_language"]) == {lang}
    _compare(answers, truth, small)


def _compare(answers: Any, truth: list[dict[str, Any]], instrument: Instrument) -> None:
    """Compare with the truth, whatever the respondents are called."""
    numbered = range(1, len(truth) + 1)
    frame = answers.frame.set_axis(numbered, axis=0).rename_axis("respondent")
    _check(replace(answers, frame=frame), truth, instrument)


@pytest.mark.parametrize("style", ["code", "label"])
@FEW
@given(data=st.data())
def test_limesurvey(small: Instrument, style: str, data: st.DataObject) -> None:
    truth = [
        {n: None if a == -77 or (a == -99 and n == "X_FOOD") else a for n, a in p.items()}
        for p in data.draw(_people(small))
    ]
    lang = data.draw(st.sampled_from(["en", "zh"]))
    answers = _read(limesurvey(truth, small, lang=lang, style=style), "results-survey.csv", small)
    assert answers.source.format == "limesurvey"
    assert set(answers.frame["form_language"]) == {lang}
    _compare(answers, truth, small)


@pytest.mark.parametrize("options", [True, False])
@FEW
@given(data=st.data())
def test_odk(small: Instrument, options: bool, data: st.DataObject) -> None:
    truth = [
        {n: None if a == -77 or (options and a == -99 and n == "X_FOOD") else a for n, a in p.items()}
        for p in data.draw(_people(small))
    ]
    answers = _read(odk(truth, small, options=options), "kobo.csv", small)
    assert answers.source.format == "odk"
    assert answers.frame["start_time"].notna().all()
    _compare(answers, truth, small)


@pytest.mark.parametrize("lines", [True, False])
@FEW
@given(data=st.data())
def test_surveyjs(small: Instrument, lines: bool, data: st.DataObject) -> None:
    truth = data.draw(_people(small))
    everything = {name for person in truth for name, answer in person.items() if answer is not None}
    if not set(small.items) <= everything:
        return  # a question that nobody answered leaves no trace in JSON; see below
    answers = _read(surveyjs(truth, small, lines=lines), "answers.json", small)
    assert answers.source.format == "surveyjs"
    assert set(answers.frame["form_language"]) == {"zh"}
    if everything == set(truth[0]):
        _compare(answers, truth, small)


@FEW
@given(data=st.data())
def test_google_forms(small: Instrument, data: st.DataObject) -> None:
    truth = _without_reasons(data.draw(_people(small)))
    if not _answered(truth):
        return
    answers = _read(google_forms(truth, small), "form.csv", small)
    assert answers.source.format == "google_forms"
    _compare(answers, truth, small)


@pytest.mark.parametrize("kind", ["spss", "stata"])
@FEW
@given(data=st.data())
def test_statistical_files(small: Instrument, kind: str, data: st.DataObject) -> None:
    truth = data.draw(_people(small))
    answers = _read(statistical(truth, small, kind), "a.sav" if kind == "spss" else "a.dta", small)
    assert answers.source.format == kind
    _compare(answers, truth, small)


def test_a_typing_error_is_reported_and_taken_when_confirmed(small: Instrument) -> None:
    people = [dict.fromkeys(small.items, 2) for _ in range(3)]
    content = google_forms(people, small).replace(b",Disagree", b",Disagre", 1)
    with pytest.raises(DataError, match=r"Disagre.*≈ 'disagree'"):
        _read(content, "form.csv", small)
    answers = _read(content, "form.csv", small, accept={"Disagre": "Disagree"})
    assert answers.frame["J1"].tolist() == [2, 2, 2]


def test_numbers_that_may_be_codes_or_positions_are_refused(small: Instrument) -> None:
    rows = [["StartDate", "EndDate", "ResponseId", "RecordedDate", *small.items, "X_PET"]]
    rows.append(["Start Date", "End Date", "Response ID", "Recorded Date", *small.items, "Your pet?"])
    rows += [
        ["2025-01-01", "2025-01-01", f"R_{at}", "2025-01-01", *[1 + at % 5] * len(small.items), 1] for at in range(4)
    ]
    with pytest.raises(DataError, match="X_PET"):
        _read(delimited(rows), "a.csv", small)
    assert _read(delimited(rows), "a.csv", small, numbers="codes").frame["X_PET"].tolist() == [1] * 4
    assert _read(delimited(rows), "a.csv", small, numbers="positions").frame["X_PET"].tolist() == [0] * 4
    rows[2][-1] = 0
    assert _read(delimited(rows), "a.csv", small).frame["X_PET"].tolist() == [0, 1, 1, 1]  # only a code can be 0


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b'{"a": {"b": [[]]}}', b"null", b"[" * 100_000])
def test_broken_json_is_refused_by_name(small: Instrument, content: bytes) -> None:
    with pytest.raises((DataError, FileError), match=r"a\.json"):
        _read(content, "a.json", small)


@pytest.mark.parametrize("name", ["a.sav", "a.dta"])
@pytest.mark.parametrize("content", [b"", b"$FL2", b"PK\x03\x04" * 40])
def test_broken_statistical_files_are_refused_by_name(small: Instrument, name: str, content: bytes) -> None:
    with pytest.raises((DataError, FileError), match=name):
        _read(content, name, small)


@FEW
@given(
    people=st.lists(
        st.dictionaries(
            st.sampled_from(["J1", "J2", "X_FOOD", "zz"]),
            st.recursive(
                st.none() | st.integers() | st.text(),
                lambda x: st.lists(x) | st.dictionaries(st.text(), x),
                max_leaves=4,
            ),
        )
    )
)
def test_any_json_is_read_or_refused(small: Instrument, people: list[Any]) -> None:
    with pytest.raises((DataError, FileError)):
        _read(json.dumps(people).encode(), "a.json", small)
