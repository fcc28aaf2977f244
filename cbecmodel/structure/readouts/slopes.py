r"""Simple slopes.

In :math:`y = b_0 + b_1 x + b_2 m + b_3 x m` the slope of y on x is :math:`\theta(m) = b_1 + b_3 m` with variance
:math:`v_{11} + 2 m v_{13} + m^2 v_{33}`.

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
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.readouts.parameters import errors, z_tests
from cbecmodel.structure.readouts.probe import Line, Probe, intercept_line, moderator_values, slope_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.display.canvas import Picture
    from cbecmodel.display.tables import Table

Floats = NDArray[np.float64]


def draws_of(draws: Any, probe: Probe) -> Floats | None:
    """Return draws of the free parameters as an array, those that failed left out.

    Parameters
    ----------
    draws : pandas.DataFrame, ndarray, shape (R, q), object that holds them in ``x`` (bootstrap results), or None
        A DataFrame whose columns are the free parameters' names may have them in any order.
    probe : Probe

    Returns
    -------
    ndarray, shape (r, q), or None

    Raises
    ------
    ModelError
        If there are too few, or columns do not fit the model.
    """
    if draws is None:
        return None
    draws = draws if isinstance(draws, (pd.DataFrame, np.ndarray)) else getattr(draws, "x", draws)
    if isinstance(draws, pd.DataFrame) and set(probe.free_names) <= set(draws.columns) and draws.columns.is_unique:
        values = draws[list(dict.fromkeys(probe.free_names))].to_numpy(dtype=np.float64)
        order = {name: index for index, name in enumerate(dict.fromkeys(probe.free_names))}
        values = values[:, [order[name] for name in probe.free_names]]
    else:
        values = np.asarray(draws, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(probe.x):
        raise ModelError("structure.draws_shape", shape=str(values.shape), parameters=len(probe.x))
    kept = values[np.isfinite(values).all(axis=1)]
    if len(kept) < 2:
        raise ModelError("structure.draws_few", draws=len(kept))
    return np.asarray(kept, dtype=np.float64)


def tested(values: Floats, gradient: Floats, vcov: Floats, level: float, drawn: Floats | None) -> dict[str, Floats]:
    """Return estimates with errors, tests and limits: by the delta method, or from draws.

    Parameters
    ----------
    values : ndarray, shape (m,)
    gradient : ndarray, shape (m, q)
    vcov : ndarray, shape (q, q)
    level : float
    drawn : ndarray, shape (R, m), or None
        The same quantities in every draw: errors are their standard deviations, limits their quantiles.

    Returns
    -------
    dict
    """
    if not 0 < level < 1:
        raise ModelError("structure.level", level=level)
    se = errors(gradient, vcov) if drawn is None else np.asarray(drawn.std(axis=0, ddof=1), dtype=np.float64)
    out = {"est": values, **z_tests(values, se, level)}
    if drawn is not None:
        out["ci_lower"], out["ci_upper"] = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return out


@dataclass(frozen=True, slots=True, repr=False)
class SimpleSlopes:
    """Slopes of an outcome on a predictor at values of a moderator.

    Attributes
    ----------
    outcome, predictor, moderator : str
    slopes : pandas.DataFrame
        Columns group at value est se z pvalue ci_lower ci_upper std; ``std`` is in standard deviations of outcome and
        predictor.
    intercepts : pandas.DataFrame
        The same for the outcome where the predictor is zero, in deviations from the outcome's intercept if the model has no
        means; empty for a square.
    level : float
    spread : pandas.DataFrame
        Mean and standard deviation of the predictor by group, for the figure.
    group_labels : tuple of str
    """

    outcome: str
    predictor: str
    moderator: str
    slopes: pd.DataFrame
    intercepts: pd.DataFrame
    level: float
    spread: pd.DataFrame
    group_labels: tuple[str, ...]

    def table(self) -> Table:
        """Return the slopes as a table to be shown.

        Returns
        -------
        Table
        """
        from cbecmodel.structure.readouts.moderation_tables import slopes_table

        return slopes_table(self)

    def summary(self) -> str:
        """Return the slopes as text.

        Returns
        -------
        str
        """
        return self.table().to_text()

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        return self.table().to_html()

    def plot(self, *, lang: str | None = None) -> Picture:
        """Draw the outcome over the predictor, a line a value of the moderator.

        Parameters
        ----------
        lang : {"en", "zh"}, optional

        Returns
        -------
        Picture
        """
        from cbecmodel.structure.readouts.moderation_tables import slopes_picture

        return slopes_picture(self, lang)


def simple_slopes(
    probe: Probe, outcome: str, predictor: str, moderator: str, *, values: Any = None, held: Any = None,
    level: float = 0.95, draws: Any = None,
) -> SimpleSlopes:  # fmt: skip
    """Return simple slopes.

    Parameters
    ----------
    probe : Probe
    outcome, predictor, moderator : str
    values : sequence of float or mapping of str to float, optional
    held : mapping, optional
        Values of the predictor's other moderators.
    level : float
    draws : ndarray or pandas.DataFrame, shape (R, q), optional

    Returns
    -------
    SimpleSlopes
    """
    drawn = draws_of(draws, probe)
    slopes, intercepts, spreads = [], [], []
    for group in range(1, len(probe.group_labels) + 1):
        line = slope_line(probe, outcome, predictor, moderator, group, held=held)
        names, places = moderator_values(probe, moderator, group, values)
        sd = probe.spread(predictor, group)[1] / probe.spread(outcome, group)[1]
        frame = slope_frame(line, probe, names, places, group=group, level=level, drawn=drawn)
        slopes.append(frame.assign(std=frame["est"] * sd))
        start = intercept_line(probe, outcome, predictor, moderator, group)
        if start is not None:
            intercepts.append(slope_frame(start, probe, names, places, group=group, level=level, drawn=drawn))
        mean, deviation = probe.spread(predictor, group)
        spreads.append({"group": group, "mean": mean, "sd": deviation})
    return SimpleSlopes(
        outcome, predictor, moderator, pd.concat(slopes, ignore_index=True),
        pd.concat(intercepts, ignore_index=True) if intercepts else pd.DataFrame(columns=slopes[0].columns[:-1]),
        level, pd.DataFrame(spreads), probe.group_labels,
    )  # fmt: skip


def slope_frame(
    line: Line, probe: Probe, names: Sequence[str], places: Floats, *, group: int, level: float, drawn: Floats | None
) -> pd.DataFrame:
    """Return a line's values at places as a frame: group at value est se z pvalue ci_lower ci_upper.

    Parameters
    ----------
    line : Line
    probe : Probe
    names : sequence of str
    places : ndarray, shape (m,)
    group : int
    level : float
    drawn : ndarray, shape (R, q), or None

    Returns
    -------
    pandas.DataFrame
    """
    estimate, gradient = line.at(places, probe.x)
    replicates = None if drawn is None else line.at(places, drawn)[0]
    columns = tested(estimate, gradient, probe.vcov, level, replicates)
    return pd.DataFrame({"group": group, "at": list(names), "value": places, **columns})
