"""Labels of this room's summaries, and English or Chinese names, in the reader's language."""

from __future__ import annotations

from cbecmodel.messages import language, text


def says(key: str, **values: object) -> str:
    """Return one of this room's sentences.

    Parameters
    ----------
    key : str
        Without the room's name.
    **values
        What its placeholders stand for.

    Returns
    -------
    str

    Examples
    --------
    >>> says("cohort")
    'Cohort'
    """
    return text(f"policy.{key}", None, **values)


def name_column() -> str:
    """Return the column that holds names in the reader's language.

    Returns
    -------
    {"name_en", "name_zh"}

    Examples
    --------
    >>> name_column()
    'name_en'
    """
    return f"name_{language()}"
