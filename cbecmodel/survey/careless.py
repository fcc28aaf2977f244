"""Indices of careless answering on plain arrays, vectorised over respondents.

Values equal the R package careless 1.2.2 where it has the index [1]_. Arrays have a row a respondent and a column an
item, in the order the items are asked; NaN is no answer.

References
----------
.. [1] Yentes, R. D., & Wilhelm, F. (2023). careless: Procedures for computing indices of careless responding. R package 1.2.2.
.. [2] Meade, A. W., & Craig, S. B. (2012). Identifying careless responses in survey data. Psychological Methods, 17(3), 437-455.
.. [3] Curran, P. G. (2016). Methods for the detection of carelessly invalid responses in survey data. Journal of
   Experimental Social Psychology, 66, 4-19.
.. [4] Dunn, A. M., Heggestad, E. D., Shanock, L. R., & Theilgard, N. (2018). Intra-individual response variability as an
   indicator of insufficient effort responding. Journal of Business and Psychology, 33(1), 105-121.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Vector = NDArray[np.float64]

_CHUNK_CELLS: Final = 4_000_000


def longstring(answers: Matrix) -> Vector:
    """Return the length of the longest run of one answer.

    Parameters
    ----------
    answers : numpy.ndarray of shape (n, p)

    Returns
    -------
    numpy.ndarray of shape (n,)
        A missing answer ends a run.

    Examples
    --------
    >>> longstring(np.array([[1.0, 2, 2, 2, 3], [4, 4, np.nan, 4, 4]]))
    array([3., 2.])
    """
    n, p = answers.shape
    run, longest = np.zeros(n), np.zeros(n)
    for column in range(p):
        now = answers[:, column]
        same = now == answers[:, column - 1] if column else np.zeros(n, dtype=bool)
        run = np.where(same, run + 1, np.where(np.isnan(now), 0, 1))
        np.maximum(longest, run, out=longest)
    return longest


def irv(answers: Matrix) -> Vector:
    """Return the intra-individual response variability: the standard deviation (ddof 1) of a respondent's answers.

    Parameters
    ----------
    answers : numpy.ndarray of shape (n, p)

    Returns
    -------
    numpy.ndarray of shape (n,)
        Missing answers are left out; NaN with fewer than two.

    Examples
    --------
    >>> irv(np.array([[3.0, 3, 3], [1, 4, 7]]))
    array([0., 3.])
    """
    spread = np.full(len(answers), np.nan)
    for rows in _chunks(*answers.shape):
        given = ~np.isnan(answers[rows])
        count = given.sum(axis=1).astype(float)
        mean = _divide(np.where(given, answers[rows], 0.0).sum(axis=1), count)
        squares = (np.where(given, answers[rows] - mean[:, None], 0.0) ** 2).sum(axis=1)
        spread[rows] = np.sqrt(_divide(squares, np.where(count > 1, count - 1, 0)))
    return spread


def mahalanobis(answers: Matrix) -> tuple[Vector, int]:
    r"""Return the squared Mahalanobis distance of each respondent from the mean of all.

    :math:`D_i^2 = (x_i - \bar x)' S^{-1} (x_i - \bar x)` with pairwise covariances (ddof 1); a missing answer counts as
    the mean of its item, which makes the distance too small rather than too large. Where covariances are singular the
    pseudo-inverse is taken and the degrees of freedom are its rank.

    Parameters
    ----------
    answers : numpy.ndarray of shape (n, p)
        Without reversing or with it: the distance is the same.

    Returns
    -------
    distances : numpy.ndarray of shape (n,)
        NaN for a respondent without answers.
    df : int
        To compare them with chi-squared.

    Examples
    --------
    >>> distances, df = mahalanobis(np.array([[1.0, 2], [2, 1], [3, 4], [4, 3], [9, 9]]))
    >>> distances.round(3).tolist(), df
    ([1.56, 1.56, 1.01, 1.01, 2.861], 2)
    """
    highest, lowest = np.fmax.reduce(answers, axis=0), np.fmin.reduce(answers, axis=0)
    differ = highest > lowest
    varying = answers if differ.all() else answers[:, differ]
    covariance, mean = _pairwise_covariance(varying)
    values, vectors = np.linalg.eigh(covariance)
    keep = values > values.max(initial=0.0) * max(varying.shape) * np.finfo(float).eps
    root = vectors[:, keep] / np.sqrt(values[keep])
    distances = np.full(len(answers), np.nan)
    for rows in _chunks(*varying.shape):
        centred = np.nan_to_num(varying[rows] - mean)
        distances[rows] = ((centred @ root) ** 2).sum(axis=1)
    distances[np.isnan(np.fmax.reduce(answers, axis=1))] = np.nan
    return distances, int(keep.sum())


def even_odd(answers: Matrix, sizes: Sequence[int]) -> Vector:
    r"""Return the even-odd inconsistency of each respondent.

    Each scale is split into its even and odd items; with :math:`r` the correlation of the two half-scale means across
    scales, the index is :math:`-2r / (1 + r)`, the Spearman-Brown corrected correlation with its sign turned as in
    careless ≥ 1.2.0: **higher is more careless**, −1 is perfectly consistent. Corrected correlations below −1 are set to
    −1 before the sign is turned.

    Parameters
    ----------
    answers : numpy.ndarray of shape (n, p)
        Reversed items reversed, the items of a scale side by side.
    sizes : sequence of int
        Number of items of each scale, in order; scales of one item are left out.

    Returns
    -------
    numpy.ndarray of shape (n,)
        NaN where fewer than three scales have both halves, or halves do not vary.

    Examples
    --------
    >>> consistent = np.array([[1.0, 1, 4, 4, 7, 7, 2, 2]])
    >>> even_odd(consistent, [2, 2, 2, 2])
    array([-1.])
    """
    starts = np.cumsum([0, *sizes])
    parts = [answers[:, start:stop] for start, stop in pairwise(starts) if stop - start > 1]
    if len(parts) < 3:
        return np.full(len(answers), np.nan)
    even = np.column_stack([_row_mean(part[:, 1::2]) for part in parts])
    odd = np.column_stack([_row_mean(part[:, 0::2]) for part in parts])
    r = row_correlation(even, odd, minimum=3)
    return -np.maximum(_divide(2 * r, 1 + r), -1.0)


def synonym_pairs(answers: Matrix, critical: float = 0.60, *, antonyms: bool = False) -> NDArray[np.int64]:
    """Find pairs of items that correlate strongly across respondents.

    Parameters
    ----------
    answers : numpy.ndarray of shape (n, p)
    critical : float
        Pairs with r above it (antonyms: below its negative).
    antonyms : bool

    Returns
    -------
    numpy.ndarray of shape (pairs, 2)
        Columns of the later and the earlier item.

    Examples
    --------
    >>> x = np.arange(8.0)
    >>> synonym_pairs(np.column_stack([x, 2 * x, -x])).tolist()
    [[1, 0]]
    """
    return strong_pairs(correlations(answers), critical, antonyms=antonyms)


def correlations(answers: Matrix) -> Matrix:
    """Return correlations across respondents, each over those who answered both items.

    Parameters
    ----------
    answers : numpy.ndarray of shape (n, p)

    Returns
    -------
    numpy.ndarray of shape (p, p)
        Zero where an item does not vary.

    Examples
    --------
    >>> correlations(np.array([[1.0, 3], [2, 2], [3, 1]])).round(3).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    return _pairwise_covariance(answers, correlation=True)[0]


