"""From the user's data frame to columns of numbers, with every doubt said aloud."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

Floats = NDArray[np.float64]
_EXACT: Final = 2.0**53  # up to here every whole number is a float


def frame_of(data: Any) -> pd.DataFrame:
    """Return the data frame inside whatever holds one.

    Parameters
    ----------
    data : pandas.DataFrame or object with a ``frame``
        For instance responses to a survey.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    DataError
        If there is none.

    Examples
    --------
    >>> frame_of(pd.DataFrame({"x": [1.0]})).shape
    (1, 1)
    """
    frame = data if isinstance(data, pd.DataFrame) else getattr(data, "frame", None)
    if not isinstance(frame, pd.DataFrame):
        raise DataError("structure.not_a_frame", kind=type(data).__name__)
    return frame


def numeric_columns(frame: pd.DataFrame, names: Sequence[str]) -> Floats:
    """Return the named columns as one array of numbers.

    Parameters
    ----------
    frame : pandas.DataFrame, n rows
    names : sequence of str
        ``a:b`` is the product of ``a`` and ``b`` unless the frame has a column of that name.

    Returns
    -------
    ndarray, shape (n, len(names))
        Missing values are NaN. The frame is not changed.

    Raises
    ------
    DataError
        For a name that is unknown or doubled, and for values that are no numbers or infinite.

    Examples
    --------
    >>> numeric_columns(pd.DataFrame({"a": [1, 2], "b": [3.0, None]}), ["a", "a:b"]).tolist()
    [[1.0, 3.0], [2.0, nan]]
    """
    require_columns(frame, [part for name in names for part in _parts(frame, name)])
    plain = _plain(frame, names)
    if plain is not None:
        return plain
    out = np.empty((len(frame), len(names)))
    for index, name in enumerate(names):
        product = np.ones(len(frame))
        for part in _parts(frame, name):
            product = product * _numbers(frame[part], part)
        out[:, index] = product
    return out


def _plain(frame: pd.DataFrame, names: Sequence[str]) -> Floats | None:
    """Return columns of NumPy's own numbers at once; None if any is of another kind, a product, or not finite."""
    if not all(name in frame.columns for name in names):
        return None
    chosen = frame[list(names)]
    if not all(isinstance(kind, np.dtype) and kind.kind in "fiub" for kind in chosen.dtypes):
        return None
    values = chosen.to_numpy(dtype=np.float64)
    # infinite and too large values are named one variable at a time
    whole = any(kind.kind in "iu" and kind.itemsize == 8 for kind in chosen.dtypes)
    if np.isinf(values).any() or (whole and np.nanmax(np.abs(values), initial=0.0) >= _EXACT):
        return None
    return values


def _parts(frame: pd.DataFrame, name: str) -> list[str]:
    return [name] if name in frame.columns else name.split(":")


def require_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise if a column is missing or its name stands twice.

    Parameters
    ----------
    frame : pandas.DataFrame
    names : sequence of str

    Raises
    ------
    DataError
        Names every missing variable with the closest columns there are.
    """
    known = [str(column) for column in frame.columns]
    missing = [name for name in dict.fromkeys(names) if name not in frame.columns]
    if missing:
        near = [match for name in missing for match in get_close_matches(name, known, n=3, cutoff=0.6)]
        hint = ", ".join(dict.fromkeys(near)) or ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
        raise DataError("structure.unknown_variable", variables=", ".join(missing), known=hint)
    doubled = [name for name in dict.fromkeys(names) if known.count(name) > 1]
    if doubled:
        raise DataError("structure.doubled_column", variables=", ".join(doubled))


def _numbers(column: pd.Series[Any], name: str) -> Floats:
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        _refuse_loss(column, values, name)
    else:
        values = _converted(column, name)
    infinite = np.isinf(values)
    if infinite.any():
        row = cast("Hashable", column.index[int(infinite.argmax())])
        raise DataError("structure.infinite", variable=name, count=int(infinite.sum()), row=row)
    return values


def _refuse_loss(column: pd.Series[Any], values: Floats, name: str) -> None:
    """Raise where whole numbers are too large to be kept to the last digit."""
    if not pd.api.types.is_integer_dtype(column.dtype):
        return
    for at in np.flatnonzero(np.abs(values) >= _EXACT).tolist():
        if int(values[at]) != int(column.iloc[at]):
            raise DataError("structure.lossy_number", variable=name, value=int(column.iloc[at]), row=column.index[at])


def _converted(column: pd.Series[Any], name: str) -> Floats:
    """Convert text and object columns that hold nothing but numbers; refuse the others."""
    plain = column.astype(object)
    known = plain.notna()
    if pd.api.types.is_complex_dtype(column.dtype):
        raise DataError(
            "structure.not_numeric", variable=name, dtype=str(column.dtype), value=column.iloc[0], row=column.index[0]
        )
    dates = pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_timedelta64_dtype(column.dtype)
    numbers = pd.to_numeric(plain.where(known), errors="coerce") if not dates else plain.where(~known)
    try:
        values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    except TypeError:
        values = np.full(len(column), np.nan)
    bad = np.isnan(values) & known.to_numpy()
    if bad.any():
        at = int(bad.argmax())
        raise DataError(
            "structure.not_numeric", variable=name, dtype=str(column.dtype), value=plain.iloc[at], row=column.index[at]
        )
    return values
