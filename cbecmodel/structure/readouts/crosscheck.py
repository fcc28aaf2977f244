"""The same model by the other engine, difference by difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.structure.estimate import native, semopy_engine

if TYPE_CHECKING:
    from types import ModuleType

    from cbecmodel.structure.estimate.native import Problem

Floats = NDArray[np.float64]
ENGINES: Final[dict[str, ModuleType]] = {"native": native, "semopy": semopy_engine}


def cross_check(problem: Problem, x: Floats, vcov: Floats, engine: str, tolerance: float) -> pd.DataFrame:
    """Estimate a model with the engine that did not, and compare.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    vcov : ndarray, shape (q, q)
    engine : {"native", "semopy"}
        The one that gave ``x``.
    tolerance : float
        In standard errors.

    Returns
    -------
    pandas.DataFrame
    """
    other = next(module for name, module in ENGINES.items() if name != engine).estimate(problem).x
    rows = [problem.table.rows[index] for index in problem.table.free_rows]
    frame = pd.DataFrame({name: [getattr(row, name) for row in rows] for name in ("lhs", "op", "rhs", "group")})
    se = np.sqrt(np.diag(vcov))
    allowed = tolerance * np.where(np.isfinite(se) & (se > 0), se, np.maximum(np.abs(x), 1e-3))
    difference = other - x
    return frame.assign(
        est=x, other=other, difference=difference, tolerance=allowed, agrees=np.abs(difference) <= allowed
    )
