"""Instruments: the two of the study, the smallest one, every rule of loading, the content hash."""

import pickle
import random
from pathlib import Path

import pytest
import yaml

from cbecmodel.content import content_folder
from cbecmodel.errors import ContentError
from cbecmodel.messages import use_language
from cbecmodel.survey.instrument import load_instrument, validate_instrument
from cbecmodel.theory.yaml_source import parse_yaml

SURVEYS = content_folder("surveys")
SMALLEST = """\
id: mine
title: Mine
scales:
  agree5: {points: [1, 2, 3, 4, 5]}
constructs:
  T: {items: [T1, T2, T3]}
  L: {items: [L1, L2, L3]}
"""
SMALL = """\
id: small
title: {zh: 小问卷, en: Small}
languages: [zh, en]
scales:
  agree:
    points: {1: {zh: 不同意, en: Disagree}, 2: {zh: 中立, en: Neutral}, 3: {zh: 同意, en: Agree}}
missing_codes: {-77: {zh: 未显示, en: Not shown}}
consent:
  text: {zh: 自愿, en: voluntary}
  options: {1: {zh: 同意, en: I agree}, 0: {zh: 不同意, en: I do not}}
screening:
  AGE: {type: integer, text: {zh: 年龄, en: Age}, screen_out: '< 18'}
constructs:
  T:
    name: {zh: 信任, en: Trust}
    relevant: LIVE > 0
    subdimensions: {honesty: [T1, T2]}
    items:
      T1: {text: {zh: 我相信它。, en: I trust it.}, core: true}
      T2: {text: {zh: 它可靠。, en: It is reliable.}}
      T3: {text: {zh: 我不信它。, en: I do not trust it.}, reverse: true}
checks:
  ATT: {kind: instructed_response, scale: agree, passing: [1], text: {zh: 请选不同意, en: Choose disagree}}
  CON: {kind: consistency, compare_with: LIVE, text: {zh: 再问一次, en: Once more}}
covariates:
  LIVE:
    type: select_one
    text: {zh: 看直播, en: Live}
    options: {0: {zh: 从不, en: Never}, 1: {zh: 有时, en: Sometimes}}
placement:
  pages:
    - {id: p1, content: [consent, AGE, LIVE]}
    - {id: p2, content: [T, ATT, CON], randomize: true}
"""

REFUSED = [
    (
        "options: {0: {zh: 从不, en: Never}, 1: {zh: 有时, en: Sometimes}}",
        "options: {}",
        "question_without_options",
        "covariates › LIVE",
    ),
    ("type: select_one", "type: integer", "options_not_used", "covariates › LIVE › options"),
    ("type: integer", "type: likert", "unknown_scale", "screening › AGE › scale"),
    ("points: {1", "points: {4", "scale_codes", "scales › agree › points"),
    ("points: {1", "points: {-77", "code_is_missing_code", "scales › agree › points"),
    ("scale: agree,", "scale: agree9,", "unknown_scale", "checks › ATT › scale"),
    ("core: true", "scale: agree9", "unknown_scale", "constructs › T › items › T1 › scale"),
    ("passing: [1]", "passing: [9]", "check_passing", "checks › ATT › passing"),
    ("compare_with: LIVE", "compare_with: ALIVE", "unknown_question", "checks › CON › compare_with"),
    ("relevant: LIVE > 0", "relevant: ALIVE > 0", "unknown_question", "constructs › T › relevant"),
    ("relevant: LIVE > 0", "relevant: '> 0'", "unknown_question", "constructs › T › relevant"),
    ("relevant: LIVE > 0", "relevant: LIVE and AGE", "condition", "constructs › T › relevant"),
    ("'< 18'", "under 18", "condition", "screening › AGE › screen_out"),
    ("[T1, T2]", "[T1, T9]", "unknown_item", "constructs › T › subdimensions › honesty › 1"),
    ("  CON:", "  T1:", "id_used_twice", "checks › T1"),
    ("  CON:", "  T:", "id_used_twice", "checks › T"),
    ("languages: [zh, en]", "languages: [zh, en]\nsource_language: fr", "unknown_language", "source_language"),
    ("[consent, AGE, LIVE]", "[consent, LIVE]", "not_placed", "placement"),
    ("[consent, AGE, LIVE]", "[consent, AGE, AGE, LIVE]", "placed_twice", "placement › pages › 0 › content › 2"),
    ("[consent, AGE, LIVE]", "[consent, AGE, LIVE, Q]", "unknown_on_page", "placement › pages › 0 › content › 3"),
    ("en: I trust it.", "fr: Je m'y fie.", "missing_translation", "constructs › T › items › T1 › text"),
    ("en: I trust it.", "en: ''", "missing_translation", "constructs › T › items › T1 › text"),
    ("core: true", "core: perhaps", "wrong_type", "constructs › T › items › T1 › core"),
    ("core: true", "cor: true", "unknown_field", "constructs › T › items › T1 › cor"),
    (
        "      T2: {text: {zh: 它可靠。, en: It is reliable.}}",
        "      T2: 5",
        "wrong_type",
        "constructs › T › items › T2",
    ),
    ("type: integer", "type: number", "unknown_value", "screening › AGE › type"),
]


