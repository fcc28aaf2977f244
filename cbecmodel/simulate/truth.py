"""The truth that estimates are compared with: what a population means for the parameters of a model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cbecmodel.errors import ContentError
from cbecmodel.simulate.item_responses import measurement
from cbecmodel.simulate.population import Population
from cbecmodel.simulate.responses import check_names, questions_of
from cbecmodel.structure.table.defaults import parameter_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.simulate.latent import Array
    from cbecmodel.structure.table.parameter import Parameter
    from cbecmodel.structure.table.partable import ParameterTable
    from cbecmodel.survey.instrument import Instrument


def population_truth(
    instrument: Instrument, population: Population | Mapping[str, Any] | None, model: str
) -> pd.DataFrame:
    r"""Return the standardized value that every parameter of a model has in a population.

    Each variable of the model, latent or latent response, is regressed on what the model lets point to it, with the
    population's correlations: :math:`\beta = R_{PP}^{-1} R_{Py}`. Where the model has the population's own paths these are
    the stated values. It is what estimates tend to in attentive respondents, but for one thing: loadings of answers treated as
    numbers are smaller than those of the latent responses behind them, the more so the coarser and the more skewed the scale.

    Parameters
    ----------
    instrument : Instrument
    population : Population or mapping
    model : str
        lavaan syntax; its variables are constructs and items of the population.

    Returns
    -------
    pandas.DataFrame
        One row a parameter, in the order of the fit's: ``lhs, op, rhs, label, std_all``. ``~~`` of variables that something
        points to is the correlation of what is left of them.

    Raises
    ------
    ContentError
        If a variable of the model is not in the population.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> consumer = cbec.load_instrument("consumer")
    >>> model = consumer.measurement("PCI", "CID") + "\nCID ~ b*PCI\ntwice := 2*b"
    >>> truth = population_truth(consumer, {"paths": "CID ~ .3*PCI"}, model)
    >>> truth.loc[truth["op"].isin(["~", ":="]), "std_all"].round(12).tolist()
    [0.3, 0.6]
    """
    stated = Population.load(population)
    check_names(stated, instrument)
    table = parameter_table(model)
    names, correlations = _joint(stated, instrument)
    unknown = sorted({*table.latents, *table.observed} - set(names))
    if unknown:
        raise ContentError("simulate.not_in_population", names=", ".join(unknown))
    place = {name: index for index, name in enumerate(names)}
    residual, weights = _regressions(table, place, correlations)
    rows = [(row.lhs, row.op, row.rhs, row.label, _value(row, place, weights, residual)) for row in table.rows]
    labelled = {label: (value, np.zeros(1)) for _, _, _, label, value in rows if label}
    for rule in table.constraints:
        if rule.op == ":=":
            value = rule.right.evaluate(labelled)[0]
            labelled[rule.lhs] = (value, np.zeros(1))
            rows.append((rule.lhs, ":=", rule.rhs, rule.lhs, value))
    return pd.DataFrame(rows, columns=["lhs", "op", "rhs", "label", "std_all"])


def _joint(population: Population, instrument: Instrument) -> tuple[list[str], Array]:
    """Return names and correlations of all latent variables and latent responses."""
    model = measurement(population, questions_of(instrument))
    phi = model.structure.correlations
    crossed = model.loadings @ phi
    names = [*model.structure.names, *(question.name for question in model.questions)]
    return names, np.block([[phi, crossed.T], [crossed, model.correlations()]])


def _regressions(
    table: ParameterTable, place: dict[str, int], correlations: Array
) -> tuple[Array, dict[tuple[str, str], float]]:
    """Regress each variable on what points to it; return residual covariances of all variables and the coefficients."""
    causes: dict[str, list[str]] = {}
    for row in table.rows:
        if row.op in {"~", "=~"}:
            effect, cause = (row.lhs, row.rhs) if row.op == "~" else (row.rhs, row.lhs)
            causes.setdefault(effect, []).append(cause)
    rest = np.eye(len(place))
    weights: dict[tuple[str, str], float] = {}
    for effect, listed in causes.items():
        here = [place[cause] for cause in listed]
        beta = np.linalg.solve(correlations[np.ix_(here, here)], correlations[here, place[effect]])
        rest[place[effect], here] -= beta
        weights |= {(effect, cause): float(value) for cause, value in zip(listed, beta, strict=True)}
    return rest @ correlations @ rest.T, weights


def _value(row: Parameter, place: dict[str, int], weights: dict[tuple[str, str], float], residual: Array) -> float:
    if row.op == "~":
        return weights[row.lhs, row.rhs]
    if row.op == "=~":
        return weights[row.rhs, row.lhs]
    if row.op != "~~":
        return math.nan
    one, other = place[row.lhs], place[row.rhs]
    scale = 1.0 if one == other else math.sqrt(residual[one, one] * residual[other, other])
    return float(residual[one, other]) / scale
