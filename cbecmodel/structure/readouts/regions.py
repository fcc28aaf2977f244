r"""Johnson-Neyman regions: where along a moderator a slope differs from zero.

The slope :math:`\theta(m) = b_1 + b_3 m` of y on x has the variance :math:`v_{11} + 2 m v_{13} + m^2 v_{33}`.
It differs from zero at level :math:`\alpha` where

.. math::

    (b_3^2 - z^2 v_{33}) m^2 + 2 (b_1 b_3 - z^2 v_{13}) m + (b_1^2 - z^2 v_{11}) > 0,

whose roots are the limits of the Johnson-Neyman region.

References
----------
.. [1] Johnson, P. O., & Neyman, J. (1936). Tests of certain linear hypotheses and their application to some educational
   problems. Statistical Research Memoirs, 1, 57-93.
.. [2] Bauer, D. J., & Curran, P. J. (2005). Probing interactions in fixed and multilevel regression. Multivariate
   Behavioral Research, 40, 373-400.
.. [3] Schoemann, A. M., & Jorgensen, T. D. (2021). Testing and interpreting latent variable interactions using the semTools
   package. Psych, 3, 322-335.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.messages import text
from cbecmodel.structure.inference.vcov import quantile
from cbecmodel.structure.readouts.parameters import errors
from cbecmodel.structure.readouts.probe import Line, Probe, slope_line
from cbecmodel.structure.readouts.slopes import slope_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.display.canvas import Picture
    from cbecmodel.display.tables import Table

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class JohnsonNeyman:
    """Where along a moderator the slope of an outcome on a predictor differs from zero.

    Attributes
    ----------
    outcome, predictor, moderator : str
    regions : pandas.DataFrame
        Columns group start end significant sign: the line of the moderator from minus to plus infinity, cut at the limits.
    bounds : pandas.DataFrame
        Columns group value slope se inside: the limits, and whether they lie within three standard deviations of the mean.
    curve : pandas.DataFrame
        Columns group value est se z pvalue ci_lower ci_upper, the slope over the moderator's range.
    level : float
    group_labels : tuple of str
    """

    outcome: str
    predictor: str
    moderator: str
    regions: pd.DataFrame
    bounds: pd.DataFrame
    curve: pd.DataFrame
    level: float
    group_labels: tuple[str, ...]

    def table(self) -> Table:
        """Return the regions as a table to be shown.

        Returns
        -------
        Table
        """
        from cbecmodel.structure.readouts.moderation_tables import regions_table

        return regions_table(self)

    def summary(self) -> str:
        """Return the regions as text.

        Returns
        -------
        str
        """
        return self.table().to_text()

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        return self.table().to_html()

    def plot(self, *, lang: str | None = None) -> Picture:
        """Draw the slope over the moderator with its band; where it differs from zero it is coloured.

        Parameters
        ----------
        lang : {"en", "zh"}, optional

        Returns
        -------
        Picture
        """
        from cbecmodel.structure.readouts.moderation_tables import regions_picture

        return regions_picture(self, lang)


def johnson_neyman(
    probe: Probe, outcome: str, predictor: str, moderator: str, *, held: Mapping[str, float] | None = None,
    level: float = 0.95, limits: tuple[float, float] | None = None,
) -> JohnsonNeyman:  # fmt: skip
    """Return the Johnson-Neyman regions.

    Parameters
    ----------
    probe : Probe
    outcome, predictor, moderator : str
    held : mapping, optional
        Values of the predictor's other moderators.
    level : float
        Of confidence.
    limits : tuple of float, optional
        Range of the curve; three standard deviations around the mean if not given.

    Returns
    -------
    JohnsonNeyman
    """
    if not 0 < level < 1:
        raise ModelError("structure.level", level=level)
    regions: list[dict[str, Any]] = []
    bounds, curves = [], []
    for group in range(1, len(probe.group_labels) + 1):
        line = slope_line(probe, outcome, predictor, moderator, group, held=held)
        mean, sd = probe.spread(moderator, group)
        low, high = limits or (mean - 3 * sd, mean + 3 * sd)
        if not low < high:
            raise ModelError("structure.moderator_values", moderator=moderator)
        curves.append(
            slope_frame(line, probe, [""] * 121, np.linspace(low, high, 121), group=group, level=level, drawn=None)
        )
        roots = crossing_points(line, probe.x, probe.vcov, quantile(level))
        regions.extend({"group": group, **region} for region in _regions(line, probe, roots, level))
        if roots.size:
            found = slope_frame(line, probe, [""] * len(roots), roots, group=group, level=level, drawn=None)
            found["inside"] = (roots > low) & (roots < high)
            bounds.append(found[["group", "value", "est", "se", "inside"]].rename(columns={"est": "slope"}))
    empty = pd.DataFrame(columns=["group", "value", "slope", "se", "inside"])
    return JohnsonNeyman(
        outcome, predictor, moderator, pd.DataFrame(regions),
        pd.concat(bounds, ignore_index=True) if bounds else empty,
        pd.concat(curves, ignore_index=True).drop(columns="at"), level, probe.group_labels,
    )  # fmt: skip


def crossing_points(line: Line, x: Floats, vcov: Floats, critical: float) -> Floats:
    """Return the moderator's values where the slope is exactly as large as its margin of error.

    Parameters
    ----------
    line : Line
    x : ndarray, shape (q,)
    vcov : ndarray, shape (q, q)
    critical : float
        Of the test statistic.

    Returns
    -------
    ndarray, shape (0,), (1,) or (2,)
        Ascending.
    """
    level, slope = line.parts(x)
    pair = np.stack([line.weights, line.slope_weights])
    spread = pair @ vcov @ pair.T * critical**2
    a, b, c = slope**2 - spread[1, 1], level * slope - spread[0, 1], level**2 - spread[0, 0]
    if abs(a) < 1e-14 * (slope**2 + spread[1, 1]):
        return np.array([-c / (2 * b)]) if b else np.empty(0)
    discriminant = b * b - a * c
    if not discriminant > 0:
        return np.empty(0)
    larger = -(b + np.copysign(np.sqrt(discriminant), b))  # no cancellation: the other root by Vieta
    return np.sort(np.array([larger / a, c / larger]))


def _regions(line: Line, probe: Probe, roots: Floats, level: float) -> list[dict[str, Any]]:
    edges = [-np.inf, *roots.tolist(), np.inf]
    out = []
    for start, end in pairwise(edges):
        value, gradient = line.at(np.array([_between(start, end)]), probe.x)
        significant = bool(abs(value[0]) > quantile(level) * errors(gradient, probe.vcov)[0])
        sign = float(np.sign(value[0])) if significant else 0.0
        out.append({"start": start, "end": end, "significant": significant, "sign": sign})
    return out


def _between(start: float, end: float) -> float:
    if np.isinf(start) and np.isinf(end):
        return 0.0
    if np.isinf(start):
        return end - max(1.0, abs(end))
    return start + max(1.0, abs(start)) if np.isinf(end) else (start + end) / 2


def region_words(frame: pd.DataFrame) -> list[str]:
    """Return what each region is called.

    Parameters
    ----------
    frame : pandas.DataFrame
        Regions.

    Returns
    -------
    list of str
    """
    keys = {1.0: "positive", -1.0: "negative", 0.0: "not_significant"}
    return [text(f"structure.region_{keys[sign]}") for sign in frame["sign"]]
