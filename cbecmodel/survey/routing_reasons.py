"""Why a cell is empty: a question that routing passed over was not shown, which is not the same as not answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from cbecmodel.survey.change_log import Event
from cbecmodel.survey.codebook import fields
from cbecmodel.survey.recode import BLANK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from cbecmodel.survey.condition import Condition
    from cbecmodel.survey.instrument import Instrument

NOT_SHOWN: Final = "-77"


def note_not_shown(frame: Mapping[str, Any], missing: dict[str, Any], instrument: Instrument, n: int) -> list[Event]:
    """Give blank cells of questions that were not shown the reason −77.

    Parameters
    ----------
    frame : Mapping
        Recoded columns by name.
    missing : dict
        Categorical reasons by the same names; changed in place.
    instrument : Instrument
        Nothing is done unless −77 is among its missing codes.
    n : int
        Respondents.

    Returns
    -------
    list of Event
        One a question of which cells got a reason.
    """
    if int(NOT_SHOWN) not in instrument.missing_codes:
        return []
    events: list[Event] = []
    routing = _Routing(frame, missing, instrument, n)
    for name, rule in instrument.routing.items():
        columns = [column for column in missing if column == name or _is_option(column, name, instrument)]
        hidden = routing.hidden(name)
        changed = 0
        for column in columns:
            blank = np.asarray(missing[column] == BLANK) & hidden
            if blank.any():
                missing[column] = _with_reason(missing[column], blank)
                changed = max(changed, int(blank.sum()))
        if changed:
            events.append(Event("missing", "log_not_shown", name, changed, {"rule": str(rule), "code": NOT_SHOWN}))
    return events


def _is_option(column: str, name: str, instrument: Instrument) -> bool:
    question = instrument.questions.get(name)
    return question is not None and any(column == f"{name}_{code}" for code in question.options)


@dataclass(frozen=True, slots=True)
class _Routing:
    """From whom each question was hidden for sure."""

    frame: Mapping[str, Any]
    missing: Mapping[str, Any]
    instrument: Instrument
    n: int
    done: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def hidden(self, name: str) -> NDArray[np.bool_]:
        """Say whose answers fail its condition, or who was not shown the question that its condition is about."""
        if name in self.done:
            return self.done[name]
        rule = self.instrument.routing.get(name)
        hidden = self.done[name] = np.zeros(self.n, dtype=bool)  # a circle of conditions hides nobody
        if rule is not None and rule.variable in self.frame:
            reasons = self.missing[rule.variable]
            hidden = _fails(rule, self.frame[rule.variable], self.instrument) | np.asarray(reasons == NOT_SHOWN)
            hidden |= self.hidden(rule.variable) & np.asarray(reasons == BLANK)
        self.done[name] = hidden
        return hidden


def _fails(rule: Condition, answers: Any, instrument: Instrument) -> NDArray[np.bool_]:
    """Say whose answer is known and does not fulfil the condition, as it was ticked: before reversing."""
    which, distinct = pd.factorize(np.asarray(answers), use_na_sentinel=True)
    one = fields(instrument)[rule.variable]
    if one.reverse and one.turn is not None:
        distinct = one.turn - distinct
    return np.array([*(not rule.holds(answer) for answer in distinct), False])[which]


def _with_reason(reasons: pd.Categorical[Any], where: NDArray[np.bool_]) -> pd.Categorical[Any]:
    given = reasons.copy()
    given[where] = NOT_SHOWN
    return given
