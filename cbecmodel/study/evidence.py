"""The evidence ledger: for every hypothesis of the theory, what was estimated, what was checked, and the verdict.

Rules, stated once:

1. *Tested* means: a model or a policy of this study estimates the hypothesis' path, chain of paths or effect.
2. Test: two-sided, α = .05; a chain of paths by the delta-method test of its product. Expected sign and p < α:
   **supported**; opposite sign and p < α: **contradicted**; otherwise **not supported**. A hypothesis of several parts
   is no better than its weakest part.
3. A verdict is never better than its weakest check. An improper or non-converged solution, poor fit (CFI < .90,
   RMSEA > .08 or SRMR > .10), a failed or impossible test of parallel trends, two engines that differ: **not testable** with
   these data, and the estimate is still shown.
4. Designs that cannot identify the hypothesis at all are **not testable**; everything else is **not tested** in this study.
5. From simulated data a verdict is about the simulated population, never about the world, and says so.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import pandas as pd

from cbecmodel.display.numbers import number, p_value
from cbecmodel.messages import LANGUAGES, text
from cbecmodel.study.artefacts import Artefacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cbecmodel.study.steps import Given

Verdict = Literal["supported", "not_supported", "contradicted", "not_testable", "not_tested"]
ALPHA: Final = 0.05
LIMITS: Final = {"cfi": 0.90, "rmsea": 0.08, "srmr": 0.10}
NAN: Final = math.nan
_WORSE: Final[tuple[Verdict, ...]] = ("supported", "not_supported", "contradicted", "not_testable")


@dataclass(frozen=True, slots=True)
class Problem:
    """A check that failed.

    Attributes
    ----------
    key : str
        Name of its sentence in ``locale/study.yaml``.
    values : dict
        What the sentence's placeholders stand for.
    """

    key: str
    values: dict[str, str] = field(default_factory=dict)

    def said(self, lang: str) -> str:
        """Return the sentence."""
        return text(f"study.{self.key}", lang, **self.values)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a study estimated for one hypothesis.

    Attributes
    ----------
    test : str
        What was estimated, and in which model: ``M1: PCI ~ SDI``.
    value, standardized, ci_lower, ci_upper, pvalue : float
    second_engine : float
        The same value by independent code; NaN where there is none.
    synthetic : bool
    problems : tuple of Problem
        Checks that failed.
    """

    test: str
    value: float
    standardized: float
    ci_lower: float
    ci_upper: float
    pvalue: float
    second_engine: float = NAN
    synthetic: bool = False
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence on one hypothesis.

    Attributes
    ----------
    hypothesis : str
    statement : dict
    claims : tuple of str
    expected : {1, -1, 0}
    estimate : Estimate or None
        None if nothing was estimated.
    verdict : {"supported", "not_supported", "contradicted", "not_testable", "not_tested"}
    reason : dict
        Why, in every language.
    """

    hypothesis: str
    statement: dict[str, str]
    claims: tuple[str, ...]
    expected: int
    estimate: Estimate | None
    verdict: Verdict
    reason: dict[str, str]

    def row(self) -> dict[str, Any]:
        """Return the evidence as one row of the ledger.

        Returns
        -------
        dict
        """
        nothing = Estimate("", NAN, NAN, NAN, NAN, NAN)
        found = asdict(self.estimate or nothing)
        return {
            "hypothesis": self.hypothesis,
            **self.statement,
            "claims": ", ".join(self.claims),
            "test": found["test"],
            "expected": self.expected,
            "estimate": found["value"],
            **{name: found[name] for name in ("standardized", "ci_lower", "ci_upper", "pvalue", "second_engine")},
            "verdict": self.verdict,
            "reason_en": self.reason["en"],
            "reason_zh": self.reason["zh"],
            "synthetic": found["synthetic"],
        }


def judge(estimate: Estimate, sign: int) -> Verdict:
    """Apply rules 2 and 3.

    Parameters
    ----------
    estimate : Estimate
    sign : {1, -1, 0}
        Expected sign; with 0 any difference from zero is what was expected.

    Returns
    -------
    str

    Examples
    --------
    >>> judge(Estimate("", 0.3, 0.3, 0.2, 0.4, 1e-8), sign=1), judge(Estimate("", 0.3, 0.3, 0.2, 0.4, 1e-8), sign=-1)
    ('supported', 'contradicted')
    >>> judge(Estimate("", 0.3, 0.3, 0.2, 0.4, 1e-8, problems=(Problem("problem_improper"),)), sign=1)
    'not_testable'
    """
    if estimate.problems or math.isnan(estimate.pvalue):
        return "not_testable"
    if estimate.pvalue >= ALPHA:
        return "not_supported"
    return "contradicted" if sign and math.copysign(1, estimate.value) != sign else "supported"


def reason(estimate: Estimate, sign: int, verdict: Verdict) -> dict[str, str]:
    """Say in every language why a tested hypothesis got its verdict.

    Parameters
    ----------
    estimate : Estimate
    sign : int
    verdict : str

    Returns
    -------
    dict
    """
    said = {}
    for lang in LANGUAGES:
        if estimate.problems:
            sentences = [problem.said(lang) for problem in estimate.problems]
        elif math.isnan(estimate.pvalue):
            sentences = [text("study.problem_no_error", lang)]
        else:
            expected = text(f"study.sign_{sign}", lang)
            numbers = {"p": equals(estimate.pvalue, lang), "estimate": number(estimate.value, 3, lang)}
            sentences = [text(f"study.because_{verdict}", lang, expected=expected, **numbers)]
        if estimate.synthetic:
            sentences.append(text("study.because_synthetic", lang))
        said[lang] = _gap(lang).join(sentences)
    return said


def _gap(lang: str) -> str:
    """Return what stands between two sentences."""
    return "" if lang == "zh" else " "


def equals(pvalue: float, lang: str) -> str:
    """Write a p-value with its sign of equality.

    Parameters
    ----------
    pvalue : float
    lang : str

    Returns
    -------
    str

    Examples
    --------
    >>> equals(0.017, "en"), equals(1e-9, "en")
    ('= .017', '< .001')
    """
    written = p_value(pvalue, lang)
    return written if written[0] in "<>" else f"= {written}"


def weigh(given: Given) -> Artefacts:
    """Write the ledger.

    Parameters
    ----------
    given : Given
        Hypotheses of the theory and of the study file; results of all models and policies.

    Returns
    -------
    Artefacts
        ``hypotheses.csv``.
    """
    from cbecmodel.study.estimates import Estimates

    theory = given.before.get("theory")
    estimates = Estimates.collect(given)
    hypotheses = [] if theory is None else theory.value("hypotheses.json")
    ledger = [weigh_one(hypothesis, estimates.of(hypothesis)) for hypothesis in hypotheses]
    for model, claims in given.settings["stated"].items():
        ledger += [weigh_one(_stated(n, claim), [estimates.path(model, claim["path"])]) for n, claim in claims.items()]
    made = Artefacts()
    columns = list(Evidence("", {"en": "", "zh": ""}, (), 0, None, "not_tested", {"en": "", "zh": ""}).row())
    made.table("hypotheses.csv", pd.DataFrame([evidence.row() for evidence in ledger], columns=columns))
    return made


def weigh_one(hypothesis: Mapping[str, Any], found: Sequence[Estimate | None]) -> Evidence:
    """Judge one hypothesis.

    Parameters
    ----------
    hypothesis : mapping
        As in ``hypotheses.json``.
    found : sequence of Estimate or None
        One a part of the hypothesis; None for a part nothing was estimated for.

    Returns
    -------
    Evidence
        With the estimate of the weakest part (largest p).
    """
    statement = {lang: hypothesis["text"].get(lang, hypothesis["id"]) for lang in LANGUAGES}
    about = (hypothesis["id"], statement, tuple(hypothesis["claims"]), int(hypothesis["sign"]))
    estimates = [estimate for estimate in found if estimate is not None]
    if not estimates:
        nothing: Verdict = "not_tested" if hypothesis["testable"] else "not_testable"
        return Evidence(*about, None, nothing, _why_not(hypothesis))
    sign = about[3]
    verdicts = [judge(estimate, sign) for estimate in estimates]
    worst = max(verdicts, key=_WORSE.index)
    shown = max(
        (e for e, verdict in zip(estimates, verdicts, strict=True) if verdict == worst),
        key=lambda e: (e.pvalue, e.test),
    )
    if len(estimates) < len(found):
        worst = "not_testable"
        missing = Problem("problem_parts", {"n": str(len(found) - len(estimates)), "of": str(len(found))})
        shown = replace(shown, problems=(*shown.problems, missing))
    why = reason(shown, sign, worst)
    if len(found) > 1:
        parts = {lang: text("study.because_parts", lang, n=len(found)) for lang in LANGUAGES}
        why = {lang: parts[lang] + _gap(lang) + why[lang] for lang in LANGUAGES}
    others = len(hypothesis.get("outcomes") or {}) - len(found)
    if others > 0:
        why = {lang: why[lang] + _gap(lang) + text("study.because_outcomes", lang, n=others) for lang in LANGUAGES}
    return Evidence(*about, shown, worst, why)


def _why_not(hypothesis: Mapping[str, Any]) -> dict[str, str]:
    """Say why nothing was estimated: the design cannot, or this study did not."""
    if not hypothesis["testable"]:
        return {lang: (hypothesis.get("reason") or {}).get(lang, "") for lang in LANGUAGES}
    model = hypothesis.get("model")
    said = {}
    for lang in LANGUAGES:
        needed = ((hypothesis.get("design") or {}).get("data") or {}).get(lang, "")
        key = "study.because_no_model" if model else "study.because_no_data"
        said[lang] = text(key, lang, model=model or "", data=needed).strip()
    return said


def _stated(name: str, claim: Mapping[str, Any]) -> dict[str, Any]:
    """Give a hypothesis of the study file the shape of the theory's."""
    shown = claim["text"] or dict.fromkeys(LANGUAGES, claim["path"])
    return {"id": name, "text": shown, "claims": [], "sign": claim["sign"], "testable": True}
