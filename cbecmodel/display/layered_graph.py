"""Where the nodes and labels of a layered diagram go: plain geometry, left to right.

Causes stand left of what they explain (longest path, [1]_); heights are searched on a grid for the fewest edges through
nodes, then the fewest crossings, then the shortest edges; labels slide along their edge to where nothing is covered.

References
----------
.. [1] Sugiyama, K., Tagawa, S., & Toda, M. (1981). Methods for visual understanding of hierarchical system structures.
       IEEE Transactions on Systems, Man, and Cybernetics, 11(2), 109-125.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Edge = tuple[str, str]
Point = tuple[float, float]
GRID: Final = 0.25
MARGIN: Final = 0.16
EXHAUSTIVE: Final = 1_500  # placements tried one by one; larger diagrams are improved node by node


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a diagram.

    Attributes
    ----------
    width, height : float
        Of its shape.
    room : float
        Height it needs for itself and what hangs on it.
    """

    width: float
    height: float
    room: float


def layers(nodes: Sequence[str], edges: Iterable[Edge]) -> dict[str, int]:
    """Return the column of each node: causes left of what they explain.

    Parameters
    ----------
    nodes : sequence of str
    edges : iterable of (cause, effect)
        An edge that closes a cycle is passed over.

    Returns
    -------
    dict of str to int

    Examples
    --------
    >>> layers(["a", "b", "c"], [("a", "b"), ("a", "c"), ("b", "c"), ("c", "a")])
    {'a': 0, 'b': 1, 'c': 2}
    """
    causes: dict[str, list[str]] = {node: [] for node in nodes}
    for cause, effect in edges:
        if not _reaches(effect, cause, causes):
            causes[effect].append(cause)
    column: dict[str, int] = {}

    def depth(node: str) -> int:
        if node not in column:
            column[node] = max((depth(cause) + 1 for cause in causes[node]), default=0)
        return column[node]

    return {node: depth(node) for node in nodes}


def _reaches(start: str, goal: str, causes: Mapping[str, list[str]]) -> bool:
    """Return whether start is among the causes of goal, near or far, or goal itself."""
    return start == goal or any(_reaches(start, cause, causes) for cause in causes[goal])


def heights(
    nodes: Mapping[str, Node], column: Mapping[str, int], across: Sequence[float], edges: Sequence[Edge]
) -> dict[str, float]:
    """Return the height of each node, the middle of the first column at zero.

    Parameters
    ----------
    nodes : mapping of str to Node
        In reading order: the first column keeps it from the top.
    column : mapping of str to int
        From :func:`layers`.
    across : sequence of float
        Horizontal middle of each column.
    edges : sequence of (cause, effect)

    Returns
    -------
    dict of str to float

    Examples
    --------
    >>> box = Node(1.0, 0.5, 0.8)
    >>> heights({"a": box, "b": box, "c": box}, {"a": 0, "b": 0, "c": 1}, [0, 3], [("a", "c"), ("b", "c")])
    {'a': 0.4, 'b': -0.4, 'c': 0.0}
    """
    placed = {name: y for place in set(column.values()) for name, y in _stack(nodes, column, place).items()}
    free = [name for name in nodes if column[name] > 0]
    reach = max([abs(y) + nodes[name].room / 2 for name, y in placed.items()], default=0.0)
    grid = np.arange(-np.ceil(reach / GRID), np.ceil(reach / GRID) + 1) * GRID
    grid = grid[np.argsort(np.abs(grid), kind="stable")]

    def cost(candidate: Mapping[str, float]) -> float:
        return _cost(nodes, column, across, edges, candidate)

    if len(grid) ** len(free) <= EXHAUSTIVE:
        options: Iterable[dict[str, float]] = (
            {**placed, **dict(zip(free, ys, strict=True))} for ys in itertools.product(grid, repeat=len(free))
        )
        best = min(options, key=cost)
    else:
        best, before = placed, float("inf")
        while cost(best) < before - 1e-9:
            before = cost(best)
            for name in free:
                best = min(({**best, name: y} for y in (best[name], *grid)), key=cost)
    return {name: round(float(y), 6) for name, y in best.items()}


def _stack(nodes: Mapping[str, Node], column: Mapping[str, int], place: int) -> dict[str, float]:
    """Put the nodes of one column under one another."""
    mine = [name for name in nodes if column[name] == place]
    top = sum(nodes[name].room for name in mine) / 2
    found = {}
    for name in mine:
        found[name] = top - nodes[name].room / 2
        top -= nodes[name].room
    return found


