"""Texts in several languages, and mappings whose keys are ids.

Which languages a file must give is said by the file itself (``languages:``); nothing here knows any language by name.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from cbecmodel.messages import language

DEFAULT_LANGUAGES: Final = ("en",)
LANGUAGE_CODES = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")], ...], Field(min_length=1)
]


def declared_languages(data: Any) -> tuple[str, ...]:
    """Return the languages a file says it is written in.

    Parameters
    ----------
    data : Any
        The file's content, not validated yet.

    Returns
    -------
    tuple of str
        ``("en",)`` if it does not say, or says it wrongly (validation will then tell).

    Examples
    --------
    >>> declared_languages({"languages": ["zh", "en"]})
    ('zh', 'en')
    """
    given = data.get("languages") if isinstance(data, dict) else None
    if isinstance(given, list) and given and all(isinstance(code, str) for code in given):
        return tuple(given)
    return DEFAULT_LANGUAGES


def _languages(info: ValidationInfo) -> tuple[str, ...]:
    return tuple((info.context or {}).get("languages", DEFAULT_LANGUAGES))


def _as_texts(value: Any, info: ValidationInfo) -> Any:
    """Let a file in one language write its texts plainly, and numbers stand for their own label."""
    languages = _languages(info)
    if value is None:
        raise PydanticCustomError("theory.no_text", "no text")
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return dict.fromkeys(languages, str(value))
    if isinstance(value, str) and len(languages) == 1:
        return {languages[0]: value}
    if isinstance(value, str):
        wanted = ", ".join(f"{code}: …" for code in languages)
        raise PydanticCustomError("theory.text_without_language", "{wanted}", {"wanted": wanted})
    if isinstance(value, dict):
        return {
            key: str(v) if isinstance(v, int | float) and not isinstance(v, bool) else v for key, v in value.items()
        }
    return value


def _complete(value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    missing = [code for code in _languages(info) if not value.get(code, "").strip()]
    if missing:
        raise PydanticCustomError("theory.missing_translation", "{missing}", {"missing": ", ".join(missing)})
    return {code: text.strip() for code, text in value.items()}


def _stripped(value: dict[str, str]) -> dict[str, str]:
    return {code: text.strip() for code, text in value.items()}


Texts = Annotated[dict[str, str], BeforeValidator(_as_texts), AfterValidator(_complete)]
"""``{language: text}`` with every language the file declares."""

Gloss = Annotated[dict[str, str], BeforeValidator(_as_texts), AfterValidator(_stripped)]
"""``{language: text}`` that may leave out the language of the original."""


def keyed(value: Any) -> Any:
    """Give every entry of a mapping its key as ``id``.

    Parameters
    ----------
    value : Any
        A mapping from the file; anything else is passed on for validation to refuse.

    Returns
    -------
    Any

    Examples
    --------
    >>> keyed({"PRS": {"order": "first"}})
    {'PRS': {'order': 'first', 'id': 'PRS'}}
    """
    if not isinstance(value, dict):
        return value
    entries = {}
    for key, given in value.items():
        entry = {} if given is None else given
        if isinstance(entry, dict) and entry.get("id", key) != key:
            raise PydanticCustomError("theory.id_differs", "{name}", {"name": key, "id": str(entry["id"])})
        entries[key] = {**entry, "id": key} if isinstance(entry, dict) else entry
    return entries


def in_reader_language(texts: dict[str, str]) -> str:
    """Return a text in the language messages are in, else in the first there is.

    Parameters
    ----------
    texts : dict
        ``{language: text}``.

    Returns
    -------
    str
        Empty if there is none.

    Examples
    --------
    >>> in_reader_language({"fr": "identité"})
    'identité'
    """
    return texts.get(language()) or next(iter(texts.values()), "")
