r"""Standard errors of residuals, and what they say about the size of misfit.

Residual moments are :math:`e = Q (s - \sigma)` with :math:`Q = I - w \Delta I_\theta^{-1} \Delta' V`, so that their covariances
are :math:`Q \Gamma Q' / n`. With T1 and T2 the traces of these covariances and of their square, the root mean square of t
residuals has expectation :math:`\sqrt{T_1/t} (1 - T_2/(4T_1^2))` and variance :math:`T_2/(2 t T_1)` under exact fit [1]_.

References
----------
.. [1] Maydeu-Olivares, A. (2017). Assessing the size of model misfit in structural equation models. Psychometrika, 82,
   533-558.
.. [2] Hausman, J. A. (1978). Specification tests in econometrics. Econometrica, 46, 1251-1271.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.implied import implied, jacobian, vech, vech_indices
from cbecmodel.structure.estimate.least_squares import moment_deviations
from cbecmodel.structure.inference.robust import case_data, fixed_columns, score_rows
from cbecmodel.structure.inference.saturated import saturated_information, saturated_meat
from cbecmodel.structure.inference.vcov import inverse_information

if TYPE_CHECKING:
    from cbecmodel.structure.estimate.native import StandardizedProblem
    from cbecmodel.structure.results import SEMResults
    from cbecmodel.structure.sample.moments import SampleMoments

Floats = NDArray[np.float64]
Correlation = Literal["raw", "cor_bentler", "cor_bollen"]
STANDARDIZED: Final = ("normalized", "standardized", "standardized_mplus")
SUMMARIES: Final = {"raw": "rmr", "cor_bentler": "srmr", "cor_bollen": "crmr"}
_NOTHING = 1e-5  # in standard deviations: a smaller residual is no residual
_CLOSE, _LEVEL = 0.05, 0.90


@dataclass(frozen=True, slots=True)
class ResidualGroup:
    """Residuals of one group, means first, if modelled.

    Attributes
    ----------
    residual : ndarray, shape (m,)
    sampling : ndarray, shape (m, m)
        Covariances of the sample moments.
    left : ndarray, shape (m, m)
        Covariances of the residuals.
    """

    residual: Floats
    sampling: Floats
    left: Floats


def _information(
    sample: SampleMoments, mean: Floats, cov: Floats, kind: str, loose: NDArray[np.bool_], *, means: bool
) -> Floats:
    """Return the information of a case about the moments that vary, zero elsewhere."""
    if kind == "first_order":
        found = saturated_meat(sample, mean, cov)
    else:
        found = saturated_information(sample, mean, cov, "observed" if kind == "observed" else "expected")
    p = len(mean)
    found = found if means else found[p:, p:]
    return np.where(np.outer(loose, loose), found, 0.0)


def _inverse(matrix: Floats) -> Floats:
    """Invert the part of a matrix that is not zero."""
    own = np.flatnonzero(np.diag(matrix) != 0)
    out = np.zeros_like(matrix)
    out[np.ix_(own, own)] = np.linalg.inv(matrix[np.ix_(own, own)])
    return out


def _loose(fit: SEMResults) -> NDArray[np.bool_]:
    """Return which moments vary: not those of fixed exogenous variables alone."""
    fixed = fixed_columns(fit.table)
    rows, columns = vech_indices(len(fixed))
    loose = ~(fixed[rows] & fixed[columns])
    return np.concatenate([~fixed, loose]) if fit.table.meanstructure else loose


@dataclass(frozen=True, slots=True)
class _Piece:
    """Matrices of one group in standardized units."""

    residual: Floats
    delta: Floats
    weight: Floats
    sampling: Floats
    share: float
    n: float


def _piece(
    fit: SEMResults, work: StandardizedProblem, sample: SampleMoments, number: int, loose: NDArray[np.bool_]
) -> _Piece:
    options, means = fit.options, fit.table.meanstructure
    group = work.pattern.groups[number]
    state = implied(group, fit.x * work.scale.parameters)
    delta = np.zeros((len(loose), len(fit.x)))
    np.add.at(delta.T, group.parameter, jacobian(state, means).T)
    gap = vech(sample.cov - state.sigma)
    residual = np.concatenate([sample.mean - state.mu, gap]) if means else gap
    if work.weights:
        weight = work.weights[number]
        weight = np.diag(weight) if weight.ndim == 1 else weight
        sampling = _inverse(weight) if options.se == "standard" else _gamma(sample, means)
        return _Piece(residual, delta, weight, sampling, sample.n / fit.n_obs, sample.n)
    kind = "first_order" if options.se == "first_order" else options.information
    mean = state.mu if means else sample.mean
    weight = _information(sample, mean, state.sigma, kind, loose, means=means)
    sampling = _inverse(_information(sample, sample.mean, sample.cov, kind, loose, means=means))
    if sample.gamma is not None:
        sampling = sample.gamma
    elif options.se.startswith("robust"):
        meat = _information(sample, sample.mean, sample.cov, "first_order", loose, means=means)
        sampling = sampling @ meat @ sampling
    return _Piece(residual, delta, weight, sampling, sample.n / fit.n_obs, sample.n)


def residual_groups(fit: SEMResults, *, mplus: bool = False) -> list[ResidualGroup]:
    """Return the residuals of all groups with their covariances, in the user's units.

    Parameters
    ----------
    fit : SEMResults
    mplus : bool
        Take the covariances of the residuals for those of the moments less those of the estimates.

    Returns
    -------
    list of ResidualGroup
    """
    if any(sample.ordinal is not None for sample in fit.problem.samples):
        raise ModelError("structure.ordinal_residual_errors")
    work = fit.problem.standard
    loose = _loose(fit)
    pieces = [_piece(fit, work, sample, k, loose) for k, sample in enumerate(_with_cases(fit, work))]
    total = sum(one.share * one.delta.T @ one.weight @ one.delta for one in pieces)
    inverse = inverse_information(np.asarray(total, dtype=np.float64), work.space).vcov
    factors = work.scale.parameters
    errors = fit.vcov.to_numpy() * np.outer(factors, factors)
    unit = work.scale.variables[: len(fit.observed)]
    units = vech(np.outer(unit, unit))
    units = np.concatenate([unit, units]) if fit.table.meanstructure else units
    found = []
    for one in pieces:
        sampling = one.sampling / one.n
        if mplus:
            left = sampling - one.delta @ errors @ one.delta.T
        else:
            q = np.eye(len(one.residual)) - one.share * one.delta @ inverse @ one.delta.T @ one.weight
            left = q @ sampling @ q.T
        both = np.outer(units, units)
        found.append(ResidualGroup(one.residual * units, sampling * both, left * both))
    return found


def _gamma(sample: SampleMoments, means: bool) -> Floats:
    z = score_rows([moment_deviations(sample, means)], [sample])
    return np.asarray(z.T @ z / sample.n, dtype=np.float64)


def _with_cases(fit: SEMResults, work: StandardizedProblem) -> list[SampleMoments]:
    if any(sample.raw is None for sample in fit.problem.samples):
        return list(work.samples)
    cases = case_data(fit.problem, work)
    return [replace(sample, raw=raw) for sample, raw in zip(work.samples, cases, strict=True)]


def typed_residuals(
    sample: SampleMoments, sigma: Floats, group: ResidualGroup, kind: Correlation
) -> tuple[Floats, Floats]:
    """Return residuals of a kind and their covariances.

    Parameters
    ----------
    sample : SampleMoments
    sigma : ndarray, shape (p, p)
        Implied covariances.
    group : ResidualGroup
    kind : {"raw", "cor_bentler", "cor_bollen"}

    Returns
    -------
    values : ndarray, shape (m,)
    covariance : ndarray, shape (m, m)
    """
    if kind == "raw":
        return group.residual, group.left
    p = len(sample.names)
    means = len(group.residual) > p * (p + 1) // 2
    sd = np.sqrt(np.diag(sample.cov))
    slopes = np.diag(1 / vech(np.outer(sd, sd))) if kind == "cor_bentler" else _correlation_slopes(sample.cov)
    if kind == "cor_bentler":
        values = vech((sample.cov - sigma) / np.outer(sd, sd))
    else:
        own = np.sqrt(np.diag(sigma))
        values = vech(sample.cov / np.outer(sd, sd) - sigma / np.outer(own, own))
    if means:
        values = np.concatenate([group.residual[:p] / sd, values])
        whole = np.zeros((len(values), len(values)))
        whole[:p, :p], whole[p:, p:] = np.diag(1 / sd), slopes
        slopes = whole
    return values, slopes @ group.left @ slopes.T


def _correlation_slopes(cov: Floats) -> Floats:
    """Return the derivatives of correlations by covariances."""
    rows, columns = vech_indices(len(cov))
    sd = np.sqrt(np.diag(cov))
    place = {(int(i), int(j)): k for k, (i, j) in enumerate(zip(rows, columns, strict=True))}
    out = np.zeros((len(rows), len(rows)))
    for k, (i, j) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        if i != j:
            cor = cov[i, j] / (sd[i] * sd[j])
            out[k, k] = 1 / (sd[i] * sd[j])
            out[k, place[(i, i)]] = -cor / (2 * cov[i, i])
            out[k, place[(j, j)]] = -cor / (2 * cov[j, j])
    return out


def as_matrix(values: Floats, p: int) -> tuple[Floats, Floats | None]:
    """Turn stacked moments back into a matrix and means.

    Parameters
    ----------
    values : ndarray, shape (m,)
    p : int

    Returns
    -------
    matrix : ndarray, shape (p, p)
    mean : ndarray, shape (p,), or None
    """
    rows, columns = vech_indices(p)
    mean = values[:p] if len(values) > len(rows) else None
    out = np.zeros((p, p))
    out[rows, columns] = out[columns, rows] = values[len(values) - len(rows) :]
    return out, mean


def ratio(values: Floats, variance: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Return standard errors and z; a residual that is nothing keeps its value as z.

    Parameters
    ----------
    values, variance, size : ndarray, shape (m,)

    Returns
    -------
    se, z : ndarray, shape (m,)
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        se = np.sqrt(np.where(variance < 0, np.nan, variance))
        return se, values / np.where(np.abs(values) < _NOTHING * size, 1.0, se)


def moment_sizes(sample: SampleMoments, means: bool) -> Floats:
    """Return what counts as large for each moment: products of standard deviations.

    Parameters
    ----------
    sample : SampleMoments
    means : bool

    Returns
    -------
    ndarray, shape (m,)
    """
    sd = np.sqrt(np.diag(sample.cov))
    return np.concatenate([sd, vech(np.outer(sd, sd))]) if means else vech(np.outer(sd, sd))


def root_mean_square(values: Floats, covariance: Floats, count: int, name: str) -> dict[str, float]:
    """Return the root mean square of residuals with its error, test, unbiased estimate, interval and test of close fit.

    Parameters
    ----------
    values : ndarray, shape (m,)
    covariance : ndarray, shape (m, m)
    count : int
        Residuals to divide by.
    name : str
        Of the measure.

    Returns
    -------
    dict
    """
    squares = float(values @ values)
    first, second = float(np.trace(covariance)), float((covariance * covariance.T).sum())
    mixed = second + 2 * float(values @ covariance @ values)
    with np.errstate(divide="ignore", invalid="ignore"):
        rms = math.sqrt(squares / count) if count else 0.0
        se = _root(np.float64(second) / (first * 2 * count))
        expected = math.sqrt(max(first, 0.0) / count) * (1 - np.float64(second) / (4 * first**2)) if count else 0.0
        z = max(rms - float(expected), 0.0) / np.float64(se)
        k = 1 - np.float64(mixed) / (4 * squares**2)
        unbiased = float(math.sqrt(max(squares - first, 0.0) / count) / k) if count else 0.0
        error = _root(mixed / (k**2 * 2 * count * np.float64(squares)))
        close = (unbiased - _CLOSE) / np.float64(error)
    half = float(special.ndtri((1 + _LEVEL) / 2)) * error
    return {
        name: rms, f"{name}_se": se, f"{name}_exactfit_z": float(z), f"{name}_exactfit_pvalue": float(special.ndtr(-z)),
        f"u{name}": unbiased, f"u{name}_se": error, f"u{name}_ci_lower": unbiased - half,
        f"u{name}_ci_upper": unbiased + half, f"u{name}_closefit_h0_value": _CLOSE,
        f"u{name}_closefit_z": float(close), f"u{name}_closefit_pvalue": float(special.ndtr(-close)),
    }  # fmt: skip


def _root(variance: float) -> float:
    """Return a standard error; NaN where rounding made the variance."""
    return math.sqrt(variance) if math.isfinite(variance) and variance > np.finfo(float).eps else math.nan
