"""Validity against semTools, by hand, and under bad input."""

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from semopy.examples import holzinger39

import cbecmodel as cbec
from cbecmodel.errors import ModelError
from cbecmodel.measurement.heterotrait import membership, ratios, resampled_ratios

MODEL = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
REFERENCE = Path(__file__).parents[1] / "reference" / "measurement" / "hs_three_factors" / "validity.json"


@pytest.fixture(scope="module")
def fit() -> cbec.SEMResults:
    return cbec.cfa(MODEL, holzinger39.get_data())


@pytest.mark.parametrize("kind", ["htmt", "htmt2"])
def test_ratios_equal_semtools(fit: cbec.SEMResults, kind: str) -> None:
    expected = json.loads(REFERENCE.read_text(encoding="utf-8"))
    table = getattr(cbec.validity(fit), kind)
    assert list(table) == list(table.index) == ["visual", "textual", "speed"]
    np.testing.assert_allclose(table, expected[kind], rtol=1e-9)


def test_ratios_are_their_definition(fit: cbec.SEMResults) -> None:
    r = np.abs(holzinger39.get_data()[[f"x{k}" for k in range(1, 7)]].corr().to_numpy())
    low = np.tril_indices(3, -1)
    between, first, second = r[:3, 3:], r[:3, :3][low], r[3:, 3:][low]
    found = cbec.validity(fit)
    wanted = between.mean() / np.sqrt(first.mean() * second.mean())
    assert found.htmt.loc["visual", "textual"] == pytest.approx(wanted, rel=1e-12)
    mean = [np.exp(np.log(part).mean()) for part in (between, first, second)]
    assert found.htmt2.loc["visual", "textual"] == pytest.approx(mean[0] / np.sqrt(mean[1] * mean[2]), rel=1e-12)


def test_vif_and_cross_loadings_are_those_of_scores(fit: cbec.SEMResults) -> None:
    data = holzinger39.get_data()
    scores = pd.DataFrame(
        {n: data[[f"x{i + k}" for k in range(3)]].mean(axis=1) for n, i in (("v", 1), ("t", 4), ("s", 7))}
    )
    found = cbec.validity(fit)
    np.testing.assert_allclose(found.vif, np.diag(np.linalg.inv(scores.corr())), rtol=1e-9)
    items = data[[f"x{k}" for k in range(1, 10)]]
    z = (items - items.mean()) / items.std()
    own = np.corrcoef(z["x1"].astype(float), (z["x2"] + z["x3"]).astype(float))[0, 1]
    other = np.corrcoef(z["x1"].astype(float), z[["x4", "x5", "x6"]].sum(axis=1).astype(float))[0, 1]
    assert found.cross_loadings.loc["x1", "visual"] == pytest.approx(own, rel=1e-9)
    assert found.cross_loadings.loc["x1", "textual"] == pytest.approx(other, rel=1e-9)


def test_verdicts_follow_their_thresholds(fit: cbec.SEMResults) -> None:
    found = cbec.validity(fit).verdicts
    assert found["convergent"].tolist() == [False, True, False]  # AVE .37 and .42 (visual and speed) are below .50
    assert found["discriminant"].all()
    strict = cbec.validity(fit, thresholds=cbec.Thresholds(htmt=0.45, ave=0.3, reliability=0.6, loading=0.3)).verdicts
    assert strict["htmt"].tolist() == [False, True, False]
    assert strict["convergent"].all()


def test_bootstrap_repeats_itself_and_covers(fit: cbec.SEMResults) -> None:
    one, two = (cbec.validity(fit, bootstrap=300, seed=7).htmt_intervals for _ in range(2))
    assert one is not None
    pd.testing.assert_frame_equal(one, two)
    assert one[["construct", "other"]].to_numpy().tolist() == [
        ["visual", "textual"],
        ["visual", "speed"],
        ["textual", "speed"],
    ]
    for kind in ("htmt", "htmt2"):
        assert (one[f"{kind}_ci_lower"] < one[kind]).all()
        assert (one[kind] < one[f"{kind}_upper_bound"]).all()
        assert (one[f"{kind}_upper_bound"] < one[f"{kind}_ci_upper"]).all()


