r"""How the cases were sampled: weights, clusters, strata, and what they do to the variance of a total.

Estimates are those of weighted maximum likelihood; their covariances come from the variance of the total of the cases'
scores :math:`u_i` (linearization). With units (clusters) c in strata h,

.. math::

    t_{hc} = \sum_{i \in hc} w_i u_i, \qquad
    \widehat{\mathrm{Var}} = \sum_h (1 - f_h) \frac{n_h}{n_h - 1} \sum_c (t_{hc} - \bar t_h)(t_{hc} - \bar t_h)' .

References
----------
.. [1] Binder, D. A. (1983). On the variances of asymptotically normal estimators from complex surveys. International
   Statistical Review, 51, 279-292.
.. [2] Oberski, D. L. (2014). lavaan.survey: An R package for complex survey analysis of structural equation models. Journal
   of Statistical Software, 57(1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import DataError, DataWarning, warn
from cbecmodel.structure.sample.columns import Floats, numeric_columns, require_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.options import Options

Indices = NDArray[np.intp]
_SHOWN = 5  # rows or units a message names


@dataclass(frozen=True, slots=True)
class CaseDesign:
    """How each of n cases came into the sample.

    Attributes
    ----------
    weights : ndarray, shape (n,), or None
        With mean one over all cases used.
    clusters : ndarray of int, shape (n,), or None
        Numbers of the units that were drawn (first-stage clusters), those of a stratum distinct from those of another.
    strata : ndarray of int, shape (n,), or None
        Numbers of the strata they were drawn from; None if the sample is not described as a survey.
    fraction : ndarray, shape (n,), or None
        Share of its stratum's units that was drawn.
    """

    weights: Floats | None = None
    clusters: Indices | None = None
    strata: Indices | None = None
    fraction: Floats | None = None

    def at(self, rows: Indices) -> CaseDesign:
        """Return the design of some of the cases.

        Parameters
        ----------
        rows : ndarray of int

        Returns
        -------
        CaseDesign
        """
        found = {name: getattr(self, name) for name in self.__slots__}
        return CaseDesign(**{name: None if values is None else values[rows] for name, values in found.items()})


def read_design(frame: pd.DataFrame, options: Options) -> CaseDesign | None:
    """Return the design that columns of the data describe.

    Parameters
    ----------
    frame : pandas.DataFrame, n rows
    options : Options
        Names of the columns: ``weights``, ``cluster``, ``strata``, ``fpc``.

    Returns
    -------
    CaseDesign or None
        None if no column is named.

    Raises
    ------
    DataError
        For weights that are missing, infinite, zero or negative, and for cases without a cluster or stratum.

    Examples
    --------
    >>> from cbecmodel.structure.options import Options
    >>> frame = pd.DataFrame({"w": [1.0, 2.0, 1.0], "school": ["a", "b", "a"]})
    >>> read_design(frame, Options(weights="w", cluster="school")).clusters.tolist()
    [0, 1, 0]
    """
    named = (options.weights, options.cluster, options.strata, options.fpc)
    if named == (None, None, None, None):
        return None
    weights = None if options.weights is None else _weights(frame, options.weights)
    survey = options.strata is not None or options.fpc is not None
    strata = cluster_codes(frame, options.strata) if options.strata else np.zeros(len(frame), dtype=np.intp)
    clusters = cluster_codes(frame, options.cluster) if options.cluster else None
    if survey and clusters is not None:
        clusters = _paired(strata, clusters)  # numbers may begin anew in each stratum
    elif survey:
        clusters = np.arange(len(frame))
    fraction = None
    if options.fpc is not None and clusters is not None:
        fraction = _fractions(frame, options.fpc, strata, clusters)
    return CaseDesign(weights, clusters, strata if survey else None, fraction)


def _weights(frame: pd.DataFrame, name: str) -> Floats:
    values = numeric_columns(frame, [name])[:, 0]
    bad = np.flatnonzero(~(values > 0))
    if bad.size:
        shown = ", ".join(f"{frame.index[at]} ({values[at]:g})" for at in bad[:_SHOWN].tolist())
        raise DataError("structure.bad_weights", column=name, count=int(bad.size), rows=_cut(shown, bad.size))
    return values


def _cut(shown: str, count: int) -> str:
    return shown + (" …" if count > _SHOWN else "")


def cluster_codes(frame: pd.DataFrame, name: str) -> Indices:
    """Return the numbers of the units that a column names.

    Parameters
    ----------
    frame : pandas.DataFrame
    name : str

    Returns
    -------
    ndarray of int, shape (n,)

    Raises
    ------
    DataError
        If a case has none.
    """
    require_columns(frame, [name])
    codes, _ = pd.factorize(frame[name])
    absent = np.flatnonzero(codes < 0)
    if absent.size:
        shown = ", ".join(str(frame.index[at]) for at in absent[:_SHOWN].tolist())
        raise DataError("structure.no_unit", column=name, count=int(absent.size), rows=_cut(shown, absent.size))
    return np.asarray(codes, dtype=np.intp)


def _paired(one: Indices, other: Indices) -> Indices:
    return np.asarray(pd.factorize(one * (int(other.max()) + 1) + other)[0], dtype=np.intp)


def _fractions(frame: pd.DataFrame, name: str, strata: Indices, clusters: Indices) -> Floats:
    """Return sampling fractions: given as such, or as numbers of units in the population's strata."""
    values = numeric_columns(frame, [name])[:, 0]
    drawn = np.array([len(np.unique(clusters[strata == h])) for h in range(int(strata.max()) + 1)])[strata]
    uneven = pd.Series(values).groupby(strata).transform("nunique").to_numpy() > 1
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction: Floats = np.where(values <= 1, values, drawn / values)
    bad = np.flatnonzero(~((fraction > 0) & (fraction <= 1)) | uneven)
    if bad.size:
        raise DataError("structure.bad_fpc", column=name, row=frame.index[int(bad[0])], value=values[bad[0]])
    return fraction


