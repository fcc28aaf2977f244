"""Answers that may be shared: de-identified, described, and refused where people could be recognised."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cbecmodel import files
from cbecmodel.errors import DataError
from cbecmodel.messages import text
from cbecmodel.survey.formats.ddi import codebook
from cbecmodel.survey.formats.frictionless import package, table_schema
from cbecmodel.survey.formats.spreadsheet import delimited
from cbecmodel.survey.privacy import anonymity, coarsened, quasi_identifiers
from cbecmodel.survey.questionnaire import questionnaire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from cbecmodel.survey.responses import Responses

LEAST_K: Final = 5
_NEVER: Final = frozenset({"start_time", "end_time", "device", "item_order", "page_timings"})


def deposit(
    responses: Responses,
    folder: str | Path,
    *,
    k: int = LEAST_K,
    quasi: Sequence[str] | None = None,
    coarsen: Mapping[str, Sequence[float]] | None = None,
    leave_out: Sequence[str] = (),
) -> tuple[Path, ...]:
    """Write answers as a package that may be shared.

    Free texts, keys, times and devices are left out, respondents are numbered anew in the order of their answers.

    Parameters
    ----------
    responses : Responses
    folder : str or pathlib.Path
    k : int
        Refuse to write if a combination of quasi-identifiers has fewer people.
    quasi : sequence of str, optional
        See :func:`~cbecmodel.survey.privacy.quasi_identifiers`.
    coarsen : Mapping, optional
        Bands of numbers, see :func:`~cbecmodel.survey.privacy.coarsened`.
    leave_out : sequence of str
        Further columns not to share; they are no quasi-identifiers then.

    Returns
    -------
    tuple of pathlib.Path
        The data (CSV), ``datapackage.json``, the DDI codebook, the instrument and a note on what was left out.

    Raises
    ------
    DataError
        If somebody could be recognised; nothing is written then.
    """
    frame = coarsened(responses.frame, coarsen or {})
    named = [name for name in quasi_identifiers(responses, quasi) if name not in set(leave_out)]
    if named:
        found = anonymity(frame, named)
        if found.k < k:
            rare = int(found.table.loc[found.table["n"] < k, "n"].sum())
            raise DataError("survey.not_anonymous", k=found.k, least=k, n=rare, columns=", ".join(named))
    shared = _shared(frame, responses, leave_out)
    form = questionnaire(responses.instrument)
    names = ["respondent", *shared.columns]
    rows = [names, *([at, *map(_cell, row)] for at, row in enumerate(shared.itertuples(index=False), start=1))]
    schema = table_schema(form, responses.instrument.languages, names)
    contents = package(form, responses.instrument.languages, schema, delimited(rows))
    source = next(name for name in contents if name.endswith(".csv"))
    contents[f"{responses.instrument.id}_ddi.xml"] = codebook(form, responses.instrument.languages, shared, source)
    contents[responses.instrument.path.name] = files.read_bytes(responses.instrument.path)
    contents["README.md"] = _note(responses, shared, named, k, coarsen or {}).encode()
    return tuple(files.write_atomic(Path(folder) / name, content) for name, content in contents.items())


def _shared(frame: pd.DataFrame, responses: Responses, leave_out: Sequence[str]) -> pd.DataFrame:
    questions = responses.instrument.questions
    private = {name for name, one in questions.items() if one.type in {"text", "key"}}
    out = private | _NEVER | set(leave_out)
    kept = frame[[name for name in frame.columns if name not in out]]
    return kept.sort_values(list(kept.columns), kind="stable", key=lambda column: column.astype(str))


def _cell(value: object) -> object:
    if value is None or value != value:  # noqa: PLR0124 - what is not itself is not a number
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _note(
    responses: Responses, shared: pd.DataFrame, named: Sequence[str], k: int, coarsen: Mapping[str, Sequence[float]]
) -> str:
    left = [name for name in responses.frame.columns if name not in shared]
    lines = []
    for lang in ("en", "zh"):
        title = responses.instrument.title.get(lang, responses.instrument.title[responses.instrument.languages[0]])
        lines += [
            f"# {title}",
            "",
            *([text("survey.deposit_synthetic", lang), ""] if responses.synthetic else []),
            text("survey.deposit_note", lang, n=len(shared), k=k, columns=", ".join(named) or "–"),
            "",
            text("survey.deposit_left_out", lang, columns=", ".join(left) or "–"),
            text("survey.deposit_bands", lang, columns=", ".join(coarsen) or "–"),
            text("survey.deposit_reversed", lang),
            "",
        ]
    return "\n".join(lines)
