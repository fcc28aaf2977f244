"""Small-sample factors of covariances, by the convention of the program they are to equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from cbecmodel.policy.options import SmallSample, Vcov


@dataclass(frozen=True, slots=True)
class Correction:
    """What a raw covariance is multiplied with, and the degrees of freedom of the t distribution.

    Attributes
    ----------
    factor : float
    df : float
        For t and F statistics.
    k : int
        Parameters counted (0 if none are).
    n_clusters : int
        Smallest number of clusters; 0 without clustering.
    """

    factor: float
    df: float
    k: int
    n_clusters: int


def nested(inner: NDArray[np.int64], outer: NDArray[np.int64]) -> bool:
    """Say whether every level of one grouping lies within one level of another.

    Parameters
    ----------
    inner, outer : numpy.ndarray
        Codes 0 … L−1.

    Returns
    -------
    bool

    Examples
    --------
    >>> nested(np.array([0, 0, 1, 2]), np.array([0, 0, 1, 1])), nested(np.array([0, 0]), np.array([0, 1]))
    (True, False)
    """
    first = np.full(int(inner.max()) + 1, -1, dtype=np.int64)
    first[inner] = outer
    return bool(np.array_equal(first[inner], outer))


def count_parameters(
    n_slopes: int, effects: Mapping[str, NDArray[np.int64]], clusters: Mapping[str, NDArray[np.int64]]
) -> int:
    """Count slopes and fixed-effect levels that are not nested in a cluster.

    Parameters
    ----------
    n_slopes : int
    effects, clusters : mapping of str to numpy.ndarray
        Codes; without clusters every level counts.

    Returns
    -------
    int
        One level is redundant for each counted effect after the first; if all effects are nested, the constant counts.

    Examples
    --------
    >>> unit, time = np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4)
    >>> count_parameters(1, {"unit": unit, "time": time}, {"unit": unit}), count_parameters(1, {"unit": unit, "time": time}, {})
    (4, 7)
    """
    free = [codes for codes in effects.values() if not any(nested(codes, outer) for outer in clusters.values())]
    return n_slopes + max(sum(int(codes.max()) + 1 for codes in free) - max(len(free) - 1, 0), 1)


def correction(
    convention: SmallSample,
    vcov: Vcov,
    *,
    n_obs: int,
    n_slopes: int,
    effects: Mapping[str, NDArray[np.int64]],
    clusters: Mapping[str, NDArray[np.int64]],
) -> Correction:
    r"""Return the factor and the degrees of freedom of a convention.

    Parameters
    ----------
    convention : {"fixest", "reghdfe", "areg", "plm", "plm_sss", "none"}
        With G clusters (of two cluster variables the smaller number), N rows, k slopes and K parameters:

        - ``fixest`` (R) and ``reghdfe`` (Stata): :math:`\frac{G}{G-1}\frac{N-1}{N-K}`, K = slopes + fixed-effect levels that are
          not nested in the cluster; t with G − 1 degrees of freedom;
        - ``areg`` (Stata): the same with every fixed-effect level in K;
        - ``plm_sss`` (R, ``vcovHC(type = "sss")``): :math:`\frac{G}{G-1}\frac{N-1}{N-k}`; t with the residual degrees of freedom;
        - ``plm`` (R, ``vcovHC(type = "HC0")``): 1; t with the residual degrees of freedom;
        - ``none``: 1; t with G − 1 degrees of freedom.

        Without clusters the first three are :math:`\frac{N}{N-K}` (HC1 for ``robust``), the others 1 (for ``iid`` always
        :math:`\frac{N}{N-K}`).
    vcov : {"cluster", "robust", "iid"}
    n_obs, n_slopes : int
    effects, clusters : mapping of str to numpy.ndarray

    Returns
    -------
    Correction

    Examples
    --------
    >>> unit, time = np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4)
    >>> both = {"unit": unit, "time": time}
    >>> one = correction("fixest", "cluster", n_obs=12, n_slopes=1, effects=both, clusters={"unit": unit})
    >>> round(one.factor, 6)  # 4/3 · 11/8
    1.833333
    """
    full = count_parameters(n_slopes, effects, {})
    residual = float(n_obs - full)
    if vcov != "cluster":
        adjusted = vcov == "iid" or convention in {"fixest", "reghdfe", "areg"}
        return Correction(n_obs / residual if adjusted else 1.0, residual, full if adjusted else 0, 0)
    smallest = min(int(codes.max()) + 1 for codes in clusters.values())
    groups = smallest / (smallest - 1)
    df = residual if convention in {"plm", "plm_sss"} else float(smallest - 1)
    if convention in {"plm", "none"}:
        return Correction(1.0, df, 0, smallest)
    counted = {
        "areg": full,
        "plm_sss": n_slopes,
    }.get(convention, count_parameters(n_slopes, effects, clusters))
    return Correction(groups * (n_obs - 1) / (n_obs - counted), df, counted, smallest)
