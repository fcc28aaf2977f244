"""The theory as later steps need it: hypotheses to judge, models to fit, names to show."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from cbecmodel.errors import ContentError
from cbecmodel.study.artefacts import Artefacts
from cbecmodel.theory.model import load_theory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cbecmodel.study.steps import Given


def read_theory(given: Given) -> Artefacts:
    """Read and check the theory.

    Parameters
    ----------
    given : Given
        One file, the theory; settings ``models`` and ``hypotheses``: what the study names, and where.

    Returns
    -------
    Artefacts
        ``hypotheses.json``, ``labels.json`` (names of the constructs) and ``model-<id>.json`` for every model.

    Raises
    ------
    ContentError
        If the study names a model or a hypothesis that the theory does not have.
    """
    (path,) = given.files.values()
    theory = load_theory(path)
    _known("model", given.settings["models"], theory.models)
    _known("hypothesis", given.settings["hypotheses"], theory.hypotheses)
    made = Artefacts()
    made.json("hypotheses.json", [h.model_dump(mode="json") for h in theory.hypotheses.values()])
    made.json("labels.json", {construct.id: construct.name for construct in theory.constructs.values()})
    for model in theory.models.values():
        hypotheses = {h: list(theory.hypotheses[h].paths) for h in model.hypotheses if h in theory.hypotheses}
        made.json(f"model-{model.id}.json", {**model.model_dump(mode="json"), "paths": hypotheses})
    return made


def _known(kind: str, asked: Mapping[str, str], known: Iterable[str]) -> None:
    names = list(known)
    for name, place in asked.items():
        if name not in names:
            close = ", ".join(get_close_matches(name, names, n=3) or names)
            raise ContentError(f"study.unknown_{kind}", place=place, name=name, close=close)
