"""Finds, among the results of a study, the estimates that speak to a hypothesis, with every check on them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

from cbecmodel.display.numbers import number
from cbecmodel.study.chains import ARROW, chain
from cbecmodel.study.evidence import ALPHA, LIMITS, NAN, Estimate, Problem, equals

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cbecmodel.study.artefacts import Artefacts
    from cbecmodel.study.steps import Given


@dataclass(frozen=True, slots=True)
class Estimates:
    """All results of a study.

    Attributes
    ----------
    models, policies : mapping of str to Artefacts
        By name in the study file.
    """

    models: Mapping[str, Artefacts]
    policies: Mapping[str, Artefacts]

    @classmethod
    def collect(cls, given: Given) -> Estimates:
        """Take the results out of what a step is given.

        Parameters
        ----------
        given : Given

        Returns
        -------
        Estimates
        """
        return cls(given.steps("fit"), given.steps("policy"))

    def of(self, hypothesis: Mapping[str, Any]) -> list[Estimate | None]:
        """Return the estimates that speak to a hypothesis of the theory.

        Parameters
        ----------
        hypothesis : mapping

        Returns
        -------
        list of Estimate or None
            None for a path that no model of the study has.
        """
        fitted = [
            name for name, made in self.models.items() if made.value("model.json")["model"] == hypothesis["model"]
        ]
        tested = hypothesis["kind"] in {"direct", "mediation", "serial_mediation"} and hypothesis["model"]
        paths = [self.path(name, path) for name in fitted for path in hypothesis["paths"]] if tested else []
        linked = [
            made for made in self.policies.values() if made.value("policy.json")["hypothesis"] == hypothesis["id"]
        ]
        return [*paths, *(policy_estimate(made) for made in linked)]

    def path(self, model: str, path: str) -> Estimate | None:
        """Return one path or chain of paths of a model.

        Parameters
        ----------
        model : str
        path : str
            ``"PCI ~ SDI"`` or ``"SDI -> PCI -> CID"``.

        Returns
        -------
        Estimate or None
            None if the model has no such path.
        """
        made, steps = self.models[model], chain(path)
        if len(steps) == 2:
            rows = made.frame("parameters.csv")
            row = _only(rows[(rows["op"] == "~") & (rows["lhs"] == steps[1]) & (rows["rhs"] == steps[0])])
        else:
            rows = made.frame("effects.csv")
            row = _only(rows[rows["path"] == ARROW.join(steps)])
        return None if row is None else _model_estimate(model, made, steps, row)


def _only(rows: pd.DataFrame) -> dict[str, Any] | None:
    return None if rows.empty else {str(name): value for name, value in rows.iloc[0].items()}


def _model_estimate(name: str, made: Artefacts, steps: tuple[str, ...], row: Mapping[str, Any]) -> Estimate:
    second = [_second(made, cause, effect) for cause, effect in pairwise(steps)]
    return Estimate(
        f"{name}: {ARROW.join(steps)}",
        row["est"],
        row["std_all"],
        row["ci_lower"],
        row["ci_upper"],
        row["pvalue"],
        second_engine=prod(NAN if link is None else link["other"] for link in second),
        synthetic=bool(made.value("model.json")["synthetic"]),
        problems=tuple(_model_problems(made, agree=all(link is None or link["agrees"] for link in second))),
    )


def _second(made: Artefacts, cause: str, effect: str) -> dict[str, Any] | None:
    """Return a path as the second engine has it."""
    rows = made.frame("cross_check.csv")
    return _only(rows[(rows["op"] == "~") & (rows["lhs"] == effect) & (rows["rhs"] == cause)])


def _model_problems(made: Artefacts, *, agree: bool) -> list[Problem]:
    known = made.value("model.json")
    problems = [] if known["converged"] else [Problem("problem_not_converged")]
    if known["improper"]:
        problems.append(Problem("problem_improper", {"where": ", ".join(known["improper"])}))
    if not agree:
        problems.append(Problem("problem_engines"))
    fit = made.frame("fit_measures.csv").set_index("name")["value"]
    poor = [
        f"{name.upper()} {number(fit[name], 3)}"
        for name, limit in LIMITS.items()
        if name in fit and (fit[name] < limit if name == "cfi" else fit[name] > limit)
    ]
    return [*problems, Problem("problem_fit", {"measures": ", ".join(poor)})] if poor else problems


def policy_estimate(made: Artefacts) -> Estimate:
    """Return one policy effect with its checks.

    Parameters
    ----------
    made : Artefacts

    Returns
    -------
    Estimate
    """
    known, (effect,) = made.value("policy.json"), made.frame("effect.csv").to_dict("records")
    checked = made.frame("cross_check.csv")
    second = checked[checked["quantity"] == "att"]["other"]
    leads = made.frame("pre_trend.csv")
    problems = [] if checked["agrees"].all() else [Problem("problem_engines")]
    if leads.empty or leads["pvalue"].isna().all():
        problems.append(Problem("problem_no_leads"))
    elif leads["pvalue"].iloc[0] < ALPHA:
        problems.append(Problem("problem_pre_trend", {"p": equals(leads["pvalue"].iloc[0], "en")}))
    return Estimate(
        f"{known['id']}: {known['outcome']}",
        effect["att"],
        NAN,
        effect["ci_lower"],
        effect["ci_upper"],
        effect["pvalue"],
        second_engine=float(second.iloc[0]) if len(second) else NAN,
        synthetic=bool(known["synthetic"]),
        problems=tuple(problems),
    )
