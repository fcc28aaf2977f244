"""How people answer: careless respondents, attention checks, time taken, answers not given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cbecmodel.simulate.random_streams import stream
from cbecmodel.survey.codebook import fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from cbecmodel.simulate.item_responses import Question
    from cbecmodel.simulate.latent import Array
    from cbecmodel.simulate.population import Population
    from cbecmodel.survey.instrument import Instrument

Seed = int | np.random.SeedSequence
ATTENTIVE = ""
HASTY = ("straight_line", "random", "fast")


def careless_kinds(population: Population, n: int, seed: Seed) -> NDArray[np.str_]:
    """Say of each respondent what kind of carelessness they fall into.

    Parameters
    ----------
    population : Population
    n : int
    seed : int or numpy.random.SeedSequence

    Returns
    -------
    ndarray of str, shape (n,)
        ``""`` for the attentive.

    Examples
    --------
    >>> from cbecmodel.simulate.population import Population
    >>> (careless_kinds(Population(), 5, seed=1) == ATTENTIVE).all()
    np.True_
    """
    rng = stream(seed, "careless")
    chosen, which = rng.random(n) < population.careless.share, rng.random(n)
    kinds = np.array(list(population.careless.kinds), dtype=str)
    borders = np.cumsum(list(population.careless.kinds.values()))[:-1]
    return np.where(chosen, kinds[np.searchsorted(borders, which, side="right")], ATTENTIVE)


def answer_carelessly(
    codes: dict[str, Array], questions: Sequence[Question], kinds: NDArray[np.str_], slip: float, seed: Seed
) -> dict[str, Array]:
    """Replace the answers of straight-liners and of those who tick at random.

    Straight-liners keep to one position of the scale, whatever the wording, but for slips.

    Parameters
    ----------
    codes : dict
        Answers as ticked, shape (n,) each.
    questions : sequence of Question
    kinds : ndarray, shape (n,)
    slip : float
        How often a straight-liner leaves the line.
    seed : int or SeedSequence

    Returns
    -------
    dict
        New arrays, shape (n,) each.
    """
    n = len(kinds)
    favourite = stream(seed, "careless.favourite").random(n)
    answers = {}
    for question in questions:
        scale = np.asarray(question.codes if question.codes else (-1.0, 0.0, 1.0), dtype=float)
        rng = stream(seed, f"careless.answer.{question.name}")
        anywhere = scale[rng.integers(len(scale), size=n)]
        line = np.where(rng.random(n) < slip, anywhere, scale[(favourite * len(scale)).astype(int)])
        honest = np.where(kinds == "straight_line", line, codes[question.name])
        answers[question.name] = np.where(kinds == "random", anywhere, honest)
    return answers


def answer_checks(
    instrument: Instrument, persons: pd.DataFrame, kinds: NDArray[np.str_], seed: Seed
) -> dict[str, Array]:
    """Answer the attention checks: the attentive pass all, straight-liners stay on their line, the others tick at random.

    Parameters
    ----------
    instrument : Instrument
    persons : pandas.DataFrame
        Covariates, for checks that repeat a question.
    kinds : ndarray, shape (n,)
    seed : int or SeedSequence

    Returns
    -------
    dict
        Codes as ticked, shape (n,) each.
    """
    n = len(kinds)
    known = fields(instrument)
    favourite = stream(seed, "careless.favourite").random(n)
    answers: dict[str, Array] = {}
    for check in instrument.checks.values():
        codes = np.asarray(known[check.id].codes, dtype=float)
        if not codes.size:
            continue
        rng = stream(seed, f"check.{check.id}")
        if check.compare_with:
            passed = pd.to_numeric(persons[check.compare_with]).to_numpy(dtype=float)
        else:
            passing = np.asarray(check.passing or tuple(codes), dtype=float)
            passed = passing[rng.integers(len(passing), size=n)]
        anywhere = codes[rng.integers(len(codes), size=n)]
        line = codes[(favourite * len(codes)).astype(int)]
        careless = np.where(kinds == "straight_line", line, anywhere)
        answers[check.id] = np.where(kinds == ATTENTIVE, passed, careless)
    return answers


def seconds_taken(population: Population, n_seen: NDArray[np.float64], kinds: NDArray[np.str_], seed: Seed) -> Array:
    """Return how long each respondent took.

    Parameters
    ----------
    population : Population
    n_seen : ndarray, shape (n,)
        Questions shown.
    kinds : ndarray of str, shape (n,)
    seed : int or numpy.random.SeedSequence

    Returns
    -------
    ndarray, shape (n,)
        Seconds, rounded to a tenth.

    Examples
    --------
    >>> import numpy as np
    >>> from cbecmodel.simulate.population import Population
    >>> seconds = seconds_taken(Population(), np.full(2, 50.0), np.array(["", "fast"]), seed=1)
    >>> bool(seconds[0] > seconds[1])
    True
    """
    noise = stream(seed, "duration").standard_normal(len(n_seen))
    pace = np.where(np.isin(kinds, HASTY), population.careless.haste, 1.0)
    seconds = n_seen * population.durations.seconds_per_item * pace * np.exp(population.durations.sd_log * noise)
    return np.asarray(np.round(seconds, 1), dtype=float)


def unanswered(
    population: Population, items: Sequence[str], persons: pd.DataFrame, seed: Seed
) -> Mapping[str, NDArray[np.bool_]]:
    """Say which items each respondent leaves out.

    Missing completely at random with the stated share; in addition, with a share whose logit rises linearly in the z-score
    of a covariate: ``logit P = logit(share) + slope · z``.

    Parameters
    ----------
    population : Population
    items : sequence of str
    persons : pandas.DataFrame
    seed : int or SeedSequence

    Returns
    -------
    mapping
        Item to boolean array, shape (n,).
    """
    n = len(persons)
    extra = np.zeros(n)
    at_random = population.missing.mar
    if at_random is not None:
        covariate = pd.to_numeric(persons[at_random.covariate]).to_numpy(dtype=float)
        spread = covariate.std()
        z = (covariate - covariate.mean()) / spread if spread > 0 else np.zeros(n)
        odds = at_random.share / (1 - at_random.share) * np.exp(at_random.slope * z)
        extra = odds / (1 + odds)
    missing = {}
    for item in items:
        rng = stream(seed, f"missing.{item}")
        missing[item] = (rng.random(n) < population.missing.mcar) | (rng.random(n) < extra)
    return missing
