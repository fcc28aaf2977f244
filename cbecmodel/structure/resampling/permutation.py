"""Permutation tests of differences between groups: what would differ if who is in which group meant nothing."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError, ModelWarning
from cbecmodel.parallel import batch_size, map_batches
from cbecmodel.structure.api import sem
from cbecmodel.structure.resampling.alone import fitted_alone
from cbecmodel.structure.resampling.compiled import kernel_environment
from cbecmodel.structure.resampling.engine import Batch, batch_of, fit_many
from cbecmodel.structure.resampling.moments import Cases, ManyMoments, cases_of, weighted_moments
from cbecmodel.structure.resampling.permutation_results import PermutationResults
from cbecmodel.structure.resampling.quantities import defined_many, row_values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cbecmodel.parallel import Batch as Drawn
    from cbecmodel.parallel import Parallel
    from cbecmodel.structure.results import SEMResults

Floats = NDArray[np.float64]
_NEEDED: Final = {"estimator": "ML", "missing": "listwise", "likelihood": "normal", "engine": "native"}


@dataclass(frozen=True, slots=True)
class Contest:
    """What every worker needs to know.

    Attributes
    ----------
    fits : tuple of SEMResults
        The restricted model, and, if there is one, the freer one.
    batches : tuple of Batch
        The same, to be fitted many times.
    pooled : tuple of Cases
        The cases of all groups together, in the units of each batch.
    sizes : tuple of int
        Of the groups.
    """

    fits: tuple[SEMResults, ...]
    batches: tuple[Batch, ...]
    pooled: tuple[Cases, ...]
    sizes: tuple[int, ...]


def permutation_test(
    model: str,
    data: Any,
    *,
    group: str,
    group_equal: str | Sequence[str] = (),
    than: str | Sequence[str] | None = None,
    permutations: int = 1000,
    seed: int | np.random.SeedSequence,
    parallel: Parallel = None,
    folder: str | Path | None = None,
    progress: bool = False,
    **options: Any,
) -> PermutationResults:
    r"""Test differences between groups by dealing out the group labels anew, many times.

    Each time the models are fitted to the groups so made. A fit index for which no distribution is known, such as the change
    of CFI, gets a p-value in this way, and none needs large groups or normal variables. With :math:`b` of :math:`B` permutations
    at least as extreme as the data, :math:`p = (b + 1) / (B + 1)` [2]_.

    Parameters
    ----------
    model : str
        lavaan syntax; differences between groups are defined parameters: ``y ~ c(b1, b2)*x`` and ``diff := b1 - b2``.
    data : pandas.DataFrame, or an object with a ``frame``
        Cases with a missing value on a variable of the model are left out.
    group : str
        Column of the groups.
    group_equal : str or sequence of str
        What the restricted model holds equal, as in :func:`cbecmodel.sem`.
    than : str or sequence of str, optional
        What the freer model holds equal: ``group_equal="loadings", than=()`` tests metric against configural invariance. Without
        it the restricted model is tested alone.
    permutations : int
    seed : int or numpy.random.SeedSequence
    parallel : None, int, "dask" or distributed.Client, optional
        Where to compute; results do not depend on it.
    folder : str or pathlib.Path, optional
        Keeps finished batches.
    progress : bool
    **options
        Of :func:`cbecmodel.sem`; the estimator is ML.

    Returns
    -------
    PermutationResults

    Raises
    ------
    ModelError
        If the option is for other data or another estimator, or the models do not differ.
    DataError, ConvergenceError
        From the fit to the data.

    Notes
    -----
    The hypothesis is that cases are exchangeable between groups: a difference of any kind can make it fail. Permutations in
    which a model does not converge are counted and left out of the share.

    References
    ----------
    .. [1] Jorgensen, T. D., Kite, B. A., Chen, P.-Y., & Short, S. D. (2018). Permutation randomization methods for testing
       measurement equivalence and detecting differential item functioning in multiple-group confirmatory factor analysis.
       Psychological Methods, 23, 708-728.
    .. [2] Phipson, B., & Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical Applications in Genetics and
       Molecular Biology, 9, 39.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import holzinger39
    >>> found = cbec.permutation_test("visual =~ x1 + x2 + x3; speed =~ x7 + x8 + x9", holzinger39.get_data(), group="school",
    ...                               group_equal="loadings", than=(), permutations=50, seed=1)
    >>> round(float(found.tests.loc["chisq", "observed"]), 2), bool(found.tests.loc["chisq", "pvalue"] > 0.05)
    (0.6, True)
    """
    if permutations < 1:
        raise ModelError("structure.permutation_count", given=permutations)
    asked = {"group": group, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)  # counted in the results
        fits = [sem(model, data, group_equal=group_equal, **asked)]
        fits += [] if than is None else [sem(model, data, group_equal=than, **asked)]
    _refuse(fits)
    contest = _contest(tuple(fits))
    cases, groups = contest.pooled[0].n, len(contest.sizes)
    p, q = len(fits[0].observed), fits[0].table.n_free
    work = len(fits) * groups * 40.0 * (p**3 + q * p**2) + 2.0 * groups * cases * p**2
    found = map_batches(
        permuted, permutations, seed, size=batch_size(permutations, work), parallel=parallel, folder=folder,
        identity=_identity(contest), environment=kernel_environment,
        label=group if progress else "", args=(contest,),
    )  # fmt: skip
    return PermutationResults(tuple(fits), statistics(contest, _observed(contest)), found, permutations)


def permuted(drawn: Drawn, contest: Contest) -> dict[str, NDArray[Any]]:
    """Compute a batch of permutations.

    Parameters
    ----------
    drawn : cbecmodel.batches.Batch
    contest : Contest

    Returns
    -------
    dict of ndarray
        ``value``, shape (R, k): the statistics; ``converged``, shape (R,).
    """
    orders = [rng.permutation(contest.pooled[0].n) for rng in drawn.rngs()]
    weights = [np.zeros((len(orders), contest.pooled[0].n)) for _ in contest.sizes]
    ends = np.cumsum(contest.sizes)
    for row, order in enumerate(orders):
        for weight, end, size in zip(weights, ends, contest.sizes, strict=True):
            weight[row, order[end - size : end]] = 1.0
    parts = [_fitted(contest, index, weights) for index in range(len(contest.fits))]
    values = statistics(contest, parts)
    converged = np.all([part[0] for part in parts], axis=0)
    return {"value": np.where(converged[:, None], values, np.nan), "converged": converged}


def _fitted(
    contest: Contest, index: int, weights: Sequence[Floats]
) -> tuple[NDArray[np.bool_], Floats, Floats, Floats]:
    """Fit one model to all permutations: converged, chi-square, that of the baseline, parameters."""
    batch, cases = contest.batches[index], contest.pooled[index]
    moments = ManyMoments(tuple(weighted_moments(cases, weight) for weight in weights))
    fits = fit_many(batch, moments)
    x, value, converged = fits.x.copy(), fits.value.copy(), fits.converged.copy()
    for row in np.flatnonzero(~converged):  # a cold start may still find what the warm one missed
        values = [_raw(contest)[weight[row] > 0] for weight in weights]
        optimum, code = fitted_alone(contest.fits[index].problem, contest.fits[index].options, values)
        if optimum is not None and code == 0:
            x[row], value[row], converged[row] = optimum.x, optimum.value, True
    return converged, value * sum(contest.sizes), _baseline(batch, moments), x


def _raw(contest: Contest) -> Floats:
    return np.concatenate([sample.raw for sample in contest.fits[0].problem.samples if sample.raw is not None])


def _baseline(batch: Batch, moments: ManyMoments) -> Floats:
    """Return chi-squares of the model without covariances (those of exogenous variables stay)."""
    table = batch.problem.table
    kept = np.array([name in table.predictors for name in table.observed])
    out = np.zeros(len(moments))
    for group in moments.groups:
        variances = np.einsum("rii->ri", group.cov)[:, ~kept]
        inside = np.linalg.slogdet(group.cov[:, kept][:, :, kept])[1] if kept.any() else 0.0
        out += group.n * (np.log(variances).sum(axis=1) + inside - np.linalg.slogdet(group.cov)[1])
    return out


def statistics(contest: Contest, parts: Sequence[tuple[NDArray[np.bool_], Floats, Floats, Floats]]) -> Floats:
    """Return the statistics of fits: chi-square, RMSEA, CFI (differences if there are two models), defined parameters.

    Parameters
    ----------
    contest : Contest
    parts : sequence of (converged, chi-square, chi-square of the baseline, parameters)
        One a model.

    Returns
    -------
    ndarray, shape (R, 3 + d)
        The last d from the freest model.
    """
    n, groups = sum(contest.sizes), len(contest.sizes)
    base_df = int(contest.fits[0].fit_measures["baseline_df"])
    columns = []
    for fit, (_, chisq, base, _) in zip(contest.fits, parts, strict=True):
        excess, spare = np.maximum(chisq - fit.df, 0.0), np.maximum(base - base_df, 0.0)
        worst = np.maximum(np.maximum(excess, spare), 1e-300)
        rmsea = np.sqrt(excess / (n * fit.df) * groups) if fit.df else np.zeros(len(chisq))
        cfi = 1 - excess / worst if fit.df else np.ones(len(chisq))
        columns.append(np.column_stack([chisq, rmsea, cfi]))
    indices = columns[0] if len(columns) == 1 else columns[0] - columns[1]
    batch, x = contest.batches[-1], parts[-1][3]
    defined = defined_many(batch.problem, row_values(batch.problem, x, None, batch.work.scale.variables))
    return np.hstack([indices, defined])


def _observed(contest: Contest) -> list[tuple[NDArray[np.bool_], Floats, Floats, Floats]]:
    return [
        (
            np.array([True]),
            np.array([float(fit.fit_measures["chisq"])]),
            np.array([float(fit.fit_measures["baseline_chisq"])]),
            fit.x[None],
        )
        for fit in contest.fits
    ]


def _contest(fits: tuple[SEMResults, ...]) -> Contest:
    batches = tuple(batch_of(fit.problem, fit.x) for fit in fits)
    pooled = []
    for fit, batch in zip(fits, batches, strict=True):
        samples = fit.problem.samples
        whole = np.concatenate([sample.raw for sample in samples if sample.raw is not None])
        unit = batch.work.scale.variables[: len(fit.observed)]
        pooled.append(cases_of(replace(samples[0], raw=whole), unit, unbiased=False))
    return Contest(fits, batches, tuple(pooled), tuple(int(sample.n) for sample in fits[0].problem.samples))


def _refuse(fits: Sequence[SEMResults]) -> None:
    for fit in fits:
        for name, value in _NEEDED.items():
            if getattr(fit.options, name) != value:
                raise ModelError(
                    "structure.permutation_option", option=name, value=getattr(fit.options, name), needed=value
                )
        if fit.problem.limits is not None or any(sample.raw is None for sample in fit.problem.samples):
            raise ModelError("structure.permutation_limits")
    if len(fits) == 2 and fits[0].df <= fits[1].df:
        raise ModelError("structure.permutation_same", restricted=fits[0].df, freer=fits[1].df)


def _identity(contest: Contest) -> dict[str, str]:
    def hashed(*parts: bytes) -> str:
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    tables = [f"{fit.table.to_syntax()} {fit.options}".encode() for fit in contest.fits]
    return {
        "kind": "permutation",
        "models": hashed(*tables),
        "data": hashed(_raw(contest).tobytes(), repr(contest.sizes).encode()),
    }
