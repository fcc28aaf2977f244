"""The chapter on how well the constructs were measured: fit, loadings, reliability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from cbecmodel.display.numbers import count, interval, number, p_value
from cbecmodel.display.tables import Column, Table
from cbecmodel.report.document import Block, Chapter, Prose, TableBlock, Words
from cbecmodel.report.phrases import equals, synthetic_note, unbroken

if TYPE_CHECKING:
    from cbecmodel.report.results import ModelResults

_CONVENTIONS: Final = {
    "cfi": (0.95, True),
    "tli": (0.95, True),
    "rmsea": (0.06, False),
    "srmr": (0.08, False),
}  # Hu & Bentler (1999)
_RELIABILITY: Final = ("alpha", "omega", "omega_hierarchical", "composite_reliability", "ave")


def measurement_chapter(models: tuple[ModelResults, ...], words: Words) -> Chapter:
    """Return the chapter on the measurement side of all models.

    Parameters
    ----------
    models : tuple of ModelResults
    words : Words

    Returns
    -------
    Chapter
    """
    blocks: list[Block] = []
    for model in models:
        blocks += [Prose(model_title(model, words), "h3")] if len(models) > 1 else []
        blocks += _one(model, words)
    return Chapter("measurement", words("measurement"), tuple(blocks), any(model.synthetic for model in models))


def model_title(model: ModelResults, words: Words) -> str:
    """Return what a model is called, its id included.

    Parameters
    ----------
    model : ModelResults
    words : Words

    Returns
    -------
    str
    """
    title = words.of(model.title)
    return title if title == model.id or title.startswith(model.id) else words("model_title", id=model.id, title=title)


def _one(model: ModelResults, words: Words) -> list[Block]:
    fit = f"tab-fit-{model.id}"
    blocks: list[Block] = [
        Prose(
            words.join([_estimation(model, words), fit_sentence(model, words), words("fit_intro", table=f"[[{fit}]]")])
        )
    ]
    blocks += [Prose(words.of(warning), "notice") for warning in model.warnings]
    blocks.append(TableBlock(fit, _fit_table(model, words)))
    loadings = model.parameters[model.parameters["op"] == "=~"]
    if len(model.reliability):
        tab = f"tab-reliability-{model.id}"
        blocks += [
            Prose(words("reliability_intro", table=f"[[{tab}]]")),
            TableBlock(tab, _reliability_table(model, words)),
        ]
    if len(loadings):
        tab = f"tab-loadings-{model.id}"
        blocks += [Prose(words("loadings_intro", table=f"[[{tab}]]")), TableBlock(tab, _loadings_table(model, words))]
    return blocks


def _estimation(model: ModelResults, words: Words) -> str:
    missing = words(f"missing_{model.missing}") if model.missing in {"listwise", "fiml"} else model.missing
    said = words(
        "estimation",
        model=model_title(model, words),
        estimator=model.estimator,
        engine=model.engine if model.engine != "native" else "cbecmodel",
        n=count(model.n_obs),
        missing=missing,
    )
    dropped = words("estimation_dropped", n=count(model.n_dropped)) if model.n_dropped else ""
    return words.join([said, dropped])


def _measure(model: ModelResults, name: str) -> float:
    return float(model.fit_measures.get(name, float("nan")))


def fit_sentence(model: ModelResults, words: Words) -> str:
    """Say how well a model fits, and how many of the conventional cut-offs it meets.

    Parameters
    ----------
    model : ModelResults
    words : Words

    Returns
    -------
    str
    """
    met = [name for name in _CONVENTIONS if _meets(model, name)]
    shown = {name: number(_measure(model, name)) for name in ("cfi", "tli", "rmsea", "srmr")}
    return words(
        "fit_sentence",
        chisq=number(_measure(model, "chisq"), 2),
        df=count(_measure(model, "df")),
        p=equals(p_value(_measure(model, "pvalue"))),
        ci=interval(_measure(model, "rmsea_ci_lower"), _measure(model, "rmsea_ci_upper")),
        met=len(met),
        of=len(_CONVENTIONS),
        **shown,
    )


def _meets(model: ModelResults, name: str) -> bool:
    bound, above = _CONVENTIONS[name]
    value = _measure(model, name)
    return value >= bound if above else value <= bound


def _fit_table(model: ModelResults, words: Words) -> Table:
    """Return the fit measures beside the conventions they are read by."""

    def row(measure: str, value: str, convention: str = "") -> dict[str, str]:
        return {"measure": measure, "value": unbroken(value), "convention": convention, "read": ""}

    chisq = f"{number(_measure(model, 'chisq'), 2)} ({count(_measure(model, 'df'))})"
    rows = [
        row(words("fit_chisq"), f"{chisq}, p {equals(p_value(_measure(model, 'pvalue')))}", words("fit_chisq_read")),
        row("CFI", number(_measure(model, "cfi")), "≥ .95"),
        row("TLI", number(_measure(model, "tli")), "≥ .95"),
        row(
            words("fit_rmsea"),
            f"{number(_measure(model, 'rmsea'))} "
            f"{interval(_measure(model, 'rmsea_ci_lower'), _measure(model, 'rmsea_ci_upper'))}",
            "≤ .06",
        ),
        row("SRMR", number(_measure(model, "srmr")), "≤ .08"),
        row("AIC", number(_measure(model, "aic"), 1), words("fit_aic_read")),
        row("BIC", number(_measure(model, "bic"), 1), words("fit_aic_read")),
        row(words("fit_npar"), count(_measure(model, "npar"))),
    ]
    for place, name in {1: "cfi", 2: "tli", 3: "rmsea", 4: "srmr"}.items():
        rows[place]["read"] = words("met" if _meets(model, name) else "not_met")
    columns = {
        "measure": Column(words("col_measure"), "text"),
        "value": Column(words("col_value"), "text"),
        "convention": Column(words("col_convention"), "text"),
        "read": Column(words("col_met"), "text"),
    }
    notes = (words("fit_note"), *synthetic_note(model.synthetic, words))
    title = words("fit_caption", model=model.id)
    return Table(pd.DataFrame(rows), columns, title, notes, lang=words.lang)


def label(model: ModelResults, name: str, words: Words) -> str:
    """Return what a variable is called, its code in brackets; the code alone where it has no other name.

    Parameters
    ----------
    model : ModelResults
    name : str
    words : Words

    Returns
    -------
    str
    """
    said = words.of(model.labels.get(name, {}))
    return words("label_code", label=said, code=name) if said and said != name else name


def _reliability_table(model: ModelResults, words: Words) -> Table:
    """Return the reliability and convergent validity of each construct."""
    frame = model.reliability.assign(construct=[label(model, str(name), words) for name in model.reliability.index])
    columns = {"construct": Column(words("col_construct"), "text")}
    if "n_items" in frame:
        columns["n_items"] = Column(words("col_n_items"), "count")
    columns |= {
        name: Column(words(f"col_{name}"))
        for name in _RELIABILITY
        if name in frame and bool(pd.to_numeric(frame[name], errors="coerce").notna().any())
    }
    notes = (words("reliability_note"), *synthetic_note(model.synthetic, words))
    return Table(frame, columns, words("reliability_caption", model=model.id), notes, lang=words.lang)


def _loadings_table(model: ModelResults, words: Words) -> Table:
    """Return every loading under its construct."""
    frame = model.parameters[model.parameters["op"] == "=~"].copy()
    latents = set(frame["lhs"])
    frame["construct"] = [label(model, name, words) for name in frame["lhs"]]
    frame["indicator"] = [label(model, name, words) if name in latents else name for name in frame["rhs"]]
    fixed = frame["se"].fillna(0) == 0
    frame[["se", "pvalue"]] = frame[["se", "pvalue"]].mask(fixed)
    columns: dict[str, Any] = {
        "indicator": Column(words("col_indicator"), "text"),
        "est": Column(words("col_est")),
        "se": Column(words("col_se")),
        "pvalue": Column(words("col_p"), "p"),
        "std_all": Column(words("col_std")),
    }
    notes = (words("loadings_note"), *synthetic_note(model.synthetic, words))
    return Table(frame, columns, words("loadings_caption", model=model.id), notes, "construct", words.lang)
