"""Countries and territories: three-letter codes (ISO 3166-1) with their names in any language, from Unicode's CLDR."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from cbecmodel.survey.text_matching import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# CLDR keeps withdrawn codes as aliases of their successors, and codes that ISO only reserves
_WITHDRAWN: Final = frozenset(
    {"ANT", "BUR", "CSK", "DDR", "FXX", "NTZ", "ROM", "SCG", "SUN", "TMP", "YMD", "YUG", "ZAR"}
)
_RESERVED: Final = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"})


@cache
def _two_letters() -> dict[str, str]:
    """Return ``{three letters: two letters}`` of what is a territory today."""
    from babel.core import get_global

    aliases: Mapping[str, Sequence[str]] = get_global("territory_aliases")
    known = _names("en")
    found = {code: to[0] for code, to in aliases.items() if len(code) == 3 and code.isalpha() and len(to) == 1}
    return {
        code: two
        for code, two in sorted(found.items())
        if two in known and code not in _WITHDRAWN and two not in _RESERVED
    }


@cache
def _names(lang: str) -> Mapping[str, str]:
    from babel import Locale, UnknownLocaleError

    try:
        return dict(Locale.parse(lang.replace("-", "_")).territories)
    except (UnknownLocaleError, ValueError):
        return dict(Locale("en").territories)


def country_names(languages: tuple[str, ...]) -> dict[str, Mapping[str, str]]:
    """Return the names of countries and territories.

    Parameters
    ----------
    languages : tuple of str
        A language CLDR does not know gets English names.

    Returns
    -------
    dict
        ``{three-letter code: {language: name}}``, by English name.

    Examples
    --------
    >>> country_names(("en", "zh"))["VNM"]
    {'en': 'Vietnam', 'zh': '越南'}
    """
    english = _names("en")
    codes = sorted(_two_letters().items(), key=lambda pair: english[pair[1]])
    return {code: {lang: _names(lang).get(two, english[two]) for lang in languages} for code, two in codes}


@cache
def country_codes(languages: tuple[str, ...]) -> Mapping[str, str]:
    """Return what people may write for a country, folded, with the three letters it stands for.

    Parameters
    ----------
    languages : tuple of str

    Returns
    -------
    dict
        Two- and three-letter codes and names in the given languages.

    Examples
    --------
    >>> codes = country_codes(("en", "zh"))
    >>> codes["vn"], codes["vnm"], codes["越南"], codes["viet nam" if "viet nam" in codes else "vietnam"]
    ('VNM', 'VNM', 'VNM', 'VNM')
    """
    found: dict[str, str] = {}
    for code, names in country_names(languages).items():
        found |= {fold(name): code for name in names.values()}
    for code, two in _two_letters().items():
        found |= {fold(two): code, fold(code): code}
    return found
