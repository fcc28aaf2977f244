"""The parameter table of a two-level model: one block for the cases within clusters, one for the clusters.

Blocks stand where groups stand in other tables, over the same variables; a variable that a level does not speak of has no rows
there. What is at both levels has its mean at the second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from cbecmodel.errors import ModelError
from cbecmodel.structure.syntax.parser import parse
from cbecmodel.structure.syntax.vocabulary import Vocabulary, vocabulary
from cbecmodel.structure.table.defaults import block_rows
from cbecmodel.structure.table.parameter import Parameter, numbered
from cbecmodel.structure.table.partable import ParameterTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from cbecmodel.structure.options import Options
    from cbecmodel.structure.syntax.formulas import Formula, Model

WITHIN, BETWEEN = 1, 2


@dataclass(frozen=True)
class LevelTable(ParameterTable):
    """A parameter table whose groups are levels.

    Attributes
    ----------
    within, between : tuple of str
        Observed variables of each level, in lavaan's order; those in both are split into two parts.
    fixed_within, fixed_between : tuple of str
        Exogenous variables of each level whose moments are fixed at the sample's.
    """

    within: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    fixed_within: tuple[str, ...] = ()
    fixed_between: tuple[str, ...] = ()

    @property
    def both(self) -> tuple[str, ...]:
        """Return the variables that are split.

        Returns
        -------
        tuple of str
        """
        return tuple(name for name in self.within if name in self.between)

    @cached_property
    def free_names(self) -> tuple[str, ...]:
        """Return names of the free rows: the label, or ``lhs op rhs`` (``.l2`` for the clusters' level).

        Returns
        -------
        tuple of str
        """
        rows = [self.rows[index] for index in self.free_rows]
        return tuple(row.label or row.name + (".l2" if row.group == BETWEEN else "") for row in rows)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Return the table as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns lhs op rhs level label free fixed start lower upper user exogenous.
        """
        plain = super().frame
        return plain.rename(columns={"group": "level"})

    def to_syntax(self) -> str:
        """Return lavaan syntax that says every row.

        Returns
        -------
        str
        """
        return super().to_syntax().replace("group: ", "level: ")


def has_levels(model: str | Model) -> bool:
    """Return whether a model has ``level:`` blocks.

    Parameters
    ----------
    model : str or Model

    Returns
    -------
    bool

    Examples
    --------
    >>> has_levels("level: 1; y ~ x; level: 2; y ~ z")
    True
    """
    parsed = parse(model) if isinstance(model, str) else model
    return any(row.level for row in parsed.formulas)


def level_table(model: str | Model, options: Options) -> LevelTable:
    """Build the parameter table of a two-level model.

    Parameters
    ----------
    model : str or Model
        With a ``level: 1`` and a ``level: 2`` block.
    options : Options

    Returns
    -------
    LevelTable

    Raises
    ------
    ModelSyntaxError, ModelError

    Examples
    --------
    >>> from cbecmodel.structure.options import Options
    >>> table = level_table("level: 1; y ~ x; level: 2; y ~ z", Options())
    >>> table.within, table.between, table.free_names
    (('y', 'x'), ('y', 'z'), ('y~x', 'y~~y', 'y~z.l2', 'y~~y.l2', 'y~1.l2'))
    """
    parsed = parse(model) if isinstance(model, str) else model
    blocks = _blocks(parsed.formulas)
    words = [vocabulary(block) for block in blocks]
    split = set(words[0].observed) & set(words[1].observed)
    fixed = [tuple(x for x in each.exogenous if options.fixed_x and x not in split) for each in words]
    rows: list[Parameter] = []
    for number, (block, each, given) in enumerate(zip(blocks, words, fixed, strict=True), start=1):
        found = block_rows(block, each, options, number)
        rows.extend(_placed(row, number, split, given) for row in found)
    observed = tuple(dict.fromkeys((*words[0].observed, *words[1].observed)))
    latents = tuple(dict.fromkeys((*words[0].latents, *words[1].latents)))
    _refuse_mixed(words, observed, latents)
    return LevelTable(
        rows=numbered(rows),
        constraints=parsed.constraints,
        observed=observed,
        latents=latents,
        exogenous=(*fixed[0], *fixed[1]),
        composites=tuple(dict.fromkeys((*words[0].composites, *words[1].composites))),
        predictors=tuple(dict.fromkeys((*words[0].exogenous, *words[1].exogenous))),
        meanstructure=True,
        n_groups=2,
        within=words[0].observed,
        between=words[1].observed,
        fixed_within=fixed[0],
        fixed_between=fixed[1],
    )


def _blocks(formulas: Sequence[Formula]) -> list[list[Formula]]:
    names = list(dict.fromkeys(row.level for row in formulas if row.level))
    common = [row for row in formulas if not row.level]
    if common:
        raise ModelError("structure.outside_level", line=common[0].line)
    if len(names) != 2:
        raise ModelError("structure.two_levels", count=len(names))
    for row in formulas:
        if row.group:
            raise ModelError("structure.levels_groups", line=row.line)
    return [[row for row in formulas if row.level == name] for name in names]


def _placed(row: Parameter, number: int, split: set[str], given: tuple[str, ...]) -> Parameter:
    """Fix what this level does not estimate: means of split variables below, moments of what only one level has."""
    if row.op == "~1" and number == WITHIN and row.lhs in split:
        if row.user and row.free:
            raise ModelError("structure.level_mean", variable=row.lhs)
        return replace(row, free=0, fixed=0.0 if not row.user else row.fixed, exogenous=False)
    if row.exogenous and not {row.lhs, row.rhs or row.lhs} <= set(given):
        return replace(row, free=1, exogenous=False)
    return row


def _refuse_mixed(words: Sequence[Vocabulary], observed: tuple[str, ...], latents: tuple[str, ...]) -> None:
    mixed = [name for name in latents if name in observed]
    if mixed:
        raise ModelError("structure.latent_and_observed", variables=", ".join(mixed))
    twice = [name for name in words[0].latents if name in words[1].latents]
    if twice:
        raise ModelError("structure.latent_at_both", variables=", ".join(twice))
