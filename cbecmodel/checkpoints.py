"""Batches of a long computation kept in a folder, so that a killed run goes on where it was.

The folder holds ``manifest.json``, which says what is being computed, and one Parquet file a finished batch. Each file is written
whole or not at all and carries the manifest's hash, so that nothing of another computation can slip in.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cbecmodel import messages
from cbecmodel.errors import ContentError, FileError, MissingDependency
from cbecmodel.files import read_bytes, write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping

Columns: TypeAlias = dict[str, NDArray[Any]]
_MANIFEST = "manifest.json"
_MARK = b"cbecmodel"


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """A folder of finished batches.

    Attributes
    ----------
    folder : pathlib.Path
    mark : str
        Hash of the manifest.

    Examples
    --------
    >>> import tempfile
    >>> kept = open_checkpoints(tempfile.mkdtemp(), {"model": "abc"}, {"blas": "Haswell"})  # doctest: +SKIP
    >>> kept.save(0, {"estimate": np.zeros((5, 2))})  # doctest: +SKIP
    >>> kept.load(0)["estimate"].shape  # doctest: +SKIP
    (5, 2)
    """

    folder: Path
    mark: str

    def save(self, batch: int, columns: Columns) -> None:
        """Keep a finished batch.

        Parameters
        ----------
        batch : int
        columns : dict of ndarray, shape (m,) or (m, k)
        """
        arrow, parquet = _arrow()
        arrays = {name: _to_arrow(arrow, values) for name, values in columns.items()}
        table = arrow.table(arrays).replace_schema_metadata({_MARK: self.mark.encode()})
        sink = arrow.BufferOutputStream()
        parquet.write_table(table, sink, compression="zstd", store_schema=True)
        write_atomic(self._path(batch), sink.getvalue().to_pybytes())

    def load(self, batch: int) -> Columns | None:
        """Return a batch if it is here.

        Parameters
        ----------
        batch : int

        Returns
        -------
        dict of ndarray, or None

        Raises
        ------
        FileError
            If the file is damaged.
        ContentError
            If it belongs to another computation.
        """
        path = self._path(batch)
        if not path.is_file():
            return None
        arrow, parquet = _arrow()
        try:
            table = parquet.read_table(arrow.BufferReader(read_bytes(path)))
        except (arrow.ArrowException, OSError) as error:
            raise FileError("parallel.checkpoint_damaged", path=str(path), reason=str(error)) from error
        if (table.schema.metadata or {}).get(_MARK) != self.mark.encode():
            raise ContentError("parallel.checkpoint_foreign", path=str(path))
        return {name: _from_arrow(arrow, table.column(name).combine_chunks()) for name in table.column_names}

    def _path(self, batch: int) -> Path:
        return self.folder / f"batch-{batch:06d}.parquet"


def open_checkpoints(folder: str | Path, identity: Mapping[str, str], environment: Mapping[str, str]) -> Checkpoints:
    """Open a folder, or begin it.

    Parameters
    ----------
    folder : str or pathlib.Path
    identity : mapping of str to str
        What is computed: hashes of model, population and data, seed, number of replicates, size of batches.
    environment : mapping of str to str
        What decides the last bits, see :func:`cbecmodel.workers.numerics`.

    Returns
    -------
    Checkpoints

    Raises
    ------
    ContentError
        If the folder holds another computation, or the same one made with other numerics; says what differs.
    FileError
        If it cannot be written, or its manifest cannot be read.
    MissingDependency
        If pyarrow is not installed.
    """
    _arrow()
    folder = Path(folder)
    manifest = folder / _MANIFEST
    stated = {"identity": dict(identity), "environment": dict(environment)}
    said = json.dumps(stated, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if manifest.is_file():
        _compare(manifest, stated)
    else:
        write_atomic(manifest, said)
    return Checkpoints(folder, hashlib.sha256(said.encode()).hexdigest())


def _compare(manifest: Path, stated: Mapping[str, Mapping[str, str]]) -> None:
    try:
        found = json.loads(read_bytes(manifest))
        there = {part: dict(found[part]) for part in stated}
    except (ValueError, KeyError, TypeError) as error:
        raise FileError("parallel.checkpoint_damaged", path=str(manifest), reason=str(error)) from error
    for part, key in (("identity", "checkpoint_of_other"), ("environment", "checkpoint_environment")):
        old, new = there[part], stated[part]
        differing = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
        if differing:
            shown = "; ".join(f"{name}: {_short(old.get(name))} ≠ {_short(new.get(name))}" for name in differing)
            raise ContentError(f"parallel.{key}", folder=str(manifest.parent), what=shown)


def _short(value: str | None) -> str:
    return "–" if value is None else value if len(value) <= 40 else value[:12] + "…"


def _arrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingDependency(
            "core.missing_dependency",
            package="pyarrow",
            extra="cluster",
            purpose=messages.text("core.purpose_checkpoints"),
        ) from error


def _to_arrow(arrow: Any, values: NDArray[Any]) -> Any:
    flat = arrow.array(np.ascontiguousarray(values).reshape(-1))
    return flat if values.ndim == 1 else arrow.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _from_arrow(arrow: Any, column: Any) -> NDArray[Any]:
    if not arrow.types.is_fixed_size_list(column.type):
        return _plain(column)
    return _plain(column.flatten()).reshape(len(column), column.type.list_size)


def _plain(column: Any) -> NDArray[Any]:
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values.astype(str) if values.dtype == object else np.array(values)
