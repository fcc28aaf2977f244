"""Read the answers of a survey from a file."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

from cbecmodel import files
from cbecmodel.errors import DataError, DataWarning, FileError
from cbecmodel.survey.codebook import fields
from cbecmodel.survey.formats import google_forms, limesurvey, odk, qualtrics, tabular, wenjuanxing, workbook
from cbecmodel.survey.formats.folder import read_folder, rows_of
from cbecmodel.survey.formats.numbering import Numbers, numbering
from cbecmodel.survey.formats.statistical import ENDINGS as STATISTICAL
from cbecmodel.survey.formats.statistical import read_statistical
from cbecmodel.survey.formats.surveyjs_answers import ENDINGS as JSON
from cbecmodel.survey.formats.surveyjs_answers import read_json
from cbecmodel.survey.instrument import Instrument, load_instrument
from cbecmodel.survey.responses import Responses
from cbecmodel.survey.versions import HASH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.survey.formats.table import RawTable

Format = Literal[
    "csv", "excel", "wenjuanxing", "qualtrics", "limesurvey", "odk", "google_forms", "surveyjs", "spss", "stata"
]
FORMATS: Final = get_args(Format)


class _Asked(NamedTuple):
    """What the caller said about the file."""

    format: str | None
    encoding: str | None
    sheet: str | int | None
    numbers: Numbers | None


def read_responses(
    path: str | Path,
    instrument: Instrument | str | Path,
    format: Format | None = None,  # noqa: A002 - the name users know from every reader
    *,
    encoding: str | None = None,
    sheet: str | int | None = None,
    accept: Mapping[str, int | str] | None = None,
    numbers: Numbers | None = None,
    keep_personal: bool = False,
    synthetic: bool = False,
    any_version: bool = False,
) -> Responses:
    r"""Read the answers of a survey.

    Columns are matched to questions by id (case and surrounding spaces do not matter), in exports of platforms by their own
    layout or the wording of the question; nothing is guessed. Labels in any language of the instrument become codes,
    missing codes become NaN with their reason kept, reversed items are reversed, and every change is in ``.log``. IP addresses,
    e-mail addresses, names and telephone numbers are not taken over. The file itself is never changed.

    Parameters
    ----------
    path : str or pathlib.Path
        CSV (comma, semicolon or tab; UTF-8, UTF-16, GBK/GB18030) or Excel (.xlsx), also as 问卷星, Qualtrics, LimeSurvey,
        Kobo/ODK and Google Forms export them; JSON of SurveyJS and of ``cbecmodel preview``; SPSS (.sav), Stata (.dta).
        A folder is read as one file: all its JSON and CSV files with ids as headers, as ``cbecmodel preview`` saves them, one a
        respondent.
    instrument : Instrument, str or pathlib.Path
        What was asked; a name or a path is loaded with :func:`~cbecmodel.survey.instrument.load_instrument`.
    format : str, optional
        One of :data:`FORMATS`: csv, excel, wenjuanxing, qualtrics, limesurvey, odk, google_forms, surveyjs, spss, stata.
        Default: a platform if the file name or its own columns say so, else by the ending.
    encoding : str, optional
        Of a text file. Default: detected strictly.
    sheet : str or int, optional
        Of a workbook. Default: the first visible one.
    accept : mapping, optional
        Wordings that are in the file and not in the instrument, such as ``{"Srongly Disagree": "Strongly disagree"}``: to a
        label or code of the questions in which they occur. The error about such answers names the close labels.
    numbers : {"codes", "positions"}, optional
        Whether numbers are the instrument's codes or count the options as shown (1 = first). Default: what only one of the
        two can explain; some platforms' exports are refused where both can.
    keep_personal : bool
        Take over IP addresses, e-mail addresses, names and telephone numbers, which are left out otherwise.
    synthetic : bool
        Whether the answers were made up, for a trial run say; everything made from them will say so.
    any_version : bool
        Take answers that say they were given to another version of the instrument (their ``instrument_hash`` is not its
        ``content_hash``); noted in the log.

    Returns
    -------
    Responses

    Raises
    ------
    FileError
        If there is no such file, or its bytes cannot be read.
    DataError
        If the answers are to another version of the instrument; if an item has no column or two,
        a respondent occurs twice, or an answer is outside its scale or unreadable; says
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
    options: dict[str, Any] = {
        "accept": accept or {},
        "keep_personal": keep_personal,
        "synthetic": synthetic,
        "any_version": any_version,
    }
    asked = _Asked(format, encoding, sheet, numbers)
    if path.is_dir():
        return _from_folder(path, instrument, asked, options)
    data = files.read_bytes(path)
    table = _interpreted(_cells(path, data, asked), path.name, instrument, asked)
    return Responses.from_table(table, instrument, hashlib.sha256(data).hexdigest(), **options)


def _from_folder(path: Path, instrument: Instrument, asked: _Asked, options: dict[str, Any]) -> Responses:
    """Read all files together; if that fails, each alone, so that the error names the file."""
    table, digest, places = read_folder(path, lambda one, data: _cells(one, data, asked))
    try:
        return Responses.from_table(table, instrument, digest, **options)
    except DataError:
        for name, rows in places:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DataWarning)
                Responses.from_table(rows_of(table, name, rows), instrument, "", **options)
        raise


def _cells(path: Path, data: bytes, asked: _Asked) -> RawTable:
    ending, wanted = path.suffix.lower(), asked.format
    if wanted == "surveyjs" or (wanted is None and ending in JSON):
        return read_json(path, data, asked.encoding)
    if wanted in {"spss", "stata"} or (wanted is None and ending in STATISTICAL):
        return read_statistical(path, data, wanted or STATISTICAL[ending])
    if wanted == "csv" or (wanted != "excel" and ending in tabular.ENDINGS):
        table = tabular.read_table(path, data, asked.encoding)
        return tabular.without_apostrophes(table) if HASH in table.headers else table
    if wanted == "excel" or ending in workbook.ENDINGS or ending == ".xls":
        return workbook.read_workbook(path, data, asked.sheet)
    raise FileError("survey.unknown_ending", file=path.name, ending=ending)


def _interpreted(table: RawTable, name: str, instrument: Instrument, asked: _Asked) -> RawTable:
    """Let the platform the file comes from say what its columns are."""
    platform = asked.format or _platform(table, name)
    known, numbers = fields(instrument), asked.numbers
    match platform:
        case "wenjuanxing":
            return wenjuanxing.interpret(table, known, instrument.languages, numbers)
        case "qualtrics":
            table = qualtrics.interpret(table, instrument)
            numbers = numbers or numbering(table, known, instrument.missing_codes)
        case "limesurvey":
            table = limesurvey.interpret(table, instrument)
        case "odk":
            table = odk.interpret(table, known)
        case "google_forms":
            table = google_forms.interpret(table, known)
    if numbers == "positions":
        return replace(table, dialect=replace(table.dialect, positions=True))
    return table


def _platform(table: RawTable, name: str) -> Format | None:
    if table.format not in {"csv", "excel"}:
        return None
    if wenjuanxing.recognise(name, table.headers):
        return "wenjuanxing"
    for platform, module in _PLATFORMS.items():
        if module.recognise(table.headers):
            return platform
    return None


_PLATFORMS: Final[dict[Format, Any]] = {
    "qualtrics": qualtrics,
    "limesurvey": limesurvey,
    "odk": odk,
    "google_forms": google_forms,
}
