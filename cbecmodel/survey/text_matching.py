"""Making two spellings of one wording comparable: Unicode forms, spaces, full-width characters, punctuation."""

from __future__ import annotations

import re
import unicodedata
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "−": "-", "–": "-"})
_TAG = re.compile(r"<[^<>]{1,200}>")


def fold(text: str) -> str:
    """Return a wording with everything taken away that no reader sees.

    Unicode NFKC (full-width ``５`` is ``5``), zero-width characters removed, curly quotes and dashes straightened, runs of white
    space made one space, case folded.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> fold("  Strongly   AGREE\u200b ") == fold("strongly agree")
    True
    >>> fold("５（同意）")
    '5(同意)'
    """
    return " ".join(unicodedata.normalize("NFKC", text).translate(_INVISIBLE).translate(_QUOTES).casefold().split())


def bare(text: str) -> str:
    """Return only the letters and digits of a wording, for comparing questions across platforms.

    Parameters
    ----------
    text : str
        Marks like ``<b>`` are removed first.

    Returns
    -------
    str

    Examples
    --------
    >>> bare("<b>您的年龄（周岁）？</b>") == bare("您的年龄(周岁)?")
    True
    """
    return "".join(character for character in fold(_TAG.sub("", text)) if character.isalnum())


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that a word was probably meant to be, if any is near enough.

    Parameters
    ----------
    word : str
    known : iterable of str

    Returns
    -------
    str or None

    Examples
    --------
    >>> closest("PUU1", ["PU1", "MLD1"])
    'PU1'
    >>> closest("weather", ["PU1", "MLD1"]) is None
    True
    """
    by_fold = {fold(name): name for name in sorted(known)}
    found = get_close_matches(fold(word), by_fold, n=1, cutoff=0.75)
    return by_fold[found[0]] if found else None


def shortened(names: Iterable[str], limit: int = 8) -> str:
    """Join names for a sentence, the first few and how many more.

    Parameters
    ----------
    names : iterable of str
    limit : int
        How many are spelt out.

    Returns
    -------
    str

    Examples
    --------
    >>> shortened(["a", "b", "c"], limit=2)
    'a, b … (+1)'
    """
    listed = list(names)
    rest = len(listed) - limit
    return ", ".join(listed[:limit]) + (f" … (+{rest})" if rest > 0 else "")
