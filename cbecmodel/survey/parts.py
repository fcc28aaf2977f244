"""The parts an instrument is made of: scales, items, constructs, questions, checks, pages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from cbecmodel.survey.condition import Condition
from cbecmodel.theory.texts import DEFAULT_LANGUAGES, Gloss, Texts, keyed

QuestionType = Literal[
    "integer", "decimal", "text", "select_one", "select_multiple", "likert", "country", "date", "key", "paradata"
]
CheckKind = Literal["instructed_response", "infrequency", "consistency", "self_report_diligence"]


def named(value: Any, info: ValidationInfo, field: str = "text") -> Any:
    """Let a text that is left out default to the id, in every language.

    Parameters
    ----------
    value : Any
        One entry of the file, already carrying its ``id``.
    info : pydantic.ValidationInfo
        Knows the languages of the file.
    field : str

    Returns
    -------
    Any
    """
    if isinstance(value, dict) and "id" in value and field not in value:
        languages = (info.context or {}).get("languages", DEFAULT_LANGUAGES)
        return {**value, field: dict.fromkeys(languages, str(value["id"]))}
    return value


def _condition(text: str) -> str:
    try:
        Condition.parse(text, variable="_")
    except ValueError as error:
        raise PydanticCustomError("instrument.condition", "{text}", {"text": text}) from error
    return text


ConditionText = Annotated[
    str, BeforeValidator(lambda value: value if not isinstance(value, str) else _condition(value))
]


class Part(BaseModel):
    """Base of everything read from an instrument file: frozen, and no field that the model does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Point(Part):
    """One point of a response scale.

    Attributes
    ----------
    code : int
    label : dict
        ``{language: label}``.
    """

    code: int
    label: Texts


