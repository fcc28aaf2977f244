"""The policy facts that travel with the package, as typed frames.

Every row carries how certain it is; ``data/sources.md`` says what the words mean and where each fact was read.
"""

from __future__ import annotations

import io
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
import pandas as pd

_DATES: Final = ("decision_date", "approval_date", "publication_date", "first_published")
_YEARS: Final = ("batch", "approval_year", "first_full_year", "treat_year_h1rule", "revoked_year")


def _read(name: str) -> pd.DataFrame:
    content = resources.files("cbecmodel.policy").joinpath("data", name).read_text(encoding="utf-8")
    return pd.read_csv(io.StringIO(content), dtype=str, keep_default_na=False)


@cache
def _zones() -> pd.DataFrame:
    frame = _read("pilot_zones.csv")
    for column in _DATES:
        frame[column] = pd.to_datetime(frame[column].replace("", None), format="%Y-%m-%d")
    for column in _YEARS:
        frame[column] = pd.to_numeric(frame[column]).astype("Int64")
    for column in ("lon", "lat"):
        frame[column] = frame[column].astype(float)
    frame["status"] = np.select(
        [
            frame["name_status"] == "recalled",
            frame["approval_status"] == "month_verified",
            frame["approval_status"] == "unknown",
        ],
        ["name_recalled", "day_recalled", "signature_date_unknown"],
        default="verified",
    )
    frame["verified"] = frame["status"] == "verified"
    return frame


def zone_facts() -> pd.DataFrame:
    """Return the 181 pilot zones, one a row.

    Returns
    -------
    pandas.DataFrame
        Codes are six-digit text; dates are ``datetime64`` (NaT where not known); years are ``Int64``; ``status`` is
        ``verified``, ``name_recalled``, ``day_recalled`` or ``signature_date_unknown``; ``verified`` is the first of them.

    Examples
    --------
    >>> zone_facts().groupby("batch").size().tolist()
    [1, 12, 22, 24, 46, 27, 33, 16]
    """
    return _zones().copy()


def _rivals(name: str) -> pd.DataFrame:
    frame = _read(name)
    frame["year"] = frame["year"].astype("int64")
    frame["verified"] = frame["status"] == "verified"
    return frame


def competing_policies() -> pd.DataFrame:
    """Return the places under rival policies, one a row.

    Returns
    -------
    pandas.DataFrame
        ``policy`` (category), ``batch``, ``date`` (text, as far as it is known), ``year`` (integer), ``name_zh``, ``adcode``
        (six-digit text), ``level``, ``status``, ``coverage`` (how much of the batch was found; empty = all of it), ``note``,
        ``source``, ``verified`` (boolean). Rows that were recalled and not read say so.

    Examples
    --------
    >>> rivals = competing_policies()
    >>> int((rivals["policy"] == "ip_demonstration_city").sum())
    64
    >>> sorted(rivals["status"].unique())
    ['partly_verified', 'recalled', 'transcribed', 'verified']
    """
    frame = _rivals("competing_policies.csv")
    frame["policy"] = frame["policy"].astype("category")
    frame["batch"] = frame["batch"].astype("int64")
    return frame


def national_policies() -> pd.DataFrame:
    """Return the measures that hit every place at once, at home and abroad.

    Returns
    -------
    pandas.DataFrame
        ``policy``, ``date`` (text), ``year`` (integer), ``content``, ``status``, ``note``, ``source``, ``verified``.

    Examples
    --------
    >>> len(national_policies())
    24
    """
    return _rivals("national_policies.csv")
