"""Screening: indices equal brute force and R, flags need company, nobody vanishes uncounted."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cbecmodel.errors import DataError
from cbecmodel.survey import careless, repeated
from cbecmodel.survey.instrument import Instrument
from cbecmodel.survey.parts import Keys
from cbecmodel.survey.responses import Responses
from cbecmodel.survey.screening import Screening


@pytest.fixture(autouse=True)
def _fresh_draws() -> None:
    """Give every test the same draws, whichever tests ran before it."""
    global RNG  # noqa: PLW0603
    RNG = np.random.default_rng(20251117)


def _answers(
    n: int = 200, scales: int = 6, items: int = 5, missing: float = 0.0
) -> np.ndarray[Any, np.dtype[np.float64]]:
    factor = RNG.normal(size=(n, scales)).repeat(items, axis=1)
    latent = 0.85 * factor + 0.5 * RNG.normal(size=factor.shape)
    answers = np.clip(np.round(4 + 1.5 * latent), 1, 7)
    answers[RNG.random(answers.shape) < missing] = np.nan
    return answers


def _measured(found: Screening, index: str) -> pd.Series:
    (table,) = (getattr(found, name) for name in ("values",))
    return table[index]


def _longest(row: list[float]) -> int:
    best = run = 0
    before = None
    for value in row:
        run = 0 if np.isnan(value) else run + 1 if value == before else 1
        best, before = max(best, run), value
    return best


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_indices_equal_brute_force(missing: float) -> None:
    x = _answers(missing=missing)
    assert careless.longstring(x).tolist() == [_longest(row) for row in x.tolist()]
    np.testing.assert_allclose(careless.irv(x), np.nanstd(x, axis=1, ddof=1), rtol=1e-12)
    corr = pd.DataFrame(x).corr().to_numpy()
    pairs = careless.synonym_pairs(x, 0.6)
    expected = {(i, j) for i in range(x.shape[1]) for j in range(i) if corr[i, j] > 0.6}
    assert set(map(tuple, pairs.tolist())) == expected
    for row, value in zip(x, careless.synonyms(x, pairs), strict=True):
        a, b = row[pairs[:, 0]], row[pairs[:, 1]]
        both = ~(np.isnan(a) | np.isnan(b))
        if both.sum() >= 3 and a[both].std() > 0 and b[both].std() > 0:
            assert value == pytest.approx(np.corrcoef(a[both], b[both])[0, 1], abs=1e-10)
    for row, value in zip(x, careless.even_odd(x, [5] * 6), strict=True):
        blocks = row.reshape(6, 5)
        even, odd = pd.DataFrame(blocks[:, 1::2]).mean(axis=1), pd.DataFrame(blocks[:, 0::2]).mean(axis=1)
        r = even.corr(odd)
        assert value == pytest.approx(-max(2 * r / (1 + r), -1), abs=1e-10)


def test_mahalanobis_equals_the_formula() -> None:
    x = _answers()
    centred = x - x.mean(axis=0)
    expected = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(x.T)), centred)
    distance, df = careless.mahalanobis(x)
    np.testing.assert_allclose(distance, expected, rtol=1e-9)
    assert df == 30
    doubled, rank = careless.mahalanobis(np.column_stack([x, x[:, 0], np.ones(len(x))]))
    np.testing.assert_allclose(doubled, expected, rtol=1e-6)
    assert rank == 30


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = _answers(missing=0.1)
    pairs = careless.synonym_pairs(x)
    whole = careless.mahalanobis(x)[0], careless.synonyms(x, pairs)
    monkeypatch.setattr(careless, "_CHUNK_CELLS", 200)
    np.testing.assert_array_equal(careless.synonym_pairs(x), pairs)
    np.testing.assert_allclose(careless.mahalanobis(x)[0], whole[0], rtol=1e-9)
    np.testing.assert_array_equal(careless.synonyms(x, pairs), whole[1])


def test_turning_pairs_where_one_side_does_not_vary() -> None:
    row = np.array([[1.0, 1, 1, 2, 1, 2, 1, 1]])
    pairs = np.array([[1, 0], [3, 2], [5, 4], [7, 6]])
    assert careless.synonyms(row, pairs)[0] == pytest.approx(-1 / 3)
    assert np.isnan(careless.synonyms(np.ones((1, 8)), pairs)[0])


@pytest.mark.shared
def test_values_of_r_careless(shared: Path) -> None:
    """R careless 1.2.2 on its own data set: the means printed in ../shared/reference/psychometrics.md, to all their digits."""
    x = pd.read_csv(shared / "data" / "careless_dataset2.csv").to_numpy(dtype=float)
    assert careless.longstring(x).mean() == pytest.approx(9.326, abs=5e-9)
    assert careless.irv(x).mean() == pytest.approx(1.84087682, abs=5e-9)
    assert careless.synonyms(x, careless.synonym_pairs(x, 0.60)).mean() == pytest.approx(0.54316536, abs=5e-9)
    assert careless.even_odd(x, [10] * 10).mean() == pytest.approx(-0.52825884, abs=5e-9)
    distance, df = careless.mahalanobis(x)
    assert int((distance > stats.chi2.isf(0.001, df)).sum()) == 3


@pytest.fixture
def crowd(small: Instrument) -> Responses:
    """Forty honest people, and one of each kind that is not."""
    n = 46
    joy, calm, trust = RNG.normal(size=(3, n))
    noise = RNG.normal(size=(7, n))
    base = np.array([joy, joy, -joy, calm, -calm, trust, trust]) * 1.2 + 0.3 * noise
    codes = np.clip(np.round(3 + base), 1, 5).T
    frame = pd.DataFrame(codes, columns=["J1", "J2", "J3", "C1", "C2", "T1", "T2"])
    frame = frame.assign(
        consent=1, S_AGE=30, S_COUNTRY="VNM", A1=2, X_PET=1, R1=1, duration_s=120.0, form_language="en"
    )
    frame.loc[n // 2 :, "form_language"] = "zh"
    frame.loc[40, "consent"] = 0
    frame.loc[41, "S_AGE"] = 15
    frame.loc[42, "S_COUNTRY"] = "CHN"
    frame.loc[43, ["J1", "J2", "J3", "C1"]] = -99
    frame.loc[44, ["J1", "J2", "J3", "C1", "C2", "T1", "T2"]] = 4
    frame.loc[44, "duration_s"] = 5
    frame.loc[45, "A1"] = 5
    return Responses.from_frame(frame.set_axis(pd.RangeIndex(n, name="respondent"), axis=0), small)


def test_without_a_stated_rule_nobody_is_left_out(crowd: Responses) -> None:
    unstated = crowd.instrument.model_copy(update={"screening_rules": None})
    found = replace(crowd, instrument=unstated).screen()
    assert set(found.table["reason"]) == {"", "consent", "eligibility"}
    assert (found.table["n_flags"] > 0).any()
    assert "no rule stated" in found.flow["en"].iloc[-1]
    assert (replace(crowd, instrument=unstated).screen(minimum_flags=1).table["reason"] == "careless").any()


def test_a_short_questionnaire_has_no_straight_liners(crowd: Responses) -> None:
    """Seven items are too few for a run of one answer to mean anything, so nobody is assessed."""
    summary = crowd.screen().summary.set_index("index")
    assert summary.loc[["longstring", "irv"], "n_assessed"].tolist() == [0, 0]


def test_who_is_excluded_and_why(crowd: Responses) -> None:
    found = crowd.screen(minimum_items=7)
    reason = found.table["reason"]
    assert reason.loc[[40, 41, 42, 43, 44]].tolist() == [
        "consent",
        "eligibility",
        "eligibility",
        "completeness",
        "careless",
    ]
    assert found.table.loc[44, ["speed", "item_speed", "longstring", "irv"]].all()
    assert found.table.loc[44, "n_flags"] == 3  # both speeds are one sign
    assert _measured(found, "item_speed").loc[44] == pytest.approx(5 / 7)
    assert found.table.loc[45, "attention"]
    assert reason.loc[45] == ""
    assert found.flow["stage"].tolist() == ["read", "consent", "eligibility", "completeness", "careless"]
    assert found.flow["n_left"].iloc[0] == 46
    assert found.flow["n_left"].iloc[-1] == len(found.kept.frame) == 46 - found.table["excluded"].sum()
    assert found.flow["n_removed"].tolist()[1:4] == [1, 2, 1]
    assert len(crowd.frame) == 46
    assert found.kept.log["where"].tolist()[-4:] == ["consent", "eligibility", "completeness", "careless"]


def test_summary_counts_those_it_could_assess(crowd: Responses) -> None:
    summary = crowd.screen().summary.set_index("index")
    assert summary.loc["diligence", "n_assessed"] == 0
    assert np.isnan(summary.loc["diligence", "share"])
    assert summary.loc["attention", ["n_assessed", "n_flagged"]].tolist() == [42, 1]
    assert summary.loc["eligibility", "n_flagged"] == 2
    assert summary.loc["completeness", ["n_assessed", "n_flagged"]].tolist() == [43, 1]  # of those who were let in
    assert summary.loc["speed", "threshold"] == "< 0.333 × median"
    assert summary.loc["item_speed", "threshold"] == "< 2 s"


def test_rules_can_be_given_and_switched_off(crowd: Responses) -> None:
    strict = crowd.screen(minimum_flags=1)
    assert strict.table.loc[45, "reason"] == "careless"
    at_once = crowd.screen(attention_excludes=True)
    assert at_once.table.loc[45, "reason"] == "attention"
    assert at_once.flow["stage"].tolist()[-2:] == ["attention", "careless"]
    lenient = crowd.screen(
        longstring_share=None, irv=None, seconds_per_item=None, share_of_median_time=None, missing_share=None
    )
    assert lenient.table.loc[44, ["speed", "longstring", "irv"]].sum() == 0
    assert lenient.table.loc[43, "reason"] == ""


def test_registered_rules_are_used(small: Instrument) -> None:
    from cbecmodel.survey.parts import ScreeningRule, ScreeningRules

    rule = ScreeningRule(id="irv", text={"en": "…", "zh": "…"}, threshold=0.25)
    registered = small.model_copy(update={"screening_rules": ScreeningRules(minimum_flags=3, rules={"irv": rule})})
    frame = pd.DataFrame(RNG.integers(1, 6, (30, 7)), columns=["J1", "J2", "J3", "C1", "C2", "T1", "T2"])
    rules = Responses.from_frame(frame, registered).screen().rules
    assert (rules.minimum_flags, rules.irv) == (3, 0.25)


def test_routing_is_not_incompleteness(small: Instrument) -> None:
    frame = pd.DataFrame(RNG.integers(1, 6, (30, 7)), columns=["J1", "J2", "J3", "C1", "C2", "T1", "T2"])
    frame.loc[0, ["J1", "J2", "J3", "C1", "C2"]] = -77
    frame.loc[1, ["J1", "J2", "J3", "C1", "C2"]] = -99
    table = Responses.from_frame(frame, small).screen().table
    assert table.loc[1, "reason"] == ""
    assert table.loc[2, "reason"] == "completeness"


def test_the_instruments_that_come_with_the_package_can_be_screened() -> None:
    from cbecmodel.survey.instrument import load_instrument

    for name in ("consumer", "firm"):
        instrument = load_instrument(name)
        frame = pd.DataFrame(RNG.integers(1, 8, (40, len(instrument.items))), columns=list(instrument.items))
        found = Responses.from_frame(frame, instrument).screen()
        assert found.rules.missing_share == 0.2
        assert "Screening" in str(found)
        assert "<table" in found._repr_html_()


def test_an_empty_sample_is_screened_too(small: Instrument) -> None:
    frame = pd.DataFrame([[1] * 7, [2] * 7, [5] * 7], columns=["J1", "J2", "J3", "C1", "C2", "T1", "T2"]).assign(
        consent=0
    )
    found = Responses.from_frame(frame, small).screen()
    assert found.flow["n_left"].tolist() == [3, 0, 0, 0, 0]


def test_antonyms_equal_brute_force_and_find_those_who_agree_to_both(small: Instrument) -> None:
    x = _answers(400, scales=3, items=4)
    x[:, 1::2] = 8 - x[:, 1::2]
    x[0] = [1, 2, 6, 7, 3, 3, 5, 6, 1, 1, 7, 7]
    pairs = careless.synonym_pairs(x, 0.5, antonyms=True)
    corr = np.corrcoef(x.T)
    assert set(map(tuple, pairs.tolist())) == {(i, j) for i in range(12) for j in range(i) if corr[i, j] < -0.5}
    values = careless.synonyms(x, pairs)
    assert values[0] == pytest.approx(np.corrcoef(x[0, pairs[:, 0]], x[0, pairs[:, 1]])[0, 1])
    found = Responses.from_frame(_on(small, 7), small).screen(antonym_pairs=0.0, antonyms=-1.0)
    assert found.summary.set_index("index").loc["antonyms", "threshold"] == "> -1 (pairs r < −0)"


def _on(small: Instrument, n: int) -> pd.DataFrame:
    return pd.DataFrame(RNG.integers(1, 6, (n, 7)), columns=["J1", "J2", "J3", "C1", "C2", "T1", "T2"])


def test_the_same_answers_twice_are_one_sign_within_a_wave(small: Instrument) -> None:
    frame = _on(small, 40)
    frame.loc[:4] = [[1, 2, 3, 4, 5, 1, 2]] * 3 + [[4] * 7] * 2  # straight-liners coincide by themselves
    frame["wave"] = 1
    frame.loc[2, "wave"] = 2
    rules = {"minimum_items": 7, "minimum_flags": 2}
    found = Responses.from_frame(frame, small).screen(**rules)
    assert found.table["duplicates"].tolist() == [True, True] + [False] * 38
    assert _measured(found, "duplicates").tolist()[:5] == pytest.approx([2, 2, 1, np.nan, np.nan], nan_ok=True)
    assert Responses.from_frame(frame.drop(columns="wave"), small).screen(**rules).table["duplicates"].sum() == 3
    assert not Responses.from_frame(frame, small).screen(duplicates=None, **rules).table["duplicates"].any()
    with pytest.raises(DataError, match='"duplicates" is 1; it must be 2, 3, 4'):
        Responses.from_frame(frame, small).screen(duplicates=1)


def test_the_same_code_twice_is_one_sign_within_a_wave(small: Instrument) -> None:
    keyed = small.model_copy(update={"keys": Keys(person="X_NOTE", wave="X_PET")})
    frame = _on(small, 6).assign(X_NOTE=["LI0742", "li0742 ", "LI0742", "", "", "AB0101"], X_PET=[0, 0, 1, 0, 0, 0])
    found = Responses.from_frame(frame, keyed).screen()
    assert found.table["repeated_codes"].tolist() == [True, True, False, False, False, False]
    assert _measured(found, "repeated_codes").isna().tolist() == [False] * 3 + [True] * 2 + [False]
    assert found.table["n_flags"].iloc[0] == 1
    assert not Responses.from_frame(frame, small).screen().table["repeated_codes"].any()


def test_equal_rows_are_counted_exactly() -> None:
    rows = RNG.integers(1, 3, (500, 6)).astype(float)
    rows[RNG.random(rows.shape) < 0.2] = np.nan
    text = [str(row) for row in rows.tolist()]
    assert repeated.same_rows(rows, np.zeros(500)).tolist() == [text.count(row) for row in text]
