"""How many respondents a survey needs, by the closed forms that reviewers know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import ContentError
from cbecmodel.messages import text
from cbecmodel.simulate.power_formulas import n_for_path, n_for_rmsea

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, eq=False)
class SamplePlanning:
    """Required numbers of respondents.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``rule`` (``"rmsea"`` or ``"path"``), ``value`` (degrees of freedom, or the standardized path), ``n`` (of one
        group) and ``total`` (of all groups together).
    power, alpha : float
    groups : tuple of str
        Language groups that are analysed on their own.

    Examples
    --------
    >>> plan_sample(groups=("zh", "en")).table.query("rule == 'path' and value == 0.2")[["n", "total"]].iloc[0].tolist()
    [155, 310]
    """

    table: pd.DataFrame
    power: float
    alpha: float
    groups: tuple[str, ...]

    def _parts(self) -> tuple[str, list[tuple[str, str]], list[Table]]:
        def say(key: str, **values: Any) -> str:
            return text(f"simulate.{key}", **values)

        rules = {"rmsea": "plan_rmsea", "path": "plan_path"}
        pairs = zip(self.table["rule"], self.table["value"], strict=True)
        shown = self.table.assign(what=[say(rules[rule], value=f"{value:g}") for rule, value in pairs])
        columns = {"what": Column(say("plan_what"), "text"), "n": Column(say("plan_n"), "count")}
        if len(self.groups) > 1:
            columns |= {"total": Column(say("plan_total", groups=", ".join(self.groups)), "count")}
        facts = [(say("plan_power"), f"{self.power:g}"), (say("plan_alpha"), f"{self.alpha:g}")]
        notes = (say("plan_note_rmsea"), say("plan_note_path"), say("plan_note_simulate"))
        return say("plan_title"), facts, [Table(shown, columns, title=say("plan_table"), notes=notes)]

    def summary(self) -> str:
        """Return the plan as text.

        Returns
        -------
        str
        """
        return summary_text(*self._parts())

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return summary_html(*self._parts())


def plan_sample(
    *,
    dfs: Sequence[int] = (20, 50, 100),
    paths: Sequence[float] = (0.15, 0.20, 0.30),
    power: float = 0.80,
    alpha: float = 0.05,
    groups: Sequence[str] = (),
) -> SamplePlanning:
    """Return how many respondents are needed.

    Parameters
    ----------
    dfs : sequence of int
        Degrees of freedom of the models to be fitted; the number is for the test of close fit (H0: RMSEA ≤ .05, H1: .08).
    paths : sequence of float
        Smallest standardized paths to be found, by the inverse square root.
    power, alpha : float
    groups : sequence of str
        Groups that are analysed on their own, such as languages; each needs the number.

    Returns
    -------
    SamplePlanning

    Raises
    ------
    ContentError
        If there is nothing to plan for.

    References
    ----------
    .. [1] MacCallum, R. C., Browne, M. W., & Sugawara, H. M. (1996). Power analysis and determination of sample size for
       covariance structure modeling. Psychological Methods, 1(2), 130–149.
    .. [2] Kock, N., & Hadaya, P. (2018). Minimum sample size estimation in PLS-SEM. Information Systems Journal, 28(1).

    Examples
    --------
    >>> plan_sample().table["n"].tolist()
    [434, 214, 132, 275, 155, 69]
    """
    if not dfs and not paths:
        raise ContentError("simulate.plan_nothing")
    rows = [("rmsea", float(df), n_for_rmsea(df, power=power, alpha=alpha)) for df in dfs]
    rows += [("path", path, n_for_path(path, power=power, alpha=alpha)) for path in paths]
    table = pd.DataFrame(rows, columns=["rule", "value", "n"])
    table["total"] = table["n"] * max(1, len(groups))
    return SamplePlanning(table, power, alpha, tuple(groups))
