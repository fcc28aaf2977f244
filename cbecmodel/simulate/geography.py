"""Units of a simulated panel: the places of a rollout, and never-treated places set among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cbecmodel.errors import PanelError
from cbecmodel.simulate.random_streams import stream

if TYPE_CHECKING:
    from cbecmodel.policy.rollout import Rollout
    from cbecmodel.simulate.latent import Array

EARTH_KM = 6371.0
NEAREST_KM, FARTHEST_KM = 50.0, 600.0  # how far a never-treated place lies from the treated place it is set beside
_KM_PER_DEGREE = np.pi * EARTH_KM / 180


def place_units(
    rollout: Rollout, years: tuple[int, int], n_units: int, seed: int | np.random.SeedSequence
) -> pd.DataFrame:
    """List the units of a simulated panel.

    Units of the rollout keep their codes, names, provinces and coordinates. The project has no list of the prefectures
    that were never zones, so those are invented: named ``synthetic-001`` …, each set at a random distance (50–600 km) and
    direction from a random place of the rollout, whose province it shares. Units that no row of the rollout's table is about
    (the rest of Hainan, one zone since 2025) are left out.

    Parameters
    ----------
    rollout : Rollout
    years : tuple of int
        First and last year. Units treated after the last count as never treated here.
    n_units : int
        Units in all.
    seed : int or numpy.random.SeedSequence

    Returns
    -------
    pandas.DataFrame
        ``unit, name, province, lon, lat, cohort`` (0 for never).

    Raises
    ------
    PanelError
        If the rollout has more units than that, or none treated within the years.
    """
    described = _real(rollout)
    cohort = rollout.cohort[rollout.cohort.index.isin(described.index)]
    cohort = cohort.where(cohort <= years[1], 0)
    if not (cohort > 0).any():
        raise PanelError("simulate.nobody_treated", first=years[0], last=years[1])
    if len(cohort) > n_units or (len(cohort) == n_units and (cohort > 0).all()):
        raise PanelError("simulate.too_few_units", n_units=n_units, n_treated=len(cohort))
    real = described.reindex(cohort.index).rename_axis("unit").reset_index().assign(cohort=cohort.to_numpy())
    return pd.concat([real, _invented(real, n_units - len(real), seed)], ignore_index=True)


def _real(rollout: Rollout) -> pd.DataFrame:
    """Return one row a unit; where several places share one, the place that has the unit's own code."""
    table = rollout.table
    own = table.get("adcode", table["unit"]) == table["unit"]
    rows = table[table["unit"] != ""].assign(own=own).sort_values("own", ascending=False, kind="stable")
    rows = rows.drop_duplicates("unit").set_index("unit")
    columns = {"name": ("name_en", "name"), "province": ("province_en", "province"), "lon": ("lon",), "lat": ("lat",)}
    found = {new: next((rows[old] for old in names if old in rows), None) for new, names in columns.items()}
    frame = pd.DataFrame({name: column for name, column in found.items() if column is not None}, index=rows.index)
    otherwise: dict[str, Any] = {"name": frame.index, "province": frame.index, "lon": np.nan, "lat": np.nan}
    return frame.assign(**{name: frame.get(name, value) for name, value in otherwise.items()})[list(otherwise)]


def _invented(real: pd.DataFrame, n: int, seed: int | np.random.SeedSequence) -> pd.DataFrame:
    rng = stream(seed, "panel.geography")
    beside = real.iloc[rng.integers(len(real), size=n)]
    distance, direction = rng.uniform(NEAREST_KM, FARTHEST_KM, n), rng.uniform(0, 2 * np.pi, n)
    lat = beside["lat"].to_numpy() + distance * np.sin(direction) / _KM_PER_DEGREE
    lon = beside["lon"].to_numpy() + distance * np.cos(direction) / (_KM_PER_DEGREE * np.cos(np.radians(lat)))
    names = [f"synthetic-{number:03d}" for number in range(1, n + 1)]
    province = beside["province"].to_numpy()
    return pd.DataFrame({"unit": names, "name": names, "province": province, "lon": lon, "lat": lat, "cohort": 0})


def distances(lon: Array, lat: Array) -> Array:
    """Return great-circle distances (haversine, R = 6371 km).

    Parameters
    ----------
    lon, lat : ndarray, shape (n,)
        Degrees.

    Returns
    -------
    ndarray, shape (n, n)
        Kilometres.

    Examples
    --------
    >>> import numpy as np
    >>> distances(np.array([120.2, 121.5]), np.array([30.2, 31.2])).round(0)[0, 1]  # Hangzhou – Shanghai
    np.float64(167.0)
    """
    x, y = np.radians(lon), np.radians(lat)
    half = np.sin((y[:, None] - y) / 2) ** 2 + np.cos(y)[:, None] * np.cos(y) * np.sin((x[:, None] - x) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))), dtype=float)
