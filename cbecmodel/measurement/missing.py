"""Missing answers: patterns, and whether they are missing completely at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from cbecmodel.display.tables import Column, Table
from cbecmodel.errors import DataError
from cbecmodel.measurement.answers import answers_of
from cbecmodel.measurement.readout import Readout, say
from cbecmodel.structure.sample.answers import arranged
from cbecmodel.structure.sample.expectation import saturated_moments
from cbecmodel.structure.sample.incomplete import available_moments, missing_patterns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.measurement.extraction import Array


class MissingnessResults(Readout):
    """What is missing, see :func:`missingness`.

    Attributes
    ----------
    items : pandas.DataFrame
        A row an item: missing, share.
    patterns : pandas.DataFrame
        A row a pattern, the most frequent first: cases, and for each item whether it was answered.
    little : pandas.Series
        ``statistic``, ``df``, ``pvalue``, ``patterns`` of Little's test; NaN if nothing is missing.
    n_obs, n_empty : int
        Cases with an answer at least, and without any, which the test leaves out.
    """

    def __init__(self, items: pd.DataFrame, patterns: pd.DataFrame, little: pd.Series[float], empty: int) -> None:
        self.items, self.patterns, self.little, self.n_empty = items, patterns, little, empty
        self.n_obs = int(patterns["cases"].sum())

    def _title(self) -> str:
        return say("missing_title")

    def _facts(self) -> list[tuple[str, str]]:
        test, facts = (
            self.little,
            [(say("show_cases"), str(self.n_obs)), (say("show_patterns"), str(len(self.patterns)))],
        )
        if np.isnan(test["statistic"]):
            return facts
        return [
            *facts,
            (say("show_little"), f"χ²({test['df']:.0f}) = {test['statistic']:.2f}, p = {test['pvalue']:.3g}"),
        ]

    def tables(self) -> list[Table]:
        """Return the items and what the test can tell."""
        heads = {"item": Column(say("show_item"), "text"), "missing": Column(say("show_missing"), "count")}
        heads["share"] = Column(say("show_share"), "percent")
        return [Table(self.items.reset_index(), heads, notes=(say("missing_note"),))]


def missingness(data: Any, variables: Sequence[str] | None = None) -> MissingnessResults:
    r"""Show which answers are missing, and test whether they are missing completely at random.

    Little's test [1]_ compares the means of each pattern j with what the maximum-likelihood estimates :math:`\mu,
    \Sigma` from all
    cases expect: :math:`d^2 = \sum_j n_j (\bar y_j - \mu_j)' \Sigma_j^{-1} (\bar y_j - \mu_j)`, with
    :math:`\sum_j p_j - p` degrees of freedom; :math:`\Sigma` has divisor n.

    Parameters
    ----------
    data : pandas.DataFrame, or an object with a ``frame``
    variables : sequence of str, optional
        All columns by default.

    Returns
    -------
    MissingnessResults

    Raises
    ------
    DataError
        If an item is constant or never answered, or there are too few cases.

    References
    ----------
    .. [1] Little, R. J. A. (1988). A test of missing completely at random for multivariate data with missing values. Journal of
       the American Statistical Association 83, 1198–1202.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> data = holzinger39.get_data()[["x1", "x2", "x3"]]
    >>> data.loc[data.index[::10], "x1"] = None
    >>> found = cbec.missingness(data)
    >>> found.items["missing"].tolist(), int(found.little["df"])
    ([31, 0, 0], 2)
    """
    answers = answers_of(data, variables)
    absent = answers.isna()
    items = pd.DataFrame({"missing": absent.sum(), "share": absent.mean()}).rename_axis("item")
    kept = answers[~absent.all(axis=1)]
    constant = [str(name) for name in kept if kept[name].nunique() < 2]
    if constant:
        raise DataError("measurement.constant_items", items=", ".join(constant))
    if len(kept) <= kept.shape[1]:
        raise DataError("measurement.too_few_cases", cases=len(kept), items=kept.shape[1])
    patterns = kept.notna().groupby(list(kept.columns), sort=True).size().rename("cases").reset_index()
    patterns = patterns.sort_values("cases", ascending=False, kind="stable", ignore_index=True)
    found = MissingnessResults(items, patterns, _little(kept.to_numpy(np.float64)), len(answers) - len(kept))
    found.synthetic = bool(getattr(data, "synthetic", False))
    return found


def _little(values: Array) -> pd.Series[float]:
    patterns = missing_patterns(values)
    p = values.shape[1]
    df = float(sum(len(one.observed) for one in patterns) - p)
    names = ["statistic", "df", "pvalue", "patterns"]
    if len(patterns) < 2:
        return pd.Series([np.nan, 0.0, np.nan, 1.0], index=names)
    mean, variance = available_moments(values)
    mean, cov = saturated_moments(arranged(patterns, p), mean, np.diag(variance))
    statistic = 0.0
    for one in patterns:
        gap = one.mean - mean[one.observed]
        statistic += one.n * float(gap @ np.linalg.solve(cov[np.ix_(one.observed, one.observed)], gap))
    return pd.Series([statistic, df, float(stats.chi2.sf(statistic, df)), float(len(patterns))], index=names)
