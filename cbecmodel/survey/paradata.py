"""What the platform noted about the answering: how long it took, when, in which language, on what."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel.survey.change_log import Event
from cbecmodel.survey.recode import NO_ANSWER, NUMBER, Reading, as_text, recode
from cbecmodel.survey.text_matching import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cbecmodel.survey.columns import Plan
    from cbecmodel.survey.formats.table import RawTable

_SPELT: Final = re.compile(
    r"(?:(\d+)\s*(?:小时|时|h|hours?)\s*)?(?:(\d+)\s*(?:分钟|分|m|min|minutes?)\s*)?(?:(\d+(?:\.\d+)?)\s*(?:秒钟|秒|s|sec|seconds?))?"
)
_CLOCK: Final = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d+)?)")
_LANGUAGES: Final = {
    "中文": "zh",
    "简体中文": "zh",
    "chinese": "zh",
    "zh-s": "zh",
    "英文": "en",
    "英语": "en",
    "english": "en",
}


def seconds(text: str) -> float | None:
    """Read a duration.

    Parameters
    ----------
    text : str
        ``125``, ``125秒``, ``2分5秒``, ``1h 2m``, ``00:02:05``.

    Returns
    -------
    float or None
        Seconds; None if it is no duration.

    Examples
    --------
    >>> seconds("125秒"), seconds("2分5秒"), seconds("0:02:05"), seconds("125"), seconds("soon")
    (125.0, 125.0, 125.0, 125.0, None)
    """
    folded = fold(text)
    if NUMBER.fullmatch(folded):
        return float(folded)
    found = _CLOCK.fullmatch(folded) or (_SPELT.fullmatch(folded) if folded else None)
    if found is None:
        return None
    hours, minutes, rest = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + rest


def _language(text: str, languages: Sequence[str]) -> Reading:
    """Read a language: one of the instrument's as it is written there, else without its region."""
    folded = fold(text).replace("_", "-")
    if folded in NO_ANSWER:
        return Reading()
    exact = {lang.casefold(): lang for lang in languages}
    return Reading(exact.get(folded) or _LANGUAGES.get(folded) or folded.split("-")[0])


def _duration(text: str) -> Reading:
    length = seconds(text)
    blank = fold(text) in NO_ANSWER
    return Reading(length, fault=None if blank or length is not None else "unreadable")


def _plain(text: str) -> Reading:
    return Reading(None if fold(text) in NO_ANSWER else text.strip())


def read_paradata(
    table: RawTable, found: Plan, index: pd.Index[Any], languages: Sequence[str]
) -> tuple[pd.DataFrame, list[Event]]:
    """Read the columns about the answering.

    Parameters
    ----------
    table : RawTable
    found : Plan
    index : pandas.Index
        Respondents.
    languages : sequence of str
        Of the instrument.

    Returns
    -------
    frame : pandas.DataFrame
        ``duration_s`` (seconds), ``form_language`` (``"zh"``, ``"en"`` …), ``start_time``, ``end_time`` (dates),
        ``device``, ``wave``: those that the file has. What cannot be read is empty and counted in the log.
    events : list of Event
    """
    columns: dict[str, Any] = {}
    events: list[Event] = []
    readers: dict[str, Callable[[str], Reading]] = {
        "duration_s": _duration,
        "form_language": partial(_language, languages=languages),
    }
    for name, position in found.paradata.items():
        cells = table.cells.iloc[:, position]
        if name in {"start_time", "end_time"}:
            columns[name] = times(cells)
            lost = int((np.isnat(columns[name]) & _filled(cells)).sum())
        else:
            recoded = recode(cells, readers.get(name, _plain))
            columns[name] = recoded.numbers() if name == "duration_s" else recoded.words()
            lost = len(recoded.faults())
        if lost:
            events.append(Event("paradata", "log_paradata_lost", name, lost))
    if "form_language" not in columns and table.language:
        columns["form_language"] = np.full(len(index), table.language, dtype=object)
    return pd.DataFrame(columns, index=index), events


def _filled(cells: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.array([word is not None for word in recode(cells, _plain).words()], dtype=bool)


def times(cells: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    """Read points in time.

    Parameters
    ----------
    cells : pandas.Series
        ISO dates, ``2024/3/5 14:03:22``, or dates of a workbook.

    Returns
    -------
    numpy.ndarray of datetime64[ns]
        Not-a-time where it cannot be read.

    Examples
    --------
    >>> times(pd.Series(["2024/3/5 14:03:22", None])).astype("datetime64[s]").astype(str).tolist()
    ['2024-03-05T14:03:22', 'NaT']
    """
    which, distinct = pd.factorize(cells, use_na_sentinel=True)
    texts = [_iso(as_text(value)) for value in distinct]
    read = pd.to_datetime(pd.Series([*texts, None], dtype=object), errors="coerce", format="mixed", utc=True)
    return np.asarray(read.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")[which])


def _iso(text: str) -> str:
    return text.strip().replace("/", "-").replace("年", "-").replace("月", "-").replace("日", " ")
