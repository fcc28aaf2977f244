"""From the file's shape to the instrument's: items out of their constructs, pages where none are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from cbecmodel.theory.yaml_source import Location


def spread_items(data: Any) -> tuple[Any, Callable[[Location], Location]]:
    """Take items out of their constructs, so that each is known by its id.

    Parameters
    ----------
    data : Any
        Content of an instrument file: ``constructs: {PRS: {items: {PRS1: {…}}}}``, or ``items: [PRS1, PRS2]`` where only
        ids are given. Whatever has another shape is left for validation to refuse.

    Returns
    -------
    data : Any
        With a flat ``items`` and, in each construct, the ids of its items. An id used in two constructs is kept in both
        lists, so that it can be reported.
    home : callable
        From a place in the new shape to its place in the file.
    """
    if not isinstance(data, dict) or not isinstance(data.get("constructs"), dict):
        return data, lambda at: at
    default = _default_scale(data)
    items: dict[str, Any] = {}
    constructs: dict[str, Any] = {}
    for name, construct in data["constructs"].items():
        constructs[name] = construct
        if not isinstance(construct, dict):
            continue
        given = construct.get("items")
        if isinstance(given, list):
            given = {str(entry): {} for entry in given}
        if not isinstance(given, dict):
            continue
        constructs[name] = {k: v for k, v in construct.items() if k != "scale"} | {"items": list(given)}
        scale = construct.get("scale", default)
        items |= {key: _item(entry, str(name), scale) for key, entry in given.items() if key not in items}
    spread = {k: v for k, v in data.items() if k != "scale"} | {"constructs": constructs, "items": items}

    def home(at: Location) -> Location:
        if len(at) < 2 or at[0] != "items":
            return at
        entry = items.get(str(at[1]))
        construct = entry.get("construct") if isinstance(entry, dict) else _construct_of(constructs, str(at[1]))
        return ("constructs", construct or "", "items", *at[1:])

    return spread, home


def _construct_of(constructs: dict[str, Any], item: str) -> str | None:
    return next((name for name, c in constructs.items() if isinstance(c, dict) and item in c.get("items", ())), None)


def _default_scale(data: dict[str, Any]) -> Any:
    """Return the scale the file names for all items, else its only one; of several none is chosen for the author."""
    if "scale" in data:
        return data["scale"]
    scales = data.get("scales")
    return next(iter(scales)) if isinstance(scales, dict) and len(scales) == 1 else ""


def _item(entry: Any, construct: str, scale: Any) -> Any:
    if entry is None:
        entry = {}
    if not isinstance(entry, dict):
        return entry
    return {"scale": scale, **entry, "construct": construct}


def default_placement(data: dict[str, Any]) -> dict[str, Any]:
    """Lay out an instrument that does not say how: consent, screening, a page a construct, checks and covariates.

    Parameters
    ----------
    data : dict
        Content of the instrument, not validated yet.

    Returns
    -------
    dict
        A ``placement``.

    Examples
    --------
    >>> default_placement({"constructs": {"URG": {}}, "covariates": {"AGE": {}}})["pages"][0]
    {'id': 'URG', 'content': ['URG'], 'randomize': True}
    """
    opening = [name for name in ("consent", "recall") if data.get(name)]
    pages: list[dict[str, Any]] = [{"id": name, "content": [name]} for name in opening[:1] if name == "consent"]
    if isinstance(data.get("screening"), dict):
        pages.append({"id": "screening", "content": list(data["screening"])})
    if "recall" in opening:
        pages.append({"id": "recall", "content": ["recall"]})
    if isinstance(data.get("constructs"), dict):
        pages += [{"id": str(name), "content": [name], "randomize": True} for name in data["constructs"]]
    for part in ("checks", "covariates"):
        if isinstance(data.get(part), dict):
            pages.append({"id": part, "content": list(data[part])})
    return {"pages": pages}
