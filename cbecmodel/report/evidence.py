"""The chapters that weigh the whole: two engines, hypotheses, provenance, references, and the summary in front."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

import pandas as pd

from cbecmodel.display.numbers import interval
from cbecmodel.display.tables import Column, Table
from cbecmodel.report.document import Block, Bullets, Chapter, Prose, TableBlock, Words
from cbecmodel.report.measurement import NBSP, fit_sentence
from cbecmodel.report.paths import paths_sentence, structural
from cbecmodel.report.policy import policy_sentence
from cbecmodel.report.sample import sample_sentence, synthetic_note

if TYPE_CHECKING:
    from cbecmodel.report.results import StudyResults

_SENTENCE: Final = re.compile(r".+?(?:[.!?](?=\s|$)|[。！？]|$)\s*")
_VERDICTS: Final = ("supported", "not_supported", "contradicted", "not_testable", "not_tested")


def summary_chapter(results: StudyResults, words: Words) -> Chapter:
    """Return the summary, every sentence of it made from the numbers.

    Parameters
    ----------
    results : StudyResults
    words : Words

    Returns
    -------
    Chapter
    """
    findings = [sample_sentence(sample, words) for sample in results.samples]
    for model in results.models:
        measured = words("model_finding", model=model.id, sentence=fit_sentence(model, words))
        findings.append(words.join([measured, paths_sentence(model, words) if len(structural(model)) else ""]))
    findings += [policy_sentence(policy, words) for policy in results.policies]
    findings += [verdicts_sentence(results, words)] if len(results.hypotheses) else []
    blocks: list[Block] = [Prose(words.of(results.abstract))] if words.of(results.abstract) else []
    blocks += [Prose(words("findings"), "h3"), Bullets(tuple(findings))] if findings else []
    return Chapter("summary", words("summary"), tuple(blocks), results.synthetic)


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


def engines_chapter(results: StudyResults, words: Words) -> Chapter:
    """Return the chapter in which every headline number stands twice, by independent code.

    Parameters
    ----------
    results : StudyResults
    words : Words

    Returns
    -------
    Chapter
    """
    parts = [
        model.cross_check.assign(
            part=model.id,
            quantity=[f"{row['lhs']} {row['op']} {row['rhs']}" for row in model.cross_check.to_dict("records")],
        )
        for model in results.models
        if len(model.cross_check)
    ]
    parts += [
        _condensed(policy.cross_check, words).assign(part=words.of(policy.title))
        for policy in results.policies
        if len(policy.cross_check)
    ]
    if not parts:
        return Chapter("engines", words("engines"), ())
    names = ["part", "quantity", "est", "other", "difference", "tolerance", "agrees"]
    checked = [part.cross_check for part in results.models] + [part.cross_check for part in results.policies]
    agree = [bool(found) for part in checked if len(part) for found in part["agrees"]]
    frame = pd.concat([part[names].astype({"agrees": object}) for part in parts], ignore_index=True)
    columns = {
        "quantity": Column(words("col_quantity"), "text"),
        "est": Column(words("col_first"), digits=6),
        "other": Column(words("col_second"), digits=6),
        "difference": Column(words("col_difference"), "scientific"),
        "tolerance": Column(words("col_tolerance"), "scientific", digits=0),
        "agrees": Column(words("col_agrees"), "text"),
    }
    notes = (words("engines_note"), *synthetic_note(results.synthetic, words))
    table = Table(frame, columns, words("engines_caption"), notes, "part", words.lang)
    intro = words("engines_intro", table="[[tab-engines]]", n=len(agree), agreeing=sum(agree))
    return Chapter("engines", words("engines"), (Prose(intro), TableBlock("tab-engines", table)), results.synthetic)


def _condensed(checked: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Put the numbers of an event study into one row each for effects and errors, with their largest difference."""
    quantity = checked["quantity"].astype(str)
    events, errors = quantity.str.startswith("event_time"), quantity.str.endswith("se")
    rows = checked[~events].assign(
        quantity=[words("quantity_se" if error else "quantity_att") for error in errors[~events]]
    )
    for key, chosen in (("quantity_events", events & ~errors), ("quantity_event_ses", events & errors)):
        if chosen.any():
            part = checked[chosen]
            one = part.loc[[part["difference"].abs().idxmax()]].assign(
                quantity=words(key, n=len(part)),
                est=float("nan"),
                other=float("nan"),
                agrees=bool(part["agrees"].all()),
            )
            rows = pd.concat([rows, one], ignore_index=True)
    return rows


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
        table = ledger_table(ledger[estimated], words, results.synthetic)
        blocks += [Prose(words("tested_intro", table="[[tab-tested]]")), TableBlock("tab-tested", table)]
    if not estimated.all():
        table = untested_table(ledger[~estimated], words)
        blocks += [Prose(words("untested_intro", table="[[tab-untested]]")), TableBlock("tab-untested", table)]
    return Chapter("hypotheses", words("hypotheses"), tuple(blocks), results.synthetic)


def ledger_table(ledger: pd.DataFrame, words: Words, synthetic: bool) -> Table:
    """Return the hypotheses that were tested, each with its number and verdict.

    Parameters
    ----------
    ledger : pandas.DataFrame
    words : Words
    synthetic : bool

    Returns
    -------
    Table
    """
    ends = zip(ledger["ci_lower"], ledger["ci_upper"], strict=True)
    reasons, shared = without_repetition(ledger[f"reason_{words.lang}"].astype(str).tolist())
    said = [verdict(str(name), words) for name in ledger["verdict"]]
    frame = ledger.assign(
        interval=[interval(*pair, digits=2).replace(" ", NBSP) for pair in ends],
        sign=[{1: "+", -1: "−"}.get(int(sign), "≠ 0") for sign in ledger["expected"]],
        said=[
            words("verdict_reason", verdict=name[:1].upper() + name[1:], reason=why)
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


def untested_table(ledger: pd.DataFrame, words: Words) -> Table:
    """Return the hypotheses without an estimate, and why.

    Parameters
    ----------
    ledger : pandas.DataFrame
    words : Words

    Returns
    -------
    Table
    """
    frame = ledger.assign(said=[verdict(str(name), words) for name in ledger["verdict"]])
    columns = {
        "hypothesis": Column(words("col_hypothesis_short"), "text"),
        words.lang: Column(words("col_statement"), "text"),
        "said": Column(words("col_verdict"), "text"),
        f"reason_{words.lang}": Column(words("col_reason"), "text"),
    }
    return Table(frame, columns, words("untested_caption"), lang=words.lang)


def references_chapter(results: StudyResults, words: Words) -> Chapter:
    """Return the works this report rests on: the paper under test, if any, the methods used, the software.

    Parameters
    ----------
    results : StudyResults
    words : Words

    Returns
    -------
    Chapter
    """
    keys: list[str] = []
    if results.models:
        keys += ["ref_cronbach", "ref_fornell", "ref_hu", "ref_semopy", "ref_mcdonald"]
    if results.policies:
        keys += ["ref_goodman", "ref_linearmodels", "ref_roth", "ref_statsmodels"]
    works = sorted((words(key) for key in keys), key=str.casefold)
    paper = [words.of(results.paper)] if results.paper else []
    blocks = tuple(Prose(entry, "reference") for entry in [*paper, *works])
    return Chapter("references", words("references"), blocks)
