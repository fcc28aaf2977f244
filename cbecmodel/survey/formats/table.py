"""What every format hands on: the cells as text, which row of the file each came from, and what the layout alone tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cbecmodel.survey.recode import Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from cbecmodel.survey.change_log import Event


@dataclass(frozen=True, slots=True)
class RawTable:
    """Answers as a file holds them.

    Parameters
    ----------
    file : str
        Name of the file, for messages.
    format : str
        ``"csv"``, ``"excel"``, ``"wenjuanxing"`` or ``"frame"``.
    encoding : str
        Of a text file; else ``""``.
    headers : tuple of str
        First row.
    cells : pandas.DataFrame
        A column a header, named by position; one row an answer; text or None.
    rows : numpy.ndarray of shape (n,)
        Row of the file each answer stands in; the header is row 1.
    events : tuple of Event
        What reading already did.
    places : Mapping
        Position of a column to the question it is known to hold by the layout: field id, or (field id, option code).
    dialect : Dialect
        How the platform writes answers.
    language : str
        Of the form, where the layout tells; else ``""``.
    """

    file: str
    format: str
    encoding: str
    headers: tuple[str, ...]
    cells: pd.DataFrame
    rows: NDArray[np.int64]
    events: tuple[Event, ...] = ()
    places: Mapping[int, str | tuple[str, int]] = field(default_factory=dict)
    dialect: Dialect = field(default_factory=Dialect)
    language: str = ""
