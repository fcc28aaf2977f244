"""From a file of real answers to the built report, by writing only YAML; and what reruns when something is edited."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from cbecmodel.files import read_bytes, sha256
from cbecmodel.messages import use_language
from cbecmodel.study.code import PACKAGE, CodeBase
from cbecmodel.study.plan import plan
from cbecmodel.study.run import run_study
from cbecmodel.study.runner import Runner
from cbecmodel.study.study import load_study

REPORTS = ("report:en", "report:zh", "seal")


class Silent:
    def begins(self, step: object) -> None: ...

    def ends(self, step: object, *, ran: bool) -> None: ...


def tree(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def rerun(folder: Path, code: CodeBase | None = None) -> tuple[str, ...]:
    study = load_study(folder / "analysis" / "study.yaml")
    return Runner(study.build, code or CodeBase()).run(plan(study), Silent()).done


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_numbers_are_those_of_the_literature(built: Path) -> None:
    """lavaan 0.6's documented fit of Bollen's model: χ²(35) 38.125; paths 1.483, .572, .837; tolerance: printed digits."""
    steps = built / "reports" / "build" / "steps" / "fit-B89"
    measures = pd.read_csv(steps / "fit_measures.csv", index_col="name")["value"]
    assert measures["chisq"] == pytest.approx(38.125, abs=5e-4)
    assert measures["df"] == 35
    assert measures["rmsea"] == pytest.approx(0.035, abs=5e-4)
    paths = pd.read_csv(steps / "parameters.csv").query("op == '~'").set_index(["lhs", "rhs"])["est"]
    assert paths["dem60", "ind60"] == pytest.approx(1.483, abs=5e-4)
    assert paths["dem65", "ind60"] == pytest.approx(0.572, abs=5e-4)
    assert paths["dem65", "dem60"] == pytest.approx(0.837, abs=5e-4)


def test_the_ledger_judges_what_the_study_states(built: Path) -> None:
    ledger = pd.read_csv(built / "reports/build/steps/evidence/hypotheses.csv", index_col="hypothesis")
    assert ledger["verdict"].to_dict() == {"D1": "supported", "D2": "supported", "D3": "contradicted"}
    assert ledger.loc["D2", "test"] == "B89: ind60 → dem60 → dem65"
    assert ledger.loc["D2", "estimate"] == pytest.approx(1.483 * 0.837, abs=2e-3)
    assert ledger["second_engine"].to_numpy() == pytest.approx(ledger["estimate"].to_numpy(), rel=1e-4)
    assert not ledger["synthetic"].any()


def test_the_report_and_its_provenance(built: Path) -> None:
    build = built / "reports" / "build"
    for lang, word in (("en", "Industrialization"), ("zh", "工业化")):
        assert word in (build / lang / "report.html").read_text(encoding="utf-8")
    known = json.loads((build / "provenance.json").read_bytes())
    assert known["inputs"]["data/answers.csv"] == sha256(built / "data" / "answers.csv")
    assert known["reports"]["en/report.html"] == sha256(build / "en" / "report.html")
    assert known["packages"]["semopy"]
    assert known["synthetic"] is False
    text = (build / "provenance.json").read_text(encoding="utf-8")
    assert str(built) not in text
    assert str(Path.home()) not in text


def test_nothing_changed_nothing_runs(built: Path) -> None:
    before = tree(built)
    run = run_study(built / "analysis" / "study.yaml", progress=False)
    assert run.done == ()
    assert tree(built) == before
    assert [path.parent.name for path in run.reports] == ["en", "zh"]
    assert "7" in run.summary()
    html = run._repr_html_()
    assert "up to date" in html
    with use_language("zh"):
        assert "无需更新" in run.summary()


def test_a_run_with_nothing_to_do_imports_nothing_heavy(built: Path) -> None:
    script = (
        "import sys\nfrom cbecmodel.study.run import run_study\nrun = run_study(sys.argv[1])\n"
        "assert run.done == (), run.done\n"
        "heavy = {'pandas', 'numpy', 'scipy', 'semopy', 'matplotlib', 'statsmodels'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script, str(built / "analysis" / "study.yaml")], check=True)


def test_edited_data(built: Path) -> None:
    replace(built / "data" / "answers.csv", "2.5,", "2.6,")
    assert rerun(built) == ("survey:countries", "fit:B89", "evidence", "provenance", *REPORTS)
    assert rerun(built) == ()


def test_edited_model(built: Path) -> None:
    replace(built / "analysis" / "study.yaml", "y6 ~~ y8\n", "")
    assert rerun(built) == ("fit:B89", "evidence", "provenance", *REPORTS)


def test_edited_report_setting(built: Path) -> None:
    replace(built / "analysis" / "study.yaml", "title: {en: Industrialization", "title: {en: On industrialization")
    assert rerun(built) == ("provenance", *REPORTS)


def edited(name: str) -> CodeBase:
    """The package with one file edited, on nobody's disk."""
    return CodeBase(read=lambda path: read_bytes(path) + (b"# edited\n" if path == PACKAGE / name else b""))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("structure/estimate/likelihood.py", ("fit:B89",)),
        ("survey/recode.py", ("survey:countries",)),
        ("study/estimates.py", ("evidence",)),
        ("report/html.py", ("report:en", "report:zh")),
        ("locale/report.yaml", ("report:en", "report:zh")),
        ("policy/engines.py", ()),
        ("simulate/panel.py", ()),
        ("cli.py", ()),
    ],
)
def test_edited_helper_reruns_the_steps_that_use_it(built: Path, name: str, expected: tuple[str, ...]) -> None:
    """The results are the same, so nothing after them runs."""
    assert rerun(built, edited(name)) == expected


def test_a_rebuild_elsewhere_is_byte_identical(built: Path) -> None:
    before = tree(built / "reports")
    shutil.rmtree(built / "reports")
    run = run_study(built / "analysis" / "study.yaml", progress=False)
    assert len(run.done) == 7
    assert tree(built / "reports") == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a POSIX signal")
def test_killed_in_the_middle_it_resumes_to_the_same_bytes(built: Path) -> None:
    before = tree(built / "reports")
    shutil.rmtree(built / "reports")
    study = built / "analysis" / "study.yaml"
    command = [sys.executable, "-m", "cbecmodel", "run", str(study)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env={**os.environ})
    first = built / "reports" / "build" / "steps" / "survey-countries" / "record.json"
    until = time.monotonic() + 120
    while not first.is_file() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (built / "reports" / "build" / "provenance.json").exists()
    run = run_study(study, progress=False)
    assert "survey:countries" in run.skipped
    assert "fit:B89" in run.done
    assert tree(built / "reports") == before
