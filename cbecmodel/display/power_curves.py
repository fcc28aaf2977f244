"""Power against sample size, from plain frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from matplotlib.ticker import MaxNLocator, PercentFormatter

from cbecmodel.display.canvas import BLUE, GREY, INK, ORANGE, Picture, look, new_figure
from cbecmodel.messages import text

if TYPE_CHECKING:
    import pandas as pd

_COLOURS: Final = (BLUE, ORANGE, "#2f7d5b", "#7a3e8e", "#8a6d1b", INK, "#b03a5b", GREY)
_MARKS: Final = ("o", "s", "^", "D", "v", "P", "X", "*")


def power_figure(points: pd.DataFrame, curves: pd.DataFrame, *, target: float = 0.8, lang: str = "en") -> Picture:
    """Draw simulated powers with their Monte Carlo intervals, and the curves fitted to them.

    Parameters
    ----------
    points : pandas.DataFrame
        ``label``, ``n``, ``power``, ``power_mcse``.
    curves : pandas.DataFrame
        ``label``, ``n``, ``power``, ``lower``, ``upper``; drawn as a line in a band.
    target : float
        Drawn as a dashed line.
    lang : {"en", "zh"}

    Returns
    -------
    Picture

    Examples
    --------
    >>> import pandas as pd
    >>> points = pd.DataFrame({"label": ["y ~ x"] * 2, "n": [50, 100], "power": [0.5, 0.8], "power_mcse": [0.02, 0.01]})
    >>> power_figure(points, points.iloc[:0].assign(lower=0.0, upper=0.0)).axes[0].get_xlabel()
    'Sample size n'
    """
    figure, axes = new_figure(6.5, 3.8, lang)
    style: dict[str, Any] = {"markersize": 4.5, "elinewidth": 1.1, "capsize": 2.0, "linewidth": 0}
    with look():
        axes.axhline(target, color=GREY, linewidth=0.9, linestyle=(0, (5, 3)), zorder=1)
        for place, label in enumerate(dict.fromkeys(points["label"])):
            colour, mark = _COLOURS[place % len(_COLOURS)], _MARKS[place % len(_MARKS)]
            here, line = points[points["label"] == label], curves[curves["label"] == label]
            if len(line):
                n = line["n"].to_numpy(float)
                axes.fill_between(
                    n,
                    line["lower"].to_numpy(float),
                    line["upper"].to_numpy(float),
                    color=colour,
                    alpha=0.15,
                    linewidth=0,
                )
                axes.plot(n, line["power"].to_numpy(float), color=colour, linewidth=1.3, zorder=2)
            axes.errorbar(
                here["n"].to_numpy(float), here["power"].to_numpy(float), yerr=1.96 * here["power_mcse"].to_numpy(float),
                fmt=mark, color=colour, label=label, zorder=3, **style,
            )  # fmt: skip
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axes.set_xlabel(text("display.sample_size", lang))
        axes.set_ylabel(text("display.power", lang))
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.4)
    return figure
