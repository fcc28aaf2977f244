"""Fills the one template: for the screen, self-contained; for print, as pandoc reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final, Literal

import jinja2
from markupsafe import Markup, escape

from cbecmodel.content import content_folder
from cbecmodel.display.canvas import figure_bytes
from cbecmodel.display.plain_text import display_width
from cbecmodel.display.typefaces import FACES, SANS, characters, font_face_css
from cbecmodel.errors import ReportError
from cbecmodel.report.document import numbered

if TYPE_CHECKING:
    from cbecmodel.display.tables import Table
    from cbecmodel.report.document import Document, FigureBlock

TEMPLATE: Final = "report.html.j2"
HTML_LANGUAGE: Final = {"en": "en", "zh": "zh-Hans"}
_REFERENCE: Final = re.compile(r"\[\[([\w-]+)\]\]")
_ADDRESS: Final = re.compile(r"https://[^\s<]+")
_PAGE: Final = 116  # letters a line of a printed table takes
_TERM: Final = 10  # a Chinese term of five characters
_LONG: Final = 84  # wider tables are given the whole page and shares of it


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table's written cells, and the shares of the page its columns get.

    Attributes
    ----------
    groups : list of (heading, rows)
    shares : list of float
        Percent; empty for a narrow table.
    """

    groups: list[tuple[str, list[list[str]]]]
    shares: list[float]


def column_shares(table: Table, always: bool = False) -> list[float]:
    """Return how much of the page each column of a wide table gets.

    Parameters
    ----------
    table : Table
    always : bool
        A narrow table too gets shares, which then leave part of the page empty.

    Returns
    -------
    list of float
        Percent; empty for a narrow table. Words and numbers are never broken.
    """
    columns = list(zip(table.header, *table.cells(), strict=True))
    natural = [max(map(display_width, column)) for column in columns]
    if sum(natural) + 2 * len(columns) <= _LONG:
        return [round(100 * (width + 4) / _PAGE, 2) for width in natural] if always else []
    least = [
        max(display_width(part) for cell in column for part in _unbroken(cell, flush)) + 3.3
        for flush, column in zip(table.right, columns, strict=True)
    ]
    spare = max(_PAGE - sum(least), 0)
    wish = [
        0.0 if flush else max(sum(map(display_width, column)) / len(column), 0.6 * longest) - low
        for flush, column, longest, low in zip(table.right, columns, natural, least, strict=True)
    ]
    wish = [max(value, 0.0) for value in wish]
    widths = [low + spare * value / (sum(wish) or 1) for low, value in zip(least, wish, strict=True)]
    return [round(100 * width / sum(widths), 2) for width in widths]


def _unbroken(cell: str, whole: bool) -> list[str]:
    """Return the parts of a cell that no line end may divide: numbers, words, and short Chinese terms."""
    if whole or display_width(cell) <= _TERM:
        return cell.split(" ")
    return [part for word in cell.split(" ") for part in re.split(r"(?<=[\u3000-\u9fff])", word) if part]


def render(document: Document, image: Literal["", "svg", "png"] = "") -> str:
    """Return the document as HTML.

    Parameters
    ----------
    document : Document
    image : {"", "svg", "png"}
        "" is the page for the screen, with all styles, fonts and figures in it; else the plain structure for pandoc, with
        figures as files of that kind.

    Returns
    -------
    str

    Raises
    ------
    ReportError
        If the template needs something it is not given.
    """
    names = numbered(document.chapters, document.words)
    given: dict[str, Any] = {
        "document": document,
        "words": document.words,
        "names": names,
        "html_lang": HTML_LANGUAGE[document.words.lang],
        "print": bool(image),
        "image": image,
        "tables": {
            name: ShownTable(_groups(block.table), column_shares(block.table, _with_shares(block.table, image)))
            for name, block in document.tables.items()
        },
        "sizes": {name: _inches(block) for name, block in document.figures.items()},
        "svg": inline_svg,
        "style": _file("report.css"),
        "fonts": "",
    }
    page = _fill(given, names)
    if image:
        return page
    shown = _Shown.of(page)
    bold = "".join(set(shown.bold) & set(map(chr, characters(FACES[SANS, 700]))))
    return _fill({**given, "fonts": font_face_css(shown.text, bold)}, names)


