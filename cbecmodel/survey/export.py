"""Write a questionnaire in the format of the platform it is fielded on."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import pandas as pd

from cbecmodel import files
from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import ContentError
from cbecmodel.messages import text
from cbecmodel.survey.formats.written import Feature, language_name, not_held
from cbecmodel.survey.instrument import Instrument, load_instrument
from cbecmodel.survey.questionnaire import questionnaire
from cbecmodel.survey.text_matching import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Target = Literal[
    "xlsform", "surveyjs", "wenjuanxing", "limesurvey", "qualtrics", "paper", "ddi", "frictionless", "spss"
]
TARGETS: Final[tuple[Target, ...]] = get_args(Target)
_MODULES: Final[Mapping[Target, str]] = {"wenjuanxing": "wenjuanxing_form", "spss": "statistical"}


@dataclass(frozen=True, slots=True)
class Export:
    """A questionnaire in one format.

    Parameters
    ----------
    instrument : str
        Id.
    target : str
    languages : tuple of str
    contents : Mapping
        Name of each file to its bytes.
    not_held : Mapping
        What the questionnaire uses and the format cannot hold: feature to the ids concerned. It has to be set up on the
        platform by hand.

    Examples
    --------
    >>> made = export_instrument("consumer", "qualtrics", languages=["en"])
    >>> sorted(made.contents), "random_order" in made.not_held
    (['consumer_en.txt'], True)
    """

    instrument: str
    target: Target
    languages: tuple[str, ...]
    contents: Mapping[str, bytes]
    not_held: Mapping[Feature, tuple[str, ...]]

    def save(self, folder: str | Path) -> tuple[Path, ...]:
        """Write the files.

        Parameters
        ----------
        folder : str or pathlib.Path
            Made if it does not exist.

        Returns
        -------
        tuple of pathlib.Path
        """
        place = Path(folder)
        return tuple(files.write_atomic(place / name, content) for name, content in self.contents.items())

    def _parts(self) -> tuple[str, list[tuple[str, str]], list[Table]]:
        facts = [
            (text("survey.export_languages"), ", ".join(language_name(lang) for lang in self.languages)),
            (text("survey.export_files"), ", ".join(self.contents)),
        ]
        rows = [(text(f"survey.feature_{name}"), shortened(ids, 8)) for name, ids in self.not_held.items()]
        shown = {
            "what": Column(text("survey.export_what"), "text"),
            "where": Column(text("survey.export_where"), "text"),
        }
        table = Table(pd.DataFrame(rows, columns=["what", "where"]), shown, title=text("survey.export_not_held"))
        title = text("survey.export_title", instrument=self.instrument, target=self.target)
        return title, facts, [table] if rows else []

    def summary(self) -> str:
        """Return what was written, and what has to be set up by hand.

        Returns
        -------
        str
        """
        return summary_text(*self._parts())

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return summary_html(*self._parts())


def export_instrument(
    instrument: Instrument | str | Path, to: Target, *, languages: Sequence[str] | None = None
) -> Export:
    """Write a questionnaire in the format of a platform.

    Parameters
    ----------
    instrument : Instrument, str or pathlib.Path
        A name or a path is loaded with :func:`~cbecmodel.survey.instrument.load_instrument`.
    to : {"xlsform", "surveyjs", "wenjuanxing", "limesurvey", "qualtrics", "paper", "ddi", "frictionless", "spss"}
    languages : sequence of str, optional
        Default: all of the instrument's. Formats of one language a file get a file each.

    Returns
    -------
    Export
        Not yet written: see :meth:`Export.save`.

    Raises
    ------
    ContentError
        If the format is unknown, or the instrument does not have a language.
    MissingDependency
        If the format needs an extra that is not installed.

    Examples
    --------
    >>> list(export_instrument("firm", "xlsform").contents)
    ['firm.xlsx']
    """
    if not isinstance(instrument, Instrument):
        instrument = load_instrument(instrument)
    if to not in TARGETS:
        raise ContentError("survey.unknown_target", target=to, known=", ".join(TARGETS))
    chosen = tuple(languages) if languages else instrument.languages
    unknown = [lang for lang in chosen if lang not in instrument.languages]
    if unknown:
        known = ", ".join(instrument.languages)
        raise ContentError(
            "survey.no_such_language", instrument=instrument.id, languages=", ".join(unknown), known=known
        )
    module: Any = import_module(f"cbecmodel.survey.formats.{_MODULES.get(to, to)}")
    form = questionnaire(instrument)
    return Export(instrument.id, to, chosen, module.write(form, chosen), not_held(form, chosen, module.HOLDS))
