"""From a study file to its steps: what runs, in which order, and what each step depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cbecmodel.study.steps import WARNINGS, Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cbecmodel.study.config import ModelConfig, PanelConfig, PolicyConfig, SurveyConfig
    from cbecmodel.study.study import Study

TABLES: Final = ("numpy", "pandas")
SEM: Final = (*TABLES, "scipy", "semopy", "pingouin")
POLICY: Final = (*TABLES, "scipy", "linearmodels", "statsmodels")
REPORT: Final = ("jinja2", "matplotlib", "pandas", "fonttools", "typst", "pypandoc-binary")
_HERE: Final = "cbecmodel.study"


def plan(study: Study) -> tuple[Step, ...]:
    """List the steps of a study, each after those it needs.

    Parameters
    ----------
    study : Study

    Returns
    -------
    tuple of Step
    """
    steps = [*_theory(study)]
    for name, survey in study.config.surveys.items():
        steps += _survey(study, name, survey)
    steps += [_fit(study, name, model) for name, model in study.config.models.items()]
    steps += [_panel(study, name, panel) for name, panel in study.config.panels.items()]
    steps += [_policy(name, policy) for name, policy in study.config.policies.items()]
    steps.append(_evidence(study, steps))
    steps.append(_provenance(study, steps))
    reports = [_report(study, lang, steps) for lang in study.config.languages]
    return (*steps, *reports, _seal(study, steps[-1], reports))


def _theory(study: Study) -> Iterator[Step]:
    if study.config.theory is not None:
        path = study.content(study.config.theory)
        models = {m.model: study.place("models", n, "model") for n, m in study.config.models.items() if m.model}
        policies = study.config.policies.items()
        claims = {p.hypothesis: study.place("policies", n, "hypothesis") for n, p in policies if p.hypothesis}
        settings = {"models": models, "hypotheses": claims}
        yield Step("theory", f"{_HERE}.theories:read_theory", settings, {study.shown(path): path})


def _survey(study: Study, name: str, survey: SurveyConfig) -> Iterator[Step]:
    path = study.content(survey.instrument)
    instrument = {study.shown(path): path}
    settings: dict[str, Any] = {"id": name, "title": survey.title, "screening": survey.screening}
    files, needs = dict(instrument), dict[str, tuple[str, ...]]()
    if survey.population is not None:
        drawn = {
            "population": {key: value for key, value in survey.population.items() if key != "n"},
            "n": survey.n or survey.population["n"],
            "seed": study.seed("survey", name) if survey.seed is None else survey.seed,
            "place": f"{study.shown(study.path)}, surveys.{name}.population",
        }
        yield Step(f"draw:{name}", f"{_HERE}.draws:draw_answers", drawn, instrument, libraries=(*TABLES, "scipy"))
        needs = {f"draw:{name}": ("answers.csv",)}
    else:
        files |= {study.shown(study.root / file): study.root / file for file in survey.files}
        settings |= {"format": survey.format, "encoding": survey.encoding, "sheet": survey.sheet}
    yield Step(f"survey:{name}", f"{_HERE}.surveys:read_survey", settings, files, needs, (*TABLES, "scipy", "openpyxl"))


def _fit(study: Study, name: str, model: ModelConfig) -> Step:
    needs: dict[str, tuple[str, ...]] = {f"survey:{model.survey}": ("kept.csv", "sample.json", "labels.json")}
    if study.config.theory is not None:
        needs["theory"] = (f"model-{model.model}.json", "labels.json")
    settings = {"id": name, **model.model_dump(mode="json")}
    return Step(f"fit:{name}", f"{_HERE}.models:fit_model", settings, needs=needs, libraries=SEM)


def _panel(study: Study, name: str, panel: PanelConfig) -> Step:
    files: dict[str, Path] = {}
    if panel.file is not None:
        files = {study.shown(study.root / panel.file): study.root / panel.file}
    seed = study.seed("panel", name) if panel.seed is None else panel.seed
    settings = {"id": name, **panel.model_dump(mode="json", exclude={"file", "title"}), "seed": seed}
    return Step(f"panel:{name}", f"{_HERE}.panels:read_panel", settings, files, libraries=(*TABLES, "scipy"))


def _policy(name: str, policy: PolicyConfig) -> Step:
    needs = {f"panel:{policy.panel}": ("panel.csv", "panel.json")}
    settings = {"id": name, **policy.model_dump(mode="json")}
    return Step(f"policy:{name}", f"{_HERE}.policies:estimate_policy", settings, needs=needs, libraries=POLICY)


def _evidence(study: Study, steps: list[Step]) -> Step:
    wanted: dict[str, tuple[str, ...]] = {
        "theory": ("hypotheses.json",),
        "fit": ("model.json", "parameters.csv", "effects.csv", "cross_check.csv", "fit_measures.csv"),
        "policy": ("policy.json", "effect.csv", "pre_trend.csv", "cross_check.csv"),
    }
    needs = {step.name: wanted[kind] for step in steps if (kind := step.name.partition(":")[0]) in wanted}
    stated = {
        name: {hypothesis: claim.model_dump(mode="json") for hypothesis, claim in model.hypotheses.items()}
        for name, model in study.config.models.items()
    }
    return Step("evidence", f"{_HERE}.evidence:weigh", {"stated": stated}, needs=needs, libraries=TABLES)


def _provenance(study: Study, steps: list[Step]) -> Step:
    from cbecmodel.study.provenance import commit

    files = {study.shown(study.path): study.path}
    for step in steps:
        files |= step.files
    libraries = sorted({name for step in steps for name in step.libraries} | set(REPORT) | {"cbecmodel"})
    settings = {
        "study": study.config.id,
        "seed": study.config.seed,
        "seeds": {step.name: step.settings["seed"] for step in steps if "seed" in step.settings},
        "commit": commit(study.root),
        "libraries": libraries,
        "theory": study.config.theory,
    }
    needs: dict[str, tuple[str, ...]] = {step.name: () for step in steps}
    return Step("provenance", f"{_HERE}.provenance:describe", settings, files, needs, tuple(libraries))


def _report(study: Study, lang: str, steps: list[Step]) -> Step:
    shown: dict[str, tuple[str, ...]] = {
        "survey": ("sample.json", "flow.csv", "flags.csv", "items.csv", "demographics.csv", WARNINGS),
        "fit": (),
        "policy": (),
        "evidence": (),
        "provenance": (),
    }
    needs = {step.name: shown[kind] for step in steps if (kind := step.name.partition(":")[0]) in shown}
    config = study.config
    settings = {
        "lang": lang,
        "id": config.id,
        "title": config.title,
        "abstract": config.abstract,
        "languages": config.languages,
        "formats": config.report.formats,
    }
    published = {f"report.{kind}": f"{lang}/report.{kind}" for kind in ("html", "pdf", "docx")}
    return Step(f"report:{lang}", f"{_HERE}.documents:write_report", settings, {}, needs, REPORT, published)


def _seal(study: Study, provenance: Step, reports: list[Step]) -> Step:
    needs: dict[str, tuple[str, ...]] = {"provenance": (), **{step.name: () for step in reports}}
    settings = {"formats": study.config.report.formats}
    published = {"provenance.json": "provenance.json"}
    return Step("seal", f"{_HERE}.provenance:seal", settings, {}, needs, provenance.libraries, published)
