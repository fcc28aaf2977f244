"""Simple conditions on one question: who is shown what, who is screened out."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

Comparison = Literal["<", "<=", ">", ">=", "==", "!="]
_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_FORM: Final = re.compile(r"^\s*(?P<variable>[^\W\d][\w.]*)?\s*(?P<operator><=|>=|==|!=|<|>)\s*(?P<value>\S+)\s*$")


@dataclass(frozen=True, slots=True)
class Condition:
    """``variable operator value``, as ``X_LIVE > 0``.

    Attributes
    ----------
    variable : str
        Id of a question.
    operator : {"<", "<=", ">", ">=", "==", "!="}
    value : int, float or str

    Examples
    --------
    >>> Condition.parse("X_LIVE > 0").holds(2)
    True
    >>> Condition.parse("== CHN", variable="S_COUNTRY").holds("VNM")
    False
    """

    variable: str
    operator: Comparison
    value: int | float | str

    @classmethod
    def parse(cls, text: str, variable: str | None = None) -> Condition:
        """Read a condition.

        Parameters
        ----------
        text : str
        variable : str, optional
            The question it is about, where the text does not say.

        Returns
        -------
        Condition

        Raises
        ------
        ValueError
            If the text is not one comparison with one value.

        Examples
        --------
        >>> Condition.parse("< 18", variable="S_AGE")
        Condition(variable='S_AGE', operator='<', value=18)
        """
        match = _FORM.match(text)
        name = match and (match["variable"] or variable)
        if match is None or not name:
            raise ValueError(text)
        return cls(name, cast("Comparison", match["operator"]), _value(match["value"].strip("'\"")))

    def holds(self, answer: object) -> bool:
        """Whether one answer fulfils the condition; a missing or incomparable one does not.

        Parameters
        ----------
        answer : object

        Returns
        -------
        bool
        """
        if answer is None or pd.isna(cast("Any", answer)):
            return False
        value: Any = self.value
        try:
            return bool(_COMPARE[self.operator](type(value)(cast("Any", answer)), value))
        except (TypeError, ValueError):
            return False

    def mask(self, frame: pd.DataFrame) -> pd.Series[bool]:
        """Say for every respondent whether the condition is fulfilled.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row a respondent; must have the condition's variable.

        Returns
        -------
        pandas.Series of bool
            Missing answers do not fulfil it.

        Examples
        --------
        >>> Condition.parse("X_LIVE > 0").mask(pd.DataFrame({"X_LIVE": [0, 3, None]})).tolist()
        [False, True, False]
        """
        which, answers = pd.factorize(frame[self.variable], use_na_sentinel=True)
        held = np.array([*map(self.holds, answers), False])[which]  # -1, a missing answer, is the last
        return pd.Series(held, index=frame.index, name=self.variable)

    def __str__(self) -> str:
        return f"{self.variable} {self.operator} {self.value}"


def _value(written: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(written)
        except ValueError:
            continue
    return written
