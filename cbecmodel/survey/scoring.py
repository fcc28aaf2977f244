"""One number a respondent and construct, from the items that were answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from cbecmodel.errors import DataError

if TYPE_CHECKING:
    from cbecmodel.survey.responses import Responses


def scores(responses: Responses, method: Literal["mean", "sum"] = "mean", *, min_answered: float = 0.5) -> pd.DataFrame:
    r"""Return construct scores.

    With :math:`m_i` of :math:`k` items answered, the mean is :math:`\bar x_i = \sum_j x_{ij} / m_i` and the sum is prorated,
    :math:`k \bar x_i`; both are missing if :math:`m_i / k` is below ``min_answered``. Person-mean imputation of this kind
    is tolerable when at least half of the items are there [1]_; models of latent variables do not use it.

    Parameters
    ----------
    responses : Responses
        Reversed items are already reversed.
    method : {"mean", "sum"}
    min_answered : float
        Share of a construct's items that must be answered, above 0 and at most 1.

    Returns
    -------
    pandas.DataFrame of shape (n, constructs)
        Index ``respondent``; first-order constructs that have items here.

    Raises
    ------
    DataError
        If the method or the share is none of these.

    References
    ----------
    .. [1] Newman, D. A. (2014). Missing data: Five practical guidelines. Organizational Research Methods, 17(4), 372-411.

    Examples
    --------
    >>> from cbecmodel.survey.instrument import load_instrument
    >>> from cbecmodel.survey.responses import Responses
    >>> firm = load_instrument("firm")
    >>> answers = Responses.from_frame(pd.DataFrame({item: [4, 4, 5] for item in firm.items}), firm)
    >>> scores(answers).iloc[0].unique().tolist()
    [4.0]
    """
    if method not in {"mean", "sum"}:
        raise DataError("survey.unknown_method", method=method)
    if not 0 < min_answered <= 1:
        raise DataError("survey.bad_share", name="min_answered", value=min_answered)
    columns: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    for construct in responses.instrument.constructs.values():
        items = [name for name in construct.items if name in responses.frame]
        if items:
            values = responses.frame[items].to_numpy(dtype=float)
            answered = (~np.isnan(values)).sum(axis=1)
            enough = answered >= min_answered * len(items) - 1e-9
            mean = np.divide(
                np.nansum(values, axis=1), answered, out=np.full(len(values), np.nan), where=enough & (answered > 0)
            )
            columns[construct.id] = mean * len(items) if method == "sum" else mean
    return pd.DataFrame(columns, index=responses.frame.index)
