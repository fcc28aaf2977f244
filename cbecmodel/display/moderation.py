"""Figures of moderation: lines at values of a moderator, and a slope with its band."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from cbecmodel.display.canvas import BLUE, GREY, INK, LIGHT, ORANGE, Picture, look, new_figure
from cbecmodel.display.figures import axes_family
from cbecmodel.messages import text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_STYLES: Final = ((0, (4, 2)), "solid", (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
_COLOURS: Final = (ORANGE, INK, BLUE, GREY)


def _panels(names: list[str], lang: str, width: float) -> tuple[Picture, list[Axes]]:
    figure, first = new_figure(width if len(names) == 1 else 3.4 * len(names), 3.4, lang)
    if len(names) == 1:
        return figure, [first]
    first.remove()
    with look():
        axes = figure.subplots(1, len(names), sharex=True, sharey=True)
        for each, name in zip(axes, names, strict=True):
            each.set_title(name, fontsize=9.5, family=axes_family(each))
    return figure, list(axes)


def lines_figure(frame: pd.DataFrame, *, xlabel: str, ylabel: str, lang: str = "en") -> Picture:
    """Draw straight lines, one a value of a moderator, a panel a group.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``panel``, ``line``, ``x``, ``y``.
    xlabel, ylabel : str
    lang : {"en", "zh"}

    Returns
    -------
    Picture

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"panel": "", "line": ["low", "low"], "x": [0.0, 1.0], "y": [0.0, 0.5]})
    >>> lines_figure(frame, xlabel="x", ylabel="y").axes[0].get_xlabel()
    'x'
    """
    names = list(dict.fromkeys(frame["panel"]))
    figure, axes = _panels(names, lang, 5.4)
    with look():
        for each, name in zip(axes, names, strict=True):
            panel = frame[frame["panel"] == name]
            for number, label in enumerate(dict.fromkeys(panel["line"])):
                line = panel[panel["line"] == label]
                style, colour = _STYLES[number % len(_STYLES)], _COLOURS[number % len(_COLOURS)]
                each.plot(line["x"], line["y"], color=colour, linestyle=style, linewidth=1.6, label=label)
            each.set_xlabel(xlabel, family=axes_family(each))
            each.legend(frameon=False, fontsize=8, prop={"family": axes_family(each), "size": 8})
        axes[0].set_ylabel(ylabel, family=axes_family(axes[0]))
    return figure


def region_figure(curve: pd.DataFrame, bounds: pd.DataFrame, *, xlabel: str, ylabel: str, lang: str = "en") -> Picture:
    """Draw a slope over a moderator, with its band coloured where it differs from zero.

    Parameters
    ----------
    curve : pandas.DataFrame
        ``panel``, ``value``, ``est``, ``ci_lower``, ``ci_upper``, ``significant``.
    bounds : pandas.DataFrame
        ``panel``, ``value``: limits of the regions, marked on the axis.
    xlabel, ylabel : str
    lang : {"en", "zh"}

    Returns
    -------
    Picture

    Examples
    --------
    >>> import pandas as pd
    >>> curve = pd.DataFrame({"panel": "", "value": [0.0, 1.0], "est": [0.1, 0.4], "ci_lower": [-0.1, 0.2]})
    >>> curve["ci_upper"], curve["significant"] = curve["est"] + 0.2, [False, True]
    >>> region_figure(curve, curve.head(0), xlabel="m", ylabel="slope").axes[0].get_ylabel()
    'slope'
    """
    names = list(dict.fromkeys(curve["panel"]))
    figure, axes = _panels(names, lang, 5.4)
    with look():
        for each, name in zip(axes, names, strict=True):
            _region(each, curve[curve["panel"] == name], bounds[bounds["panel"] == name]["value"].to_list(), lang)
            each.set_xlabel(xlabel, family=axes_family(each))
        axes[0].set_ylabel(ylabel, family=axes_family(axes[0]))
    return figure


def _region(axes: Axes, curve: pd.DataFrame, cuts: list[float], lang: str) -> None:
    """Draw one panel; the limits themselves are points of the curve, so that no colour crosses one."""
    place = np.union1d(curve["value"], cuts)
    line, low, high = (np.interp(place, curve["value"], curve[key]) for key in ("est", "ci_lower", "ci_upper"))
    axes.axhline(0, color=GREY, linewidth=0.8)
    edges = [place[0], *sorted(cuts), place[-1]]
    told: set[bool] = set()
    for start, end in pairwise(edges):
        inside = (place >= start) & (place <= end)
        middle = np.interp((start + end) / 2, curve["value"], curve["significant"].astype(float))
        clear = bool(middle > 0.5)
        label = text("display.differs" if clear else "display.differs_not", lang) if clear not in told else None
        told.add(clear)
        colour = BLUE if clear else LIGHT
        axes.fill_between(
            place[inside], low[inside], high[inside], color=colour, alpha=0.25 if clear else 0.6, label=label
        )
    axes.plot(place, line, color=INK, linewidth=1.6)
    for cut in cuts:
        axes.axvline(cut, color=ORANGE, linewidth=1.1, linestyle=(0, (4, 2)))
        axes.annotate(
            f"{cut:.2f}".replace("-", "−"), (cut, 1), xycoords=("data", "axes fraction"), xytext=(3, -10),
            textcoords="offset points", fontsize=8, color=ORANGE,
        )  # fmt: skip
    axes.margins(x=0)
    axes.legend(frameon=False, prop={"family": axes_family(axes), "size": 8})
