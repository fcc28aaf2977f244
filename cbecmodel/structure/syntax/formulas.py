"""What a model's syntax says, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cbecmodel.structure.syntax.expressions import Expression


@dataclass(frozen=True, slots=True)
class Modifiers:
    """What a term's prefixes say, one entry a group (a single entry speaks for all groups).

    Attributes
    ----------
    fixed : tuple of float
        Fixed values; NaN means free (``NA*``).
    label, equal : tuple of str
    start, lower, upper : tuple of float
    """

    fixed: tuple[float, ...] = ()
    label: tuple[str, ...] = ()
    start: tuple[float, ...] = ()
    equal: tuple[str, ...] = ()
    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()

    def merged(self, other: Modifiers) -> Modifiers:
        """Return both; the later one wins where both speak.

        Parameters
        ----------
        other : Modifiers
            Those that were written later.

        Returns
        -------
        Modifiers
        """
        said = {name: getattr(other, name) for name in self.__slots__ if getattr(other, name)}
        return replace(self, **said)


@dataclass(frozen=True, slots=True)
class Formula:
    """One relation between two variables.

    Attributes
    ----------
    lhs, op, rhs : str
        ``rhs`` is ``""`` for an intercept (``op`` ``"~1"``).
    modifiers : Modifiers
    group, level : str
        Block it stands in; ``""`` for none.
    efa : str
        Rotation block of ``lhs``.
    line, column : int
        Where it was written.
    """

    lhs: str
    op: str
    rhs: str
    modifiers: Modifiers = field(default_factory=Modifiers)
    group: str = ""
    level: str = ""
    efa: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Constraint:
    """A defined parameter (``:=``) or a constraint (``== < >``).

    Attributes
    ----------
    op : {":=", "==", "<", ">"}
    lhs, rhs : str
        Text of the two sides without blanks.
    left, right : Expression
    line : int
    """

    op: str
    lhs: str
    rhs: str
    left: Expression
    right: Expression
    line: int = 0


@dataclass(frozen=True, slots=True)
class Model:
    """What a model's syntax says, in the order it was written.

    Attributes
    ----------
    formulas : tuple of Formula
    constraints : tuple of Constraint
    text : str
        The syntax as given.
    """

    formulas: tuple[Formula, ...]
    constraints: tuple[Constraint, ...]
    text: str
