"""The multiverse: each row is the fit it says it is, and what fails is there with its reason."""

import numpy as np
import pandas as pd
import pytest
from semopy.examples import political_democracy

import cbecmodel as cbec
from cbecmodel.errors import ConvergenceError, DataError, ModelError
from cbecmodel.messages import use_language

BASE = "ind60 =~ x1 + x2 + x3\ndem60 =~ y1 + y2 + y3 + y4\ndem60 ~ b*ind60"
MODELS = {"plain": BASE, "correlated": BASE + "\ny2 ~~ y4"}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return political_democracy.get_data()


def test_each_row_is_a_fit(data: pd.DataFrame) -> None:
    subsets = {"all": None, "richer": "x1 > 4"}
    found = cbec.multiverse(MODELS, data, "b", subsets=subsets, estimator=["ML", "MLR"]).table
    assert len(found) == 8
    for row in found.itertuples():
        frame = data if row.subset == "all" else data[data["x1"] > 4]
        fit = cbec.sem(MODELS[row.model], frame, estimator=row.estimator)
        wanted = fit.parameters.set_index("label").loc["b"]
        for name, column in (("estimate", "est"), ("se", "se"), ("pvalue", "pvalue"), ("ci_lower", "ci_lower")):
            assert getattr(row, name) == pytest.approx(wanted[column], rel=1e-12)
        assert row.cfi == pytest.approx(fit.fit_measures["cfi"])
        assert row.n == len(frame)


def test_standardized_and_by_name(data: pd.DataFrame) -> None:
    one = cbec.multiverse(BASE, data, "dem60 ~ ind60", standardized=True, estimator=["ML"])
    fit = cbec.sem(BASE, data).standardized().set_index("label").loc["b"]
    assert one.table["estimate"].tolist() == pytest.approx([fit["est_std"]])
    assert "dem60 ~ ind60" in str(one)


def test_failures_and_absent_parameters_are_rows(data: pd.DataFrame) -> None:
    models = {**MODELS, "without": "ind60 =~ x1 + x2 + x3"}
    found = cbec.multiverse(models, data, "b", subsets={"all": None, "five": "index < 5"})
    status = found.table.set_index(["model", "subset"])["status"]
    assert status["without", "all"] == "absent"
    assert status["plain", "five"] == "failed"
    assert "4 complete cases" in found.table.set_index(["model", "subset"]).loc[("plain", "five"), "why"]
    assert len(found.estimated) == 2
    assert found.by_choice.set_index("value").loc["plain", "specifications"] == 1


def test_processes_change_nothing(data: pd.DataFrame) -> None:
    given = {"subsets": {"all": None, "richer": "x1 > 4"}, "estimator": ["ML", "MLR"]}
    here = cbec.multiverse(MODELS, data, "b", **given).table  # type: ignore[arg-type]
    there = cbec.multiverse(MODELS, data, "b", parallel=2, **given).table  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(here, there, check_exact=True)


def test_it_shows_itself(data: pd.DataFrame) -> None:
    found = cbec.multiverse(MODELS, data, "b", estimator=["ML", "MLR", "GLS"])
    assert "Median [least, largest]" in str(found)
    axes = found.plot("en").axes
    drawn = np.concatenate([line.get_ydata() for line in axes[0].lines if line.get_marker() == "o"])
    assert sorted(drawn) == pytest.approx(sorted(found.table["estimate"]))
    assert [tick.get_text() for tick in axes[1].get_yticklabels()] == ["correlated", "plain", "GLS", "ML", "MLR"]
    with use_language("zh"):
        assert "多重宇宙" in found._repr_html_()
        assert "估计值" in found.plot().axes[0].get_ylabel()


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"parameter": "q"}, ModelError, "q"),
        ({"subsets": {}}, ModelError, "nothing to choose"),
        ({"estimator": []}, ModelError, "for estimator"),
        ({"estimator": "ML"}, ModelError, "must be a list"),
        ({"subsets": {"odd": "income >"}}, DataError, "Subset odd"),
        ({"subsets": {"few": "index < 3"}}, ConvergenceError, "None of the 1 specifications"),
    ],
)
def test_bad_input_is_refused(data: pd.DataFrame, changed: dict[str, object], kind: type[Exception], said: str) -> None:
    given = {"models": BASE, "parameter": "b", **changed}
    with pytest.raises(kind, match=said):
        cbec.multiverse(data=data, **given)  # type: ignore[arg-type]
