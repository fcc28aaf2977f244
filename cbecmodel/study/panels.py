"""One panel, read from a file or simulated on the real rollout, checked, and kept as a plain table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cbecmodel.policy.read import read_panel as read_file
from cbecmodel.policy.rollout import pilot_zones
from cbecmodel.simulate.panel import simulate_panel
from cbecmodel.study.artefacts import Artefacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cbecmodel.policy.panel import Panel
    from cbecmodel.study.steps import Given


def read_panel(given: Given) -> Artefacts:
    """Read or simulate a panel.

    Parameters
    ----------
    given : Given

    Returns
    -------
    Artefacts
        ``panel.csv`` with a column ``cohort`` where there are cohorts, and ``panel.json`` (its columns, whether it is
        synthetic, the known effects by outcome).
    """
    settings = given.settings
    panel = _simulated(settings) if settings["simulate"] is not None else _from_file(given)
    outcomes = (panel.truth or {}).get("outcomes", {})
    made = Artefacts()
    made.table("panel.csv", panel.frame)
    made.json(
        "panel.json",
        {
            "id": settings["id"],
            "unit": str(panel.unit),
            "time": str(panel.time),
            "cohort": None if panel.cohort is None else str(panel.cohort),
            "synthetic": bool(panel.synthetic),
            "truth": {name: float(known["att"]) for name, known in outcomes.items()},
        },
    )
    return made


def _simulated(settings: Mapping[str, Any]) -> Panel:
    arguments = {name: value for name, value in settings["simulate"].items() if value is not None}
    if "years" in arguments:
        arguments["years"] = tuple(arguments["years"])
    rollout = None if settings["rollout"] is None else pilot_zones(**settings["rollout"])
    return simulate_panel(rollout=rollout, seed=settings["seed"], **arguments)


def _from_file(given: Given) -> Panel:
    settings = given.settings
    (path,) = given.files.values()
    panel = read_file(path, settings["unit"], settings["time"], settings["cohort"], encoding=settings["encoding"])
    return panel if settings["rollout"] is None else panel.with_rollout(pilot_zones(**settings["rollout"]))
