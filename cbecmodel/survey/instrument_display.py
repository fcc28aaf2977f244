"""How an instrument shows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.messages import language, text
from cbecmodel.theory.texts import in_reader_language

if TYPE_CHECKING:
    from cbecmodel.survey.instrument import Instrument


def instrument_html(instrument: Instrument) -> str:
    """Return an instrument as HTML: its facts and its items under their constructs, in all its languages.

    Parameters
    ----------
    instrument : Instrument

    Returns
    -------
    str
    """
    title = in_reader_language(instrument.title)
    return summary_html(title, _facts(instrument), [items_table(instrument, *instrument.languages)])


def instrument_text(instrument: Instrument) -> str:
    """Return an instrument as plain text: its facts and its items in the reader's language.

    Parameters
    ----------
    instrument : Instrument

    Returns
    -------
    str
    """
    lang = language() if language() in instrument.languages else instrument.languages[0]
    return summary_text(in_reader_language(instrument.title), _facts(instrument), [items_table(instrument, lang)])


def items_table(instrument: Instrument, *languages: str) -> Table:
    """Return the items as a table, grouped by construct.

    Parameters
    ----------
    instrument : Instrument
    *languages : str
        One column of wording each.

    Returns
    -------
    Table
    """
    rows = []
    for construct in instrument.constructs.values():
        heading = f"{construct.id} · {in_reader_language(construct.name)}"
        for item in (instrument.items[name] for name in construct.items):
            flags = [("reverse", item.reverse), ("core", item.core)]
            marks = [text(f"instrument.mark_{flag}") for flag, given in flags if given]
            words = {f"text_{lang}": item.text[lang] for lang in languages}
            rows.append(
                {"construct": heading, "item": item.id, **words, "scale": item.scale, "marks": ", ".join(marks)}
            )
    columns = {"item": Column(text("instrument.column_item"), "text")}
    columns |= {f"text_{lang}": Column(text("instrument.column_text", language=lang), "text") for lang in languages}
    columns |= {name: Column(text(f"instrument.column_{name}"), "text") for name in ("scale", "marks")}
    frame = pd.DataFrame(rows, columns=["construct", *columns])
    return Table(frame, columns, text("instrument.items_title"), row_groups="construct")


def _facts(instrument: Instrument) -> list[tuple[str, str]]:
    counts = text(
        "instrument.counts",
        items=len(instrument.items),
        constructs=len(instrument.constructs),
        questions=len(instrument.questions),
        checks=len(instrument.checks),
    )
    facts = [
        (text("instrument.fact_content"), counts),
        (text("instrument.fact_languages"), ", ".join(instrument.languages)),
        (text("instrument.fact_version"), f"{instrument.version} · {instrument.content_hash[:12]}"),
    ]
    if instrument.status is not None:
        facts.append((text("instrument.fact_status"), in_reader_language(instrument.status)))
    return facts
