"""Answers of simulated respondents to an instrument, drawn from a stated population."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cbecmodel.errors import ContentError
from cbecmodel.simulate import response_behaviour
from cbecmodel.simulate.item_responses import Question, cut, cut_points, measurement
from cbecmodel.simulate.latent import read_paths
from cbecmodel.simulate.population import Population
from cbecmodel.simulate.random_streams import check_seed, is_whole, stream
from cbecmodel.simulate.respondents import draw_persons
from cbecmodel.survey.codebook import CONSENT
from cbecmodel.survey.instrument import Instrument, load_instrument
from cbecmodel.survey.responses import Responses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from cbecmodel.simulate.item_responses import Measurement
    from cbecmodel.simulate.latent import Array

Seed = int | np.random.SeedSequence
NOT_SHOWN, UNANSWERED = -77, -99


def simulate_responses(
    instrument: Instrument | str | Path,
    *,
    population: Population | Mapping[str, Any] | None = None,
    n: int | None = None,
    seed: int | np.random.SeedSequence,
) -> Responses:
    """Draw answers to an instrument from a population.

    Latent variables follow the population's paths; each item's latent response is cut at thresholds into the codes of its
    scale and reversed where the item is worded in reverse. Then comes what spoils real answers: careless respondents,
    checks they fail, answers left out, questions not shown, people who decline or are screened out. Every component draws
    from a stream of its own, so that adding careless respondents leaves everybody else's answers as they were.

    Parameters
    ----------
    instrument : Instrument, str or pathlib.Path
        A name or a path is loaded with :func:`~cbecmodel.survey.instrument.load_instrument`.
    population : Population or mapping, optional
        Keys: see :mod:`cbecmodel.simulate.population`. Default: independent constructs, loadings .75, nobody careless.
    n : int, optional
        How many people open the questionnaire; overrides the population's own ``n``.
    seed : int or numpy.random.SeedSequence

    Returns
    -------
    Responses
        With ``synthetic=True``; ``raw`` holds codes as ticked. Ids are ``S0001`` …; the paradata are ``duration_s`` and
        ``form_language``.

    Raises
    ------
    ContentError
        If the population is impossible or names what the instrument does not have.
    ModelSyntaxError
        If its paths cannot be read.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> consumer = cbec.load_instrument("consumer")
    >>> answers = cbec.simulate_responses(consumer, population={"paths": "CID ~ .3*PCI"}, n=200, seed=1)
    >>> answers.synthetic, len(answers.frame)
    (True, 200)
    """
    check_seed(seed)
    if not isinstance(instrument, Instrument):
        instrument = load_instrument(instrument)
    stated = Population.load(population)
    size = stated.n if n is None else n
    if not is_whole(size) or size < 1:
        raise ContentError("simulate.how_many", given=repr(size))
    size = int(size)
    questions = questions_of(instrument)
    check_names(stated, instrument)
    persons = draw_persons(instrument, stated, size, seed)
    latent = latent_responses(stated, questions, size, seed, languages=persons["form_language"].to_numpy())
    codes = {question.name: _codes(stated, question, latent[question.name]) for question in questions}
    kinds = response_behaviour.careless_kinds(stated, size, seed)
    codes = response_behaviour.answer_carelessly(codes, questions, kinds, stated.careless.slip, seed)
    codes |= response_behaviour.answer_checks(instrument, persons, kinds, seed)
    for item, gap in response_behaviour.unanswered(stated, list(instrument.items), persons, seed).items():
        codes[item] = np.where(gap, _code(instrument, UNANSWERED), codes[item])
    answers, seen = _columns(instrument, persons, codes)
    screened = len(instrument.screening) + 1
    seconds = response_behaviour.seconds_taken(stated, np.where(persons["takes_part"], seen, screened), kinds, seed)
    frame = _frame(instrument, persons, answers, seconds)
    return Responses.from_frame(frame, instrument, source_name=f"simulated-{instrument.id}", synthetic=True)


def latent_responses(
    population: Population, questions: list[Question], n: int, seed: Seed, *, languages: NDArray[Any] | None = None
) -> dict[str, Array]:
    """Draw the latent responses behind the items, in the constructs' direction.

    Parameters
    ----------
    population : Population
    questions : list of Question
    n : int
    seed : int or numpy.random.SeedSequence
    languages : ndarray, shape (n,), optional
        The language each respondent answers in; matters only where the population states a language bias.

    Returns
    -------
    dict
        Item to standard normal values (shifted where there is a language bias), shape (n,).

    Examples
    --------
    >>> items = [Question("A1", "A", (1, 2, 3)), Question("A2", "A", (1, 2, 3))]
    >>> drawn = latent_responses(Population(), items, 20_000, seed=1)
    >>> round(float((drawn["A1"] * drawn["A2"]).mean()), 1)  # .75 squared
    0.6
    """
    plain = measurement(population, questions)
    structure = plain.structure
    sources = np.column_stack([stream(seed, f"latent.{name}").standard_normal(n) for name in structure.names])
    latents = sources @ np.linalg.cholesky(structure.sources).T @ structure.mixing.T
    method = stream(seed, "method").standard_normal(n)
    unique = {question.name: stream(seed, f"unique.{question.name}").standard_normal(n) for question in questions}
    drawn = _combine(plain, latents, method, unique)
    for language, bias in population.language_bias.items():
        here = np.zeros(n, dtype=bool) if languages is None else languages == language
        biased = _combine(measurement(population, questions, dict(bias.loadings)), latents, method, unique)
        for item in {*bias.loadings, *bias.shift}:
            drawn[item] = np.where(here, biased[item] + bias.shift.get(item, 0.0), drawn[item])
    return drawn


def _combine(model: Measurement, latents: Array, method: Array, unique: Mapping[str, Array]) -> dict[str, Array]:
    common = latents @ model.loadings.T
    return {
        question.name: common[:, row] + method * model.method[row] + unique[question.name] * model.unique[row]
        for row, question in enumerate(model.questions)
    }


def questions_of(instrument: Instrument) -> list[Question]:
    """Return the items of an instrument as the simulation sees them.

    Parameters
    ----------
    instrument : Instrument

    Returns
    -------
    list of Question
    """
    items = instrument.items.values()
    return [Question(item.id, item.construct, instrument.scale_of(item.id).codes, item.reverse) for item in items]


def _codes(population: Population, question: Question, latent: Array) -> Array:
    """Cut a latent response into codes; on a continuous scale the answer is the latent response itself."""
    if not question.codes:
        return -latent if question.reverse else latent
    way = population.thresholds.of(question.name, question.construct)
    return cut(latent, cut_points(way, len(question.codes), question.name), question).astype(float)


def _code(instrument: Instrument, code: int) -> float:
    """Return a missing code if the instrument has it; an empty cell otherwise."""
    return float(code) if code in instrument.missing_codes else np.nan


def _columns(instrument: Instrument, persons: pd.DataFrame, codes: Mapping[str, Array]) -> tuple[pd.DataFrame, Array]:
    """Return all answers of those who take part, with what routing hid marked, and how many questions each one saw."""
    asked = {
        name: persons[name] for name in instrument.questions if name in persons and name not in instrument.screening
    }
    answers = pd.DataFrame({**codes, **asked})
    seen = np.full(len(persons), float(answers.shape[1]))
    for name, rule in instrument.routing.items():
        if name in answers and rule.variable in persons:
            shown = rule.mask(persons)
            answers[name] = answers[name].where(shown, _code(instrument, NOT_SHOWN))
            seen -= ~shown.to_numpy()
    return answers, seen


def _frame(instrument: Instrument, persons: pd.DataFrame, answers: pd.DataFrame, seconds: Array) -> pd.DataFrame:
    """Put the columns in order; people who decline or are screened out have no answers after that."""
    before = persons[[name for name in (CONSENT, *instrument.screening) if name in persons]].copy()
    if CONSENT in before and instrument.consent is not None:
        agreed = before[CONSENT] == instrument.consent.agree
        before = pd.DataFrame({name: before[name].where(agreed | (name == CONSENT)) for name in before})
    width = max(4, len(str(len(persons))))
    ids = pd.Index([f"S{number:0{width}d}" for number in range(1, len(persons) + 1)], name="respondent")
    paradata = pd.DataFrame({"duration_s": seconds, "form_language": persons["form_language"]})
    kept = pd.DataFrame({name: column.where(persons["takes_part"]) for name, column in answers.items()})
    return pd.concat([paradata, before, kept], axis=1).set_axis(ids, axis=0)


def check_names(population: Population, instrument: Instrument) -> None:
    """Raise if the population names a construct, item, covariate or language that the instrument does not have.

    Parameters
    ----------
    population : Population
    instrument : Instrument

    Raises
    ------
    ContentError
        Says where in the population, and what the name may have been meant for.
    """
    terms = read_paths(population.paths)
    higher = {term.lhs for term in terms if term.op == "=~"}
    named = {*instrument.constructs, *instrument.items}
    known: dict[str, tuple[Iterable[str], Iterable[str]]] = {
        "paths": ((name for term in terms for name in (term.lhs, term.rhs)), named | higher),
        "uncorrelated": (population.uncorrelated, {*instrument.constructs, *higher}),
        "loadings.constructs": (population.loadings.constructs, instrument.constructs),
        "loadings.items": (population.loadings.items, instrument.items),
        "thresholds.constructs": (population.thresholds.constructs, instrument.constructs),
        "thresholds.items": (population.thresholds.items, instrument.items),
        "languages": (population.languages or (), instrument.languages),
        "language_bias": (population.language_bias, instrument.languages),
        "covariates": (population.covariates, instrument.questions),
    }
    for language, bias in population.language_bias.items():
        known[f"language_bias.{language}"] = ({*bias.shift, *bias.loadings}, instrument.items)
    if population.missing.mar is not None:
        known["missing.mar.covariate"] = ((population.missing.mar.covariate,), instrument.questions)
    for where, (given, there) in known.items():
        for name in given:
            if name not in set(there):
                close = difflib.get_close_matches(name, list(there), n=3, cutoff=0.3) or sorted(there)[:5]
                raise ContentError(
                    "simulate.unknown_name", where=where, name=name, instrument=instrument.id, close=", ".join(close)
                )
