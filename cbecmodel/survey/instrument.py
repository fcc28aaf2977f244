"""Instruments: constructs, items, scales, routing and checks of one questionnaire, read from YAML."""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, model_validator

from cbecmodel.errors import ContentError
from cbecmodel.survey.condition import Condition
from cbecmodel.survey.content_hash import content_digest
from cbecmodel.survey.fieldwork import Paradata, SamplePlan
from cbecmodel.survey.file_layout import default_placement, spread_items
from cbecmodel.survey.instrument_display import instrument_html, instrument_text
from cbecmodel.survey.instrument_rules import instrument_findings
from cbecmodel.survey.item_wording import Limits, Wording
from cbecmodel.survey.parts import (
    Check,
    Consent,
    ConstructItems,
    Item,
    Keys,
    Part,
    Placement,
    Question,
    Scale,
    ScreeningRules,
    named,
)
from cbecmodel.survey.text_matching import shortened
from cbecmodel.theory.findings import Finding, from_validation, raise_first
from cbecmodel.theory.model import find_content
from cbecmodel.theory.texts import DEFAULT_LANGUAGES, LANGUAGE_CODES, Texts, declared_languages, keyed
from cbecmodel.theory.yaml_source import YamlSource, read_yaml


def _named_each(field: str) -> Any:
    def fill(value: Any, info: ValidationInfo) -> Any:
        entries = keyed(value)
        if not isinstance(entries, dict):
            return entries
        return {key: named(entry, info, field) for key, entry in entries.items()}

    return BeforeValidator(fill)


