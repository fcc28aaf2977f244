"""Answers with their codebook: what was read, what it became, and everything that was done on the way."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import DataError
from cbecmodel.messages import text
from cbecmodel.survey.analysis_frame import assemble
from cbecmodel.survey.change_log import Event, log_table
from cbecmodel.survey.codebook import fields
from cbecmodel.survey.formats.table import RawTable
from cbecmodel.survey.privacy import Anonymity, anonymity, coarsened, quasi_identifiers
from cbecmodel.survey.raking import Raked, rake
from cbecmodel.survey.scoring import scores
from cbecmodel.survey.text_matching import shortened
from cbecmodel.theory.texts import in_reader_language

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from cbecmodel.survey.instrument import Instrument
    from cbecmodel.survey.screening import Screening


@dataclass(frozen=True, slots=True)
class Source:
    """Where answers came from.

    Parameters
    ----------
    name : str
        Name of the file, without its folder, or of the simulation.
    sha256 : str
        Of the file's bytes, or of the values of a frame.
    n_rows : int
        Answers in it.
    format : str
        One of :data:`cbecmodel.survey.read.FORMATS`, or ``"frame"``.
    encoding : str
        Of a text file; else ``""``.

    Examples
    --------
    >>> Source("answers.csv", "0" * 64, 200, "csv", "utf-8").format
    'csv'
    """

    name: str
    sha256: str
    n_rows: int
    format: str
    encoding: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """Answers to one instrument, ready for analysis; made by :func:`~cbecmodel.survey.read.read_responses`.

    Parameters
    ----------
    instrument : Instrument
    frame : pandas.DataFrame
        Ready for analysis: index ``respondent``, a column a question. Items are float codes, reversed items already
        reversed, missing answers NaN; a multiple question has a 0/1 column an option (``X_PLATFORMS_1``); then
        ``duration_s``, ``form_language``, ``start_time``, ``end_time``, ``device``, ``wave`` as far as the file has them.
    raw : pandas.DataFrame
        The cells as read, same index; only IP addresses are gone.
    missing : pandas.DataFrame
        For every question, why there is no answer: ``""`` answered, ``"blank"`` empty cell, or the missing code as text
        (``"-77"``).
    source : Source
    extra_columns : tuple of str
        Columns of ``raw`` that the instrument does not know.
    events : tuple of Event
        See :attr:`log`.
    synthetic : bool
        Whether the answers were simulated.

    See Also
    --------
    cbecmodel.survey.read.read_responses : from a file.

    Examples
    --------
    >>> from cbecmodel.survey.instrument import load_instrument
    >>> firm = load_instrument("firm")
    >>> answers = Responses.from_frame(pd.DataFrame({item: [1, 4, 7] for item in firm.items}), firm)
    >>> answers.scores().shape == (3, len(firm.constructs))
    True
    >>> answers.keep([1, 2], "pilot only").frame.index.tolist()
    [1, 2]
    >>> answers.screen().flow["n_left"].tolist()  # three straight-liners
    [3, 3, 3, 3, 0]
    """

    instrument: Instrument
    frame: pd.DataFrame
    raw: pd.DataFrame
    missing: pd.DataFrame
    source: Source
    extra_columns: tuple[str, ...] = ()
    events: tuple[Event, ...] = field(default=(), repr=False)
    synthetic: bool = False

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, instrument: Instrument, *, source_name: str = "frame", synthetic: bool = False
    ) -> Responses:
        """Take answers that are already in a frame, as if they had been read from a file.

        Parameters
        ----------
        frame : pandas.DataFrame
            A column a question, named by its id; codes as answered, that is, reversed items not yet reversed. An index named
            ``respondent`` gives the ids, else a column of that name, else they are numbered. It is not changed.
        instrument : Instrument
        source_name : str
            Kept as the source's name.
        synthetic : bool
            Whether the answers were simulated.

        Returns
        -------
        Responses

        Raises
        ------
        DataError
            As :func:`~cbecmodel.survey.read.read_responses` does.
        """
        if frame.index.name == "respondent":
            frame = frame.reset_index()
        cells = frame.set_axis(range(frame.shape[1]), axis=1).reset_index(drop=True)
        headers = tuple(map(str, frame.columns))
        table = RawTable(source_name, "frame", "", headers, cells, np.arange(2, len(frame) + 2))
        return cls.from_table(table, instrument, _hash(headers, cells), keep_personal=True, synthetic=synthetic)

    @classmethod
    def from_table(
        cls,
        table: RawTable,
        instrument: Instrument,
        sha256: str,
        *,
        accept: Mapping[str, int | str] | None = None,
        keep_personal: bool = False,
        synthetic: bool = False,
        any_version: bool = False,
    ) -> Responses:
        """Take the cells of a file; what every format's reader ends in.

        Parameters
        ----------
        table : RawTable
        instrument : Instrument
        sha256 : str
            Of the file.
        accept : mapping, optional
            Further wordings of answers, to a label or code.
        keep_personal : bool
            Take over columns with personal data, and contacts in free texts.
        synthetic : bool
        any_version : bool
            Take answers that say they were given to another version of the instrument.

        Returns
        -------
        Responses
        """
        made = assemble(table, instrument, accept or {}, keep_personal=keep_personal, any_version=any_version)
        source = Source(table.file, sha256, len(table.rows), table.format, table.encoding)
        return cls(instrument, made.frame, made.raw, made.missing, source, made.extra, made.events, synthetic)

    @property
    def items(self) -> tuple[str, ...]:
        """Ids of the scale items that were answered here, in the instrument's order."""
        return tuple(name for name in self.instrument.items if name in self.frame)

    @property
    def answered(self) -> pd.DataFrame:
        """The items as they were ticked, before reversing; what careless answering is looked for in."""
        known = fields(self.instrument)
        turns = {name: known[name].turn for name in self.items if known[name].reverse}
        given = self.frame[list(self.items)]
        return given.assign(**{name: turn - given[name] for name, turn in turns.items() if turn is not None})

    @property
    def extra(self) -> pd.DataFrame:
        """Columns that the instrument does not know, as read."""
        return self.raw.loc[self.frame.index, list(self.extra_columns)]

    @property
    def log(self) -> pd.DataFrame:
        """Everything that was done, in order: ``step, what, where, n``, in the language messages are in."""
        return log_table(self.events)

    def keep(self, which: pd.Series[bool] | Iterable[Any], reason: str) -> Responses:
        """Return the answers of some respondents; the others stay in :attr:`raw` and are counted in :attr:`log`.

        Parameters
        ----------
        which : boolean Series or array of shape (n,), or iterable of respondent ids
        reason : str
            Why; kept in the log.

        Returns
        -------
        Responses

        Raises
        ------
        DataError
            If an id is unknown, or a boolean array has another length.
        """
        mask = self._mask(which)
        if mask.all():
            return self
        event = Event("keep", "log_kept", reason, int((~mask).sum()), {"left": int(mask.sum())})
        return replace(self, frame=self.frame[mask], missing=self.missing[mask], events=(*self.events, event))

    def _mask(self, which: pd.Series[bool] | Iterable[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        if isinstance(which, pd.Series) and which.dtype == bool:
            aligned = which.reindex(self.frame.index)
            if aligned.isna().any() or len(which) != len(self.frame):
                raise DataError("survey.mask_length", n=len(which), expected=len(self.frame))
            return aligned.to_numpy(dtype=bool)
        given = np.asarray(which if isinstance(which, (np.ndarray, pd.Index)) else list(which))
        if given.dtype == bool:
            if given.shape != (len(self.frame),):
                raise DataError("survey.mask_length", n=given.size, expected=len(self.frame))
            return given
        unknown = [str(name) for name in given if name not in self.frame.index]
        if unknown:
            raise DataError("survey.unknown_respondent", n=len(unknown), respondents=shortened(unknown))
        return self.frame.index.isin(given)

    def screen(self, **thresholds: Any) -> Screening:
        """Look for refusals, ineligible respondents and careless answers; nothing is deleted.

        Parameters
        ----------
        **thresholds
            Override the pre-registered rules of the instrument; see :class:`~cbecmodel.survey.screening_rules.Rules`.

        Returns
        -------
        Screening
        """
        from cbecmodel.survey.screening import screen

        return screen(self, **thresholds)

    def scores(self, method: Literal["mean", "sum"] = "mean", *, min_answered: float = 0.5) -> pd.DataFrame:
        """Return a score a construct; see :func:`cbecmodel.survey.scoring.scores`.

        Parameters
        ----------
        method : {"mean", "sum"}
        min_answered : float
            Share of a construct's items a respondent must have answered to get a score.

        Returns
        -------
        pandas.DataFrame of shape (n, constructs)
        """
        return scores(self, method, min_answered=min_answered)

    def anonymity(
        self, quasi: Sequence[str] | None = None, *, coarsen: Mapping[str, Sequence[float]] | None = None
    ) -> Anonymity:
        """Return how easily somebody could be recognised (k-anonymity); see :mod:`cbecmodel.survey.privacy`.

        Parameters
        ----------
        quasi : sequence of str, optional
            Questions by which people could be recognised. Default: those the instrument names.
        coarsen : mapping, optional
            Bands of numbers: column to lower limits.

        Returns
        -------
        Anonymity
        """
        return anonymity(coarsened(self.frame, coarsen or {}), quasi_identifiers(self, quasi))

    def deposit(self, folder: str | Path, **options: Any) -> tuple[Path, ...]:
        """Write de-identified answers with their codebook; see :func:`cbecmodel.survey.deposit.deposit`.

        Parameters
        ----------
        folder : str or pathlib.Path
        **options
            ``k``, ``quasi``, ``coarsen``, ``leave_out``.

        Returns
        -------
        tuple of pathlib.Path
        """
        from cbecmodel.survey.deposit import deposit

        return deposit(self, folder, **options)

    def rake(self, targets: Mapping[str, Mapping[Any, float]], *, limit: float | None = None) -> Raked:
        """Return weights that meet quotas; see :func:`cbecmodel.survey.raking.rake`.

        Parameters
        ----------
        targets : mapping
            Question to ``{answer: share}``.
        limit : float, optional
            Largest weight, in means.

        Returns
        -------
        Raked
        """
        return rake(self.frame, targets, limit=limit)

    def summary(self) -> str:
        """Return the same overview that is printed and shown in notebooks, as text.

        Returns
        -------
        str
        """
        return summary_text(*self._parts(), synthetic=self.synthetic)

    def _parts(self) -> tuple[str, list[tuple[str, str]], list[Table]]:
        def say(key: str, **values: Any) -> str:
            return text(f"survey.{key}", **values)

        title = in_reader_language(self.instrument.title)
        facts = [
            (
                say("fact_source"),
                f"{self.source.name} ({', '.join(filter(None, (self.source.format, self.source.encoding)))})",
            ),
            (say("fact_sha"), self.source.sha256[:16] + "…"),
            (say("fact_respondents"), str(len(self.frame))),
            (say("fact_items"), str(len(self.items))),
        ]
        return say("title_responses", title=title), facts, [self._constructs_table(say), self._log_table(say)]

    def _constructs_table(self, say: Any) -> Table:
        rows = []
        for construct in self.instrument.constructs.values():
            items = [name for name in construct.items if name in self.frame]
            if items:
                values = self.frame[items].to_numpy(dtype=float).ravel()
                given = values[~np.isnan(values)]
                spread = given.std(ddof=1) if given.size > 1 else np.nan
                mean = given.mean() if given.size else np.nan
                name = in_reader_language(construct.name)
                rows.append((construct.id, name, len(items), mean, spread, 1 - given.size / max(values.size, 1)))
        frame = pd.DataFrame(rows, columns=["id", "name", "items", "mean", "sd", "missing"])
        shown = {
            "id": Column(say("col_construct"), "text"),
            "name": Column(say("col_name"), "text"),
            "items": Column(say("col_items"), "count"),
            "mean": Column(say("col_mean"), digits=2),
            "sd": Column(say("col_sd"), digits=2),
            "missing": Column(say("col_missing"), "percent", digits=1),
        }
        return Table(frame, shown, title=say("table_constructs"), notes=(say("note_reversed"),))

    def _log_table(self, say: Any) -> Table:
        log = self.log.groupby(["step", "what"], sort=False)["n"].agg(columns="size", n="sum").reset_index()
        shown = {
            "what": Column(say("col_what"), "text"),
            "columns": Column(say("col_columns"), "count"),
            "n": Column(say("col_cells"), "count"),
        }
        return Table(log, shown, title=say("table_log"))

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return summary_html(*self._parts(), synthetic=self.synthetic)


def _hash(headers: tuple[str, ...], cells: pd.DataFrame) -> str:
    """Hash the values themselves, so that the number does not depend on versions or on how a file would be written."""
    digest = hashlib.sha256("\x1f".join(headers).encode())
    for _, column in cells.items():  # noqa: PERF102 - a frame, not a dict
        numeric = pd.api.types.is_numeric_dtype(column.dtype)
        block = (
            column.to_numpy(dtype=float, na_value=np.nan).tobytes()
            if numeric
            else "\x1f".join(map(str, column)).encode()
        )
        digest.update(block)
    return digest.hexdigest()
