"""Puts the artefacts of all steps into the report's typed input, and writes the report in one language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from cbecmodel.report.build import build_report
from cbecmodel.report.results import ModelResults, PolicyChapter, SampleResults, StudyResults
from cbecmodel.study.artefacts import Artefacts
from cbecmodel.study.sample import spoken
from cbecmodel.study.steps import WARNINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.study.steps import Given


def write_report(given: Given) -> Artefacts:
    """Write the report in one language.

    Parameters
    ----------
    given : Given

    Returns
    -------
    Artefacts
        ``report.html`` and, as far as asked for and possible, ``report.pdf`` and ``report.docx``.
    """
    settings = given.settings
    documents = build_report(study_results(given), settings["lang"], formats=tuple(settings["formats"]))
    return Artefacts({f"report.{kind}": data for kind, data in documents.items()})


def study_results(given: Given) -> StudyResults:
    """Put the artefacts of a study into the report's typed input.

    Parameters
    ----------
    given : Given

    Returns
    -------
    StudyResults
    """
    settings = given.settings
    samples = tuple(_sample(name, made) for name, made in given.steps("survey").items())
    models = tuple(_model(made) for made in given.steps("fit").values())
    policies = tuple(_policy(made) for made in given.steps("policy").values())
    synthetic = [part.synthetic for part in samples] + [part.synthetic for part in models]
    return StudyResults(
        id=settings["id"],
        title=spoken(settings["title"]),
        abstract=spoken(settings["abstract"]),
        languages=tuple(settings["languages"]),
        synthetic=any(synthetic + [part.synthetic for part in policies]),
        samples=samples,
        models=models,
        policies=policies,
        hypotheses=given.before["evidence"].frame("hypotheses.csv"),
        provenance=given.before["provenance"].value("provenance.json"),
    )


def _warnings(made: Artefacts) -> tuple[dict[str, str], ...]:
    return tuple(made.value(WARNINGS))


def _sample(name: str, made: Artefacts) -> SampleResults:
    known = made.value("sample.json")
    return SampleResults(
        id=name,
        title=spoken(known["title"]),
        source=known["source"],
        synthetic=known["synthetic"],
        n_read=known["n_read"],
        n_kept=known["n_kept"],
        notes=(*known["notes"], *_warnings(made)),
        flow=made.frame("flow.csv"),
        flags=made.frame("flags.csv"),
        items=made.frame("items.csv"),
        demographics=made.frame("demographics.csv"),
        constructs=known["constructs"],
    )


def _model(made: Artefacts) -> ModelResults:
    known = made.value("model.json")
    measures = made.frame("fit_measures.csv").set_index("name")["value"]
    return ModelResults(
        title=spoken(known["title"]),
        labels={name: spoken(label) for name, label in known["labels"].items()},
        hypotheses={(lhs, rhs): name for lhs, rhs, name in known["paths"]},
        parameters=made.frame("parameters.csv"),
        fit_measures=measures,
        reliability=made.frame("reliability.csv").set_index("construct"),
        effects=made.frame("effects.csv"),
        cross_check=made.frame("cross_check.csv"),
        warnings=_warnings(made),
        **_fields(known, "id", "survey", "synthetic", "engine", "estimator", "missing", "n_obs", "n_dropped"),
    )


def _policy(made: Artefacts) -> PolicyChapter:
    known, (effect,) = made.value("policy.json"), made.frame("effect.csv").to_dict("records")
    leads = made.frame("pre_trend.csv")
    truth = float(effect["truth"])
    return PolicyChapter(
        title=spoken(known["title"], known["id"]),
        outcome=spoken(known["label"], known["outcome"]),
        cluster=known["cluster"],
        att=effect["att"],
        att_se=effect["se"],
        att_ci_lower=effect["ci_lower"],
        att_ci_upper=effect["ci_upper"],
        att_pvalue=effect["pvalue"],
        event_study=made.frame("event_study.csv"),
        pre_trend=pd.Series(dtype=float) if leads.empty else leads.iloc[0],
        cohorts=made.frame("cohorts.csv"),
        cross_check=made.frame("cross_check.csv"),
        truth=None if pd.isna(truth) else truth,
        warnings=_warnings(made),
        **_fields(known, "id", "panel", "synthetic", "estimator", "small_sample"),
        **_fields(known, "n_obs", "n_units", "n_times", "n_treated", "n_clusters"),
    )


def _fields(known: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: known[name] for name in names}
