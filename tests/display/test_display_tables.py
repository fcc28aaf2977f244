"""Tables show rounded numbers, keep the frame as it is, and line up where Chinese and Latin meet."""

import re

import numpy as np
import pandas as pd
import pytest

from cbecmodel.display.markup import latex_escape
from cbecmodel.display.numbers import count, interval, number, p_value, percent, scientific
from cbecmodel.display.plain_text import display_width, wrap
from cbecmodel.display.tables import Column, Table, summary_html, summary_text
from cbecmodel.messages import use_language


@pytest.fixture
def table():
    frame = pd.DataFrame({
        "group": ["A", "A", "B"], "path": ["PCI ~ SDI", "文化认同 ~ PCI & <x>", "x ~ y"], "est": [0.31234, -0.2, np.nan],
        "p": [0.00001, 0.04, None], "ok": [True, False, True], "n": [1200, 3, 4],
    })  # fmt: skip
    columns = {
        "path": Column("Path", "text"), "est": Column("Est."), "p": Column("p", "p"), "ok": Column("Agrees", "text"),
        "n": Column("n", "count"),
    }  # fmt: skip
    return Table(frame, columns, "Paths & more", ("A note.",), "group")


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(1.23456, 3, "1.235"), (-1.5, 1, "−1.5"), (-0.0001, 3, "0.000"), (None, 3, "–"), (np.nan, 3, "–"), (pd.NA, 3, "–"),
     (np.float64(2), 0, "2"), (np.int64(-3), 1, "−3.0"), (float("inf"), 3, "∞"), (float("-inf"), 3, "−∞"), (True, 0, "1")],
)  # fmt: skip
def test_numbers(value, digits, shown):
    assert number(value, digits) == shown


def test_other_ways_of_writing():
    assert number(None, lang="zh") == "—"
    assert [p_value(p) for p in (0, 0.0009999, 0.001, 0.0344, 0.05, 0.9991, 1, np.nan)] == [
        "< .001", "< .001", ".001", ".034", ".050", "> .999", "> .999", "–",
    ]  # fmt: skip
    assert percent(0.12345) == "12.3%"
    assert percent(-0.0001) == "0.0%"
    assert count(1234567) == "1,234,567"
    assert interval(-1, 2, 1) == "[−1.0, 2.0]"
    assert interval(None, 2, 1) == "[–, 2.0]"
    assert scientific(-2.13e-11) == "−2.1e−11"


def test_text_lines_up_in_terminal_cells(table):
    lines = table.to_text().splitlines()
    rule = next(line for line in lines if line.startswith("─"))
    body = [line for line in lines if line.startswith(("PCI", "文化", "x ~"))]
    assert {display_width(line) for line in body} == {display_width(rule)}
    ends = [display_width(line[: line.index("−0.200") + 6]) for line in body if "−0.200" in line]
    assert ends == [display_width(body[0][: body[0].index("0.312") + 5])]


@pytest.mark.parametrize("width", [41, 46, 60])
def test_text_fits_the_width(table, width):
    assert max(map(display_width, table.to_text(width).splitlines())) <= width


def test_chinese_is_wrapped_without_loss():
    said = "文化创新感知（PCI）对文化认同的影响，在控制其他变量之后仍然显著。"
    lines = wrap(said, 12)
    assert "".join(lines) == said
    assert all(display_width(line) <= 14 for line in lines)
    assert not any(line.startswith(("，", "。", "）")) for line in lines)


def test_html_is_semantic_and_escaped(table):
    page = table.to_html()
    assert "<caption>Paths &amp; more</caption>" in page
    assert '<th scope="col" class="cbec-n">Est.</th>' in page
    assert '<th scope="row">文化认同 ~ PCI &amp; &lt;x&gt;</th>' in page
    assert '<th colspan="5" scope="rowgroup">B</th>' in page
    assert page.count("<tbody>") == 2
    assert "<style>" not in table.to_html(style=False)
    assert page == table._repr_html_()


def test_latex_is_escaped(table):
    made = table.to_latex()
    assert r"文化认同 \textasciitilde{} PCI \& $<$x$>$ & $-$0.200 & .040 & no & 3 \\" in made
    assert made.count(r"\multicolumn{5}{l}") == 2
    assert latex_escape("50% of #1_a {b} \\ ^ ~ $") == (
        r"50\% of \#1\_a \{b\} \textbackslash{} \textasciicircum{} \textasciitilde{} \$"
    )


def test_the_frame_is_not_changed(table):
    before = table.frame.copy()
    table.to_html(), table.to_latex(), table.to_text(20)
    pd.testing.assert_frame_equal(table.frame, before)


def test_yes_and_no_follow_the_language(table):
    with use_language("zh"):
        assert "是" in table.to_text()
    assert Table(table.frame, table.columns, lang="zh").cells()[1][3] == "否"


def test_summaries_say_the_same_and_name_synthetic_data(table):
    facts = [("Observations", "1,200"), ("χ²", "12.3")]
    page, said = (
        summary_html("Model <1>", facts, [table], synthetic=True),
        summary_text("Model <1>", facts, [table], synthetic=True),
    )
    for part in ("1,200", "χ²", "Synthetic data", "0.312", "A note."):
        assert part in page
        assert part in said
    assert "Model &lt;1&gt;" in page
    assert "Synthetic" not in summary_text("M", facts, [])
    assert page == summary_html("Model <1>", facts, [table], synthetic=True)


def test_an_empty_table_has_a_head():
    empty = Table(pd.DataFrame({"a": []}), {"a": Column("A")})
    assert "A" in empty.to_text()
    assert "<thead>" in empty.to_html()


def test_a_long_table_scrolls_with_every_row_in_it_and_a_short_one_does_not():
    def page(rows):
        return Table(pd.DataFrame({"a": range(rows)}), {"a": Column("A", "count")}, "T").to_html(style=False)

    assert "cbec-scroll" not in page(25)
    long = page(26)
    assert '<div class="cbec-scroll" role="region" aria-label="T" tabindex="0"><table' in long
    assert [int(cell) for cell in re.findall(r'<td class="cbec-n">(\d+)</td>', long)] == list(range(26))


def test_groups_count_together_for_the_scroll_box():
    frame = pd.DataFrame({"group": ["A"] * 20 + ["B"] * 20, "a": range(40)})
    assert "cbec-scroll" in Table(frame, {"a": Column("A")}, row_groups="group").to_html(style=False)
    assert "cbec-scroll" not in Table(frame[:25], {"a": Column("A")}, row_groups="group").to_html(style=False)


def test_a_long_fact_takes_the_whole_width():
    status = "Draft: no expert review, no pilot and no back-translation has been done."
    page = summary_html("M", [("N", "200"), ("Status", status), ("状态", "草案：" + "尚未经过专家评审" * 3)], [])
    assert "<div><dt>N</dt>" in page
    assert f'<div class="cbec-long"><dt>Status</dt><dd>{status}</dd></div>' in page
    assert '<div class="cbec-long"><dt>状态</dt>' in page
