"""Corrected test statistics of least squares, and the fit measures made from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import vech_indices
from cbecmodel.structure.inference.categorical_ml import categorical_ml_measures
from cbecmodel.structure.inference.corrections import Correction, correction_of
from cbecmodel.structure.inference.indices import Test, incremental, rmsea
from cbecmodel.structure.inference.moment_blocks import moment_blocks, root_of, u_gamma_traces
from cbecmodel.structure.inference.ordinal_fit import free_alone
from cbecmodel.structure.inference.scaled import corrected, robust_indices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


def least_squares_corrections(
    problem: Problem, x: Floats, kind: str, df: int, base_df: int
) -> tuple[Correction, Correction]:
    """Return the corrections of a model's statistic and of the independence model's.

    Parameters
    ----------
    problem : Problem
        With weights.
    x : ndarray, shape (q,)
    kind : {"satorra_bentler", "scaled_shifted", "mean_var_adjusted"}
    df, base_df : int

    Returns
    -------
    fit, null : Correction
    """
    work, blocks = moment_blocks(problem, x)
    roots, acovs = [root_of(block.weight) for block in blocks], [block.acov for block in blocks]
    slopes = [np.sqrt(block.share) * block.slopes @ work.space.basis for block in blocks]
    fit = correction_of(*u_gamma_traces(roots, slopes, acovs), kind, df)
    chosen = []
    columns = [_free_alone(problem.table, sample) for sample in problem.samples]
    width = sum(int(own.sum()) for own in columns)
    start = 0
    for own in columns:
        one = np.zeros((len(own), width))
        one[np.flatnonzero(own), start + np.arange(own.sum())] = 1.0
        start += int(own.sum())
        chosen.append(one)
    return fit, correction_of(*u_gamma_traces(roots, chosen, acovs), kind, base_df)


def _free_alone(table: ParameterTable, sample: SampleMoments) -> NDArray[np.bool_]:
    if sample.ordinal is not None:
        return free_alone(table, sample.ordinal)
    kept = np.array([name in table.predictors for name in table.observed])
    rows, columns = vech_indices(len(kept))
    own = (rows == columns) | (kept[rows] & kept[columns])
    return np.concatenate([np.ones(len(kept), dtype=bool), own]) if table.meanstructure else own


def least_squares_scaled(problem: Problem, x: Floats, kind: str, plain: Mapping[str, float]) -> dict[str, float]:
    """Return the ``_scaled`` and ``_robust`` measures of a least-squares fit.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    kind : str
        See :func:`least_squares_corrections`.
    plain : mapping
        The measures without correction.

    Returns
    -------
    dict
    """
    fit, null = least_squares_corrections(problem, x, kind, int(plain["df"]), int(plain["baseline_df"]))
    test, base = corrected(plain["chisq"], fit), corrected(plain["baseline_chisq"], null)
    found = {
        "chisq_scaled": test.statistic, "df_scaled": test.df, "pvalue_scaled": test.pvalue, "chisq_scaling_factor": fit.factor,
        "baseline_chisq_scaled": base.statistic, "baseline_df_scaled": base.df, "baseline_pvalue_scaled": base.pvalue,
        "baseline_chisq_scaling_factor": null.factor,
    }  # fmt: skip
    if kind == "scaled_shifted":
        found |= {"chisq_shift_parameters": fit.shift, "baseline_chisq_shift_parameters": null.shift}
    n, groups = plain["ntotal"] - problem.table.n_groups, problem.table.n_groups
    found |= incremental(test, base, "_scaled")
    against = test if kind == "scaled_shifted" else Test(plain["chisq"], fit.factor * fit.df)
    found |= rmsea(against, n, groups, "_scaled")
    if kind == "mean_var_adjusted":
        return found
    if problem.table.ordered:
        return found | categorical_ml_measures(problem, x, plain)
    return found | robust_indices(plain, fit, null, n=n, groups=groups, corrected=test)
