"""What a model is fitted to: parameter table and sample statistics from what the user gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cbecmodel.errors import DataError, ModelError
from cbecmodel.structure.estimate.least_squares import LEAST_SQUARES
from cbecmodel.structure.inference.two_stage import first_stage
from cbecmodel.structure.options import TWO_STAGE
from cbecmodel.structure.sample.design import read_design, report_design
from cbecmodel.structure.sample.groups import group_moments
from cbecmodel.structure.sample.moments import moments_from_summary
from cbecmodel.structure.sample.ordinal_groups import group_categories, ordinal_moments
from cbecmodel.structure.syntax.parser import parse
from cbecmodel.structure.syntax.vocabulary import vocabulary
from cbecmodel.structure.table.defaults import parameter_table
from cbecmodel.structure.table.partable import ParameterTable

if TYPE_CHECKING:
    import pandas as pd

    from cbecmodel.structure.options import Options
    from cbecmodel.structure.sample.groups import Members
    from cbecmodel.structure.sample.moments import SampleMoments


def ordinal_statistics(
    model: str, options: Options, frame: pd.DataFrame, labels: tuple[str, ...], members: Members
) -> tuple[ParameterTable, tuple[SampleMoments, ...]]:
    """Return table and statistics of a model with ordinal variables.

    Parameters
    ----------
    model : str
    options : Options
    frame : pandas.DataFrame
    labels : tuple of str
        Names of the groups.
    members : Members
        Whose case is whose.

    Returns
    -------
    table : ParameterTable
    samples : tuple of SampleMoments
    """
    pairwise = options.missing == "pairwise"
    observed = vocabulary(parse(model).formulas).observed
    categories = group_categories(frame, observed, options.ordered, members, pairwise=pairwise)
    counts = {one.name: len(one.labels) for one in categories}
    table = parameter_table(model, options, labels, counts)
    given = len(table.exogenous)
    samples = ordinal_moments(frame, table.observed, categories, members, given=given, labels=labels, pairwise=pairwise)
    return table, samples


def options_for_table(table: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a fit whose parameter table is given: what makes tables is not asked any more.

    Parameters
    ----------
    table : ParameterTable
    asked : dict

    Returns
    -------
    dict

    Raises
    ------
    ModelError
        If it is no table.
    """
    if not isinstance(table, ParameterTable):
        raise ModelError("structure.not_a_model", kind=type(table).__name__)
    rest = {name: value for name, value in asked.items() if name != "interaction"}
    return rest | {"meanstructure": table.meanstructure, "fixed_x": bool(table.exogenous) or asked["fixed_x"]}


def read_samples(
    table: ParameterTable,
    options: Options,
    frame: pd.DataFrame | None,
    groups: tuple[tuple[str, ...], Members],
    summary: tuple[Any, ...],
) -> tuple[SampleMoments, ...]:
    """Return the moments of each group, from data or as given.

    Parameters
    ----------
    table : ParameterTable
    options : Options
    frame : pandas.DataFrame or None
    groups : tuple
        Names of the groups, and whose case is whose.
    summary : tuple
        Covariances, means and number of cases, without data.

    Returns
    -------
    tuple of SampleMoments

    Raises
    ------
    DataError
    """
    labels, members = groups
    divisor = "wishart" if options.estimator in LEAST_SQUARES else options.likelihood
    if frame is not None:
        samples = group_moments(
            frame,
            table.observed,
            members,
            likelihood=divisor,
            fiml=options.missing != "listwise",
            needed=table.exogenous,
            design=read_design(frame, options),
            labels=labels,
        )
        report_design([sample.design for sample in samples], options)
        if options.missing in TWO_STAGE:
            robust = options.missing == "robust_two_stage"
            return tuple(first_stage(sample, robust=robust) for sample in samples)
        return samples
    cov, mean, n = summary
    if cov is None:
        raise DataError("structure.no_data")
    if (options.weights, options.cluster, options.strata, options.fpc) != (None, None, None, None):
        raise DataError("structure.design_needs_data")
    return (moments_from_summary(table.observed, cov, mean, n, divisor),)
