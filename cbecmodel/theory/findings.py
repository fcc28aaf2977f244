"""What is wrong with a content file, where, and in which sentence to say so.

One rule broken is one :class:`Finding`. Loading a file raises the first as a :class:`~cbecmodel.errors.ContentError`;
``cbecmodel check`` shows them all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, Literal

from cbecmodel.errors import ContentError
from cbecmodel.messages import text, use_language

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import ValidationError

    from cbecmodel.theory.yaml_source import Location, YamlSource

Severity = Literal["error", "warning"]

_TYPES: Final = {
    "string_type": "text",
    "int_type": "whole_number",
    "int_parsing": "whole_number",
    "int_from_float": "whole_number",
    "float_type": "number",
    "float_parsing": "number",
    "bool_type": "true_false",
    "bool_parsing": "true_false",
    "dict_type": "mapping",
    "model_type": "mapping",
    "dataclass_type": "mapping",
    "model_attributes_type": "mapping",
    "list_type": "list",
    "tuple_type": "list",
}
_OTHERS: Final = {
    "too_short": "theory.too_short",
    "string_pattern_mismatch": "theory.not_a_language_code",
    "greater_than_equal": "theory.too_small",
}
_FOUND: Final = {str: "text", bool: "true_false", int: "whole_number", float: "number", dict: "mapping", list: "list"}


@dataclass(frozen=True, slots=True)
class Phrase:
    """A piece of a sentence that is put into words only when somebody reads it.

    Attributes
    ----------
    key : str
        ``room.key`` of the phrase.
    values : dict
        What its placeholders stand for.
    """

    key: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return text(self.key, **self.values)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken at one place of one file.

    Attributes
    ----------
    file : str
    line : int
        Counted from 1.
    severity : {"error", "warning"}
        A file with errors cannot be used; warnings are for the author's judgement.
    rule : str
        Short machine name of the rule.
    where : str
        Path inside the file, as ``constructs › PRS › items › PRS1``.
    key : str
        ``room.key`` of the sentence.
    values : dict
        What its placeholders stand for.
    whole : bool
        The sentence already says file, line and place.

    Examples
    --------
    >>> found = Finding("a.yaml", 3, "error", "missing_field", "scales", "theory.missing_field", {"field": "points"})
    >>> found.message("en")
    'a.yaml, line 3, scales: the field "points" is missing; add it. [missing_field]'
    """

    file: str
    line: int
    severity: Severity
    rule: str
    where: str
    key: str
    values: dict[str, Any] = field(default_factory=dict)
    whole: bool = False

    def message(self, lang: str | None = None) -> str:
        """Say what is wrong, where, and what to do.

        Parameters
        ----------
        lang : {"en", "zh"}, optional
            Defaults to the language chosen for messages.

        Returns
        -------
        str
        """
        if lang is None:
            return str(self.error())
        with use_language(lang):
            return str(self.error())

    def error(self) -> ContentError:
        """Return the finding as the error to raise.

        Returns
        -------
        ContentError
            With ``file``, ``line``, ``where``, ``construct``, ``item`` and ``rule`` among its values.
        """
        if self.whole:
            return ContentError(self.key, **self.values)
        key = "theory.finding_where" if self.where else "theory.finding"
        what = Phrase(self.key, self.values)
        place = {"file": self.file, "line": self.line, "where": self.where, "rule": self.rule}
        return ContentError(key, **place, **_construct_and_item(self.where), what=what)


def _construct_and_item(where: str) -> dict[str, str]:
    parts = where.split(" › ")
    construct = parts[1] if parts[0] == "constructs" and len(parts) > 1 else ""
    item = parts[3] if construct and len(parts) > 3 and parts[2] == "items" else ""
    return {"construct": construct, "item": item}


def finding(
    source: YamlSource, at: Location, key: str, /, severity: Severity = "error", rule: str | None = None, **values: Any
) -> Finding:
    """Make the finding for one place of a file.

    Parameters
    ----------
    source : YamlSource
    at : tuple
        Keys and list positions from the top of the file.
    key : str
        ``room.key`` of the sentence; the part after the dot is the rule's name unless ``rule`` is given.
    severity : {"error", "warning"}
    rule : str, optional
    **values
        What the sentence's placeholders stand for.

    Returns
    -------
    Finding
    """
    where = " › ".join(str(part) for part in at)
    return Finding(str(source.path), source.line(at), severity, rule or key.partition(".")[2], where, key, values)


def raise_first(findings: Iterable[Finding]) -> None:
    """Raise the first error among the findings, in the order of the file; do nothing when there is none.

    Missing fields come last: what looks missing is often there under a misspelt name, which is an error of its own.

    Parameters
    ----------
    findings : iterable of Finding

    Raises
    ------
    ContentError
    """
    errors = sorted((f for f in findings if f.severity == "error"), key=lambda f: (f.rule == "missing_field", f.line))
    if errors:
        raise errors[0].error()


def from_validation(
    source: YamlSource,
    error: ValidationError,
    fields: Iterable[str] = (),
    relocate: Callable[[Location], Location] = lambda at: at,
) -> list[Finding]:
    """Turn pydantic's error into findings with lines and plain sentences.

    Parameters
    ----------
    source : YamlSource
    error : pydantic.ValidationError
    fields : iterable of str
        Names of fields there are, to guess what a misspelt one was meant to be.
    relocate : callable, optional
        From a place in the model to its place in the file, where they differ.

    Returns
    -------
    list of Finding
    """
    known = sorted(set(fields))
    return [_translate(source, dict(detail), known, relocate) for detail in error.errors(include_url=False)]


def _hint(field: str, known: list[str]) -> Phrase:
    if " " in field:  # behind a comma inside braces
        return Phrase("theory.hint_comma")
    close = get_close_matches(field, [name for name in known if name != field], n=1, cutoff=0.75)
    return Phrase("theory.hint_field", {"field": close[0]}) if close else Phrase("theory.no_hint")


def _translate(
    source: YamlSource, detail: dict[str, Any], known: list[str], relocate: Callable[[Location], Location]
) -> Finding:
    kind, loc = str(detail["type"]), relocate(tuple(p for p in detail["loc"] if p != "[key]"))
    context = detail.get("ctx", {})
    if "." in kind:  # raised by our own validators: the type is the key of the sentence
        return finding(source, loc, kind, **context)
    if kind == "missing":
        return finding(source, loc[:-1], "theory.missing_field", field=str(loc[-1]))
    if kind in {"extra_forbidden", "unexpected_keyword_argument"}:
        return finding(source, loc, "theory.unknown_field", field=str(loc[-1]), hint=_hint(str(loc[-1]), known))
    if kind in _TYPES:
        return _wrong_type(source, loc, _TYPES[kind], detail["input"])
    if kind == "literal_error":
        allowed = ", ".join(word.strip("'") for word in re.split(r", | or ", context["expected"]))
        return finding(source, loc, "theory.unknown_value", value=detail["input"], allowed=allowed)
    return finding(
        source, loc, _OTHERS.get(kind, "theory.invalid"), value=detail["input"], reason=detail["msg"], **context
    )


def _wrong_type(source: YamlSource, loc: Location, wanted: str, given: object) -> Finding:
    found = _FOUND.get(type(given), "nothing")
    if wanted == "text" and found in {"whole_number", "number"}:
        return finding(source, loc, "theory.number_for_text", rule="wrong_type")
    expected, actual = Phrase(f"theory.type_{wanted}"), Phrase(f"theory.type_{found}")
    return finding(source, loc, "theory.wrong_type", expected=expected, found=actual)
