r"""Robust fit indices with incomplete data: what CFI, TLI and RMSEA would estimate had nothing been missing.

Indices made of the FIML chi-square depend on how much is missing, for misfit where data are missing weighs less. Here the model
at its FIML estimates is compared with the saturated moments (by EM) through the discrepancy of complete data; its chi-square
has expectation k under exact fit and takes the place of the FIML one. With :math:`W_m` and :math:`W_c` the information about the
moments in the incomplete data and in complete ones, :math:`E = \Delta' W_m \Delta` and :math:`R = I - \Delta E^{-1} \Delta' W_m`,

.. math::

    k = \mathrm{tr}(W_c R \Gamma R') ,

where :math:`\Gamma` is :math:`W_m^{-1}`, or the sandwich :math:`W_m^{-1} J W_m^{-1}` of a robust test.

References
----------
.. [1] Zhang, X., & Savalei, V. (2023). New computations for RMSEA and CFI following FIML and TS estimation with missing data.
   Psychological Methods, 28, 263-283.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.baseline import baseline_problem
from cbecmodel.structure.estimate.implied import implied, jacobian, vech_indices
from cbecmodel.structure.estimate.likelihood import discrepancy
from cbecmodel.structure.inference.corrections import Correction
from cbecmodel.structure.inference.indices import Test
from cbecmodel.structure.inference.robust import case_data, fixed_columns
from cbecmodel.structure.inference.saturated import saturated_information, saturated_meat
from cbecmodel.structure.inference.scaled import robust_indices
from cbecmodel.structure.inference.vcov import inverse_information

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.structure.estimate.native import Problem

Floats = NDArray[np.float64]


def fiml_indices(problem: Problem, x: Floats, plain: Mapping[str, float], *, robust: bool) -> dict[str, float]:
    """Return the ``_robust`` indices of a FIML fit.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    plain : mapping
        The measures without correction.
    robust : bool
        Whether the fit has a robust test: then data need not be normal.

    Returns
    -------
    dict
        Empty without degrees of freedom.
    """
    df, base_df = plain["df"], plain["baseline_df"]
    if df <= 0 or base_df <= 0:
        return {}
    base, base_x = baseline_problem(problem.table, problem.samples)
    fit, null = (_expected(one, at, robust=robust) for one, at in ((problem, x), (base, base_x)))
    rules = Correction(fit[1] / df, 0.0, df), Correction(null[1] / base_df, 0.0, base_df)
    values = {"chisq": fit[0], "df": df, "baseline_chisq": null[0], "baseline_df": base_df}
    corrected = Test(fit[0] / rules[0].factor, df)
    return robust_indices(values, *rules, n=plain["ntotal"], groups=problem.table.n_groups, corrected=corrected)


def _expected(problem: Problem, x: Floats, *, robust: bool) -> tuple[float, float]:
    """Return the complete-data chi-square of a model and its expectation under exact fit."""
    work = problem.standard
    here = x * work.scale.parameters
    total = sum(sample.n for sample in problem.samples)
    complete = [replace(sample, patterns=()) for sample in work.samples]
    statistic = total * discrepancy(work.pattern, complete, here, second=False).value
    fixed = fixed_columns(problem.table)
    rows, columns = vech_indices(len(fixed))
    loose = np.flatnonzero(np.concatenate([~fixed, ~(fixed[rows] & fixed[columns])]))
    cases = case_data(problem, work) if robust else [None] * len(complete)
    sums = np.zeros((4, len(x), len(x)))
    first = 0.0
    for group, sample, whole, raw in zip(work.pattern.groups, work.samples, complete, cases, strict=True):
        grid = np.ix_(loose, loose)
        seen = saturated_information(sample, sample.mean, sample.cov, "observed")[grid]
        full = saturated_information(whole, sample.mean, sample.cov)[grid]
        inverse = np.linalg.inv(seen)
        meat = seen
        if robust:
            meat = saturated_meat(replace(sample, raw=raw), sample.mean, sample.cov)[grid]
        delta = np.zeros((len(fixed) + len(rows), len(x)))
        np.add.at(delta.T, group.parameter, jacobian(implied(group, here), True).T)
        delta = delta[loose]
        first += float((full * (inverse @ meat @ inverse)).sum())
        parts = [delta.T @ matrix @ delta for matrix in (seen, full @ inverse @ meat, full, meat)]
        sums += sample.n / total * np.array(parts)
    bread = inverse_information(sums[0], work.space).vcov
    expected = first - 2 * float(np.trace(bread @ sums[1])) + float(np.trace(bread @ sums[2] @ bread @ sums[3]))
    return statistic, expected
