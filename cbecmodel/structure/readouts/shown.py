"""How results show themselves, whatever they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path

    from cbecmodel.display.canvas import Picture
    from cbecmodel.structure.results import SEMResults


class Shown:
    """The part of :class:`~cbecmodel.structure.results.SEMResults` that is text, HTML, LaTeX, Word and a picture."""

    @property
    def _fit(self) -> SEMResults:
        return cast("SEMResults", self)

    def summary(self) -> str:
        """Return the results as text.

        Returns
        -------
        str
        """
        from cbecmodel.structure.readouts.show import text_summary

        return text_summary(self._fit)

    __str__ = __repr__ = summary

    def _repr_html_(self) -> str:
        from cbecmodel.structure.readouts.show import html_summary

        return html_summary(self._fit)

    def to_latex(self) -> str:
        """Return the parameter table as LaTeX (booktabs).

        Returns
        -------
        str
        """
        from cbecmodel.structure.readouts.show import parameter_tables

        return "\n\n".join(table.to_latex() for table in parameter_tables(self._fit))

    def to_docx(self, path: str | Path) -> Path:
        """Write the results as a Word document.

        Parameters
        ----------
        path : str or pathlib.Path

        Returns
        -------
        pathlib.Path

        Raises
        ------
        MissingDependency
            Without the ``report`` extra.
        """
        from cbecmodel.structure.readouts.show import write_docx

        return write_docx(self._fit, path)

    def plot(self, *, indicators: bool = False, lang: str | None = None) -> Picture:
        """Draw the path diagram with standardized estimates.

        Parameters
        ----------
        indicators : bool
            Also draw the observed indicators.
        lang : {"en", "zh"}, optional

        Returns
        -------
        Picture
            A matplotlib figure that shows itself in notebooks.
        """
        from cbecmodel.structure.readouts.show import draw

        return draw(self._fit, indicators=indicators, lang=lang)
