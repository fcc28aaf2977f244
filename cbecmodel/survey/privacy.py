"""Personal data: recognised on the way in, and kept out of what is shared."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import DataError
from cbecmodel.messages import text
from cbecmodel.survey.text_matching import fold, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.survey.responses import Responses

HEADERS: Final = frozenset(
    fold(name)
    for name in (
        "IP", "IP address", "IPAddress", "ip_address", "来自IP", "IP地址", "ipaddr", "e-mail", "email", "email address",
        "电子邮箱", "邮箱", "邮箱地址", "电子邮件", "姓名", "您的姓名", "full name", "your name", "first name", "last name",
        "firstname", "lastname", "phone", "phone number", "telephone", "mobile", "手机", "手机号", "手机号码", "电话", "联系电话",
        "联系方式", "微信", "微信号", "QQ", "wechat", "wechat id", "whatsapp", "身份证号", "address", "地址", "家庭住址",
        "recipientfirstname", "recipientlastname", "recipientemail", "locationlatitude", "locationlongitude", "_geolocation",
        "gps", "longitude", "latitude", "经度", "纬度", "username", "email_address", "tokens", "token", "微信昵称", "用户昵称",
    )
)  # fmt: skip
EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
IP: Final = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
PHONE: Final = re.compile(r"(?<![\w.])\+?\d(?:[\s().-]?\d){7,14}(?![\w.])")
_CONTACT: Final = re.compile("|".join(f"(?:{pattern.pattern})" for pattern in (EMAIL, IP, PHONE)))
_MOSTLY: Final = 0.5
REMOVED: Final = "[…]"


def is_personal(header: str, cells: pd.Series[Any]) -> bool:
    """Say whether a column that the instrument does not know holds personal data.

    Parameters
    ----------
    header : str
    cells : pandas.Series

    Returns
    -------
    bool
        By what it is called, or because most of its cells are an e-mail address, an IP address or a telephone number.

    Examples
    --------
    >>> is_personal("Contact", pd.Series(["li@example.org", None])), is_personal("Remark", pd.Series(["fine"]))
    (True, False)
    """
    if fold(header) in HEADERS:
        return True
    words = cells.dropna().astype(str).str.strip()
    words = words[words != ""].head(1000)
    if words.empty:
        return False
    strict = words.map(lambda cell: bool(EMAIL.fullmatch(cell) or IP.match(cell) or _is_phone(cell)))
    return float(strict.mean()) > _MOSTLY


def _is_phone(cell: str) -> bool:
    return bool(PHONE.fullmatch(cell)) and (cell.startswith("+") or len(re.sub(r"\D", "", cell)) == 11)


def without_contacts(answer: str) -> str:
    """Return a free text without e-mail addresses, IP addresses and telephone numbers.

    Parameters
    ----------
    answer : str

    Returns
    -------
    str

    Examples
    --------
    >>> without_contacts("Write to li@example.org or +86 138 0000 0000!")
    'Write to […] or […]!'
    """
    return _CONTACT.sub(REMOVED, answer)


@dataclass(frozen=True, slots=True, eq=False)
class Anonymity:
    """How easily somebody could be recognised by a combination of answers.

    Parameters
    ----------
    k : int
        Size of the smallest group of people who cannot be told apart; 0 without respondents.
    table : pandas.DataFrame
        A row a combination that occurs: the quasi-identifiers and ``n``, smallest groups first.
    quasi_identifiers : tuple of str

    Examples
    --------
    >>> people = pd.DataFrame({"age": [20, 20, 31], "country": ["VNM", "VNM", "THA"]})
    >>> anonymity(people, ["age", "country"]).k
    1
    """

    k: int
    table: pd.DataFrame
    quasi_identifiers: tuple[str, ...]

    def _parts(self) -> tuple[str, list[tuple[str, str]], list[Table]]:
        facts = [
            ("k", str(self.k)),
            (text("survey.k_unique"), str(int((self.table["n"] == 1).sum()))),
            (text("survey.k_groups"), str(len(self.table))),
        ]
        columns = {name: Column(name, "text") for name in self.quasi_identifiers} | {"n": Column("n", "count")}
        shown = Table(self.table.head(10), columns, title=text("survey.k_smallest"))
        return text("survey.k_title"), facts, [shown]

    def summary(self) -> str:
        """Return the table as text.

        Returns
        -------
        str
        """
        return summary_text(*self._parts())

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return summary_html(*self._parts())


def anonymity(frame: pd.DataFrame, quasi_identifiers: Sequence[str]) -> Anonymity:
    """Count people by combination of quasi-identifiers.

    Parameters
    ----------
    frame : pandas.DataFrame
    quasi_identifiers : sequence of str
        Columns; a missing answer counts as an answer of its own.

    Returns
    -------
    Anonymity

    References
    ----------
    .. [1] Sweeney, L. (2002). k-anonymity: A model for protecting privacy. International Journal of Uncertainty, Fuzziness and
       Knowledge-Based Systems, 10(5), 557–570.
    """
    names = list(quasi_identifiers)
    words = frame[names].astype(object).where(frame[names].notna(), "–").astype(str)
    counts = words.groupby(names, sort=True).size().rename("n").reset_index().sort_values("n", kind="stable")
    table = counts.reset_index(drop=True)
    return Anonymity(int(table["n"].min()) if len(table) else 0, table, tuple(names))


def quasi_identifiers(responses: Responses, named: Sequence[str] | None) -> list[str]:
    """Return the questions by which somebody could be recognised.

    Parameters
    ----------
    responses : Responses
    named : sequence of str or None
        Default: those the instrument names (``quasi_identifiers``), else its screening questions and all closed questions
        about the person or firm.

    Returns
    -------
    list of str
        Those that the answers have.

    Raises
    ------
    DataError
        If a column is unknown, or there is none.
    """
    instrument = responses.instrument
    closed = [name for name, one in instrument.questions.items() if one.type in {"select_one", "integer", "country"}]
    chosen = list(named or instrument.quasi_identifiers or closed)
    if named:
        unknown = [name for name in chosen if name not in responses.frame]
        if unknown:
            raise DataError("survey.unknown_quasi", columns=shortened(unknown))
    found = [name for name in chosen if name in responses.frame]
    if not found:
        raise DataError("survey.no_quasi")
    return found


def coarsened(frame: pd.DataFrame, cuts: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Return a copy in which some numbers are bands.

    Parameters
    ----------
    frame : pandas.DataFrame
    cuts : Mapping
        Column to the lower limits of its bands, such as ``{"S_AGE": [18, 25, 35, 50]}``.

    Returns
    -------
    pandas.DataFrame
        Bands as text: ``"18–24"``, the last ``"50+"``; below the first limit ``"<18"``.

    Raises
    ------
    DataError
        If a column is unknown.

    Examples
    --------
    >>> coarsened(pd.DataFrame({"age": [17, 20, 60]}), {"age": [18, 30]})["age"].tolist()
    ['<18', '18–29', '30+']
    """
    unknown = [name for name in cuts if name not in frame]
    if unknown:
        raise DataError("survey.unknown_quasi", columns=shortened(unknown))
    made = frame.copy()
    for name, given in cuts.items():
        limits = sorted(given)
        labels = [f"<{limits[0]:g}"]
        labels += [f"{low:g}–{high - 1:g}" for low, high in itertools.pairwise(limits)]
        labels += [f"{limits[-1]:g}+"]
        bands = pd.cut(frame[name], [-float("inf"), *limits, float("inf")], right=False, labels=labels)
        made[name] = bands.astype(object)
    return made
