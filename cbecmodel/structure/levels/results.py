"""What a fitted two-level model answers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.inference.vcov import Uncertainty, likelihood_vcov
from cbecmodel.structure.levels.measures import level_measures, robust_level_vcov, solved
from cbecmodel.structure.levels.problem import LevelProblem, saturated_problem
from cbecmodel.structure.results import SEMResults

if TYPE_CHECKING:
    from collections.abc import Callable

    from cbecmodel.structure.estimate.implied import Implied

Floats = NDArray[np.float64]
NAMES = ("within", "between")


def _unavailable(name: str) -> Callable[..., Any]:
    """Return a method that says that two-level models do not have it."""

    def method(*_: object, **__: object) -> Any:
        raise ModelError("structure.levels_unavailable", what=f"{name}()")

    method.__doc__ = "Raise: it is not computed for two-level models."
    return method


class TwoLevelResults(SEMResults):
    """A fitted two-level model: as :class:`~cbecmodel.SEMResults`, with a ``level`` beside every parameter.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import cbecmodel as cbec
    >>> rng = np.random.default_rng(1)
    >>> school = np.repeat(np.arange(60), 10)
    >>> x, z = rng.standard_normal(600), rng.standard_normal(60)[school]
    >>> y = 0.5 * x + 0.3 * z + 0.6 * rng.standard_normal(60)[school] + rng.standard_normal(600)
    >>> fit = cbec.sem("level: 1; y ~ x; level: 2; y ~ z", pd.DataFrame({"y": y, "x": x, "z": z, "s": school}), cluster="s")
    >>> fit.n_clusters, fit.parameters.query("op == '~'")["level"].tolist(), fit.icc.round(1).to_dict()
    (60, [1, 2], {'y': 0.3, 'x': 0.0})
    """

    @property
    def _levels(self) -> LevelProblem:
        return cast("LevelProblem", self.problem)

    @property
    def n_clusters(self) -> int:
        """Return the number of clusters."""
        return len(self._levels.clusters.sizes)

    @cached_property
    def _saturated(self) -> tuple[LevelProblem, Floats]:
        return solved(self._levels, saturated_problem, "saturated")

    @property
    def df(self) -> int:
        """Return the degrees of freedom."""
        return saturated_problem(self._levels).table.n_free - self.problem.space.size

    @cached_property
    def _uncertainty(self) -> Uncertainty:
        if self.options.se == "none":
            return Uncertainty(np.full((len(self.x), len(self.x)), np.nan), ())
        if self.options.se == "standard":
            return likelihood_vcov(self.problem, self.x, self.options.information, "normal")
        return robust_level_vcov(self._levels, self.x)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """Return all parameters.

        Returns
        -------
        pandas.DataFrame
            Columns lhs op rhs level label est se z pvalue ci_lower ci_upper std_lv std_all; defined parameters stand last,
            at level 0. Standardized values are those of the level.
        """
        return super().parameters.rename(columns={"group": "level"})

    def standardized(self, type: Literal["all", "lv", "nox"] = "all", level: float = 0.95) -> pd.DataFrame:  # noqa: A002 - sem.md's name
        """Return the standardized solution, each level by its own variances.

        Parameters
        ----------
        type : {"all", "lv", "nox"}
        level : float
            Of the interval.

        Returns
        -------
        pandas.DataFrame
        """
        return super().standardized(type, level).rename(columns={"group": "level"})

    @cached_property
    def fit_measures(self) -> pd.Series[float]:
        """Return the fit measures; ``srmr`` is the sum of ``srmr_within`` and ``srmr_between``."""
        robust = self.options.test != "standard"
        found = level_measures(self._levels, self.x, self._saturated, robust=robust)
        return pd.Series(found, dtype=np.float64, name="fit")

    @cached_property
    def icc(self) -> pd.Series[float]:
        """Return the intraclass correlations of the cases' variables, from the saturated model."""
        table = self._levels.levels
        states = self._saturated[0].at(self._saturated[1]).states
        within, between = (pd.Series(np.diag(state.sigma), index=table.observed) for state in states)
        return (between / (within + between))[list(table.within)].rename("icc")

    def implied(self) -> dict[str, Any]:
        """Return the moments the model implies at each level.

        Returns
        -------
        dict
            ``within`` and ``between``, each with ``cov`` (DataFrame) and ``mean`` (Series).
        """
        return self._moments(self.problem.at(self.x).states)

    def _moments(self, states: tuple[Implied, ...]) -> dict[str, Any]:
        table = self._levels.levels
        found = {}
        for name, names, state in zip(NAMES, (table.within, table.between), states, strict=True):
            cov = pd.DataFrame(state.sigma, index=table.observed, columns=table.observed)
            mean = pd.Series(state.mu, index=table.observed, name="mean")
            found[name] = {"cov": cov.loc[list(names), list(names)], "mean": mean[list(names)]}
        return found

    def residuals(self, type: str = "raw", *, errors: bool = False) -> dict[str, Any]:  # noqa: A002 - sem.md's name
        """Return the saturated model's moments less the model's, at each level.

        Parameters
        ----------
        type : {"raw", "cor"}
        errors : bool
            Not available.

        Returns
        -------
        dict
            As :meth:`implied`.

        Raises
        ------
        ModelError
            For another type, or errors.
        """
        if errors:
            raise ModelError("structure.levels_unavailable", what="residuals(errors=True)")
        if type not in ("raw", "cor"):
            raise ModelError("structure.unknown_option", option="type", value=type, known="raw, cor")
        observed = self._moments(self._saturated[0].at(self._saturated[1]).states)
        model, out = self.implied(), {}
        for name in NAMES:
            mine, theirs = model[name], observed[name]
            if type == "cor":
                sd, own = (np.sqrt(np.diag(part["cov"])) for part in (theirs, mine))
                gap = theirs["cov"] / np.outer(sd, sd) - mine["cov"] / np.outer(own, own)
                out[name] = {"cov": gap, "mean": (theirs["mean"] - mine["mean"]) / sd}
            else:
                out[name] = {key: theirs[key] - mine[key] for key in ("cov", "mean")}
        return out

    @cached_property
    def r_squared(self) -> pd.Series[float]:
        """Return the explained share of the variance of every variable that something predicts, level by level."""
        return super().r_squared

    def factor_scores(
        self, method: Literal["regression", "bartlett", "ebm"] | None = None, level: int = 1
    ) -> pd.DataFrame:
        r"""Return the expectations of a level's latent variables, given the data.

        Parameters
        ----------
        method : {"regression"}, optional
        level : {1, 2}

        Returns
        -------
        pandas.DataFrame
            Level 1: a row a case (the data's index). Level 2: a row a cluster, in the order of their first appearance.

        Raises
        ------
        ModelError
            For another method or level.
        """
        from cbecmodel.structure.levels.scores import level_scores

        if method not in (None, "regression") or level not in (1, 2):
            raise ModelError("structure.level_scores")
        return level_scores(self._levels, self.x, level, self.data_used)

    residual_summary = _unavailable("residual_summary")
    effects = _unavailable("effects")
    plot = _unavailable("plot")
    score_test = _unavailable("score_test")
    expected_changes = _unavailable("expected_changes")
    modification_indices = _unavailable("modification_indices")
    cross_check = _unavailable("cross_check")
