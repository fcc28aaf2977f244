"""One question asked in every defensible way: all combinations of models, cases and options."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from cbecmodel.errors import CbecError, ConvergenceError, DataError, ModelError, ModelWarning
from cbecmodel.parallel import map_replicates
from cbecmodel.structure.api import sem
from cbecmodel.structure.resampling.multiverse_results import MultiverseResults
from cbecmodel.structure.sample.columns import frame_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from cbecmodel.parallel import Parallel
    from cbecmodel.structure.results import SEMResults

Choice: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every specification needs."""

    choices: tuple[Choice, ...]
    models: Mapping[str, str]
    frames: Mapping[str, pd.DataFrame]
    parameter: str
    standardized: bool


def multiverse(
    models: str | Mapping[str, str],
    data: Any,
    parameter: str,
    *,
    subsets: Mapping[str, str | None] | None = None,
    standardized: bool = False,
    parallel: Parallel = None,
    progress: bool = False,
    **options: Sequence[Any],
) -> MultiverseResults:
    """Estimate one parameter under every combination of choices.

    Parameters
    ----------
    models : str or mapping of str to str
        lavaan syntax, by name.
    data : pandas.DataFrame, or an object with a ``frame``
    parameter : str
        Label, name of a defined parameter, or ``"y ~ x"``; in every model the same question.
    subsets : mapping of str to str or None, optional
        Who is kept, by name: a condition on the columns as :meth:`pandas.DataFrame.query` takes it (``"attention == 1"``), or
        None for everybody.
    standardized : bool
        Compare standardized estimates.
    parallel : None, int, "dask" or distributed.Client, optional
        Where to compute; results do not depend on it.
    progress : bool
    **options
        Options of :func:`cbecmodel.sem`, each with the values to try: ``estimator=["ML", "MLR"]``.

    Returns
    -------
    MultiverseResults

    Raises
    ------
    ModelError
        If no model has the parameter, or a list of choices is empty.
    DataError
        If a condition cannot be evaluated.
    ConvergenceError
        If no specification could be estimated; says why.

    References
    ----------
    .. [1] Steegen, S., Tuerlinckx, F., Gelman, A., & Vanpaemel, W. (2016). Increasing transparency through a multiverse analysis.
       Perspectives on Psychological Science, 11, 702-712.
    .. [2] Simonsohn, U., Simmons, J. P., & Nelson, L. D. (2020). Specification curve analysis. Nature Human Behaviour, 4,
       1208-1214.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import political_democracy
    >>> measured = "ind60 =~ x1 + x2 + x3; dem60 =~ y1 + y2 + y3 + y4; dem60 ~ b*ind60"
    >>> models = {"plain": measured, "correlated": measured + "; y2 ~~ y4"}
    >>> found = cbec.multiverse(models, political_democracy.get_data(), "b", subsets={"all": None, "richer": "x1 > 4.5"},
    ...                         estimator=["ML", "MLR"])
    >>> len(found.table), bool((found.table["estimate"] > 0).all())
    (8, True)
    """
    named = {"model": models} if isinstance(models, str) else dict(models)
    chosen = {"all": None} if subsets is None else dict(subsets)
    axes: dict[str, list[Any]] = {"model": list(named), "subset": list(chosen)}
    axes |= {name: _values(name, values) for name, values in options.items()}
    for name, values in axes.items():
        if not values:
            raise ModelError("structure.multiverse_empty", choice=name)
    frames = {name: _kept(frame_of(data), name, condition) for name, condition in chosen.items()}
    choices: list[Choice] = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    asked = _Asked(tuple(choices), named, frames, parameter, standardized)
    rows = map_replicates(
        _specified, len(choices), 0, parallel=parallel, label="multiverse" if progress else "",
        args=(asked,),
    )  # fmt: skip
    table = pd.DataFrame([{**_shown(choice), **row} for choice, row in zip(choices, rows, strict=True)])
    if (table["status"] == "absent").all():
        raise ModelError("structure.no_such_parameter", parameter=parameter)
    if not table["status"].isin(["proper", "improper"]).any():
        raise ConvergenceError(
            "structure.multiverse_failed", count=len(table), why=str(table["why"].value_counts().index[0])
        )
    synthetic = bool(getattr(data, "synthetic", False))
    return MultiverseResults(table, parameter, tuple(axes), standardized=standardized, synthetic=synthetic)


def _values(name: str, values: Sequence[Any]) -> list[Any]:
    if isinstance(values, (str, bool)) or not hasattr(values, "__iter__"):
        raise ModelError("structure.multiverse_list", option=name, given=repr(values))
    return list(values)


def _kept(frame: pd.DataFrame, name: str, condition: str | None) -> pd.DataFrame:
    if not condition:
        return frame
    try:
        return frame.query(condition)
    except Exception as error:  # whatever pandas makes of a condition that is none
        raise DataError(
            "structure.multiverse_condition", subset=name, condition=condition, reason=str(error)
        ) from error


def _shown(choice: Choice) -> dict[str, str]:
    return {name: value if isinstance(value, str) else repr(value) for name, value in choice.items()}


def _specified(_: np.random.Generator, index: int, asked: _Asked) -> dict[str, Any]:
    """Estimate one specification; what fails is a row with its reason."""
    choice = dict(asked.choices[index])
    syntax, frame = asked.models[choice.pop("model")], asked.frames[choice.pop("subset")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)  # told by the status
        try:
            return _read_off(sem(syntax, frame, **choice), asked.parameter, asked.standardized)
        except CbecError as error:
            return _row("failed", why=str(error))


def _read_off(fit: SEMResults, parameter: str, standardized: bool) -> dict[str, Any]:
    frame = fit.parameters
    wanted = "".join(parameter.split())
    names = frame["lhs"] + frame["op"] + frame["rhs"]
    is_defined = (frame["op"] == ":=") & (frame["lhs"] == parameter)
    hits = ((frame["label"] == parameter) | is_defined | (names == wanted)).to_numpy()
    if not hits.any():
        return _row("absent", n=fit.n_obs)
    at = int(hits.argmax())
    shown = fit.standardized().rename(columns={"est_std": "est"}) if standardized else frame
    found = {name: float(shown[name].iloc[at]) for name in ("est", "se", "ci_lower", "ci_upper", "pvalue")}
    measures = fit.fit_measures
    fits = {name: float(measures.get(name, math.nan)) for name in ("chisq", "df", "cfi", "rmsea", "srmr")}
    return _row("improper" if fit.warnings else "proper", {**found, **fits}, n=fit.n_obs)


def _row(status: str, found: Mapping[str, float] | None = None, *, n: int = 0, why: str = "") -> dict[str, Any]:
    known = found or {}
    names = {"est": "estimate", "se": "se", "ci_lower": "ci_lower", "ci_upper": "ci_upper", "pvalue": "pvalue"}
    row: dict[str, Any] = {shown: known.get(name, math.nan) for name, shown in names.items()}
    row |= {name: known.get(name, math.nan) for name in ("chisq", "df", "cfi", "rmsea", "srmr")}
    return {**row, "n": n, "status": status, "why": why}
