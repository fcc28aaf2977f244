"""Which variables a model has, and what part each plays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cbecmodel.structure.syntax.formulas import Formula


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The variables of a model, each list in lavaan's order.

    Attributes
    ----------
    latents : tuple of str
        Left sides of ``=~`` and ``<~``.
    composites : tuple of str
        Left sides of ``<~`` alone.
    observed : tuple of str
        Indicators, then outcomes, then predictors, then variables that only have variances or intercepts.
    exogenous : tuple of str
        Observed predictors that nothing predicts and about whose moments the model says nothing (``fixed_x`` is theirs).
    exogenous_latents : tuple of str
        Latents that are neither indicators nor outcomes: they covary.
    terminal : tuple of str
        Outcomes that predict nothing (latents, then observed): their residuals covary.
    efa : dict of str to tuple of str
        Factors of each rotation block.
    """

    latents: tuple[str, ...]
    composites: tuple[str, ...]
    observed: tuple[str, ...]
    exogenous: tuple[str, ...]
    exogenous_latents: tuple[str, ...]
    terminal: tuple[str, ...]
    efa: dict[str, tuple[str, ...]] = field(default_factory=dict)


def vocabulary(formulas: Sequence[Formula]) -> Vocabulary:
    """Sort a model's variables into their parts.

    Parameters
    ----------
    formulas : sequence of Formula
        Of one group.

    Returns
    -------
    Vocabulary

    Examples
    --------
    >>> from cbecmodel.structure.syntax.parser import parse
    >>> words = vocabulary(parse("f =~ y1 + y2 + y3; f ~ x").formulas)
    >>> words.observed, words.exogenous
    (('y1', 'y2', 'y3', 'x'), ('x',))
    """
    latents = _unique(row.lhs for row in formulas if row.op in {"=~", "<~"})
    measured = {row.lhs for row in formulas if row.op == "=~"}
    outcomes = _unique(row.lhs for row in formulas if row.op == "~")
    predictors = _unique(row.rhs for row in formulas if row.op in {"~", "<~"})
    indicators = _unique(row.rhs for row in formulas if row.op == "=~")
    items = [name for name in indicators if name not in latents]
    y = [name for name in outcomes if name not in latents and name not in items]
    x = [name for name in predictors if name not in latents and name not in items and name not in y]
    # lavaan: a product with an outcome among its parts is no fixed exogenous variable
    endogenous = [name for name in x if ":" in name and set(name.split(":")) & set(outcomes)]
    y, x = [*y, *endogenous], [name for name in x if name not in endogenous]
    moments = [row for row in formulas if row.op in {"~~", "~1", "|", "~*~"}]
    others = [name for row in moments for name in (row.lhs, row.rhs if row.op == "~~" else row.lhs)]
    spoken_of = {name for row in moments if row.op in {"~~", "~1"} for name in (row.lhs, row.rhs)}
    inside = {*indicators, *predictors}
    ends = [name for name in outcomes if name not in inside]
    return Vocabulary(
        latents=latents,
        composites=tuple(name for name in latents if name not in measured),
        observed=_unique([*items, *y, *x, *(name for name in others if name not in latents)]),
        exogenous=tuple(name for name in x if name not in spoken_of),
        exogenous_latents=tuple(name for name in latents if name not in indicators and name not in outcomes),
        terminal=(*(name for name in latents if name in ends), *(name for name in ends if name not in latents)),
        efa={
            block: _unique(row.lhs for row in formulas if row.efa == block)
            for block in _unique(row.efa for row in formulas if row.efa)
        },
    )


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
