"""Heterotrait–monotrait ratios of correlations, for one sample or for thousands of resamples."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Array: TypeAlias = NDArray[np.float64]


def membership(blocks: Sequence[Sequence[int]], p: int) -> Array:
    """Return which item belongs to which construct.

    Parameters
    ----------
    blocks : sequence of sequence of int
        Places of each construct's items.
    p : int
        Items in all.

    Returns
    -------
    ndarray, shape (p, q)
        Ones and zeros.

    Examples
    --------
    >>> membership([[0, 1], [2]], 3).tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    out = np.zeros((p, len(blocks)))
    for column, block in enumerate(blocks):
        out[list(block), column] = 1
    return out


def ratios(correlations: Array, member: Array, *, geometric: bool = False) -> Array:
    r"""Return heterotrait–monotrait ratios.

    :math:`\overline{|r|}_{ij} / \sqrt{\overline{|r|}_{ii}\,\overline{|r|}_{jj}}`, with arithmetic means over pairs of different
    items (HTMT) or geometric ones (HTMT2).

    Parameters
    ----------
    correlations : ndarray, shape (p, p)
    member : ndarray, shape (p, q)
        Of items in constructs, see :func:`membership`.
    geometric : bool

    Returns
    -------
    ndarray, shape (q, q)
        Ones on the diagonal; NaN beside a construct with fewer than two items.

    Examples
    --------
    >>> r = np.full((4, 4), 0.3) + np.kron(np.eye(2), np.full((2, 2), 0.3))
    >>> ratios(r, membership([[0, 1], [2, 3]], 4)).round(3).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    sizes = np.abs(correlations)
    np.fill_diagonal(sizes, 1.0)
    if geometric:
        with np.errstate(divide="ignore"):
            sizes = np.log(sizes)
    counts = member.sum(axis=0)
    sums = member.T @ np.where(np.isfinite(sizes), sizes, -1e300) @ member
    own = counts * (counts - 1)
    within = np.diag(sums) - (0 if geometric else counts)  # an item's correlation with itself does not count
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        inner = np.where(own > 0, within / own, np.nan)
        between = sums / np.outer(counts, counts)
        arithmetic = between / np.sqrt(np.outer(inner, inner))
        out: Array = np.exp(between - (inner[:, None] + inner) / 2) if geometric else arithmetic
    np.fill_diagonal(out, 1.0)
    return out


def resampled_ratios(cases: Array, member: Array, replicates: int, seed: int, *, geometric: bool = False) -> Array:
    """Return the ratios of bootstrap samples.

    Parameters
    ----------
    cases : ndarray, shape (n, p)
        Complete answers.
    member : ndarray, shape (p, q)
    replicates : int
    seed : int
    geometric : bool

    Returns
    -------
    ndarray, shape (replicates, q, q)

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> cases = rng.normal(size=(100, 1)) + rng.normal(size=(100, 4))
    >>> resampled_ratios(cases, membership([[0, 1], [2, 3]], 4), 10, seed=1).shape
    (10, 2, 2)
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    n = len(cases)
    centred = cases - cases.mean(axis=0)
    out = np.empty((replicates, member.shape[1], member.shape[1]))
    for number in range(replicates):
        drawn = centred[rng.integers(n, size=n)]
        mean = drawn.mean(axis=0)
        cov = drawn.T @ drawn / n - np.outer(mean, mean)
        sd = np.sqrt(np.diag(cov))
        with np.errstate(divide="ignore", invalid="ignore"):
            out[number] = ratios(cov / np.outer(sd, sd), member, geometric=geometric)
    return out
