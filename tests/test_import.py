"""The package's face stays light: nothing heavy is loaded until it is used."""

import configparser
import subprocess
import sys
from pathlib import Path

import cbecmodel

HEAVY = ("numpy", "pandas", "scipy", "matplotlib", "semopy", "statsmodels", "linearmodels", "pydantic", "yaml", "numba")


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint('\\n'.join(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_import_loads_nothing_heavy():
    assert loaded_by("import cbecmodel").isdisjoint(HEAVY)


def test_help_loads_nothing_heavy():
    run = "from cbecmodel.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert loaded_by(run).isdisjoint(set(HEAVY) - {"yaml"})


def test_every_public_name_resolves():
    import cbecmodel

    missing = [name for name in cbecmodel.__all__ if not hasattr(cbecmodel, name)]
    assert missing == []


def test_every_folder_with_modules_travels_in_the_wheel():
    root = Path(cbecmodel.__file__).parent
    settings = configparser.ConfigParser()
    settings.read(root.parent / "setup.cfg", encoding="utf-8")
    listed = set(settings["options"]["packages"].split())
    folders = {".".join(path.parent.relative_to(root.parent).parts) for path in root.rglob("*.py")}
    assert folders <= listed, sorted(folders - listed)
