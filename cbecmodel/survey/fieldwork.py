"""What is fixed before anybody is asked: whom to ask, how many, and what is recorded beside the answers."""

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
