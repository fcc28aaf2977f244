"""Every rule of a theory file: what breaks it, where it is found, what is said in both languages."""

import pickle
from pathlib import Path

import pytest

from cbecmodel.errors import ContentError, FileError
from cbecmodel.messages import use_language
from cbecmodel.theory.model import find_content, load_theory, validate_theory
from cbecmodel.theory.syntax_names import formulas
from cbecmodel.theory.theory_rules import quote_digest, substance_findings
from cbecmodel.theory.yaml_source import parse_yaml, read_yaml

QUOTE = "文化创新的动力"
SMALL = f"""\
version: 0.1.0
languages: [zh, en]
status: {{zh: 草案, en: Draft}}
paper:
  title: {{zh: 题, en: Title}}
  authors: {{zh: [甲], en: [A]}}
  affiliation: {{zh: 校, en: School}}
  journal: {{zh: 刊, en: Journal}}
  year: 2025
  volume: '1'
  issue: '1'
  pages: 1–2
  doi: 10.1/x
  licence: CC BY 4.0
  language: zh
  nature: {{zh: 理论, en: conceptual}}
  pages_note: {{zh: 准确, en: exact}}
claims:
  C1:
    quote: {QUOTE}
    gloss: {{en: drive of innovation}}
    section: '1'
    line: 3
    page: 1
    kind: mechanism
    constructs: [A, B]
constructs:
  A:
    name: {{zh: 甲, en: A}}
    definition: {{zh: 甲, en: A}}
    role: predictor
    claims: [C1]
    sources: [s1]
    instruments: [mini]
  B:
    name: {{zh: 乙, en: B}}
    definition: {{zh: 乙, en: B}}
    role: outcome
    claims: [C1]
    instruments: [mini]
hypotheses:
  H1:
    text: {{zh: 甲提高乙, en: A raises B}}
    claims: [C1]
    kind: direct
    sign: 1
    model: M
    paths: [B ~ A]
    design:
      data: {{zh: 问卷, en: survey}}
      analysis: {{zh: 回归, en: regression}}
    refuted_by: {{zh: 为负, en: negative}}
models:
  M:
    title: {{zh: 模型, en: Model}}
    instrument: mini
    hypotheses: [H1]
    syntax: |
      A =~ A1 + A2 + A3
      B =~ B1 + B2 + B3
      B ~ A
sources:
  s1: Source 2020
quote_digests:
  C1: {quote_digest(QUOTE)}
"""

REFUSED = [
    (
        "claims: [C1]\n    kind: direct",
        "claims: [C9]\n    kind: direct",
        "unknown_claim",
        "hypotheses › H1 › claims › 0",
    ),
    ("constructs: [A, B]", "constructs: [A, Z]", "unknown_construct", "claims › C1 › constructs › 1"),
    ("sources: [s1]", "sources: [s9]", "unknown_source", "constructs › A › sources › 0"),
    ("hypotheses: [H1]", "hypotheses: [H9]", "unknown_hypothesis", "models › M › hypotheses › 0"),
    ("model: M", "model: N", "unknown_model", "hypotheses › H1 › model"),
    ("role: outcome", "role: outcome\n    order: second", "order_and_of", "constructs › B"),
    ("sign: 1", "sign: 1\n    testable: false", "untestable_without_reason", "hypotheses › H1"),
    ("kind: direct", "kind: panel", "panel_without_policy", "hypotheses › H1"),
    ("kind: direct", "kind: moderation", "moderation_without_moderator", "hypotheses › H1"),
    ("[B ~ A]", "[A -> B]", "path_not_readable", "hypotheses › H1 › paths › 0"),
    ("[B ~ A]", "[A ~ B]", "path_not_in_model", "hypotheses › H1 › paths › 0"),
    ("    kind: mechanism\n", "", "missing_field", "claims › C1"),
    ("    role: predictor", "    rolle: predictor\n    role: predictor", "unknown_field", "constructs › A › rolle"),
    ("kind: direct", "kind: directly", "unknown_value", "hypotheses › H1 › kind"),
    ("line: 3", "line: three", "wrong_type", "claims › C1 › line"),
    ("volume: '1'", "volume: 1", "wrong_type", "paper › volume"),
    ("status: {zh: 草案, en: Draft}", "status: Draft", "text_without_language", "status"),
    ("status: {zh: 草案, en: Draft}", "status: {zh: 草案}", "missing_translation", "status"),
    ("  A:\n    name", "  A:\n    id: Q\n    name", "id_differs", "constructs"),
    ("languages: [zh, en]", "languages: [Chinese!, en]", "not_a_language_code", "languages › 0"),
]

