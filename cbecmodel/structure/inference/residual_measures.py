"""Indices of fit that sum up residuals.

References
----------
.. [1] Hu, L., & Bentler, P. M. (1999). Cutoff criteria for fit indexes in covariance structure analysis. Structural
   Equation Modeling, 6, 1-55.
.. [2] Maydeu-Olivares, A. (2017). Assessing the size of model misfit in structural equation models. Psychometrika, 82,
   533-558.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.estimate.implied import implied, vech

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


def residual_measures(problem: Problem, x: Floats) -> dict[str, float]:
    """Return the summaries of residuals, groups weighted by their size.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)

    Returns
    -------
    dict
    """
    total = sum(sample.n for sample in problem.samples)
    sums: dict[str, float] = {}
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        state = implied(group, x)
        found = _residuals(sample, state.sigma, state.mu, problem.table.meanstructure)
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + sample.n / total * value
    return sums


def _residuals(sample: SampleMoments, sigma: Floats, mu: Floats, means: bool) -> dict[str, float]:
    s, sd, sd_model = sample.cov, np.sqrt(np.diag(sample.cov)), np.sqrt(np.diag(sigma))
    p = len(sd)
    cov = vech(s - sigma)
    bentler = vech((s - sigma) / np.outer(sd, sd))
    cor = vech(s / np.outer(sd, sd) - sigma / np.outer(sd_model, sd_model))
    mplus = cor + vech(np.diag(np.diag(s - sigma) / np.diag(s)))
    gap = sample.mean - mu
    location = {"rmr": gap, "srmr": gap / sd, "crmr": gap / sd, "srmr_mplus": sample.mean / sd - mu / sd_model}
    count = {"crmr": p * (p - 1) / 2}
    out = {}
    for name, values in {"rmr": cov, "srmr": bentler, "crmr": cor, "srmr_mplus": mplus}.items():
        cells = count.get(name, p * (p + 1) / 2)
        alone = float((values**2).sum())
        out[f"{name}_nomean"] = math.sqrt(alone / cells) if cells else 0.0
        both = alone + float((location[name] ** 2).sum())
        out[name] = math.sqrt(both / (cells + p)) if means else out[f"{name}_nomean"]
    out["srmr_bentler"], out["srmr_bentler_nomean"] = out["srmr"], out["srmr_nomean"]
    return out


def goodness(problem: Problem, x: Floats, df: int) -> dict[str, float]:
    """Return GFI, AGFI and PGFI (one minus the weighted share of the sample moments left over).

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    df : int

    Returns
    -------
    dict
    """
    left = whole = 0.0
    for group, sample in zip(problem.pattern.groups, problem.samples, strict=True):
        state = implied(group, x)
        inverse = np.linalg.inv(state.sigma)
        gap, both = inverse @ (sample.cov - state.sigma), inverse @ sample.cov
        left += sample.n * float((gap * gap.T).sum()) / 2
        whole += sample.n * float((both * both.T).sum()) / 2
        if problem.table.meanstructure:
            shift = sample.mean - state.mu
            left += sample.n * float(shift @ inverse @ shift)
            whole += sample.n * float(sample.mean @ inverse @ sample.mean)
    gfi = 1 - left / whole
    moments = problem.table.n_groups * _all_moments(problem.table)
    return {"gfi": gfi, "agfi": 1 - moments / df * (1 - gfi) if df else math.nan, "pgfi": df / moments * gfi}


def _all_moments(table: ParameterTable) -> int:
    p = len(table.observed)
    return p * (p + 1) // 2 + (p if table.meanstructure else 0)
