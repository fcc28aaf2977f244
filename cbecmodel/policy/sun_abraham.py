"""Sun & Abraham's interaction-weighted estimator: a coefficient for each cohort and event time, averaged by cohort size."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from cbecmodel.errors import CbecWarning, ModelError, PolicyWarning
from cbecmodel.policy.advice import cohort_advice, sample_advice
from cbecmodel.policy.event import EventDesign, event_table, lead_test
from cbecmodel.policy.regression import Regression, redundant_columns, regress
from cbecmodel.policy.results import PolicyResults
from cbecmodel.policy.sample import draw_sample
from cbecmodel.policy.units import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cbecmodel.policy.panel import Panel
    from cbecmodel.policy.request import Request

_FRAMES = 4


def estimate_sun_abraham(panel: Panel, request: Request) -> PolicyResults:
    """Estimate cohort-by-event-time coefficients against the never treated, and average them.

    Parameters
    ----------
    panel : Panel
    request : Request

    Returns
    -------
    PolicyResults

    Raises
    ------
    ModelError
        If a treatment column or a window is asked for, or no unit is never treated.
    """
    named = [name for name in ("treatment", "window") if getattr(request, name) is not None]
    if named or panel.cohort is None:
        raise ModelError("policy.not_for_estimator", options=listed(named), estimator=request.estimator)
    sample = draw_sample(
        panel,
        request.outcome,
        treatment=None,
        controls=request.controls,
        fixed_effects=request.fixed_effects,
        clusters=request.cluster,
        weights=request.weights,
        transform=request.transform,
    )
    cohort = sample.frame[panel.cohort].to_numpy(dtype=np.int64)
    time = sample.frame[panel.time].to_numpy(dtype=np.int64)
    if not (cohort == 0).any():
        raise ModelError("policy.needs_never_treated", estimator=request.estimator)
    base = -1 - request.anticipation
    cells = _cells(cohort, time - cohort, base)
    columns = np.column_stack([((cohort == g) & (time - cohort == e)).astype(np.float64) for g, e in cells])
    lost = redundant_columns(sample, columns)
    given = [*sample_advice(panel, sample, request), *cohort_advice(panel, sample, staggered=False)]
    if lost:
        names = [f"{cells[place][0]} ({cells[place][1]})" for place in lost]
        given.append(PolicyWarning("policy.cells_lost", cells=listed(names)))
        kept = [place for place in range(len(cells)) if place not in lost]
        cells, columns = [cells[place] for place in kept], columns[:, kept]
    for warning in given:
        warnings.warn(warning, stacklevel=_FRAMES)
    names_of = tuple(f"cohort={g} event_time={e}" for g, e in cells)
    how: dict[str, Any] = {"vcov": request.vcov, "small_sample": request.small_sample, "engine": request.engine}
    return _results(panel, request, regress(sample, columns, names_of, **how), cells, given)


def _cells(cohort: NDArray[np.int64], since: NDArray[np.int64], base: int) -> list[tuple[int, int]]:
    """List cohorts and event times that are seen, without the base."""
    seen = sorted({(int(g), int(e)) for g, e in zip(cohort, since, strict=True) if g > 0 and e != base})
    with_base = {int(g) for g in np.unique(cohort[(cohort > 0) & (since == base)])}
    return [(g, e) for g, e in seen if g in with_base]


def _averaged(fitted: Regression, maps: NDArray[np.float64], names: tuple[str, ...]) -> Regression:
    """Return linear combinations of the coefficients as a regression of their own."""
    return Regression(
        names=names,
        regressors=fitted.regressors,
        sample=fitted.sample,
        params=maps @ fitted.params,
        cov=maps @ fitted.cov @ maps.T,
        corrected=fitted.corrected,
        vcov=fitted.vcov,
        engine=fitted.engine,
    )


def _results(
    panel: Panel, request: Request, fitted: Regression, cells: list[tuple[int, int]], given: list[CbecWarning]
) -> PolicyResults:
    sample, counts = fitted.sample, fitted.regressors.sum(axis=0)
    events = np.array([event for _, event in cells])
    times = tuple(int(event) for event in np.unique(events))
    maps = np.array([np.where(events == event, counts, 0) / counts[events == event].sum() for event in times])
    by_time = _averaged(fitted, maps, tuple(f"event_time={event}" for event in times))
    after = np.where(events >= 0, counts, 0)
    att = _averaged(fitted, (after / after.sum())[None, :], ("att",))
    lower, upper = att.interval()
    design = EventDesign(times, np.zeros((0, len(times))), (-1 - request.anticipation,))
    ends = fitted.interval()
    cohorts = [group for group, _ in cells]
    group_time = pd.DataFrame({"cohort": cohorts, "time": [g + e for g, e in cells], "att": fitted.params})
    return PolicyResults(
        estimator=request.estimator,
        outcome=request.outcome,
        treatment="",
        att=float(att.params[0]),
        att_se=float(att.se[0]),
        att_ci=(float(lower[0]), float(upper[0])),
        att_pvalue=float(2 * stats.t.sf(abs(att.params[0] / att.se[0]), fitted.corrected.df)),
        event_study=event_table(by_time, design, 0.95, request.seed or 0),
        group_time=group_time.assign(se=fitted.se, ci_lower=ends[0], ci_upper=ends[1]),
        pre_trend=lead_test(by_time, design),
        n_obs=len(sample.y),
        n_units=int(sample.frame[panel.unit].nunique()),
        n_times=int(sample.frame[panel.time].nunique()),
        n_treated=int(sample.frame.loc[sample.frame[panel.cohort] > 0, panel.unit].nunique()),
        n_clusters=fitted.corrected.n_clusters,
        n_dropped=int(sample.dropped.sum()),
        dropped=sample.dropped,
        vcov_type=request.vcov,
        cluster=" × ".join(request.cluster),
        small_sample=request.small_sample,
        fixed_effects=request.fixed_effects,
        transform=request.transform or "",
        engine=request.engine,
        df=fitted.corrected.df,
        n_parameters=fitted.corrected.k,
        warnings=(*panel.warnings, *given),
        synthetic=panel.synthetic,
        truth=panel.truth,
        checks=(fitted,),
    )
