"""What moderation is read from: one outcome's equation, and how a slope depends on a moderator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import implied

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cbecmodel.structure.estimate.native import Problem
    from cbecmodel.structure.table.parameter import Parameter

Floats = NDArray[np.float64]
Spread = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A quantity ``constant + weights' x + w (slope_constant + slope_weights' x)``, linear in a moderator w.

    Attributes
    ----------
    constant, slope_constant : float
    weights, slope_weights : ndarray, shape (q,)
    """

    constant: float
    weights: Floats
    slope_constant: float
    slope_weights: Floats

    def at(self, moderator: Floats, x: Floats) -> tuple[Floats, Floats]:
        """Return values and gradients.

        Parameters
        ----------
        moderator : ndarray, shape (m,)
        x : ndarray, shape (..., q)
            Free parameters, or many draws of them.

        Returns
        -------
        values : ndarray, shape (..., m)
        gradient : ndarray, shape (m, q)
        """
        gradient = self.weights + moderator[:, None] * self.slope_weights
        return x @ gradient.T + self.constant + moderator * self.slope_constant, gradient

    def parts(self, x: Floats) -> tuple[float, float]:
        """Return intercept and slope in the moderator.

        Parameters
        ----------
        x : ndarray, shape (q,)

        Returns
        -------
        tuple of float
        """
        return self.constant + float(self.weights @ x), self.slope_constant + float(self.slope_weights @ x)


@dataclass(frozen=True, slots=True)
class Probe:
    """A fitted model as moderation sees it.

    Attributes
    ----------
    rows : tuple of Parameter
    x : ndarray, shape (q,)
    vcov : ndarray, shape (q, q)
    free_names : tuple of str
    group_labels : tuple of str
    spread : callable
        Mean and standard deviation of a variable in a group.
    centred : frozenset of str
        Products that are latent variables: their observed parts were centred over all groups.
    centre : callable
        Overall mean of an observed variable.
    """

    rows: tuple[Parameter, ...]
    x: Floats
    vcov: Floats
    free_names: tuple[str, ...]
    group_labels: tuple[str, ...]
    spread: Callable[[str, int], Spread]
    centred: frozenset[str]
    centre: Callable[[str], float]

    def coefficient(self, outcome: str, predictor: str, group: int) -> tuple[float, Floats] | None:
        """Return a regression coefficient as ``constant + weights' x``; None if the model has none.

        Parameters
        ----------
        outcome, predictor : str
            ``""`` for the intercept.
        group : int

        Returns
        -------
        tuple of (float, ndarray) or None
        """
        op = "~" if predictor else "~1"
        for row in self.rows:
            if (row.lhs, row.op, row.rhs, row.group) == (outcome, op, predictor, group):
                weights = np.zeros(len(self.x))
                if row.free:
                    weights[row.free - 1] = 1.0
                    return 0.0, weights
                return (0.0 if np.isnan(row.fixed) else row.fixed), weights
        return None

    def products(self, outcome: str, predictor: str) -> dict[str, str]:
        """Return the products of a predictor in an outcome's equation, each with the other variable.

        Parameters
        ----------
        outcome, predictor : str

        Returns
        -------
        dict
            ``{moderator: product}``.
        """
        found: dict[str, str] = {}
        for row in self.rows:
            parts = row.rhs.split(":")
            if row.lhs == outcome and row.op == "~" and len(parts) == 2 and predictor in parts:
                found[parts[1 - parts.index(predictor)]] = row.rhs
        return found

    def offset(self, product: str, variable: str) -> float:
        """Return what was subtracted from a variable before a product was made.

        Parameters
        ----------
        product, variable : str

        Returns
        -------
        float
        """
        return self.centre(variable) if product in self.centred else 0.0


def probe_of(
    problem: Problem, x: Floats, vcov: Floats, group_labels: Sequence[str], product: Mapping[str, str] | None = None
) -> Probe:
    """Return what moderation reads from a fitted model.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
    vcov : ndarray, shape (q, q)
    group_labels : sequence of str
    product : mapping of str to str, optional
        Products that bear another name, ``{"x:m": "f12"}``.

    Returns
    -------
    Probe
    """
    from dataclasses import replace

    table = problem.table
    names = (*table.observed, *table.latents)
    other = {name: pair for pair, name in (product or {}).items()}
    unknown = [name for name in other if name not in names]
    if unknown:
        raise ModelError("structure.effect_unknown", variable=", ".join(unknown), known=", ".join(names))
    states = [implied(group, x) for group in problem.pattern.groups]

    def spread(name: str, group: int) -> Spread:
        state, at = states[group - 1], names.index(name)
        sd = float(np.sqrt(max(state.full[at, at], 0.0)))
        if at >= len(table.observed):
            return (float(state.eta[at]) if table.meanstructure else 0.0), sd
        sample = problem.samples[group - 1]
        if sample.raw is not None and not sample.patterns:
            sd = float(sample.raw[:, at].std(ddof=1))  # the sample's, as everybody computes it
        return float(sample.mean[at]), sd

    def centre(name: str) -> float:
        if name not in table.observed:
            return 0.0
        at, total = table.observed.index(name), sum(sample.n for sample in problem.samples)
        return float(sum(sample.mean[at] * sample.n / total for sample in problem.samples))

    rows = tuple(replace(row, rhs=other.get(row.rhs, row.rhs)) for row in table.rows)
    centred = frozenset(other.get(name, name) for name in table.latents)
    return Probe(rows, x, vcov, table.free_names, tuple(group_labels), spread, centred, centre)