class Instrument(Part):
    """A questionnaire as data; its content hash is its version.

    Attributes
    ----------
    id, version : str
    path : pathlib.Path
        File it was read from.
    languages : tuple of str
        In the order of the file.
    source_language : str
        The language items were written in first; the first of :attr:`languages` unless the file says otherwise.
    title, status : dict
        Status says what has not been done yet (review, pilot, back-translation); shown wherever the instrument is.
    theory : str or None
        Theory whose constructs it measures.
    scales, items, constructs, checks, screening, covariates : dict
        By id, in the order of the file.
    missing_codes : dict
        ``{code: {language: meaning}}``.
    consent : Consent or None
    recall : dict or None
        What people are asked to think of before they answer.
    placement : Placement
        One page a construct unless the file says otherwise.
    phrases : dict
        What a form itself says (``not_eligible``, ``finished`` …), in languages other than English and Chinese or in words
        of your own.
    quasi_identifiers : tuple of str
        Questions by which somebody could be recognised.
    keys : Keys
        Questions that link the answers of one person across waves.
    paradata, sample_plan, screening_rules, limits, wording
        See :mod:`cbecmodel.survey.fieldwork`, :mod:`cbecmodel.survey.screening_rules`, :mod:`cbecmodel.survey.item_wording`.

    Examples
    --------
    >>> consumer = load_instrument("consumer")
    >>> consumer.constructs["ALG"].items
    ('ALG1', 'ALG2', 'ALG3')
    >>> print(consumer.routing["LSI"])
    X_LIVE > 0
    """

    id: str
    version: str = "0.0.0"
    title: Texts
    status: Texts | None = None
    theory: str | None = None
    languages: LANGUAGE_CODES = DEFAULT_LANGUAGES
    source_language: str = ""
    scales: Annotated[dict[str, Scale], BeforeValidator(keyed)]
    items: Annotated[dict[str, Item], _named_each("text")]
    constructs: Annotated[dict[str, ConstructItems], _named_each("name")]
    checks: Annotated[dict[str, Check], _named_each("text")] = Field(default_factory=dict)
    missing_codes: dict[int, Texts] = Field(default_factory=dict)
    consent: Consent | None = None
    recall: Texts | None = None
    screening: Annotated[dict[str, Question], _named_each("text")] = Field(default_factory=dict)
    covariates: Annotated[dict[str, Question], _named_each("text")] = Field(default_factory=dict)
    placement: Placement
    paradata: Paradata = Paradata()
    sample_plan: SamplePlan | None = None
    screening_rules: ScreeningRules | None = None
    limits: Limits = Limits()
    wording: dict[str, Wording] = Field(default_factory=dict)
    phrases: dict[str, Texts] = Field(default_factory=dict)
    quasi_identifiers: tuple[str, ...] = ()
    keys: Keys = Keys()
    path: Path = Field(default=Path(), repr=False, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict):
            return value
        languages = (info.context or {}).get("languages", DEFAULT_LANGUAGES)
        filled = {"source_language": languages[0], **named(value, info, "title")}
        return filled if "placement" in filled else {**filled, "placement": default_placement(filled)}

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the content: the same for every way of writing the same YAML, another for every other content."""
        return content_digest(self)

    @cached_property
    def questions(self) -> dict[str, Question]:
        """Screening questions and covariates together."""
        return {**self.screening, **self.covariates}

    @cached_property
    def routing(self) -> dict[str, Condition]:
        """Conditions under which constructs, their items and questions are shown, by id."""
        rules: dict[str, Condition] = {}
        for construct in self.constructs.values():
            if construct.relevant is not None:
                rules |= dict.fromkeys((construct.id, *construct.items), Condition.parse(construct.relevant))
        for question in self.questions.values():
            if question.relevant is not None:
                rules[question.id] = Condition.parse(question.relevant)
        return rules

    def scale_of(self, item: str) -> Scale:
        """Return the scale an item is answered on.

        Parameters
        ----------
        item : str

        Returns
        -------
        Scale

        Raises
        ------
        ContentError
            If the instrument does not have the item.
        """
        if item not in self.items:
            known = shortened(self.items)
            raise ContentError("instrument.no_such_item", file=str(self.path), item=item, known=known)
        return self.scales[self.items[item].scale]

    def label(self, name: str, lang: str | None = None) -> str:
        """Return what an item, question, check or construct is called or asks.

        Parameters
        ----------
        name : str
            Its id.
        lang : str, optional
            Defaults to the first language of the instrument.

        Returns
        -------
        str
            The id itself if the instrument does not know it.

        Examples
        --------
        >>> load_instrument("consumer").label("CID", "en")
        'Identification with Chinese culture'
        """
        lang = lang or self.languages[0]
        if name in self.constructs:
            return self.constructs[name].name[lang]
        for part in (self.items, self.questions, self.checks):
            if name in part:
                texts: dict[str, str] = part[name].text
                return texts[lang]
        return name

    def measurement(self, *constructs: str, core: bool = False) -> str:
        """Write the measurement part of a model from the instrument's items.

        Parameters
        ----------
        *constructs : str
            Ids; all of the instrument's if none is given.
        core : bool
            Use the short form's items only.

        Returns
        -------
        str
            One ``construct =~ item + …`` line each.

        Raises
        ------
        ContentError
            If the instrument does not have a construct, or no item is left for it.

        Examples
        --------
        >>> print(load_instrument("consumer").measurement("ALG", "CID", core=True))
        ALG =~ ALG1 + ALG2 + ALG3
        CID =~ CID1 + CID3 + CID4
        """
        lines = []
        for name in constructs or tuple(self.constructs):
            if name not in self.constructs:
                known = ", ".join(self.constructs)
                raise ContentError("instrument.no_such_construct", file=str(self.path), construct=name, known=known)
            used = [item for item in self.constructs[name].items if self.items[item].core or not core]
            if not used:
                raise ContentError("instrument.no_core_items", file=str(self.path), construct=name)
            lines.append(f"{name} =~ {' + '.join(used)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return instrument_html(self)

    def __str__(self) -> str:
        return instrument_text(self)

    def __repr__(self) -> str:
        return instrument_text(self)


def validate_instrument(source: YamlSource) -> tuple[Instrument | None, list[Finding]]:
    """Read an instrument and collect everything that makes it unusable.

    Parameters
    ----------
    source : YamlSource

    Returns
    -------
    instrument : Instrument or None
        None if a field is missing, unknown or of the wrong type.
    findings : list of Finding
    """
    data, home = spread_items(source.data)
    try:
        instrument = Instrument.model_validate(data, context={"languages": declared_languages(source.data)})
    except ValidationError as error:
        return None, from_validation(source, error, _field_names(), home)
    instrument = instrument.model_copy(update={"path": source.path})
    return instrument, instrument_findings(source, instrument, home)


def _field_names() -> set[str]:
    of_parts = {name for part in Part.__subclasses__() for name in part.model_fields}
    return of_parts | {entry.name for entry in fields(Item)} - {"construct"}


def load_instrument(name_or_path: str | Path) -> Instrument:
    """Load a questionnaire.

    Parameters
    ----------
    name_or_path : str or pathlib.Path
        ``"consumer"`` or ``"firm"``: ``surveys/<name>.yaml`` of the folder you are in, else the one that comes with the
        package. Or the path of a YAML file.

    Returns
    -------
    Instrument

    Raises
    ------
    FileError
        If there is no such file.
    ContentError
        If the file breaks a rule; says file, line, construct, item and rule.

    Examples
    --------
    >>> load_instrument("consumer").items["PRS1"].scale
    'agree7'
    """
    source = read_yaml(find_content(name_or_path))
    instrument, findings = validate_instrument(source)
    raise_first(findings)
    assert instrument is not None
    return instrument