class Scale(Part):
    """A response scale.

    Attributes
    ----------
    id : str
    kind : {"ordinal", "continuous"}
        Continuous scales have no points; they serve measured indicators.
    points : tuple of Point
        From lowest to highest.
    minimum, maximum : float or None
        Limits of a continuous scale.
    """

    id: str
    kind: Literal["ordinal", "continuous"] = "ordinal"
    points: tuple[Point, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @field_validator("points", mode="before")
    @classmethod
    def _points(cls, value: Any) -> Any:
        """Accept ``{1: label, 2: label}`` and ``[1, 2, 3]``, where codes are their own labels."""
        if isinstance(value, dict):
            return [{"code": code, "label": label} for code, label in value.items()]
        if isinstance(value, list):
            plain = [v for v in value if not isinstance(v, (int, dict))]
            if plain:
                raise PydanticCustomError("instrument.point_without_code", "{point}", {"point": str(plain[0])})
            return [{"code": v, "label": v} if isinstance(v, int) else v for v in value]
        return value

    @property
    def codes(self) -> tuple[int, ...]:
        """Codes of the points, in order."""
        return tuple(point.code for point in self.points)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Item:  # a dataclass, because pydantic's models have an attribute called construct
    """One item of a construct.

    Attributes
    ----------
    id, construct, scale : str
    text : dict
        ``{language: wording}``.
    reverse : bool
        Worded against the construct; answers are reversed before they are used.
    core : bool
        Belongs to the short form.
    wording_cue : dict or None
        For a reverse item whose wording has no plain negation: the words that turn its meaning round, by language.
    exempt : dict
        ``{linter rule: reason}`` where a wording rule does not apply to this item.
    """

    id: str
    construct: str
    text: Texts
    scale: str
    reverse: StrictBool = False
    core: StrictBool = False
    wording_cue: Gloss | None = None
    exempt: dict[str, Texts] = Field(default_factory=dict)


class ConstructItems(Part):
    """A construct as an instrument measures it.

    Attributes
    ----------
    id : str
    name : dict
    items : tuple of str
        Ids, in the order they are asked.
    subdimensions : dict
        ``{name: (item, …)}``.
    relevant : str or None
        Condition under which it is shown, as ``"X_LIVE > 0"``.
    optional : bool
        A study may leave it out.
    exploratory : bool
        No established scale exists: explore before confirming.
    na_allowed : bool
        "Not applicable" is offered beside the scale.
    note : dict or None
    """

    id: str
    name: Texts
    items: tuple[str, ...]
    subdimensions: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    relevant: ConditionText | None = None
    optional: StrictBool = False
    exploratory: StrictBool = False
    na_allowed: StrictBool = False
    note: Texts | None = None


class Check(Part):
    """A question that shows whether a respondent reads and answers with care.

    Attributes
    ----------
    id : str
    kind : {"instructed_response", "infrequency", "consistency", "self_report_diligence"}
    text : dict
    scale : str or None
        For checks that look like items.
    options : dict
        ``{code: {language: label}}`` for those with options of their own.
    passing : tuple of int
        Codes that pass.
    compare_with : str or None
        For consistency checks: the question whose answer must be repeated.
    """

    id: str
    kind: CheckKind
    text: Texts
    scale: str | None = None
    options: dict[int, Texts] = Field(default_factory=dict)
    passing: tuple[int, ...] = ()
    compare_with: str | None = None


class Question(Part):
    """A question outside the scales: screening, person, purchase, firm, key.

    Attributes
    ----------
    id : str
    type : str
    text : dict
    options : dict
        ``{code: {language: label}}``, in the order they are shown.
    scale : str or None
        For type ``likert``.
    screen_out : str or None
        Condition that ends the interview, as ``"< 18"``.
    relevant : str or None
        Condition under which it is shown.
    required : bool
    minimum, maximum : float or None
        Limits of a number.
    pattern : str or None
        Regular expression a text or key must match.
    claims, sources : tuple of str
    note : dict or None
    """

    id: str
    type: QuestionType
    text: Texts
    options: dict[int, Texts] = Field(default_factory=dict)
    scale: str | None = None
    screen_out: ConditionText | None = None
    relevant: ConditionText | None = None
    required: StrictBool = True
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    claims: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    note: Texts | None = None

    def screens_out(self, answer: object) -> bool:
        """Whether an answer ends the interview.

        Parameters
        ----------
        answer : object

        Returns
        -------
        bool

        Examples
        --------
        >>> Question(id="S_AGE", type="integer", text={"en": "Age?"}, screen_out="< 18").screens_out(17)
        True
        """
        return self.screen_out is not None and Condition.parse(self.screen_out, variable=self.id).holds(answer)


class Consent(Part):
    """What people agree to before they answer.

    Attributes
    ----------
    text : dict
    options : dict
        ``{code: {language: label}}``.
    agree : int
        The code that lets the interview begin.
    """

    text: Texts
    options: dict[int, Texts]
    agree: int = 1


class Keys(Part):
    """Questions by which answers of one person are found again.

    Attributes
    ----------
    person : str or None
        Question for the code that respondents make up themselves: the same in every wave, and once in each.
    wave : str or None
        Question that says the wave, where the file has no column ``wave``.
    """

    person: str | None = None
    wave: str | None = None


class Page(Part):
    """One page of the questionnaire.

    Attributes
    ----------
    id : str
    title, intro : dict or None
    content : tuple of str
        Ids of constructs (all their items), items, questions and checks, or ``consent`` and ``recall``, in order.
    randomize : bool
        Items are shown in a new random order to every respondent; checks keep their place.
    """

    id: str
    title: Texts | None = None
    intro: Texts | None = None
    content: tuple[str, ...]
    randomize: StrictBool = False


class Placement(Part):
    """The order of pages.

    Attributes
    ----------
    pages : tuple of Page
    rationale : dict or None
    """

    pages: tuple[Page, ...]
    rationale: Texts | None = None


class ScreeningRule(Part):
    """One pre-registered rule for careless answers.

    Attributes
    ----------
    id, text : str, dict
    threshold : float
    sources : tuple of str
    """

    id: str
    text: Texts
    threshold: float
    sources: tuple[str, ...] = ()


class ScreeningRules(Part):
    """Thresholds fixed before data are seen.

    Attributes
    ----------
    minimum_flags : int
        A respondent is excluded on this many flags; one flag alone misjudges many honest people.
    rules : dict of ScreeningRule
    """

    minimum_flags: int = Field(default=2, ge=1)
    rules: Annotated[dict[str, ScreeningRule], BeforeValidator(keyed)] = Field(default_factory=dict)