def slope_line(
    probe: Probe, outcome: str, predictor: str, moderator: str, group: int, *, held: Mapping[str, float] | None = None
) -> Line:
    """Return the slope of an outcome on a predictor as a line in the moderator.

    Parameters
    ----------
    probe : Probe
    outcome, predictor, moderator : str
        Predictor and moderator are the same for a square.
    group : int
    held : mapping, optional
        Values of the predictor's other moderators; their means if not given.

    Returns
    -------
    Line

    Raises
    ------
    ModelError
        If the outcome's equation has no such product.
    """
    products = probe.products(outcome, predictor)
    if moderator not in products:
        known = ", ".join(row.rhs for row in probe.rows if row.lhs == outcome and row.op == "~") or "–"
        raise ModelError("structure.no_product", outcome=outcome, predictor=predictor, moderator=moderator, known=known)
    first = probe.coefficient(outcome, predictor, group)
    if first is None:
        raise ModelError("structure.no_main_effect", outcome=outcome, predictor=predictor)
    constant, weights = first[0], first[1].copy()
    slope_constant, slope_weights = 0.0, np.zeros_like(weights)
    given = dict(held or {})
    for other, product in products.items():
        found = probe.coefficient(outcome, product, group)
        if found is None:
            continue
        twice = 2.0 if other == predictor else 1.0  # the derivative of a square
        centre = probe.offset(product, other)
        if other == moderator:
            constant, weights = constant - twice * centre * found[0], weights - twice * centre * found[1]
            slope_constant, slope_weights = twice * found[0], twice * found[1]
        else:
            place = twice * (given.get(other, probe.spread(other, group)[0]) - centre)
            constant, weights = constant + place * found[0], weights + place * found[1]
    return Line(constant, weights, slope_constant, slope_weights)


def intercept_line(probe: Probe, outcome: str, predictor: str, moderator: str, group: int) -> Line | None:
    """Return the outcome's value where the predictor is zero, as a line in the moderator.

    Parameters
    ----------
    probe : Probe
    outcome, predictor, moderator : str
    group : int

    Returns
    -------
    Line or None
        Without a mean structure in deviations from the outcome's intercept; None for a square.
    """
    if predictor == moderator:
        return None
    first = probe.coefficient(outcome, "", group) or (0.0, np.zeros(len(probe.x)))
    second = probe.coefficient(outcome, moderator, group) or (0.0, np.zeros(len(probe.x)))
    product = probe.products(outcome, predictor)[moderator]
    third = probe.coefficient(outcome, product, group) or (0.0, np.zeros(len(probe.x)))
    shift = probe.offset(product, predictor)
    centre = probe.offset(product, moderator)
    return Line(
        first[0] + shift * centre * third[0],
        first[1] + shift * centre * third[1],
        second[0] - shift * third[0],
        second[1] - shift * third[1],
    )


def moderator_values(
    probe: Probe, moderator: str, group: int, values: Sequence[float] | Mapping[str, float] | None
) -> tuple[list[str], Floats]:
    """Return the values a moderator is held at, with their names.

    Parameters
    ----------
    probe : Probe
    moderator : str
    group : int
    values : sequence of float or mapping of str to float, optional
        Mean and one standard deviation to either side if not given.

    Returns
    -------
    names : list of str
    values : ndarray, shape (m,)

    Raises
    ------
    ModelError
        If they are no numbers.
    """
    if values is None:
        mean, sd = probe.spread(moderator, group)
        return ["-1 SD", "mean", "+1 SD"], mean + sd * np.array([-1.0, 0.0, 1.0])
    named = isinstance(values, Mapping)
    names = [str(name) for name in values] if named else [""] * len(values)
    try:
        numbers = np.array(list(values.values() if isinstance(values, Mapping) else values), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError("structure.moderator_values", moderator=moderator) from error
    if not numbers.size or not np.isfinite(numbers).all():
        raise ModelError("structure.moderator_values", moderator=moderator)
    return names, numbers
