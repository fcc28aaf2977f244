"""How a path diagram is laid out: sizes from the letters, places from :mod:`cbecmodel.display.layered_graph`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cbecmodel.display.canvas import text_width
from cbecmodel.display.layered_graph import Edge, Node, heights, label_places, layers
from cbecmodel.display.numbers import number
from cbecmodel.display.path_arcs import BULGE, arc_courses, label_point, passing
from cbecmodel.display.plain_text import wrap

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import pandas as pd
Box = tuple[float, float, float, float]
NAME, SMALL, VALUE = 9.0, 7.5, 8.5  # letters, in points
LINE: Final = 1.28 / 72  # inches a line of text takes, for each point of its letters
GAP, TIGHT = 1.2, 0.85  # inches between columns of constructs; the least of it where the page is full
PAGE: Final = 6.6  # inches between the margins of a page
SIDE: Final = 0.3  # inches between a construct and its indicators


@dataclass(frozen=True, slots=True)
class PathDiagram:
    """A diagram laid out, in inches, before it is drawn.

    Attributes
    ----------
    names : dict of str to tuple of str
        Lines of text in each construct.
    boxes : dict of str to (left, bottom, right, top)
        Where each construct stands.
    small : list of (construct, lines, box)
        Indicators.
    curves : list of array, shape (points, 2)
        Course of each path, in the order of the frame.
    labels : list of str
        Estimates of the paths, then the correlations.
    label_boxes : list of (left, bottom, right, top)
    arcs : list of array, shape (points, 2)
        Course of each correlation.
    """

    names: dict[str, tuple[str, ...]]
    boxes: dict[str, Box]
    small: list[tuple[str, tuple[str, ...], Box]]
    curves: list[np.ndarray]
    labels: list[str]
    label_boxes: list[Box]
    arcs: list[np.ndarray]

    @property
    def extent(self) -> Box:
        """Smallest box around everything."""
        every = np.array([*self.boxes.values(), *(box for *_, box in self.small), *self.label_boxes])
        bends = np.vstack([every[:, :2], *self.curves, *self.arcs])
        low = np.minimum(every[:, :2].min(axis=0), bends.min(axis=0))
        high = np.maximum(every[:, 2:].max(axis=0), bends.max(axis=0))
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _node(lines: tuple[str, ...], with_r2: bool, latent: bool) -> tuple[float, float]:
    """Return width and height of a construct's shape."""
    wide = max(text_width(line, NAME, bold=True) for line in lines)
    high = len(lines) * NAME * LINE + (VALUE * LINE if with_r2 else 0)
    return (max(wide * 1.22 + 0.26, 0.9), high * 1.3 + 0.24) if latent else (max(wide + 0.24, 0.7), high + 0.2)


