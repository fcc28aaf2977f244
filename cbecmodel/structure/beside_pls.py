"""A covariance solution beside partial least squares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cbecmodel.errors import ModelError
from cbecmodel.structure.partial_least_squares import pls

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.pls_weights import Scheme
    from cbecmodel.structure.results import SEMResults


def beside_pls(fit: SEMResults, scheme: Scheme = "path") -> pd.DataFrame:
    """Return a covariance solution and partial least squares side by side; see :meth:`cbecmodel.SEMResults.pls`.

    Parameters
    ----------
    fit : SEMResults
    scheme : {"path", "factorial", "centroid"}

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ModelError
        If the model has several groups, or something that partial least squares does not know.
    """
    if fit.table.n_groups > 1:
        raise ModelError("structure.pls_groups")
    sample = fit.problem.samples[0]
    cov = pd.DataFrame(sample.cov, index=list(sample.names), columns=list(sample.names))
    table = fit.standardized()
    here = table[table["op"].isin(["~", "=~"])]
    frame = here[["lhs", "op", "rhs"]].reset_index(drop=True)
    frame = frame.assign(covariance=here["est_std"].to_numpy(), se=here["se"].to_numpy())
    for column, consistent in (("plsc", True), ("pls", False)):
        found = pls(fit.model, sample_cov=cov, sample_nobs=int(sample.n), scheme=scheme, consistent=consistent)
        both = pd.concat([found.paths, found.loadings])
        known = {(lhs, rhs): est for lhs, rhs, est in zip(both["lhs"], both["rhs"], both["est"], strict=True)}
        frame[column] = [known[pair] for pair in zip(frame["lhs"], frame["rhs"], strict=True)]
    return frame
