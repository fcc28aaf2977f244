"""Runs a whole study: from its file to the reports, skipping what has not changed."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cbecmodel.files import read_bytes
from cbecmodel.messages import LANGUAGES, language, text
from cbecmodel.study.plan import plan
from cbecmodel.study.runner import Outcome, Runner
from cbecmodel.study.steps import WARNINGS
from cbecmodel.study.study import load_study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cbecmodel.display.tables import Table
    from cbecmodel.study.steps import Step

_KINDS: Final = ("html", "pdf", "docx")


@dataclass(frozen=True, slots=True)
class StudyRun:
    """What one run of a study did, and where its results are.

    Attributes
    ----------
    title : dict
        Of the study.
    folder : pathlib.Path
        Where the results are.
    done, skipped : tuple of str
        Steps that ran; steps that were up to date.
    reports : tuple of pathlib.Path
        The documents written.
    provenance : pathlib.Path
    warnings : dict
        ``{step: ({language: sentence}, …)}``: what the steps had to say, also those that were skipped this time.
    synthetic : bool
        Whether any part of the data was simulated.
    seconds : float
        How long this run took; shown here only, never kept with the results.
    """

    title: dict[str, str]
    folder: Path
    done: tuple[str, ...]
    skipped: tuple[str, ...]
    reports: tuple[Path, ...]
    provenance: Path
    warnings: dict[str, tuple[dict[str, str], ...]]
    synthetic: bool
    seconds: float = field(compare=False)

    def summary(self) -> str:
        """Return what was done and where the results are, as text.

        Returns
        -------
        str
        """
        lines = [f"{label}: {value}" for label, value in self._facts()]
        for step, sentences in self.warnings.items():
            lines += [f"⚠ {step}: {said[language()]}" for said in sentences]
        mark = f" [{text('study.synthetic')}]" if self.synthetic else ""
        return "\n".join([self._title() + mark, *lines])

    def _title(self) -> str:
        return self.title.get(language()) or next(iter(self.title.values()))

    def _facts(self) -> list[tuple[str, str]]:
        done = text("study.run_steps", done=len(self.done), skipped=len(self.skipped), seconds=f"{self.seconds:.1f}")
        shown = [_shown(path) for path in (*self.reports, self.provenance)]
        return [(text("study.run_did"), done), (text("study.run_results"), "\n  ".join(["", *shown]))]

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        import pandas as pd

        from cbecmodel.display.tables import Column, Table, summary_html

        steps = [(name, text("study.ran")) for name in self.done] + [(n, text("study.kept")) for n in self.skipped]
        said = [(step, one[language()]) for step, sentences in self.warnings.items() for one in sentences]
        named = {"step": Column(text("study.col_step"), "text")}
        tables: list[Table] = [
            Table(
                pd.DataFrame(steps, columns=["step", "what"]), named | {"what": Column(text("study.col_what"), "text")}
            )
        ]
        if said:
            columns = named | {"said": Column(text("study.col_warning"), "text")}
            tables.append(Table(pd.DataFrame(said, columns=["step", "said"]), columns))
        results = pd.DataFrame({"file": [_shown(path) for path in (*self.reports, self.provenance)]})
        tables.insert(0, Table(results, {"file": Column(text("study.run_results"), "text")}))
        return summary_html(self._title(), self._facts()[:1], tables, synthetic=self.synthetic)


def run_study(path: str | Path, *, force: bool = False, progress: bool = True) -> StudyRun:
    """Run a study, from its data to its reports.

    Parameters
    ----------
    path : str or pathlib.Path
        The study file, as ``analysis/study.yaml``.
    force : bool
        Run every step, also those that are up to date.
    progress : bool
        Show a bar with the name of the step.

    Returns
    -------
    StudyRun

    Raises
    ------
    ContentError
        If the study file, the theory or an instrument breaks a rule.
    DataError
        If data cannot be used as they are.
    DisagreementError
        If two engines give different numbers for one headline quantity.

    Notes
    -----
    A step runs again when the contents of its files, the results of the steps it needs, its settings, the code it runs or the
    version of a library it computes with have changed; otherwise it is skipped. Results are moved into place whole: after
    Ctrl-C, a kill or a full disk the next run goes on at the first unfinished step.

    Examples
    --------
    >>> import cbecmodel as cbec
    >>> run = cbec.run_study("analysis/study.yaml")  # doctest: +SKIP
    """
    started = time.monotonic()
    study = load_study(path)
    steps = plan(study)
    runner = Runner(study.build)
    with _Bar(len(steps), shown=progress) as bar:
        outcome = runner.run(steps, bar, force=force)
    targets = [study.build / target for step in steps for target in step.published.values()]
    reports = tuple(p for p in targets if p.suffix.removeprefix(".") in _KINDS and p.is_file())
    provenance = study.build / "provenance.json"
    known = json.loads(read_bytes(provenance))
    return StudyRun(
        title={str(lang): said for lang, said in study.config.title.items()},
        folder=study.build,
        done=outcome.done,
        skipped=outcome.skipped,
        reports=reports,
        provenance=provenance,
        warnings=_all_warnings(runner, steps, outcome),
        synthetic=bool(known["synthetic"]),
        seconds=time.monotonic() - started,
    )


def _all_warnings(runner: Runner, steps: Sequence[Step], outcome: Outcome) -> dict[str, tuple[dict[str, str], ...]]:
    """Collect what every step had to say, once each."""
    heard: dict[str, tuple[dict[str, str], ...]] = {}
    seen: set[str] = set()
    for step in steps:
        sentences = runner.artefacts(step, (WARNINGS,)).value(WARNINGS) if step.name in outcome.records else []
        fresh = tuple(said for said in sentences if said[LANGUAGES[0]] not in seen)
        seen |= {said[LANGUAGES[0]] for said in fresh}
        if fresh:
            heard[step.name] = fresh
    return heard


def _shown(path: Path) -> str:
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)


class _Bar:
    """Shows the steps as they run; stays silent while there is nothing to do."""

    def __init__(self, total: int, *, shown: bool) -> None:
        self.total, self.shown, self.passed = total, shown, 0
        self.bar: Any = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def begins(self, step: Step) -> None:
        """Name the step that begins."""
        if not self.shown:
            return
        if self.bar is None:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=self.total, initial=self.passed, unit=text("study.unit_step"), file=sys.stderr)
        kind, _, part = step.name.partition(":")
        self.bar.set_description(" ".join(filter(None, (text(f"study.step_{kind}"), part))))

    def ends(self, step: Step, *, ran: bool) -> None:  # noqa: ARG002 - the watcher's interface
        """Count a step."""
        self.passed += 1
        if self.bar is not None:
            self.bar.update()