def lay_out(
    paths: pd.DataFrame,
    *,
    latents: Collection[str],
    labels: Mapping[str, str],
    indicators: pd.DataFrame | None = None,
    covariances: pd.DataFrame | None = None,
    r_squared: Mapping[str, float] | None = None,
    alone: Collection[str] = (),
    lang: str = "en",
) -> PathDiagram:
    """Return where everything in a path diagram stands.

    Parameters
    ----------
    paths, latents, labels, indicators, covariances, r_squared, alone, lang
        As in :func:`cbecmodel.display.paths.path_diagram`.

    Returns
    -------
    PathDiagram
    """
    edges: list[Edge] = list(zip(paths["rhs"].astype(str), paths["lhs"].astype(str), strict=True))
    order = list(dict.fromkeys([*(cause for cause, _ in edges), *(effect for _, effect in edges), *alone]))
    if not order and indicators is not None:  # a measurement model has constructs and no paths
        order = list(dict.fromkeys(indicators["lhs"].astype(str)))
    column = layers(order, edges)
    names = {name: tuple(wrap(labels.get(name, name), 16)) for name in order}
    shape = {name: _node(names[name], name in (r_squared or {}), name in latents) for name in order}
    mine = _indicators(indicators, labels, order)
    last = max(column.values())
    room = {name: _room(shape[name][1], mine[name], column[name] in (0, last)) for name in order}
    nodes = {name: Node(shape[name][0], shape[name][1], room[name]) for name in order}
    across = _across(nodes, column, last, _beside(mine, column, last))
    y = heights(nodes, column, across, edges)
    above = {name: _indicators_above(name, edges, y) for name in order}
    boxes = {
        name: _around(
            (
                across[column[name]],
                y[name] + (-1 if above[name] else 1) * _lift(room[name], shape[name][1], column[name], last),
            ),
            shape[name],
        )
        for name in order
    }
    pairs, correlations = _pairs(covariances, boxes, lang)
    side = SIDE if not passing(pairs, boxes) else BULGE
    small = _place_indicators(
        mine, boxes, above, {name: column[name] > 0 for name in order if column[name] in (0, last)}, side
    )
    curves = [_course(boxes[cause], boxes[effect], cause in latents, effect in latents) for cause, effect in edges]
    arcs = arc_courses(pairs, boxes)
    arc_boxes = [
        _around(label_point(arc, boxes), (text_width(said, SMALL) + 0.08, SMALL * LINE + 0.03))
        for arc, said in zip(arcs, correlations, strict=True)
    ]
    shown = [_label(row, lang) for row in paths.to_dict("records")]
    sizes = [(text_width(label, VALUE) + 0.12, VALUE * LINE + 0.05) for label in shown]
    solid = [*boxes.values(), *(box for *_, box in small), *arc_boxes]
    stands = label_places([curve[::4] for curve in curves], sizes, solid)
    label_boxes = [
        _around((curve[4 * at][0], curve[4 * at][1]), size)
        for curve, at, size in zip(curves, stands, sizes, strict=True)
    ]
    return PathDiagram(names, boxes, small, curves, [*shown, *correlations], [*label_boxes, *arc_boxes], arcs)


