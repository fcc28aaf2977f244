"""Exploratory factor analysis by maximum likelihood, for one or several numbers of factors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import ModelError
from cbecmodel.messages import text
from cbecmodel.structure.api import sem
from cbecmodel.structure.sample.columns import frame_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.structure.results import SEMResults

_MEASURES: Final = (
    "chisq",
    "df",
    "pvalue",
    "cfi",
    "tli",
    "rmsea",
    "rmsea_ci_lower",
    "rmsea_ci_upper",
    "srmr",
    "aic",
    "bic",
    "bic2",
)


def efa(
    data: Any = None,
    nfactors: int | Sequence[int] = 1,
    *,
    rotation: str = "geomin",
    rotation_args: Mapping[str, Any] | None = None,
    variables: Sequence[str] | None = None,
    bounds: Any = "pos_var",
    **options: Any,
) -> EFAResults:
    """Explore the factors of items, as ``lavaan::efa`` does.

    Every number of factors is fitted by maximum likelihood and rotated; standard errors and tests are those of
    :func:`cbecmodel.sem`.

    Parameters
    ----------
    data : pandas.DataFrame, or an object with a ``frame``
    nfactors : int or sequence of int
        Numbers of factors to fit.
    rotation : str
        ``"geomin"``, ``"oblimin"``, ``"quartimin"``, ``"promax"``, ``"target"``, ``"bi_geomin"``, ``"bi_quartimin"``, a
        Crawford-Ferguson criterion (``"cf_varimax"`` …), ``"varimax"``, ``"quartimax"``, ``"orthomax"`` or ``"none"``.
    rotation_args : mapping, optional
        Fields of :class:`~cbecmodel.structure.estimate.rotation_criteria.RotationOptions`, such as
        ``{"orthogonal": True, "geomin_epsilon": 0.01, "rstarts": 100}``.
    variables : sequence of str, optional
        Items; all columns by default.
    bounds : object
        Of the residual variances, see :func:`cbecmodel.sem`; by default they cannot be negative.
    **options
        Further options of :func:`cbecmodel.sem`: ``estimator``, ``missing``, ``sample_cov`` with ``sample_nobs``, …

    Returns
    -------
    EFAResults

    Raises
    ------
    ModelError
        If there are too many factors for the items, or groups are asked for.

    References
    ----------
    .. [1] Jennrich, R. I. (1974). Simplified formulae for standard errors in maximum-likelihood factor analysis. British
       Journal of Mathematical and Statistical Psychology, 27, 122-131.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> found = cbec.efa(holzinger39.get_data(), [2, 3], variables=[f"x{k}" for k in range(1, 10)], rotation="oblimin")
    >>> found.fit_measures["df"].tolist()
    [19.0, 12.0]
    >>> round(float(found.loadings(3).loc["x4", "f2"]), 2)
    0.84
    """
    if options.get("group") is not None:
        raise ModelError("structure.efa_groups")
    names = _items(data, variables, options.get("sample_cov"))
    wanted = [int(nfactors)] if np.ndim(nfactors) == 0 else [int(k) for k in nfactors]  # type: ignore[union-attr,arg-type]  # a number or a sequence, as asked
    _check_counts(wanted, len(names))
    prefix = "f" if not any(f"f{k}" in names for k in range(1, max(wanted) + 1)) else "factor"
    fits = {}
    for count in wanted:
        left = " + ".join(f'efa("efa")*{prefix}{k}' for k in range(1, count + 1))
        model = f"{left} =~ {' + '.join(names)}"
        fits[count] = sem(model, data, rotation=rotation, rotation_args=rotation_args, bounds=bounds, **options)
    return EFAResults(fits)


def _items(data: Any, variables: Sequence[str] | None, cov: Any) -> list[str]:
    if variables is not None:
        return [str(name) for name in variables]
    source = cov if data is None else frame_of(data)
    return [] if source is None else [str(name) for name in source.columns]


def _check_counts(wanted: Sequence[int], p: int) -> None:
    for count in wanted:
        most = max((m for m in range(p) if (p - m) ** 2 >= p + m), default=0)
        if not 1 <= count <= most:
            raise ModelError("structure.efa_too_many", factors=count, items=p, most=most)


class EFAResults:
    """Exploratory factor analyses with one or several numbers of factors.

    Attributes
    ----------
    fits : dict of int to SEMResults
        The fitted model of each number of factors: parameters with standard errors, residuals, factor scores, …
    """

    def __init__(self, fits: dict[int, SEMResults]) -> None:
        self.fits = fits

    def __getitem__(self, nfactors: int) -> SEMResults:
        return self._fit(nfactors)

    def _fit(self, nfactors: int | None) -> SEMResults:
        wanted = max(self.fits) if nfactors is None else nfactors
        if wanted not in self.fits:
            raise ModelError(
                "structure.unknown_option", option="nfactors", value=wanted, known=", ".join(map(str, self.fits))
            )
        return self.fits[wanted]

    @property
    def fit_measures(self) -> pd.DataFrame:
        """Return the fit of each number of factors, a row each."""
        rows = {
            count: {name: fit.fit_measures.get(name, np.nan) for name in _MEASURES} for count, fit in self.fits.items()
        }
        return pd.DataFrame(rows).T.rename_axis("nfactors")

    @property
    def eigenvalues(self) -> pd.Series[float]:
        """Return the eigenvalues of the correlation matrix, largest first."""
        cov = next(iter(self.fits.values())).problem.samples[0].cov
        sd = np.sqrt(np.diag(cov))
        values = np.linalg.eigvalsh(cov / np.outer(sd, sd))[::-1]
        return pd.Series(values, index=range(1, len(values) + 1), name="eigenvalue")

    def loadings(self, nfactors: int | None = None, *, standard_errors: bool = False) -> pd.DataFrame:
        """Return standardized loadings (the pattern matrix), items by factors.

        Parameters
        ----------
        nfactors : int, optional
            The largest number fitted by default.
        standard_errors : bool
            Return their standard errors instead.

        Returns
        -------
        pandas.DataFrame
        """
        fit = self._fit(nfactors)
        table = fit.standardized()
        rows = table[table["op"] == "=~"]
        wide = rows.pivot_table(index="rhs", columns="lhs", values="se" if standard_errors else "est_std")
        return wide.loc[list(fit.observed), list(fit.latents)].rename_axis(index=None, columns=None)

    def correlations(self, nfactors: int | None = None) -> pd.DataFrame:
        """Return the correlations of the factors.

        Parameters
        ----------
        nfactors : int, optional

        Returns
        -------
        pandas.DataFrame
        """
        fit = self._fit(nfactors)
        names = list(fit.latents)
        found = np.eye(len(names))
        table = fit.parameters
        rows = table[(table["op"] == "~~") & table["lhs"].isin(names)]
        for lhs, rhs, value in zip(rows["lhs"], rows["rhs"], rows["std_all"], strict=True):
            i, j = names.index(lhs), names.index(rhs)
            found[i, j] = found[j, i] = value
        return pd.DataFrame(found, index=names, columns=names)

    def structure(self, nfactors: int | None = None) -> pd.DataFrame:
        """Return the correlations of items with factors (the structure matrix).

        Parameters
        ----------
        nfactors : int, optional

        Returns
        -------
        pandas.DataFrame
        """
        return self.loadings(nfactors) @ self.correlations(nfactors)

    def uniquenesses(self, nfactors: int | None = None) -> pd.Series[float]:
        """Return the share of each item's variance that the factors leave.

        Parameters
        ----------
        nfactors : int, optional

        Returns
        -------
        pandas.Series
        """
        pattern = self.loadings(nfactors)
        return (1 - (pattern * self.structure(nfactors)).sum(axis=1)).rename("uniqueness")

    def sums_of_squares(self, nfactors: int | None = None) -> pd.DataFrame:
        r"""Return what each factor explains: the diagonal of :math:`\Phi\Lambda'\Lambda`.

        Parameters
        ----------
        nfactors : int, optional

        Returns
        -------
        pandas.DataFrame
            Rows sums_of_squares, proportion_of_total, proportion_of_variance, cumulative; factors by size.
        """
        pattern = self.loadings(nfactors)
        inner = self.correlations(nfactors).to_numpy() @ (pattern.T @ pattern).to_numpy()
        sums = pd.Series(np.diag(inner), index=pattern.columns).sort_values(ascending=False, kind="stable")
        share = sums / len(pattern)
        return pd.DataFrame(
            {
                "sums_of_squares": sums,
                "proportion_of_total": sums / sums.sum(),
                "proportion_of_variance": share,
                "cumulative": share.cumsum(),
            }
        ).T

    def _tables(self) -> list[Table]:
        measures = self.fit_measures.reset_index()
        columns = {"nfactors": Column(text("structure.show_efa_factors"), "count"), "chisq": Column("χ²", digits=2)}
        columns |= {"df": Column("df", "count"), "pvalue": Column("p", "p"), "cfi": Column("CFI"), "tli": Column("TLI")}
        columns |= {"rmsea": Column("RMSEA"), "srmr": Column("SRMR"), "bic": Column("BIC", digits=1)}
        shown = [Table(measures, {name: column for name, column in columns.items() if measures[name].notna().any()})]
        for count in self.fits:
            pattern = self.loadings(count)
            factors = {str(name): Column(str(name)) for name in pattern}
            frame = pattern.assign(uniqueness=self.uniquenesses(count)).rename_axis("item").reset_index()
            labels = {"item": Column(text("structure.show_efa_item"), "text"), **factors}
            shown.append(Table(frame, labels | {"uniqueness": Column(text("structure.show_efa_uniqueness"))}))
            if count > 1:
                phi = self.correlations(count).rename_axis("factor").reset_index()
                names = {"factor": Column(text("structure.show_efa_correlations"), "text")}
                shown.append(Table(phi, names | factors))
        return shown

    def _facts(self) -> list[tuple[str, str]]:
        fit = next(iter(self.fits.values()))
        return [
            (text("structure.show_estimator"), fit.options.estimator),
            (text("structure.show_cases"), str(fit.n_obs)),
            (text("structure.show_efa_rotation"), fit.options.rotation),
        ]

    def summary(self) -> str:
        """Return the results as text.

        Returns
        -------
        str
        """
        synthetic = any(fit.synthetic for fit in self.fits.values())
        return summary_text(text("structure.show_efa_title"), self._facts(), self._tables(), synthetic)

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        synthetic = any(fit.synthetic for fit in self.fits.values())
        return summary_html(text("structure.show_efa_title"), self._facts(), self._tables(), synthetic)
