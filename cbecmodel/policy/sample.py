"""From a panel to the arrays of one regression: outcome, regressors, effects, clusters; and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel.errors import ModelError, PanelError
from cbecmodel.policy.labels import listed
from cbecmodel.policy.panel_checks import require_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from cbecmodel.policy.options import Transform
    from cbecmodel.policy.panel import Panel


_NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows of a panel that enter a regression.

    Attributes
    ----------
    frame : pandas.DataFrame
        Complete rows of the panel's frame, n rows.
    y : numpy.ndarray
        Outcome, n, after the transformation.
    controls : numpy.ndarray
        n × c, centred and scaled to standard deviation 1 so that units of measurement do not cost precision.
    effects : dict of str to numpy.ndarray
        Fixed effects: name → codes 0 … L−1, n each.
    clusters : dict of str to numpy.ndarray
        Cluster variables: name → codes, n each; empty without clustering.
    weights : numpy.ndarray or None
    dropped : pandas.Series
        Rows left out, by the column that had no value (a row counts for the first such column).
    """

    frame: pd.DataFrame
    y: NDArray[np.float64]
    controls: NDArray[np.float64]
    control_names: tuple[str, ...]
    effects: dict[str, NDArray[np.int64]]
    clusters: dict[str, NDArray[np.int64]]
    weights: NDArray[np.float64] | None
    dropped: pd.Series[Any]

    def keep(self, rows: NDArray[np.bool_], reasons: Mapping[str, int]) -> Sample:
        """Return some of the rows, and count the others.

        Parameters
        ----------
        rows : numpy.ndarray
            True for the rows kept, n.
        reasons : mapping
            Reason → rows left out for it; added to :attr:`dropped`.

        Returns
        -------
        Sample
        """
        found = pd.Series({name: n for name, n in reasons.items() if n}, dtype="int64")
        return Sample(
            frame=self.frame[rows].reset_index(drop=True),
            y=self.y[rows],
            controls=self.controls[rows],
            control_names=self.control_names,
            effects={name: pd.factorize(codes[rows])[0].astype(np.int64) for name, codes in self.effects.items()},
            clusters={name: pd.factorize(codes[rows])[0].astype(np.int64) for name, codes in self.clusters.items()},
            weights=None if self.weights is None else self.weights[rows],
            dropped=pd.concat([self.dropped, found]) if len(found) else self.dropped,
        )


