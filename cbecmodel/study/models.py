"""Fits one structural equation model, computes it a second time by other code, and keeps everything the report shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cbecmodel.errors import CbecError, DataError, DisagreementError, ModelWarning, warn
from cbecmodel.measurement.reliability import reliability
from cbecmodel.structure.api import sem
from cbecmodel.study.artefacts import Artefacts
from cbecmodel.study.chains import chain, effect_rows
from cbecmodel.survey.condition import Condition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.structure.results import SEMResults
    from cbecmodel.study.steps import Given


def fit_model(given: Given) -> Artefacts:
    """Fit a model to a survey's answers.

    Parameters
    ----------
    given : Given
        The survey's kept answers, and the theory's model if it comes from there.

    Returns
    -------
    Artefacts
        ``model.json`` (settings, sizes, checks), ``parameters.csv``, ``fit_measures.csv``, ``reliability.csv``, ``effects.csv``,
        ``cross_check.csv``.

    Raises
    ------
    DisagreementError
        If two engines give different numbers for one path.
    """
    settings = given.settings
    (survey,) = given.steps("survey").values()
    theory = given.before.get("theory", Artefacts())
    stated = theory.value(f"model-{settings['model']}.json") if settings["model"] else {}
    frame = _respondents(survey.frame("kept.csv"), stated.get("respondents"))
    fit = sem(
        settings["syntax"] or stated["syntax"],
        data=frame,
        engine=settings["engine"],
        estimator=settings["estimator"],
        missing=settings["missing"],
    )
    checked = _agreeing(settings["id"], fit)
    names = theory.value("labels.json") if "labels.json" in theory.files else {}
    return _artefacts(given, fit, checked, stated, {**survey.value("labels.json"), **names, **settings["labels"]})


def _respondents(frame: pd.DataFrame, condition: str | None) -> pd.DataFrame:
    if condition is None:
        return frame
    asked = Condition.parse(condition)
    if asked.variable not in frame:
        raise DataError("study.no_filter_column", column=asked.variable, condition=condition)
    return frame[asked.mask(frame)]


def _agreeing(name: str, fit: SEMResults) -> pd.DataFrame:
    """Return the structural paths by two engines, or stop the study where they differ."""
    table = fit.cross_check()
    differing = table[~table["agrees"].astype(bool)]
    if len(differing):
        rows = [f"{r.lhs} {r.op} {r.rhs}: {r.est:.6g} / {r.other:.6g}" for r in differing.itertuples()]
        raise DisagreementError("study.engines_disagree", what=name, n=len(rows), rows="; ".join(rows[:5]))
    return table[table["op"] == "~"].reset_index(drop=True)


def _artefacts(
    given: Given, fit: SEMResults, checked: pd.DataFrame, stated: Mapping[str, Any], labels: Mapping[str, Any]
) -> Artefacts:
    settings = given.settings
    (survey_name,) = given.steps("survey")
    shown = {*fit.latents, *fit.observed}
    made = Artefacts()
    made.table("parameters.csv", fit.parameters)
    made.table("effects.csv", effect_rows(fit.parameters))
    made.table("cross_check.csv", checked)
    made.table("fit_measures.csv", fit.fit_measures.rename_axis("name").rename("value").reset_index())
    made.table("reliability.csv", _reliability(fit))
    made.json(
        "model.json",
        {
            "id": settings["id"],
            "survey": survey_name,
            "model": settings["model"],
            "title": settings["title"] or stated.get("title") or {"en": settings["id"], "zh": settings["id"]},
            "synthetic": given.before[f"survey:{survey_name}"].value("sample.json")["synthetic"],
            "engine": settings["engine"],
            "estimator": settings["estimator"],
            "missing": settings["missing"],
            "n_obs": int(fit.n_obs),
            "n_dropped": int(fit.n_dropped),
            "converged": bool(fit.converged),
            "improper": improper(fit.parameters),
            "labels": {name: labels[name] for name in sorted(shown & labels.keys())},
            "paths": paths_with_hypotheses(stated.get("paths", {}), settings["hypotheses"]),
        },
    )
    return made


def _reliability(fit: SEMResults) -> pd.DataFrame:
    """Return the reliability table; a model without measured constructs has none, and says so."""
    if not fit.latents:
        return pd.DataFrame({"construct": pd.Series(dtype=str)})
    try:
        return reliability(fit).rename_axis("construct").reset_index()
    except CbecError as error:
        warn(ModelWarning, "study.no_reliability", reason=error)
        return pd.DataFrame({"construct": pd.Series(dtype=str)})


def paths_with_hypotheses(stated: Mapping[str, list[str]], own: Mapping[str, Any]) -> list[list[str]]:
    """List ``[lhs, rhs, hypothesis]`` for every regression that carries a hypothesis.

    Parameters
    ----------
    stated : mapping
        Paths of the theory's hypotheses, ``"PCI ~ SDI"``.
    own : mapping
        Hypotheses the study file states.

    Returns
    -------
    list of list of str

    Examples
    --------
    >>> paths_with_hypotheses({"H1": ["PCI ~ SDI"], "H8a": ["SDI -> PCI -> CID"]}, {})
    [['PCI', 'SDI', 'H1']]
    """
    everything = {**stated, **{name: [claim["path"]] for name, claim in own.items()}}
    rows = []
    for name, paths in everything.items():
        for path in paths:
            steps = chain(path)
            if len(steps) == 2:
                rows.append([steps[1], steps[0], name])
    return rows


def improper(parameters: pd.DataFrame) -> list[str]:
    """Name the estimates that no population can have: negative variances, correlations beyond ±1.

    Parameters
    ----------
    parameters : pandas.DataFrame
        ``fit.parameters``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> rows = {"lhs": ["x1", "f"], "op": ["~~", "~~"], "rhs": ["x1", "g"], "est": [-0.1, 0.2], "std_all": [-0.1, 1.2]}
    >>> improper(pd.DataFrame(rows))
    ['x1 ~~ x1', 'f ~~ g']
    """
    both = parameters[parameters["op"] == "~~"]
    variances = both[(both["lhs"] == both["rhs"]) & (both["est"] < 0)]
    correlations = both[(both["lhs"] != both["rhs"]) & (np.abs(both["std_all"]) > 1)]
    return [f"{r.lhs} ~~ {r.rhs}" for r in pd.concat([variances, correlations]).itertuples()]
