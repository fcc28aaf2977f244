"""An instrument as people meet it: pages of notes, single questions and grids, in order, with their conditions.

Every format writes this, so that what is asked, when, and with which answers is decided once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from cbecmodel.survey.codebook import CONSENT
from cbecmodel.survey.condition import Condition
from cbecmodel.survey.countries import country_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cbecmodel.survey.instrument import Instrument
    from cbecmodel.survey.parts import Check, Page, Question

Kind = Literal["one", "several", "integer", "decimal", "text", "country"]
RECALL: Final = "recall"
NOT_APPLICABLE: Final = -88
_KINDS: Final[Mapping[str, Kind]] = {
    "select_one": "one",
    "select_multiple": "several",
    "likert": "one",
    "integer": "integer",
    "decimal": "decimal",
    "country": "country",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that is offered.

    Parameters
    ----------
    code : int or str
        A number; of countries their three letters.
    label : Mapping
        By language.
    """

    code: int | str
    label: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question as it is shown.

    Parameters
    ----------
    id : str
    kind : {"one", "several", "integer", "decimal", "text", "country"}
    text : Mapping
        By language.
    choices : tuple of Choice
    required : bool
    minimum, maximum : float or None
        Of a number.
    pattern : str or None
        Regular expression of a text.
    relevant : Condition or None
        When it is shown.
    ends : Condition or None
        Answer that ends the interview.
    """

    id: str
    kind: Kind
    text: Mapping[str, str]
    choices: tuple[Choice, ...] = ()
    required: bool = True
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    relevant: Condition | None = None
    ends: Condition | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """What stands together on a page: a text, one question, or items on one scale.

    Parameters
    ----------
    id : str
    kind : {"note", "single", "grid"}
    text : Mapping
        Of a note, by language.
    prompts : tuple of Prompt
        One for a single question; those of a grid share their choices.
    randomize : bool
        Rows of a grid are shown in a new random order to every respondent.
    relevant : Condition or None
        When it is shown.
    """

    id: str
    kind: Literal["note", "single", "grid"]
    text: Mapping[str, str]
    prompts: tuple[Prompt, ...] = ()
    randomize: bool = False
    relevant: Condition | None = None

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Answers of the block's first question, which those of a grid share."""
        return self.prompts[0].choices if self.prompts else ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page.

    Parameters
    ----------
    id : str
    title, intro : Mapping or None
        By language.
    blocks : tuple of Block
    """

    id: str
    title: Mapping[str, str] | None
    intro: Mapping[str, str] | None
    blocks: tuple[Block, ...]

    @property
    def relevant(self) -> Condition | None:
        """The condition all blocks of the page share, if there is one."""
        rules = {block.relevant for block in self.blocks}
        return rules.pop() if len(rules) == 1 else None


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """What respondents see.

    Parameters
    ----------
    instrument : Instrument
    pages : tuple of Leaf
    """

    instrument: Instrument
    pages: tuple[Leaf, ...]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, in order."""
        return tuple(block for page in self.pages for block in page.blocks)

    @property
    def endings(self) -> tuple[Condition, ...]:
        """Answers that end the interview, in the order they are asked for."""
        return tuple(prompt.ends for prompt in self.prompts.values() if prompt.ends is not None)

    @property
    def prompts(self) -> dict[str, Prompt]:
        """All questions by id, in order."""
        return {prompt.id: prompt for block in self.blocks for prompt in block.prompts}


def questionnaire(instrument: Instrument) -> Questionnaire:
    """Lay out an instrument.

    Parameters
    ----------
    instrument : Instrument

    Returns
    -------
    Questionnaire
        Keys that researchers fill in, and paradata, are not asked and not here. Neighbouring items on one scale and under
        one condition make a grid; a check on that scale keeps its place as a grid of its own.

    Examples
    --------
    >>> from cbecmodel.survey.instrument import load_instrument
    >>> form = questionnaire(load_instrument("consumer"))
    >>> [(block.id, block.kind, len(block.prompts)) for block in form.pages[5].blocks]
    [('MLD_ALG', 'grid', 7), ('ATT1', 'grid', 1), ('PGA', 'grid', 3)]
    """
    return Questionnaire(instrument, tuple(_leaf(page, instrument) for page in instrument.placement.pages))


def _leaf(page: Page, instrument: Instrument) -> Leaf:
    blocks: list[Block] = []
    for block in _blocks(page, instrument):
        last = blocks[-1] if blocks else None
        if last is not None and _join(last, block, instrument):
            blocks[-1] = Block(
                f"{last.id}_{block.id}", "grid", {}, last.prompts + block.prompts, page.randomize, last.relevant
            )
        else:
            blocks.append(block)
    return Leaf(page.id, page.title, page.intro, tuple(blocks))


