"""What can be asked of a fitted model: effects, tests, scores, comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from cbecmodel.structure.inference.modification import modification_indices
from cbecmodel.structure.inference.score import expected_changes, score_test
from cbecmodel.structure.inference.small_sample import small_sample_tests
from cbecmodel.structure.readouts import parameters as tables
from cbecmodel.structure.readouts.scores import factor_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from cbecmodel.structure.results import SEMResults


class Asked:
    """The part of :class:`~cbecmodel.structure.results.SEMResults` that answers questions about the model."""

    @property
    def _fit(self) -> SEMResults:
        return cast("SEMResults", self)

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
        return tables.effects_frame(
            self._fit.problem, self._fit.x, self._fit.vcov.to_numpy(), source, target, level=level
        )

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
        return tables.wald(self._fit.problem, self._fit.x, self._fit.vcov.to_numpy(), constraints)

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
            self._fit.problem, self._fit.x, add=add, release=release, cumulative=cumulative, information=information
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
        return expected_changes(self._fit.problem, self._fit.x, add=add, release=release)

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
        return modification_indices(self._fit.problem, self._fit.x, minimum)

    def factor_scores(self, method: Literal["regression", "bartlett", "ebm"] | None = None) -> pd.DataFrame:
        """Return scores of the latent variables for the cases used.

        Parameters
        ----------
        method : {"regression", "bartlett", "ebm"}, optional
            The first two for continuous variables, regression by default; ``"ebm"``, modes of the posterior distributions,
            for ordinal ones, where it is the default.

        Returns
        -------
        pandas.DataFrame
            A row a case (the data's index), a column a latent variable.

        Raises
        ------
        ModelError
            If the model was fitted to moments, or Bartlett's scores do not exist.
        """
        return factor_scores(self._fit, method or ("ebm" if self._fit.table.ordered else "regression"))

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

        return cross_check(
            self._fit.problem, self._fit.x, self._fit.vcov.to_numpy(), self._fit.options.engine, tolerance
        )

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
        return small_sample_tests(self._fit)

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

        return vuong_test(self._fit, other, **options)

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

        return compare(self._fit, *others, scaling=scaling, **options)
