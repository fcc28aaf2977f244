"""Small pieces of text that several chapters share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cbecmodel.report.document import Words

ALPHA: Final = 0.05  # level at which sentences say that something differs from zero
NBSP: Final = "\u00a0"


def unbroken(text: str) -> str:
    """Return a text that stays on one line.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> unbroken("[0.1, 0.2]") == f"[0.1,{NBSP}0.2]"
    True
    """
    return text.replace(" ", NBSP)


def equals(p: str) -> str:
    """Write ``= .034`` or ``< .001``, whichever the number needs.

    Parameters
    ----------
    p : str
        From :func:`cbecmodel.display.numbers.p_value`.

    Returns
    -------
    str

    Examples
    --------
    >>> equals(".034"), equals("< .001")
    ('= .034', '< .001')
    """
    return p if p[:1] in "<>" else f"= {p}"


def synthetic_note(synthetic: bool, words: Words) -> tuple[str, ...]:
    """Return the line under every table made from simulated data.

    Parameters
    ----------
    synthetic : bool
    words : Words

    Returns
    -------
    tuple of str
    """
    return (words("synthetic_note"),) if synthetic else ()
