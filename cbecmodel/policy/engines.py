"""Two engines for one least-squares regression with fixed effects: linearmodels absorbs them, statsmodels has dummies.

Both return the coefficients and their sandwich covariance without any small-sample factor; see
:mod:`cbecmodel.policy.small_sample` for those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel.errors import ModelError
from cbecmodel.policy.within import demean, dummies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cbecmodel.policy.options import Engine, Vcov
    from cbecmodel.policy.sample import Sample

DENSE_CELLS: Final = 2e7
"""Cells of a design with all dummies up to which statsmodels is given all of them."""


@dataclass(frozen=True, slots=True)
class RawFit:
    """Least squares without small-sample factor.

    Attributes
    ----------
    params : numpy.ndarray
        Coefficients, k.
    cov : numpy.ndarray
        Their covariance, k × k.
    """

    params: NDArray[np.float64]
    cov: NDArray[np.float64]


def fit(sample: Sample, regressors: NDArray[np.float64], vcov: Vcov, engine: Engine) -> RawFit:
    """Fit the regression with one of the engines.

    Parameters
    ----------
    sample : Sample
    regressors : numpy.ndarray
        n × k, without controls; these come after them.
    vcov : {"cluster", "robust", "iid"}
    engine : {"linearmodels", "statsmodels"}

    Returns
    -------
    RawFit
        For the k regressors, not the controls.
    """
    design = np.hstack([regressors, sample.controls])
    k = regressors.shape[1]
    params, cov = (_linearmodels if engine == "linearmodels" else _statsmodels)(sample, design, vcov)
    return RawFit(params[:k], cov[:k, :k])


def _linearmodels(
    sample: Sample, design: NDArray[np.float64], vcov: Vcov
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from linearmodels.panel import PanelOLS

    roles = {"unit": "entity_effects", "time": "time_effects"}
    others = {name: codes for name, codes in sample.effects.items() if name not in roles}
    if len(sample.effects) > 2:
        raise ModelError("policy.too_many_effects", effects=", ".join(sample.effects))
    # linearmodels wants two levels of index; without unit or time effects they only number the rows
    entity, time = _index(sample)
    index = pd.MultiIndex.from_arrays([entity, time], names=["unit", "time"])
    columns = [f"x{number}" for number in range(design.shape[1])]
    options: dict[str, Any] = {role: True for name, role in roles.items() if name in sample.effects}
    if others:
        options["other_effects"] = pd.DataFrame(others, index=index)
    if sample.weights is not None:
        options["weights"] = pd.Series(sample.weights, index=index)
    y, x = pd.Series(sample.y, index=index, name="y"), pd.DataFrame(design, index=index, columns=columns)
    if not sample.effects:
        x = x.assign(const=1.0)
    kinds = {"cluster": "clustered", "robust": "robust", "iid": "unadjusted"}
    how: dict[str, Any] = {"cov_type": kinds[vcov], "debiased": False, "auto_df": False, "count_effects": False}
    if vcov == "cluster":
        how["clusters"] = pd.DataFrame(sample.clusters, index=index)
    fitted = PanelOLS(y, x, check_rank=False, **options).fit(**how)
    return fitted.params.to_numpy(), fitted.cov.to_numpy()


def _index(sample: Sample) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    unit, time = sample.effects.get("unit"), sample.effects.get("time")
    if unit is not None:
        return unit, _numbered(unit) if time is None else time
    if time is not None:
        return _numbered(time), time
    return np.arange(len(sample.y), dtype=np.int64), np.zeros(len(sample.y), dtype=np.int64)


def _numbered(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of each row in its group."""
    numbers: NDArray[np.int64] = np.asarray(pd.Series(codes).groupby(pd.Series(codes)).cumcount(), dtype=np.int64)
    return numbers


def _statsmodels(
    sample: Sample, design: NDArray[np.float64], vcov: Vcov
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import statsmodels.api as sm

    ordered = sorted(sample.effects.values(), key=lambda codes: -int(codes.max()))
    levels = sum(int(codes.max()) + 1 for codes in ordered)
    y, weights = sample.y, sample.weights
    if len(y) * levels <= DENSE_CELLS or not ordered:
        full = [dummies(codes, drop_first=number > 0) for number, codes in enumerate(ordered)]
        exogenous = np.hstack([design, *(full or [np.ones((len(y), 1))])])
    else:  # the largest effect is taken out by its means; coefficients and residuals stay the same
        rest = np.hstack([design, *(dummies(codes, drop_first=True) for codes in ordered[1:])])
        exogenous, y = demean(rest, ordered[0], weights), demean(y[:, None], ordered[0], weights)[:, 0]
    model = sm.OLS(y, exogenous) if weights is None else sm.WLS(y, exogenous, weights=weights)
    fitted = model.fit()
    k, n = design.shape[1], len(y)
    if vcov == "iid":
        return fitted.params[:k], (fitted.cov_params() * (fitted.df_resid / n))[:k, :k]
    if vcov == "robust":
        return fitted.params[:k], fitted.get_robustcov_results("HC0").cov_params()[:k, :k]
    groups = np.column_stack(list(sample.clusters.values()))
    groups = groups[:, 0] if groups.shape[1] == 1 else groups
    robust = fitted.get_robustcov_results("cluster", groups=groups, use_correction=False, df_correction=False)
    return fitted.params[:k], robust.cov_params()[:k, :k]
