"""The report is complete, numbered, the same on every build, and says on every page that data were simulated."""

import io
import re
import warnings
import zipfile
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cbecmodel.errors import ReportError, ReportWarning
from cbecmodel.messages import catalogue, use_language
from cbecmodel.report import build
from cbecmodel.report.build import build_report, report_chapters, report_document
from cbecmodel.report.document import FigureBlock, TableBlock, Words
from cbecmodel.report.html import column_shares, inline_svg, linked, render, shown_text
from cbecmodel.report.pdf import typst_source

LANGS = ("en", "zh")


@pytest.fixture(scope="session")
def documents(results):
    return {lang: build_report(results, lang) for lang in LANGS}


@pytest.fixture(scope="session")
def pages(documents):
    return {lang: documents[lang]["html"].decode("utf-8") for lang in LANGS}


def word_part(document, name):
    with zipfile.ZipFile(io.BytesIO(document)) as parts:
        return parts.read(name).decode("utf-8")


class Marks(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.seen = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def test_every_format_is_built(documents):
    for made in documents.values():
        assert made["html"].startswith(b"<!DOCTYPE html>")
        assert made["pdf"].startswith(b"%PDF")
        assert made["docx"].startswith(b"PK")


def test_building_twice_gives_the_same_bytes(results, documents):
    again = build_report(results, "zh")
    assert all(again[kind] == documents["zh"][kind] for kind in ("html", "pdf", "docx"))


@pytest.mark.parametrize("lang", LANGS)
def test_every_table_and_figure_is_numbered_in_order_and_referred_to(results, pages, lang):
    words = Words(lang)
    counts = {"table": 0, "figure": 0}
    for block in (block for chapter in report_chapters(results, words) for block in chapter.blocks):
        if isinstance(block, TableBlock | FigureBlock):
            counts[block.kind] += 1
            name = words(f"numbered_{block.kind}", n=counts[block.kind])
            assert f"<b>{name}</b>" in pages[lang]
            if not block.id.startswith("tab-items"):  # the appendix holds nothing else
                assert f'<a href="#{block.id}">{name}</a>' in pages[lang]
    assert counts["table"] >= 12
    assert counts["figure"] == 4


@pytest.mark.parametrize("lang", LANGS)
def test_links_within_the_page_lead_somewhere_and_ids_are_unique(pages, lang):
    seen = Marks(pages[lang]).seen
    ids = [attrs["id"] for _, attrs in seen if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = {attrs["href"][1:] for tag, attrs in seen if tag == "a" and attrs["href"].startswith("#")}
    used = {value[1:] for _, attrs in seen for name, value in attrs.items() if name == "xlink:href"}
    assert targets | used <= set(ids)


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_loads_nothing_from_elsewhere(pages, lang):
    for tag, attrs in Marks(pages[lang]).seen:
        assert tag not in {"script", "iframe", "link", "object"}
        assert "src" not in attrs
    assert set(re.findall(r"url\((?!#)([^,)]{1,20})", pages[lang])) == {"data:font/woff2;base"}
    assert "@import" not in pages[lang]


@pytest.mark.parametrize("lang", LANGS)
def test_every_figure_says_what_it_shows(results, pages, documents, lang):
    drawings = [attrs for tag, attrs in Marks(pages[lang]).seen if tag == "svg"]
    assert len(drawings) == 4
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 20 for attrs in drawings)
    assert (
        len(
            re.findall(
                r'<pic:cNvPr descr="[^"]{20,}"|<wp:docPr [^>]*descr="[^"]{20,}"',
                word_part(documents[lang]["docx"], "word/document.xml"),
            )
        )
        >= 4
    )
    document = report_document(results, lang)
    source = typst_source(render(document, "svg"), document)
    assert len(re.findall(r'image\("fig-[\w-]+\.svg", width: [\d.]+in, alt: "[^"]{20,}"\)', source)) == 4


@pytest.mark.parametrize("lang", LANGS)
def test_simulated_data_are_named_on_every_page(results, pages, documents, lang):
    words = Words(lang)
    notice = words("synthetic_banner")
    assert f'<div class="banner" role="note">{notice}</div>' in pages[lang]
    assert notice in word_part(documents[lang]["docx"], "word/header1.xml")
    assert "headerReference" in word_part(documents[lang]["docx"], "word/document.xml")
    document = report_document(results, lang)
    source = typst_source(render(document, "svg"), document)
    assert f'notice: "{notice}"' in source  # report.typ prints it in the header of every page
    made = [chapter for chapter in document.chapters if chapter.synthetic and chapter.id != "summary"]
    assert source.count(words("synthetic_chapter")) == len(made)
    noted = [b for c in made for b in c.blocks if isinstance(b, TableBlock) and b.id not in {"tab-untested"}]
    assert all(words("synthetic_note") in block.table.notes for block in noted)


def test_real_data_carry_no_notice(results):
    real = replace(results, synthetic=False, samples=(), models=(), policies=())
    made = build_report(real, "en", ("html", "docx"))
    assert "ynthetic" not in shown_text(made["html"].decode("utf-8"))
    assert "CBECMODEL-NOTICE" not in word_part(made["docx"], "word/header1.xml")
    assert "w:shd" not in word_part(made["docx"], "word/header1.xml")


def test_chinese_report_has_no_english_words_but_names(pages):
    shown = shown_text(pages["zh"])
    body = shown[shown.index("目录") : shown.index("Cronbach")]  # references keep the language of the works
    names = {
        "Hu",
        "Bentler",
        "Fornell",
        "Larcker",
        "semopy",
        "delta",
        "cbecmodel",
        "run",
        "city",
        "fixest",
        "att",
        "att_se",
        "cbec",
    }
    names |= {
        "Python",
        "Linux",
        "x86_64",
        "numpy",
        "consumer",
        "id",
        "version",
        "content",
        "analysis",
        "study",
        "yaml",
        "surveys",
    }
    names |= {"provenance", "json", "draw", "https", "doi", "org", "ecl"}
    words = set(re.findall(r"[A-Za-z][A-Za-z0-9_]+", body))
    left = {word for word in words - names if not re.fullmatch(r"[A-Z]{2,4}\d?|[a-f0-9]+", word)}
    assert left <= {
        "H8a",
        "H8b",
        "H8c",
        "H12",
        "M1",
        "H1",
        "H2",
        "H3",
        "H4",
        "H5",
        "H6",
        "H7",
        "P1",
        "df",
        "e9",
        "RMSEA",
    }, sorted(left)


def test_english_report_has_no_chinese(pages):
    assert not re.findall(r"[\u4e00-\u9fff]+", shown_text(pages["en"]))


def test_sentences_come_from_the_numbers(results, pages):
    shown = shown_text(pages["en"])
    assert "1,200 respondents were read and 1,092 entered the analysis; 108 (9.0%) were excluded" in shown
    assert "χ²(612) = 812.35, p < .001; CFI = 0.971" in shown
    assert "6 of 7 structural paths differ from zero" in shown
    assert "is 0.078 (95% CI [0.054, 0.102], p < .001), which differs from zero" in shown
    assert "simulated with an effect of 0.080; the interval covers it" in shown
    (policy,) = results.policies
    other = replace(results, policies=(replace(policy, att=0.0, att_ci_lower=-0.1, att_ci_upper=0.05, att_pvalue=0.6),))
    shown = shown_text(build_report(other, "en", ("html",))["html"].decode("utf-8"))
    assert "does not differ from zero" in shown
    assert "the interval does not cover it" in shown


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("missing", ["samples", "models", "policies"])
def test_a_study_without_a_chapter_is_still_a_report(results, lang, missing):
    left = replace(results, **{missing: ()})
    made = build_report(left, lang, ("html", "pdf") if lang == "zh" else ("html",))
    gone = {"samples": "sample", "models": "paths", "policies": "policy"}[missing]
    assert f'<section id="{gone}">' not in made["html"].decode("utf-8")


def test_an_observed_model_without_reliability_or_indirect_effects(results):
    (model,) = results.models
    plain = replace(
        model,
        parameters=model.parameters[model.parameters["op"] != "=~"],
        reliability=model.reliability.iloc[:0],
        effects=model.effects.iloc[:0],
        labels={},
    )
    page = build_report(replace(results, models=(plain,)), "zh", ("html",))["html"].decode("utf-8")
    assert "tab-loadings" not in page
    assert "fig-paths-M1" in page


def test_indirect_effects_carry_their_hypothesis(pages):
    assert re.search(r"H8a</th>\s*<td>SDI\u00a0→\u00a0PCI\u00a0→\u00a0CID", pages["en"])


def test_without_the_extra_only_html_is_built_and_said(results, monkeypatch):
    monkeypatch.setattr(build, "find_spec", lambda name: None)
    with pytest.warns(ReportWarning, match=r"cbecmodel\[report\]"):
        made = build_report(results, "en", ("pdf", "docx"))
    assert list(made) == ["html"]


def test_html_alone_needs_no_extra(results, monkeypatch):
    monkeypatch.setattr(build, "find_spec", lambda name: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(build_report(results, "en", ("html",))) == ["html"]


def test_characters_without_a_shape_are_named(results):
    with pytest.warns(ReportWarning, match="龘"):
        build_report(replace(results, title={"en": "龘 study"}, samples=(), models=(), policies=()), "en", ("pdf",))


def test_names_from_south_east_asia_and_central_europe_are_printed(results):
    names = "Nguyễn Thị Ánh, Čapek, Łukasz"  # warnings are errors: a missing glyph would stop the PDF
    source = replace(results, title={"en": names}, abstract={"en": names}, samples=(), models=(), policies=())
    made = build_report(source, "en", ("pdf",))
    assert {b"DejaVuSans-Bold", b"NotoSansSC-Bold"} <= set(re.findall(rb"[A-Z]{6}\+([\w-]+)", made["pdf"]))


def test_the_paper_under_test_comes_with_the_results(results, pages, documents):
    cited = results.provenance["paper"]
    assert shown_text(pages["en"]).count("A Paper of Ours. Journal of Tests, 1(2), 3–4.") == 2  # subtitle, references
    assert "检验以下论文提出的论断：张三（2020）。我们的论文。" in shown_text(pages["zh"])
    assert cited["zh"] in shown_text(pages["zh"])
    assert "A Paper of Ours" in word_part(documents["en"]["docx"], "word/document.xml")
    for none in ({**results.provenance, "paper": None}, {}):
        without = replace(results, provenance=none)
        made = build_report(without, "en")
        page = made["html"].decode("utf-8")
        assert 'class="line"' not in page
        assert "paper" not in shown_text(page).lower()
        assert "Subtitle" not in word_part(made["docx"], "word/document.xml")
        assert 'line: ""' in typst_source(render(report_document(without, "en"), "svg"), report_document(without, "en"))


def test_unknown_format_and_missing_text_are_errors(results):
    with pytest.raises(ReportError, match="“rtf”"):
        build_report(results, "en", ("rtf",))
    with pytest.raises(ReportError, match="no_such_text"):
        Words("en")("no_such_text")
    with use_language("zh"), pytest.raises(ReportError, match="缺少"):
        Words("zh")("numbered_table")


def test_failures_of_the_tools_are_passed_on(results, monkeypatch):
    import pypandoc
    import typst

    def broken(*args, **kwargs):
        raise typst.TypstError("unknown variable: x", "")

    monkeypatch.setattr(typst, "compile_with_warnings", broken)
    with pytest.raises(ReportError, match="typst could not set the PDF"):
        build_report(results, "en", ("pdf",))
    monkeypatch.setattr(pypandoc, "get_pandoc_path", lambda: "false")
    with pytest.raises(ReportError, match="pandoc could not turn the report into docx"):
        build_report(results, "en", ("docx",))


def test_any_warning_of_typst_stops_the_pdf(results, monkeypatch):
    import typst

    monkeypatch.setattr(typst, "compile_with_warnings", lambda *a, **k: (b"%PDF", [UserWarning("unknown font family")]))
    with pytest.raises(ReportError, match="unknown font family"):
        build_report(results, "en", ("pdf",))


def test_a_reference_to_nothing_is_an_error():
    with pytest.raises(ReportError, match="tab-none"):
        linked("see [[tab-none]]", {})


def test_text_is_escaped_everywhere(results):
    title = {"en": "R&D <b>x</b> #1 $y$ *z* _w_ @ref \\ [a]"}
    source = replace(results, title=title, abstract=title)
    made = build_report(source, "en")
    assert "<h1>R&amp;D &lt;b&gt;x&lt;/b&gt; #1 $y$ *z* _w_ @ref \\ [a]</h1>" in made["html"].decode("utf-8")
    assert "<p>R&amp;D &lt;b&gt;x&lt;/b&gt; #1 $y$ *z* _w_ @ref \\ [a]</p>" in made["html"].decode("utf-8")
    assert "R&amp;D &lt;b&gt;x&lt;/b&gt; #1 $y$" in word_part(made["docx"], "word/document.xml")


def test_identifiers_in_a_figure_are_its_own(results):
    chapters = report_chapters(results, Words("en"))
    figures = [block for chapter in chapters for block in chapter.blocks if isinstance(block, FigureBlock)]
    for block in figures:
        ids = re.findall(r'\bid="([^"]+)"', inline_svg(block))
        assert ids
        assert all(name.startswith(f"{block.id}-") for name in ids)


def test_wide_tables_get_shares_that_fill_the_page(results):
    blocks = {b.id: b for c in report_chapters(results, Words("en")) for b in c.blocks if isinstance(b, TableBlock)}
    shares = dict(zip(blocks["tab-tested"].table.columns, column_shares(blocks["tab-tested"].table), strict=True))
    assert sum(shares.values()) == pytest.approx(100, abs=0.1)
    assert min(shares["en"], shares["said"]) > 1.8 * shares["interval"]
    assert column_shares(blocks["tab-fit-M1"].table) == []


def test_the_catalogue_speaks_both_languages_with_the_same_blanks():
    for key, said in catalogue("report").items():
        blanks = [set(re.findall(r"\{(\w+)\}", said[lang])) for lang in LANGS]
        assert blanks[0] == blanks[1], key


def test_notices_of_the_instrument_are_shown(pages):
    assert "问卷为草案" in pages["zh"]