def read(text: str):
    return validate_instrument(parse_yaml(text, Path("small.yaml")))


def load(text: str, folder: Path):
    path = folder / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return load_instrument(path)


def mutated(old: str, new: str) -> str:
    assert old in SMALL, old
    return SMALL.replace(old, new, 1)


@pytest.mark.parametrize(("name", "items", "constructs"), [("consumer", 81, 22), ("firm", 72, 20)])
def test_the_studys_instruments(name, items, constructs):
    instrument = load_instrument(SURVEYS / f"{name}.yaml")
    assert (len(instrument.items), len(instrument.constructs)) == (items, constructs)
    assert "回译" in instrument.status["zh"]
    assert "back-translation" in instrument.status["en"]
    assert all(len(c.items) >= 3 for c in instrument.constructs.values())
    assert all(sum(instrument.items[i].core for i in c.items) >= 3 for c in instrument.constructs.values())
    assert all(set(i.text) >= set(instrument.languages) for i in instrument.items.values())
    assert set(instrument.missing_codes) == {-77, -88, -99}
    assert {"ATT1", "ATT2", "SRD1"} <= set(instrument.checks)
    assert instrument.screening_rules.minimum_flags == 2


def test_only_viewers_are_asked_about_live_streams():
    consumer = load_instrument(SURVEYS / "consumer.yaml")
    assert {name for name in consumer.routing if name not in consumer.constructs} == set(
        consumer.constructs["LSI"].items
    )
    assert consumer.routing["LSI1"].holds(1)
    assert not consumer.routing["LSI1"].holds(0)
    assert not consumer.routing["LSI1"].holds(None)


def test_placement_keeps_predictors_before_the_marker_and_outcomes_last():
    consumer = load_instrument(SURVEYS / "consumer.yaml")
    order = [name for page in consumer.placement.pages for name in page.content]
    assert order.index("PGA") < order.index("MKR") < order.index("PVF")
    assert max(map(order.index, ("SDI", "PRS", "PVF", "HYB")[1:])) < order.index("PCI") < order.index("CID")
    assert order[-1] == "SRD1"


def test_keys_the_designs_need():
    consumer, firm = (load_instrument(SURVEYS / f"{name}.yaml") for name in ("consumer", "firm"))
    assert {"K_PERSON", "K_FIRM", "K_WAVE"} <= set(consumer.covariates)
    assert {"FX_ADCODE", "FX_MAINMARKET", "K_FIRM", "K_WAVE"} <= set(firm.covariates)


