"""How much non-invariance matters: dMACS of every item."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from cbecmodel.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.structure.results import SEMResults


def dmacs(fit: SEMResults, anchors: Mapping[str, str]) -> pd.DataFrame:
    r"""Return dMACS of every item, each later group against the first.

    With the constructs on the scale of their anchors, whose loading and intercept are taken to be equal, an item's answers
    are expected to be :math:`\nu_g + \lambda_g \eta`. For people of the later group, :math:`\eta \sim N(\mu, \psi)`,

    .. math:: d = \sqrt{(\Delta\nu + \Delta\lambda\,\mu)^2 + \Delta\lambda^2 \psi} \,/\, s,

    with :math:`s` the mean of both groups' standard deviations weighted by :math:`n - 1` [1]_.

    Parameters
    ----------
    fit : SEMResults
        A configural model of several groups.
    anchors : mapping of str to str
        Construct to item; the first item by default.

    Returns
    -------
    pandas.DataFrame
        Columns construct item group dmacs signed.

    Raises
    ------
    ModelError
        If an item measures two constructs, a construct's indicators are not observed, or an anchor is not its item.

    References
    ----------
    .. [1] Nye, C. D., & Drasgow, F. (2011). Effect size indices for analyses of measurement equivalence: Understanding the
       practical importance of differences between groups. Journal of Applied Psychology 96, 966–980.
    """
    _check(fit, anchors)
    table = fit.parameters
    keys = zip(table["lhs"].astype(str), table["op"].astype(str), table["rhs"].astype(str), table["group"], strict=True)
    values = {(a, op, b, int(g)): float(est) for (a, op, b, g), est in zip(keys, table["est"], strict=True)}
    rows = fit.parameters[(fit.parameters["op"] == "=~") & (fit.parameters["group"] == 1)]
    out = []
    for group in range(2, fit.table.n_groups + 1):
        for construct, part in rows.groupby("lhs", sort=False):
            items = [str(item) for item in part["rhs"]]
            anchor = anchors.get(str(construct), items[0])
            for item in items:
                d, signed = _one(fit, values, (str(construct), anchor, item), group)
                out.append((construct, item, fit.group_labels[group - 1], d, signed))
    return pd.DataFrame(out, columns=["construct", "item", "group", "dmacs", "signed"])


def _check(fit: SEMResults, anchors: Mapping[str, str]) -> None:
    rows = fit.parameters[(fit.parameters["op"] == "=~") & (fit.parameters["group"] == 1)]
    twice = rows["rhs"][rows["rhs"].duplicated() | rows["rhs"].isin(fit.latents)]
    if len(twice):
        raise ModelError("measurement.dmacs_items", items=", ".join(dict.fromkeys(twice)))
    known = set(zip(rows["lhs"], rows["rhs"], strict=True))
    unknown = [f"{construct}: {item}" for construct, item in anchors.items() if (construct, item) not in known]
    if unknown:
        raise ModelError("measurement.dmacs_anchor", anchors=", ".join(unknown))


def _one(
    fit: SEMResults, values: Mapping[tuple[str, str, str, int], float], names: tuple[str, str, str], group: int
) -> tuple[float, float]:
    construct, anchor, item = names
    intercepts, slopes, spread, centre = [], [], [], []
    for g in (1, group):
        unit = values[construct, "=~", anchor, g]
        spread.append(values[construct, "~~", construct, g] * unit**2)
        slopes.append(values[construct, "=~", item, g] / unit)
        centre.append(values[construct, "~1", "", g] * unit + values[anchor, "~1", "", g])
        intercepts.append(values[item, "~1", "", g] - slopes[-1] * values[anchor, "~1", "", g])
    gap, slope = intercepts[1] - intercepts[0], slopes[1] - slopes[0]
    samples = [fit.problem.samples[g - 1] for g in (1, group)]
    weights = [sample.n - 1 for sample in samples]
    at = [sample.names.index(item) for sample in samples]
    variances = [float(s.cov[i, i]) * s.n / (s.n - 1) for s, i in zip(samples, at, strict=True)]
    sd = sum(w * math.sqrt(v) for w, v in zip(weights, variances, strict=True)) / sum(weights)
    mean = gap + slope * centre[1]
    return math.sqrt(mean**2 + slope**2 * spread[1]) / sd, mean / sd
