"""How a fitted model shows itself: text, HTML, Word, LaTeX, path diagram."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from cbecmodel.display.numbers import interval, number, p_value
from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.errors import MissingDependency, ModelError
from cbecmodel.files import write_atomic
from cbecmodel.messages import language, text

if TYPE_CHECKING:
    from cbecmodel.display.canvas import Picture
    from cbecmodel.structure.results import SEMResults

_PARTS: Final = ("=~", "<~", "~", "~~", "variance", "~1", "|", "~*~", ":=")


def _say(key: str, n: int = 0) -> str:
    return text(f"structure.show_{key}", n=n)


def facts(fit: SEMResults) -> list[tuple[str, str]]:
    """Return the facts that stand above the tables.

    Parameters
    ----------
    fit : SEMResults

    Returns
    -------
    list of (str, str)
    """
    found = fit.fit_measures
    dropped = _say("dropped", n=fit.n_dropped) if fit.n_dropped else ""
    pairs = [
        (_say("estimator"), f"{fit.options.estimator} ({fit.options.engine})"),
        (_say("cases"), f"{fit.n_obs}{dropped}"),
        *_clusters(fit),
        (_say("free"), f"{int(found['npar'])}"),
    ]
    if fit.integrated:
        return [*pairs, *_integrated(fit)]
    if fit.df == 0:
        return [*pairs, (_say("test"), _say("just_identified"))]
    pairs.append(("χ²", _statistic(found, "")))
    if "chisq_scaled" in found.index:
        pairs.append((_say("scaled_test"), _statistic(found, "_scaled")))
    ending, said = _corrected(found)
    limits = interval(found[f"rmsea_ci_lower{ending}"], found[f"rmsea_ci_upper{ending}"])
    rmsea = f"{number(found[f'rmsea{ending}'])} {limits}"
    pairs.append((f"RMSEA{said} [90%]", rmsea))
    pairs += [(f"{label}{said}", number(found[label.lower() + ending])) for label in ("CFI", "TLI")]
    pairs.append(("SRMR", number(found["srmr"])))
    if "aic" not in found.index:
        return pairs  # least squares has no likelihood
    return [*pairs, ("AIC", number(found["aic"], 1)), ("BIC", number(found["bic"], 1))]


def _statistic(found: pd.Series[float], ending: str) -> str:
    df = found.get(f"df{ending}", found["df"])
    shown = f"{df:.0f}" if float(df).is_integer() else number(df, 2)
    return f"{number(found[f'chisq{ending}'], 2)}, df = {shown}, p {_after(p_value(found[f'pvalue{ending}']))}"


def _corrected(found: pd.Series[float]) -> tuple[str, str]:
    """Return which version of the indices to show: robust if it exists, else scaled, else the plain one."""
    for ending in ("_robust", "_scaled"):
        names = [f"{name}{ending}" for name in ("cfi", "tli", "rmsea", "rmsea_ci_lower", "rmsea_ci_upper")]
        if all(name in found.index and math.isfinite(found[name]) for name in names):
            return ending, f" ({_say('indices' + ending)})"
    return "", ""


def _clusters(fit: SEMResults) -> list[tuple[str, str]]:
    number = getattr(fit, "n_clusters", None)
    return [] if number is None else [(_say("clusters"), str(number))]


def _integrated(fit: Any) -> list[tuple[str, str]]:
    """Return what is known of a fit with latent products by maximum likelihood."""
    found, test = fit.fit_measures, fit.against_linear
    pairs = [(_say("lms"), text("structure.show_lms_how", n=fit.n_nodes))]
    if test is not None and test["df"] > 0:
        statistic, pvalue = number(test["statistic"], 2), _after(p_value(test["pvalue"]))
        said = text("structure.show_lms_statistic", statistic=statistic, df=int(test["df"]), pvalue=pvalue)
        pairs.append((_say("lms_test"), said))
    logs = [("log L", number(found["logl"], 2))]
    return [*pairs, *logs, ("AIC", number(found["aic"], 1)), ("BIC", number(found["bic"], 1))]


def _after(written: str) -> str:
    return written if written.startswith("<") else f"= {written}"


def parameter_tables(fit: SEMResults) -> list[Table]:
    """Return the table of parameters, sorted into kinds.

    Parameters
    ----------
    fit : SEMResults

    Returns
    -------
    list of Table
    """
    frame = fit.parameters.copy()
    part = frame["op"].where(~((frame["op"] == "~~") & (frame["lhs"] == frame["rhs"])), "variance")
    frame["part"] = [_say(f"part_{_PARTS.index(kind)}") for kind in part]
    if "level" in frame:
        frame = frame.rename(columns={"level": "group"})
    if fit.table.n_groups > 1:
        labels = ["", *(str(label) for label in fit.group_labels)]
        frame["part"] = [f"{labels[g]}: {p}" if g else p for g, p in zip(frame["group"], frame["part"], strict=True)]
    frame["order"] = [_PARTS.index(kind) for kind in part]
    frame["late"] = frame["group"].replace(0, fit.table.n_groups + 1)
    frame = frame.sort_values(["late", "order"], kind="stable")
    frame["term"] = [_term(row) for row in frame.itertuples()]
    columns = {
        "term": Column(_say("parameter"), "text"),
        "est": Column(_say("estimate")),
        "se": Column(_say("se")),
        "z": Column("z", digits=2),
        "pvalue": Column("p", "p"),
        "ci_lower": Column(_say("lower")),
        "ci_upper": Column(_say("upper")),
        "std_all": Column(_say("std")),
    }
    notes = tuple(str(warning) for warning in fit.warnings)
    return [Table(frame, columns, row_groups="part", notes=notes)]


def _term(row: object) -> str:
    lhs, op, rhs = (str(getattr(row, name)) for name in ("lhs", "op", "rhs"))
    if op == ":=" or (op == "~~" and lhs == rhs) or op == "~1":
        return lhs
    return f"{lhs} {op} {rhs}"


def effect_table(frame: pd.DataFrame) -> Table:
    """Return a table of effects, ready to be shown.

    Parameters
    ----------
    frame : pandas.DataFrame
        From :meth:`SEMResults.effects`.

    Returns
    -------
    Table
    """
    shown = frame.assign(
        name=[_say(f"effect_{e}") if e != "path" else p for e, p in zip(frame["effect"], frame["path"], strict=True)]
    )
    columns = {
        "name": Column(_say("effect"), "text"), "est": Column(_say("estimate")), "se": Column(_say("se")),
        "z": Column("z", digits=2), "pvalue": Column("p", "p"), "ci_lower": Column(_say("lower")),
        "ci_upper": Column(_say("upper")), "std_all": Column(_say("std")),
    }  # fmt: skip
    return Table(shown, columns)


def text_summary(fit: SEMResults) -> str:
    """Return the results as text.

    Parameters
    ----------
    fit : SEMResults

    Returns
    -------
    str
    """
    return summary_text(_say("title"), facts(fit), parameter_tables(fit), fit.synthetic)


def html_summary(fit: SEMResults) -> str:
    """Return the results as HTML.

    Parameters
    ----------
    fit : SEMResults

    Returns
    -------
    str
    """
    return summary_html(_say("title"), facts(fit), parameter_tables(fit), fit.synthetic)


def write_docx(fit: SEMResults, path: str | Path) -> Path:
    """Write the results as a Word document.

    Parameters
    ----------
    fit : SEMResults
    path : str or pathlib.Path

    Returns
    -------
    pathlib.Path

    Raises
    ------
    MissingDependency
    """
    import tempfile

    try:
        import pypandoc
    except ImportError as error:
        raise MissingDependency(
            "core.missing_dependency", package="pypandoc", extra="report", purpose=_say("purpose_docx")
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "results.docx"
        pypandoc.convert_text(html_summary(fit), "docx", format="html", outputfile=str(target))
        return write_atomic(path, target.read_bytes())


def draw(fit: SEMResults, *, indicators: bool = False, lang: str | None = None) -> Picture:
    """Draw the path diagram.

    Parameters
    ----------
    fit : SEMResults
    indicators : bool
    lang : {"en", "zh"}, optional

    Returns
    -------
    Picture

    Raises
    ------
    ModelError
        If the model has neither paths nor latent variables.
    """
    from cbecmodel.display.paths import path_diagram

    frame = fit.parameters
    frame = frame[frame["group"] == 1].assign(est=frame["std_all"])
    latents = list(fit.latents)
    paths = frame[frame["op"] == "~"][["lhs", "rhs", "est", "pvalue", "label"]]
    loadings = frame[frame["op"] == "=~"]
    higher = loadings[loadings["rhs"].isin(latents)].rename(columns={"lhs": "rhs", "rhs": "lhs"})
    paths = pd.concat([paths, higher[["lhs", "rhs", "est", "pvalue", "label"]]], ignore_index=True)
    moments = frame[(frame["op"] == "~~") & (frame["lhs"] != frame["rhs"])]
    named = {*latents, *paths["lhs"], *paths["rhs"]}
    if not named:
        raise ModelError("structure.nothing_to_draw")
    arcs = moments[moments["lhs"].isin(named) & moments["rhs"].isin(named)]
    items = loadings[~loadings["rhs"].isin(latents)][["lhs", "rhs", "est", "pvalue", "label"]]
    return path_diagram(
        paths,
        latents=latents,
        labels={name: name for name in sorted(named)},
        indicators=items if indicators or paths.empty else None,  # a measurement model is its loadings
        covariances=arcs[["lhs", "rhs", "est", "pvalue", "label"]],
        r_squared={str(name): float(value) for name, value in fit.r_squared.items()}
        if fit.table.n_groups == 1
        else None,
        alone=latents,
        lang=lang or language(),
    )
