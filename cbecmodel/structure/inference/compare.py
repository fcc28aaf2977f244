"""Comparison of fitted models."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy import special

from cbecmodel.errors import ModelError, ModelWarning, warn
from cbecmodel.structure.inference.corrections import correction
from cbecmodel.structure.inference.difference import Restriction, Shape, satorra_2000

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cbecmodel.structure.results import SEMResults


Scaling = Literal["2001", "2010", "2000"]


def compare(
    *fits: SEMResults, scaling: str | None = None, restriction: Restriction = "delta", shape: Shape = "scaled_shifted"
) -> pd.DataFrame:
    """Compare models fitted to the same data: likelihood-ratio tests between neighbours and information criteria.

    Parameters
    ----------
    *fits : SEMResults
        Two or more; they are ordered by degrees of freedom. The tests mean something only for nested models.
    scaling : {"2001", "2010", "2000"}, optional
        Scaled difference after robust tests: of Satorra and Bentler (2001); that of 2010, which takes the larger model's
        scaling at the smaller one's estimates and so is always positive, and needs each parameter of the smaller model to
        have its row in the larger; or that of Satorra (2000), from the restriction itself. By default 2001, and 2000 after
        scaled and shifted or adjusted tests and after ULS and DWLS. lavaan's names (``"satorra.2000"``) are read too.
    restriction : {"delta", "exact"}
        For 2000: find the restriction from the Jacobians of the moments, or from the two parameter tables.
    shape : {"scaled_shifted", "scaled", "mean_var_adjusted"}
        For 2000: match mean and variance of the chi-square by a shift, the mean alone, or both by adjusted degrees of freedom.

    Returns
    -------
    pandas.DataFrame
        One row a model, in order of df: df aic bic chisq chisq_diff df_diff pvalue rmsea_diff (RMSEA of
        the difference). The index says which argument it was.
        After robust tests the differences are the scaled ones; NaN, with a warning, where a scaling factor is negative.

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
    .. [3] Satorra, A. (2000). Scaled and adjusted restricted tests in multi-sample analysis of moment structures. In
       Innovations in multivariate statistical analysis (pp. 233-247). Kluwer.

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
    ordered = [fits[index] for index in order]
    chisq = np.diff(frame["chisq"].to_numpy(), prepend=math.nan)
    if frame["chisq"].isna().any() and all("logl" in found for found in measures):  # latent products have no chi-square
        chisq = -2 * np.diff([found["logl"] for found in measures], prepend=math.nan)
    df = np.diff(frame["df"].to_numpy(), prepend=math.nan)
    for option, value, known in (("restriction", restriction, Restriction), ("shape", shape, Shape)):
        if value not in get_args(known):
            raise ModelError("structure.unknown_option", option=option, value=value, known=", ".join(get_args(known)))
    how = _scaling(first, scaling)
    if how == "2000":
        chisq, df = _by_restriction(chisq, df, ordered, restriction, shape)
    elif how:
        chisq = _scaled(chisq, ordered, how)
    with np.errstate(invalid="ignore"):
        pvalue = np.where(df > 0, special.chdtrc(np.where(df > 0, df, 1), np.maximum(chisq, 0)), math.nan)
        excess = np.maximum(chisq - df, 0) / np.where(df > 0, df, math.nan) / first.n_obs * first.table.n_groups
    return frame.assign(chisq_diff=chisq, df_diff=df, pvalue=pvalue, rmsea_diff=np.sqrt(excess))


def _scaling(fit: SEMResults, asked: str | None) -> str:
    """Return which scaled difference to use; none for plain statistics."""
    name = None if asked is None else asked.replace(".", "_").removeprefix("satorra_").removeprefix("bentler_")
    if name is not None and name not in get_args(Scaling):
        raise ModelError(
            "structure.unknown_option", option="scaling", value=str(asked), known=", ".join(get_args(Scaling))
        )
    matched = fit.options.test in ("scaled_shifted", "mean_var_adjusted")
    if matched or (fit.problem.weights and fit.options.estimator in ("ULS", "DWLS")):
        if name not in (None, "2000"):
            raise ModelError("structure.no_difference_test", estimator=fit.options.estimator)
        return "2000"
    if fit.options.test == "standard" and name != "2000":
        return ""
    return name or "2001"


def _by_restriction(
    difference: NDArray[np.float64],
    df: NDArray[np.float64],
    fits: list[SEMResults],
    restriction: Restriction,
    shape: Shape,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    chisq, freedom = difference.copy(), df.copy()
    for index in range(1, len(fits)):
        if df[index] > 0:
            rule = satorra_2000(fits[index - 1], fits[index], restriction=restriction, shape=shape)
            chisq[index], freedom[index] = difference[index] / rule.factor + rule.shift, rule.df
    return chisq, freedom


def _scaled(difference: NDArray[np.float64], fits: list[SEMResults], scaling: str) -> NDArray[np.float64]:
    """Divide differences of chi-squares by their scaling factors."""
    measures = [fit.fit_measures for fit in fits]
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
    if not same:
        raise ModelError("structure.not_comparable")
