"""Who was treated when: the pilot zones of cross-border e-commerce, or a rollout of the user's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import PanelError
from cbecmodel.policy.crosswalk import ISLAND_UNITS, assign_prefectures
from cbecmodel.policy.labels import listed, name_column, says
from cbecmodel.policy.options import YEAR_COLUMNS, CountyRule, Level, YearRule, choose
from cbecmodel.policy.panel_checks import require_columns
from cbecmodel.policy.policy_data import competing_policies, national_policies, zone_facts
from cbecmodel.policy.timing import cohort_years
from cbecmodel.policy.unit_codes import unit_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Rollout", "competing_policies", "national_policies", "pilot_zones"]

_PARTIAL = ("unit", "name_zh", "name_en", "zones", "from_year", "own_year")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Rollout:
    """A staggered treatment: which unit was treated from which year on.

    Attributes
    ----------
    table : pandas.DataFrame
        The facts, one row a treated place, with ``unit`` (the unit it belongs to at this level; "" if several) and
        ``cohort`` (the unit's first treated year under the rules, <NA> if the unit was excluded).
    cohort : pandas.Series
        Unit (text) → first treated year (int64), 0 for never. Units that are not in it were never treated.
    partial : pandas.DataFrame
        Units of which only a part was treated at first: ``unit``, ``name_zh``, ``name_en``, ``zones``, ``from_year``,
        ``own_year``.
    level, year_rule, county_zones : str
        The rules that made it; "" for a rollout of the user's own.
    name : str
        "pilot_zones", or the name the user gave.
    regions : dict
        Beginning of a code → year, for a zone that covers every unit of a province (Hainan); a unit's own cohort goes first.

    See Also
    --------
    pilot_zones : The 181 pilot zones.
    Rollout.from_frame : A rollout of your own.
    """

    table: pd.DataFrame
    cohort: pd.Series[Any]
    partial: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(_PARTIAL)))
    level: str = ""
    year_rule: str = ""
    county_zones: str = ""
    name: str = ""
    regions: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, unit: str, cohort: str, name: str = "rollout") -> Rollout:
        """Make a rollout from one row a unit.

        Parameters
        ----------
        frame : pandas.DataFrame
            Not changed.
        unit : str
            Column with the unit's identifier.
        cohort : str
            Column with its first treated period: whole numbers or dates (their year); 0, NaN, NaT or inf for never.
        name : str
            What to call it in summaries.

        Returns
        -------
        Rollout

        Raises
        ------
        PanelError
            If a column is missing, a unit has no identifier or stands twice, or a cohort is no whole number.

        Examples
        --------
        >>> import pandas as pd
        >>> mine = pd.DataFrame({"province": ["浙江", "广东", "青海"], "since": [2015, 2016, None]})
        >>> Rollout.from_frame(mine, "province", "since").cohort.tolist()
        [2015, 2016, 0]
        """
        require_columns(frame, [unit, cohort])
        keys = unit_keys(frame[unit])
        if (keys == "").any():
            raise PanelError("policy.unit_missing", column=unit, rows=listed(list(frame.index[keys == ""])))
        if keys.duplicated().any():
            raise PanelError("policy.rollout_duplicate", units=listed(sorted(set(keys[keys.duplicated()]))))
        years = pd.Series(
            cohort_years(frame[cohort], cohort).to_numpy(), index=pd.Index(keys, name="unit"), name="cohort"
        )
        table = frame.reset_index(drop=True).assign(unit=keys.to_numpy(), cohort=years.to_numpy())
        return cls(table=table, cohort=years, name=name)

    def of(self, units: pd.Series[Any]) -> pd.Series[Any]:
        """Return the cohort of each unit of a panel.

        Parameters
        ----------
        units : pandas.Series
            Identifiers as the panel has them: text, whole numbers or floats.

        Returns
        -------
        pandas.Series
            First treated year (int64), 0 for never; same index.

        Examples
        --------
        >>> import pandas as pd
        >>> pilot_zones(year_rule="approval").of(pd.Series([330100, 330800, 469007, 630200, 632200])).tolist()
        [2015, 2020, 2025, 2019, 0]
        """
        keys = unit_keys(units)
        found = keys.map(self.cohort)
        for start, year in self.regions.items():
            found = found.where(found.notna() | ~keys.str.startswith(start), year)
        return found.fillna(0).astype("int64")

    @property
    def cohort_table(self) -> pd.DataFrame:
        """How many units each cohort has: ``cohort``, ``n_units``, ``batches``, ``unverified`` (rows not verified)."""
        treated = self.cohort[self.cohort > 0]
        counts = treated.value_counts().sort_index()
        rows = []
        for year, n_units in counts.items():
            facts = self.table[self.table["cohort"] == year]
            batches = sorted(set(facts["batch"])) if "batch" in facts else []
            unverified = int((~facts["verified"]).sum()) if "verified" in facts else 0
            rows.append((year, n_units, ", ".join(str(batch) for batch in batches), unverified))
        return pd.DataFrame(rows, columns=["cohort", "n_units", "batches", "unverified"])

    def _parts(self) -> tuple[str, list[tuple[str, str]], list[Table]]:
        facts = [(says("n_treated"), str(int((self.cohort > 0).sum()))), (says("n_rows"), str(len(self.table)))]
        notes: list[str] = []
        if self.year_rule:
            facts += [(says("year_rule"), says(f"year_{self.year_rule}")), (says("level"), says(f"level_{self.level}"))]
        if self.county_zones:
            facts.append((says("county_rule"), says(f"county_{self.county_zones}")))
            notes.append(
                says(
                    f"county_note_{self.county_zones}",
                    n=len(self.partial),
                    units=listed(list(self.partial[name_column()]), 20),
                )
            )
        if "verified" in self.table:
            counts = self.table["status"].value_counts()
            facts.append((says("verified_rows"), f"{int(self.table['verified'].sum())} / {len(self.table)}"))
            notes.append(says("unverified_note", **{key: int(counts.get(key, 0)) for key in _STATUSES}))
        columns = {"cohort": Column(says("cohort"), "text"), "n_units": Column(says("units"), "count")}
        if "batch" in self.table:
            columns |= {"batches": Column(says("batches"), "text"), "unverified": Column(says("unverified"), "count")}
        table = Table(self.cohort_table, columns, title=says("cohorts_title"), notes=tuple(notes))
        return (
            says("rollout_title", name=says("pilot_zones") if self.name == "pilot_zones" else self.name),
            facts,
            [table],
        )

    def summary(self) -> str:
        """Return the rollout's cohorts and rules as text.

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


_STATUSES = ("name_recalled", "day_recalled", "signature_date_unknown")


def pilot_zones(
    level: Level = "prefecture", year_rule: YearRule = "first_full", county_zones: CountyRule = "exclude"
) -> Rollout:
    """Return the rollout of China's comprehensive pilot zones for cross-border e-commerce, batches 1–8 (2015–2025).

    Parameters
    ----------
    level : {"prefecture", "zone"}
        ``prefecture``: units are prefecture-level (six-digit GB/T 2260 codes). ``zone``: units are the zones themselves,
        county-level ones under their own code; Xiong'an, which has no code, under its ``zone_id``.
    year_rule : {"first_full", "approval", "h1"}
        First treated year: the first full year after approval; the year of approval; or, by the half-year rule, the year
        of approval if it came by the end of June and the next one otherwise (this moves batches 3, 4 and 7).
    county_zones : {"exclude", "flag", "parent"}
        What becomes of the prefectures of which only a county-level city (or Xiong'an) is a zone: Jinhua (Yiwu), Yanbian
        (Hunchun, Yanji), Mudanjiang, Hulunbuir, Bortala, Jiamusi, Xilingol and Baoding. ``exclude`` (default): they are
        neither treated nor clean controls; a panel drops those treated in part within its years, and says so.
        ``flag``: they stay, with the year of their own later zone or as never treated, and a warning. ``parent``: the
        whole prefecture is treated from the county's year, as much of the literature does; a warning.

    Returns
    -------
    Rollout
        Its ``.table`` has all 181 rows with their sources and status whatever the rules.

    Notes
    -----
    Haikou, Sanya and Alashankou were revoked in 2025 because larger zones absorbed them; they stay treated from their
    first year on. Hainan's island-wide zone (2025) treats the rest of the island. The sources are in
    ``policy/data/sources.md``; of 181 rows 77 are verified in every part. 15 names of batch 7 are recalled, as are the
    days (not the months) of batches 5 and 6; batch 8 comes from press reports.

    Examples
    --------
    >>> rollout = pilot_zones(year_rule="approval")
    >>> len(rollout.table), int(rollout.cohort["330100"]), int(rollout.table["verified"].sum())
    (181, 2015, 77)
    >>> int(pilot_zones(year_rule="approval", county_zones="parent").cohort["330700"])
    2018
    """
    choose("level", level, Level)
    choose("year_rule", year_rule, YearRule)
    choose("county_zones", county_zones, CountyRule)
    zones = zone_facts()
    column = YEAR_COLUMNS[year_rule]
    if level == "zone":
        unit = zones["adcode"].where(zones["adcode"] != "", zones["zone_id"])
        cohort = pd.Series(
            zones[column].astype("int64").to_numpy(), index=pd.Index(unit, name="unit"), name="cohort"
        ).sort_index()
        table = zones.assign(unit=unit, cohort=zones[column])
        return Rollout(table=table, cohort=cohort, level=level, year_rule=year_rule, name="pilot_zones")
    assigned = assign_prefectures(zones, column, county_zones)
    years = assigned.unit.map(assigned.cohort).astype("Int64")
    years = years.mask(zones["adcode"].isin(list(ISLAND_UNITS)), zones[column])
    table = zones.assign(unit=assigned.unit, cohort=years)
    return Rollout(
        table, assigned.cohort, assigned.partial, level, year_rule, county_zones, "pilot_zones", assigned.regions
    )
