"""Two engines, one number; threads, hash seeds, comparison, effects, shapes of results."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from semopy.examples import political_democracy

import cbecmodel as cbec
from cbecmodel.errors import ModelError, ModelWarning
from cbecmodel.messages import use_language

MODEL = """
ind60 =~ x1 + x2 + x3
dem60 =~ y1 + y2 + y3 + y4
dem65 =~ y5 + y6 + y7 + y8
dem60 ~ a*ind60
dem65 ~ c*ind60 + b*dem60
y1 ~~ y5
y2 ~~ y4 + y6
indirect := a*b
total := a*b + c
"""


@pytest.fixture(scope="module")
def data():
    return political_democracy.get_data()


@pytest.fixture(scope="module")
def fit(data):
    return cbec.sem(MODEL, data)


def test_semopy_gives_the_same_numbers(data, fit):
    other = cbec.sem(MODEL, data, engine="semopy")
    assert other.converged
    np.testing.assert_allclose(other.parameters["est"], fit.parameters["est"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(other.parameters["se"], fit.parameters["se"], rtol=1e-5, atol=1e-6)
    for found in (fit, other):
        check = found.cross_check()
        assert list(check.columns) == ["lhs", "op", "rhs", "group", "est", "other", "difference", "tolerance", "agrees"]
        assert check["agrees"].all()
        assert len(check) == fit.table.n_free


@pytest.mark.parametrize(
    "model",
    [
        "f =~ NA*y1 + y2 + y3 + y4; f ~~ 1*f",
        "f =~ y1 + p*y2 + p*y3 + y4; f ~ x1 + x2",
        "g =~ f + h + k; f =~ y1 + y2 + y3; h =~ y5 + y6 + y7; k =~ x1 + x2 + x3",
        "y5 ~ y1 + x1; y1 ~ x1 + x2",
        "f =~ y1 + y2 + y3 + y4; y1 ~ 1",
    ],
)
@pytest.mark.filterwarnings("ignore::cbecmodel.errors.ModelWarning")
def test_semopy_with_other_kinds_of_models(data, model):
    assert cbec.sem(model, data, engine="native").cross_check()["agrees"].all()


def test_a_wrong_number_is_seen(fit):
    from cbecmodel.structure.readouts.crosscheck import cross_check

    wrong = fit.x.copy()
    wrong[0] += 1e-3
    assert not cross_check(fit.problem, wrong, fit.vcov.to_numpy(), "native", 1e-4)["agrees"].all()


def test_semopy_refuses_what_it_cannot_do(data):
    with pytest.raises(ModelError) as caught:
        cbec.growth("i =~ 1*y1 + 1*y2 + 1*y3 + 1*y4; s =~ 0*y1 + 1*y2 + 2*y3 + 3*y4", data, engine="semopy")
    with use_language("zh"):
        assert "semopy" in str(caught.value)
    with pytest.raises(ModelError, match="constraints"):
        cbec.cfa("f =~ y1 + a*y2 + b*y3 + y4; a == 2*b", data, engine="semopy")


def test_threads(data, fit):
    def run(engine):
        return cbec.sem(MODEL, data, engine=engine).x

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(run, ["semopy", "native"] * 6):
            np.testing.assert_allclose(found, fit.x, rtol=1e-4, atol=1e-5)


def test_hash_seed_does_not_matter():
    code = (
        "import cbecmodel as c; from semopy.examples import political_democracy as p;"
        f"f = c.sem({MODEL!r}, p.get_data(), engine='semopy');"
        "print(f.parameters.to_json(double_precision=15)); print(f)"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1", "7")
    }
    assert len(seen) == 1


def test_effects_equal_defined_parameters(fit):
    effects = fit.effects("ind60", "dem65").set_index("effect")
    defined = fit.parameters.query("op == ':='").set_index("lhs")
    for ours, theirs in (("indirect", "indirect"), ("total", "total"), ("path", "indirect")):
        np.testing.assert_allclose(effects.loc[ours, "est"], defined.loc[theirs, "est"], rtol=1e-12)
        np.testing.assert_allclose(effects.loc[ours, "se"], defined.loc[theirs, "se"], rtol=1e-10)
        np.testing.assert_allclose(effects.loc[ours, "std_all"], defined.loc[theirs, "std_all"], rtol=1e-10)
    assert effects.loc["path", "path"] == "ind60 -> dem60 -> dem65"
    down = fit.effects("ind60", "y8")
    np.testing.assert_allclose(
        down.query("effect == 'path'")["est"].sum(), down.query("effect == 'total'")["est"].iloc[0]
    )
    with pytest.raises(ModelError, match="No path"):
        fit.effects("dem65", "ind60")
    with pytest.raises(ModelError, match="no variable"):
        fit.effects("dem65", "dem70")


def test_feedback_total_effects(data):
    loop = cbec.sem("y1 ~ x1 + y5; y5 ~ x2 + y1; y1 ~~ y5", data)
    est = loop.parameters.set_index(["lhs", "op", "rhs"])["est"]
    a, b, c = est["y1", "~", "x1"], est["y5", "~", "y1"], est["y1", "~", "y5"]
    with pytest.warns(ModelWarning, match="does not settle"):  # b * c is beyond one in these data
        total = loop.effects("x1", "y5").query("effect == 'total'")["est"].iloc[0]
    np.testing.assert_allclose(total, a * b / (1 - b * c), rtol=1e-10)


def test_compare(data, fit):
    tau = cbec.sem(MODEL.replace("y1 + y2 + y3 + y4", "y1 + 1*y2 + 1*y3 + 1*y4"), data)
    table = cbec.compare(tau, fit)
    assert table.index.tolist() == [2, 1]
    np.testing.assert_allclose(
        table["chisq_diff"].iloc[1], tau.fit_measures["chisq"] - fit.fit_measures["chisq"], rtol=1e-12
    )
    assert fit.compare(tau)["df_diff"].iloc[1] == 3
    with pytest.raises(ModelError, match="compared"):
        cbec.compare(fit, cbec.sem(MODEL, data.head(60)))


def test_scaled_difference_of_2010_needs_nested_rows(data):
    free = cbec.cfa("f =~ y1 + y2 + y3 + y4", data, estimator="MLR")
    tau = cbec.cfa("f =~ 1*y1 + 1*y2 + 1*y3 + 1*y4", data, estimator="MLR")
    table = cbec.compare(free, tau, scaling="2010")
    assert table["chisq_diff"].iloc[1] > 0
    other = cbec.cfa("f =~ 1*y1 + 1*y2 + 1*y3 + 1*y4; y1 ~~ y2", data, estimator="MLR")
    with pytest.raises(ModelError, match="compared"):
        cbec.compare(free, other, scaling="2010")
    with pytest.raises(ModelError, match="scaling"):
        cbec.compare(free, tau, scaling="1999")


def test_shapes_and_looks(fit, data):
    assert fit.vcov.shape == (fit.table.n_free, fit.table.n_free)
    assert fit.implied()["cov"].shape == (11, 11)
    assert abs(fit.residuals()["cov"].to_numpy()).max() > 0
    assert fit.factor_scores("bartlett").shape == (75, 3)
    assert list(fit.factor_scores().index) == list(data.index)
    assert list(fit.parameters.columns) == [
        "lhs", "op", "rhs", "group", "label", "est", "se", "z", "pvalue", "ci_lower", "ci_upper", "std_lv", "std_all",
    ]  # fmt: skip
    assert str(fit) == repr(fit) == fit.summary()
    assert "0x" not in fit._repr_html_()
    assert r"\toprule" in fit.to_latex()
    with use_language("zh"):
        assert "结构方程模型" in fit.summary()
        assert "载荷" in fit._repr_html_()


def test_diagram_and_document(fit, tmp_path):
    assert fit.plot(lang="zh").axes
    assert fit.to_docx(tmp_path / "a.docx").read_bytes()[:2] == b"PK"


def test_property_marker_and_std_lv_fit_the_same(data):
    one = cbec.cfa("f =~ y1 + y2 + y3 + y4; g =~ y5 + y6 + y7 + y8", data)
    two = cbec.cfa("f =~ y1 + y2 + y3 + y4; g =~ y5 + y6 + y7 + y8", data, std_lv=True)
    three = cbec.cfa("f =~ y4 + y3 + y2 + y1; g =~ y8 + y7 + y6 + y5", data.sample(frac=1, random_state=3))
    for other in (two, three):
        np.testing.assert_allclose(other.fit_measures["chisq"], one.fit_measures["chisq"], rtol=1e-10)
        keys = ["lhs", "op", "rhs"]
        merged = one.parameters.merge(other.parameters, on=keys)
        np.testing.assert_allclose(merged["std_all_x"], merged["std_all_y"], rtol=1e-9)


@pytest.mark.shared
@pytest.mark.parametrize("engine", ["native", "semopy"])
def test_published_survey(shared, engine):
    """Real answers of 272 people; numbers of lavaan 0.6-14."""
    frame = pd.read_csv(shared / "data" / "hanoi_social_commerce.csv")
    model = "PAR =~ PAR1 + PAR2 + PAR3\nINT =~ INT1 + INT2 + INT3\nHED =~ HED1 + HED2 + HED3\n"
    fit = cbec.sem(model + "URG =~ URG1 + URG2 + URG3\nURG ~ PAR + INT + HED", frame, engine=engine)
    paths = fit.parameters.query("op == '~'")["std_all"]
    np.testing.assert_allclose(paths, [0.522, -0.222, 0.355], atol=5e-4)
    found = fit.fit_measures[["chisq", "df", "cfi", "rmsea"]]
    np.testing.assert_allclose(found, [129.0156, 48, 0.9346, 0.0788], atol=5e-5)


@pytest.mark.shared
def test_large_published_reference(shared):
    """30 indicators, 7 factors: every estimate and measure of lavaan's reference."""
    numbers = json.loads((shared / "reference/sem/lavaan/14_sim30_ml.json").read_text(encoding="utf-8"))
    fit = cbec.sem(numbers["model"], pd.read_csv(shared / "reference/sem/data/sim30.csv"))
    for name in ("est", "se"):
        np.testing.assert_allclose(fit.parameters[name], numbers["parameters"][name], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(fit.fit_measures["chisq"], numbers["fit_measures"]["chisq"], rtol=1e-8)
    assert fit.cross_check()["agrees"].all()
