"""SPSS and Stata files: an empty questionnaire as .sav with bilingual labels, and answers from .sav and .dta."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel import messages
from cbecmodel.errors import DataError, FileError, MissingDependency
from cbecmodel.survey.change_log import Event
from cbecmodel.survey.codebook import fields
from cbecmodel.survey.formats.table import RawTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.survey.formats.written import Feature
    from cbecmodel.survey.instrument import Instrument
    from cbecmodel.survey.questionnaire import Choice, Questionnaire

HOLDS: Final[frozenset[Feature]] = frozenset({"languages"})
ENDINGS: Final = {".sav": "spss", ".zsav": "spss", ".dta": "stata"}
MOST_MISSING: Final = 3  # discrete user-missing codes SPSS allows a variable
_LONGEST_LABEL: Final = 250  # bytes


def _pyreadstat() -> Any:
    try:
        import pyreadstat
    except ImportError as error:
        raise MissingDependency(
            "core.missing_dependency",
            package="pyreadstat",
            extra="formats",
            purpose=messages.text("core.purpose_statistical"),
        ) from error
    return pyreadstat


def write(form: Questionnaire, languages: Sequence[str]) -> dict[str, bytes]:
    """Write an SPSS file without answers: variables with labels in all languages, and missing codes.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str

    Returns
    -------
    dict
        One ``.sav``.

    Raises
    ------
    MissingDependency
        Without the extra ``formats``.
    """
    plan = variables(form, languages)
    frame = pd.DataFrame({name: pd.Series([], dtype=one["dtype"]) for name, one in plan.items()})
    return {f"{form.instrument.id}.sav": sav_bytes(frame, plan, form.instrument)}


def sav_bytes(frame: pd.DataFrame, plan: Mapping[str, Mapping[str, Any]], instrument: Instrument) -> bytes:
    """Return answers as an SPSS file.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns named as in ``plan``.
    plan : Mapping
        What :func:`variables` returned.
    instrument : Instrument

    Returns
    -------
    bytes
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "made.sav"
        _pyreadstat().write_sav(
            frame,
            str(place),
            file_label=f"{instrument.id} {instrument.version}",
            column_labels={name: one["label"] for name, one in plan.items()},
            variable_value_labels={name: one["values"] for name, one in plan.items() if one["values"]},
            missing_ranges={name: one["missing"] for name, one in plan.items() if one["missing"]},
            variable_measure={name: one["measure"] for name, one in plan.items()},
        )
        return place.read_bytes()


def variables(form: Questionnaire, languages: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the variables of an SPSS file.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str

    Returns
    -------
    dict
        Name to ``label``, ``values``, ``missing``, ``measure`` and ``dtype``; a multiple question has a variable an option.
    """
    instrument = form.instrument
    missing = {code: _joined(label, languages) for code, label in instrument.missing_codes.items()}
    prompts = form.prompts
    found: dict[str, dict[str, Any]] = {}
    for name, one in fields(instrument).items():
        label = _joined(one.texts, languages)
        choices = prompts[name].choices if name in prompts else ()
        if one.kind == "multiple":
            for choice in choices:
                text = f"{_joined(choice.label, languages)} – {label}"
                found[f"{name}_{choice.code}"] = _variable(text, {0: "0", 1: "1"}, missing, "nominal")
        elif one.kind in {"text", "country"}:
            found[name] = {"label": _clipped(label), "values": {}, "missing": [], "measure": "nominal", "dtype": object}
        else:
            measure = "ordinal" if one.codes else "scale"
            found[name] = _variable(label, _values(choices, languages), missing, measure)
    return found


def _values(choices: Sequence[Choice], languages: Sequence[str]) -> dict[int, str]:
    return {int(choice.code): _joined(choice.label, languages) for choice in choices}


def _variable(label: str, values: dict[int, str], missing: dict[int, str], measure: str) -> dict[str, Any]:
    codes = sorted(missing)
    return {
        "label": _clipped(label),
        "values": {code: text[:120] for code, text in {**missing, **values}.items()} if values else dict(missing),
        "missing": codes if len(codes) <= MOST_MISSING else [{"lo": codes[0], "hi": codes[-1]}],
        "measure": measure,
        "dtype": np.float64,
    }


def _joined(texts: Mapping[str, str], languages: Sequence[str]) -> str:
    return " | ".join(dict.fromkeys(texts[lang] for lang in languages))


def _clipped(text: str) -> str:
    """Shorten a label to what SPSS holds, between characters."""
    encoded = text.encode()
    return text if len(encoded) <= _LONGEST_LABEL else encoded[: _LONGEST_LABEL - 3].decode(errors="ignore") + "…"


def read_statistical(path: Path, data: bytes, kind: str) -> RawTable:
    """Read answers from SPSS or Stata; values, not labels.

    Parameters
    ----------
    path : pathlib.Path
        Its name is used in messages.
    data : bytes
    kind : {"spss", "stata"}

    Returns
    -------
    RawTable
        User-missing codes stay codes; a system-missing value is an empty cell.

    Raises
    ------
    FileError
        If it is not such a file.
    DataError
        If it holds no answers.
    """
    reader = _pyreadstat()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / f"answers{path.suffix.lower()}"
        place.write_bytes(data)
        read = reader.read_sav if kind == "spss" else reader.read_dta
        try:
            frame, _ = read(str(place), user_missing=True)
        except (reader.ReadstatError, reader.PyreadstatError, UnicodeDecodeError, ValueError) as error:
            raise FileError("survey.not_statistical", file=path.name, kind=kind, reason=str(error)) from error
    if frame.empty:
        raise DataError("survey.empty_file", file=path.name)
    cells = frame.astype(object).where(frame.notna(), None).set_axis(range(frame.shape[1]), axis=1)
    rows = np.arange(1, len(frame) + 1)
    events = (Event("read", "log_read", path.name, len(frame), {"rows": len(frame)}),)
    return RawTable(path.name, kind, "", tuple(map(str, frame.columns)), cells, rows, events)
