"""A rollout brought to a panel's units."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cbecmodel.errors import CbecWarning, PanelError, PolicyWarning
from cbecmodel.policy.labels import listed, name_column
from cbecmodel.policy.rollout import Rollout
from cbecmodel.policy.unit_codes import unit_keys

COHORT = "cohort"
PARTLY = "partly_treated"


@dataclass(frozen=True, slots=True)
class Matched:
    """A panel's frame with cohorts.

    Attributes
    ----------
    frame : pandas.DataFrame
        Without excluded units; with the column of cohorts and, where partly treated units were kept, ``partly_treated``.
    column : str
        Name of the column of cohorts.
    matching : pandas.DataFrame
        ``unit``, ``cohort``, ``status``.
    warnings : tuple of CbecWarning
    """

    frame: pd.DataFrame
    column: str
    matching: pd.DataFrame
    warnings: tuple[CbecWarning, ...]


def match(frame: pd.DataFrame, unit: str, time: str, rollout: Rollout, stacklevel: int) -> Matched:
    """Give each unit of a panel its cohort from a rollout.

    Parameters
    ----------
    frame : pandas.DataFrame
        Checked.
    unit, time : str
    rollout : Rollout
    stacklevel : int
        Frames between this function and the user's line.

    Returns
    -------
    Matched

    Raises
    ------
    PanelError
        If no unit is in the rollout.
    """
    if not isinstance(rollout, Rollout):
        raise PanelError("policy.not_a_rollout", kind=type(rollout).__name__)
    keys = unit_keys(frame[unit])
    cohort = rollout.of(frame[unit])
    known = keys.isin(rollout.cohort.index) | keys.isin(rollout.partial["unit"]) | (cohort > 0)
    if not known.any():
        examples = listed(list(dict.fromkeys(keys)), 3), listed(list(rollout.cohort.index), 3)
        raise PanelError("policy.nothing_matches", column=unit, panel=examples[0], rollout=examples[1])
    last = int(frame[time].max())
    partial = (
        rollout.partial[rollout.partial["from_year"].astype("int64") <= last]
        if len(rollout.partial)
        else rollout.partial
    )
    in_part = keys.isin(partial["unit"])
    status = pd.Series("never", index=frame.index).mask(cohort > 0, "treated").mask(cohort > last, "after_last_period")
    if rollout.county_zones in {"exclude", "flag"}:
        status = status.mask(in_part, "excluded" if rollout.county_zones == "exclude" else "flagged")
    cohort = cohort.where(cohort <= last, 0)
    column = COHORT if COHORT not in frame.columns else f"rollout_{COHORT}"
    kept = frame.assign(**{column: cohort})
    if rollout.county_zones == "flag" and in_part.any():
        since = keys.map(dict(zip(partial["unit"], partial["from_year"], strict=True)))
        kept[PARTLY] = in_part & (frame[time] >= since.fillna(last + 1)) & ((cohort == 0) | (frame[time] < cohort))
    if rollout.county_zones == "exclude":
        kept = kept[~in_part]
    if kept.empty:
        raise PanelError("policy.nothing_left", units=listed(list(dict.fromkeys(keys))))
    matching = _matching(keys, cohort, status, rollout)
    given = _warnings(frame, keys, in_part, rollout, partial)
    for warning in given:
        warnings.warn(warning, stacklevel=stacklevel)
    return Matched(kept, column, matching, given)


def _matching(keys: pd.Series[Any], cohort: pd.Series[Any], status: pd.Series[Any], rollout: Rollout) -> pd.DataFrame:
    found = pd.DataFrame({"unit": keys, "cohort": cohort, "status": status}).drop_duplicates("unit")
    absent = rollout.cohort[~rollout.cohort.index.isin(found["unit"])]
    rest = pd.DataFrame({"unit": absent.index, "cohort": absent.to_numpy(), "status": "not_in_panel"})
    return pd.concat([found, rest], ignore_index=True)


def _warnings(
    frame: pd.DataFrame, keys: pd.Series[Any], in_part: pd.Series[Any], rollout: Rollout, partial: pd.DataFrame
) -> tuple[CbecWarning, ...]:
    if not in_part.any():
        return ()
    here = partial[partial["unit"].isin(keys[in_part])]
    names = [f"{name} ({code})" for name, code in zip(here[name_column()], here["unit"], strict=True)]
    key = f"policy.partly_{rollout.county_zones}"
    return (PolicyWarning(key, n=len(names), rows=int(in_part.sum()), total=len(frame), units=listed(names, 20)),)
