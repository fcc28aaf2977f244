"""What a column of answers may hold, read off an instrument: one field a question, with its codes and every wording of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from cbecmodel.survey.countries import country_codes
from cbecmodel.survey.text_matching import fold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.survey.instrument import Instrument
    from cbecmodel.survey.parts import Check, Question

Role = Literal["item", "check", "screening", "covariate", "consent"]
Kind = Literal["coded", "multiple", "integer", "decimal", "country", "text"]

CONSENT: Final = "consent"
_KINDS: Final[Mapping[str, Kind]] = {
    "select_one": "coded",
    "likert": "coded",
    "select_multiple": "multiple",
    "integer": "integer",
    "decimal": "decimal",
    "country": "country",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One question as the reader of answers sees it.

    Parameters
    ----------
    id : str
        Name of its column.
    role : {"item", "check", "screening", "covariate", "consent"}
    kind : {"coded", "multiple", "integer", "decimal", "country", "text"}
        What its cells hold.
    codes : tuple of int
        Valid codes in the order the options are shown; empty unless coded or multiple.
    labels : Mapping
        Folded wording of an option, in any language, to its code.
    texts : Mapping
        The question in each language.
    reverse : bool
        Whether a high code means little of the construct.
    low, high : float or None
        Limits of a number.
    languages : tuple of str
        Of the instrument, where names of countries are read.

    Examples
    --------
    >>> Field("PU4", "item", "coded", (1, 2, 3, 4, 5, 6, 7), reverse=True).turn
    8
    """

    id: str
    role: Role
    kind: Kind
    codes: tuple[int, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    reverse: bool = False
    low: float | None = None
    high: float | None = None
    languages: tuple[str, ...] = ()

    @property
    def countries(self) -> Mapping[str, str]:
        """What may be written for a country, folded, to its three letters."""
        return country_codes(self.languages)

    @property
    def turn(self) -> float | None:
        """Minimum plus maximum of the scale: a reversed answer is this minus the answer; None on a scale without limits."""
        if self.codes:
            return min(self.codes) + max(self.codes)
        return None if self.low is None or self.high is None else self.low + self.high

    def accepting(self, wordings: Mapping[str, int | str]) -> Field:
        """Return the same field that also reads further wordings.

        Parameters
        ----------
        wordings : Mapping
            Wording to a label or code; those that are not this field's are left out.

        Returns
        -------
        Field

        Examples
        --------
        >>> mood = Field("J1", "item", "coded", (1, 2), {"no": 1, "yes": 2})
        >>> mood.accepting({"yess": "Yes", "nope": 1, "never": "Never"}).labels
        {'no': 1, 'yes': 2, 'yess': 2, 'nope': 1}
        """
        meant = {fold(word): self.labels.get(fold(to)) if isinstance(to, str) else to for word, to in wordings.items()}
        further = {word: code for word, code in meant.items() if code is not None and code in self.codes}
        return replace(self, labels={**self.labels, **further}) if further else self

    def inside(self, number: float) -> bool:
        """Whether a number lies within the limits.

        Parameters
        ----------
        number : float

        Returns
        -------
        bool
        """
        return (self.low is None or number >= self.low) and (self.high is None or number <= self.high)


def fields(instrument: Instrument) -> dict[str, Field]:
    """Return every question of an instrument as a field.

    Parameters
    ----------
    instrument : Instrument

    Returns
    -------
    dict
        ``{id: Field}``: consent, screening questions, items, checks, covariates. Paradata are not asked and not here.
    """
    found: list[Field] = []
    if instrument.consent is not None:
        found.append(_coded(CONSENT, "consent", instrument.consent.options, instrument.consent.text))
    found += [_question(question, "screening", instrument) for question in instrument.screening.values()]
    for item in instrument.items.values():
        found.append(_on_scale(item.id, "item", item.scale, item.text, instrument, reverse=item.reverse))
    found += [_check(check, instrument) for check in instrument.checks.values()]
    found += [_question(q, "covariate", instrument) for q in instrument.covariates.values() if q.type != "paradata"]
    return {one.id: one for one in found}


def _on_scale(
    name: str, role: Role, scale: str, text: Mapping[str, str], instrument: Instrument, *, reverse: bool = False
) -> Field:
    found = instrument.scales[scale]
    if not found.points:
        return Field(name, role, "decimal", texts=text, reverse=reverse, low=found.minimum, high=found.maximum)
    options = {point.code: point.label for point in found.points}
    return _coded(name, role, options, text, reverse=reverse)


def _check(check: Check, instrument: Instrument) -> Field:
    if check.scale:
        return _on_scale(check.id, "check", check.scale, check.text, instrument)
    if check.options or check.compare_with is None:
        return _coded(check.id, "check", check.options, check.text)
    return _question(instrument.questions[check.compare_with], "check", instrument, name=check.id, text=check.text)


def _question(
    question: Question, role: Role, instrument: Instrument, name: str = "", text: Mapping[str, str] | None = None
) -> Field:
    name, text = name or question.id, text or question.text
    kind = _KINDS.get(question.type, "text")
    if question.scale:
        return _on_scale(name, role, question.scale, text, instrument)
    if kind in {"coded", "multiple"}:
        return _coded(name, role, question.options, text, kind=kind)
    languages = instrument.languages if kind == "country" else ()
    return Field(name, role, kind, texts=text, low=question.minimum, high=question.maximum, languages=languages)


def _coded(
    name: str,
    role: Role,
    options: Mapping[int, Mapping[str, str]],
    text: Mapping[str, str],
    *,
    reverse: bool = False,
    kind: Kind = "coded",
) -> Field:
    return Field(name, role, kind, tuple(options), unambiguous(options), text, reverse)


def unambiguous(options: Mapping[int, Mapping[str, str]]) -> dict[str, int]:
    """Return the wordings that stand for one code only, folded.

    Parameters
    ----------
    options : Mapping
        ``{code: {language: label}}``.

    Returns
    -------
    dict
        ``{folded label: code}``; a wording that two codes share (in two languages, say) is left out, so that an answer in
        it is reported rather than guessed.

    Examples
    --------
    >>> unambiguous({1: {"en": "No", "it": "No"}, 2: {"en": "Yes", "it": "Sì"}})
    {'no': 1, 'yes': 2, 'sì': 2}
    """
    codes: dict[str, set[int]] = {}
    for code, labels in options.items():
        for label in labels.values():
            codes.setdefault(fold(label), set()).add(code)
    return {label: next(iter(found)) for label, found in codes.items() if len(found) == 1}
