"""Splitting data into groups."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import DataError, DataWarning, warn
from cbecmodel.structure.sample.columns import Floats, frame_of, numeric_columns, require_columns
from cbecmodel.structure.sample.design import CaseDesign, normalized
from cbecmodel.structure.sample.moments import SampleMoments, array_moments, incomplete_moments

if TYPE_CHECKING:
    from collections.abc import Sequence

Members = tuple[NDArray[np.intp], ...]


def grouped(data: Any, group: str | None) -> tuple[pd.DataFrame | None, tuple[str, ...], Members]:
    """Find the groups of a data frame, in order of first appearance.

    Parameters
    ----------
    data : pandas.DataFrame, object with a ``frame``, or None
    group : str or None
        Column of the groups.

    Returns
    -------
    frame : pandas.DataFrame or None
    labels : tuple of str
        ``("",)`` for a single group.
    members : tuple of ndarray of int
        Positions of the rows of each group.

    Raises
    ------
    DataError
        If there is no such column, or only one group.

    Examples
    --------
    >>> frame, labels, members = grouped(pd.DataFrame({"g": ["b", "a", "b"]}), "g")
    >>> labels, [rows.tolist() for rows in members]
    (('b', 'a'), [[0, 2], [1]])
    """
    if data is None:
        if group is not None:
            raise DataError("structure.no_data")
        return None, ("",), ()
    frame = frame_of(data)
    if group is None:
        return frame, ("",), (np.arange(len(frame)),)
    require_columns(frame, [group])
    codes, values = pd.factorize(frame[group])
    absent = int((codes < 0).sum())
    if absent:
        warn(DataWarning, "structure.group_missing", count=absent, group=group, stacklevel=4)
    if len(values) < 2:
        raise DataError("structure.one_group", group=group)
    labels = tuple(str(value) for value in values)
    return frame, labels, tuple(np.flatnonzero(codes == code) for code in range(len(values)))


def group_moments(
    frame: pd.DataFrame,
    names: Sequence[str],
    members: Members,
    *,
    likelihood: str,
    fiml: bool,
    needed: Sequence[str],
    design: CaseDesign | None = None,
    labels: Sequence[str] = (),
) -> tuple[SampleMoments, ...]:
    """Return the moments of each group.

    Parameters
    ----------
    frame : pandas.DataFrame
    names : sequence of str
    members : tuple of ndarray of int
    likelihood : {"normal", "wishart"}
    fiml : bool
        Keep incomplete cases.
    needed : sequence of str
        Variables every case must have answered even then.
    design : CaseDesign, optional
        Of all rows of the frame.
    labels : sequence of str
        Names of the groups, for what is wrong with one of them.

    Returns
    -------
    tuple of SampleMoments

    Raises
    ------
    DataError
        Names the group if there are several.
    """
    values = numeric_columns(frame, names)
    if design is not None:
        design = normalized(design, _usable(values, [list(names).index(name) for name in needed], members, fiml=fiml))
    found = []
    for number, rows in enumerate(members):
        part = values if len(rows) == len(values) else values[rows]
        own = None if design is None else design.at(rows)
        whole = not fiml or not np.isnan(part).any()
        try:
            sample = (
                array_moments(part, names, likelihood, own) if whole else incomplete_moments(part, names, needed, own)
            )
        except DataError as problem:
            if len(members) == 1 or not labels:
                raise
            raise DataError("structure.in_group", group=labels[number], problem=problem) from problem
        found.append(replace(sample, rows=None if sample.rows is None else rows[sample.rows]))
    return tuple(found)


def _usable(values: Floats, needed: Sequence[int], members: Members, *, fiml: bool) -> NDArray[np.bool_]:
    """Return which rows will be used: those of a group that answered enough."""
    absent = np.isnan(values)
    enough = ~absent.all(axis=1) & ~absent[:, list(needed)].any(axis=1) if fiml else ~absent.any(axis=1)
    inside = np.zeros(len(values), dtype=bool)
    inside[np.concatenate(members)] = True
    usable: NDArray[np.bool_] = enough & inside
    return usable
