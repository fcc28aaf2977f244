"""What a two-way coefficient is made of: all comparisons of two groups, and their weights.

References
----------
.. [1] Goodman-Bacon, A. (2021). Difference-in-differences with variation in treatment timing. Journal of Econometrics 225(2),
   254–277.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cbecmodel.errors import PanelError
from cbecmodel.policy.panel_checks import require_columns
from cbecmodel.policy.sample import numeric, transformed

if TYPE_CHECKING:
    from cbecmodel.policy.options import Transform
    from cbecmodel.policy.panel import Panel


def bacon_decomposition(panel: Panel, outcome: str, transform: Transform | None = None) -> pd.DataFrame:
    r"""Split the static two-way coefficient into two-by-two comparisons.

    Parameters
    ----------
    panel : Panel
        Balanced, with cohorts and without missing outcomes.
    outcome : str
    transform : {"log1p", "log", "asinh"}, optional

    Returns
    -------
    pandas.DataFrame
        ``treated``, ``control`` (cohorts; 0 = never treated), ``type`` (``treated_vs_never``, ``earlier_vs_later``,
        ``later_vs_earlier``, ``later_vs_always``), ``estimate``, ``weight``. The weights are positive and sum to
        1; the weighted sum of the estimates is the coefficient. ``later_vs_earlier`` uses units already treated as
        controls: where effects grow, these comparisons are biased, and their weight says how much that matters.

    Raises
    ------
    PanelError
        If the panel has no cohorts, is not balanced, or an outcome is missing.

    Examples
    --------
    >>> from cbecmodel.policy.panel import Panel
    >>> frame = pd.DataFrame({"u": np.repeat(list("abc"), 4), "t": np.tile(np.arange(4), 3), "g": np.repeat([1, 3, 0], 4)})
    >>> frame["y"] = np.arange(12.0) ** 2
    >>> parts = bacon_decomposition(Panel(frame, "u", "t", "g"), "y")
    >>> len(parts), round(float(parts["weight"].sum()), 12)
    (4, 1.0)
    """
    if panel.cohort is None:
        raise PanelError("policy.no_adoption")
    require_columns(panel.frame, [outcome])
    values = transformed(numeric(panel.frame, outcome), transform, outcome)
    if not panel.balanced or values.isna().any():
        raise PanelError("policy.bacon_balanced", gaps=len(panel.gaps), missing=int(values.isna().sum()))
    frame = pd.DataFrame({"cohort": panel.frame[panel.cohort], "time": panel.frame[panel.time], "y": values})
    means = frame.pivot_table(index="cohort", columns="time", values="y")
    sizes = frame.groupby("cohort").size() / len(frame)
    periods = np.asarray(means.columns)
    pairs = [(g, c) for g in means.index[means.index > periods[0]] for c in means.index if c != g]
    rows = [_compare(means, sizes, int(treated), int(control)) for treated, control in pairs]
    table = pd.DataFrame(rows, columns=["treated", "control", "type", "estimate", "weight"])
    table["weight"] /= table["weight"].sum()
    return table


def _compare(
    means: pd.DataFrame, sizes: pd.Series[float], treated: int, control: int
) -> tuple[int, int, str, float, float]:
    """Return one comparison and its weight before normalisation."""
    periods = np.asarray(means.columns)
    share = float((periods >= treated).mean())
    constant = control == 0 or control <= periods[0]  # a control whose own treatment does not change
    control_share = float((periods >= control).mean()) if control else 0.0
    if constant:
        used, kind = np.ones(len(periods), dtype=bool), "treated_vs_never" if control == 0 else "later_vs_always"
        length, exposed = 1.0, share
    elif treated < control:
        used, kind = periods < control, "earlier_vs_later"
        length, exposed = 1 - control_share, (share - control_share) / (1 - control_share)
    else:
        used, kind = periods >= control, "later_vs_earlier"
        length, exposed = control_share, share / control_share
    pair = float(sizes[treated] + sizes[control])
    part = float(sizes[treated]) / pair
    weight = (pair * length) ** 2 * part * (1 - part) * exposed * (1 - exposed)
    gap = (means.loc[treated] - means.loc[control]).to_numpy()[used]
    after = periods[used] >= treated
    return treated, control, kind, float(gap[after].mean() - gap[~after].mean()), weight
