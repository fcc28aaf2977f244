"""Writes answers in the layouts in which platforms export them, so that readers can be tried on what they will meet."""

import io
from collections.abc import Mapping
from typing import Any

import openpyxl
import pandas as pd

from cbecmodel.survey.codebook import Field, fields
from cbecmodel.survey.instrument import Instrument

Answers = Mapping[str, Any]
LEADING = ["序号", "提交答卷时间", "所用时间", "来源", "来源详情", "来自IP"]
SKIPPED = {"text": "(跳过)", "number": "-3"}
EMPTY = {"text": "(空)", "number": "-2"}


def workbook(rows: list[list[Any]]) -> bytes:
    """One sheet, as bytes of an .xlsx file."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def delimited(rows: list[list[Any]], separator: str = ",", encoding: str = "utf-8") -> bytes:
    """Text with quoted cells where need be."""
    frame = pd.DataFrame(rows, dtype=object)
    return frame.to_csv(header=False, index=False, sep=separator, lineterminator="\r\n").encode(encoding)


def by_id(truth: list[Answers], instrument: Instrument, style: str = "code", lang: str = "en") -> list[list[Any]]:
    """One column a question, named by its id; ``style`` writes codes or labels."""
    known = fields(instrument)
    rows: list[list[Any]] = [["respondent", *known]]
    for number, answers in enumerate(truth, start=1):
        rows.append([number, *(_cell(one, answers.get(one.id), instrument, style, lang) for one in known.values())])
    return rows


def wenjuanxing(
    truth: list[Answers], instrument: Instrument, mode: str = "text", lang: str = "zh", headers: str = "new"
) -> list[list[Any]]:
    """The platform's own layout: by text or by number, single questions, a matrix a construct, multiple answers joined by ┋."""
    known = fields(instrument)
    names = [*LEADING]
    for number, one in enumerate(known.values(), start=1):
        names.append(_header(number, one, lang, headers))
    rows: list[list[Any]] = [names]
    for number, answers in enumerate(truth, start=1):
        leading = [
            number,
            f"2025/11/{number % 28 + 1} 10:0{number % 10}:00",
            f"{100 + number}秒",
            "微信",
            "",
            "10.1.2.3(广东)",
        ]
        rows.append(
            [*leading, *(_wenjuanxing_cell(one, answers.get(one.id), instrument, mode, lang) for one in known.values())]
        )
    return rows


def _header(number: int, one: Field, lang: str, headers: str) -> str:
    text = one.texts[lang]
    if one.role == "item":
        return f"第{number}题({text})" if headers == "old" else f"{number}、请表明您的同意程度—{text}"
    return f"{number}、{text}" + ("【多选题】" if one.kind == "multiple" else "")


def _label(one: Field, code: int, instrument: Instrument, lang: str) -> str:
    if one.role == "consent":
        assert instrument.consent is not None
        return instrument.consent.options[code][lang]
    asked: Any = instrument.items.get(one.id) or instrument.checks.get(one.id) or instrument.questions[one.id]
    if asked.scale:
        return next(point.label[lang] for point in instrument.scales[asked.scale].points if point.code == code)
    options = asked.options or instrument.questions[asked.compare_with].options
    return str(options[code][lang])


def _cell(one: Field, answer: Any, instrument: Instrument, style: str, lang: str) -> Any:
    if answer is None or not one.codes or (isinstance(answer, int) and answer in instrument.missing_codes):
        return "" if answer is None else answer
    codes = answer if isinstance(answer, tuple) else (answer,)
    written = [str(code) if style == "code" else _label(one, code, instrument, lang) for code in codes]
    return "┋".join(written)


def _wenjuanxing_cell(one: Field, answer: Any, instrument: Instrument, mode: str, lang: str) -> Any:
    if answer == -77:
        return SKIPPED[mode]
    if answer is None or answer == -99:
        return EMPTY[mode]
    if not one.codes:
        return answer
    codes = answer if isinstance(answer, tuple) else (answer,)
    if mode == "number":
        return "┋".join(str(one.codes.index(code) + 1) for code in codes)
    return "┋".join(_label(one, code, instrument, lang) for code in codes)
