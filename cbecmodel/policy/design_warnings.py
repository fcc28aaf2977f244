"""What every estimator tells the reader about its sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cbecmodel.errors import CbecWarning, DataWarning, PolicyWarning
from cbecmodel.policy.labels import dropped_rows, listed

if TYPE_CHECKING:
    from cbecmodel.policy.panel import Panel
    from cbecmodel.policy.sample import Sample
    from cbecmodel.policy.specification import Specification

FEW_CLUSTERS: Final = 10


def sample_warnings(panel: Panel, sample: Sample, spec: Specification) -> list[CbecWarning]:
    """Return what the reader should know of rows left out and of clusters.

    Parameters
    ----------
    panel : Panel
    sample : Sample
    spec : Specification

    Returns
    -------
    list of CbecWarning
    """
    found: list[CbecWarning] = []
    n_dropped = int(sample.dropped.sum())
    if n_dropped:
        reasons = dropped_rows(sample.dropped)
        found.append(DataWarning("policy.rows_dropped", n=n_dropped, total=len(panel.frame), reasons=reasons))
    for name, codes in sample.clusters.items():
        if spec.vcov == "cluster" and int(codes.max()) + 1 < FEW_CLUSTERS:
            found.append(PolicyWarning("policy.few_clusters", n=int(codes.max()) + 1, cluster=name, few=FEW_CLUSTERS))
    return found


def cohort_warnings(panel: Panel, sample: Sample, *, staggered: bool) -> list[CbecWarning]:
    """Return what the reader should know of cohorts.

    Parameters
    ----------
    panel : Panel
        With cohorts.
    sample : Sample
    staggered : bool
        Whether the estimator suffers from staggered adoption.

    Returns
    -------
    list of CbecWarning
    """
    found: list[CbecWarning] = []
    sizes = sample.frame.drop_duplicates(panel.unit)[panel.cohort].value_counts().sort_index()
    lost = sorted(set(panel.cohorts["cohort"]) - set(sizes.index))
    if lost:
        found.append(PolicyWarning("policy.cohorts_lost", cohorts=listed(lost)))
    treated = sizes[sizes.index > 0]
    single = [int(year) for year in treated.index[treated == 1]]
    if single:
        units = sample.frame.loc[sample.frame[panel.cohort].isin(single), panel.unit].unique()
        found.append(PolicyWarning("policy.single_unit_cohorts", cohorts=listed(single), units=listed(list(units))))
    if staggered and len(treated) > 1:
        found.append(PolicyWarning("policy.staggered_twfe", n=len(treated)))
    if 0 not in sizes.index:
        found.append(PolicyWarning("policy.all_treated"))
    return found
