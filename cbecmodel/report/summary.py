"""The summary in front, every sentence of it made from the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cbecmodel.report.document import Block, Bullets, Chapter, Prose, Words
from cbecmodel.report.hypotheses import verdicts_sentence
from cbecmodel.report.measurement import fit_sentence
from cbecmodel.report.paths import paths_sentence, structural
from cbecmodel.report.policy import policy_sentence
from cbecmodel.report.sample import sample_sentence

if TYPE_CHECKING:
    from cbecmodel.report.results import StudyResults


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
