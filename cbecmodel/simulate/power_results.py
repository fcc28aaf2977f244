"""What a power study found."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from cbecmodel.simulate.power_curves import PowerCurve, fitted_curve
from cbecmodel.simulate.power_estimates import FAILED, IMPROPER, MEASURES, NOT_CONVERGED
from cbecmodel.structure.readouts.parameters import defined_values, row_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.display.canvas import Picture
    from cbecmodel.parallel import Replicates
    from cbecmodel.structure.results import SEMResults

Floats = NDArray[np.float64]
_TESTS: Final = {"exact": "pvalue", "close": "rmsea_pvalue", "not_close": "rmsea_notclose_pvalue"}
_ZERO: Final = 1e-8  # a truth this small has no relative bias


class PowerResults:
    """A Monte Carlo power study; all tables are at full precision, with Monte Carlo standard errors.

    Attributes
    ----------
    fit : SEMResults
        The model fitted to the population (or a very large sample of it): its estimates are the truth.
    alpha, target : float
    replications : int
        Samples asked for, of each size.
    exact : bool
        Whether the truth is exact.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> found = cbec.power("y ~ .3*x", "y ~ x", n=[50, 100], replications=300, seed=1, standardized=True)
    >>> found.sizes, found.convergence["converged"].tolist()
    ((50, 100), [300, 300])
    """

    def __init__(
        self,
        fit: SEMResults,
        replicates: Mapping[int, Replicates],
        *,
        alpha: float,
        target: float,
        replications: int,
        exact: bool,
        asked: int,
    ) -> None:
        self.fit, self.alpha, self.target = fit, alpha, target
        self.replications, self.exact = replications, exact
        self._found, self._asked = dict(replicates), asked

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the sample sizes that were simulated."""
        return tuple(self._found)

    @property
    def partial(self) -> bool:
        """Return whether the study was stopped before its end."""
        return len(self._found) < self._asked or any(found.partial for found in self._found.values())

    @cached_property
    def _rows(self) -> pd.DataFrame:
        """Return what each parameter is called and what it truly is: free ones, then defined ones."""
        table = self.fit.table
        rows = [table.rows[index] for index in table.free_rows]
        named = [(row.lhs, row.op, row.rhs, row.label) for row in rows]
        named += [(rule.lhs, ":=", rule.rhs, rule.lhs) for rule in table.defined]
        values, jacobian = row_values(self.fit.problem, self.fit.x)
        defined, _ = defined_values(self.fit.problem, values, jacobian)
        frame = pd.DataFrame(named, columns=["lhs", "op", "rhs", "label"])
        return frame.assign(truth=np.concatenate([self.fit.x, defined]))

    def _usable(self, n: int) -> NDArray[np.bool_]:
        """Return which replicates have estimates, shape (m,)."""
        return np.asarray(self._found[n]["status"] < NOT_CONVERGED)

    def replicates(self, n: int) -> pd.DataFrame:
        """Return all estimates of one sample size.

        Parameters
        ----------
        n : int

        Returns
        -------
        pandas.DataFrame
            A row a replicate: ``status`` (proper, improper, not_converged, failed), ``why``, ``n_used``, fit measures, and
            for each parameter its estimate and, with ``_se``, standard error.
        """
        found = self._found[n]
        rows = self._rows
        names = np.where(rows["op"] == ":=", rows["lhs"], rows["lhs"] + rows["op"] + rows["rhs"]).tolist()
        words = np.array(["proper", "improper", "not_converged", "failed"])
        frame = pd.DataFrame({"status": words[found["status"]], "why": found["why"], "n_used": found["used"]})
        frame = frame.join(pd.DataFrame(found["fit"], columns=list(MEASURES)))
        frame = frame.join(pd.DataFrame(found["est"], columns=names))
        frame = frame.join(pd.DataFrame(found["se"], columns=[f"{name}_se" for name in names]))
        return frame.set_index(pd.Index(found.indices, name="replicate"))

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """Return what happened to each parameter at each sample size.

        Returns
        -------
        pandas.DataFrame
            Columns n lhs op rhs label truth mean bias relative_bias sd mean_se se_ratio coverage power, and ``*_mcse``, the
            Monte Carlo standard errors of bias, SE ratio, coverage and power; ``used`` counts the replicates they are from.
        """
        return pd.concat([self._parameters(n) for n in self.sizes], ignore_index=True)

    def _parameters(self, n: int) -> pd.DataFrame:
        kept = self._usable(n)
        est, se = self._found[n]["est"][kept], self._found[n]["se"][kept]
        fine = np.isfinite(est) & np.isfinite(se) & (se > 0)
        est, se = np.where(fine, est, np.nan), np.where(fine, se, np.nan)
        truth = self._rows["truth"].to_numpy()
        z = float(special.ndtri(1 - self.alpha / 2))
        used = fine.sum(axis=0).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            power = (np.abs(est) > z * se).sum(axis=0) / used
            coverage = (np.abs(est - truth) <= z * se).sum(axis=0) / used
            mean, mean_se = np.nansum(est, axis=0) / used, np.nansum(se, axis=0) / used
            sd = np.sqrt(np.nansum((est - mean) ** 2, axis=0) / (used - 1))
            se_spread = np.nansum((se - mean_se) ** 2, axis=0) / (used - 1)
            ratio = mean_se / sd
            columns = {
                "truth": truth, "mean": mean, "bias": mean - truth, "bias_mcse": sd / np.sqrt(used),
                "relative_bias": np.where(np.abs(truth) > _ZERO, (mean - truth) / truth, np.nan),
                "sd": sd, "mean_se": mean_se, "se_ratio": ratio,
                "se_ratio_mcse": ratio * np.sqrt(se_spread / (used * mean_se**2) + 1 / (2 * (used - 1))),
                "coverage": coverage, "coverage_mcse": np.sqrt(coverage * (1 - coverage) / used),
                "power": power, "power_mcse": np.sqrt(power * (1 - power) / used), "used": used.astype(int),
            }  # fmt: skip
        return self._rows.drop(columns="truth").assign(**columns).pipe(_with_n, n)

    @cached_property
    def fit_tests(self) -> pd.DataFrame:
        """Return how often tests of fit reject.

        Returns
        -------
        pandas.DataFrame
            Columns n test power power_mcse used. ``exact``: chi-square. ``close``: RMSEA is .05 or less.
            ``not_close``: RMSEA is .08 or more. Of a right model the first is the type I error.
        """
        rows = []
        for n in self.sizes:
            found = self._found[n]["fit"][self._usable(n)]
            for test, name in _TESTS.items():
                pvalues = found[:, MEASURES.index(name)]
                pvalues = pvalues[np.isfinite(pvalues)]
                power = float((pvalues < self.alpha).mean()) if len(pvalues) else np.nan
                rows.append((n, test, power, np.sqrt(power * (1 - power) / max(len(pvalues), 1)), len(pvalues)))
        return pd.DataFrame(rows, columns=["n", "test", "power", "power_mcse", "used"])

    @cached_property
    def fit_measures(self) -> pd.DataFrame:
        """Return the distribution of fit measures.

        Returns
        -------
        pandas.DataFrame
            Columns n measure mean sd q05 q95.
        """
        rows = []
        for n in self.sizes:
            found = self._found[n]["fit"][self._usable(n)]
            for name in ("chisq", "rmsea", "cfi"):
                values = found[:, MEASURES.index(name)]
                values = values[np.isfinite(values)]
                known = (
                    (values.mean(), values.std(ddof=1), *np.quantile(values, (0.05, 0.95)))
                    if len(values) > 1
                    else (np.nan,) * 4
                )
                rows.append((n, name, *known))
        return pd.DataFrame(rows, columns=["n", "measure", "mean", "sd", "q05", "q95"])

    @cached_property
    def convergence(self) -> pd.DataFrame:
        """Return what became of the replicates.

        Returns
        -------
        pandas.DataFrame
            Columns n replicates converged improper not_converged failed n_used (mean number of cases
            used). Improper solutions are among the converged and count in every table.
        """
        rows = []
        for n in self.sizes:
            status, used = self._found[n]["status"], self._found[n]["used"]
            counts = [
                int((status < NOT_CONVERGED).sum()),
                *(int((status == s).sum()) for s in (IMPROPER, NOT_CONVERGED, FAILED)),
            ]
            rows.append((n, len(status), *counts, float(np.nanmean(used)) if np.isfinite(used).any() else np.nan))
        return pd.DataFrame(
            rows, columns=["n", "replicates", "converged", "improper", "not_converged", "failed", "n_used"]
        )

    def curve(self, parameter: int) -> PowerCurve | None:
        """Return the fitted power curve of a parameter.

        Parameters
        ----------
        parameter : int
            Its row among those of one n in :attr:`parameters`.

        Returns
        -------
        PowerCurve or None
            None where power is 0 or 1 at every n.
        """
        whole = self.parameters
        rows = whole.iloc[parameter :: len(self._rows)]
        used = rows["used"].to_numpy(dtype=np.float64)
        hits = np.nan_to_num(rows["power"].to_numpy(dtype=np.float64)) * used
        return fitted_curve(self.sizes, hits.tolist(), used.tolist(), self.alpha)

    @cached_property
    def required_n(self) -> pd.DataFrame:
        """Return the smallest sample with the target power, for each parameter.

        Returns
        -------
        pandas.DataFrame
            Columns lhs op rhs label n ci_lower ci_upper inside enough. The curve is probit in the root of n; the interval is its
            Monte Carlo error; ``inside`` says whether n lies between the simulated sizes, ``enough`` whether the smallest
            of these has the power already (then n is not sought below it). NaN: there is no answer, because power is 0 or falls.
        """
        rows = []
        first = self._parameters(self.sizes[0])
        for index in range(len(self._rows)):
            enough = bool(first["power"].iloc[index] - 2 * first["power_mcse"].iloc[index] >= self.target)
            curve = None if enough else self.curve(index)
            found = (np.nan,) * 3 if curve is None else curve.required(self.target)
            inside = self.sizes[0] <= found[0] <= self.sizes[-1]
            rows.append((*(np.ceil(value) for value in found), inside, enough))
        frame = pd.DataFrame(rows, columns=["n", "ci_lower", "ci_upper", "inside", "enough"])
        return self._rows.drop(columns="truth").join(frame)

    # ---------------------------------------------------------------- looks
    def summary(self) -> str:
        """Return the results as text.

        Returns
        -------
        str
        """
        from cbecmodel.simulate.power_show import text_summary

        return text_summary(self)

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        from cbecmodel.simulate.power_show import html_summary

        return html_summary(self)

    def plot(self, parameters: Sequence[str] | None = None, lang: str | None = None) -> Picture:
        """Draw power against n, with Monte Carlo bands.

        Parameters
        ----------
        parameters : sequence of str, optional
            Labels or names (``"y~x"``); by default paths and defined parameters, at most eight.
        lang : {"en", "zh"}, optional

        Returns
        -------
        Picture

        Raises
        ------
        ModelError
            If a parameter is not known.
        """
        from cbecmodel.simulate.power_show import draw

        return draw(self, parameters, lang)


def _with_n(frame: pd.DataFrame, n: int) -> pd.DataFrame:
    frame.insert(0, "n", n)
    return frame
