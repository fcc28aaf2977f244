"""Equality across groups: ``group_equal`` and ``group_partial``."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from cbecmodel.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.options import Options
    from cbecmodel.structure.syntax.vocabulary import Vocabulary
    from cbecmodel.structure.table.parameter import Parameter


def kinds_of(row: Parameter, words: Vocabulary) -> set[str]:
    """Return the words of ``group_equal`` that speak of a parameter.

    Parameters
    ----------
    row : Parameter
    words : Vocabulary

    Returns
    -------
    set of str
    """
    latent = row.lhs in words.latents
    if row.op == "~~" and row.lhs == row.rhs:
        return {"lv_variances" if latent else "residuals"}
    if row.op == "~~":
        return {"lv_covariances" if latent else "residual_covariances"}
    if row.op == "~1":
        return {"means" if latent else "intercepts"}
    return {{"=~": "loadings", "~": "regressions", "<~": "composite_loadings", "|": "thresholds"}.get(row.op, "")}


def same_block(row: Parameter, words: Vocabulary) -> bool:
    """Return whether a parameter is the covariance of two factors of one rotation block.

    Parameters
    ----------
    row : Parameter
    words : Vocabulary

    Returns
    -------
    bool
    """
    apart = row.op == "~~" and row.lhs != row.rhs
    return apart and any({row.lhs, row.rhs} <= set(block) for block in words.efa.values())


def tied_groups(rows: Sequence[Parameter], words: Vocabulary, options: Options) -> list[Parameter]:
    """Free what equal loadings or intercepts allow to be free in later groups, then tie the groups.

    Parameters
    ----------
    rows : sequence of Parameter
        Group by group, in the same order.
    words : Vocabulary
    options : Options

    Returns
    -------
    list of Parameter

    Raises
    ------
    ModelError
        If ``group_partial`` names no parameter.
    """
    equal = set(options.group_equal)
    if not equal:
        return list(rows)
    partial = {"".join(name.split()) for name in options.group_partial}
    unknown = partial - {row.name for row in rows}
    if unknown:
        raise ModelError("structure.no_such_parameter", parameter=", ".join(sorted(unknown)))
    ordered = {row.lhs for row in rows if row.op == "~*~"}
    freed = [_freed(row, words, options, ordered, partial) for row in rows]
    first = {row.name: (index, row) for index, row in enumerate(freed) if row.group == 1}
    out = list(freed)
    for index, row in enumerate(freed):
        at, other = first.get(row.name, (-1, row))
        tie = row.group > 1 and at >= 0 and row.free and other.free and row.name not in partial
        if tie and kinds_of(row, words) & equal and not row.label:
            label = out[at].label or f".p{at + 1}."
            out[at] = replace(out[at], label=label)
            out[index] = replace(row, label=label)
    return out


def _freed(row: Parameter, words: Vocabulary, options: Options, ordered: set[str], partial: set[str]) -> Parameter:
    equal = options.group_equal
    if row.group > 1 and not row.user and "thresholds" in equal and row.lhs in ordered and row.lhs == row.rhs:
        # with equal thresholds the responses of later groups have a scale of their own, unless residuals are equal too
        held = options.parameterization == "theta" and "residuals" in equal and row.name not in partial
        if not held and row.op == {"delta": "~*~", "theta": "~~"}[options.parameterization]:
            return replace(row, free=1, fixed=math.nan)
    if row.group == 1 or row.user or row.lhs not in words.latents or row.free:
        return row
    explored = any(row.lhs in block for block in words.efa.values())
    means = row.op == "~1" and options.function != "growth" and "means" not in equal
    means = means and bool({"intercepts", "thresholds"} & set(equal))
    spread = row.op == "~~" and row.lhs == row.rhs and (options.std_lv or explored) and "loadings" in equal
    spread = spread and "lv_variances" not in equal and row.lhs not in words.composites
    # a block of exploratory factors has one rotation for all groups: later groups' covariances turn with it
    turning = "loadings" in equal and "lv_covariances" not in equal and same_block(row, words)
    return replace(row, free=1, fixed=math.nan) if means or spread or turning else row
