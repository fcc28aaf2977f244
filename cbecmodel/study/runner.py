"""Runs the steps that are not up to date, in order, and keeps their artefacts so that a stop at any moment loses one step.

An own runner, because the ready-made ones do not serve: pytask does not see that an imported helper was edited unless every
helper is declared, and takes longer to import than a whole second run may take. What is needed is small: a key for each
step, artefacts that are moved into place whole, and a record that is written last.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

from cbecmodel.errors import CbecWarning, FileError
from cbecmodel.files import read_bytes, sha256, write_atomic
from cbecmodel.messages import LANGUAGES, text, use_language
from cbecmodel.study.artefacts import SCHEMA, Artefacts, canonical
from cbecmodel.study.code import CodeBase
from cbecmodel.study.steps import WARNINGS, Given, Record, Step, step_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

RECORD: Final = "record.json"
_THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Watcher(Protocol):
    """Hears what happens, to show it."""

    def begins(self, step: Step) -> None:
        """Note that a step begins to run."""

    def ends(self, step: Step, *, ran: bool) -> None:
        """Note that a step is done, or was already."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the steps did.

    Attributes
    ----------
    done, skipped : tuple of str
        Names of the steps that ran; of those that were up to date.
    records : dict
        Record of every step.
    """

    done: tuple[str, ...]
    skipped: tuple[str, ...]
    records: dict[str, Record]


@dataclass(slots=True)
class Runner:
    """Runs steps and keeps their artefacts.

    Attributes
    ----------
    build : pathlib.Path
        Folder of the study's results; artefacts go to ``steps/`` in it.
    code : CodeBase
    """

    build: Path
    code: CodeBase = field(default_factory=CodeBase)

    def run(self, steps: Sequence[Step], watcher: Watcher, *, force: bool = False) -> Outcome:
        """Bring every step up to date.

        Parameters
        ----------
        steps : sequence of Step
            Each after the steps it needs.
        watcher : Watcher
        force : bool
            Run every step, up to date or not.

        Returns
        -------
        Outcome
        """
        records: dict[str, Record] = {}
        done: list[str] = []
        skipped: list[str] = []
        for step in steps:
            inputs = {name: sha256(path) for name, path in step.files.items()}
            key = step_key(step, inputs, records, self.code)
            record = None if force else self.recorded(step, key)
            if record is None:
                watcher.begins(step)
                record = self._run(step, key, inputs)
                done.append(step.name)
            else:
                skipped.append(step.name)
            records[step.name] = record
            self._publish(step, record)
            watcher.ends(step, ran=step.name in done)
        self._sweep(steps)
        return Outcome(tuple(done), tuple(skipped), records)

    def recorded(self, step: Step, key: str) -> Record | None:
        """Return the record of a step whose artefacts still hold.

        Parameters
        ----------
        step : Step
        key : str

        Returns
        -------
        Record or None
            None if the key has changed, or any artefact is missing or is not what was written.
        """
        folder = self._folder(step)
        try:
            kept = json.loads((folder / RECORD).read_bytes())
            record = Record(kept["key"], dict(kept["artefacts"]), dict(kept["inputs"]))
        except (OSError, ValueError, KeyError, TypeError):  # never finished, or damaged: the step runs again
            return None
        if record.key != key:
            return None
        intact = all((folder / n).is_file() and sha256(folder / n) == h for n, h in record.artefacts.items())
        return record if intact else None

    def artefacts(self, step: Step, chosen: Sequence[str] = ()) -> Artefacts:
        """Read the artefacts of a finished step.

        Parameters
        ----------
        step : Step
        chosen : sequence of str
            Which; default all.

        Returns
        -------
        Artefacts
        """
        folder = self._folder(step)
        names = {*chosen, SCHEMA} if chosen else {p.name for p in folder.iterdir()} - {RECORD}
        return Artefacts({name: read_bytes(folder / name) for name in sorted(names) if (folder / name).is_file()})

    def _run(self, step: Step, key: str, inputs: dict[str, str]) -> Record:
        before = {name: self.artefacts(Step(name, ""), chosen) for name, chosen in step.needs.items()}
        try:
            with one_thread(), _heard() as heard:
                made = step.run(Given(step.settings, step.files, before))
        except BaseException as error:  # named, and passed on: also Ctrl-C, so that the user knows where it stopped
            error.add_note(text("study.in_step", step=step.name))
            raise
        made.json(WARNINGS, heard)
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(made.files.items())}
        record = Record(key, hashes, inputs)
        self._keep(step, made, record)
        return record

    def _keep(self, step: Step, made: Artefacts, record: Record) -> None:
        """Write everything beside its place, then move it there: what was there before stays until that moment."""
        place = self._folder(step)
        fresh = place.with_name(f".{step.folder}.{os.getpid()}.part")
        try:
            for name, data in made.files.items():
                write_atomic(fresh / name, data)
            kept = {"key": record.key, "artefacts": record.artefacts, "inputs": record.inputs}
            write_atomic(fresh / RECORD, canonical(kept, indent=1))
            if place.exists():
                place.rename(fresh.with_suffix(".old"))
            fresh.rename(place)
        except FileError:
            raise
        except OSError as error:  # another program holds the folder
            raise FileError("core.write_failed", path=str(place), reason=error.strerror or str(error)) from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.rmtree(fresh.with_suffix(".old"), ignore_errors=True)

    def _publish(self, step: Step, record: Record) -> None:
        for name, target in step.published.items():
            path = self.build / target
            if name in record.artefacts and not (path.is_file() and sha256(path) == record.artefacts[name]):
                write_atomic(path, read_bytes(self._folder(step) / name))
            elif name not in record.artefacts:
                path.unlink(missing_ok=True)  # from an earlier run that could build more formats

    def _sweep(self, steps: Sequence[Step]) -> None:
        """Remove what killed runs left, and the artefacts of parts that are no longer in the study."""
        current = {step.folder for step in steps}
        for folder in (self.build / "steps").iterdir():
            if folder.name not in current:
                shutil.rmtree(folder, ignore_errors=True)

    def _folder(self, step: Step) -> Path:
        return self.build / "steps" / step.folder


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread of the linear-algebra libraries.

    Their sums depend on the number of threads in the last digits; so results are the same on every number of cores. For models
    of this size one thread is also the fastest. Libraries that are loaded already are limited by threadpoolctl (which
    scikit-learn brings); those that a step loads read the environment.
    """
    kept = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        if "numpy" in sys.modules:
            with import_module("threadpoolctl").threadpool_limits(1):
                yield
        else:
            yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _heard() -> Iterator[list[dict[str, str]]]:
    """Collect the package's own warnings in every language; let all others go their usual way."""
    heard: list[dict[str, str]] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", category=CbecWarning)
        yield heard
    for warning in caught:
        message = warning.message
        if isinstance(message, CbecWarning):
            said = {lang: _said(message, lang) for lang in LANGUAGES}
            if said not in heard:
                heard.append(said)
        else:
            warnings.warn_explicit(message, warning.category, warning.filename, warning.lineno)


def _said(message: CbecWarning, lang: str) -> str:
    with use_language(lang):
        return str(message)
