"""Exploratory factor analysis: adequacy of the correlations, number of factors, loadings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from cbecmodel.display.tables import Column, Table
from cbecmodel.errors import ModelError
from cbecmodel.measurement.answers import complete_answers
from cbecmodel.measurement.extraction import (
    Extraction,
    Method,
    common_eigenvalues,
    extract,
    minimum_average_partial,
    parallel_eigenvalues,
)
from cbecmodel.measurement.readout import Readout, say
from cbecmodel.structure.correlate import polychoric
from cbecmodel.structure.estimate.rotation import rotate
from cbecmodel.structure.estimate.rotation_criteria import rotation_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.measurement.extraction import Array
    from cbecmodel.structure.estimate.rotation import Rotation


class FactorAnalysis(Readout):
    """An exploratory factor analysis, see :func:`factor_analysis`.

    Attributes
    ----------
    correlations_of_items : pandas.DataFrame, shape (p, p)
    n_obs : int
    n_factors : int
        Factors extracted.
    kmo : float
    kmo_items : pandas.Series
        Measures of sampling adequacy, in all and of each item.
    bartlett : pandas.Series
        ``statistic``, ``df``, ``pvalue`` of the test of sphericity.
    parallel : pandas.DataFrame
        A row a component or factor: eigenvalue of the correlations (``component``) and of those with the communalities of one
        factor on the diagonal (``factor``), with the quantile of uncorrelated items (``component_random``, ``factor_random``),
        and ``map``, the mean squared partial correlation after so many components.
    suggested : pandas.Series
        Numbers of factors: ``parallel_components``, ``parallel_factors``, ``map``, ``kaiser`` (eigenvalues above one).
    loadings : pandas.DataFrame, shape (p, m)
        Pattern, after rotation.
    correlations : pandas.DataFrame, shape (m, m)
        Of the factors.
    uniquenesses : pandas.Series
    fit : pandas.Series
        ``chisq``, ``df``, ``pvalue`` (Bartlett's correction), ``rmsr``, the root mean square of off-diagonal residuals.
    """

    def __init__(self, r: pd.DataFrame, n: int, parallel: pd.DataFrame, *, synthetic: bool = False) -> None:
        self.correlations_of_items, self.n_obs, self.parallel, self.synthetic = r, n, parallel, synthetic
        matrix = r.to_numpy(np.float64)
        self.kmo, self.kmo_items = _adequacy(r)
        p = len(r)
        statistic = -float(np.linalg.slogdet(matrix)[1]) * (n - 1 - (2 * p + 5) / 6)
        self.bartlett = _test(statistic, p * (p - 1) / 2)
        self.suggested = pd.Series(
            {
                "parallel_components": _exceeding(parallel["component"] > parallel["component_random"]),
                "parallel_factors": _exceeding(parallel["factor"] > parallel["factor_random"]),
                "map": int(np.nanargmin(parallel["map"].to_numpy())) + 1,
                "kaiser": int((parallel["component"] > 1).sum()),
            },
            name="suggested",
        )
        self.n_factors = 0

    def set_factors(self, found: Extraction, turned: Rotation, method: str, rotation: str) -> None:
        """Take over extracted and rotated factors.

        Parameters
        ----------
        found : Extraction
        turned : Rotation
        method, rotation : str
        """
        p, m = found.loadings.shape
        self.n_factors, self._method, self._rotation = m, method, rotation
        items, names = self.correlations_of_items.index, [f"f{k}" for k in range(1, m + 1)]
        self.loadings = pd.DataFrame(turned.loadings, index=items, columns=names)
        self.correlations = pd.DataFrame(turned.correlations, index=names, columns=names)
        self.uniquenesses = pd.Series(found.uniquenesses, index=items, name="uniqueness")
        r = self.correlations_of_items.to_numpy(np.float64)
        model = found.loadings @ found.loadings.T + np.diag(found.uniquenesses)
        inner = np.linalg.solve(model, r)
        objective = float(np.trace(inner) - np.linalg.slogdet(inner)[1] - p)
        df = ((p - m) ** 2 - p - m) / 2
        test = _test(objective * (self.n_obs - 1 - (2 * p + 5) / 6 - 2 * m / 3), df)
        left = (r - model)[np.tril_indices(p, -1)]
        self.fit = test.rename({"statistic": "chisq"}).rename("fit")
        self.fit["rmsr"] = float(np.sqrt((left**2).mean()))

    def _title(self) -> str:
        return say("factors_title")

    def _facts(self) -> list[tuple[str, str]]:
        test = self.bartlett
        return [
            (say("show_cases"), str(self.n_obs)),
            ("KMO", f"{self.kmo:.3f}"),
            (say("show_bartlett"), f"χ²({test['df']:.0f}) = {test['statistic']:.2f}, p = {test['pvalue']:.3g}"),
            (say("show_method"), f"{self._method}, {self._rotation}"),
        ]

    def tables(self) -> list[Table]:
        """Return numbers of factors, eigenvalues, loadings and the factors' correlations."""
        rules = [say(f"rule_{name}") for name in self.suggested.index]
        numbers = pd.DataFrame({"rule": rules, "factors": self.suggested.to_numpy()})
        heads = {"rule": Column(say("show_rule"), "text"), "factors": Column(say("show_factors"), "count")}
        shown = [Table(numbers, heads)]
        eigen = {"number": Column("", "count"), "component": Column(say("show_component"))}
        eigen |= {"component_random": Column(say("show_random")), "factor": Column(say("show_factor"))}
        eigen |= {"factor_random": Column(say("show_random")), "map": Column("MAP", digits=4)}
        shown.append(Table(self.parallel.reset_index(), eigen, say("show_eigenvalues")))
        names = {str(name): Column(str(name)) for name in self.loadings}
        frame = self.loadings.assign(item=list(self.loadings.index), uniqueness=self.uniquenesses)
        heads = {"item": Column(say("show_item"), "text"), **names, "uniqueness": Column(say("show_uniqueness"))}
        shown.append(Table(frame, heads, say("show_loadings")))
        phi = self.correlations.assign(factor=list(names))
        return [*shown, Table(phi, {"factor": Column("", "text"), **names}, say("show_factor_correlations"))]


def _exceeding(above: pd.Series[bool]) -> int:
    """Return how many stand in front of the first that does not exceed chance."""
    return int(above.astype(int).cumprod().sum())


def _test(statistic: float, df: float) -> pd.Series[float]:
    pvalue = float(stats.chi2.sf(statistic, df)) if df > 0 else np.nan
    return pd.Series({"statistic": statistic, "df": df, "pvalue": pvalue})


def _adequacy(r: pd.DataFrame) -> tuple[float, pd.Series[float]]:
    """Return Kaiser's measures of sampling adequacy: correlations against partial ones."""
    matrix = r.to_numpy(np.float64)
    inverse = np.linalg.inv(matrix)
    partial = inverse / np.sqrt(np.outer(np.diag(inverse), np.diag(inverse)))
    raw, rest = matrix**2, partial**2
    np.fill_diagonal(raw, 0)
    np.fill_diagonal(rest, 0)
    items = raw.sum(axis=0) / (raw.sum(axis=0) + rest.sum(axis=0))
    return float(raw.sum() / (raw.sum() + rest.sum())), pd.Series(items, index=r.index, name="kmo")


def _correlations(data: Any, names: Sequence[str] | None, kind: str) -> tuple[pd.DataFrame, int]:
    answers = complete_answers(data, names, at_least=3)
    if kind == "pearson":
        return answers.corr(), len(answers)
    r = polychoric(answers, missing="listwise").correlations
    if np.linalg.eigvalsh(r.to_numpy(np.float64))[0] < 1e-8:
        raise ModelError("measurement.polychoric_not_definite")
    return r, len(answers)


def _parallel(r: Array, n: int, replicates: int, seed: int, quantile: float) -> pd.DataFrame:
    p = len(r)
    components, factors = parallel_eigenvalues(n, p, replicates, seed)
    frame = pd.DataFrame({"component": np.linalg.eigvalsh(r)[::-1]}, index=pd.RangeIndex(1, p + 1, name="number"))
    frame["component_random"] = np.quantile(components, quantile, axis=0)
    frame["factor"] = common_eigenvalues(r)
    frame["factor_random"] = np.quantile(factors, quantile, axis=0)
    frame["map"] = np.append(minimum_average_partial(r), np.nan)
    return frame


def factor_analysis(
    data: Any,
    n_factors: int | None = None,
    *,
    variables: Sequence[str] | None = None,
    correlations: Literal["pearson", "polychoric"] = "pearson",
    method: Method = "minres",
    rotation: str = "oblimin",
    rotation_args: Mapping[str, Any] | None = None,
    replicates: int = 100,
    quantile: float = 0.95,
    seed: int = 1,
) -> FactorAnalysis:
    r"""Explore the factors of items: adequacy, number of factors, loadings.

    Parallel analysis [1]_ compares the eigenvalues with those of uncorrelated normal items, once of the correlations themselves
    (components) and once with the communalities of a single minres factor on the diagonal (principal axis); polychoric
    correlations are compared with the same normal items. For standard errors of loadings see :func:`cbecmodel.efa`.

    Parameters
    ----------
    data : pandas.DataFrame, or an object with a ``frame``
        Cases with missing answers are left out.
    n_factors : int, optional
        By default what parallel analysis of factors suggests, one at least.
    variables : sequence of str, optional
        All columns by default.
    correlations : {"pearson", "polychoric"}
    method : {"minres", "ml", "principal_axis"}
    rotation : str
        As in :func:`cbecmodel.efa`.
    rotation_args : mapping, optional
    replicates : int
        Of parallel analysis.
    quantile : float
        Of the random eigenvalues, which real ones have to exceed.
    seed : int
        Of parallel analysis; the same seed gives the same numbers.

    Returns
    -------
    FactorAnalysis

    Raises
    ------
    DataError
        If there are too few items or cases, or items are constant or depend on each other.
    ModelError
        If so many factors cannot be extracted, or an option is unknown.

    References
    ----------
    .. [1] Horn, J. L. (1965). A rationale and test for the number of factors in factor analysis. Psychometrika 30, 179–185.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> found = cbec.factor_analysis(holzinger39.get_data(), variables=[f"x{k}" for k in range(1, 10)])
    >>> found.suggested["parallel_factors"], round(found.kmo, 3)
    (np.int64(3), 0.752)
    """
    for option, value, known in (
        ("correlations", correlations, ("pearson", "polychoric")),
        ("method", method, get_args(Method)),
    ):
        if value not in known:
            raise ModelError("structure.unknown_option", option=option, value=value, known=", ".join(known))
    if replicates < 2 or not 0 < quantile < 1:
        raise ModelError("measurement.parallel_options", replicates=replicates, quantile=quantile)
    r, n = _correlations(data, variables, correlations)
    p, matrix = len(r), r.to_numpy(np.float64)
    parallel = _parallel(matrix, n, replicates, seed, quantile)
    found = FactorAnalysis(r, n, parallel, synthetic=bool(getattr(data, "synthetic", False)))
    m = max(1, int(found.suggested["parallel_factors"])) if n_factors is None else int(n_factors)
    most = max(k for k in range(p) if (p - k) ** 2 >= p + k)
    if not 1 <= m <= most:
        raise ModelError("structure.efa_too_many", factors=m, items=p, most=most)
    first = extract(matrix, m, method)
    found.set_factors(first, rotate(first.loadings, rotation_options(rotation, rotation_args)), method, rotation)
    return found
