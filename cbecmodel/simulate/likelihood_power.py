"""Power of the likelihood-ratio test of a restriction, without simulation (Satorra and Saris, 1985)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

from cbecmodel.errors import ModelError, ModelWarning
from cbecmodel.simulate.normal_population import NormalPopulation, normal_population
from cbecmodel.simulate.power_formulas import n_for_noncentrality, power_chisq
from cbecmodel.structure.api import sem

if TYPE_CHECKING:
    from cbecmodel.structure.results import SEMResults


def power_test(
    population: str | SEMResults | pd.DataFrame,
    model: str,
    restricted: str,
    *,
    n: int,
    alpha: float = 0.05,
    power: float = 0.8,
    standardized: bool = False,
    **options: Any,
) -> pd.Series[float]:
    r"""Return the power of the test between two nested models.

    Both are fitted to the population itself; the statistic of n cases then has the noncentrality
    :math:`\lambda = n (F_{restricted} - F_{model})`. To test one parameter, restrict it: ``y ~ 0*x``. To test a model as a whole,
    ``restricted`` is that model and ``model`` is ``""``, the saturated one.

    Parameters
    ----------
    population : str, SEMResults or pandas.DataFrame
        See :func:`cbecmodel.power`.
    model, restricted : str
        lavaan syntax of the model, and of the one with the restriction.
    n : int
        Cases.
    alpha, power : float
        Level of the test; power that ``n_required`` gives.
    standardized : bool
        The population's values are standardized.
    **options
        Of :func:`cbecmodel.sem`.

    Returns
    -------
    pandas.Series
        ``power``, ``noncentrality``, ``df``, ``n``, ``n_required``.

    Raises
    ------
    ContentError
        If the population is impossible.
    ModelError
        If the models do not differ in degrees of freedom.

    References
    ----------
    .. [1] Satorra, A., & Saris, W. E. (1985). Power of the likelihood ratio test in covariance structure analysis.
       Psychometrika, 50, 83-90.

    Examples
    --------
    >>> found = power_test("y ~ .2*x", "y ~ x", "y ~ 0*x", n=200, standardized=True)
    >>> round(float(found["power"]), 4)
    0.8152
    """
    truth = normal_population(population, standardized=standardized)
    small = population_fit(truth, restricted, n, options)
    statistic, df = float(small.fit_measures["chisq"]), small.df
    if model.strip():
        whole = population_fit(truth, model, n, options)
        statistic, df = statistic - float(whole.fit_measures["chisq"]), df - whole.df
    if df <= 0:
        raise ModelError("simulate.power_not_nested", restricted=small.df, other=small.df - df)
    noncentrality = max(statistic, 0.0)
    found = {
        "power": power_chisq(df, noncentrality, alpha),
        "noncentrality": noncentrality,
        "df": df,
        "n": n,
        "n_required": n_for_noncentrality(df, noncentrality / n, power, alpha),
    }
    return pd.Series(found, name="power", dtype=float)


def population_fit(population: NormalPopulation, model: str, n: int, options: dict[str, Any]) -> SEMResults:
    """Fit a model to a population: its parameters are what estimates tend to.

    Parameters
    ----------
    population : NormalPopulation
    model : str
    n : int
        Cases that chi-square is computed for.
    options : dict
        Of :func:`cbecmodel.sem`.

    Returns
    -------
    SEMResults

    Raises
    ------
    ModelError
        If a parameter is not identified.
    """
    mean = dict(zip(population.names, population.mean, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)  # what matters here is raised below
        fit = sem(model, sample_cov=population.frame * n / (n - 1), sample_mean=mean, sample_nobs=n, **options)
    if fit.unidentified:
        names = ", ".join(fit.table.free_names[k] for k in fit.unidentified)
        raise ModelError("simulate.power_unidentified", parameters=names)
    return fit
