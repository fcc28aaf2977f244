"""The steps of invariance: what is equal in each, how ordinal models are identified, and when a step holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cbecmodel.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

    from cbecmodel.structure.results import SEMResults

CONTINUOUS: Final = {
    "metric": ("loadings",),
    "scalar": ("loadings", "intercepts"),
    "strict": ("loadings", "intercepts", "residuals"),
    "means": ("loadings", "intercepts", "residuals", "means"),
}
ORDINAL: Final = {
    "thresholds": ("thresholds",),
    "loadings": ("thresholds", "loadings"),
    "intercepts": ("thresholds", "loadings"),
    "residuals": ("thresholds", "loadings"),
}
_LOADINGS: Final = ("metric", "thresholds", "loadings")


@dataclass(frozen=True, slots=True)
class Criteria:
    """Largest changes of fit indices between neighbouring steps that still count as invariance.

    Attributes
    ----------
    cfi, rmsea : float
        Fall of CFI, rise of RMSEA.
    srmr_loadings, srmr : float
        Rise of SRMR when loadings (or thresholds) become equal, and at later steps.

    Examples
    --------
    >>> Criteria.chen(1000).cfi, Criteria.chen(200).cfi
    (0.01, 0.005)
    """

    cfi: float = 0.010
    rmsea: float = 0.015
    srmr_loadings: float = 0.030
    srmr: float = 0.010

    @classmethod
    def chen(cls, n: int) -> Criteria:
        """Return Chen's (2007) criteria for so many cases in all.

        Parameters
        ----------
        n : int

        Returns
        -------
        Criteria
            Up to 300 cases stricter ones.
        """
        return cls() if n > 300 else cls(0.005, 0.010, 0.025, 0.005)

    def verdict(self, step: str, row: pd.Series[Any]) -> str:
        """Return whether a step holds.

        Parameters
        ----------
        step : str
        row : pandas.Series
            With delta_cfi, delta_rmsea and delta_srmr.

        Returns
        -------
        str
            ``"holds"``, ``"mixed"`` or ``"fails"``.
        """
        srmr = self.srmr_loadings if step in _LOADINGS else self.srmr
        others = row["delta_rmsea"] > self.rmsea or row["delta_srmr"] > srmr
        if row["delta_cfi"] >= -self.cfi:
            return "mixed" if others else "holds"
        return "fails" if others else "mixed"


def ordinal_syntax(fit: SEMResults, step: str) -> str:
    """Return the lines that identify an ordinal model at a step, after Wu and Estabrook.

    With equal thresholds the responses of later groups get a location and a scale of their own; with equal loadings the
    constructs get variances, with equal intercepts means.

    Parameters
    ----------
    fit : SEMResults
        The configural model.
    step : str

    Returns
    -------
    str

    Raises
    ------
    ModelError
        If an item has two categories, indicators are continuous, or constructs measure constructs.
    """
    rows = [row for row in fit.table.rows if row.group == 1]
    items = list(dict.fromkeys(row.rhs for row in rows if row.op == "=~"))
    cuts = {item: sum(row.op == "|" and row.lhs == item for row in rows) for item in items}
    continuous = [item for item in items if not cuts[item]]
    if continuous:
        raise ModelError("measurement.invariance_continuous", items=", ".join(continuous))
    binary = [item for item in items if cuts[item] == 1]
    if binary:
        raise ModelError("measurement.invariance_binary", items=", ".join(binary))
    later = fit.table.n_groups - 1

    def values(first: str, other: str) -> str:
        return f"c({', '.join([first, *[other] * later])})"

    place = "0" if step in ("intercepts", "residuals") else "NA"
    scale = "1" if step == "residuals" else "NA"
    spread = "1" if step == "thresholds" else "NA"
    mean = "NA" if step in ("intercepts", "residuals") else "0"
    lines = [f"{item} ~ {values('0', place)}*1\n{item} ~~ {values('1', scale)}*{item}" for item in items]
    lines += [f"{f} ~ {values('0', mean)}*1\n{f} ~~ {values('1', spread)}*{f}" for f in fit.latents]
    return "\n".join(lines)
