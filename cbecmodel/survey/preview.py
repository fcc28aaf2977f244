"""A questionnaire as one web page that works without a network: fill it in, save the answers, read them back."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cbecmodel import files
from cbecmodel.errors import ContentError
from cbecmodel.survey.formats.surveyjs import locale, model
from cbecmodel.survey.formats.written import language_name, phrase
from cbecmodel.survey.instrument import Instrument, load_instrument
from cbecmodel.survey.questionnaire import questionnaire
from cbecmodel.survey.versions import item_hashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.survey.questionnaire import Questionnaire

NOT_SHOWN: Final = -77
_BROWSER: Final = Path(__file__).parent / "browser"
_SCRIPTS: Final = ("survey.core.min.js", "survey.i18n.min.js", "survey-js-ui.min.js", "page.js")
_STYLES: Final = ("survey-core.min.css", "page.css")
# a base unit of 8 pixels clips the right-hand points of a seven-point scale on a window 1000 pixels wide
_THEME: Final = {"--sjs-base-unit": "5px", "--sjs-primary-backcolor": "#27435c", "--sjs-font-size": "15px"}


def preview_page(instrument: Instrument | str | Path, *, languages: Sequence[str] | None = None) -> str:
    """Return a questionnaire as a self-contained web page.

    Parameters
    ----------
    instrument : Instrument, str or pathlib.Path
    languages : sequence of str, optional
        Default: all of the instrument's; the first is shown first.

    Returns
    -------
    str
        HTML. It loads nothing from elsewhere and sends nothing anywhere. The answers it saves hold the language, times,
        device, the order items were shown in and why questions were not shown;
        :func:`~cbecmodel.survey.read.read_responses` takes them.

    Raises
    ------
    ContentError
        If the instrument does not have a language.

    Examples
    --------
    >>> page = preview_page("firm", languages=["en"])
    >>> page.startswith("<!DOCTYPE html>"), "https://cdn" in page
    (True, False)
    """
    if not isinstance(instrument, Instrument):
        instrument = load_instrument(instrument)
    chosen = tuple(languages) if languages else instrument.languages
    unknown = [lang for lang in chosen if lang not in instrument.languages]
    if unknown:
        known = ", ".join(instrument.languages)
        raise ContentError(
            "survey.no_such_language", instrument=instrument.id, languages=", ".join(unknown), known=known
        )
    form = questionnaire(instrument)
    styles = "".join(f"<style>{_read(name)}</style>\n" for name in _STYLES)
    scripts = "".join(f"<script>{_read(name)}</script>\n" for name in _SCRIPTS)
    content = json.dumps(_content(form, chosen), ensure_ascii=False, sort_keys=True).replace("</", "<\\/")
    return (
        f'<!DOCTYPE html>\n<html lang="{chosen[0]}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(instrument.title[chosen[0]])}</title>\n{styles}</head>\n<body>\n"
        '<header id="bar"><span id="status" role="note"></span><span id="switch"><label id="language-label" for="language">'
        '</label><select id="language"></select></span></header>\n<main><div id="survey"></div>\n'
        '<div id="saving" hidden><button id="save-json" type="button"></button><button id="save-csv" type="button"></button>'
        f'</div></main>\n<script type="application/json" id="questionnaire">{content}</script>\n{scripts}</body>\n</html>\n'
    )


def write_preview(
    instrument: Instrument | str | Path, path: str | Path | None = None, *, languages: Sequence[str] | None = None
) -> Path:
    """Write a questionnaire as a self-contained web page.

    Parameters
    ----------
    instrument : Instrument, str or pathlib.Path
    path : str or pathlib.Path, optional
        Default: ``<instrument>_preview.html`` in the folder you are in.
    languages : sequence of str, optional

    Returns
    -------
    pathlib.Path
    """
    if not isinstance(instrument, Instrument):
        instrument = load_instrument(instrument)
    place = Path(path) if path is not None else Path(f"{instrument.id}_preview.html")
    return files.write_atomic(place, preview_page(instrument, languages=languages))


def _read(name: str) -> str:
    return (_BROWSER / name).read_text(encoding="utf-8").replace("</script", "<\\/script")


def _content(form: Questionnaire, languages: Sequence[str]) -> dict[str, Any]:
    instrument = form.instrument
    status = instrument.status or dict.fromkeys(languages, "")
    return {
        "survey": model(form, languages),
        "instrument": instrument.id,
        "version": instrument.version,
        "content_hash": instrument.content_hash,
        "item_hashes": item_hashes(instrument),
        "not_shown": NOT_SHOWN if NOT_SHOWN in instrument.missing_codes else None,
        "theme": _THEME,
        "languages": [
            {
                "lang": lang,
                "locale": locale(lang),
                "name": language_name(lang),
                "status": status[lang],
                "save": phrase(form, "save", lang),
                "language": phrase(form, "language", lang),
            }
            for lang in languages
        ],
    }
