"""How a power study shows itself: text, HTML, and its curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel.display.numbers import count, percent
from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import ModelError
from cbecmodel.messages import language, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.display.canvas import Picture
    from cbecmodel.simulate.power_results import PowerResults

_MOST_CURVES: Final = 8


def _say(key: str, **values: object) -> str:
    return text(f"simulate.power_show_{key}", None, **values)


def names_of(frame: pd.DataFrame) -> list[str]:
    """Return how each parameter is called in tables and figures.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns lhs op rhs label.

    Returns
    -------
    list of str
    """
    return [row.lhs if row.op == ":=" else f"{row.lhs} {row.op} {row.rhs}".rstrip() for row in frame.itertuples()]  # type: ignore[misc]  # itertuples has no types


def _shown(frame: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows a summary shows: all but variances and intercepts."""
    return (frame["op"] != "~1") & ~((frame["op"] == "~~") & (frame["lhs"] == frame["rhs"]))


def _facts(found: PowerResults) -> list[tuple[str, str]]:
    counts = found.convergence
    facts = [
        (_say("replications"), count(found.replications)),
        (_say("level"), f"{found.alpha:g}"),
        (_say("truth"), _say("truth_exact" if found.exact else "truth_sample")),
    ]
    for row in counts.to_dict("records"):
        said = _say(
            "counts", converged=count(row["converged"]), replicates=count(row["replicates"]), improper=count(row["improper"]),
            failed=count(row["not_converged"] + row["failed"]),
        )  # fmt: skip
        facts.append((f"n = {row['n']}", said))
    return facts


def _tables(found: PowerResults) -> list[Table]:
    frame = found.parameters[_shown(found.parameters)].copy()
    frame["parameter"] = names_of(frame)
    frame["size"] = [f"n = {n}" for n in frame["n"]]
    columns = {
        "parameter": Column(_say("parameter"), "text"), "truth": Column(_say("true_value")),
        "power": Column(_say("power")), "power_mcse": Column(_say("mcse")), "coverage": Column(_say("coverage")),
        "relative_bias": Column(_say("relative_bias"), "percent"), "se_ratio": Column(_say("se_ratio"), digits=2),
    }  # fmt: skip
    notes = (_say("note_partial"),) if found.partial else ()
    parameters = Table(frame, columns, row_groups="size", notes=(*notes, _say("note_mcse")))
    tables = [parameters, _required_table(found)]
    return [*tables, _fit_table(found)] if found.fit.df > 0 else tables


def _required_table(found: PowerResults) -> Table:
    frame = found.required_n[_shown(found.required_n)].copy()
    frame["parameter"] = names_of(frame)
    said = [_wanted(found, row) for row in frame.to_dict("records")]
    frame["wanted"], frame["between"], frame["where"] = zip(*said, strict=True)
    columns = {
        "parameter": Column(_say("parameter"), "text"), "wanted": Column("n", "text"),
        "between": Column(_say("interval"), "text"), "where": Column(_say("simulated"), "text"),
    }  # fmt: skip
    return Table(frame, columns, title=_say("required", target=percent(found.target, 0)), notes=(_say("note_curve"),))


def _wanted(found: PowerResults, row: dict[Any, Any]) -> tuple[str, str, str]:
    """Return what is said of a required n: the number, its interval, and whether it lies in the simulated range."""
    if row["enough"]:
        return f"≤ {count(found.sizes[0])}", "–", ""
    if not np.isfinite(row["n"]):
        return "–", "–", ""
    high = "∞" if np.isinf(row["ci_upper"]) else count(row["ci_upper"])
    where = _say("inside" if row["inside"] else "outside")
    return count(row["n"]), f"[{count(row['ci_lower'])}, {high}]", where


def _fit_table(found: PowerResults) -> Table:
    frame = found.fit_tests.pivot_table(index="n", columns="test", values="power", sort=False, dropna=False)
    means = found.fit_measures.pivot_table(index="n", columns="measure", values="mean", sort=False, dropna=False)
    frame = frame.join(means).reset_index()
    columns = {
        "n": Column("n", "count"), "exact": Column(_say("exact")), "close": Column(_say("close")),
        "not_close": Column(_say("not_close")), "rmsea": Column("RMSEA"), "cfi": Column("CFI"),
    }  # fmt: skip
    return Table(frame, columns, title=_say("fit"), notes=(_say("note_fit"),))


def text_summary(found: PowerResults) -> str:
    """Return the results as text.

    Parameters
    ----------
    found : PowerResults

    Returns
    -------
    str
    """
    return summary_text(_say("title"), _facts(found), _tables(found))


def html_summary(found: PowerResults) -> str:
    """Return the results as HTML.

    Parameters
    ----------
    found : PowerResults

    Returns
    -------
    str
    """
    return summary_html(_say("title"), _facts(found), _tables(found))


def draw(found: PowerResults, parameters: Sequence[str] | None, lang: str | None) -> Picture:
    """Draw power against n.

    Parameters
    ----------
    found : PowerResults
    parameters : sequence of str or None
    lang : {"en", "zh"} or None

    Returns
    -------
    Picture
    """
    from cbecmodel.display.power_curves import power_figure

    rows = found.required_n
    points, curves = [], []
    for index, name in _chosen(rows, parameters):
        at = found.parameters.iloc[index :: len(rows)]
        points.append(at.assign(label=name)[["label", "n", "power", "power_mcse"]])
        curve = found.curve(index)
        if curve is not None:
            grid = np.linspace(found.sizes[0], found.sizes[-1], 80) if len(found.sizes) > 1 else np.zeros(0)
            low, high = curve.band(grid)
            curves.append(
                pd.DataFrame({"label": name, "n": grid, "power": curve.at(grid), "lower": low, "upper": high})
            )
    lines = pd.concat(curves) if curves else pd.DataFrame(columns=["label", "n", "power", "lower", "upper"])
    return power_figure(pd.concat(points), lines, target=found.target, lang=lang or language())


def _chosen(rows: pd.DataFrame, parameters: Sequence[str] | None) -> list[tuple[int, str]]:
    names = names_of(rows)
    if parameters is None:
        wanted = [index for index, op in enumerate(rows["op"]) if op in {"~", ":="}]
        wanted = wanted or [index for index, keep in enumerate(_shown(rows)) if keep] or list(range(len(rows)))
        return [(index, names[index]) for index in wanted[:_MOST_CURVES]]
    found = []
    for given in parameters:
        squeezed = "".join(given.split())
        at = [i for i, name in enumerate(names) if squeezed in ("".join(name.split()), rows["label"].iloc[i])]
        if not at:
            raise ModelError("simulate.power_unknown_parameter", parameter=given, known=", ".join(names))
        found.append((at[0], names[at[0]]))
    return found
