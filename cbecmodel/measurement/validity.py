"""Convergent and discriminant validity of the constructs of a fitted model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cbecmodel.display.tables import Column, Table
from cbecmodel.errors import ModelError
from cbecmodel.measurement.constructs import constructs, latent_correlations
from cbecmodel.measurement.heterotrait import membership, ratios, resampled_ratios
from cbecmodel.measurement.readout import Readout, say
from cbecmodel.structure.results import SEMResults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.measurement.constructs import Array, Construct


def fornell_larcker(fit: SEMResults, group: int = 1) -> pd.DataFrame:
    r"""Return the Fornell–Larcker table: how constructs correlate, against what they share with their own items.

    By the criterion a construct is distinct from the others if the square root of its average variance extracted exceeds
    each of its correlations [1]_.

    Parameters
    ----------
    fit : SEMResults
    group : int
        1, 2, …

    Returns
    -------
    pandas.DataFrame, shape (q, q)
        Square roots of the AVE (mean squared standardized loading) on the diagonal, implied latent correlations elsewhere;
        constructs in the order of the model.

    References
    ----------
    .. [1] Fornell, C., & Larcker, D. F. (1981). Evaluating structural equation models with unobservable variables and
       measurement error. Journal of Marketing Research 18, 39–50.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> fit = cbec.cfa("visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9", holzinger39.get_data())
    >>> fornell_larcker(fit).round(2)
            visual  speed
    visual    0.61   0.46
    speed     0.46   0.66
    """
    table = latent_correlations(fit, group)
    for construct in constructs(fit):
        if construct.group == group:
            table.loc[construct.name, construct.name] = np.sqrt((construct.standardized**2).mean())
    return table


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on validity is called good.

    Attributes
    ----------
    loading, ave, reliability : float
        Smallest standardized loading, average variance extracted and composite reliability.
    htmt : float
        Largest ratio between two constructs; .85 is strict, .90 usual for constructs close in meaning.
    vif : float
        Largest full-collinearity variance inflation.

    Examples
    --------
    >>> Thresholds(htmt=0.9).ave
    0.5
    """

    loading: float = 0.5
    ave: float = 0.5
    reliability: float = 0.7
    htmt: float = 0.85
    vif: float = 3.3


