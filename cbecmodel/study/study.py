"""A study file, read and checked: its settings, where they stand, and where its files are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from cbecmodel.content import content_folder
from cbecmodel.study.config import StudyConfig
from cbecmodel.theory.findings import Finding, finding, from_validation, raise_first
from cbecmodel.theory.yaml_source import YamlSource, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cbecmodel.theory.yaml_source import Location

_COMPENDIUM = ("surveys", "analysis", "reports")


@dataclass(frozen=True, slots=True)
class Study:
    """A checked study.

    Attributes
    ----------
    config : StudyConfig
    path : pathlib.Path
        The study file.
    root : pathlib.Path
        Top of the compendium: the nearest folder above the file that holds ``surveys/``, ``analysis/`` or ``reports/``;
        else the file's own folder. Paths in the file start here.
    source : YamlSource
        The file with its lines.
    """

    config: StudyConfig
    path: Path
    root: Path
    source: YamlSource = field(repr=False)

    @property
    def build(self) -> Path:
        """Folder of the study's results."""
        return self.root / self.config.report.folder

    def content(self, name: str) -> Path:
        """Find a theory or an instrument by name or path.

        Parameters
        ----------
        name : str
            ``"consumer"`` is ``surveys/consumer.yaml`` of the compendium, else the package's own; anything with a folder or
            an ending is a path from the top of the compendium.

        Returns
        -------
        pathlib.Path
            Which may not exist.
        """
        if Path(name).suffix or len(Path(name).parts) > 1:
            return self.root / name
        own = self.root / "surveys" / f"{name}.yaml"
        packaged = content_folder("surveys") / f"{name}.yaml"
        return own if own.is_file() or not packaged.is_file() else packaged

    def seed(self, *names: str) -> int:
        """Return the seed of one part, derived from the study's seed and the part's name.

        Parameters
        ----------
        *names : str
            Kind and name of the part.

        Returns
        -------
        int
            32 bits; adding or removing other parts does not change it.
        """
        digest = hashlib.sha256(":".join([str(self.config.seed), *names]).encode()).digest()
        return int.from_bytes(digest[:4], "big")

    def place(self, *at: str) -> str:
        """Return a place of the study file as messages give it.

        Parameters
        ----------
        *at : str
            Keys from the top of the file.

        Returns
        -------
        str
            ``analysis/study.yaml:12 (models › M1)``.
        """
        return f"{self.shown(self.path)}:{self.source.line(at)} ({' › '.join(at)})"

    def shown(self, path: Path) -> str:
        """Return a file's name as artefacts and messages give it: never with the machine's folders.

        Parameters
        ----------
        path : pathlib.Path

        Returns
        -------
        str
            From the top of the compendium, or from the package.
        """
        if path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        for kind in ("surveys", "analysis", "reports"):
            folder = content_folder(kind)
            if path.is_relative_to(folder):
                return f"cbecmodel/{kind}/{path.relative_to(folder).as_posix()}"
        return path.name


def load_study(path: str | Path) -> Study:
    r"""Read and check a study file.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    Study

    Raises
    ------
    FileError
        If there is no such file.
    ContentError
        If it breaks a rule; says file, line, place and what was expected.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "study.yaml"
    >>> _ = file.write_text("id: mine\ntitle: {en: Mine, zh: 我的}\nseed: 1\n", encoding="utf-8")
    >>> load_study(file).config.languages
    ['en', 'zh']
    """
    path = Path(path).absolute()
    source = read_yaml(path)
    if not isinstance(source.data, dict):
        raise finding(source, (), "study.not_a_study").error()
    try:
        config = StudyConfig.model_validate(source.data)
    except ValidationError as error:
        findings = [_with_match(source, found) for found in from_validation(source, error)]
        raise_first(findings)
        raise
    study = Study(config, path, _root(path), source)
    raise_first(_broken_links(study))
    return study


def _root(path: Path) -> Path:
    for folder in path.parents:
        if any((folder / name).is_dir() for name in _COMPENDIUM):
            return folder
    return path.parent


def _with_match(source: YamlSource, found: Finding) -> Finding:
    """Name the key that was probably meant, where a key is not known."""
    if found.rule != "unknown_field":
        return found
    at = tuple(found.where.split(" › "))
    known = _known_keys(at[:-1])
    close = get_close_matches(at[-1], known, n=1)
    key = "study.unknown_key_close" if close else "study.unknown_key"
    return finding(source, at, key, rule="unknown_key", key=at[-1], close="".join(close), known=", ".join(known))


def _known_keys(at: tuple[str, ...]) -> list[str]:
    """Keys that are allowed at a place of the study file."""
    part: type[BaseModel] = StudyConfig
    for name in at:
        if name not in part.model_fields:
            continue  # the name of a survey, a model …
        inner = [p for p in _classes(part.model_fields[name].annotation) if issubclass(p, BaseModel)]
        part = inner[0] if inner else part
    return sorted(part.model_fields)


def _classes(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for argument in get_args(annotation):
        yield from _classes(argument)


def _broken_links(study: Study) -> Iterator[Finding]:
    """Names that point nowhere, and files that are not there."""
    config, source = study.config, study.source
    for name, survey in config.surveys.items():
        at = ("surveys", name)
        yield from _missing(study, (*at, "instrument"), [study.content(survey.instrument)])
        yield from _missing(study, (*at, "files"), [study.root / file for file in survey.files])
    for name, model in config.models.items():
        yield from _unknown(source, ("models", name, "survey"), model.survey, config.surveys)
        if model.model is not None and config.theory is None:
            yield finding(source, ("models", name, "model"), "study.no_theory", model=model.model)
    for name, panel in config.panels.items():
        if panel.file is not None:
            yield from _missing(study, ("panels", name, "file"), [study.root / panel.file])
    for name, policy in config.policies.items():
        yield from _unknown(source, ("policies", name, "panel"), policy.panel, config.panels)
    if config.theory is not None:
        yield from _missing(study, ("theory",), [study.content(config.theory)])


def _missing(study: Study, at: Location, paths: Iterable[Path]) -> Iterator[Finding]:
    for path in paths:
        if not path.is_file():
            yield finding(study.source, at, "study.missing_file", path=str(path))


def _unknown(source: YamlSource, at: Location, name: str, known: Iterable[str]) -> Iterator[Finding]:
    if name not in (names := list(known)):
        yield finding(source, at, "study.unknown_name", name=name, known=", ".join(names) or "–")
