"""Two-way fixed effects: the static coefficient and the event study."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cbecmodel.errors import CbecWarning, ModelError, PolicyWarning
from cbecmodel.policy.design_warnings import cohort_warnings, sample_warnings
from cbecmodel.policy.event_study import COLUMNS, EventDesign, event_design, event_table, event_times, lead_test
from cbecmodel.policy.labels import listed
from cbecmodel.policy.regression import Regression, redundant_columns, regress
from cbecmodel.policy.result_fields import regression_facts, sample_facts
from cbecmodel.policy.results import PolicyResults
from cbecmodel.policy.sample import Sample, draw_sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cbecmodel.policy.panel import Panel
    from cbecmodel.policy.specification import Specification

_LEVEL = 0.95
_FRAMES = 4  # between the user's line and warnings given here


def estimate_twfe(panel: Panel, spec: Specification) -> PolicyResults:
    """Estimate the static coefficient and, where adoption came from cohorts, the event study.

    Parameters
    ----------
    panel : Panel
    spec : Specification

    Returns
    -------
    PolicyResults
    """
    sample = draw_sample(
        panel,
        spec.outcome,
        treatment=spec.treatment,
        controls=spec.controls,
        fixed_effects=spec.fixed_effects,
        clusters=spec.cluster,
        weights=spec.weights,
        transform=spec.transform,
    )
    treatment = _treatment(sample, panel, spec)
    if redundant_columns(sample, treatment[:, None]):
        raise ModelError("policy.treatment_constant", treatment=spec.treatment or str(panel.cohort))
    how: dict[str, Any] = {"vcov": spec.vcov, "small_sample": spec.small_sample, "engine": spec.engine}
    static = regress(sample, treatment[:, None], ("att",), **how)
    given = sample_warnings(panel, sample, spec)
    if spec.treatment is None:
        given += cohort_warnings(panel, sample, staggered=True)
    elif bool((pd.Series(treatment).groupby(sample.frame[panel.unit]).max() > 0).all()):
        given.append(PolicyWarning("policy.all_exposed", treatment=spec.treatment))
    if spec.treatment is not None:
        return _results(panel, spec, static, None, given)
    cohort = sample.frame[panel.cohort].to_numpy(dtype=np.int64)
    since = event_times(sample.frame[panel.time].to_numpy(dtype=np.int64), cohort, spec.window)
    base = -1 - spec.anticipation
    design = event_design(sample, since, base)
    given += _event_warnings(design, base)
    event = None
    if design is not None:
        names = tuple(f"event_time={time}" for time in design.times)
        event = (regress(sample, design.columns, names, **how), design)
        if event[0].repaired:
            given.append(PolicyWarning("policy.vcov_repaired", cluster=listed(list(spec.cluster))))
    return _results(panel, spec, static, event, given)


def _treatment(sample: Sample, panel: Panel, spec: Specification) -> NDArray[np.float64]:
    if spec.treatment is not None:
        return sample.frame[spec.treatment].to_numpy(dtype=np.float64)
    cohort, time = sample.frame[panel.cohort].to_numpy(), sample.frame[panel.time].to_numpy()
    return ((cohort > 0) & (time >= cohort - spec.anticipation)).astype(np.float64)


def _event_warnings(design: EventDesign | None, base: int) -> list[CbecWarning]:
    if design is None:
        return [PolicyWarning("policy.no_base", base=base)]
    found: list[CbecWarning] = []
    if len(design.bases) > 1:
        found.append(PolicyWarning("policy.second_base", base=base, second=design.bases[0]))
    if design.lost:
        found.append(PolicyWarning("policy.event_times_lost", times=listed(list(design.lost))))
    return found


def _results(
    panel: Panel,
    spec: Specification,
    static: Regression,
    event: tuple[Regression, EventDesign] | None,
    given: list[CbecWarning],
) -> PolicyResults:
    for warning in given:
        warnings.warn(warning, stacklevel=_FRAMES)
    sample = static.sample
    lower, upper = static.interval(_LEVEL)
    results = PolicyResults(
        **sample_facts(panel, spec, sample, given),
        **regression_facts(spec, static.corrected),
        att=float(static.params[0]),
        att_se=float(static.se[0]),
        att_ci=(float(lower[0]), float(upper[0])),
        att_pvalue=float(static.pvalues()[0]),
        event_study=pd.DataFrame(columns=list(COLUMNS), dtype="float64"),
        group_time=pd.DataFrame(columns=["cohort", "time", "att", "se", "ci_lower", "ci_upper"], dtype="float64"),
        pre_trend=pd.Series(dtype="float64"),
        checks=(static,),
    )
    if event is None:
        return results
    fitted, design = event
    table = event_table(fitted, design, _LEVEL, spec.seed or 0)
    return replace(results, event_study=table, pre_trend=lead_test(fitted, design), checks=(static, fitted))
