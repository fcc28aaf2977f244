"""Convergent and discriminant validity of the constructs of a fitted model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cbecmodel.measurement.constructs import constructs, latent_correlations

if TYPE_CHECKING:
    import pandas as pd

    from cbecmodel.structure.results import SEMResults


def fornell_larcker(fit: SEMResults, group: int = 1) -> pd.DataFrame:
    r"""Return the Fornell–Larcker table: how constructs correlate, against what they share with their own items.

    By the criterion a construct is distinct from the others if the square root of its average variance extracted exceeds
    each of its correlations [1]_.

    Parameters
    ----------
    fit : SEMResults
    group : int
        1, 2, …

    Returns
    -------
    pandas.DataFrame, shape (q, q)
        Square roots of the AVE (mean squared standardized loading) on the diagonal, implied latent correlations elsewhere;
        constructs in the order of the model.

    References
    ----------
    .. [1] Fornell, C., & Larcker, D. F. (1981). Evaluating structural equation models with unobservable variables and
       measurement error. Journal of Marketing Research 18, 39–50.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> fit = cbec.cfa("visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9", holzinger39.get_data())
    >>> fornell_larcker(fit).round(2)
            visual  speed
    visual    0.61   0.46
    speed     0.46   0.66
    """
    table = latent_correlations(fit, group)
    for construct in constructs(fit):
        if construct.group == group:
            table.loc[construct.name, construct.name] = np.sqrt((construct.standardized**2).mean())
    return table
