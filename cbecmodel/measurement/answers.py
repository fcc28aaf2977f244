"""Answers of items as numbers, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cbecmodel.errors import DataError
from cbecmodel.structure.sample.columns import frame_of, numeric_columns

if TYPE_CHECKING:
    from collections.abc import Sequence


def answers_of(data: Any, variables: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the answers to items as numbers, missing ones as NaN.

    Parameters
    ----------
    data : pandas.DataFrame, or an object with a ``frame``
    variables : sequence of str, optional
        All columns by default.

    Returns
    -------
    pandas.DataFrame, shape (n, p)

    Raises
    ------
    DataError
        If a column is unknown, holds no numbers or is infinite.

    Examples
    --------
    >>> answers_of(pd.DataFrame({"a": [1, 2], "b": [3, None]}), ["b"])["b"].tolist()
    [3.0, nan]
    """
    frame = frame_of(data)
    names = [str(name) for name in frame.columns] if variables is None else [str(name) for name in variables]
    return pd.DataFrame(numeric_columns(frame, names), columns=names, index=frame.index)


def complete_answers(data: Any, variables: Sequence[str] | None = None, *, at_least: int = 2) -> pd.DataFrame:
    """Return the cases that answered every item.

    Parameters
    ----------
    data : pandas.DataFrame, or an object with a ``frame``
    variables : sequence of str, optional
    at_least : int
        Items that are needed.

    Returns
    -------
    pandas.DataFrame, shape (n, p)

    Raises
    ------
    DataError
        If there are too few items or cases, an item is constant, or items depend on each other linearly.

    Examples
    --------
    >>> len(complete_answers(pd.DataFrame({"a": [1, 2, 2, None, 4], "b": [3, 1, 2, 2, 5]})))
    4
    """
    answers = answers_of(data, variables).dropna()
    n, p = answers.shape
    if p < at_least:
        raise DataError("measurement.too_few_items", items=p, needed=at_least)
    if n <= p:
        raise DataError("measurement.too_few_cases", cases=n, items=p)
    constant = [name for name in answers if answers[name].nunique() < 2]
    if constant:
        raise DataError("measurement.constant_items", items=", ".join(map(str, constant)))
    values, vectors = np.linalg.eigh(np.corrcoef(answers.to_numpy(), rowvar=False))
    if values[0] < 1e-10:
        bound = np.abs(vectors[:, values < 1e-10]).max(axis=1) > 1e-6
        raise DataError("measurement.dependent_items", items=", ".join(answers.columns[bound]))
    return answers
