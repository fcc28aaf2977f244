"""What ordinal variables add to a parameter table: thresholds, scales of their responses, and what is fixed for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cbecmodel.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.structure.syntax.formulas import Formula
    from cbecmodel.structure.table.parameter import Parameter

Key = tuple[str, str, str]


def fixed_of_ordinal(added: Sequence[Key], counts: Mapping[str, int]) -> dict[Key, float]:
    """Return which of the rows that defaults add are fixed because a variable is ordinal, with their values.

    Parameters
    ----------
    added : sequence of (lhs, op, rhs)
    counts : mapping
        Number of categories of each ordinal variable.

    Returns
    -------
    dict
        Variances and scales are 1, intercepts 0: thresholds hold the place of the responses.

    Examples
    --------
    >>> fixed_of_ordinal([("x", "~1", ""), ("x", "~~", "x"), ("y", "~~", "y")], {"x": 3})
    {('x', '~1', ''): 0.0, ('x', '~~', 'x'): 1.0}
    """
    found: dict[Key, float] = {}
    for lhs, op, rhs in added:
        if lhs not in counts:
            continue
        if op == "~1":
            found[lhs, op, rhs] = 0.0
        elif op == "~*~" or (op == "~~" and lhs == rhs):
            found[lhs, op, rhs] = 1.0
    return found


def require_thresholds(formulas: Sequence[Formula], counts: Mapping[str, int]) -> None:
    """Raise if the model speaks of thresholds or scales that the data do not have.

    Parameters
    ----------
    formulas : sequence of Formula
    counts : mapping

    Raises
    ------
    ModelError
    """
    for row in formulas:
        if row.op not in {"|", "~*~"}:
            continue
        if row.lhs not in counts:
            raise ModelError("structure.not_ordinal", variable=row.lhs, operator=row.op, line=row.line)
        if row.op == "|":
            known = [f"t{number}" for number in range(1, counts[row.lhs])]
            if row.rhs not in known:
                raise ModelError(
                    "structure.no_threshold", variable=row.lhs, threshold=row.rhs, known=", ".join(known), line=row.line
                )


def require_free(rows: Sequence[Parameter], counts: Mapping[str, int], parameterization: str) -> None:
    """Raise if a parameter is free that follows from others in this parameterization, or an ordinal variable is a cause.

    Parameters
    ----------
    rows : sequence of Parameter
    counts : mapping
    parameterization : {"delta", "theta"}

    Raises
    ------
    ModelError
    """
    for row in rows:
        variance = row.op == "~~" and row.lhs == row.rhs and row.lhs in counts
        if variance and row.free and parameterization == "delta":
            raise ModelError("structure.delta_residual", variable=row.lhs)
        if row.op == "~*~" and row.free and parameterization == "theta":
            raise ModelError("structure.theta_scale", variable=row.lhs)
        if row.op == "~" and row.rhs in counts and parameterization == "delta":
            raise ModelError("structure.delta_cause", variable=row.rhs, outcome=row.lhs)
