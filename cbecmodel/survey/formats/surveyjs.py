"""SurveyJS: the JSON that survey-core shows in a browser, in all languages at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from cbecmodel.survey.formats.written import Feature, Phrase, phrase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.survey.condition import Condition
    from cbecmodel.survey.questionnaire import Block, Leaf, Prompt, Questionnaire

HOLDS: Final[frozenset[Feature]] = frozenset(
    {"languages", "pages", "routing", "screening", "random_order", "required", "limits", "pattern"}
)
_LOCALES: Final = {"zh": "zh-cn"}
_OPERATORS: Final = {"==": "=", "!=": "<>"}

Json = dict[str, Any]


def write(form: Questionnaire, languages: Sequence[str]) -> dict[str, bytes]:
    """Write a survey for SurveyJS.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str

    Returns
    -------
    dict
        One JSON file.
    """
    text = json.dumps(model(form, languages), ensure_ascii=False, indent=1)
    return {f"{form.instrument.id}.json": (text + "\n").encode()}


def locale(lang: str) -> str:
    """Return SurveyJS's name of a language.

    Parameters
    ----------
    lang : str

    Returns
    -------
    str

    Examples
    --------
    >>> locale("zh"), locale("vi")
    ('zh-cn', 'vi')
    """
    return _LOCALES.get(lang, lang.lower())


def model(form: Questionnaire, languages: Sequence[str]) -> Json:
    """Return the survey as plain values.

    Parameters
    ----------
    form : Questionnaire
    languages : sequence of str
        The first is shown first.

    Returns
    -------
    dict
    """
    said = _Said(form, languages)
    rules = [_expression(ending) for ending in form.endings]
    found: Json = {
        "title": said.texts(form.instrument.title),
        "locale": locale(languages[0]),
        "showProgressBar": True,
        "progressBarType": "pages",
        "showQuestionNumbers": "off",
        "questionErrorLocation": "bottom",
        "checkErrorsMode": "onNextPage",
        "textUpdateMode": "onTyping",
        "clearInvisibleValues": "onHidden",
        "completedHtml": said.phrase("finished"),
        # the answers say which version of the instrument they were given to
        "calculatedValues": [
            {"name": "instrument_hash", "expression": f"'{form.instrument.content_hash}'", "includeIntoResult": True}
        ],
        "pages": [_page(page, said) for page in form.pages],
    }
    if rules:
        found["triggers"] = [{"type": "complete", "expression": rule} for rule in rules]
        found["completedHtmlOnCondition"] = [
            {"expression": " or ".join(f"({rule})" for rule in rules), "html": said.phrase("not_eligible")}
        ]
    return found


class _Said:
    """Texts of all languages in SurveyJS's shape."""

    def __init__(self, form: Questionnaire, languages: Sequence[str]) -> None:
        self.form, self.languages = form, tuple(languages)

    def texts(self, given: Mapping[str, str]) -> Any:
        first, *others = self.languages
        if not others:
            return given[first]
        shown = {locale(lang): given[lang] for lang in self.languages}
        return {
            "default": shown.get("en", given[first]),
            **{name: text for name, text in shown.items() if name != "en"},
        }

    def phrase(self, key: Phrase, **values: object) -> Any:
        return self.texts({lang: phrase(self.form, key, lang, **values) for lang in self.languages})


def _page(page: Leaf, said: _Said) -> Json:
    found: Json = {"name": page.id}
    if page.title:
        found["title"] = said.texts(page.title)
    if page.intro:
        found["description"] = said.texts(page.intro)
    if page.relevant is not None:
        found["visibleIf"] = _expression(page.relevant)
    found["elements"] = [_element(block, said, page.relevant) for block in page.blocks]
    return found


def _element(block: Block, said: _Said, given: Condition | None) -> Json:
    if block.kind == "note":
        found: Json = {"type": "html", "name": block.id, "html": said.texts(block.text)}
    elif block.kind == "grid":
        found = _matrix(block, said)
    else:
        found = _question(block.prompts[0], said)
    if block.relevant is not None and block.relevant != given:
        found["visibleIf"] = _expression(block.relevant)
    return found


def _matrix(block: Block, said: _Said) -> Json:
    found: Json = {
        "type": "matrix",
        "name": block.id,
        "titleLocation": "hidden",
        "columns": [{"value": choice.code, "text": said.texts(choice.label)} for choice in block.choices],
        "rows": [{"value": prompt.id, "text": said.texts(prompt.text)} for prompt in block.prompts],
        "eachRowRequired": all(prompt.required for prompt in block.prompts),
        "alternateRows": True,
        "rowTitleWidth": "40%",
    }
    if block.randomize and len(block.prompts) > 1:
        found["rowOrder"] = "random"
    return found


def _question(prompt: Prompt, said: _Said) -> Json:
    found: Json = {"type": _kind(prompt), "name": prompt.id, "title": said.texts(prompt.text)}
    found |= {"isRequired": True} if prompt.required else {}
    if prompt.choices:
        found["choices"] = [{"value": choice.code, "text": said.texts(choice.label)} for choice in prompt.choices]
    if prompt.kind in {"integer", "decimal"}:
        found |= {"inputType": "number", "step": 1 if prompt.kind == "integer" else "any"}
    return found | _validators(prompt, said)


def _kind(prompt: Prompt) -> str:
    if prompt.kind == "country":
        return "dropdown"
    if prompt.choices:
        return "checkbox" if prompt.kind == "several" else "radiogroup"
    return "text"


def _validators(prompt: Prompt, said: _Said) -> Json:
    found: list[Json] = []
    if prompt.pattern is not None:
        found.append({"type": "regex", "regex": prompt.pattern, "text": said.phrase("bad_pattern")})
    if prompt.kind == "integer":
        found.append(
            {
                "type": "expression",
                "expression": f"{{{prompt.id}}} = round({{{prompt.id}}})",
                "text": said.phrase("not_integer"),
            }
        )
    limits = {"minValue": prompt.minimum, "maxValue": prompt.maximum}
    stated = {name: value for name, value in limits.items() if value is not None}
    if stated:
        low, high = (("–" if value is None else f"{value:g}") for value in limits.values())
        found.append({"type": "numeric", **stated, "text": said.phrase("out_of_limits", low=low, high=high)})
    return {"validators": found} if found else {}


def _expression(rule: Condition) -> str:
    value = f"'{rule.value}'" if isinstance(rule.value, str) else f"{rule.value:g}"
    return f"{{{rule.variable}}} {_OPERATORS.get(rule.operator, rule.operator)} {value}"
