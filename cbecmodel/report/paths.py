"""The chapter on the structural model: diagram, paths, indirect effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from cbecmodel.display.numbers import interval, number
from cbecmodel.display.paths import path_diagram
from cbecmodel.display.tables import Column, Table
from cbecmodel.report.document import Block, Chapter, FigureBlock, Prose, TableBlock, Words
from cbecmodel.report.measurement import model_title
from cbecmodel.report.phrases import ALPHA, NBSP, synthetic_note, unbroken

if TYPE_CHECKING:
    from cbecmodel.display.canvas import Picture
    from cbecmodel.report.results import ModelResults, StudyResults

_FEW: Final = 3  # constructs whose correlations a diagram can show beside the paths
_SHORT: Final = 24  # letters of a path that is not broken


def paths_chapter(results: StudyResults, words: Words) -> Chapter:
    """Return the chapter on the structural side of all models.

    Parameters
    ----------
    results : StudyResults
    words : Words

    Returns
    -------
    Chapter
    """
    blocks: list[Block] = []
    for model in results.models:
        if not len(structural(model)):
            continue
        blocks += [Prose(model_title(model, words), "h3")] if len(results.models) > 1 else []
        blocks += _one(model, results.hypotheses, words)
    return Chapter("paths", words("paths"), tuple(blocks), any(model.synthetic for model in results.models))


def structural(model: ModelResults) -> pd.DataFrame:
    """Return the regressions of a model.

    Parameters
    ----------
    model : ModelResults

    Returns
    -------
    pandas.DataFrame
    """
    return model.parameters[model.parameters["op"] == "~"]


def paths_sentence(model: ModelResults, words: Words) -> str:
    """Say how many paths differ from zero, and which is the strongest.

    Parameters
    ----------
    model : ModelResults
    words : Words

    Returns
    -------
    str
    """
    frame = structural(model)
    strongest = frame.iloc[int(frame["std_all"].abs().to_numpy().argmax())]
    return words(
        "paths_sentence",
        model=model.id,
        n=len(frame),
        clear=int((frame["pvalue"] < ALPHA).sum()),
        path=_arrow(strongest["rhs"], strongest["lhs"]),
        std=number(strongest["std_all"], 2),
        est=number(strongest["est"], 2),
        ci=interval(strongest["ci_lower"], strongest["ci_upper"], 2),
    )


def _arrow(cause: str, effect: str) -> str:
    return f"{cause}{NBSP}→ {effect}"


def _whole(path: str) -> str:
    """Keep a path of short names on one line."""
    return unbroken(path) if len(path) <= _SHORT else path.replace(" → ", f"{NBSP}→ ")


def _one(model: ModelResults, ledger: pd.DataFrame, words: Words) -> list[Block]:
    fig, tab = f"fig-paths-{model.id}", f"tab-paths-{model.id}"
    blocks: list[Block] = [
        Prose(
            words.join([paths_sentence(model, words), words("paths_intro", figure=f"[[{fig}]]", table=f"[[{tab}]]")])
        ),
        FigureBlock(fig, _diagram(model, words), _caption(model, words), _alt(model, words)),
        TableBlock(tab, _paths_table(model, words)),
    ]
    if len(model.effects):
        tab = f"tab-effects-{model.id}"
        blocks += [
            Prose(words("effects_intro", table=f"[[{tab}]]")),
            TableBlock(tab, _effects_table(model, ledger, words)),
        ]
    return blocks


def _diagram(model: ModelResults, words: Words) -> Picture:
    """Draw the structural model with the facets of its second-order constructs."""
    frame, facets = structural(model), _facet_loadings(model)
    variables = dict.fromkeys([*frame["rhs"], *frame["lhs"]])
    paths = pd.DataFrame(
        {
            "lhs": frame["lhs"],
            "rhs": frame["rhs"],
            "est": frame["std_all"],
            "pvalue": frame["pvalue"],
            "label": [
                model.hypotheses.get((lhs, rhs), "") for lhs, rhs in zip(frame["lhs"], frame["rhs"], strict=True)
            ],
        }
    )
    names = {name: said for name in (*variables, *facets["rhs"]) if (said := words.of(model.labels.get(name, {})))}
    return path_diagram(
        paths,
        latents=set(model.parameters.loc[model.parameters["op"] == "=~", "lhs"]),
        labels=names,
        indicators=facets[["lhs", "rhs"]] if len(facets) else None,
        covariances=_correlations(model),
        r_squared=_r_squared(model),
        lang=words.lang,
    )


def _facet_loadings(model: ModelResults) -> pd.DataFrame:
    """Return the loadings of second-order constructs on their first-order facets."""
    frame, loadings = structural(model), model.parameters[model.parameters["op"] == "=~"]
    of_paths = loadings["lhs"].isin({*frame["rhs"], *frame["lhs"]})
    return loadings[of_paths & loadings["rhs"].isin(set(loadings["lhs"]))]


def _correlations(model: ModelResults) -> pd.DataFrame:
    """Return the correlations of the constructs nothing explains, for the diagram."""
    frame, table = structural(model), model.parameters
    causes = set(frame["rhs"]) - set(frame["lhs"])
    own = (table["op"] == "~~") & (table["lhs"] != table["rhs"]) & table["lhs"].isin(causes) & table["rhs"].isin(causes)
    chosen = table[own] if len(causes) <= _FEW else table.iloc[:0]
    return pd.DataFrame({"lhs": chosen["lhs"], "rhs": chosen["rhs"], "est": chosen["std_all"]})


def _r_squared(model: ModelResults) -> dict[str, float]:
    """Return the explained variance of each outcome, from its standardized residual variance."""
    outcomes = set(structural(model)["lhs"])
    table = model.parameters
    own = table[(table["op"] == "~~") & (table["lhs"] == table["rhs"]) & table["lhs"].isin(outcomes)]
    return {str(name): 1 - float(rest) for name, rest in zip(own["lhs"], own["std_all"], strict=True)}


def _caption(model: ModelResults, words: Words) -> str:
    return words.join([
        words("paths_figure_caption", model=model.id),
        words("paths_figure_correlations") if len(_correlations(model)) else "",
        words("paths_figure_facets") if len(_facet_loadings(model)) else "",
    ])  # fmt: skip


def _alt(model: ModelResults, words: Words) -> str:
    shown = [f"{row['rhs']} → {row['lhs']} {number(row['std_all'], 2)}" for row in structural(model).to_dict("records")]
    return words("paths_alt", model=model.id, paths=words("list_separator").join(shown))


def _codes(model: ModelResults, names: list[str], words: Words) -> tuple[str, ...]:
    """Return what the codes in a table stand for."""
    pairs = [(name, words.of(model.labels.get(name, {}))) for name in dict.fromkeys(names)]
    said = [words("code_label", code=name, label=label) for name, label in pairs if label and label != name]
    return (words("codes", codes=words("code_separator").join(said)),) if said else ()


def _paths_table(model: ModelResults, words: Words) -> Table:
    """Return all structural paths."""
    frame = structural(model).copy()
    frame["path"] = [_whole(_arrow(rhs, lhs)) for rhs, lhs in zip(frame["rhs"], frame["lhs"], strict=True)]
    frame["hypothesis"] = [
        model.hypotheses.get((lhs, rhs), "") for lhs, rhs in zip(frame["lhs"], frame["rhs"], strict=True)
    ]
    notes = (words("paths_note"), *_codes(model, [*frame["rhs"], *frame["lhs"]], words))
    notes += synthetic_note(model.synthetic, words)
    return Table(_with_interval(frame), _columns(words), words("paths_caption", model=model.id), notes, lang=words.lang)


def _effects_table(model: ModelResults, ledger: pd.DataFrame, words: Words) -> Table:
    """Return the indirect and other defined effects."""
    frame = model.effects.copy()
    tests = {_chain(str(row["test"]).partition(": ")[2]): str(row["hypothesis"]) for row in ledger.to_dict("records")}
    frame["hypothesis"] = [tests.get(_chain(str(path)), "") for path in frame["path"]]
    frame["path"] = [_whole(str(path)) for path in frame["path"]]
    notes = (words("effects_note"), *synthetic_note(model.synthetic, words))
    return Table(
        _with_interval(frame), _columns(words), words("effects_caption", model=model.id), notes, lang=words.lang
    )


def _chain(path: str) -> str:
    return path.replace("->", "→").replace(" ", "")


def _with_interval(frame: pd.DataFrame) -> pd.DataFrame:
    shown = [unbroken(interval(*ends)) for ends in zip(frame["ci_lower"], frame["ci_upper"], strict=True)]
    return frame.assign(interval=shown)


def _columns(words: Words) -> dict[str, Column]:
    return {
        "hypothesis": Column(words("col_hypothesis_short"), "text"),
        "path": Column(words("col_path"), "text"),
        "est": Column(words("col_est")),
        "se": Column(words("col_se")),
        "z": Column("z", digits=2),
        "pvalue": Column(words("col_p"), "p"),
        "interval": Column(words("col_ci"), "text"),
        "std_all": Column(words("col_std")),
    }
