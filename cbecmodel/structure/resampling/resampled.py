"""The part of the results that is about resampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pathlib import Path

    from cbecmodel.parallel import Parallel
    from cbecmodel.structure.resampling.bootstrap_results import BootstrapResults
    from cbecmodel.structure.resampling.draws import BootstrapType
    from cbecmodel.structure.resampling.intervals import Interval
    from cbecmodel.structure.results import SEMResults


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
