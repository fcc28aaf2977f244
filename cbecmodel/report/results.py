"""What a report is made of: plain, typed results, one class a chapter.

The study fills these from its artefacts; the report only reads them. Every number is at full precision; texts that
people read come as ``{language: text}``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

Texts = dict[str, str]


@dataclass(frozen=True, slots=True)
class SampleResults:
    """One survey's sample: who answered, what was screened, what the items look like.

    Attributes
    ----------
    id : str
        Name of the survey in the study file.
    title, source : dict
        Title of the instrument; where the answers come from (file name, or the population they were drawn from).
    synthetic : bool
        Whether the answers were simulated.
    n_read, n_kept : int
        Respondents read; respondents that entered the analysis.
    flow : pandas.DataFrame
        Exclusion flow, one row a stage: ``stage`` (machine name), ``en``, ``zh``, ``n_left``, ``n_removed``.
    flags : pandas.DataFrame
        One row a screening index: ``index``, ``en``, ``zh``, ``threshold``, ``n_flagged``, ``share``.
    items : pandas.DataFrame
        One row an item: ``item``, ``construct``, ``en``, ``zh``, ``n``, ``missing``, ``mean``, ``sd``, ``min``, ``max``.
    demographics : pandas.DataFrame
        One row a category: ``variable``, ``variable_en``, ``variable_zh``, ``category_en``, ``category_zh``, ``n``, ``share``.
    notes : tuple of dict
        Sentences to print under the chapter (draft status of the instrument, how missing answers were treated …).
    constructs : dict
        ``{construct: {language: name}}`` for the constructs of :attr:`items`; codes are shown where there is no name.
    """

    id: str
    title: Texts
    source: Texts
    synthetic: bool
    n_read: int
    n_kept: int
    flow: pd.DataFrame
    flags: pd.DataFrame
    items: pd.DataFrame
    demographics: pd.DataFrame
    notes: tuple[Texts, ...] = ()
    constructs: Mapping[str, Texts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelResults:
    """One structural equation model.

    Attributes
    ----------
    id, survey : str
        Names of the model and of the survey whose answers it was fitted to.
    title : dict
    synthetic : bool
    engine, estimator, missing : str
        As given to :func:`cbecmodel.sem`.
    n_obs, n_dropped : int
    parameters : pandas.DataFrame
        ``fit.parameters``.
    fit_measures : pandas.Series
        ``fit.fit_measures``.
    reliability : pandas.DataFrame
        ``cbecmodel.reliability(fit)``, index = construct; empty where it could not be computed.
    effects : pandas.DataFrame
        Defined and indirect effects: ``name``, ``path`` (as ``SDI → PCI → CID``), ``est``, ``se``, ``z``, ``pvalue``,
        ``ci_lower``, ``ci_upper``, ``std_all``.
    cross_check : pandas.DataFrame
        Structural paths by two engines: ``lhs``, ``op``, ``rhs``, ``est``, ``other``, ``difference``, ``tolerance``, ``agrees``.
    labels : dict
        ``{variable: {language: label}}`` for latent and observed variables.
    hypotheses : dict
        ``{(lhs, rhs): hypothesis id}`` for the paths that carry one.
    warnings : tuple of dict
    """

    id: str
    survey: str
    title: Texts
    synthetic: bool
    engine: str
    estimator: str
    missing: str
    n_obs: int
    n_dropped: int
    parameters: pd.DataFrame
    fit_measures: pd.Series[Any]
    reliability: pd.DataFrame
    effects: pd.DataFrame
    cross_check: pd.DataFrame
    labels: Mapping[str, Texts]
    hypotheses: Mapping[tuple[str, str], str]
    warnings: tuple[Texts, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyChapter:
    """One policy effect.

    Attributes
    ----------
    id, panel : str
        Names of the policy and of the panel in the study file.
    title, outcome : dict
        Title; what the outcome is called.
    synthetic : bool
    estimator, small_sample, cluster : str
    n_obs, n_units, n_times, n_treated, n_clusters : int
    att, att_se, att_ci_lower, att_ci_upper, att_pvalue : float
    event_study : pandas.DataFrame
        ``event_time``, ``att``, ``se``, ``ci_lower``, ``ci_upper``; the base period has ``se`` 0. Empty without cohorts.
    pre_trend : pandas.Series
        ``statistic``, ``df``, ``df_denominator``, ``pvalue`` of the joint test of the leads; empty without leads.
    cohorts : pandas.DataFrame
        ``cohort``, ``n_units``, ``n_obs``; cohort 0 is never treated. Empty without cohorts.
    cross_check : pandas.DataFrame
        The effect by two engines: ``quantity``, ``est``, ``other``, ``difference``, ``tolerance``, ``agrees``.
    truth : float or None
        The known effect where the panel was simulated.
    notes, warnings : tuple of dict
    """

    id: str
    panel: str
    title: Texts
    outcome: Texts
    synthetic: bool
    estimator: str
    small_sample: str
    cluster: str
    n_obs: int
    n_units: int
    n_times: int
    n_treated: int
    n_clusters: int
    att: float
    att_se: float
    att_ci_lower: float
    att_ci_upper: float
    att_pvalue: float
    event_study: pd.DataFrame
    pre_trend: pd.Series[Any]
    cohorts: pd.DataFrame
    cross_check: pd.DataFrame
    truth: float | None = None
    notes: tuple[Texts, ...] = ()
    warnings: tuple[Texts, ...] = ()


@dataclass(frozen=True, slots=True)
class StudyResults:
    """A whole study, ready to be written.

    Attributes
    ----------
    id : str
    title, abstract : dict
        ``abstract`` says in a few sentences what the study asks and what the data are.
    languages : tuple of str
        Languages to write the report in.
    synthetic : bool
        Whether any part of the data was simulated; then every page says so.
    samples, models, policies : tuple
    hypotheses : pandas.DataFrame
        The evidence ledger, one row a hypothesis: ``hypothesis``, ``en``, ``zh`` (its statement), ``claims``, ``test`` (path or
        effect), ``expected``, ``estimate``, ``standardized``, ``ci_lower``, ``ci_upper``, ``pvalue``, ``second_engine``,
        ``verdict`` (machine name), ``reason_en``, ``reason_zh``. NaN and "" where nothing was estimated.
    provenance : dict
        What ``provenance.json`` holds: versions, seeds, hashes of inputs, commit, and under ``paper`` how to cite, in each
        language, the paper whose claims are tested; None where there is none.
    """

    id: str
    title: Texts
    abstract: Texts
    languages: tuple[str, ...]
    synthetic: bool
    samples: tuple[SampleResults, ...]
    models: tuple[ModelResults, ...]
    policies: tuple[PolicyChapter, ...]
    hypotheses: pd.DataFrame
    provenance: Mapping[str, Any]

    @property
    def paper(self) -> Texts:
        """How to cite the paper whose claims are tested, by language; empty where the study tests no paper."""
        return dict(self.provenance.get("paper") or {})
