"""DDI-Codebook 2.5: the codebook as XML that archives read, in several languages."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cbecmodel.survey.codebook import Field, fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from cbecmodel.survey.formats.written import Feature
    from cbecmodel.survey.instrument import Instrument
    from cbecmodel.survey.questionnaire import Choice, Questionnaire

HOLDS: Final[frozenset[Feature]] = frozenset({"languages", "routing", "limits"})
NAMESPACE: Final = "ddi:codebook:2_5"
_XML: Final = "{http://www.w3.org/XML/1998/namespace}lang"


def write(form: Questionnaire, languages: Sequence[str]) -> dict[str, bytes]:
    """Write the codebook of a survey.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str

    Returns
    -------
    dict
        One XML file.

    References
    ----------
    .. [1] DDI Alliance. DDI-Codebook 2.5, https://ddialliance.org/Specification/DDI-Codebook/2.5/
    """
    return {f"{form.instrument.id}_ddi.xml": codebook(form, languages)}


def codebook(
    form: Questionnaire, languages: Sequence[str], data: pd.DataFrame | None = None, source: str = ""
) -> bytes:
    """Return the codebook as XML.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str
    data : pandas.DataFrame, optional
        Deposited answers: only its columns are described, with counts of valid and invalid answers.
    source : str
        Name of the data file.

    Returns
    -------
    bytes
    """
    ET.register_namespace("", NAMESPACE)
    root = _element(None, "codeBook", version="2.5", ID=_name(form.instrument.id))
    _study(root, form.instrument, languages)
    if data is not None:
        file = _element(root, "fileDscr", ID="F1")
        text = _element(file, "fileTxt")
        _element(text, "fileName", text=source)
        dimensions = _element(text, "dimensns")
        _element(dimensions, "caseQnty", text=str(len(data)))
        _element(dimensions, "varQnty", text=str(data.shape[1]))
    description = _element(root, "dataDscr")
    for group in form.instrument.constructs.values():
        members = [name for name in group.items if data is None or name in data]
        if members:
            held = _element(
                description, "varGrp", ID=_name(f"G_{group.id}"), var=" ".join(_name(name) for name in members)
            )
            _texts(held, "labl", group.name, languages)
    prompts = form.prompts
    for one in fields(form.instrument).values():
        choices = prompts[one.id].choices if one.id in prompts else ()
        for name, part in _columns(one):
            if data is None or name in data:
                made = _variable(description, _Column(name, one, part, choices), form, languages)
                _counts(made, None if data is None else data[name])
                _categories(made, _Column(name, one, part, choices), form, languages)
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _columns(one: Field) -> list[tuple[str, int | None]]:
    return [(f"{one.id}_{code}", code) for code in one.codes] if one.kind == "multiple" else [(one.id, None)]


def _element(parent: ET.Element | None, tag: str, *, text: str = "", **attributes: str) -> ET.Element:
    name = f"{{{NAMESPACE}}}{tag}"
    made = ET.Element(name, attributes) if parent is None else ET.SubElement(parent, name, attributes)
    made.text = text or None
    return made


def _texts(parent: ET.Element, tag: str, texts: Mapping[str, str], languages: Sequence[str], **attributes: str) -> None:
    for lang in languages:
        _element(parent, tag, text=texts[lang], **attributes).set(_XML, lang)


def _name(name: str) -> str:
    """Return a name XML accepts as an id."""
    return re.sub(r"[^\w.-]", "_", name if name[:1].isalpha() else f"v_{name}")


def _study(root: ET.Element, instrument: Instrument, languages: Sequence[str]) -> None:
    study = _element(root, "stdyDscr")
    citation = _element(study, "citation")
    titles = _element(citation, "titlStmt")
    first, *others = languages
    _texts(titles, "titl", instrument.title, [first])
    _texts(titles, "parTitl", instrument.title, others)
    _element(titles, "IDNo", text=f"{instrument.id} {instrument.version} {instrument.content_hash}")
    info = _element(study, "stdyInfo")
    if instrument.status:
        _texts(info, "abstract", instrument.status, languages)
    if instrument.sample_plan is not None:
        summary = _element(info, "sumDscr")
        _texts(summary, "universe", instrument.sample_plan.population, languages)


class _Column(NamedTuple):
    """One column of the data: a question, or one option of a multiple question."""

    name: str
    field: Field
    part: int | None
    choices: Sequence[Choice]


def _variable(parent: ET.Element, column: _Column, form: Questionnaire, languages: Sequence[str]) -> ET.Element:
    """Add a variable with its label, question and limits."""
    one = column.field
    interval = "contin" if one.kind in {"integer", "decimal"} else "discrete"
    made = _element(parent, "var", ID=_name(column.name), name=column.name, intrvl=interval)
    options = {choice.code: choice.label for choice in column.choices}
    _texts(made, "labl", one.texts if column.part is None else options[column.part], languages)
    rule = form.instrument.routing.get(one.id)
    for lang in languages:
        question = _element(made, "qstn")
        question.set(_XML, lang)
        _element(question, "qstnLit", text=one.texts[lang])
        if rule is not None:
            _element(question, "ivuInstr", text=str(rule))
    limits = {"min": one.low, "max": one.high}
    stated = {name: f"{value:g}" for name, value in limits.items() if value is not None}
    if stated:
        _element(_element(made, "valrng"), "range", **stated)
    return made


def _counts(made: ET.Element, column: pd.Series[Any] | None) -> None:
    if column is not None:
        _element(made, "sumStat", text=str(int(column.notna().sum())), type="vald")
        _element(made, "sumStat", text=str(int(column.isna().sum())), type="invd")


def _categories(made: ET.Element, column: _Column, form: Questionnaire, languages: Sequence[str]) -> None:
    """Add the answers a variable may hold, and the codes of missing ones."""
    offered = {str(choice.code): choice.label for choice in column.choices} if column.part is None else {}
    for code, texts in offered.items():
        _category(made, code, texts, languages)
    for number, texts in form.instrument.missing_codes.items():
        if str(number) not in offered:
            _category(made, str(number), texts, languages, missing="Y")
    words = column.field.kind in {"text", "country"}
    _element(made, "varFormat", type="character" if words else "numeric")


def _category(
    parent: ET.Element, code: str, texts: Mapping[str, str], languages: Sequence[str], **missing: str
) -> None:
    made = _element(parent, "catgry", **missing)
    _element(made, "catValu", text=code)
    _texts(made, "labl", texts, languages)
