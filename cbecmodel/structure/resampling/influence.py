r"""How much each case moves each estimate.

With :math:`g(\theta, w)` the gradient of the discrepancy at case weights w, the estimate moves by
:math:`\partial\hat\theta/\partial w_i = -H^{-1}\, \partial g/\partial w_i`: the infinitesimal jackknife, for every estimator
whose gradient the engine has.

References
----------
.. [1] Jaeckel, L. A. (1972). The infinitesimal jackknife. Bell Laboratories Memorandum MM 72-1215-11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.structure.resampling.engine import discrepancies, resampled

if TYPE_CHECKING:
    from cbecmodel.structure.resampling.draws import Draws
    from cbecmodel.structure.resampling.engine import Batch

Floats = NDArray[np.float64]
_STEP: Final = 1e-4  # of a case's weight; the central difference is then exact to about 1e-8
_BLOCK: Final = 128


def case_influence(batch: Batch, draws: Draws | None = None) -> Floats:
    """Return the influence of every case, or of every cluster, on the free parameters.

    Parameters
    ----------
    batch : Batch
        Of a fit to data, started at its solution.
    draws : Draws, optional
        With clusters, the influences of a cluster's cases are added.

    Returns
    -------
    ndarray, shape (n, q)
        In the user's units, groups one below the other; it sums to zero in each group, as groups keep their sizes.
    """
    parts = []
    for number, cases in enumerate(batch.cases):
        found = [
            _moved(batch, number, range(start, min(start + _BLOCK, cases.n))) for start in range(0, cases.n, _BLOCK)
        ]
        influence = np.concatenate(found)
        influence = influence - influence.mean(axis=0)
        if draws is not None and draws.units:
            units = draws.units[number]
            summed = np.zeros((int(units.max()) + 1, influence.shape[1]))
            np.add.at(summed, units, influence)
            influence = summed
        parts.append(influence)
    return np.concatenate(parts)


def _moved(batch: Batch, number: int, chosen: range) -> Floats:
    """Return the influence of some cases of one group."""
    gradients = []
    for step in (_STEP, -_STEP):
        weights = [np.ones((len(chosen), cases.n)) for cases in batch.cases]
        weights[number][np.arange(len(chosen)), np.asarray(chosen)] += step
        start = np.repeat(batch.start[None], len(chosen), axis=0)
        gradients.append(discrepancies(batch, resampled(batch, weights), start)[1])
    slope = (gradients[0] - gradients[1]) / (2 * _STEP)
    moved = -(slope @ batch.preconditioner) @ batch.work.space.basis.T
    return np.asarray(moved / batch.work.scale.parameters, dtype=np.float64)
