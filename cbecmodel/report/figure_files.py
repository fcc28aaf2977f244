"""Figures as files beside the page that pandoc reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cbecmodel.display.canvas import figure_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from cbecmodel.report.document import Document


def write_figures(place: Path, document: Document, kind: Literal["svg", "png"]) -> None:
    """Write a document's figures as files pandoc's reader refers to.

    Parameters
    ----------
    place : pathlib.Path
        Folder.
    document : Document
    kind : {"svg", "png"}
    """
    for name, block in document.figures.items():
        (place / f"{name}.{kind}").write_bytes(figure_bytes(block.figure, kind, dpi=220))
