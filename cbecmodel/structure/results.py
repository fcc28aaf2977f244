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
from cbecmodel.structure.inference.moment_blocks import block_vcov
from cbecmodel.structure.inference.robust import robust_vcov
from cbecmodel.structure.inference.scaled import scaled_measures
from cbecmodel.structure.inference.two_stage import two_stage_vcov
from cbecmodel.structure.inference.vcov import Uncertainty, likelihood_vcov
from cbecmodel.structure.readouts import moment_tables, residual_tables
from cbecmodel.structure.readouts import parameters as tables
from cbecmodel.structure.readouts.asked import Asked
from cbecmodel.structure.readouts.moderated import Moderated
from cbecmodel.structure.readouts.shown import Shown
from cbecmodel.structure.resampling.resampled import Resampled

if TYPE_CHECKING:
    from cbecmodel.errors import CbecWarning
    from cbecmodel.structure.estimate.minimise import Optimum
    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.estimate.rotation import Rotation
    from cbecmodel.structure.inference.rotated import Turn
    from cbecmodel.structure.options import Options
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]


class SEMResults(Asked, Shown, Resampled, Moderated):
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
    integrated : bool
        Whether latent products were integrated over: the answers are then not normal.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import political_democracy
    >>> fit = cbec.cfa("ind60 =~ x1 + x2 + x3", political_democracy.get_data())
    >>> fit.parameters.loc[1, ["lhs", "op", "rhs"]].tolist(), round(float(fit.parameters.loc[1, "est"]), 3)
    (['ind60', '=~', 'x2'], 2.193)
    """

    two_step = False
    integrated = False

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
        if self.options.se == "bootstrap":
            return self._bootstrap_uncertainty()
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
        frame = tables.parameter_frame(self.problem, self.x, self._uncertainty.vcov)
        return self._with_bootstrap_errors(frame) if self.options.se == "bootstrap" else frame

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

        Raises
        ------
        ModelError
            For another type.
        """
        kind = residual_tables.checked(type, ("all", "lv", "nox"))
        return tables.standardized_frame(self.problem, self.x, self._uncertainty.vcov, kind, level)

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
