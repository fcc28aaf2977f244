"""Score tests of equality constraints: what lifting them would do to the chi-square.

References
----------
.. [1] Bentler, P. M., & Chou, C.-P. (1992). Some new covariance structure model improvement statistics. Sociological Methods
   & Research, 21, 259-282.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, special

from cbecmodel.errors import ModelError
from cbecmodel.structure.inference.vcov import inverse_information
from cbecmodel.structure.table.constraints import Space, constraint_values

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


def constraint_rows(table: ParameterTable, x: Floats) -> tuple[list[tuple[str, str]], Floats]:
    """Return every equality constraint: shared labels first, then the ``==`` that were written.

    Parameters
    ----------
    table : ParameterTable
    x : ndarray, shape (q,)
        Where the slopes of nonlinear constraints are taken.

    Returns
    -------
    sides : list of (str, str)
        What is equal to what.
    slopes : ndarray, shape (c, q)
    """
    sides: list[tuple[str, str]] = []
    slopes = []
    first: dict[str, int] = {}
    for index, at in enumerate(table.free_rows):
        label = table.rows[at].label
        if label and first.setdefault(label, index) != index:
            slope = np.zeros(table.n_free)
            slope[first[label]], slope[index] = 1.0, -1.0
            slopes.append(slope)
            sides.append((table.free_names[first[label]], table.free_names[index]))
    rules = [rule for rule in table.constraints if rule.op == "=="]
    if rules:
        slopes.extend(constraint_values(table, rules, x)[1])
        sides.extend((rule.lhs, rule.rhs) for rule in rules)
    return sides, np.array(slopes).reshape(len(slopes), table.n_free)


def score_test(problem: Problem, x: Floats) -> pd.DataFrame:
    """Test all equality constraints together and each alone.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    pandas.DataFrame
        Columns lhs op rhs statistic df pvalue; the first row is all of them together.

    Raises
    ------
    ModelError
        If the model has no equality constraints.
    """
    sides, slopes = constraint_rows(problem.table, x)
    if not sides:
        raise ModelError("structure.no_constraints")
    work = problem.standard
    factors = work.scale.parameters
    found = problem.at(x).derivatives
    n = sum(sample.n for sample in problem.samples)
    score, information = -n / 2 * found.gradient, n * found.information
    scaled = slopes / factors

    def statistic(kept: Floats) -> float:
        basis = linalg.null_space(kept) if len(kept) else np.eye(len(x))
        inverse = inverse_information(information, Space(np.zeros(len(x)), basis)).vcov
        return float(score @ inverse @ score)

    values = [statistic(scaled[:0]), *(statistic(np.delete(scaled, index, axis=0)) for index in range(len(sides)))]
    df = [float(np.linalg.matrix_rank(scaled)), *([1.0] * len(sides))]
    return pd.DataFrame({
        "lhs": ["", *(one for one, _ in sides)],
        "op": ["", *(["=="] * len(sides))],
        "rhs": ["", *(other for _, other in sides)],
        "statistic": values,
        "df": df,
        "pvalue": special.chdtrc(df, values),
    })  # fmt: skip