def _cost(
    nodes: Mapping[str, Node],
    column: Mapping[str, int],
    across: Sequence[float],
    edges: Sequence[Edge],
    y: Mapping[str, float],
) -> float:
    middle = {name: (float(across[column[name]]), y[name]) for name in nodes}
    total = 0.0
    total += 0.4 * (
        max(y[name] + nodes[name].room / 2 for name in nodes) - min(y[name] - nodes[name].room / 2 for name in nodes)
    )
    for one, two in itertools.combinations(nodes, 2):
        if column[one] == column[two]:
            total += 1000 * max(0.0, (nodes[one].room + nodes[two].room) / 2 - abs(y[one] - y[two]) - 1e-9)
    for cause, effect in edges:
        (x0, y0), (x1, y1) = middle[cause], middle[effect]
        total += abs(y1 - y0) / max(abs(x1 - x0), 0.1)
        for name, node in nodes.items():
            if name not in (cause, effect):
                total += 50 * _covers(node, middle[name], middle[cause], middle[effect])
    for (a, b), (c, d) in itertools.combinations(edges, 2):
        if not {a, b} & {c, d}:
            total += 0.6 * _cross(middle[a], middle[b], middle[c], middle[d])
        elif a == c or b == d:
            total += 3 * _too_close(middle[a], middle[b], middle[c], middle[d])
    return total


def _covers(node: Node, centre: Point, start: Point, end: Point) -> float:
    """Return how deep a straight edge runs into a node it does not belong to."""
    along = np.linspace(0, 1, 31)
    x = (start[0] + along * (end[0] - start[0]) - centre[0]) / (node.width / 2 + MARGIN)
    y = (start[1] + along * (end[1] - start[1]) - centre[1]) / (node.room / 2 + MARGIN / 2)
    return float(max(0.0, 1 - np.min(np.maximum(np.abs(x), np.abs(y)))))


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def _too_close(a: Point, b: Point, c: Point, d: Point) -> float:
    """Return how much the angle of two edges of one node falls below twelve degrees."""
    one, two = np.arctan2(b[1] - a[1], b[0] - a[0]), np.arctan2(d[1] - c[1], d[0] - c[0])
    return float(max(0.0, 1 - abs(one - two) / np.deg2rad(12)))


def label_places(
    curves: Sequence[np.ndarray],
    sizes: Sequence[tuple[float, float]],
    obstacles: Sequence[tuple[float, float, float, float]],
) -> list[int]:
    """Return at which point of its curve each label stands so that it covers as little as can be.

    Parameters
    ----------
    curves : sequence of array, shape (points, 2)
    sizes : sequence of (width, height)
        Of the labels.
    obstacles : sequence of (left, bottom, right, top)
        Boxes to keep free of labels.

    Returns
    -------
    list of int
        Index into each curve.

    Examples
    --------
    >>> line = np.column_stack([np.linspace(0, 10, 11), np.zeros(11)])
    >>> label_places([line], [(1, 1)], [(3, -1, 7, 1)])
    [2]
    """
    chosen = [_middle(curve) for curve in curves]
    for _ in range(4):
        for own, curve in enumerate(curves):
            others = [_box(curves[k][chosen[k]], sizes[k]) for k in range(len(curves)) if k != own]
            lines = [curves[k] for k in range(len(curves)) if k != own]
            first, last = int(0.12 * len(curve)), int(0.88 * len(curve))
            places = sorted(range(first, last + 1), key=lambda place: abs(place - _middle(curve)))
            costs = [_label_cost(_box(curve[place], sizes[own]), others, lines, obstacles) for place in places]
            slack = [cost + 0.02 * rank for rank, cost in enumerate(costs)]
            chosen[own] = places[int(np.argmin(slack))]
    return chosen


def _middle(curve: np.ndarray) -> int:
    return int(0.45 * len(curve))


def _box(point: np.ndarray, size: tuple[float, float]) -> tuple[float, float, float, float]:
    return (point[0] - size[0] / 2, point[1] - size[1] / 2, point[0] + size[0] / 2, point[1] + size[1] / 2)


def overlap(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> float:
    """Return the area two boxes share.

    Parameters
    ----------
    one, two : (left, bottom, right, top)

    Returns
    -------
    float

    Examples
    --------
    >>> overlap((0, 0, 2, 2), (1, 1, 3, 3))
    1
    """
    wide, high = min(one[2], two[2]) - max(one[0], two[0]), min(one[3], two[3]) - max(one[1], two[1])
    return max(0, wide) * max(0, high)


def _label_cost(
    box: tuple[float, float, float, float],
    others: Sequence[tuple[float, float, float, float]],
    lines: Sequence[np.ndarray],
    obstacles: Sequence[tuple[float, float, float, float]],
) -> float:
    hit = 300 * sum(overlap(box, other) for other in (*others, *obstacles))
    near = sum(
        np.count_nonzero((line[:, 0] > box[0]) & (line[:, 0] < box[2]) & (line[:, 1] > box[1]) & (line[:, 1] < box[3]))
        / len(line)
        for line in lines
    )
    return float(hit + 12 * near)
