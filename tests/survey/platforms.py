"""Answers as each platform exports a questionnaire that was written for it."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
from exports import Answers, _label, delimited

from cbecmodel.survey.codebook import Field, fields
from cbecmodel.survey.formats.limesurvey import code_of
from cbecmodel.survey.instrument import Instrument
from cbecmodel.survey.questionnaire import Block, questionnaire

MISSING = (None, -77, -88, -99)


def _blocks(instrument: Instrument) -> list[Block]:
    return [block for block in questionnaire(instrument).blocks if block.kind != "note"]


def qualtrics(
    truth: list[Answers], instrument: Instrument, *, lang: str = "en", style: str = "text", headers: int = 3
) -> bytes:
    """Three header rows (name, wording, import id), or the two of old exports; choices as text or by number."""
    known = fields(instrument)
    lead = [
        "StartDate",
        "EndDate",
        "Status",
        "IPAddress",
        "Duration (in seconds)",
        "ResponseId",
        "RecordedDate",
        "UserLanguage",
    ]
    names, texts = (
        list(lead),
        ["Start Date", "End Date", "Response Type", "IP Address", "Duration", "Response ID", "Recorded", "Language"],
    )
    places: list[tuple[str, int | None]] = []
    for block in _blocks(instrument):
        for at, prompt in enumerate(block.prompts, start=1):
            many = prompt.kind == "several"
            for number, choice in enumerate(prompt.choices if many else [None], start=1):
                ending = f"_{number}" if many else f"_{at}" if block.kind == "grid" else ""
                names.append(f"{block.id if block.kind == 'grid' else prompt.id}{ending}")
                texts.append(f"{block.id} - {prompt.text[lang]}" if block.kind == "grid" else prompt.text[lang])
                places.append((prompt.id, int(choice.code) if choice else None))
    rows: list[list[Any]] = [names, texts]
    if headers == 3:
        rows.append([json.dumps({"ImportId": f"QID{at}"}) for at in range(len(names))])
    for number, person in enumerate(truth, start=1):
        code = {"en": "EN", "zh": "ZH-S"}[lang]
        row: list[Any] = [
            "2025-11-17 10:00:00",
            "2025-11-17 10:12:00",
            "0",
            "10.1.2.3",
            100 + number,
            f"R_{number}",
            "2025-11-17 10:12:01",
            code,
        ]
        row += [_choice(known[name], person.get(name), part, instrument, lang, style) for name, part in places]
        rows.append(row)
    return delimited(rows, encoding="utf-8-sig")


def _choice(one: Field, answer: Any, part: int | None, instrument: Instrument, lang: str, style: str) -> Any:
    if answer in MISSING:
        return ""
    if part is not None:
        if part not in answer:
            return ""
        return _label(one, part, instrument, lang) if style == "text" else "1"
    if not one.codes:
        return answer
    return _label(one, answer, instrument, lang) if style == "text" else str(one.codes.index(answer) + 1)


def limesurvey(truth: list[Answers], instrument: Instrument, *, lang: str = "en", style: str = "code") -> bytes:
    """Question codes as headers, rows of arrays in brackets, Y for a ticked option."""
    known = fields(instrument)
    names = ["id", "submitdate", "lastpage", "startlanguage", "seed"]
    places: list[tuple[str, int | None]] = []
    for block in _blocks(instrument):
        for prompt in block.prompts:
            many = prompt.kind == "several"
            for choice in prompt.choices if many else [None]:
                sub = (
                    f"[{code_of(choice.code)}]" if choice else f"[{code_of(prompt.id)}]" if block.kind == "grid" else ""
                )
                names.append(code_of(block.id if block.kind == "grid" else prompt.id) + sub)
                places.append((prompt.id, int(choice.code) if choice else None))
    rows: list[list[Any]] = [names]
    for number, person in enumerate(truth, start=1):
        row: list[Any] = [number, "2025-11-17 10:12:00", "9", {"en": "en", "zh": "zh-Hans"}[lang], "123"]
        for name, part in places:
            one, answer = known[name], person.get(name)
            if answer in MISSING:
                row.append("" if answer in (None, -77) else code_of(answer) if not isinstance(answer, tuple) else "")
            elif part is not None:
                row.append("Y" if part in answer else "")
            elif one.codes:
                row.append(code_of(answer) if style == "code" else _label(one, answer, instrument, lang))
            else:
                row.append(answer)
        rows.append(row)
    return delimited(rows, encoding="utf-8-sig")


def odk(truth: list[Answers], instrument: Instrument, *, options: bool = True) -> bytes:
    """XML names with their groups before them; a multiple question joined by spaces, and a column an option."""
    known = fields(instrument)
    names, places = ["start_time", "end_time"], []
    for page in questionnaire(instrument).pages:
        for block in page.blocks:
            inside = f"grid_{block.id}/" if block.kind == "grid" and len(block.prompts) > 1 else ""
            for prompt in block.prompts:
                path = f"page_{page.id}/{inside}{prompt.id}"
                names.append(path)
                places.append((prompt.id, None))
                for choice in prompt.choices if prompt.kind == "several" and options else ():
                    names.append(f"{path}/{choice.code}")
                    places.append((prompt.id, int(choice.code)))
    names += ["_id", "_uuid", "_submission_time"]
    rows: list[list[Any]] = [names]
    for number, person in enumerate(truth, start=1):
        row: list[Any] = ["2025-11-17T10:00:00.000+08:00", "2025-11-17T10:12:00.000+08:00"]
        for name, part in places:
            one, answer = known[name], person.get(name)
            if answer in MISSING:
                row.append("" if answer in (None, -77) or part is not None else answer)
            elif part is not None:
                row.append(str(int(part in answer)))
            else:
                row.append(" ".join(map(str, answer)) if one.kind == "multiple" else answer)
        rows.append([*row, 1000 + number, f"uuid-{number}", "2025-11-17T02:12:05"])
    return delimited(rows, ";")


def surveyjs(truth: list[Answers], instrument: Instrument, *, lines: bool = False) -> bytes:
    """One object a respondent, grids nested, unanswered questions left out."""
    people = []
    for number, person in enumerate(truth, start=1):
        found: dict[str, Any] = {"respondent": number, "locale": "zh-cn"}
        for block in _blocks(instrument):
            given = {p.id: person[p.id] for p in block.prompts if person[p.id] is not None}
            given = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
            if block.kind == "grid":
                found |= {block.id: given} if given else {}
            else:
                found |= given
        people.append(found)
    if lines:
        return "\n".join(json.dumps(one, ensure_ascii=False) for one in people).encode()
    return json.dumps(people, ensure_ascii=False).encode()


def google_forms(truth: list[Answers], instrument: Instrument, *, lang: str = "en") -> bytes:
    """Wordings as headers, rows of a grid in brackets, labels as answers, several joined by a semicolon or comma."""
    known = fields(instrument)
    names = ["Timestamp"]
    order = []
    for block in _blocks(instrument):
        for prompt in block.prompts:
            names.append(f"Your view [{prompt.text[lang]}]" if block.kind == "grid" else prompt.text[lang])
            order.append(prompt.id)
    rows: list[list[Any]] = [names]
    for person in truth:
        row: list[Any] = ["2025/11/17 10:12:00 AM GMT+8"]
        for name in order:
            one, answer = known[name], person.get(name)
            if answer in MISSING:
                row.append("")
            elif one.kind == "multiple":
                row.append(";".join(_label(one, code, instrument, lang) for code in answer))
            else:
                row.append(_label(one, answer, instrument, lang) if one.codes else answer)
        rows.append(row)
    return delimited(rows)


def statistical(truth: list[Answers], instrument: Instrument, kind: str) -> bytes:
    """Codes, an option a column; a missing code stays a code."""
    columns: dict[str, list[Any]] = {"respondent": list(range(1, len(truth) + 1))}
    for name, one in fields(instrument).items():
        given = [person.get(name) for person in truth]
        if one.kind == "multiple":
            for code in one.codes:
                columns[f"{name}_{code}"] = [a if a is None or isinstance(a, int) else int(code in a) for a in given]
        elif one.kind in {"text", "country"}:
            columns[name] = ["" if a is None else str(a) for a in given]
        else:
            columns[name] = given
    frame = pd.DataFrame(columns)
    for name in frame.columns:
        if frame[name].dtype == object and fields(instrument).get(name, fields(instrument)["J1"]).kind not in {
            "text",
            "country",
        }:
            frame[name] = frame[name].astype(float)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / ("a.sav" if kind == "spss" else "a.dta")
        if kind == "spss":
            pyreadstat.write_sav(frame, str(place))
        else:
            pyreadstat.write_dta(frame, str(place))
        return place.read_bytes()
