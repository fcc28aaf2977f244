"""What is fixed before anybody is asked: the sample, the paradata, the rules of wording."""

from pydantic import Field

from cbecmodel.survey.parts import Part
from cbecmodel.theory.texts import Texts


class Paradata(Part):
    """What is recorded beside the answers, and what must not be.

    Attributes
    ----------
    required, not_collected : tuple of str
    """

    required: tuple[str, ...] = ()
    not_collected: tuple[str, ...] = ()


class SamplePlan(Part):
    """Whom to ask, and how many.

    Attributes
    ----------
    pilot, main, per_language : int or None
        Respondents at least.
    population, sources, rationale : dict
    quotas : tuple of str
        Questions whose margins are fixed beforehand.
    """

    population: Texts
    pilot: int | None = None
    main: int | None = None
    per_language: int | None = None
    quotas: tuple[str, ...] = ()
    sources: Texts | None = None
    rationale: Texts | None = None


class Limits(Part):
    """How long an item may be.

    Attributes
    ----------
    words : int
        For scripts that put blanks between words.
    characters : int
        For scripts that do not (Chinese, Japanese); punctuation is not counted.
    """

    words: int = Field(default=25, ge=3)
    characters: int = Field(default=40, ge=5)


class Wording(Part):
    """What the wording rules look for in one language.

    Attributes
    ----------
    joins : tuple of str
        Words that may join two questions in one (whole words in scripts with blanks).
    harmless : tuple of str
        Longer expressions that contain a joining word and ask only one thing.
    negations : tuple of str
        Words that mark a reverse item.
    """

    joins: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()
