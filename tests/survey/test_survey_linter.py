"""Every rule of ``cbecmodel check`` for instruments, and what it lets pass."""

from pathlib import Path

import pytest

from cbecmodel.content import content_folder
from cbecmodel.errors import FileError
from cbecmodel.survey.item_wording import Wording, joining_word, text_length, wording_lists
from cbecmodel.survey.lint import check_content

GOOD = """\
id: small
title: {zh: 小问卷, en: Small}
languages: [zh, en]
limits: {words: 8, characters: 12}
scales:
  agree:
    points: {1: {zh: 不同意, en: Disagree}, 2: {zh: 同意, en: Agree}}
constructs:
  T:
    name: {zh: 信任, en: Trust}
    items:
      T1: {text: {zh: 我相信它。, en: I trust it.}}
      T2: {text: {zh: 它可靠。, en: It is reliable.}}
      T3: {text: {zh: 我不信它。, en: I do not trust it.}, reverse: true}
"""

WORDING = [
    ("en: I trust it.", "en: I trust and like it.", "double_barrelled", "T1 › text › en"),
    ("en: I trust it.", "en: I trust it or him.", "double_barrelled", "T1 › text › en"),
    ("zh: 我相信它。", "zh: 我相信并且喜欢它。", "double_barrelled", "T1 › text › zh"),
    ("zh: 我相信它。", "zh: 它便宜、耐用。", "double_barrelled", "T1 › text › zh"),
    ("en: I trust it.", "en: I trust it whenever I happen to see it here.", "too_long", "T1 › text › en"),
    ("zh: 我相信它。", "zh: 无论什么时候看到它我都愿意相信它。", "too_long", "T1 › text › zh"),
    ("en: I do not trust it.", "en: I distrust it.", "reverse_not_marked", "T3 › text › en"),
    ("zh: 我不信它。", "zh: 我怀疑它。", "reverse_not_marked", "T3 › text › zh"),
    ("zh: 它可靠。", "zh: '它,可靠。'", "halfwidth_punctuation", "T2 › text › zh"),
    ("en: It is reliable.", "en: I trust it.", "same_wording", "T2 › text › en"),
    ("reverse: true}", "reverse: true, wording_cue: {en: doubt}}", "cue_not_in_text", "T3 › wording_cue"),
    ("reverse: true}", "exempt: {too_short: {zh: 由, en: x}}}", "unknown_exemption", "T3 › exempt › too_short"),
]


def check(text: str, folder: Path):
    (folder / "small.yaml").write_text(text, encoding="utf-8")
    return check_content([folder / "small.yaml"])


def mutated(old: str, new: str) -> str:
    assert old in GOOD, old
    return GOOD.replace(old, new, 1)


def test_the_projects_own_content_has_no_findings():
    assert check_content([content_folder("surveys")]) == []


def test_the_good_instrument_has_no_findings(tmp_path):
    assert check(GOOD, tmp_path) == []


@pytest.mark.parametrize(("old", "new", "rule", "where"), WORDING)
def test_wording(tmp_path, old, new, rule, where):
    text = mutated(old, new)
    (found,) = [f for f in check(text, tmp_path) if f.rule == rule]
    assert found.where == f"constructs › T › items › {where}"
    assert new.split("{")[0][:6] in text.splitlines()[found.line - 1]
    assert found.message("en").endswith(f"[{rule}]")
    assert found.message("zh").endswith(f"［{rule}］")
    assert f"line {found.line}," in found.message("en")


def test_few_items_and_unused_scale(tmp_path):
    text = GOOD.replace("      T2: {text: {zh: 它可靠。, en: It is reliable.}}\n", "")
    (found,) = check(text, tmp_path)
    assert (found.rule, found.where, found.severity) == ("few_items", "constructs › T", "warning")
    assert "2 items" in found.message("en")
    assert "2 个题项" in found.message("zh")
    other = GOOD.replace("constructs:\n", "  other: {points: [1, 2]}\nscale: agree\nconstructs:\n")
    (found,) = check(other, tmp_path)
    assert (found.rule, found.where) == ("unused_scale", "scales › other")


def test_a_reasoned_exemption_is_respected(tmp_path):
    joined = mutated("en: I trust it.}", "en: I trust and like it.}")
    assert [f.rule for f in check(joined, tmp_path)] == ["double_barrelled"]
    reason = "exempt: {double_barrelled: {zh: 一个说法, en: one idea}}"
    assert (
        check(joined.replace("en: I trust and like it.}}", f"en: I trust and like it.}}, {reason}}}"), tmp_path) == []
    )


def test_a_cue_marks_a_reverse_item(tmp_path):
    doubt = GOOD.replace("我不信它。, en: I do not trust it.", "我怀疑它。, en: I doubt it.")
    assert len(check(doubt, tmp_path)) == 2
    assert check(doubt.replace("reverse: true", "reverse: true, wording_cue: {zh: 怀疑, en: doubt}"), tmp_path) == []


