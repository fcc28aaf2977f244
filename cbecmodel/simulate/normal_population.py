"""Populations of normal variables: from lavaan syntax with values, from a fitted model, or from moments themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import ContentError
from cbecmodel.structure.estimate.matrices import INTERCEPT, MOMENT, place
from cbecmodel.structure.options import Options
from cbecmodel.structure.results import SEMResults
from cbecmodel.structure.table.defaults import parameter_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.table.parameter import Parameter
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]
_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True)
class NormalPopulation:
    """A multivariate normal population.

    Attributes
    ----------
    names : tuple of str
        The p observed variables.
    cov : ndarray, shape (p, p)
    mean : ndarray, shape (p,)

    Examples
    --------
    >>> population = normal_population("y ~ .3*x", standardized=True)
    >>> population.names, population.cov.round(2).tolist()
    (('y', 'x'), [[1.0, 0.3], [0.3, 1.0]])
    """

    names: tuple[str, ...]
    cov: Floats
    mean: Floats

    def of(self, names: Sequence[str]) -> NormalPopulation:
        """Return the part that some variables are.

        Parameters
        ----------
        names : sequence of str

        Returns
        -------
        NormalPopulation

        Raises
        ------
        ContentError
            If a variable is not in the population.
        """
        absent = [name for name in names if name not in self.names]
        if absent:
            raise ContentError("simulate.population_lacks", variables=", ".join(absent), known=", ".join(self.names))
        at = [self.names.index(name) for name in names]
        return NormalPopulation(tuple(names), self.cov[np.ix_(at, at)], self.mean[at])

    @property
    def frame(self) -> pd.DataFrame:
        """Return the covariances with their names."""
        return pd.DataFrame(self.cov, index=list(self.names), columns=list(self.names))


def normal_population(given: str | SEMResults | pd.DataFrame, *, standardized: bool = False) -> NormalPopulation:
    """Return the population that values of parameters, a fitted model or a covariance matrix describe.

    Parameters
    ----------
    given : str, SEMResults or pandas.DataFrame
        lavaan syntax in which every loading and path has its value (``y ~ .3*x``); what it does not mention is as in
        :func:`cbecmodel.sem`, with variances and residual variances 1, covariances and intercepts 0. Or a fitted model, whose
        implied moments are taken. Or covariances.
    standardized : bool
        The values are standardized: variances that the syntax does not give are such that all variables have variance 1.

    Returns
    -------
    NormalPopulation

    Raises
    ------
    ContentError
        If a value is missing, or the moments are impossible; says which parameter or variable.
    ModelSyntaxError
    """
    if isinstance(given, SEMResults):
        if given.table.n_groups > 1:
            raise ContentError("simulate.population_groups", groups=given.table.n_groups)
        implied = given.implied()
        mean = implied["mean"].to_numpy() if given.table.meanstructure else given.problem.samples[0].mean
        found = NormalPopulation(given.observed, implied["cov"].to_numpy(dtype=np.float64), np.asarray(mean, float))
    elif isinstance(given, pd.DataFrame):
        found = _from_covariances(given)
    else:
        return _from_syntax(given, standardized)
    _refuse_impossible(found.cov, found.names)
    return found


def _from_covariances(frame: pd.DataFrame) -> NormalPopulation:
    names = tuple(str(name) for name in frame.columns)
    matrix = frame.to_numpy(dtype=np.float64)
    if matrix.shape[0] != matrix.shape[1] or tuple(map(str, frame.index)) != names:
        raise ContentError("simulate.population_matrix")
    return NormalPopulation(names, (matrix + matrix.T) / 2, np.zeros(len(names)))


def _from_syntax(syntax: str, standardized: bool) -> NormalPopulation:
    table = parameter_table(syntax, Options(std_lv=True, fixed_x=False))
    names = (*table.observed, *table.latents)
    position = {name: index for index, name in enumerate(names)}
    t, p = len(names), len(table.observed)
    paths, moments, intercepts = np.zeros((t, t)), np.zeros((t, t)), np.zeros(t)
    stated = np.zeros(t, dtype=bool)
    for row in table.rows:
        kind, i, j = place(row, position)
        value = _value(row)
        if kind == INTERCEPT:
            intercepts[i] = value
        elif kind == MOMENT:
            moments[i, j] = moments[j, i] = value
            stated[i] |= i == j and row.user
        else:
            paths[i, j] = value
    try:
        total = np.asarray(np.linalg.inv(np.eye(t) - paths), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise ContentError("simulate.population_singular") from error
    if standardized:
        moments = _unit_variances(table, moments, total, stated)
    _refuse_impossible(moments, names)
    cov = (total @ moments @ total.T)[:p, :p]
    _refuse_impossible(cov, names[:p])
    return NormalPopulation(names[:p], (cov + cov.T) / 2, (total @ intercepts)[:p])


def _value(row: Parameter) -> float:
    """Return what the syntax says of a parameter, or what it means by not mentioning it."""
    if row.user:
        if row.free or math.isnan(row.fixed):
            raise ContentError("simulate.population_value", parameter=f"{row.lhs} {row.op} {row.rhs or '1'}".strip())
        return row.fixed
    return 1.0 if row.op == "~~" and row.lhs == row.rhs else 0.0


def _unit_variances(table: ParameterTable, moments: Floats, total: Floats, stated: NDArray[np.bool_]) -> Floats:
    """Choose the variances that are not stated so that all variables have variance one: they solve linear equations."""
    names = (*table.observed, *table.latents)
    loose = np.flatnonzero(~stated & ~np.isin(names, table.composites))
    rest = moments.copy()
    rest[loose, loose] = 0.0
    reached = 1 - np.diag(total @ rest @ total.T)
    chosen = np.linalg.lstsq((total**2)[np.ix_(loose, loose)], reached[loose], rcond=None)[0]
    bad = [(names[k], 1 - value) for k, value in zip(loose, chosen, strict=True) if value <= _ROUNDING]
    if bad:
        raise ContentError("simulate.population_explained", variable=bad[0][0], share=bad[0][1])
    rest[loose, loose] = chosen
    return rest


def _refuse_impossible(matrix: Floats, names: Sequence[str]) -> None:
    """Raise if a matrix of (residual) covariances is not positive definite, naming the parameters to blame."""
    diagonal = np.diag(matrix)
    negative = [name for name, value in zip(names, diagonal, strict=True) if value < 0]
    if negative:
        raise ContentError("simulate.population_variance", variables=", ".join(negative))
    kept = np.flatnonzero(diagonal > 0)  # composites and exact sums have none of their own
    inner = matrix[np.ix_(kept, kept)] / np.sqrt(np.outer(diagonal[kept], diagonal[kept]))
    values, vectors = np.linalg.eigh(inner) if len(kept) else (np.ones(1), np.ones((1, 1)))
    if values[0] > _ROUNDING:
        return
    worst = np.flatnonzero(np.abs(vectors[:, 0]) > np.abs(vectors[:, 0]).max() / 3)
    pairs: list[Any] = [(i, j) for i in worst for j in worst if i < j and abs(inner[i, j]) > _ROUNDING]
    shown = [f"{names[kept[i]]} ~~ {names[kept[j]]} ({inner[i, j]:.2f})" for i, j in pairs]
    raise ContentError(
        "simulate.population_impossible", parameters=", ".join(shown) or ", ".join(names[kept[k]] for k in worst)
    )
