r"""Products of indicators: what measures the product of two latent variables.

With :math:`x_i = \nu_i + \lambda_i X + \delta_i` and :math:`z_j` likewise, the product of centred indicators measures the
product of the latent variables,

.. math::

    (x_i - \bar x_i)(z_j - \bar z_j) = \lambda_i \lambda_j X Z + \lambda_i X \varepsilon_j + \lambda_j Z \delta_i
        + \delta_i \varepsilon_j .

References
----------
.. [1] Lin, G.-C., Wen, Z., Marsh, H. W., & Lin, H.-S. (2010). Structural equation models of latent interactions:
   Clarification of orthogonalizing and double-mean-centering strategies. Structural Equation Modeling, 17, 374-391.
.. [2] Little, T. D., Bovaird, J. A., & Widaman, K. F. (2006). On the merits of orthogonalizing powered and product terms.
   Structural Equation Modeling, 13, 497-519.
.. [3] Marsh, H. W., Wen, Z., & Hau, K.-T. (2004). Structural equation models of latent interactions: Evaluation of
   alternative estimation strategies and indicator construction. Psychological Methods, 9, 275-300.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
import pandas as pd

from cbecmodel.errors import DataError, ModelError
from cbecmodel.structure.sample.columns import Floats, frame_of, numeric_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

Centring = Literal["double_mean_centring", "mean_centring", "residual_centring"]
CENTRINGS: Final[tuple[str, ...]] = get_args(Centring)


def product_indicators(
    data: Any,
    first: str | Sequence[str],
    second: str | Sequence[str],
    method: Centring = "double_mean_centring",
    matched: bool = True,
    *,
    names: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return the data with the products of two sets of indicators as further columns.

    Parameters
    ----------
    data : pandas.DataFrame or object with a ``frame``, n rows
        It is not changed.
    first, second : str or sequence of str
        Indicators of the two latent variables; the same set twice gives the indicators of a square.
    method : {"double_mean_centring", "mean_centring", "residual_centring"}
        Indicators are centred before they are multiplied in each case. ``"double_mean_centring"`` then centres the products
        [1]_, ``"residual_centring"`` takes the residuals of their regressions on all indicators of both sets [2]_, and
        ``"mean_centring"`` leaves them as they are, with a mean near the covariance of the indicators [3]_.
    matched : bool
        Multiply the first indicator with the first, the second with the second (as many in each set); otherwise each with
        each.
    names : sequence of str, optional
        Of the new columns; ``x1.z1`` if not given.

    Returns
    -------
    pandas.DataFrame, n rows
        A product is missing where one of its indicators is (for residuals, where any indicator is).

    Raises
    ------
    DataError
        For an unknown or non-numeric variable, or a name that exists already.
    ModelError
        For an unknown method, sets of unequal size that are to be matched, or names that are too few or too many.

    Notes
    -----
    The numbers are those of ``semTools::indProd`` where nothing is missing. Where an indicator is missing, indProd leaves
    products among its residuals; here they are missing.

    References
    ----------
    See [1]_, [2]_ and [3]_ in :mod:`cbecmodel.structure.sample.products`.

    Examples
    --------
    >>> frame = pd.DataFrame({"x1": [1.0, 2.0, 3.0], "x2": [0.0, 1.0, 5.0], "z1": [2.0, 0.0, 1.0], "z2": [1.0, 3.0, 2.0]})
    >>> product_indicators(frame, ["x1", "x2"], ["z1", "z2"]).columns.tolist()[4:]
    ['x1.z1', 'x2.z2']
    >>> product_indicators(frame, ["x1", "x2"], ["z1", "z2"])["x1.z1"].round(3).tolist()
    [-0.667, 0.333, 0.333]
    """
    frame = frame_of(data)
    left, right = _listed(first), _listed(second)
    if method not in CENTRINGS:
        raise ModelError("structure.unknown_option", option="method", value=method, known=", ".join(CENTRINGS))
    pairs = indicator_pairs(left, right, matched=matched)
    words = list(names) if names is not None else [product_name(a, b) for a, b in pairs]
    _check_names(frame, words, len(pairs))
    products = _products(frame, pairs, tuple(dict.fromkeys((*left, *right))), method)
    return pd.concat([frame, pd.DataFrame(products, index=frame.index, columns=words)], axis=1)


def product_name(first: str, second: str) -> str:
    """Return the name of a product indicator.

    Parameters
    ----------
    first, second : str

    Returns
    -------
    str

    Examples
    --------
    >>> product_name("x1", "z1")
    'x1.z1'
    """
    return f"{first}.{second}"


def indicator_pairs(first: Sequence[str], second: Sequence[str], *, matched: bool) -> list[tuple[str, str]]:
    """Return which indicators are multiplied.

    Parameters
    ----------
    first, second : sequence of str
    matched : bool

    Returns
    -------
    list of tuple of str
        For the same set twice, each pair once.

    Raises
    ------
    ModelError
        If a set is empty or names a variable twice, or sets to be matched differ in size.

    Examples
    --------
    >>> indicator_pairs(["a", "b"], ["a", "b"], matched=False)
    [('a', 'a'), ('a', 'b'), ('b', 'b')]
    """
    for side in (first, second):
        if not side or len(set(side)) < len(side):
            raise ModelError("structure.product_set", variables=", ".join(side) or "–")
    if matched:
        if len(first) != len(second):
            raise ModelError("structure.product_unmatched", first=", ".join(first), second=", ".join(second))
        return list(zip(first, second, strict=True))
    found: dict[frozenset[str], tuple[str, str]] = {}
    for a in first:
        for b in second:
            found.setdefault(frozenset((a, b)), (a, b))
    return list(found.values())


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else [str(name) for name in names]


def _check_names(frame: pd.DataFrame, words: list[str], count: int) -> None:
    if len(words) != count or len(set(words)) != count:
        raise ModelError("structure.product_names", wanted=count, given=len(words))
    taken = [name for name in words if name in frame.columns]
    if taken:
        raise DataError("structure.product_exists", variables=", ".join(taken))


def _products(frame: pd.DataFrame, pairs: list[tuple[str, str]], every: tuple[str, ...], method: str) -> Floats:
    """Return the products, shape (n, k)."""
    values = numeric_columns(frame, every)
    centred = values - _means(values, every)
    place = {name: index for index, name in enumerate(every)}
    products = np.column_stack([centred[:, place[a]] * centred[:, place[b]] for a, b in pairs])
    words = [product_name(a, b) for a, b in pairs]
    if method == "double_mean_centring":
        return products - _means(products, words)
    if method == "residual_centring":
        return _residuals(products, centred)
    return products


def _means(values: Floats, names: Sequence[str]) -> Floats:
    empty = [name for name, gone in zip(names, np.atleast_1d(np.isnan(values).all(axis=0)), strict=True) if gone]
    if empty:
        raise DataError("structure.all_missing", variables=", ".join(empty))
    return np.asarray(np.nanmean(values, axis=0), dtype=np.float64)


def _residuals(products: Floats, centred: Floats) -> Floats:
    rows = ~np.isnan(centred).any(axis=1)
    n, k = int(rows.sum()), centred.shape[1] + 1
    if n <= k:
        raise DataError("structure.product_cases", n=n, needed=k + 1)
    design = np.column_stack([np.ones(n), centred[rows]])
    out = np.full_like(products, np.nan)
    out[rows] = products[rows] - design @ np.linalg.lstsq(design, products[rows], rcond=None)[0]
    return out
