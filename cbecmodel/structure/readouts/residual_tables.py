"""Residuals in all their forms, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import implied
from cbecmodel.structure.inference.residual_tests import (
    STANDARDIZED,
    SUMMARIES,
    Correlation,
    as_matrix,
    moment_sizes,
    ratio,
    residual_groups,
    root_mean_square,
    typed_residuals,
)
from cbecmodel.structure.readouts.moment_tables import residual_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cbecmodel.structure.results import SEMResults

Floats = NDArray[np.float64]
SUMMARY_TYPES: Final = tuple(SUMMARIES)


def checked(kind: str, known: Iterable[str]) -> Any:
    """Return a type of residuals under the name used here.

    Parameters
    ----------
    kind : str
        ``"cor"`` is ``"cor_bollen"``; lavaan's dots are read too.
    known : iterable of str

    Returns
    -------
    str

    Raises
    ------
    ModelError
    """
    name = {"cor": "cor_bollen"}.get(kind, kind.replace(".", "_"))
    if name not in known:
        raise ModelError("structure.unknown_option", option="type", value=kind, known=", ".join(known))
    return name


def reader(fit: SEMResults, kind: str, *, errors: bool) -> Callable[[int], dict[str, Any]]:
    """Return what gives the residuals of one group.

    Parameters
    ----------
    fit : SEMResults
    kind : str
    errors : bool

    Returns
    -------
    callable
        Of the number of the group, from 1.
    """
    name = checked(kind, (*SUMMARIES, *STANDARDIZED))
    if name in STANDARDIZED:
        return lambda number: standardized_residuals(fit, number, name)

    def read(number: int) -> dict[str, Any]:
        found = residual_frames(fit.problem, fit.x, number, name)
        return found | (residual_errors(fit, number, name) if errors else {})

    return read


def standardized_residuals(fit: SEMResults, number: int, kind: str) -> dict[str, pd.DataFrame | pd.Series[float]]:
    """Return residuals divided by a standard error.

    Parameters
    ----------
    fit : SEMResults
    number : int
        Of the group, from 1.
    kind : {"normalized", "standardized", "standardized_mplus"}
        The error of the sample moment; of the residual; or the difference of the variances of moment and estimate.

    Returns
    -------
    dict
        ``cov``, and ``mean`` if means are modelled.
    """
    group = residual_groups(fit, mplus=kind == "standardized_mplus")[number - 1]
    variance = np.diag(group.sampling if kind == "normalized" else group.left)
    sample = fit.problem.samples[number - 1]
    _, z = ratio(group.residual, variance, moment_sizes(sample, fit.table.meanstructure))
    return _framed(fit, {"": z})


def residual_errors(fit: SEMResults, number: int, kind: Correlation) -> dict[str, pd.DataFrame | pd.Series[float]]:
    """Return standard errors and z of residuals.

    Parameters
    ----------
    fit : SEMResults
    number : int
        Of the group, from 1.
    kind : {"raw", "cor_bentler", "cor_bollen"}

    Returns
    -------
    dict
        ``cov_se``, ``cov_z``, and ``mean_se``, ``mean_z`` if means are modelled.
    """
    sample, group = fit.problem.samples[number - 1], residual_groups(fit)[number - 1]
    sigma = implied(fit.problem.pattern.groups[number - 1], fit.x).sigma
    values, covariance = typed_residuals(sample, sigma, group, kind)
    size = moment_sizes(sample, fit.table.meanstructure) if kind == "raw" else np.ones(len(values))
    se, z = ratio(values, np.diag(covariance), size)
    return _framed(fit, {"_se": se, "_z": z})


def _framed(fit: SEMResults, columns: dict[str, Floats]) -> dict[str, pd.DataFrame | pd.Series[float]]:
    names = list(fit.observed)
    out: dict[str, pd.DataFrame | pd.Series[float]] = {}
    for suffix, values in columns.items():
        matrix, mean = as_matrix(values, len(names))
        out[f"cov{suffix}"] = pd.DataFrame(matrix, index=names, columns=names)
        if mean is not None:
            out[f"mean{suffix}"] = pd.Series(mean, index=names, name=f"mean{suffix}")
    return out


def residual_summary(fit: SEMResults, number: int, kind: Correlation) -> pd.DataFrame:
    """Return the root mean square residual with its error, tests of exact and close fit, and its unbiased estimate.

    Parameters
    ----------
    fit : SEMResults
    number : int
        Of the group, from 1.
    kind : {"raw", "cor_bentler", "cor_bollen"}

    Returns
    -------
    pandas.DataFrame
        Columns ``cov``, and with a mean structure ``mean`` and ``total``.
    """
    sample, group = fit.problem.samples[number - 1], residual_groups(fit)[number - 1]
    sigma = implied(fit.problem.pattern.groups[number - 1], fit.x).sigma
    values, covariance = typed_residuals(sample, sigma, group, kind)
    p = len(sample.names)
    pairs = p * (p + 1) // 2
    less = p if kind == "cor_bollen" else 0  # variances are no residuals of correlations
    parts = {"cov": slice(len(values) - pairs, None)}
    if len(values) > pairs:
        parts |= {"mean": slice(0, p), "total": slice(None)}
    counts = {"cov": pairs - less, "mean": p, "total": len(values) - less}
    name = SUMMARIES[kind]
    return pd.DataFrame({
        part: pd.Series(root_mean_square(values[at], covariance[at, at], counts[part], name), dtype=np.float64)
        for part, at in parts.items()
    })  # fmt: skip
