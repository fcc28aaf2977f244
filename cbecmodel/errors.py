"""The package's errors and warnings: one root each, every message in the reader's language.

An error is raised with the name of its sentence (see :mod:`cbecmodel.messages`) and the values that fill it, so that the
sentence says what is wrong, where, and what to do; both survive pickling, so workers can raise them.
"""

from __future__ import annotations

import warnings
from typing import Any

from cbecmodel.messages import text


class _Spoken(Exception):  # noqa: N818 - what errors and warnings have in common
    """Says its sentence in the language of whoever reads it.

    Parameters
    ----------
    key : str
        ``room.key`` of the sentence.
    **values
        What its placeholders stand for; also kept as :attr:`values` for programs.
    """

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(key, values)
        self.key = key
        self.values = values

    def __str__(self) -> str:
        return text(self.key, **self.values)

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.key, self.values)


def _revive(kind: type[_Spoken], key: str, values: dict[str, Any]) -> _Spoken:
    return kind(key, **values)


class CbecError(_Spoken):
    """Root of everything this package raises on purpose.

    Examples
    --------
    >>> raise MissingDependency("core.missing_dependency", package="typst", extra="report", purpose="write PDF")
    Traceback (most recent call last):
    cbecmodel.errors.MissingDependency: typst is needed to write PDF and is not installed. Install it with: ...
    """


class MissingDependency(CbecError, ImportError):  # noqa: N818 - the field's name for it
    """An optional part is asked for and not installed."""


class FileError(CbecError, OSError):
    """A file is missing, unreadable or cannot be written."""


class ContentError(CbecError, ValueError):
    """A theory, an instrument or a study file breaks a rule; says file, line, construct, item and rule."""


class DataError(CbecError, ValueError):
    """Data that cannot be used as they are; says file, row, column, item."""


class ModelSyntaxError(CbecError, ValueError):
    """Model syntax that cannot be read; says line, column, what was found and what was expected."""


class ModelError(CbecError, ValueError):
    """A model that cannot be estimated as asked."""


class ConvergenceError(CbecError, RuntimeError):
    """An estimator did not reach an optimum."""


class PanelError(DataError):
    """A panel or a rollout that cannot be used as it is; says units and times."""


class DisagreementError(CbecError, RuntimeError):
    """Two engines gave different numbers for one headline quantity."""


class ReportError(CbecError, RuntimeError):
    """A document could not be built."""


class CbecWarning(_Spoken, UserWarning):
    """Root of every warning this package gives; filter it or its children with :mod:`warnings`."""


class DataWarning(CbecWarning):
    """Data were used, but the reader should know something about them."""


class ModelWarning(CbecWarning):
    """A model was estimated, but its solution needs a second look (improper, barely identified, not converged)."""


class PolicyWarning(CbecWarning):
    """A policy effect was estimated, but its design needs a second look."""


class ReportWarning(CbecWarning):
    """A document was built, but not all of it, or not as asked."""


def warn(kind: type[CbecWarning], key: str, /, *, stacklevel: int = 2, **values: Any) -> None:
    """Give one typed warning.

    Parameters
    ----------
    kind : type
        A child of :class:`CbecWarning`.
    key : str
        ``room.key`` of its sentence.
    stacklevel : int
        Frames to skip, so that the warning points at the user's line.
    **values
        What the sentence's placeholders stand for.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn(ReportWarning, "core.write_failed", path="a.pdf", reason="read-only")
    >>> caught[0].category.__name__
    'ReportWarning'
    """
    warnings.warn(kind(key, **values), stacklevel=stacklevel + 1)
