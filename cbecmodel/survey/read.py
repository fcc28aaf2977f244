"""Read the answers of a survey from a file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from cbecmodel import files
from cbecmodel.errors import DataError, FileError
from cbecmodel.survey.codebook import fields
from cbecmodel.survey.formats import tabular, wenjuanxing, workbook
from cbecmodel.survey.instrument import Instrument, load_instrument
from cbecmodel.survey.responses import Responses

if TYPE_CHECKING:
    from cbecmodel.survey.formats.table import RawTable

Format = Literal["csv", "excel", "wenjuanxing"]
FORMATS: Final = ("csv", "excel", "wenjuanxing")


def read_responses(
    path: str | Path,
    instrument: Instrument | str | Path,
    format: Format | None = None,  # noqa: A002 - the name users know from every reader
    *,
    encoding: str | None = None,
    sheet: str | int | None = None,
) -> Responses:
    r"""Read the answers of a survey.

    Columns are matched to questions by id (case and surrounding spaces do not matter), in a 问卷星 export by the text of
    the question; nothing is guessed. Labels in any language of the instrument become codes, missing codes become NaN with
    their reason kept, reversed items are reversed, IP addresses are not taken over, and every change is in ``.log``. The
    file itself is never changed.

    Parameters
    ----------
    path : str or pathlib.Path
        CSV (comma, semicolon or tab; UTF-8, UTF-16, GBK/GB18030), Excel (.xlsx), or an export of 问卷星 in either.
    instrument : Instrument, str or pathlib.Path
        What was asked; a name or a path is loaded with :func:`~cbecmodel.survey.instrument.load_instrument`.
    format : {"csv", "excel", "wenjuanxing"}, optional
        Default: 问卷星 if the file name or the leading columns say so, else by the ending.
    encoding : str, optional
        Of a text file. Default: detected strictly.
    sheet : str or int, optional
        Of a workbook. Default: the first visible one.

    Returns
    -------
    Responses

    Raises
    ------
    FileError
        If there is no such file, or its bytes cannot be read.
    DataError
        If an item has no column or two, a respondent occurs twice, or an answer is outside its scale or unreadable; says
        file, row, column and item. Rows are counted as a spreadsheet shows them: the header is row 1.

    Warns
    -----
    DataWarning
        If there are unknown columns, or items that nobody answered or everybody answered alike.

    Examples
    --------
    >>> import tempfile
    >>> from cbecmodel.files import write_atomic
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = write_atomic(folder / "mood.yaml", '''
    ... id: mood
    ... title: Mood
    ... scales: {agree: {points: {1: No, 2: Partly, 3: Yes}}}
    ... constructs: {JOY: {name: Joy, items: {J1: {text: I sing.}, J2: {text: I sulk., reverse: true}}}}
    ... ''')
    >>> _ = write_atomic(folder / "answers.csv", "id,J1,J2\n11,Yes,1\n12,partly,3\n")
    >>> answers = read_responses(folder / "answers.csv", folder / "mood.yaml")
    >>> answers.frame
                 J1   J2
    respondent
    11          3.0  3.0
    12          2.0  1.0
    """
    path = Path(path)
    if not isinstance(instrument, Instrument):
        instrument = load_instrument(instrument)
    if format is not None and format not in FORMATS:
        raise DataError("survey.unknown_format", file=path.name, format=format, known=", ".join(FORMATS))
    data = files.read_bytes(path)
    table = _cells(path, data, format, encoding, sheet)
    if format == "wenjuanxing" or (format is None and wenjuanxing.recognise(path.name, table.headers)):
        table = wenjuanxing.interpret(table, fields(instrument), instrument.languages)
    return Responses.from_table(table, instrument, hashlib.sha256(data).hexdigest())


def _cells(path: Path, data: bytes, format: str | None, encoding: str | None, sheet: str | int | None) -> RawTable:  # noqa: A002
    ending = path.suffix.lower()
    if format == "csv" or (format != "excel" and ending in tabular.ENDINGS):
        return tabular.read_table(path, data, encoding)
    if format == "excel" or ending in workbook.ENDINGS or ending == ".xls":
        return workbook.read_workbook(path, data, sheet)
    raise FileError("survey.unknown_ending", file=path.name, ending=ending)
