"""The chapter in which every headline number stands twice, by independent code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cbecmodel.display.tables import Column, Table
from cbecmodel.report.document import Chapter, Prose, TableBlock, Words
from cbecmodel.report.phrases import synthetic_note

if TYPE_CHECKING:
    from cbecmodel.report.results import StudyResults


def cross_checks_chapter(results: StudyResults, words: Words) -> Chapter:
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
