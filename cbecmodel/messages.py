"""Sentences the package says to people, in the language they chose.

Each room keeps its sentences in ``locale/<room>.yaml``: ``key: {en: …, zh: …}`` with ``{name}`` placeholders. Code names a
sentence by ``room.key``; the text is looked up only when somebody reads it, so an error raised in a worker is still
read in the reader's language.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LANGUAGES: Final = ("en", "zh")
_chosen: ContextVar[str | None] = ContextVar("language", default=None)


def language() -> str:
    """Return the language messages are given in.

    Returns
    -------
    str
        What :func:`set_language` chose; else the environment variable ``CBECMODEL_LANG``; else ``"en"``.

    Examples
    --------
    >>> with use_language("zh"):
    ...     language()
    'zh'
    """
    chosen = _chosen.get() or os.environ.get("CBECMODEL_LANG", "en")
    return chosen if chosen in LANGUAGES else "en"


def set_language(lang: str) -> None:
    """Choose the language of messages for this thread of work.

    Parameters
    ----------
    lang : {"en", "zh"}

    Raises
    ------
    ValueError
        If no messages are written in that language.

    Examples
    --------
    >>> set_language("en")
    """
    if lang not in LANGUAGES:
        raise ValueError(text("core.unknown_language", wanted=lang, known=", ".join(LANGUAGES)))
    _chosen.set(lang)


@contextmanager
def use_language(lang: str) -> Iterator[None]:
    """Speak ``lang`` inside a ``with`` block, then return to the language before.

    Parameters
    ----------
    lang : {"en", "zh"}

    Examples
    --------
    >>> with use_language("zh"):
    ...     text("core.unknown_language", wanted="fr", known="en, zh")
    '没有语言 “fr” 的消息；可用：en, zh。'
    """
    before = _chosen.get()
    set_language(lang)
    try:
        yield
    finally:
        _chosen.set(before)


@cache
def catalogue(room: str) -> dict[str, dict[str, str]]:
    """Read one room's sentences.

    Parameters
    ----------
    room : str
        Name of a file in ``locale/`` without its ending.

    Returns
    -------
    dict
        ``{key: {language: sentence}}``.

    Examples
    --------
    >>> sorted(catalogue("core")["unknown_language"])
    ['en', 'zh']
    """
    import yaml

    path = Path(__file__).parent / "locale" / f"{room}.yaml"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: dict[str, dict[str, str]] = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    return loaded


def text(key: str, /, lang: str | None = None, **values: object) -> str:
    """Return the sentence named ``room.key``, filled in.

    Parameters
    ----------
    key : str
        ``room.key``.
    lang : str, optional
        Defaults to :func:`language`.
    **values
        What the sentence's placeholders stand for.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If there is no such sentence, or a placeholder has no value.

    Examples
    --------
    >>> text("core.missing_dependency", lang="en", package="typst", extra="report", purpose="write PDF")
    'typst is needed to write PDF and is not installed. Install it with: pip install "cbecmodel[report]"'
    """
    room, _, name = key.partition(".")
    sentence = catalogue(room)[name]
    return sentence[lang if lang in sentence else language()].format(**values)
