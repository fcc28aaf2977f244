"""The chapter on where the numbers come from and how to make them again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from cbecmodel.display.tables import Column, Table
from cbecmodel.report.document import Block, Chapter, Prose, TableBlock, Words

if TYPE_CHECKING:
    from cbecmodel.report.results import StudyResults

_SECTIONS: Final = ("packages", "seeds", "instruments", "inputs")
_FACTS: Final = ("study", "commit", "python", "system", "seed")
_HASH: Final = re.compile(r"^[0-9a-f]{40,64}$")
_SHOWN: Final = 16  # digits of a hash; the whole of it stands in provenance.json


def provenance_chapter(results: StudyResults, words: Words) -> Chapter:
    """Return versions, seeds, and hashes of inputs.

    Parameters
    ----------
    results : StudyResults
    words : Words

    Returns
    -------
    Chapter
    """
    rows = _provenance_rows(results.provenance, words)
    blocks: list[Block] = [Prose(words("provenance_intro", table="[[tab-provenance]]") if rows else words("rebuild"))]
    if rows:
        columns = {"name": Column(words("col_name"), "text"), "value": Column(words("col_value"), "text")}
        table = Table(
            pd.DataFrame(rows),
            columns,
            words("provenance_caption"),
            (words("provenance_note", n=_SHOWN),),
            "section",
            words.lang,
        )
        blocks += [Prose(words("rebuild")), TableBlock("tab-provenance", table)]
    return Chapter("provenance", words("provenance"), tuple(blocks))


def _provenance_rows(known: Mapping[str, Any], words: Words) -> list[dict[str, str]]:
    """Return the provenance a reader needs, section by section."""
    general = [
        {"section": words("section_general"), "name": words(f"fact_{name}"), "value": _value(known[name], words)}
        for name in _FACTS
        if known.get(name) not in (None, "", {})
    ]
    parts = [
        {"section": words(f"section_{section}"), "name": str(name), "value": _value(value, words)}
        for section in _SECTIONS
        if isinstance(known.get(section), Mapping)
        for name, value in known[section].items()
    ]
    return general + parts


def _value(value: Any, words: Words) -> str:
    if isinstance(value, Mapping) and set(value) == {"id", "changed"}:
        changed = words("commit_changed") if value["changed"] else ""
        return words.join([str(value["id"])[:_SHOWN], changed])
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(part, words)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_value(part, words) for part in value)
    shown = str(value)
    return shown[:_SHOWN] if _HASH.match(shown) else shown
