"""What a permutation test found, and how it shows itself."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.display.numbers import count
from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.messages import language, text

if TYPE_CHECKING:
    from cbecmodel.display.canvas import Picture
    from cbecmodel.parallel import Replicates
    from cbecmodel.structure.results import SEMResults

Floats = NDArray[np.float64]
_INDICES = ("chisq", "rmsea", "cfi")


def _say(key: str, lang: str | None = None, **values: object) -> str:
    return text(f"structure.permutation_show_{key}", lang, **values)


class PermutationResults:
    """A permutation test of differences between groups.

    Attributes
    ----------
    fits : tuple of SEMResults
        The restricted model, and the freer one if there is one.
    requested : int
        Permutations asked for.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> found = cbec.permutation_test("visual =~ x1 + x2 + x3", holzinger39.get_data(), group="school", group_equal="loadings",
    ...                               permutations=20, seed=1)
    >>> found.tests.index.tolist()
    ['chisq', 'rmsea', 'cfi']
    """

    def __init__(self, fits: tuple[SEMResults, ...], observed: Floats, found: Replicates, requested: int) -> None:
        self.fits, self.requested = fits, requested
        self._observed, self._found = observed[0], found

    @property
    def partial(self) -> bool:
        """Return whether the test was stopped before its end."""
        return self._found.partial

    @cached_property
    def permutations(self) -> pd.DataFrame:
        """Return the statistics of every permutation; NaN where a model did not converge.

        Returns
        -------
        pandas.DataFrame
            Columns chisq rmsea cfi (differences if there are two models) and the defined parameters.
        """
        return pd.DataFrame(
            self._found["value"], columns=self._names, index=pd.Index(self._found.indices, name="permutation")
        )

    @property
    def _names(self) -> list[str]:
        return [*_INDICES, *(rule.lhs for rule in self.fits[-1].table.defined)]

    @cached_property
    def tests(self) -> pd.DataFrame:
        """Return the tests.

        Returns
        -------
        pandas.DataFrame
            Index: chisq rmsea cfi (restricted less freer model, if there are two) and the defined parameters. Columns: observed;
            critical_lower and critical_upper, between which 95 % of the permutations lie (worse fit alone counts as extreme);
            pvalue, pvalue_mcse, and used, the number of permutations.
        """
        rows = []
        for name, observed in zip(self._names, self._observed, strict=True):
            values = self.permutations[name].dropna().to_numpy()
            extreme, low, high = _extremes(name, values, float(observed))
            pvalue = (extreme + 1) / (len(values) + 1)
            rows.append((observed, low, high, pvalue, np.sqrt(pvalue * (1 - pvalue) / (len(values) + 1)), len(values)))
        columns = ["observed", "critical_lower", "critical_upper", "pvalue", "pvalue_mcse", "used"]
        return pd.DataFrame(rows, columns=columns, index=pd.Index(self._names, name="statistic"))

    def summary(self) -> str:
        """Return the results as text.

        Returns
        -------
        str
        """
        return summary_text(_say("title"), self._facts(), [self._table()], self.fits[0].synthetic)

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        return summary_html(_say("title"), self._facts(), [self._table()], self.fits[0].synthetic)

    def plot(self, lang: str | None = None) -> Picture:
        """Draw the permutation distributions; the line is the data's value, the band holds 95 % of the permutations.

        Parameters
        ----------
        lang : {"en", "zh"}, optional

        Returns
        -------
        Picture
        """
        from cbecmodel.display.replicates import replicate_figure

        chosen = lang or language()
        names = {"observed": "est", "critical_lower": "ci_lower", "critical_upper": "ci_upper"}
        frame = self.tests.rename(columns=names).assign(label=[self._label(name, chosen) for name in self._names])
        values = self.permutations.to_numpy(np.float64)
        return replicate_figure(frame.reset_index(), values, chosen, xlabel=_say("values", chosen))

    def _label(self, name: str, lang: str | None = None) -> str:
        if name not in _INDICES:
            return name
        shown = {"chisq": "χ²", "rmsea": "RMSEA", "cfi": "CFI"}[name]
        return shown if len(self.fits) == 1 else _say("difference", lang, index=shown)

    def _facts(self) -> list[tuple[str, str]]:
        restricted = self.fits[0]
        sizes = zip(restricted.group_labels, restricted.problem.samples, strict=True)
        done = count(len(self._found.indices))
        if self.partial:
            done = _say("stopped", done=done, requested=count(self.requested))
        lost = int((~self._found["converged"]).sum())
        facts: list[tuple[str, str]] = [
            (_say("groups"), ", ".join(f"{label} ({count(sample.n)})" for label, sample in sizes)),
            (_say("equal"), ", ".join(restricted.options.group_equal) or "–"),
        ]
        if len(self.fits) == 2:
            facts.append((_say("than"), ", ".join(self.fits[1].options.group_equal) or "–"))
        return [*facts, (_say("done"), done), (_say("lost"), count(lost))]

    def _table(self) -> Table:
        frame: Any = self.tests.reset_index()
        frame["shown"] = [self._label(name) for name in self._names]
        columns = {
            "shown": Column(_say("statistic"), "text"), "observed": Column(_say("observed")),
            "critical_lower": Column(_say("lower")), "critical_upper": Column(_say("upper")), "pvalue": Column("p", "p"),
            "used": Column(_say("used"), "count"),
        }  # fmt: skip
        return Table(frame, columns, notes=(_say("note"),))


def _extremes(name: str, values: Floats, observed: float) -> tuple[int, float, float]:
    """Return how many permutations are as extreme as the data, and the range of those that are not at 5 %."""
    if not len(values):
        return 0, float("nan"), float("nan")
    slack = 1e-9 * max(1.0, abs(observed))  # a permutation that is the data itself counts, whatever its last bits
    if name == "cfi":
        return int((values <= observed + slack).sum()), float(np.quantile(values, 0.05)), float(values.max())
    if name in _INDICES:
        return int((values >= observed - slack).sum()), float(values.min()), float(np.quantile(values, 0.95))
    low, high = np.quantile(values, (0.025, 0.975))
    return int((np.abs(values) >= abs(observed) - slack).sum()), float(low), float(high)
