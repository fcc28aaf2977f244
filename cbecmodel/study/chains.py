"""Paths and chains of paths: ``PCI ~ SDI``, ``SDI -> PCI -> CID``, and the defined effects that multiply them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

ARROW: Final = " → "
_COLUMNS: Final = ("est", "se", "z", "pvalue", "ci_lower", "ci_upper", "std_all")
_PRODUCT: Final = re.compile(r"^[^\W\d]\w*(\*[^\W\d]\w*)+$")


def chain(path: str) -> tuple[str, ...]:
    """Split a path into the variables it goes through, from cause to effect.

    Parameters
    ----------
    path : str
        ``"Y ~ X"`` or ``"X -> M -> Y"`` (also with →).

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> chain("PCI ~ SDI"), chain("SDI -> PCI -> CID")
    (('SDI', 'PCI'), ('SDI', 'PCI', 'CID'))
    """
    if "~" in path:
        effect, _, cause = path.partition("~")
        return cause.strip(), effect.strip()
    return tuple(part.strip() for part in re.split(r"->|→", path))


def effect_rows(parameters: pd.DataFrame) -> pd.DataFrame:
    """Take the defined effects out of a model's parameters, with the chain each of them multiplies.

    Parameters
    ----------
    parameters : pandas.DataFrame
        ``fit.parameters``.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``path`` (``SDI → PCI → CID``; the formula where it is no product of paths), then ``est`` to ``std_all``.
    """
    labelled = parameters[(parameters["op"] == "~") & (parameters["label"] != "")]
    paths = {str(r.label): (str(r.rhs), str(r.lhs)) for r in labelled.itertuples()}
    defined = parameters[parameters["op"] == ":="]
    rows = defined.loc[:, list(_COLUMNS)].reset_index(drop=True)
    rows.insert(0, "name", defined["lhs"].to_numpy())
    rows.insert(1, "path", [defined_path(str(formula), paths) for formula in defined["rhs"]])
    return rows


def defined_path(formula: str, paths: Mapping[str, tuple[str, str]]) -> str:
    """Write the chain of paths that a product of labels stands for.

    Parameters
    ----------
    formula : str
        Right-hand side of ``:=``.
    paths : mapping
        ``{label: (cause, effect)}``.

    Returns
    -------
    str
        The formula itself where it is not one chain.

    Examples
    --------
    >>> defined_path("a1*b", {"b": ("PCI", "CID"), "a1": ("SDI", "PCI")})
    'SDI → PCI → CID'
    >>> defined_path("a1*b+c", {})
    'a1*b+c'
    """
    if not _PRODUCT.match(formula) or any(label not in paths for label in formula.split("*")):
        return formula
    links = dict(paths[label] for label in formula.split("*"))
    starts = links.keys() - set(links.values())
    if len(starts) != 1 or len(links) != len(formula.split("*")):
        return formula
    steps = [starts.pop()]
    while steps[-1] in links:
        steps.append(links[steps[-1]])
    return ARROW.join(steps) if len(steps) == len(links) + 1 else formula
