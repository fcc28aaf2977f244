"""Reliability of the constructs of a fitted model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from scipy import stats

from cbecmodel.errors import ModelWarning, warn
from cbecmodel.measurement.constructs import Construct, constructs

if TYPE_CHECKING:
    from cbecmodel.measurement.constructs import Array
    from cbecmodel.structure.results import SEMResults

COLUMNS: Final = (
    "alpha",
    "alpha_ci_lower",
    "alpha_ci_upper",
    "omega",
    "omega_model_implied",
    "composite_reliability",
    "ave",
    "ave_variance_weighted",
    "n_items",
)


def reliability(fit: SEMResults, level: float = 0.95) -> pd.DataFrame:
    r"""Return the reliability of every construct of a fitted model.

    With loadings :math:`\lambda_i`, latent variance :math:`\psi`, item covariances :math:`s_{ij}` (observed) and
    :math:`\sigma_{ij}` (implied by the model), and standardized loadings :math:`l_i`:

    * ``alpha`` – Cronbach's :math:`\frac{k}{k-1}\bigl(1 - \sum s_{ii} / \sum s_{ij}\bigr)` on the cases of the fit [1]_
      (pingouin), with Feldt's interval ``alpha_ci_lower``, ``alpha_ci_upper`` [2]_;
    * ``omega`` – :math:`(\sum\lambda_i)^2 \psi / \sum s_{ij}` [3]_, semTools' default: the share of the *observed* variance
      of the items' sum that the construct explains;
    * ``omega_model_implied`` – the same over :math:`\sum \sigma_{ij}`; correlated errors count as error in both;
    * ``composite_reliability`` – :math:`(\sum l_i)^2 / \bigl((\sum l_i)^2 + \sum (1 - l_i^2)\bigr)` [4]_;
    * ``ave`` – mean :math:`l_i^2` [4]_; ``ave_variance_weighted`` – :math:`\psi\sum\lambda_i^2 / \sum s_{ii}`, semTools' own.

    Alpha assumes equal loadings and uncorrelated errors; where they do not hold read omega. Customary thresholds are .70 for
    the reliabilities and .50 for the average variance extracted. Ordinal alpha is not among the columns: it needs
    polychoric correlations.

    Parameters
    ----------
    fit : SEMResults
    level : float
        Of alpha's interval.

    Returns
    -------
    pandas.DataFrame
        Index ``construct`` (``group`` and ``construct`` for several groups), in the order of the model. A second-order
        construct has its first-order constructs for items: ``composite_reliability``, ``ave`` and ``n_items`` refer to
        these, the other columns are NaN. Alpha is NaN for one item, its interval also where the fit has no raw data.

    Raises
    ------
    ModelError
        If it is given anything but a fitted model.

    Warns
    -----
    ModelWarning
        If a construct has a single item, whose reliability no model can tell, or loadings of both signs, which makes sums of
        its items meaningless.

    Notes
    -----
    Equal to semTools 0.5-6 (``compRelSEM``, ``AVE``) and psych 2.2.9 (``alpha``) on Holzinger and Swineford's data to 1e-7.

    References
    ----------
    .. [1] Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests. Psychometrika 16, 297–334.
    .. [2] Feldt, L. S., Woodruff, D. J., & Salih, F. A. (1987). Statistical inference for coefficient alpha. Applied
       Psychological Measurement 11, 93–103.
    .. [3] McDonald, R. P. (1999). Test theory: A unified treatment. Erlbaum.
    .. [4] Fornell, C., & Larcker, D. F. (1981). Evaluating structural equation models with unobservable variables and
       measurement error. Journal of Marketing Research 18, 39–50.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> fit = cbec.cfa("visual =~ x1 + x2 + x3\nspeed =~ x7 + x8 + x9", holzinger39.get_data())
    >>> cbec.reliability(fit)[["alpha", "ave"]].round(2)
               alpha   ave
    construct
    visual      0.63  0.37
    speed       0.69  0.43
    """
    found = constructs(fit)
    rows = [_coefficients(construct, level) for construct in found]
    for construct in found:
        _warn_about(construct)
    names: pd.Index[str] | pd.MultiIndex = pd.Index([construct.name for construct in found], name="construct")
    if fit.table.n_groups > 1:
        labels = [fit.group_labels[construct.group - 1] for construct in found]
        names = pd.MultiIndex.from_arrays([labels, names], names=["group", "construct"])
    frame = pd.DataFrame(rows, index=names, columns=list(COLUMNS))
    return frame.astype({"n_items": int})


@dataclass(frozen=True, slots=True)
class Alpha:
    """Cronbach's alpha with its interval.

    Attributes
    ----------
    estimate, lower, upper : float
    """

    estimate: float
    lower: float
    upper: float


def cronbach_alpha(items: pd.DataFrame, level: float = 0.95) -> Alpha:
    """Return Cronbach's alpha (pingouin) with Feldt's interval.

    Parameters
    ----------
    items : pandas.DataFrame
        Complete answers, a column an item, two at least.
    level : float

    Returns
    -------
    Alpha

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [2, 2, 4, 4, 5], "c": [1, 3, 3, 5, 5]})
    >>> round(cronbach_alpha(frame).estimate, 3)
    0.959
    """
    import pingouin

    estimate = float(pingouin.cronbach_alpha(data=items, nan_policy="listwise")[0])
    n, k = items.shape
    # pingouin rounds the interval's limits
    ratio = stats.f(n - 1, (n - 1) * (k - 1))
    lower, upper = (1 - (1 - estimate) * float(ratio.isf(tail)) for tail in ((1 - level) / 2, (1 + level) / 2))
    return Alpha(estimate, lower, upper)


def _alpha(construct: Construct, level: float) -> Alpha:
    if construct.observed is None or len(construct.items) < 2:
        return Alpha(np.nan, np.nan, np.nan)
    if construct.answers is not None:
        return cronbach_alpha(construct.answers, level)
    k = len(construct.items)
    estimate = k / (k - 1) * (1 - float(np.trace(construct.observed) / construct.observed.sum()))
    return Alpha(estimate, np.nan, np.nan)


def _coefficients(construct: Construct, level: float) -> dict[str, float]:
    alpha = _alpha(construct, level)
    squared = construct.standardized**2
    total = float(construct.standardized.sum()) ** 2
    common = float(construct.loadings.sum()) ** 2
    return {
        "alpha": alpha.estimate,
        "alpha_ci_lower": alpha.lower,
        "alpha_ci_upper": alpha.upper,
        "omega": _share(common, construct.observed),
        "omega_model_implied": _share(common, construct.implied),
        "composite_reliability": total / (total + float((1 - squared).sum())),
        "ave": float(squared.mean()),
        "ave_variance_weighted": _weighted(construct),
        "n_items": len(construct.items),
    }


def _share(common: float, covariances: Array | None) -> float:
    return np.nan if covariances is None else common / float(covariances.sum())


def _weighted(construct: Construct) -> float:
    if construct.observed is None:
        return np.nan
    return float((construct.loadings**2).sum() / np.trace(construct.observed))


def _warn_about(construct: Construct) -> None:
    if len(construct.items) == 1:
        warn(ModelWarning, "measurement.single_item", stacklevel=3, construct=construct.name, item=construct.items[0])
    negative = [item for item, loading in zip(construct.items, construct.standardized, strict=True) if loading < 0]
    if negative and len(negative) < len(construct.items):
        named = ", ".join(negative)
        warn(ModelWarning, "measurement.mixed_signs", stacklevel=3, construct=construct.name, items=named)