def strong_pairs(correlation: Matrix, critical: float, *, antonyms: bool = False) -> NDArray[np.int64]:
    """Find pairs in a matrix of correlations; see :func:`synonym_pairs`.

    Parameters
    ----------
    correlation : numpy.ndarray of shape (p, p)
    critical : float
    antonyms : bool

    Returns
    -------
    numpy.ndarray of shape (pairs, 2)
    """
    strong = correlation < -critical if antonyms else correlation > critical
    later, earlier = np.nonzero(np.tril(strong, k=-1))
    order = np.lexsort((later, earlier))
    return np.column_stack([later[order], earlier[order]])


def synonyms(answers: Matrix, pairs: NDArray[np.int64]) -> Vector:
    """Return the within-person correlation over pairs of like items.

    Parameters
    ----------
    answers : numpy.ndarray of shape (n, p)
    pairs : numpy.ndarray of shape (pairs, 2)
        From :func:`synonym_pairs`.

    Returns
    -------
    numpy.ndarray of shape (n,)
        Near 1 is consistent; NaN with fewer than three answered pairs or no variation. Where only one side of the pairs does
        not vary, the order within every second unequal pair is turned; R's careless turns pairs at random until it varies.

    Examples
    --------
    >>> answers = np.array([[1.0, 1, 4, 4, 6, 6]])
    >>> synonyms(answers, np.array([[1, 0], [3, 2], [5, 4]]))
    array([1.])
    """
    found = np.full(len(answers), np.nan)
    if len(pairs) < 3:
        return found
    width = answers.shape[1]
    joined = np.zeros((width, width))
    joined[pairs[:, 0], pairs[:, 1]] = 1.0
    for rows in _chunks(len(answers), 4 * width):
        r, turnable = _pair_correlation(answers[rows], joined)
        some = answers[rows][turnable]
        if len(some):
            r[turnable] = _turned_correlation(some, pairs)
        found[rows] = r
    return found


