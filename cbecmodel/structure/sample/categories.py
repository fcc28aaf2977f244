"""Ordered categories: which variables have them, and the codes of the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import DataError, DataWarning, warn
from cbecmodel.structure.sample.columns import numeric_columns, require_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

Codes = NDArray[np.intp]
MANY: Final = 12  # more categories than this say little that a continuous variable would not


@dataclass(frozen=True, slots=True)
class Categories:
    """An ordinal variable's answers.

    Attributes
    ----------
    name : str
    labels : tuple of str
        The C categories, lowest first.
    codes : ndarray of int, shape (n,)
        From 0; -1 is missing.
    """

    name: str
    labels: tuple[str, ...]
    codes: Codes


def is_ordered(column: pd.Series[Any]) -> bool:
    """Return whether a column is an ordered categorical.

    Parameters
    ----------
    column : pandas.Series

    Returns
    -------
    bool

    Examples
    --------
    >>> is_ordered(pd.Series(pd.Categorical(["lo", "hi"], ["lo", "hi"], ordered=True)))
    True
    """
    return isinstance(column.dtype, pd.CategoricalDtype) and bool(column.dtype.ordered)


def ordered_names(
    data: Any, asked: Sequence[str] | bool, candidates: Sequence[str], *, strict: bool = True
) -> tuple[str, ...]:
    """Return which variables are ordinal: those asked for, and ordered categoricals.

    Parameters
    ----------
    data : pandas.DataFrame or None
    asked : sequence of str, or bool
        True means every candidate.
    candidates : sequence of str
        Variables that may be ordinal.
    strict : bool
        Raise if a name asked for is not in the data.

    Returns
    -------
    tuple of str
        In the order of the candidates.

    Raises
    ------
    DataError
        If a name asked for is no column.
    """
    if isinstance(asked, bool):
        wanted = set(candidates) if asked else set()
    else:
        wanted = set(asked)
        if data is not None and strict:
            require_columns(data, [name for name in asked if name not in candidates])
    if data is not None and any(isinstance(kind, pd.CategoricalDtype) for kind in data.dtypes):
        wanted |= {name for name in candidates if name in data.columns and _ordered_column(data[name])}
    return tuple(name for name in candidates if name in wanted)


def _ordered_column(column: Any) -> bool:
    """Return whether this is one column (names may stand twice, which is said elsewhere) of ordered categories."""
    return isinstance(column, pd.Series) and is_ordered(column)


def categories_of(frame: pd.DataFrame, name: str, used: NDArray[np.bool_] | None = None) -> Categories:
    """Return the codes of an ordinal variable.

    Parameters
    ----------
    frame : pandas.DataFrame
    name : str
    used : ndarray of bool, shape (n,), optional
        Cases whose answers decide which categories there are.

    Returns
    -------
    Categories

    Raises
    ------
    DataError
        If the answers are no ordered categories or whole numbers, or there is one category only.

    Warns
    -----
    DataWarning
        If a category stands in the scale and nobody chose it (it is left out), or there are very many.

    Examples
    --------
    >>> categories_of(pd.DataFrame({"a": [2, 1, None, 2]}), "a").codes.tolist()
    [1, 0, -1, 1]
    """
    require_columns(frame, [name])
    column = frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        if not column.dtype.ordered:
            raise DataError("structure.not_ordered", variable=name)
        codes = column.cat.codes.to_numpy().astype(np.intp)
        scale = [str(label) for label in column.cat.categories]
    else:
        codes, scale = _numbered(frame, name)
    seen = np.unique(codes[(codes >= 0) & (True if used is None else used)])
    empty = [scale[index] for index in range(len(scale)) if index not in seen]
    if len(seen) < 2:
        raise DataError("structure.one_category", variable=name)
    if empty:
        warn(DataWarning, "structure.empty_category", variable=name, categories=", ".join(empty), stacklevel=7)
    if len(seen) > MANY:
        warn(DataWarning, "structure.many_categories", variable=name, count=len(seen), stacklevel=7)
    place = np.full(len(scale) + 1, -1)
    place[seen] = np.arange(len(seen))
    return Categories(name, tuple(scale[index] for index in seen), place[codes].astype(np.intp))


def _numbered(frame: pd.DataFrame, name: str) -> tuple[Codes, list[str]]:
    """Return codes and scale of a column of whole numbers; what lies between the smallest and the largest is the scale."""
    values = numeric_columns(frame, [name])[:, 0]
    known = ~np.isnan(values)
    broken = known & (values != np.round(values))
    if broken.any():
        at = int(broken.argmax())
        raise DataError("structure.broken_code", variable=name, value=f"{values[at]:g}", row=frame.index[at])
    if not known.any():
        raise DataError("structure.all_missing", variables=name)
    low, high = int(values[known].min()), int(values[known].max())
    if high - low >= 1000:
        raise DataError("structure.no_codes", variable=name, low=low, high=high)
    codes = np.where(known, np.where(known, values, low) - low, -1).astype(np.intp)
    return codes, [str(value) for value in range(low, high + 1)]
