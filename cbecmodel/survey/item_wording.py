"""Rules for the wording of items, in any language whose words are listed.

The lists live in ``item_wording.yaml`` and in the instrument's own ``wording``; the code knows no language, only
that scripts without blanks are measured in characters.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import Field

from cbecmodel.survey.parts import Part
from cbecmodel.theory.yaml_source import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cbecmodel.survey.parts import Item

Broken = tuple[str, dict[str, object]]
"""A rule broken and what its sentence needs to know."""

RULES: Final = ("double_barrelled", "too_long", "reverse_not_marked", "halfwidth_punctuation")
_UNSPACED: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_UNSPACED_CHARACTER: Final = re.compile(f"[{_UNSPACED}]")
_BRACKETED: Final = re.compile(r"[(（【\[][^()（）【】\[\]]*[)）】\]]")
_HALFWIDTH: Final = re.compile(rf"(?<=[{_UNSPACED}”）])[,;:?!()]|[,;:?!()](?=[{_UNSPACED}“（])")


class Limits(Part):
    """How long an item may be.

    Attributes
    ----------
    words : int
        For scripts that put blanks between words.
    characters : int
        For scripts that do not (Chinese, Japanese); punctuation is not counted.
    """

    words: int = Field(default=25, ge=3)
    characters: int = Field(default=40, ge=5)


class Wording(Part):
    """What the wording rules look for in one language.

    Attributes
    ----------
    joins : tuple of str
        Words that may join two questions in one (whole words in scripts with blanks).
    harmless : tuple of str
        Longer expressions that contain a joining word and ask only one thing.
    negations : tuple of str
        Words that mark a reverse item.
    """

    joins: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()


def broken_rules(item: Item, lang: str, limits: Limits, words: Wording) -> Iterator[Broken]:
    """Find the wording rules one item breaks in one language.

    Parameters
    ----------
    item : Item
    lang : str
    limits : Limits
    words : Wording
        What to look for in this language.

    Yields
    ------
    tuple of (str, dict)
        Rule and details.

    Examples
    --------
    >>> from cbecmodel.survey.parts import Item
    >>> from cbecmodel.survey.item_wording import Limits
    >>> item = Item(id="A1", construct="A", text={"en": "It is cheap and well made."}, scale="agree7")
    >>> [rule for rule, _ in broken_rules(item, "en", Limits(), wording_lists()["en"])]
    ['double_barrelled']
    """
    text = item.text[lang]
    found: list[Broken] = []
    joined = joining_word(text, words)
    if joined:
        found.append(("double_barrelled", {"word": joined, "language": lang, "text": text}))
    unit, length = text_length(text)
    limit = limits.words if unit == "words" else limits.characters
    if length > limit:
        found.append(("too_long", {"unit": unit, "length": length, "limit": limit, "language": lang}))
    if item.reverse and not _turned_round(item, lang, words):
        found.append(("reverse_not_marked", {"language": lang, "text": text}))
    if narrow := _HALFWIDTH.search(text):
        found.append(("halfwidth_punctuation", {"mark": narrow.group(), "language": lang, "text": text}))
    yield from (broken for broken in found if broken[0] not in item.exempt)


def joining_word(text: str, words: Wording) -> str:
    """Return the word that may join two questions in one, or nothing.

    Parameters
    ----------
    text : str
        What stands in brackets (examples) is not looked at.
    words : Wording

    Returns
    -------
    str

    Examples
    --------
    >>> joining_word("产品的质量和价格都好。", wording_lists()["zh"])
    '和'
    >>> joining_word("推荐与我的兴趣相符。", wording_lists()["zh"])
    ''
    """
    left = _BRACKETED.sub(" ", text)
    for pattern in words.harmless:
        left = re.sub(pattern, " ", left, flags=re.IGNORECASE)
    hits = [(match.start(), -len(word), word) for word in words.joins if (match := _search(word, left))]
    return min(hits)[2] if hits else ""


def text_length(text: str) -> tuple[str, int]:
    """Measure a text in the unit of its script.

    Parameters
    ----------
    text : str

    Returns
    -------
    unit : {"words", "characters"}
        Characters where most letters belong to a script without blanks; a run of letters or digits of another script
        counts as one.
    length : int

    Examples
    --------
    >>> text_length("我喜欢 3D 试用。"), text_length("I like 3D try-ons.")
    (('characters', 6), ('words', 4))
    """
    unspaced = len(_UNSPACED_CHARACTER.findall(text))
    words = re.findall(r"[^\W_]+(?:[-'’][^\W_]+)*", _UNSPACED_CHARACTER.sub(" ", text))
    if unspaced * 2 > sum(map(len, words)):
        return "characters", unspaced + len(words)
    return "words", len(words)


def wording_lists(own: Mapping[str, Wording] | None = None) -> dict[str, Wording]:
    """Return the word lists by language: the package's, with an instrument's own in their place.

    Parameters
    ----------
    own : mapping of str to Wording, optional

    Returns
    -------
    dict
    """
    return {**_package_lists(), **(own or {})}


@cache
def _package_lists() -> dict[str, Wording]:
    source = read_yaml(Path(__file__).with_name("item_wording.yaml"))
    return {lang: Wording.model_validate(lists) for lang, lists in source.data.items()}


def _search(word: str, text: str) -> re.Match[str] | None:
    """Find a word: anywhere in scripts without blanks, as a whole word elsewhere."""
    if not re.search(r"[^\W_]", word) or _UNSPACED_CHARACTER.search(word):
        return re.search(re.escape(word), text)
    start = r"(?<![^\W_])" if word[0].isalnum() else ""
    return re.search(rf"{start}{re.escape(word)}(?![^\W_])", text, flags=re.IGNORECASE)


def _turned_round(item: Item, lang: str, words: Wording) -> bool:
    cue = (item.wording_cue or {}).get(lang)
    if cue is not None:
        return cue.casefold() in item.text[lang].casefold()
    return any(_search(word, item.text[lang]) for word in words.negations)
