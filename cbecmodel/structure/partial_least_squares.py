"""Partial least squares path models, plain (PLS) and consistent (PLSc), and beside a covariance solution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import ConvergenceError, DataError, ModelError, ModelWarning, warn
from cbecmodel.messages import text
from cbecmodel.parallel import map_replicates
from cbecmodel.structure.estimate.pls_weights import (
    SCHEMES,
    Composites,
    Design,
    Floats,
    Scheme,
    composites,
    regressions,
)
from cbecmodel.structure.sample.columns import frame_of
from cbecmodel.structure.sample.moments import moments_from_data, moments_from_summary
from cbecmodel.structure.table.path_design import path_design

if TYPE_CHECKING:
    from cbecmodel.parallel import Parallel
    from cbecmodel.structure.sample.moments import SampleMoments


def pls(
    model: str,
    data: Any = None,
    *,
    scheme: Scheme = "path",
    consistent: bool = True,
    modes: dict[str, Literal["A", "B"]] | None = None,
    bootstrap: int = 0,
    seed: int = 1,
    level: float = 0.95,
    parallel: Parallel = None,
    sample_cov: pd.DataFrame | None = None,
    sample_nobs: int | None = None,
    tolerance: float = 1e-10,
    max_iterations: int = 500,
) -> PLSResults:
    r"""Estimate a path model by partial least squares.

    Composites of standardized indicators are formed whose weights settle between outer (mode A: correlations, mode B: regression)
    and inner estimation; paths are regressions among them. With ``consistent=True`` the correlations of common factors are
    divided by :math:`\sqrt{\rho_A\rho_A'}` first (PLSc), which makes loadings and paths consistent for a factor model.

    Parameters
    ----------
    model : str
        lavaan syntax: ``=~`` a common factor (mode A), ``<~`` a composite (mode B), ``~`` paths. Observed variables may take
        part in paths.
    data : pandas.DataFrame, or an object with a ``frame``
        Incomplete cases are left out.
    scheme : {"path", "factorial", "centroid"}
        Inner weights.
    consistent : bool
    modes : dict, optional
        Mode of a construct where it is not what its operator says, such as ``{"image": "A"}``.
    bootstrap : int
        Replicates for standard errors; 0 for none.
    seed : int
    level : float
        Of the percentile intervals.
    parallel : None, int, "dask" or distributed.Client, optional
        See :func:`cbecmodel.parallel.map_replicates`.
    sample_cov, sample_nobs : pandas.DataFrame and int, optional
        Covariances or correlations instead of data.
    tolerance : float
        Largest change of a weight at which the weights have settled.
    max_iterations : int

    Returns
    -------
    PLSResults

    Raises
    ------
    ModelSyntaxError, ModelError, DataError, ConvergenceError

    References
    ----------
    .. [1] Wold, H. (1982). Soft modeling: The basic design and some extensions. In Systems under indirect observation, Part II
       (pp. 1-54). North-Holland.
    .. [2] Dijkstra, T. K., & Henseler, J. (2015). Consistent partial least squares path modeling. MIS Quarterly, 39, 297-316.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import political_democracy
    >>> model = "ind =~ x1 + x2 + x3; dem =~ y1 + y2 + y3 + y4; dem ~ ind"
    >>> found = cbec.pls(model, political_democracy.get_data())
    >>> round(float(found.paths["est"].iloc[0]), 2)
    0.44
    """
    if scheme not in SCHEMES:
        raise ModelError("structure.unknown_option", option="scheme", value=scheme, known=", ".join(SCHEMES))
    names, design = path_design(model, modes)
    sample = _sample(names, data, sample_cov, sample_nobs)
    settings = _Settings(design, scheme, consistent, tolerance, max_iterations)
    solution = settings.solve(sample.cov)
    draws = _draws(sample, settings, solution, replicates=bootstrap, seed=seed, parallel=parallel)
    found = PLSResults(
        names,
        design,
        sample,
        solution,
        scheme=scheme,
        consistent=consistent,
        draws=draws,
        level=level,
        synthetic=bool(getattr(data, "synthetic", False)),
    )
    _report(found)
    return found


def _sample(names: tuple[str, ...], data: Any, cov: pd.DataFrame | None, n: int | None) -> SampleMoments:
    if data is not None:
        return moments_from_data(frame_of(data), names, "wishart")
    if cov is None:
        raise DataError("structure.no_data")
    return moments_from_summary(names, cov, None, n, "wishart")


@dataclass(frozen=True, slots=True)
class _Settings:
    """What an estimate needs beside the moments."""

    design: Design
    scheme: Scheme
    consistent: bool
    tolerance: float
    max_iterations: int

    def solve(self, cov: Floats) -> Composites:
        sd = np.sqrt(np.diag(cov))
        return composites(
            cov / np.outer(sd, sd),
            self.design,
            self.scheme,
            consistent=self.consistent,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
        )


def _flat(found: Composites, design: Design) -> Floats:
    """Return paths, loadings and weights one after the other."""
    own = found.weights != 0
    return np.concatenate([found.coefficients[design.paths], found.loadings[own], found.weights[own]])


def _replicate(rng: np.random.Generator, _: int, raw: Floats, settings: _Settings, aim: Floats) -> Floats | None:
    """Estimate one resample; None if it has no solution. Constructs point as in the whole sample."""
    rows = rng.integers(len(raw), size=len(raw))
    cov = np.cov(raw[rows].T)
    if not (np.diag(cov) > 0).all():
        return None
    try:
        found = settings.solve(cov)
    except (ConvergenceError, ModelError, np.linalg.LinAlgError):
        return None
    sign = np.where((found.weights * aim).sum(axis=0) < 0, -1.0, 1.0)
    turned = Composites(
        found.weights * sign, found.loadings * sign, found.cross * sign, found.correlations * np.outer(sign, sign), found.rho_a,
        found.coefficients * np.outer(sign, sign), found.r_squared, found.iterations,
    )  # fmt: skip
    return _flat(turned, settings.design)


def _draws(
    sample: SampleMoments,
    settings: _Settings,
    solution: Composites,
    *,
    replicates: int,
    seed: int,
    parallel: Parallel,
) -> Floats | None:
    if not replicates:
        return None
    if sample.raw is None:
        raise DataError("structure.pls_bootstrap_data")
    args = (sample.raw, settings, solution.weights)
    found = map_replicates(_replicate, replicates, seed, parallel=parallel, args=args)
    kept = [one for one in found if one is not None]
    if len(kept) < 2:
        raise ConvergenceError("structure.pls_bootstrap_none", replicates=replicates)
    if len(kept) < replicates:
        warn(ModelWarning, "structure.pls_bootstrap_failed", failed=replicates - len(kept), n=replicates, stacklevel=3)
    return np.array(kept)


def _report(found: PLSResults) -> None:
    """Warn of correlations that cannot be."""
    cor = found.construct_correlations.to_numpy()
    i, j = np.nonzero(np.triu(np.abs(cor) > 1, 1))
    names = found.design.constructs
    if i.size:
        pairs = ", ".join(f"{names[a]} ~~ {names[b]} ({cor[a, b]:.3f})" for a, b in zip(i, j, strict=True))
        warn(ModelWarning, "structure.pls_impossible", pairs=pairs, stacklevel=3)


@dataclass(frozen=True)
class PLSResults:
    """A path model estimated by partial least squares.

    Attributes
    ----------
    names : tuple of str
        Indicators.
    design : Design
    sample : SampleMoments
    solution : Composites
    scheme : str
    consistent : bool
    draws : ndarray, shape (replicates, …), or None
        Bootstrap replicates of paths, loadings and weights.
    level : float
    synthetic : bool
        Whether the data were simulated.
    """

    names: tuple[str, ...]
    design: Design
    sample: SampleMoments
    solution: Composites
    scheme: str
    consistent: bool
    draws: Floats | None
    level: float
    synthetic: bool = False

    @property
    def iterations(self) -> int:
        """Return how many iterations the weights took."""
        return self.solution.iterations

    def _frame(self, rows: list[tuple[str, str, str]], values: Floats, start: int) -> pd.DataFrame:
        frame = pd.DataFrame(rows, columns=["lhs", "op", "rhs"]).assign(est=values)
        if self.draws is None:
            return frame
        part = self.draws[:, start : start + len(rows)]
        se = part.std(axis=0, ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(se > 1e-12, values / se, np.nan)
        tail = 100 * (1 - self.level) / 2
        lower, upper = np.percentile(part, [tail, 100 - tail], axis=0)
        return frame.assign(se=se, t=t, ci_lower=lower, ci_upper=upper)

    @cached_property
    def paths(self) -> pd.DataFrame:
        """Return path coefficients: lhs op rhs est f_squared and, with a bootstrap, se t ci_lower ci_upper."""
        names, at = self.design.constructs, np.argwhere(self.design.paths)
        rows = [(names[i], "~", names[j]) for i, j in at]
        frame = self._frame(rows, self.solution.coefficients[self.design.paths], 0)
        return frame.assign(f_squared=[self._f_squared(int(i), int(j)) for i, j in at])

    def _f_squared(self, outcome: int, cause: int) -> float:
        without = self.design.paths.copy()
        without[outcome, cause] = False
        rest = regressions(self.solution.correlations, without)[1][outcome]
        full = self.solution.r_squared[outcome]
        return float((full - (0.0 if np.isnan(rest) else rest)) / (1 - full))

    def _indicator_frame(self, values: Floats, offset: int) -> pd.DataFrame:
        own = self.solution.weights != 0
        rows = [
            (self.design.constructs[k], "=~" if self.design.factors[k] else "<~", self.names[i])
            for i, k in np.argwhere(own)
        ]
        frame = self._frame(rows, values[own], int(self.design.paths.sum()) + offset * int(own.sum()))
        return frame.sort_values(
            "lhs", key=lambda c: c.map(self.design.constructs.index), kind="stable", ignore_index=True
        )

    @cached_property
    def loadings(self) -> pd.DataFrame:
        """Return the loadings (under ``consistent``, of common factors), as :attr:`weights` does."""
        return self._indicator_frame(self.solution.loadings, 0)

    @cached_property
    def weights(self) -> pd.DataFrame:
        """Return the weights of standardized indicators: lhs op rhs est and, with a bootstrap, se t ci_lower ci_upper."""
        return self._indicator_frame(self.solution.weights, 1)

    @property
    def cross_loadings(self) -> pd.DataFrame:
        """Return the correlations of indicators with composites."""
        return pd.DataFrame(self.solution.cross, index=list(self.names), columns=list(self.design.constructs))

    @property
    def construct_correlations(self) -> pd.DataFrame:
        """Return the correlations of the constructs (under ``consistent``, corrected for attenuation)."""
        names = list(self.design.constructs)
        return pd.DataFrame(self.solution.correlations, index=names, columns=names)

    @property
    def r_squared(self) -> pd.DataFrame:
        """Return r_squared and adjusted of every endogenous construct."""
        at = np.unique(np.argwhere(self.design.paths)[:, 0])
        count = self.design.paths.sum(axis=1)[at]
        value = self.solution.r_squared[at]
        n = self.sample.n
        names = [name for k, name in enumerate(self.design.constructs) if k in at]
        adjusted = 1 - (1 - value) * (n - 1) / (n - count - 1)
        return pd.DataFrame({"r_squared": value, "adjusted": adjusted}, index=names)

    @property
    def reliability(self) -> pd.Series[float]:
        """Return rho_A of every construct (1 for mode B and single indicators)."""
        return pd.Series(self.solution.rho_a, index=list(self.design.constructs), name="rho_a")

    @property
    def total_effects(self) -> pd.DataFrame:
        """Return total effects, row on column (from column to row)."""
        names = list(self.design.constructs)
        total = np.linalg.inv(np.eye(len(names)) - self.solution.coefficients) - np.eye(len(names))
        return pd.DataFrame(total, index=names, columns=names)

    @property
    def scores(self) -> pd.DataFrame:
        """Return the composites of the cases used, with mean zero and variance one.

        Raises
        ------
        DataError
            If the model was fitted to moments.
        """
        if self.sample.raw is None:
            raise DataError("structure.pls_bootstrap_data")
        z = (self.sample.raw - self.sample.mean) / np.sqrt(np.diag(self.sample.cov))
        return pd.DataFrame(z @ self.solution.weights, columns=list(self.design.constructs), index=self.sample.rows)

    def _facts(self) -> list[tuple[str, str]]:
        return [
            (text("structure.show_estimator"), "PLSc" if self.consistent else "PLS"),
            (text("structure.show_pls_scheme"), self.scheme),
            (text("structure.show_cases"), str(self.sample.n)),
            (text("structure.show_pls_iterations"), str(self.iterations)),
        ]

    def _tables(self) -> list[Table]:
        more = {"est": Column(text("structure.show_estimate"))}
        if self.draws is not None:
            more |= {"se": Column(text("structure.show_se")), "t": Column("t", digits=2)}
            tail = 100 * (1 - self.level) / 2
            more |= {"ci_lower": Column(f"{tail:g}%"), "ci_upper": Column(f"{100 - tail:g}%")}
        shown = []
        for kind, frame in (("paths", self.paths), ("loadings", self.loadings), ("weights", self.weights)):
            term = frame["lhs"] + " " + frame["op"] + " " + frame["rhs"]
            columns = {"term": Column(text(f"structure.show_pls_{kind}"), "text"), **more}
            columns |= {"f_squared": Column("f²")} if kind == "paths" else {}
            shown.append(Table(frame.assign(term=term), columns))
        squares = self.r_squared.rename_axis("construct").reset_index()
        heads = {"construct": Column(text("structure.show_pls_construct"), "text"), "r_squared": Column("R²")}
        shown.append(Table(squares, heads | {"adjusted": Column(text("structure.show_pls_adjusted"))}))
        return shown

    def summary(self) -> str:
        """Return the results as text.

        Returns
        -------
        str
        """
        return summary_text(text("structure.show_pls_title"), self._facts(), self._tables(), self.synthetic)

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        return summary_html(text("structure.show_pls_title"), self._facts(), self._tables(), self.synthetic)
