"""The part of a fitted model that answers questions about moderation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from cbecmodel.structure.readouts import moderated_mediation as mediation
from cbecmodel.structure.readouts import regions, slopes
from cbecmodel.structure.readouts.probe import Probe, probe_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.structure.results import SEMResults


class Moderated:
    """Simple slopes, Johnson-Neyman regions and moderated mediation of :class:`~cbecmodel.structure.results.SEMResults`."""

    def _probe(self, predictor: str, moderator: str, product: str | None) -> Probe:
        fit = cast("SEMResults", self)
        names = {f"{predictor}:{moderator}": product} if product is not None else None
        return probe_of(fit.problem, fit.x, fit.vcov.to_numpy(), fit.group_labels, names)

    def simple_slopes(
        self, outcome: str, predictor: str, moderator: str, *, values: Sequence[float] | Mapping[str, float] | None = None,
        held: Mapping[str, float] | None = None, product: str | None = None, level: float = 0.95, draws: Any = None,
    ) -> slopes.SimpleSlopes:  # fmt: skip
        r"""Return the slopes of an outcome on a predictor at values of a moderator.

        Parameters
        ----------
        outcome, predictor, moderator : str
            Observed or latent; predictor and moderator are the same for a square (``x:x``).
        values : sequence of float or mapping of str to float, optional
            Of the moderator, in its own units; its mean and one standard deviation to either side if not given.
        held : mapping of str to float, optional
            Values of further moderators of the predictor; their means if not given.
        product : str, optional
            Name of the product if it is not ``predictor:moderator``, for instance a latent variable ``f12``.
        level : float
            Of the intervals.
        draws : BootstrapResults, pandas.DataFrame or ndarray, shape (R, q), optional
            Bootstrap (``fit.bootstrap(…)``) or posterior draws of the free parameters; errors and intervals then come from them.

        Returns
        -------
        SimpleSlopes
            With ``slopes``, ``intercepts`` (DataFrames), ``plot()``.

        Raises
        ------
        ModelError
            If the outcome's equation has no such product, or values are no numbers.

        Notes
        -----
        :math:`\theta(m) = b_1 + b_3 m`, with delta-method standard errors. The numbers are those of semTools'
        ``probe2WayMC``.

        Examples
        --------
        >>> import cbecmodel as cbec
        >>> from semopy.examples import political_democracy
        >>> fit = cbec.sem("y1 ~ x1 + x2 + x1:x2", political_democracy.get_data())
        >>> fit.simple_slopes("y1", "x1", "x2", values=[4, 5]).slopes[["value", "est"]].round(2).to_numpy().tolist()
        [[4.0, 0.99], [5.0, 1.29]]
        """
        probe = self._probe(predictor, moderator, product)
        return slopes.simple_slopes(
            probe, outcome, predictor, moderator, values=values, held=held, level=level, draws=draws
        )

    def johnson_neyman(
        self, outcome: str, predictor: str, moderator: str, *, held: Mapping[str, float] | None = None,
        product: str | None = None, level: float = 0.95, limits: tuple[float, float] | None = None,
    ) -> regions.JohnsonNeyman:  # fmt: skip
        """Return where along a moderator the slope of an outcome on a predictor differs from zero.

        Parameters
        ----------
        outcome, predictor, moderator : str
        held, product : optional
            As in :meth:`simple_slopes`.
        level : float
            Of confidence.
        limits : tuple of float, optional
            Range of the figure; three standard deviations around the mean if not given.

        Returns
        -------
        JohnsonNeyman
            With ``regions``, ``bounds`` (the exact roots), ``curve`` (DataFrames), ``plot()``.

        Raises
        ------
        ModelError

        Examples
        --------
        >>> import cbecmodel as cbec
        >>> from semopy.examples import political_democracy
        >>> fit = cbec.sem("y1 ~ x1 + x2 + x1:x2", political_democracy.get_data())
        >>> fit.johnson_neyman("y1", "x1", "x2").regions["significant"].tolist()
        [False, True, False]
        """
        probe = self._probe(predictor, moderator, product)
        return regions.johnson_neyman(probe, outcome, predictor, moderator, held=held, level=level, limits=limits)

    def moderated_mediation(
        self, source: str, mediator: str | Sequence[str], target: str, moderator: str, *,
        values: Sequence[float] | Mapping[str, float] | None = None, level: float = 0.95, draws: Any = None,
    ) -> mediation.ModeratedMediation:  # fmt: skip
        """Return the index of moderated mediation and the indirect, direct and total effects at values of the moderator.

        Parameters
        ----------
        source : str
        mediator : str or sequence of str
            Several for serial mediation.
        target, moderator : str
            The model has the product of the moderator with the predictor of at least one leg.
        values, level, draws : optional
            As in :meth:`simple_slopes`.

        Returns
        -------
        ModeratedMediation
            With ``index``, ``conditional``, ``contrasts`` (DataFrames), ``plot()``.

        Raises
        ------
        ModelError
            If a leg is not in the model or none is moderated.

        References
        ----------
        .. [1] Hayes, A. F. (2015). An index and test of linear moderated mediation. Multivariate Behavioral Research, 50,
           1-22.

        Examples
        --------
        >>> import cbecmodel as cbec
        >>> from semopy.examples import political_democracy
        >>> model = "y1 ~ x1 + x2 + x1:x2; y5 ~ y1 + x1"
        >>> found = cbec.sem(model, political_democracy.get_data()).moderated_mediation("x1", "y1", "y5", "x2")
        >>> found.index[["term", "est"]].round(3).to_numpy().tolist()
        [['index', 0.185]]
        """
        probe = self._probe(source, moderator, None)
        return mediation.moderated_mediation(
            probe, source, mediator, target, moderator, values=values, level=level, draws=draws
        )
