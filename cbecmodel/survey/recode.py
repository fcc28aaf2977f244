"""From what a cell says to a number: labels in any language, numeric text, missing codes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

from cbecmodel.survey.text_matching import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from numpy.typing import NDArray

    from cbecmodel.survey.codebook import Field

ANSWERED: Final = ""
BLANK: Final = "blank"
NO_ANSWER: Final = frozenset({"", "na", "n/a", "nan", "none", "null", "<na>", "nat", "#n/a", "#null!", "."})
NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")
_CODE_AND_LABEL: Final = re.compile(r"(-?\d+)\s*[.:=、,)\]-]?\s*(.+)")
_OTHER_TEXT: Final = re.compile(r"〖.*?〗")
_JOINTS: Final = ("┋", "|", ";", ",", " ")

Fault = Literal["outside", "unreadable"]
Value = float | str | tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one distinct text stands for: a value, or a reason for its absence, or a fault."""

    value: Value = None
    reason: str = ANSWERED
    fault: Fault | None = None
    labelled: bool = False


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a platform writes answers.

    Parameters
    ----------
    missing : Mapping
        Folded text (``"-3"``, ``"(空)"``) to the reason kept.
    positions : bool
        Whether numbers count the options shown (1 = first), as some platforms export them, instead of being codes.
    """

    missing: Mapping[str, str] = field(default_factory=dict)
    positions: bool = False


@dataclass(frozen=True, slots=True)
class Recoded:
    """One column, read: row ``i`` holds ``readings[which[i]]``.

    Parameters
    ----------
    readings : tuple of Reading
        One a distinct text; the last is the empty cell.
    texts : tuple of str
        The distinct texts.
    which : numpy.ndarray of shape (n,)
    """

    readings: tuple[Reading, ...]
    texts: tuple[str, ...]
    which: NDArray[np.int64]

    def numbers(self) -> NDArray[np.float64]:
        """Values as floats, NaN where there is no answer."""
        return np.array([r.value if isinstance(r.value, float) else np.nan for r in self.readings])[self.which]

    def words(self) -> NDArray[Any]:
        """Values as text, None where there is no answer."""
        return np.array([r.value if isinstance(r.value, str) else None for r in self.readings], dtype=object)[
            self.which
        ]

    def chosen(self, code: int) -> NDArray[np.float64]:
        """1 where a multiple answer names ``code``, 0 where it does not, NaN where there is no answer."""
        ticks = [float(code in r.value) if isinstance(r.value, tuple) else np.nan for r in self.readings]
        return np.array(ticks)[self.which]

    def reasons(self, names: tuple[str, ...]) -> NDArray[np.int8]:
        """Index into ``names`` of why there is no answer."""
        return np.array([names.index(reading.reason) for reading in self.readings], dtype=np.int8)[self.which]

    def reason_counts(self) -> Counter[str]:
        """Count the cells by reason."""
        counts: Counter[str] = Counter()
        cells = np.bincount(
            self.which % len(self.readings), minlength=len(self.readings)
        )  # −1, the empty cell, is the last
        for reading, n in zip(self.readings, cells, strict=True):
            counts[reading.reason] += int(n)
        return counts

    def faults(self) -> list[tuple[int, str, Fault]]:
        """Cells that could not be read: row position, text, fault."""
        wrong = [position for position, reading in enumerate(self.readings) if reading.fault]
        if not wrong:
            return []
        rows = np.flatnonzero(np.isin(self.which, wrong))
        return [
            (int(row), self.texts[self.which[row]], self.readings[self.which[row]].fault or "outside") for row in rows
        ]

    def count(self, of: Callable[[Reading], bool]) -> int:
        """Count the cells whose reading has a property."""
        return int(np.array([of(reading) for reading in self.readings])[self.which].sum())


def recode(column: pd.Series[Any], read: Callable[[str], Reading]) -> Recoded:
    """Read one column, each distinct text once.

    Parameters
    ----------
    column : pandas.Series
        Cells as they came: text, numbers, or nothing.
    read : callable
        Says what one text stands for.

    Returns
    -------
    Recoded

    Examples
    --------
    >>> import pandas as pd
    >>> recode(pd.Series(["1", None, "1"]), lambda text: Reading(float(text))).numbers()
    array([ 1., nan,  1.])
    """
    which, distinct = pd.factorize(column, use_na_sentinel=True)
    texts = tuple(as_text(value) for value in distinct)
    return Recoded((*(read(text) for text in texts), Reading(reason=BLANK)), texts, np.asarray(which, dtype=np.int64))


def as_text(value: object) -> str:
    """Write a cell's value as text: whole numbers without decimals, dates in ISO form.

    Parameters
    ----------
    value : object

    Returns
    -------
    str

    Examples
    --------
    >>> as_text(5.0), as_text("５"), as_text(2.5)
    ('5', '５', '2.5')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (float, np.floating)) and np.isfinite(value) and value == int(value):
        return str(int(value))
    return str(value)