def _pair_correlation(answers: Matrix, joined: Matrix) -> tuple[Vector, NDArray[np.bool_]]:
    """Correlate over pairs by sums that are products of matrices: as fast for a thousand pairs as for ten.

    Also says which rows do not vary on one side although some pairs differ.
    """
    given = (~np.isnan(answers)).astype(float)
    x = np.nan_to_num(answers)
    later, later_given = x @ joined, given @ joined
    count = (later_given * given).sum(axis=1)
    sum_x, sum_y = (later * given).sum(axis=1), (later_given * x).sum(axis=1)
    square_x, square_y = ((x * x) @ joined * given).sum(axis=1), (later_given * x * x).sum(axis=1)
    product = (later * x).sum(axis=1)
    spread_x, spread_y = count * square_x - sum_x**2, count * square_y - sum_y**2
    nothing = 1e-9 * np.maximum(
        count * (square_x + square_y), 1.0
    )  # sums of codes are exact; of other numbers nearly so
    flat = (spread_x <= nothing) | (spread_y <= nothing)
    few = count < 3
    scale = np.sqrt(np.where(flat | few, 1.0, spread_x * spread_y))
    r = np.where(flat | few, np.nan, np.clip((count * product - sum_x * sum_y) / scale, -1.0, 1.0))
    return r, flat & ~few & (square_x + square_y - 2 * product > nothing)


def _turned_correlation(answers: Matrix, pairs: NDArray[np.int64]) -> Vector:
    parts = []
    for rows in _chunks(len(answers), len(pairs)):
        turned = _turn_every_second(answers[rows][:, pairs[:, 0]], answers[rows][:, pairs[:, 1]])
        parts.append(row_correlation(*turned, minimum=3))
    return np.concatenate(parts)


def _turn_every_second(later: Matrix, earlier: Matrix) -> tuple[Matrix, Matrix]:
    unequal = (later != earlier) & ~np.isnan(later) & ~np.isnan(earlier)
    turned = unequal & (np.cumsum(unequal, axis=1) % 2 == 0)
    return np.where(turned, earlier, later), np.where(turned, later, earlier)


def row_correlation(x: Matrix, y: Matrix, minimum: int = 2) -> Vector:
    """Return the correlation of two arrays row by row, over columns that both have.

    Parameters
    ----------
    x, y : numpy.ndarray of shape (n, k)
    minimum : int
        Columns needed.

    Returns
    -------
    numpy.ndarray of shape (n,)
        NaN where there are too few columns or no variation.

    Examples
    --------
    >>> row_correlation(np.array([[1.0, 2, 3]]), np.array([[2.0, 4, 6]]))
    array([1.])
    """
    both = ~(np.isnan(x) | np.isnan(y))
    count = both.sum(axis=1).astype(float)
    dx = np.where(both, x - _row_mean(np.where(both, x, np.nan))[:, None], 0.0)
    dy = np.where(both, y - _row_mean(np.where(both, y, np.nan))[:, None], 0.0)
    sxx, syy, sxy = (dx * dx).sum(axis=1), (dy * dy).sum(axis=1), (dx * dy).sum(axis=1)
    flat = (sxx < 1e-12) | (syy < 1e-12) | (count < minimum)
    scale = np.sqrt(np.where(flat, 1.0, sxx) * np.where(flat, 1.0, syy))
    return np.where(flat, np.nan, np.clip(sxy / scale, -1.0, 1.0))


def _divide(numerator: Vector, denominator: Vector) -> Vector:
    out: Vector = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out


def _row_mean(part: Matrix) -> Vector:
    given = ~np.isnan(part)
    return _divide(np.where(given, part, 0.0).sum(axis=1), given.sum(axis=1).astype(float))


def _pairwise_covariance(answers: Matrix, *, correlation: bool = False) -> tuple[Matrix, Vector]:
    """Return covariances over the rows each pair of columns shares (R: ``pairwise.complete.obs``), and column means."""
    n, p = answers.shape
    mean = _row_mean(answers.T)
    counts, sums, squares, products = (np.zeros((p, p)) for _ in range(4))
    for rows in _chunks(n, p):
        given = (~np.isnan(answers[rows])).astype(float)
        centred = np.nan_to_num(answers[rows] - mean)
        counts += given.T @ given
        sums += centred.T @ given
        squares += (centred**2).T @ given
        products += centred.T @ centred
    shared = np.maximum(counts, 1.0)
    cross = products - sums * sums.T / shared
    if not correlation:
        return cross / np.maximum(counts - 1, 1.0), mean
    spread = squares - sums**2 / shared
    scale = np.sqrt(np.maximum(spread, 0.0) * np.maximum(spread.T, 0.0))
    return np.divide(cross, scale, out=np.zeros((p, p)), where=scale > 1e-12), mean


def _chunks(n: int, width: int) -> list[slice]:
    """Blocks of rows that keep intermediate arrays small."""
    step = max(1, _CHUNK_CELLS // max(width, 1))
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]
