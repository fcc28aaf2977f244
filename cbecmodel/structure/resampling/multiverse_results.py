"""What a multiverse holds: a table of specifications, and its curve."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cbecmodel.display.numbers import count, interval, number, percent
from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.messages import language, text

if TYPE_CHECKING:
    from cbecmodel.display.canvas import Picture

_OWN = ("model", "subset")


def _say(key: str, lang: str | None = None, **values: object) -> str:
    return text(f"structure.multiverse_show_{key}", lang, **values)


class MultiverseResults:
    """One parameter under many specifications.

    Attributes
    ----------
    table : pandas.DataFrame
        A row a specification: its choices, then estimate se ci_lower ci_upper pvalue chisq df cfi rmsea srmr n status why.
        ``status`` is proper, improper, failed (``why`` says why) or absent (the model has no such parameter).
    parameter : str
    choices : tuple of str
        The columns that hold choices.
    standardized, synthetic : bool

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import political_democracy
    >>> found = cbec.multiverse("dem =~ y1 + y2 + y3 + y4", political_democracy.get_data(), "dem =~ y2", estimator=["ML", "MLR"])
    >>> found.choices, found.table["status"].tolist()
    (('model', 'subset', 'estimator'), ['proper', 'proper'])
    """

    def __init__(
        self, table: pd.DataFrame, parameter: str, choices: tuple[str, ...], *, standardized: bool, synthetic: bool
    ) -> None:
        self.table, self.parameter, self.choices = table, parameter, choices
        self.standardized, self.synthetic = standardized, synthetic

    @property
    def estimated(self) -> pd.DataFrame:
        """Return the specifications that have an estimate, the smallest first."""
        known: pd.DataFrame = self.table[np.isfinite(self.table["estimate"])]
        return known.sort_values("estimate", kind="stable")

    @cached_property
    def by_choice(self) -> pd.DataFrame:
        """Return how much each choice moves the estimate.

        Returns
        -------
        pandas.DataFrame
            Columns choice value specifications median minimum maximum significant (share with p < .05).
        """
        found = self.estimated
        rows: list[tuple[Any, ...]] = []
        for choice in self._varied:
            for value, part in found.groupby(choice, sort=False):
                estimates = part["estimate"]
                share = float((part["pvalue"] < 0.05).mean())
                rows.append((choice, value, len(part), estimates.median(), estimates.min(), estimates.max(), share))
        columns = ["choice", "value", "specifications", "median", "minimum", "maximum", "significant"]
        return pd.DataFrame(rows, columns=columns)

    @property
    def _varied(self) -> list[str]:
        return [name for name in self.choices if len(set(self.table[name])) > 1]

    def summary(self) -> str:
        """Return the results as text.

        Returns
        -------
        str
        """
        return summary_text(_say("title"), self._facts(), self._tables(), self.synthetic)

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        return summary_html(_say("title"), self._facts(), self._tables(), self.synthetic)

    def plot(self, lang: str | None = None) -> Picture:
        """Draw the specification curve: estimates with their intervals in order, and below them the choices.

        Parameters
        ----------
        lang : {"en", "zh"}, optional

        Returns
        -------
        Picture
        """
        from cbecmodel.display.specification_curve import specification_figure

        chosen = lang or language()
        axes = {self._choice(name, chosen): name for name in self._varied}
        frame = self.estimated.rename(columns={old: new for new, old in axes.items()})
        ylabel = _say("standardized" if self.standardized else "estimate", chosen, parameter=self.parameter)
        return specification_figure(frame, list(axes), ylabel=ylabel, lang=chosen)

    def _choice(self, name: str, lang: str | None = None) -> str:
        return _say(name, lang) if name in _OWN else name

    def _facts(self) -> list[tuple[str, str]]:
        found = self.estimated
        estimates = found["estimate"]
        significant = found["pvalue"] < 0.05
        same = significant & (np.sign(estimates) == np.sign(estimates.median()))
        lost = self.table["status"].value_counts()
        return [
            (_say("parameter"), self.parameter),
            (_say("specifications"), count(len(self.table))),
            (_say("failed"), count(int(lost.get("failed", 0)))),
            (_say("absent"), count(int(lost.get("absent", 0)))),
            (_say("improper"), count(int(lost.get("improper", 0)))),
            (_say("median"), f"{number(estimates.median())} {interval(estimates.min(), estimates.max())}"),
            (
                _say("significant"),
                f"{percent(significant.mean(), 0)}; {_say('same_sign', share=percent(same.mean(), 0))}",
            ),
        ]

    def _tables(self) -> list[Table]:
        frame = self.by_choice
        if not len(frame):
            return []
        frame = frame.assign(heading=[self._choice(name) for name in frame["choice"]])
        columns = {
            "value": Column(_say("choice"), "text"), "specifications": Column(_say("number"), "count"),
            "median": Column(_say("middle")), "minimum": Column(_say("least")), "maximum": Column(_say("most")),
            "significant": Column("p < .05", "percent", 0),
        }  # fmt: skip
        return [Table(frame, columns, row_groups="heading", notes=(_say("note"),))]
