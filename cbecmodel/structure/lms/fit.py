"""Fitting a model with products of latent variables."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cbecmodel.errors import ConvergenceError, ModelError
from cbecmodel.structure.estimate.checks import solution_findings
from cbecmodel.structure.estimate.matrices import pattern_of
from cbecmodel.structure.estimate.native import Problem, estimate
from cbecmodel.structure.estimate.threads import one_thread
from cbecmodel.structure.levels.table import has_levels
from cbecmodel.structure.lms.likelihood import Given
from cbecmodel.structure.lms.problem import (
    MOST_NODES,
    ProductProblem,
    certainty,
    estimate_products,
    node_grid,
    spaced_nodes,
)
from cbecmodel.structure.lms.results import ProductResults
from cbecmodel.structure.options import Function, Options, check_options
from cbecmodel.structure.sample.groups import group_moments, grouped
from cbecmodel.structure.syntax.parser import parse
from cbecmodel.structure.table.constraints import equality_space, require_labels
from cbecmodel.structure.table.defaults import parameter_table
from cbecmodel.structure.table.limits import limits_of
from cbecmodel.structure.table.parameter import numbered
from cbecmodel.structure.table.products import METHOD, product_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cbecmodel.structure.estimate.minimise import Optimum
    from cbecmodel.structure.table.partable import ParameterTable

    Floats = NDArray[np.float64]

_AVAILABLE: Final[dict[str, tuple[Any, ...]]] = {
    "estimator": ("ML",),
    "se": (None, "standard", "none"),
    "test": (None, "standard"),
    "information": (None, "observed"),
    "missing": ("listwise",),
    "group": (None,),
    "cluster": (None,),
    "weights": (None,),
    "strata": (None,),
    "fpc": (None,),
    "engine": ("native",),
    "likelihood": ("normal",),
    "bounds": (None,),
    "auxiliary": ((), [], None),
    "ordered": ((), [], None, False),
    "meanstructure": (None, True),
}
_SHARPEST: Final = 0.03  # standard deviation given the answers below which there is too little error to integrate over
_TOLERANCE: Final = 1e-7  # change of the log-likelihood by twice as many nodes that is let pass


def products_to_integrate(model: str, asked: dict[str, Any]) -> tuple[str, ...]:
    """Return the latent products of a model, if they are to be integrated over.

    Parameters
    ----------
    model : str
    asked : dict
        The options as given.

    Returns
    -------
    tuple of str
    """
    return product_terms(parse(model).formulas) if asked["interaction"] == METHOD and ":" in model else ()


def fit_products(
    function: Function, model: str, data: Any, asked: dict[str, Any], products: Sequence[str]
) -> ProductResults:
    """Estimate a model with products of latent variables by maximum likelihood.

    Parameters
    ----------
    function : {"sem", "cfa", "growth"}
    model : str
    data : pandas.DataFrame or object with a ``frame``
    asked : dict
        The options as given.
    products : sequence of str
        Products with a latent part.

    Returns
    -------
    ProductResults

    Raises
    ------
    ModelError, DataError, ConvergenceError

    References
    ----------
    .. [1] Klein, A., & Moosbrugger, H. (2000). Maximum likelihood estimation of latent interaction effects with the LMS
       method. Psychometrika, 65, 457-474.
    """
    options = _options(function, model, asked)
    if data is None:
        raise ModelError("structure.product_needs_data", products=", ".join(products))
    table = product_table(model, options, products)
    frame, labels, members = grouped(data, None)
    assert frame is not None
    samples = group_moments(frame, table.observed, members, likelihood="normal", fiml=False, needed=table.exogenous)
    with one_thread():
        linear, begin = linear_solution(table, samples, products)
        problem = product_problem(table, samples, products, linear, begin)
        problem, optimum = _settled(problem, _start(table, linear, begin))
    fit = ProductResults(
        options,
        problem,
        optimum,
        model=model,
        group_labels=labels,
        data_used=None if samples[0].rows is None else frame.index[samples[0].rows],
        synthetic=bool(getattr(data, "synthetic", False)),
    )
    fit.linear, fit.linear_x = linear, begin
    shown = _without(fit.x, table, linear)
    fit.warnings = tuple(one.warning() for one in solution_findings(linear, shown, (), 0))
    fit.warnings += tuple(one.warning() for one in solution_findings(problem, fit.x, fit.unidentified, 0))
    fit.warnings = tuple({str(one): one for one in fit.warnings}.values())
    for warning in fit.warnings:
        warnings.warn(warning, stacklevel=5)
    return fit


def _options(function: Function, model: str, asked: dict[str, Any]) -> Options:
    if has_levels(model):
        raise ModelError("structure.lms_option", option="level", value="2", available="–")
    for name, available in _AVAILABLE.items():
        value = asked.get(name, available[0])
        if not any(value is one or value == one for one in available):
            shown = ", ".join(str(each) for each in available)
            raise ModelError("structure.lms_option", option=name, value=value, available=shown)
    kept = {name: value for name, value in asked.items() if name not in ("interaction", "auxiliary", "ordered")}
    return check_options(function, {**kept, "information": "observed", "meanstructure": True})


def product_table(model: str, options: Options, products: Sequence[str]) -> ParameterTable:
    """Return the parameter table: products are latent variables that only predict.

    Parameters
    ----------
    model : str
    options : Options
    products : sequence of str

    Returns
    -------
    ParameterTable

    Raises
    ------
    ModelError
        If a product does something else, or the model has what this method does not know.
    """
    table = parameter_table(model, options)
    for row in table.rows:
        odd = row.op != "~" or row.lhs in products
        if row.user and odd and {row.lhs, row.rhs} & set(products):
            raise ModelError("structure.lms_role", parameter=f"{row.lhs} {row.op} {row.rhs}")
        if row.efa:
            raise ModelError("structure.lms_option", option="efa()", value=row.efa, available="–")
    rows = [row for row in table.rows if row.user or not {row.lhs, row.rhs} & set(products)]

    def others(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name not in products)

    found = replace(
        table,
        rows=numbered(rows),
        observed=others(table.observed),
        latents=(*others(table.latents), *products),
        exogenous=others(table.exogenous),
        predictors=others(table.predictors),
    )
    rules = [rule for rule in found.constraints if rule.op == ":="]
    require_labels([rule.right for rule in rules], {row.label for row in rows if row.label} | {r.lhs for r in rules})
    if limits_of(found, equality_space(found)) is not None:
        raise ModelError("structure.lms_constraints")
    return found


def linear_solution(table: ParameterTable, samples: Any, products: Sequence[str]) -> tuple[Problem, Floats]:
    """Estimate the model without the products.

    Parameters
    ----------
    table : ParameterTable
    samples : tuple of SampleMoments
    products : sequence of str

    Returns
    -------
    problem : Problem
    x : ndarray, shape (r,)

    Raises
    ------
    ConvergenceError
    """
    rows = [row for row in table.rows if row.rhs not in products]
    labels = {row.label for row in rows if row.label}
    rules = tuple(
        rule for rule in table.constraints if rule.op == "==" and {*rule.left.names(), *rule.right.names()} <= labels
    )
    plain = replace(
        table,
        rows=numbered(rows),
        constraints=rules,
        latents=tuple(name for name in table.latents if name not in products),
    )
    problem = Problem(plain, samples, pattern_of(plain, samples), equality_space(plain))
    optimum = estimate(problem)
    _require_converged(optimum)
    return problem, optimum.x


def _require_converged(optimum: Optimum) -> None:
    if not optimum.converged:
        gradient = f"{optimum.gradient:.2g}"
        raise ConvergenceError(
            "structure.not_converged", engine="native", gradient=gradient, iterations=optimum.iterations
        )


def product_problem(
    table: ParameterTable, samples: Any, products: Sequence[str], linear: Problem, begin: Floats
) -> ProductProblem:
    """Choose what is conditioned on, and the nodes.

    Parameters
    ----------
    table : ParameterTable
    samples : tuple of SampleMoments
    products : sequence of str
    linear : Problem
    begin : ndarray, shape (r,)
        Its solution.

    Returns
    -------
    ProductProblem

    Raises
    ------
    ModelError
        If no exogenous latent variable is part of every product, or it is measured without error.
    """
    names = (*table.observed, *table.latents)
    moved = {row.lhs for row in table.rows if row.op == "~"} | {row.rhs for row in table.rows if row.op == "=~"}
    shared = set.intersection(*(set(name.split(":")) for name in products))
    able = [name for name in table.latents if name in shared and name not in moved and name not in table.composites]
    if not able:
        raise ModelError("structure.lms_given", products=", ".join(products))
    known = {name: certainty(linear, begin, names.index(name)) for name in able}
    chosen = max(able, key=lambda name: known[name][0])
    deviation, farthest = known[chosen]
    if deviation < _SHARPEST:
        raise ModelError("structure.lms_exact", variable=chosen)
    parts = [name.split(":") for name in products]
    others = [names.index(second if first == chosen else first) for first, second in parts]
    columns = np.array([names.index(name) for name in products], dtype=np.intp)
    given = Given(names.index(chosen), columns, np.array(others, dtype=np.intp), *node_grid(deviation, farthest))
    return ProductProblem(table, samples, pattern_of(table, samples), equality_space(table), given=given)


def _start(table: ParameterTable, linear: Problem, begin: Floats) -> Floats:
    """Return the linear solution with products that do nothing yet."""
    rows = linear.table.rows
    known = {(row.lhs, row.op, row.rhs): begin[row.free - 1] for row in rows if row.free}
    free = [table.rows[at] for at in table.free_rows]
    return np.array([known.get((row.lhs, row.op, row.rhs), 0.0) for row in free], dtype=np.float64)


def _without(x: Floats, table: ParameterTable, linear: Problem) -> Floats:
    """Return the parameters the linear model has too."""
    free = [table.rows[at] for at in table.free_rows]
    known = {(row.lhs, row.op, row.rhs): value for row, value in zip(free, x, strict=True)}
    rows = [linear.table.rows[at] for at in linear.table.free_rows]
    return np.array([known[row.lhs, row.op, row.rhs] for row in rows], dtype=np.float64)


def _settled(problem: ProductProblem, start: Floats) -> tuple[ProductProblem, Optimum]:
    """Maximise, and again with twice as many nodes while that changes the log-likelihood."""
    while True:
        optimum = estimate_products(problem, start)
        _require_converged(optimum)
        finer = with_nodes(problem, 2 * len(problem.conditioned.nodes))
        change = abs(finer.log_likelihood(optimum.x) - problem.log_likelihood(optimum.x))
        if change < _TOLERANCE:
            return problem, optimum
        if len(finer.conditioned.nodes) > MOST_NODES:
            names = (*problem.table.observed, *problem.table.latents)
            raise ModelError("structure.lms_exact", variable=names[problem.conditioned.at])
        problem, start = finer, optimum.x


def with_nodes(problem: ProductProblem, count: int) -> ProductProblem:
    """Return the problem with another number of nodes over the same range.

    Parameters
    ----------
    problem : ProductProblem
    count : int
        One more if even.

    Returns
    -------
    ProductProblem
    """
    given = problem.conditioned
    nodes, weights = spaced_nodes(float(given.nodes[-1]), count // 2)
    return replace(problem, given=replace(given, nodes=nodes, weights=weights))
