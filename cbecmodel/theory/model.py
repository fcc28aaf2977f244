"""The study's theory as typed values: claims quoted from the paper, constructs, hypotheses, models."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from cbecmodel.content import content_folder
from cbecmodel.errors import ContentError, FileError
from cbecmodel.theory.findings import from_validation, raise_first
from cbecmodel.theory.parts import Claim, Construct, Hypothesis, Paper, Part, StructuralModel, Term
from cbecmodel.theory.texts import LANGUAGE_CODES, Texts, declared_languages, keyed
from cbecmodel.theory.theory_display import theory_html, theory_text
from cbecmodel.theory.theory_rules import reference_findings
from cbecmodel.theory.yaml_source import YamlSource, read_yaml

__all__ = [
    "Claim",
    "Construct",
    "Hypothesis",
    "StructuralModel",
    "Theory",
    "find_content",
    "load_theory",
    "validate_theory",
]


class Theory(Part):
    """Claims, constructs, hypotheses and models of one study.

    Attributes
    ----------
    version : str
    languages : tuple of str
    status : dict
        What has not been done yet; shown with everything made from the theory.
    paper : Paper
    claims, constructs, hypotheses, models, sources, glossary : dict
        By id, in the order of the file.
    controls : dict
        ``{instrument: (variable, …)}``.
    translation : dict
        The translation protocol, a sentence a step.
    quote_digests : dict
        ``{claim: SHA-256 of its quote}``, taken when the quotes were compared with the paper.
    path : pathlib.Path
        File it was read from.

    Examples
    --------
    >>> theory = load_theory()
    >>> theory.hypotheses["H7"].paths
    ('CID ~ PCI',)
    >>> theory.constructs["SDI"].of
    ('PRS', 'FBC', 'LRI')
    """

    version: str
    languages: LANGUAGE_CODES
    status: Texts
    paper: Paper
    claims: Annotated[dict[str, Claim], BeforeValidator(keyed)]
    constructs: Annotated[dict[str, Construct], BeforeValidator(keyed)]
    hypotheses: Annotated[dict[str, Hypothesis], BeforeValidator(keyed)]
    models: Annotated[dict[str, StructuralModel], BeforeValidator(keyed)]
    sources: dict[str, str] = Field(default_factory=dict)
    glossary: Annotated[dict[str, Term], BeforeValidator(keyed)] = Field(default_factory=dict)
    controls: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    translation: dict[str, Texts] = Field(default_factory=dict)
    quote_digests: dict[str, str] = Field(default_factory=dict)
    path: Path = Field(default=Path(), repr=False)

    def syntax(self, model: str) -> str:
        """Return a model's syntax.

        Parameters
        ----------
        model : str
            Id of a model of the theory.

        Returns
        -------
        str
            Lavaan's syntax, ready for :func:`cbecmodel.sem`.

        Raises
        ------
        ContentError
            If the theory has no such model.

        Examples
        --------
        >>> print(load_theory().syntax("M1").splitlines()[-1].strip())
        H8c := a3*b
        """
        if model not in self.models:
            raise ContentError("theory.no_such_model", file=str(self.path), model=model, known=", ".join(self.models))
        return self.models[model].syntax

    @cached_property
    def hypotheses_of_claim(self) -> dict[str, tuple[str, ...]]:
        """Hypotheses that rest on each claim, in the order of the file; empty where there is none."""
        return {c: tuple(h.id for h in self.hypotheses.values() if c in h.claims) for c in self.claims}

    def _repr_html_(self) -> str:
        return theory_html(self)

    def __str__(self) -> str:
        return theory_text(self)

    def __repr__(self) -> str:
        return theory_text(self)


def validate_theory(source: YamlSource) -> tuple[Theory | None, list[Any]]:
    """Read a theory and collect everything that is wrong with it.

    Parameters
    ----------
    source : YamlSource

    Returns
    -------
    theory : Theory or None
        None if a field is missing, unknown or of the wrong type.
    findings : list of Finding
    """
    context = {"languages": declared_languages(source.data)}
    try:
        theory = Theory.model_validate(source.data, context=context).model_copy(update={"path": source.path})
    except ValidationError as error:
        return None, from_validation(source, error, _field_names())
    return theory, reference_findings(source, theory)


def _field_names() -> set[str]:
    return {name for part in Part.__subclasses__() for name in part.model_fields}


def load_theory(path: str | Path | None = None) -> Theory:
    """Load a theory.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        A YAML file. Default (or ``"theory"``): ``surveys/theory.yaml`` of the folder you are in, else the one that comes
        with the package.

    Returns
    -------
    Theory

    Raises
    ------
    FileError
        If there is no such file.
    ContentError
        If the file breaks a rule; says file, line, place and rule.

    Examples
    --------
    >>> len(load_theory().claims) >= 47
    True
    """
    source = read_yaml(find_content("theory" if path is None else path))
    theory, findings = validate_theory(source)
    raise_first(findings)
    assert theory is not None
    return theory


def find_content(name: str | Path) -> Path:
    """Return the file of a theory or an instrument.

    Parameters
    ----------
    name : str or pathlib.Path
        A path, or a bare name such as ``"consumer"``: ``./surveys/<name>.yaml`` first, then the package's own.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    FileError
        If there is neither.

    Examples
    --------
    >>> find_content("theory").name
    'theory.yaml'
    """
    given = Path(name)
    if given.suffix in {".yaml", ".yml"} or given.is_file():
        return given
    places = [Path("surveys"), content_folder("surveys")]
    for folder in places:
        if (found := folder / f"{name}.yaml").is_file():
            return found
    raise FileError("theory.content_missing", name=str(name), folders=", ".join(dict.fromkeys(map(str, places))))
