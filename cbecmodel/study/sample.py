"""Describes a sample: its items, its people, and what everything is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from cbecmodel.messages import LANGUAGES, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cbecmodel.survey.instrument import Instrument
    from cbecmodel.survey.parts import Question
    from cbecmodel.survey.responses import Responses

_BANDS: Final = 4
_FORM: Final = "form_language"


def spoken(said: Mapping[str, str] | None, default: str = "") -> dict[str, str]:
    """Fill in every language of the reports from the languages there are.

    Parameters
    ----------
    said : mapping or None
    default : str
        Where there is no language at all.

    Returns
    -------
    dict

    Examples
    --------
    >>> spoken({"en": "Trust"})
    {'en': 'Trust', 'zh': 'Trust'}
    """
    known = dict(said or {})
    anything = next(iter(known.values()), default)
    return {lang: known.get(lang, anything) for lang in LANGUAGES}


def labels(instrument: Instrument) -> dict[str, dict[str, str]]:
    """Return what constructs and items are called.

    Parameters
    ----------
    instrument : Instrument

    Returns
    -------
    dict
        ``{name: {language: label}}``.
    """
    constructs = {name: spoken(construct.name) for name, construct in instrument.constructs.items()}
    return constructs | {name: spoken(item.text) for name, item in instrument.items.items()}


def item_table(kept: Responses) -> pd.DataFrame:
    """Describe every item: one row an item, reversed items as analysed.

    Parameters
    ----------
    kept : Responses

    Returns
    -------
    pandas.DataFrame
        ``item``, ``construct``, ``en``, ``zh``, ``n``, ``missing`` (share), ``mean``, ``sd``, ``min``, ``max``.
    """
    rows = []
    for name in kept.items:
        item, values = kept.instrument.items[name], kept.frame[name]
        rows.append(
            {
                "item": name,
                "construct": item.construct,
                **spoken(item.text),
                "n": int(values.notna().sum()),
                "missing": float(values.isna().mean()),
                "mean": float(values.mean()),
                "sd": float(values.std()),
                "min": float(values.min()),
                "max": float(values.max()),
            }
        )
    return pd.DataFrame(rows)


def demographics(kept: Responses) -> pd.DataFrame:
    """Count the respondents by every question with options, and by bands of every whole number.

    Parameters
    ----------
    kept : Responses

    Returns
    -------
    pandas.DataFrame
        ``variable``, ``variable_en``, ``variable_zh``, ``category_en``, ``category_zh``, ``n``, ``share`` of those who answered.
    """
    columns = ("variable", "variable_en", "variable_zh", "category_en", "category_zh", "n", "share")
    rows = [row for question in _shown(kept) for row in _counted(question, kept.frame[question.id])]
    if _FORM in kept.frame:
        title = {lang: text("study.form_language", lang) for lang in LANGUAGES}
        rows += list(_rows(_FORM, title, kept.frame[_FORM].dropna().map(_language)))
    return pd.DataFrame(rows, columns=list(columns))


def _shown(kept: Responses) -> Iterator[Question]:
    for question in kept.instrument.questions.values():
        if question.id in kept.frame and question.type in {"select_one", "integer", "country"}:
            yield question


def _counted(question: Question, answers: pd.Series[Any]) -> Iterator[dict[str, Any]]:
    answers = answers.dropna()
    title = spoken(question.text, question.id)
    if question.options:
        said = {float(code): spoken(label, str(code)) for code, label in question.options.items()}
        counts = [(label, int((answers.astype(float) == code).sum())) for code, label in said.items()]
        yield from _counts(question.id, title, [(label, n) for label, n in counts if n])
    elif question.type == "integer":
        yield from _rows(question.id, title, banded(answers.astype(float)))
    else:
        yield from _rows(question.id, title, answers.astype(str).map(spoken_word))


def spoken_word(word: str) -> tuple[str, str]:
    """Return a word that is the same in every language.

    Parameters
    ----------
    word : str

    Returns
    -------
    tuple of str
    """
    return (word, word)


def _language(code: str) -> tuple[str, str]:
    key = f"language_{code}"
    return (text(f"study.{key}", "en"), text(f"study.{key}", "zh")) if code in LANGUAGES else (code, code)


def banded(values: pd.Series[float]) -> pd.Series[Any]:
    """Put whole numbers into about four bands of equal size.

    Parameters
    ----------
    values : pandas.Series

    Returns
    -------
    pandas.Series
        ``(label, label)`` as ``18–26``, in ascending order of the bands.

    Examples
    --------
    >>> banded(pd.Series([18.0, 20.0, 30.0, 40.0])).tolist()[0]
    ('18–19', '18–19')
    """
    if values.empty:
        return values.astype(object)
    starts = sorted({float(values.quantile(share / _BANDS, interpolation="lower")) for share in range(_BANDS)})
    ends = [start - 1 for start in starts[1:]] + [float(values.max())]
    names = [f"{a:.0f}" if a == b else f"{a:.0f}–{b:.0f}" for a, b in zip(starts, ends, strict=True)]
    place = pd.cut(values, [*starts, float("inf")], right=False, labels=False).astype(int)
    return place.sort_values(kind="stable").map(lambda band: spoken_word(names[band]))


def _rows(name: str, title: Mapping[str, str], answers: pd.Series[Any]) -> Iterator[dict[str, Any]]:
    counts = answers.value_counts(sort=False)
    said = [({"en": label[0], "zh": label[1]}, int(n)) for label, n in zip(list(counts.index), counts, strict=True)]
    yield from _counts(name, title, said)


def _counts(name: str, title: Mapping[str, str], counts: list[tuple[dict[str, str], int]]) -> Iterator[dict[str, Any]]:
    total = sum(n for _, n in counts)
    for label, n in counts:
        yield {
            "variable": name,
            "variable_en": title["en"],
            "variable_zh": title["zh"],
            "category_en": label["en"],
            "category_zh": label["zh"],
            "n": n,
            "share": n / total,
        }
