"""Which column of a file holds which question: by id first, never by guessing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cbecmodel.errors import DataError
from cbecmodel.survey.text_matching import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cbecmodel.survey.codebook import Field

RESPONDENT: Final = (
    "respondent",
    "respondent_id",
    "respondent id",
    "respondentid",
    "participant",
    "participant_id",
    "responseid",
    "response id",
    "_uuid",
    "meta/instanceid",
    "instanceid",
    "key",
    "_id",
    "受访者",
    "受访者编号",
    "答卷编号",
    "答卷id",
    "序号",
    "编号",
    "id",
)
PARADATA: Final[Mapping[str, str]] = {
    **dict.fromkeys(("duration_s", "duration", "所用时间", "duration (in seconds)", "作答用时"), "duration_s"),
    **dict.fromkeys(
        ("form_language", "language", "x_lang", "userlanguage", "startlanguage", "作答语言"), "form_language"
    ),
    **dict.fromkeys(("start_time", "startdate", "start", "开始时间", "开始答题时间"), "start_time"),
    **dict.fromkeys(("end_time", "submitdate", "enddate", "end", "提交答卷时间", "提交时间"), "end_time"),
    **dict.fromkeys(("device", "设备"), "device"),
    **dict.fromkeys(("wave", "波次"), "wave"),
    "item_order": "item_order",
    "page_timings": "page_timings",
}
PLATFORM: Final = frozenset(
    {"来源", "来源详情", "总分", "lastpage", "seed", "status", "progress", "finished", "recordeddate", "responseset", "name",
     "externaldatareference", "distributionchannel", "startlanguage", "_submission_time", "_validation_status", "_notes",
     "_status", "_submitted_by", "__version__", "_tags", "_index", "meta/instanceid", "formhub/uuid", "_id", "_uuid",
     "datestamp", "instrument", "instrument_version",
     "instrument_hash", "item_hashes", "instanceid", "submissiondate", "audit", "key"}
)  # fmt: skip
_OPTION: Final = re.compile(r"(.+?)\s*[_/.(\[]\s*(-?\d+)\s*[)\]]?")


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything is: positions of columns, counted from 0.

    Parameters
    ----------
    questions : dict
        Field id to position.
    options : dict
        Id of a multiple question whose options have a column each, to ``{code: position}``.
    paradata : dict
        ``duration_s, form_language, start_time, end_time, device, wave`` to position.
    respondent : int or None
    extra : tuple of int
        Columns that the instrument does not know.
    dropped : tuple of int
        Personal data that are not taken over.
    """

    questions: dict[str, int] = field(default_factory=dict)
    options: dict[str, dict[int, int]] = field(default_factory=dict)
    paradata: dict[str, int] = field(default_factory=dict)
    respondent: int | None = None
    extra: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()

    @property
    def known(self) -> frozenset[str]:
        """Ids of the questions that have a column."""
        return frozenset(self.questions) | frozenset(self.options)


def letter(position: int) -> str:
    """Name a column as a spreadsheet does.

    Parameters
    ----------
    position : int
        Counted from 0.

    Returns
    -------
    str

    Examples
    --------
    >>> letter(0), letter(25), letter(26), letter(701), letter(702)
    ('A', 'Z', 'AA', 'ZZ', 'AAA')
    """
    name = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def plan(
    headers: Sequence[str],
    known: Mapping[str, Field],
    file: str,
    places: Mapping[int, str | tuple[str, int]],
    personal: Callable[[int], bool] | None = None,
) -> Plan:
    """Say which column holds which question.

    Parameters
    ----------
    headers : sequence of str
    known : Mapping
        Fields of the instrument by id.
    file : str
        Name of the file, for messages.
    places : Mapping
        What a platform's own layout already told: position to field id, or to (field id, option code).
    personal : callable, optional
        Says of the position of a column that the instrument does not know whether it holds personal data.

    Returns
    -------
    Plan

    Raises
    ------
    DataError
        If two columns hold one question.

    Examples
    --------
    >>> from cbecmodel.survey.codebook import Field
    >>> found = plan(["id", "pu1 ", "IP"], {"PU1": Field("PU1", "item", "coded", (1, 2))}, "a.csv", {}, lambda at: at == 2)
    >>> found.respondent, found.questions, found.dropped
    (0, {'PU1': 1}, (2,))
    """
    by_fold = {fold(name): name for name in known}
    targets: dict[str | tuple[str, int], int] = {}
    for position, header in enumerate(headers):
        target = places.get(position) or _target(header, known, by_fold)
        if target is None:
            continue
        if target in targets:
            raise _duplicated(file, headers, target, targets[target], position)
        targets[target] = position
    return _sort(headers, known, targets, personal or (lambda _: False))


def _target(header: str, known: Mapping[str, Field], by_fold: Mapping[str, str]) -> str | tuple[str, int] | None:
    name = header if header in known else by_fold.get(fold(header))
    if name is not None:
        return name
    option = _OPTION.fullmatch(header.strip())
    parent = by_fold.get(fold(option[1])) if option else None
    if option and parent and known[parent].kind == "multiple" and int(option[2]) in known[parent].codes:
        return parent, int(option[2])
    return PARADATA.get(fold(header))


def _duplicated(file: str, headers: Sequence[str], target: str | tuple[str, int], first: int, second: int) -> DataError:
    name = target if isinstance(target, str) else f"{target[0]}_{target[1]}"
    places = f"{letter(first)} ({headers[first].strip()}), {letter(second)} ({headers[second].strip()})"
    return DataError("survey.duplicated_column", file=file, item=name, columns=places)


def _sort(
    headers: Sequence[str],
    known: Mapping[str, Field],
    targets: Mapping[str | tuple[str, int], int],
    personal: Callable[[int], bool],
) -> Plan:
    questions = {name: at for name, at in targets.items() if isinstance(name, str) and name in known}
    options: dict[str, dict[int, int]] = {}
    for target, at in targets.items():
        if isinstance(target, tuple) and target[0] not in questions:
            options.setdefault(target[0], {})[target[1]] = at
    paradata = {name: at for name, at in targets.items() if isinstance(name, str) and name not in known}
    taken = {*questions.values(), *paradata.values(), *(at for found in options.values() for at in found.values())}
    free = {at: fold(header) for at, header in enumerate(headers) if at not in taken}
    respondent = next((at for name in RESPONDENT for at, header in free.items() if header == name), None)
    dropped = tuple(at for at in free if at != respondent and personal(at))
    extra = tuple(at for at, name in free.items() if at not in dropped and at != respondent and name)
    return Plan(questions, options, paradata, respondent, extra, dropped)
