"""Measurement invariance across groups, step by step."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from cbecmodel.display.tables import Column, Table
from cbecmodel.errors import ModelError
from cbecmodel.measurement.effect_sizes import dmacs
from cbecmodel.measurement.invariance_steps import CONTINUOUS, ORDINAL, Criteria, ordinal_syntax
from cbecmodel.measurement.partial import PartialInvariance, cfi_of, release
from cbecmodel.measurement.readout import Readout, say
from cbecmodel.structure.api import cfa
from cbecmodel.structure.inference.compare import compare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cbecmodel.structure.results import SEMResults

_MEASURES: Final = ("chisq", "df", "pvalue", "cfi", "tli", "rmsea", "srmr", "aic", "bic")
_TAKEN: Final = ("group_equal", "group_partial")


class InvarianceResults(Readout):
    r"""How invariant a measurement model is across groups, see :func:`invariance`.

    Attributes
    ----------
    fits : dict of str to SEMResults
        The fitted model of every step.
    criteria : Criteria
    table : pandas.DataFrame
        A row a step; see :func:`invariance`.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> found = cbec.invariance("visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9", holzinger39.get_data(), group="school")
    >>> found.table["verdict"].tolist()[:3]
    ['', 'holds', 'fails']
    """

    def __init__(self, fits: dict[str, SEMResults], criteria: Criteria, refit: Callable[..., SEMResults]) -> None:
        self.fits, self.criteria, self._refit = fits, criteria, refit
        first = next(iter(fits.values()))
        self.synthetic = first.synthetic
        self.ordinal = first.problem.samples[0].ordinal is not None
        self.table = _table(fits, criteria, self.ordinal)

    @property
    def level(self) -> str:
        """Return the last step of the unbroken run that holds."""
        reached = next(iter(self.fits))
        for step, verdict in self.table["verdict"].iloc[1:].items():
            if verdict != "holds":
                break
            reached = str(step)
        return reached

    def partial(self, step: str = "scalar", *, alpha: float = 0.05, smallest: int = 2) -> PartialInvariance:
        """Release the constraints of a step that do not hold, one after the other, by score tests.

        Each time the parameter with the largest score test is set free in all groups, as long as it is significant after
        Bonferroni's correction for the candidates; it stops as soon as CFI is within the criterion of the step before, or if
        a construct would be left with fewer than ``smallest`` equal parameters of the kind.

        Parameters
        ----------
        step : {"metric", "scalar", "strict"}
        alpha : float
        smallest : int
            Equal parameters of a construct that are kept; the marker's loading counts as one.

        Returns
        -------
        PartialInvariance
            ``steps``, ``released``, ``fit``, ``holds``, ``reason``.

        Raises
        ------
        ModelError
            For ordinal models and other steps.

        References
        ----------
        .. [1] Byrne, B. M., Shavelson, R. J., & Muthén, B. (1989). Testing for the equivalence of factor covariance and mean
           structures: The issue of partial measurement invariance. Psychological Bulletin 105, 456–466.
        """
        if self.ordinal or step not in ("metric", "scalar", "strict"):
            raise ModelError("measurement.partial_step", step=step)
        names = list(self.fits)
        before = self.fits[names[names.index(step) - 1]]

        def refit(free: list[str]) -> SEMResults:
            return self._refit(group_equal=CONTINUOUS[step], group_partial=free)

        fall, reached = self.criteria.cfi, cfi_of(before)
        return release(refit, self.fits[step], step, before=reached, fall=fall, alpha=alpha, smallest=smallest)

    def effect_sizes(self, anchors: Mapping[str, str] | None = None) -> pd.DataFrame:
        """Return dMACS, the size of each item's non-invariance in standard deviations of its answers.

        Parameters
        ----------
        anchors : mapping of str to str, optional
            The item of each construct that is taken to be invariant; its first one by default.

        Returns
        -------
        pandas.DataFrame
            Columns construct item group dmacs signed, every later group against the first; ``signed`` is the expected
            difference of answers (group less first), in the same unit, of people of the group.

        Raises
        ------
        ModelError
            For ordinal models, items of several constructs and unknown anchors.
        """
        if self.ordinal:
            raise ModelError("measurement.dmacs_ordinal")
        return dmacs(self.fits["configural"], anchors or {})

    def _title(self) -> str:
        return say("invariance_title")

    def _facts(self) -> list[tuple[str, str]]:
        fit = next(iter(self.fits.values()))
        sizes = zip(fit.group_labels, fit.problem.samples, strict=True)
        groups = ", ".join(f"{label} ({int(sample.n)})" for label, sample in sizes)
        return [
            (say("show_estimator"), fit.options.estimator),
            (say("show_groups"), groups),
            (say("show_reached"), say(f"step_{self.level}")),
        ]

    def tables(self) -> list[Table]:
        """Return the table of steps."""
        frame = self.table.reset_index()
        frame["step"] = [say(f"step_{name}") for name in frame["step"]]
        frame["verdict"] = [say(f"verdict_{name}") if name else "" for name in frame["verdict"]]
        suffix = "_scaled" if "chisq_scaled" in frame else ""
        index = next((kind for kind in ("_scaled", "_robust") if f"cfi{kind}" in frame), "")
        heads = {"step": Column(say("show_step"), "text"), f"chisq{suffix}": Column("χ²", digits=2)}
        heads |= {f"df{suffix}": Column("df", digits=0), f"cfi{index}": Column("CFI"), f"rmsea{index}": Column("RMSEA")}
        heads |= {"srmr": Column("SRMR"), "delta_chisq": Column("Δχ²", digits=2), "delta_df": Column("Δdf", digits=0)}
        heads |= {"delta_pvalue": Column("p", "p"), "delta_cfi": Column("ΔCFI"), "delta_rmsea": Column("ΔRMSEA")}
        heads |= {"delta_srmr": Column("ΔSRMR"), "verdict": Column(say("show_verdict"), "text")}
        return [Table(frame, heads, notes=(say("invariance_note", cfi=self.criteria.cfi, rmsea=self.criteria.rmsea),))]


def _table(fits: dict[str, SEMResults], criteria: Criteria, ordinal: bool) -> pd.DataFrame:
    measures = pd.DataFrame({step: fit.fit_measures for step, fit in fits.items()}).T
    kind = "_scaled" if ordinal else "_robust"
    robust = f"cfi{kind}" in measures
    own = [name for name in _MEASURES if name in measures]
    extra = ["chisq_scaled", "df_scaled", "pvalue_scaled", f"cfi{kind}", f"rmsea{kind}"] if robust else []
    table = measures[[*own, *extra]].rename_axis("step")
    tests = compare(*fits.values()).sort_index()
    table["delta_chisq"], table["delta_df"] = tests["chisq_diff"].to_numpy(), tests["df_diff"].to_numpy()
    table["delta_pvalue"] = tests["pvalue"].to_numpy()
    for name in ("cfi", "rmsea", "srmr"):
        used = f"{name}{kind}" if robust and name != "srmr" else name
        table[f"delta_{name}"] = table[used].diff()
    table["verdict"] = ["", *(criteria.verdict(str(step), row) for step, row in table.iloc[1:].iterrows())]
    return table


def invariance(
    model: str,
    data: Any,
    *,
    group: str,
    ordered: str | bool | Sequence[str] = (),
    criteria: Criteria | None = None,
    **options: Any,
) -> InvarianceResults:
    r"""Test whether constructs are measured alike in all groups, each step with the equalities of the one before.

    Continuous items: ``configural`` (same pattern), ``metric`` (loadings), ``scalar`` (intercepts), ``strict`` (residual
    variances), ``means`` (latent means: not measurement, but whether groups differ). Ordinal items, identified after Wu and
    Estabrook [2]_: ``configural``, ``thresholds``, ``loadings``, ``intercepts``, ``residuals``.

    Parameters
    ----------
    model : str
        lavaan syntax of a measurement model.
    data : pandas.DataFrame, or an object with a ``frame``
    group : str
    ordered : str, sequence of str, or bool
        Ordinal items: then every indicator has to be ordinal, with three categories at least.
    criteria : Criteria, optional
        Largest changes of fit indices; Chen's [1]_ by default.
    **options
        Of :func:`cbecmodel.cfa`: ``estimator`` (``"MLR"``, …), ``missing``, ``cluster``, …

    Returns
    -------
    InvarianceResults
        ``table``: a row a step with chisq df pvalue cfi tli rmsea srmr (aic bic), after robust tests also chisq_scaled df_scaled
        pvalue_scaled and cfi_robust rmsea_robust (ordinal: cfi_scaled rmsea_scaled), delta_chisq delta_df delta_pvalue (plain
        difference for ML, Satorra and Bentler's for MLR, Satorra's scaled and shifted one for ordinal items), delta_cfi
        delta_rmsea delta_srmr (of the robust indices if there are any) and verdict: ``holds`` if no index changes too much,
        ``fails`` if CFI and another one do, ``mixed`` in between.

    Raises
    ------
    DataError
        If there is one group only.
    ModelError
        If equalities are asked for besides, or ordinal and continuous items are mixed.
    ConvergenceError
        If a step does not converge.

    Notes
    -----
    Equal to lavaan 0.6-14 and, for ordinal items, to semTools 0.5-6 (``measEq.syntax``).

    References
    ----------
    .. [1] Chen, F. F. (2007). Sensitivity of goodness of fit indexes to lack of measurement invariance. Structural Equation
       Modeling 14, 464–504.
    .. [2] Wu, H., & Estabrook, R. (2016). Identification of confirmatory factor analysis models of different levels of
       invariance for ordered categorical outcomes. Psychometrika 81, 1014–1045.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> found = cbec.invariance("visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9", holzinger39.get_data(), group="school")
    >>> found.table["df"].astype(int).tolist()
    [16, 20, 24, 30, 32]
    >>> found.level
    'metric'
    """
    taken = [name for name in _TAKEN if name in options]
    if taken:
        raise ModelError("measurement.invariance_equal", option=", ".join(taken))
    if ordered is not False and ordered != ():
        options = {"estimator": "WLSMV"} | options | {"parameterization": "theta", "std_lv": True}
        first = cfa(model, data, group=group, ordered=ordered, **options)
        steps = {step: (ordinal_syntax(first, step), {"group_equal": words}) for step, words in ORDINAL.items()}
        options["ordered"] = ordered
    else:
        first = cfa(model, data, group=group, **options)
        if first.problem.samples[0].ordinal is not None:
            raise ModelError("measurement.invariance_mixed")
        steps = {step: ("", {"group_equal": words}) for step, words in CONTINUOUS.items()}
    fits = {"configural": first}
    for step, (extra, equal) in steps.items():
        fits[step] = cfa(f"{model}\n{extra}", data, group=group, **equal, **options)
    return InvarianceResults(
        fits, criteria or Criteria.chen(first.n_obs), partial(cfa, model, data, group=group, **options)
    )
