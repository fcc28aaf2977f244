"""Frictionless data package: a table schema for the answers, beside an empty CSV to fill."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from cbecmodel.survey.codebook import Field, fields
from cbecmodel.survey.formats.spreadsheet import delimited

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.survey.formats.written import Feature
    from cbecmodel.survey.questionnaire import Choice, Questionnaire

HOLDS: Final[frozenset[Feature]] = frozenset({"languages", "required", "limits", "pattern"})
_TYPES: Final = {"integer": "integer", "decimal": "number", "coded": "integer", "text": "string", "country": "string"}


def write(form: Questionnaire, languages: Sequence[str]) -> dict[str, bytes]:
    """Write a data package without answers.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str

    Returns
    -------
    dict
        ``datapackage.json`` and a CSV with the header alone.
    """
    schema = table_schema(form, languages)
    header = delimited([[field["name"] for field in schema["fields"]]])
    return package(form, languages, schema, header)


def package(
    form: Questionnaire, languages: Sequence[str], schema: Mapping[str, Any], answers: bytes
) -> dict[str, bytes]:
    """Return a data package's files.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str
    schema : Mapping
        See :func:`table_schema`.
    answers : bytes
        The CSV.

    Returns
    -------
    dict
    """
    instrument = form.instrument
    name = f"{instrument.id}_answers.csv"
    resource = {
        "name": f"{instrument.id}_answers".lower(),
        "path": name,
        "profile": "tabular-data-resource",
        "scheme": "file",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": schema,
    }
    described = {
        "profile": "tabular-data-package",
        "name": instrument.id.lower(),
        "title": _in_all(instrument.title, languages),
        "version": instrument.version,
        "instrument_sha256": instrument.content_hash,
        "languages": list(languages),
        "resources": [resource],
    }
    text = json.dumps(described, ensure_ascii=False, indent=2) + "\n"
    return {"datapackage.json": text.encode(), name: answers}


def table_schema(form: Questionnaire, languages: Sequence[str], names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the schema of a table of answers.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str
    names : sequence of str, optional
        Columns the table has, in order. Default: ``respondent`` and every question.

    Returns
    -------
    dict
        A Frictionless table schema; missing codes are among ``missingValues``, values as codes with their labels.
    """
    described = {
        "respondent": {"name": "respondent", "type": "string", "constraints": {"required": True, "unique": True}}
    }
    prompts = form.prompts
    for one in fields(form.instrument).values():
        choices = prompts[one.id].choices if one.id in prompts else ()
        for field in _described(one, choices, form, languages):
            described[field["name"]] = field
    for name in names or ():
        described.setdefault(name, {"name": name, "type": "any"})
    missing = ["", *(str(code) for code in form.instrument.missing_codes)]
    kept = [described[name] for name in (names or described)]
    return {"fields": kept, "missingValues": missing, "primaryKey": ["respondent"]}


def _described(
    one: Field, choices: Sequence[Choice], form: Questionnaire, languages: Sequence[str]
) -> list[dict[str, Any]]:
    title = _in_all(one.texts, languages)
    if one.kind == "multiple":
        return [
            {
                "name": f"{one.id}_{choice.code}",
                "title": f"{title} – {_in_all(choice.label, languages)}",
                "type": "integer",
                "constraints": {"enum": [0, 1]},
            }
            for choice in choices
        ]
    field: dict[str, Any] = {"name": one.id, "title": title, "type": _TYPES[one.kind]}
    limits: dict[str, Any] = {"minimum": one.low, "maximum": one.high}
    constraints: dict[str, Any] = {name: _number(one, value) for name, value in limits.items() if value is not None}
    if one.codes:
        constraints["enum"] = list(one.codes)
        field["categories"] = [{"value": choice.code, "label": _in_all(choice.label, languages)} for choice in choices]
    question = form.instrument.questions.get(one.id)
    if question is not None and question.pattern is not None:
        constraints["pattern"] = question.pattern
    return [field | ({"constraints": constraints} if constraints else {})]


def _number(one: Field, value: float) -> float | int:
    return int(value) if one.kind == "integer" else value


def _in_all(texts: Mapping[str, str], languages: Sequence[str]) -> str:
    return " | ".join(dict.fromkeys(texts[lang] for lang in languages))
