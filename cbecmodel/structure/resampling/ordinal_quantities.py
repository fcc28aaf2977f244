"""What is read off bootstrap replicates of ordinal data, by the code of single fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.checks import solution_findings
from cbecmodel.structure.inference.standardize import Kind, standardized_solution
from cbecmodel.structure.readouts import parameters as tables
from cbecmodel.structure.resampling.alone import problem_of
from cbecmodel.structure.resampling.replicates import values_of
from cbecmodel.structure.resampling.seeds import Seeds

if TYPE_CHECKING:
    from cbecmodel.structure.resampling.bootstrap_results import BootstrapResults

Floats = NDArray[np.float64]


def ordinal_rows(boot: BootstrapResults, at: NDArray[np.intp], kind: Kind | None) -> Floats:
    """Return the values of all rows of the table and of defined parameters.

    Parameters
    ----------
    boot : BootstrapResults
    at : ndarray of int, shape (R,)
        Places of the replicates.
    kind : {"all", "lv", "nox"} or None
        Standardized in this way, or as they are.

    Returns
    -------
    ndarray, shape (R, rows + d)
        NaN for replicates that failed.
    """
    problem = boot.fit.problem
    out = np.full((len(at), len(problem.table.rows) + len(problem.table.defined)), np.nan)
    for place, index in enumerate(at.tolist()):
        if not boot.converged[index]:
            continue
        own, x = problem, boot.x[index]
        if problem.table.exogenous:  # moments of covariates are those of the resample
            values = values_of(boot.plan, Seeds((int(boot.indices[index]),), boot.seed))
            own = problem_of(problem, boot.fit.options, values)
        if kind is None:
            found = tables.row_values(own, x)
        else:
            whole = standardized_solution(own.table, own.pattern, x, kind)
            found = whole.values, whole.jacobian
        out[place] = tables.with_defined(own, *found)[0]
    return out


def ordinal_improper(boot: BootstrapResults, at: NDArray[np.intp]) -> Floats:
    """Return which replicates hold an impossible value.

    Parameters
    ----------
    boot : BootstrapResults
    at : ndarray of int, shape (R,)

    Returns
    -------
    ndarray, shape (R,)
        1 or 0.
    """
    problem = boot.fit.problem
    found = [
        boot.converged[index] and any(True for _ in solution_findings(problem, boot.x[index], (), 1))
        for index in at.tolist()
    ]
    return np.asarray(found, dtype=np.float64)
