"""The parts of a document, before they have a look: prose, tables and figures in chapters, numbered and referred to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cbecmodel.errors import ReportError
from cbecmodel.messages import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cbecmodel.display.canvas import Picture
    from cbecmodel.display.tables import Table


@dataclass(frozen=True, slots=True)
class Words:
    """The report's sentences in one language.

    Attributes
    ----------
    lang : str

    Examples
    --------
    >>> Words("zh")("numbered_table", n=3)
    '表 3'
    """

    lang: str

    def __call__(self, key: str, **values: Any) -> str:
        """Return one sentence, filled in.

        Parameters
        ----------
        key : str
        **values
            What its placeholders stand for.

        Returns
        -------
        str

        Raises
        ------
        ReportError
            If the catalogue has no such sentence, or a placeholder has no value.
        """
        try:
            return text(f"report.{key}", self.lang, **values)
        except KeyError as error:
            raise ReportError("report.missing_text", name=key, language=self.lang, missing=str(error)) from error

    def of(self, texts: dict[str, str]) -> str:
        """Return a text that came with the results, in this language, or in another one rather than not at all.

        Parameters
        ----------
        texts : dict
            ``{language: text}``.

        Returns
        -------
        str
        """
        return texts.get(self.lang) or next((said for said in texts.values() if said), "")

    def join(self, sentences: Sequence[str]) -> str:
        """Put sentences together into one paragraph.

        Parameters
        ----------
        sentences : sequence of str

        Returns
        -------
        str
        """
        return ("" if self.lang == "zh" else " ").join(sentence for sentence in sentences if sentence)


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph. ``[[id]]`` in it refers to a table or figure.

    Attributes
    ----------
    text : str
    kind : {"p", "h3", "notice", "note", "reference"}
    """

    text: str
    kind: str = "p"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of short statements.

    Attributes
    ----------
    items : tuple of str
    """

    items: tuple[str, ...]
    kind: str = "bullets"


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table with its number to be.

    Attributes
    ----------
    id : str
        ``tab-…``, what ``[[tab-…]]`` refers to.
    table : Table
        Its title becomes the caption.
    """

    id: str
    table: Table
    kind: str = "table"


@dataclass(frozen=True, slots=True)
class FigureBlock:
    """A figure with its number to be.

    Attributes
    ----------
    id : str
        ``fig-…``.
    figure : Picture
    caption : str
    alt : str
        What it shows, for who cannot see it.
    """

    id: str
    figure: Picture
    caption: str
    alt: str
    kind: str = "figure"


Block = Prose | Bullets | TableBlock | FigureBlock


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter.

    Attributes
    ----------
    id, title : str
    blocks : tuple of Block
    synthetic : bool
        Whether it rests on simulated data; then its heading says so.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report in one language.

    Attributes
    ----------
    words : Words
    title : str
    subtitle : str
        The paper whose claims are tested; "" where there is none.
    chapters : tuple of Chapter
    synthetic : bool
        Whether any of it rests on simulated data; then every page says so.
    """

    words: Words
    title: str
    subtitle: str
    chapters: tuple[Chapter, ...]
    synthetic: bool

    @property
    def figures(self) -> dict[str, FigureBlock]:
        """Figures by id, in the order they stand."""
        return {block.id: block for block in self._blocks() if isinstance(block, FigureBlock)}

    @property
    def tables(self) -> dict[str, TableBlock]:
        """Tables by id, in the order they stand."""
        return {block.id: block for block in self._blocks() if isinstance(block, TableBlock)}

    @property
    def notice(self) -> str:
        """What stands at the head of every page: that data were simulated, or nothing."""
        return self.words("synthetic_banner") if self.synthetic else ""

    def _blocks(self) -> Iterator[Block]:
        return (block for chapter in self.chapters for block in chapter.blocks)


def numbered(chapters: Sequence[Chapter], words: Words) -> dict[str, str]:
    """Return what each table and figure is called, in the order they stand.

    Parameters
    ----------
    chapters : sequence of Chapter
    words : Words

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> from cbecmodel.display.canvas import new_figure
    >>> chapter = Chapter("one", "One", (FigureBlock("fig-a", new_figure()[0], "A", "a"),))
    >>> numbered([chapter], Words("en"))
    {'fig-a': 'Figure 1'}
    """
    found: dict[str, str] = {}
    counts = {"table": 0, "figure": 0}
    for block in (block for chapter in chapters for block in chapter.blocks):
        if isinstance(block, TableBlock | FigureBlock):
            counts[block.kind] += 1
            found[block.id] = words(f"numbered_{block.kind}", n=counts[block.kind])
    return found
