"""The works a report rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cbecmodel.report.document import Chapter, Prose, Words

if TYPE_CHECKING:
    from cbecmodel.report.results import StudyResults


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
