"""From answers in categories to the statistics of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import DataError, DataWarning, warn
from cbecmodel.structure.sample.correlations import Pairs, correlations, limits, ordinal_tables, pairs_of
from cbecmodel.structure.sample.moments import SampleMoments, array_moments
from cbecmodel.structure.sample.nacov import Layout, layout_of, statistics_covariances
from cbecmodel.structure.sample.polychoric import LIMIT
from cbecmodel.structure.sample.statistics import OrdinalStatistics
from cbecmodel.structure.sample.thresholds import Margin, continuous_margin, ordinal_margin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.sample.categories import Categories
    from cbecmodel.structure.sample.columns import Floats

Codes = NDArray[np.intp]


def ordinal_sample(
    values: Floats, names: Sequence[str], categories: Sequence[Categories], given: int, *, where: str, pairwise: bool
) -> SampleMoments:
    """Return the sample of a group with ordinal variables.

    Parameters
    ----------
    values : ndarray, shape (n, p + x)
        Columns of ordinal variables hold their codes from 0; NaN is missing.
    names : sequence of str
        The modelled variables, then x fixed exogenous ones.
    categories : sequence of Categories
        Of the ordinal variables.
    given : int
        x.
    where : str
        Name of the group, for messages.
    pairwise : bool
        Use the answers to each variable and each pair instead of complete cases.

    Returns
    -------
    SampleMoments
        Its covariances and means of modelled variables are those given the exogenous ones; it carries the
        :class:`OrdinalStatistics`.

    Raises
    ------
    DataError
        If a category is empty in this group, or a pair of variables never varies apart.
    """
    count = len(names) - given
    answered = ~np.isnan(values)
    kept = answered.all(axis=1) if not pairwise else answered[:, :count].any(axis=1) & answered[:, count:].all(axis=1)
    rows = np.flatnonzero(kept)
    data = values[rows]
    if len(rows) <= len(names):
        raise DataError("structure.too_few_cases", n=len(rows), p=len(names), dropped=len(values) - len(rows))
    scales = {one.name: one for one in categories}
    _refuse_empty(data, names[:count], scales, where)
    margins = _margins(data, names[:count], scales, given)
    ordered = np.array([one.ordered for one in margins])
    pairs = pairs_of(ordered, covariates=bool(given))
    _refuse_apart(data[:, :count], names, pairs.row, pairs.column)
    rho = correlations(margins, pairs)
    tables = _findings(margins, names, pairs, rho, where)
    layout = layout_of(margins, pairs)
    acov = statistics_covariances(margins, data[:, count:], rho, layout)
    cov, mean = _moments(margins, data[:, count:], rho, layout, names[count:])
    codes = np.stack([one.codes for one in margins], axis=1)
    found = OrdinalStatistics(ordered, given, layout, _vector(margins, rho, layout), acov, codes, tables)
    return SampleMoments(tuple(names), len(rows), cov, mean, data, rows, len(values) - len(rows), ordinal=found)


def _margins(data: Floats, names: Sequence[str], scales: dict[str, Categories], given: int) -> list[Margin]:
    inputs = data[:, len(names) :] if given else np.zeros((len(data), 0))
    found = []
    for column, name in enumerate(names):
        if name in scales:
            codes = np.where(np.isnan(data[:, column]), -1, data[:, column]).astype(np.intp)
            found.append(ordinal_margin(codes, inputs, name))
        else:
            found.append(continuous_margin(data[:, column], inputs, name))
    return found


def _refuse_empty(data: Floats, names: Sequence[str], scales: dict[str, Categories], where: str) -> None:
    for column, name in enumerate(names):
        if name not in scales:
            continue
        labels = scales[name].labels
        seen = set(data[~np.isnan(data[:, column]), column].astype(int).tolist())
        absent = [label for code, label in enumerate(labels) if code not in seen]
        if absent:
            key = "structure.category_of_group" if where else "structure.category_unused"
            raise DataError(key, variable=name, categories=", ".join(absent), group=where)


def _refuse_apart(data: Floats, names: Sequence[str], row: Codes, column: Codes) -> None:
    answered = (~np.isnan(data)).astype(np.float64)
    together = (answered.T @ answered)[row, column]
    if (together == 0).any():
        at = np.flatnonzero(together == 0)
        pairs = ", ".join(f"{names[column[k]]} & {names[row[k]]}" for k in at.tolist())
        raise DataError("structure.never_together", pairs=pairs)


def _findings(
    margins: Sequence[Margin], names: Sequence[str], pairs: Pairs, rho: Floats, where: str
) -> tuple[tuple[str, str], ...]:
    """Return pairs with empty cells, and warn of them and of correlations at the limit."""
    found: list[tuple[str, str]] = []
    here = f" ({where})" if where else ""
    if pairs.ordinal.size and pairs.tabled:
        _, _, codes = limits(margins)
        tables, first, second = ordinal_tables(margins, codes, pairs)
        sizes = (first < 30).sum(axis=1) + 1, (second < 30).sum(axis=1) + 1
        inside = (np.arange(tables.shape[1]) < sizes[0][:, None])[:, :, None]
        inside = inside & (np.arange(tables.shape[2]) < sizes[1][:, None])[:, None, :]
        empty = ((tables == 0) & inside).any(axis=(1, 2))
        at = pairs.ordinal[empty].tolist()
        found = [(names[int(pairs.column[k])], names[int(pairs.row[k])]) for k in at]
    if found:
        shown = ", ".join(f"{a} × {b}" for a, b in found[:10]) + (" …" if len(found) > 10 else "")
        warn(DataWarning, "structure.empty_cells", count=len(found), pairs=shown + here, stacklevel=7)
    high = np.flatnonzero(np.abs(rho) > LIMIT - 1e-6)
    if high.size:
        shown = ", ".join(f"{names[pairs.column[k]]} & {names[pairs.row[k]]}" for k in high.tolist())
        raise DataError("structure.perfect_pair", pairs=shown + here)
    return tuple(found)


def _moments(
    margins: Sequence[Margin], inputs: Floats, rho: Floats, layout: Layout, given: Sequence[str]
) -> tuple[Floats, Floats]:
    """Return covariances and means given the exogenous variables, and those of the exogenous ones."""
    p, x = len(margins), inputs.shape[1]
    sd = np.sqrt([one.variance for one in margins])
    cov, mean = np.zeros((p + x, p + x)), np.zeros(p + x)
    pairs = layout.pairs
    block = np.eye(p)
    block[pairs.row, pairs.column] = block[pairs.column, pairs.row] = rho
    cov[:p, :p] = block * np.outer(sd, sd)
    mean[:p] = [one.intercept for one in margins]
    if x:
        own = array_moments(inputs, given, "wishart")  # as lavaan reports them; the fit does not use them
        cov[p:, p:], mean[p:] = own.cov, own.mean
    return cov, mean


def _vector(margins: Sequence[Margin], rho: Floats, layout: Layout) -> Floats:
    sd = np.sqrt([one.variance for one in margins])
    cuts = [one.thresholds if one.ordered else np.array([one.intercept]) for one in margins]
    slopes = np.array([one.slopes for one in margins]).T.ravel()
    variances = np.array([margins[index].variance for index in layout.variance])
    pairs = layout.pairs
    return np.concatenate([*cuts, slopes, variances, rho * sd[pairs.row] * sd[pairs.column]])
