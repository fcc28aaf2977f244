"""Fitting a two-level model."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cbecmodel.errors import ConvergenceError, DataError, ModelError
from cbecmodel.structure.estimate.checks import solution_findings
from cbecmodel.structure.estimate.matrices import pattern_of
from cbecmodel.structure.estimate.threads import one_thread
from cbecmodel.structure.levels.clusters import read_clusters
from cbecmodel.structure.levels.problem import LevelProblem, estimate_levels
from cbecmodel.structure.levels.results import NAMES, TwoLevelResults
from cbecmodel.structure.levels.table import level_table
from cbecmodel.structure.options import Function, Options, check_options
from cbecmodel.structure.sample.columns import frame_of
from cbecmodel.structure.table.constraints import require_labels
from cbecmodel.structure.table.limits import linear_space

if TYPE_CHECKING:
    from cbecmodel.structure.levels.table import LevelTable

_ERRORS: Final = ("standard", "robust_huber_white", "none")
_AVAILABLE: Final[dict[str, tuple[Any, ...]]] = {
    "estimator": ("ML", "MLR"),
    "missing": ("listwise",),
    "group": (None,),
    "weights": (None,),
    "strata": (None,),
    "fpc": (None,),
    "engine": ("native",),
    "likelihood": ("normal",),
    "bounds": (None,),
    "auxiliary": ((), [], None),
    "ordered": ((), [], None, False),
    "information": ("observed", "expected"),
}


def fit_levels(function: Function, model: str, data: Any, asked: dict[str, Any]) -> TwoLevelResults:
    """Estimate a two-level model with random intercepts by maximum likelihood.

    Parameters
    ----------
    function : {"sem", "cfa", "growth"}
    model : str
        With ``level: 1`` and ``level: 2`` blocks.
    data : pandas.DataFrame or object with a ``frame``
    asked : dict
        The options as given; ``cluster`` names the clusters.

    Returns
    -------
    TwoLevelResults

    Raises
    ------
    ModelError, DataError, ConvergenceError
    """
    options = _options(
        function,
        {
            name: value
            for name, value in asked.items()
            if name not in ("interaction", "auxiliary") or (value and name == "auxiliary")
        },
    )
    if data is None:
        raise DataError("structure.no_data")
    table = level_table(model, options)
    _require_labels(table)
    frame = frame_of(data)
    clusters, samples = read_clusters(frame, table, str(options.cluster))
    problem = LevelProblem(table, samples, pattern_of(table, samples), linear_space(table), data=clusters)
    with one_thread():
        optimum = estimate_levels(problem)
    if not optimum.converged:
        gradient = f"{optimum.gradient:.2g}"
        raise ConvergenceError(
            "structure.not_converged", engine="native", gradient=gradient, iterations=optimum.iterations
        )
    fit = TwoLevelResults(
        options,
        problem,
        optimum,
        model=model,
        group_labels=NAMES,
        data_used=frame.index[clusters.rows],
        synthetic=bool(getattr(data, "synthetic", False)),
    )
    findings = solution_findings(problem, fit.x, fit.unidentified, fit.df, NAMES)
    fit.warnings = tuple(finding.warning() for finding in findings)
    for warning in fit.warnings:
        warnings.warn(warning, stacklevel=5)
    return fit


def _options(function: Function, asked: dict[str, Any]) -> Options:
    cluster = asked.get("cluster")
    if cluster is None:
        raise ModelError("structure.level_cluster")
    for name, available in _AVAILABLE.items():
        value = asked.get(name, available[0])
        if value not in available and not (name == "information" and value is None):
            shown = ", ".join(str(each) for each in available)
            raise ModelError("structure.level_option", option=name, value=value, available=shown)
    information = asked.get("information") or "observed"
    if asked.get("se") not in (None, *_ERRORS):
        raise ModelError("structure.level_option", option="se", value=asked["se"], available=", ".join(_ERRORS))
    plain = check_options(function, {**asked, "cluster": None, "information": information, "meanstructure": True})
    return replace(plain, cluster=cluster)


def _require_labels(table: LevelTable) -> None:
    rules = [rule for rule in table.constraints if rule.op == ":="]
    if any(rule.op in {"<", ">"} for rule in table.constraints):
        raise ModelError("structure.level_option", option="constraints", value="< >", available="==, :=")
    known = {row.label for row in table.rows if row.label} | {rule.lhs for rule in rules}
    require_labels([rule.right for rule in rules], known)
