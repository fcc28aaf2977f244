"""Fit one model to many samples at once.

The interface, for the bootstrap, Monte Carlo studies, permutations and multiverses::

    batch = batch_of(problem, x, estimator="ML")     # the model, to be started at x (user's units)
    moments = resampled(batch, weights)              # case weights, one array (R, n_g) a group; or
    moments = simulated(batch, covs, means, n)       # moments of other samples, in the user's units
    found = fit_many(batch, moments)                 # .x (R, q) in the user's units, .value, .status, …
    errors = standard_errors(batch, moments, found)  # (R, q), expected information

``fit_many`` gives each sample the result it would have alone: it depends neither on the others nor on their number.
Everything is in standardized units inside, those of the full sample.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.minimise import GRADIENT_OK
from cbecmodel.structure.estimate.native import Problem, StandardizedProblem, standardized
from cbecmodel.structure.resampling.compiled import compiled_discrepancies, compiled_search, kernel_in_use
from cbecmodel.structure.resampling.moments import (
    Cases,
    GroupMoments,
    ManyMoments,
    cases_of,
    given_moments,
    weighted_moments,
    with_diagonal_weights,
    with_identity_weights,
)
from cbecmodel.structure.resampling.objective import Method, group_discrepancy
from cbecmodel.structure.resampling.reduced import ReducedGroup, reduced_group
from cbecmodel.structure.resampling.search import Indices, Search, search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.resampling.search import Indices

Floats = NDArray[np.float64]
_WORKING_SET: Final = 4_000_000  # numbers that the matrices of one block may hold
_BATCHED: Final = ("GLS", "ULS", "DWLS")


@dataclass(frozen=True, slots=True)
class Batch:
    """A model, ready to be fitted many times.

    Attributes
    ----------
    problem : Problem
        Of the full sample.
    work : StandardizedProblem
        The same in the engine's units.
    groups : tuple of ReducedGroup
    cases : tuple of Cases
        Empty if the model was fitted to moments.
    method : {"ML", "FIML", "GLS", "ULS", "DWLS"}
    start : ndarray, shape (r,)
        Coordinates of the warm start in the space of the constraints.
    preconditioner : ndarray, shape (r, r)
        Inverse Hessian there.
    size : float
        What the discrepancy is divided by inside, so that its curvature is near one.
    """

    problem: Problem
    work: StandardizedProblem
    groups: tuple[ReducedGroup, ...]
    cases: tuple[Cases, ...]
    method: Method
    start: Floats
    preconditioner: Floats
    size: float


@dataclass(frozen=True, slots=True)
class ManyFits:
    """Fits of R samples.

    Attributes
    ----------
    x : ndarray, shape (R, q)
        In the user's units.
    value : ndarray, shape (R,)
        Discrepancy: for complete data that of the single fit (NaN under maximum likelihood if the sample's covariances are
        singular), for incomplete data minus two log-likelihoods a case without its constant.
    gradient : ndarray, shape (R,)
        Largest element of the constrained gradient, in standardized units.
    evaluations : ndarray of int, shape (R,)
    converged : ndarray of bool, shape (R,)
        Judged by the gradient.
    """

    x: Floats
    value: Floats
    gradient: Floats
    evaluations: Indices
    converged: NDArray[np.bool_]


def batch_of(problem: Problem, x: Floats, estimator: str = "ML") -> Batch:
    """Prepare a model to be fitted many times.

    Parameters
    ----------
    problem : Problem
    x : ndarray, shape (q,)
        Where every search starts, in the user's units: the full sample's solution, or a population's parameters.
    estimator : str

    Returns
    -------
    Batch

    Raises
    ------
    ModelError
        For an estimator the engine has no discrepancy for (WLS), and for weighted, clustered or stratified samples, whose
        cases are not drawn independently.
    """
    if any(sample.design is not None for sample in problem.samples):
        raise ModelError("structure.resampling_design")
    if any(sample.ordinal is not None for sample in problem.samples):
        raise ModelError("structure.resampling_ordinal")
    work = standardized(problem)
    if problem.weights and estimator not in _BATCHED:
        raise ModelError("structure.resampling_estimator", estimator=estimator, available=", ".join(("ML", *_BATCHED)))
    incomplete = any(sample.patterns for sample in problem.samples)
    method: Method = estimator if problem.weights else "FIML" if incomplete else "ML"  # type: ignore[assignment]  # checked
    size = float(np.mean([np.diag(weight).mean() for weight in work.weights])) if work.weights else 1.0
    divisor = problem.samples[0]
    unbiased = bool(problem.weights) or _divides_by_n_less_one(problem)
    units = work.scale.variables
    cases = tuple(
        cases_of(sample, units[: len(sample.names)], unbiased=unbiased)
        for sample in problem.samples
        if divisor.raw is not None
    )
    groups = tuple(
        reduced_group(group, problem.table, number) for number, group in enumerate(work.pattern.groups, start=1)
    )
    here = x * work.scale.parameters
    sized = replace(work, weights=tuple(weight / size for weight in work.weights))
    basis = work.space.basis
    second = sized.objective(here, True)
    preconditioner = _inverse_curvature(basis.T @ second.hessian @ basis, basis.T @ second.information @ basis)
    return Batch(problem, work, groups, cases, method, work.space.coordinates(here), preconditioner, size)


def _divides_by_n_less_one(problem: Problem) -> bool:
    sample = problem.samples[0]
    if sample.raw is None or sample.patterns:
        return False
    plain = np.diag(np.cov(sample.raw, rowvar=False, bias=True).reshape(sample.cov.shape))
    return not np.allclose(np.diag(sample.cov), plain, rtol=1e-9)


def _inverse_curvature(hessian: Floats, information: Floats) -> Floats:
    """Invert the Hessian; where it is not positive, take the expected one, and never more than it can tell."""
    for matrix in (hessian, 2 * information):
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        if values.size and values[0] > 1e-9 * values[-1]:
            break
    positive = np.maximum(values, 1e-9 * values.max(initial=1e-300))
    return np.asarray((vectors / positive) @ vectors.T, dtype=np.float64)


def resampled(batch: Batch, weights: Sequence[Floats]) -> ManyMoments:
    """Return the moments of resamples.

    Parameters
    ----------
    batch : Batch
        Of a fit to data.
    weights : sequence of ndarray, shape (R, n_g)
        For each group how often each of its cases was drawn.

    Returns
    -------
    ManyMoments
    """
    groups = []
    for cases, weight in zip(batch.cases, weights, strict=True):
        counts = np.asarray(weight, dtype=np.float64)
        moments = weighted_moments(cases, counts)
        if batch.method == "DWLS":
            moments = with_diagonal_weights(moments, cases, counts)
        groups.append(_sized(batch, moments))
    return ManyMoments(tuple(groups))


def simulated(batch: Batch, covs: Sequence[Floats], means: Sequence[Floats], n: Sequence[Floats]) -> ManyMoments:
    """Return moments of samples that are not resamples.

    Parameters
    ----------
    batch : Batch
        Not of incomplete data, nor of diagonal weights (these need the cases: ``cases_of`` and ``weighted_moments``).
    covs : sequence of ndarray, shape (R, p, p)
        In the user's units, with the estimator's divisor (n; n − 1 for least squares).
    means : sequence of ndarray, shape (R, p)
    n : sequence of ndarray, shape (R,)

    Returns
    -------
    ManyMoments

    Raises
    ------
    ModelError
        If moments are not enough for the estimator.
    """
    if batch.method in ("FIML", "DWLS"):
        raise ModelError("structure.resampling_needs_cases", method=batch.method)
    groups = []
    for group, cov, mean, size in zip(batch.groups, covs, means, n, strict=True):
        unit = batch.work.scale.variables[: group.p]
        groups.append(_sized(batch, given_moments(cov / np.outer(unit, unit), mean / unit, np.asarray(size, float))))
    return ManyMoments(tuple(groups))


def _sized(batch: Batch, moments: GroupMoments) -> GroupMoments:
    if batch.method == "ULS":
        moments = with_identity_weights(moments, batch.work.scale.variables[: moments.cov.shape[1]])
    return replace(
        moments,
        moment_weights=moments.moment_weights / batch.size,
        mean_weights=moments.mean_weights / batch.size,
    )


def discrepancies(batch: Batch, moments: ManyMoments, z: Floats) -> tuple[Floats, Floats]:
    """Return the discrepancies of samples and their gradients in the space of the constraints.

    Parameters
    ----------
    batch : Batch
    moments : ManyMoments
        Of R samples.
    z : ndarray, shape (R, r)

    Returns
    -------
    value : ndarray, shape (R,)
    gradient : ndarray, shape (R, r)
    """
    if kernel_in_use() != "numpy":
        return compiled_discrepancies(batch, moments, _shares(batch, moments), z)
    space, pattern = batch.work.space, batch.work.pattern
    x = space.offset + z @ space.basis.T
    gradient = np.zeros_like(x)
    value = np.zeros(len(z))
    shares = _shares(batch, moments)
    for index, (group, sample) in enumerate(zip(batch.groups, moments.groups, strict=True)):
        value = value + group_discrepancy(
            group,
            sample,
            batch.cases[index] if batch.cases else None,
            x,
            gradient,
            share=shares[index],
            method=batch.method,
            means=pattern.means,
        )
    return value, gradient @ space.basis


def _shares(batch: Batch, moments: ManyMoments) -> list[Floats]:
    """Return what each group counts in the discrepancy."""
    total = np.sum([group.n for group in moments.groups], axis=0)
    lost = 0.0 if batch.method in ("ML", "FIML") else 1.0
    size = batch.size if batch.method == "GLS" else 1.0  # the others' weights are sized already
    return [(group.n - lost) / total / size for group in moments.groups]


def fit_many(batch: Batch, moments: ManyMoments, start: Floats | None = None) -> ManyFits:
    """Fit the model to many samples.

    Parameters
    ----------
    batch : Batch
    moments : ManyMoments
        Of R samples.
    start : ndarray, shape (R, q), optional
        Other points to start from, in the user's units.

    Returns
    -------
    ManyFits
        Those that did not converge are there too.
    """
    factors, space = batch.work.scale.parameters, batch.work.space
    if start is None:
        points = np.repeat(batch.start[None], len(moments), axis=0)
    else:
        points = np.array([space.coordinates(one) for one in start * factors])
    if kernel_in_use() != "numpy":
        found = compiled_search(batch, moments, _shares(batch, moments), points)
        return _in_user_units(batch, moments, found)
    block = block_size(batch)
    parts = []
    for begin in range(0, len(moments), block):
        at = np.arange(begin, min(begin + block, len(moments)))
        parts.append(_searched(batch, moments.take(at), points[at]))
    columns = ([getattr(part, name) for part in parts] for name in ("z", "value", "gradient", "evaluations"))
    return _in_user_units(batch, moments, Search(*map(np.concatenate, columns)))


def _in_user_units(batch: Batch, moments: ManyMoments, found: Search) -> ManyFits:
    space = batch.work.space
    x = (space.offset + found.z @ space.basis.T) / batch.work.scale.parameters
    value = found.value * batch.size - _constant(batch, moments)
    return ManyFits(x, value, found.gradient, found.evaluations, found.gradient < GRADIENT_OK)


def _constant(batch: Batch, moments: ManyMoments) -> Floats:
    """Return the part of the discrepancies that no parameter moves."""
    total = np.sum([group.n for group in moments.groups], axis=0)
    out = np.zeros(len(moments))
    for index, sample in enumerate(moments.groups):
        p = sample.cov.shape[1]
        share = sample.n / total
        if batch.method == "ML":
            sign, logdet = np.linalg.slogdet(sample.cov)
            out += share * np.where(sign > 0, logdet + p, np.nan)
        elif batch.method == "FIML":  # back to the user's units
            answered = batch.cases[index].answered * np.log(batch.work.scale.variables[:p])
            out -= share * (sample.weights @ (2 * answered.sum(axis=1)))
    return out


def block_size(batch: Batch) -> int:
    """Return how many samples are fitted side by side: as many as the processor's cache holds.

    Parameters
    ----------
    batch : Batch

    Returns
    -------
    int
    """
    per_sample = sum(8 * group.p**2 + 6 * group.p * group.m for group in batch.groups)
    per_sample += sum(cases.n for cases in batch.cases if cases.hidden)
    return int(np.clip(_WORKING_SET // (8 * per_sample), 16, 256))


def _searched(batch: Batch, moments: ManyMoments, points: Floats) -> Search:
    current, current_ids = moments, np.arange(len(moments))

    def evaluate(z: Floats, ids: Indices) -> tuple[Floats, Floats]:
        nonlocal current, current_ids
        if len(ids) != len(current_ids):
            current, current_ids = moments.take(ids), ids
        return discrepancies(batch, current, z)

    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return search(evaluate, points, batch.preconditioner)
