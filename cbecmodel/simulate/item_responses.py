"""From latent variables to codes: loadings, the method factor, and thresholds that cut latent responses into categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cbecmodel.errors import ContentError
from cbecmodel.simulate.latent import LatentStructure, Term, read_paths, solve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cbecmodel.simulate.latent import Array
    from cbecmodel.simulate.population import Answering, Population

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Question:
    """One item as the simulation sees it.

    Attributes
    ----------
    name, construct : str
    codes : tuple of int
        From lowest to highest; empty for a continuous scale.
    reverse : bool
        Whether it is worded against the construct.
    """

    name: str
    construct: str
    codes: tuple[int, ...]
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """How p items measure q latent variables.

    Attributes
    ----------
    structure : LatentStructure
    questions : tuple of Question
        p items.
    loadings : ndarray, shape (p, q)
        Standardized, in the construct's direction.
    method : ndarray, shape (p,)
        Loadings on the method factor, in the construct's direction: negative for items worded in reverse.
    unique : ndarray, shape (p,)
        Standard deviations of the unique parts.
    """

    structure: LatentStructure
    questions: tuple[Question, ...]
    loadings: Array
    method: Array
    unique: Array

    def correlations(self) -> Array:
        """Return the implied correlations of the latent responses, in the constructs' direction, shape (p, p)."""
        common = self.loadings @ self.structure.correlations @ self.loadings.T + np.outer(self.method, self.method)
        np.fill_diagonal(common, 1.0)
        return common


def measurement(
    population: Population, questions: Sequence[Question], bias: dict[str, float] | None = None
) -> Measurement:
    """Work out loadings and unique parts.

    Parameters
    ----------
    population : Population
    questions : sequence of Question
    bias : dict, optional
        Added to the loadings of the items it names (one language's items).

    Returns
    -------
    Measurement

    Raises
    ------
    ContentError
        If an item's common parts exceed its variance; names the item and what it loads on.

    Examples
    --------
    >>> from cbecmodel.simulate.population import Population
    >>> items = [Question(f"A{number}", "A", (1, 2, 3, 4, 5)) for number in (1, 2, 3)]
    >>> measurement(Population.load({"loadings": {"default": 0.8}}), items).correlations().round(2)[0]
    array([1.  , 0.64, 0.64])
    """
    structure, crossed = population_structure(population, questions)
    place = {name: index for index, name in enumerate(structure.names)}
    loadings = np.zeros((len(questions), len(place)))
    for row, question in enumerate(questions):
        loadings[row, place[question.construct]] = population.loadings.of(question.name, question.construct)
    rows = {question.name: row for row, question in enumerate(questions)}
    for term in crossed:
        loadings[rows[term.rhs], place[term.lhs]] = term.value
    for row, question in enumerate(questions):
        loadings[row, place[question.construct]] += (bias or {}).get(question.name, 0.0)
    method = np.array([-1.0 if question.reverse else 1.0 for question in questions]) * population.method_factor
    common = np.einsum("ij,jk,ik->i", loadings, structure.correlations, loadings) + method**2
    for row, question in enumerate(questions):
        if common[row] >= 1 - _ROUNDING:
            on = [f"{loadings[row, column]:g}*{name}" for name, column in place.items() if loadings[row, column]]
            raise ContentError(
                "simulate.item_explained", item=question.name, loadings=" + ".join(on), share=common[row]
            )
    return Measurement(structure, tuple(questions), loadings, method, np.sqrt(1 - common))


def population_structure(
    population: Population, questions: Sequence[Question]
) -> tuple[LatentStructure, tuple[Term, ...]]:
    """Return the latent structure, and the paths' terms that are loadings of items.

    Parameters
    ----------
    population : Population
    questions : sequence of Question

    Returns
    -------
    LatentStructure
    tuple of Term

    Raises
    ------
    ContentError
        If a path, rather than a loading, names an item, or the paths are impossible.

    Examples
    --------
    >>> from cbecmodel.simulate.population import Population
    >>> items = [Question("A1", "A", (1, 2)), Question("B1", "B", (1, 2))]
    >>> structure, crossed = population_structure(Population.load({"paths": "B ~ .5*A; A =~ .2*B1"}), items)
    >>> structure.names, [term.rhs for term in crossed]
    (('A', 'B'), ['B1'])
    """
    items = {question.name for question in questions}
    terms = read_paths(population.paths)
    crossed = tuple(term for term in terms if term.op == "=~" and term.rhs in items)
    constructs = tuple(dict.fromkeys(question.construct for question in questions))
    among = [term for term in terms if term not in crossed]
    for term in among:
        item = next((name for name in (term.lhs, term.rhs) if name in items), None)
        if item is not None:
            raise ContentError("simulate.item_in_path", item=item, path=f"{term.lhs} {term.op} {term.rhs}")
    return solve(among, constructs, population.correlation, population.uncorrelated), crossed


