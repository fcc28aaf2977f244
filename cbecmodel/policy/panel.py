"""A panel: one row a unit and period, checked before anything is estimated from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.policy.labels import says
from cbecmodel.policy.panel_checks import checked_frame, missing_rows, panel_warnings
from cbecmodel.policy.rollout_merge import match

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.errors import CbecWarning
    from cbecmodel.policy.rollout import Rollout


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Panel:
    """Units observed over periods, with the period from which each unit was treated.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a unit and period. It is copied, never changed.
    unit, time : str
        Columns with the unit's identifier and the period (whole numbers).
    cohort : str, optional
        Column with the unit's first treated period; 0, NaN, NaT or inf for never treated. Dates give their year.
    synthetic : bool
        The data were simulated; every result made from them says so.
    truth : mapping, optional
        What a simulation knows: ``{"att": …, "event_study": {event time: effect}, …}``.

    Attributes
    ----------
    frame : pandas.DataFrame
        The copy, sorted by unit and time; times and cohorts are ``int64`` (0 = never treated).
    matching : pandas.DataFrame or None
        After :meth:`with_rollout`: what became of each unit (``unit``, ``cohort``, ``status``).
    warnings : tuple of CbecWarning
        What was found, each also given as a warning.

    Raises
    ------
    PanelError
        If a column is missing, a row has no unit or no whole-number period, a unit has a period twice, a unit has several
        cohorts, or a cohort comes after the last period.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"city": ["a", "a", "b", "b"], "year": [1, 2, 1, 2], "y": [0.0, 1.0, 0.0, 0.0], "g": [2, 2, 0, 0]})
    >>> panel = Panel(frame, unit="city", time="year", cohort="g")
    >>> panel.balanced, panel.cohorts["n_units"].tolist()
    (True, [1, 1])
    """

    frame: pd.DataFrame
    unit: str
    time: str
    cohort: str | None = None
    synthetic: bool = False
    truth: Mapping[str, Any] | None = None
    matching: pd.DataFrame | None = None
    warnings: tuple[CbecWarning, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", checked_frame(self.frame, self.unit, self.time, self.cohort))
        found = panel_warnings(self.frame, self.unit, self.time, self.cohort, stacklevel=4)
        object.__setattr__(self, "warnings", found)

    @property
    def periods(self) -> tuple[int, ...]:
        """The periods seen, in order."""
        return tuple(int(period) for period in sorted(self.frame[self.time].unique()))

    @property
    def n_units(self) -> int:
        """How many units there are."""
        return int(self.frame[self.unit].nunique())

    @property
    def gaps(self) -> pd.DataFrame:
        """Missing unit–periods: ``unit``, ``time``, ``kind`` (``late_entry``, ``gap``, ``early_exit``)."""
        return missing_rows(self.frame, self.unit, self.time)

    @property
    def balanced(self) -> bool:
        """Whether every unit is there in every period."""
        return len(self.frame) == self.n_units * len(self.periods)

    @property
    def cohorts(self) -> pd.DataFrame:
        """Cohorts and their sizes: ``cohort`` (0 = never treated), ``n_units``, ``n_obs``; empty without cohorts."""
        if self.cohort is None:
            return pd.DataFrame({"cohort": [], "n_units": [], "n_obs": []}, dtype="int64")
        grouped = self.frame.groupby(self.cohort)[self.unit].agg(["nunique", "size"])
        return pd.DataFrame(
            {"cohort": grouped.index, "n_units": grouped["nunique"].to_numpy(), "n_obs": grouped["size"].to_numpy()}
        )

    def with_rollout(self, rollout: Rollout) -> Panel:
        """Return the panel with each unit's first treated period from a rollout.

        Parameters
        ----------
        rollout : Rollout
            Its units are matched with the panel's as text, so that 330100, 330100.0 and "330100" are the same unit.

        Returns
        -------
        Panel
            ``.cohort`` names the new column; ``.matching`` says what became of every unit: ``treated``, ``never``,
            ``after_last_period`` (treated only after the panel ends, hence never treated in it), ``excluded`` or ``flagged``
            (treated in part, see :func:`~cbecmodel.policy.rollout.pilot_zones`), ``not_in_panel``.

        Raises
        ------
        PanelError
            If no unit of the panel is in the rollout.

        Warns
        -----
        PolicyWarning
            If partly treated units were left out, kept, or treated as a whole.

        Examples
        --------
        >>> import pandas as pd
        >>> from cbecmodel.policy.rollout import pilot_zones
        >>> frame = pd.DataFrame({"city": [330100] * 3 + [632200] * 3, "year": [2014, 2015, 2016] * 2})
        >>> panel = Panel(frame, unit="city", time="year").with_rollout(pilot_zones(year_rule="approval"))
        >>> panel.cohorts["cohort"].tolist()
        [0, 2015]
        """
        matched = match(self.frame, self.unit, self.time, rollout, stacklevel=3)
        panel = Panel(matched.frame, self.unit, self.time, matched.column, self.synthetic, self.truth, matched.matching)
        object.__setattr__(panel, "warnings", (*matched.warnings, *panel.warnings))
        return panel

    def _parts(self) -> tuple[str, list[tuple[str, str]], list[Table], bool]:
        periods, gaps = self.periods, self.gaps
        kinds = gaps["kind"].value_counts()
        missing = [
            f"{says(f'kind_{kind}')} {kinds[kind]}" for kind in ("late_entry", "gap", "early_exit") if kind in kinds
        ]
        facts = [
            (says("unit_label"), f"{self.unit} ({self.n_units})"),
            (says("time_label"), f"{self.time} ({periods[0]}–{periods[-1]}, {len(periods)})"),
            (says("rows"), f"{len(self.frame):,}"),
            (says("balance"), says("balanced") if self.balanced else f"{says('unbalanced')} ({'; '.join(missing)})"),
        ]
        notes = tuple(str(warning) for warning in self.warnings)
        if self.cohort is None:
            return says("panel_title"), [*facts, (says("cohort"), says("no_cohort"))], [], self.synthetic
        labels = self.cohorts.assign(
            cohort=[says("never") if year == 0 else str(year) for year in self.cohorts["cohort"]]
        )
        columns = {"cohort": Column(says("cohort"), "text"), "n_units": Column(says("units"), "count")}
        table = Table(labels, columns | {"n_obs": Column(says("rows"), "count")}, says("cohorts_title"), notes)
        return says("panel_title"), facts, [table], self.synthetic

    def summary(self) -> str:
        """Return size, balance, cohorts and findings as text.

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