class ValidityResults(Readout):
    r"""Convergent and discriminant validity, see :func:`validity`.

    Attributes
    ----------
    fornell_larcker, htmt, htmt2 : pandas.DataFrame, shape (q, q)
        Constructs in the order of the model.
    htmt_intervals : pandas.DataFrame or None
        Bootstrap intervals: columns construct other htmt ci_lower ci_upper upper_bound htmt2 htmt2_ci_lower htmt2_ci_upper
        replicates, a row a pair; ``upper_bound`` is the one-sided limit.
    vif : pandas.Series
    cross_loadings : pandas.DataFrame
        Items by constructs.
    verdicts : pandas.DataFrame
    thresholds : Thresholds

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> found = cbec.validity(cbec.cfa("visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9", holzinger39.get_data()))
    >>> found.verdicts["discriminant"].tolist()
    [True, True]
    """

    def __init__(self, fit: SEMResults, group: int, thresholds: Thresholds) -> None:
        self._blocks = _Blocks.of(fit, group)
        self.thresholds, self.synthetic = thresholds, fit.synthetic
        self._cases, self._group = int(self._blocks.n), fit.group_labels[group - 1]
        self.fornell_larcker = fornell_larcker(fit, group).loc[list(self._blocks.names), list(self._blocks.names)]
        self.htmt, self.htmt2 = self._blocks.htmt(geometric=False), self._blocks.htmt(geometric=True)
        self.vif = self._blocks.vif()
        self.cross_loadings = self._blocks.cross_loadings()
        self.htmt_intervals: pd.DataFrame | None = None
        found = {one.name: one for one in constructs(fit) if one.group == group}
        self.verdicts = self._judge([found[name] for name in self._blocks.names])

    def _judge(self, found: Sequence[Construct]) -> pd.DataFrame:
        limits, rows = self.thresholds, []
        for one in found:
            squared = one.standardized**2
            total = float(one.standardized.sum()) ** 2
            table = self.fornell_larcker.loc[one.name].abs().drop(one.name)
            ratio = self.htmt.loc[one.name].drop(one.name)
            worst, root = ratio.max(), float(np.sqrt(squared.mean()))
            row = {
                "smallest_loading": float(np.abs(one.standardized).min()),
                "ave": float(squared.mean()),
                "composite_reliability": total / (total + float((1 - squared).sum())),
                "largest_correlation": table.max(),
                "largest_htmt": worst,
                "vif": float(self.vif[one.name]),
            }
            good = row["ave"] >= limits.ave and row["composite_reliability"] >= limits.reliability
            row["convergent"] = bool(good and row["smallest_loading"] >= limits.loading)
            row["fornell_larcker"] = bool(table.empty or root > table.max())
            row["htmt"] = bool(ratio.dropna().empty or worst <= limits.htmt)
            row["discriminant"] = row["fornell_larcker"] and row["htmt"]
            row["collinearity"] = bool(len(found) < 2 or row["vif"] <= limits.vif)
            rows.append(row)
        return pd.DataFrame(rows, index=pd.Index([one.name for one in found], name="construct"))

    def bootstrapped(self, replicates: int, seed: int, level: float) -> pd.DataFrame:
        """Return percentile intervals of the ratios.

        Parameters
        ----------
        replicates : int
        seed : int
        level : float

        Returns
        -------
        pandas.DataFrame
        """
        cases = self._blocks.cases
        if cases is None:
            raise ModelError("measurement.htmt_bootstrap")
        q, names = len(self._blocks.names), self._blocks.names
        low, high = np.tril_indices(q, -1)
        frame = pd.DataFrame({"construct": [names[i] for i in high], "other": [names[i] for i in low]})
        for name, geometric in (("htmt", False), ("htmt2", True)):
            drawn = resampled_ratios(cases, self._blocks.member, replicates, seed, geometric=geometric)[:, low, high]
            drawn = drawn[np.isfinite(drawn).all(axis=1)]
            if len(drawn) < 2:
                raise ModelError("measurement.htmt_bootstrap_lost")
            frame[name] = getattr(self, name).to_numpy()[low, high]
            limits = np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2, level), axis=0)
            frame[f"{name}_ci_lower"], frame[f"{name}_ci_upper"], frame[f"{name}_upper_bound"] = limits
        return frame.assign(replicates=len(drawn)).sort_values(
            ["construct", "other"], key=self._place, ignore_index=True
        )

    def _place(self, column: pd.Series[Any]) -> pd.Series[Any]:
        return column.map(list(self._blocks.names).index)

    def _title(self) -> str:
        return say("validity_title")

    def _facts(self) -> list[tuple[str, str]]:
        facts = [(say("show_cases"), str(self._cases))]
        return [*facts, (say("show_group"), self._group)] if self._group else facts

    def tables(self) -> list[Table]:
        """Return verdicts, Fornell–Larcker table, both ratios and cross-loadings."""
        limits = self.thresholds
        verdicts = self.verdicts.reset_index()
        yes = ("convergent", "fornell_larcker", "htmt", "discriminant", "collinearity")
        verdicts = verdicts.assign(
            **{name: [say("show_yes" if ok else "show_no") for ok in verdicts[name]] for name in yes}
        )
        heads = {
            "construct": Column(say("show_construct"), "text"),
            "smallest_loading": Column(say("show_smallest_loading")),
        }
        heads |= {
            "ave": Column("AVE"),
            "composite_reliability": Column("CR"),
            "largest_htmt": Column(say("show_largest_htmt")),
        }
        heads |= {"vif": Column("VIF"), "convergent": Column(say("show_convergent"), "text")}
        heads |= {
            "discriminant": Column(say("show_discriminant"), "text"),
            "collinearity": Column(say("show_collinearity"), "text"),
        }
        values = {name: getattr(limits, name) for name in limits.__slots__}
        shown = [Table(verdicts, heads, say("validity_verdicts"), notes=(say("validity_note", **values),))]
        matrices = ("fornell_larcker", "htmt", "htmt2", "cross_loadings")
        shown += [square(getattr(self, name), say(f"validity_{name}")) for name in matrices]
        if self.htmt_intervals is not None:
            heads = {"construct": Column(say("show_construct"), "text"), "other": Column(say("show_other"), "text")}
            heads |= {
                "htmt": Column("HTMT"),
                "htmt_ci_lower": Column(say("show_lower")),
                "htmt_ci_upper": Column(say("show_upper")),
            }
            heads |= {
                "htmt2": Column("HTMT2"),
                "htmt2_ci_lower": Column(say("show_lower")),
                "htmt2_ci_upper": Column(say("show_upper")),
            }
            shown.append(Table(self.htmt_intervals, heads, say("validity_intervals")))
        return shown


def square(frame: pd.DataFrame, title: str) -> Table:
    """Return a labelled matrix as a table.

    Parameters
    ----------
    frame : pandas.DataFrame
    title : str

    Returns
    -------
    Table

    Examples
    --------
    >>> print(square(pd.DataFrame([[1.0]], ["a"], ["b"]), ""))
           b
    ────────
    a  1.000
    """
    shown = frame.copy()
    shown.columns = [str(name) for name in frame.columns]
    heads = {"_row": Column("", "text")} | {str(name): Column(str(name)) for name in shown}
    return Table(shown.assign(_row=[str(name) for name in frame.index]), heads, title)


