"""Correlations of ordinal and continuous variables: polychoric, tetrachoric, polyserial and product-moment ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.sample.pair_scores import PairTerms, continuous_pairs, mixed_pairs, ordinal_pairs
from cbecmodel.structure.sample.polychoric import LIMIT, maximise, padded, pair_tables, polychoric_correlations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cbecmodel.structure.sample.thresholds import Margin

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_BLOCK: Final = 400_000  # pairs times cases that are held at once


@dataclass(frozen=True, slots=True)
class Pairs:
    """All pairs of variables, in the order of a strict lower triangle, column by column.

    Attributes
    ----------
    row, column : ndarray of int, shape (k,)
    ordinal, mixed, continuous : ndarray of int
        Positions of the pairs of each kind; in a mixed pair ``row`` may be either.
    tabled : bool
        Whether ordinal pairs are estimated from tables, that is without covariates.
    """

    row: Indices
    column: Indices
    ordinal: Indices
    mixed: Indices
    continuous: Indices
    tabled: bool


def pairs_of(ordered: NDArray[np.bool_], *, covariates: bool) -> Pairs:
    """Return the pairs of variables.

    Parameters
    ----------
    ordered : ndarray of bool, shape (p,)
    covariates : bool

    Returns
    -------
    Pairs

    Examples
    --------
    >>> found = pairs_of(np.array([True, True, False]), covariates=False)
    >>> found.row.tolist(), found.column.tolist(), found.mixed.tolist()
    ([1, 2, 2], [0, 0, 1], [1, 2])
    """
    column, row = np.triu_indices(len(ordered), 1)
    count = ordered[row].astype(int) + ordered[column]
    kinds = (np.flatnonzero(count == number) for number in (2, 1, 0))
    ordinal, mixed, continuous = kinds
    return Pairs(row, column, ordinal, mixed, continuous, not covariates)


def limits(margins: Sequence[Margin]) -> tuple[Floats, Floats, Indices]:
    """Stack the limits and categories of variables.

    Parameters
    ----------
    margins : sequence of Margin

    Returns
    -------
    upper, lower : ndarray, shape (p, n)
    codes : ndarray of int, shape (p, n)
    """
    upper = np.stack([one.upper for one in margins])
    return upper, np.stack([one.lower for one in margins]), np.stack([one.codes for one in margins])


def correlations(margins: Sequence[Margin], pairs: Pairs) -> Floats:
    """Return the correlation of every pair.

    Parameters
    ----------
    margins : sequence of Margin
    pairs : Pairs

    Returns
    -------
    ndarray, shape (k,)
    """
    upper, lower, codes = limits(margins)
    rho = np.zeros(len(pairs.row))
    if pairs.ordinal.size and pairs.tabled:
        rho[pairs.ordinal] = _from_tables(margins, codes, pairs)
    start = np.where(codes < 0, np.nan, np.where(np.isfinite(upper), codes, 0)).astype(np.float64)
    continuous = np.array([not one.ordered for one in margins])
    start[continuous] = upper[continuous]
    for kind in (*(() if pairs.tabled else (pairs.ordinal,)), pairs.mixed, pairs.continuous):
        block = max(1, _BLOCK // upper.shape[1])
        for first in range(0, len(kind), block):
            at = kind[first : first + block]
            rho[at] = _casewise(upper, lower, start, pairs, at, continuous=continuous)
    return rho


def ordinal_tables(margins: Sequence[Margin], codes: Indices, pairs: Pairs) -> tuple[Floats, Floats, Floats]:
    """Return tables and thresholds of all pairs of ordinal variables.

    Parameters
    ----------
    margins : sequence of Margin
    codes : ndarray of int, shape (p, n)
    pairs : Pairs

    Returns
    -------
    tables : ndarray, shape (k, C, C)
    first, second : ndarray, shape (k, C - 1)
    """
    ordered = np.flatnonzero([one.ordered for one in margins])
    place = np.full(len(margins), -1)
    place[ordered] = np.arange(len(ordered))
    cuts = padded([margins[index].thresholds for index in ordered.tolist()])
    row, column = place[pairs.row[pairs.ordinal]], place[pairs.column[pairs.ordinal]]
    tables = pair_tables(codes[ordered].T, row, column, cuts.shape[1] + 1)
    return tables, cuts[row], cuts[column]


def _from_tables(margins: Sequence[Margin], codes: Indices, pairs: Pairs) -> Floats:
    tables, first, second = ordinal_tables(margins, codes, pairs)
    return polychoric_correlations(tables, first, second)


def pair_terms(
    upper: Floats, lower: Floats, pairs: Pairs, at: Indices, continuous: NDArray[np.bool_], *, margins: bool = True
) -> tuple[Callable[[Floats], PairTerms], Indices, Indices]:
    """Return the terms of some pairs of one kind as a function of their correlations.

    Parameters
    ----------
    upper, lower : ndarray, shape (p, n)
    pairs : Pairs
    at : ndarray of int
        Pairs of one kind.
    continuous : ndarray of bool, shape (p,)
    margins : bool
        Whether derivatives by limits are needed.

    Returns
    -------
    terms : callable
    first, second : ndarray of int
        Which variable is the first and the second of each pair: in mixed pairs the continuous one is the first.
    """
    one, other = pairs.row[at], pairs.column[at]
    swap = continuous[other] & ~continuous[one]
    one, other = np.where(swap, other, one), np.where(swap, one, other)
    if continuous[other].any():
        return (lambda rho: continuous_pairs(upper[one], upper[other], rho)), one, other
    if continuous[one].any():
        return (lambda rho: mixed_pairs(upper[one], upper[other], lower[other], rho)), one, other
    sides = upper[one], lower[one], upper[other], lower[other]
    return (lambda rho: ordinal_pairs(*sides, rho, margins=margins)), one, other


def _casewise(
    upper: Floats, lower: Floats, start: Floats, pairs: Pairs, at: Indices, *, continuous: NDArray[np.bool_]
) -> Floats:
    """Maximise the likelihood of pairs of one kind by safeguarded Newton steps."""
    a, b = start[pairs.row[at]], start[pairs.column[at]]
    known = ~(np.isnan(a) | np.isnan(b))
    count = known.sum(axis=1)
    a, b = (np.where(known, v - np.nansum(np.where(known, v, 0), axis=1)[:, None] / count[:, None], 0) for v in (a, b))
    spread = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    start_at = (a * b).sum(axis=1) / np.where(spread > 0, spread, 1)
    # product-moment correlations have no limit of their own
    straight = bool(continuous[pairs.row[at]].all() and continuous[pairs.column[at]].all())

    def derivatives(z: Floats, some: Indices) -> tuple[Floats, Floats]:
        terms, _, _ = pair_terms(upper, lower, pairs, at[some], continuous, margins=False)
        rho = np.tanh(z)
        found, rest = terms(rho), 1 - rho**2
        gradient = np.nansum(found.score, axis=1) / count[some]
        hessian = np.nansum(found.bend, axis=1) / count[some] * rest**2 - 2 * rho * rest * gradient
        return gradient * rest, hessian

    return maximise(derivatives, start_at, 1 - 1e-9 if straight else LIMIT)
