"""A new research compendium: everything a study needs, ready to run, in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cbecmodel.content import content_folder
from cbecmodel.errors import FileError
from cbecmodel.files import read_bytes, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN: Final = {"README.md": "compendium_readme.md", "Makefile": "compendium_makefile.txt"}
_IGNORED: Final = {"reports/.gitignore": b"build/\n", ".gitignore": b".venv/\n__pycache__/\n.ipynb_checkpoints/\n"}


def new_compendium(folder: str | Path) -> tuple[Path, ...]:
    """Write a ready study: questionnaires, theory, settings, a README and a Makefile.

    Parameters
    ----------
    folder : str or pathlib.Path
        Must be empty or not exist yet; nothing is ever overwritten.

    Returns
    -------
    tuple of pathlib.Path
        The files written.

    Raises
    ------
    FileError
        If the folder holds anything already, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> written = new_compendium(Path(tempfile.mkdtemp()) / "mystudy")
    >>> sorted(path.name for path in written)[:2]
    ['.gitignore', '.gitignore']
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileError("study.folder_not_empty", path=str(folder))
    return tuple(write_atomic(folder / name, data) for name, data in _contents())


def _contents() -> Iterator[tuple[str, bytes]]:
    for name, source in _OWN.items():
        yield name, read_bytes(Path(__file__).parent / source)
    yield from _IGNORED.items()
    for path in sorted(content_folder("surveys").glob("*.yaml")):
        yield f"surveys/{path.name}", read_bytes(path)
    analysis = content_folder("analysis")
    yield "analysis/study.yaml", read_bytes(analysis / "study.yaml")
    for path in sorted(analysis.glob("notebooks/*.py")):
        if path.name != "__init__.py":
            yield f"analysis/notebooks/{path.name}", read_bytes(path)
