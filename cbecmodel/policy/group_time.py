"""Group-time effects and their aggregations, all carried by influence functions.

References
----------
.. [1] Callaway, B. & Sant'Anna, P. H. C. (2021). Difference-in-differences with multiple time periods. Journal of Econometrics
   225(2), 200–230.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cbecmodel.policy.two_by_two import two_by_two

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cbecmodel.policy.options import BasePeriod, ControlGroup, Method


@dataclass(frozen=True, slots=True)
class Wide:
    """A balanced panel, one row a unit.

    Attributes
    ----------
    outcome : numpy.ndarray
        Units × periods.
    covariates : numpy.ndarray
        Units × periods × k, with a constant.
    cohort : numpy.ndarray
        First treated period of each unit, 0 for never.
    periods : numpy.ndarray
    """

    outcome: NDArray[np.float64]
    covariates: NDArray[np.float64]
    cohort: NDArray[np.int64]
    periods: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GroupTime:
    """Effects of cohorts in periods.

    Attributes
    ----------
    cohort, time : numpy.ndarray
        m each.
    att : numpy.ndarray
        m.
    influence : numpy.ndarray
        Units × m; a column of zeros for a base period.
    shares : numpy.ndarray
        Share of all units in the cohort, m.
    member : numpy.ndarray
        Units × m, 1 where the unit is of the cohort.
    skipped : tuple of (int, int)
        Cohorts and periods without treated or control units.
    """

    cohort: NDArray[np.int64]
    time: NDArray[np.int64]
    att: NDArray[np.float64]
    influence: NDArray[np.float64]
    shares: NDArray[np.float64]
    member: NDArray[np.float64]
    skipped: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Weighted effects with the influence of estimated weights.

    Attributes
    ----------
    att : numpy.ndarray
    influence : numpy.ndarray
        Units × len(att).
    labels : tuple of int
        Event times, cohorts or periods.
    """

    att: NDArray[np.float64]
    influence: NDArray[np.float64]
    labels: tuple[int, ...]


def group_time_effects(
    wide: Wide, *, control_group: ControlGroup, base_period: BasePeriod, anticipation: int, method: Method
) -> GroupTime:
    """Estimate the effect of each cohort in each period.

    Parameters
    ----------
    wide : Wide
    control_group : {"never", "not_yet"}
    base_period : {"varying", "universal"}
        Before treatment, ``varying`` compares with the period before, ``universal`` with the last untreated one throughout.
    anticipation : int
    method : {"dr", "ipw", "reg"}

    Returns
    -------
    GroupTime
    """
    periods, cohorts = wide.periods, wide.cohort
    rows, effects, columns, skipped = [], [], [], []
    for group in np.unique(cohorts[cohorts > 0]):
        clean = np.flatnonzero(periods + anticipation < group)
        if not len(clean):
            continue
        for index in range(1 if base_period == "varying" else 0, len(periods)):
            now = int(periods[index])
            base = int(clean[-1]) if base_period == "universal" or now >= group else index - 1
            if base == index:
                rows.append((group, now))
                effects.append(0.0)
                columns.append(np.zeros(len(cohorts)))
                continue
            horizon = max(now, int(periods[base])) + anticipation
            control = (cohorts == 0) if control_group == "never" else (cohorts == 0) | (cohorts > horizon)
            treated = cohorts == group
            used = treated | (control & ~treated)
            if not (control & ~treated).any():
                skipped.append((int(group), now))
                continue
            change = wide.outcome[used, index] - wide.outcome[used, base]
            # covariates are those of the earlier period, which treatment cannot have changed
            one = two_by_two(change, treated[used].astype(np.float64), wide.covariates[used, min(index, base)], method)
            influence = np.zeros(len(cohorts))
            influence[used] = one.influence * len(cohorts) / used.sum()
            rows.append((group, now))
            effects.append(one.att)
            columns.append(influence)
    cohort, time = (np.array([row[place] for row in rows], dtype=np.int64) for place in (0, 1))
    member = (cohorts[:, None] == cohort[None, :]).astype(np.float64)
    stacked = np.column_stack(columns) if columns else np.zeros((len(cohorts), 0))
    return GroupTime(cohort, time, np.array(effects), stacked, member.mean(axis=0), member, tuple(skipped))