def test_another_language_by_yaml_alone(tmp_path):
    text = """\
id: fr
languages: [fr]
scales: {accord: {points: [1, 2, 3]}}
wording: {fr: {joins: [et, ou], negations: [ne]}}
constructs:
  C:
    items:
      C1: {text: Il est beau et bon.}
      C2: {text: Il me plaît.}
      C3: {text: Je ne l'aime pas., reverse: true}
"""
    (found,) = check(text, tmp_path)
    assert (found.rule, found.values["word"]) == ("double_barrelled", "et")
    assert len(check(text.replace("wording: {fr: {joins: [et, ou], negations: [ne]}}\n", ""), tmp_path)) == 0


@pytest.mark.parametrize(
    ("lang", "text", "word"),
    [
        ("zh", "推荐与我的兴趣相符。", ""),
        ("zh", "它把传统与当代设计结合得很好。", ""),
        ("zh", "我能及时看到。", ""),
        ("zh", "费用（运费、税费）合理。", ""),
        ("zh", "它代表文化，而不只是商品。", ""),
        ("zh", "它清楚而合理。", "而"),
        ("zh", "它既便宜又好。", "既"),
        ("zh", "我喜欢或讨厌它。", "或"),
        ("zh", "它与我有关，和他无关以及其他。", "和"),
        ("en", "The island is oranges.", ""),
        ("en", "It gets better and better.", ""),
        ("en", "Help (returns and refunds) works.", ""),
        ("en", "It is cheap AND good.", "and"),
        ("en", "It is clear yet short.", "yet"),
        ("en", "Use it and/or keep it.", "and/or"),
    ],
)
def test_joining_words(lang, text, word):
    assert joining_word(text, wording_lists()[lang]) == word


def test_lengths_by_script():
    assert text_length("") == ("words", 0)
    assert text_length("self-made goods aren't dear") == ("words", 4)
    assert text_length("我们用 AR 展示文化。") == ("characters", 8)
    assert joining_word("x", Wording()) == ""


def test_instrument_and_theory_must_agree(tmp_path):
    for name in ("theory", "consumer", "firm"):
        text = (content_folder("surveys") / f"{name}.yaml").read_text(encoding="utf-8")
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    consumer = tmp_path / "consumer.yaml"
    sound = consumer.read_text(encoding="utf-8")
    assert check_content(tmp_path) == []
    changes = [
        ("zh: 感知有用性", "zh: 有用性", "name_differs"),
        ("sources: [huang2012]", "sources: [nobody]", "unknown_source"),
        ("claims: [C17]", "claims: [C99]", "unknown_claim"),
        ("theory: theory", "theory: hypothesis", "theory_missing"),
        ("id: consumer\n", "id: buyers\n", "construct_not_for_instrument"),
    ]
    for old, new, rule in changes:
        assert old in sound
        consumer.write_text(sound.replace(old, new, 1), encoding="utf-8")
        found = check_content(consumer)
        assert rule in {f.rule for f in found}
        assert all(f.message("en") != f.message("zh") for f in found)
    consumer.write_text(sound.replace("  MKR:\n", "  MKX:\n").replace("[MKR]", "[MKX]"), encoding="utf-8")
    assert {f.rule for f in check_content(tmp_path)} == {"construct_not_in_theory", "construct_not_measured"}


def test_models_are_held_against_the_instrument(tmp_path):
    for name in ("theory", "consumer", "firm"):
        text = (content_folder("surveys") / f"{name}.yaml").read_text(encoding="utf-8")
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    theory = tmp_path / "theory.yaml"
    sound = theory.read_text(encoding="utf-8")
    theory.write_text(sound.replace("ALG =~ ALG1 + ALG2 + ALG3", "ALG =~ ALG1 + ALG2 + ALG33", 1), encoding="utf-8")
    (found,) = check_content(theory)
    assert found.rule == "model_unknown_item"
    assert "ALG33" in theory.read_text(encoding="utf-8").splitlines()[found.line - 1]
    theory.write_text(sound.replace("instrument: firm", "instrument: farm", 1), encoding="utf-8")
    assert "model_unknown_instrument" in {f.rule for f in check_content(theory)}
    quote = "从传统、当代与未来三个层面协同推进"
    assert sound.count(quote) == 1
    theory.write_text(sound.replace(quote, quote.replace("与", "和")), encoding="utf-8")
    assert [f.rule for f in check_content(theory)] == ["changed_quote"]


def test_files_that_cannot_be_checked(tmp_path):
    with pytest.raises(FileError):
        check_content(tmp_path / "nothing.yaml")
    other = tmp_path / "study.yaml"
    other.write_text("panels: {}\n", encoding="utf-8")
    assert check_content(tmp_path) == []
    (found,) = check_content(other)
    assert found.rule == "not_content"
    other.write_text("a: 1\na: 2\n", encoding="utf-8")
    (found,) = check_content(other)
    assert (found.rule, found.line, found.severity) == ("repeated_key", 2, "error")
    assert "line 2" in found.message("en")
    assert "第 2 行" in found.message("zh")


def test_all_faults_are_reported_not_only_the_first(tmp_path):
    text = GOOD.replace("en: I trust it.", "fr: x").replace("en: It is reliable.", "fr: y")
    assert [f.rule for f in check(text, tmp_path)] == ["missing_translation", "missing_translation"]
