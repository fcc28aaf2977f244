"""Weights that make a sample's margins those of the population it was to be drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel.errors import ConvergenceError, DataError
from cbecmodel.survey.text_matching import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_ROUNDS: Final = 1000
_EXACT: Final = 1e-10
_SUM: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Raked:
    """Weights and what they cost.

    Parameters
    ----------
    weights : pandas.Series
        One a respondent, mean 1; NaN for those without an answer to a quota question.
    margins : pandas.DataFrame
        Columns ``variable, category, target, sample, weighted`` (shares).
    design_effect : float
        Kish's: how much larger variances are than under equal weights, ``n Σw² / (Σw)²``.
    effective_n : float
    """

    weights: pd.Series[float]
    margins: pd.DataFrame
    design_effect: float
    effective_n: float


def rake(frame: pd.DataFrame, targets: Mapping[str, Mapping[Any, float]], *, limit: float | None = None) -> Raked:
    """Rake respondents to stated margins (iterative proportional fitting).

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a respondent.
    targets : Mapping
        Question to ``{answer: share}``; the shares of a question sum to one.
    limit : float, optional
        At least 1. No weight exceeds so many times the mean; the margins are then met as nearly as that allows.

    Returns
    -------
    Raked

    Raises
    ------
    DataError
        If a question is unknown, shares do not sum to one, nobody gave an answer that has a share, or somebody gave an
        answer that has none.
    ConvergenceError
        If no weights meet the margins.

    References
    ----------
    .. [1] Deming, W. E., & Stephan, F. F. (1940). On a least squares adjustment of a sampled frequency table when the expected
       marginal totals are known. Annals of Mathematical Statistics, 11(4), 427–444.

    Examples
    --------
    >>> people = pd.DataFrame({"sex": [1, 1, 1, 2]})
    >>> rake(people, {"sex": {1: 0.5, 2: 0.5}}).weights.round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    _check(frame, targets)
    if limit is not None and limit < 1:
        raise DataError("survey.weight_limit", limit=f"{limit:g}")
    answered = frame[list(targets)].notna().all(axis=1).to_numpy()
    members = [
        (np.asarray(frame.loc[answered, name] == category), share)
        for name, shares in targets.items()
        for category, share in shares.items()
        if share > 0
    ]
    weights = _fit(int(answered.sum()), members, limit)
    full = pd.Series(np.nan, index=frame.index, name="weight")
    full[answered] = weights
    effect = float(len(weights) * (weights**2).sum() / weights.sum() ** 2)
    return Raked(full, _margins(frame, targets, full), effect, len(weights) / effect)


def _fit(n: int, members: list[tuple[NDArray[np.bool_], float]], limit: float | None) -> NDArray[np.float64]:
    weights = np.ones(n)
    for _ in range(_ROUNDS):
        before = weights.copy()
        for inside, share in members:
            weights[inside] *= share * n / weights[inside].sum()
        if limit is not None:
            weights = _capped(weights, limit)
        if np.abs(weights - before).max() < _EXACT:
            met = all(abs(weights[inside].sum() / n - share) < _SUM for inside, share in members)
            if met or limit is not None:
                return weights
            break
    raise ConvergenceError("survey.raking_failed", rounds=_ROUNDS)


def _capped(weights: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Cut weights at a multiple of their mean and give what was cut to the others, until none exceeds it."""
    for _ in weights:
        over = weights > limit * (1 + _EXACT)
        if not over.any():
            break
        spare = (weights[over] - limit).sum()
        weights = np.where(over, limit, weights)
        free = weights < limit
        weights[free] += spare * weights[free] / weights[free].sum()
    return weights


def _check(frame: pd.DataFrame, targets: Mapping[str, Mapping[Any, float]]) -> None:
    unknown = [name for name in targets if name not in frame]
    if unknown or not targets:
        raise DataError("survey.unknown_quota", columns=shortened(unknown) or "–", known=shortened(frame.columns, 12))
    for name, shares in targets.items():
        total = sum(shares.values())
        if abs(total - 1) > _SUM or min(shares.values()) < 0:
            raise DataError("survey.quota_shares", column=name, total=f"{total:g}")
        given = set(frame[name].dropna().unique())
        empty = [str(category) for category, share in shares.items() if share > 0 and category not in given]
        extra = [str(category) for category in given if not shares.get(category, 0) > 0]
        if empty or extra:
            found = {"column": name, "empty": ", ".join(empty) or "–", "extra": ", ".join(sorted(extra)) or "–"}
            raise DataError("survey.quota_categories", **found)


def _margins(
    frame: pd.DataFrame, targets: Mapping[str, Mapping[Any, float]], weights: pd.Series[float]
) -> pd.DataFrame:
    rows = []
    used = weights.notna()
    for name, shares in targets.items():
        for category, share in shares.items():
            inside = (frame[name] == category) & used
            weighted = float(weights[inside].sum() / weights[used].sum())
            rows.append((name, category, share, float(inside.sum() / used.sum()), weighted))
    return pd.DataFrame(rows, columns=["variable", "category", "target", "sample", "weighted"])
