"""The latent variables of a population: reading its paths, and the correlations they imply.

Every latent variable is a weighted sum of independent-in-origin *sources*, one each: itself where nothing points to it, else its
disturbance, scaled so that its variance is 1. From this mixing matrix follow draws, implied correlations and the truth
of any regression among the latents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ContentError, ModelSyntaxError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Array: TypeAlias = NDArray[np.float64]
Operator: TypeAlias = Literal["=~", "~", "~~"]
_LINE = re.compile(r"\s*([^\W\d]\w*)\s*(=~|~~|~)\s*(\S.*)$")
_TERM = re.compile(r"\s*(?:\+\s*)?(-?\s*(?:\d+\.?\d*|\.\d+))\s*\*\s*([^\W\d]\w*)\s*$")
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Term:
    """One number of a population's paths: ``lhs op value*rhs``.

    Attributes
    ----------
    lhs, op, rhs : str
    value : float
    line : int
        Of the text, from 1.
    """

    lhs: str
    op: Operator
    rhs: str
    value: float
    line: int


def read_paths(syntax: str) -> tuple[Term, ...]:
    """Read a population's paths.

    Parameters
    ----------
    syntax : str
        Lines ``lhs op number*rhs + number*rhs``, with ``op`` one of ``=~``, ``~``, ``~~``; ``#`` starts a comment.

    Returns
    -------
    tuple of Term

    Raises
    ------
    ModelSyntaxError
        If a line or term cannot be read, or a pair is given twice.

    Examples
    --------
    >>> [(term.lhs, term.op, term.rhs, term.value) for term in read_paths("PCI ~ .25*SDI - .1*VI")]
    [('PCI', '~', 'SDI', 0.25), ('PCI', '~', 'VI', -0.1)]
    """
    terms: dict[tuple[str, str, str], Term] = {}
    for number, raw in enumerate(re.split(r"[\n;]", syntax), start=1):
        line = raw.split("#")[0].rstrip()
        if not line.strip():
            continue
        matched = _LINE.match(line)
        if matched is None:
            raise ModelSyntaxError("simulate.path_line", line=number, found=line.strip())
        lhs, op, right = matched.groups()
        for piece in re.split(r"(?<=\w)\s*(?=[+-])", right):
            term = _read_term(lhs, op, piece, number)
            key = (min(lhs, term.rhs), max(lhs, term.rhs), op) if op == "~~" else (lhs, term.rhs, op)
            if key in terms:
                raise ModelSyntaxError("simulate.path_twice", line=number, path=f"{lhs} {op} {term.rhs}")
            terms[key] = term
    return tuple(terms.values())


def _read_term(lhs: str, op: str, piece: str, line: int) -> Term:
    matched = _TERM.match(piece)
    if matched is None:
        raise ModelSyntaxError("simulate.path_term", line=line, found=piece.strip(), path=f"{lhs} {op}")
    value, rhs = float(matched.group(1).replace(" ", "")), matched.group(2)
    if rhs == lhs:
        raise ModelSyntaxError("simulate.path_self", line=line, path=f"{lhs} {op} {rhs}")
    operator: Operator = "=~" if op == "=~" else "~" if op == "~" else "~~"
    return Term(lhs, operator, rhs, value, line)


@dataclass(frozen=True, slots=True)
class LatentStructure:
    """The latent variables of a population, q of them, each with variance 1.

    Attributes
    ----------
    names : tuple of str
        In the order of computation: causes before effects.
    mixing : ndarray, shape (q, q)
        Latent = mixing @ sources.
    sources : ndarray, shape (q, q)
        Correlations of the sources.
    correlations : ndarray, shape (q, q)
        Implied correlations of the latent variables.
    r_squared : dict
        Explained share of each latent that has causes.
    """

    names: tuple[str, ...]
    mixing: Array
    sources: Array
    correlations: Array
    r_squared: dict[str, float]

    def correlation(self, one: str, other: str) -> float:
        """Return the implied correlation of two latent variables.

        Parameters
        ----------
        one, other : str

        Returns
        -------
        float
        """
        return float(self.correlations[self.names.index(one), self.names.index(other)])

    def coefficients(self, outcome: str, causes: Sequence[str]) -> Array:
        """Return the standardized coefficients of a latent variable on others in the population.

        Where these are all of its causes they are its paths; where some are left out it is what a large sample gives.

        Parameters
        ----------
        outcome : str
        causes : sequence of str

        Returns
        -------
        ndarray, shape (len(causes),)
        """
        here = [self.names.index(cause) for cause in causes]
        within = self.correlations[np.ix_(here, here)]
        return np.asarray(np.linalg.solve(within, self.correlations[here, self.names.index(outcome)]), dtype=float)


def solve(
    terms: Collection[Term], constructs: Sequence[str], correlation: float = 0.0, uncorrelated: Collection[str] = ()
) -> LatentStructure:
    """Work out the latent variables that a population's paths imply.

    Parameters
    ----------
    terms : collection of Term
        Paths among latent variables (loadings of items left out).
    constructs : sequence of str
        Latent variables that exist even if no path names them.
    correlation : float
        Of every pair of exogenous latents that no ``~~`` term names.
    uncorrelated : collection of str
        Latents that this default leaves alone.

    Returns
    -------
    LatentStructure

    Raises
    ------
    ContentError
        If paths go in a circle, explain more than all variance, or correlations are impossible; says which.

    Examples
    --------
    >>> structure = solve(read_paths("PCI ~ .5*SDI; CID ~ .4*PCI + .2*SDI"), ["SDI", "PCI", "CID"])
    >>> round(structure.correlation("CID", "SDI"), 3)
    0.4
    """
    causes = _causes(terms)
    names = _in_order(causes, constructs, terms)
    sources = _source_correlations(terms, names, causes, correlation, uncorrelated)
    place = {name: index for index, name in enumerate(names)}
    mixing = np.eye(len(names))
    r_squared = {}
    for name in names:
        if name not in causes:
            continue
        explained = np.sum([value * mixing[place[cause]] for cause, value in causes[name].items()], axis=0)
        shared = float(explained @ sources[:, place[name]])
        variance = float(explained @ sources @ explained)
        rest = shared**2 + 1 - variance
        scale = -shared + np.sqrt(max(rest, 0.0))
        if rest <= _ROUNDING or scale <= _ROUNDING:
            raise ContentError("simulate.explains_all", latent=name, paths=_say(name, causes[name]), share=variance)
        mixing[place[name]] = explained
        mixing[place[name], place[name]] += scale
        r_squared[name] = variance
    return LatentStructure(names, mixing, sources, mixing @ sources @ mixing.T, r_squared)


def _causes(terms: Collection[Term]) -> dict[str, dict[str, float]]:
    """Return, for every latent that something points to, its causes and their standardized weights."""
    causes: dict[str, dict[str, float]] = {}
    for term in terms:
        if term.op == "~":
            causes.setdefault(term.lhs, {})[term.rhs] = term.value
        elif term.op == "=~":
            causes.setdefault(term.rhs, {})[term.lhs] = term.value
    return causes


def _in_order(
    causes: dict[str, dict[str, float]], constructs: Sequence[str], terms: Collection[Term]
) -> tuple[str, ...]:
    waiting = list(dict.fromkeys([*constructs, *(name for term in terms for name in (term.lhs, term.rhs))]))
    done: list[str] = []
    while waiting:
        ready = [name for name in waiting if set(causes.get(name, ())) <= set(done)]
        if not ready:
            raise ContentError("simulate.circle", latents=", ".join(waiting))
        done += ready
        waiting = [name for name in waiting if name not in ready]
    return tuple(done)


def _source_correlations(
    terms: Collection[Term],
    names: tuple[str, ...],
    causes: dict[str, dict[str, float]],
    default: float,
    uncorrelated: Collection[str],
) -> Array:
    free = [name for name in names if name not in causes and name not in uncorrelated]
    matrix = np.eye(len(names))
    place = {name: index for index, name in enumerate(names)}
    given = {(term.lhs, term.rhs): term.value for term in terms if term.op == "~~"}
    for one, other in combinations(free, 2):
        matrix[place[one], place[other]] = matrix[place[other], place[one]] = default
    for (one, other), value in given.items():
        if (one in causes) != (other in causes):
            raise ContentError("simulate.mixed_correlation", path=f"{one} ~~ {other}")
        if abs(value) >= 1:
            raise ContentError("simulate.correlation_range", path=f"{one} ~~ {other}", value=value)
        matrix[place[one], place[other]] = matrix[place[other], place[one]] = value
    values, vectors = np.linalg.eigh(matrix)
    if values[0] <= _ROUNDING:
        worst = np.flatnonzero(np.abs(vectors[:, 0]) > np.abs(vectors[:, 0]).max() / 3)
        raise ContentError("simulate.impossible_correlations", latents=", ".join(names[index] for index in worst))
    return matrix


def _say(name: str, causes: dict[str, float]) -> str:
    return f"{name} ~ " + " + ".join(f"{value:g}*{cause}" for cause, value in causes.items())
