"""The house has floors: a room imports only from the floors below it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "cbecmodel"
FLOORS = (
    {"messages", "errors", "files", "content"},
    {"batches", "checkpoints", "workers"},
    {"parallel", "display"},
    {"theory"},
    {"survey", "structure", "policy"},
    {"measurement"},
    {"simulate"},
    {"report"},
    {"study"},
    {"cli"},
    {"__main__"},
)
GROUND = ("messages", "errors", "files")  # in this order, from below
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [alias.name for alias in node.names] if node.module == "cbecmodel" else []
            yield from ((node.lineno, f"cbecmodel.{name}" if name in FLOOR else "cbecmodel") for name in names)
            if not names:
                yield node.lineno, node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_room_imports_only_from_below(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room == "__init__":
        return
    for line, module in imports(path):
        if module.split(".")[0] != "cbecmodel":
            continue
        other = room_of(module)
        if other in {room, ""}:
            assert other == room or room in {"cli", "study"}, f"{path.name}:{line} imports the package's face"
            continue
        below = FLOOR[other] < FLOOR[room]
        on_the_ground = other in GROUND and room in (*GROUND, "content") and GROUND.index(other) < _ground(room)
        assert below or on_the_ground, f"{path.name}:{line}: {room} imports {module}"


def _ground(room: str) -> int:
    return GROUND.index(room) if room in GROUND else len(GROUND)


def test_every_room_has_a_floor() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES} - {"__init__"}
    assert rooms <= FLOOR.keys()


def test_rooms_are_named_for_no_public_function() -> None:
    """Importing cbecmodel.x.y rebinds cbecmodel.x."""
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    public = {alias.asname or alias.name for n in stub.body if isinstance(n, ast.ImportFrom) for alias in n.names}
    assert not public & FLOOR.keys()
