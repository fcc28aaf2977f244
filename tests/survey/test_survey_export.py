"""Questionnaires written for platforms hold what the instrument says, and say what they cannot hold."""

import csv
import io
import json
import shutil
import tempfile
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import openpyxl
import pyreadstat
import pytest
from pyxform.xls2xform import convert

from cbecmodel.cli import cbecmodel
from cbecmodel.errors import ContentError
from cbecmodel.messages import use_language
from cbecmodel.survey.export import TARGETS, export_instrument
from cbecmodel.survey.formats.ddi import NAMESPACE
from cbecmodel.survey.formats.spreadsheet import delimited, inert
from cbecmodel.survey.instrument import Instrument, load_instrument
from cbecmodel.survey.questionnaire import questionnaire

VIETNAMESE = """
id: three
title: {en: Three, zh: 三, vi: Ba}
languages: [en, zh, vi]
missing_codes: {-77: {en: Not shown, zh: 未显示, vi: Không hiển thị}}
scales:
  agree3: {points: {1: {en: No, zh: 否, vi: Không}, 2: {en: Partly, zh: 部分, vi: Một phần}, 3: {en: 'Yes', zh: 是, vi: Có}}}
phrases:
  not_eligible: {en: Bye., zh: 再见。, vi: Tạm biệt.}
constructs:
  A:
    name: {en: A, zh: 甲, vi: A}
    items: {A1: {text: {en: First?, zh: 一？, vi: Một?}}, A2: {text: {en: Second?, zh: 二？, vi: Hai?}}}
screening:
  S: {type: integer, text: {en: Age?, zh: 年龄？, vi: Tuổi?}, screen_out: '< 18'}
"""


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Instrument:
    path = tmp_path_factory.mktemp("three") / "three.yaml"
    path.write_text(VIETNAMESE, encoding="utf-8")
    return load_instrument(path)


def sheets(content: bytes) -> dict[str, list[dict[str, object]]]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    found = {}
    for sheet in book.worksheets:
        head, *rows = ([cell.value for cell in row] for row in sheet.iter_rows())
        found[sheet.title] = [dict(zip(head, row, strict=True)) for row in rows]
    return found


def test_xlsform(small: Instrument) -> None:
    made = sheets(export_instrument(small, "xlsform").contents["small.xlsx"])
    rows = {row["name"]: row for row in made["survey"] if row["type"] != "end_group"}
    assert rows["S_AGE"]["constraint"] == ". >= 5 and . <= 110"
    assert rows["J1"]["type"] == "select_one agree5"
    assert rows["J1"]["label::中文 (zh)"] == "我经常唱歌。"
    assert rows["X_FOOD"]["type"].startswith("select_multiple ")
    assert "not(${S_AGE} < 18)" in str(rows["page_JOY"]["relevant"])
    assert "not(${consent} != 1)" in str(rows["page_screening"]["relevant"])
    assert rows["not_eligible"]["relevant"] == "${consent} != 1 or ${S_AGE} < 18 or ${S_COUNTRY} = 'CHN'"
    codes = [row["name"] for row in made["choices"] if row["list_name"] == "agree5"]
    assert codes == [1, 2, 3, 4, 5]
    assert made["settings"][0]["version"] == small.content_hash[:12]


def converted(instrument: str | Instrument, *, validate: bool) -> str:
    with tempfile.TemporaryDirectory() as folder:
        (path,) = export_instrument(instrument, "xlsform").save(folder)
        made = convert(str(path), validate=validate)
    assert made.warnings == []
    return str(made.xform)


@pytest.mark.parametrize("name", ["consumer", "firm"])
def test_pyxform_accepts_the_forms(name: str) -> None:
    ET.fromstring(converted(name, validate=False))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="no Java on this machine")
@pytest.mark.parametrize("name", ["consumer", "firm"])
def test_odk_validate_accepts_the_forms(name: str) -> None:
    assert converted(name, validate=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="no Java on this machine")
def test_odk_validate_finds_a_condition_on_nothing() -> None:
    consumer = load_instrument("consumer")
    live = consumer.constructs["LSI"].model_copy(update={"relevant": "X_NOTHING > 0"})
    broken = consumer.model_copy(update={"constructs": {**consumer.constructs, "LSI": live}})
    with pytest.raises(Exception, match="X_NOTHING"):
        converted(broken, validate=True)


def test_surveyjs(small: Instrument) -> None:
    made = json.loads(export_instrument(small, "surveyjs", languages=["zh", "en"]).contents["small.json"])
    pages = {page["name"]: page for page in made["pages"]}
    (grid,) = pages["JOY"]["elements"]
    assert grid["rowOrder"] == "random"
    assert grid["eachRowRequired"]
    assert [row["value"] for row in grid["rows"]] == ["J1", "J2", "J3"]
    assert grid["rows"][0]["text"] == {"default": "I sing, often.", "zh-cn": "我经常唱歌。"}
    assert made["locale"] == "zh-cn"
    assert {"type": "complete", "expression": "{S_COUNTRY} = 'CHN'"} in made["triggers"]