def _join(one: Block, other: Block, instrument: Instrument) -> bool:
    if one.kind != "grid" or other.kind != "grid" or one.relevant != other.relevant:
        return False
    checks = {one.prompts[-1].id, other.prompts[0].id} & set(instrument.checks)
    return not checks and one.choices == other.choices


def _blocks(page: Page, instrument: Instrument) -> Iterator[Block]:
    for name in page.content:
        if name == CONSENT and instrument.consent is not None:
            yield _consent(instrument)
        elif name == RECALL and instrument.recall is not None:
            yield Block(RECALL, "note", instrument.recall)
        elif name in instrument.constructs:
            yield from _construct(name, page, instrument)
        elif name in instrument.items:
            yield from _items((name,), name, page, instrument)
        elif name in instrument.checks:
            yield _check(instrument.checks[name], instrument)
        elif name in instrument.questions and instrument.questions[name].type not in {"key", "paradata"}:
            prompt = _question(instrument.questions[name], instrument)
            yield Block(name, "single", {}, (prompt,), relevant=prompt.relevant)


def _consent(instrument: Instrument) -> Block:
    consent = instrument.consent
    assert consent is not None
    choices = tuple(Choice(code, label) for code, label in consent.options.items())
    ends = Condition(CONSENT, "!=", consent.agree)
    return Block(CONSENT, "single", {}, (Prompt(CONSENT, "one", consent.text, choices, ends=ends),))


def _construct(name: str, page: Page, instrument: Instrument) -> Iterator[Block]:
    yield from _items(instrument.constructs[name].items, name, page, instrument)


def _items(items: tuple[str, ...], name: str, page: Page, instrument: Instrument) -> Iterator[Block]:
    """Yield one grid for items that share their scale, else single questions."""
    prompts = tuple(_item(item, instrument) for item in items)
    rule = prompts[0].relevant
    if prompts[0].choices and all(prompt.choices == prompts[0].choices for prompt in prompts):
        yield Block(name, "grid", {}, prompts, page.randomize, rule)
        return
    for prompt in prompts:
        yield Block(prompt.id, "single", {}, (prompt,), relevant=rule)


def _item(item: str, instrument: Instrument) -> Prompt:
    asked = instrument.items[item]
    construct = instrument.constructs[asked.construct]
    rule = instrument.routing.get(item)
    scale = instrument.scales[asked.scale]
    if not scale.points:
        return Prompt(item, "decimal", asked.text, (), True, scale.minimum, scale.maximum, relevant=rule)
    choices = _points(asked.scale, instrument)
    if construct.na_allowed and NOT_APPLICABLE in instrument.missing_codes:
        choices = (*choices, Choice(NOT_APPLICABLE, instrument.missing_codes[NOT_APPLICABLE]))
    return Prompt(item, "one", asked.text, choices, relevant=rule)


def _points(scale: str, instrument: Instrument) -> tuple[Choice, ...]:
    return tuple(Choice(point.code, point.label) for point in instrument.scales[scale].points)


def _check(check: Check, instrument: Instrument) -> Block:
    if check.scale:
        return Block(check.id, "grid", {}, (Prompt(check.id, "one", check.text, _points(check.scale, instrument)),))
    if check.compare_with and not check.options:
        like = _question(instrument.questions[check.compare_with], instrument)
        prompt = Prompt(check.id, like.kind, check.text, like.choices, minimum=like.minimum, maximum=like.maximum)
    else:
        prompt = Prompt(check.id, "one", check.text, tuple(Choice(*option) for option in check.options.items()))
    return Block(check.id, "single", {}, (prompt,))


def _question(question: Question, instrument: Instrument) -> Prompt:
    kind = _KINDS.get(question.type, "text")
    if question.scale:
        choices = _points(question.scale, instrument)
    elif kind == "country":
        choices = tuple(Choice(code, label) for code, label in country_names(instrument.languages).items())
    else:
        choices = tuple(Choice(code, label) for code, label in question.options.items())
    ends = None if question.screen_out is None else Condition.parse(question.screen_out, variable=question.id)
    return Prompt(
        question.id,
        kind,
        question.text,
        choices,
        question.required,
        question.minimum,
        question.maximum,
        question.pattern,
        instrument.routing.get(question.id),
        ends,
    )
