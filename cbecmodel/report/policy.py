"""The chapter on policy effects: estimate, rollout, event study, pre-trend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from cbecmodel.display.figures import event_study_figure, rollout_figure
from cbecmodel.display.numbers import count, interval, number, p_value
from cbecmodel.display.tables import Column, Table
from cbecmodel.report.document import Block, Chapter, FigureBlock, Prose, TableBlock, Words
from cbecmodel.report.phrases import ALPHA, equals, synthetic_note, unbroken

if TYPE_CHECKING:
    from cbecmodel.report.results import PolicyChapter

_ESTIMATORS: Final = ("twfe",)


def policy_chapter(policies: tuple[PolicyChapter, ...], words: Words) -> Chapter:
    """Return the chapter on all policy effects of a study.

    Parameters
    ----------
    policies : tuple of PolicyChapter
    words : Words

    Returns
    -------
    Chapter
    """
    tab = "tab-policy"
    blocks: list[Block] = [
        Prose(words("policy_intro", table=f"[[{tab}]]")),
        TableBlock(tab, _policy_table(policies, words)),
    ]
    shown: set[str] = set()
    for policy in policies:
        blocks += [Prose(words.of(policy.title), "h3")] if len(policies) > 1 else []
        blocks += _one(policy, words, with_rollout=policy.panel not in shown)
        shown |= {policy.panel} if len(policy.cohorts) else set()
    return Chapter("policy", words("policy"), tuple(blocks), any(policy.synthetic for policy in policies))


def policy_sentence(policy: PolicyChapter, words: Words) -> str:
    """Say what the effect is, whether it differs from zero, and how it compares with the known truth.

    Parameters
    ----------
    policy : PolicyChapter
    words : Words

    Returns
    -------
    str
    """
    clear = policy.att_pvalue < ALPHA
    said = words(
        "policy_sentence" if clear else "policy_sentence_unclear",
        title=words.of(policy.title),
        outcome=words.of(policy.outcome),
        att=number(policy.att),
        ci=interval(policy.att_ci_lower, policy.att_ci_upper),
        p=equals(p_value(policy.att_pvalue)),
    )
    return words.join([said, _truth(policy, words), _leads(policy, words)])


def _truth(policy: PolicyChapter, words: Words) -> str:
    if policy.truth is None:
        return ""
    inside = policy.att_ci_lower <= policy.truth <= policy.att_ci_upper
    return words("truth_inside" if inside else "truth_outside", truth=number(policy.truth))


def _leads(policy: PolicyChapter, words: Words) -> str:
    if not len(policy.pre_trend):
        return words("leads_none")
    p = float(policy.pre_trend["pvalue"])
    return words("leads_differ" if p < ALPHA else "leads_quiet", p=equals(p_value(p)))


def _policy_table(policies: tuple[PolicyChapter, ...], words: Words) -> Table:
    """Return all policy effects."""
    rows = [
        {
            "title": words("policy_row", title=words.of(policy.title), outcome=words.of(policy.outcome)),
            "att": policy.att,
            "se": policy.att_se,
            "p": policy.att_pvalue,
            "interval": unbroken(interval(policy.att_ci_lower, policy.att_ci_upper)),
            "lead": float(policy.pre_trend["pvalue"]) if len(policy.pre_trend) else float("nan"),
            "truth": float("nan") if policy.truth is None else policy.truth,
            "n": policy.n_obs,
            "units": policy.n_units,
        }
        for policy in policies
    ]
    columns = {
        "title": Column(words("col_policy"), "text"),
        "att": Column(words("col_effect")),
        "se": Column(words("col_se")),
        "p": Column(words("col_p"), "p"),
        "interval": Column(words("col_ci"), "text"),
        "lead": Column(words("col_leads"), "p"),
        "truth": Column(words("col_truth")),
        "n": Column(words("col_obs"), "count"),
        "units": Column(words("col_units"), "count"),
    }
    if all(policy.truth is None for policy in policies):
        del columns["truth"]
    notes = (words("policy_note"), *synthetic_note(any(policy.synthetic for policy in policies), words))
    return Table(pd.DataFrame(rows), columns, words("policy_caption"), notes, lang=words.lang)


def _one(policy: PolicyChapter, words: Words, *, with_rollout: bool) -> list[Block]:
    blocks: list[Block] = [Prose(words.join([policy_sentence(policy, words), _design(policy, words)]))]
    blocks += [Prose(words.of(note), "notice") for note in (*policy.notes, *policy.warnings)]
    if len(policy.cohorts) and with_rollout:
        fig = f"fig-rollout-{policy.panel}"
        shown = [f"{row['cohort']:.0f}: {row['n_units']:.0f}" for row in policy.cohorts.to_dict("records")]
        alt = words("rollout_alt", cohorts=words("list_separator").join(shown))
        figure = rollout_figure(policy.cohorts, words.lang)
        blocks += [
            Prose(words("rollout_intro", figure=f"[[{fig}]]")),
            FigureBlock(fig, figure, words("rollout_caption"), alt),
        ]
    if len(policy.event_study):
        fig = f"fig-events-{policy.id}"
        figure = event_study_figure(
            policy.event_study, lang=words.lang, truth=policy.truth, ylabel=words("effect_axis")
        )
        shown = [f"{row['event_time']:.0f}: {number(row['att'], 2)}" for row in policy.event_study.to_dict("records")]
        alt = words("events_alt", effects=words("list_separator").join(shown))
        caption = words("events_caption", title=words.of(policy.title), outcome=words.of(policy.outcome))
        blocks += [
            Prose(words("events_intro", figure=f"[[{fig}]]")),
            FigureBlock(fig, figure, caption, alt),
        ]
    return blocks


def _design(policy: PolicyChapter, words: Words) -> str:
    known = policy.estimator in _ESTIMATORS
    return words(
        "policy_design",
        estimator=words(f"estimator_{policy.estimator}") if known else policy.estimator,
        obs=count(policy.n_obs),
        units=count(policy.n_units),
        times=count(policy.n_times),
        treated=count(policy.n_treated),
        cluster=policy.cluster,
        clusters=count(policy.n_clusters),
        small=policy.small_sample,
    )
