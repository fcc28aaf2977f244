"""Unit identifiers: one written form for administrative codes, however a file stored them."""

from __future__ import annotations

import math
import re
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
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        value = int(value) if value.is_integer() else value
    key = str(value).strip()
    key = key.removesuffix(".0") if _CODE.fullmatch(key.removesuffix(".0")) else key
    if _CODE.fullmatch(key) and key[:2] in MUNICIPALITIES and key[2:] == "0100":
        return f"{key[:2]}0000"
    return key


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


def listed(names: list[Any], limit: int = 10) -> str:
    """Name units in a sentence, and how many more there are.

    Parameters
    ----------
    names : list
    limit : int
        How many are named.

    Returns
    -------
    str

    Examples
    --------
    >>> listed(["a", "b", "c"], limit=2)
    'a, b, … (3)'
    """
    shown = ", ".join(str(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown}, … ({len(names)})"
