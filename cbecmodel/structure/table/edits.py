"""Edits of a parameter table, each giving a new one."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cbecmodel.errors import ModelError
from cbecmodel.structure.table.parameter import Parameter, numbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.structure.table.partable import ParameterTable


def edited(
    table: ParameterTable, place: tuple[str, str, str], group: int | None, changes: Mapping[str, object]
) -> ParameterTable:
    """Return a table in which one parameter is changed.

    Parameters
    ----------
    table : ParameterTable
    place : tuple of str
        lhs, op, rhs.
    group : int or None
        All groups if None.
    changes : mapping

    Returns
    -------
    ParameterTable

    Raises
    ------
    ModelError
    """
    lhs, op, rhs = place
    wanted = {(lhs, op, rhs), (rhs, op, lhs)} if op == "~~" else {(lhs, op, rhs)}
    changed = dict(changes)
    if "fixed" in changed:
        changed["free"] = bool(np.isnan(changed["fixed"]))  # type: ignore[call-overload]  # a number, or numpy says so
    elif changed.get("free"):
        changed["fixed"] = math.nan
    rows, found = [], False
    for row in table.rows:
        hit = (row.lhs, row.op, row.rhs) in wanted and group in (None, row.group)
        found = found or hit
        rows.append(replace(row, **changed, user=True, exogenous=False) if hit else row)  # type: ignore[arg-type]
    if not found:
        raise ModelError("structure.no_such_parameter", parameter=f"{lhs} {op} {rhs}".rstrip())
    return replace(table, rows=numbered(rows))


def added(
    table: ParameterTable, place: tuple[str, str, str], group: int | None, changes: Mapping[str, object]
) -> ParameterTable:
    """Return a table with one more parameter.

    Parameters
    ----------
    table : ParameterTable
    place : tuple of str
        lhs, op, rhs.
    group : int or None
        All groups if None.
    changes : mapping

    Returns
    -------
    ParameterTable

    Raises
    ------
    ModelError
    """
    lhs, op, rhs = place
    known = (*table.observed, *table.latents)
    unknown = [name for name in (lhs, rhs) if name not in known and not (op == "~1" and name == rhs)]
    if unknown or op not in {"=~", "~", "~~", "~1"}:
        raise ModelError("structure.row_unknown", parameter=f"{lhs} {op} {rhs}", known=", ".join(known))
    there = {(row.lhs, row.op, row.rhs, row.group) for row in table.rows}
    wanted = range(1, table.n_groups + 1) if group is None else [group]
    mirrored = op == "~~"
    if any((lhs, op, rhs, g) in there or (mirrored and (rhs, op, lhs, g) in there) for g in wanted):
        raise ModelError("structure.row_exists", parameter=f"{lhs} {op} {rhs}".rstrip())
    rows = list(table.rows)
    for g in wanted:
        last = max(index for index, row in enumerate(rows) if row.group == g and not row.exogenous)
        rows.insert(last + 1, Parameter(lhs, op, rhs, g, free=1))
    bigger = replace(table, rows=numbered(rows), meanstructure=table.meanstructure or op == "~1")
    return edited(bigger, place, group, changes) if changes else bigger
