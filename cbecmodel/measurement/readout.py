"""The one look of every result of this room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from cbecmodel.display.tables import summary_html, summary_text
from cbecmodel.messages import text

if TYPE_CHECKING:
    from cbecmodel.display.tables import Table


def say(key: str, **values: object) -> str:
    """Return a text of this room in the language of messages.

    Parameters
    ----------
    key : str
    **values
        Of its placeholders.

    Returns
    -------
    str

    Examples
    --------
    >>> say("show_construct")
    'Construct'
    """
    return text(f"measurement.{key}", None, **values)


class Readout(ABC):
    """A result that shows itself as text, HTML and LaTeX; whoever derives from it says what is shown.

    Attributes
    ----------
    synthetic : bool
        Whether the data were simulated.

    Examples
    --------
    >>> class Empty(Readout):
    ...     def _title(self):
    ...         return "Nothing"
    ...     def tables(self):
    ...         return []
    >>> print(Empty().summary())
    Nothing
    ═══════
    """

    synthetic: bool = False

    @abstractmethod
    def _title(self) -> str:
        """Return what stands above everything."""

    def _facts(self) -> list[tuple[str, str]]:
        return []

    @abstractmethod
    def tables(self) -> list[Table]:
        """Return the tables that are shown.

        Returns
        -------
        list of Table
            Their frames have full precision.
        """

    def summary(self) -> str:
        """Return the results as text.

        Returns
        -------
        str
        """
        return summary_text(self._title(), self._facts(), self.tables(), self.synthetic)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return summary_html(self._title(), self._facts(), self.tables(), self.synthetic)

    def to_latex(self) -> str:
        """Return the tables as LaTeX floats.

        Returns
        -------
        str
        """
        return "\n\n".join(table.to_latex() for table in self.tables())
