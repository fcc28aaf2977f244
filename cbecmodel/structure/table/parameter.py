"""One parameter of a model, and the numbers parameters go by."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the table.

    Attributes
    ----------
    lhs, op, rhs : str
    group : int
        1, 2, …
    label : str
        Rows that share one are equal.
    free : int
        Its number among the free parameters, from 1; 0 if fixed.
    fixed : float
        The value of a fixed parameter; NaN for a moment taken from the data (``fixed_x``), and for a free one.
    start, lower, upper : float
        NaN for none.
    user : bool
        Whether the syntax says it, rather than a default.
    exogenous : bool
        A moment of fixed exogenous variables.
    efa : str
        Rotation block of a loading.
    """

    lhs: str
    op: str
    rhs: str
    group: int = 1
    label: str = ""
    free: int = 0
    fixed: float = math.nan
    start: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    user: bool = True
    exogenous: bool = False
    efa: str = ""

    @property
    def name(self) -> str:
        """Return ``lhs op rhs`` without blanks.

        Returns
        -------
        str
        """
        return f"{self.lhs}{self.op}{self.rhs}"


def numbered(rows: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """Give the free rows their numbers.

    Parameters
    ----------
    rows : iterable of Parameter
        ``free`` is truthy for a free one.

    Returns
    -------
    tuple of Parameter
    """
    count, out = 0, []
    for row in rows:
        count += bool(row.free)
        number = count if row.free else 0
        same = row.free == number and not isinstance(row.free, bool)
        out.append(row if same else replace(row, free=number))
    return tuple(out)


def find_row(rows: Sequence[Parameter], name: str) -> int | None:
    """Return the position of the row called ``lhs op rhs`` (blanks do not matter).

    Parameters
    ----------
    rows : sequence of Parameter
    name : str

    Returns
    -------
    int or None
    """
    wanted = "".join(name.split())
    return next((index for index, row in enumerate(rows) if row.name == wanted), None)