def test_a_replicate_is_the_ratio_of_its_cases() -> None:
    cases = np.random.default_rng(3).normal(size=(50, 1)) + np.random.default_rng(4).normal(size=(50, 4))
    member = membership([[0, 1], [2, 3]], 4)
    drawn = np.random.default_rng(np.random.SeedSequence(5)).integers(50, size=50)
    wanted = ratios(np.corrcoef(cases[drawn].T), member)
    np.testing.assert_allclose(resampled_ratios(cases, member, 1, seed=5)[0], wanted, rtol=1e-9)


def test_a_thousand_bootstraps_of_twenty_constructs_are_quick() -> None:
    rng = np.random.default_rng(1)
    cases = np.repeat(rng.normal(size=(500, 20)), 4, axis=1) + rng.normal(size=(500, 80))
    member = np.repeat(np.eye(20), 4, axis=0)
    start = time.process_time()
    resampled_ratios(cases, member, 1000, seed=1)
    assert time.process_time() - start < 5


def test_a_single_item_has_no_ratio() -> None:
    fit = cbec.cfa("visual =~ x1 + x2 + x3\nspeed =~ x7\nx7 ~~ .2*x7", holzinger39.get_data())
    found = cbec.validity(fit)
    assert np.isnan(found.htmt.loc["visual", "speed"])
    assert np.isnan(found.cross_loadings.loc["x7", "speed"])


def test_what_it_refuses(fit: cbec.SEMResults) -> None:
    for message, options in (
        ("needs a seed", {"bootstrap": 100}),
        ("Group 2 has no", {"group": 2}),
        ("between 0 and 1", {"level": 95}),
    ):
        with pytest.raises(ModelError, match=message):
            cbec.validity(fit, **options)
    moments = holzinger39.get_data()[[f"x{k}" for k in range(1, 10)]].cov()
    with pytest.raises(ModelError, match="need complete answers"):
        cbec.validity(cbec.cfa(MODEL, sample_cov=moments, sample_nobs=301), bootstrap=10, seed=1)


def test_it_shows_itself(fit: cbec.SEMResults) -> None:
    found = cbec.validity(fit, bootstrap=20, seed=1)
    assert "HTMT2" in str(found)
    assert "0.424" in found._repr_html_()
    assert "toprule" in found.to_latex()


@pytest.mark.shared
def test_influencer_survey(shared: Path) -> None:
    answers = pd.read_csv(shared / "data" / "seminr_influencer.csv")
    sizes = {"SIC": 7, "PIC": 5, "PQ": 4, "PL": 4, "PI": 5}
    model = "\n".join(f"{n} =~ " + " + ".join(f"{n.lower()}_{k}" for k in range(1, s + 1)) for n, s in sizes.items())
    found = cbec.validity(cbec.cfa(model, answers))
    np.testing.assert_allclose(found.vif, [1.3342, 1.2162, 2.0933, 3.2611, 2.4524], atol=5e-5)
    for (one, other), value in {("SIC", "PIC"): 0.384871, ("PL", "PQ"): 0.755347, ("PL", "PI"): 0.815425}.items():
        assert found.htmt.loc[one, other] == pytest.approx(value, abs=1e-6)
    assert found.htmt2.loc["PL", "PI"] == pytest.approx(0.815983, abs=1e-6)


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore::cbecmodel.errors.DataWarning")
def test_polychoric_ratios(shared: Path) -> None:
    place = shared / "reference" / "sem"
    expected = json.loads((place / "lavaan" / "07_hs_ordinal_reliability.json").read_text(encoding="utf-8"))
    fit = cbec.cfa(MODEL, pd.read_csv(place / "data" / "hs_ordinal4.csv"), ordered=True, estimator="WLSMV")
    for kind in ("htmt", "htmt2"):
        np.testing.assert_allclose(getattr(cbec.validity(fit), kind), expected[kind]["values"], atol=2e-5)
