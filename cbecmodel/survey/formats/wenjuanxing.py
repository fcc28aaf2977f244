"""问卷星 (Wenjuanxing) exports, by text (按文本) and by number (按序号), with old and new headers.

The platform knows no item ids: its headers are ``3、text of the question``, ``3、title—text of the row`` (matrix),
``3、title(option)`` or ``第3题(text of the row)``. Texts are compared without spaces, punctuation and width; a header
that fits no question, or more than one, is never guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cbecmodel.errors import DataError, DataWarning, warn
from cbecmodel.survey.change_log import Event
from cbecmodel.survey.columns import letter
from cbecmodel.survey.recode import NUMBER, Dialect
from cbecmodel.survey.text_matching import bare, fold, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.survey.codebook import Field
    from cbecmodel.survey.formats.numbering import Numbers
    from cbecmodel.survey.formats.table import RawTable

UNANSWERED: Final = "-99"
NOT_SHOWN: Final = "-77"
MISSING: Final[Mapping[str, str]] = {
    **dict.fromkeys(("-2", "(空)", "未填", "未作答"), UNANSWERED),
    **dict.fromkeys(("-3", "(跳过)", "跳过"), NOT_SHOWN),
}
LEADING: Final = frozenset({"序号", "提交答卷时间", "所用时间", "来源", "来源详情", "来自ip", "总分"})
_NAME: Final = re.compile(r"\d+_按(文本|序号|选项)")
_NEW: Final = re.compile(r"^\s*\d+\s*[、.．:：]\s*(?P<rest>.*)$", re.DOTALL)
_OLD: Final = re.compile(r"^\s*第\s*\d+\s*题\s*(?:[(（](?P<rest>.*)[)）])?\s*$", re.DOTALL)
_ENUMERATED: Final = re.compile(r"^\s*[(（]?\d+[)）]\s*")
_HINT: Final = re.compile(r"\s*[\[【](?:单选|多选|矩阵|量表|填空|必答|排序)[^\]】]*[\]】]\s*$")
_LAST_BRACKET: Final = re.compile(
    r"^(?P<stem>.*)[(（](?P<inside>[^()（）]*(?:[(（][^()（）]*[)）][^()（）]*)*)[)）]\s*$", re.DOTALL
)
_DASH: Final = re.compile(r"\s*(?:——|—|--|──)\s*")

Place = str | tuple[str, int]


def recognise(name: str, headers: Sequence[str]) -> bool:
    """Say whether a file looks like an export of 问卷星.

    Parameters
    ----------
    name : str
        Of the file.
    headers : sequence of str

    Returns
    -------
    bool

    Examples
    --------
    >>> recognise("251117_按文本_文化创新_200_200.xlsx", [])
    True
    >>> recognise("a.csv", ["序号", "提交答卷时间", "所用时间", "来源", "1、您的年龄"])
    True
    >>> recognise("answers.csv", ["序号", "PU1"])
    False
    """
    leading = {fold(header) for header in headers[:8]}
    return bool(_NAME.match(name)) or {"序号", "提交答卷时间"} <= leading or len(leading & LEADING) >= 4


def interpret(
    table: RawTable, known: Mapping[str, Field], languages: Sequence[str], numbers: Numbers | None = None
) -> RawTable:
    """Say which question each column of an export holds, and how its answers are written.

    Parameters
    ----------
    table : RawTable
        Read as CSV or Excel.
    known : Mapping
        Fields of the instrument by id.
    languages : sequence of str
        Of the instrument.
    numbers : {"codes", "positions"}, optional
        What numbers mean. Default: positions, as the platform exports them.

    Returns
    -------
    RawTable
        With ``places``, ``dialect`` and ``language``.

    Raises
    ------
    DataError
        If a header fits more than one question.

    Warns
    -----
    DataWarning
        If answers are numbers, and the instrument's codes are not the positions of the options.
    """
    book = _Texts(known)
    places: dict[int, Place] = {}
    ambiguous: list[str] = []
    for position, header in enumerate(table.headers):
        if fold(header) in LEADING or fold(header) in {fold(name) for name in known}:
            continue
        found = book.find(header)
        if len(found) == 1:
            places[position] = found.pop()
        elif found or _only_a_number(header):
            ambiguous.append(f"{letter(position)} ({header.strip()})")
    if ambiguous:
        raise DataError("survey.unplaced_header", file=table.file, n=len(ambiguous), columns=shortened(ambiguous))
    events = [Event("columns", "log_by_text", f"{letter(at)} → {_name(place)}", 1) for at, place in places.items()]
    positions = numbers == "positions" if numbers else _by_number(table, known, places)
    return replace(
        table,
        format="wenjuanxing",
        places=places,
        dialect=Dialect(missing=MISSING, positions=positions),
        language=book.language(table.headers, languages),
        events=(*table.events, *events),
    )


def _name(place: Place) -> str:
    return place if isinstance(place, str) else f"{place[0]}_{place[1]}"


def _only_a_number(header: str) -> bool:
    old = _OLD.match(header)
    return old is not None and not old["rest"]


class _Texts:
    """The wordings of all questions, and whose they are."""

    def __init__(self, known: Mapping[str, Field]) -> None:
        self.known = known
        self.ids = {fold(name): name for name in known}
        self.questions: dict[str, set[str]] = {}
        for name, one in known.items():
            for text in one.texts.values():
                self.questions.setdefault(bare(text), set()).add(name)

    def find(self, header: str) -> set[Place]:
        """All questions, or options of multiple questions, that a header may stand for."""
        match = _NEW.match(header) or _OLD.match(header)
        rest = _HINT.sub("", (match["rest"] or "") if match else header)
        named = self._by_id(rest)
        if named:
            return {named}
        whole: set[Place] = {*self.questions.get(bare(rest), ())}
        if whole:
            return whole
        option = self._option(rest, old=bool(match and match.re is _OLD))
        if option:
            return option
        for part in _tails(rest):
            found: set[Place] = {*self.questions.get(bare(part), ())}
            named = self._by_id(part)
            if found or named:
                return {named} if named else found
        return set()

    def _by_id(self, text: str) -> str | None:
        """Find an id that stands at the head of a title: ``PU1``, ``[PU1] …``, ``PU1. …``."""
        head = re.match(r"\s*[\[【(（]?\s*([A-Za-z]\w*)\s*(?:[\]】)）.、:：]|$)", text)
        return self.ids.get(fold(head[1])) if head else None

    def _option(self, text: str, *, old: bool) -> set[Place]:
        """Find the option of a multiple question: ``title(option)``, in old headers the option alone."""
        bracket = _LAST_BRACKET.match(text)
        if bracket:
            owners = [
                name for name in self.questions.get(bare(bracket["stem"]), ()) if self.known[name].kind == "multiple"
            ]
            return {(name, code) for name in owners for code in self._code(name, bracket["inside"])}
        multiple = [name for name, one in self.known.items() if one.kind == "multiple"]
        return {(name, code) for name in multiple for code in self._code(name, text)} if old else set()

    def _code(self, name: str, label: str) -> list[int]:
        code = self.known[name].labels.get(fold(label))
        return [] if code is None else [code]

    def language(self, headers: Sequence[str], languages: Sequence[str]) -> str:
        """Return the language most headers are in; none if two are level."""
        votes: Counter[str] = Counter()
        for header in headers:
            for name in self.find(header):
                if isinstance(name, str):
                    texts = {lang: bare(text) for lang, text in self.known[name].texts.items()}
                    hit = {lang for lang, text in texts.items() if text and text in bare(header)}
                    votes.update(hit if len(hit) == 1 else ())
        ranked = sorted(languages, key=lambda lang: -votes[lang])
        level = len(ranked) > 1 and votes[ranked[0]] == votes[ranked[1]]
        return "" if level or not votes else ranked[0]


def _tails(text: str) -> list[str]:
    """Texts of a matrix row: behind a dash or in the last bracket, with its number taken off."""
    parts = [_ENUMERATED.sub("", text)]
    pieces = _DASH.split(text)
    parts += [_ENUMERATED.sub("", "—".join(pieces[start:])) for start in range(1, len(pieces))]
    bracket = _LAST_BRACKET.match(text)
    parts += [_ENUMERATED.sub("", bracket["inside"])] if bracket else []
    return parts


def _by_number(table: RawTable, known: Mapping[str, Field], places: Mapping[int, Place]) -> bool:
    """Whether options are written as numbers; if codes are not positions, say so."""
    coded = {at: known[place] for at, place in places.items() if isinstance(place, str) and known[place].codes}
    texts = {fold(text) for at in coded for text in table.cells.iloc[:, at].dropna().astype(str).unique()}
    answers = texts - set(MISSING) - {""}
    numeric = bool(answers) and all(
        NUMBER.fullmatch(part) for text in answers for part in re.split(r"[┋,→;]", text) if part
    )
    if not numeric:
        return False
    differing = [one.id for one in coded.values() if one.codes != tuple(range(1, len(one.codes) + 1))]
    if differing:
        counts = {"n": len(differing), "items": shortened(differing)}
        warn(DataWarning, "survey.positions_assumed", stacklevel=5, file=table.file, **counts)
    return True
