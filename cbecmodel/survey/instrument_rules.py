"""Rules that tie the parts of an instrument together; what breaks them makes it unusable, so loading refuses it."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from cbecmodel.survey.condition import Condition
from cbecmodel.theory.findings import finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cbecmodel.survey.instrument import Instrument
    from cbecmodel.survey.parts import Question
    from cbecmodel.theory.findings import Finding
    from cbecmodel.theory.yaml_source import Location, YamlSource

_WITH_OPTIONS = {"select_one", "select_multiple"}
_SPECIAL = {"consent", "recall"}
_NAME = re.compile(r"[^\W\d][\w.]*")  # what a model's syntax can name


def instrument_findings(
    source: YamlSource, instrument: Instrument, home: Callable[[Location], Location]
) -> list[Finding]:
    """Find names that point nowhere, ids used twice, and parts that lack what their kind needs.

    Parameters
    ----------
    source : YamlSource
    instrument : Instrument
    home : callable
        From a place in the model to its place in the file.

    Returns
    -------
    list of Finding
    """
    found = [
        *_ids(source, instrument),
        *_names(source, instrument),
        *_scales(source, instrument),
        *_items(source, instrument, home),
    ]
    found += _constructs(source, instrument)
    for part in ("screening", "covariates"):
        for question in getattr(instrument, part).values():
            found += _question(source, instrument, (part, question.id), question)
    found += _checks(source, instrument)
    found += _keys(source, instrument)
    if isinstance(source.data, dict) and "placement" in source.data:
        found += _placement(source, instrument)
    return found


def _ids(source: YamlSource, instrument: Instrument) -> Iterator[Finding]:
    """Every answer is a column, so no two things may share an id."""
    used: dict[str, str] = {}
    for name, construct in instrument.constructs.items():
        for number, item in enumerate(construct.items):
            if item in used:
                at: Location = ("constructs", name, "items", item)
                at = at if at in source.lines else ("constructs", name, "items", number)
                yield finding(source, at, "instrument.id_used_twice", name=item, other=used[item])
            used.setdefault(item, name)
    for part in ("checks", "screening", "covariates"):
        for name in getattr(instrument, part):
            if name in used or name in instrument.constructs:
                other = used.get(name, "constructs")
                yield finding(source, (part, name), "instrument.id_used_twice", name=name, other=other)
            used[name] = part
    for name in instrument.constructs:
        if name in used and used[name] not in {"checks", "screening", "covariates"}:
            yield finding(source, ("constructs", name), "instrument.id_used_twice", name=name, other=used[name])
    if instrument.source_language not in instrument.languages:
        known = ", ".join(instrument.languages)
        at = ("source_language",)
        yield finding(source, at, "instrument.unknown_language", name=instrument.source_language, known=known)


def _names(source: YamlSource, instrument: Instrument) -> Iterator[Finding]:
    """Models name constructs and items by their ids, so these must be names there."""
    places: list[tuple[Location, str]] = [
        (("constructs", construct.id), construct.id) for construct in instrument.constructs.values()
    ]
    places += [(("constructs", item.construct, "items", item.id), item.id) for item in instrument.items.values()]
    for at, name in places:
        if not _NAME.fullmatch(name):
            yield finding(source, at, "instrument.id_is_no_name", name=name)


def _scales(source: YamlSource, instrument: Instrument) -> Iterator[Finding]:
    for scale in instrument.scales.values():
        at = ("scales", scale.id)
        if scale.kind == "ordinal" and len(scale.points) < 2:
            yield finding(source, at, "instrument.scale_too_short")
        if list(scale.codes) != sorted(set(scale.codes)):
            yield finding(source, (*at, "points"), "instrument.scale_codes")
        clash = set(scale.codes) & set(instrument.missing_codes)
        if clash:
            yield finding(source, (*at, "points"), "instrument.code_is_missing_code", code=_join(sorted(clash)))


def _items(source: YamlSource, instrument: Instrument, home: Callable[[Location], Location]) -> Iterator[Finding]:
    for item in instrument.items.values():
        if not item.scale:
            yield finding(source, home(("items", item.id)), "instrument.no_scale", known=_join(instrument.scales))
        elif item.scale not in instrument.scales:
            at = home(("items", item.id, "scale"))
            known = _join(instrument.scales)
            yield finding(source, at, "instrument.unknown_scale", name=item.scale, known=known)


def _constructs(source: YamlSource, instrument: Instrument) -> Iterator[Finding]:
    for construct in instrument.constructs.values():
        at = ("constructs", construct.id)
        if not construct.items:
            yield finding(source, at, "instrument.construct_without_items")
        for name, items in construct.subdimensions.items():
            for number, item in enumerate(items):
                if item not in construct.items:
                    place = (*at, "subdimensions", name, number)
                    yield finding(source, place, "instrument.unknown_item", name=item)
        yield from _variable(source, instrument, (*at, "relevant"), construct.relevant)


def _question(source: YamlSource, instrument: Instrument, at: Location, question: Question) -> Iterator[Finding]:
    if question.type in _WITH_OPTIONS and len(question.options) < 2:
        yield finding(source, at, "instrument.question_without_options", type=question.type)
    if question.type not in _WITH_OPTIONS and question.options:
        yield finding(source, (*at, "options"), "instrument.options_not_used", type=question.type)
    if question.type == "likert" and question.scale not in instrument.scales:
        known = _join(instrument.scales)
        yield finding(source, (*at, "scale"), "instrument.unknown_scale", name=question.scale, known=known)
    yield from _variable(source, instrument, (*at, "relevant"), question.relevant)


def _variable(source: YamlSource, instrument: Instrument, at: Location, condition: str | None) -> Iterator[Finding]:
    if condition is None:
        return
    name = Condition.parse(condition, variable="").variable if _names_variable(condition) else ""
    if name not in instrument.questions and name not in instrument.items:
        yield finding(source, at, "instrument.unknown_question", name=name or condition)


def _names_variable(condition: str) -> bool:
    return condition.strip()[:1].isidentifier()


def _checks(source: YamlSource, instrument: Instrument) -> Iterator[Finding]:
    for check in instrument.checks.values():
        at = ("checks", check.id)
        if check.kind == "consistency":
            if check.compare_with not in instrument.questions:
                name = check.compare_with or ""
                yield finding(source, (*at, "compare_with"), "instrument.unknown_question", name=name)
            continue
        codes: set[int] = set(check.options)
        if check.scale is not None:
            if check.scale not in instrument.scales:
                known = _join(instrument.scales)
                yield finding(source, (*at, "scale"), "instrument.unknown_scale", name=check.scale, known=known)
                continue
            codes = set(instrument.scales[check.scale].codes)
        if not check.passing or not set(check.passing) <= codes:
            yield finding(source, (*at, "passing"), "instrument.check_passing", known=_join(sorted(codes)))


def _keys(source: YamlSource, instrument: Instrument) -> Iterator[Finding]:
    for part in ("person", "wave"):
        name = getattr(instrument.keys, part)
        if name is not None and name not in instrument.questions:
            yield finding(source, ("keys", part), "instrument.unknown_question", name=name)


def _placement(source: YamlSource, instrument: Instrument) -> Iterator[Finding]:
    places: Counter[str] = Counter()
    for number, page in enumerate(instrument.placement.pages):
        for position, name in enumerate(page.content):
            at: Location = ("placement", "pages", number, "content", position)
            if not _placeable(instrument, name):
                yield finding(source, at, "instrument.unknown_on_page", name=name, page=page.id)
            elif places[name]:
                yield finding(source, at, "instrument.placed_twice", name=name)
            places[name] += 1
    for name in _to_be_placed(instrument):
        construct = instrument.items[name].construct if name in instrument.items else ""
        if not places[name] and not places[construct]:
            yield finding(source, ("placement",), "instrument.not_placed", name=name)


def _placeable(instrument: Instrument, name: str) -> bool:
    parts: tuple[Any, ...] = (
        instrument.constructs,
        instrument.items,
        instrument.questions,
        instrument.checks,
        _SPECIAL,
    )
    return any(name in part for part in parts)


def _to_be_placed(instrument: Instrument) -> list[str]:
    """Everything a respondent must come across; paradata and keys the researcher fills are not asked."""
    asked = [q.id for q in instrument.questions.values() if q.type not in {"paradata", "key"}]
    special = [name for name, given in (("consent", instrument.consent), ("recall", instrument.recall)) if given]
    return [*special, *instrument.items, *instrument.checks, *asked]


def _join(names: Iterable[Any]) -> str:
    return ", ".join(map(str, names))
