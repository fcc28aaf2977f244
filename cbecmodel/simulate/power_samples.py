"""The samples a power study draws: moments where these are enough, data otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cbecmodel.errors import ContentError
from cbecmodel.simulate.item_responses import cut_points
from cbecmodel.simulate.population import Answering, Careless, Missing, Population
from cbecmodel.simulate.responses import simulate_responses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.simulate.normal_population import NormalPopulation
    from cbecmodel.survey.instrument import Instrument

Floats = NDArray[np.float64]
Ordinal: TypeAlias = "int | Sequence[float] | Mapping[str, int | Sequence[float]] | None"


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of R samples.

    Attributes
    ----------
    cov : ndarray, shape (R, p, p)
        Divisor n.
    mean : ndarray, shape (R, p)
    n : ndarray, shape (R,)
    """

    cov: Floats
    mean: Floats
    n: Floats


def wishart_moments(population: NormalPopulation, n: int, rngs: Sequence[np.random.Generator]) -> Moments:
    r"""Draw sample moments without drawing samples.

    The sum of products of n cases is Wishart with n - 1 degrees of freedom: :math:`L A A' L'` with a lower triangular A of
    independent normals and, on its diagonal, roots of chi-squares (Bartlett, 1933) [1]_. The means are independent of it.

    Parameters
    ----------
    population : NormalPopulation
        p variables.
    n : int
    rngs : sequence of numpy.random.Generator
        One a sample.

    Returns
    -------
    Moments

    References
    ----------
    .. [1] Bartlett, M. S. (1933). On the theory of statistical regression. Proceedings of the Royal Society of Edinburgh, 53,
       260-283.

    Examples
    --------
    >>> from cbecmodel.simulate.normal_population import normal_population
    >>> population = normal_population("y ~ .5*x", standardized=True)
    >>> drawn = wishart_moments(population, 100, [np.random.default_rng(k) for k in range(2000)])
    >>> (drawn.cov.mean(axis=0) * 100 / 99).round(1).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    p = len(population.names)
    root = np.linalg.cholesky(population.cov)
    rows, columns = np.tril_indices(p, -1)
    freedom = n - 1 - np.arange(p)
    factors = np.zeros((len(rngs), p, p))
    means = np.empty((len(rngs), p))
    every = np.arange(p)
    for index, rng in enumerate(rngs):
        drawn = rng.standard_normal(len(rows) + p)
        factors[index, rows, columns] = drawn[p:]
        factors[index, every, every] = np.sqrt(rng.chisquare(freedom))
        means[index] = drawn[:p]
    turned = root @ factors
    cov = turned @ turned.transpose(0, 2, 1) / n
    return Moments(cov, population.mean + means @ root.T / np.sqrt(n), np.full(len(rngs), float(n)))


@dataclass(frozen=True, slots=True)
class NormalData:
    """Data of a normal population, cut into categories and with gaps where that is asked for.

    Attributes
    ----------
    population : NormalPopulation
    thresholds : dict of str to ndarray
        Of standardized latent responses, for each variable that is ordinal.
    missing : Missing
    """

    population: NormalPopulation
    thresholds: dict[str, Floats]
    missing: Missing

    @property
    def plain(self) -> bool:
        """Return whether moments say all."""
        return not self.thresholds and self.missing == Missing()

    def without_gaps(self) -> NormalData:
        """Return the same without missing answers.

        Returns
        -------
        NormalData
        """
        return replace(self, missing=Missing())

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw one sample.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator

        Returns
        -------
        pandas.DataFrame
        """
        population = self.population
        values = rng.standard_normal((n, len(population.names))) @ np.linalg.cholesky(population.cov).T
        gaps = self._gaps(values, rng)
        scale = np.sqrt(np.diag(population.cov))
        out = values + population.mean
        for name, borders in self.thresholds.items():
            at = population.names.index(name)
            out[:, at] = 1.0 + np.searchsorted(borders, values[:, at] / scale[at])
        out[gaps] = np.nan
        return pd.DataFrame(out, columns=list(population.names))

    def _gaps(self, values: Floats, rng: np.random.Generator) -> NDArray[np.bool_]:
        chance = np.full(values.shape, self.missing.mcar)
        at_random = self.missing.mar
        if at_random is not None:
            at = self.population.names.index(at_random.covariate)
            z = values[:, at] / np.sqrt(self.population.cov[at, at])
            odds = at_random.share / (1 - at_random.share) * np.exp(at_random.slope * z)
            extra = np.repeat((odds / (1 + odds))[:, None], values.shape[1], axis=1)
            extra[:, at] = 0.0  # what the gaps depend on is always there
            chance = chance + (1 - chance) * extra
            chance[:, at] = 0.0
        if not chance.any():
            return np.zeros(values.shape, dtype=bool)
        return np.asarray(rng.random(values.shape) < chance)


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers to an instrument, with all that spoils them.

    Attributes
    ----------
    instrument : Instrument
    population : Population
    """

    instrument: Instrument
    population: Population

    @property
    def plain(self) -> bool:
        """Return that moments never say all of answers."""
        return False

    def without_gaps(self) -> Answers:
        """Return the same population, all attentive, eligible and without missing answers.

        Returns
        -------
        Answers
        """
        honest = {"careless": Careless(), "missing": Missing(), "consent": 1.0, "eligible": 1.0}
        return replace(self, population=self.population.model_copy(update=honest))

    def draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw one sample.

        Parameters
        ----------
        n : int
            People who open the questionnaire.
        rng : numpy.random.Generator

        Returns
        -------
        pandas.DataFrame
            Items worded in reverse are reversed.
        """
        seed = int(rng.integers(2**63))
        return simulate_responses(self.instrument, population=self.population, n=n, seed=seed).frame


def normal_data(population: NormalPopulation, ordinal: Ordinal, missing: object) -> NormalData:
    """Check what is asked of a normal population's data.

    Parameters
    ----------
    population : NormalPopulation
    ordinal : int, sequence of float, mapping of these by variable, or None
        A number of categories, or the probability of each.
    missing : float, mapping or None
        Share missing completely at random; or ``{"mcar": .05, "mar": {"share": .1, "covariate": "x", "slope": .8}}``.

    Returns
    -------
    NormalData

    Raises
    ------
    ContentError
    """
    by_name = ordinal if isinstance(ordinal, Mapping) else dict.fromkeys(population.names if ordinal else (), ordinal)
    population.of(list(by_name))
    thresholds = {name: _borders(name, way) for name, way in by_name.items()}
    given: Any = {"mcar": missing} if isinstance(missing, (int, float)) else missing
    gaps = Population.load({"missing": given or {}}).missing
    if gaps.mar is not None:
        population.of([gaps.mar.covariate])
    return NormalData(population, thresholds, gaps)


def _borders(name: str, way: object) -> Floats:
    if isinstance(way, int) and not isinstance(way, bool) and way >= 2:
        return cut_points(Answering(), way, name)
    try:
        shares = tuple(float(share) for share in way)  # type: ignore[attr-defined]  # whatever is no sequence of numbers is refused
    except (TypeError, ValueError) as error:
        raise ContentError("simulate.power_ordinal", variable=name, given=repr(way)) from error
    loaded = Population.load({"thresholds": {"default": {"probabilities": shares}}}, where=name).thresholds.default
    return cut_points(loaded, len(shares), name)
