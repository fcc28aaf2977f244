"""A small instrument that has one of everything, and ways to write answers to it as platforms do."""

from pathlib import Path

import pytest

from cbecmodel.files import write_atomic
from cbecmodel.survey.instrument import Instrument, load_instrument

SMALL = """
id: small
title: {en: Small, zh: 小问卷}
languages: [en, zh]
scales:
  agree5:
    points:
      1: {en: Strongly disagree, zh: 非常不同意}
      2: {en: Disagree, zh: 不同意}
      3: {en: Neither, zh: 说不清}
      4: {en: Agree, zh: 同意}
      5: {en: Strongly agree, zh: 非常同意}
missing_codes:
  -77: {en: Not shown, zh: 未显示}
  -88: {en: Not applicable, zh: 不适用}
  -99: {en: Unanswered, zh: 未作答}
screening_rules: {minimum_flags: 2}
consent:
  text: {en: Do you agree to take part?, zh: 您是否同意参加？}
  options: {1: {en: I agree, zh: 我同意}, 0: {en: I do not agree, zh: 我不同意}}
screening:
  S_AGE: {type: integer, text: {en: Your age?, zh: 您的年龄（周岁）？}, screen_out: '< 18', minimum: 5, maximum: 110}
  S_COUNTRY: {type: country, text: {en: Where do you live?, zh: 您住在哪个国家？}, screen_out: '== CHN'}
constructs:
  JOY:
    name: {en: Joy, zh: 快乐}
    items:
      J1: {text: {en: 'I sing, often.', zh: 我经常唱歌。}}
      J2: {text: {en: I laugh., zh: 我经常笑。}}
      J3: {text: {en: I sulk (at home)., zh: 我（在家）闷闷不乐。}, reverse: true}
  CALM:
    name: {en: Calm, zh: 平静}
    items:
      C1: {text: {en: I sleep well., zh: 我睡得好。}}
      C2: {text: {en: I worry., zh: 我常担心。}, reverse: true}
  TRUST:
    name: {en: Trust, zh: 信任}
    items:
      T1: {text: {en: I trust people., zh: 我信任别人。}}
      T2: {text: {en: I lend things., zh: 我愿意借出东西。}}
checks:
  A1: {kind: instructed_response, scale: agree5, passing: [2], text: {en: Choose Disagree., zh: 请选“不同意”。}}
  R1: {kind: consistency, compare_with: X_PET, text: {en: Which pet was it?, zh: 是哪种宠物？}}
covariates:
  X_PET:
    type: select_one
    text: {en: Your pet?, zh: 您的宠物？}
    options: {0: {en: Nobody, zh: 无}, 1: {en: Cat, zh: 猫}, 96: {en: Other, zh: 其他}}
  X_FOOD:
    type: select_multiple
    text: {en: 'What do you eat? (Select all.)', zh: 您吃什么？（可多选）}
    options: {1: {en: Rice, zh: 米饭}, 2: {en: 'Noodles, dry', zh: 面条}, 9: {en: Other, zh: 其他}}
  X_NOTE: {type: text, text: {en: Remarks?, zh: 备注？}}
  X_LANG: {type: paradata, text: {en: Language, zh: 作答语言}}
"""


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Instrument:
    """Two languages, a reversed item in two constructs, every type of question."""
    return load_instrument(write_atomic(tmp_path_factory.mktemp("small") / "small.yaml", SMALL))


@pytest.fixture
def plain(tmp_path: Path) -> Instrument:
    """Three items on a scale of three, nothing else."""
    text = """
id: plain
title: Plain
scales: {three: {points: {1: Low, 2: Middle, 3: High}}}
missing_codes: {-9: No answer}
constructs:
  A: {name: A, items: {A1: {text: First?}, A2: {text: Second?}, A3: {text: Third?, reverse: true}}}
"""
    return load_instrument(write_atomic(tmp_path / "plain.yaml", text))
