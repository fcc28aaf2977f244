"""Partial least squares: seminr's published numbers, fixed points, consistency in a population, bad input."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from semopy.examples import political_democracy

import cbecmodel as cbec
from cbecmodel.errors import ConvergenceError, DataError, ModelError, ModelWarning

MOBI = json.loads((Path(__file__).parents[1] / "reference" / "factors" / "mobi_pls.json").read_text(encoding="utf-8"))
MODEL = """
image =~ IMAG1 + IMAG2 + IMAG3 + IMAG4 + IMAG5
expectation =~ CUEX1 + CUEX2 + CUEX3
value =~ PERV1 + PERV2
satisfaction =~ CUSA1 + CUSA2 + CUSA3
satisfaction ~ image + expectation + value
"""
POLITICAL = (
    "ind =~ x1 + x2 + x3; dem60 =~ y1 + y2 + y3 + y4; dem65 =~ y5 + y6 + y7 + y8; dem60 ~ ind; dem65 ~ ind + dem60"
)
PRECISION = {"rtol": 0, "atol": 1e-5}  # seminr stops when weights change by less than 1e-7, and tests at 1e-5


def mobi():
    size = len(MOBI["items"])
    cor = np.zeros((size, size))
    for i, row in enumerate(MOBI["lower"]):
        cor[i, : i + 1] = row
    cor = cor + np.tril(cor, -1).T
    return pd.DataFrame(cor, index=MOBI["items"], columns=MOBI["items"])


def test_consistent_estimates_are_those_of_seminr():
    found = cbec.pls(MODEL, sample_cov=mobi(), sample_nobs=250, scheme="factorial")
    expected = MOBI["consistent_factorial"]
    np.testing.assert_allclose(found.paths["est"], expected["paths"], **PRECISION)
    np.testing.assert_allclose(found.loadings["est"], expected["loadings"], **PRECISION)
    np.testing.assert_allclose(found.reliability, expected["rho_a"], **PRECISION)


@pytest.mark.parametrize("scheme", ["factorial", "path"])
def test_plain_estimates_are_those_of_seminr(scheme):
    found = cbec.pls(MODEL, sample_cov=mobi(), sample_nobs=250, scheme=scheme, consistent=False)
    np.testing.assert_allclose(found.paths["est"], MOBI[scheme], **PRECISION)


def population():
    """Return the correlations of a factor model with known loadings and paths."""
    loadings = np.zeros((9, 3))
    loadings[:3, 0], loadings[3:6, 1], loadings[6:, 2] = (0.8, 0.7, 0.6), (0.9, 0.6, 0.5), (0.7, 0.75, 0.8)
    phi = np.array([[1, 0.5, 0.0], [0.5, 1, 0.0], [0, 0, 1]])
    b = np.array([0.3, 0.4])
    phi[2, :2] = phi[:2, 2] = phi[:2, :2] @ b
    cor = loadings @ phi @ loadings.T
    np.fill_diagonal(cor, 1)
    names = [f"{f}{k}" for f in "abc" for k in (1, 2, 3)]
    return pd.DataFrame(cor, index=names, columns=names), loadings


FACTORS = "a =~ a1 + a2 + a3; b =~ b1 + b2 + b3; c =~ c1 + c2 + c3; b ~ a; c ~ a + b"


@pytest.mark.parametrize("scheme", ["path", "factorial", "centroid"])
def test_consistent_in_the_population(scheme):
    cor, loadings = population()
    found = cbec.pls(FACTORS, sample_cov=cor, sample_nobs=1000, scheme=scheme)
    np.testing.assert_allclose(found.paths["est"], [0.5, 0.3, 0.4], atol=1e-8)
    np.testing.assert_allclose(found.loadings["est"], loadings[loadings != 0], atol=1e-8)
    # f² of b on c: what the squared multiple correlation loses without b
    full, without = 0.3 * 0.5 + 0.4 * 0.55, 0.5**2
    np.testing.assert_allclose(found.r_squared.loc["c", "r_squared"], full, atol=1e-8)
    np.testing.assert_allclose(found.paths["f_squared"].iloc[2], (full - without) / (1 - full), atol=1e-8)
    np.testing.assert_allclose(found.total_effects.loc["c", "a"], 0.3 + 0.5 * 0.4, atol=1e-8)
    plain = cbec.pls(FACTORS, sample_cov=cor, sample_nobs=1000, scheme=scheme, consistent=False)
    assert (plain.paths["est"] < found.paths["est"]).all()  # attenuated


def test_weights_are_fixed_points_and_paths_are_regressions_of_scores():
    model = POLITICAL.replace("ind =~", "ind <~")
    data = political_democracy.get_data()
    found = cbec.pls(model, data, consistent=False, scheme="factorial")
    scores, z = found.scores, (data - data.mean()) / data.std()
    np.testing.assert_allclose(scores.std(), 1)
    np.testing.assert_allclose(scores.cov(), found.construct_correlations, atol=1e-12)
    beta = np.linalg.lstsq(scores[["ind", "dem60"]], scores["dem65"], rcond=None)[0]
    np.testing.assert_allclose(found.paths["est"].iloc[1:], beta, atol=1e-10)
    cor = scores.corr()
    inner = cor.loc["ind", "dem60"] * scores["dem60"] + cor.loc["ind", "dem65"] * scores["dem65"]
    mode_b = np.linalg.lstsq(z[["x1", "x2", "x3"]].to_numpy(), inner.to_numpy(), rcond=None)[0]
    weights = found.weights.set_index("rhs")["est"]
    np.testing.assert_allclose(weights[["x1", "x2", "x3"]] / weights["x1"], mode_b / mode_b[0], rtol=1e-8)
    inner = cor.loc["dem60", "ind"] * scores["ind"] + cor.loc["dem60", "dem65"] * scores["dem65"]
    mode_a = z[["y1", "y2", "y3", "y4"]].T.to_numpy() @ inner.to_numpy()
    np.testing.assert_allclose(weights[["y1", "y2", "y3", "y4"]] / weights["y1"], mode_a / mode_a[0], rtol=1e-8)


def test_mode_b_on_both_sides_is_canonical_correlation():
    data = political_democracy.get_data()
    found = cbec.pls("f <~ x1 + x2 + x3; g <~ y1 + y2; g ~ f", data)
    cor = data[["x1", "x2", "x3", "y1", "y2"]].corr().to_numpy()
    inner = np.linalg.solve(cor[:3, :3], cor[:3, 3:]) @ np.linalg.solve(cor[3:, 3:], cor[3:, :3])
    np.testing.assert_allclose(found.paths["est"].iloc[0] ** 2, np.linalg.eigvals(inner).real.max(), rtol=1e-8)


def test_observed_variables_alone_are_a_regression():
    data = political_democracy.get_data()
    found = cbec.pls("y1 ~ x1 + x2", data)
    z = (data - data.mean()) / data.std()
    beta = np.linalg.lstsq(z[["x1", "x2"]].to_numpy(), z["y1"].to_numpy(), rcond=None)[0]
    np.testing.assert_allclose(found.paths["est"], beta, atol=1e-12)


def test_units_do_not_matter():
    data = political_democracy.get_data()
    one, other = cbec.pls(POLITICAL, data), cbec.pls(POLITICAL, data.assign(x1=data["x1"] * 1e4 + 3))
    np.testing.assert_allclose(other.paths["est"], one.paths["est"], atol=1e-9)


def test_bootstrap():
    data = political_democracy.get_data()
    one = cbec.pls(POLITICAL, data, bootstrap=60, seed=4)
    two = cbec.pls(POLITICAL, data, bootstrap=60, seed=4, parallel=2)
    pd.testing.assert_frame_equal(one.paths, two.paths)
    assert (one.paths["se"] > 0).all()
    assert (one.paths["ci_lower"] < one.paths["est"]).all()
    assert (one.paths["ci_upper"] > one.paths["est"]).all()
    np.testing.assert_allclose(one.loadings["se"], one.draws[:, 3:14].std(axis=0, ddof=1))
    assert "R²" in str(one)
    assert "<table" in one._repr_html_()


def test_beside_the_covariance_solution():
    data = political_democracy.get_data()
    fit = cbec.sem(POLITICAL, data)
    table = fit.pls()
    paths = table[table["op"] == "~"]
    assert paths[["lhs", "rhs"]].to_numpy().tolist() == [["dem60", "ind"], ["dem65", "ind"], ["dem65", "dem60"]]
    std = fit.parameters.query("op == '~'")["std_all"]
    np.testing.assert_allclose(paths["covariance"], std)
    for column, consistent in (("plsc", True), ("pls", False)):
        expected = cbec.pls(POLITICAL, data, consistent=consistent)
        np.testing.assert_allclose(paths[column], expected.paths["est"])
    assert (np.abs(paths["plsc"] - paths["covariance"]) < 0.1).all()


DATA = political_democracy.get_data()


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ("f =~ x1 + x2; g =~ y1 + y2; g ~ f; x1 ~~ y1", "structure.pls_syntax"),
        ("f =~ x1 + x2; g =~ y1 + y2; g ~ 0.5*f", "structure.pls_syntax"),
        ("f =~ x1 + x2; g =~ y1 + y2; h =~ f + g; h ~ y3", "structure.pls_second_order"),
        ("f =~ x1 + x2; g =~ x2 + y1; g ~ f", "structure.pls_shared"),
        ("f =~ x1 + x2; g =~ y1 + y2; h =~ y3 + y4; g ~ f", "structure.pls_alone"),
        ("f =~ x1 + x2; g =~ y1 + y2; g ~ f; f ~ g", "structure.pls_cycle"),
    ],
)
def test_refusals(model, key):
    with pytest.raises(ModelError) as caught:
        cbec.pls(model, DATA)
    assert caught.value.key == key
    str(caught.value)


def test_bad_input():
    model = "f <~ a1 + a2 + a3; g =~ b1 + b2; g ~ f"
    cor, _ = population()
    near = cor.copy()
    near.loc["a1"] = near.loc["a2"]
    near["a1"] = near["a2"]
    near.loc["a1", "a1"] = 1 + 1.5e-10  # the moments pass, a block of mode B does not
    with pytest.raises((ModelError, DataError), match=r"collinear|combination"):
        cbec.pls(model, sample_cov=near, sample_nobs=100)
    with pytest.raises(ConvergenceError, match="did not settle"):
        cbec.pls(POLITICAL, DATA, max_iterations=2)
    with pytest.raises(ModelError, match="scheme"):
        cbec.pls(POLITICAL, DATA, scheme="horst")
    with pytest.raises(ModelError, match="modes"):
        cbec.pls(POLITICAL, DATA, modes={"ind": "C"})
    with pytest.raises(DataError, match="moments alone"):
        cbec.pls(FACTORS, sample_cov=cor, sample_nobs=100, bootstrap=10)
    names = ["a1", "a2", "b1", "b2"]
    odd = pd.DataFrame(np.eye(4), index=names, columns=names)
    odd.loc["a1":"a2", "b1":"b2"] = odd.loc["b1":"b2", "a1":"a2"] = 0.3
    odd.loc["a1", "a2"] = odd.loc["a2", "a1"] = -0.2
    odd.loc["b1", "b2"] = odd.loc["b2", "b1"] = 0.5
    with pytest.raises(ModelError, match="do not hang together"):
        cbec.pls("f =~ a1 + a2; g =~ b1 + b2; g ~ f", sample_cov=odd, sample_nobs=100)


def test_impossible_correlations_are_reported():
    cor, _ = population()
    names = [name for name in cor if name[0] in "ab"]
    high = cor.loc[names, names].copy()
    high.loc["a1":"a3", "b1":"b3"] *= 2.3
    high.loc["b1":"b3", "a1":"a3"] *= 2.3
    high = high + 0.2 * np.eye(6)
    with pytest.warns(ModelWarning, match="beyond one"):
        cbec.pls("a =~ a1 + a2 + a3; b =~ b1 + b2 + b3; b ~ a", sample_cov=high, sample_nobs=100)


def test_failed_replicates_are_counted(monkeypatch):
    from cbecmodel.structure import partial_least_squares as room

    monkeypatch.setattr(room, "_replicate", lambda rng, index, *_: None if index % 2 else np.zeros(25))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cbec.pls(POLITICAL, DATA, bootstrap=10)
    assert [one.message.__dict__["values"]["failed"] for one in caught if one.category is ModelWarning] == [5]
