"""Each reason to leave a respondent out, computed from answers: a value, whether it fires, and for whom it could be computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from scipy.special import chdtri

from cbecmodel.survey import careless, repeated
from cbecmodel.survey.codebook import CONSENT
from cbecmodel.survey.condition import Condition
from cbecmodel.survey.screening_index import Index, measured, nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cbecmodel.survey.instrument import Instrument
    from cbecmodel.survey.responses import Responses
    from cbecmodel.survey.screening_rules import Rules

    Flags = NDArray[np.bool_]
    Vector = NDArray[np.float64]

NOT_SHOWN: Final = "-77"
CHECKS: Final = {
    "attention": ("instructed_response", "infrequency"),
    "consistency": ("consistency",),
    "diligence": ("self_report_diligence",),
}
FEWEST_PAIRS: Final = 5


def shown_items(responses: Responses) -> pd.DataFrame:
    """Say which items each respondent was shown: all but those that routing passed over.

    Parameters
    ----------
    responses : Responses

    Returns
    -------
    pandas.DataFrame of bool, shape (n, items)
    """
    return responses.missing[list(responses.items)] != NOT_SHOWN


def asked_order(instrument: Instrument) -> list[str]:
    """Return the items in the order they are asked; within a page in random order, the order of the file.

    Parameters
    ----------
    instrument : Instrument

    Returns
    -------
    list of str

    Examples
    --------
    >>> from cbecmodel.survey.instrument import load_instrument
    >>> len(asked_order(load_instrument("firm"))) == len(load_instrument("firm").items)
    True
    """
    placed: list[str] = []
    for page in instrument.placement.pages:
        for name in page.content:
            if name in instrument.constructs:
                placed += instrument.constructs[name].items
            elif name in instrument.items:
                placed.append(name)
    return list(dict.fromkeys([*placed, *instrument.items]))


def hard_reasons(responses: Responses, rules: Rules) -> Iterator[Index]:
    """Compute what excludes at once: no consent, not eligible, too much missing.

    Parameters
    ----------
    responses : Responses
    rules : Rules

    Yields
    ------
    Index
    """
    frame, instrument = responses.frame, responses.instrument
    n = len(frame)
    consent, eligibility = nothing("consent", n), _eligibility(responses)
    if instrument.consent is not None and CONSENT in frame:
        refused = frame[CONSENT].to_numpy(dtype=float) != instrument.consent.agree
        consent = Index("consent", f"≠ {instrument.consent.agree}", None, refused, np.ones(n, dtype=bool))
    yield from (consent, eligibility)
    shown = shown_items(responses).to_numpy()
    answered = frame[list(responses.items)].notna().to_numpy()
    counted = shown.sum(axis=1)
    lacking = np.divide((shown & ~answered).sum(axis=1), counted, out=np.ones(n), where=counted > 0)
    most = rules.missing_share
    if most is None:
        yield nothing("completeness", n)
    else:
        asked = ~(consent.fires | eligibility.fires)  # the others were not shown the rest of the questionnaire
        yield measured("completeness", f"> {most:g}", np.where(asked, lacking, np.nan), lacking > most)


def _eligibility(responses: Responses) -> Index:
    frame = responses.frame
    out, known, rules = np.zeros(len(frame), dtype=bool), np.zeros(len(frame), dtype=bool), []
    for question in responses.instrument.screening.values():
        if question.screen_out is not None and question.id in frame:
            condition = Condition.parse(question.screen_out, variable=question.id)
            rules.append(str(condition))
            known |= frame[question.id].notna().to_numpy()
            which, answers = pd.factorize(frame[question.id], use_na_sentinel=True)
            out |= np.array([*map(condition.holds, answers), False])[which]
    return Index("eligibility", "; ".join(rules), None, out, known)


def careless_indices(responses: Responses, rules: Rules) -> Iterator[Index]:
    """Compute the indices of careless answering; what depends on the sample is computed among these respondents.

    Parameters
    ----------
    responses : Responses
        Only those who agreed, are eligible and answered enough.
    rules : Rules

    Yields
    ------
    Index
    """
    asked = [name for name in asked_order(responses.instrument) if name in responses.items]
    given = responses.answered[asked].to_numpy(dtype=float)
    yield from _speed(responses, rules)
    yield _longstring(given, rules)
    yield _irv(given, rules)
    yield _mahalanobis(given, rules)
    yield _even_odd(responses, rules)
    yield from _like_and_opposite(given, rules)
    yield from repeated.repeated_answers(responses, given, rules)
    for name in CHECKS:
        yield _check(responses, name, getattr(rules, name))


def _speed(responses: Responses, rules: Rules) -> Iterator[Index]:
    """Compare the time taken with that of others, and with the number of items shown."""
    frame, n = responses.frame, len(responses.frame)
    share, fastest = rules.share_of_median_time, rules.seconds_per_item
    threshold = "" if share is None else f"< {share:.3g} × median"
    threshold_item = "" if fastest is None else f"< {fastest:g} s"
    if "duration_s" not in frame or not n:
        yield from (nothing("speed", n, threshold), nothing("item_speed", n, threshold_item))
        return
    duration = frame["duration_s"]
    seconds = duration.to_numpy(dtype=float)
    if share is None:
        yield nothing("speed", n)
    else:
        groups = [frame[name].fillna("").to_numpy() for name in ("form_language", "device") if name in frame]
        median = duration.groupby(groups or np.zeros(n)).transform("median").to_numpy(dtype=float)
        yield measured("speed", threshold, seconds, seconds < share * median)
    if fastest is None:
        yield nothing("item_speed", n)
    else:
        items = shown_items(responses).to_numpy().sum(axis=1).astype(float)
        an_item = np.divide(seconds, items, out=np.full(n, np.nan), where=items > 0)
        yield measured("item_speed", threshold_item, an_item, an_item < fastest)


def _too_few(given: NDArray[np.float64], rules: Rules) -> NDArray[np.bool_]:
    return np.asarray((~np.isnan(given)).sum(axis=1) < rules.minimum_items)


def _longstring(given: NDArray[np.float64], rules: Rules) -> Index:
    if rules.longstring_share is None:
        return nothing("longstring", len(given))
    run = careless.longstring(given)
    run[_too_few(given, rules)] = np.nan
    fires = run >= rules.longstring_share * (~np.isnan(given)).sum(axis=1)
    return measured("longstring", f"≥ {rules.longstring_share:g} × items", run, fires)


def _irv(given: NDArray[np.float64], rules: Rules) -> Index:
    if rules.irv is None:
        return nothing("irv", len(given))
    spread = careless.irv(given)
    spread[_too_few(given, rules)] = np.nan
    return measured("irv", f"< {rules.irv:g}", spread, spread < rules.irv)


def _mahalanobis(given: NDArray[np.float64], rules: Rules) -> Index:
    n, p = given.shape
    threshold = "" if rules.mahalanobis_p is None else f"p < {rules.mahalanobis_p:g}"
    if rules.mahalanobis_p is None or n <= p:  # with fewer respondents than items everybody is equally far away
        return nothing("mahalanobis", n, threshold)
    distance, df = careless.mahalanobis(given)
    return measured("mahalanobis", threshold, distance, distance > chdtri(df, rules.mahalanobis_p))


def _even_odd(responses: Responses, rules: Rules) -> Index:
    items = set(responses.items)
    scales = [[n for n in c.items if n in items] for c in responses.instrument.constructs.values()]
    scales = [scale for scale in scales if len(scale) > 1]
    if rules.even_odd is None or len(scales) < FEWEST_PAIRS:  # as for synonyms: too few pairs say nothing
        return nothing("even_odd", len(responses.frame))
    scored = responses.frame[[name for scale in scales for name in scale]].to_numpy(dtype=float)
    value = careless.even_odd(scored, [len(scale) for scale in scales])
    return measured("even_odd", f"> {-rules.even_odd:g}".replace("-", "−"), value, value > -rules.even_odd)


def _like_and_opposite(given: NDArray[np.float64], rules: Rules) -> Iterator[Index]:
    """Compare answers to items that mean the same, and to items that mean the opposite, by one table of correlations."""
    n = len(given)
    like = "" if rules.synonyms is None else f"< {rules.synonyms:g} (pairs r > {rules.synonym_pairs:g})"
    opposite = "" if rules.antonyms is None else f"> {rules.antonyms:g} (pairs r < −{rules.antonym_pairs:g})"
    if n < 3 or not (like or opposite):
        yield from (nothing("synonyms", n, like), nothing("antonyms", n, opposite))
        return
    table = careless.correlations(given)
    for name, threshold, critical, limit in (
        ("synonyms", like, rules.synonym_pairs, rules.synonyms),
        ("antonyms", opposite, rules.antonym_pairs, rules.antonyms),
    ):
        pairs = careless.strong_pairs(table, critical, antonyms=name == "antonyms")
        if limit is None or len(pairs) < FEWEST_PAIRS:  # a correlation over fewer pairs says nothing about a person
            yield nothing(name, n, threshold)
            continue
        value = careless.synonyms(given, pairs)
        yield measured(name, threshold, value, value < limit if name == "synonyms" else value > limit)


def _check(responses: Responses, name: str, fewest: int | None) -> Index:
    """Count the failed checks of one kind; one that was not answered is not failed."""
    frame = responses.frame
    failed, asked = np.zeros(len(frame)), np.zeros(len(frame))
    used = []
    for check in responses.instrument.checks.values():
        if check.kind not in CHECKS[name] or check.id not in frame:
            continue
        answer = frame[check.id]
        if check.compare_with is None:
            wrong = ~answer.isin(check.passing)
        elif check.compare_with in frame:
            answer = answer.where(frame[check.compare_with].notna())
            wrong = answer != frame[check.compare_with]
        else:
            continue
        used.append(check.id)
        asked += answer.notna().to_numpy()
        failed += (wrong & answer.notna()).to_numpy()
    if fewest is None or not used:
        return nothing(name, len(frame))
    failed[asked == 0] = np.nan
    return measured(name, f"≥ {fewest:g} ({', '.join(used)})", failed, failed >= fewest)