def _with_shares(table: Table, image: str) -> bool:
    """Return whether even a narrow table needs shares: in a DOCX, and where headings between rows would stretch it."""
    return image == "png" or (image == "svg" and table.row_groups is not None)


def _groups(table: Table) -> list[tuple[str, list[list[str]]]]:
    """Return the written rows; a number is never broken at its blank."""
    return [
        (
            heading,
            [
                [c.replace(" ", "\u00a0") if flush else c for c, flush in zip(row, table.right, strict=True)]
                for row in rows
            ],
        )
        for heading, rows in table.groups()
    ]


def _inches(block: FigureBlock) -> float:
    return round(min(6.3, float(block.figure.get_size_inches()[0])), 2)


def _file(name: str) -> str:
    return (content_folder("reports") / name).read_text(encoding="utf-8")


def _fill(given: dict[str, Any], names: dict[str, str]) -> str:
    try:
        return _template(tuple(names.items())).render(given)
    except jinja2.TemplateError as error:
        raise ReportError("report.template_failed", template=TEMPLATE, reason=str(error)) from error


def _template(names: tuple[tuple[str, str], ...]) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(content_folder("reports")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
    )
    known = dict(names)
    environment.filters["linked"] = lambda text: linked(text, known)
    return environment.get_template(TEMPLATE)


def linked(text: str, names: dict[str, str]) -> Markup:
    """Turn ``[[id]]`` and addresses in a plain text into links.

    Parameters
    ----------
    text : str
    names : dict of str to str
        What each table and figure is called.

    Returns
    -------
    markupsafe.Markup

    Raises
    ------
    ReportError
        If there is no table or figure of that id.

    Examples
    --------
    >>> str(linked("see [[tab-a]] & more", {"tab-a": "Table 1"}))
    'see <a href="#tab-a">Table 1</a> &amp; more'
    """

    def refer(match: re.Match[str]) -> str:
        if match[1] not in names:
            raise ReportError("report.template_failed", template=TEMPLATE, reason=match[0])
        return f'<a href="#{match[1]}">{names[match[1]]}</a>'

    safe = _REFERENCE.sub(refer, str(escape(text)))
    return Markup(_ADDRESS.sub(lambda match: f'<a href="{match[0]}">{match[0]}</a>', safe))


def inline_svg(block: FigureBlock) -> Markup:
    """Return a figure as an element of the page, its identifiers its own, its description with it.

    Parameters
    ----------
    block : FigureBlock

    Returns
    -------
    markupsafe.Markup
    """
    drawing = figure_bytes(block.figure, "svg").decode("utf-8")
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r'(id="|"#|\(#)', lambda match: f"{match[0]}{block.id}-", drawing)
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    width = round(96 * float(block.figure.get_size_inches()[0]))
    opening = f'<svg role="img" aria-label="{escape(block.alt)}" style="--width:{width}px"'
    return Markup(opening + drawing.removeprefix("<svg"))


class _Shown(HTMLParser):
    """Collects what a page shows, and what of it is bold."""

    BOLD: Final = frozenset({"h1", "h2", "h3", "b", "strong", "th", "caption", "figcaption"})
    INLINE: Final = frozenset({"a", "b", "i", "em", "strong", "span"})
    SILENT: Final = frozenset({"style", "script", "svg", "title"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = " "
        self.bold = " "

    @classmethod
    def of(cls, page: str) -> _Shown:
        parser = cls()
        parser.feed(page)
        return parser

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the base class calls it so
        if tag not in {"meta", "br", "col", "img", "link", "path", "use", "rect"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while tag in self.open and self.open.pop() != tag:
            pass
        if tag not in self.INLINE:
            self.text += " "

    def handle_data(self, data: str) -> None:
        if self.SILENT & set(self.open):
            return
        self.text += data
        if self.BOLD & set(self.open):
            self.bold += data


def shown_text(page: str) -> str:
    """Return what a page shows, without its marks.

    Parameters
    ----------
    page : str
        HTML.

    Returns
    -------
    str

    Examples
    --------
    >>> shown_text("<p>文化 <b>SDI</b></p>").strip()
    '文化 SDI'
    """
    return _Shown.of(page).text
