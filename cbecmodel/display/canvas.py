"""Figures without global state, in the package's fonts and colours, byte-identical on every run."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from cbecmodel.display.typefaces import FALLBACK, SANS, register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

INK: Final = "#1f2933"
BLUE: Final = "#1f4e79"
ORANGE: Final = "#c2570c"
GREY: Final = "#6b7280"
LIGHT: Final = "#d5dae1"
PALE: Final = "#eef3f8"
PAPER: Final = "#ffffff"

_LOOK: Final[Any] = {
    "font.family": [SANS, FALLBACK],
    "font.size": 9.0,
    "axes.labelsize": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "text.color": INK,
    "text.usetex": False,
    "text.parse_math": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "svg.fonttype": "path",
    "svg.hashsalt": "cbecmodel",
}


class Picture(Figure):
    """A matplotlib figure that shows itself in a notebook without any backend being set up."""

    def _repr_svg_(self) -> str:
        return figure_bytes(self, "svg").decode("utf-8")


@contextmanager
def look() -> Iterator[None]:
    """Draw in the package's fonts and colours inside a ``with`` block, whatever the user's matplotlib settings are.

    Examples
    --------
    >>> with look():
    ...     mpl.rcParams["svg.hashsalt"]
    'cbecmodel'
    """
    register()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_LOOK)
        yield


def new_figure(width: float = 6.5, height: float = 3.6, lang: str = "en") -> tuple[Picture, Axes]:
    """Return an empty figure with one pair of axes.

    Parameters
    ----------
    width, height : float
        Inches.
    lang : {"en", "zh"}
        Kept as the figure's label, for readers of screens.

    Returns
    -------
    (Picture, matplotlib.axes.Axes)

    Examples
    --------
    >>> figure, axes = new_figure(4, 3)
    >>> axes.set_xlabel("距政策的年数").get_text()
    '距政策的年数'
    """
    with look():
        figure = Picture(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        figure.set_label(lang)
        axes = figure.add_subplot()
        axes.tick_params(labelfontfamily=_LOOK["font.family"])
    return figure, axes


def text_width(shown: str, size: float, bold: bool = False) -> float:
    """Return how wide a text is.

    Parameters
    ----------
    shown : str
    size : float
        Points.
    bold : bool

    Returns
    -------
    float
        Inches.

    Examples
    --------
    >>> text_width("文化", 72) == 2 * text_width("文", 72)
    True
    """
    with look():
        font = FontProperties(size=size, weight="bold" if bold else "normal")
        return float(text_to_path.get_text_width_height_descent(shown, font, ismath=False)[0]) / 72


def figure_bytes(figure: Figure, format: Literal["svg", "png"] = "svg", dpi: float = 200) -> bytes:  # noqa: A002
    """Return a figure as a file's bytes, the same on every run.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    format : {"svg", "png"}
        In an SVG all letters are outlines, so it needs no font.
    dpi : float
        Dots an inch of a PNG.

    Returns
    -------
    bytes

    Examples
    --------
    >>> figure, axes = new_figure(2, 2)
    >>> figure_bytes(figure) == figure_bytes(figure)
    True
    """
    nothing = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
    stream = io.BytesIO()
    with look():
        figure.savefig(stream, format=format, dpi=dpi, metadata=nothing[format])
    return stream.getvalue()
