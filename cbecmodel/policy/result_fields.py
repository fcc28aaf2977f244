"""Fields of a result that every estimator fills alike: what was asked, what was used, how errors were computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cbecmodel.errors import CbecWarning
    from cbecmodel.policy.panel import Panel
    from cbecmodel.policy.sample import Sample
    from cbecmodel.policy.small_sample import Correction
    from cbecmodel.policy.specification import Specification


def sample_facts(panel: Panel, spec: Specification, sample: Sample, given: list[CbecWarning]) -> dict[str, Any]:
    """Return what every estimator reports of what was asked and of what was used.

    Parameters
    ----------
    panel : Panel
    spec : Specification
    sample : Sample
        The rows used.
    given : list of CbecWarning
        Of the estimation.

    Returns
    -------
    dict
        Fields of :class:`~cbecmodel.policy.results.PolicyResults` that do not depend on the estimates.
    """
    frame = sample.frame
    treated = frame[spec.treatment] != 0 if spec.treatment else frame[panel.cohort] > 0
    return {
        "estimator": spec.estimator,
        "outcome": spec.outcome,
        "treatment": spec.treatment or "",
        "transform": spec.transform or "",
        "cluster": " × ".join(spec.cluster),
        "n_obs": len(frame),
        "n_units": int(frame[panel.unit].nunique()),
        "n_times": int(frame[panel.time].nunique()),
        "n_treated": int(frame.loc[treated, panel.unit].nunique()),
        "n_dropped": int(sample.dropped.sum()),
        "dropped": sample.dropped,
        "warnings": (*panel.warnings, *given),
        "synthetic": panel.synthetic,
        "truth": panel.truth,
    }


def regression_facts(spec: Specification, corrected: Correction) -> dict[str, Any]:
    """Return what estimators that are regressions report of their errors.

    Parameters
    ----------
    spec : Specification
    corrected : Correction
        For small samples.

    Returns
    -------
    dict
        Fields of :class:`~cbecmodel.policy.results.PolicyResults`.
    """
    return {
        "vcov_type": spec.vcov,
        "small_sample": spec.small_sample,
        "fixed_effects": spec.fixed_effects,
        "engine": spec.engine,
        "n_clusters": corrected.n_clusters,
        "df": corrected.df,
        "n_parameters": corrected.k,
    }
