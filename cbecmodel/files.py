"""Reading and writing files so that nothing is ever half-written."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from pathlib import Path

from cbecmodel.errors import FileError


def write_atomic(path: str | Path, data: bytes | str) -> Path:
    """Write a file whole or not at all.

    The bytes go to a temporary file in the same folder, are flushed to disk, and only then take the name: a kill or a
    full disk leaves the file that was there before.

    Parameters
    ----------
    path : str or pathlib.Path
        Its folder is made if need be.
    data : bytes or str
        Text is written as UTF-8 with line feeds as line ends on every system.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    FileError
        If the disk is full or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> write_atomic(f"{folder}/a.txt", "完成").read_text(encoding="utf-8")
    '完成'
    """
    path = Path(path)
    payload = data.encode("utf-8") if isinstance(data, str) else data
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(payload)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        key = "core.disk_full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "core.write_failed"
        raise FileError(key, path=str(path), reason=error.strerror or str(error)) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return path


def read_bytes(path: str | Path) -> bytes:
    """Read a file, or say clearly that it is not there.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    bytes

    Raises
    ------
    FileError
        If there is no such file.

    Examples
    --------
    >>> len(read_bytes(__file__)) > 0
    True
    """
    path = Path(path)
    if not path.is_file():
        raise FileError("core.file_missing", path=str(path), folder=str(Path.cwd()))
    return path.read_bytes()


def sha256(path: str | Path) -> str:
    """Return a file's SHA-256 as hexadecimal text.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    str
        64 digits.

    Examples
    --------
    >>> len(sha256(__file__))
    64
    """
    return hashlib.sha256(read_bytes(path)).hexdigest()
