"""Where every number comes from: versions, seeds, and the SHA-256 of every input and every result.

Nothing in it differs between two builds of the same study: no time, no machine, no user, no folder.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

from cbecmodel.files import sha256
from cbecmodel.study.artefacts import Artefacts
from cbecmodel.study.steps import WARNINGS, version

if TYPE_CHECKING:
    from pathlib import Path

    from cbecmodel.study.steps import Given

_PATIENCE: Final = 10.0


def describe(given: Given) -> Artefacts:
    """Describe everything the results rest on.

    Parameters
    ----------
    given : Given
        All files of the study, and the artefacts of every step before.

    Returns
    -------
    Artefacts
        ``provenance.json``, without the reports.
    """
    settings = given.settings
    known = {
        "study": settings["study"],
        "synthetic": _synthetic(given),
        "commit": settings["commit"],
        "paper": given.before["theory"].value("paper.json") if "theory" in given.before else None,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "implementation": sys.implementation.name,
        "packages": {name: found for name in settings["libraries"] if (found := version(name))},
        "seed": settings["seed"],
        "seeds": settings["seeds"],
        "instruments": {name: made.value("sample.json")["instrument"] for name, made in given.steps("survey").items()},
        "inputs": {name: sha256(path) for name, path in sorted(given.files.items())},
        "artefacts": {name: _hashes(made) for name, made in given.before.items()},
        "warnings": {name: heard for name, made in given.before.items() if (heard := made.value(WARNINGS))},
    }
    made = Artefacts()
    made.json("provenance.json", known)
    return made


def seal(given: Given) -> Artefacts:
    """Add the reports to the provenance, now that they are written.

    Parameters
    ----------
    given : Given

    Returns
    -------
    Artefacts
        ``provenance.json``.
    """
    known: dict[str, Any] = given.before["provenance"].value("provenance.json")
    reports: dict[str, str] = {}
    for lang, made in given.steps("report").items():
        reports |= {f"{lang}/{name}": found for name, found in _hashes(made).items() if name.startswith("report.")}
    made = Artefacts()
    made.json("provenance.json", {**known, "reports": reports})
    return made


def _synthetic(given: Given) -> bool:
    surveys = [made.value("sample.json")["synthetic"] for made in given.steps("survey").values()]
    return any(surveys + [made.value("panel.json")["synthetic"] for made in given.steps("panel").values()])


def _hashes(made: Artefacts) -> dict[str, str]:
    import hashlib

    return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(made.files.items())}


def commit(folder: Path) -> dict[str, Any] | None:
    """Return the commit a folder stands at, and whether tracked files were changed since.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    dict or None
        ``{"id": …, "changed": …}``; None outside git, without commits, or where git is not installed.
    """
    found = _git(folder, "rev-parse", "HEAD")
    if not found:
        return None
    return {"id": found.strip(), "changed": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE, encoding="utf-8")
    except (OSError, subprocess.TimeoutExpired):  # no git here: there is no commit to name
        return ""
    return done.stdout if done.returncode == 0 else ""