def numeric(frame: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Return a column as floats, NaN where it has no value.

    Parameters
    ----------
    frame : pandas.DataFrame
    column : str

    Returns
    -------
    pandas.Series

    Raises
    ------
    PanelError
        If it holds text or infinite numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> numeric(pd.DataFrame({"y": [1, None]}), "y").tolist()
    [1.0, nan]
    """
    values = pd.to_numeric(frame[column], errors="coerce").astype("float64")
    bad = (values.isna() & frame[column].notna()) | np.isinf(values)
    if bad.any():
        examples = listed([repr(v) if isinstance(v, str) else v for v in frame.loc[bad, column].unique()], 5)
        raise PanelError("policy.not_numeric", column=column, n=int(bad.sum()), values=examples)
    return values


def transformed(values: pd.Series[Any], transform: Transform | None, column: str) -> pd.Series[Any]:
    """Return log(1 + y), log(y) or asinh(y).

    Parameters
    ----------
    values : pandas.Series
    transform : {"log1p", "log", "asinh"} or None
    column : str
        For messages.

    Returns
    -------
    pandas.Series

    Raises
    ------
    PanelError
        If a value has no logarithm.

    Examples
    --------
    >>> import pandas as pd
    >>> transformed(pd.Series([0.0]), "log1p", "y").tolist()
    [0.0]
    """
    if transform is None:
        return values
    if transform == "asinh":
        return pd.Series(np.arcsinh(values), index=values.index)
    lowest = 0.0 if transform == "log" else -1.0
    if (values <= lowest).any():
        raise PanelError("policy.no_logarithm", column=column, transform=transform, n=int((values <= lowest).sum()))
    logs = np.log(values) if transform == "log" else np.log1p(values)
    return pd.Series(logs, index=values.index)


def effect_codes(frame: pd.DataFrame, names: Sequence[str], panel: Panel) -> dict[str, NDArray[np.int64]]:
    """Return the codes of fixed effects or clusters.

    Parameters
    ----------
    frame : pandas.DataFrame
    names : sequence of str
        ``unit`` and ``time`` are the panel's; others are columns; ``a^b`` is each combination of ``a`` and ``b``.
    panel : Panel

    Returns
    -------
    dict
        Name → codes 0 … L−1.
    """
    roles = {"unit": panel.unit, "time": panel.time}
    return {name: group_codes(frame, [roles.get(part, part) for part in name.split("^")]) for name in names}


def group_codes(frame: pd.DataFrame, columns: list[str]) -> NDArray[np.int64]:
    """Return codes 0 … L−1 of the combinations of columns.

    Parameters
    ----------
    frame : pandas.DataFrame
    columns : list of str

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> import pandas as pd
    >>> group_codes(pd.DataFrame({"a": [1, 1, 2], "b": ["x", "y", "x"]}), ["a", "b"]).tolist()
    [0, 1, 2]
    """
    codes = np.zeros(len(frame), dtype=np.int64)
    for column in columns:
        one, levels = pd.factorize(frame[column])
        codes = pd.factorize(codes * len(levels) + one)[0].astype(np.int64)
    return codes


def _parts(names: Sequence[str], panel: Panel) -> list[str]:
    roles = {"unit": panel.unit, "time": panel.time}
    return [roles.get(part, part) for name in names for part in name.split("^")]


def draw_sample(
    panel: Panel,
    outcome: str,
    *,
    treatment: str | None,
    controls: Sequence[str],
    fixed_effects: Sequence[str],
    clusters: Sequence[str],
    weights: str | None,
    transform: Transform | None,
) -> Sample:
    """Take the complete rows of a panel.

    Parameters
    ----------
    panel : Panel
    outcome, treatment : str
    controls, fixed_effects, clusters : sequence of str
    weights : str or None
    transform : {"log1p", "log", "asinh"} or None

    Returns
    -------
    Sample

    Raises
    ------
    PanelError
        If a column is missing or not numeric, a weight is not positive, or no row is complete.
    ModelError
        If the outcome never changes, or a cluster variable has one level only.
    """
    groups = [*_parts(fixed_effects, panel), *_parts(clusters, panel)]
    numbers = [name for name in (outcome, treatment, weights, *controls) if name is not None]
    require_columns(panel.frame, [*numbers, *groups])
    values = pd.DataFrame({name: numeric(panel.frame, name) for name in dict.fromkeys(numbers)})
    missing = pd.concat([values.isna(), panel.frame[list(dict.fromkeys(groups))].isna()], axis=1)
    kept = ~missing.any(axis=1)
    if not kept.any():
        raise PanelError("policy.no_complete_rows", columns=listed(list(missing.columns), 20))
    reason = missing.loc[~kept].idxmax(axis=1) if (~kept).any() else pd.Series([], dtype=str)
    frame, values = panel.frame[kept].reset_index(drop=True), values[kept].reset_index(drop=True)
    if weights is not None and (values[weights] <= 0).any():
        raise PanelError("policy.weights_not_positive", column=weights, n=int((values[weights] <= 0).sum()))
    if treatment is not None:
        frame[treatment] = values[treatment]
    y = transformed(values[outcome], transform, outcome)
    _check_outcome(y, frame, panel, outcome)
    codes = effect_codes(frame, clusters, panel)
    if alone := [name for name, one in codes.items() if int(one.max()) == 0]:
        raise ModelError("policy.one_cluster", cluster=listed(alone))
    return Sample(
        frame=frame,
        y=y.to_numpy(),
        controls=_standardized(values[list(controls)].to_numpy(), controls),
        control_names=tuple(controls),
        effects=effect_codes(frame, fixed_effects, panel),
        clusters=codes,
        weights=None if weights is None else values[weights].to_numpy(),
        dropped=reason.value_counts().sort_index(),
    )


def _check_outcome(y: pd.Series[Any], frame: pd.DataFrame, panel: Panel, outcome: str) -> None:
    """Refuse an outcome that says nothing about change: the same in all periods of a unit, or in all units of a period."""
    size = float(y.abs().max())
    for groups, key in ((panel.unit, "policy.outcome_never_changes"), (panel.time, "policy.outcome_same_for_all")):
        deviations = y - y.groupby(frame[groups], observed=True).transform("mean")
        if float(deviations.abs().max()) <= _NOTHING * size:
            raise ModelError(key, outcome=outcome)


def _standardized(values: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    spread = values.std(axis=0)
    constant = [name for name, one in zip(names, spread, strict=True) if one == 0]
    if constant:
        raise ModelError("policy.collinear_controls", columns=listed(constant))
    scaled: NDArray[np.float64] = (values - values.mean(axis=0)) / spread
    return scaled
