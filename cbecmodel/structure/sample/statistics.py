"""Statistics of ordinal and mixed data: thresholds, means, slopes, variances and correlations, with their covariances."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cbecmodel.structure.sample.nacov import Layout

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class OrdinalStatistics:
    """What ordinal least squares fits in one group.

    Attributes
    ----------
    ordered : ndarray of bool, shape (p,)
        Which of the p modelled variables are ordinal (fixed exogenous ones are not among them).
    given : int
        Number of fixed exogenous variables, which follow the modelled ones.
    layout : Layout
        Order of the statistics.
    vector : ndarray, shape (m,)
        Thresholds and means, slopes, variances, (co)variances.
    acov : ndarray, shape (m, m)
        Their sampling covariances, times n.
    codes : ndarray of int, shape (n, p)
        Categories from 0, -1 where missing; 0 for continuous variables.
    tables : tuple of (str, str)
        Pairs of variables in whose table a cell is empty.
    """

    ordered: NDArray[np.bool_]
    given: int
    layout: Layout
    vector: Floats
    acov: Floats
    codes: Codes
    tables: tuple[tuple[str, str], ...] = ()

    @property
    def cuts(self) -> list[Floats]:
        """Return the thresholds of each variable; empty for continuous ones.

        Returns
        -------
        list of ndarray
        """
        where = self.layout
        head = self.vector[: len(where.cut_variable)]
        at = [(where.cut_variable == index) & (where.cut_number >= 0) for index in range(len(self.ordered))]
        return [head[mask] for mask in at]

    def units(self, unit: Floats) -> Floats:
        """Return the units of the statistics.

        Parameters
        ----------
        unit : ndarray, shape (p + x,)
            Units of the variables; 1 for ordinal ones.

        Returns
        -------
        ndarray, shape (m,)
        """
        where, p = self.layout, len(self.ordered)
        return np.concatenate([
            np.where(where.cut_number < 0, unit[where.cut_variable], 1.0),
            unit[where.slope_variable] / unit[p + where.slope_input],
            unit[where.variance] ** 2,
            unit[where.pairs.row] * unit[where.pairs.column],
        ])  # fmt: skip

    def rescaled(self, unit: Floats) -> OrdinalStatistics:
        """Return the statistics of variables in other units.

        Parameters
        ----------
        unit : ndarray, shape (p + x,)

        Returns
        -------
        OrdinalStatistics
        """
        units = self.units(unit)
        return replace(self, vector=self.vector / units, acov=self.acov / np.outer(units, units))