def reader(question: Field, missing: Collection[int], dialect: Dialect) -> Callable[[str], Reading]:
    """Return the function that reads a cell of one field.

    Parameters
    ----------
    question : Field
    missing : collection of int
        The instrument's missing codes; an option that has such a code is an absent answer too.
    dialect : Dialect

    Returns
    -------
    callable
        ``str -> Reading``.

    Examples
    --------
    >>> from cbecmodel.survey.codebook import Field
    >>> agree = Field("PU1", "item", "coded", (1, 2), {"disagree": 1, "agree": 2})
    >>> read = reader(agree, {-99}, Dialect())
    >>> read(" AGREE ").value, read("２").value, read("-99").reason, read("3").fault, read("agre").fault
    (2.0, 2.0, '-99', 'outside', 'unreadable')
    """

    def read(text: str) -> Reading:
        folded = fold(text)
        if folded in NO_ANSWER:
            return Reading(reason=BLANK)
        if folded in dialect.missing:
            return Reading(reason=dialect.missing[folded])
        number = _to_float(folded)
        if number in missing:
            return Reading(reason=f"{number:.0f}")
        reading = _answer(text, folded, question, dialect)
        if isinstance(reading.value, float) and reading.value in missing:
            return Reading(reason=f"{reading.value:.0f}", labelled=reading.labelled)
        return reading

    return read


def _answer(text: str, folded: str, question: Field, dialect: Dialect) -> Reading:
    match question.kind:
        case "coded":
            return _coded(text, folded, question, dialect)
        case "multiple":
            return _multiple(text, folded, question, dialect)
        case "integer" | "decimal":
            return _number(folded, question)
        case "country":
            code = question.countries.get(folded)
            return Reading(fault="unreadable") if code is None else Reading(code, labelled=folded.upper() != code)
        case "text":
            return Reading(text)


def _coded(text: str, folded: str, question: Field, dialect: Dialect) -> Reading:
    number = _to_float(folded)
    if number is not None:
        return _from_number(number, question, dialect)
    code = question.labels.get(folded, question.labels.get(fold(_OTHER_TEXT.sub("", text))))
    if (
        code is None
        and (both := _CODE_AND_LABEL.fullmatch(folded))
        and question.labels.get(both[2].rstrip(")]")) == int(both[1])
    ):
        code = int(both[1])
    return Reading(fault="unreadable") if code is None else Reading(float(code), labelled=True)


def _from_number(number: float, question: Field, dialect: Dialect) -> Reading:
    if not dialect.positions:
        return Reading(number) if number in question.codes else Reading(fault="outside")
    inside = number.is_integer() and 1 <= number <= len(question.codes)
    return Reading(float(question.codes[int(number) - 1])) if inside else Reading(fault="outside")


def split_answers(text: str) -> list[str]:
    """Return the parts of an answer to a multiple question, whatever joins them.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str

    Examples
    --------
    >>> split_answers("1┋96"), split_answers("5")
    (['1', '96'], ['5'])
    """
    joint = next((joint for joint in ("→", *_JOINTS) if joint in text), None)
    return [text] if joint is None else [part for part in text.split(joint) if part.strip()]


def _multiple(text: str, folded: str, question: Field, dialect: Dialect) -> Reading:
    for joint in (None, *_JOINTS):
        parts = [text] if joint is None else [part for part in text.split(joint) if part.strip()]
        answers = [_coded(part, fold(part), question, dialect) for part in parts]
        if parts and not any(answer.fault for answer in answers):
            codes = tuple(int(answer.value) for answer in answers if isinstance(answer.value, float))
            return Reading(codes, labelled=any(answer.labelled for answer in answers))
    return Reading(fault="outside" if _to_float(folded) is not None else "unreadable")


def _number(folded: str, question: Field) -> Reading:
    number = _to_float(folded)
    if number is None or (question.kind == "integer" and not number.is_integer()):
        return Reading(fault="unreadable")
    return Reading(number) if question.inside(number) else Reading(fault="outside")


def _to_float(folded: str) -> float | None:
    return float(folded) if NUMBER.fullmatch(folded) else None
