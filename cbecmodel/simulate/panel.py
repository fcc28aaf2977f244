"""A city panel on the real rollout of the pilot zones, with a known effect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from cbecmodel.errors import PanelError
from cbecmodel.policy.panel import Panel
from cbecmodel.policy.rollout import Rollout, pilot_zones
from cbecmodel.simulate.geography import distances, place_units
from cbecmodel.simulate.random_streams import check_seed, is_whole, stream

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cbecmodel.simulate.latent import Array

Seed = int | np.random.SeedSequence


def simulate_panel(
    *,
    rollout: Rollout | Mapping[str, Any] | None = None,
    effect: float | Mapping[str, float] = 0.08,
    dynamic: float = 0.0,
    heterogeneity: float = 0.0,
    selection: float = 0.0,
    spillover: float = 0.0,
    spillover_km: float = 200.0,
    years: Sequence[int] = (2010, 2024),
    n_units: int = 285,
    outcome: str = "log_design_patents",
    level: float = 5.0,
    unit_sd: float = 1.0,
    trend: float = 0.06,
    year_sd: float = 0.03,
    province_sd: float = 0.03,
    noise_sd: float = 0.10,
    noise_rho: float = 0.5,
    seed: int | np.random.SeedSequence,
) -> Panel:
    r"""Draw a panel of prefectures in which a policy has a known effect on a log outcome.

    .. math:: y_{it} = a_i + \lambda_t + p_{r(i)t} + s_i (t - t_0) + \tau_{it} D_{it} + \sigma S_{it} + e_{it}

    with unit levels :math:`a_i`, a common trend with year shocks :math:`\lambda_t`, shocks to the unit's province :math:`p`,
    growth that had begun before the policy :math:`s_i`, the effect :math:`\tau` on treated units, spillover
    :math:`\sigma` to untreated units near a treated one, and first-order autoregressive noise :math:`e`. Everything is in
    log points. Under ``simulate:`` in ``study.yaml`` every argument but ``seed`` is a key.

    Parameters
    ----------
    rollout : Rollout or mapping, optional
        Default: :func:`~cbecmodel.pilot_zones`; a mapping is its arguments. Never-treated units are invented and named
        ``synthetic-001`` … (see :func:`~cbecmodel.simulate.geography.place_units`).
    effect : float or mapping
        Average effect over all treated unit-years, exactly. A mapping ``{outcome: effect}`` draws several outcomes.
    dynamic : float
        How much the effect grows with each year since adoption; the average stays ``effect``.
    heterogeneity : float
        Standard deviation of the effect between units; the average stays ``effect``.
    selection : float
        Extra growth a year, from the first year on, of the units treated first; it falls linearly to 0 for units treated
        after the last year. The policy does not cause it: parallel trends fail.
    spillover : float
        What untreated units get while a treated unit is within ``spillover_km``.
    spillover_km : float
    years : pair of int
        First and last year.
    n_units : int
        Treated and never-treated units together.
    outcome : str
        Name of the outcome's column, if ``effect`` is one number.
    level, unit_sd, trend, year_sd, province_sd, noise_sd, noise_rho : float
        Mean level, standard deviation of unit levels, growth a year, standard deviations of year shocks, of
        province-by-year shocks and of the (stationary) noise, and the noise's autocorrelation.
    seed : int or numpy.random.SeedSequence

    Returns
    -------
    Panel
        With ``synthetic=True``; columns ``unit, name, province, lon, lat, year, cohort`` and the outcomes. Its ``truth`` has
        ``outcomes`` (outcome → ``att``, ``event_study`` {years since adoption: effect}, ``group_time`` {(cohort, year):
        effect}), the same three at its top if there is one outcome, ``effects`` (a frame of true effects, selection and
        spillover by unit-year) and ``settings``.

    Raises
    ------
    PanelError
        If settings make no sense together; says which.

    Examples
    --------
    >>> panel = simulate_panel(effect=0.05, seed=1)
    >>> panel.synthetic, panel.n_units, panel.truth["att"]
    (True, 285, 0.05)
    """
    settings = {name: value for name, value in locals().items() if name not in {"seed", "rollout"}}
    check_seed(seed)
    _check(settings)
    facts = _facts(rollout)
    units = place_units(facts, (years[0], years[1]), n_units, seed)
    clock = _Clock(units["cohort"].to_numpy(), np.arange(years[0], years[1] + 1))
    shift = selection * clock.earliness[:, None] * (clock.times - clock.times[0])
    near = spillover * _exposed(units, clock.treated, spillover_km) if spillover else np.zeros(clock.treated.shape)
    average = dict(effect) if isinstance(effect, Mapping) else {outcome: effect}
    long = units.loc[np.repeat(np.arange(len(units)), len(clock.times))].reset_index(drop=True)
    long.insert(5, "year", np.tile(clock.times, len(units)))
    true = long[["unit", "year", "cohort"]].assign(treated=clock.treated.ravel())
    for name, att in average.items():
        tau = _effects(att, dynamic, heterogeneity, clock, stream(seed, f"panel.effect.{name}"))
        long[name] = (_world(units, len(clock.times), settings, seed, name) + shift + near + tau).ravel()
        true[name] = tau.ravel()
    true = true.assign(selection=shift.ravel(), spillover=near.ravel())
    truth = {"outcomes": {name: _known(true, name, att) for name, att in average.items()}}
    alone = truth["outcomes"][next(iter(average))] if len(average) == 1 else {}
    known = {**alone, **truth, "effects": true, "settings": settings}
    return Panel(long, unit="unit", time="year", cohort="cohort", synthetic=True, truth=known)


@dataclass(frozen=True, slots=True)
class _Clock:
    """First treated year of each unit (0 for never), shape (n,), and the years, shape (t,)."""

    cohort: NDArray[np.int64]
    times: NDArray[np.int64]

    @property
    def treated(self) -> NDArray[np.bool_]:
        """Whether each unit is treated in each year, shape (n, t)."""
        return (self.cohort[:, None] > 0) & (self.times >= self.cohort[:, None])

    @property
    def earliness(self) -> Array:
        """1 for the first cohort, falling linearly to 0 for units treated after the last year, shape (n,)."""
        first, after = self.cohort[self.cohort > 0].min(), self.times[-1] + 1
        return np.where(self.cohort > 0, (after - self.cohort) / (after - first), 0.0)


def _known(true: pd.DataFrame, outcome: str, att: float) -> dict[str, Any]:
    """Return the true average effects of one outcome."""
    treated = true[true["treated"]]
    since = treated.groupby(treated["year"] - treated["cohort"])[outcome].mean()
    cells = treated.groupby(["cohort", "year"])[outcome].mean()
    cohort, year = (cells.index.get_level_values(level).tolist() for level in (0, 1))
    event_study = dict(zip(since.index.tolist(), since.tolist(), strict=True))
    group_time = dict(zip(zip(cohort, year, strict=True), cells.tolist(), strict=True))
    return {"att": att, "event_study": event_study, "group_time": group_time}


def _facts(rollout: object) -> Rollout:
    if isinstance(rollout, Rollout):
        return rollout
    if rollout is None or isinstance(rollout, Mapping):
        return pilot_zones(**(rollout or {}))
    raise PanelError("simulate.panel_rollout", kind=type(rollout).__name__)


def _check(settings: Mapping[str, Any]) -> None:
    years: Any = settings["years"]
    pair = isinstance(years, (tuple, list)) and len(years) == 2 and all(map(is_whole, years))
    if not pair or years[1] <= years[0]:
        raise PanelError("simulate.panel_years", years=repr(years))
    effects = settings["effect"]
    each = (
        {f"effect[{name}]": one for name, one in effects.items()}
        if isinstance(effects, Mapping)
        else {"effect": effects}
    )
    each |= {name: value for name, value in settings.items() if name not in {"years", "effect", "outcome"}}
    for name, value in each.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            raise PanelError("simulate.panel_number", name=name, value=repr(value))
    for name in ("heterogeneity", "spillover_km", "unit_sd", "year_sd", "province_sd", "noise_sd"):
        if settings[name] < 0:
            raise PanelError("simulate.panel_negative", name=name, value=settings[name])
    if not -1 < settings["noise_rho"] < 1:
        raise PanelError("simulate.panel_rho", value=settings["noise_rho"])


def _exposed(units: pd.DataFrame, treated: NDArray[np.bool_], km: float) -> Array:
    """Return 1 for untreated units while a treated one is within ``km``, shape (n, t)."""
    if units[["lon", "lat"]].isna().to_numpy().any():
        raise PanelError("simulate.no_coordinates")
    near = distances(units["lon"].to_numpy(), units["lat"].to_numpy()) <= km
    return ((near.astype(float) @ treated > 0) & ~treated).astype(float)


def _effects(average: float, dynamic: float, heterogeneity: float, clock: _Clock, rng: np.random.Generator) -> Array:
    """Return the effect on every unit-year, shape (n, t): 0 where untreated, ``average`` on average where treated."""
    cohort, treated = clock.cohort, clock.treated
    deviation = dynamic * (clock.times - cohort[:, None]) + heterogeneity * rng.standard_normal(len(cohort))[:, None]
    return np.where(treated, average + deviation - deviation[treated].mean(), 0.0)


def _world(units: pd.DataFrame, n_times: int, settings: Mapping[str, Any], seed: Seed, outcome: str) -> Array:
    """Return the outcome without policy, selection and spillover, shape (n, t)."""

    def draw(part: str, *shape: int) -> Array:
        return stream(seed, f"panel.{part}.{outcome}").standard_normal(shape)

    names, province = np.unique(units["province"].to_numpy(dtype=str), return_inverse=True)
    rho = settings["noise_rho"]
    innovations = draw("noise", len(units), n_times)
    noise = np.empty_like(innovations)
    noise[:, 0] = innovations[:, 0]
    for time in range(1, n_times):
        noise[:, time] = rho * noise[:, time - 1] + np.sqrt(1 - rho**2) * innovations[:, time]
    common = settings["trend"] * np.arange(n_times) + settings["year_sd"] * draw("year", n_times)
    levels = settings["level"] + settings["unit_sd"] * draw("unit", len(units), 1)
    shocks = settings["province_sd"] * draw("province", len(names), n_times)[province]
    return np.asarray(levels + common + shocks + settings["noise_sd"] * noise, dtype=float)
