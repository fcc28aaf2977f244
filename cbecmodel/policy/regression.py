"""One fixed-effects regression, corrected and ready to be read; and the same by the second engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from cbecmodel.errors import ModelError
from cbecmodel.policy.engines import RawFit, fit
from cbecmodel.policy.labels import listed
from cbecmodel.policy.small_sample import Correction, correction, count_parameters
from cbecmodel.policy.within import redundant, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cbecmodel.policy.options import Engine, SmallSample, Vcov
    from cbecmodel.policy.sample import Sample

AGREEMENT = 1e-10
"""Difference of two engines that is rounding, relative to the larger of the estimate and its standard error."""


@dataclass(frozen=True, slots=True)
class Regression:
    """A fitted regression of the outcome on k treatment columns.

    Attributes
    ----------
    names : tuple of str
        Of the columns, k.
    regressors : numpy.ndarray
        n × k.
    sample : Sample
    params : numpy.ndarray
        k.
    cov : numpy.ndarray
        k × k, with the small-sample factor.
    corrected : Correction
    vcov : str
    engine : str
    repaired : bool
        The covariance had negative eigenvalues (two-way clustering), which were set to 0.
    """

    names: tuple[str, ...]
    regressors: NDArray[np.float64]
    sample: Sample
    params: NDArray[np.float64]
    cov: NDArray[np.float64]
    corrected: Correction
    vcov: Vcov
    engine: Engine
    repaired: bool = False

    @property
    def se(self) -> NDArray[np.float64]:
        """Standard errors, k."""
        errors: NDArray[np.float64] = np.sqrt(np.diag(self.cov))
        return errors

    def interval(self, level: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return pointwise t intervals.

        Parameters
        ----------
        level : float

        Returns
        -------
        tuple of numpy.ndarray
            Lower and upper ends, k each.
        """
        half = float(stats.t.ppf(0.5 + level / 2, self.corrected.df)) * self.se
        return self.params - half, self.params + half

    def pvalues(self) -> NDArray[np.float64]:
        """Return two-sided p-values of the t tests that each coefficient is 0, k."""
        p: NDArray[np.float64] = 2 * stats.t.sf(np.abs(self.params / self.se), self.corrected.df)
        return p

    def second(self) -> pd.DataFrame:
        """Return coefficients and standard errors by this engine and by the other one.

        Returns
        -------
        pandas.DataFrame
            ``quantity``, ``est``, ``other``, ``difference``, ``tolerance``, ``agrees``.
        """
        other: Engine = "statsmodels" if self.engine == "linearmodels" else "linearmodels"
        again = fit(self.sample, self.regressors, self.vcov, other)
        errors = np.sqrt(np.diag(positive(again.cov)[0]) * self.corrected.factor)
        quantities = [*self.names, *(f"{name} se" for name in self.names)]
        est, est_other = np.concatenate([self.params, self.se]), np.concatenate([again.params, errors])
        scale = np.maximum(np.abs(est), np.tile(self.se, 2))
        table = pd.DataFrame({"quantity": quantities, "est": est, "other": est_other})
        table["difference"] = (table["est"] - table["other"]).abs()
        table["tolerance"] = AGREEMENT * scale
        table["agrees"] = table["difference"] <= table["tolerance"]
        return table


def positive(cov: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """Return a covariance without negative eigenvalues, and whether it had any.

    A two-way clustered covariance is a difference of matrices and need not be positive; Cameron, Gelbach & Miller (2011) set
    its negative eigenvalues to 0, which makes errors larger.

    Parameters
    ----------
    cov : numpy.ndarray
        k × k.

    Returns
    -------
    cov : numpy.ndarray
    repaired : bool

    Examples
    --------
    >>> positive(np.array([[1.0, 2.0], [2.0, 1.0]]))[0].round(2).tolist()
    [[1.5, 1.5], [1.5, 1.5]]
    """
    values, vectors = np.linalg.eigh(cov)
    if values[0] >= -1e-12 * max(float(values[-1]), np.finfo(float).tiny):
        return cov, False
    repaired: NDArray[np.float64] = (vectors * np.clip(values, 0.0, None)) @ vectors.T
    return repaired, True


def redundant_columns(sample: Sample, regressors: NDArray[np.float64]) -> list[int]:
    """Return treatment columns that effects, controls and the columns before them determine.

    Parameters
    ----------
    sample : Sample
    regressors : numpy.ndarray
        n × k.

    Returns
    -------
    list of int

    Raises
    ------
    ModelError
        If controls are collinear among themselves or with the effects; names them.
    """
    both = np.hstack([sample.controls, regressors])
    root = np.ones(len(both)) if sample.weights is None else np.sqrt(sample.weights)
    left = within(both, sample.effects.values(), sample.weights) * root[:, None]
    found = redundant(left, np.linalg.norm(both * root[:, None], axis=0))
    n_controls = sample.controls.shape[1]
    controls = [sample.control_names[index] for index in found if index < n_controls]
    if controls:
        raise ModelError("policy.collinear_controls", columns=listed(controls))
    return [index - n_controls for index in found]


def regress(
    sample: Sample,
    regressors: NDArray[np.float64],
    names: tuple[str, ...],
    *,
    vcov: Vcov,
    small_sample: SmallSample,
    engine: Engine,
) -> Regression:
    """Fit one regression and correct its covariance.

    Parameters
    ----------
    sample : Sample
    regressors : numpy.ndarray
        n × k, none of them redundant.
    names : tuple of str
    vcov, small_sample, engine : str
        As for :func:`~cbecmodel.policy.effect.policy_effect`.

    Returns
    -------
    Regression

    Raises
    ------
    ModelError
        If there are no degrees of freedom left.
    """
    clusters = sample.clusters if vcov == "cluster" else {}
    slopes = regressors.shape[1] + sample.controls.shape[1]
    counts: dict[str, Any] = {
        "n_obs": len(sample.y),
        "n_slopes": slopes,
        "effects": sample.effects,
        "clusters": clusters,
    }
    if len(sample.y) <= (k := count_parameters(slopes, sample.effects, {})):
        raise ModelError("policy.no_freedom", n=len(sample.y), k=k)
    corrected = correction(small_sample, vcov, **counts)
    raw: RawFit = fit(sample, regressors, vcov, engine)
    cov, repaired = positive(raw.cov * corrected.factor)
    return Regression(names, regressors, sample, raw.params, cov, corrected, vcov, engine, repaired)
