"""What a bootstrap answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import DataError, ModelError
from cbecmodel.structure.estimate.minimise import Optimum
from cbecmodel.structure.estimate.native import standardized
from cbecmodel.structure.estimate.threads import one_thread
from cbecmodel.structure.inference.standardize import Kind, standardized_solution
from cbecmodel.structure.readouts import parameters as tables
from cbecmodel.structure.resampling.alone import CONVERGED, REASONS, problem_of
from cbecmodel.structure.resampling.draws import drawn_moments
from cbecmodel.structure.resampling.influence import case_influence
from cbecmodel.structure.resampling.interval_table import Spread, interval_frame, row_errors
from cbecmodel.structure.resampling.intervals import Interval, accelerations
from cbecmodel.structure.resampling.ordinal_quantities import ordinal_improper, ordinal_rows
from cbecmodel.structure.resampling.quantities import defined_many, improper, row_values, standardized_many
from cbecmodel.structure.resampling.replicates import values_of
from cbecmodel.structure.resampling.seeds import Seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cbecmodel.display.canvas import Picture
    from cbecmodel.structure.resampling.moments import ManyMoments
    from cbecmodel.structure.resampling.replicates import Plan
    from cbecmodel.structure.results import SEMResults

Floats = NDArray[np.float64]
_BLOCK = 512


@dataclass(frozen=True, repr=False, eq=False)
class BootstrapResults:
    """Replicates of a fitted model, and the intervals they give; made by :meth:`cbecmodel.SEMResults.bootstrap`.

    Intervals use every replicate that converged, proper or not: leaving out the improper ones would bias them. What failed is
    counted and kept with its reason.

    Attributes
    ----------
    fit : SEMResults
        Of the full sample.
    plan : Plan
        How replicates were drawn.
    seed : int
        Replicate ``i`` draws from child ``i`` of ``SeedSequence(seed)``.
    ci : str
        Kind of the intervals.
    level : float
    n_requested : int
    indices : ndarray of int, shape (R,)
        Which replicates are here: all of them, unless the run was stopped.
    x : ndarray, shape (R, q)
        Free parameters; NaN where a replicate failed.
    value : ndarray, shape (R,)
        Discrepancies.
    gradient : ndarray, shape (R,)
        Largest element of each gradient, in standardized units.
    evaluations : ndarray of int, shape (R,)
    code : ndarray of int, shape (R,)
        0 where a replicate converged.
    """

    fit: SEMResults
    plan: Plan
    seed: int
    ci: Interval
    level: float
    n_requested: int
    indices: NDArray[np.intp]
    x: Floats
    value: Floats
    gradient: Floats
    evaluations: NDArray[np.intp]
    code: NDArray[np.int8]

    # ---------------------------------------------------------------- what happened
    @property
    def partial(self) -> bool:
        """Return whether the run was stopped before all replicates were done."""
        return len(self.indices) < self.n_requested

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Return which replicates converged, shape (R,)."""
        return np.asarray(self.code == CONVERGED)

    @cached_property
    def status(self) -> pd.Series[str]:
        """Return ``converged``, ``improper`` (converged, with an impossible value) or ``failed`` for every replicate."""
        bad = self._blockwise(lambda at, drawn: self._improper(at, drawn)[:, None])[:, 0] == 1
        found = np.where(self.converged, np.where(bad, "improper", "converged"), "failed").tolist()
        return pd.Series(found, index=pd.Index(self.indices, name="replicate"), name="status", dtype=object)

    @property
    def counts(self) -> pd.Series[int]:
        """Return how many replicates were asked for, done, converged, improper among these, and failed."""
        improper_ones = int((self.status == "improper").sum())
        done, good = len(self.indices), int(self.converged.sum())
        found = {
            "requested": self.n_requested, "done": done, "converged": good, "improper": improper_ones, "failed": done - good,
        }  # fmt: skip
        return pd.Series(found, name="count")

    # ---------------------------------------------------------------- replicates
    @cached_property
    def replicates(self) -> pd.DataFrame:
        """Return all replicates.

        Returns
        -------
        pandas.DataFrame
            A row a replicate: free parameters and defined ones by name, then ``status``, ``reason`` (of a failure),
            ``evaluations`` and ``gradient``.
        """
        names = [*self.fit.table.free_names, *(rule.lhs for rule in self.fit.table.defined)]
        values = np.concatenate([self.x, self._spread_of_raw.replicates[:, len(self.fit.table.rows) :]], axis=1)
        found = pd.DataFrame(values, columns=names, index=self.status.index)
        return found.assign(
            status=self.status,
            reason=[REASONS[code] for code in self.code],
            evaluations=self.evaluations,
            gradient=self.gradient,
        )

    def replicate(self, number: int) -> SEMResults:
        """Return one replicate as a fitted model of its own: with fit measures, standard errors and everything else.

        Parameters
        ----------
        number : int
            As in the index of :attr:`replicates`.

        Returns
        -------
        SEMResults

        Raises
        ------
        ModelError
            If there is no such replicate, or it failed.
        DataError
            If its data cannot be described alone, such as with more variables than distinct cases.
        """
        from cbecmodel.structure.results import SEMResults

        places = np.flatnonzero(self.indices == number)
        if not places.size or not self.converged[places[0]]:
            raise ModelError("structure.bootstrap_no_replicate", number=number)
        at = int(places[0])
        values = values_of(self.plan, Seeds((number,), self.seed))
        problem = problem_of(self.plan.problem, self.fit.options, values)
        work = standardized(problem)
        value = work.objective(self.x[at] * work.scale.parameters, False).value
        optimum = Optimum(self.x[at], value, float(self.gradient[at]), int(self.evaluations[at]), True)
        return SEMResults(self.fit.options, problem, optimum, model=self.fit.model, group_labels=self.fit.group_labels)

    def apply(self, function: Callable[[SEMResults], Mapping[str, float]]) -> pd.DataFrame:
        """Compute anything for every converged replicate: fit measures, reliability, HTMT.

        Parameters
        ----------
        function : callable
            Takes a fitted model and returns numbers by name (a dict or a Series).

        Returns
        -------
        pandas.DataFrame
            A row a converged replicate; NaN where its data cannot be described alone.

        Examples
        --------
        ``boot.apply(lambda fit: fit.fit_measures[["cfi", "rmsea"]])``,
        ``boot.apply(lambda fit: cbec.reliability(fit)["omega"])``
        """
        rows: list[dict[str, float]] = []
        with one_thread():
            for number in self.indices[self.converged]:
                try:
                    rows.append(dict(function(self.replicate(int(number)))))
                except DataError:
                    rows.append({})
        return pd.DataFrame(rows, index=pd.Index(self.indices[self.converged], name="replicate"), dtype=np.float64)

    # ---------------------------------------------------------------- intervals
    @cached_property
    def parameters(self) -> pd.DataFrame:
        """Return all parameters with their bootstrap errors and intervals, of the kind that was asked for.

        Returns
        -------
        pandas.DataFrame
            Columns lhs op rhs group label est se bias ci_lower ci_upper n; ``se`` is the replicates' standard deviation, ``n``
            how many replicates have a value. Fixed rows have ``se`` 0.
        """
        return self.intervals()

    def intervals(self, ci: Interval | None = None, level: float | None = None) -> pd.DataFrame:
        """Return :attr:`parameters` with intervals of another kind or level, from the same replicates.

        Parameters
        ----------
        ci : {"percentile", "basic", "normal", "bias_corrected", "bca", "studentized"}, optional
        level : float, optional

        Returns
        -------
        pandas.DataFrame
        """
        return self._frame(self._spread_of_raw, ci, level)

    def standardized(
        self,
        type: Kind = "all",  # noqa: A002 - as in SEMResults
        ci: Interval | None = None,
        level: float | None = None,
    ) -> pd.DataFrame:
        """Return the standardized solution with bootstrap errors and intervals.

        Parameters
        ----------
        type : {"all", "lv", "nox"}
        ci : str, optional
            Any but ``"studentized"``.
        level : float, optional

        Returns
        -------
        pandas.DataFrame
            Columns as :attr:`parameters`, ``est_std`` for ``est``.

        Raises
        ------
        ModelError
        """
        if (ci or self.ci) == "studentized":
            raise ModelError("structure.bootstrap_studentized_standardized")
        found = standardized_solution(self.fit.table, self.fit.problem.pattern, self.fit.x, type)
        values, jacobian = tables.with_defined(self.fit.problem, found.values, found.jacobian)
        replicates = self._blockwise(lambda at, drawn: self._standardized(at, drawn, type))
        spread = Spread(values, jacobian, replicates)
        return self._frame(spread, ci, level).rename(columns={"est": "est_std"})

    @cached_property
    def bollen_stine_pvalue(self) -> float:
        """Return the share of replicates whose chi-square is at least the observed one.

        Raises
        ------
        ModelError
            If the replicates were not drawn under the model (``type="bollen_stine"``).
        """
        if self.plan.draws.type != "bollen_stine":
            raise ModelError("structure.bootstrap_not_bollen_stine")
        # both with the same factor: N, or N − G for Wishart's likelihood
        return float((self.value[self.converged] >= self.fit.optimum.value).mean())

    # ---------------------------------------------------------------- inside
    @cached_property
    def _spread_of_raw(self) -> Spread:
        values, jacobian = tables.with_defined(self.fit.problem, *tables.row_values(self.fit.problem, self.fit.x))
        return Spread(values, jacobian, self._blockwise(self._raw))

    @cached_property
    def _influence(self) -> Floats:
        if self.plan.alone or self.plan.tabled:
            raise ModelError("structure.bootstrap_no_influence")
        with one_thread():
            return case_influence(self.plan.batch, self.plan.draws)

    def _frame(self, spread: Spread, ci: Interval | None, level: float | None) -> pd.DataFrame:
        kind, wanted = ci or self.ci, self.level if level is None else level
        acceleration = accelerations(self._influence @ spread.jacobian.T) if kind == "bca" else None
        errors = self._errors() if kind == "studentized" else None
        kept = replace(spread, replicates=spread.replicates[self.converged])
        return interval_frame(self.fit.problem, kept, kind, wanted, acceleration=acceleration, errors=errors)

    def _errors(self) -> tuple[Floats, Floats]:
        """Return the standard errors of the full sample and of every replicate, of the kind the fit has."""
        whole = row_errors(self.fit)
        found = np.full((int(self.converged.sum()), len(whole)), np.nan)
        for row, number in enumerate(self.indices[self.converged]):
            try:
                found[row] = row_errors(self.replicate(int(number)))
            except DataError:
                continue  # stays NaN: this replicate has no standard errors
        return whole, np.where(found > 0, found, np.nan)

    def _blockwise(self, function: Callable[[NDArray[np.intp], ManyMoments | None], Floats]) -> Floats:
        """Return what a function gives for blocks of replicates, whose moments are drawn again if they matter."""
        parts = []
        with one_thread():
            for begin in range(0, len(self.indices), _BLOCK):
                at = np.arange(begin, min(begin + _BLOCK, len(self.indices)))
                drawn = None
                if self.fit.table.exogenous and not self._ordinal:
                    drawn = drawn_moments(
                        self.plan.batch, self.plan.draws, Seeds(tuple(self.indices[at].tolist()), self.seed)
                    )
                parts.append(function(at, drawn))
        return np.concatenate(parts)

    @property
    def _ordinal(self) -> bool:
        return self.fit.problem.samples[0].ordinal is not None

    def _raw(self, at: NDArray[np.intp], drawn: ManyMoments | None) -> Floats:
        if self._ordinal:
            return ordinal_rows(self, at, None)
        values = row_values(self.fit.problem, self.x[at], drawn, self.plan.batch.work.scale.variables)
        return np.concatenate([values, defined_many(self.fit.problem, values)], axis=1)

    def _standardized(self, at: NDArray[np.intp], drawn: ManyMoments | None, kind: Kind) -> Floats:
        if self._ordinal:
            return ordinal_rows(self, at, kind)
        batch = self.plan.batch
        values = row_values(self.fit.problem, self.x[at], drawn, batch.work.scale.variables)
        found = standardized_many(batch, drawn, self.x[at], values, kind)
        return np.concatenate([found, defined_many(self.fit.problem, found)], axis=1)

    def _improper(self, at: NDArray[np.intp], drawn: ManyMoments | None) -> Floats:
        if self._ordinal:
            return ordinal_improper(self, at)
        x = np.where(np.isfinite(self.x[at]), self.x[at], self.fit.x)
        return improper(self.plan.batch, drawn, x).astype(np.float64)

    # ---------------------------------------------------------------- how it shows itself
    def summary(self) -> str:
        """Return the results as text.

        Returns
        -------
        str
        """
        from cbecmodel.structure.resampling.bootstrap_show import text_summary

        return text_summary(self)

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        from cbecmodel.structure.resampling.bootstrap_show import html_summary

        return html_summary(self)

    def plot(self, *names: str, lang: str | None = None) -> Picture:
        """Draw the distribution of replicates, with estimate and interval.

        Parameters
        ----------
        *names : str
            Parameters as the replicates' columns call them; without names the defined ones or, if there are none, regressions.
        lang : {"en", "zh"}, optional

        Returns
        -------
        Picture
        """
        from cbecmodel.structure.resampling.bootstrap_show import draw

        return draw(self, names, lang)

    def first(self, count: int) -> BootstrapResults:
        """Return the results with the first replicates alone, to see whether more would matter.

        Parameters
        ----------
        count : int

        Returns
        -------
        BootstrapResults
        """
        kept = {
            name: getattr(self, name)[:count] for name in ("indices", "x", "value", "gradient", "evaluations", "code")
        }
        return replace(self, n_requested=min(count, self.n_requested), **kept)
