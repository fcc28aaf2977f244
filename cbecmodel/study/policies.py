"""Estimates one policy effect, computes it a second time by other code, and keeps everything the report shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel.errors import DisagreementError
from cbecmodel.policy.effect import policy_effect
from cbecmodel.policy.panel import Panel
from cbecmodel.study.artefacts import Artefacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.policy.results import PolicyResults
    from cbecmodel.study.steps import Given

_OPTIONS: Final = (
    "estimator",
    "treatment",
    "controls",
    "fixed_effects",
    "vcov",
    "cluster",
    "weights",
    "anticipation",
    "window",
    "small_sample",
)
_EVENT: Final = ("event_time", "att", "se", "ci_lower", "ci_upper")
_LEADS: Final = ("statistic", "df", "df_denominator", "pvalue")


def estimate_policy(given: Given) -> Artefacts:
    """Estimate a policy effect.

    Parameters
    ----------
    given : Given
        The panel.

    Returns
    -------
    Artefacts
        ``policy.json`` (settings, sizes), ``effect.csv``, ``event_study.csv``, ``pre_trend.csv``, ``cohorts.csv``,
        ``cross_check.csv``.

    Raises
    ------
    DisagreementError
        If two engines give different numbers for the effect.
    """
    settings = given.settings
    (kept,) = given.steps("panel").values()
    known = kept.value("panel.json")
    cohort = None if settings["treatment"] else known["cohort"]
    panel = Panel(kept.frame("panel.csv"), known["unit"], known["time"], cohort=cohort, synthetic=known["synthetic"])
    transform = None if settings["transform"] == "none" else settings["transform"]
    options = {name: settings[name] for name in _OPTIONS if settings[name] is not None}
    result = policy_effect(panel, settings["outcome"], transform=transform, **options)
    return _artefacts(settings, known, panel, result, _agreeing(settings["id"], result))


def _agreeing(name: str, result: PolicyResults) -> pd.DataFrame:
    """Return the effect by two engines, or stop the study where they differ."""
    table = result.cross_check()
    differing = table[~table["agrees"].astype(bool)]
    if len(differing):
        rows = [f"{r.quantity}: {r.est:.6g} / {r.other:.6g}" for r in differing.itertuples()]
        raise DisagreementError("study.engines_disagree", what=name, n=len(rows), rows="; ".join(rows[:5]))
    return table


def _artefacts(
    settings: Mapping[str, Any], known: Mapping[str, Any], panel: Panel, result: PolicyResults, checked: pd.DataFrame
) -> Artefacts:
    made = Artefacts()
    lower, upper = result.att_ci
    effect = {
        "att": result.att,
        "se": result.att_se,
        "ci_lower": lower,
        "ci_upper": upper,
        "pvalue": result.att_pvalue,
        "truth": known["truth"].get(settings["outcome"], np.nan),
    }
    with_leads = settings["event_study"] and not settings["treatment"]
    made.table("effect.csv", pd.DataFrame([effect]).astype(float))
    made.table("event_study.csv", _columns(result.event_study if with_leads else None, _EVENT))
    made.table("pre_trend.csv", _leads(result.pre_trend if with_leads else None))
    made.table(
        "cohorts.csv",
        panel.cohorts if panel.cohort is not None else pd.DataFrame(columns=["cohort", "n_units", "n_obs"]),
    )
    made.table("cross_check.csv", checked)
    made.json("policy.json", {**settings, **_sizes(result), "synthetic": bool(panel.synthetic)})
    return made


def _columns(frame: pd.DataFrame | None, names: tuple[str, ...]) -> pd.DataFrame:
    if frame is None or frame.empty:
        return pd.DataFrame(columns=list(names), dtype=float)
    return frame.reset_index(drop="event_time" in frame.columns)[list(names)]


def _leads(test: Any) -> pd.DataFrame:
    """Return the joint test of the leads as one row; no row where there are none to test."""
    if test is None or len(test) == 0:
        return pd.DataFrame(columns=list(_LEADS), dtype=float)
    return pd.DataFrame([{name: float(test[name]) for name in _LEADS}])


def _sizes(result: PolicyResults) -> dict[str, Any]:
    counts = ("n_obs", "n_units", "n_times", "n_treated", "n_clusters")
    return {name: int(getattr(result, name)) for name in counts} | {
        "small_sample": result.small_sample,
        "cluster": result.cluster,
    }
