"""The figures of results and reports, each from one plain frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.ticker import MaxNLocator

from cbecmodel.display.canvas import (
    BLUE,
    GREY,
    INK,
    LIGHT,
    ORANGE,
    PALE,
    PAPER,
    Picture,
    figure_bytes,
    look,
    new_figure,
    text_width,
)
from cbecmodel.display.numbers import count, interval, number
from cbecmodel.display.plain_text import wrap
from cbecmodel.messages import text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "coefficient_figure",
    "event_study_figure",
    "figure_bytes",
    "flow_figure",
    "new_figure",
    "rollout_figure",
]
_BOX: Final = {"boxstyle": "round,pad=0.45,rounding_size=0.15", "linewidth": 0.8}


def event_study_figure(
    frame: pd.DataFrame,
    *,
    lang: str = "en",
    xlabel: str | None = None,
    ylabel: str | None = None,
    title: str = "",
    truth: float | Mapping[int, float] | None = None,
) -> Picture:
    """Draw effects by time since the policy began, with pointwise intervals.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``event_time``, ``att``, ``se``, ``ci_lower``, ``ci_upper``; the base period has ``se`` 0 and is drawn hollow.
        ``band_lower`` and ``band_upper``, where they exist, are drawn as a simultaneous band.
    lang : {"en", "zh"}
    xlabel, ylabel : str, optional
        Default to the usual words.
    title : str
    truth : float or mapping of event time to float, optional
        Known effect of a simulated panel, drawn dashed and labelled synthetic; a number holds from event time 0 on.

    Returns
    -------
    Picture

    Examples
    --------
    >>> import pandas as pd
    >>> effects = pd.DataFrame({"event_time": [-2, -1, 0, 1], "att": [0.01, 0, 0.05, 0.08], "se": [0.02, 0, 0.02, 0.02]})
    >>> effects["ci_lower"], effects["ci_upper"] = effects.att - 0.04, effects.att + 0.04
    >>> event_study_figure(effects, truth=0.08).axes[0].get_xlabel()
    'Years since the policy began'
    """
    figure, axes = new_figure(6.5, 3.5, lang)
    data = frame.sort_values("event_time")
    base = (data["se"].fillna(0) == 0).to_numpy()
    time, effect = data["event_time"].to_numpy(float), data["att"].to_numpy(float)
    with look():
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
        axes.axvline(-0.5, color=GREY, linewidth=0.8, linestyle=(0, (1.5, 2)), zorder=1)
        if {"band_lower", "band_upper"} <= set(data.columns):
            axes.fill_between(
                time,
                data["band_lower"].to_numpy(float),
                data["band_upper"].to_numpy(float),
                color=LIGHT,
                alpha=0.6,
                linewidth=0,
                label=text("display.band", lang),
            )
        ends = np.abs(data[["ci_lower", "ci_upper"]].to_numpy(float).T - effect)[:, ~base]
        style: dict[str, Any] = {"fmt": "o", "color": BLUE, "markersize": 4.5, "elinewidth": 1.3, "capsize": 2.2}
        axes.errorbar(time[~base], effect[~base], yerr=ends, label=text("display.estimate_ci", lang), zorder=3, **style)
        axes.plot(
            time[base],
            effect[base],
            "o",
            markersize=5,
            color=BLUE,
            markerfacecolor=PAPER,
            zorder=4,
            label=text("display.base_period", lang),
        )
        _draw_truth(axes, time, truth, lang)
        axes.set_xlabel(text("display.event_time", lang) if xlabel is None else xlabel)
        axes.set_ylabel(text("display.effect", lang) if ylabel is None else ylabel)
        axes.set_title(title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=14))
        axes.margins(x=0.03, y=0.08)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, handletextpad=0.5, columnspacing=1.6)
    return figure


def _draw_truth(axes: Axes, time: np.ndarray, truth: float | Mapping[int, float] | None, lang: str) -> None:
    if truth is None:
        return
    if isinstance(truth, Mapping):
        places, values = np.array(sorted(truth)), np.array([truth[place] for place in sorted(truth)])
    else:
        places, values = np.array([-0.5, max(time.max(), 0) + 0.4]), np.array([truth, truth])
    axes.plot(
        places, values, color=ORANGE, linewidth=1.3, linestyle=(0, (5, 2)), label=text("display.truth", lang), zorder=2
    )


def coefficient_figure(frame: pd.DataFrame, lang: str = "en", *, xlabel: str | None = None) -> Picture:
    """Draw estimates with their intervals under one another, the numbers beside them.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``label``, ``est``, ``ci_lower``, ``ci_upper``; drawn from the top in the frame's order. An interval that
        holds zero has a hollow point.
    lang : {"en", "zh"}
    xlabel : str, optional

    Returns
    -------
    Picture

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"label": ["SDI → PCI"], "est": [0.3], "ci_lower": [0.2], "ci_upper": [0.4]})
    >>> [tick.get_text() for tick in coefficient_figure(frame).axes[0].get_yticklabels()]
    ['SDI → PCI']
    """
    rows = len(frame)
    figure, axes = new_figure(6.5, 0.8 + 0.3 * rows, lang)
    est, low, high = (frame[name].to_numpy(float) for name in ("est", "ci_lower", "ci_upper"))
    places = np.arange(rows)[::-1]
    clear = (low > 0) | (high < 0)
    with look():
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.hlines(places, low, high, color=BLUE, linewidth=1.5)
        axes.scatter(est, places, s=30, color=BLUE, facecolor=np.where(clear, BLUE, PAPER), linewidth=1.2, zorder=3)
        axes.set_yticks(places, ["\n".join(wrap(str(label), 44)) for label in frame["label"]], family=axes_family(axes))
        axes.set_ylim(-0.6, rows - 0.4)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(text("display.estimate_ci", lang) if xlabel is None else xlabel)
        beside = axes.get_yaxis_transform()
        for place, *values in zip(places, est, low, high, strict=True):
            shown = f"{number(values[0], 2, lang)}  {interval(values[1], values[2], 2, lang)}"
            axes.text(1.02, place, shown, transform=beside, va="center", fontsize=8.5)
    return figure


def axes_family(axes: Axes) -> list[str]:
    """Return the font families axes were made with.

    Parameters
    ----------
    axes : matplotlib.axes.Axes

    Returns
    -------
    list of str

    Examples
    --------
    >>> axes_family(new_figure(2, 2)[1])[0]
    'Noto Sans SC'
    """
    return list(axes.xaxis.label.get_fontfamily())


def rollout_figure(frame: pd.DataFrame, lang: str = "en", *, ylabel: str | None = None) -> Picture:
    """Draw how many units began treatment in each period, the never treated apart.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``cohort`` (0 is never treated) and ``n_units``.
    lang : {"en", "zh"}
    ylabel : str, optional

    Returns
    -------
    Picture

    Examples
    --------
    >>> import pandas as pd
    >>> figure = rollout_figure(pd.DataFrame({"cohort": [0, 2015, 2016], "n_units": [120, 1, 12]}))
    >>> len(figure.axes[0].patches)
    3
    """
    figure, axes = new_figure(6.5, 2.8, lang)
    cohorts, units = frame["cohort"].to_numpy(float), frame["n_units"].to_numpy(float)
    treated = cohorts > 0
    years = cohorts[treated]
    first, last = (years.min(), years.max()) if treated.any() else (0.0, 0.0)
    places = np.where(treated, cohorts, last + 2)
    with look():
        bars = axes.bar(places, units, width=0.72, color=np.where(treated, BLUE, LIGHT))
        axes.bar_label(bars, labels=[count(value, lang) for value in units], padding=2, fontsize=8.5)
        ticks = list(np.arange(first, last + 1)) if treated.any() else []
        names = [f"{year:.0f}" for year in ticks]
        if not treated.all():
            ticks, names = [*ticks, last + 2], [*names, text("display.never_treated", lang)]
        axes.set_xticks(ticks, names, family=axes_family(axes))
        axes.set_ylabel(text("display.n_units", lang) if ylabel is None else ylabel)
        axes.set_xlabel(text("display.first_treated", lang))
        axes.margins(y=0.12)
    return figure


def flow_figure(frame: pd.DataFrame, lang: str = "en") -> Picture:
    r"""Draw who was excluded and why, from everybody who answered to those analysed (CONSORT style).

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a stage in order: ``en`` and ``zh`` (its name), ``n_left``, ``n_removed``. The first row is where
        everybody stands; each later one is an exclusion.
    lang : {"en", "zh"}

    Returns
    -------
    Picture

    Examples
    --------
    >>> import pandas as pd
    >>> flow = pd.DataFrame({"en": ["Read", "No consent"], "zh": ["读入", "未同意"], "n_left": [10, 9], "n_removed": [0, 1]})
    >>> figure = flow_figure(flow)
    >>> [note.get_text() for note in figure.axes[0].texts if note.get_text()]
    ['Read\nn = 10', 'No consent  (n = 1)', 'Analysed\nn = 9']
    """
    names, left, removed = frame[lang].astype(str), frame["n_left"], frame["n_removed"]
    first = f"{names.iloc[0]}\nn = {count(left.iloc[0], lang)}"
    last = f"{text('display.analysed', lang)}\nn = {count(left.iloc[-1], lang)}"
    stages = [f"{name}  (n = {count(n, lang)})" for name, n in zip(names.iloc[1:], removed.iloc[1:], strict=True)]
    gap, edge, margin = 0.38, 0.62, 0.2
    height = 2 * edge + gap * max(len(stages), 1)
    wide = max(text_width(line, 9, bold=True) for shown in (first, last) for line in shown.split("\n"))
    spine, side = margin + wide / 2, margin + wide + 0.45
    width = side + max((text_width(stage, 8.5) for stage in stages), default=0.0) + 0.1 + margin
    figure, axes = new_figure(width, height, lang)
    figure.set_layout_engine("none")
    axes.set_position((0, 0, 1, 1))
    with look():
        axes.set(xlim=(0, width), ylim=(0, height))
        axes.axis("off")
        line: dict[str, Any] = {"color": GREY, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
        top, bottom = height - edge / 2, edge / 2
        axes.annotate("", (spine, bottom + 0.26), (spine, top), arrowprops={"arrowstyle": "-|>", **line})
        main: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9, "fontweight": "bold", "color": INK}
        total = {"facecolor": PALE, "edgecolor": BLUE, **_BOX}
        axes.text(spine, top, first, bbox=total, **main)
        for step, (stage, n) in enumerate(zip(stages, removed.iloc[1:], strict=True)):
            y = height - edge - gap * (step + 0.5)
            axes.annotate("", (side, y), (spine, y), arrowprops={"arrowstyle": "-|>", **line})
            box = {"facecolor": PAPER, "edgecolor": LIGHT, **_BOX}
            axes.text(side + 0.06, y, stage, va="center", fontsize=8.5, color=INK if n else GREY, bbox=box)
        axes.text(spine, bottom, last, bbox=total, **main)
    return figure
