"""Numbers as people read them: rounding happens here and nowhere else."""

from __future__ import annotations

import math
from typing import Final, SupportsFloat

MINUS: Final = "\u2212"
DASH: Final = {"en": "\u2013", "zh": "\u2014"}


def _real(value: object) -> float | None:
    """Return a number, or None for whatever stands for a missing one."""
    if not isinstance(value, SupportsFloat):
        return None
    real = float(value)
    return None if math.isnan(real) else real


def _signed(text: str) -> str:
    """Give a true minus sign, and none to a number that was rounded to zero."""
    if not text.startswith("-"):
        return text
    return MINUS + text[1:] if text.strip("-0.,%") else text[1:]


def number(value: object, digits: int = 3, lang: str = "en") -> str:
    """Write a number with a fixed count of decimals.

    Parameters
    ----------
    value : float or None
        NaN, None and ``pandas.NA`` give a dash.
    digits : int
        Decimals.
    lang : {"en", "zh"}
        Only the dash of a missing number differs.

    Returns
    -------
    str

    Examples
    --------
    >>> number(-0.12345), number(float("nan")), number(-0.0001), number(12, digits=0)
    ('−0.123', '–', '0.000', '12')
    """
    real = _real(value)
    if real is None:
        return DASH.get(lang, DASH["en"])
    if math.isinf(real):
        return "∞" if real > 0 else f"{MINUS}∞"
    return _signed(f"{real:.{digits}f}")


def count(value: object, lang: str = "en") -> str:
    """Write a whole number, thousands apart.

    Parameters
    ----------
    value : int or None
    lang : {"en", "zh"}

    Returns
    -------
    str

    Examples
    --------
    >>> count(12345), count(None)
    ('12,345', '–')
    """
    real = _real(value)
    if real is None:
        return DASH.get(lang, DASH["en"])
    return _signed(f"{real:,.0f}")


def p_value(value: object, lang: str = "en") -> str:
    """Write a p-value as the field does: three decimals, no leading zero.

    Parameters
    ----------
    value : float or None
    lang : {"en", "zh"}

    Returns
    -------
    str

    Examples
    --------
    >>> p_value(0.0341), p_value(2e-9), p_value(0.9999), p_value(None)
    ('.034', '< .001', '> .999', '–')
    """
    real = _real(value)
    if real is None:
        return DASH.get(lang, DASH["en"])
    if real < 0.001:
        return "< .001"
    if real > 0.999:
        return "> .999"
    return f"{real:.3f}".removeprefix("0")


def percent(value: object, digits: int = 1, lang: str = "en") -> str:
    """Write a share as a percentage.

    Parameters
    ----------
    value : float or None
        Share between 0 and 1.
    digits : int
        Decimals of the percentage.
    lang : {"en", "zh"}

    Returns
    -------
    str

    Examples
    --------
    >>> percent(0.1234), percent(-0.05, digits=0)
    ('12.3%', '−5%')
    """
    real = _real(value)
    if real is None:
        return DASH.get(lang, DASH["en"])
    return _signed(f"{100 * real:.{digits}f}%")


def interval(lower: object, upper: object, digits: int = 3, lang: str = "en") -> str:
    """Write an interval by its two ends.

    Parameters
    ----------
    lower, upper : float or None
    digits : int
    lang : {"en", "zh"}

    Returns
    -------
    str

    Examples
    --------
    >>> interval(-0.1, 0.25), interval(None, None)
    ('[−0.100, 0.250]', '–')
    """
    if _real(lower) is None and _real(upper) is None:
        return DASH.get(lang, DASH["en"])
    return f"[{number(lower, digits, lang)}, {number(upper, digits, lang)}]"


def scientific(value: object, digits: int = 1, lang: str = "en") -> str:
    """Write a very small or large number by its power of ten.

    Parameters
    ----------
    value : float or None
    digits : int
        Decimals of the leading number.
    lang : {"en", "zh"}

    Returns
    -------
    str

    Examples
    --------
    >>> scientific(-2.13e-11), scientific(0)
    ('−2.1e−11', '0')
    """
    real = _real(value)
    if real is None:
        return DASH.get(lang, DASH["en"])
    if real == 0:
        return "0"
    lead, power = f"{real:.{digits}e}".split("e")
    return f"{lead}e{int(power)}".replace("-", MINUS)
