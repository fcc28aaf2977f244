"""Correlations of ordinal variables: polychoric, tetrachoric and polyserial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.display.numbers import number
from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import DataError, ModelError
from cbecmodel.messages import text
from cbecmodel.structure.sample.categories import ordered_names
from cbecmodel.structure.sample.columns import frame_of
from cbecmodel.structure.sample.ordinal_groups import group_categories, ordinal_moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.sample.moments import SampleMoments

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PolychoricResults:
    """Correlations of the normal responses behind ordinal variables.

    Attributes
    ----------
    correlations : pandas.DataFrame, shape (p, p)
        Polychoric (tetrachoric for two categories) between ordinal variables, polyserial between an ordinal and a continuous
        one, product-moment between continuous ones.
    std_errors : pandas.DataFrame, shape (p, p)
        Of the correlations; they take the thresholds' errors into account.
    thresholds : pandas.Series
        Indexed by variable and threshold (``t1`` …), in standard deviations of the response.
    threshold_errors : pandas.Series
    counts : pandas.DataFrame
        Cases in each category; a row a variable, NaN where it has fewer categories.
    n_obs, n_dropped : int
        Cases used and left out.
    empty_cells : tuple of (str, str)
        Pairs in whose table nobody stands in some cell.
    synthetic : bool
        Whether the data were simulated.
    """

    correlations: pd.DataFrame
    std_errors: pd.DataFrame
    thresholds: pd.Series[float]
    threshold_errors: pd.Series[float]
    counts: pd.DataFrame
    n_obs: int
    n_dropped: int
    empty_cells: tuple[tuple[str, str], ...]
    synthetic: bool = False

    def _tables(self) -> list[Table]:
        names = [str(name) for name in self.correlations.columns]
        shown = self.correlations.copy()
        shown.insert(0, "variable", names)
        columns = {"variable": Column(text("structure.polychoric_variable"), "text")}
        columns |= {name: Column(name) for name in names}
        cuts = self.thresholds.unstack().reindex(index=self.thresholds.index.get_level_values(0).unique())  # noqa: PD010 - a series
        cuts.insert(0, "variable", [str(name) for name in cuts.index])
        heads = {"variable": Column(text("structure.polychoric_variable"), "text")}
        heads |= {str(name): Column(str(name)) for name in cuts.columns[1:]}
        pairs = ", ".join(f"{a} × {b}" for a, b in self.empty_cells[:10])
        notes = (text("structure.polychoric_empty", pairs=pairs),) if pairs else ()
        return [Table(shown, columns, notes=notes), Table(cuts, heads)]

    def _facts(self) -> list[tuple[str, str]]:
        values = self.correlations.to_numpy()[np.tril_indices(len(self.correlations), -1)]
        spread = f"{number(float(values.min()))} – {number(float(values.max()))}"
        return [
            (text("structure.show_cases"), str(self.n_obs)),
            (text("structure.polychoric_range"), spread),
        ]

    def summary(self) -> str:
        """Return the correlations and thresholds as text.

        Returns
        -------
        str
        """
        return summary_text(text("structure.polychoric_title"), self._facts(), self._tables(), self.synthetic)

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        return summary_html(text("structure.polychoric_title"), self._facts(), self._tables(), self.synthetic)


def polychoric(
    data: Any,
    variables: Sequence[str] | None = None,
    *,
    ordered: str | Sequence[str] | bool = True,
    missing: Literal["pairwise", "listwise"] = "pairwise",
) -> PolychoricResults:
    r"""Estimate polychoric, tetrachoric and polyserial correlations with their standard errors.

    An ordinal answer is taken for a normal response cut at thresholds. Thresholds come from each variable alone, then each
    correlation maximises the likelihood of its pair, :math:`\sum_{ab} n_{ab} \log \pi_{ab}(\rho)` (two-step estimation). A single
    empty cell in a 2 × 2 table is given half a case, the margins kept, as lavaan does.

    Parameters
    ----------
    data : pandas.DataFrame, or object with a ``frame`` such as survey responses
    variables : sequence of str, optional
        All columns if not given.
    ordered : str, sequence of str, or bool
        Which are ordinal; the others are continuous. True: all.
    missing : {"pairwise", "listwise"}
        Whether each pair uses the answers it has, or complete cases only.

    Returns
    -------
    PolychoricResults

    Raises
    ------
    DataError
        If a variable has one category only or codes that are no whole numbers, or a pair's correlation would be ±1.

    Warns
    -----
    DataWarning
        For empty cells and categories, and for variables with very many categories.

    References
    ----------
    .. [1] Olsson, U. (1979). Maximum likelihood estimation of the polychoric correlation coefficient. Psychometrika, 44,
       443-460.
    .. [2] Olsson, U., Drasgow, F., & Dorans, N. J. (1982). The polyserial correlation coefficient. Psychometrika, 47, 337-347.
    .. [3] Muthén, B. (1984). A general structural equation model with dichotomous, ordered categorical, and continuous latent
       variable indicators. Psychometrika, 49, 115-132.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> a = pd.DataFrame({"x": [1, 1, 1, 2, 2, 2, 3, 3, 3, 1, 2, 3] * 20, "y": [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3] * 20})
    >>> found = cbec.polychoric(a)
    >>> float(found.correlations.loc["x", "y"].round(4)), float(found.std_errors.loc["x", "y"].round(4))
    (0.3248, 0.0696)
    """
    frame = frame_of(data)
    names = tuple(str(name) for name in (frame.columns if variables is None else variables))
    if missing not in ("pairwise", "listwise"):
        raise ModelError("structure.unknown_option", option="missing", value=missing, known="pairwise, listwise")
    if len(names) < 2:
        raise DataError("structure.polychoric_two")
    members = (np.arange(len(frame)),)
    asked = ordered if isinstance(ordered, bool) else (ordered,) if isinstance(ordered, str) else tuple(ordered)
    chosen = ordered_names(frame, asked, names)
    pairwise = missing == "pairwise"
    categories = group_categories(frame, names, chosen, members, pairwise=pairwise)
    (sample,) = ordinal_moments(frame, names, categories, members, given=0, labels=("",), pairwise=pairwise)
    counts = {
        one.name: pd.Series(np.bincount(one.codes[one.codes >= 0]), index=one.labels, dtype=float) for one in categories
    }
    return _results(sample, counts, synthetic=bool(getattr(data, "synthetic", False)))


def _results(sample: SampleMoments, counts: dict[str, pd.Series[float]], *, synthetic: bool) -> PolychoricResults:
    statistics = sample.ordinal
    assert statistics is not None
    where, names = statistics.layout, list(sample.names)
    sd = np.sqrt(np.diag(sample.cov))
    correlations = sample.cov / np.outer(sd, sd)
    errors = np.zeros_like(correlations)
    variance = _correlation_slopes(sample) @ statistics.acov
    spread = np.einsum("ij,ij->i", variance, _correlation_slopes(sample)) / sample.n
    errors[where.pairs.row, where.pairs.column] = errors[where.pairs.column, where.pairs.row] = np.sqrt(spread)
    cut = where.cut_number >= 0
    labels = [(names[v], f"t{c + 1}") for v, c in zip(where.cut_variable[cut], where.cut_number[cut], strict=True)]
    index = pd.MultiIndex.from_tuples(labels, names=["variable", "threshold"])
    heads = np.diag(statistics.acov)[: len(cut)][cut]
    return PolychoricResults(
        correlations=pd.DataFrame(correlations, index=names, columns=names),
        std_errors=pd.DataFrame(errors, index=names, columns=names),
        thresholds=pd.Series(statistics.vector[: len(cut)][cut], index=index, name="threshold"),
        threshold_errors=pd.Series(np.sqrt(heads / sample.n), index=index, name="se"),
        counts=pd.DataFrame(counts).T,
        n_obs=int(sample.n),
        n_dropped=sample.n_dropped,
        empty_cells=statistics.tables,
        synthetic=synthetic,
    )


def _correlation_slopes(sample: SampleMoments) -> Floats:
    """Return the derivatives of the correlations by the statistics, of which continuous variables have covariances."""
    statistics = sample.ordinal
    assert statistics is not None
    where = statistics.layout
    cuts, slopes, own, count = where.sizes
    sd = np.sqrt(np.diag(sample.cov))
    pairs, number_of = where.pairs, np.arange(count)
    rho = sample.cov[pairs.row, pairs.column] / (sd[pairs.row] * sd[pairs.column])
    out = np.zeros((count, cuts + slopes + own + count))
    out[number_of, cuts + slopes + own + number_of] = 1 / (sd[pairs.row] * sd[pairs.column])
    for variables in (pairs.row, pairs.column):
        for place, variable in enumerate(where.variance):
            at = np.flatnonzero(variables == variable)
            out[at, cuts + slopes + place] -= rho[at] / (2 * sd[variable] ** 2)
    return out
