"""Written cells as HTML and LaTeX."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from cbecmodel.display.plain_text import display_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    Groups = Sequence[tuple[str, Sequence[Sequence[str]]]]

_SHORT: Final = 44  # letters of a label and its value that stand beside others
TALL: Final = 25  # rows; a longer table stands in a box that scrolls, and is whole on paper

STYLE: Final = """<style>
div.cbec{--cbec-paper:var(--jp-layout-color0,var(--vscode-editor-background,var(--colab-primary-surface-color,
var(--md-default-bg-color,Canvas))));
color:inherit;font-size:.92rem;line-height:1.45;margin:.4em 0 1.2em;max-width:100%;overflow-x:auto}
div.cbec h3{font-size:1.12em;font-weight:600;margin:.2em 0 .5em}
div.cbec dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(17em,100%),1fr));gap:.15em 2em;margin:0 0 1em}
div.cbec dl div{display:grid;grid-template-columns:minmax(8em,max-content) 1fr;gap:1em;
border-bottom:1px solid rgba(128,128,128,.28);padding:.12em 0}
div.cbec dl div.cbec-long{grid-column:1/-1}
div.cbec dl dt,div.cbec dl dd{float:none;width:auto;margin:0;padding:0}
div.cbec dl dt{font-weight:400;opacity:.75}
div.cbec dl dd{font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
div.cbec div.cbec-scroll{max-height:28em;overflow:auto;margin:0 0 1.1em;border-bottom:1.5px solid currentColor;
scrollbar-width:thin;scrollbar-color:rgba(128,128,128,.7) transparent}
div.cbec div.cbec-scroll table.cbec-table{margin:0}
div.cbec div.cbec-scroll thead th{position:sticky;top:0;z-index:1;background:var(--cbec-paper)}
div.cbec table.cbec-table{border-collapse:separate;border-spacing:0;border:none;margin:0 0 1.1em;font-size:inherit;
color:inherit}
div.cbec table.cbec-table caption{caption-side:top;text-align:left;font-weight:600;padding:0 0 .4em;color:inherit}
div.cbec table.cbec-table tr,div.cbec table.cbec-table tbody tr:nth-child(odd),
div.cbec table.cbec-table tbody tr:hover{background:none}
div.cbec table.cbec-table th,div.cbec table.cbec-table td{border:none;padding:.24em .8em;text-align:left;vertical-align:top;
font-weight:400;color:inherit;max-width:34em;white-space:normal;background:none}
div.cbec table.cbec-table thead th{border-top:1.5px solid currentColor;border-bottom:1px solid currentColor;font-weight:600;
vertical-align:bottom}
div.cbec table.cbec-table tbody:last-of-type tr:last-child>*{border-bottom:1.5px solid currentColor}
div.cbec table.cbec-table tbody tr.cbec-group th{font-weight:600;padding-top:.6em}
div.cbec table.cbec-table .cbec-n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
div.cbec table.cbec-table tfoot td{font-size:.9em;opacity:.8;padding-top:.4em}
div.cbec .cbec-synthetic{display:inline-block;border:1px solid #b35900;border-left-width:4px;
padding:.15em .7em;
margin:.1em 0 .8em;font-size:.92em}
@media print{div.cbec,div.cbec div.cbec-scroll{max-height:none;overflow:visible}
div.cbec table.cbec-table tr{break-inside:avoid}}
</style>"""

_LATEX: Final = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$", "\u2212": r"$-$", "→": r"$\rightarrow$",
    "χ": r"$\chi$", "²": r"$^2$", "α": r"$\alpha$", "ω": r"$\omega$", "β": r"$\beta$", "≥": r"$\geq$", "≤": r"$\leq$",
    "∞": r"$\infty$",
    "–": "--", "—": "---",
})  # fmt: skip


def _html_row(cells: Sequence[str], right: Sequence[bool]) -> str:
    parts = []
    for place, (cell, flush) in enumerate(zip(cells, right, strict=True)):
        if place == 0 and not flush:
            parts.append(f'<th scope="row">{escape(cell)}</th>')
        else:
            parts.append(f'<td class="cbec-n">{escape(cell)}</td>' if flush else f"<td>{escape(cell)}</td>")
    return f"<tr>{''.join(parts)}</tr>"


def html_table(
    header: Sequence[str], right: Sequence[bool], groups: Groups, title: str = "", notes: Sequence[str] = ()
) -> str:
    """Return written cells as a semantic HTML table.

    Parameters
    ----------
    header : sequence of str
    right : sequence of bool
        Columns aligned to the right.
    groups : sequence of (heading, rows)
    title : str
        Becomes the caption.
    notes : sequence of str
        Become the foot.

    Returns
    -------
    str
        With more than 25 rows in a box that scrolls on the screen and not on paper; every row is in it.

    Examples
    --------
    >>> html_table(["a"], [True], [("", [["1"]])])[:27]
    '<table class="cbec-table"><'
    """
    heads = "".join(
        f'<th scope="col"{" class=" + chr(34) + "cbec-n" + chr(34) if flush else ""}>{escape(label)}</th>'
        for label, flush in zip(header, right, strict=True)
    )
    bodies = []
    for heading, rows in groups:
        first = f'<tr class="cbec-group"><th colspan="{len(header)}" scope="rowgroup">{escape(heading)}</th></tr>'
        body = "".join(_html_row(row, right) for row in rows)
        bodies.append(f"<tbody>{first if heading else ''}{body}</tbody>")
    foot = "".join(f'<tr><td colspan="{len(header)}">{escape(note)}</td></tr>' for note in notes)
    table = "".join([
        '<table class="cbec-table">',
        f"<caption>{escape(title)}</caption>" if title else "",
        f"<thead><tr>{heads}</tr></thead>{''.join(bodies)}",
        f"<tfoot>{foot}</tfoot>" if foot else "",
        "</table>",
    ])  # fmt: skip
    if sum(len(rows) for _, rows in groups) <= TALL:
        return table
    name = escape(title or " · ".join(header))
    return f'<div class="cbec-scroll" role="region" aria-label="{name}" tabindex="0">{table}</div>'


def latex_escape(text: str) -> str:
    r"""Return a text LaTeX prints as it is.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> print(latex_escape("R&D_1 < 5% −2"))
    R\&D\_1 $<$ 5\% $-$2
    """
    return text.translate(_LATEX)


def latex_table(
    header: Sequence[str], right: Sequence[bool], groups: Groups, title: str = "", notes: Sequence[str] = ()
) -> str:
    r"""Return written cells as a LaTeX float with booktabs rules.

    Parameters
    ----------
    header, right, groups, title, notes
        As in :func:`html_table`.

    Returns
    -------
    str

    Examples
    --------
    >>> print(latex_table(["a", "b"], [False, True], [("", [["x_1", "−0.2"]])]))
    \begin{table}[htbp]
    \centering
    \begin{tabular}{lr}
    \toprule
    a & b \\
    \midrule
    x\_1 & $-$0.2 \\
    \bottomrule
    \end{tabular}
    \end{table}
    """
    lines = [r"\begin{table}[htbp]", r"\centering"]
    lines += [rf"\caption{{{latex_escape(title)}}}"] if title else []
    lines += [rf"\begin{{tabular}}{{{''.join('r' if flush else 'l' for flush in right)}}}", r"\toprule"]
    lines += [" & ".join(map(latex_escape, header)) + r" \\", r"\midrule"]
    for place, (heading, rows) in enumerate(groups):
        lines += [r"\addlinespace"] if heading and place else []
        lines += [rf"\multicolumn{{{len(header)}}}{{l}}{{\textbf{{{latex_escape(heading)}}}}} \\"] if heading else []
        lines += [" & ".join(map(latex_escape, row)) + r" \\" for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\smallskip{{\footnotesize {latex_escape(note)}\par}}" for note in notes]
    return "\n".join([*lines, r"\end{table}"])


def html_facts(facts: Sequence[tuple[str, str]]) -> str:
    """Return labelled values side by side, a long one over the whole width.

    Parameters
    ----------
    facts : sequence of (label, value)

    Returns
    -------
    str

    Examples
    --------
    >>> html_facts([("N", "200")])
    '<dl><div><dt>N</dt><dd>200</dd></div></dl>'
    """
    pairs = []
    for name, value in facts:
        long = ' class="cbec-long"' if display_width(name) + display_width(value) > _SHORT else ""
        pairs.append(f"<div{long}><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>")
    return f"<dl>{''.join(pairs)}</dl>" if pairs else ""
