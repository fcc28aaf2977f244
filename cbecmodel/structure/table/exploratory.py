"""Blocks of exploratory factors: ``efa("block")*f1 + efa("block")*f2 =~ …``.

A block is estimated unrotated: its factors are uncorrelated with variance one, and an echelon of zeros among the loadings
takes away the freedom to turn them. In the table of the rotated solution all loadings and correlations of a block are free.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.rotation_criteria import rotation_options
from cbecmodel.structure.table.parameter import numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.options import Options
    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.syntax.vocabulary import Vocabulary
    from cbecmodel.structure.table.parameter import Parameter
    from cbecmodel.structure.table.partable import ParameterTable

Floats = NDArray[np.float64]
_RIDGE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Block:
    """A rotation block.

    Attributes
    ----------
    name : str
    factors, items : tuple of str
    tied : bool
        Whether its loadings are equal in all groups: then one rotation serves all.
    """

    name: str
    factors: tuple[str, ...]
    items: tuple[str, ...]
    tied: bool


def orthogonal_block(key: tuple[str, str, str], words: Vocabulary, options: Options) -> bool:
    """Return whether a covariance is zero because its block's rotation is orthogonal.

    Parameters
    ----------
    key : tuple of str
        ``lhs op rhs``.
    words : Vocabulary
    options : Options

    Returns
    -------
    bool
    """
    if key[1] != "~~" or key[0] == key[2] or not words.efa or options.rotation == "none":
        return False
    inside = any({key[0], key[2]} <= set(block) for block in words.efa.values())
    return inside and rotation_options(options.rotation, options.rotation_args).is_orthogonal


def check_blocks(rows: Sequence[Parameter], words: Vocabulary) -> None:
    """Refuse blocks that cannot be rotated.

    Parameters
    ----------
    rows : sequence of Parameter
    words : Vocabulary

    Raises
    ------
    ModelError
        If a block's factors have different items, fixed or labelled loadings, or too few items.
    """
    for name, factors in words.efa.items():
        loadings = [row for row in rows if row.op == "=~" and row.lhs in factors]
        items = {factor: [row.rhs for row in loadings if row.lhs == factor and row.group == 1] for factor in factors}
        first = items[factors[0]]
        odd = [factor for factor in factors if set(items[factor]) != set(first)]
        if odd:
            raise ModelError("structure.efa_items", block=name, factor=odd[0], first=factors[0])
        bound = [row for row in loadings if not row.free or (row.label and not row.label.startswith(".p"))]
        if bound:
            raise ModelError("structure.efa_bound", block=name, loading=f"{bound[0].lhs} =~ {bound[0].rhs}")
        inside = [item for item in first if item in words.latents]
        if inside:
            raise ModelError("structure.efa_latent_item", block=name, item=inside[0])
        if len(first) <= len(factors):
            raise ModelError("structure.efa_few_items", block=name, items=len(first), factors=len(factors))


def blocks_of(table: ParameterTable) -> tuple[Block, ...]:
    """Return the rotation blocks of a table.

    Parameters
    ----------
    table : ParameterTable

    Returns
    -------
    tuple of Block

    Raises
    ------
    ModelError
        If only some of a block's loadings are equal across groups.
    """
    found = []
    for name in dict.fromkeys(row.efa for row in table.rows if row.efa):
        rows = [row for row in table.rows if row.efa == name]
        factors = tuple(dict.fromkeys(row.lhs for row in rows))
        later = [row for row in rows if row.group > 1]
        ties = [bool(row.label) for row in later]
        if any(ties) and not all(ties):
            loose = next(row for row in later if not row.label)
            raise ModelError("structure.efa_partial", block=name, loading=f"{loose.lhs} =~ {loose.rhs}")
        items = tuple(dict.fromkeys(row.rhs for row in rows))
        found.append(Block(name, factors, items, bool(ties) and all(ties)))
    return tuple(found)


def echelon(table: ParameterTable, samples: Sequence[SampleMoments], *, rotating: bool) -> ParameterTable:
    """Return the table in which the blocks are estimated.

    Parameters
    ----------
    table : ParameterTable
        Of the rotated solution.
    samples : sequence of SampleMoments
    rotating : bool
        Then the items that hold the zeros are those that tell the factors apart best; otherwise the first ones.

    Returns
    -------
    ParameterTable
    """
    zero: set[tuple[int, str, str, str]] = set()
    start: dict[tuple[int, str, str], float] = {}
    for block in blocks_of(table):
        pivots: list[str] = list(block.items[: len(block.factors)])
        for number, sample in enumerate(samples, start=1):
            loadings = _principal(block, sample)
            if number == 1 and rotating:
                pivots = _pivots(block, loadings)
            at = [block.items.index(item) for item in pivots]
            for (i, item), values in zip(enumerate(block.items), _triangular(loadings, at), strict=True):
                for f, factor in enumerate(block.factors):
                    start[number, factor, item] = float(values[f])
                    if i in at and at.index(i) < f:
                        zero.add((number, factor, "=~", item))
            if number == 1 or not block.tied:
                zero |= {(number, a, "~~", b) for a in block.factors for b in block.factors if a != b}
    return _held(table, zero, start)


def _held(
    table: ParameterTable, zero: set[tuple[int, str, str, str]], start: dict[tuple[int, str, str], float]
) -> ParameterTable:
    labels = {row.label for row in table.rows if row.label and (row.group, row.lhs, row.op, row.rhs) in zero}
    rows = []
    for row in table.rows:
        if (row.group, row.lhs, row.op, row.rhs) in zero or (row.label in labels and row.free):
            rows.append(replace(row, free=0, fixed=0.0))
        elif row.efa and math.isnan(row.start):
            rows.append(replace(row, start=start[row.group, row.lhs, row.rhs]))
        else:
            rows.append(row)
    return replace(table, rows=numbered(rows))


def _principal(block: Block, sample: SampleMoments) -> Floats:
    """Return principal-factor loadings of a block's items, in their units."""
    at = [sample.names.index(item) for item in block.items]
    cov = sample.cov[np.ix_(at, at)]
    sd = np.sqrt(np.diag(cov))
    cor = cov / np.outer(sd, sd)
    unique = 1 / np.diag(np.linalg.inv(cor + _RIDGE * np.eye(len(cor))))
    for _ in range(10):
        values, vectors = np.linalg.eigh(cor - np.diag(unique))
        top = np.argsort(-values)[: len(block.factors)]
        loadings = vectors[:, top] * np.sqrt(np.clip(values[top], 0.05, None))
        unique = np.clip(1 - (loadings**2).sum(axis=1), 0.05, None)
    return np.asarray(loadings * sd[:, None], dtype=np.float64)


def _pivots(block: Block, loadings: Floats) -> list[str]:
    """Return items that span the factors, the clearest first."""
    left, chosen = loadings.copy(), []
    for _ in block.factors:
        best = int(np.argmax((left**2).sum(axis=1)))
        chosen.append(best)
        direction = left[best] / np.linalg.norm(left[best])
        left = left - np.outer(left @ direction, direction)
    return [block.items[k] for k in chosen]


def _triangular(loadings: Floats, at: list[int]) -> Floats:
    """Turn loadings so that the rows ``at`` are lower triangular."""
    q, r = np.linalg.qr(loadings[at].T)
    turned: Floats = loadings @ q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return turned