REPORTED = [
    ("    constructs: [A, B]\n", "", "claim_without_construct", "claims › C1"),
    (
        "    claims: [C1]\n    kind: direct",
        "    claims: []\n    kind: direct",
        "hypothesis_without_claim",
        "hypotheses › H1",
    ),
    (
        "    claims: [C1]\n    kind: direct",
        "    claims: []\n    kind: direct",
        "claim_without_hypothesis",
        "claims › C1",
    ),
    (
        "    constructs: [A, B]",
        "    constructs: [A, B]\n    no_hypothesis: {zh: 定义, en: definition}",
        "claim_with_both",
        "claims › C1",
    ),
    ("gloss: {en: drive of innovation}", "gloss: {}", "missing_translation", "claims › C1 › gloss"),
    (QUOTE, QUOTE + "力", "changed_quote", "claims › C1 › quote"),
    ("  C1: " + quote_digest(QUOTE), "  C2: " + quote_digest(QUOTE), "quote_without_digest", "claims › C1"),
    ("constructs: [A, B]", "constructs: [A]", "claim_one_way", "constructs › B › claims"),
    ("      B ~ A\n", "      B ~ A + Q\n", "model_unknown_name", "models › M › syntax"),
    ("      B ~ A\n", "      B ~ A\n      K =~ K1\n", "model_unknown_construct", "models › M › syntax"),
]


def mutated(old: str, new: str) -> str:
    assert SMALL.count(old) >= 1, old
    return SMALL.replace(old, new, 1)


def load(text: str, folder: Path):
    path = folder / "theory.yaml"
    path.write_text(text, encoding="utf-8")
    return load_theory(path)


def test_the_small_theory_is_sound(tmp_path):
    theory = load(SMALL, tmp_path)
    assert theory.hypotheses_of_claim == {"C1": ("H1",)}
    assert substance_findings(read_yaml(theory.path), theory) == []


@pytest.mark.parametrize(("old", "new", "rule", "where"), REFUSED)
def test_loading_refuses(tmp_path, old, new, rule, where):
    with pytest.raises(ContentError) as caught:
        load(mutated(old, new), tmp_path)
    values = caught.value.values
    assert (values["rule"], values["where"]) == (rule, where)
    said = {}
    for lang in ("en", "zh"):
        with use_language(lang):
            said[lang] = str(caught.value)
            assert str(values["line"]) in said[lang]
            assert "theory.yaml" in said[lang]
            assert "{" not in said[lang]
    assert said["en"] != said["zh"]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(("old", "new", "rule", "where"), REPORTED)
def test_check_reports(old, new, rule, where):
    source = parse_yaml(mutated(old, new), Path("theory.yaml"))
    theory, refused = validate_theory(source)
    assert theory is not None
    assert refused == []
    found = {f.rule: f for f in substance_findings(source, theory)}
    assert rule in found
    assert found[rule].where == where
    assert found[rule].message("en") != found[rule].message("zh")


def test_a_misspelt_field_is_guessed(tmp_path):
    text = mutated("    role: predictor", "    rolle: predictor\n    role: predictor")
    line = text.splitlines().index("    rolle: predictor") + 1
    with pytest.raises(ContentError, match=rf'line {line}, .*did you mean "role"'):
        load(text, tmp_path)


def test_lines_of_findings_are_those_of_the_file(tmp_path):
    """Blank lines moved in front of a fault move the line that is named by as much."""
    broken = mutated("kind: direct", "kind: directly")
    at = broken.splitlines().index("    kind: directly") + 1
    for blanks in (0, 1, 7):
        with pytest.raises(ContentError) as caught:
            load("\n" * blanks + broken, tmp_path)
        assert caught.value.values["line"] == at + blanks


