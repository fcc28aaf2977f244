"""What a model's syntax says to partial least squares: constructs, their indicators, and paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cbecmodel.errors import ModelError
from cbecmodel.structure.estimate.pls_weights import Design
from cbecmodel.structure.syntax.parser import parse
from cbecmodel.structure.syntax.vocabulary import vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.structure.syntax.formulas import Formula

_KNOWN = ("=~", "<~", "~")


def path_design(model: str, modes: Mapping[str, str] | None = None) -> tuple[tuple[str, ...], Design]:
    """Read a path model.

    Parameters
    ----------
    model : str
        lavaan syntax with ``=~``, ``<~`` and ``~``.
    modes : mapping, optional
        Mode of constructs where it is not A for ``=~`` and B for ``<~``.

    Returns
    -------
    names : tuple of str
        Indicators.
    design : Design

    Raises
    ------
    ModelSyntaxError, ModelError

    Examples
    --------
    >>> names, design = path_design("f =~ x1 + x2; c <~ z1 + z2; f ~ c")
    >>> names, design.modes
    (('x1', 'x2', 'z1', 'z2'), ('A', 'B'))
    """
    formulas = parse(model).formulas
    _refuse(formulas)
    words = vocabulary(formulas)
    measured = {name: [row for row in formulas if row.lhs == name and row.op != "~"] for name in words.latents}
    ends = [name for row in formulas if row.op == "~" for name in (row.rhs, row.lhs)]
    single = [name for name in dict.fromkeys(ends) if name not in words.latents]
    constructs = (*words.latents, *single)
    items = {name: [row.rhs for row in measured[name]] if name in measured else [name] for name in constructs}
    names = tuple(item for name in constructs for item in items[name])
    _refuse_shared(names)
    position = {name: index for index, name in enumerate(names)}
    factors = tuple(name in measured and measured[name][0].op == "=~" for name in constructs)
    chosen = [("A" if factor or name in single else "B") for name, factor in zip(constructs, factors, strict=True)]
    for name, mode in (modes or {}).items():
        if name not in words.latents or mode not in {"A", "B"}:
            raise ModelError("structure.unknown_option", option="modes", value=f"{name}: {mode}", known="A, B")
        chosen[constructs.index(name)] = mode
    paths = _paths(formulas, constructs)
    blocks = tuple(tuple(position[item] for item in items[name]) for name in constructs)
    return names, Design(constructs, blocks, tuple(chosen), factors, paths)


def _refuse(formulas: Sequence[Formula]) -> None:
    latents = {row.lhs for row in formulas if row.op in {"=~", "<~"}}
    for row in formulas:
        what = f"{row.lhs} {row.op} {row.rhs}".rstrip()
        if row.op not in _KNOWN or row.group or row.level or row.efa:
            raise ModelError("structure.pls_syntax", what=what, line=row.line)
        if row.op != "~" and row.rhs in latents:
            raise ModelError("structure.pls_second_order", what=what)
        if row.op == "~" and row.modifiers.fixed and not np.isnan(row.modifiers.fixed).all():
            raise ModelError("structure.pls_syntax", what=what, line=row.line)


def _refuse_shared(names: Sequence[str]) -> None:
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ModelError("structure.pls_shared", items=", ".join(twice))


def _paths(formulas: Sequence[Formula], constructs: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return who predicts whom; every construct must take part, and nothing may predict itself in the end."""
    k = len(constructs)
    paths = np.zeros((k, k), dtype=bool)
    for row in formulas:
        if row.op == "~":
            paths[constructs.index(row.lhs), constructs.index(row.rhs)] = True
    linked = set(np.argwhere(paths).ravel().tolist())
    alone = [name for k, name in enumerate(constructs) if k not in linked]
    if alone:
        raise ModelError("structure.pls_alone", constructs=", ".join(alone))
    reach = np.linalg.matrix_power(np.eye(k) + paths, k) > 0
    cycle = [constructs[i] for i in range(k) if (paths[i] & reach[:, i]).any()]
    if cycle:
        raise ModelError("structure.pls_cycle", constructs=", ".join(cycle))
    return paths
