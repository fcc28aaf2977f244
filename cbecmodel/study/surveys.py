"""Reads one survey's answers, screens them, and describes who is left."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from cbecmodel.errors import DataError
from cbecmodel.messages import LANGUAGES, text
from cbecmodel.study.artefacts import Artefacts
from cbecmodel.study.sample import demographics, item_table, labels, spoken
from cbecmodel.survey.change_log import log_table
from cbecmodel.survey.instrument import load_instrument
from cbecmodel.survey.read import read_responses
from cbecmodel.survey.responses import Responses, Source

if TYPE_CHECKING:
    from cbecmodel.study.steps import Given
    from cbecmodel.survey.instrument import Instrument
    from cbecmodel.survey.screening import Screening


def read_survey(given: Given) -> Artefacts:
    """Read and screen the answers of one survey.

    Parameters
    ----------
    given : Given
        The instrument's file and the files of answers, or the drawn answers.

    Returns
    -------
    Artefacts
        ``kept.csv`` (one row a respondent in the analysis), ``screening.csv``, ``flow.csv``, ``flags.csv``, ``items.csv``,
        ``demographics.csv``, ``log.csv``, ``labels.json``, ``sample.json``.
    """
    instrument_path, *paths = given.files.values()
    instrument = load_instrument(instrument_path)
    settings = given.settings
    drawn = given.steps("draw")
    if drawn:
        (answers,) = drawn.values()
        name = f"simulated-{instrument.id}"
        read = Responses.from_frame(answers.frame("answers.csv"), instrument, source_name=name, synthetic=True)
    else:
        options = {key: settings[key] for key in ("format", "encoding", "sheet")}
        read = pooled([read_responses(path, instrument, **options) for path in paths])
    screening = read.screen(**settings["screening"])
    return _artefacts(settings["title"], read, screening, screening.kept)


def pooled(parts: list[Responses]) -> Responses:
    """Put the answers of several files together, as one survey.

    Parameters
    ----------
    parts : list of Responses
        To one instrument.

    Returns
    -------
    Responses

    Raises
    ------
    DataError
        If a respondent is in two of the files; says who and where.
    """
    first, *others = parts
    if not others:
        return first
    seen: dict[Any, str] = {}
    for part in parts:
        for respondent in part.frame.index:
            if respondent in seen:
                files = f"{seen[respondent]}, {part.source.name}"
                raise DataError("study.respondent_twice", respondent=respondent, files=files)
            seen[respondent] = part.source.name
    digest = hashlib.sha256("".join(part.source.sha256 for part in parts).encode()).hexdigest()
    names = ", ".join(part.source.name for part in parts)
    source = Source(names, digest, sum(part.source.n_rows for part in parts), first.source.format)
    return replace(
        first,
        frame=pd.concat([part.frame for part in parts]),
        raw=pd.concat([part.raw for part in parts]),
        missing=pd.concat([part.missing for part in parts]).fillna("blank"),
        source=source,
        events=tuple(event for part in parts for event in part.events),
    )


def _artefacts(title: dict[str, str] | None, read: Responses, screening: Screening, kept: Responses) -> Artefacts:
    instrument = read.instrument
    made = Artefacts()
    made.table("kept.csv", kept.frame.rename_axis("respondent").reset_index())
    made.table("screening.csv", screening.table.rename_axis("respondent").reset_index())
    made.table("flow.csv", screening.flow)
    made.table("flags.csv", _flags(screening))
    made.table("items.csv", item_table(kept))
    made.table("demographics.csv", demographics(kept))
    made.table("log.csv", log_table(read.events, "en").assign(zh=log_table(read.events, "zh")["what"]))
    made.json("labels.json", labels(instrument))
    made.json(
        "sample.json",
        {
            "title": title or spoken(instrument.title),
            "source": _source(read),
            "synthetic": read.synthetic,
            "n_read": len(read.frame),
            "n_kept": len(kept.frame),
            "instrument": {"id": instrument.id, "version": instrument.version, "content": instrument.content_hash},
            "constructs": {name: spoken(construct.name) for name, construct in instrument.constructs.items()},
            "notes": _notes(instrument, kept),
        },
    )
    return made


def _flags(screening: Screening) -> pd.DataFrame:
    """Return the screening indices with their names in every language."""
    said = {lang: [text(f"survey.index_{name}", lang) for name in screening.summary["index"]] for lang in LANGUAGES}
    return screening.summary.assign(threshold=screening.summary["threshold"].astype(str), **said)


def _source(read: Responses) -> dict[str, str]:
    if read.synthetic:
        return {lang: text("study.source_population", lang, n=read.source.n_rows) for lang in LANGUAGES}
    about = {"name": read.source.name, "sha": read.source.sha256[:12], "n": read.source.n_rows}
    return {lang: text("study.source_file", lang, **about) for lang in LANGUAGES}


def _notes(instrument: Instrument, kept: Responses) -> list[dict[str, str]]:
    """Say what a reader must know: the draft status of the instrument, and how much is missing."""
    notes = [] if instrument.status is None else [spoken(instrument.status)]
    missing = float(kept.frame[list(kept.items)].isna().to_numpy().mean()) if kept.items else 0.0
    notes.append({lang: text("study.note_missing", lang, share=f"{missing:.1%}") for lang in LANGUAGES})
    return notes
