"""The evidence ledger: hypotheses with their numbers and verdicts, and those not tested, with the reason."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from cbecmodel.display.numbers import interval
from cbecmodel.display.tables import Column, Table
from cbecmodel.report.document import Block, Chapter, Prose, TableBlock, Words
from cbecmodel.report.phrases import synthetic_note, unbroken

if TYPE_CHECKING:
    import pandas as pd

    from cbecmodel.report.results import StudyResults

_SENTENCE: Final = re.compile(r".+?(?:[.!?](?=\s|$)|[。！？]|$)\s*")
_P_VALUE: Final = re.compile(r"\bp [<=>] \.\d+")
_VERDICTS: Final = ("supported", "not_supported", "contradicted", "not_testable", "not_tested")


def verdicts_sentence(results: StudyResults, words: Words) -> str:
    """Say how many hypotheses got which verdict.

    Parameters
    ----------
    results : StudyResults
    words : Words

    Returns
    -------
    str
    """
    counts = Counter(results.hypotheses["verdict"].astype(str))
    order = [*_VERDICTS, *sorted(set(counts) - set(_VERDICTS))]
    shown = [words("verdict_count", verdict=verdict(name, words), n=counts[name]) for name in order if counts[name]]
    return words("verdicts", n=len(results.hypotheses), counts=words("list_separator").join(shown))


def verdict(name: str, words: Words) -> str:
    """Return what a verdict is called.

    Parameters
    ----------
    name : str
        Machine name.
    words : Words

    Returns
    -------
    str
    """
    return words(f"verdict_{name}") if name in _VERDICTS else name


def hypotheses_chapter(results: StudyResults, words: Words) -> Chapter:
    """Return the evidence ledger: hypotheses that were tested, then those that were not and why.

    Parameters
    ----------
    results : StudyResults
    words : Words

    Returns
    -------
    Chapter
    """
    ledger = results.hypotheses
    estimated = ledger["estimate"].notna()
    said = [verdicts_sentence(results, words), words("hypotheses_intro")]
    said += [words("hypotheses_paper")] if results.paper else []
    blocks: list[Block] = [Prose(words.join(said))]
    if estimated.any():
        table = _ledger_table(ledger[estimated], words, results.synthetic)
        blocks += [Prose(words("tested_intro", table="[[tab-tested]]")), TableBlock("tab-tested", table)]
    if not estimated.all():
        table = _untested_table(ledger[~estimated], words)
        blocks += [Prose(words("untested_intro", table="[[tab-untested]]")), TableBlock("tab-untested", table)]
    return Chapter("hypotheses", words("hypotheses"), tuple(blocks), results.synthetic)


def _ledger_table(ledger: pd.DataFrame, words: Words, synthetic: bool) -> Table:
    """Return the hypotheses that were tested, each with its number and verdict."""
    ends = zip(ledger["ci_lower"], ledger["ci_upper"], strict=True)
    reasons, shared = without_repetition(ledger[f"reason_{words.lang}"].astype(str).tolist())
    said = [verdict(str(name), words) for name in ledger["verdict"]]
    frame = ledger.assign(
        interval=[unbroken(interval(*pair, digits=2)) for pair in ends],
        sign=[{1: "+", -1: "−"}.get(int(sign), "≠ 0") for sign in ledger["expected"]],
        said=[
            words("verdict_reason", verdict=name[:1].upper() + name[1:], reason=_whole_p(why))
            for name, why in zip(said, reasons, strict=True)
        ],
    )
    columns = {
        "hypothesis": Column(words("col_hypothesis_short"), "text"),
        words.lang: Column(words("col_statement"), "text"),
        "sign": Column(words("col_expected"), "text"),
        "estimate": Column(words("col_est"), digits=2),
        "interval": Column(words("col_ci"), "text"),
        "pvalue": Column(words("col_p"), "p"),
        "said": Column(words("col_verdict_reason"), "text"),
    }
    notes = (words("tested_note"), *((shared,) if shared else ()), *synthetic_note(synthetic, words))
    return Table(frame, columns, words("tested_caption"), notes, lang=words.lang)


def _whole_p(said: str) -> str:
    """Keep ``p < .001`` on one line."""
    return _P_VALUE.sub(lambda match: unbroken(match[0]), said)


def without_repetition(reasons: list[str]) -> tuple[list[str], str]:
    """Take the sentences out that stand in all reasons, to be said once.

    Parameters
    ----------
    reasons : list of str

    Returns
    -------
    (list of str, str)
        What is left of each; the sentences in common.

    Examples
    --------
    >>> without_repetition(["It fits. Data are simulated.", "It does not. Data are simulated."])
    (['It fits.', 'It does not.'], 'Data are simulated.')
    """
    parts = [[part.strip() for part in _SENTENCE.findall(reason)] for reason in reasons]
    shared = [part for part in parts[0] if all(part in other for other in parts)] if len(parts) > 1 else []
    space = "" if "。" in "".join(reasons) else " "
    return [space.join(part for part in own if part not in shared) for own in parts], space.join(shared)


def _untested_table(ledger: pd.DataFrame, words: Words) -> Table:
    """Return the hypotheses without an estimate, and why."""
    frame = ledger.assign(said=[verdict(str(name), words) for name in ledger["verdict"]])
    columns = {
        "hypothesis": Column(words("col_hypothesis_short"), "text"),
        words.lang: Column(words("col_statement"), "text"),
        "said": Column(words("col_verdict"), "text"),
        f"reason_{words.lang}": Column(words("col_reason"), "text"),
    }
    return Table(frame, columns, words("untested_caption"), lang=words.lang)
