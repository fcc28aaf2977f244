"""Callaway & Sant'Anna's estimator: from a panel to group-time effects and back to one results object."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from cbecmodel.errors import CbecWarning, ModelError, PanelError, PolicyWarning
from cbecmodel.policy.design_warnings import cohort_warnings, sample_warnings
from cbecmodel.policy.event_study import critical_value
from cbecmodel.policy.group_time import GroupTime, Wide, by_event_time, covariance, group_time_effects, overall
from cbecmodel.policy.labels import listed
from cbecmodel.policy.regression import AGREEMENT
from cbecmodel.policy.result_fields import sample_facts
from cbecmodel.policy.results import PolicyResults
from cbecmodel.policy.sample import Sample, draw_sample, group_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cbecmodel.policy.panel import Panel
    from cbecmodel.policy.specification import Specification

_FRAMES = 3
_Z = float(stats.norm.ppf(0.975))


@dataclass(frozen=True, slots=True)
class GroupTimeCheck:
    """Group-time effects without covariates, which least squares gives too: the change on a dummy, one cohort at a time."""

    wide: Wide
    found: GroupTime
    spec: Specification

    def second(self) -> pd.DataFrame:
        """Return effects and errors (units independent) by this engine and by statsmodels (HC0).

        Returns
        -------
        pandas.DataFrame
            ``quantity``, ``est``, ``other``, ``difference``, ``tolerance``, ``agrees``; empty with covariates, for which
            there is no second engine.
        """
        import statsmodels.api as sm

        rows: list[tuple[str, float, float, float]] = []
        if self.wide.covariates.shape[2] > 1:
            rows = []
        else:
            errors = np.sqrt(np.diag(covariance(self.found.influence, None)))
            for place in np.flatnonzero(errors > 0):
                group, now = int(self.found.cohort[place]), int(self.found.time[place])
                change, treated = self._pair(group, now)
                fitted = sm.OLS(change, sm.add_constant(treated)).fit(cov_type="HC0")
                name = f"cohort={group} time={now}"
                rows.append((name, float(self.found.att[place]), float(fitted.params[1]), float(errors[place])))
                rows.append((f"{name} se", float(errors[place]), float(fitted.bse[1]), float(errors[place])))
        table = pd.DataFrame(rows, columns=["quantity", "est", "other", "scale"])
        scale = np.maximum(table.pop("scale"), table["est"].abs())
        table["difference"] = (table["est"] - table["other"]).abs()
        table["tolerance"] = AGREEMENT * scale
        table["agrees"] = table["difference"] <= table["tolerance"]
        return table

    def _pair(self, group: int, now: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        periods, cohorts, spec = self.wide.periods, self.wide.cohort, self.spec
        base = int(periods[periods + spec.anticipation < group].max())
        if spec.base_period == "varying" and now < group:
            base = int(periods[periods < now].max())
        control = cohorts == 0
        if spec.control_group == "not_yet":
            control = control | ((cohorts > max(now, base) + spec.anticipation) & (cohorts != group))
        used = control | (cohorts == group)
        change = self.wide.outcome[:, periods == now] - self.wide.outcome[:, periods == base]
        return change[used, 0], (cohorts[used] == group).astype(np.float64)


def estimate_callaway_santanna(panel: Panel, spec: Specification) -> PolicyResults:
    """Estimate group-time effects and aggregate them.

    Parameters
    ----------
    panel : Panel
    spec : Specification

    Returns
    -------
    PolicyResults

    Raises
    ------
    ModelError
        If there are no control units.
    """
    sample = draw_sample(
        panel,
        spec.outcome,
        treatment=None,
        controls=spec.controls,
        fixed_effects=(),
        clusters=spec.cluster,
        weights=None,
        transform=spec.transform,
    )
    given = cohort_warnings(panel, sample, staggered=False)
    sample, more = _complete(panel, spec, sample)
    given = [*sample_warnings(panel, sample, spec), *given, *more]
    wide, clusters = _wide(panel, sample)
    found = group_time_effects(
        wide,
        control_group=spec.control_group,
        base_period=spec.base_period,
        anticipation=spec.anticipation,
        method=spec.method,
    )
    if not (found.time >= found.cohort).any():
        raise ModelError("policy.no_effects", control_group=spec.control_group)
    if found.skipped:
        names = [f"{group} {time}" for group, time in found.skipped]
        given.append(PolicyWarning("policy.no_controls", pairs=listed(names)))
    for warning in given:
        warnings.warn(warning, stacklevel=_FRAMES)
    return _results(panel, spec, sample, (wide, clusters, found), given)


def _complete(panel: Panel, spec: Specification, sample: Sample) -> tuple[Sample, list[CbecWarning]]:
    """Keep units that are there in every period and were not treated from the start; count the others."""
    given: list[CbecWarning] = []
    frame = sample.frame
    cohort, first = frame[panel.cohort], int(frame[panel.time].min())
    always = ((cohort > 0) & (cohort <= first + spec.anticipation)).to_numpy()
    whole = (frame.groupby(panel.unit)[panel.time].transform("size") == frame[panel.time].nunique()).to_numpy()
    keep = whole & ~always
    if not keep.any():
        raise PanelError("policy.no_complete_units")
    never = (cohort[keep] == 0).any()
    last = int(cohort[keep].max())
    if not never and spec.control_group == "never":
        raise ModelError("policy.no_never_treated")
    late = np.zeros(len(frame), dtype=bool)
    if not never:  # the last cohort serves as controls until it is treated itself
        late = (frame[panel.time] >= last - spec.anticipation).to_numpy()
        frame = frame.copy()
        frame[panel.cohort] = cohort.mask(cohort == last, 0)
        given.append(PolicyWarning("policy.last_cohort_controls", cohort=last))
    reasons = {
        "unbalanced": int((~whole).sum()),
        "always treated": int((always & whole).sum()),
        "after the last controls": int((late & keep).sum()),
    }
    return replace(sample, frame=frame).keep(keep & ~late, reasons), given


def _wide(panel: Panel, sample: Sample) -> tuple[Wide, NDArray[np.int64] | None]:
    frame = sample.frame
    order = np.lexsort((frame[panel.time].to_numpy(), group_codes(frame, [panel.unit])))
    periods = np.sort(frame[panel.time].unique()).astype(np.int64)
    shape = (-1, len(periods))
    covariates = np.stack([np.ones(len(order)), *sample.controls.T], axis=1)[order]
    wide = Wide(
        outcome=sample.y[order].reshape(shape),
        covariates=covariates.reshape(*shape, covariates.shape[1]),
        cohort=frame[panel.cohort].to_numpy(dtype=np.int64)[order].reshape(shape)[:, 0],
        periods=periods,
    )
    (codes,) = sample.clusters.values()
    by_unit = codes[order].reshape(shape)
    if (by_unit != by_unit[:, :1]).any():
        raise ModelError("policy.cluster_not_nested", cluster=next(iter(sample.clusters)))
    return wide, by_unit[:, 0]


def _results(
    panel: Panel,
    spec: Specification,
    sample: Sample,
    fitted: tuple[Wide, NDArray[np.int64] | None, GroupTime],
    given: list[CbecWarning],
) -> PolicyResults:
    wide, clusters, found = fitted
    one = overall(found, spec.aggregation)
    att, se = float(one.att[0]), float(np.sqrt(covariance(one.influence, clusters)[0, 0]))
    return PolicyResults(
        **sample_facts(panel, spec, sample, given),
        att=att,
        att_se=se,
        att_ci=(att - _Z * se, att + _Z * se),
        att_pvalue=float(2 * stats.norm.sf(abs(att / se))),
        event_study=_event_study(found, clusters, spec),
        group_time=_group_time(found, clusters),
        pre_trend=_pre_trend(found, clusters, spec.anticipation),
        n_clusters=0 if clusters is None else int(clusters.max()) + 1,
        vcov_type="cluster",
        small_sample="influence",
        fixed_effects=(),
        engine="cbecmodel",
        df=float("inf"),
        n_parameters=0,
        checks=(GroupTimeCheck(wide, found, spec),),
    )


def _group_time(found: GroupTime, clusters: NDArray[np.int64] | None) -> pd.DataFrame:
    se = np.sqrt(np.diag(covariance(found.influence, clusters)))
    frame = pd.DataFrame({"cohort": found.cohort, "time": found.time, "att": found.att, "se": se})
    return frame.assign(ci_lower=found.att - _Z * se, ci_upper=found.att + _Z * se)


def _event_study(found: GroupTime, clusters: NDArray[np.int64] | None, spec: Specification) -> pd.DataFrame:
    events = by_event_time(found)
    cov = covariance(events.influence, clusters)
    se = np.sqrt(np.diag(cov))
    free = np.flatnonzero(se > 0)
    seed = spec.seed or 0
    if spec.bootstrap is None:
        critical = critical_value(cov[np.ix_(free, free)], float("inf"), 0.95, seed)
    else:
        critical = _bootstrapped(events.influence[:, free] / se[free], clusters, spec.bootstrap, seed)
    columns: dict[str, Any] = {"event_time": events.labels, "att": events.att, "se": se}
    for name, factor in (("ci", _Z), ("band", critical)):
        columns |= {f"{name}_lower": events.att - factor * se, f"{name}_upper": events.att + factor * se}
    return pd.DataFrame(columns)


def _bootstrapped(scaled: NDArray[np.float64], clusters: NDArray[np.int64] | None, draws: int, seed: int) -> float:
    """Return the 95 % quantile of the largest |t| over multiplier draws (Rademacher, one a cluster)."""
    n = len(scaled)
    codes = np.arange(n) if clusters is None else clusters
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    signs = rng.integers(0, 2, size=(draws, int(codes.max()) + 1)) * 2.0 - 1.0
    sums = np.zeros((int(codes.max()) + 1, scaled.shape[1]))
    np.add.at(sums, codes, scaled)
    return float(np.quantile(np.abs(signs @ sums / n).max(axis=1), 0.95))


def _pre_trend(found: GroupTime, clusters: NDArray[np.int64] | None, anticipation: int) -> pd.Series[Any]:
    cov = covariance(found.influence, clusters)
    before = np.flatnonzero((found.time + anticipation < found.cohort) & (np.diag(cov) > 0))
    if not len(before):
        return pd.Series(dtype="float64")
    se = np.sqrt(np.diag(cov)[before])
    t, scaled = found.att[before] / se, cov[np.ix_(before, before)] / np.outer(se, se)
    rank = int(np.linalg.matrix_rank(scaled, hermitian=True))
    wald = float(t @ np.linalg.pinv(scaled, hermitian=True) @ t)
    p = float(stats.chi2.sf(wald, rank))
    return pd.Series({"statistic": wald / rank, "df": rank, "df_denominator": float("inf"), "pvalue": p})
