"""The study's theory as typed values: claims quoted from the paper, constructs, hypotheses, models."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from cbecmodel.content import content_folder
from cbecmodel.errors import ContentError, FileError
from cbecmodel.theory.checks import reference_findings
from cbecmodel.theory.findings import from_validation, raise_first
from cbecmodel.theory.look import theory_html, theory_text
from cbecmodel.theory.texts import LANGUAGE_CODES, Gloss, Texts, declared_languages, keyed
from cbecmodel.theory.yaml_source import YamlSource, read_yaml

HypothesisKind = Literal[
    "direct",
    "mediation",
    "serial_mediation",
    "moderation",
    "interaction",
    "necessary_condition",
    "feedback",
    "panel",
]
ClaimKind = Literal[
    "definition",
    "premise",
    "mechanism",
    "feedback_loop",
    "interaction",
    "serial_mediation",
    "moderation",
    "necessary_condition",
    "system",
    "covariate",
    "outcome",
    "context",
]
Role = Literal["predictor", "mediator", "outcome", "moderator", "control", "marker"]


class Part(BaseModel):
    """Base of everything read from a theory file: frozen, and no field that the model does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Paper(Part):
    """The paper whose claims are put to the test.

    Attributes
    ----------
    title : dict
    authors : dict
        ``{language: (name, …)}``.
    affiliation, journal : dict
    year : int
    volume, issue, pages, doi, licence : str
    language : str
        Language the quotes are in.
    nature, pages_note : dict
        What kind of paper it is; how sure the page numbers are.
    """

    title: Texts
    authors: dict[str, tuple[str, ...]]
    affiliation: Texts
    journal: Texts
    year: int
    volume: str
    issue: str
    pages: str
    doi: str
    licence: str
    language: str
    nature: Texts
    pages_note: Texts


class Claim(Part):
    """One sentence of the paper that says something about the world.

    Attributes
    ----------
    id : str
    quote : str
        Exact words of the paper, its own punctuation included.
    gloss : dict
        What the quote says, in the other languages of the theory.
    section : str
        Section of the paper; ``"abstract"`` for the abstract.
    line, page : int
        Line of the plain-text transcript; page (inferred, see ``paper.pages_note``).
    kind : str
    constructs : tuple of str
    no_construct, no_hypothesis : dict or None
        Reason why the claim has no construct or no hypothesis.
    """

    id: str
    quote: str
    gloss: Gloss
    section: str
    line: int
    page: int
    kind: ClaimKind
    constructs: tuple[str, ...] = ()
    no_construct: Texts | None = None
    no_hypothesis: Texts | None = None


class Construct(Part):
    """Something the theory speaks of that a survey measures.

    Attributes
    ----------
    id : str
    name, definition : dict
    role : {"predictor", "mediator", "outcome", "moderator", "control", "marker"}
    claims, sources : tuple of str
    order : {"first", "second"}
    of : tuple of str
        First-order constructs of a second-order one.
    instruments : tuple of str
    note : dict or None
    """

    id: str
    name: Texts
    definition: Texts
    role: Role
    claims: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    order: Literal["first", "second"] = "first"
    of: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    note: Texts | None = None


class Policy(Part):
    """The public policy a panel hypothesis is about.

    Attributes
    ----------
    name : dict
    treatment : str
        Column of the panel, or ``"pilot_zones"`` for the rollout of the cross-border e-commerce pilot zones.
    level : {"prefecture", "province", "firm"}
    confounders : dict
        Policies of the same years that must be looked at together with this one.
    """

    name: Texts
    treatment: str
    level: Literal["prefecture", "province", "firm"]
    confounders: Texts


class Outcome(Part):
    """An outcome of a panel hypothesis.

    Attributes
    ----------
    id : str
        Column of the panel.
    name, measure : dict
        What it is called; how it is counted and where the numbers come from.
    """

    id: str
    name: Texts
    measure: Texts


class Design(Part):
    """The data and the analysis that would put a hypothesis to the test.

    Attributes
    ----------
    data : dict
        What would have to be observed, on whom, how often.
    analysis : dict
        What would be estimated.
    identification : dict
        What has to be true for the estimate to mean what the hypothesis says.
    """

    data: Texts
    analysis: Texts
    identification: Texts | None = None

    def __getitem__(self, name: str) -> dict[str, str]:
        value: dict[str, str] | None = getattr(self, name)
        if value is None:
            raise KeyError(name)
        return value


class Hypothesis(Part):
    """A claim made testable.

    Attributes
    ----------
    id : str
    text : dict
    claims : tuple of str
    kind : str
    sign : {1, -1, 0}
        Direction expected; 0 where the hypothesis has none.
    model : str or None
        The model whose estimates speak to it.
    paths : tuple of str
        Regressions (``"PCI ~ SDI"``) or chains (``"SDI -> PCI -> CID"``), in the model's names.
    moderator : str or None
    outcomes : dict of Outcome
    policy : Policy or None
    design : Design
    refuted_by : dict
        The result that would count against it.
    testable : bool
        Whether the study's own designs (two cross-sections, city and province panels) can identify it.
    reason : dict or None
        Why not, when they cannot.
    """

    id: str
    text: Texts
    claims: tuple[str, ...]
    kind: HypothesisKind
    sign: Literal[1, -1, 0]
    model: str | None = None
    paths: tuple[str, ...] = ()
    moderator: str | None = None
    outcomes: Annotated[dict[str, Outcome], BeforeValidator(keyed)] = Field(default_factory=dict)
    policy: Policy | None = None
    design: Design
    refuted_by: Texts
    testable: StrictBool = True
    reason: Texts | None = None


class StructuralModel(Part):
    """A structural equation model in lavaan's syntax.

    Attributes
    ----------
    id : str
    title : dict
    instrument : str
    syntax : str
    hypotheses : tuple of str
    respondents : str or None
        Whom it is fitted on, as a condition on a question (``"X_LIVE > 0"``); None for everyone.
    note : dict or None
    """

    id: str
    title: Texts
    instrument: str
    syntax: str
    hypotheses: tuple[str, ...] = ()
    respondents: str | None = None
    note: Texts | None = None


class Term(Part):
    """One entry of the glossary.

    Attributes
    ----------
    id : str
    use, avoid, why : dict
        The word to use in each language, the words to avoid, and the reason.
    """

    id: str
    use: Texts
    avoid: Texts | None = None
    why: Texts


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
