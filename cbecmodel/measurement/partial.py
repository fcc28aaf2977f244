"""Partial invariance: which equalities have to go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from cbecmodel.display.tables import Column, Table
from cbecmodel.measurement.readout import Readout, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from cbecmodel.structure.results import SEMResults

OPERATORS: Final = {"metric": "=~", "scalar": "~1", "strict": "~~"}
_COLUMNS: Final = ("released", "statistic", "df", "pvalue", "cfi", "delta_cfi")


class PartialInvariance(Readout):
    r"""Partial invariance at one step.

    Attributes
    ----------
    step : str
    fit : SEMResults
        The model with the equalities that remain.
    steps : pandas.DataFrame
        A row a released parameter: released statistic df pvalue (of its score test) cfi delta_cfi (of the model without its
        equality, against the step before).
    reason : str
        Why it stopped: ``"holds"``, ``"nothing_significant"`` or ``"too_few_left"``.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> model = "visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9"
    >>> found = cbec.invariance(model, holzinger39.get_data(), group="school").partial("scalar", smallest=1)
    >>> found.released
    ['x3~1', 'x7~1']
    """

    def __init__(self, step: str, fit: SEMResults, steps: pd.DataFrame, reason: str) -> None:
        self.step, self.fit, self.steps, self.reason = step, fit, steps, reason
        self.synthetic = fit.synthetic

    @property
    def released(self) -> list[str]:
        """Return the parameters that differ between groups."""
        return [str(name) for name in self.steps["released"]]

    @property
    def holds(self) -> bool:
        """Return whether the fit is close enough to the step before."""
        return self.reason == "holds"

    def _title(self) -> str:
        return say("partial_title", step=say(f"step_{self.step}"))

    def _facts(self) -> list[tuple[str, str]]:
        return [(say("show_stopped"), say(f"stopped_{self.reason}"))]

    def tables(self) -> list[Table]:
        """Return what was released, in order."""
        heads = {"released": Column(say("show_released"), "text"), "statistic": Column("χ²", digits=2)}
        heads |= {
            "df": Column("df", digits=0),
            "pvalue": Column("p", "p"),
            "cfi": Column("CFI"),
            "delta_cfi": Column("ΔCFI"),
        }
        return [Table(self.steps, heads)]


def cfi_of(fit: SEMResults) -> float:
    """Return the robust CFI if there is one, or else the plain one.

    Parameters
    ----------
    fit : SEMResults

    Returns
    -------
    float
    """
    measures = fit.fit_measures
    return float(measures["cfi_robust"] if "cfi_robust" in measures else measures["cfi"])


def release(
    refit: Callable[[list[str]], SEMResults],
    start: SEMResults,
    step: str,
    *,
    before: float,
    fall: float,
    alpha: float,
    smallest: int,
) -> PartialInvariance:
    """Set parameters free until a step holds.

    Parameters
    ----------
    refit : callable
        Fits the step with these parameters free.
    start : SEMResults
        The step with all its equalities.
    step : {"metric", "scalar", "strict"}
    before : float
        CFI of the step before.
    fall : float
        How far CFI may fall below it.
    alpha : float
    smallest : int

    Returns
    -------
    PartialInvariance
    """
    fit, freed, rows = start, list[str](), list[tuple[object, ...]]()
    reason = "holds"
    while cfi_of(fit) < before - fall:
        tests = _candidates(fit, step, set(freed))
        tests = tests[tests["pvalue"] < alpha / max(len(tests), 1)]
        if tests.empty:
            reason = "nothing_significant"
            break
        allowed = tests.loc[
            np.array([_left(fit, str(name), step, freed) > smallest for name in tests["lhs"]], dtype=bool)
        ]
        if allowed.empty:
            reason = "too_few_left"
            break
        best = allowed.iloc[int(allowed["statistic"].to_numpy().argmax())]
        freed = [*freed, str(best["lhs"])]
        fit = refit(freed)
        rows.append((best["lhs"], best["statistic"], best["df"], best["pvalue"], cfi_of(fit)))
    steps = pd.DataFrame(rows, columns=list(_COLUMNS[:-1]))
    return PartialInvariance(step, fit, steps.assign(delta_cfi=steps["cfi"] - before), reason)


def _kind(fit: SEMResults, step: str) -> dict[str, str]:
    """Return the construct of every parameter of the step's kind, by its name."""
    rows = [row for row in fit.table.rows if row.group == 1]
    of = {row.rhs: row.lhs for row in rows if row.op == "=~"}
    if step == "metric":
        return {row.name: row.lhs for row in rows if row.op == "=~"}
    same = [row for row in rows if row.op == OPERATORS[step] and row.lhs in of]
    return {row.name: of[row.lhs] for row in same if step == "scalar" or row.lhs == row.rhs}


def _candidates(fit: SEMResults, step: str, freed: set[str]) -> pd.DataFrame:
    tests = fit.score_test()
    names = set(_kind(fit, step)) - freed
    return tests[(tests["test"] == "univariate") & tests["lhs"].isin(names)]


def _left(fit: SEMResults, name: str, step: str, freed: list[str]) -> int:
    """Return how many equal parameters the construct of a parameter has."""
    kind = _kind(fit, step)
    return sum(construct == kind[name] and other not in freed for other, construct in kind.items())