def normalized(design: CaseDesign, used: NDArray[np.bool_]) -> CaseDesign:
    """Give the weights of the cases used mean one.

    Parameters
    ----------
    design : CaseDesign
    used : ndarray of bool, shape (n,)

    Returns
    -------
    CaseDesign
    """
    if design.weights is None or not used.any():
        return design
    return replace(design, weights=design.weights / design.weights[used].mean())


def report_design(designs: Sequence[CaseDesign | None], options: Options) -> None:
    """Warn of clusters that cannot do what clusters do; refuse strata of one unit.

    Parameters
    ----------
    designs : sequence of CaseDesign or None
        One a group, of the cases used.
    options : Options

    Raises
    ------
    DataError
        If a stratum has one unit, from which no variance can be had, or there is one cluster.
    """
    found = [one.clusters for one in designs if one is not None and one.clusters is not None]
    if not found:
        return
    units, sizes = np.unique(np.concatenate(found), return_counts=True)
    if len(units) < 2 or min(len(np.unique(codes)) for codes in found) < 2:
        raise DataError("structure.one_cluster", column=options.cluster)
    strata = [one.strata for one in designs if one is not None and one.strata is not None]
    if strata:
        _refuse_lonely(np.concatenate(strata), np.concatenate(found), options.strata or "")
        return
    if (sizes == 1).any():
        count = int((sizes == 1).sum())
        warn(DataWarning, "structure.singletons", column=options.cluster, count=count, all=len(units), stacklevel=6)
    apart = sum(len(np.unique(codes)) for codes in found)
    if apart > len(units):
        warn(
            DataWarning,
            "structure.clusters_cross",
            column=options.cluster,
            group=options.group,
            count=apart - len(units),
            stacklevel=6,
        )


def _refuse_lonely(strata: Indices, clusters: Indices, name: str) -> None:
    pairs = np.unique(np.column_stack([strata, clusters]), axis=0)
    alone = np.flatnonzero(np.bincount(pairs[:, 0]) == 1)
    if alone.size:
        raise DataError("structure.lonely_unit", column=name, count=int(alone.size))


def total_rows(parts: Sequence[Floats], designs: Sequence[CaseDesign | None]) -> Floats:
    """Return rows whose cross-product estimates the variance of the total of the cases' scores.

    Parameters
    ----------
    parts : sequence of ndarray, shape (n, k)
        Scores of the cases of each group, in the same columns.
    designs : sequence of CaseDesign or None
        One a group.

    Returns
    -------
    ndarray, shape (units, k)

    Notes
    -----
    Without strata, scores are not centred, clusters are those of a group, and the factor is clusters / (clusters - 1), as in
    lavaan; in a survey, units are those of the whole sample, so that groups may share them.

    Examples
    --------
    >>> design = CaseDesign(clusters=np.array([0, 0, 1]))
    >>> total_rows([np.array([[1.0], [2.0], [4.0]])], [design]).ravel().round(4).tolist()
    [4.2426, 5.6569]
    """
    rows = [
        part if one is None or one.weights is None else part * one.weights[:, None]
        for part, one in zip(parts, designs, strict=True)
    ]
    known = [one for one in designs if one is not None]
    if known and all(one.strata is not None for one in known):
        return _stratified(np.concatenate(rows), known)
    return np.concatenate([_totals(part, one) for part, one in zip(rows, designs, strict=True)])


def _totals(part: Floats, design: CaseDesign | None) -> Floats:
    if design is None or design.clusters is None:
        return part
    _, member = np.unique(design.clusters, return_inverse=True)
    out = _summed(part, member.ravel())
    scaled: Floats = out * np.sqrt(len(out) / (len(out) - 1))
    return scaled


def _summed(part: Floats, member: Indices) -> Floats:
    out = np.zeros((int(member.max()) + 1, part.shape[1]))
    np.add.at(out, member, part)
    return out


def _stratified(rows: Floats, designs: Sequence[CaseDesign]) -> Floats:
    """Return centred unit totals, stratum by stratum, with the factors of their variance."""
    clusters, strata = (np.concatenate([getattr(one, name) for one in designs]) for name in ("clusters", "strata"))
    _, first, member = np.unique(clusters, return_index=True, return_inverse=True)
    totals: Floats = _summed(rows, member.ravel())
    stratum = strata[first]
    fraction = np.zeros(len(totals))
    if designs[0].fraction is not None:
        fraction = np.concatenate([one.fraction for one in designs if one.fraction is not None])[first]
    for h in np.unique(stratum):
        inside = stratum == h
        count = int(inside.sum())
        factor = np.sqrt((1 - fraction[inside]) * count / (count - 1))
        totals[inside] = (totals[inside] - totals[inside].mean(axis=0)) * factor[:, None]
    return totals
