"""Bounds of parameters: what ``bounds=`` asks for, beside ``lower()`` and ``upper()`` of the syntax.

A bound keeps a parameter where it means something: an observed variable's residual variance between zero and its variance, a
loading no larger than its indicator's and its factor's variance allow, a covariance no larger than its variances do.

References
----------
.. [1] De Jonckere, J., & Rosseel, Y. (2022). Using bounded estimation to avoid nonconvergence in small sample structural
   equation modeling. Structural Equation Modeling, 29, 412-427.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cbecmodel.errors import ModelError
from cbecmodel.structure.syntax.parser import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.sample.moments import SampleMoments
    from cbecmodel.structure.table.parameter import Parameter
    from cbecmodel.structure.table.partable import ParameterTable

_SMALLEST_ENDOGENOUS: Final = 0.005  # residual variance of a latent variable that something predicts


@dataclass(frozen=True, slots=True)
class _Preset:
    """Which bounds to set: how much wider (a share of the range) than the natural ones, NaN for no bound."""

    residual: tuple[float, float] = (math.nan, math.nan)
    latent: tuple[float, float] = (math.nan, math.nan)
    loading: tuple[float, float] = (math.nan, math.nan)
    covariance: tuple[float, float] = (math.nan, math.nan)
    reliability: float = 0.0  # least share of its marker's variance that a latent variable has
    endogenous: float = 0.0


PRESETS: Final = {
    "none": _Preset(),
    "pos_var": _Preset(residual=(0.0, math.nan), latent=(0.0, math.nan)),
    "pos_ov_var": _Preset(residual=(0.0, math.nan)),
    "pos_lv_var": _Preset(latent=(0.0, math.nan)),
    "standard": _Preset((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (-0.001, -0.001), 0.1, _SMALLEST_ENDOGENOUS),
    "wide": _Preset((0.05, 0.2), (0.0, 0.3), (0.1, 0.1), (0.0, 0.0), 0.1, _SMALLEST_ENDOGENOUS),
}


def bounded(table: ParameterTable, samples: Sequence[SampleMoments], bounds: Any) -> ParameterTable:
    """Return the table with the bounds that were asked for; those written in the syntax stay.

    Parameters
    ----------
    table : ParameterTable
    samples : sequence of SampleMoments
        One a group; their variances bound those of the model.
    bounds : str, mapping or None
        ``"standard"``, ``"wide"``, ``"pos_var"``, ``"pos_ov_var"``, ``"pos_lv_var"`` or ``"none"``; or
        ``{"x1 ~~ x1": (0, 2), "b": (None, 1)}``, parameters (or labels) with their lower and upper bounds.

    Returns
    -------
    ParameterTable

    Raises
    ------
    ModelError
        If a name is unknown, a parameter is not free, or a lower bound exceeds the upper one.
    """
    if isinstance(bounds, Mapping):
        table = _named(table, bounds)
    elif bounds is not None:
        preset = PRESETS.get(str(bounds).replace(".", "_"))
        if preset is None:
            raise ModelError("structure.unknown_option", option="bounds", value=bounds, known=", ".join(PRESETS))
        rows: list[Parameter] = []
        for number, sample in enumerate(samples, start=1):
            own = [row for row in table.rows if row.group == number]
            rows.extend(_group(table, own, dict(zip(sample.names, np.diag(sample.cov).tolist(), strict=True)), preset))
        table = replace(table, rows=tuple(rows))
    for row in table.rows:
        if row.free and row.lower > row.upper:
            raise ModelError("structure.empty_bounds", parameter=row.name, lower=row.lower, upper=row.upper)
    return table


def _named(table: ParameterTable, bounds: Mapping[str, Any]) -> ParameterTable:
    rows = list(table.rows)
    for name, limits in bounds.items():
        wanted = _keys(str(name))
        hits = [
            index
            for index, row in enumerate(rows)
            if row.free and ((row.lhs, row.op, row.rhs) in wanted or row.label == name)
        ]
        if not hits:
            raise ModelError("structure.no_such_parameter", parameter=str(name))
        if isinstance(limits, str) or not hasattr(limits, "__len__") or len(limits) != 2:
            raise ModelError("structure.bound_pair", parameter=str(name))
        lower, upper = (math.nan if value is None else float(value) for value in limits)
        for index in hits:
            rows[index] = replace(rows[index], lower=lower, upper=upper)
    return replace(table, rows=tuple(rows))


def _keys(name: str) -> set[tuple[str, str, str]]:
    if not any(sign in name for sign in ("~", "=~")):
        return set()
    row = parse(name).formulas[0]
    return {(row.lhs, row.op, row.rhs), (row.rhs, row.op, row.lhs)} if row.op == "~~" else {(row.lhs, row.op, row.rhs)}


def _group(
    table: ParameterTable, rows: Sequence[Parameter], variance: Mapping[str, float], preset: _Preset
) -> list[Parameter]:
    markers = _markers(rows, variance)
    predicted = {row.lhs for row in rows if row.op == "~"} | {row.rhs for row in rows if row.op == "=~"}
    everything_predicted = all(name in predicted for name in table.latents)
    least, most = _latent_range(table, rows, variance, markers, preset.reliability)
    limits: dict[tuple[str, str, str], tuple[float, float]] = {}
    for row in rows:
        key = (row.lhs, row.op, row.rhs)
        if row.op == "~~" and row.lhs == row.rhs and row.lhs in variance:
            share = 1 - preset.reliability if row.lhs in markers.values() else 1.0
            limits[key] = _widened(0.0, share * variance[row.lhs], preset.residual, floor=True)
        elif row.op == "~~" and row.lhs == row.rhs:
            inner = row.lhs in predicted or everything_predicted
            limits[key] = _widened(
                preset.endogenous if inner else least[row.lhs], most[row.lhs], preset.latent, floor=True
            )
        elif row.op == "=~" and row.rhs in variance:
            size = math.sqrt(variance[row.rhs] / least[row.lhs]) if least[row.lhs] > 0 else math.inf
            limits[key] = _widened(-size, size, preset.loading)
    for row in rows:
        ends = [limits.get((name, "~~", name), (math.nan, math.nan))[1] for name in (row.lhs, row.rhs)]
        if row.op == "~~" and row.lhs != row.rhs and not math.isnan(ends[0] + ends[1]):
            size = math.sqrt(max(ends[0], 0.0) * max(ends[1], 0.0))
            limits[(row.lhs, row.op, row.rhs)] = _widened(-size, size, preset.covariance)
    return [_limited(row, limits.get((row.lhs, row.op, row.rhs))) for row in rows]


def _markers(rows: Sequence[Parameter], variance: Mapping[str, float]) -> dict[str, str]:
    """Return the observed variable whose loading is fixed at one, for each latent variable that has one."""
    found: dict[str, str] = {}
    for row in rows:
        if row.op == "=~" and not row.free and row.fixed == 1 and row.rhs in variance:
            found.setdefault(row.lhs, row.rhs)
    return found


def _latent_range(
    table: ParameterTable,
    rows: Sequence[Parameter],
    variance: Mapping[str, float],
    markers: Mapping[str, str],
    reliability: float,
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the smallest and the largest variance of each latent variable."""
    fixed = {row.lhs: row.fixed for row in rows if row.op == "~~" and row.lhs == row.rhs and not row.free}
    least, most = {}, {}
    for name in table.latents:
        if fixed.get(name, 0.0) > 0:
            least[name] = most[name] = fixed[name]
        elif name in markers:
            least[name], most[name] = reliability * variance[markers[name]], variance[markers[name]]
        else:
            least[name], most[name] = 0.0, max(variance.values())
    return least, most


def _widened(lower: float, upper: float, shares: tuple[float, float], *, floor: bool = False) -> tuple[float, float]:
    """Return bounds moved outwards by shares of their range; NaN where there is to be none."""
    span = upper - (max(lower, 0.0) if floor else lower)
    if not math.isfinite(span):
        return math.nan, math.nan
    return lower - shares[0] * span, upper + shares[1] * span


def _limited(row: Parameter, limits: tuple[float, float] | None) -> Parameter:
    if limits is None or not row.free:
        return row
    lower, upper = (
        said if not math.isnan(said) else auto for said, auto in zip((row.lower, row.upper), limits, strict=True)
    )
    return replace(row, lower=lower, upper=upper)
