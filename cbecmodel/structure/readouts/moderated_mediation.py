r"""Moderated mediation: indirect effects that depend on a moderator.

Each leg of the route :math:`x \to m \to y` is a line in the moderator w, so that the indirect effect is a polynomial,

.. math::

    \omega(w) = (a_1 + a_3 w)(b_1 + b_3 w),

whose linear coefficient is the index of moderated mediation when one leg alone is moderated.

References
----------
.. [1] Hayes, A. F. (2015). An index and test of linear moderated mediation. Multivariate Behavioral Research, 50, 1-22.
.. [2] Preacher, K. J., Rucker, D. D., & Hayes, A. F. (2007). Addressing moderated mediation hypotheses: Theory, methods, and
   prescriptions. Multivariate Behavioral Research, 42, 185-227.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.readouts.probe import Line, Probe, moderator_values, slope_line
from cbecmodel.structure.readouts.slopes import draws_of, tested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.display.canvas import Picture
    from cbecmodel.display.tables import Table

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class ModeratedMediation:
    """An indirect effect and how it depends on a moderator.

    Attributes
    ----------
    route : tuple of str
        Source, mediators, target.
    moderator : str
    index : pandas.DataFrame
        Columns group term est se z pvalue ci_lower ci_upper. ``term`` is ``index`` where one leg is moderated, otherwise
        ``w``, ``w^2``, … for the coefficients of the polynomial (no single index exists then).
    conditional : pandas.DataFrame
        Columns group effect at value est se …; ``effect`` is ``indirect``, ``direct`` or ``total``.
    contrasts : pandas.DataFrame
        Columns group first second est se …: the indirect effect at ``second`` less that at ``first``.
    moderated : tuple of str
        The legs that are moderated, ``x -> m``.
    level : float
    group_labels : tuple of str
    """

    route: tuple[str, ...]
    moderator: str
    index: pd.DataFrame
    conditional: pd.DataFrame
    contrasts: pd.DataFrame
    moderated: tuple[str, ...]
    level: float
    group_labels: tuple[str, ...]

    def tables(self) -> list[Table]:
        """Return index, conditional effects and contrasts as tables to be shown.

        Returns
        -------
        list of Table
        """
        from cbecmodel.structure.readouts.moderation_tables import mediation_tables

        return mediation_tables(self)

    def summary(self) -> str:
        """Return the effects as text.

        Returns
        -------
        str
        """
        return "\n\n".join(table.to_text() for table in self.tables())

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        return "".join(table.to_html() for table in self.tables())

    def plot(self, *, lang: str | None = None) -> Picture:
        """Draw the conditional effects with their intervals.

        Parameters
        ----------
        lang : {"en", "zh"}, optional

        Returns
        -------
        Picture
        """
        from cbecmodel.structure.readouts.moderation_tables import mediation_picture

        return mediation_picture(self, lang)


def moderated_mediation(
    probe: Probe, source: str, mediator: str | Sequence[str], target: str, moderator: str, *, values: Any = None,
    level: float = 0.95, draws: Any = None,
) -> ModeratedMediation:  # fmt: skip
    """Return index of moderated mediation and conditional effects.

    Parameters
    ----------
    probe : Probe
    source : str
    mediator : str or sequence of str
        Several for serial mediation.
    target, moderator : str
    values : sequence of float or mapping of str to float, optional
    level : float
    draws : ndarray or pandas.DataFrame, shape (R, q), optional

    Returns
    -------
    ModeratedMediation

    Raises
    ------
    ModelError
        If a leg of the route is not in the model, or none is moderated.
    """
    route = (source, *((mediator,) if isinstance(mediator, str) else tuple(mediator)), target)
    drawn = draws_of(draws, probe)
    moderated = tuple(f"{a} -> {b}" for a, b in pairwise(route) if moderator in probe.products(b, a))
    if not moderated:
        raise ModelError("structure.not_moderated", route=" -> ".join(route), moderator=moderator)
    frames: tuple[list[pd.DataFrame], ...] = ([], [], [])
    for group in range(1, len(probe.group_labels) + 1):
        legs = [_leg(probe, b, a, moderator, group) for a, b in pairwise(route)]
        names, places = moderator_values(probe, moderator, group, values)
        frames[0].append(_index(legs, probe, len(moderated), group=group, level=level, drawn=drawn))
        direct = _direct(probe, target, source, moderator, group)
        frames[1].extend(_conditional(legs, direct, probe, names, places, group=group, level=level, drawn=drawn))
        frames[2].append(_contrasts(legs, probe, places, group=group, level=level, drawn=drawn))
    index, conditional, contrasts = (pd.concat(part, ignore_index=True) for part in frames)
    return ModeratedMediation(
        route, moderator, index, conditional, contrasts, moderated, level, probe.group_labels
    )  # fmt: skip


def _leg(probe: Probe, outcome: str, predictor: str, moderator: str, group: int) -> Line:
    if moderator in probe.products(outcome, predictor):
        return slope_line(probe, outcome, predictor, moderator, group)
    found = probe.coefficient(outcome, predictor, group)
    if found is None:
        raise ModelError("structure.no_main_effect", outcome=outcome, predictor=predictor)
    return Line(found[0], found[1], 0.0, np.zeros_like(found[1]))


def _direct(probe: Probe, target: str, source: str, moderator: str, group: int) -> Line | None:
    if probe.coefficient(target, source, group) is None:
        return None
    return _leg(probe, target, source, moderator, group)


def _product(legs: Sequence[Line], places: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Return the product of lines at places, shape (..., m), and its gradient, shape (m, q)."""
    parts = [leg.at(places, x) for leg in legs]
    value = np.prod([values for values, _ in parts], axis=0)
    gradient = np.zeros((len(places), x.shape[-1]))
    if x.ndim == 1:
        for k, (_, slope) in enumerate(parts):
            others = np.prod([np.ones(len(places)), *(v for j, (v, _) in enumerate(parts) if j != k)], axis=0)
            gradient += others[:, None] * slope
    return np.asarray(value, dtype=np.float64), gradient


