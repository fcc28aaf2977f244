"""From zones to prefectures: who is treated as a whole, who only in part, and since when.

Eight zones are county-level cities and one is a new area; each lies in a prefecture that, as a whole, is not a zone (or
became one later). One zone is an island with several prefectures. To call such a prefecture treated from its county's
year is a known error of the literature; what to do about it is the reader's explicit choice
(:data:`~cbecmodel.policy.options.CountyRule`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

if TYPE_CHECKING:
    from cbecmodel.policy.options import CountyRule

# Prefecture-level units of Hainan that are no zone by themselves and came under the island-wide one: Sansha and Danzhou.
ISLAND_UNITS: Final = {"460000": ("460300", "460400")}
_PART: Final = ("county_city", "new_area")


@dataclass(frozen=True, slots=True)
class Assignment:
    """Zones brought to prefectures.

    Attributes
    ----------
    cohort : pandas.Series
        Unit → first treated year, 0 for a prefecture that is kept although only a part of it is a zone.
    partial : pandas.DataFrame
        Prefectures treated in part: ``unit``, ``name_zh``, ``name_en``, ``zones`` (names), ``from_year`` (first partial year),
        ``own_year`` (year of the whole prefecture's own zone, 0 if none).
    unit : pandas.Series
        Zone (row of the table) → prefecture; "" for the island, which is several.
    regions : dict
        Beginning of a code → year, for a zone that covers every unit of a province.
    """

    cohort: pd.Series[Any]
    partial: pd.DataFrame
    unit: pd.Series[Any]
    regions: dict[str, int]


def assign_prefectures(zones: pd.DataFrame, year: str, rule: CountyRule) -> Assignment:
    """Bring zones to prefectures under one rule for the partly treated.

    Parameters
    ----------
    zones : pandas.DataFrame
        As :func:`~cbecmodel.policy.policy_data.zone_facts` returns it.
    year : str
        Column with the treatment year.
    rule : {"exclude", "flag", "parent"}
        ``exclude``: partly treated prefectures get no cohort; ``flag``: they keep the cohort of their own zone, or 0;
        ``parent``: they are treated from the first year in which a part of them was.

    Returns
    -------
    Assignment

    Examples
    --------
    >>> from cbecmodel.policy.policy_data import zone_facts
    >>> jinhua = "330700"  # Yiwu, a county-level city in it, is a zone since 2018; the whole prefecture since 2022
    >>> for rule in ("exclude", "flag", "parent"):
    ...     print(rule, assign_prefectures(zone_facts(), "approval_year", rule).cohort.get(jinhua))
    exclude None
    flag 2022
    parent 2018
    """
    is_part = zones["kind"].isin(_PART)
    is_island = zones["adcode"].isin(list(ISLAND_UNITS))
    years = zones[year].astype("int64")
    whole = zones["adcode"].where(~is_part & ~is_island, "")
    cohort = years[whole != ""].groupby(whole[whole != ""]).min()
    islands = {
        str(code): int(since) for code, since in zip(zones.loc[is_island, "adcode"], years[is_island], strict=True)
    }
    for code, since in islands.items():
        rest = [unit for unit in ISLAND_UNITS[code] if unit not in cohort.index]
        cohort = pd.concat([cohort, pd.Series(since, index=rest, dtype="int64")])
    partial = _partial(zones[is_part], years[is_part], cohort)
    if rule == "exclude":
        cohort = cohort.drop(partial["unit"], errors="ignore")
    elif rule == "flag":
        cohort = cohort.reindex(cohort.index.union(pd.Index(partial["unit"])), fill_value=0)
    else:
        cohort = pd.concat([cohort, partial.set_index("unit")["from_year"]])
        cohort = cohort.groupby(level=0).min()
    cohort = cohort.astype("int64").sort_index().rename("cohort").rename_axis("unit")
    unit = whole.mask(is_part, zones["prefecture_adcode"]).rename("unit")
    return Assignment(cohort, partial, unit, {code[:2]: since for code, since in islands.items()})


def _partial(parts: pd.DataFrame, years: pd.Series[Any], cohort: pd.Series[Any]) -> pd.DataFrame:
    rows = []
    for unit, members in parts.groupby("prefecture_adcode", sort=True):
        rows.append(
            {
                "unit": str(unit),
                "name_zh": members["prefecture_zh"].iloc[0],
                "name_en": members["prefecture_en"].iloc[0],
                "zones": "、".join(members["name_zh"]),
                "from_year": int(years[members.index].min()),
                "own_year": int(cohort.get(unit, 0)),
            }
        )
    return pd.DataFrame(rows, columns=["unit", "name_zh", "name_en", "zones", "from_year", "own_year"])