def cut_points(way: Answering, n_categories: int, item: str = "") -> Array:
    """Return the thresholds of a standard normal latent response.

    Exact probabilities ``p``: threshold ``k`` is the normal quantile of ``p[0] + … + p[k]``. Otherwise the answer is a
    skew-normal variable with the stated mean, standard deviation and skewness, counted 1 … K and rounded into the scale [1]_.

    Parameters
    ----------
    way : Answering
        ``mean`` defaults to the middle of the scale, ``sd`` to a quarter of its width.
    n_categories : int
        K.
    item : str
        For messages.

    Returns
    -------
    ndarray, shape (K − 1,)

    References
    ----------
    .. [1] Azzalini, A. (1985). A class of distributions which includes the normal ones. Scandinavian Journal of
       Statistics 12, 171–178.

    Examples
    --------
    >>> from cbecmodel.simulate.population import Answering
    >>> cut_points(Answering(probabilities=(0.25, 0.5, 0.25)), 3).round(3)
    array([-0.674,  0.674])
    """
    if way.probabilities is not None:
        if len(way.probabilities) != n_categories:
            raise ContentError("simulate.n_probabilities", item=item, given=len(way.probabilities), wanted=n_categories)
        below = np.cumsum(way.probabilities)[:-1]
        return np.asarray(stats.norm.ppf(np.clip(below, 0.0, 1.0)), dtype=float)
    mean = (n_categories + 1) / 2 if way.mean is None else way.mean
    sd = (n_categories - 1) / 4 if way.sd is None else way.sd
    borders: Array = (np.arange(1, n_categories, dtype=float) + 0.5 - mean) / sd
    return np.asarray(borders if way.skew == 0 else stats.norm.ppf(_skew_normal_cdf(borders, way.skew)), dtype=float)


def _skew_normal_cdf(z: Array, skew: float) -> Array:
    """Return the distribution function of the standardized skew-normal variable with this skewness."""
    size = abs(skew) ** (2 / 3)
    delta = np.sign(skew) * np.sqrt(np.pi / 2 * size / (size + ((4 - np.pi) / 2) ** (2 / 3)))
    mean = delta * np.sqrt(2 / np.pi)
    return np.asarray(stats.skewnorm.cdf(mean + z * np.sqrt(1 - mean**2), delta / np.sqrt(1 - delta**2)), dtype=float)


def category_probabilities(way: Answering, n_categories: int) -> Array:
    """Return how often each category is chosen.

    Parameters
    ----------
    way : Answering
    n_categories : int
        K.

    Returns
    -------
    ndarray, shape (K,)

    Examples
    --------
    >>> from cbecmodel.simulate.population import Answering
    >>> category_probabilities(Answering(), 5).round(2)
    array([0.07, 0.24, 0.38, 0.24, 0.07])
    """
    borders = np.concatenate([[-np.inf], cut_points(way, n_categories), [np.inf]])
    return np.asarray(np.diff(stats.norm.cdf(borders)), dtype=float)


def cut(latent: Array, thresholds: Array, question: Question) -> NDArray[np.int64]:
    """Cut latent responses into codes as they are ticked: reversed where the item is worded in reverse.

    Parameters
    ----------
    latent : ndarray, shape (n,)
        In the construct's direction.
    thresholds : ndarray, shape (K − 1,)
    question : Question

    Returns
    -------
    ndarray of int, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> cut(np.array([-2.0, 0.0, 2.0]), np.array([-1.0, 1.0]), Question("A1", "A", (1, 2, 3), reverse=True))
    array([3, 2, 1])
    """
    codes = np.asarray(question.codes[::-1] if question.reverse else question.codes, dtype=np.int64)
    return codes[np.searchsorted(thresholds, latent, side="left")]
