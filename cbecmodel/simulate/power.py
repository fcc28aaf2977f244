"""Power of a planned study by Monte Carlo: draw, estimate, count."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

from cbecmodel.errors import ContentError, ConvergenceError, ModelError, ModelWarning
from cbecmodel.parallel import Replicates, batch_size, map_batches
from cbecmodel.simulate.likelihood_power import population_fit
from cbecmodel.simulate.normal_population import NormalPopulation, normal_population
from cbecmodel.simulate.population import Population
from cbecmodel.simulate.power_estimates import NOT_CONVERGED, Plan, estimates
from cbecmodel.simulate.power_results import PowerResults
from cbecmodel.simulate.power_samples import Answers, NormalData, Ordinal, normal_data
from cbecmodel.simulate.random_streams import check_seed, is_whole
from cbecmodel.structure.api import sem
from cbecmodel.structure.options import check_options
from cbecmodel.structure.resampling.compiled import kernel_environment
from cbecmodel.structure.resampling.engine import batch_of
from cbecmodel.survey.instrument import Instrument, load_instrument

if TYPE_CHECKING:
    from cbecmodel.parallel import Parallel
    from cbecmodel.structure.options import Options
    from cbecmodel.structure.results import SEMResults

_LARGE: Final = 100_000  # cases in which the truth is found where no formula gives it
_CHUNKS: Final = 10
_BATCHED: Final = {
    "estimator": "ML",
    "se": "standard",
    "information": "expected",
    "missing": "listwise",
    "test": "standard",
}
_ALONE: Final = 300.0  # one by one an estimate costs so many times what it costs in the batched engine


def power(
    population: str | SEMResults | pd.DataFrame | Population | Mapping[str, Any],
    model: str,
    *,
    n: int | Sequence[int],
    seed: int | np.random.SeedSequence,
    replications: int = 1000,
    standardized: bool = False,
    instrument: Instrument | str | Path | None = None,
    ordinal: Ordinal = None,
    missing: float | Mapping[str, Any] | None = None,
    treatment: Literal["listwise", "fiml"] = "listwise",
    alpha: float = 0.05,
    target: float = 0.8,
    parallel: Parallel = None,
    folder: str | Path | None = None,
    progress: bool = False,
    **options: Any,
) -> PowerResults:
    r"""Find out by simulation what a study of some size would show.

    Samples are drawn from a population, the model is estimated in each, and it is counted how often each parameter is
    significant, how often its interval covers the truth, and how often tests of fit reject.

    Parameters
    ----------
    population : str, SEMResults, DataFrame, Population or mapping
        lavaan syntax with a value for every path (``y ~ .3*x``); a fitted model; covariances; or, with ``instrument``, what
        :func:`cbecmodel.simulate_responses` draws from.
    model : str
        lavaan syntax of the model that is estimated, with ``:=`` for indirect effects.
    n : int or sequence of int
        Sample sizes.
    seed : int or numpy.random.SeedSequence
        The samples of one n do not depend on which others are asked for.
    replications : int
        Samples of each size.
    standardized : bool
        The population's values are standardized; residual variances follow.
    instrument : Instrument, str or pathlib.Path, optional
        Draw answers to its items, with their thresholds, careless respondents, missing answers and languages.
    ordinal : int, sequence of float, or mapping, optional
        Cut normal variables into so many categories, or into categories with these probabilities; by variable if a mapping.
    missing : float or mapping, optional
        Share of answers missing completely at random, or ``{"mcar": .05, "mar": {"share": .1, "covariate": "x", "slope": .8}}``.
    treatment : {"listwise", "fiml"}
        What the estimator does about missing answers; :func:`cbecmodel.sem` calls it ``missing``.
    alpha : float
        Level of all tests; intervals have level 1 − alpha.
    target : float
        Power for which the smallest n is sought.
    parallel : None, int, "dask" or distributed.Client, optional
        Where to compute; results do not depend on it.
    folder : str or pathlib.Path, optional
        Keeps finished batches, so that an interrupted study goes on where it was.
    progress : bool
        Show a progress bar for each n.
    **options
        Of :func:`cbecmodel.sem`, such as ``estimator="MLR"``.

    Returns
    -------
    PowerResults

    Raises
    ------
    ContentError
        If the population is impossible (says which parameter), names something unknown, or n is too small.
    ModelError
        If the population does not identify the model.
    ConvergenceError
        If the model could not be estimated in any sample of some size; says why.

    Notes
    -----
    The truth a parameter is compared with is what the model estimates in the population itself: its value where the model
    is right, the value nearest to the data where it is not. Of ordinal data and of answers it is what the model gives for
    100,000 attentive cases without gaps. Maximum likelihood with complete normal data draws sample moments (Wishart) and
    estimates all samples together; everything else is estimated sample by sample.

    References
    ----------
    .. [1] Muthén, L. K., & Muthén, B. O. (2002). How to use a Monte Carlo study to decide on sample size and determine power.
       Structural Equation Modeling, 9, 599-620.
    .. [2] Morris, T. P., White, I. R., & Crowther, M. J. (2019). Using simulation studies to evaluate statistical methods.
       Statistics in Medicine, 38, 2074-2102.

    Examples
    --------
    >>> found = power("m ~ .4*x; y ~ .4*m", "m ~ a*x; y ~ b*m; ab := a*b", n=[60, 120], replications=200, seed=1,
    ...               standardized=True)
    >>> indirect = found.parameters.query("label == 'ab'").set_index("n")["power"]
    >>> bool(indirect[60] < indirect[120])
    True
    """
    check_seed(seed)
    sizes = _sizes(n, replications, alpha, target)
    asked = _options({**options, "missing": treatment})
    source = _source(population, instrument, standardized, ordinal, missing)
    fit = _truth(source, model, asked, sizes[-1], seed)
    if sizes[0] <= len(fit.observed) + 1:
        raise ContentError("simulate.power_small_n", n=sizes[0], p=len(fit.observed))
    many = batch_of(fit.problem, fit.x) if _batchable(check_options("sem", asked), fit) else None
    k = fit.table.n_free + len(fit.table.defined)
    found: dict[int, Replicates] = {}
    for size in sizes:
        plan = Plan(source, size, model, asked, fit.observed, many, k)
        where = None if folder is None else Path(folder) / f"n-{size}"
        label = f"n = {size}" if progress else ""
        try:
            found[size] = _replicated(plan, replications, seed, parallel=parallel, folder=where, label=label)
        except KeyboardInterrupt:  # before the first batch of this size: those before it are whole
            if not found:
                raise
            break
        _refuse_all_failed(found[size], size)
        if found[size].partial:
            break
    return PowerResults(
        fit, found, alpha=alpha, target=target, replications=replications, exact=_exact(source), asked=len(sizes)
    )


def _sizes(n: int | Sequence[int], replications: int, alpha: float, target: float) -> tuple[int, ...]:
    given = [n] if is_whole(n) else list(n)  # type: ignore[arg-type]  # whatever is neither is refused below
    if not given or not all(is_whole(size) and size > 1 for size in given):
        raise ContentError("simulate.power_sizes", given=repr(n))
    if not is_whole(replications) or replications < 2:
        raise ContentError("simulate.power_replications", given=repr(replications))
    for name, value in (("alpha", alpha), ("target", target)):
        if not 0 < value < 1:
            raise ModelError("simulate.power_number", name=name, given=value, rule=f"0 < {name} < 1")
    return tuple(sorted({int(size) for size in given}))


def _options(options: dict[str, Any]) -> dict[str, Any]:
    for name in ("group", "cluster", "weights", "strata", "fpc"):
        if options.get(name) is not None:
            raise ModelError("simulate.power_option", option=name)
    return options


def _source(
    population: Any, instrument: Instrument | str | Path | None, standardized: bool, ordinal: Ordinal, missing: Any
) -> NormalData | Answers:
    if instrument is None:
        if isinstance(population, (Mapping, Population)):
            raise ContentError("simulate.power_needs_instrument")
        return normal_data(normal_population(population, standardized=standardized), ordinal, missing)
    if ordinal is not None or missing is not None:
        raise ContentError("simulate.power_in_population")
    chosen = instrument if isinstance(instrument, Instrument) else load_instrument(instrument)
    return Answers(chosen, Population.load(population))


def _exact(source: NormalData | Answers) -> bool:
    return isinstance(source, NormalData) and not source.thresholds


def _truth(source: NormalData | Answers, model: str, options: dict[str, Any], n: int, seed: Any) -> SEMResults:
    """Fit the model to the population itself, or to a very large sample of it."""
    if isinstance(source, NormalData) and not source.thresholds:
        plain = {
            name: value
            for name, value in options.items()
            if name in {"std_lv", "orthogonal", "fixed_x", "meanstructure"}
        }
        if options.get("missing") == "fiml":
            plain["meanstructure"] = True
        return population_fit(source.population, model, n, plain)
    parent = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    rngs = [
        np.random.default_rng(np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, 0, part)))
        for part in range(_CHUNKS)
    ]
    whole = source.without_gaps()
    data = pd.concat([whole.draw(_LARGE // _CHUNKS, rng) for rng in rngs], ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        return sem(model, data, **options)


def _batchable(options: Options, fit: SEMResults) -> bool:
    usual = all(getattr(options, name) == value for name, value in _BATCHED.items())
    return usual and fit.problem.limits is None


def _replicated(plan: Plan, replications: int, seed: Any, **where: Any) -> Replicates:
    parent = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    own = np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, plan.n))
    p, k = len(plan.names), plan.size
    work = 40.0 * (p**3 + k * p**2) + 4.0 * k**2 * p  # a search of some tens of evaluations, and the information
    drawing = 0.0 if plan.many is not None and plan.source.plain else 20.0 * plan.n * p
    size = batch_size(replications, work * (1.0 if plan.many is not None else _ALONE) + drawing)
    where |= {"environment": kernel_environment, "identity": _identity(plan)}
    return map_batches(estimates, replications, own, size=size, args=(plan,), **where)


def _identity(plan: Plan) -> dict[str, str]:
    def hashed(*parts: object) -> str:
        return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()

    source = plan.source
    if isinstance(source, NormalData):
        population: NormalPopulation = source.population
        cuts = {name: borders.tolist() for name, borders in source.thresholds.items()}
        drawn = hashed(population.names, population.cov.tolist(), population.mean.tolist(), cuts, source.missing)
    else:
        drawn = hashed(source.instrument.content_hash, source.population.model_dump_json())
    options = sorted((name, repr(value)) for name, value in plan.options.items())
    return {"kind": "power", "population": drawn, "model": hashed(plan.model, options), "cases": str(plan.n)}


def _refuse_all_failed(found: Replicates, n: int) -> None:
    status = found["status"]
    if (status < NOT_CONVERGED).any():
        return
    reasons = Counter(why for why in found["why"].tolist() if why)
    raise ConvergenceError("simulate.power_all_failed", n=n, replications=len(status), why=reasons.most_common(1)[0][0])
