"""Parameter tables from semopy's models."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cbecmodel.errors import ModelError
from cbecmodel.structure.syntax.formulas import Formula
from cbecmodel.structure.syntax.vocabulary import vocabulary
from cbecmodel.structure.table.parameter import Parameter, numbered
from cbecmodel.structure.table.partable import ParameterTable

if TYPE_CHECKING:
    from collections.abc import Iterator

_MATRICES: Final = ("beta", "lambda", "psi", "theta")


def table_from_semopy(model: Any) -> ParameterTable:
    """Return the parameter table of a semopy model.

    Parameters
    ----------
    model : semopy.Model
        Fitted or not; its estimates are not taken over, its starting values are.

    Returns
    -------
    ParameterTable
        One group, covariances only. Parameters that share a name in semopy share a label; moments of exogenous observed
        variables are taken from the data, as semopy does.

    Raises
    ------
    ModelError
        If it is no ``semopy.Model``, or one of its kinds with means or random effects.

    Examples
    --------
    >>> import semopy
    >>> table = table_from_semopy(semopy.Model("f =~ x1 + x2 + a*x3"))
    >>> table.n_free, table.latents, sorted(table.labels)
    (6, ('f',), ['a'])
    """
    import semopy

    if not isinstance(model, semopy.Model) or isinstance(model, semopy.ModelMeans):
        raise ModelError("structure.not_semopy", kind=type(model).__name__)
    rows = tuple(_rows(model))
    free = [row for row in rows if not row.exogenous]
    words = vocabulary([Formula(row.lhs, row.op, row.rhs) for row in free])
    fixed = tuple(dict.fromkeys(row.lhs for row in rows if row.exogenous))
    among = tuple(Parameter(a, "~~", b, user=False, exogenous=True) for i, a in enumerate(fixed) for b in fixed[i:])
    observed = tuple(name for name in words.observed if name not in fixed)
    return ParameterTable(
        rows=numbered([*free, *among]),
        constraints=(),
        observed=(*observed, *fixed),
        latents=words.latents,
        exogenous=fixed,
        predictors=fixed,
    )


def _rows(model: Any) -> Iterator[Parameter]:
    matrices = [(getattr(model, f"mx_{name}"), name, getattr(model, f"names_{name}")) for name in _MATRICES]
    latents, indicators = set(model.vars["latent"]), set(model.vars["indicator"])
    for name, parameter in model.parameters.items():
        for place in parameter.locations:
            kind, names = next((kind, names) for matrix, kind, names in matrices if matrix is place.matrix)
            row, column = names[0][place.indices[0]], names[1][place.indices[1]]
            yield _row(name, parameter, (kind, row, column), measured=column in latents and row in indicators)


def _row(name: str, parameter: Any, place: tuple[str, str, str], *, measured: bool) -> Parameter:
    kind, row, column = place
    path = kind in {"beta", "lambda"}
    lhs, op, rhs = (column, "=~", row) if measured and path else (row, "~" if path else "~~", column)
    value = math.nan if parameter.start is None else float(parameter.start)
    label = "" if name.startswith("_") else str(name)
    if not parameter.active:
        exogenous = bool(np.isnan(value))
        return Parameter(lhs, op, rhs, label=label, fixed=value, exogenous=exogenous)
    lower, upper = (math.nan if bound is None else float(bound) for bound in parameter.bound)
    if op == "~~" and lhs == rhs and lower == 0 and math.isnan(upper):
        lower = math.nan  # semopy's default; here improper solutions are reported, not hidden at a bound
    return Parameter(lhs, op, rhs, label=label, free=1, start=value, lower=lower, upper=upper)
