r"""Scores of two-level models.

Given a cluster's mean :math:`\bar y` of n cases, with :math:`V = \Sigma_B + \Sigma_W / n`,

.. math::

    E(\eta_B) = \alpha_B + C_B V^{-1} (\bar y - \mu), \qquad
    E(\eta_W) = \alpha_W + C_W \Sigma_W^{-1} (y - \bar y) + C_W V^{-1} (\bar y - \mu) / n .
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cbecmodel.structure.levels.problem import LevelProblem

Floats = NDArray[np.float64]


def level_scores(problem: LevelProblem, x: Floats, level: int, index: pd.Index | None) -> pd.DataFrame:
    """Return expectations of the latent variables of a level.

    Parameters
    ----------
    problem : LevelProblem
    x : ndarray, shape (q,)
    level : {1, 2}
    index : pandas.Index or None
        Of the cases.

    Returns
    -------
    pandas.DataFrame
    """
    within, between = problem.at(x).states
    table, data = problem.levels, problem.clusters
    p = len(table.observed)
    state = (within, between)[level - 1]
    own = [name for name in table.latents if any(row.lhs == name and row.group == level for row in table.rows)]
    at = [p + table.latents.index(name) for name in own]
    cross = state.full[at, :p]
    gaps = data.means - within.mu - between.mu
    pulls = np.zeros_like(gaps)
    for size in np.unique(data.sizes):
        chosen = data.sizes == size
        pulls[chosen] = gaps[chosen] @ np.linalg.inv(between.sigma + within.sigma / size)
    if level == 2:
        return pd.DataFrame(state.eta[at] + pulls @ cross.T, columns=own, index=data.labels)
    inner = np.linalg.inv(within.sigma[np.ix_(data.varying, data.varying)])
    deviations = (data.cases - data.means[data.member])[:, data.varying]
    scores = deviations @ inner @ cross[:, data.varying].T
    scores = scores + (pulls / data.sizes[:, None])[data.member] @ cross.T
    return pd.DataFrame(state.eta[at] + scores, columns=own, index=index)
