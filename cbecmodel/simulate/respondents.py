"""Who answers: language, consent, screening and covariates of simulated respondents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from cbecmodel.errors import ContentError
from cbecmodel.simulate.population import Amount
from cbecmodel.simulate.random_streams import stream
from cbecmodel.survey.codebook import CONSENT, fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from cbecmodel.simulate.population import Population
    from cbecmodel.survey.codebook import Field
    from cbecmodel.survey.instrument import Instrument

Seed = int | np.random.SeedSequence
_SUM_TOLERANCE = 1e-6
_WIDEST = 10_000  # values of a whole-number question that are told apart


def draw_persons(instrument: Instrument, population: Population, n: int, seed: Seed) -> pd.DataFrame:
    """Draw everything about respondents but their answers to items and checks.

    Questions that the population does not state are drawn with equal shares where they have options or limits (screening
    questions then by those who pass), and are left out where they have neither.

    Parameters
    ----------
    instrument : Instrument
    population : Population
    n : int
    seed : int or SeedSequence

    Returns
    -------
    pandas.DataFrame
        ``form_language``, ``takes_part`` (bool: agrees and passes the screening), ``consent`` and a column a question.

    Raises
    ------
    ContentError
        If a stated value is not an option, or nobody could be screened out though some should be.
    """
    frame = pd.DataFrame(index=pd.RangeIndex(n))
    languages = population.languages or {instrument.languages[0]: 1.0}
    frame["form_language"] = _pick(languages, n, seed, "language")
    agrees = stream(seed, "consent").random(n) < population.consent
    eligible = stream(seed, "eligible").random(n) < population.eligible
    if instrument.consent is not None:
        agree = instrument.consent.agree
        refuse = next((code for code in instrument.consent.options if code != agree), agree)
        frame[CONSENT] = np.where(agrees, agree, refuse)
    known = fields(instrument)
    shares = {name: found for name in instrument.questions if (found := _shares(known.get(name), name, population))}
    for name in instrument.questions:
        if name in shares and name not in instrument.screening:
            _add_covariate(frame, known[name], shares[name], seed)
    _add_screening(frame, instrument, shares, eligible, seed)
    frame["takes_part"] = agrees & (eligible | (not instrument.screening))
    return frame


def _pick(shares: Mapping[Any, float], n: int, seed: Seed, name: str) -> NDArray[Any]:
    """Draw values by inverting their cumulative shares, so that every respondent uses one number of the stream."""
    values = np.array(list(shares))
    borders = np.cumsum(list(shares.values()))[:-1]
    return values[
        np.searchsorted(borders / max(sum(shares.values()), 1e-300), stream(seed, name).random(n), side="right")
    ]


def _shares(field: Field | None, name: str, population: Population) -> dict[Any, float]:
    """Return value → share of one question, empty if nothing is known about it."""
    if field is None:
        return {}
    stated = population.covariates.get(name)
    if isinstance(stated, Amount):
        values = np.arange(stated.min, min(stated.max, stated.min + _WIDEST) + 1)
        weights = np.diff(stats.norm.cdf((np.append(values, values[-1] + 1) - 0.5 - stated.mean) / stated.sd))
        if not weights.sum() > 0:
            raise ContentError("simulate.empty_amount", covariate=name, low=stated.min, high=stated.max)
        return dict(zip((int(value) for value in values), (weights / weights.sum()).tolist(), strict=True))
    if stated is not None:
        unknown = [value for value in stated if field.codes and value not in field.codes]
        if unknown:
            listed = ", ".join(map(str, field.codes))
            raise ContentError("simulate.unknown_option", covariate=name, option=unknown[0], codes=listed)
        total = sum(stated.values())
        if field.kind != "multiple" and abs(total - 1) > _SUM_TOLERANCE:
            raise ContentError("simulate.covariate_sum", covariate=name, total=f"{total:.6g}")
        return dict(stated)
    codes = [code for code in field.codes if code >= 0]
    return dict.fromkeys(codes, 1 / len(codes)) if codes else {}


def _add_covariate(frame: pd.DataFrame, field: Field, shares: Mapping[Any, float], seed: Seed) -> None:
    name = f"covariate.{field.id}"
    if field.kind != "multiple":
        frame[field.id] = _pick(shares, len(frame), seed, name)
        return
    ticked = stream(seed, name).random((len(frame), len(shares))) < np.array(list(shares.values()))
    codes = [str(code) for code in shares]
    frame[field.id] = [";".join(code for code, tick in zip(codes, row, strict=True) if tick) for row in ticked]


def _add_screening(
    frame: pd.DataFrame,
    instrument: Instrument,
    shares: Mapping[str, Mapping[Any, float]],
    eligible: NDArray[np.bool_],
    seed: Seed,
) -> None:
    """Draw screening answers that let the eligible pass; the others fail one question and pass the rest."""
    failing = {}
    for name, question in instrument.screening.items():
        if name not in shares:
            continue
        passing = {value: share for value, share in shares[name].items() if not question.screens_out(value)}
        fails = {value: share for value, share in shares[name].items() if question.screens_out(value) and share > 0}
        if not sum(passing.values()) > 0:
            raise ContentError("simulate.nobody_passes", question=name, rule=question.screen_out)
        if fails:
            failing[name] = fails
        frame[name] = _pick(passing, len(frame), seed, f"screening.{name}")
    if eligible.all() or not instrument.screening:
        return
    if not failing:
        raise ContentError("simulate.nobody_fails", questions=", ".join(instrument.screening))
    missed = _pick(dict.fromkeys(failing, 1 / len(failing)), len(frame), seed, "screening")
    for name, fails in failing.items():
        out = ~eligible & (missed == name)
        frame[name] = np.where(out, _pick(fails, len(frame), seed, f"screened_out.{name}"), frame[name])
