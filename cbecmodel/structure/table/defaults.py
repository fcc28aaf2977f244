"""From syntax to parameter table: what ``sem``, ``cfa`` and ``growth`` add to what was written."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from cbecmodel.errors import ModelError
from cbecmodel.structure.options import Options
from cbecmodel.structure.syntax.parser import parse
from cbecmodel.structure.syntax.tokens import fail, tokenize
from cbecmodel.structure.syntax.vocabulary import Vocabulary, vocabulary
from cbecmodel.structure.table.exploratory import check_blocks, orthogonal_block
from cbecmodel.structure.table.group_equality import tied_groups
from cbecmodel.structure.table.ordinal import fixed_of_ordinal, require_free, require_thresholds
from cbecmodel.structure.table.parameter import Parameter, find_row, numbered
from cbecmodel.structure.table.partable import ParameterTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.structure.syntax.formulas import Formula, Model

Key = tuple[str, str, str]


def parameter_table(
    model: str | Model,
    options: Options | None = None,
    group_labels: Sequence[str] = ("",),
    categories: Mapping[str, int] | None = None,
) -> ParameterTable:
    """Build the parameter table of a model.

    Parameters
    ----------
    model : str or Model
        lavaan syntax.
    options : Options, optional
        Defaults to those of ``sem``.
    group_labels : sequence of str
        Names of the groups, for ``group:`` blocks.
    categories : mapping, optional
        Number of categories of each ordinal variable.

    Returns
    -------
    ParameterTable

    Raises
    ------
    ModelSyntaxError, ModelError

    Examples
    --------
    >>> table = parameter_table("f =~ x1 + x2 + x3; g =~ x4 + x5 + x6; g ~ f")
    >>> [row.name for row in table.rows if not row.user][-2:]
    ['f~~f', 'g~~g']
    """
    options = options or Options()
    parsed = parse(model) if isinstance(model, str) else model
    _refuse(parsed)
    blocks = _blocks(parsed.formulas, group_labels)
    words = vocabulary(blocks[0])
    means = options.meanstructure
    counts = {name: categories[name] for name in words.observed if name in categories} if categories else {}
    require_thresholds(parsed.formulas, counts)
    if counts:
        means = True
    elif means is None:
        means = options.function == "growth" or any(row.op == "~1" for row in parsed.formulas)
    observed = words.observed
    if counts:  # everything is modelled given fixed exogenous variables, which stand last
        moving = [name for name in observed if name not in words.exogenous]
        observed = (*moving, *words.exogenous)
        words = replace(words, observed=observed)
    rows: list[Parameter] = []
    for number, formulas in enumerate(blocks, start=1):
        rows.extend(_group_rows(formulas, words, options, bool(means), counts, group=number))
    rows = tied_groups(rows, words, options)
    require_free(rows, counts, options.parameterization)
    rows = _linked(rows, dict(_equals(blocks)))
    check_blocks(rows, words)
    return ParameterTable(
        rows=numbered(rows),
        constraints=parsed.constraints,
        observed=observed,
        latents=words.latents,
        exogenous=words.exogenous if options.fixed_x else (),
        composites=words.composites,
        predictors=words.exogenous,
        meanstructure=bool(means),
        n_groups=len(blocks),
        ordered=tuple(counts),
        parameterization=options.parameterization,
    )


def block_rows(formulas: Sequence[Formula], words: Vocabulary, options: Options, number: int) -> list[Parameter]:
    """Return the rows of one block of a model with means: what was written, then the defaults.

    Parameters
    ----------
    formulas : sequence of Formula
        Of the block alone.
    words : Vocabulary
        Its variables.
    options : Options
    number : int
        Of the block.

    Returns
    -------
    list of Parameter

    Raises
    ------
    ModelError
        For syntax that cannot be estimated in blocks.
    """
    for row in formulas:
        feature = {"|": "| (thresholds)", "~*~": "~*~ (scales)"}.get(row.op)
        feature = feature or ("efa()" if row.efa else "") or ("equal()" if row.modifiers.equal else "")
        if feature:
            raise ModelError("structure.syntax_unavailable", feature=feature, line=row.line)
    return _group_rows(formulas, words, options, True, {}, group=number)


def _refuse(model: Model) -> None:
    if not model.formulas:
        fail(model.text, tokenize(model.text)[0], "syntax.expected_formula")
    for row in model.formulas:
        feature = "level:" if row.level else ""
        if feature:
            raise ModelError("structure.syntax_unavailable", feature=feature, line=row.line)


def _blocks(formulas: Sequence[Formula], group_labels: Sequence[str]) -> list[list[Formula]]:
    common = [row for row in formulas if not row.group]
    named = list(dict.fromkeys(row.group for row in formulas if row.group))
    if not named:
        return [common for _ in group_labels]
    by_label = all(name in group_labels for name in named)
    if len(named) != len(group_labels):
        raise ModelError("structure.group_blocks", blocks=", ".join(named), groups=", ".join(group_labels))
    order = list(group_labels) if by_label else named
    return [common + [row for row in formulas if row.group == name] for name in order]


def _defaults(words: Vocabulary, means: bool, counts: Mapping[str, int]) -> list[Key]:
    """Return the rows lavaan adds, in its order."""
    cuts = [(name, "|", f"t{number + 1}") for name, count in counts.items() for number in range(count - 1)]
    moving = [name for name in words.observed if name not in words.exogenous]
    pairs = [(name, name) for name in (*moving, *words.latents)]
    pairs += list(combinations(words.exogenous_latents, 2))
    pairs += list(combinations(words.terminal, 2))
    # rotation turns the residuals of a block's factors into each other: they covary wherever they stand
    pairs += [pair for block in words.efa.values() for pair in combinations(block, 2)]
    pairs += [(a, b) for i, a in enumerate(words.exogenous) for b in words.exogenous[i:]]
    keys = [*cuts, *dict.fromkeys((a, "~~", b) for a, b in pairs), *((name, "~*~", name) for name in counts)]
    return keys + ([(name, "~1", "") for name in (*words.observed, *words.latents)] if means else [])


def _group_rows(
    formulas: Sequence[Formula],
    words: Vocabulary,
    options: Options,
    means: bool,
    counts: Mapping[str, int],
    *,
    group: int,
) -> list[Parameter]:
    written = {_key(row): row for row in formulas}
    mirrored = {(c, op, a) for a, op, c in written if op == "~~"}
    added = [key for key in _defaults(words, means, counts) if key not in written and key not in mirrored]
    fixed = _fixed_by_default([*written, *added], set(written), words, options)
    fixed |= fixed_of_ordinal(added, counts)
    rows = [_from_formula(row, fixed.get(key), group) for key, row in written.items()]
    rows += [_from_default(key, fixed.get(key), words, options, group) for key in added]
    return rows


def _key(row: Formula) -> Key:
    return row.lhs, row.op, row.rhs


def _fixed_by_default(keys: Sequence[Key], written: set[Key], words: Vocabulary, options: Options) -> dict[Key, float]:
    """Return the parameters that defaults fix, with their values."""
    fixed = _marked(keys, words, std_lv=options.std_lv)
    for key in keys:
        if key in written:
            continue
        if orthogonal_block(key, words, options) or (
            key[1] == "~~" and key[0] != key[2] and options.orthogonal and {key[0], key[2]} <= set(words.latents)
        ):
            fixed[key] = 0.0
        elif key[1] == "~1":
            free_means = key[0] in words.latents if options.function == "growth" else key[0] in words.observed
            if not free_means:
                fixed[key] = 0.0
    single = {(name, "~~", name) for name in words.observed}
    return {key: value for key, value in fixed.items() if not (key in single and key in written)}


def _marked(keys: Sequence[Key], words: Vocabulary, *, std_lv: bool) -> dict[Key, float]:
    """Return what gives latent variables their units: markers or variances; single indicators have no residual."""
    fixed: dict[Key, float] = {}
    loadings: dict[str, list[Key]] = {}
    for key in keys:
        if key[1] == "=~":
            loadings.setdefault(key[0], []).append(key)
    shared = [key[2] for key in keys if key[1] == "=~"]
    explored = {name for block in words.efa.values() for name in block}
    for latent, found in loadings.items():
        std_lv_here = std_lv or latent in explored
        if not std_lv_here:
            fixed[found[0]] = 1.0
        if len(found) == 1 and shared.count(found[0][2]) == 1:
            fixed[(found[0][2], "~~", found[0][2])] = 0.0  # a single indicator has no residual
        if std_lv_here:
            fixed[(latent, "~~", latent)] = 1.0
    for latent in words.composites:
        fixed[(latent, "~~", latent)] = 0.0
    return fixed


def _pick(values: tuple[float, ...] | tuple[str, ...], group: int) -> float | str | None:
    if not values:
        return None
    return values[group - 1] if len(values) > 1 else values[0]


def _from_formula(row: Formula, fixed: float | None, group: int) -> Parameter:
    said = row.modifiers
    value = _pick(said.fixed, group)
    if value is None:
        value = math.nan if fixed is None else fixed
    start, lower, upper = (_number(_pick(values, group)) for values in (said.start, said.lower, said.upper))
    label = str(_pick(said.label, group) or "")
    free = int(math.isnan(float(value)))
    return Parameter(
        row.lhs, row.op, row.rhs, group, label, free, float(value), start, lower, upper, user=True, efa=row.efa
    )


def _number(value: float | str | None) -> float:
    return math.nan if value is None else float(value)


def _from_default(key: Key, fixed: float | None, words: Vocabulary, options: Options, group: int) -> Parameter:
    moment = key[1] in {"~~", "~1"} and key[0] in words.exogenous and (key[2] in words.exogenous or key[1] == "~1")
    exogenous = options.fixed_x and moment
    value = math.nan if fixed is None or exogenous else fixed
    free = math.isnan(value) and not exogenous
    return Parameter(*key, group, "", int(free), value, user=False, exogenous=exogenous)


def _equals(blocks: Sequence[Sequence[Formula]]) -> list[tuple[tuple[Key, int], str]]:
    found = []
    for group, formulas in enumerate(blocks, start=1):
        for row in formulas:
            target = _pick(row.modifiers.equal, group)
            if target:
                found.append(((_key(row), group), str(target)))
    return found


def _linked(rows: list[Parameter], equals: dict[tuple[Key, int], str]) -> list[Parameter]:
    """Give rows tied by ``equal()`` the label of the row they point at."""
    for (key, group), target in equals.items():
        at = next(i for i, row in enumerate(rows) if (row.lhs, row.op, row.rhs) == key and row.group == group)
        position = find_row(rows, target)
        position = (
            next((i for i, row in enumerate(rows) if row.label == target), None) if position is None else position
        )
        if position is None:
            raise ModelError("structure.no_such_parameter", parameter=target)
        label = rows[position].label or f".p{position + 1}."
        rows[position] = replace(rows[position], label=label)
        # tied to a free parameter it is free, tied to a fixed one it has its value
        rows[at] = replace(rows[at], label=label, free=rows[position].free, fixed=rows[position].fixed)
    return rows
