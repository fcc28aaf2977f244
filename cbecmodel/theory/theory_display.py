"""How a theory shows itself: claims × hypotheses × constructs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.messages import language, text
from cbecmodel.theory.texts import in_reader_language

if TYPE_CHECKING:
    from cbecmodel.theory.model import Theory


def theory_html(theory: Theory) -> str:
    """Return a theory as HTML: its facts, its hypotheses and its claims.

    Parameters
    ----------
    theory : Theory

    Returns
    -------
    str
    """
    return summary_html(_title(theory), _facts(theory), [hypotheses_table(theory), claims_table(theory)])


def theory_text(theory: Theory) -> str:
    """Return a theory as plain text: its facts and its hypotheses.

    Parameters
    ----------
    theory : Theory

    Returns
    -------
    str
    """
    return summary_text(_title(theory), _facts(theory), [hypotheses_table(theory)])


def hypotheses_table(theory: Theory) -> Table:
    """Return the hypotheses as a table.

    Parameters
    ----------
    theory : Theory

    Returns
    -------
    Table
        One row a hypothesis: id, statement, kind, claims, model, testable or not.
    """
    rows = [
        {
            "id": h.id,
            "text": in_reader_language(h.text),
            "kind": text(f"theory.kind_{h.kind}"),
            "claims": ", ".join(h.claims),
            "model": h.model or "",
            "testable": text("theory.yes" if h.testable else "theory.no"),
        }
        for h in theory.hypotheses.values()
    ]
    labels = {name: Column(text(f"theory.column_{name}"), "text") for name in _HYPOTHESIS_COLUMNS}
    return Table(pd.DataFrame(rows, columns=list(labels)), labels, text("theory.hypotheses_title"))


def claims_table(theory: Theory) -> Table:
    """Return the claims as a table.

    Parameters
    ----------
    theory : Theory

    Returns
    -------
    Table
        One row a claim: id, section, quote, gloss, constructs, hypotheses or the reason why there is none.
    """
    rows = [
        {
            "id": c.id,
            "section": c.section,
            "quote": c.quote,
            "gloss": in_reader_language(c.gloss) if language() != theory.paper.language else "",
            "constructs": ", ".join(c.constructs),
            "hypotheses": ", ".join(theory.hypotheses_of_claim[c.id]) or in_reader_language(c.no_hypothesis or {}),
        }
        for c in theory.claims.values()
    ]
    shown = [name for name in _CLAIM_COLUMNS if name != "gloss" or language() != theory.paper.language]
    labels = {name: Column(text(f"theory.column_{name}"), "text") for name in shown}
    return Table(pd.DataFrame(rows, columns=list(_CLAIM_COLUMNS)), labels, text("theory.claims_title"))


_HYPOTHESIS_COLUMNS = ("id", "text", "kind", "claims", "model", "testable")
_CLAIM_COLUMNS = ("id", "section", "quote", "gloss", "constructs", "hypotheses")


def _title(theory: Theory) -> str:
    return text("theory.title", paper=in_reader_language(theory.paper.title))


def _facts(theory: Theory) -> list[tuple[str, str]]:
    counts = text(
        "theory.counts",
        claims=len(theory.claims),
        constructs=len(theory.constructs),
        hypotheses=len(theory.hypotheses),
        models=len(theory.models),
    )
    return [
        (text("theory.fact_content"), counts),
        (text("theory.fact_version"), theory.version),
        (text("theory.fact_paper"), f"doi:{theory.paper.doi} ({theory.paper.licence})"),
        (text("theory.fact_status"), in_reader_language(theory.status)),
    ]
