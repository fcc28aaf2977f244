"""Reading lavaan syntax, and what is said when it cannot be read."""

import math

import pytest

import cbecmodel as cbec
from cbecmodel.errors import ModelError, ModelSyntaxError
from cbecmodel.messages import use_language
from cbecmodel.structure.options import Options
from cbecmodel.structure.syntax.parser import parse
from cbecmodel.structure.table.defaults import parameter_table


def rows(syntax):
    return [(row.lhs, row.op, row.rhs) for row in parse(syntax).formulas]


def test_operators_and_continuation():
    syntax = """
    # measurement
    文化 =~ x1 + x2 +   ! comment
       x3
    y ~ 文化 + x1:x2; y ~ 1
    x1 ~~ x2
    u | t1 + t2
    c <~ x1
    u ~*~ u
    f
      =~ z1
    """
    assert rows(syntax) == [
        ("文化", "=~", "x1"), ("文化", "=~", "x2"), ("文化", "=~", "x3"), ("y", "~", "文化"), ("y", "~", "x1:x2"),
        ("y", "~1", ""), ("x1", "~~", "x2"), ("u", "|", "t1"), ("u", "|", "t2"), ("c", "<~", "x1"), ("u", "~*~", "u"),
        ("f", "=~", "z1"),
    ]  # fmt: skip


def test_modifiers():
    syntax = (
        'f =~ NA*a + p*b + start(0.5)*c + c(1, NA)*d + c("u", "v")*e + equal("f=~b")*g + -1/2*h + 0.3?i + lower(0)*j'
    )
    said = {row.rhs: row.modifiers for row in parse(syntax).formulas}
    assert math.isnan(said["a"].fixed[0])
    assert said["b"].label == ("p",)
    assert said["c"].start == (0.5,)
    assert said["d"].fixed[0] == 1
    assert math.isnan(said["d"].fixed[1])
    assert said["e"].label == ("u", "v")
    assert said["g"].equal == ("f=~b",)
    assert said["h"].fixed == (-0.5,)
    assert said["i"].start == (0.3,)
    assert said["j"].lower == (0.0,)


def test_repeated_terms_merge():
    (row,) = parse("f =~ NA*x + a*x").formulas
    assert row.modifiers.label == ("a",)
    assert math.isnan(row.modifiers.fixed[0])
    assert len(parse("x ~~ y; y ~~ 0.2*x").formulas) == 1


