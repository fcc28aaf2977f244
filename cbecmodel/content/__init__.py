"""Where the study's own content lies: ``surveys/``, ``analysis/`` and the report templates.

In a checkout they stand at its top; in an installed package they stand beside this file. There is one copy of each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PLACES = {"surveys": "surveys", "analysis": "analysis", "reports": "reports/templates"}


def content_folder(name: Literal["surveys", "analysis", "reports"]) -> Path:
    """Return the folder that holds one kind of content.

    Parameters
    ----------
    name : {"surveys", "analysis", "reports"}
        ``reports`` is the folder of report templates.

    Returns
    -------
    pathlib.Path

    Examples
    --------
    >>> content_folder("surveys").name
    'surveys'
    """
    installed = Path(__file__).parent / name
    return installed if installed.is_dir() else Path(__file__).parents[2] / _PLACES[name]
