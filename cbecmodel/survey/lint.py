"""What ``cbecmodel check`` does: read content files and report every rule they break.

Loading refuses what would make a file unusable and stops at the first fault; this goes on, and adds what a careful
author wants to know before anything is sent out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cbecmodel.errors import CbecError
from cbecmodel.survey.instrument import Instrument, load_instrument, validate_instrument
from cbecmodel.survey.item_wording import RULES, broken_rules, wording_lists
from cbecmodel.theory.findings import Finding, finding
from cbecmodel.theory.model import load_theory, validate_theory
from cbecmodel.theory.theory_rules import model_findings, substance_findings
from cbecmodel.theory.yaml_source import YamlSource, read_yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from cbecmodel.theory.model import Theory
    from cbecmodel.theory.yaml_source import Location

FEWEST_ITEMS = 3


def check_content(paths: str | Path | Iterable[str | Path]) -> list[Finding]:
    """Check theories and instruments.

    Parameters
    ----------
    paths : path or iterable of paths
        YAML files; of a folder, every theory and instrument in it (other YAML files are passed over).

    Returns
    -------
    list of Finding
        By file, then by line; empty if nothing is wrong.

    Raises
    ------
    FileError
        If there is no such file.

    Examples
    --------
    >>> from cbecmodel.content import content_folder
    >>> check_content(content_folder("surveys"))
    []
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found: list[Finding] = []
    for path in map(Path, given):
        files = sorted(path.glob("*.y*ml")) if path.is_dir() else [path]
        for file in files:
            found += _check_file(file, within_folder=path.is_dir())
    return sorted(found, key=lambda f: (f.file, f.line, f.severity, f.rule))


def _check_file(path: Path, *, within_folder: bool) -> list[Finding]:
    try:
        source = read_yaml(path)
    except CbecError as error:
        if "line" not in error.values:
            raise
        rule = str(error.values.get("rule", "unreadable"))
        where, line = str(error.values.get("where", "")), int(error.values["line"])
        return [Finding(str(path), line, "error", rule, where, error.key, error.values, whole=True)]
    kind = content_kind(source.data)
    if kind == "theory":
        return _check_theory(source)
    if kind == "instrument":
        return _check_instrument(source)
    return [] if within_folder else [finding(source, (), "instrument.not_content")]


def content_kind(data: object) -> str:
    """Tell a theory from an instrument.

    Parameters
    ----------
    data : object
        Content of a YAML file.

    Returns
    -------
    {"theory", "instrument", ""}

    Examples
    --------
    >>> content_kind({"claims": {}}), content_kind({"constructs": {}, "scales": {}}), content_kind({"panels": {}})
    ('theory', 'instrument', '')
    """
    if not isinstance(data, dict):
        return ""
    if "claims" in data or "hypotheses" in data:
        return "theory"
    return "instrument" if "constructs" in data else ""


def _check_theory(source: YamlSource) -> list[Finding]:
    theory, found = validate_theory(source)
    if theory is None:
        return found
    found += substance_findings(source, theory)
    instruments: dict[str, Instrument | None] = {}
    for name, model in theory.models.items():
        wanted = model.instrument
        if wanted not in instruments:
            instruments[wanted], problems = _beside(source, wanted, ("models", name, "instrument"))
            found += problems
        instrument = instruments[wanted]
        if instrument is not None:
            variables = {*instrument.items, *instrument.questions}
            at = ("models", name, "syntax")
            known = set(theory.constructs)
            found += [f for f in model_findings(source, at, model.syntax, known, variables) if f not in found]
    for name, instrument in instruments.items():
        if instrument is not None:
            found += _not_measured(source, theory, name, instrument)
    return found


def _beside(source: YamlSource, name: str, at: Location) -> tuple[Instrument | None, list[Finding]]:
    """Load an instrument: from the theory's own folder first."""
    neighbour = source.path.with_name(f"{name}.yaml")
    try:
        return load_instrument(neighbour if neighbour.is_file() else name), []
    except CbecError as error:
        return None, [finding(source, at, "theory.model_unknown_instrument", name=name, reason=error)]


def _not_measured(source: YamlSource, theory: Theory, name: str, instrument: Instrument) -> Iterator[Finding]:
    for construct in theory.constructs.values():
        if name in construct.instruments and construct.order == "first" and construct.id not in instrument.constructs:
            at = ("constructs", construct.id, "instruments")
            yield finding(source, at, "instrument.construct_not_measured", name=construct.id, instrument=name)