def _polynomial(legs: Sequence[Line], x: Floats) -> Floats:
    """Return the coefficients of 1, w, w², … of the indirect effect at one point, shape (legs + 1,)."""
    out = np.ones(1)
    for leg in legs:
        out = np.convolve(out, leg.parts(x))
    return out


def _index(
    legs: Sequence[Line], probe: Probe, degree: int, *, group: int, level: float, drawn: Floats | None
) -> pd.DataFrame:
    values = _polynomial(legs, probe.x)[1 : degree + 1]
    gradient = np.zeros((degree, len(probe.x)))
    for k, leg in enumerate(legs):
        rest = _polynomial([other for j, other in enumerate(legs) if j != k], probe.x)
        both = np.zeros((len(legs) + 1, len(probe.x)))
        both[: len(rest)] += rest[:, None] * leg.weights
        both[1 : len(rest) + 1] += rest[:, None] * leg.slope_weights
        gradient += both[1 : degree + 1]
    replicates = None if drawn is None else np.array([_polynomial(legs, one)[1 : degree + 1] for one in drawn])
    terms = ["index"] if degree == 1 else ["w" if k == 1 else f"w^{k}" for k in range(1, degree + 1)]
    return pd.DataFrame({"group": group, "term": terms, **tested(values, gradient, probe.vcov, level, replicates)})


def _conditional(
    legs: Sequence[Line], direct: Line | None, probe: Probe, names: Sequence[str], places: Floats, *, group: int,
    level: float, drawn: Floats | None,
) -> list[pd.DataFrame]:  # fmt: skip
    sums: dict[str, list[Sequence[Line]]] = {"indirect": [legs]}
    if direct is not None:
        sums |= {"direct": [[direct]], "total": [legs, [direct]]}
    out = []
    for effect, routes in sums.items():
        found = [_product(route, places, probe.x) for route in routes]
        value, gradient = sum(v for v, _ in found), sum(g for _, g in found)
        replicates = None if drawn is None else sum(_product(route, places, drawn)[0] for route in routes)
        columns = tested(np.asarray(value), np.asarray(gradient), probe.vcov, level, _array(replicates))
        out.append(pd.DataFrame({"group": group, "effect": effect, "at": list(names), "value": places, **columns}))
    return out


def _array(values: Any) -> Floats | None:
    return None if values is None else np.asarray(values, dtype=np.float64)


def _contrasts(
    legs: Sequence[Line], probe: Probe, places: Floats, *, group: int, level: float, drawn: Floats | None
) -> pd.DataFrame:
    pairs = np.array(list(combinations(range(len(places)), 2)), dtype=np.intp).reshape(-1, 2)
    value, gradient = _product(legs, places, probe.x)
    replicates = None
    if drawn is not None:
        every = _product(legs, places, drawn)[0]
        replicates = every[:, pairs[:, 1]] - every[:, pairs[:, 0]]
    columns = tested(
        value[pairs[:, 1]] - value[pairs[:, 0]], gradient[pairs[:, 1]] - gradient[pairs[:, 0]], probe.vcov, level,
        replicates,
    )  # fmt: skip
    return pd.DataFrame({"group": group, "first": places[pairs[:, 0]], "second": places[pairs[:, 1]], **columns})
