"""Reading and writing files so that nothing is ever half-written."""

from __future__ import annotations

import codecs
import errno
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final

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


_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NOT_TEXT: Final = {
    b"PK\x03\x04": "XLSX / ZIP",
    b"\xd0\xcf\x11\xe0": "XLS",
    b"%PDF": "PDF",
    b"\x1f\x8b": "GZIP",
    b"PAR1": "Parquet",
}
_WIDER: Final = {"gb2312": "gb18030", "gbk": "gb18030"}


def decode(data: bytes, encoding: str | None = None, *, path: str | Path = "") -> tuple[str, str]:
    r"""Turn a text file's bytes into text, and say which encoding they were in.

    Parameters
    ----------
    data : bytes
        The whole file.
    encoding : str, optional
        Python's name of an encoding. Default: a byte-order mark decides; without one UTF-8 is tried, then GB18030, the
        superset of GBK and GB2312 that Chinese Excel writes. Both are read strictly: a byte that does not fit is an
        error, never a replacement character.
    path : str or pathlib.Path, optional
        Name of the file, for messages.

    Returns
    -------
    text : str
        Without byte-order mark; line ends as they were.
    encoding : str
        ``"utf-8"``, ``"utf-8-sig"``, ``"utf-16"``, ``"gb18030"`` or the one asked for.

    Raises
    ------
    FileError
        If the bytes are no text in that encoding (says the line), are another kind of file, or the encoding is unknown.

    Examples
    --------
    >>> decode("城市,年份".encode("gbk"))
    ('城市,年份', 'gb18030')
    >>> decode(b"\xef\xbb\xbfcity")
    ('city', 'utf-8-sig')
    """
    name = str(path) or "?"
    if encoding is not None:
        return _decode_as(data, encoding, name)
    for mark, marked in _MARKS:
        if data.startswith(mark):
            return _decode_as(data, marked, name)
    for magic, kind in _NOT_TEXT.items():
        if data.startswith(magic):
            raise FileError("core.not_text", path=name, kind=kind)
    if b"\0" in data:
        raise FileError("core.not_text", path=name, kind="NUL")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as first:
        try:
            return data.decode("gb18030"), "gb18030"
        except UnicodeDecodeError as second:
            at = max(first.start, second.start)
            raise FileError("core.undecodable", path=name, **_place(data, at), tried="UTF-8, GB18030") from second


def _decode_as(data: bytes, encoding: str, name: str) -> tuple[str, str]:
    try:
        found = codecs.lookup(encoding).name
    except LookupError as error:
        raise FileError("core.unknown_encoding", path=name, encoding=encoding) from error
    try:
        decoded = data.decode(_WIDER.get(found, found))
    except UnicodeDecodeError as error:
        raise FileError("core.undecodable", path=name, **_place(data, error.start), tried=encoding) from error
    return decoded.removeprefix("\ufeff"), encoding


def _place(data: bytes, position: int) -> dict[str, int | str]:
    return {"line": data.count(b"\n", 0, position) + 1, "byte": f"0x{data[position]:02X}"}