def test_line_inside_a_model_is_that_of_the_formula():
    text = mutated("      B ~ A\n", "      B ~ A + Q\n")
    source = parse_yaml(text, Path("t.yaml"))
    theory, _ = validate_theory(source)
    assert theory is not None
    (found,) = substance_findings(source, theory)
    assert text.splitlines()[found.line - 1].strip() == "B ~ A + Q"


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("a: 1\nb: &x [1]\nc: *x\n", "alias", 3),
        ("a: {b: 1}\nc: {<<: {d: 1}}\n", "merge_key", 2),
        ("a: !!python/name:os.system x\n", "tag", 1),
        ("a: !own x\n", "tag", 1),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "repeated_key", 4),
        ("a: 1\n? [1, 2]\n: x\n", "key_not_text", 2),
        ("a: [1, 2\nb: 3\n", "yaml_bracket", 1),
        ("a: 1\nb: {c: {text: Mind: this}}\n", "yaml_bracket", 2),
        ("a:\n\tb: 1\n", "yaml_tab", 2),
        ("a: 1\nb: @x\n", "yaml_sign", 2),
        ("a: 1\nb\nc: 2\n", "yaml_no_colon", 2),
        ("a\n  b: 1\n", "yaml_stray_colon", 2),
        ("a: 'x\nb: 1\n", "yaml_open_quote", 1),
        ("a:\n  b: 1\n c: 2\n", "yaml_indentation", 3),
        ("a: 1\nb：2\nc: 3\n", "yaml_full_width_colon", 2),
        ("a: 1\nb：{c: 3}\n", "yaml_full_width_colon", 2),
        ("a: 1\n---\nb: 2\n", "yaml_two_documents", 2),
        ("a: %x\n", "yaml_sign", 1),
        ("a: " + "[" * 60 + "]" * 60, "too_deep", 1),
        ("a: &x [*x]\n", "alias", 1),
    ],
)
def test_yaml_that_hides_meaning_is_refused(text, key, line):
    with pytest.raises(ContentError) as caught:
        parse_yaml(text, Path("a.yaml"))
    assert caught.value.key == f"theory.{key}"
    assert caught.value.values["line"] == line
    for lang in ("en", "zh"):
        with use_language(lang):
            assert "a.yaml" in str(caught.value)


def test_yaml_means_what_it_says():
    data = parse_yaml(
        "no: no\nyes: 1:30\ndate: 2020-01-01\ntrue: true\nn: -7\nf: 1e3\nnone: ~\n08: x\n", Path("a")
    ).data
    expected = {
        "no": "no",
        "yes": "1:30",
        "date": "2020-01-01",
        "true": True,
        "n": -7,
        "f": 1000.0,
        "none": None,
        "08": "x",
    }
    assert data == expected


def test_gbk_file_is_read(tmp_path):
    path = tmp_path / "theory.yaml"
    path.write_bytes(SMALL.encode("gb18030"))
    assert load_theory(path).claims["C1"].quote == QUOTE


def test_own_file_comes_before_the_packages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_content("theory").is_absolute()
    (tmp_path / "surveys").mkdir()
    (tmp_path / "surveys" / "theory.yaml").write_text(SMALL, encoding="utf-8")
    assert set(load_theory().claims) == {"C1"}
    with pytest.raises(FileError, match=r'no theory or instrument called "nothing"'):
        load_theory("nothing")
    with pytest.raises(FileError, match=r"gone\.yaml"):
        load_theory("gone.yaml")


def test_unknown_model_is_named(tmp_path):
    with pytest.raises(ContentError, match="there are: M"):
        load(SMALL, tmp_path).syntax("M9")


def test_formulas_read_continuations_comments_and_modifiers():
    read = formulas("A =~ NA*a1 +\n  1*a2 # x\n + l3*a3; B ~ a*A\ngroup: 1\nB ~~ A ! y\nind := a*b\na1 | t1 + t2")
    assert [(f.line, f.lhs, f.operator, f.rhs) for f in read][:3] == [
        (0, ("A",), "=~", ("a1", "a2", "a3")),
        (2, ("B",), "~", ("A",)),
        (4, ("B",), "~~", ("A",)),
    ]