@dataclass(frozen=True)
class _Blocks:
    """The items of one group's constructs, by construct."""

    names: tuple[str, ...]
    items: tuple[str, ...]
    member: Array
    cov: Array
    n: float
    cases: Array | None

    @classmethod
    def of(cls, fit: SEMResults, group: int) -> _Blocks:
        found = [one for one in constructs(fit) if one.group == group and one.observed is not None]
        if not found:
            raise ModelError("measurement.no_items", group=group, groups=fit.table.n_groups)
        sample = fit.problem.samples[group - 1]
        items = tuple(dict.fromkeys(item for one in found for item in one.items))
        here = [sample.names.index(item) for item in items]
        member = membership([[items.index(item) for item in one.items] for one in found], len(items))
        complete = sample.raw is not None and sample.ordinal is None and not np.isnan(sample.raw).any()
        cases = sample.raw[:, here] if complete and sample.raw is not None and sample.weights is None else None
        return cls(tuple(one.name for one in found), items, member, sample.cov[np.ix_(here, here)], sample.n, cases)

    @property
    def correlations(self) -> Array:
        sd = np.sqrt(np.diag(self.cov))
        out: Array = self.cov / np.outer(sd, sd)
        return out

    def htmt(self, *, geometric: bool) -> pd.DataFrame:
        values = ratios(self.correlations, self.member, geometric=geometric)
        return pd.DataFrame(values, index=list(self.names), columns=list(self.names))

    def vif(self) -> pd.Series[float]:
        sums = self.member.T @ self.cov @ self.member
        sd = np.sqrt(np.diag(sums))
        inflation = np.diag(np.linalg.inv(sums / np.outer(sd, sd)))
        return pd.Series(inflation, index=pd.Index(self.names, name="construct"), name="vif")

    def cross_loadings(self) -> pd.DataFrame:
        """Correlate every item with the sum of every construct's standardized items, itself left out."""
        r, member = self.correlations, self.member
        sums = np.diag(member.T @ r @ member)
        covered = r @ member
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = np.where(member > 0, sums - 2 * covered + 1, sums)
            out = (covered - member) / np.sqrt(np.where(variance > 1e-12, variance, np.nan))
        return pd.DataFrame(out, index=list(self.items), columns=list(self.names))


def validity(
    fit: SEMResults,
    *,
    group: int = 1,
    bootstrap: int = 0,
    seed: int | None = None,
    level: float = 0.95,
    thresholds: Thresholds | None = None,
) -> ValidityResults:
    r"""Judge convergent and discriminant validity of the constructs of a fitted model.

    ``htmt`` is the heterotrait–monotrait ratio with arithmetic means of absolute correlations [1]_, ``htmt2`` with geometric
    means, which congeneric items ask for [2]_. The correlations are the ones the model was fitted to: polychoric for ordinal
    items. ``vif`` is the inflation of each construct's mean score by all the others (full collinearity [3]_).
    ``cross_loadings`` are correlations of items with the sums of each construct's standardized items, an item itself left
    out of its own sum.

    Parameters
    ----------
    fit : SEMResults
    group : int
        1, 2, …
    bootstrap : int
        Replicates for intervals of the ratios; none by default.
    seed : int, optional
        Of the bootstrap, which needs one.
    level : float
        Of the percentile intervals; ``upper_bound`` is the one-sided limit at the same level.
    thresholds : Thresholds, optional

    Returns
    -------
    ValidityResults
        ``fornell_larcker``, ``htmt``, ``htmt2``, ``vif``, ``cross_loadings``, ``verdicts``, ``htmt_intervals``.

    Raises
    ------
    ModelError
        If it is no fitted model, the group does not exist, or a bootstrap is asked for without seed or complete raw answers.

    References
    ----------
    .. [1] Henseler, J., Ringle, C. M., & Sarstedt, M. (2015). A new criterion for assessing discriminant validity in
       variance-based structural equation modeling. Journal of the Academy of Marketing Science 43, 115–135.
    .. [2] Roemer, E., Schuberth, F., & Henseler, J. (2021). HTMT2 – an improved criterion for assessing discriminant validity
       in structural equation modeling. Industrial Management & Data Systems 121, 2637–2650.
    .. [3] Kock, N. (2015). Common method bias in PLS-SEM: A full collinearity assessment approach. International Journal of
       e-Collaboration 11(4), 1–10.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> fit = cbec.cfa("visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9", holzinger39.get_data())
    >>> found = cbec.validity(fit, bootstrap=200, seed=1)
    >>> round(float(found.htmt.loc["visual", "speed"]), 3), round(float(found.htmt2.loc["visual", "speed"]), 3)
    (0.467, 0.387)
    """
    if not isinstance(fit, SEMResults):
        raise ModelError("measurement.not_a_fit", kind=type(fit).__name__)
    if not 1 <= group <= fit.table.n_groups:
        raise ModelError("measurement.no_items", group=group, groups=fit.table.n_groups)
    if not 0 < level < 1:
        raise ModelError("measurement.level", value=level)
    if bootstrap and (seed is None or bootstrap < 2):
        raise ModelError("measurement.bootstrap_seed")
    found = ValidityResults(fit, group, thresholds or Thresholds())
    if bootstrap and seed is not None:
        found.htmt_intervals = found.bootstrapped(bootstrap, seed, level)
    return found
