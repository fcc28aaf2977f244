"""Answers drawn from a stated population, kept as a file like any other file of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cbecmodel.simulate.population import Population
from cbecmodel.simulate.responses import simulate_responses
from cbecmodel.study.artefacts import Artefacts
from cbecmodel.survey.instrument import load_instrument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.study.steps import Given


def draw_answers(given: Given) -> Artefacts:
    """Draw the answers of a synthetic survey.

    Parameters
    ----------
    given : Given
        One file, the instrument; settings ``population``, ``n``, ``seed`` and ``place`` (for messages).

    Returns
    -------
    Artefacts
        ``answers.csv``: one row a respondent, codes as answered.
    """
    (path,) = given.files.values()
    settings = given.settings
    population = Population.load(with_codes(settings["population"]), where=settings["place"])
    drawn = simulate_responses(load_instrument(path), population=population, n=settings["n"], seed=settings["seed"])
    made = Artefacts()
    made.table("answers.csv", drawn.raw)
    return made


def with_codes(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the answer codes of a population's covariates, which are text in a study file, into numbers.

    Parameters
    ----------
    stated : mapping

    Returns
    -------
    dict

    Examples
    --------
    >>> with_codes({"covariates": {"X_LIVE": {"0": 0.4, "1": 0.6}, "S_AGE": {"mean": 30}}})
    {'covariates': {'X_LIVE': {0: 0.4, 1: 0.6}, 'S_AGE': {'mean': 30}}}
    """
    covariates = stated.get("covariates")
    if not isinstance(covariates, dict):
        return dict(stated)
    coded = {
        name: {_code(key): share for key, share in shares.items()} if isinstance(shares, dict) else shares
        for name, shares in covariates.items()
    }
    return {**stated, "covariates": coded}


def _code(key: Any) -> Any:
    return int(key) if isinstance(key, str) and key.removeprefix("-").isdecimal() else key