def test_routing_and_missing_codes_carry_over() -> None:
    consumer = load_instrument("consumer")
    survey = json.loads(export_instrument(consumer, "surveyjs").contents["consumer.json"])
    live = next(page for page in survey["pages"] if page["name"] == "live")
    assert live["visibleIf"] == "{X_LIVE} > 0"
    rows = sheets(export_instrument(consumer, "xlsform").contents["consumer.xlsx"])["survey"]
    assert "${X_LIVE} > 0" in str(next(row for row in rows if row["name"] == "page_live")["relevant"])
    firm = export_instrument("firm", "limesurvey", languages=["en"]).contents["firm.txt"].decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(firm), delimiter="\t"))
    assert any(line["class"] == "A" and line["name"] == "n88" and line["text"] == "Not applicable" for line in lines)


def test_limesurvey_repeats_the_structure_for_each_language(small: Instrument) -> None:
    text = export_instrument(small, "limesurvey").contents["small.txt"].decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text), delimiter="\t"))
    by_language = {
        lang: [(x["class"], x["name"]) for x in lines if x["language"] == lang and x["class"] in {"Q", "SQ", "A"}]
        for lang in ("en", "zh-Hans")
    }
    assert by_language["en"] == by_language["zh-Hans"]
    names = [name for kind, name in by_language["en"] if kind == "Q"]
    assert len(names) == len(set(names))
    assert all(name.isalnum() and len(name) <= 20 for name in names)
    grid = next(x for x in lines if x["class"] == "Q" and x["name"] == "JOY" and x["language"] == "en")
    assert (grid["type/scale"], grid["random_order"], grid["mandatory"]) == ("F", "1", "Y")
    assert [x["text"] for x in lines if x["class"] == "S" and x["name"] == "additional_languages"] == ["zh-Hans"]


def test_qualtrics(small: Instrument) -> None:
    made = export_instrument(small, "qualtrics")
    text = made.contents["small_zh.txt"].decode()
    assert text.startswith("[[AdvancedFormat]]")
    assert "[[Question:Matrix]]\n[[ID:JOY]]" in text
    assert "[[Choice:1]]\n我经常唱歌。" in text
    assert "[[Question:MC:MultipleAnswer]]\n[[ID:X_FOOD]]" in text
    assert set(made.not_held) == {"languages", "screening", "random_order", "required", "limits", "order_log"}


def test_wenjuanxing_labels_of_a_grid_hold_no_space(small: Instrument) -> None:
    contents = export_instrument(small, "wenjuanxing").contents
    entries = [json.loads(line) for line in contents["small_en.jsonl"].decode().splitlines()]
    grids = [entry for entry in entries if entry["qtype"] == "矩阵量表"]
    assert grids[0]["rowtitle"] == ["I sing, often.", "I laugh.", "I sulk (at home)."]
    block = next(piece for piece in contents["small_en.txt"].decode().split("\n\n") if "[矩阵量表题]" in piece)
    _title, labels, *rows = block.splitlines()
    assert labels.split(" ") == ["Strongly_disagree", "Disagree", "Neither", "Agree", "Strongly_agree"]
    assert len(rows) == 3


def test_ddi_names_every_variable_in_every_language(small: Instrument) -> None:
    root = ET.fromstring(export_instrument(small, "ddi").contents["small_ddi.xml"])
    variables = {one.get("name"): one for one in root.iter(f"{{{NAMESPACE}}}var")}
    assert set(variables) >= {*small.items, "X_FOOD_1", "consent", "S_AGE"}
    order = ["labl", "qstn", "valrng", "sumStat", "catgry", "varFormat"]  # of the standard's sequence, what is used
    for one in variables.values():
        tags = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in one]
        assert tags == sorted(tags, key=order.index)
    labels = variables["J1"].findall(f"{{{NAMESPACE}}}labl")
    assert [one.text for one in labels] == ["I sing, often.", "我经常唱歌。"]
    missing = [
        c.find(f"{{{NAMESPACE}}}catValu").text
        for c in variables["J1"].iter(f"{{{NAMESPACE}}}catgry")
        if c.get("missing")
    ]  # type: ignore[union-attr]
    assert missing == ["-77", "-88", "-99"]


def test_spss(small: Instrument, tmp_path: Path) -> None:
    (path,) = export_instrument(small, "spss").save(tmp_path)
    frame, meta = pyreadstat.read_sav(str(path), user_missing=True)
    assert len(frame) == 0
    assert meta.column_names_to_labels["J1"] == "I sing, often. | 我经常唱歌。"
    assert meta.variable_value_labels["J1"][5] == "Strongly agree | 非常同意"
    assert {one["lo"] for one in meta.missing_ranges["J1"]} == {-77, -88, -99}
    assert "X_FOOD_9" in frame


