"""Sample moments: what an estimator for complete data sees of the data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cbecmodel.errors import DataError
from cbecmodel.structure.sample.answers import Answers, arranged
from cbecmodel.structure.sample.columns import Floats, frame_of, numeric_columns
from cbecmodel.structure.sample.expectation import expected, saturated_moments
from cbecmodel.structure.sample.incomplete import (
    MissingPattern,
    available_moments,
    missing_patterns,
)
from cbecmodel.structure.sample.linear import row_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cbecmodel.structure.sample.design import CaseDesign
    from cbecmodel.structure.sample.statistics import OrdinalStatistics

_DEPENDENT = 1e-10  # smallest eigenvalue of a correlation matrix that still carries information


@dataclass(frozen=True)
class SampleMoments:
    """Moments of one group.

    Attributes
    ----------
    names : tuple of str
        The p observed variables.
    n : float
        Cases used; with sampling weights, the sum of the group's.
    cov : ndarray, shape (p, p)
        Divisor N (N − 1 under the Wishart likelihood).
    mean : ndarray, shape (p,)
    raw : ndarray, shape (n, p), or None
        The complete cases; None when moments were given.
    rows : ndarray of int, shape (n,), or None
        Positions of those cases in the data.
    n_dropped : int
    patterns : tuple of MissingPattern
        With incomplete data: then ``cov`` and ``mean`` are the maximum-likelihood estimates of the saturated model.
    design : CaseDesign, optional
        How the cases were sampled, if not at random with equal chances.
    gamma : ndarray, shape (p + p*, p + p*), optional
        Sampling covariances of root n times the moments (means first), where a first stage estimated them.
    ordinal : OrdinalStatistics, optional
        Of data with ordinal variables: then ``cov`` and ``mean`` are those given fixed exogenous variables.
    """

    names: tuple[str, ...]
    n: float
    cov: Floats
    mean: Floats
    raw: Floats | None = None
    rows: NDArray[np.intp] | None = None
    n_dropped: int = 0
    patterns: tuple[MissingPattern, ...] = ()
    design: CaseDesign | None = None
    gamma: Floats | None = None
    ordinal: OrdinalStatistics | None = None

    @property
    def weights(self) -> Floats | None:
        """Return the sampling weights.

        Returns
        -------
        ndarray, shape (n,), or None
        """
        return None if self.design is None else self.design.weights

    @property
    def n_answers(self) -> float:
        """Return the number of values that are there.

        Returns
        -------
        float
        """
        if self.patterns:
            return sum(one.n * len(one.observed) for one in self.patterns)
        return self.n * len(self.names)

    @cached_property
    def answers(self) -> Answers:
        """Return incomplete data arranged for linear algebra.

        Returns
        -------
        Answers
        """
        return arranged(self.patterns, len(self.names))

    @cached_property
    def saturated(self) -> float:
        """Return the discrepancy of the saturated model (minus two log-likelihoods a case, without its constant).

        Returns
        -------
        float
        """
        if self.patterns:
            return self.discrepancy(self.mean, self.cov)
        return float(np.linalg.slogdet(self.cov)[1]) + len(self.names)

    def discrepancy(self, mean: Floats, cov: Floats) -> float:
        """Return the discrepancy of incomplete data at given moments.

        Parameters
        ----------
        mean : ndarray, shape (p,)
        cov : ndarray, shape (p, p)

        Returns
        -------
        float
            ``inf`` where the covariances are not positive definite.
        """
        found = expected(self.answers, mean, cov)
        return float("inf") if found is None else found.value


def moments_from_data(data: Any, names: Sequence[str], likelihood: str = "normal") -> SampleMoments:
    """Return the moments of the complete cases; only the model's variables decide what is complete.

    Parameters
    ----------
    data : pandas.DataFrame or object with a ``frame``
    names : sequence of str
    likelihood : {"normal", "wishart"}

    Returns
    -------
    SampleMoments

    Raises
    ------
    DataError
        If a variable is unknown, not numeric, infinite, empty, constant, or a linear combination of others, or if there
        are no more cases than variables.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1.0, 2, 4, 5], "b": [2.0, 1, 0, None]})
    >>> moments = moments_from_data(frame, ["a", "b"])
    >>> moments.n, moments.n_dropped
    (3, 1)
    """
    values = numeric_columns(frame_of(data), names)
    return array_moments(values, names, likelihood)


def array_moments(
    values: Floats, names: Sequence[str], likelihood: str = "normal", design: CaseDesign | None = None
) -> SampleMoments:
    """Return the moments of the complete rows of an array.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        NaN is missing.
    names : sequence of str
    likelihood : {"normal", "wishart"}
    design : CaseDesign, optional
        Of the n rows.

    Returns
    -------
    SampleMoments

    Raises
    ------
    DataError
    """
    absent = np.isnan(values)
    _refuse_empty(absent, names)
    rows = np.flatnonzero(~absent.any(axis=1))
    complete = values if len(rows) == len(values) else values[rows]
    n, p = complete.shape
    if n <= p:
        raise DataError("structure.too_few_cases", n=n, p=p, dropped=len(values) - n)
    _refuse_constants(complete, names)
    used = None if design is None else design.at(rows)
    size, mean, cov = _moments(complete, used)
    cov = cov * (n / (n - 1)) if likelihood == "wishart" else cov
    _refuse_dependence(cov, names)
    return SampleMoments(tuple(names), size, cov, mean, complete, rows, len(values) - n, design=used)


def _moments(values: Floats, design: CaseDesign | None) -> tuple[float, Floats, Floats]:
    """Return number of cases, mean and covariances (divisor n), each weighted."""
    if design is None or design.weights is None:
        size, mean = float(len(values)), values.mean(axis=0)
    else:
        size = float(design.weights.sum())
        mean = design.weights @ values / size
    cov = np.zeros((len(mean), len(mean)))
    for rows in row_blocks(len(values)):
        centred = values[rows] - mean
        share = centred if design is None or design.weights is None else centred * design.weights[rows, None]
        cov += share.T @ centred
    return (len(values) if design is None or design.weights is None else size), mean, cov / size


def incomplete_moments(
    values: Floats, names: Sequence[str], needed: Sequence[str], design: CaseDesign | None = None
) -> SampleMoments:
    """Return the moments of incomplete data by maximum likelihood.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        NaN is missing.
    names : sequence of str
    needed : sequence of str
        Variables a case must have answered (fixed exogenous ones); cases that answered nothing are left out too.
    design : CaseDesign, optional
        Of the n rows.

    Returns
    -------
    SampleMoments

    Raises
    ------
    DataError
    """
    absent = np.isnan(values)
    _refuse_empty(absent, names)
    required = [list(names).index(name) for name in needed]
    kept = ~absent.all(axis=1) & ~absent[:, required].any(axis=1)
    rows = np.flatnonzero(kept)
    answered = values if len(rows) == len(values) else values[rows]
    n, p = answered.shape
    if n <= p:
        raise DataError("structure.too_few_cases", n=n, p=p, dropped=len(values) - n)
    spread = np.nanmax(answered, axis=0) - np.nanmin(answered, axis=0)
    flat = [name for name, gap in zip(names, spread, strict=True) if not gap > 0]
    if flat:
        raise DataError("structure.constant", variables=", ".join(flat))
    _refuse_uncovered(answered, names)
    used = None if design is None else design.at(rows)
    weights = None if used is None else used.weights
    patterns = missing_patterns(answered, weights)
    mean, variance = available_moments(answered, weights)
    mean, cov = saturated_moments(arranged(patterns, p), mean, np.diag(variance))
    _refuse_dependence(cov, names)
    size = n if weights is None else float(weights.sum())
    return SampleMoments(tuple(names), size, cov, mean, answered, rows, len(values) - n, patterns, used)


def _refuse_empty(absent: NDArray[np.bool_], names: Sequence[str]) -> None:
    empty = [name for name, gone in zip(names, np.atleast_1d(absent.all(axis=0)), strict=True) if gone]
    if empty:
        raise DataError("structure.all_missing", variables=", ".join(empty))


def _refuse_uncovered(values: Floats, names: Sequence[str]) -> None:
    """Raise if no case answered both variables of a pair."""
    answered = (~np.isnan(values)).astype(np.float64)
    together = answered.T @ answered
    i, j = np.nonzero(np.triu(together == 0, 1))
    if i.size:
        pairs = ", ".join(f"{names[a]} & {names[b]}" for a, b in zip(i.tolist(), j.tolist(), strict=True))
        raise DataError("structure.never_together", pairs=pairs)


def moments_from_summary(
    names: Sequence[str], cov: Any, mean: Any = None, n: int | None = None, likelihood: str = "normal"
) -> SampleMoments:
    """Return moments that were published instead of data.

    Parameters
    ----------
    names : sequence of str
        The model's observed variables.
    cov : pandas.DataFrame
        Sample covariances (divisor N − 1) with variable names as rows and columns; the lower triangle is enough.
    mean : pandas.Series or mapping, optional
        Zero if not given.
    n : int
        Number of cases.
    likelihood : {"normal", "wishart"}
        Under ``"normal"`` the covariances are multiplied by (N − 1)/N, as lavaan does.

    Returns
    -------
    SampleMoments

    Raises
    ------
    DataError

    Examples
    --------
    >>> cov = pd.DataFrame([[2.0, 1.0], [1.0, 2.0]], index=["a", "b"], columns=["a", "b"])
    >>> float(moments_from_summary(["a", "b"], cov, n=10).cov[0, 0])
    1.8
    """
    if not isinstance(cov, pd.DataFrame):
        raise DataError("structure.summary_needs_names", kind=type(cov).__name__)
    if n is None:
        raise DataError("structure.summary_needs_n")
    table = cov.set_axis([str(name) for name in cov.columns], axis=1).set_axis([str(c) for c in cov.columns], axis=0)
    numeric_columns(table, list(names))
    matrix = table.loc[list(names), list(names)].to_numpy(dtype=np.float64)
    matrix = np.where(np.isnan(matrix), matrix.T, matrix)
    if np.isnan(matrix).any() or not np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-12):
        raise DataError("structure.not_symmetric")
    if n <= len(names):
        raise DataError("structure.too_few_cases", n=n, p=len(names), dropped=0)
    means = pd.Series(dict.fromkeys(names, 0.0) if mean is None else mean, dtype=np.float64)
    absent = [name for name in names if name not in means.index]
    if absent:
        raise DataError(
            "structure.unknown_variable", variables=", ".join(absent), known=", ".join(map(str, means.index))
        )
    matrix = (matrix + matrix.T) / 2 * (1.0 if likelihood == "wishart" else (n - 1) / n)
    _refuse_dependence(matrix, names)
    return SampleMoments(tuple(names), int(n), matrix, means[list(names)].to_numpy())


def _refuse_constants(values: Floats, names: Sequence[str]) -> None:
    highest, lowest = values.max(axis=0), values.min(axis=0)
    spread, size = highest - lowest, np.maximum(np.abs(highest), np.abs(lowest))
    constant = [name for name, flat in zip(names, spread <= 1e-13 * size, strict=True) if flat]
    if constant:
        raise DataError("structure.constant", variables=", ".join(constant))


def _refuse_dependence(cov: Floats, names: Sequence[str]) -> None:
    """Raise if variables are linear combinations of each other, naming every member of every such set."""
    variance = np.diag(cov)
    if (variance <= 0).any():
        at = [name for name, v in zip(names, variance, strict=True) if v <= 0]
        raise DataError("structure.constant", variables=", ".join(at))
    scale = np.sqrt(variance)
    values, vectors = np.linalg.eigh(cov / np.outer(scale, scale))
    if values[0] < -_DEPENDENT:
        raise DataError("structure.not_positive_definite", smallest=float(values[0]))
    null = vectors[:, values < _DEPENDENT].T
    if null.size:
        found = _merged_pairs(dependent_sets(null))
        sets = "; ".join(", ".join(names[i] for i in members) for members in found)
        raise DataError("structure.dependent", sets=sets)


def _merged_pairs(sets: list[list[int]]) -> list[list[int]]:
    """Join duplicates of one variable, which come as pairs, to one set."""
    joined = [set(members) for members in sets if len(members) == 2]
    for pair in list(joined):
        touching = [one for one in joined if one & pair]
        joined = [one for one in joined if not one & pair] + [set().union(*touching)]
    return sorted([*map(sorted, joined), *(members for members in sets if len(members) > 2)])


def dependent_sets(null: Floats) -> list[list[int]]:
    """Return which coordinates take part in each direction of a null space, as few as can be in each.

    Parameters
    ----------
    null : ndarray, shape (r, p)
        Basis vectors as rows.

    Returns
    -------
    list of list of int
        One set a direction (the reduced row echelon form's non-zero coordinates).

    Examples
    --------
    >>> dependent_sets(np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]]))
    [[0, 1], [2, 3]]
    """
    reduced = null.copy()
    rows, columns = reduced.shape
    for step in range(rows):
        free = np.abs(reduced[step:]).max(axis=0)
        pivot = int(np.argmax(free > 0.1 * free.max())) if step < rows else columns
        best = step + int(np.argmax(np.abs(reduced[step:, pivot])))
        reduced[[step, best]] = reduced[[best, step]]
        reduced[step] /= reduced[step, pivot]
        others = np.arange(rows) != step
        reduced[others] -= np.outer(reduced[others, pivot], reduced[step])
    size = np.abs(reduced).max(axis=1, keepdims=True)
    return [np.flatnonzero(row).tolist() for row in np.abs(reduced) > 1e-5 * size]
