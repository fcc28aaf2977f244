"""Sun & Abraham's interaction-weighted estimator: a coefficient for each cohort and event time, averaged by cohort size."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from cbecmodel.errors import CbecWarning, ModelError, PolicyWarning
from cbecmodel.policy.design_warnings import cohort_warnings, sample_warnings
from cbecmodel.policy.event_study import EventDesign, event_table, lead_test
from cbecmodel.policy.labels import listed
from cbecmodel.policy.regression import Regression, redundant_columns, regress
from cbecmodel.policy.result_fields import regression_facts, sample_facts
from cbecmodel.policy.results import PolicyResults
from cbecmodel.policy.sample import Sample, draw_sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cbecmodel.policy.panel import Panel
    from cbecmodel.policy.specification import Specification

_FRAMES = 3


def estimate_sun_abraham(panel: Panel, spec: Specification) -> PolicyResults:
    """Estimate cohort-by-event-time coefficients against the never treated, and average them.

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
        If no unit is never treated, or no other is seen before its treatment.
    """
    sample = draw_sample(
        panel,
        spec.outcome,
        treatment=None,
        controls=spec.controls,
        fixed_effects=spec.fixed_effects,
        clusters=spec.cluster,
        weights=spec.weights,
        transform=spec.transform,
    )
    given = cohort_warnings(panel, sample, staggered=False)
    sample = _not_always_treated(panel, sample)
    cohort = sample.frame[panel.cohort].to_numpy(dtype=np.int64)
    time = sample.frame[panel.time].to_numpy(dtype=np.int64)
    if not (cohort == 0).any():
        raise ModelError("policy.needs_never_treated", estimator=spec.estimator)
    base = -1 - spec.anticipation
    cells = _cells(cohort, time - cohort, base)
    if not cells:
        raise ModelError("policy.no_base_cohorts", base=base)
    columns = np.column_stack([((cohort == g) & (time - cohort == e)).astype(np.float64) for g, e in cells])
    lost = redundant_columns(sample, columns)
    given = [*sample_warnings(panel, sample, spec), *given]
    if lost:
        names = [f"{cells[place][0]} ({cells[place][1]})" for place in lost]
        given.append(PolicyWarning("policy.cells_lost", cells=listed(names)))
        kept = [place for place in range(len(cells)) if place not in lost]
        cells, columns = [cells[place] for place in kept], columns[:, kept]
    for warning in given:
        warnings.warn(warning, stacklevel=_FRAMES)
    names_of = tuple(f"cohort={g} event_time={e}" for g, e in cells)
    how: dict[str, Any] = {"vcov": spec.vcov, "small_sample": spec.small_sample, "engine": spec.engine}
    return _results(panel, spec, regress(sample, columns, names_of, **how), cells, given)


def _not_always_treated(panel: Panel, sample: Sample) -> Sample:
    """Leave out units treated from the first period on: as controls they would bring the effect into the comparison."""
    cohort, first = sample.frame[panel.cohort], int(sample.frame[panel.time].min())
    always = ((cohort > 0) & (cohort <= first)).to_numpy()
    return sample.keep(~always, {"always treated": int(always.sum())}) if always.any() else sample


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
    panel: Panel, spec: Specification, fitted: Regression, cells: list[tuple[int, int]], given: list[CbecWarning]
) -> PolicyResults:
    sample, counts = fitted.sample, fitted.regressors.sum(axis=0)
    events = np.array([event for _, event in cells])
    times = tuple(int(event) for event in np.unique(events))
    maps = np.array([np.where(events == event, counts, 0) / counts[events == event].sum() for event in times])
    by_time = _averaged(fitted, maps, tuple(f"event_time={event}" for event in times))
    after = np.where(events >= 0, counts, 0)
    att = _averaged(fitted, (after / after.sum())[None, :], ("att",))
    lower, upper = att.interval()
    design = EventDesign(times, np.zeros((0, len(times))), (-1 - spec.anticipation,))
    ends = fitted.interval()
    cohorts = [group for group, _ in cells]
    group_time = pd.DataFrame({"cohort": cohorts, "time": [g + e for g, e in cells], "att": fitted.params})
    return PolicyResults(
        **sample_facts(panel, spec, sample, given),
        **regression_facts(spec, fitted.corrected),
        att=float(att.params[0]),
        att_se=float(att.se[0]),
        att_ci=(float(lower[0]), float(upper[0])),
        att_pvalue=float(2 * stats.t.sf(abs(att.params[0] / att.se[0]), fitted.corrected.df)),
        event_study=event_table(by_time, design, 0.95, spec.seed or 0),
        group_time=group_time.assign(se=fitted.se, ci_lower=ends[0], ci_upper=ends[1]),
        pre_trend=lead_test(by_time, design),
        checks=(fitted,),
    )
