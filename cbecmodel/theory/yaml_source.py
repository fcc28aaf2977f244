"""YAML that remembers its lines: every value can say where in the file it stands.

Only plain YAML is read: mappings, lists, text, numbers, true/false and nothing. Tags, aliases, merge keys and repeated
keys are refused, because a reader of the file could not see what they do. Keys are always text (``no`` is the language
code, not a negation), and only ``true`` and ``false`` are truth values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from cbecmodel.errors import ContentError
from cbecmodel.files import decode, read_bytes
from cbecmodel.theory.yaml_faults import not_yaml

if TYPE_CHECKING:
    from pathlib import Path

Location = tuple[str | int, ...]
_PREFIX: Final = "tag:yaml.org,2002:"
_SCALARS: Final = {"str", "int", "float", "bool", "null"}
_DEEPEST: Final = 40


class _PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C loader where it is built
    """The safe loader without YAML 1.1's surprises (yes/no, base-60 numbers, dates)."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's interface


for _kind, _pattern, _first in (
    ("bool", r"^(?:true|false|True|False)$", "tfTF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(?:~|null|Null|)$", ["~", "n", "N", ""]),
):
    _PlainLoader.add_implicit_resolver(f"{_PREFIX}{_kind}", re.compile(_pattern), list(_first))


@dataclass(frozen=True, slots=True)
class YamlSource:
    """One YAML file: its values and the line of each.

    Attributes
    ----------
    path : pathlib.Path
    data : Any
        The file's content as plain dicts, lists, text and numbers.
    lines : dict
        ``{(key, key, index, …): line}``, lines counted from 1; the line of a mapping's entry is its key's.
    """

    path: Path
    data: Any
    lines: dict[Location, int] = field(repr=False)

    def line(self, location: Location) -> int:
        """Return the line of a value, or of the nearest thing around it that is in the file.

        Parameters
        ----------
        location : tuple
            Keys and list positions from the top of the file.

        Returns
        -------
        int
            Counted from 1.
        """
        for length in range(len(location), 0, -1):
            found = self.lines.get(tuple(str(k) if not isinstance(k, int) else k for k in location[:length]))
            found = found or self.lines.get(tuple(str(k) for k in location[:length]))
            if found is not None:
                return found
        return 1


def read_yaml(path: Path) -> YamlSource:
    r"""Read one YAML file with its lines.

    Parameters
    ----------
    path : pathlib.Path
        UTF-8, UTF-16 or GB18030 (what older Chinese editors write).

    Returns
    -------
    YamlSource

    Raises
    ------
    FileError
        If there is no such file, or it is not text.
    ContentError
        If it is not YAML, or uses tags, aliases, merge keys or a key twice.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "a.yaml"
    >>> _ = file.write_text("scales:\n  agree: [1, 2]\n", encoding="utf-8")
    >>> read_yaml(file).line(("scales", "agree"))
    2
    """
    text, _ = decode(read_bytes(path), path=path)
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> YamlSource:
    """Read YAML text that came from ``path``; see :func:`read_yaml`.

    Parameters
    ----------
    text : str
    path : pathlib.Path
        Named in messages.

    Returns
    -------
    YamlSource

    Raises
    ------
    ContentError
        As :func:`read_yaml`.
    """
    try:
        loader = _PlainLoader(text)
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        raise not_yaml(path, text, error) from error
    lines: dict[Location, int] = {}
    data = None if node is None else _Walk(path, loader, lines).value(node, ())
    return YamlSource(path, data, lines)


def _refuse(path: Path, line: int, rule: str, **values: Any) -> ContentError:
    return ContentError(f"theory.{rule}", file=str(path), line=line, where=values.pop("where", ""), rule=rule, **values)


class _Walk:
    """Turn PyYAML's nodes into plain values, noting lines and refusing what hides meaning."""

    def __init__(self, path: Path, loader: Any, lines: dict[Location, int]) -> None:
        self.path, self.loader, self.lines, self.seen = path, loader, lines, set[int]()

    def value(self, node: yaml.Node, at: Location) -> Any:
        self.lines.setdefault(at, node.start_mark.line + 1)
        line = node.start_mark.line + 1
        if id(node) in self.seen:
            raise _refuse(self.path, self.lines[at], "alias", where=" › ".join(map(str, at)))
        if len(at) > _DEEPEST:
            raise _refuse(self.path, line, "too_deep", where=" › ".join(map(str, at[:3])))
        self.seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._tag(node, at, {"map"})
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            self._tag(node, at, {"seq"})
            return [self.value(child, (*at, n)) for n, child in enumerate(node.value)]
        self._tag(node, at, _SCALARS)
        return self.loader.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, at: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, child in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise _refuse(self.path, line, "key_not_text", where=" › ".join(map(str, at)))
            name = str(key.value)
            if name == "<<" and not key.style:
                raise _refuse(self.path, line, "merge_key", where=" › ".join(map(str, at)))
            if "：" in name and not key.style:  # "T1：{…" is one long key to YAML
                raise _refuse(self.path, line, "yaml_full_width_colon", where=" › ".join(map(str, at)))
            if name in result:
                before = self.lines[*at, name]
                raise _refuse(self.path, line, "repeated_key", where=" › ".join(map(str, at)), name=name, before=before)
            self.lines[*at, name] = line
            result[name] = self.value(child, (*at, name))
        return result

    def _tag(self, node: yaml.Node, at: Location, allowed: set[str]) -> None:
        if node.tag.removeprefix(_PREFIX) not in allowed or not node.tag.startswith(_PREFIX):
            line = node.start_mark.line + 1
            raise _refuse(self.path, line, "tag", where=" › ".join(map(str, at)), tag=node.tag)
