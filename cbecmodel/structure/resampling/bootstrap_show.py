"""How bootstrap results show themselves: text, HTML, a picture of the replicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cbecmodel.display.numbers import number, percent
from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import ModelError
from cbecmodel.messages import language, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.display.canvas import Picture
    from cbecmodel.structure.resampling.bootstrap_results import BootstrapResults

_MOST_PANELS = 12


def _say(key: str, lang: str | None = None) -> str:
    return text(f"structure.bootstrap_{key}", lang)


def facts(boot: BootstrapResults) -> list[tuple[str, str]]:
    """Return the facts that stand above the table.

    Parameters
    ----------
    boot : BootstrapResults

    Returns
    -------
    list of (str, str)
    """
    counts = boot.counts
    done = f"{counts['done']}" if not boot.partial else f"{counts['done']} / {counts['requested']} {_say('stopped')}"
    pairs = [
        (_say("type"), _say(f"type_{boot.plan.draws.type}")),
        (_say("replicates"), done),
        (_say("used"), f"{counts['converged']}"),
        (_say("improper"), f"{counts['improper']} ({percent(counts['improper'] / max(counts['converged'], 1))})"),
        (_say("failures"), f"{counts['failed']}"),
        (_say("interval"), f"{_say(f'ci_{boot.ci}')}, {percent(boot.level, 0)}"),
        (_say("seed"), f"{boot.seed}"),
    ]
    if boot.plan.draws.type == "bollen_stine":
        pairs.append((_say("bollen_stine_p"), number(boot.bollen_stine_pvalue)))
    return pairs


def parameter_table(boot: BootstrapResults) -> Table:
    """Return the table of parameters that vary.

    Parameters
    ----------
    boot : BootstrapResults

    Returns
    -------
    Table
    """
    frame = boot.parameters
    frame = frame[frame["se"] > 0].copy()
    single = boot.fit.table.n_groups == 1
    labels = ["", *boot.fit.group_labels]
    frame["term"] = [
        _term(lhs, op, rhs) + ("" if single or not group else f" ({labels[group]})")
        for lhs, op, rhs, group in frame[["lhs", "op", "rhs", "group"]].to_numpy().tolist()
    ]
    below, above = ((1 - boot.level) / 2, (1 + boot.level) / 2)
    columns = {
        "term": Column(text("structure.show_parameter"), "text"),
        "est": Column(text("structure.show_estimate")),
        "se": Column(_say("se")),
        "bias": Column(_say("bias")),
        "ci_lower": Column(f"{100 * below:g}%"),
        "ci_upper": Column(f"{100 * above:g}%"),
    }
    return Table(frame, columns, notes=(_say("note"),))


def _term(lhs: str, op: str, rhs: str) -> str:
    if op == ":=":
        return f"{lhs} := {rhs}"
    return f"{lhs} {op} {rhs}".replace("~1 ", "~ 1")


def text_summary(boot: BootstrapResults) -> str:
    """Return the results as text.

    Parameters
    ----------
    boot : BootstrapResults

    Returns
    -------
    str
    """
    return summary_text(_say("title"), facts(boot), [parameter_table(boot)], boot.fit.synthetic)


def html_summary(boot: BootstrapResults) -> str:
    """Return the results as HTML.

    Parameters
    ----------
    boot : BootstrapResults

    Returns
    -------
    str
    """
    return summary_html(_say("title"), facts(boot), [parameter_table(boot)], boot.fit.synthetic)


def draw(boot: BootstrapResults, names: Sequence[str], lang: str | None) -> Picture:
    """Draw histograms of replicates, with estimates and intervals.

    Parameters
    ----------
    boot : BootstrapResults
    names : sequence of str
    lang : {"en", "zh"} or None

    Returns
    -------
    Picture

    Raises
    ------
    ModelError
        If a name is not one of the replicates' columns.
    """
    from cbecmodel.display.replicates import replicate_figure

    table = boot.fit.table
    rows = {**{name: int(at) for name, at in zip(table.free_names, table.free_rows, strict=True)}}
    rows |= {rule.lhs: len(table.rows) + k for k, rule in enumerate(table.defined)}
    chosen = list(names) or _chosen(boot)
    unknown = [name for name in chosen if name not in rows]
    if unknown:
        raise ModelError("structure.bootstrap_no_column", names=", ".join(unknown), known=", ".join(rows))
    frame = boot.parameters.iloc[[rows[name] for name in chosen]].assign(label=chosen)
    values = boot.replicates.loc[boot.converged, chosen].to_numpy(np.float64)
    return replicate_figure(frame, values, lang or language())


def _chosen(boot: BootstrapResults) -> list[str]:
    table = boot.fit.table
    defined = [rule.lhs for rule in table.defined]
    paths = [name for name, at in zip(table.free_names, table.free_rows, strict=True) if table.rows[at].op == "~"]
    return (defined or paths or list(table.free_names))[:_MOST_PANELS]
