"""What every writer of questionnaires shares: which features a format can hold, and the phrases a form needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

from cbecmodel.messages import LANGUAGES, text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cbecmodel.survey.questionnaire import Prompt, Questionnaire

Feature = Literal[
    "languages", "pages", "routing", "screening", "random_order", "required", "limits", "pattern", "order_log"
]
FEATURES: Final[tuple[Feature, ...]] = get_args(Feature)
Phrase = Literal[
    "not_eligible", "finished", "save", "agreement", "language", "choose", "intro_note", "not_integer", "out_of_limits",
    "bad_pattern", "only_if", "ends_here", "for_researchers",
]  # fmt: skip


def language_name(lang: str) -> str:
    """Return what a language is called in that language.

    Parameters
    ----------
    lang : str

    Returns
    -------
    str
        The code itself if Unicode's CLDR does not know it.

    Examples
    --------
    >>> [language_name(lang) for lang in ("en", "zh", "vi", "qx")]
    ['English', '中文', 'Tiếng Việt', 'qx']
    """
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(lang.replace("-", "_")).get_display_name())
    except (UnknownLocaleError, ValueError):
        return lang


def phrase(form: Questionnaire, key: Phrase, lang: str, **values: object) -> str:
    """Return a sentence the form itself says, such as that somebody cannot take part.

    Parameters
    ----------
    form : Questionnaire
    key : str
        Name of the phrase; the instrument's own ``phrases`` come first.
    lang : str
        In a language that has neither, English is used.
    **values
        For its placeholders.

    Returns
    -------
    str
    """
    own = form.instrument.phrases.get(key)
    if own is not None and lang in own:
        return own[lang].format(**values)
    return text(f"survey.form_{key}", lang=lang if lang in LANGUAGES else "en", **values)


def used(form: Questionnaire, languages: Sequence[str]) -> dict[Feature, tuple[str, ...]]:
    """Return the features a questionnaire uses, each with the ids that use it.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str
        To be written.

    Returns
    -------
    dict
    """
    prompts = form.prompts.values()
    shuffled = tuple(block.id for block in form.blocks if block.randomize and len(block.prompts) > 1)
    found: dict[Feature, tuple[str, ...]] = {
        "languages": tuple(languages) if len(languages) > 1 else (),
        "pages": tuple(page.id for page in form.pages) if len(form.pages) > 1 else (),
        "routing": tuple(block.id for block in form.blocks if block.relevant is not None),
        "screening": tuple(prompt.id for prompt in prompts if prompt.ends is not None),
        "random_order": shuffled,
        "required": tuple(prompt.id for prompt in prompts if prompt.required),
        "limits": tuple(prompt.id for prompt in prompts if _limited(prompt)),
        "pattern": tuple(prompt.id for prompt in prompts if prompt.pattern is not None),
        "order_log": shuffled,
    }
    return {feature: ids for feature, ids in found.items() if ids}


def _limited(prompt: Prompt) -> bool:
    return prompt.minimum is not None or prompt.maximum is not None


def not_held(
    form: Questionnaire, languages: Sequence[str], holds: Collection[Feature]
) -> dict[Feature, tuple[str, ...]]:
    """Return what a questionnaire uses and a format cannot hold.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str
    holds : collection of str

    Returns
    -------
    dict
        Feature to the ids concerned.
    """
    return {feature: ids for feature, ids in used(form, languages).items() if feature not in holds}
