"""Which code a step depends on, found without running it, and the hash of that code.

A step's code is the module that holds it, every module of this package that module imports (directly or through others;
also inside functions), and the data files of the rooms they live in: sentences, figures' fonts, policy dates, templates.
Imports are read from the syntax tree, so that asking costs milliseconds and never imports pandas.
"""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cbecmodel.content import content_folder
from cbecmodel.files import read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE: Final = Path(__file__).parents[1]
_IGNORED: Final = {".pyc", ".py", ".pyi", ".so"}


@dataclass(slots=True)
class CodeBase:
    """The package's modules, and what each imports; one object serves one run.

    Attributes
    ----------
    package : pathlib.Path
        Folder of the package.
    read : callable
        How a file's bytes are read.
    """

    package: Path = PACKAGE
    read: Callable[[Path], bytes] = read_bytes
    _imports: dict[str, frozenset[str]] = field(default_factory=dict)
    _hashes: dict[Path, str] = field(default_factory=dict)

    def closure(self, module: str) -> frozenset[str]:
        """Return the modules of this package that a module needs, itself included.

        Parameters
        ----------
        module : str
            As in ``import module``.

        Returns
        -------
        frozenset of str

        Examples
        --------
        >>> sorted(CodeBase().closure("cbecmodel.errors"))
        ['cbecmodel.errors', 'cbecmodel.messages']
        """
        found: set[str] = set()
        waiting = [module]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self._imported_by(name) - found)
        return frozenset(found)

    def hash(self, module: str) -> str:
        """Return the SHA-256 of everything a module's results can depend on in this package.

        Parameters
        ----------
        module : str

        Returns
        -------
        str
            64 hexadecimal digits.
        """
        modules = self.closure(module)
        files = {self._file(name) for name in modules} | {p for name in modules for p in self._data(name)}
        digest = hashlib.sha256()
        for name, path in sorted((self._name(path), path) for path in files):
            digest.update(f"{name}:{self._hash(path)}\n".encode())
        return digest.hexdigest()

    def _name(self, path: Path) -> str:
        inside = path.is_relative_to(self.package)
        return path.relative_to(self.package).as_posix() if inside else path.name

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            self._hashes[path] = hashlib.sha256(self.read(path)).hexdigest()
        return self._hashes[path]

    def _imported_by(self, module: str) -> frozenset[str]:
        if module not in self._imports:
            tree = ast.parse(self.read(self._file(module)))
            self._imports[module] = frozenset(self._within(tree)) - {self.package.name}
        return self._imports[module]

    def _within(self, tree: ast.AST) -> Iterator[str]:
        own = self.package.name
        for node in _run_nodes(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.split(".")[0] == own:
                        yield from self._with_packages(alias.name)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == own and node.module:
                yield from self._with_packages(node.module)
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    if self._exists(inner):
                        yield inner

    def _with_packages(self, module: str) -> Iterator[str]:
        parts = module.split(".")
        for length in range(2, len(parts) + 1):
            name = ".".join(parts[:length])
            if self._exists(name):
                yield name

    def _path(self, module: str) -> Path:
        return self.package.joinpath(*module.split(".")[1:])

    def _exists(self, module: str) -> bool:
        path = self._path(module)
        return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()

    def _file(self, module: str) -> Path:
        path = self._path(module)
        return path / "__init__.py" if (path / "__init__.py").is_file() else path.with_suffix(".py")

    def _data(self, module: str) -> Iterator[Path]:
        """Files beside the code of a module's room: its sentences, its data, its templates."""
        room = module.split(".")[1] if "." in module else ""
        sentences = self.package / "locale" / f"{'core' if room in {'errors', 'files'} else room}.yaml"
        if sentences.is_file():
            yield sentences
        folders = [self.package / room] if room not in {"", "content"} else []
        if room == "report":
            folders.append(content_folder("reports"))
        for folder in folders:
            for path in folder.rglob("*"):
                if path.is_file() and path.suffix not in _IGNORED and not path.name.startswith("."):
                    yield path


def _run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node of a module but those that only type checkers see."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            yield from (inner for part in node.orelse for inner in ast.walk(part))
            continue
        yield node
        yield from _run_nodes(node)
