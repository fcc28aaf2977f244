"""Answers drawn from a stated population, kept as a file like any other file of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cbecmodel.simulate.population import Population
from cbecmodel.simulate.responses import simulate_responses
from cbecmodel.study.artefacts import Artefacts
from cbecmodel.survey.instrument import load_instrument

if TYPE_CHECKING:
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
    population = Population.load(settings["population"], where=settings["place"])
    drawn = simulate_responses(load_instrument(path), population=population, n=settings["n"], seed=settings["seed"])
    made = Artefacts()
    made.table("answers.csv", drawn.raw.rename_axis("respondent").reset_index())
    return made
