"""Unit identifiers: one written form for administrative codes, however a file stored them."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

MUNICIPALITIES: Final = frozenset({"11", "12", "31", "50"})
_CODE: Final = re.compile(r"\d{6}")


def unit_key(value: object) -> str:
    """Write a unit's identifier as text.

    Parameters
    ----------
    value : object
        Text, whole number, or a float that spreadsheets made of one.

    Returns
    -------
    str
        Six-digit codes stay six digits; the district code of a municipality (``110100``) becomes the municipality's
        (``110000``), as both are in use for the same place; a missing value is ``""``.

    Examples
    --------
    >>> unit_key(330100.0), unit_key(" 330100 "), unit_key("杭州市"), unit_key(110100)
    ('330100', '330100', '杭州市', '110000')
    """
    key = plain_spelling(value)
    if _CODE.fullmatch(key) and key[:2] in MUNICIPALITIES and key[2:] == "0100":
        return f"{key[:2]}0000"
    return key


def plain_spelling(value: object) -> str:
    """Write an identifier so that spellings no reader tells apart are the same.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
        Full-width characters made ordinary, blanks at the ends taken off, ``.0`` behind a six-digit code too; "" if missing.

    Examples
    --------
    >>> plain_spelling(" 杭州市\u3000") == plain_spelling("杭州市"), plain_spelling("３３０１００"), plain_spelling(7.0)
    (True, '330100', '7')
    """
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        value = int(value) if value.is_integer() else value
    key = " ".join(unicodedata.normalize("NFKC", str(value)).split())
    return key.removesuffix(".0") if _CODE.fullmatch(key.removesuffix(".0")) else key


def unit_keys(values: pd.Series[Any]) -> pd.Series[Any]:
    """Write a column of identifiers as text, each distinct value once.

    Parameters
    ----------
    values : pandas.Series

    Returns
    -------
    pandas.Series
        Same index.

    Examples
    --------
    >>> import pandas as pd
    >>> unit_keys(pd.Series([330100, 310100])).tolist()
    ['330100', '310000']
    """
    known = {value: unit_key(value) for value in values.unique()}
    return values.map(known).astype(str)
