"""What a fitted model says about each construct: its items, loadings and their covariances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import implied
from cbecmodel.structure.results import SEMResults

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Construct:
    """One latent variable in one group, with its k indicators.

    Attributes
    ----------
    name : str
    group : int
        1, 2, …
    items : tuple of str
        Observed items, or the first-order constructs of a second-order one.
    loadings : ndarray, shape (k,)
        In the items' units, for a latent variance of one.
    standardized : ndarray, shape (k,)
    observed, implied : ndarray, shape (k, k), or None
        Covariances of the items in the sample (divisor as in the fit) and in the model; None for a second-order construct.
    answers : pandas.DataFrame or None
        The cases of the fit; None if it was made from moments.
    """

    name: str
    group: int
    items: tuple[str, ...]
    loadings: Array
    standardized: Array
    observed: Array | None
    implied: Array | None
    answers: pd.DataFrame | None


def constructs(fit: SEMResults) -> list[Construct]:
    """Return the constructs of a model, group by group, in the model's order.

    Parameters
    ----------
    fit : SEMResults

    Returns
    -------
    list of Construct

    Raises
    ------
    ModelError
        If it is no fitted model, or one with latent products by maximum likelihood.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> fit = cbec.cfa("visual =~ x1 + x2 + x3", holzinger39.get_data())
    >>> [construct.items for construct in constructs(fit)]
    [('x1', 'x2', 'x3')]
    """
    if not isinstance(fit, SEMResults):
        raise ModelError("measurement.not_a_fit", kind=type(fit).__name__)
    if fit.integrated:
        raise ModelError("measurement.latent_products")
    rows = fit.parameters[fit.parameters["op"] == "=~"]
    parts = [
        (group, rows[(rows["group"] == group) & (rows["lhs"] == name)])
        for group in range(1, fit.table.n_groups + 1)
        for name in fit.latents
    ]
    return [_construct(fit, group, part) for group, part in parts if len(part)]


def _construct(fit: SEMResults, group: int, rows: pd.DataFrame) -> Construct:
    items = tuple(rows["rhs"].tolist())
    sample = fit.problem.samples[group - 1]
    observed = model = answers = None
    if set(items) <= set(sample.names):
        here = [sample.names.index(item) for item in items]
        observed = sample.cov[np.ix_(here, here)]
        model = implied(fit.problem.pattern.groups[group - 1], fit.x).sigma[np.ix_(here, here)]
        if sample.raw is not None:
            answers = pd.DataFrame(sample.raw[:, here], columns=list(items))
    loadings, standardized = (rows[column].to_numpy(dtype=float) for column in ("std_lv", "std_all"))
    return Construct(rows["lhs"].iloc[0], group, items, loadings, standardized, observed, model, answers)


def latent_correlations(fit: SEMResults, group: int = 1) -> pd.DataFrame:
    r"""Return the correlations that a model implies for its latent variables.

    Parameters
    ----------
    fit : SEMResults
    group : int
        1, 2, …

    Returns
    -------
    pandas.DataFrame, shape (q, q)
        Latent variables in the order of the model.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> fit = cbec.cfa("visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9", holzinger39.get_data())
    >>> round(float(latent_correlations(fit).loc["visual", "speed"]), 2)
    0.46
    """
    if fit.integrated:
        raise ModelError("measurement.latent_products")
    pattern = fit.problem.pattern.groups[group - 1]
    full = implied(pattern, fit.x).full[pattern.p :, pattern.p :]
    deviations = np.sqrt(np.diag(full))
    names = list(fit.latents)
    return pd.DataFrame(full / np.outer(deviations, deviations), index=names, columns=names)
