r"""Third step of ordinal data: the sampling covariances of all statistics.

Thresholds, means, slopes and variances solve the scores :math:`s_1` of each variable alone, correlations the scores
:math:`s_2` of each pair given those. Stacked,

.. math::

    \Gamma = n B^{-1} \Big(\sum_i s_i s_i'\Big) B^{-T}, \qquad
    B = \begin{pmatrix} A_{11} & 0 \\ A_{21} & A_{22} \end{pmatrix},

with information matrices estimated by products of scores: :math:`A_{11}` block-diagonal by variable, :math:`A_{22}` diagonal.

References
----------
.. [1] Muthén, B. (1984). A general structural equation model with dichotomous, ordered categorical, and continuous latent
   variable indicators. Psychometrika, 49, 115-132.
.. [2] Muthén, B., & Satorra, A. (1995). Technical aspects of Muthén's LISCOMP approach to estimation of latent variable
   relations with a comprehensive measurement model. Psychometrika, 60, 489-503.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbecmodel.structure.sample.correlations import Pairs, limits, ordinal_tables, pair_terms
from cbecmodel.structure.sample.polychoric import cell_probabilities, cell_slopes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.sample.thresholds import Margin

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_BLOCK: Final = 400_000  # pairs times cases that are held at once
_TINY: Final = 1e-300


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each statistic of ordinal data stands: thresholds and means by variable, slopes, variances, (co)variances.

    Attributes
    ----------
    cut_variable, cut_number : ndarray of int, shape (h,)
        Variable of each threshold or mean, and its number from 0; -1 for a mean.
    slope_variable, slope_input : ndarray of int, shape (p x,)
    variance : ndarray of int
        The continuous variables.
    pairs : Pairs
    """

    cut_variable: Indices
    cut_number: Indices
    slope_variable: Indices
    slope_input: Indices
    variance: Indices
    pairs: Pairs

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Return the numbers of thresholds and means, slopes, variances, and pairs.

        Returns
        -------
        tuple of int
        """
        return len(self.cut_variable), len(self.slope_variable), len(self.variance), len(self.pairs.row)

    def own(self, variable: int) -> Indices:
        """Return the positions of the statistics of one variable alone, in the order of its scores.

        Parameters
        ----------
        variable : int

        Returns
        -------
        ndarray of int
        """
        cuts, slopes, _, _ = self.sizes
        return np.concatenate([
            np.flatnonzero(self.cut_variable == variable),
            cuts + np.flatnonzero(self.slope_variable == variable),
            cuts + slopes + np.flatnonzero(self.variance == variable),
        ])  # fmt: skip


def layout_of(margins: Sequence[Margin], pairs: Pairs) -> Layout:
    """Return where each statistic stands.

    Parameters
    ----------
    margins : sequence of Margin
    pairs : Pairs

    Returns
    -------
    Layout
    """
    counts = [max(1, len(one.thresholds)) for one in margins]
    variable = np.repeat(np.arange(len(margins)), counts)
    number = np.concatenate(
        [np.arange(count) if one.ordered else [-1] for one, count in zip(margins, counts, strict=True)]
    )
    inputs = len(margins[0].slopes)
    return Layout(
        cut_variable=variable,
        cut_number=number.astype(np.intp),
        slope_variable=np.tile(np.arange(len(margins)), inputs),
        slope_input=np.repeat(np.arange(inputs), len(margins)),
        variance=np.array([index for index, one in enumerate(margins) if not one.ordered], dtype=np.intp),
        pairs=pairs,
    )


def statistics_covariances(margins: Sequence[Margin], inputs: Floats, rho: Floats, layout: Layout) -> Floats:
    """Return the covariances of the statistics, times n.

    Parameters
    ----------
    margins : sequence of Margin
    inputs : ndarray, shape (n, x)
    rho : ndarray, shape (k,)
        Correlations.
    layout : Layout

    Returns
    -------
    ndarray, shape (m, m)
        In the order of the layout; continuous variables in their units.
    """
    n, alone = len(inputs), sum(layout.sizes[:3])
    inner, cross = _score_products(margins, inputs, rho, layout)
    bread = np.zeros((alone, alone))
    for index in range(len(margins)):
        at = np.ix_(layout.own(index), layout.own(index))
        bread[at] = np.linalg.inv(inner[at])
    own = np.diag(inner)[alone:]
    link = -(cross @ bread) / own[:, None]
    left = np.zeros_like(inner)
    left[:alone], left[alone:] = bread @ inner[:alone], link @ inner[:alone] + inner[alone:] / own[:, None]
    gamma = np.empty_like(inner)
    gamma[:, :alone] = left[:, :alone] @ bread.T
    gamma[:, alone:] = left[:, :alone] @ link.T + left[:, alone:] / own
    turn = _to_covariances(margins, rho, layout)
    if turn is not None:
        gamma = turn @ gamma @ turn.T
    gamma *= n
    return (gamma + gamma.T) / 2


def _to_covariances(margins: Sequence[Margin], rho: Floats, layout: Layout) -> Floats | None:
    """Return the derivatives of the statistics by correlations and variances; None if no variable is continuous."""
    if not layout.variance.size:
        return None
    cuts, slopes, _, count = layout.sizes
    alone = sum(layout.sizes[:3])
    sd = np.sqrt([one.variance for one in margins])
    pairs = layout.pairs
    turn = np.eye(alone + count)
    number = np.arange(count)
    turn[alone + number, alone + number] = sd[pairs.row] * sd[pairs.column]
    place = np.full(len(margins), -1)
    place[layout.variance] = cuts + slopes + np.arange(len(layout.variance))
    for one, other in ((pairs.row, pairs.column), (pairs.column, pairs.row)):
        at = np.flatnonzero(place[one] >= 0)
        turn[alone + at, place[one[at]]] = sd[other[at]] * rho[at] / (2 * sd[one[at]])
    return turn


def _score_products(margins: Sequence[Margin], inputs: Floats, rho: Floats, layout: Layout) -> tuple[Floats, Floats]:
    """Return the products of all scores, and of scores of pairs with their derivatives by single variables' parameters."""
    n, pairs = len(inputs), layout.pairs
    alone, count = sum(layout.sizes[:3]), len(pairs.row)
    first = np.zeros((n, alone))
    for index, one in enumerate(margins):
        first[:, layout.own(index)] = one.scores
    upper, lower, codes = limits(margins)
    cross = np.zeros((count, alone))
    tables = None
    if pairs.tabled and pairs.ordinal.size:
        tables = _table_scores(margins, codes, rho, layout, cross)
    inner = np.zeros((alone + count, alone + count))
    block = max(64, _BLOCK // max(count, 1))
    for start in range(0, n, block):
        at = slice(start, start + block)
        scores = np.zeros((count, len(first[at])))
        if tables is not None:
            scores[pairs.ordinal] = _gathered(tables, codes[:, at], pairs)
        kinds = (() if pairs.tabled else (pairs.ordinal,)) + (pairs.mixed, pairs.continuous)
        for kind in kinds:
            if kind.size:
                part = upper[:, at], lower[:, at], codes[:, at], inputs[at]
                scores[kind] = _case_scores(part, kind, rho, margins, layout, cross=cross)
        whole = np.concatenate([first[at], scores.T], axis=1)
        inner += whole.T @ whole
    return inner, cross


def cell_scores(tables: Floats, first: Floats, second: Floats, rho: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the score of the correlation in every cell, and its products with the scores of thresholds.

    Parameters
    ----------
    tables : ndarray, shape (k, A, B)
        Frequencies.
    first : ndarray, shape (k, A - 1)
        Thresholds of the row variables, padded with :data:`~cbecmodel.structure.sample.bivariate_normal.FAR`.
    second : ndarray, shape (k, B - 1)
    rho : ndarray, shape (k,)

    Returns
    -------
    score : ndarray, shape (k, A, B)
        0 where nobody is.
    by_first : ndarray, shape (k, A - 1)
        Summed over cases; anything at padded thresholds.
    by_second : ndarray, shape (k, B - 1)
    """
    probability = np.maximum(cell_probabilities(first, second, rho), _TINY)
    slope, _ = cell_slopes(first, second, rho)
    score = np.where(tables > 0, slope / probability, 0.0)
    rest = np.sqrt(1 - rho**2)[:, None, None]
    weight = tables * score / probability
    crossed = []
    for cuts, others, turned in ((first, second, weight), (second, first, weight.transpose(0, 2, 1))):
        n = len(cuts)
        whole = np.concatenate([np.full((n, 1), -np.inf), others, np.full((n, 1), np.inf)], axis=1)
        share = np.diff(special.ndtr((whole[:, None, :] - rho[:, None, None] * cuts[:, :, None]) / rest), axis=2)
        pull = np.exp(-(cuts**2) / 2)[:, :, None] / np.sqrt(2 * np.pi) * share
        crossed.append((pull * (turned[:, :-1] - turned[:, 1:])).sum(axis=2))
    return score, crossed[0], crossed[1]


def _table_scores(margins: Sequence[Margin], codes: Indices, rho: Floats, layout: Layout, cross: Floats) -> Floats:
    """Return the score of every cell, an empty row and column added for missing answers; fill in the cross products."""
    pairs = layout.pairs
    tables, a, b = ordinal_tables(margins, codes, pairs)
    score, *crossed = cell_scores(tables, a, b, rho[pairs.ordinal])
    starts = np.searchsorted(layout.cut_variable, np.arange(len(margins)))
    lengths = np.array([len(one.thresholds) for one in margins])
    for found, variable in zip(crossed, (pairs.row, pairs.column), strict=True):
        at = variable[pairs.ordinal]
        row, number = np.nonzero(np.arange(found.shape[1]) < lengths[at][:, None])
        cross[pairs.ordinal[row], starts[at[row]] + number] = found[row, number]
    out = np.zeros((len(score), score.shape[1] + 1, score.shape[2] + 1))
    out[:, :-1, :-1] = score
    return out


def _gathered(tables: Floats, codes: Indices, pairs: Pairs) -> Floats:
    """Return the score of every case from its cell."""
    size = tables.shape[1]
    place = np.where(codes < 0, size - 1, codes)
    base = np.arange(len(tables))[:, None] * size * size
    cell = base + place[pairs.row[pairs.ordinal]] * size + place[pairs.column[pairs.ordinal]]
    return np.asarray(np.take(tables.ravel(), cell), dtype=np.float64)


def _case_scores(
    part: tuple[Floats, Floats, Indices, Floats],
    kind: Indices,
    rho: Floats,
    margins: Sequence[Margin],
    layout: Layout,
    *,
    cross: Floats,
) -> Floats:
    """Return the scores of some cases for pairs of one kind; add their cross products."""
    upper, lower, codes, inputs = part
    continuous = np.array([not one.ordered for one in margins])
    terms, one, other = pair_terms(upper, lower, layout.pairs, kind, continuous)
    found = terms(rho[kind])
    known = (codes[one] >= 0) & (codes[other] >= 0)
    score = np.where(known, found.score, 0.0)
    for variables, sides in ((one, found.first), (other, found.second)):
        left, right = (np.where(known, score * side, 0.0) for side in sides)
        for number, variable in enumerate(variables):
            margin, at = margins[variable], layout.own(int(variable))
            a, b = left[number], right[number]
            if margin.ordered:
                size = len(margin.thresholds)
                category = np.maximum(codes[variable], 0)
                gain = np.bincount(category, a, size + 1)[:-1] - np.bincount(category, b, size + 1)[1:]
                values = np.concatenate([gain, (b - a) @ inputs])
            else:
                sd = np.sqrt(margin.variance)
                values = np.concatenate([[a.sum() / sd], a @ inputs / sd, [b.sum() / margin.variance]])
            cross[kind[number], at] += values
    return score