def test_frictionless(small: Instrument) -> None:
    contents = export_instrument(small, "frictionless").contents
    described = json.loads(contents["datapackage.json"])
    (resource,) = described["resources"]
    names = [one["name"] for one in resource["schema"]["fields"]]
    assert contents[resource["path"]].decode().strip().split(",") == names
    item = next(one for one in resource["schema"]["fields"] if one["name"] == "J1")
    assert item["constraints"]["enum"] == [1, 2, 3, 4, 5]
    assert resource["schema"]["missingValues"] == ["", "-77", "-88", "-99"]


def test_paper(small: Instrument) -> None:
    contents = export_instrument(small, "paper").contents
    assert set(contents) == {f"small_{edition}.{kind}" for edition in ("en", "zh", "en_zh") for kind in ("pdf", "docx")}
    assert contents["small_en_zh.pdf"].startswith(b"%PDF")
    with zipfile.ZipFile(io.BytesIO(contents["small_zh.docx"])) as archive:
        text = archive.read("word/document.xml").decode()
    assert "我经常唱歌。" in text
    assert "若选择" not in text or "请停止作答" in text


@pytest.mark.parametrize("target", TARGETS)
def test_every_format_is_the_same_on_every_run(small: Instrument, target: str) -> None:
    first, second = (export_instrument(small, target) for _ in range(2))  # type: ignore[arg-type]
    if target != "spss":  # readstat writes the time of day into the header
        assert first.contents == second.contents
    assert first.contents.keys() == second.contents.keys()


@pytest.mark.parametrize("target", TARGETS)
def test_a_language_is_added_by_yaml_alone(three: Instrument, target: str) -> None:
    made = export_instrument(three, target, languages=["vi"])  # type: ignore[arg-type]
    if target in {"surveyjs", "wenjuanxing", "limesurvey", "qualtrics", "ddi", "frictionless"}:
        text = b"".join(made.contents.values()).decode("utf-8-sig")
        assert "Tuổi?" in text
        if target in {"surveyjs", "limesurvey"}:
            assert "Tạm biệt." in text


def test_checks_keep_their_place_in_a_shuffled_page() -> None:
    blocks = {block.id: block for block in questionnaire(load_instrument("consumer")).blocks}
    assert list(blocks)[list(blocks).index("MLD_ALG") :][:3] == ["MLD_ALG", "ATT1", "PGA"]
    assert blocks["MLD_ALG"].randomize
    assert len(blocks["ATT1"].prompts) == 1


def test_keys_of_researchers_are_not_asked() -> None:
    asked = questionnaire(load_instrument("consumer")).prompts
    assert "K_PERSON" in asked
    assert not {"K_FIRM", "K_WAVE", "X_LANG"} & set(asked)


def test_text_never_becomes_a_formula(small: Instrument) -> None:
    rows = [["=1+1", "+44", "@x", "-5", "plain", "-a"]]
    assert delimited(rows).decode() == "'=1+1,+44,'@x,-5,plain,'-a\n"
    assert inert("\t=1") == "'\t=1"
    text = small.model_copy(update={"title": {"en": "=HYPERLINK(1)", "zh": "=1"}})
    book = openpyxl.load_workbook(io.BytesIO(export_instrument(text, "xlsform").contents["small.xlsx"]))
    cell = book["settings"]["A2"]
    assert (cell.value, cell.data_type) == ("=HYPERLINK(1)", "s")


def test_bad_wishes_are_refused(small: Instrument) -> None:
    with pytest.raises(ContentError, match='no format "pdf"'):
        export_instrument(small, "pdf")  # type: ignore[arg-type]
    with pytest.raises(ContentError, match="small has no texts in fr"):
        export_instrument(small, "surveyjs", languages=["fr"])


@pytest.mark.parametrize(("lang", "said"), [("en", "This format cannot hold"), ("zh", "该格式无法承载")])
def test_what_a_format_cannot_hold_is_said(small: Instrument, lang: str, said: str) -> None:
    made = export_instrument(small, "wenjuanxing")
    with use_language(lang):
        assert said in made.summary()
        assert said in made._repr_html_()


def test_commands(tmp_path: Path) -> None:
    cbecmodel.main(
        ["export", "firm", "--to", "qualtrics", "--lang", "en", "--output", str(tmp_path)], standalone_mode=False
    )
    assert (tmp_path / "firm_en.txt").exists()
    cbecmodel.main(["preview", "firm", "--output", str(tmp_path / "p.html")], standalone_mode=False)
    assert "survey.core" not in (tmp_path / "p.html").read_text(encoding="utf-8")[:500]
    cbecmodel.main(["plan"], standalone_mode=False)
