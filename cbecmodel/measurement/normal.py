"""Normality of answers, one by one and together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from scipy import stats

from cbecmodel.display.tables import Column, Table
from cbecmodel.errors import DataError
from cbecmodel.measurement.answers import complete_answers
from cbecmodel.measurement.readout import Readout, say

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST: Final = 8  # cases that the tests of skewness and kurtosis need


class NormalityResults(Readout):
    """Tests of normality, see :func:`normality`.

    Attributes
    ----------
    items : pandas.DataFrame
        A row an item: skewness, kurtosis (in excess of the normal one), their z (``skewness_z``, ``kurtosis_z``), the p of both
        together (``pvalue``).
    tests : pandas.DataFrame
        Rows mardia_skewness, mardia_skewness_small (corrected for small samples), mardia_kurtosis, henze_zirkler; columns
        value, statistic, df, pvalue.
    n_obs : int
    """

    def __init__(self, items: pd.DataFrame, tests: pd.DataFrame, n: int, *, synthetic: bool = False) -> None:
        self.items, self.tests, self.n_obs, self.synthetic = items, tests, n, synthetic

    def _title(self) -> str:
        return say("normality_title")

    def _facts(self) -> list[tuple[str, str]]:
        return [(say("show_cases"), str(self.n_obs))]

    def tables(self) -> list[Table]:
        """Return the tests of all items together and the items."""
        tests = self.tests.assign(test=[say(f"test_{name}") for name in self.tests.index])
        heads = {"test": Column(say("show_test"), "text"), "value": Column(say("show_value"))}
        heads |= {
            "statistic": Column(say("show_statistic"), digits=2),
            "df": Column("df", digits=0),
            "pvalue": Column("p", "p"),
        }
        items = {"item": Column(say("show_item"), "text"), "skewness": Column(say("show_skewness"))}
        items |= {"kurtosis": Column(say("show_kurtosis")), "pvalue": Column("p", "p")}
        return [Table(tests, heads, notes=(say("normality_note"),)), Table(self.items.reset_index(), items)]


def normality(data: Any, variables: Sequence[str] | None = None) -> NormalityResults:
    r"""Test whether items are normal, each alone and all together.

    With :math:`z_i` the centred cases and :math:`S` their covariance matrix, Mardia's [1]_ skewness is
    :math:`b_1 = n^{-2} \sum_{ij} (z_i' S^{-1} z_j)^3` with :math:`n b_1 / 6 \sim \chi^2_{p(p+1)(p+2)/6}`, his kurtosis
    :math:`b_2 = n^{-1} \sum_i (z_i' S^{-1} z_i)^2` with mean :math:`p(p+2)` and variance :math:`8p(p+2)/n`. :math:`S` has divisor
    :math:`n - 1`, as in psych and semTools; with divisor n, Mardia's own, both are a little larger. Henze and Zirkler's test is
    pingouin's.

    Parameters
    ----------
    data : pandas.DataFrame, or an object with a ``frame``
        Cases with missing answers are left out.
    variables : sequence of str, optional
        Two at least; all columns by default.

    Returns
    -------
    NormalityResults

    Raises
    ------
    DataError
        If there are not more cases than items, or fewer than eight, or items are constant or depend on each other.

    References
    ----------
    .. [1] Mardia, K. V. (1970). Measures of multivariate skewness and kurtosis with applications. Biometrika 57, 519–530.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> found = cbec.normality(holzinger39.get_data(), [f"x{k}" for k in range(1, 10)])
    >>> found.tests["value"].round(3).tolist()[:3]
    [6.807, 6.807, 102.904]
    """
    answers = complete_answers(data, variables)
    if len(answers) < _FEWEST:
        raise DataError("measurement.normality_cases", cases=len(answers), needed=_FEWEST)
    tests = _mardia(answers)
    tests.loc["henze_zirkler"] = _henze_zirkler(answers)
    return NormalityResults(_items(answers), tests, len(answers), synthetic=bool(getattr(data, "synthetic", False)))


def _items(answers: pd.DataFrame) -> pd.DataFrame:
    values = answers.to_numpy(np.float64)
    skew, kurtosis = stats.skewtest(values), stats.kurtosistest(values)
    columns = {
        "skewness": stats.skew(values),
        "kurtosis": stats.kurtosis(values),
        "skewness_z": skew.statistic,
        "kurtosis_z": kurtosis.statistic,
        "pvalue": stats.chi2.sf(skew.statistic**2 + kurtosis.statistic**2, 2),
    }
    return pd.DataFrame(columns, index=pd.Index(answers.columns, name="item"))


def _mardia(answers: pd.DataFrame) -> pd.DataFrame:
    values = answers.to_numpy(np.float64)
    n, p = values.shape
    centred = values - values.mean(axis=0)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(values, rowvar=False)), centred.T)
    # the sum over pairs of cubed products is the squared length of the third moments: no n by n matrix
    third = np.einsum("in,jn,kn->ijk", white, white, white, optimize=True) / n
    skewness = float((third**2).sum())
    kurtosis = float(((white**2).sum(axis=0) ** 2).mean())
    df = p * (p + 1) * (p + 2) / 6
    small = (p + 1) * (n + 1) * (n + 3) / (n * ((n + 1) * (p + 1) - 6))
    rows = {}
    for name, factor in (("mardia_skewness", 1.0), ("mardia_skewness_small", small)):
        statistic = n * skewness / 6 * factor
        rows[name] = (skewness, statistic, df, float(stats.chi2.sf(statistic, df)))
    z = (kurtosis - p * (p + 2)) / np.sqrt(8 * p * (p + 2) / n)
    rows["mardia_kurtosis"] = (kurtosis, float(z), np.nan, float(2 * stats.norm.sf(abs(z))))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "statistic", "df", "pvalue"]).rename_axis(
        "test"
    )


def _henze_zirkler(answers: pd.DataFrame) -> tuple[float, float, float, float]:
    import pingouin

    found = pingouin.multivariate_normality(answers)
    return float(found.hz), float(found.hz), np.nan, float(found.pval)