def test_the_smallest_instrument(tmp_path):
    mine = load(SMALLEST, tmp_path)
    assert mine.languages == ("en",)
    assert mine.items["T1"].text == {"en": "T1"}
    assert mine.constructs["T"].name == {"en": "T"}
    assert mine.scale_of("L3").codes == (1, 2, 3, 4, 5)
    assert mine.scale_of("L3").points[0].label == {"en": "1"}
    assert [page.content for page in mine.placement.pages] == [("T",), ("L",)]
    assert mine.measurement("T") == "T =~ T1 + T2 + T3"
    assert mine.measurement() == "T =~ T1 + T2 + T3\nL =~ L1 + L2 + L3"
    assert mine.consent is None


def test_an_instrument_without_a_title_is_called_by_its_id(tmp_path):
    assert load(SMALLEST.replace("title: Mine\n", ""), tmp_path).title == {"en": "mine"}


def test_continuous_indicators_need_no_points(tmp_path):
    text = SMALLEST.replace("{points: [1, 2, 3, 4, 5]}", "{kind: continuous, minimum: 0}")
    assert load(text, tmp_path).scale_of("T1").kind == "continuous"


def test_any_language_will_do(tmp_path):
    text = SMALLEST.replace("title: Mine", "title: Mienne\nlanguages: [fr]")
    assert load(text, tmp_path).items["T1"].text == {"fr": "T1"}
    trilingual = SMALL.replace("[zh, en]", "[zh, en, 'no']").replace(", en: ", ", 'no': x, en: ")
    assert load(trilingual, tmp_path).languages == ("zh", "en", "no")


def test_what_an_instrument_cannot_do_is_said(tmp_path):
    small = load(SMALL, tmp_path)
    assert small.measurement("T", core=True) == "T =~ T1"
    with pytest.raises(ContentError, match='no construct "Q" in this instrument; there are: T'):
        small.measurement("Q")
    with pytest.raises(ContentError, match="no items marked"):
        load(SMALLEST, tmp_path).measurement("T", core=True)
    assert small.label("AGE", "zh") == "年龄"
    assert small.label("T2") == "它可靠。"
    assert small.label("unheard") == "unheard"


