"""Answer sheets that occur twice: the same answers throughout, or the same self-generated code, within one wave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from cbecmodel.survey.screening_index import Index, measured, nothing
from cbecmodel.survey.text_matching import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cbecmodel.survey.responses import Responses
    from cbecmodel.survey.screening_rules import Rules

_ABSENT: Final = -1e9  # stands for a missing answer, so that two sheets with the same gaps are the same


def repeated_answers(responses: Responses, given: NDArray[np.float64], rules: Rules) -> Iterator[Index]:
    """Find respondents of one wave with the same answers, and with the same self-generated code.

    Parameters
    ----------
    responses : Responses
    given : numpy.ndarray of shape (n, items)
        Their answers to the items.
    rules : Rules

    Yields
    ------
    Index
        ``duplicates`` and ``repeated_codes``: how many respondents share the answers or the code, oneself included.
    """
    n, wave = len(given), _wave(responses)
    if rules.duplicates is None:
        yield nothing("duplicates", n)
    else:
        alike = np.full(n, np.nan)
        compared = _comparable(given, rules.minimum_items)
        alike[compared] = same_rows(given, wave, compared)
        yield measured("duplicates", f"≥ {rules.duplicates:g}", alike, alike >= rules.duplicates)
    yield _codes(responses, wave, rules)


def _comparable(given: NDArray[np.float64], fewest: int) -> NDArray[np.bool_]:
    """Say whose answers would hardly coincide by themselves: many, and not all alike."""
    n = len(given)
    answered, highest, lowest = np.zeros(n), np.full(n, -np.inf), np.full(n, np.inf)
    for column in given.T:
        answered += ~np.isnan(column)
        np.fmax(highest, column, out=highest)
        np.fmin(lowest, column, out=lowest)
    return np.asarray((answered >= fewest) & (highest > lowest))


def same_rows(
    rows: NDArray[np.float64], group: NDArray[np.float64], among: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Count for every row how often it occurs in its group, itself included; two missing values are equal.

    Parameters
    ----------
    rows : numpy.ndarray of shape (n, p)
    group : numpy.ndarray of shape (n,)
    among : numpy.ndarray of bool, shape (n,), optional
        Rows to look at; m of them.

    Returns
    -------
    numpy.ndarray of shape (m,)

    Examples
    --------
    >>> same_rows(np.array([[1.0, np.nan], [2, 3], [1, np.nan]]), np.zeros(3)).tolist()
    [2, 1, 2]
    """
    among = np.ones(len(rows), dtype=bool) if among is None else among
    # equal rows have equal sums of products; rows whose sums are equal by accident are told apart below
    weights: list[float] = np.random.default_rng(0).standard_normal(rows.shape[1] + 1).tolist()
    key = group * weights[0]
    for column, weight in zip(rows.T, weights[1:], strict=True):  # column by column: no copy of all answers
        key += np.where(np.isnan(column), _ABSENT, column) * weight
    counts = np.ones(int(among.sum()), dtype=np.int64)
    suspects = np.flatnonzero(pd.Series(key[among]).duplicated(keep=False).to_numpy())
    if len(suspects):
        at = np.flatnonzero(among)[suspects]
        compared = np.nan_to_num(np.column_stack([group[at], rows[at]]), nan=_ABSENT)
        _, which, n = np.unique(compared, axis=0, return_inverse=True, return_counts=True)
        counts[suspects] = n[which.ravel()]
    return counts


def _wave(responses: Responses) -> NDArray[np.float64]:
    """Return the number of each wave; everybody is in one where the file does not say."""
    frame, asked = responses.frame, responses.instrument.keys.wave
    name = "wave" if "wave" in frame else asked
    if name is None or name not in frame:
        return np.zeros(len(frame))
    return np.asarray(pd.factorize(frame[name])[0], dtype=float)


def _codes(responses: Responses, wave: NDArray[np.float64], rules: Rules) -> Index:
    frame, asked = responses.frame, responses.instrument.keys.person
    threshold = "" if rules.repeated_codes is None else f"≥ {rules.repeated_codes:g}"
    if rules.repeated_codes is None or asked is None or asked not in frame:
        return nothing("repeated_codes", len(frame), threshold)
    code = frame[asked].map(fold, na_action="ignore")
    counts = code.groupby([code, wave]).transform("size").to_numpy(dtype=float)
    return measured("repeated_codes", threshold, counts, counts >= rules.repeated_codes)
