"""Courses of the double-headed arrows between correlated constructs of a path diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.display.path_layout import Box

BULGE: Final = 0.5  # inches kept free beside a column where an arrow passes a construct
_CLEAR: Final = 0.03  # inches between an arrow's head and the construct


def arc_courses(pairs: Sequence[tuple[str, str]], boxes: Mapping[str, Box]) -> list[np.ndarray]:
    """Return where the arrow of each correlated pair runs.

    Neighbours in a column are joined straight; others of one column by a bow on its left; constructs of different columns by
    a bow below.

    Parameters
    ----------
    pairs : sequence of (str, str)
    boxes : mapping of str to (left, bottom, right, top)

    Returns
    -------
    list of array, shape (points, 2)

    Examples
    --------
    >>> boxes = {"a": (0, 2, 1, 3), "b": (0, 0, 1, 1)}
    >>> arc_courses([("a", "b")], boxes)[0][[0, -1]].round(2).tolist()
    [[0.5, 1.97], [0.5, 1.03]]
    """
    return [_course(one, two, boxes) for one, two in pairs]


def passing(pairs: Sequence[tuple[str, str]], boxes: Mapping[str, Box]) -> bool:
    """Return whether an arrow passes another construct of its column.

    Parameters
    ----------
    pairs : sequence of (str, str)
    boxes : mapping of str to (left, bottom, right, top)

    Returns
    -------
    bool

    Examples
    --------
    >>> boxes = {"a": (0, 4, 1, 5), "b": (0, 2, 1, 3), "c": (0, 0, 1, 1)}
    >>> passing([("a", "b")], boxes), passing([("a", "c")], boxes)
    (False, True)
    """
    return any(_same_column(boxes[one], boxes[two]) and bool(_between(one, two, boxes)) for one, two in pairs)


def label_point(course: np.ndarray, boxes: Mapping[str, Box]) -> tuple[float, float]:
    """Return where the number of an arrow stands: on it, level with no construct.

    Parameters
    ----------
    course : array, shape (points, 2)
    boxes : mapping of str to (left, bottom, right, top)

    Returns
    -------
    (float, float)

    Examples
    --------
    >>> label_point(np.array([[0.5, 2.0], [0.5, 1.5], [0.5, 1.0]]), {})
    (0.5, 1.5)
    """
    left, right = course[:, 0].min(), course[:, 0].max()
    near = [(box[1], box[3]) for box in boxes.values() if box[0] - BULGE < right and left < box[2]]
    spans = np.array(near).reshape(-1, 2)
    height = course[:, 1]
    room = np.min(np.maximum(spans[:, :1] - height, height - spans[:, 1:]), axis=0) if len(spans) else height * 0
    middle = np.abs(np.arange(len(course)) - len(course) // 2) / len(course)
    best = int(np.argmax(np.minimum(room, 0.25) - 0.2 * middle))
    return float(course[best, 0]), float(course[best, 1])


def _same_column(one: Box, two: Box) -> bool:
    return abs(one[0] + one[2] - two[0] - two[2]) < 0.02


def _between(one: str, two: str, boxes: Mapping[str, Box]) -> list[Box]:
    low, high = sorted((boxes[one][1], boxes[two][1]))
    return [box for box in boxes.values() if _same_column(box, boxes[one]) and low < box[1] < high]


def _course(one: str, two: str, boxes: Mapping[str, Box]) -> np.ndarray:
    upper, lower = sorted((boxes[one], boxes[two]), key=lambda box: -box[1])
    along = np.linspace(0, 1, 81)[:, None]
    if not _same_column(upper, lower):
        start, end = (np.array([(box[0] + box[2]) / 2, box[1] - _CLEAR]) for box in (upper, lower))
        control = np.array([(start[0] + end[0]) / 2, min(start[1], end[1]) - 0.7])
        return np.asarray((1 - along) ** 2 * start + 2 * along * (1 - along) * control + along**2 * end)
    passed = _between(one, two, boxes)
    if not passed:
        x = (upper[0] + upper[2]) / 2
        return np.hstack([np.full_like(along, x), upper[1] - _CLEAR + along * (lower[3] - upper[1] + 2 * _CLEAR)])
    start, end = _lower_left(upper), _lower_left(lower) * [1, -1] + [0, lower[1] + lower[3]]
    bend = min(box[0] for box in passed) - 0.38
    corners = [start, np.array([bend, start[1] - 0.15]), np.array([bend, end[1] + 0.15]), end]
    weights = [(1 - along) ** 3, 3 * along * (1 - along) ** 2, 3 * along**2 * (1 - along), along**3]
    return np.asarray(np.hstack(weights) @ np.vstack(corners))


def _lower_left(box: Box) -> np.ndarray:
    """Return a point just outside the lower left of an ellipse in a box."""
    half = np.array([(box[2] - box[0]) / 2, (box[3] - box[1]) / 2])
    return np.asarray(np.array([box[0] + box[2], box[1] + box[3]]) / 2 - 0.72 * half - 0.02)
