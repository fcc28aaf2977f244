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
    for state, sample in zip(problem.at(x).states, problem.samples, strict=True):
        found = _residuals(sample, state.sigma, state.mu, problem.table.meanstructure)
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + sample.n / total * value
    return sums


def _residuals(sample: SampleMoments, sigma: Floats, mu: Floats, means: bool) -> dict[str, float]:
    p = len(mu)
    variance, implied_variance = sample.cov.diagonal(), sigma.diagonal()
    sd, sd_model = np.sqrt(variance), np.sqrt(implied_variance)
    left = sample.cov - sigma
    cor = sample.cov / np.multiply.outer(sd, sd) - sigma / np.multiply.outer(sd_model, sd_model)
    gap = sample.mean - mu
    share = float((((variance - implied_variance) / variance) ** 2).sum())
    # sums of squares of the covariances (lower triangle), location residuals, number of covariances
    parts = {
        "rmr": (_half_squares(left), gap, p * (p + 1) / 2),
        "srmr": (_half_squares(left / np.multiply.outer(sd, sd)), gap / sd, p * (p + 1) / 2),
        "crmr": (_half_squares(cor), gap / sd, p * (p - 1) / 2),
        "srmr_mplus": (_half_squares(cor) + share, sample.mean / sd - mu / sd_model, p * (p + 1) / 2),
    }
    out = {}
    for name, (alone, location, cells) in parts.items():
        out[f"{name}_nomean"] = math.sqrt(alone / cells) if cells else 0.0
        both = alone + float((location**2).sum())
        out[name] = math.sqrt(both / (cells + p)) if means else out[f"{name}_nomean"]
    out["srmr_bentler"], out["srmr_bentler_nomean"] = out["srmr"], out["srmr_nomean"]
    return out


def _half_squares(matrix: Floats) -> float:
    """Return the sum of the squares of a symmetric matrix's lower triangle."""
    return float(np.vdot(matrix, matrix) + np.vdot(matrix.diagonal(), matrix.diagonal())) / 2


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
    at = problem.at(x)
    left = whole = 0.0
    for state, inverted, sample in zip(at.states, at.inverses, problem.samples, strict=True):
        if inverted is None:
            return dict.fromkeys(("gfi", "agfi", "pgfi"), math.nan)
        inverse, _ = inverted
        both = inverse @ sample.cov
        squares, trace = float(np.vdot(both.T, both)), float(both.trace())
        left += sample.n * (squares - 2 * trace + len(both)) / 2
        whole += sample.n * squares / 2
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
