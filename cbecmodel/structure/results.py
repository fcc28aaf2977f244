"""What a fitted structural equation model answers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.structure.inference.fiml_indices import fiml_indices
from cbecmodel.structure.inference.fit_measures import least_squares_measures, ml_measures, model_df
from cbecmodel.structure.inference.least_squares_scaled import least_squares_scaled
from cbecmodel.structure.inference.modification import modification_indices
from cbecmodel.structure.inference.moment_blocks import block_vcov
from cbecmodel.structure.inference.robust import robust_vcov
from cbecmodel.structure.inference.scaled import scaled_measures
from cbecmodel.structure.inference.score import expected_changes, score_test
from cbecmodel.structure.inference.small_sample import small_sample_tests
from cbecmodel.structure.inference.two_stage import two_stage_vcov
from cbecmodel.structure.inference.vcov import Uncertainty, likelihood_vcov
from cbecmodel.structure.readouts import moment_tables, residual_tables
from cbecmodel.structure.readouts import parameters as tables
from cbecmodel.structure.readouts.moderated import Moderated
from cbecmodel.structure.readouts.scores import factor_scores
from cbecmodel.structure.readouts.shown import Shown
from cbecmodel.structure.resampling.resampled import Resampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.errors import CbecWarning
    from cbecmodel.structure.estimate.minimise import Optimum
    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.estimate.rotation import Rotation
    from cbecmodel.structure.inference.rotated import Turn
    from cbecmodel.structure.options import Options
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


class SEMResults(Shown, Resampled, Moderated):
    """A fitted model; everything is computed when first asked for, at full precision.

    Attributes
    ----------
    options : Options
    table : ParameterTable
    problem : Problem
    optimum : Optimum
    group_labels : tuple of str
        Names of the groups, in order of first appearance.
    data_used : pandas.Index or None
        Rows of the data that were used.
    synthetic : bool
        Whether the data were simulated.
    model : str
        The syntax.
    rotation : tuple of (Turn, Rotation)
        How exploratory blocks were rotated, with the local minima that were found.
    two_step : bool
        Whether measurement came first, see :func:`cbecmodel.sam`.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import political_democracy
    >>> fit = cbec.cfa("ind60 =~ x1 + x2 + x3", political_democracy.get_data())
    >>> fit.parameters.loc[1, ["lhs", "op", "rhs"]].tolist(), round(float(fit.parameters.loc[1, "est"]), 3)
    (['ind60', '=~', 'x2'], 2.193)
    """

    two_step = False

    def __init__(
        self,
        options: Options,
        problem: Problem,
        optimum: Optimum,
        *,
        model: str,
        group_labels: tuple[str, ...] = ("",),
        data_used: pd.Index | None = None,
        synthetic: bool = False,
    ) -> None:
        self.options, self.problem, self.optimum, self.model = options, problem, optimum, model
        self.group_labels, self.data_used, self.synthetic = group_labels, data_used, synthetic
        self.warnings: tuple[CbecWarning, ...] = ()
        self.rotation: tuple[tuple[Turn, Rotation], ...] = ()

    # ---------------------------------------------------------------- facts
    @property
    def table(self) -> ParameterTable:
        """Return the parameter table."""
        return self.problem.table

    @property
    def converged(self) -> bool:
        """Return whether the gradient is zero, by our own measure."""
        return self.optimum.converged

    @property
    def n_obs(self) -> int:
        """Return the number of cases used."""
        return sum(int(sample.n) if sample.rows is None else len(sample.rows) for sample in self.problem.samples)

    @property
    def n_dropped(self) -> int:
        """Return the number of cases left out for missing answers on the model's variables."""
        return sum(sample.n_dropped for sample in self.problem.samples)

    @property
    def df(self) -> int:
        """Return the degrees of freedom."""
        return model_df(self.table, self.problem.space.size)

    @property
    def latents(self) -> tuple[str, ...]:
        """Return the latent variables."""
        return self.table.latents

    @property
    def observed(self) -> tuple[str, ...]:
        """Return the observed variables."""
        return self.table.observed

    @property
    def x(self) -> Floats:
        """Return the free parameters, shape (q,)."""
        return self.optimum.x

    # ---------------------------------------------------------------- estimates
    @cached_property
    def _uncertainty(self) -> Uncertainty:
        if self.options.se == "none":
            return Uncertainty(np.full((len(self.x), len(self.x)), np.nan), ())
        if self.problem.weights:
            return block_vcov(self.problem, self.x, self.options.se, self.options.information)
        if self.options.se == "two_stage":
            return two_stage_vcov(self.problem, self.x)
        if self.options.se == "standard":
            return likelihood_vcov(self.problem, self.x, self.options.information, self.options.likelihood)
        return robust_vcov(self.problem, self.x, self.options.se, self.options.information)

    @property
    def unidentified(self) -> tuple[int, ...]:
        """Return the free parameters (from 0) about which the data have no information."""
        return self._uncertainty.unidentified

    @cached_property
    def vcov(self) -> pd.DataFrame:
        """Return the covariances of the free parameters, shape (q, q), rows that share a label included."""
        names = list(self.table.free_names)
        return pd.DataFrame(self._uncertainty.vcov, index=names, columns=names)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """Return all parameters.

        Returns
        -------
        pandas.DataFrame
            Columns lhs op rhs group label est se z pvalue ci_lower ci_upper std_lv std_all. Fixed rows have ``se`` 0 and no
            test. Defined parameters stand last, in group 0.
        """
        return tables.parameter_frame(self.problem, self.x, self._uncertainty.vcov)

    def standardized(self, type: Literal["all", "lv", "nox"] = "all", level: float = 0.95) -> pd.DataFrame:  # noqa: A002 - sem.md's name
        """Return the standardized solution with delta-method standard errors.

        Parameters
        ----------
        type : {"all", "lv", "nox"}
            ``"lv"`` standardizes latent variables alone, ``"nox"`` all but fixed exogenous ones.
        level : float
            Of the interval.

        Returns
        -------
        pandas.DataFrame
            Columns lhs op rhs group label est_std se z pvalue ci_lower ci_upper.
        """
        return tables.standardized_frame(self.problem, self.x, self._uncertainty.vcov, type, level)

    # ---------------------------------------------------------------- fit
    @cached_property
    def fit_measures(self) -> pd.Series[float]:
        """Return the fit measures by lavaan's names, ``_`` for ``.``."""
        if self.problem.weights:
            least = least_squares_measures(self.problem, self.x, self.optimum.value, self.options.estimator)
            if self.options.test != "standard":
                least |= least_squares_scaled(self.problem, self.x, self.options.test, least)
            return pd.Series(least, dtype=np.float64, name="fit")
        found = ml_measures(self.problem, self.x, self.optimum.value, self.options.likelihood)
        if self.options.test != "standard":
            found |= scaled_measures(self.problem, self.x, self.options.test, found, self.options.information)
        if self.options.missing == "fiml":
            found |= fiml_indices(self.problem, self.x, found, robust=self.options.test != "standard")
        return pd.Series(found, dtype=np.float64, name="fit")

    def implied(self) -> dict[str, Any]:
        """Return the moments the model implies.

        Returns
        -------
        dict
            ``cov`` (DataFrame), ``mean`` (Series); for several groups a dict of these by group label.
        """
        return moment_tables.by_group(self, lambda number: moment_tables.implied_frames(self.problem, self.x, number))

    def residuals(self, type: str = "raw", *, errors: bool = False) -> dict[str, Any]:  # noqa: A002 - sem.md's name
        """Return sample moments less implied ones.

        Parameters
        ----------
        type : str
            ``"raw"``; ``"cor_bollen"`` (or ``"cor"``) compares correlation matrices, ``"cor_bentler"`` divides by the sample's
            standard deviations; ``"standardized"`` divides by the residual's standard error, ``"normalized"`` by that of the
            sample moment, ``"standardized_mplus"`` by the root of the difference of the variances of moment and estimate.
        errors : bool
            Also return standard errors and z (``cov_se``, ``cov_z``, ``mean_se``, ``mean_z``) of the first three.

        Returns
        -------
        dict
            As :meth:`implied`.

        Raises
        ------
        ModelError
            For another type.
        """
        return moment_tables.by_group(self, residual_tables.reader(self, type, errors=errors))

    def residual_summary(self, type: str = "cor_bentler") -> Any:  # noqa: A002 - as in residuals
        """Return the root mean square residual with its error, unbiased estimate, interval and tests.

        Parameters
        ----------
        type : {"cor_bentler", "cor_bollen", "raw"}
            SRMR, CRMR or RMR.

        Returns
        -------
        pandas.DataFrame
            Rows srmr, srmr_se, srmr_exactfit_z, srmr_exactfit_pvalue, usrmr (unbiased), usrmr_se, usrmr_ci_lower,
            usrmr_ci_upper (90 %), usrmr_closefit_h0_value, usrmr_closefit_z, usrmr_closefit_pvalue; columns ``cov`` and, with
            modelled means, ``mean`` and ``total``. For several groups a dict of these by group label.

        Raises
        ------
        ModelError
            For another type.

        References
        ----------
        .. [1] Maydeu-Olivares, A. (2017). Assessing the size of model misfit in structural equation models. Psychometrika,
           82, 533-558.
        """
        kind = residual_tables.checked(type, residual_tables.SUMMARY_TYPES)
        found = moment_tables.by_group(self, lambda number: {"": residual_tables.residual_summary(self, number, kind)})
        return found[""] if "" in found else {label: one[""] for label, one in found.items()}

    @cached_property
    def r_squared(self) -> pd.Series[float]:
        """Return the explained share of the variance of every variable that something predicts."""
        return moment_tables.r_squared(self.problem, self.x, self.group_labels)

    # ---------------------------------------------------------------- questions
    def effects(self, source: str, target: str, level: float = 0.95) -> pd.DataFrame:
        """Return direct, indirect and total effects of one variable on another, with delta-method standard errors.

        Parameters
        ----------
        source, target : str
        level : float
            Of the interval.

        Returns
        -------
        pandas.DataFrame
            Columns group effect path est se z pvalue ci_lower ci_upper std_all; ``effect`` is ``total``, ``direct``,
            ``indirect`` (all routes together) or ``path`` (one route, named in ``path``).

        Raises
        ------
        ModelError
            If no path leads from one to the other.
        """
        return tables.effects_frame(self.problem, self.x, self._uncertainty.vcov, source, target, level=level)

    def wald_test(self, constraints: str) -> pd.Series[float]:
        """Test constraints such as ``"a == b"`` or ``"a == 0; b == 0"`` together.

        Parameters
        ----------
        constraints : str

        Returns
        -------
        pandas.Series
            ``statistic``, ``df``, ``pvalue``.
        """
        return tables.wald(self.problem, self.x, self._uncertainty.vcov, constraints)

    def score_test(
        self,
        add: str | None = None,
        *,
        release: Sequence[int] | None = None,
        cumulative: bool = False,
        information: Literal["expected", "observed"] = "expected",
    ) -> pd.DataFrame:
        """Test equality constraints, or parameters the model leaves out, without fitting the larger model.

        Parameters
        ----------
        add : str, optional
            Parameters to test, such as ``"x1 ~~ x2; f =~ x9"``, instead of the constraints.
        release : sequence of int, optional
            Numbers (from 1) of the constraints to test; all by default.
        cumulative : bool
            Also lift them one after the other, the largest first.
        information : {"expected", "observed"}

        Returns
        -------
        pandas.DataFrame
            Columns test lhs op rhs statistic df pvalue (and epc, the expected change, with ``add``): all together in the
            first row (``test`` is ``total``), then each alone (``univariate``), then ``cumulative``.

        Raises
        ------
        ModelError
            If the model has no equality constraints, or a parameter cannot be added.
        """
        return score_test(
            self.problem, self.x, add=add, release=release, cumulative=cumulative, information=information
        )

    def expected_changes(self, add: str | None = None, *, release: Sequence[int] | None = None) -> pd.DataFrame:
        """Return how every parameter would change if the tested constraints were lifted or the parameters added.

        Parameters
        ----------
        add, release
            As in :meth:`score_test`.

        Returns
        -------
        pandas.DataFrame
            Columns lhs op rhs group label est epc epv sepc_lv sepc_all, a row a free parameter.
        """
        return expected_changes(self.problem, self.x, add=add, release=release)

    def modification_indices(self, minimum: float = 0.0) -> pd.DataFrame:
        """Return what freeing each left-out parameter alone would do.

        Parameters
        ----------
        minimum : float
            Smallest index shown; 3.84 is significant at 5 %.

        Returns
        -------
        pandas.DataFrame
            Columns lhs op rhs group mi epc sepc_lv sepc_all sepc_nox: drop of the chi-square, expected change, and it
            standardized.
        """
        return modification_indices(self.problem, self.x, minimum)

    def factor_scores(self, method: Literal["regression", "bartlett", "ebm"] = "regression") -> pd.DataFrame:
        """Return scores of the latent variables for the cases used.

        Parameters
        ----------
        method : {"regression", "bartlett", "ebm"}
            The first two for continuous variables; ``"ebm"``, modes of the posterior distributions, for ordinal ones.

        Returns
        -------
        pandas.DataFrame
            A row a case (the data's index), a column a latent variable.

        Raises
        ------
        ModelError
            If the model was fitted to moments, or Bartlett's scores do not exist.
        """
        return factor_scores(self, method)

    def cross_check(self, tolerance: float = 1e-4) -> pd.DataFrame:
        """Estimate again with the other engine and compare.

        Parameters
        ----------
        tolerance : float
            Largest difference that counts as agreement, in standard errors of the estimate (the other engine's stopping
            rule leaves some 1e-6).

        Returns
        -------
        pandas.DataFrame
            Columns lhs op rhs group est other difference tolerance agrees, one row a free parameter.

        Raises
        ------
        ModelError
            If semopy cannot estimate such a model.
        """
        from cbecmodel.structure.readouts.crosscheck import cross_check

        return cross_check(self.problem, self.x, self._uncertainty.vcov, self.options.engine, tolerance)

    def small_sample_tests(self) -> pd.DataFrame:
        """Return the test of the model corrected for small samples after Bartlett, Swain and Yuan.

        Returns
        -------
        pandas.DataFrame
            Rows ``bartlett``, ``swain``, ``yuan``; columns factor chisq df pvalue rmsea, and chisq_scaled pvalue_scaled after
            a robust test.

        Raises
        ------
        ModelError
            If there are several groups, no likelihood, or no degrees of freedom.
        """
        return small_sample_tests(self)

    def vuong_test(self, other: SEMResults, **options: Any) -> pd.DataFrame:
        """Compare with a model that need not be nested; see :func:`cbecmodel.vuong_test`.

        Parameters
        ----------
        other : SEMResults
        **options

        Returns
        -------
        pandas.DataFrame
        """
        from cbecmodel.structure.inference.vuong import vuong_test

        return vuong_test(self, other, **options)

    def compare(self, *others: SEMResults, scaling: str | None = None, **options: Any) -> pd.DataFrame:
        """Compare with other fits; see :func:`cbecmodel.compare`.

        Parameters
        ----------
        *others : SEMResults
        scaling : {"2001", "2010", "2000"}, optional
        **options
            ``restriction`` and ``shape`` of the difference test of 2000.

        Returns
        -------
        pandas.DataFrame
        """
        from cbecmodel.structure.inference.compare import compare

        return compare(self, *others, scaling=scaling, **options)

    def pls(self, scheme: Literal["path", "factorial", "centroid"] = "path") -> pd.DataFrame:
        """Return the standardized solution beside that of partial least squares for the same model.

        Parameters
        ----------
        scheme : {"path", "factorial", "centroid"}

        Returns
        -------
        pandas.DataFrame
            Columns lhs op rhs covariance se plsc pls, one row a path or loading.

        Raises
        ------
        ModelError
            If the model has several groups, or something that partial least squares does not know.
        """
        from cbecmodel.structure.beside_pls import beside_pls

        return beside_pls(self, scheme)
