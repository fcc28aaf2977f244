"""Ordinal data, group by group."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cbecmodel.errors import DataError, DataWarning, warn
from cbecmodel.structure.sample.categories import Categories, categories_of, ordered_names
from cbecmodel.structure.sample.columns import numeric_columns
from cbecmodel.structure.sample.ordinal import ordinal_sample
from cbecmodel.structure.syntax.parser import parse
from cbecmodel.structure.syntax.vocabulary import vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from cbecmodel.structure.sample.groups import Members
    from cbecmodel.structure.sample.moments import SampleMoments


def ordered_of(model: str, frame: pd.DataFrame | None, asked: Any) -> tuple[str, ...]:
    """Return the ordinal variables of a model: those asked for, those with thresholds, and ordered categoricals.

    Parameters
    ----------
    model : str
    frame : pandas.DataFrame or None
    asked : bool, str or sequence of str

    Returns
    -------
    tuple of str

    Raises
    ------
    DataError
        If a name asked for is neither in the model nor in the data, or there are only moments.

    Warns
    -----
    DataWarning
        If an exogenous variable is asked for: it is taken as a number.
    """
    formulas = parse(model).formulas
    words = vocabulary(formulas)
    names = (asked,) if isinstance(asked, str) else (asked or ())
    cut = {row.lhs for row in formulas if row.op == "|"}
    modelled = [name for name in words.observed if name not in words.exogenous]
    if frame is None:
        if names or cut:
            raise DataError("structure.ordered_needs_data")
        return ()
    given = () if names is True else tuple(name for name in names if name in words.exogenous)
    if given:
        warn(DataWarning, "structure.ordered_exogenous", variables=", ".join(given), stacklevel=4)
    found = ordered_names(frame, True if names is True else tuple(names), modelled)
    return tuple(name for name in modelled if name in found or name in cut)


def _used(frame: pd.DataFrame, names: Sequence[str], members: Members, *, pairwise: bool) -> NDArray[np.bool_]:
    """Return which cases belong to a group and, unless pairs are used, have answered everything."""
    inside = np.zeros(len(frame), dtype=bool)
    inside[np.concatenate(members)] = True
    if pairwise:
        return inside
    parts = [part for name in names for part in ([name] if name in frame.columns else name.split(":"))]
    return inside & frame[list(dict.fromkeys(parts))].notna().all(axis=1).to_numpy()


def group_categories(
    frame: pd.DataFrame, names: Sequence[str], ordered: Sequence[str], members: Members, *, pairwise: bool
) -> tuple[Categories, ...]:
    """Return the categories of the ordinal variables over all groups.

    Parameters
    ----------
    frame : pandas.DataFrame
    names : sequence of str
        All observed variables; they decide which cases are complete.
    ordered : sequence of str
    members : tuple of ndarray of int
        Rows of each group.
    pairwise : bool

    Returns
    -------
    tuple of Categories
    """
    numeric_columns(frame, [name for name in names if name not in ordered])
    used = _used(frame, names, members, pairwise=pairwise)
    return tuple(categories_of(frame, name, used) for name in ordered)


def ordinal_moments(
    frame: pd.DataFrame,
    names: Sequence[str],
    categories: Sequence[Categories],
    members: Members,
    *,
    given: int,
    labels: Sequence[str],
    pairwise: bool,
) -> tuple[SampleMoments, ...]:
    """Return the statistics of each group.

    Parameters
    ----------
    frame : pandas.DataFrame
    names : sequence of str
        Modelled variables, then fixed exogenous ones.
    categories : sequence of Categories
    members : tuple of ndarray of int
    given : int
        Number of fixed exogenous variables.
    labels : sequence of str
        Names of the groups.
    pairwise : bool

    Returns
    -------
    tuple of SampleMoments
    """
    codes = {one.name: np.where(one.codes < 0, np.nan, one.codes) for one in categories}
    values = np.empty((len(frame), len(names)))
    for column, name in enumerate(names):
        values[:, column] = codes[name] if name in codes else numeric_columns(frame, [name])[:, 0]
    found = []
    for rows, label in zip(members, labels, strict=True):
        sample = ordinal_sample(values[rows], names, categories, given, where=label, pairwise=pairwise)
        found.append(replace(sample, rows=None if sample.rows is None else rows[sample.rows]))
    return tuple(found)
