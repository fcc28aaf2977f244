"""What a fitted model with products of latent variables answers."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import filled
from cbecmodel.structure.estimate.matrices import INTERCEPT, MOMENT, PATH, place
from cbecmodel.structure.inference.fit_measures import ml_measures
from cbecmodel.structure.inference.vcov import Uncertainty, likelihood_vcov
from cbecmodel.structure.readouts import parameters as tables
from cbecmodel.structure.results import SEMResults

if TYPE_CHECKING:
    from collections.abc import Callable

    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.inference.standardize import Kind
    from cbecmodel.structure.lms.problem import ProductProblem
    from cbecmodel.structure.readouts.probe import Probe, Spread

Floats = NDArray[np.float64]
_STEP = 1e-5  # of the differences that standardized values are derived by, in standardized units
_UNKNOWN = ("chisq", "pvalue", "cfi", "tli", "rmsea", "srmr")


def _unavailable(name: str) -> Callable[..., Any]:
    """Return a method that says that models with latent products do not have it."""

    def method(*_: object, **__: object) -> Any:
        raise ModelError("structure.lms_unavailable", what=f"{name}()")

    method.__doc__ = "Raise: it is not defined for latent products by maximum likelihood."
    return method


class ProductResults(SEMResults):
    """A fitted model with latent products by maximum likelihood (LMS): as :class:`~cbecmodel.SEMResults`.

    The answers are not normal, so that no covariance matrix tells all: there is no chi-square and no index made of it (NaN in
    ``fit_measures``). Compare with the model without products by :meth:`likelihood_ratio_test`, or fits by AIC and BIC.

    Attributes
    ----------
    linear : Problem
        The model without products.
    linear_x : ndarray, shape (r,)
        Its solution.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import political_democracy
    >>> model = "i =~ x1 + x2 + x3; d =~ y1 + y2 + y3 + y4; d ~ i + i:i"
    >>> fit = cbec.sem(model, political_democracy.get_data(), interaction="lms")
    >>> fit.parameters.query("op == '~'")["rhs"].tolist(), float(fit.likelihood_ratio_test()["df"])
    (['i', 'i:i'], 1.0)
    """

    integrated = True
    linear: Problem
    linear_x: Floats

    @property
    def _products(self) -> ProductProblem:
        return cast("ProductProblem", self.problem)

    @cached_property
    def _uncertainty(self) -> Uncertainty:
        if self.options.se == "none":
            return Uncertainty(np.full((len(self.x), len(self.x)), np.nan), ())
        return likelihood_vcov(self.problem, self.x, "observed", "normal")

    def _standardized_at(self, x: Floats, kind: Kind) -> Floats:
        """Return all rows standardized by the model's own variances; a product by the deviations of its parts."""
        table, problem = self.table, self._products
        names = (*table.observed, *table.latents)
        raw = set({"all": (), "lv": table.observed, "nox": table.exogenous}[kind])
        standing = np.array([name not in raw for name in names])
        variance = np.diag(problem.moments(x)[1])
        unit = np.where(standing, np.sqrt(np.maximum(variance, 0)), 1.0)
        given = problem.conditioned
        unit[given.products] = unit[given.at] * unit[given.others]
        paths, moments, intercepts = filled(problem.pattern.groups[0], x)
        own = np.diag(moments)
        residual = np.where(standing, np.sqrt(np.where(own > 0, own, np.nan)), 1.0)
        out, position = np.zeros(len(table.rows)), {name: index for index, name in enumerate(names)}
        for index, row in enumerate(table.rows):
            kind_of, i, j = place(row, position)
            if kind_of == PATH:
                out[index] = paths[i, j] * unit[j] / unit[i]
            elif kind_of == MOMENT:
                out[index] = moments[i, j] / (unit[i] ** 2 if i == j else residual[i] * residual[j])
            elif kind_of == INTERCEPT:
                out[index] = intercepts[i] / unit[i]
        return out

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """Return all parameters.

        Returns
        -------
        pandas.DataFrame
            As :attr:`SEMResults.parameters`. Standardized coefficients of products are those of standardized parts
            (Wen, Marsh, & Hau, 2010).
        """
        frame = tables.parameter_frame(self.problem, self.x, self._uncertainty.vcov)
        kinds: tuple[Kind, ...] = ("lv", "all")
        for kind in kinds:
            values = self._standardized_at(self.x, kind)
            frame[f"std_{kind}"] = tables.with_defined(self.problem, values, np.zeros((len(values), 0)))[0]
        return frame

    def standardized(self, type: Literal["all", "lv", "nox"] = "all", level: float = 0.95) -> pd.DataFrame:  # noqa: A002 - sem.md's name
        """Return the standardized solution with delta-method standard errors.

        Parameters
        ----------
        type : {"all", "lv", "nox"}
        level : float
            Of the interval.

        Returns
        -------
        pandas.DataFrame
            As :meth:`SEMResults.standardized`.
        """
        values = self._standardized_at(self.x, type)
        jacobian = np.zeros((len(values), len(self.x)))
        for index, factor in enumerate(self.problem.standard.scale.parameters):
            step = np.zeros_like(self.x)
            step[index] = _STEP / factor
            sides = [self._standardized_at(self.x + sign * step, type) for sign in (1, -1)]
            jacobian[:, index] = (sides[0] - sides[1]) / (2 * step[index])
        jacobian[np.abs(jacobian) < 1e-9 * np.abs(jacobian).max(initial=0.0)] = 0.0
        values, jacobian = tables.with_defined(self.problem, values, jacobian)
        tests = tables.z_tests(values, tables.errors(jacobian, self._uncertainty.vcov), level)
        return tables.labelled_frame(self.problem, {"est_std": values, **tests})

    @cached_property
    def fit_measures(self) -> pd.Series[float]:
        """Return npar, df (of the moments, to count differences), logl, aic, bic, bic2, ntotal; NaN for what is not defined."""
        npar, n = self.problem.space.size, self.n_obs
        logl = self._products.log_likelihood(self.x)
        found = {"npar": npar, "df": self.df, "logl": logl, "aic": 2 * npar - 2 * logl}
        found |= {"bic": npar * math.log(n) - 2 * logl, "ntotal": n, "bic2": npar * math.log((n + 2) / 24) - 2 * logl}
        return pd.Series(found | dict.fromkeys(_UNKNOWN, math.nan), dtype=np.float64, name="fit")

    @cached_property
    def against_linear(self) -> pd.Series[float] | None:
        """Return :meth:`likelihood_ratio_test`; None where the model without products is not nested in this one."""
        rows = [self.table.rows[at] for at in self.table.free_rows]
        known = {(r.lhs, r.op, r.rhs): self.linear_x[r.free - 1] for r in self.linear.table.rows if r.free}
        nested = np.array([known.get((row.lhs, row.op, row.rhs), 0.0) for row in rows])
        space, products = self.problem.space, set(self.latents) - set(self.linear.table.latents)
        held = any(row.rhs in products and not row.free and row.fixed != 0 for row in self.table.rows)
        if held or not np.allclose(space.point(space.coordinates(nested)), nested, rtol=1e-7, atol=1e-9):
            return None
        work = self.linear.standard
        value = work.objective(self.linear_x * work.scale.parameters, False).value
        less = ml_measures(self.linear, self.linear_x, value, "normal")["logl"]
        statistic, df = 2 * (float(self.fit_measures["logl"]) - less), space.size - self.linear.space.size
        pvalue = float(special.chdtrc(df, max(statistic, 0.0))) if df else math.nan
        return pd.Series({"statistic": statistic, "df": float(df), "pvalue": pvalue}, name="likelihood_ratio")

    @property
    def n_nodes(self) -> int:
        """Return the number of nodes of the integration."""
        return len(self._products.conditioned.nodes)

    def likelihood_ratio_test(self) -> pd.Series[float]:
        """Test all products together against the model without them.

        Returns
        -------
        pandas.Series
            ``statistic``, ``df``, ``pvalue``.

        Raises
        ------
        ModelError
            If the model without products is not a special case of this one (coefficients fixed at other values than zero,
            or tied to other parameters).
        """
        if self.against_linear is None:
            raise ModelError("structure.lms_nested")
        return self.against_linear

    def implied(self) -> dict[str, Any]:
        """Return means and covariances of the observed variables under the model (they are not normal).

        Returns
        -------
        dict
            ``cov`` (DataFrame), ``mean`` (Series).
        """
        names = list(self.observed)
        mean, cov = (part[: len(names)] for part in self._products.moments(self.x))
        return {
            "cov": pd.DataFrame(cov[:, : len(names)], index=names, columns=names),
            "mean": pd.Series(mean, index=names, name="mean"),
        }

    @cached_property
    def r_squared(self) -> pd.Series[float]:
        """Return the explained share of the variance of every variable that something predicts."""
        names = (*self.observed, *self.latents)
        _, moments, _ = filled(self.problem.pattern.groups[0], self.x)
        own, variance = np.diag(moments), np.diag(self._products.moments(self.x)[1])
        predicted = {row.lhs if row.op == "~" else row.rhs for row in self.table.rows if row.op in ("~", "=~")}
        found = {n: 1 - own[k] / variance[k] if own[k] >= 0 else np.nan for k, n in enumerate(names) if n in predicted}
        return pd.Series(found, dtype=np.float64, name="r_squared")

    def _probe(self, predictor: str, moderator: str, product: str | None) -> Probe:
        probe = super()._probe(predictor, moderator, product)
        mean, cov = self._products.moments(self.x)
        names = (*self.observed, *self.latents)

        def spread(name: str, group: int) -> Spread:
            if name in self.observed:
                return probe.spread(name, group)
            at = names.index(name)
            return float(mean[at]), math.sqrt(float(cov[at, at]))

        return replace(probe, spread=spread, centred=frozenset())  # nothing is subtracted before a product is taken

    residuals = _unavailable("residuals")
    residual_summary = _unavailable("residual_summary")
    effects = _unavailable("effects")
    score_test = _unavailable("score_test")
    expected_changes = _unavailable("expected_changes")
    modification_indices = _unavailable("modification_indices")
    factor_scores = _unavailable("factor_scores")
    cross_check = _unavailable("cross_check")
    small_sample_tests = _unavailable("small_sample_tests")
    vuong_test = _unavailable("vuong_test")
    pls = _unavailable("pls")
    bootstrap = _unavailable("bootstrap")
