"""Permutation tests against semTools::permuteMeasEq, and permutation by permutation against single fits."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cbecmodel as cbec
from cbecmodel.errors import DataError, ModelError
from cbecmodel.messages import use_language
from cbecmodel.parallel import replicate_rng

REFERENCE = Path(__file__).parents[1] / "reference" / "permutation"
MODEL = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6"


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "data.csv")


@pytest.mark.parametrize(
    ("case", "equal", "than"), [("metric", "loadings", ()), ("scalar", ("loadings", "intercepts"), "loadings")]
)
def test_invariance_is_semtools(data: pd.DataFrame, case: str, equal: object, than: object) -> None:
    """Observed differences to 1e-5 (lavaan's own stopping rule); p-values within Monte Carlo error of both sides."""
    wanted = json.loads((REFERENCE / "expected.json").read_text(encoding="utf-8"))[case]
    found = cbec.permutation_test(
        MODEL,
        data,
        group="school",
        group_equal=equal,
        than=than,
        permutations=1000,
        seed=1,  # type: ignore[arg-type]
    ).tests
    for name in ("chisq", "rmsea", "cfi"):
        here = found.loc[name]
        assert here["observed"] == pytest.approx(wanted["observed"][name], abs=1e-4)
        p = wanted["pvalue"][name]
        error = np.sqrt(max(p * (1 - p), 1e-3) / wanted["permutations"] + here["pvalue_mcse"] ** 2)
        assert abs(here["pvalue"] - p) < 4 * error


def test_each_permutation_is_a_fit_to_permuted_groups(data: pd.DataFrame) -> None:
    model = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\ntextual ~ c(b1, b2)*visual\ndiff := b1 - b2"
    found = cbec.permutation_test(model, data, group="school", group_equal="loadings", than=(), permutations=6, seed=3)
    codes, labels = pd.factorize(data["school"])
    pooled = pd.concat([data[codes == 0], data[codes == 1]], ignore_index=True)
    size = int((codes == 0).sum())
    for index, here in found.permutations.iterrows():
        order = replicate_rng(3, int(index)).permutation(len(pooled))  # type: ignore[call-overload]
        dealt = pooled.iloc[order].assign(school=np.repeat(labels.to_numpy(), [size, len(pooled) - size]))
        fits = [cbec.sem(model, dealt, group="school", group_equal=equal) for equal in ("loadings", ())]
        for name in ("chisq", "rmsea", "cfi"):
            gap = fits[0].fit_measures[name] - fits[1].fit_measures[name]
            assert here[name] == pytest.approx(gap, abs=1e-6)
        whole = fits[1].parameters.set_index("lhs")
        assert here["diff"] == pytest.approx(whole.loc["diff", "est"], abs=1e-6)


def test_p_values_are_uniform_under_the_hypothesis() -> None:
    rng = np.random.default_rng(5)
    pvalues = []
    for _ in range(60):
        frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["x", "y"]).assign(g=np.repeat(["a", "b"], 30))
        test = cbec.permutation_test("y ~ c(b1, b2)*x\nd := b1 - b2", frame, group="g", permutations=39, seed=1).tests
        pvalues.append(test.loc["d", "pvalue"])
    assert min(pvalues) >= 1 / 40
    assert np.mean(pvalues) == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 60))
    assert np.mean(np.array(pvalues) <= 0.1) < 0.1 + 4 * np.sqrt(0.09 / 60)


def test_it_does_not_matter_where(data: pd.DataFrame) -> None:
    given = {"group": "school", "group_equal": "loadings", "permutations": 300, "seed": 2}
    one = cbec.permutation_test(MODEL, data, **given)  # type: ignore[arg-type]
    other = cbec.permutation_test(MODEL, data, parallel=2, **given)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(one.permutations, other.permutations, check_exact=True)


def test_it_shows_itself(data: pd.DataFrame) -> None:
    found = cbec.permutation_test(MODEL, data, group="school", group_equal="loadings", than=(), permutations=30, seed=2)
    assert "Pasteur (156)" in str(found)
    assert "ΔCFI" in found._repr_html_()
    with use_language("zh"):
        assert "置换检验" in repr(found)
        assert len(found.plot().axes) == 3


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"permutations": 0}, ModelError, "permutations is 0"),
        ({"estimator": "MLR"}, ModelError, 'estimator="ML"'),
        ({"missing": "fiml"}, ModelError, "listwise"),
        ({"than": "loadings"}, ModelError, "must hold more equal"),
        ({"group": "nobody"}, DataError, "nobody"),
    ],
)
def test_bad_input_is_refused(data: pd.DataFrame, changed: dict[str, object], kind: type[Exception], said: str) -> None:
    given = {"group": "school", "group_equal": "loadings", "permutations": 10, "seed": 1, **changed}
    with pytest.raises(kind, match=said):
        cbec.permutation_test(MODEL, data, **given)  # type: ignore[arg-type]
