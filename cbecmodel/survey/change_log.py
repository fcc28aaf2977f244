"""What was done to answers on their way in: one event a change, said in the reader's language when it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from cbecmodel.messages import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Event:
    """One change, or one thing found, between the file and the analysis frame.

    Parameters
    ----------
    step : str
        Machine name of the step (``read``, ``columns``, ``recode``, ``missing``, ``reverse``, ``keep`` …).
    key : str
        Name of its sentence in ``locale/survey.yaml``.
    where : str
        Column, item or file it happened to.
    n : int
        Number of cells, rows or columns concerned.
    values : Mapping
        What the sentence's placeholders stand for.

    Examples
    --------
    >>> Event("reverse", "log_reversed", "PU4", 10, {"low": 1, "high": 7}).step
    'reverse'
    """

    step: str
    key: str
    where: str
    n: int
    values: Mapping[str, Any] = field(default_factory=dict)


def log_table(events: Iterable[Event], lang: str | None = None) -> pd.DataFrame:
    """Return events as a table.

    Parameters
    ----------
    events : iterable of Event
    lang : {"en", "zh"}, optional
        Defaults to :func:`cbecmodel.messages.language`.

    Returns
    -------
    pandas.DataFrame
        Columns ``step, what, where, n`` in the order things happened.

    Examples
    --------
    >>> log_table([Event("reverse", "log_reversed", "PU4", 10, {"low": 1, "high": 7})], "en")["what"][0]
    'reversed: x became 1 + 7 − x'
    """
    rows = [(e.step, text(f"survey.{e.key}", lang, **e.values), e.where, e.n) for e in events]
    return pd.DataFrame(rows, columns=["step", "what", "where", "n"])
