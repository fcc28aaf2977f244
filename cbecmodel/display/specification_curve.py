"""The specification curve: one estimate under many choices, from a plain frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cbecmodel.display.canvas import BLUE, GREY, INK, LIGHT, ORANGE, PALE, Picture, look, new_figure
from cbecmodel.messages import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

_ROW = 0.21  # inches a line of choices takes


def specification_figure(frame: pd.DataFrame, choices: Sequence[str], *, ylabel: str = "", lang: str = "en") -> Picture:
    """Draw estimates in the frame's order, with their intervals, and below each the choices it is made of.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``estimate``, ``ci_lower``, ``ci_upper``, ``pvalue``, and the columns of choices.
    choices : sequence of str
        Columns; each value of each gets a line.
    ylabel : str
    lang : {"en", "zh"}

    Returns
    -------
    Picture

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"estimate": [0.1, 0.3], "ci_lower": [-0.1, 0.1], "ci_upper": [0.3, 0.5], "pvalue": [0.3, 0.01]})
    >>> figure = specification_figure(frame.assign(model=["a", "b"]), ["model"])
    >>> [tick.get_text() for tick in figure.axes[1].get_yticklabels()]
    ['a', 'b']
    """
    rows = [(choice, value) for choice in choices for value in dict.fromkeys(sorted(frame[choice].astype(str)))]
    lower = max(len(rows) + len(choices), 1) * _ROW
    figure, first = new_figure(6.5, 2.6 + lower + 0.3, lang)
    figure.delaxes(first)
    with look():
        grid = figure.add_gridspec(2, 1, height_ratios=[2.6, lower])
        above = figure.add_subplot(grid[0])
        below = figure.add_subplot(grid[1], sharex=above)
        _draw_estimates(above, frame, ylabel, lang)
        _draw_choices(below, frame, choices, rows, lang)
    return figure


def _draw_estimates(axes: Axes, frame: pd.DataFrame, ylabel: str, lang: str) -> None:
    estimate, low, high = (frame[name].to_numpy(float) for name in ("estimate", "ci_lower", "ci_upper"))
    place, small = np.arange(len(frame)), frame["pvalue"].to_numpy(float) < 0.05
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    axes.vlines(place, low, high, color=LIGHT, linewidth=min(4.0, 260 / max(len(frame), 1)), zorder=2)
    for chosen, colour, key in ((small, BLUE, "display.significant"), (~small, ORANGE, "display.not_significant")):
        if chosen.any():
            axes.plot(
                place[chosen], estimate[chosen], "o", markersize=3.6, color=colour, label=text(key, lang), zorder=3
            )
    axes.set_ylabel(ylabel)
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handletextpad=0.2)


def _draw_choices(
    axes: Axes, frame: pd.DataFrame, choices: Sequence[str], rows: Sequence[tuple[str, str]], lang: str
) -> None:
    place, height, ticks, names = np.arange(len(frame)), 0.0, [], []
    for choice in choices:
        axes.text(
            -0.01,
            height,
            choice,
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="center",
            weight="bold",
            color=INK,
        )
        height += 1
        for value in (value for owner, value in rows if owner == choice):
            here = (frame[choice].astype(str) == value).to_numpy()
            axes.axhline(height, color=PALE, linewidth=4, zorder=1)
            axes.plot(
                place[here], np.full(here.sum(), height), "|", markersize=7, color=BLUE, markeredgewidth=1.4, zorder=2
            )
            ticks.append(height)
            names.append(value)
            height += 1
    axes.set_yticks(ticks, names)
    axes.set_ylim(max(height, 1) - 0.4, -0.6)
    axes.set_xlabel(text("display.specifications", lang))
    axes.tick_params(axis="both", length=0, labelbottom=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
