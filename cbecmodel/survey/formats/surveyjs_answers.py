"""Answers that SurveyJS collected: JSON, one object a respondent, grids nested."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel.errors import DataError, FileError
from cbecmodel.files import decode
from cbecmodel.survey.change_log import Event
from cbecmodel.survey.formats.table import RawTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


ENDINGS: Final = frozenset({".json", ".jsonl", ".ndjson"})
_JOINT: Final = "┋"
_LOCALES: Final = {"zh-cn": "zh", "": "en"}


def read_json(path: Path, data: bytes, encoding: str | None = None) -> RawTable:
    r"""Read answers from JSON.

    Parameters
    ----------
    path : pathlib.Path
        Its name is used in messages.
    data : bytes
        One object, a list of objects, or one object a line.
    encoding : str, optional

    Returns
    -------
    RawTable
        A column a question; grids are taken apart, several answers joined.

    Raises
    ------
    FileError
        If it is not JSON.
    DataError
        If it holds no answers, or a respondent is not an object.

    Examples
    --------
    >>> from pathlib import Path
    >>> table = read_json(Path("a.json"), b'[{"S_AGE": 30, "PU": {"PU1": 5}, "X_PLATFORMS": [1, 96]}]')
    >>> table.headers, table.cells.iloc[0].tolist()
    (('S_AGE', 'PU1', 'X_PLATFORMS'), ['30', '5', '1┋96'])
    """
    text, found = decode(data, encoding, path=path)
    people = _people(text, path)
    rows = []
    for number, person in enumerate(people, start=1):
        if not isinstance(person, dict):
            raise DataError("survey.json_not_object", file=path.name, number=number)
        rows.append(dict(_flat(person)))
    headers = tuple(dict.fromkeys(name for row in rows for name in row))
    if not headers:
        raise DataError("survey.empty_file", file=path.name)
    cells = pd.DataFrame(
        [[row.get(name) for name in headers] for row in rows], dtype=object, columns=range(len(headers))
    )
    events = (Event("read", "log_read", path.name, len(rows), {"rows": len(rows)}),)
    return RawTable(path.name, "surveyjs", found, headers, cells, np.arange(1, len(rows) + 1), events)


def _people(text: str, path: Path) -> list[Any]:
    try:
        loaded = json.loads(text)
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            loaded = [json.loads(line) for line in lines] if len(lines) > 1 else None
        except ValueError:
            loaded = None
        if loaded is None:
            raise FileError("survey.not_json", file=path.name, reason=str(error)) from error
    except RecursionError as error:
        raise FileError("survey.not_json", file=path.name, reason=str(error)) from error
    return loaded if isinstance(loaded, list) else [loaded]


def _flat(person: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    for name, value in person.items():
        if name == "locale":
            yield "form_language", _LOCALES.get(str(value), str(value))
        elif isinstance(value, dict) and not _is_note(name):
            yield from _flat(value)
        elif isinstance(value, list):
            yield name, _JOINT.join(map(_text, value)) or None
        else:
            yield name, _text(value)


def _is_note(name: str) -> bool:
    return name in {"item_order", "page_timings", "item_hashes"}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))  # as the preview writes it to CSV
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
