"""What a model says that was fitted to several imputed data sets."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import ModelError
from cbecmodel.messages import text
from cbecmodel.structure.estimate.baseline import baseline_problem
from cbecmodel.structure.inference.fit_measures import log_likelihoods
from cbecmodel.structure.inference.indices import Test, incremental, rmsea
from cbecmodel.structure.inference.pooling import Pooled, PooledTest, barnard_rubin, d2, d3, rubin
from cbecmodel.structure.readouts.parameters import defined_values, errors, row_values

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.results import SEMResults

Floats = NDArray[np.float64]
Method = Literal["D2", "D3"]
_KEPT = ("lhs", "op", "rhs", "group", "label")


class ImputedResults:
    """One model, fitted to m imputed data sets and pooled.

    Attributes
    ----------
    fits : tuple of SEMResults
        Those that converged.
    asked : int
        Number of data sets given.
    """

    def __init__(self, fits: tuple[SEMResults, ...], asked: int) -> None:
        self.fits, self.asked = fits, asked

    @property
    def m(self) -> int:
        """Return the number of data sets pooled."""
        return len(self.fits)

    @property
    def n_obs(self) -> int:
        """Return the number of cases of each."""
        return self.fits[0].n_obs

    @property
    def df(self) -> int:
        """Return the model's degrees of freedom."""
        return self.fits[0].df

    @property
    def synthetic(self) -> bool:
        """Return whether any of the data were simulated."""
        return any(fit.synthetic for fit in self.fits)

    @cached_property
    def _pooled(self) -> Pooled:
        return rubin(np.array([fit.x for fit in self.fits]), np.array([fit.vcov.to_numpy() for fit in self.fits]))

    @cached_property
    def vcov(self) -> pd.DataFrame:
        """Return the covariances of the pooled estimates, shape (q, q)."""
        names = self.fits[0].vcov.index
        return pd.DataFrame(self._pooled.total, index=names, columns=names)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """Return the pooled parameters.

        Returns
        -------
        pandas.DataFrame
            Columns lhs op rhs group label est se t df pvalue ci_lower ci_upper fmi riv std_all. ``df`` is Barnard and
            Rubin's; ``fmi`` is the share, ``riv`` the relative increase of the variance through missing values; defined
            parameters are taken at the pooled estimates, with delta-method errors; ``std_all`` is the mean.
        """
        first, pooled = self.fits[0], self._pooled
        values, jacobian = row_values(first.problem, pooled.estimate)
        frames = [fit.parameters for fit in self.fits]
        fixed = ~(jacobian != 0).any(axis=1)
        means = np.mean([frame["est"].to_numpy()[: len(values)] for frame in frames], axis=0)
        values = np.where(fixed, means, values)  # moments of fixed exogenous variables differ between data sets
        if first.table.defined:
            more, slopes = defined_values(first.problem, values, jacobian)
            values, jacobian = np.concatenate([values, more]), np.concatenate([jacobian, slopes])
        se, own = errors(jacobian, pooled.total), errors(jacobian, pooled.within)
        df = barnard_rubin(own**2, se**2, self.m, self.n_obs - first.problem.space.size)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(se > 0, values / se, np.nan)
            fmi, riv = (se**2 - own**2) / se**2, (se**2 - own**2) / own**2
        half = np.where(se > 0, special.stdtrit(df, 0.975) * se, 0.0)
        columns = {
            "est": values, "se": se, "t": t, "df": df, "pvalue": 2 * special.stdtr(df, -np.abs(t)),
            "ci_lower": values - half, "ci_upper": values + half, "fmi": fmi, "riv": riv,
            "std_all": np.mean([frame["std_all"].to_numpy() for frame in frames], axis=0),
        }  # fmt: skip
        return pd.concat([frames[0][list(_KEPT)], pd.DataFrame(columns)], axis=1)

    def test(self, method: Method = "D3", *, robust: bool = False) -> pd.Series[float]:
        """Test the fit of the model.

        Parameters
        ----------
        method : {"D2", "D3"}
            D3 pools likelihood ratios and is the better one; D2 pools chi-squares and is there for every estimator.
        robust : bool
            Pool the corrected statistics (D2).

        Returns
        -------
        pandas.Series
            ``F``, ``df1``, ``df2``, ``pvalue``, ``ariv``, ``fmi``.

        Raises
        ------
        ModelError
            For D3 without a likelihood or of corrected statistics.
        """
        return _series(self._test(method, robust=robust))

    def _test(self, method: str, *, robust: bool) -> PooledTest:
        _require(method)
        if self.df == 0:
            raise ModelError("structure.mi_saturated")
        name = "chisq_scaled" if robust else "chisq"
        if name not in self.fits[0].fit_measures.index:
            raise ModelError("structure.mi_no_robust")
        statistics = np.array([fit.fit_measures[name] for fit in self.fits])
        if method == "D2":
            return d2(statistics, self.df)
        self._require_likelihood(robust)
        model, saturated = self._log_likelihoods
        return d3(2 * float(np.mean(saturated - model)), float(statistics.mean()), self.df, self.m)

    def _require_likelihood(self, robust: bool) -> None:
        problem = self.fits[0].problem
        if problem.weights or robust or any(sample.patterns for fit in self.fits for sample in fit.problem.samples):
            raise ModelError("structure.mi_d3")

    @cached_property
    def _log_likelihoods(self) -> tuple[Floats, Floats]:
        """Return the log-likelihoods of each data set at the pooled estimates of the model and of the saturated model."""
        x = self._pooled.estimate
        model = np.array([log_likelihoods(fit.problem, x)[0] for fit in self.fits])
        return model, np.array([self._saturated(fit.problem) for fit in self.fits])

    def _saturated(self, problem: Problem) -> float:
        total = 0.0
        fixed = np.array([name in problem.table.exogenous for name in problem.table.observed])
        for number, sample in enumerate(problem.samples):
            peers = [fit.problem.samples[number] for fit in self.fits]
            cov = np.mean([peer.cov for peer in peers], axis=0)
            gap = sample.mean - np.mean([peer.mean for peer in peers], axis=0)
            gap = gap if problem.table.meanstructure else np.zeros_like(gap)
            spread = sample.cov + np.outer(gap, gap)
            total += _density(sample.n, cov, spread)
            if fixed.any():
                block = np.ix_(fixed, fixed)
                total -= _density(sample.n, cov[block], spread[block])
        return total

    def compare(self, other: ImputedResults, method: Method = "D3") -> pd.Series[float]:
        """Test this model against one nested in it, or the other way round.

        Parameters
        ----------
        other : ImputedResults
            Fitted to the same data sets.
        method : {"D2", "D3"}

        Returns
        -------
        pandas.Series
            As :meth:`test`.

        Raises
        ------
        ModelError
            If the two were not fitted to the same data sets, or have the same degrees of freedom.
        """
        _require(method)
        small, large = (self, other) if self.df > other.df else (other, self)
        if small.m != large.m or small.n_obs != large.n_obs or small.df == large.df:
            raise ModelError("structure.mi_compare")
        df = small.df - large.df
        pairs = zip(small.fits, large.fits, strict=True)
        gaps = np.array([one.fit_measures["chisq"] - two.fit_measures["chisq"] for one, two in pairs])
        if method == "D2":
            return _series(d2(gaps, df))
        for each in (small, large):
            each._require_likelihood(False)
        constrained = 2 * float(np.mean(large._log_likelihoods[0] - small._log_likelihoods[0]))
        return _series(d3(constrained, float(gaps.mean()), df, small.m))

    @cached_property
    def fit_measures(self) -> pd.Series[float]:
        """Return pooled fit measures: from D3 where there is a likelihood, otherwise from D2.

        ``chisq`` is the pooled statistic times its degrees of freedom, read against a chi-square; SRMR is the mean.
        """
        plain = not self.fits[0].problem.weights
        test = self._test("D3" if plain else "D2", robust=False)
        base = self._baseline(plain)
        one, null = Test(test.statistic * test.df1, test.df1), Test(base.statistic * base.df1, base.df1)
        found = {"chisq": one.statistic, "df": one.df, "pvalue": one.pvalue, "ariv": test.ariv}
        found |= {"baseline_chisq": null.statistic, "baseline_df": null.df, "baseline_pvalue": null.pvalue}
        found |= incremental(one, null) | rmsea(one, self.n_obs, self.fits[0].table.n_groups)
        found["srmr"] = float(np.mean([fit.fit_measures["srmr"] for fit in self.fits]))
        if plain:
            npar, logl = self.fits[0].problem.space.size, float(self._log_likelihoods[0].mean())
            found |= {"npar": npar, "logl": logl, "aic": 2 * npar - 2 * logl}
            found["bic"] = npar * float(np.log(self.n_obs)) - 2 * logl
        return pd.Series(found, dtype=np.float64, name="fit")

    def _baseline(self, likelihood: bool) -> PooledTest:
        statistics = np.array([fit.fit_measures["baseline_chisq"] for fit in self.fits])
        df = float(self.fits[0].fit_measures["baseline_df"])
        if not likelihood:
            return d2(statistics, df)
        found = [baseline_problem(fit.table, fit.problem.samples) for fit in self.fits]
        x = np.mean([each for _, each in found], axis=0)
        model = np.array([log_likelihoods(problem, x)[0] for problem, _ in found])
        return d3(2 * float(np.mean(self._log_likelihoods[1] - model)), float(statistics.mean()), df, self.m)

    # ---------------------------------------------------------------- showing
    def _table(self) -> Table:
        frame = self.parameters.assign(term=[f"{r.lhs} {r.op} {r.rhs}".strip() for r in self.parameters.itertuples()])
        say = {key: text(f"structure.show_{key}", n=0) for key in ("parameter", "estimate", "se", "lower", "upper")}
        columns = {
            "term": Column(say["parameter"], "text"), "est": Column(say["estimate"]), "se": Column(say["se"]),
            "t": Column("t", digits=2), "df": Column("df", digits=1), "pvalue": Column("p", "p"),
            "ci_lower": Column(say["lower"]), "ci_upper": Column(say["upper"]), "fmi": Column("FMI"),
        }  # fmt: skip
        return Table(frame, columns)

    def _facts(self) -> list[tuple[str, str]]:
        return [
            (text("structure.show_imputations"), f"{self.m} / {self.asked}"),
            (text("structure.show_cases"), str(self.n_obs)),
            (text("structure.show_estimator"), self.fits[0].options.estimator),
        ]

    def summary(self) -> str:
        """Return the pooled results as text.

        Returns
        -------
        str
        """
        return summary_text(text("structure.show_title"), self._facts(), [self._table()], self.synthetic)

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        return summary_html(text("structure.show_title"), self._facts(), [self._table()], self.synthetic)


def _require(method: str) -> None:
    if method not in ("D2", "D3"):
        raise ModelError("structure.unknown_option", option="method", value=method, known="D2, D3")


def _series(test: PooledTest) -> pd.Series[float]:
    values = {
        "F": test.statistic, "df1": test.df1, "df2": test.df2, "pvalue": test.pvalue, "ariv": test.ariv,
        "fmi": test.ariv / (1 + test.ariv),
    }  # fmt: skip
    return pd.Series(values, name="test")


def _density(n: float, sigma: Floats, spread: Floats) -> float:
    logdet = float(np.linalg.slogdet(sigma)[1])
    return -n / 2 * (len(sigma) * float(np.log(2 * np.pi)) + logdet + float(np.trace(np.linalg.solve(sigma, spread))))