def _pairs(
    covariances: pd.DataFrame | None, boxes: Mapping[str, Box], lang: str
) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the correlated constructs that are in the diagram, and their written correlations."""
    rows = [] if covariances is None else covariances.to_dict("records")
    known = [row for row in rows if str(row["lhs"]) in boxes and str(row["rhs"]) in boxes]
    return [(str(row["lhs"]), str(row["rhs"])) for row in known], [number(row["est"], 2, lang) for row in known]


def _label(row: Mapping[Any, Any], lang: str) -> str:
    name = row.get("label")
    return f"{name}  {number(row['est'], 2, lang)}" if isinstance(name, str) and name else number(row["est"], 2, lang)


def _around(centre: tuple[float, float], size: tuple[float, float]) -> Box:
    (x, y), (width, height) = centre, size
    return (float(x - width / 2), float(y - height / 2), float(x + width / 2), float(y + height / 2))


def _indicators(
    frame: pd.DataFrame | None, labels: Mapping[str, str], order: list[str]
) -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {name: [] for name in order}
    if frame is not None:
        for construct, indicator in zip(frame["lhs"].astype(str), frame["rhs"].astype(str), strict=True):
            if construct in found:
                found[construct].append(tuple(wrap(labels.get(indicator, indicator), 18)))
    return found


def _small_size(lines: tuple[str, ...]) -> tuple[float, float]:
    return max(text_width(line, SMALL) for line in lines) + 0.14, len(lines) * SMALL * LINE + 0.09


def _room(height: float, mine: list[tuple[str, ...]], at_side: bool) -> float:
    """Return the height a construct needs with its indicators beside it, or above it."""
    tall = [_small_size(lines)[1] + 0.06 for lines in mine]
    return (max(height, sum(tall)) if at_side else height + (SIDE + max(tall) if tall else 0)) + 0.26


def _lift(room: float, height: float, column: int, last: int) -> float:
    """Return how far from the middle of its room a construct stands that carries its indicators above or below."""
    return 0.0 if column in (0, last) else (room - 0.26 - height) / 2


def _indicators_above(name: str, edges: Sequence[Edge], y: Mapping[str, float]) -> bool:
    """Return whether there is more free space above a construct: its paths run below it."""
    others = [y[effect if cause == name else cause] for cause, effect in edges if name in (cause, effect)]
    return not others or y[name] >= float(np.mean(others))


def _beside(mine: Mapping[str, list[tuple[str, ...]]], column: Mapping[str, int], last: int) -> float:
    """Return the width that indicators take beside the outer columns."""
    wide = 0.0
    for place in {0, last}:
        sizes = [_small_size(lines)[0] for name in mine if column[name] == place for lines in mine[name]]
        wide += max(sizes) + BULGE if sizes else 0.0
    return wide


def _across(nodes: Mapping[str, Node], column: Mapping[str, int], last: int, beside: float) -> list[float]:
    widths = [max(nodes[name].width for name in nodes if column[name] == place) for place in range(last + 1)]
    gap = float(np.clip((PAGE - 0.3 - beside - sum(widths)) / max(last, 1), TIGHT, GAP))
    return [sum(widths[:place]) + widths[place] / 2 + gap * place for place in range(last + 1)]


def _place_indicators(
    mine: Mapping[str, list[tuple[str, ...]]],
    boxes: Mapping[str, Box],
    above: Mapping[str, bool],
    right_side: Mapping[str, bool],
    side: float,
) -> list[tuple[str, tuple[str, ...], Box]]:
    """Put indicators beside the constructs of the outer columns, above or below those between."""
    found = []
    for name, every in mine.items():
        sizes = [_small_size(lines) for lines in every]
        left, bottom, right, top = boxes[name]
        if name in right_side:
            y = (bottom + top) / 2 + sum(high + 0.06 for _, high in sizes) / 2
            for lines, (wide, high) in zip(every, sizes, strict=True):
                x = right + side + wide / 2 if right_side[name] else left - side - wide / 2
                found.append((name, lines, _around((x, y - high / 2 - 0.03), (wide, high))))
                y -= high + 0.06
        else:
            x = (left + right) / 2 - sum(wide + 0.06 for wide, _ in sizes) / 2
            for lines, (wide, high) in zip(every, sizes, strict=True):
                y = top + SIDE + high / 2 if above[name] else bottom - SIDE - high / 2
                found.append((name, lines, _around((x + wide / 2 + 0.03, y), (wide, high))))
                x += wide + 0.06
    return found


def _course(cause: Box, effect: Box, round_start: bool, round_end: bool) -> np.ndarray:
    """Return the course of a path from edge to edge: straight, or bent below when it runs backwards."""
    start, end = np.array(centre_of(cause)), np.array(centre_of(effect))
    along = np.linspace(0, 1, 241)[:, None]
    if end[0] > start[0] + 0.1:
        course = start + along * (end - start)
    else:
        control = (start + end) / 2 - np.array([0, 0.9 + 0.35 * abs(end[0] - start[0])])
        course = (1 - along) ** 2 * start + 2 * along * (1 - along) * control + along**2 * end
    outside = ~_inside(course, cause, round_start, 0.02) & ~_inside(course, effect, round_end, 0.04)
    return np.asarray(course[outside] if np.count_nonzero(outside) > 2 else course)


def centre_of(box: Box) -> tuple[float, float]:
    """Return the middle of a box.

    Parameters
    ----------
    box : (left, bottom, right, top)

    Returns
    -------
    (float, float)

    Examples
    --------
    >>> centre_of((0, 0, 2, 4))
    (1.0, 2.0)
    """
    return ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _inside(points: np.ndarray, box: Box, rounded: bool, margin: float) -> np.ndarray:
    half = np.array([(box[2] - box[0]) / 2 + margin, (box[3] - box[1]) / 2 + margin])
    scaled = np.abs(points - np.array(centre_of(box))) / half
    return np.asarray((scaled**2).sum(axis=1) < 1 if rounded else scaled.max(axis=1) < 1)
