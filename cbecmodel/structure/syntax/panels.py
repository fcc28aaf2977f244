"""Syntax of models for panel data: cross-lagged panel models and latent change scores.

References
----------
.. [1] Hamaker, E. L., Kuiper, R. M., & Grasman, R. P. P. P. (2015). A critique of the cross-lagged panel model.
   Psychological Methods, 20, 102-116.
.. [2] Mulder, J. D., & Hamaker, E. L. (2021). Three extensions of the random intercept cross-lagged panel model.
   Structural Equation Modeling, 28, 638-648.
.. [3] McArdle, J. J. (2009). Latent variable modeling of differences and changes with longitudinal data. Annual Review of
   Psychology, 60, 577-605.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final, Literal

from cbecmodel.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EQUAL: Final = ("autoregressive", "cross_lagged", "residuals", "means")


def ri_clpm(
    variables: Mapping[str, Sequence[str]],
    *,
    equal: str | Sequence[str] = (),
    traditional: bool = False,
    covariates: str | Sequence[str] = (),
    covariates_on: Literal["intercepts", "waves"] = "intercepts",
    groups: int = 1,
) -> str:
    """Write the random-intercept cross-lagged panel model (or the traditional one) for :func:`cbecmodel.sem`.

    Parameters
    ----------
    variables : mapping of str to sequence of str
        The columns of each variable, wave by wave: ``{"x": ["x1", "x2", "x3"], "y": ["y1", "y2", "y3"]}``.
    equal : str or sequence of str
        What is equal over time: ``"autoregressive"``, ``"cross_lagged"``, ``"residuals"`` (variances and covariances of the
        innovations from the second wave on), ``"means"``.
    traditional : bool
        Leave the random intercepts out: lagged regressions among the observed variables.
    covariates : str or sequence of str
        Time-invariant predictors.
    covariates_on : {"intercepts", "waves"}
        They predict the random intercepts, or each observed variable.
    groups : int
        Number of groups: labels then have one name a group, so that equality over time does not become equality across
        groups.

    Returns
    -------
    str
        lavaan syntax. Random intercepts are called ``RI_x``, within-person parts ``w_x1``.

    Raises
    ------
    ModelError
        For fewer than two variables, fewer than three waves (two without random intercepts), unequal numbers of waves, or
        an unknown option.

    Notes
    -----
    Each observed variable is the sum of its wave's mean, the person's random intercept and a within-person part, so that
    cross-lagged effects are about deviations from the person's own level [1]_. Intercepts covary with each other and with
    no within-person part.

    References
    ----------
    See [1]_ and [2]_ in :mod:`cbecmodel.structure.syntax.panels`.

    Examples
    --------
    >>> syntax = ri_clpm({"x": ["x1", "x2", "x3"], "y": ["y1", "y2", "y3"]}, equal="cross_lagged")
    >>> [line for line in syntax.splitlines() if line.startswith("w_x2 ~ ")]
    ['w_x2 ~ w_x1 + cross_x_y*w_y1']
    """
    tied = _checked(variables, equal, 2 if traditional else 3)
    if covariates_on not in ("intercepts", "waves"):
        raise ModelError(
            "structure.unknown_option", option="covariates_on", value=covariates_on, known="intercepts, waves"
        )
    names = list(variables)
    waves = len(variables[names[0]])
    within = {name: list(variables[name]) if traditional else [f"w_{c}" for c in variables[name]] for name in names}
    lines = [] if traditional else _between(variables, within)
    lines.append("# lagged effects")
    for t in range(1, waves):
        for name in names:
            terms = [_lag(name, other, tied, groups) + within[other][t - 1] for other in names]
            own = names.index(name)
            lines.append(f"{within[name][t]} ~ " + " + ".join([terms[own], *(terms[:own] + terms[own + 1 :])]))
    lines.append("# variances and covariances within waves")
    for t in range(waves):
        label = "residuals" in tied and t > 0
        for a, b in [(n, n) for n in names] + list(combinations(names, 2)):
            word = _label(f"{'var' if a == b else 'cov'}_{a}" + (f"_{b}" if a != b else ""), groups) if label else ""
            lines.append(f"{within[a][t]} ~~ {word}{within[b][t]}")
    lines.append("# means")
    for name in names:
        word = _label(f"mean_{name}", groups) if "means" in tied else ""
        lines.extend(f"{column} ~ {word}1" for column in variables[name])
    given = [covariates] if isinstance(covariates, str) else list(covariates)
    if given:
        on_waves = traditional or covariates_on == "waves"
        targets = [c for name in names for c in variables[name]] if on_waves else [f"RI_{name}" for name in names]
        lines.append("# covariates")
        lines.extend(f"{target} ~ {' + '.join(given)}" for target in targets)
    return "\n".join(lines) + "\n"


def _checked(variables: Mapping[str, Sequence[str]], equal: str | Sequence[str], least: int) -> tuple[str, ...]:
    tied = (equal,) if isinstance(equal, str) else tuple(equal)
    for name in tied:
        if name not in _EQUAL:
            raise ModelError("structure.unknown_option", option="equal", value=name, known=", ".join(_EQUAL))
    counts = {name: len(columns) for name, columns in variables.items()}
    if len(counts) < 2 or any(isinstance(columns, str) for columns in variables.values()):
        raise ModelError("structure.panel_variables", variables=", ".join(map(str, variables)) or "–")
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{name}: {count}" for name, count in counts.items())
        raise ModelError("structure.panel_unequal", waves=shown)
    if min(counts.values()) < least:
        raise ModelError("structure.panel_waves", waves=min(counts.values()), needed=least)
    every = [column for columns in variables.values() for column in columns]
    twice = sorted({column for column in every if every.count(column) > 1})
    if twice:
        raise ModelError("structure.panel_twice", variables=", ".join(twice))
    return tied


def _label(name: str, groups: int) -> str:
    if groups == 1:
        return f"{name}*"
    return "c(" + ", ".join(f'"{name}_g{group}"' for group in range(1, groups + 1)) + ")*"


def _lag(name: str, other: str, tied: tuple[str, ...], groups: int) -> str:
    if name == other:
        return _label(f"auto_{name}", groups) if "autoregressive" in tied else ""
    return _label(f"cross_{name}_{other}", groups) if "cross_lagged" in tied else ""


def _between(variables: Mapping[str, Sequence[str]], within: Mapping[str, Sequence[str]]) -> list[str]:
    lines = ["# random intercepts"]
    lines += [f"RI_{name} =~ " + " + ".join(f"1*{c}" for c in columns) for name, columns in variables.items()]
    lines.append("# within-person parts")
    for name, columns in variables.items():
        lines.extend(f"{part} =~ 1*{c}" for part, c in zip(within[name], columns, strict=True))
    lines.extend(f"{c} ~~ 0*{c}" for columns in variables.values() for c in columns)
    lines.append("# the two are unrelated")
    first = " + ".join(f"0*{within[name][0]}" for name in variables)
    lines.extend(f"RI_{name} ~~ {first}" for name in variables)
    lines.extend(f"RI_{a} ~~ RI_{b}" for a, b in combinations(variables, 2))
    lines.extend(f"RI_{name} ~~ RI_{name}" for name in variables)
    return lines


def latent_change(waves: Sequence[str], *, proportional: bool = True, constant: bool = True, name: str = "") -> str:
    """Write a univariate latent change score model for :func:`cbecmodel.sem`.

    Parameters
    ----------
    waves : sequence of str
        Columns, one a wave at equal distances.
    proportional : bool
        Changes depend on the level before (``beta``).
    constant : bool
        There is a constant change that persons differ in, the slope; with ``proportional`` this is the dual change model.
    name : str
        Put behind the names of the latent variables, for several processes in one model.

    Returns
    -------
    str
        lavaan syntax with latent levels ``l1``, changes ``d2``, initial level ``i`` and slope ``s``. The measurement error
        has one variance (label ``error``).

    Raises
    ------
    ModelError
        For fewer than three waves, or a model without any change.

    References
    ----------
    See [3]_ in :mod:`cbecmodel.structure.syntax.panels`.

    Examples
    --------
    >>> print(latent_change(["y1", "y2", "y3"]).splitlines()[-1])
    s ~ 1
    """
    if isinstance(waves, str) or len(waves) < 3:
        raise ModelError("structure.panel_waves", waves=1 if isinstance(waves, str) else len(waves), needed=3)
    if not proportional and not constant:
        raise ModelError("structure.panel_no_change")
    times = range(1, len(waves) + 1)
    level, change = [f"l{name}{t}" for t in times], [f"d{name}{t}" for t in times]
    first, slope = f"i{name}", f"s{name}"
    lines = [f"{latent} =~ 1*{column}" for latent, column in zip(level, waves, strict=True)]
    lines += [f"{column} ~~ error{name}*{column}\n{column} ~ 0*1" for column in waves]
    lines += [f"{change[t]} =~ 1*{level[t]}\n{level[t]} ~ 1*{level[t - 1]}" for t in range(1, len(waves))]
    lines += [f"{latent} ~~ 0*{latent}\n{latent} ~ 0*1" for latent in [*level, *change[1:]]]
    if proportional:
        lines += [f"{change[t]} ~ beta{name}*{level[t - 1]}" for t in range(1, len(waves))]
    lines += [f"{a} ~~ 0*{b}" for a, b in combinations(change[1:], 2)]
    lines += [f"{first} =~ 1*{level[0]}", f"{first} ~~ {first}", f"{first} ~ 1"]
    if constant:
        lines += [f"{slope} =~ " + " + ".join(f"1*{one}" for one in change[1:])]
        lines += [f"{slope} ~~ {slope} + {first}", f"{slope} ~ 1"]
    return "\n".join(lines) + "\n"
