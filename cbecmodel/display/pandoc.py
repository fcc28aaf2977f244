"""Runs pandoc on a page, the same bytes on every run."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

from cbecmodel.errors import MissingDependency, ReportError
from cbecmodel.messages import text

if TYPE_CHECKING:
    from pathlib import Path

EPOCH: Final = 315532800  # 1980-01-01, the earliest a zip can hold: no document says when it was made


def pandoc(source: str, format: str, *options: str, folder: Path | None = None) -> bytes:  # noqa: A002 - pandoc's word
    """Return what pandoc makes of a page.

    Parameters
    ----------
    source : str
        HTML.
    format : str
    *options : str
    folder : pathlib.Path, optional
        Where the figures are.

    Returns
    -------
    bytes

    Raises
    ------
    ReportError
        With what pandoc said.
    MissingDependency
        Without the extra ``report``.
    """
    try:
        import pypandoc
    except ImportError as error:
        purpose = text(f"core.purpose_{format}")
        raise MissingDependency(
            "core.missing_dependency", package="pypandoc-binary", extra="report", purpose=purpose
        ) from error
    command = [pypandoc.get_pandoc_path(), "--from=html", f"--to={format}", "--wrap=none", "--output=-", *options]
    surroundings = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, input=source.encode("utf-8"), capture_output=True, check=False, cwd=folder, env=surroundings
    )
    if done.returncode:
        reason = done.stderr.decode("utf-8", errors="replace").strip()
        raise ReportError("report.pandoc_failed", format=format, reason=reason)
    return done.stdout
