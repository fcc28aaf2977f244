"""Path diagrams: causes on the left, outcomes on the right, every number readable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch

from cbecmodel.display.canvas import BLUE, GREY, INK, LIGHT, ORANGE, PALE, PAPER, Picture, look, new_figure
from cbecmodel.display.numbers import number
from cbecmodel.display.path_layout import LINE, NAME, SMALL, VALUE, Box, PathDiagram, centre_of, lay_out
from cbecmodel.messages import text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["PathDiagram", "lay_out", "path_diagram"]


def path_diagram(
    paths: pd.DataFrame,
    *,
    latents: Collection[str] = (),
    labels: Mapping[str, str] | None = None,
    indicators: pd.DataFrame | None = None,
    covariances: pd.DataFrame | None = None,
    r_squared: Mapping[str, float] | None = None,
    alone: Collection[str] = (),
    lang: str = "en",
) -> Picture:
    """Draw a structural model: constructs, paths with their estimates, explained variance.

    Latent variables are ellipses, observed ones boxes. A full line has p < .05, a dashed grey one has not; its width grows
    with the estimate; a negative path is orange as well as signed.

    Parameters
    ----------
    paths : pandas.DataFrame
        ``lhs`` (effect), ``rhs`` (cause), ``est`` (standardized), ``pvalue``, and, if wanted, ``label`` (a hypothesis).
    latents : collection of str
    labels : mapping of str to str, optional
        What to call a variable in the diagram; long names are broken into lines.
    indicators : pandas.DataFrame, optional
        ``lhs`` (construct), ``rhs`` (its indicator or first-order facet): drawn as small boxes.
    covariances : pandas.DataFrame, optional
        ``lhs``, ``rhs``, ``est`` of correlated constructs, drawn as light double-headed arrows.
    r_squared : mapping of str to float, optional
        Written into the constructs.
    alone : collection of str
        Variables drawn though no path touches them, in the first column.
    lang : {"en", "zh"}

    Returns
    -------
    Picture

    Examples
    --------
    >>> import pandas as pd
    >>> paths = pd.DataFrame({"lhs": ["PCI", "CID"], "rhs": ["SDI", "PCI"], "est": [0.3, 0.4], "pvalue": [0.001, 0.2]})
    >>> figure = path_diagram(paths, latents=["SDI", "PCI", "CID"], r_squared={"CID": 0.2})
    >>> sorted(note.get_text() for note in figure.axes[0].texts if note.get_text())
    ['0.30', '0.40', 'CID', 'PCI', 'R² = 0.20', 'SDI']
    """
    names = labels or {}
    plan = lay_out(
        paths,
        latents=latents,
        labels=names,
        indicators=indicators,
        covariances=covariances,
        r_squared=r_squared,
        alone=alone,
        lang=lang,
    )
    left, bottom, right, top = plan.extent
    foot = 0.6 if plan.curves else 0.15  # what explains the lines of paths stands below
    width, height = right - left + 0.3, top - bottom + foot + 0.15
    figure, axes = new_figure(width, height, lang)
    figure.set_layout_engine("none")
    axes.set_position((0, 0, 1, 1))
    with look():
        axes.set(xlim=(left - 0.15, right + 0.15), ylim=(bottom - foot, top + 0.15))
        axes.axis("off")
        for construct, lines, box in plan.small:
            _draw_indicator(axes, plan.boxes[construct], lines, box)
        for curve, row in zip(plan.curves, paths.to_dict("records"), strict=True):
            _draw_path(axes, curve, row)
        for arc in plan.arcs:
            _draw_arc(axes, arc)
        for name, box in plan.boxes.items():
            explained = f"R² = {number(r_squared[name], 2, lang)}" if r_squared and name in r_squared else ""
            _draw_construct(axes, plan.names[name], box, name in latents, explained)
        for place, (label, box) in enumerate(zip(plan.labels, plan.label_boxes, strict=True)):
            patch = FancyBboxPatch(
                box[:2], box[2] - box[0], box[3] - box[1], boxstyle="square,pad=0", fc=PAPER, ec="none", zorder=4
            )
            axes.add_patch(patch)
            x, y = centre_of(box)
            path = place < len(plan.curves)
            size, colour = (VALUE, INK) if path else (SMALL, GREY)
            axes.text(x, y, label, ha="center", va="center", fontsize=size, color=colour, zorder=5)
        if plan.curves:
            _legend(axes, paths, lang)
    return figure


def _style(row: Mapping[Any, Any]) -> dict[str, Any]:
    clear = row["pvalue"] < 0.05
    colour = (ORANGE if row["est"] < 0 else BLUE) if clear else GREY
    width = 0.9 + 2.2 * min(abs(row["est"]), 0.8) if clear else 0.9
    return {"color": colour, "linewidth": width, "linestyle": "-" if clear else (0, (4, 2.5))}


def _draw_path(axes: Axes, curve: np.ndarray, row: Mapping[Any, Any]) -> None:
    style = _style(row)
    axes.plot(curve[:-8, 0], curve[:-8, 1], solid_capstyle="butt", zorder=2, **style)
    tip = {"arrowstyle": "-|>", "mutation_scale": 9 + 1.5 * style["linewidth"], "shrinkA": 0, "shrinkB": 0}
    axes.add_patch(FancyArrowPatch(curve[-9], curve[-1], color=style["color"], linewidth=0.5, zorder=2, **tip))


def _draw_construct(axes: Axes, lines: tuple[str, ...], box: Box, latent: bool, below: str) -> None:
    centre, wide, high = centre_of(box), box[2] - box[0], box[3] - box[1]
    style: dict[str, Any] = {"facecolor": PALE, "edgecolor": BLUE, "linewidth": 1.1, "zorder": 3}
    if latent:
        axes.add_patch(Ellipse((float(centre[0]), float(centre[1])), wide, high, **style))
    else:
        axes.add_patch(FancyBboxPatch(box[:2], wide, high, boxstyle="round,pad=0,rounding_size=0.05", **style))
    lift = VALUE * LINE / 2 if below else 0.0
    middle: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 5}
    axes.text(
        centre[0], centre[1] + lift, "\n".join(lines), fontsize=NAME, fontweight="bold", linespacing=1.15, **middle
    )
    axes.text(centre[0], centre[1] - len(lines) * NAME * LINE / 2, below, fontsize=VALUE - 0.5, color=GREY, **middle)


def _draw_indicator(axes: Axes, construct: Box, lines: tuple[str, ...], box: Box) -> None:
    centre, hub = centre_of(box), centre_of(construct)
    if box[2] <= construct[0]:
        ends = ((construct[0], hub[1]), (box[2], centre[1]))
    elif box[0] >= construct[2]:
        ends = ((construct[2], hub[1]), (box[0], centre[1]))
    elif box[1] >= construct[3]:
        ends = ((hub[0], construct[3]), (centre[0], box[1]))
    else:
        ends = ((hub[0], construct[1]), (centre[0], box[3]))
    axes.plot(*zip(*ends, strict=True), color=GREY, linewidth=0.6, zorder=1)
    shape: dict[str, Any] = {
        "boxstyle": "round,pad=0,rounding_size=0.04",
        "facecolor": PAPER,
        "edgecolor": GREY,
        "linewidth": 0.6,
    }
    axes.add_patch(FancyBboxPatch(box[:2], box[2] - box[0], box[3] - box[1], zorder=2, **shape))
    axes.text(
        centre[0],
        centre[1],
        "\n".join(lines),
        ha="center",
        va="center",
        fontsize=SMALL,
        linespacing=1.1,
        color=INK,
        zorder=5,
    )


def _draw_arc(axes: Axes, course: np.ndarray) -> None:
    """Draw a correlation: light, and pointing both ways."""
    axes.plot(course[3:-3, 0], course[3:-3, 1], color=GREY, linewidth=0.8, zorder=1)
    tip: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 7, "shrinkA": 0, "shrinkB": 0, "linewidth": 0.4}
    for end, before in ((course[0], course[4]), (course[-1], course[-5])):
        axes.add_patch(FancyArrowPatch(before, end, color=GREY, zorder=2, **tip))


def _legend(axes: Axes, paths: pd.DataFrame, lang: str) -> None:
    kinds: list[tuple[str, dict[str, Any]]] = [("display.significant", {"color": BLUE, "linewidth": 1.6})]
    if ((paths["est"] < 0) & (paths["pvalue"] < 0.05)).any():
        kinds.append(("display.significant_negative", {"color": ORANGE, "linewidth": 1.6}))
    if (paths["pvalue"] >= 0.05).any():
        kinds.append(("display.not_significant", {"color": GREY, "linewidth": 1.0, "linestyle": (0, (4, 2.5))}))
    handles = [Line2D([], [], label=text(key, lang), **style) for key, style in kinds]
    axes.legend(
        handles=[Line2D([], [], color=LIGHT, linewidth=0, label=text("display.standardized_paths", lang)), *handles],
        loc="lower center", ncols=len(handles) + 1, fontsize=SMALL + 0.5, handlelength=2.2, columnspacing=1.6, borderaxespad=0.3,
    )  # fmt: skip
