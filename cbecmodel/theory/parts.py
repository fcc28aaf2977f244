"""The parts a theory is made of: paper, claims, constructs, hypotheses, models, terms."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from cbecmodel.theory.texts import Gloss, Texts, keyed

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
