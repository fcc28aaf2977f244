"""The part of the results that is about resampling."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from cbecmodel.structure.inference.vcov import Uncertainty, two_sided

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from cbecmodel.parallel import Parallel
    from cbecmodel.structure.resampling.bootstrap_results import BootstrapResults
    from cbecmodel.structure.resampling.draws import BootstrapType
    from cbecmodel.structure.resampling.intervals import Interval
    from cbecmodel.structure.results import SEMResults


REPLICATES: Final = 1000  # behind se="bootstrap", as many as lavaan draws


class Resampled:
    """The part of :class:`~cbecmodel.structure.results.SEMResults` that refits the model to resamples."""

    def bootstrap(
        self,
        replicates: int = 5000,
        *,
        seed: int = 1,
        ci: Interval = "percentile",
        level: float = 0.95,
        type: BootstrapType = "nonparametric",  # noqa: A002 - lavaan's name
        cluster: Any = None,
        parallel: Parallel = None,
        folder: str | Path | None = None,
        progress: bool = True,
    ) -> BootstrapResults:
        """Fit the model to many resamples.

        Parameters
        ----------
        replicates : int
        seed : int
            Replicate ``i`` draws from child ``i`` of ``SeedSequence(seed)``.
        ci : {"percentile", "basic", "normal", "bias_corrected", "bca", "studentized"}
            Intervals of :attr:`BootstrapResults.parameters`; others can be had later from the same replicates.
        level : float
        type : {"nonparametric", "parametric", "bollen_stine"}
            Draw cases; draw from the normal distribution the model implies; or draw cases transformed so that the model holds,
            for a p-value of the chi-square that does not need normality. Groups keep their sizes.
        cluster : array-like, optional
            The cluster of every case: whole clusters are drawn.
        parallel : None, int, "dask" or distributed.Client, optional
            See :func:`cbecmodel.parallel.map_replicates`; results are the same to the last bit.
        folder : str or pathlib.Path, optional
            Keeps every finished batch; a killed run goes on from there.
        progress : bool
            Show a bar.

        Returns
        -------
        BootstrapResults

        Raises
        ------
        ModelError, DataError
            If the model cannot be resampled so.
        ConvergenceError
            If no replicate has a solution.

        Examples
        --------
        >>> import cbecmodel as cbec
        >>> from semopy.examples import political_democracy
        >>> fit = cbec.sem("dem60 =~ y1 + y2 + y3 + y4; dem60 ~ x1", political_democracy.get_data())
        >>> boot = fit.bootstrap(200, seed=7, progress=False)
        >>> boot.counts["converged"], boot.parameters["ci_lower"].notna().all()
        (np.int64(200), np.True_)
        """
        from cbecmodel.structure.resampling.bootstrap import bootstrap

        return bootstrap(
            cast("SEMResults", self),
            replicates,
            seed=seed,
            ci=ci,
            level=level,
            type=type,
            cluster=cluster,
            parallel=parallel,
            folder=folder,
            progress=progress,
        )

    @cached_property
    def _replicates(self) -> BootstrapResults:
        """Replicates behind ``se="bootstrap"``, of the same solution with the usual errors."""
        from cbecmodel.structure.results import SEMResults

        fit = cast("SEMResults", self)
        usual = SEMResults(
            replace(fit.options, se="standard"),
            fit.problem,
            fit.optimum,
            model=fit.model,
            group_labels=fit.group_labels,
            data_used=fit.data_used,
        )
        usual.rotation = fit.rotation
        return usual.bootstrap(REPLICATES, progress=False)

    def _bootstrap_uncertainty(self) -> Uncertainty:
        drawn = self._replicates
        vcov = np.atleast_2d(np.cov(drawn.x[drawn.converged], rowvar=False))
        return Uncertainty(vcov, drawn.fit.unidentified)

    def _with_bootstrap_errors(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a table of parameters with errors and intervals from the replicates, defined parameters included."""
        found = self._replicates.parameters
        z = (found["est"] / found["se"]).where(found["se"] > 0)
        errors = frame.assign(se=found["se"], z=z, pvalue=two_sided(z.to_numpy()))
        return errors.assign(ci_lower=found["ci_lower"], ci_upper=found["ci_upper"])
