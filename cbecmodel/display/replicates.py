"""A figure of bootstrap replicates: one histogram a quantity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cbecmodel.display.canvas import BLUE, GREY, ORANGE, look, new_figure
from cbecmodel.display.numbers import interval, number
from cbecmodel.messages import text

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cbecmodel.display.canvas import Picture


def replicate_figure(
    frame: pd.DataFrame, values: NDArray[np.float64], lang: str = "en", *, xlabel: str | None = None
) -> Picture:
    """Draw the distributions of replicates, each with its estimate (line) and interval (band).

    Parameters
    ----------
    frame : pandas.DataFrame
        ``label``, ``est``, ``ci_lower``, ``ci_upper``; a row a panel.
    values : ndarray, shape (R, len(frame))
        NaN is left out.
    lang : {"en", "zh"}
    xlabel : str, optional
        Defaults to what bootstrap replicates are called.

    Returns
    -------
    Picture

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"label": ["ab"], "est": [0.0], "ci_lower": [-2.0], "ci_upper": [2.0]})
    >>> draws = np.random.default_rng(1).standard_normal((200, 1))
    >>> replicate_figure(frame, draws).axes[0].get_title(loc="left").startswith("ab")
    True
    """
    columns = min(len(frame), 2)
    rows = -(-len(frame) // columns)
    figure, first = new_figure(3.6 * columns, 2.2 * rows, lang)
    figure.delaxes(first)
    with look():
        numbers = frame[["est", "ci_lower", "ci_upper"]].to_numpy(np.float64).tolist()
        for place, (label, (est, low, high)) in enumerate(zip(frame["label"], numbers, strict=True)):
            axes = figure.add_subplot(rows, columns, place + 1)
            known = values[np.isfinite(values[:, place]), place]
            axes.hist(known, bins=_edges(known), color=BLUE, alpha=0.55, linewidth=0)
            axes.axvspan(low, high, color=ORANGE, alpha=0.16, linewidth=0)
            axes.axvline(est, color=ORANGE, linewidth=1.4)
            axes.axvline(0, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
            limits = interval(low, high, 2, lang)
            axes.set_title(f"{label}  {number(est, 2, lang)} {limits}", fontsize=9)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            if place >= len(frame) - columns:
                axes.set_xlabel(text("display.replicates", lang) if xlabel is None else xlabel)
    return figure


def _edges(values: NDArray[np.float64]) -> list[float]:
    """Return the bins: as wide as Freedman and Diaconis advise, over all but the wildest replicates."""
    if len(values) < 2 or np.ptp(values) == 0:
        centre = float(values[0]) if len(values) else 0.0
        return [centre - 0.5, centre + 0.5]
    low, high = np.quantile(values, [0.002, 0.998])
    quarter, three = np.quantile(values, [0.25, 0.75])
    width = 2 * (three - quarter) / len(values) ** (1 / 3)
    count = int(np.clip((high - low) / width if width > 0 else 20, 10, 60))
    return [float(edge) for edge in np.linspace(low, high, count + 1)]
