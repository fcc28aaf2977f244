"""Tables and figures of moderation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cbecmodel.display.moderation import lines_figure, region_figure
from cbecmodel.display.tables import Column, Table
from cbecmodel.messages import language, text
from cbecmodel.structure.readouts.regions import region_words

if TYPE_CHECKING:
    from cbecmodel.display.canvas import Picture
    from cbecmodel.structure.readouts.moderated_mediation import ModeratedMediation
    from cbecmodel.structure.readouts.regions import JohnsonNeyman
    from cbecmodel.structure.readouts.slopes import SimpleSlopes


def _say(key: str, **values: Any) -> str:
    return text(f"structure.{key}", None, **values)


def _tests(level: float) -> dict[str, Column]:
    tail = 50 * (1 - level)
    return {
        "est": Column(_say("show_estimate")),
        "se": Column(_say("show_se")),
        "z": Column("z", digits=2),
        "pvalue": Column("p", "p"),
        "ci_lower": Column(f"{tail:g}%"),
        "ci_upper": Column(f"{100 - tail:g}%"),
    }


def _grouped(frame: pd.DataFrame, labels: tuple[str, ...]) -> pd.DataFrame:
    out = frame.copy()
    out["part"] = [str(labels[group - 1]) for group in out["group"]]
    return out


def _at(names: pd.Series[str]) -> list[str]:
    return [_say("at_mean") if name == "mean" else str(name).replace("-", "−") for name in names]


def slopes_table(found: SimpleSlopes) -> Table:
    """Return simple slopes as a table.

    Parameters
    ----------
    found : SimpleSlopes

    Returns
    -------
    Table
    """
    frame = _grouped(found.slopes, found.group_labels).assign(at=_at(found.slopes["at"]))
    columns = {"at": Column(found.moderator, "text"), "value": Column(_say("show_value")), **_tests(found.level)}
    columns["std"] = Column(_say("show_std"))
    title = _say("show_slopes", outcome=found.outcome, predictor=found.predictor, moderator=found.moderator)
    return Table(frame, columns, title=title, row_groups="part" if len(found.group_labels) > 1 else None)


def regions_table(found: JohnsonNeyman) -> Table:
    """Return Johnson-Neyman regions as a table.

    Parameters
    ----------
    found : JohnsonNeyman

    Returns
    -------
    Table
    """
    frame = _grouped(found.regions, found.group_labels).assign(effect=region_words(found.regions))
    frame["start"] = ["−∞" if np.isinf(v) else f"{v:.3f}".replace("-", "−") for v in frame["start"]]
    frame["end"] = ["∞" if np.isinf(v) else f"{v:.3f}".replace("-", "−") for v in frame["end"]]
    columns = {
        "start": Column(_say("region_from", moderator=found.moderator), "text"),
        "end": Column(_say("region_to"), "text"),
        "effect": Column(_say("region_slope", outcome=found.outcome, predictor=found.predictor), "text"),
    }
    title = _say("show_regions", level=f"{100 * found.level:g}")
    low, high = found.curve["value"].min(), found.curve["value"].max()
    note = _say("region_range", moderator=found.moderator, low=f"{low:.3f}", high=f"{high:.3f}")
    groups = "part" if len(found.group_labels) > 1 else None
    return Table(frame, columns, title=title, row_groups=groups, notes=(note,))


def mediation_tables(found: ModeratedMediation) -> list[Table]:
    """Return index, conditional effects and contrasts as tables.

    Parameters
    ----------
    found : ModeratedMediation

    Returns
    -------
    list of Table
    """
    route = " → ".join(found.route)
    index = _grouped(found.index, found.group_labels)
    index["term"] = [_say("mediation_index") if term == "index" else str(term) for term in index["term"]]
    conditional = _grouped(found.conditional, found.group_labels).assign(at=_at(found.conditional["at"]))
    words = {kind: _say(f"show_effect_{kind}") for kind in ("direct", "total")}
    words["indirect"] = _say("mediation_indirect")
    conditional["effect"] = [words[kind] for kind in conditional["effect"]]
    contrasts = _grouped(found.contrasts, found.group_labels)
    groups = "part" if len(found.group_labels) > 1 else None
    tests = _tests(found.level)
    title = _say("show_mediation", route=route, moderator=found.moderator)
    value = Column(_say("show_value"))
    return [
        Table(index, {"term": Column("", "text"), **tests}, title=title, row_groups=groups),
        Table(
            conditional,
            {"effect": Column(_say("show_effect"), "text"), "at": Column(found.moderator, "text"), "value": value} | tests,
            title=_say("mediation_conditional"), row_groups=groups,
        ),
        Table(
            contrasts,
            {"first": Column(_say("mediation_first")), "second": Column(_say("mediation_second")), **tests},
            title=_say("mediation_contrasts"), row_groups=groups,
        ),
    ]  # fmt: skip


def slopes_picture(found: SimpleSlopes, lang: str | None) -> Picture:
    """Draw the outcome over the predictor, a line a value of the moderator.

    Parameters
    ----------
    found : SimpleSlopes
    lang : {"en", "zh"} or None

    Returns
    -------
    Picture
    """
    lang = lang or language()
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(found.slopes.itertuples()):
        start = float(found.intercepts["est"].iloc[number]) if len(found.intercepts) else _tangent(found, number)
        spread = found.spread.set_index("group").loc[int(str(row.group))]
        ends = spread["mean"] + 2 * spread["sd"] * np.array([-1.0, 1.0])
        shown = _shown_value(str(row.at), float(str(row.value)), found.moderator, lang)
        group = str(found.group_labels[int(str(row.group)) - 1])
        rows.extend({"panel": group, "line": shown, "x": end, "y": start + float(str(row.est)) * end} for end in ends)
    return lines_figure(pd.DataFrame(rows), xlabel=found.predictor, ylabel=found.outcome, lang=lang)


def _tangent(found: SimpleSlopes, number: int) -> float:
    """Return where the tangent of a parabola through the origin meets the axis."""
    here = found.slopes.iloc[number]
    same = found.slopes[found.slopes["group"] == here["group"]]
    bend = float(np.polyfit(same["value"], same["est"], 1)[0]) if len(same) > 1 else 0.0
    return -bend * float(here["value"]) ** 2 / 2


def _shown_value(at: str, value: float, moderator: str, lang: str) -> str:
    name = text("structure.at_mean", lang) if at == "mean" else at.replace("-", "−")
    number = f"{value:.2f}".replace("-", "−")
    return f"{moderator} = {number}" + (f" ({name})" if name else "")


def regions_picture(found: JohnsonNeyman, lang: str | None) -> Picture:
    """Draw the slope over the moderator.

    Parameters
    ----------
    found : JohnsonNeyman
    lang : {"en", "zh"} or None

    Returns
    -------
    Picture
    """
    lang = lang or language()
    curve = found.curve.copy()
    curve["panel"] = [str(found.group_labels[group - 1]) for group in curve["group"]]
    curve["significant"] = (curve["ci_lower"] > 0) | (curve["ci_upper"] < 0)
    bounds = found.bounds[found.bounds["inside"].astype(bool)].copy()
    bounds["panel"] = [str(found.group_labels[group - 1]) for group in bounds["group"]]
    return region_figure(
        curve,
        bounds,
        xlabel=found.moderator,
        ylabel=text("structure.region_slope", lang, outcome=found.outcome, predictor=found.predictor),
        lang=lang,
    )


def mediation_picture(found: ModeratedMediation, lang: str | None) -> Picture:
    """Draw the conditional indirect effects.

    Parameters
    ----------
    found : ModeratedMediation
    lang : {"en", "zh"} or None

    Returns
    -------
    Picture
    """
    from cbecmodel.display.figures import coefficient_figure

    lang = lang or language()
    frame = found.conditional[found.conditional["effect"] == "indirect"].copy()
    several = len(found.group_labels) > 1
    frame["label"] = [
        (f"{found.group_labels[int(str(row.group)) - 1]}: " if several else "")
        + _shown_value(str(row.at), float(str(row.value)), found.moderator, lang)
        for row in frame.itertuples()
    ]
    label = text("structure.mediation_axis", lang, route=" → ".join(found.route), level=f"{100 * found.level:g}")
    return coefficient_figure(frame, lang, xlabel=label)
