"""Rules that tie the parts of a theory together.

:func:`reference_findings` holds what would make a theory unusable, so loading refuses it;
:func:`substance_findings` holds what a careful author wants to know, for ``cbecmodel check``.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from cbecmodel.theory.findings import finding
from cbecmodel.theory.syntax_names import formulas, latents, regressions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from cbecmodel.theory.findings import Finding
    from cbecmodel.theory.model import Hypothesis, Theory
    from cbecmodel.theory.yaml_source import Location, YamlSource

_MEDIATED = {"mediation", "serial_mediation", "feedback"}


def quote_digest(quote: str) -> str:
    """Return the SHA-256 of a quote.

    Parameters
    ----------
    quote : str

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> quote_digest("文化创新")[:8]
    '8a35644a'
    """
    return hashlib.sha256(quote.encode("utf-8")).hexdigest()


def reference_findings(source: YamlSource, theory: Theory) -> list[Finding]:
    """Find names that point nowhere, and hypotheses that lack what their kind needs.

    Parameters
    ----------
    source : YamlSource
    theory : Theory

    Returns
    -------
    list of Finding
    """
    found: list[Finding] = []
    for c in theory.claims.values():
        found += _unknown(source, ("claims", c.id, "constructs"), c.constructs, theory.constructs, "construct")
    for k in theory.constructs.values():
        at: Location = ("constructs", k.id)
        found += _unknown(source, (*at, "claims"), k.claims, theory.claims, "claim")
        found += _unknown(source, (*at, "sources"), k.sources, theory.sources, "source")
        found += _unknown(source, (*at, "of"), k.of, theory.constructs, "construct")
        if (k.order == "second") != bool(k.of):
            found.append(finding(source, at, "theory.order_and_of"))
    for h in theory.hypotheses.values():
        found += _hypothesis(source, theory, h)
    for m in theory.models.values():
        found += _unknown(source, ("models", m.id, "hypotheses"), m.hypotheses, theory.hypotheses, "hypothesis")
    return found


def _unknown(
    source: YamlSource, at: Location, names: Iterable[str], known: Collection[str], kind: str
) -> Iterator[Finding]:
    for number, name in enumerate(names):
        if name not in known:
            yield finding(source, (*at, number), f"theory.unknown_{kind}", name=name)


def _hypothesis(source: YamlSource, theory: Theory, h: Hypothesis) -> Iterator[Finding]:
    at: Location = ("hypotheses", h.id)
    yield from _unknown(source, (*at, "claims"), h.claims, theory.claims, "claim")
    if h.model is not None and h.model not in theory.models:
        yield finding(source, (*at, "model"), "theory.unknown_model", name=h.model)
    if h.moderator is not None and h.moderator not in theory.constructs:
        yield finding(source, (*at, "moderator"), "theory.unknown_construct", name=h.moderator)
    if not h.testable and h.reason is None:
        yield finding(source, at, "theory.untestable_without_reason")
    if h.kind == "panel" and (h.policy is None or not h.outcomes):
        yield finding(source, at, "theory.panel_without_policy")
    if h.kind == "moderation" and h.moderator is None:
        yield finding(source, at, "theory.moderation_without_moderator")
    for number, path in enumerate(h.paths):
        place = (*at, "paths", number)
        if not _well_formed(path, h.kind in _MEDIATED):
            yield finding(source, place, "theory.path_not_readable", path=path)
            continue
        names = [part.strip() for part in path.replace("~", "->").split("->")]
        yield from _unknown(source, place, names, theory.constructs, "construct")
        if h.model in theory.models and not _in_model(path, theory.models[h.model].syntax):
            yield finding(source, place, "theory.path_not_in_model", path=path, model=h.model)


def _well_formed(path: str, chain_allowed: bool) -> bool:
    if "->" in path:
        return chain_allowed and len(path.split("->")) > 2
    return path.count("~") == 1 and all(side.strip() for side in path.split("~"))


def _in_model(path: str, syntax: str) -> bool:
    paths = set(regressions(syntax))
    if "->" not in path:
        outcome, predictor = (side.strip() for side in path.split("~"))
        return (outcome, predictor) in paths
    steps = [step.strip() for step in path.split("->")]
    return all((after, before) in paths for before, after in pairwise(steps))


def substance_findings(source: YamlSource, theory: Theory) -> list[Finding]:
    """Find claims nobody tests, hypotheses that rest on nothing, changed quotes and models with unknown names.

    Parameters
    ----------
    source : YamlSource
    theory : Theory

    Returns
    -------
    list of Finding
    """
    found = list(_claims(source, theory))
    unfounded = [h.id for h in theory.hypotheses.values() if not h.claims]
    found += [finding(source, ("hypotheses", name), "theory.hypothesis_without_claim") for name in unfounded]
    for k in theory.constructs.values():
        for claim in k.claims:
            if claim in theory.claims and k.id not in theory.claims[claim].constructs:
                at = ("constructs", k.id, "claims")
                found.append(finding(source, at, "theory.claim_one_way", "warning", claim=claim, name=k.id))
    for name in theory.models:
        found += model_findings(source, ("models", name, "syntax"), theory.models[name].syntax, theory.constructs)
    return found


def _claims(source: YamlSource, theory: Theory) -> Iterator[Finding]:
    others = [code for code in theory.languages if code != theory.paper.language]
    for c in theory.claims.values():
        at = ("claims", c.id)
        if not c.constructs and c.no_construct is None:
            yield finding(source, at, "theory.claim_without_construct")
        if not theory.hypotheses_of_claim[c.id] and c.no_hypothesis is None:
            yield finding(source, at, "theory.claim_without_hypothesis")
        if theory.hypotheses_of_claim[c.id] and c.no_hypothesis is not None:
            yield finding(source, at, "theory.claim_with_both", hypotheses=", ".join(theory.hypotheses_of_claim[c.id]))
        missing = [code for code in others if not c.gloss.get(code)]
        if missing:
            yield finding(source, (*at, "gloss"), "theory.missing_translation", missing=", ".join(missing))
        if c.id not in theory.quote_digests:
            yield finding(source, at, "theory.quote_without_digest", digest=quote_digest(c.quote))
        elif theory.quote_digests[c.id] != quote_digest(c.quote):
            yield finding(source, (*at, "quote"), "theory.changed_quote", claim=c.id)


def model_findings(
    source: YamlSource,
    at: Location,
    syntax: str,
    constructs: Collection[str],
    items: Collection[str] | None = None,
) -> list[Finding]:
    """Find names of a model that are neither a construct, nor an item, nor defined by the model itself.

    Parameters
    ----------
    source : YamlSource
    at : tuple
        Where the syntax stands in the file.
    syntax : str
    constructs : collection of str
    items : collection of str, optional
        Items (and other variables) of the model's instrument; without them only constructs are checked.

    Returns
    -------
    list of Finding
    """
    found: list[Finding] = []
    measured = latents(syntax)
    said: set[str] = set()
    for formula in formulas(syntax):
        if formula.operator in {":=", "==", "<", ">"}:
            continue
        for name in (*formula.lhs, *formula.rhs):
            indicator = formula.operator == "=~" and name in formula.rhs and name not in measured
            known = name in measured or (name in items if items is not None else indicator)
            rule = None if known else ("theory.model_unknown_item" if indicator else "theory.model_unknown_name")
            if name in measured and name not in constructs:
                rule = "theory.model_unknown_construct"
            if rule is not None and name not in said:
                said.add(name)
                # the text of a block scalar begins one line below its key
                here = finding(source, at, rule, name=name)
                found.append(replace(here, line=here.line + 1 + formula.line))
    return found