def test_it_is_frozen(tmp_path):
    small = load(SMALL, tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        small.id = "other"
    assert pickle.loads(pickle.dumps(small)) == small


@pytest.mark.parametrize(("old", "new", "rule", "where"), REFUSED)
def test_loading_refuses(tmp_path, old, new, rule, where):
    text = mutated(old, new)
    with pytest.raises(ContentError) as caught:
        load(text, tmp_path)
    values = caught.value.values
    assert (values["rule"], values["where"]) == (rule, where)
    if where.startswith("constructs › T › items"):
        assert (values["construct"], values["item"]) == ("T", where.split(" › ")[3])
    said = {}
    for lang in ("en", "zh"):
        with use_language(lang):
            said[lang] = str(caught.value)
        assert str(values["line"]) in said[lang]
        assert "{" not in said[lang].replace(text, "")
    assert said["en"] != said["zh"]


def test_scale_needs_points_and_construct_needs_items(tmp_path):
    with pytest.raises(ContentError, match="scale_too_short"):
        load(SMALLEST.replace("[1, 2, 3, 4, 5]", "[1]"), tmp_path)
    with pytest.raises(ContentError, match=r"line 7, .* T › items › T2|no_scale"):
        load(SMALLEST.replace("constructs:", "  other: {points: [1, 2]}\nconstructs:"), tmp_path)
    for points in ("[Disagree, Agree]", "[1.5, 2]", "[1，2]"):
        with pytest.raises(ContentError, match="point_without_code"):
            load(SMALLEST.replace("[1, 2, 3, 4, 5]", points), tmp_path)
    for name in ("T 1", "1", "T~1", "T-1"):
        with pytest.raises(ContentError, match="cannot be used in a model"):
            load(SMALLEST.replace("[T1, T2, T3]", f"['{name}', T2, T3]"), tmp_path)
    with pytest.raises(ContentError, match=r'"construct" .did you mean "constructs"'):
        load(SMALLEST.replace("constructs:", "construct:"), tmp_path)
    with pytest.raises(ContentError, match="put that text in quotation marks"):
        load(SMALLEST.replace("[T1, T2, T3]", "{T1: {text: Yes, I do}}"), tmp_path)
    with pytest.raises(ContentError, match="no_text"):
        load(SMALLEST.replace("title: ", "title: # "), tmp_path)
    with pytest.raises(ContentError, match=r'no item "T9" .* there are: T1, T2'):
        load(SMALLEST, tmp_path).scale_of("T9")
    with pytest.raises(ContentError, match="construct_without_items"):
        load(SMALLEST.replace("[T1, T2, T3]", "[]"), tmp_path)
    with pytest.raises(ContentError, match=r"L1.*already used \(in T\)|id_used_twice"):
        load(SMALLEST.replace("[T1, T2, T3]", "[L1, T2, T3]"), tmp_path)


def test_lines_follow_the_file():
    """Wherever comment lines are put in, the line named is the line of the fault."""
    rng = random.Random(7)
    broken = mutated("core: true", "cor: true").splitlines()
    fault = next(n for n, line in enumerate(broken) if "cor: true" in line)
    for _ in range(25):
        lines, at = list(broken), fault
        for _ in range(rng.randrange(1, 6)):
            place = rng.randrange(len(lines))
            lines.insert(place, "# a remark")
            at += place <= at
        _, findings = read("\n".join(lines))
        assert [f.line for f in findings] == [at + 1]


def shuffled(value, rng, keep=()):
    if isinstance(value, dict):
        keys = list(value)
        if not set(keys) & set(keep):
            rng.shuffle(keys)
        return {key: shuffled(value[key], rng, keep) for key in keys}
    return [shuffled(v, rng, keep) for v in value] if isinstance(value, list) else value


def test_content_hash_is_blind_to_the_way_yaml_is_written(tmp_path):
    reference = load(SMALL, tmp_path).content_hash
    data = yaml.load(SMALL, Loader=yaml.BaseLoader)
    ordered = ("T1", "AGE", "LIVE", "ATT", "0", "1")
    for seed in range(10):
        again = yaml.safe_dump(
            shuffled(data, random.Random(seed), ordered), allow_unicode=seed % 2 == 0, sort_keys=False, width=60 + seed
        )
        again = again.replace("'true'", "true")
        assert load(f"# remark {seed}\n\n{again}", tmp_path).content_hash == reference
    assert load(SMALL.replace("core: true", "core: true, reverse: false"), tmp_path).content_hash == reference


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I trust it.", "I trust it!"),
        ("'< 18'", "'< 21'"),
        ("core: true", "core: false"),
        ("[T, ATT, CON]", "[ATT, T, CON]"),
        ("randomize: true", "randomize: false"),
        ("1: {zh: 有时, en: Sometimes}", "2: {zh: 有时, en: Sometimes}"),
        ("id: small", "id: smaller"),
    ],
)
def test_content_hash_sees_every_change_of_content(tmp_path, old, new):
    assert load(mutated(old, new), tmp_path).content_hash != load(SMALL, tmp_path).content_hash


def test_order_of_items_and_of_options_counts(tmp_path):
    reference = load(SMALL, tmp_path).content_hash
    lines = SMALL.splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip().startswith("T1:"))
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    assert load("\n".join(lines), tmp_path).content_hash != reference
    turned = mutated(
        "{0: {zh: 从不, en: Never}, 1: {zh: 有时, en: Sometimes}}",
        "{1: {zh: 有时, en: Sometimes}, 0: {zh: 从不, en: Never}}",
    )
    assert load(turned, tmp_path).content_hash != reference


def test_shows_itself_with_its_status():
    consumer = load_instrument(SURVEYS / "consumer.yaml")
    html = consumer._repr_html_()
    assert "Draft" in html
    assert "CID6" in html
    assert consumer.content_hash[:12] in html
    with use_language("zh"):
        assert "草案" in str(consumer)
    assert str(consumer) == repr(consumer)
