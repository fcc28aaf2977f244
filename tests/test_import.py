"""The package's face stays light: nothing heavy is loaded until it is used."""

import subprocess
import sys

HEAVY = ("numpy", "pandas", "scipy", "matplotlib", "semopy", "statsmodels", "linearmodels", "pydantic", "yaml", "numba")


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join({{m.split('.')[0] for m in sys.modules}}))"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_import_loads_nothing_heavy():
    assert loaded_by("import cbecmodel").isdisjoint(HEAVY)


def test_help_loads_nothing_heavy():
    run = "from click.testing import CliRunner; from cbecmodel.cli import main; assert CliRunner().invoke(main, ['--help']).exit_code == 0"
    assert loaded_by(run).isdisjoint(set(HEAVY) - {"yaml"})


def test_every_public_name_resolves():
    import cbecmodel

    missing = [name for name in cbecmodel.__all__ if not hasattr(cbecmodel, name)]
    assert missing == []
