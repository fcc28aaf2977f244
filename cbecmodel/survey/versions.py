"""Whether answers were given to this version of an instrument: its hash, and one a question, travel with them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cbecmodel.errors import DataError
from cbecmodel.survey.change_log import Event
from cbecmodel.survey.questionnaire import questionnaire
from cbecmodel.survey.recode import NO_ANSWER, as_text
from cbecmodel.survey.text_matching import fold, shortened

if TYPE_CHECKING:
    from cbecmodel.survey.formats.table import RawTable
    from cbecmodel.survey.instrument import Instrument
    from cbecmodel.survey.questionnaire import Prompt

HASH: Final = "instrument_hash"
ITEM_HASHES: Final = "item_hashes"
_DIGITS: Final = 8
_SHOWN: Final = 12


def item_hashes(instrument: Instrument) -> dict[str, str]:
    """Return a short hash of every question as respondents see it.

    Parameters
    ----------
    instrument : Instrument

    Returns
    -------
    dict
        ``{id: 8 hexadecimal digits}``, of wording in every language, answers with their codes, limits, and whether it is
        reversed. Names of countries are not part of it: they follow the standard, not the instrument.

    Examples
    --------
    >>> from cbecmodel.survey.instrument import load_instrument
    >>> firm = load_instrument("firm")
    >>> item_hashes(firm) == item_hashes(firm), set(firm.items) <= set(item_hashes(firm))
    (True, True)
    """
    return {name: _digest(prompt, instrument) for name, prompt in questionnaire(instrument).prompts.items()}


def _digest(prompt: Prompt, instrument: Instrument) -> str:
    item = instrument.items.get(prompt.id)
    choices = () if prompt.kind == "country" else prompt.choices
    content: list[Any] = [
        prompt.kind,
        dict(prompt.text),
        [[choice.code, dict(choice.label)] for choice in choices],
        [prompt.minimum, prompt.maximum, prompt.pattern],
        str(prompt.relevant or ""),
        item is not None and item.reverse,
    ]
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:_DIGITS]


@dataclass(frozen=True, slots=True)
class _Carried:
    """What one column of a file says, and how often."""

    n: int
    text: str


def check_version(table: RawTable, instrument: Instrument, *, any_version: bool = False) -> list[Event]:
    """Refuse answers that say they were given to another version of the instrument.

    Parameters
    ----------
    table : RawTable
        Of columns ``instrument_hash`` and ``item_hashes``, those that it has.
    instrument : Instrument
    any_version : bool
        Take them all the same, and note it in the log.

    Returns
    -------
    list of Event

    Raises
    ------
    DataError
        If a hash is another; names the questions that differ, as far as the file tells.
    """
    others = [one for one in _column(table, HASH) if one.text != instrument.content_hash]
    if not others:
        return []
    n = sum(one.n for one in others)
    if any_version:
        return [Event("read", "log_other_version", one.text[:12], one.n) for one in others]
    told = [_differing(one.text, instrument) for one in _column(table, ITEM_HASHES)]
    theirs = {name for names in told if names is not None for name in names}
    counts = {"n": n, "file": table.file, "instrument": instrument.id, "version": instrument.version}
    hashes = {"theirs": shortened(one.text[:12] for one in others), "ours": instrument.content_hash[:12]}
    if not theirs:
        key = "survey.other_version" if not told or None in told else "survey.other_version_same_questions"
        raise DataError(key, **counts, **hashes)
    changed = {"changed": shortened(sorted(theirs), _SHOWN), "n_changed": len(theirs)}
    raise DataError("survey.other_version_items", **counts, **hashes, **changed)


def _column(table: RawTable, name: str) -> list[_Carried]:
    """Return the distinct values of a column, without empty cells."""
    at = next((position for position, header in enumerate(table.headers) if fold(header) == name), None)
    if at is None:
        return []
    counts = table.cells.iloc[:, at].value_counts(dropna=True, sort=False)
    texts = ((as_text(value).strip(), int(n)) for value, n in counts.items())
    return [_Carried(n, text) for text, n in texts if fold(text) not in NO_ANSWER]


def _differing(text: str, instrument: Instrument) -> set[str] | None:
    """Return the questions whose hash is not ours: changed, added or taken away; None if it cannot be read."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict):
        return None
    ours = item_hashes(instrument)
    return {str(name) for name in given.keys() | ours.keys() if given.get(name) != ours.get(name)}
