"""Who refused, who is not meant, who answered carelessly: flags for everybody, nobody deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.messages import LANGUAGES, text
from cbecmodel.survey.screening_index import Index
from cbecmodel.survey.screening_indices import CHECKS, careless_indices, hard_reasons
from cbecmodel.survey.screening_rules import Rules, choose_rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cbecmodel.survey.responses import Responses

HARD: Final = ("consent", "eligibility", "completeness")
# indices that look at the same thing are one flag together
SIGNS: Final = {
    "speed": ("speed", "item_speed"),
    "repetition": ("duplicates", "repeated_codes"),
    **{name: (name,) for name in ("longstring", "irv", "mahalanobis", "even_odd", "synonyms", "antonyms", *CHECKS)},
}


@dataclass(frozen=True, slots=True, eq=False)
class Screening:
    """What :meth:`~cbecmodel.survey.responses.Responses.screen` found.

    Parameters
    ----------
    responses : Responses
        All of them, as they were.
    rules : Rules
    table : pandas.DataFrame
        One row a respondent: a boolean column an index, ``n_flags`` (careless indices that fired; the two of speed are one,
        so are the two of repetition), ``excluded``,
        ``reason`` (``""``, ``"consent"``, ``"eligibility"``, ``"completeness"``, ``"attention"``, ``"careless"``).
    values : pandas.DataFrame
        One row a respondent: the indices themselves (share missing, seconds, seconds an item, longest run, IRV, squared
        Mahalanobis distance, even-odd inconsistency, within-person synonym and antonym correlation, respondents with the same
        answers and with the same code, checks failed). NaN where one could not be
        computed.
    summary : pandas.DataFrame
        ``index, en, zh, threshold, n_assessed, n_flagged, share``; ``n_assessed`` is 0 where the file does not have what
        the index needs.
    flow : pandas.DataFrame
        ``stage, en, zh, n_left, n_removed`` from everybody read to those analysed.
    """

    responses: Responses
    rules: Rules
    table: pd.DataFrame
    values: pd.DataFrame
    summary: pd.DataFrame
    flow: pd.DataFrame

    @property
    def kept(self) -> Responses:
        """Answers of those not excluded."""
        kept = self.responses
        reasons = self.table["reason"]
        for stage in self.flow["stage"].iloc[1:]:
            out = reasons.index[reasons == stage]
            kept = kept.keep(~kept.frame.index.isin(out), stage)
        return kept

    def _parts(self) -> tuple[str, list[tuple[str, str]], list[Table]]:
        shown = self.summary.assign(index=[text(f"survey.index_{name}") for name in self.summary["index"]])
        indices = Table(
            shown,
            {
                "index": Column(text("survey.col_index"), "text"),
                "threshold": Column(text("survey.col_threshold"), "text"),
                "n_assessed": Column(text("survey.col_assessed"), "count"),
                "n_flagged": Column(text("survey.col_flagged"), "count"),
                "share": Column(text("survey.col_share"), "percent", digits=1),
            },
            title=text("survey.table_indices"),
            notes=(_note(self.rules),),
        )
        stages = [_stage(stage, self.rules) for stage in self.flow["stage"]]
        flow = Table(
            self.flow.assign(stage=stages),
            {
                "stage": Column(text("survey.col_stage"), "text"),
                "n_removed": Column(text("survey.col_removed"), "count"),
                "n_left": Column(text("survey.col_left"), "count"),
            },
            title=text("survey.table_flow"),
        )
        facts = [
            (text("survey.fact_source"), self.responses.source.name),
            (text("survey.fact_respondents"), str(len(self.table))),
            (text("survey.fact_kept"), str(int((~self.table["excluded"]).sum()))),
        ]
        return text("survey.title_screening"), facts, [flow, indices]

    def __str__(self) -> str:
        return summary_text(*self._parts(), synthetic=self.responses.synthetic)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return summary_html(*self._parts(), synthetic=self.responses.synthetic)


def screen(responses: Responses, **thresholds: Any) -> Screening:
    """Look for refusals, ineligible respondents and careless answers.

    Consent, eligibility and completeness exclude at once. Indices of careless answering are computed among those who remain,
    and exclude only together: when at least ``minimum_flags`` of them fire. Longstring and IRV both react to
    straight-lining. A check that was not answered is not failed. Nothing is deleted; report results with and without the
    exclusions.

    Parameters
    ----------
    responses : Responses
    **thresholds
        Override the instrument's pre-registered rules; names and defaults are those of
        :class:`~cbecmodel.survey.screening_rules.Rules`.

    Returns
    -------
    Screening

    Raises
    ------
    DataError
        If there is no such rule, or its value makes no sense.

    Examples
    --------
    >>> from cbecmodel.survey.instrument import load_instrument
    >>> from cbecmodel.survey.responses import Responses
    >>> firm = load_instrument("firm")
    >>> answers = Responses.from_frame(pd.DataFrame({item: [1, 4, 7] for item in firm.items}), firm)
    >>> found = screen(answers, longstring_share=0.9)
    >>> found.table["reason"].tolist()
    ['careless', 'careless', 'careless']
    """
    rules = choose_rules(responses.instrument.screening_rules, thresholds)
    hard = list(hard_reasons(responses, rules))
    out = np.any([index.fires for index in hard], axis=0)
    rest = responses.keep(~out, "screening")
    indices = hard + [_among(index, ~out) for index in careless_indices(rest, rules)]
    flags = pd.DataFrame({index.name: index.fires for index in indices}, index=responses.frame.index)
    values = {index.name: index.value for index in indices if index.value is not None}
    table = _judge(flags, rules)
    return Screening(
        responses,
        rules,
        table,
        pd.DataFrame(values, index=responses.frame.index, dtype=float),
        pd.DataFrame([_summary(index) for index in indices]),
        _flow(table["reason"], rules),
    )


def _among(index: Index, where: NDArray[np.bool_]) -> Index:
    """Give an index of some respondents the length of all."""
    value = None
    if index.value is not None:
        value = np.full(len(where), np.nan)
        value[where] = index.value
    fires, known = np.zeros(len(where), dtype=bool), np.zeros(len(where), dtype=bool)
    fires[where], known[where] = index.fires, index.known
    return Index(index.name, index.threshold, value, fires, known)


def _judge(flags: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    counted = [names for sign, names in SIGNS.items() if sign != "attention" or not rules.attention_excludes]
    n_flags = sum(
        (flags[list(names)].any(axis=1).astype(np.int64) for names in counted), start=pd.Series(0, flags.index)
    )
    causes = {name: flags[name] for name in HARD}
    if rules.attention_excludes:
        causes["attention"] = flags["attention"]
    causes["careless"] = n_flags >= (np.inf if rules.minimum_flags is None else rules.minimum_flags)
    reason = np.select([cause.to_numpy() for cause in causes.values()], list(causes), default="").astype(object)
    return flags.assign(n_flags=n_flags, excluded=reason != "", reason=reason)


def _summary(index: Index) -> dict[str, object]:
    assessed, flagged = int(index.known.sum()), int(index.fires.sum())
    share = flagged / assessed if assessed else np.nan
    names = {"index": index.name, **{lang: text(f"survey.index_{index.name}", lang) for lang in LANGUAGES}}
    return {**names, "threshold": index.threshold, "n_assessed": assessed, "n_flagged": flagged, "share": share}


def _flow(reason: pd.Series[str], rules: Rules) -> pd.DataFrame:
    stages = ["read", *HARD, *(["attention"] if rules.attention_excludes else []), "careless"]
    removed = [int((reason == stage).sum()) for stage in stages]
    spoken = {lang: [_stage(stage, rules, lang) for stage in stages] for lang in LANGUAGES}
    return pd.DataFrame({"stage": stages, **spoken, "n_left": len(reason) - np.cumsum(removed), "n_removed": removed})


def _stage(stage: str, rules: Rules, lang: str | None = None) -> str:
    if stage == "careless" and rules.minimum_flags is None:
        return text("survey.stage_no_rule", lang)
    return text(f"survey.stage_{stage}", lang, flags=rules.minimum_flags)


def _note(rules: Rules) -> str:
    if rules.minimum_flags is None:
        return text("survey.note_no_rule")
    return text("survey.note_flags", flags=rules.minimum_flags)
