"""Syntax of latent growth curve models.

References
----------
.. [1] Bollen, K. A., & Curran, P. J. (2006). Latent curve models: A structural equation perspective. Wiley.
.. [2] McArdle, J. J. (1988). Dynamic but structural equation modeling of repeated measures data. In Handbook of multivariate
   experimental psychology (pp. 561-614). Plenum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Final, Literal

from cbecmodel.errors import ModelError

Shape = Literal["linear", "quadratic", "piecewise", "free"]
_SHAPES: Final = ("linear", "quadratic", "piecewise", "free")


def growth_curve(
    waves: Sequence[str] | Mapping[str, Sequence[str]],
    times: Sequence[float] | None = None,
    *,
    shape: Shape = "linear",
    knot: float | None = None,
    predictors: str | Sequence[str] = (),
    time_varying: Sequence[str] | Mapping[str, Sequence[str]] = (),
    equal_residuals: bool = False,
    name: str = "",
) -> str:
    """Write a latent growth curve model for :func:`cbecmodel.growth`.

    Parameters
    ----------
    waves : sequence of str, or mapping of str to sequence of str
        Columns, one a wave; or the indicators of each wave's factor, ``{"t1": ["a1", "b1"], "t2": ["a2", "b2"]}``: a
        second-order curve of factors with equal loadings and intercepts over time.
    times : sequence of float, optional
        When each wave was; 0, 1, 2, … if not given. The intercept is the level at time 0.
    shape : {"linear", "quadratic", "piecewise", "free"}
        ``"piecewise"`` has one slope before and another after ``knot``; ``"free"`` estimates the loadings of the slope
        between first and last wave, which are 0 and 1 (a latent basis).
    knot : float, optional
        For ``"piecewise"``.
    predictors : str or sequence of str
        Time-invariant predictors of all growth factors.
    time_varying : sequence of str or mapping of str to sequence of str
        A covariate's columns, one a wave; or several covariates.
    equal_residuals : bool
        One residual variance for all waves.
    name : str
        Put behind the names ``i``, ``s`` and ``q`` of the growth factors, for several curves in one model.

    Returns
    -------
    str
        lavaan syntax; fit it with ``cbec.growth(syntax, data)``, with ``group=`` for several groups.

    Raises
    ------
    ModelError
        For too few waves, numbers of waves that differ, times that do not increase, or a knot that is not inside.

    References
    ----------
    See [1]_ and [2]_ in :mod:`cbecmodel.structure.syntax.curves`.

    Examples
    --------
    >>> print(growth_curve(["t1", "t2", "t3"], predictors="x"), end="")
    i =~ 1*t1 + 1*t2 + 1*t3
    s =~ 0*t1 + 1*t2 + 2*t3
    i ~ x
    s ~ x
    """
    second = waves if isinstance(waves, Mapping) else {}
    columns = list(waves)
    moments = _times(columns, times, shape, knot)
    factors = _factors(columns, moments, shape, knot, name=name)
    lines = _measurement(second) if second else []
    lines += [f"{factor} =~ " + " + ".join(terms) for factor, terms in factors.items()]
    if second:
        lines += [f"{factor} ~ 1" for factor in factors]
    given = [predictors] if isinstance(predictors, str) else list(predictors)
    if given:
        lines += [f"{factor} ~ {' + '.join(given)}" for factor in factors]
    lines += _varying(columns, time_varying)
    if equal_residuals:
        lines += [f"{column} ~~ residual{name}*{column}" for column in columns]
    return "\n".join(lines) + "\n"


def _times(columns: list[str], times: Sequence[float] | None, shape: str, knot: float | None) -> list[float]:
    if shape not in _SHAPES:
        raise ModelError("structure.unknown_option", option="shape", value=shape, known=", ".join(_SHAPES))
    needed = 4 if shape in {"quadratic", "piecewise"} else 3
    if len(columns) < needed or len(set(columns)) < len(columns):
        raise ModelError("structure.panel_waves", waves=len(set(columns)), needed=needed)
    moments = [float(t) for t in (range(len(columns)) if times is None else times)]
    if len(moments) != len(columns) or any(b <= a for a, b in pairwise(moments)):
        raise ModelError("structure.curve_times", times=len(moments), waves=len(columns))
    if (shape == "piecewise") != (knot is not None) or (knot is not None and not moments[0] < knot < moments[-1]):
        raise ModelError("structure.curve_knot", low=f"{moments[0]:g}", high=f"{moments[-1]:g}")
    return moments


def _factors(
    columns: list[str], times: list[float], shape: str, knot: float | None, *, name: str
) -> dict[str, list[str]]:
    def loadings(values: Sequence[float]) -> list[str]:
        return [f"{value:.12g}*{column}" for value, column in zip(values, columns, strict=True)]

    factors = {f"i{name}": loadings([1.0] * len(columns))}
    if shape == "free":
        inner = [f"NA*{column}" for column in columns[1:-1]]
        factors[f"s{name}"] = [f"0*{columns[0]}", *inner, f"1*{columns[-1]}"]
        return factors
    if knot is not None:
        factors[f"s1{name}"] = loadings([min(t, knot) for t in times])
        factors[f"s2{name}"] = loadings([max(t - knot, 0.0) for t in times])
        return factors
    factors[f"s{name}"] = loadings(times)
    if shape == "quadratic":
        factors[f"q{name}"] = loadings([t * t for t in times])
    return factors


def _measurement(second: Mapping[str, Sequence[str]]) -> list[str]:
    """Return factors with equal loadings and intercepts, and covariances of the same indicator's residuals over time."""
    counts = {len(indicators) for indicators in second.values()}
    if len(counts) > 1 or min(counts) < 2:
        shown = ", ".join(f"{wave}: {len(indicators)}" for wave, indicators in second.items())
        raise ModelError("structure.curve_indicators", indicators=shown)
    lines = []
    for wave, indicators in second.items():
        rest = [f"loading{k}*{column}" for k, column in enumerate(indicators[1:], start=2)]
        lines.append(f"{wave} =~ " + " + ".join([f"1*{indicators[0]}", *rest]))
        lines.append(f"{wave} ~ 0*1")
        lines += [f"{column} ~ intercept{k}*1" for k, column in enumerate(indicators[1:], start=2)]
    for same in zip(*second.values(), strict=True):
        lines += [f"{a} ~~ {b}" for a, b in combinations(same, 2)]
    return lines


def _varying(columns: list[str], time_varying: Sequence[str] | Mapping[str, Sequence[str]]) -> list[str]:
    sets = list(time_varying.values()) if isinstance(time_varying, Mapping) else [time_varying] if time_varying else []
    for covariate in sets:
        if isinstance(covariate, str) or len(covariate) != len(columns):
            raise ModelError("structure.curve_varying", given=len(covariate), waves=len(columns))
    return [f"{column} ~ {' + '.join(one[t] for one in sets)}" for t, column in enumerate(columns) if sets]