def _weighted(found: GroupTime, keep: NDArray[np.bool_]) -> tuple[float, NDArray[np.float64]]:
    """Average effects by cohort size; the influence includes that of the estimated sizes."""
    shares, att = found.shares[keep], found.att[keep]
    total = shares.sum()
    noise = found.member[:, keep] - shares
    of_weights = noise / total - noise.sum(axis=1, keepdims=True) * shares / total**2
    weights = shares / total
    return float(weights @ att), found.influence[:, keep] @ weights + of_weights @ att


def simple(found: GroupTime) -> Aggregate:
    """Average all effects after adoption, by cohort size.

    Parameters
    ----------
    found : GroupTime

    Returns
    -------
    Aggregate
        One effect.
    """
    att, influence = _weighted(found, found.time >= found.cohort)
    return Aggregate(np.array([att]), influence[:, None], (0,))


def by_event_time(found: GroupTime) -> Aggregate:
    """Average effects by time since adoption.

    Parameters
    ----------
    found : GroupTime

    Returns
    -------
    Aggregate
    """
    since = found.time - found.cohort
    labels = tuple(int(time) for time in np.unique(since))
    return _collected([_weighted(found, since == label) for label in labels], labels)


def by_cohort(found: GroupTime) -> Aggregate:
    """Average each cohort's effects after its adoption.

    Parameters
    ----------
    found : GroupTime

    Returns
    -------
    Aggregate
    """
    after = found.time >= found.cohort
    labels = tuple(int(cohort) for cohort in np.unique(found.cohort[after]))
    return _collected([_weighted(found, after & (found.cohort == label)) for label in labels], labels)


def by_period(found: GroupTime) -> Aggregate:
    """Average the effects of the cohorts treated by each period.

    Parameters
    ----------
    found : GroupTime

    Returns
    -------
    Aggregate
    """
    after = found.time >= found.cohort
    labels = tuple(int(time) for time in np.unique(found.time[after]))
    return _collected([_weighted(found, after & (found.time == label)) for label in labels], labels)


def _collected(parts: list[tuple[float, NDArray[np.float64]]], labels: tuple[int, ...]) -> Aggregate:
    return Aggregate(np.array([att for att, _ in parts]), np.column_stack([one for _, one in parts]), labels)


def overall(found: GroupTime, aggregation: str) -> Aggregate:
    """Return the one number of an aggregation.

    Parameters
    ----------
    found : GroupTime
    aggregation : {"simple", "group", "dynamic", "calendar"}
        ``simple``: all effects after adoption by cohort size; ``group``: cohorts' averages by cohort size; ``dynamic``:
        plain average over event times from 0 on; ``calendar``: plain average over periods.

    Returns
    -------
    Aggregate
    """
    if aggregation == "simple":
        return simple(found)
    if aggregation == "group":
        parts = by_cohort(found)
        place = [int(np.flatnonzero(found.cohort == label)[0]) for label in parts.labels]
        as_cohorts = GroupTime(
            np.array(parts.labels),
            np.array(parts.labels),
            parts.att,
            parts.influence,
            found.shares[place],
            found.member[:, place],
        )
        return simple(as_cohorts)
    parts = by_event_time(found) if aggregation == "dynamic" else by_period(found)
    kept = np.array(parts.labels) >= 0
    return Aggregate(parts.att[kept].mean(keepdims=True), parts.influence[:, kept].mean(axis=1, keepdims=True), (0,))


def covariance(influence: NDArray[np.float64], clusters: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Return the covariance of effects from their influence functions.

    Parameters
    ----------
    influence : numpy.ndarray
        Units × m.
    clusters : numpy.ndarray, optional
        Codes of the units' clusters; without them units are independent.

    Returns
    -------
    numpy.ndarray
        m × m, with divisor n (no small-sample factor).
    """
    n = len(influence)
    if clusters is not None:
        sums = np.zeros((int(clusters.max()) + 1, influence.shape[1]))
        np.add.at(sums, clusters, influence)
        influence = sums
    cov: NDArray[np.float64] = influence.T @ influence / n**2
    return cov