def _check_instrument(source: YamlSource) -> list[Finding]:
    instrument, found = validate_instrument(source)
    if instrument is None:
        return found
    found += [*_wording(source, instrument), *_contents(source, instrument)]
    if instrument.theory is not None:
        found += _against_theory(source, instrument, instrument.theory)
    return found


def _wording(source: YamlSource, instrument: Instrument) -> Iterator[Finding]:
    lists = wording_lists(instrument.wording)
    first: dict[tuple[str, str], str] = {}
    for item in instrument.items.values():
        at: Location = ("constructs", item.construct, "items", item.id)
        for name in item.exempt:
            if name not in RULES:
                yield finding(
                    source, (*at, "exempt", name), "instrument.unknown_exemption", name=name, known=", ".join(RULES)
                )
        for lang in instrument.languages:
            text = item.text[lang]
            if text == item.id:  # no wording in the file: the answers came without it
                continue
            cue = (item.wording_cue or {}).get(lang, "")
            if cue.casefold() not in text.casefold():
                yield finding(
                    source, (*at, "wording_cue"), "instrument.cue_not_in_text", cue=cue, language=lang, text=text
                )
            other = first.setdefault((lang, text.casefold()), item.id)
            if other != item.id:
                yield finding(source, (*at, "text", lang), "instrument.same_wording", language=lang, other=other)
            if lang in lists:
                yield from _broken(source, (*at, "text", lang), instrument, item.id, lang)


def _broken(source: YamlSource, at: Location, instrument: Instrument, name: str, lang: str) -> Iterator[Finding]:
    words = wording_lists(instrument.wording)[lang]
    for rule, details in broken_rules(instrument.items[name], lang, instrument.limits, words):
        key = f"instrument.{rule}" if rule != "too_long" else f"instrument.too_long_{details['unit']}"
        yield finding(source, at, key, "warning", rule, **details)


def _contents(source: YamlSource, instrument: Instrument) -> Iterator[Finding]:
    for construct in instrument.constructs.values():
        if 0 < len(construct.items) < FEWEST_ITEMS:
            yield finding(
                source, ("constructs", construct.id), "instrument.few_items", "warning", n=len(construct.items)
            )
    used = {item.scale for item in instrument.items.values()}
    used |= {question.scale for question in instrument.questions.values() if question.scale}
    used |= {check.scale for check in instrument.checks.values() if check.scale}
    for name in instrument.scales:
        if name not in used:
            yield finding(source, ("scales", name), "instrument.unused_scale", "warning")


def _against_theory(source: YamlSource, instrument: Instrument, name: str) -> Iterator[Finding]:
    neighbour = source.path.with_name(f"{name}.yaml")
    try:
        theory = load_theory(neighbour if neighbour.is_file() else name)
    except CbecError as error:
        yield finding(source, ("theory",), "instrument.theory_missing", name=name, reason=error)
        return
    for construct in instrument.constructs.values():
        at: Location = ("constructs", construct.id)
        if construct.id not in theory.constructs:
            yield finding(source, at, "instrument.construct_not_in_theory", theory=name)
            continue
        there = theory.constructs[construct.id]
        if instrument.id not in there.instruments:
            yield finding(source, at, "instrument.construct_not_for_instrument", instrument=instrument.id)
        for lang, label in construct.name.items():
            if there.name.get(lang, label) != label:
                details = {"here": label, "there": there.name[lang], "language": lang}
                yield finding(source, (*at, "name"), "instrument.name_differs", "warning", **details)
    yield from _references(source, instrument, theory)


def _references(source: YamlSource, instrument: Instrument, theory: Theory) -> Iterator[Finding]:
    for part in ("screening", "covariates"):
        for question in getattr(instrument, part).values():
            at: Location = (part, question.id)
            yield from _unknown(source, (*at, "claims"), "claim", question.claims, theory.claims)
            yield from _unknown(source, (*at, "sources"), "source", question.sources, theory.sources)
    for rule in instrument.screening_rules.rules.values() if instrument.screening_rules else ():
        at = ("screening_rules", "rules", rule.id, "sources")
        yield from _unknown(source, at, "source", rule.sources, theory.sources)


def _unknown(
    source: YamlSource, at: Location, kind: str, names: Iterable[str], known: Collection[str]
) -> Iterator[Finding]:
    for number, name in enumerate(names):
        if name not in known:
            yield finding(source, (*at, number), f"instrument.unknown_{kind}", name=name)
