"""What a policy effect is, once estimated: one object for every estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from cbecmodel.display.figures import event_study_figure
from cbecmodel.display.numbers import interval, number, p_value
from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import DisagreementError, ModelError
from cbecmodel.messages import language, text
from cbecmodel.policy.labels import dropped_rows, listed, says

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from cbecmodel.errors import CbecWarning


class Checkable(Protocol):
    """Something that can be computed by a second engine."""

    def second(self) -> pd.DataFrame:
        """Return quantities by both engines."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PolicyResults:
    """An estimated policy effect.

    Attributes
    ----------
    estimator, outcome, treatment : str
        ``treatment`` is the column that was used, "" where adoption came from cohorts.
    att, att_se, att_pvalue : float
        The overall effect; for ``twfe`` the static coefficient.
    att_ci : tuple of float
        95 % interval, t with :attr:`df` degrees of freedom.
    event_study : pandas.DataFrame
        ``event_time``, ``att``, ``se``, ``ci_lower``, ``ci_upper``, ``band_lower``, ``band_upper``; the base has standard
        error 0. Empty where adoption did not come from cohorts.
    group_time : pandas.DataFrame
        ``cohort``, ``time``, ``att``, ``se``, ``ci_lower``, ``ci_upper``; empty for estimators without group-time effects.
    pre_trend : pandas.Series
        Joint test of the leads: ``statistic`` (F), ``df``, ``df_denominator``, ``pvalue``; empty without leads.
    n_obs, n_units, n_times, n_treated, n_clusters : int
        What was used; ``n_clusters`` is 0 without clustering, and of two cluster variables the smaller number.
    n_dropped : int
        Rows of the panel that were not used; :attr:`dropped` says why.
    dropped : pandas.Series
        Rows not used, by the column that had no value.
    vcov_type, cluster, small_sample, fixed_effects, transform, engine : str
    df : float
        Degrees of freedom of the t distribution.
    n_parameters : int
        K of the small-sample factor.
    warnings : tuple of CbecWarning
        Of the panel and of the estimation.
    synthetic : bool
    truth : mapping or None
        What the simulation knows, if the panel was simulated.
    """

    estimator: str
    outcome: str
    treatment: str
    att: float
    att_se: float
    att_ci: tuple[float, float]
    att_pvalue: float
    event_study: pd.DataFrame
    group_time: pd.DataFrame
    pre_trend: pd.Series[Any]
    n_obs: int
    n_units: int
    n_times: int
    n_treated: int
    n_clusters: int
    n_dropped: int
    dropped: pd.Series[Any]
    vcov_type: str
    cluster: str
    small_sample: str
    fixed_effects: tuple[str, ...]
    transform: str
    engine: str
    df: float
    n_parameters: int
    warnings: tuple[CbecWarning, ...]
    synthetic: bool
    truth: Mapping[str, Any] | None
    checks: tuple[Checkable, ...]

    def cross_check(self, strict: bool = False) -> pd.DataFrame:
        """Estimate everything again with the second engine.

        Parameters
        ----------
        strict : bool
            Raise if the engines disagree.

        Returns
        -------
        pandas.DataFrame
            ``quantity`` (``att``, ``att se``, ``event_time=…``, …), ``est``, ``other``, ``difference``, ``tolerance``,
            ``agrees``. The tolerance is 1e-10 of the larger of estimate and standard error.

        Raises
        ------
        DisagreementError
            If ``strict`` and a quantity differs by more than its tolerance.

        Notes
        -----
        linearmodels takes the fixed effects out of all columns; statsmodels has a dummy for every level (for large panels
        for every level but those of the largest effect, which is taken out by its means). The small-sample factor is
        put on both.
        """
        table = pd.concat([one.second() for one in self.checks], ignore_index=True)
        if strict and not table["agrees"].all():
            worst = table.loc[~table["agrees"], "quantity"].tolist()
            most = float(table["difference"].max())
            raise DisagreementError("policy.disagreement", quantities=listed(worst), difference=f"{most:.3g}")
        return table

    def plot(self, lang: str | None = None) -> Figure:
        """Draw the event study.

        Parameters
        ----------
        lang : {"en", "zh"}, optional
            Defaults to the language of messages.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ModelError
            If there is no event study.
        """
        if self.event_study.empty:
            raise ModelError("policy.no_event_study")
        lang = lang or language()
        outcome = f"{self.transform}({self.outcome})" if self.transform else self.outcome
        label = text("policy.effect_on", lang, outcome=outcome)
        known = self.known_effect()
        truth = None if known is None else known.get("event_study", known.get("att"))
        return event_study_figure(self.event_study, lang=lang, ylabel=label, truth=truth)

    def known_effect(self) -> Mapping[str, Any] | None:
        """Return what a simulation knows about this outcome.

        Returns
        -------
        mapping or None
            ``att``, ``event_study``; None for data that were not simulated, and for a transformed outcome.
        """
        if self.truth is None or self.transform:
            return None
        known: Mapping[str, Any] | None = self.truth.get("outcomes", {self.outcome: self.truth}).get(self.outcome)
        return known

    def tables(self) -> list[Table]:
        """Return the tables of the summary: the effect, and the event study.

        Returns
        -------
        list of Table
        """
        effect = pd.DataFrame(
            {
                "what": [self.treatment or says("att")],
                "att": [self.att],
                "se": [self.att_se],
                "ci": [interval(*self.att_ci, lang=language())],
                "p": [self.att_pvalue],
            }
        )
        columns = {
            "what": Column("", "text"),
            "att": Column(says("estimate")),
            "se": Column(says("se")),
            "ci": Column(says("ci"), "text"),
            "p": Column("p", "p"),
        }
        found = [Table(effect, columns, says("effect_title"), notes=(self._se_note(),))]
        if not self.event_study.empty:
            found.append(self._event_table())
        notes = tuple(str(warning) for warning in self.warnings)
        if notes:
            last = found[-1]
            found[-1] = Table(last.frame, last.columns, last.title, (*last.notes, *notes))
        return found

    def _event_table(self) -> Table:
        rows = self.event_study
        shown = pd.DataFrame(
            {
                "time": [str(time).replace("-", "−") for time in rows["event_time"]],
                "att": rows["att"],
                "se": rows["se"],
                "ci": [
                    interval(*ends, lang=language()) for ends in zip(rows["ci_lower"], rows["ci_upper"], strict=True)
                ],
                "band": [
                    interval(*ends, lang=language())
                    for ends in zip(rows["band_lower"], rows["band_upper"], strict=True)
                ],
            }
        )
        shown.loc[rows["se"].to_numpy() == 0, ["ci", "band"]] = says("base")
        columns = {
            "time": Column(says("event_time"), "text"),
            "att": Column(says("estimate")),
            "se": Column(says("se")),
            "ci": Column(says("ci"), "text"),
            "band": Column(says("band"), "text"),
        }
        note = says("no_leads")
        if not self.pre_trend.empty:
            test = self.pre_trend
            note = says(
                "pre_trend_note",
                statistic=number(test["statistic"], lang=language()),
                df=int(test["df"]),
                df_denominator=number(test["df_denominator"], 0, language()),
                p=_equals(p_value(test["pvalue"])),
            )
        return Table(shown, columns, says("event_title"), notes=(note,))

    def _se_note(self) -> str:
        how = says(f"vcov_{self.vcov_type}", cluster=self.cluster, n=self.n_clusters)
        return says("two_sentences", one=how, two=says(f"small_{self.small_sample}", k=self.n_parameters))

    def _facts(self) -> list[tuple[str, str]]:
        lost = dropped_rows(self.dropped) if self.n_dropped else ""
        return [
            (says("outcome"), f"{self.transform}({self.outcome})" if self.transform else self.outcome),
            (says("fixed_effects"), ", ".join(self.fixed_effects) or "–"),
            (says("n_obs"), f"{self.n_obs:,}"),
            (says("n_dropped"), f"{self.n_dropped:,}" + (f" ({lost})" if lost else "")),
            (says("units"), f"{self.n_units:,}"),
            (says("n_treated"), f"{self.n_treated:,}"),
            (says("n_times"), f"{self.n_times:,}"),
        ]

    def _title(self) -> str:
        return says("results_title", estimator=says(f"estimator_{self.estimator}"))

    def summary(self) -> str:
        """Return effect, event study, tests and what was used as text.

        Returns
        -------
        str
        """
        return summary_text(self._title(), self._facts(), self.tables(), self.synthetic)

    def to_latex(self) -> str:
        """Return the tables of the summary as LaTeX (booktabs).

        Returns
        -------
        str
        """
        return "\n".join(table.to_latex() for table in self.tables())

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return summary_html(self._title(), self._facts(), self.tables(), self.synthetic)


def _equals(p: str) -> str:
    return f"p {p}" if p[0] in "<>" else f"p = {p}"
