"""Latent products in syntax: ``y ~ x + m + x:m`` with latent ``x`` or ``m`` becomes a model of product indicators."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from cbecmodel.errors import ModelError
from cbecmodel.structure.sample.columns import frame_of
from cbecmodel.structure.sample.products import CENTRINGS, Centring, indicator_pairs, product_indicators, product_name
from cbecmodel.structure.syntax.parser import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.structure.syntax.formulas import Formula

METHOD: Final = "lms"  # products without indicators, by maximum likelihood
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class LatentInteraction:
    """A model of latent interactions, written out.

    Attributes
    ----------
    model : str
        Syntax in which every latent product is measured by product indicators.
    data : pandas.DataFrame
        With the product indicators.
    products : dict
        The pairs of indicators that measure each product.
    """

    model: str
    data: pd.DataFrame
    products: dict[str, tuple[tuple[str, str], ...]]


def latent_interaction(
    model: str, data: Any, method: Centring = "double_mean_centring", matched: bool | None = None
) -> LatentInteraction:
    """Write out a model of latent interactions: the syntax and data that :func:`cbecmodel.sem` then fits.

    ``sem`` does this itself; use this function to see or change what it does, or to choose which indicators are multiplied.

    Parameters
    ----------
    model : str
        lavaan syntax with products such as ``x:m`` or ``x:x``; one of the two may be observed.
    data : pandas.DataFrame or object with a ``frame``
    method : {"double_mean_centring", "mean_centring", "residual_centring"}
        See :func:`cbecmodel.product_indicators`.
    matched : bool, optional
        Use each indicator once, marker with marker and so on in order; otherwise multiply each with each. By default
        matched where both latent variables have the same number of indicators.

    Returns
    -------
    LatentInteraction

    Raises
    ------
    ModelError
        If the model has no such product, a product has three parts, or a latent variable has no marker (a loading of one):
        the product is then not in the units of its parts.

    Notes
    -----
    Residuals of two product indicators covary when they share an indicator that has an error of its own. The markers are
    multiplied with each other and that product is the marker of the latent product, whose coefficient is then the
    interaction in the units of the two latent variables.

    References
    ----------
    .. [1] Marsh, H. W., Wen, Z., & Hau, K.-T. (2004). Structural equation models of latent interactions: Evaluation of
       alternative estimation strategies and indicator construction. Psychological Methods, 9, 275-300.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> from semopy.examples import political_democracy
    >>> written = latent_interaction(
    ...     "i =~ x1 + x2; d =~ y1 + y2; e =~ y5 + y6; e ~ i + d + i:d", political_democracy.get_data()
    ... )
    >>> print(written.model.splitlines()[-1])
    i:d =~ 1*x1.y1 + x2.y2
    """
    if method not in CENTRINGS:
        raise ModelError("structure.unknown_option", option="interaction", value=method, known=", ".join(CENTRINGS))
    formulas = parse(model).formulas
    names = product_terms(formulas)
    if not names:
        raise ModelError("structure.product_none")
    frame = frame_of(data)
    written: dict[str, tuple[tuple[str, str], ...]] = {}
    for name in names:
        pairs = _pairs(formulas, name, matched)
        words = [product_name(a, b) for a, b in pairs]
        sides = [list(dict.fromkeys(side)) for side in zip(*pairs, strict=True)]
        made = product_indicators(frame_of(data), sides[0], sides[1], method, _one_each(pairs))
        frame = frame.join(made[[word for word in words if word not in frame.columns]])
        written[name] = tuple(pairs)
    lines = [_measurement(name, pairs) for name, pairs in written.items()]
    lines += _shared_errors(list(written.values()), _fallible(formulas))
    return LatentInteraction(_inserted(model, lines, formulas), frame, written)


def product_terms(formulas: Sequence[Formula]) -> tuple[str, ...]:
    """Return the products with a latent part that a model uses and does not measure itself.

    Parameters
    ----------
    formulas : sequence of Formula

    Returns
    -------
    tuple of str

    Raises
    ------
    ModelError
        If such a product has more than two parts.

    Examples
    --------
    >>> product_terms(parse("f =~ x1 + x2; y ~ f + z + f:z + z:w").formulas)
    ('f:z',)
    """
    latents = {row.lhs for row in formulas if row.op in {"=~", "<~"}}
    used = [name for row in formulas for name in (row.lhs, row.rhs) if ":" in name and name not in latents]
    found = tuple(dict.fromkeys(name for name in used if latents & set(name.split(":"))))
    for name in found:
        if len(name.split(":")) > 2:
            raise ModelError("structure.product_of_three", product=name)
    return found


def with_latent_products(model: str, data: Any, asked: dict[str, Any]) -> tuple[str, Any, dict[str, Any]]:
    """Write out the latent products of a model that has any; the method is in ``asked["interaction"]``, taken out.

    Parameters
    ----------
    model : str
    data : pandas.DataFrame, object with a ``frame``, or None
    asked : dict
        Keyword arguments of :func:`cbecmodel.sem`.

    Returns
    -------
    model : str
    data : object
        With a frame that has the product indicators.
    asked : dict
        Robust errors and test where products make the data non-normal and nothing else was asked for.

    Raises
    ------
    ModelError

    Examples
    --------
    >>> with_latent_products("f =~ x1 + x2", None, {"interaction": "mean_centring"})
    ('f =~ x1 + x2', None, {})
    """
    rest = {name: value for name, value in asked.items() if name != "interaction"}
    method = asked.get("interaction", CENTRINGS[0])
    if method not in (*CENTRINGS, METHOD):  # without products all methods are the same
        known = ", ".join((*CENTRINGS, METHOD))
        raise ModelError("structure.unknown_option", option="interaction", value=method, known=known)
    names = product_terms(parse(model).formulas) if ":" in model else ()
    if not names:
        return model, data, rest
    if data is None:
        raise ModelError("structure.product_needs_data", products=", ".join(names))
    if asked.get("std_lv"):
        raise ModelError("structure.product_std_lv", products=", ".join(names))
    written = latent_interaction(model, data, method)
    if rest.get("estimator") == "ML" and rest.get("se") is None and rest.get("test") is None:
        rest["estimator"] = "MLR"
    held = written.data if isinstance(data, pd.DataFrame) else _Held(written.data, bool(getattr(data, "synthetic", 0)))
    return written.model, held, rest


@dataclass(frozen=True, slots=True)
class _Held:
    """A data frame that remembers whether it was simulated."""

    frame: pd.DataFrame
    synthetic: bool


def _pairs(formulas: Sequence[Formula], name: str, matched: bool | None) -> Pairs:
    first, second = (_indicators(formulas, part, name) for part in name.split(":"))
    if matched is None:
        matched = len(first) == len(second)
    if matched and 1 in {len(first), len(second)}:
        matched = len(first) == len(second)  # a single observed moderator goes with every indicator
    return indicator_pairs(first, second, matched=matched)


def _one_each(pairs: Pairs) -> bool:
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def _indicators(formulas: Sequence[Formula], part: str, product: str) -> list[str]:
    """Return a latent variable's indicators, its marker first; an observed variable is its own."""
    rows = {row.rhs: row for row in formulas if row.op == "=~" and row.lhs == part}
    if not rows:
        return [part]
    latents = {row.lhs for row in formulas if row.op in {"=~", "<~"}}
    if latents & rows.keys():
        raise ModelError("structure.product_second_order", latent=part, product=product)
    said = {name: row.modifiers.fixed for name, row in rows.items()}
    markers = [name for name, values in said.items() if values and set(values) == {1.0}]
    first = next(iter(rows))
    if not markers and any(math.isnan(value) or value != 1 for value in said[first]):
        raise ModelError("structure.product_marker", latent=part, product=product)
    marker = markers[0] if markers else first
    return [marker, *(name for name in rows if name != marker)]


def _fallible(formulas: Sequence[Formula]) -> set[str]:
    return {row.rhs for row in formulas if row.op == "=~"}


def _measurement(name: str, pairs: Sequence[tuple[str, str]]) -> str:
    words = [product_name(a, b) for a, b in pairs]
    return f"{name} =~ " + " + ".join([f"1*{words[0]}", *words[1:]])


def _shared_errors(products: Sequence[Sequence[tuple[str, str]]], fallible: set[str]) -> list[str]:
    """Return the residual covariances of product indicators that share an indicator with an error."""
    every = [pair for pairs in products for pair in pairs]
    return [
        f"{product_name(*one)} ~~ {product_name(*other)}"
        for one, other in combinations(dict.fromkeys(every), 2)
        if set(one) & set(other) & fallible
    ]


def _inserted(model: str, lines: list[str], formulas: Sequence[Formula]) -> str:
    """Put lines behind the model, or before its first block so that they hold in all blocks."""
    text = "\n".join(lines)
    blocked = [row for row in formulas if row.group or row.level]
    return f"{text}\n{model}" if blocked else f"{model.rstrip()}\n{text}"
