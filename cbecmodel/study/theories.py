"""The theory as later steps need it: hypotheses to judge, models to fit, names to show."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from cbecmodel.errors import ContentError
from cbecmodel.messages import LANGUAGES, text
from cbecmodel.study.artefacts import Artefacts
from cbecmodel.theory.model import load_theory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cbecmodel.study.steps import Given
    from cbecmodel.theory.parts import Paper


def read_theory(given: Given) -> Artefacts:
    """Read and check the theory.

    Parameters
    ----------
    given : Given
        One file, the theory; settings ``models`` and ``hypotheses``: what the study names, and where.

    Returns
    -------
    Artefacts
        ``hypotheses.json``, ``labels.json`` (names of the constructs), ``paper.json`` (how to cite the paper) and
        ``model-<id>.json`` for every model.

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
    made.json("paper.json", {lang: citation(theory.paper, lang) for lang in LANGUAGES})
    made.json("labels.json", {construct.id: construct.name for construct in theory.constructs.values()})
    for model in theory.models.values():
        hypotheses = {h: list(theory.hypotheses[h].paths) for h in model.hypotheses if h in theory.hypotheses}
        made.json(f"model-{model.id}.json", {**model.model_dump(mode="json"), "paths": hypotheses})
    return made


def citation(paper: Paper, lang: str) -> str:
    """Cite the paper whose claims a theory puts to the test.

    Parameters
    ----------
    paper : Paper
    lang : str

    Returns
    -------
    str

    Examples
    --------
    >>> citation(load_theory().paper, "en").endswith("https://doi.org/10.12677/ecl.2025.14113528")
    True
    """
    said = {name: getattr(paper, name) for name in ("authors", "title", "journal")}
    shown = {name: value.get(lang) or next(iter(value.values())) for name, value in said.items()}
    authors = text("study.author_gap", lang).join(shown.pop("authors"))
    place = {name: getattr(paper, name) for name in ("year", "volume", "issue", "pages", "doi")}
    return text("study.citation", lang, authors=authors, **shown, **place)


def _known(kind: str, asked: Mapping[str, str], known: Iterable[str]) -> None:
    names = list(known)
    for name, place in asked.items():
        if name not in names:
            close = ", ".join(get_close_matches(name, names, n=3) or names)
            raise ContentError(f"study.unknown_{kind}", place=place, name=name, close=close)
