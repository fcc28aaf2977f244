"""What a step is: a pure function of declared inputs, and the key that says whether its artefacts still hold.

A step never decides by time stamps. Its key is the SHA-256 of everything that may change its result: the contents of the
files it reads, the artefacts of the steps before it, its settings, the code it runs, and the versions of the libraries it
computes with. Equal key and untouched artefacts: nothing to do.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any, Final

from cbecmodel.study.artefacts import Artefacts, canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cbecmodel.study.code import CodeBase

FORMAT: Final = 1
WARNINGS: Final = "warnings.json"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a study, declared.

    Attributes
    ----------
    name : str
        Kind and name of the part, as ``fit:M1``.
    function : str
        ``module:function``; it takes a :class:`Given` and returns :class:`~cbecmodel.study.artefacts.Artefacts`.
    settings : mapping
        Plain values; part of the key.
    files : mapping of str to pathlib.Path
        Files it reads, by the name artefacts and messages give them.
    needs : mapping of str to tuple of str
        Artefacts of earlier steps it reads; an empty tuple means all of a step's artefacts.
    libraries : tuple of str
        Distributions whose version may change the result.
    published : mapping of str to str
        Which artefacts are also put into the build folder under a name for people.
    """

    name: str
    function: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    published: Mapping[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """Module that holds the step's function."""
        return self.function.partition(":")[0]

    @property
    def folder(self) -> str:
        """Name of the folder of its artefacts."""
        return self.name.replace(":", "-")

    def run(self, given: Given) -> Artefacts:
        """Call the step's function.

        Parameters
        ----------
        given : Given

        Returns
        -------
        Artefacts
        """
        module, _, name = self.function.partition(":")
        function: Callable[[Given], Artefacts] = getattr(import_module(module), name)
        return function(given)


@dataclass(frozen=True, slots=True)
class Given:
    """What a step's function is given: its settings, its files, and the artefacts it needs.

    Attributes
    ----------
    settings : mapping
    files : mapping of str to pathlib.Path
    before : mapping of str to Artefacts
        Artefacts of earlier steps, by step.
    """

    settings: Mapping[str, Any]
    files: Mapping[str, Path]
    before: Mapping[str, Artefacts]

    def steps(self, kind: str) -> dict[str, Artefacts]:
        """Return the artefacts of all steps of one kind, by the name of the part.

        Parameters
        ----------
        kind : str
            ``"survey"``, ``"fit"`` …

        Returns
        -------
        dict
            In the order of the study file.
        """
        return {name.partition(":")[2]: made for name, made in self.before.items() if name.partition(":")[0] == kind}


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a finished step.

    Attributes
    ----------
    key : str
    artefacts : dict
        SHA-256 of every artefact.
    inputs : dict
        SHA-256 of every file read.
    """

    key: str
    artefacts: dict[str, str]
    inputs: dict[str, str]


def step_key(step: Step, inputs: Mapping[str, str], before: Mapping[str, Record], code: CodeBase) -> str:
    """Return the key of a step.

    Parameters
    ----------
    step : Step
    inputs : mapping
        SHA-256 of its files.
    before : mapping of str to Record
        The records of the steps it needs.
    code : CodeBase

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    needed = {name: _needed(before[name], chosen) for name, chosen in step.needs.items()}
    everything = {
        "format": FORMAT,
        "function": step.function,
        "settings": step.settings,
        "files": inputs,
        "needs": needed,
        "code": code.hash(step.module),
        "libraries": {name: version(name) for name in step.libraries},
        "python": ".".join(map(str, sys.version_info[:2])),
    }
    return hashlib.sha256(canonical(everything).encode()).hexdigest()


def _needed(record: Record, chosen: tuple[str, ...]) -> dict[str, str]:
    return {name: record.artefacts.get(name, "") for name in (chosen or sorted(record.artefacts))}


@cache
def version(distribution: str) -> str:
    """Return the version of an installed distribution, "" where it is not installed.

    Parameters
    ----------
    distribution : str

    Returns
    -------
    str

    Examples
    --------
    >>> version("no-such-thing")
    ''
    """
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