def test_constraints_and_blocks():
    model = parse("group: 1\nf =~ x\nlevel: 2\nf =~ y\nab := a * (b + 1)^2\na == 2*b; a > 0; exp(b) < 3")
    assert [(row.group, row.level) for row in model.formulas] == [("1", ""), ("1", "2")]
    assert [(rule.lhs, rule.op, rule.rhs) for rule in model.constraints] == [
        ("ab", ":=", "a*(b+1)^2"), ("a", "==", "2*b"), ("a", ">", "0"), ("exp(b)", "<", "3"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("syntax", "line", "column", "found"),
    [
        ("f =~ x1 x2", 1, 9, "x2"),
        ("f =~ x1\ng = x2", 2, 3, "="),
        ("文化 =~ x1 + + x2", 1, 12, "+"),
        ("y ~", 1, 4, "↵"),
        ("f =~ c(1, a)*x", 1, 6, "c"),
        ("a b", 1, 4, "↵"),
        ("f =~ x1 @ x2", 1, 9, "@"),
        ("a + b := 3", 1, 1, "a"),
        ("x := foo(3)", 1, 6, "foo"),
        ("x := (a + b", 1, 12, "↵"),
        ("f =~ equal(3)*x", 1, 12, "3"),
        ("f =~ start(a)*x", 1, 12, "a"),
        ("", 1, 1, "↵"),
        ("f = ~ x1", 1, 3, "="),
        ("f ~= x1", 1, 4, "="),
        ("y ~ 'a*x", 1, 5, "'"),
        ("y <- x", 1, 3, "<-"),
        ("z ~ w\nx -> y", 2, 3, "->"),
        ("f =~ x1 + f", 1, 11, "f"),
        ("y ~ y", 1, 5, "y"),
        ("y ~ x1, x2", 1, 7, ","),
        ("y ~ 2x", 1, 5, "2"),
        ("f =~ start(0.5)x", 1, 11, "("),
        ("f =~ x1 - x2", 1, 9, "-"),
        ("y ~ x:", 1, 7, "↵"),
        ("f ~~ 1", 1, 6, "1"),
    ],
)
def test_syntax_errors_say_where(syntax, line, column, found):
    with pytest.raises(ModelSyntaxError) as caught:
        parse(syntax)
    assert caught.value.values["line"] == line
    assert caught.value.values["column"] == column
    assert caught.value.values["found"] == found
    for lang, words in (("en", f"line {line}, column {column}"), ("zh", f"第 {line} 行第 {column} 列")):
        with use_language(lang):
            assert words in str(caught.value)
            assert f"    {syntax.splitlines()[line - 1] if syntax else ''}".rstrip() in str(caught.value)


def test_caret_stands_under_wide_characters():
    with pytest.raises(ModelSyntaxError) as caught:
        parse("文化 =~ x1 x2")
    assert str(caught.value).splitlines()[-1].index("^") == 4 + 11


def test_table_round_trips_through_syntax():
    syntax = "f =~ x1 + a*x2 + a*x3\ng =~ y1 + y2 + y3\ng ~ b*f + z\ny1 ~~ y2\nab := a*b\n"
    table = parameter_table(syntax, Options(meanstructure=True))
    again = parameter_table(table.to_syntax(), Options(meanstructure=True))
    key = [(row.name, row.label, row.free > 0, row.fixed if row.fixed == row.fixed else None) for row in table.rows]
    back = [(row.name, row.label, row.free > 0, row.fixed if row.fixed == row.fixed else None) for row in again.rows]
    assert sorted(key, key=str) == sorted(back, key=str)
    assert [rule.rhs for rule in again.defined] == ["a*b"]


def test_table_edits_and_shows_itself():
    table = parameter_table("f =~ x1 + x2 + x3")
    edited = table.edited("f", "=~", "x2", fixed=1.0)
    assert edited.n_free == table.n_free - 1
    assert table.n_free == 6
    assert edited.edited("f", "=~", "x2", free=True, label="b").labels == {"b": 0}
    assert "<table" in table._repr_html_()
    assert "f" in str(table)
    assert "v" not in table.to_semopy()
    with pytest.raises(ModelError, match="no parameter"):
        table.edited("f", "=~", "x9", fixed=1.0)


def test_defaults_of_sem():
    table = parameter_table("f =~ x1 + x2; g =~ x3 + x4; h =~ x5 + x6; h ~ f + g; k ~ f; k ~ z; h ~ z")
    names = [row.name for row in table.rows if not row.user]
    assert "f~~g" in names  # exogenous latents covary
    assert "h~~k" in names  # residuals of terminal outcomes covary
    assert [row.name for row in table.rows if row.exogenous] == ["z~~z"]
    marker = [row for row in table.rows if row.name in {"f=~x1", "g=~x3", "h=~x5"}]
    assert all(row.fixed == 1 and not row.free for row in marker)
    free = parameter_table("f =~ x1 + x2 + x3", Options(std_lv=True))
    assert next(row for row in free.rows if row.name == "f~~f").fixed == 1
    assert all(row.free for row in free.rows if row.op == "=~")
    apart = parameter_table("f =~ x1 + x2; g =~ x3 + x4", Options(orthogonal=True))
    assert next(row for row in apart.rows if row.name == "f~~g").fixed == 0


def test_unknown_labels_and_options():
    from semopy.examples import political_democracy

    data = political_democracy.get_data()
    with pytest.raises(ModelError, match="uses c"):
        cbec.sem("f =~ y1 + a*y2 + y3; d := a*c", data)
    with pytest.raises(ModelError) as caught:
        cbec.sem("f =~ y1 + y2 + y3", data, estimator="MLX")
    assert caught.value.values["option"] == "estimator"
    with use_language("zh"):
        assert "无法识别" in str(caught.value)


def test_a_model_of_constraints_alone_says_nothing():
    with pytest.raises(ModelSyntaxError, match="says nothing"):
        parameter_table("a == 2; b := a")
    assert parse("f =~ a*x; a <-1").constraints[0].op == "<"
