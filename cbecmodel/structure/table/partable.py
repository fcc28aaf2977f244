"""The parameter table: one row a parameter, the noun everything else in this room is a function of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cbecmodel.structure.table import written
from cbecmodel.structure.table.parameter import Parameter

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cbecmodel.structure.syntax.formulas import Constraint


@dataclass(frozen=True)
class ParameterTable:
    """All parameters of a model, with its constraints and defined parameters.

    Attributes
    ----------
    rows : tuple of Parameter
        Group by group; as written first, then the defaults, in lavaan's order.
    constraints : tuple of Constraint
        ``:=``, ``==``, ``<`` and ``>``.
    observed, latents : tuple of str
        Names in the order of the model's matrices.
    exogenous : tuple of str
        Observed variables whose moments are fixed at the sample's.
    composites : tuple of str
    predictors : tuple of str
        Exogenous observed variables, fixed or not; the baseline model lets them covary.
    meanstructure : bool
    n_groups : int
    auxiliary : tuple of str
        Variables beside the model that only inform about missing answers; the baseline model lets them covary with all.
    ordered : tuple of str
        Ordinal observed variables.
    parameterization : {"delta", "theta"}
        Of their responses.

    Examples
    --------
    >>> from cbecmodel.structure.table.defaults import parameter_table
    >>> table = parameter_table("f =~ x1 + x2 + x3")
    >>> table.n_free, table.frame.shape[0]
    (6, 7)
    >>> print(table.to_syntax().splitlines()[0])
    f =~ 1*x1
    """

    rows: tuple[Parameter, ...]
    constraints: tuple[Constraint, ...]
    observed: tuple[str, ...]
    latents: tuple[str, ...]
    exogenous: tuple[str, ...] = ()
    composites: tuple[str, ...] = ()
    predictors: tuple[str, ...] = ()
    meanstructure: bool = False
    n_groups: int = 1
    auxiliary: tuple[str, ...] = ()
    ordered: tuple[str, ...] = ()
    parameterization: str = "delta"

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Return the table as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            Columns lhs op rhs group label free fixed start lower upper user exogenous efa.
        """
        import pandas as pd

        columns = {name: [getattr(row, name) for row in self.rows] for name in Parameter.__slots__}
        return pd.DataFrame(columns)

    @cached_property
    def free_rows(self) -> NDArray[np.intp]:
        """Return the positions of the free rows, by number of the parameter.

        Returns
        -------
        ndarray of int, shape (n_free,)
        """
        return np.array([index for index, row in enumerate(self.rows) if row.free], dtype=np.intp)

    @property
    def n_free(self) -> int:
        """Return the number of free rows (rows that share a label count each).

        Returns
        -------
        int
        """
        return len(self.free_rows)

    @cached_property
    def free_names(self) -> tuple[str, ...]:
        """Return names of the free rows: the label, or ``lhs op rhs`` (``.g2`` for the second group).

        Returns
        -------
        tuple of str
        """
        rows = [self.rows[index] for index in self.free_rows]
        return tuple(row.label or row.name + (f".g{row.group}" if row.group > 1 else "") for row in rows)

    @cached_property
    def labels(self) -> dict[str, int]:
        """Return the free parameter (from 0) each label first names.

        Returns
        -------
        dict
        """
        found: dict[str, int] = {}
        for row in self.rows:
            if row.label and row.free:
                found.setdefault(row.label, row.free - 1)
        return found

    @property
    def defined(self) -> tuple[Constraint, ...]:
        """Return the defined parameters (``:=``).

        Returns
        -------
        tuple of Constraint
        """
        return tuple(rule for rule in self.constraints if rule.op == ":=")

    def edited(self, lhs: str, op: str, rhs: str, *, group: int | None = None, **changes: object) -> ParameterTable:
        """Return a copy in which one parameter is changed.

        Parameters
        ----------
        lhs, op, rhs : str
            The parameter; ``rhs`` is ``""`` for an intercept.
        group : int, optional
            All groups if not given.
        **changes
            ``free`` (bool), ``fixed``, ``start``, ``label``, ``lower``, ``upper``.

        Returns
        -------
        ParameterTable

        Raises
        ------
        ModelError
            If the table has no such row.

        Examples
        --------
        >>> from cbecmodel.structure.table.defaults import parameter_table
        >>> table = parameter_table("f =~ x1 + x2 + x3")
        >>> table.edited("f", "=~", "x2", fixed=1.0).n_free
        5
        """
        from cbecmodel.structure.table.edits import edited

        return edited(self, (lhs, op, rhs), group, changes)

    def added(self, lhs: str, op: str, rhs: str, *, group: int | None = None, **changes: object) -> ParameterTable:
        """Return a copy with one more parameter between variables the model has; it is free unless ``fixed`` is given.

        Parameters
        ----------
        lhs, op, rhs : str
        group : int, optional
            All groups if not given.
        **changes
            As in :meth:`edited`.

        Returns
        -------
        ParameterTable

        Raises
        ------
        ModelError
            If the parameter is there already, or a variable is not in the model.

        Examples
        --------
        >>> from cbecmodel.structure.table.defaults import parameter_table
        >>> parameter_table("f =~ x1 + x2 + x3 + x4").added("x1", "~~", "x2", label="r").labels
        {'r': 8}
        """
        from cbecmodel.structure.table.edits import added

        return added(self, (lhs, op, rhs), group, changes)

    def removed(self, lhs: str, op: str, rhs: str, *, group: int | None = None) -> ParameterTable:
        """Return a copy without one parameter: its row stays with the fixed value zero, so that the syntax says so too.

        Parameters
        ----------
        lhs, op, rhs : str
        group : int, optional
            All groups if not given.

        Returns
        -------
        ParameterTable

        Raises
        ------
        ModelError
            If the table has no such row.

        Examples
        --------
        >>> from cbecmodel.structure.table.defaults import parameter_table
        >>> parameter_table("f =~ x1 + x2; g =~ x3 + x4").removed("f", "~~", "g").n_free
        8
        """
        return self.edited(lhs, op, rhs, group=group, fixed=0.0, label="", start=math.nan)

    @classmethod
    def from_syntax(
        cls, model: str, function: Literal["sem", "cfa", "growth"] = "sem", **options: Any
    ) -> ParameterTable:
        """Return the table :func:`cbecmodel.sem` would fit.

        Parameters
        ----------
        model : str
            lavaan syntax.
        function : {"sem", "cfa", "growth"}
            Whose defaults.
        **options
            ``std_lv``, ``orthogonal``, ``meanstructure``, ``fixed_x``.

        Returns
        -------
        ParameterTable

        Examples
        --------
        >>> ParameterTable.from_syntax("f =~ x1 + x2 + x3", std_lv=True).n_free
        6
        """
        from cbecmodel.structure.options import Options
        from cbecmodel.structure.table.defaults import parameter_table

        return parameter_table(model, Options(function=function, **options))

    @classmethod
    def from_semopy(cls, model: Any) -> ParameterTable:
        """Return the table of a ``semopy.Model``.

        Parameters
        ----------
        model : semopy.Model

        Returns
        -------
        ParameterTable

        Raises
        ------
        ModelError
            If it is something else, or a model with means or random effects.

        Examples
        --------
        >>> import semopy
        >>> ParameterTable.from_semopy(semopy.Model("y ~ x + z")).exogenous
        ('x', 'z')
        """
        from cbecmodel.structure.table.exchange import table_from_semopy

        return table_from_semopy(model)

    def to_syntax(self) -> str:
        """Return lavaan syntax that says every row (read it back with the defaults switched off or on: both give this).

        Returns
        -------
        str
        """
        lines: list[str] = []
        for group in range(1, self.n_groups + 1):
            if self.n_groups > 1:
                lines.append(f"group: {group}")
            lines.extend(written.syntax_line(row) for row in self.rows if row.group == group and not row.exogenous)
        lines.extend(f"{rule.lhs} {rule.op} {rule.rhs}" for rule in self.constraints)
        return "\n".join(lines) + "\n"

    def to_semopy(self) -> str:
        """Return the model in semopy's syntax (no intercepts: semopy's means are not used).

        Returns
        -------
        str
        """
        from cbecmodel.structure.estimate.semopy_engine import semopy_syntax

        return semopy_syntax(self)

    def __str__(self) -> str:
        shown = self.frame.drop(columns=["lower", "upper", "exogenous", "efa"])
        return str(shown.to_string(na_rep="", index=False))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return written.html_rows(self.rows)
