"""What computes here: versions, linear algebra, and the engine of resampling."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from cbecmodel.display.tables import summary_html, summary_text
from cbecmodel.messages import text
from cbecmodel.structure.resampling.compiled import instruction_sets, kernel_in_use

_PACKAGES: Final = ("cbecmodel", "numpy", "scipy", "pandas", "statsmodels", "semopy", "linearmodels", "dask", "pyarrow")


@dataclass(frozen=True, slots=True)
class Configuration:
    """What computes here.

    Attributes
    ----------
    facts : tuple of (str, str)
        Label and value.
    """

    facts: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return summary_text(text("structure.config_title"), self.facts, [])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return summary_html(text("structure.config_title"), self.facts, [])

    def to_dict(self) -> dict[str, str]:
        """Return the facts by their labels.

        Returns
        -------
        dict
        """
        return dict(self.facts)


def show_config() -> Configuration:
    """Return versions, linear algebra and the engine that fits many samples at once.

    Returns
    -------
    Configuration
        Shows itself; :func:`cbecmodel.set_kernel` changes the engine.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> "numpy" in cbec.show_config().to_dict()
    True
    """
    found = [("Python", f"{platform.python_version()}, {platform.system()} {platform.machine()}")]
    for name in _PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, text("structure.config_absent")))
    found.append((text("structure.config_blas"), _blas()))
    found.append((text("structure.config_engine"), _engine()))
    return Configuration(tuple(found))


def _engine() -> str:
    available = instruction_sets()
    if not available:
        return text("structure.config_not_compiled")
    return text("structure.config_compiled", engine=kernel_in_use(), available=", ".join(available))


def _blas() -> str:
    pools: list[dict[str, Any]] = import_module("threadpoolctl").threadpool_info()
    parts = [
        f"{pool['internal_api']} {pool['version']} ({pool.get('architecture') or '–'}, {pool['num_threads']})"
        for pool in pools
        if pool.get("user_api") == "blas"
    ]
    return "; ".join(dict.fromkeys(parts)) or "–"
