"""The chapter on who answered, who was kept, and what the answers look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cbecmodel.display.figures import flow_figure
from cbecmodel.display.numbers import count, number, percent
from cbecmodel.display.tables import Column, Table
from cbecmodel.report.document import Block, Chapter, FigureBlock, Prose, TableBlock, Words
from cbecmodel.report.phrases import synthetic_note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.report.results import SampleResults, StudyResults


def sample_chapter(samples: tuple[SampleResults, ...], words: Words) -> Chapter:
    """Return the chapter on all samples of a study.

    Parameters
    ----------
    samples : tuple of SampleResults
    words : Words

    Returns
    -------
    Chapter
    """
    blocks: list[Block] = []
    for sample in samples:
        blocks += [Prose(words.of(sample.title), "h3")] if len(samples) > 1 else []
        blocks += _one(sample, words)
    return Chapter("sample", words("sample"), tuple(blocks), any(sample.synthetic for sample in samples))


def sample_sentence(sample: SampleResults, words: Words) -> str:
    """Say how many answered and how many were kept.

    Parameters
    ----------
    sample : SampleResults
    words : Words

    Returns
    -------
    str
    """
    removed = sample.n_read - sample.n_kept
    return words(
        "sample_sentence" if removed else "sample_sentence_all",
        title=words.of(sample.title),
        read=count(sample.n_read),
        kept=count(sample.n_kept),
        removed=count(removed),
        share=percent(removed / sample.n_read if sample.n_read else float("nan")),
    )


def _one(sample: SampleResults, words: Words) -> list[Block]:
    blocks: list[Block] = [Prose(words.join([sample_sentence(sample, words), words.of(sample.source)]))]
    blocks += [Prose(words.of(note), "notice") for note in sample.notes]
    if len(sample.flow):
        fig = f"fig-flow-{sample.id}"
        blocks.append(Prose(words("flow_intro", figure=f"[[{fig}]]")))
        alt = words("flow_alt", stages=_stages(sample, words))
        blocks.append(FigureBlock(fig, flow_figure(sample.flow, words.lang), words("flow_caption"), alt))
    if len(sample.flags):
        tab = f"tab-flags-{sample.id}"
        blocks += [Prose(words("flags_intro", table=f"[[{tab}]]")), TableBlock(tab, _flags_table(sample, words))]
    if len(sample.demographics):
        tab = f"tab-demographics-{sample.id}"
        blocks += [
            Prose(words("demographics_intro", table=f"[[{tab}]]")),
            TableBlock(tab, _demographics_table(sample, words)),
        ]
    return blocks


def _stages(sample: SampleResults, words: Words) -> str:
    rows = sample.flow.to_dict("records")
    return words("list_separator").join(f"{row[words.lang]} {count(row['n_left'])}" for row in rows)


def _flags_table(sample: SampleResults, words: Words) -> Table:
    """Return how many respondents each screening index flagged."""
    frame = sample.flags.assign(threshold=[_threshold(value) for value in sample.flags["threshold"]])
    columns = {
        words.lang: Column(words("col_index"), "text"),
        "threshold": Column(words("col_threshold"), "text"),
        "n_flagged": Column(words("col_flagged"), "count"),
        "share": Column(words("col_share"), "percent"),
    }
    assessed = "n_assessed" in sample.flags
    if assessed:
        columns["n_assessed"] = Column(words("col_assessed"), "count")
        columns["n_flagged"], columns["share"] = columns.pop("n_flagged"), columns.pop("share")
    notes = (words("flags_note_assessed" if assessed else "flags_note"), *synthetic_note(sample.synthetic, words))
    return Table(frame, columns, words("flags_caption"), notes, lang=words.lang)


def _threshold(value: object) -> str:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:  # a threshold in words stays as it is
            return str(value)
    shown = number(value, 3)
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _demographics_table(sample: SampleResults, words: Words) -> Table:
    """Return the sample's composition, category by category."""
    columns = {
        f"category_{words.lang}": Column(words("col_category"), "text"),
        "n": Column(words("col_n"), "count"),
        "share": Column(words("col_share"), "percent"),
    }
    notes = (words("demographics_note", n=count(sample.n_kept)), *synthetic_note(sample.synthetic, words))
    group = f"variable_{words.lang}"
    return Table(sample.demographics, columns, words("demographics_caption"), notes, group, words.lang)


def items_chapter(results: StudyResults, words: Words) -> Chapter:
    """Return the appendix of all items with their wording and distribution.

    Parameters
    ----------
    results : StudyResults
    words : Words

    Returns
    -------
    Chapter
    """
    names = {name: words.of(said) for model in results.models for name, said in model.labels.items()}
    tables = [
        TableBlock(f"tab-items-{sample.id}", _items_table(sample, names | _names(sample, words), words))
        for sample in results.samples
        if len(sample.items)
    ]
    synthetic = any(sample.synthetic for sample in results.samples)
    return Chapter("items", words("items"), (Prose(words("items_intro")), *tables), synthetic)


def _names(sample: SampleResults, words: Words) -> dict[str, str]:
    return {name: said for name, texts in sample.constructs.items() if (said := words.of(texts))}


def _items_table(sample: SampleResults, names: Mapping[str, str], words: Words) -> Table:
    """Return every item: wording, answers, missing ones, mean and spread."""
    groups = [
        words("label_code", label=names[code], code=code) if names.get(code, code) != code else code
        for code in sample.items["construct"].astype(str)
    ]
    columns = {
        "item": Column(words("col_item"), "text"),
        words.lang: Column(words("col_wording"), "text"),
        "n": Column(words("col_n"), "count"),
        "missing": Column(words("col_missing"), "percent"),
        "mean": Column(words("col_mean"), digits=2),
        "sd": Column(words("col_sd"), digits=2),
        "min": Column(words("col_min"), digits=0),
        "max": Column(words("col_max"), digits=0),
    }
    title = words("items_caption", title=words.of(sample.title))
    note = synthetic_note(sample.synthetic, words)
    return Table(sample.items.assign(group=groups), columns, title, note, "group", words.lang)
