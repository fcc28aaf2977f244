r"""Incomplete data arranged for linear algebra.

Cases are kept as rows whose cross-products are those of the data: a case of a small pattern as it is; the many cases of a large
pattern as its mean times the root of its size, and as many rows as reproduce its covariances. All formulas of this
module's users then sum over rows, and batches of patterns with equally many gaps share each operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cbecmodel.structure.sample.incomplete import MissingPattern

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_BATCH: Final = 2048  # patterns at once: bounds the memory that p x p matrices of patterns take
_NOTHING: Final = 1e-14  # share of the largest eigenvalue below which a direction holds nothing


@dataclass(frozen=True, slots=True)
class Batch:
    """Patterns with equally many gaps.

    Attributes
    ----------
    hidden : ndarray of int, shape (J, k)
        The variables each pattern did not answer.
    n : ndarray, shape (J,)
        Cases of each.
    rows : ndarray, shape (R, p)
        Sorted by pattern; zero where there is no answer.
    loads : ndarray, shape (R, p)
        How often the mean is in each row: ``rows - loads * mu`` are deviations.
    load : ndarray, shape (R,)
        Largest element of each row of ``loads``.
    member : ndarray of int, shape (R,)
        Pattern of each row.
    """

    hidden: Indices
    n: Floats
    rows: Floats
    loads: Floats
    load: Floats
    member: Indices


@dataclass(frozen=True, slots=True)
class Answers:
    """Incomplete data of one group.

    Attributes
    ----------
    n : float
        Cases, or the sum of their weights.
    p : int
    batches : tuple of Batch
    """

    n: float
    p: int
    batches: tuple[Batch, ...]

    @property
    def n_patterns(self) -> int:
        """Return the number of patterns.

        Returns
        -------
        int
        """
        return sum(len(batch.n) for batch in self.batches)


def arranged(patterns: Sequence[MissingPattern], p: int) -> Answers:
    """Arrange patterns of missing answers.

    Parameters
    ----------
    patterns : sequence of MissingPattern
    p : int
        Number of variables.

    Returns
    -------
    Answers

    Examples
    --------
    >>> from cbecmodel.structure.sample.incomplete import missing_patterns
    >>> data = np.array([[1.0, 2.0], [np.nan, 3.0], [2.0, 1.0], [3.0, 3.0]])
    >>> answers = arranged(missing_patterns(data), 2)
    >>> int(answers.n), answers.n_patterns, sum(float((b.rows.T @ b.rows)[1, 1]) for b in answers.batches)
    (4, 2, 23.0)
    """
    found: list[Batch] = []
    by_size = sorted(patterns, key=lambda one: -len(one.observed))
    for _, same in groupby(by_size, key=lambda one: len(one.observed)):
        members = list(same)
        found.extend(_batch(members[at : at + _BATCH], p) for at in range(0, len(members), _BATCH))
    return Answers(sum(one.n for one in patterns), p, tuple(found))


def _batch(patterns: Sequence[MissingPattern], p: int) -> Batch:
    every = np.arange(p)
    hidden = np.array([np.setdiff1d(every, one.observed, assume_unique=True) for one in patterns], dtype=np.intp)
    rows, loads, load, member = [], [], [], []
    for number, one in enumerate(patterns):
        for part, weight in _rows(one):
            whole, seen = np.zeros((len(part), p)), np.zeros((len(part), p))
            whole[:, one.observed], seen[:, one.observed] = part, weight
            rows.append(whole)
            loads.append(seen)
            load.append(np.full(len(part), weight))
            member.append(np.full(len(part), number, dtype=np.intp))
    n = np.array([one.n for one in patterns], dtype=np.float64)
    return Batch(
        hidden.reshape(len(patterns), -1),
        n,
        np.concatenate(rows),
        np.concatenate(loads),
        np.concatenate(load),
        np.concatenate(member),
    )


def _rows(one: MissingPattern) -> Iterator[tuple[Floats, float]]:
    """Yield rows of a pattern with the multiple of the mean in them."""
    root = float(np.sqrt(one.n))
    yield root * one.mean[None], root
    if len(one.cases) > 1:
        values, vectors = np.linalg.eigh(one.cov)
        kept = values > _NOTHING * values[-1]
        yield root * np.sqrt(values[kept])[:, None] * vectors[:, kept].T, 0.0
