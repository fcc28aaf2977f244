"""A small real study: Bollen's data on democracy as answers, in a compendium of its own."""

import shutil
from pathlib import Path

import pytest

INSTRUMENT = """\
id: democracy
version: 1.0.0
title: {en: Industrialization and democracy, zh: 工业化与民主}
languages: [en, zh]
scales: {measured: {kind: continuous}}
constructs:
  ind60: {name: {en: Industrialization 1960, zh: 1960 年工业化}, items: {x1: {}, x2: {}, x3: {}}}
  dem60: {name: {en: Democracy 1960, zh: 1960 年民主}, items: {y1: {}, y2: {}, y3: {}, y4: {}}}
  dem65: {name: {en: Democracy 1965, zh: 1965 年民主}, items: {y5: {}, y6: {}, y7: {}, y8: {}}}
"""
STUDY = """\
id: democracy
title: {en: Industrialization and democracy, zh: 工业化与民主}
abstract: {en: Bollen (1989) on 75 developing countries., zh: Bollen（1989）关于 75 个发展中国家的数据。}
seed: 7
surveys:
  countries: {instrument: democracy, files: [data/answers.csv]}
models:
  B89:
    survey: countries
    title: {en: Bollen's model, zh: Bollen 模型}
    syntax: |
      ind60 =~ x1 + x2 + x3
      dem60 =~ y1 + y2 + y3 + y4
      dem65 =~ y5 + y6 + y7 + y8
      dem60 ~ a*ind60
      dem65 ~ ind60 + b*dem60
      y1 ~~ y5
      y2 ~~ y4 + y6
      y3 ~~ y7
      y4 ~~ y8
      y6 ~~ y8
      indirect := a*b
    hypotheses:
      D1: {path: "dem60 ~ ind60", sign: 1}
      D2:
        path: "ind60 -> dem60 -> dem65"
        sign: 1
        text: {en: Industrialization works through democracy., zh: 工业化经由民主起作用。}
      D3: {path: "dem65 ~ ind60", sign: -1}
report: {formats: [html]}
"""


def write_democracy(folder: Path) -> None:
    """Write the compendium; the answers are semopy's copy of Bollen's data (75 countries, 11 indicators)."""
    from semopy.examples import political_democracy

    for name in ("surveys", "analysis", "data"):
        (folder / name).mkdir()
    (folder / "surveys" / "democracy.yaml").write_text(INSTRUMENT, encoding="utf-8")
    (folder / "analysis" / "study.yaml").write_text(STUDY, encoding="utf-8")
    frame = political_democracy.get_data().rename_axis("respondent").reset_index()
    frame.to_csv(folder / "data" / "answers.csv", index=False)


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same compendium after one whole run."""
    from cbecmodel.study.run import run_study

    folder = tmp_path_factory.mktemp("built")
    write_democracy(folder)
    run_study(folder / "analysis" / "study.yaml", progress=False)
    return folder


@pytest.fixture
def built(built_once: Path, tmp_path: Path) -> Path:
    """A copy of the built compendium, in another folder."""
    folder = tmp_path / "copy"
    shutil.copytree(built_once, folder)
    return folder
