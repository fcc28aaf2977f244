"""Comparison of fitted models."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy import special

from cbecmodel.errors import ModelError, ModelWarning, warn
from cbecmodel.structure.inference.corrections import correction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cbecmodel.structure.results import SEMResults


Scaling = Literal["2001", "2010"]


def compare(*fits: SEMResults, scaling: Scaling = "2001") -> pd.DataFrame:
    """Compare models fitted to the same data: likelihood-ratio tests between neighbours and information criteria.

    Parameters
    ----------
    *fits : SEMResults
        Two or more; they are ordered by degrees of freedom. The tests mean something only for nested models.
    scaling : {"2001", "2010"}
        Scaled difference after MLR and MLM: of Satorra and Bentler (2001), or that of 2010, which takes the larger model's
        scaling at the smaller one's estimates and so is always positive; it needs each parameter of the smaller model
        to have its row in the larger.

    Returns
    -------
    pandas.DataFrame
        One row a model, in order of df: df aic bic chisq chisq_diff df_diff pvalue. The index says which argument it was.
        After MLR and MLM the differences are the scaled ones of Satorra and Bentler (2001); NaN, with a warning, where
        their scaling factor is negative.

    Raises
    ------
    ModelError
        If the models were not fitted to the same cases and variables by the same estimator, or no difference test is
        known for it.

    References
    ----------
    .. [1] Satorra, A., & Bentler, P. M. (2001). A scaled difference chi-square test statistic for moment structure
       analysis. Psychometrika, 66, 507-514.
    .. [2] Satorra, A., & Bentler, P. M. (2010). Ensuring positiveness of the scaled difference chi-square test statistic.
       Psychometrika, 75, 243-248.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import political_democracy
    >>> data = political_democracy.get_data()
    >>> free = cbec.cfa("f =~ y1 + y2 + y3 + y4", data)
    >>> tau = cbec.cfa("f =~ 1*y1 + 1*y2 + 1*y3 + 1*y4", data)
    >>> cbec.compare(free, tau)["df_diff"].tolist()
    [nan, 3.0]
    """
    if len(fits) < 2:
        raise ModelError("structure.compare_two")
    first = fits[0]
    for fit in fits[1:]:
        _require_comparable(first, fit)
    order = sorted(range(len(fits)), key=lambda index: fits[index].df)
    measures = [fits[index].fit_measures for index in order]
    frame = pd.DataFrame([found.reindex(["df", "aic", "bic", "chisq"]) for found in measures])
    frame.index = pd.Index([index + 1 for index in order], name="model")
    chisq = _scaled(np.diff(frame["chisq"].to_numpy(), prepend=math.nan), [fits[index] for index in order], scaling)
    df = np.diff(frame["df"].to_numpy(), prepend=math.nan)
    with np.errstate(invalid="ignore"):
        pvalue = np.where(df > 0, special.chdtrc(np.where(df > 0, df, 1), np.maximum(chisq, 0)), math.nan)
    return frame.assign(chisq_diff=chisq, df_diff=df, pvalue=pvalue)


def _scaled(difference: NDArray[np.float64], fits: list[SEMResults], scaling: Scaling) -> NDArray[np.float64]:
    """Divide differences of chi-squares by their scaling factors."""
    if scaling not in get_args(Scaling):
        raise ModelError(
            "structure.unknown_option", option="scaling", value=scaling, known=", ".join(get_args(Scaling))
        )
    measures = [fit.fit_measures for fit in fits]
    if "chisq_scaling_factor" not in measures[0].index:
        return difference
    out = difference.copy()
    for index in range(1, len(measures)):
        small, large = measures[index], measures[index - 1]
        gap = float(small["df"] - large["df"])
        weighted = [float(one["df"] * one["chisq_scaling_factor"]) if one["df"] > 0 else 0.0 for one in (small, large)]
        if scaling == "2010" and large["df"] > 0:
            weighted[1] = large["df"] * _scaling_elsewhere(fits[index - 1], fits[index])
        factor = (weighted[0] - weighted[1]) / gap if gap else math.nan
        if factor <= 0:
            warn(ModelWarning, "structure.negative_scaling", stacklevel=3)
        out[index] = difference[index] / factor if factor > 0 else math.nan
    return out


def _scaling_elsewhere(large: SEMResults, small: SEMResults) -> float:
    """Return the scaling factor of a model at the estimates of one nested in it."""
    keys = ["lhs", "op", "rhs", "group"]
    values = small.parameters.set_index(keys)["est"].to_dict()
    rows = [large.table.rows[index] for index in large.table.free_rows]
    wanted = [(row.lhs, row.op, row.rhs, row.group) for row in rows]
    sides = {(frozenset((row.lhs, row.rhs)), row.op, row.group) for row in large.table.rows}
    own = [small.table.rows[index] for index in small.table.free_rows]
    if any((frozenset((row.lhs, row.rhs)), row.op, row.group) not in sides for row in own):
        raise ModelError("structure.not_comparable")
    # what the smaller model leaves out is zero there
    x = np.array([values.get(key, values.get((key[2], key[1], key[0], key[3]), 0.0)) for key in wanted])
    return correction(large.problem, x, large.options.test, large.df).factor


def _require_comparable(one: SEMResults, other: SEMResults) -> None:
    same = set(one.observed) == set(other.observed) and one.n_obs == other.n_obs
    same = same and one.options.estimator == other.options.estimator
    if same:
        for a, b in zip(one.problem.samples, other.problem.samples, strict=False):
            order = [b.names.index(name) for name in a.names]
            same = same and bool(np.allclose(a.cov, b.cov[np.ix_(order, order)], rtol=1e-9, atol=1e-12))
    if one.problem.weights and one.options.estimator in ("ULS", "DWLS"):
        raise ModelError("structure.no_difference_test", estimator=one.options.estimator)
    if one.options.test in ("scaled_shifted", "mean_var_adjusted"):
        raise ModelError("structure.no_difference_test", estimator=one.options.estimator)
    if not same:
        raise ModelError("structure.not_comparable")
