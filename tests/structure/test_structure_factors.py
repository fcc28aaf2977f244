"""Exploratory blocks and composites: cases of tests/reference/factors (lavaan 0.6-14; see make.R there)."""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from semopy.examples import holzinger39, political_democracy

import cbecmodel as cbec
from cbecmodel.errors import ConvergenceError, ModelError, ModelWarning

ROOT = Path(__file__).parents[1] / "reference" / "factors"
CASES = json.loads((ROOT / "cases.json").read_text(encoding="utf-8"))
LAVAAN = [name for name, case in CASES.items() if case["function"] != "sam"]
# lavaan's rotations stop at a projected gradient of 1e-5
TOLERANCE = {"rtol": 2e-5, "atol": 2e-5}
EXACT = {"rtol": 1e-6, "atol": 1e-6}


def dataset(name):
    if name == "political_democracy":
        return political_democracy.get_data()
    if name == "holzinger_swineford":
        frame = holzinger39.get_data().reset_index(drop=True)
        items = [f"x{k}" for k in range(1, 10)]
        return frame.assign(**frame[items].astype(float))
    return pd.read_csv(ROOT / name)


def words(value):
    if isinstance(value, dict):
        return {key.replace(".", "_"): words(each) for key, each in value.items()}
    if isinstance(value, list):
        return [words(each) for each in value]
    return value.replace(".", "_") if isinstance(value, str) else value


def asked(case):
    options = {key.replace(".", "_"): words(value) for key, value in case["options"].items()}
    args = options.get("rotation_args", {})
    if "target" in args:
        target = np.array([math.nan if value == "NA" else value for value in args["target"]], dtype=float)
        options["rotation_args"] = {"target": target.reshape(-1, args["target_columns"])}
    return options


def fitted(name):
    case = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        return getattr(cbec, case["function"])(case["model"], dataset(case["data"]), **asked(case))


def numbers(name):
    return json.loads((ROOT / f"{name}.json").read_text(encoding="utf-8"))


def array(values):
    return np.array([math.nan if value in (None, "NA", "NaN") else value for value in values], dtype=float)


def aligned(frame, expected):
    """Return our rows in lavaan's order."""
    keys = ["lhs", "op", "rhs"] + (["group"] if "group" in expected else [])
    place = {key: index for index, key in enumerate(zip(*(frame[k] for k in keys), strict=True))}
    place |= {(key[2], key[1], key[0], *key[3:]): index for key, index in list(place.items()) if key[1] == "~~"}
    order = [place[key] for key in zip(*(expected[k] for k in keys), strict=True)]
    return frame.iloc[order].reset_index(drop=True)


@pytest.mark.parametrize("name", LAVAAN)
def test_case(name):
    fit, expected = fitted(name), numbers(name)
    table = expected["parameters"]
    found = aligned(fit.parameters, table)
    for ours, theirs in (("est", "est"), ("se", "se"), ("std_lv", "std.lv"), ("std_all", "std.all")):
        if ours == "se" and name == "efa_promax":
            continue  # lavaan has none
        limit = {"rtol": 5e-5, "atol": 5e-5} if name == "efa_promax" else TOLERANCE  # stats::varimax stops at 1e-5
        np.testing.assert_allclose(found[ours], array(table[theirs]), err_msg=f"{name} {ours}", **limit)
    for key in ("npar", "chisq", "df", "cfi", "tli", "rmsea", "srmr", "logl", "chisq.scaled"):
        if key in expected["fit_measures"]:
            ours = fit.fit_measures[key.replace(".", "_")]
            np.testing.assert_allclose(ours, expected["fit_measures"][key], rtol=1e-6, atol=1e-6, err_msg=key)


HS3 = 'efa("e")*f1 + efa("e")*f2 + efa("e")*f3 =~ x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9'
U2 = 'efa("u")*f1 + efa("u")*f2 =~ u1 + u2 + u3 + u4 + u5 + u6 + u7 + u8'


@pytest.mark.shared
def test_esem_of_the_reference_suite(shared):
    expected = json.loads((shared / "reference/sem/lavaan/12_hs_esem_geomin.json").read_text(encoding="utf-8"))
    fit = cbec.sem(expected["model"], dataset("holzinger_swineford"), rotation="geomin")
    for ours, theirs in (("est", "est"), ("se", "se"), ("std_lv", "std.lv"), ("std_all", "std.all")):
        np.testing.assert_allclose(fit.parameters[ours], array(expected["parameters"][theirs]), **TOLERANCE)
    np.testing.assert_allclose(fit.fit_measures["chisq"], expected["fit_measures"]["chisq"], rtol=1e-8)


def refit(options, **changes):
    return cbec.sem(HS3, dataset("holzinger_swineford"), rotation_args={"se": "delta", **options}, **changes)


@pytest.mark.parametrize("rotation", ["geomin", "oblimin", "promax", "varimax"])
def test_delta_errors_are_those_of_the_whole_rotation(rotation, monkeypatch):
    """Against central differences of the map from unrotated to rotated estimates."""
    from cbecmodel.structure import api
    from cbecmodel.structure.estimate.rotation_criteria import rotation_options
    from cbecmodel.structure.inference.rotated import rotate_solution, rotated_solution
    from cbecmodel.structure.inference.vcov import likelihood_vcov

    seen = []

    def spy(problem, optimum, table, options):
        seen.append((problem, optimum.x, table))
        return rotate_solution(problem, optimum, table, options)

    monkeypatch.setattr(api, "rotate_solution", spy)
    fit = refit({}, rotation=rotation)
    problem, x, table = seen[0]
    options = rotation_options(rotation, {"se": "delta", "rstarts": 12})
    columns = []
    for k in range(len(x)):
        step = np.zeros(len(x))
        step[k] = 1e-4
        ahead, back = (rotated_solution(problem, x + sign * step, table, options).x for sign in (1, -1))
        columns.append((ahead - back) / 2e-4)
    slopes = np.array(columns).T
    spread = slopes @ likelihood_vcov(problem, x, "expected", "normal").vcov @ slopes.T
    np.testing.assert_allclose(fit.vcov.to_numpy(), spread, atol=1e-7)


def test_rotation_leaves_fit_and_structure_unchanged():
    fits = [refit({}, rotation=name) for name in ("geomin", "oblimin", "varimax", "none")]
    for fit in fits[1:]:
        np.testing.assert_allclose(fit.implied()["cov"], fits[0].implied()["cov"], atol=1e-8)
        assert fit.df == fits[0].df == 12
        np.testing.assert_allclose(fit.r_squared, fits[0].r_squared, atol=1e-8)


def test_units_of_items_do_not_matter_to_the_standardized_solution():
    """As long as they do not change the order of the factors, which lavaan takes from raw loadings, and so do we."""
    data = dataset("holzinger_swineford")
    scaled = data.assign(x2=data["x2"] / 50, x5=data["x5"] * 1.2, x9=data["x9"] / 30)
    for se in ("delta", "bordered"):
        one, other = (cbec.sem(HS3, frame, rotation_args={"se": se}) for frame in (data, scaled))
        np.testing.assert_allclose(other.standardized()["est_std"], one.standardized()["est_std"], atol=1e-7)
        np.testing.assert_allclose(other.standardized()["se"], one.standardized()["se"], atol=1e-6)


def test_the_same_seed_gives_the_same_bits():
    assert (refit({"seed": 3}).x == refit({"seed": 3}).x).all()


BAD = [
    ('efa("e")*f1 + efa("e")*f2 =~ x1', {}, "structure.efa_few_items"),
    ('efa("e")*f1 =~ x1 + x2 + x3\nefa("e")*f2 =~ x1 + x2 + x4', {}, "structure.efa_items"),
    ('efa("e")*f1 + efa("e")*f2 =~ x1 + 0*x2 + x3 + x4 + x5', {}, "structure.efa_bound"),
    ('efa("e")*f1 + efa("e")*f2 =~ x1 + x2 + x3 + x4 + x5 + x6\nf1 ~ x9', {}, "structure.efa_incomplete"),
    (HS3, {"rotation": "simplest"}, "structure.unknown_option"),
    (HS3, {"rotation_args": {"epsilon": 1}}, "structure.unknown_option"),
    (HS3, {"rotation": "varimax", "rotation_args": {"orthogonal": False}}, "structure.rotation_orthogonal"),
    (HS3, {"rotation": "promax", "rotation_args": {"orthogonal": True}}, "structure.rotation_promax"),
    (HS3, {"rotation": "target"}, "structure.rotation_needs_target"),
    (HS3, {"rotation": "target", "rotation_args": {"target": np.zeros((3, 3))}}, "structure.rotation_target_shape"),
]


@pytest.mark.parametrize(("model", "options", "key"), BAD)
def test_refusals(model, options, key):
    with pytest.raises(ModelError) as caught:
        cbec.sem(model, dataset("holzinger_swineford"), **options)
    assert caught.value.key == key
    assert "{" not in str(caught.value).replace('{"', "")


def test_partly_equal_blocks_are_refused():
    options = {"group": "g", "group_equal": "loadings", "group_partial": "f1 =~ u2"}
    with pytest.raises(ModelError, match="some loadings are equal"):
        cbec.sem(U2, dataset("exploratory.csv"), **options)


def test_near_minima_are_reported(monkeypatch):
    """Geomin has a second minimum here that is within one per cent of the best."""
    from cbecmodel.structure.estimate import rotation as room

    monkeypatch.setattr(room, "_CLOSE", 0.01)
    with pytest.warns(ModelWarning, match="local minima"):
        fit = cbec.sem(HS3, dataset("holzinger_swineford"), rotation="geomin")
    ((_, rotation),) = fit.rotation
    assert rotation.ambiguous
    assert rotation.counts.sum() <= 31


def test_a_rotation_that_does_not_converge(monkeypatch):
    from cbecmodel.structure.estimate import gradient_projection

    monkeypatch.setattr(gradient_projection, "_STEPS", 1)
    with pytest.raises(ConvergenceError, match="no minimum"):
        cbec.sem(HS3, dataset("holzinger_swineford"))


@pytest.mark.shared
def test_efa_of_the_reference_suite(shared):
    expected = json.loads((shared / "reference/sem/lavaan/12_hs_efa.json").read_text(encoding="utf-8"))["efa"]
    data = dataset("holzinger_swineford")[[f"x{k}" for k in range(1, 10)]]
    for rotation, numbers in expected.items():
        found = cbec.efa(data, 3, rotation=rotation)
        limit = {"rtol": 0, "atol": 5e-5 if rotation == "promax" else 1e-5}
        np.testing.assert_allclose(found.loadings(), np.array(numbers["lambda"]["values"]), **limit, err_msg=rotation)
        np.testing.assert_allclose(found.correlations(), np.array(numbers["psi"]["values"]), **limit, err_msg=rotation)
        np.testing.assert_allclose(found.fit_measures.loc[3, "chisq"], numbers["chisq"], rtol=1e-8)


def test_efa_results():
    data = dataset("holzinger_swineford")
    items = [f"x{k}" for k in range(1, 10)]
    found = cbec.efa(data, [1, 2, 3], variables=items, rotation="oblimin")
    assert found.fit_measures["df"].tolist() == [27, 19, 12]
    np.testing.assert_allclose(found.eigenvalues.sum(), 9)
    for count in (1, 2, 3):
        pattern, phi = found.loadings(count), found.correlations(count)
        implied = pattern @ phi @ pattern.T
        np.testing.assert_allclose(np.diag(implied) + found.uniquenesses(count), 1, atol=1e-12)
        table = found.sums_of_squares(count)
        np.testing.assert_allclose(table.loc["sums_of_squares"].sum(), np.trace(implied), atol=1e-12)
        assert table.loc["cumulative"].iloc[-1] == pytest.approx((1 - found.uniquenesses(count)).mean())
    assert (found.loadings(3, standard_errors=True) > 0).all(axis=None)
    assert "RMSEA" in str(found)
    assert "<table" in found._repr_html_()


@pytest.mark.parametrize(("count", "most"), [(6, 5), (0, 5)])
def test_too_many_factors(count, most):
    items = [f"x{k}" for k in range(1, 10)]
    with pytest.raises(ModelError, match=f"at most {most}"):
        cbec.efa(dataset("holzinger_swineford"), count, variables=items)
    with pytest.raises(ModelError, match="one group"):
        cbec.efa(dataset("holzinger_swineford"), 2, variables=items, group="school")


SAM = [name for name, case in CASES.items() if case["function"] == "sam"]


@pytest.mark.parametrize("name", SAM)
def test_structural_after_measurement(name):
    case, expected = CASES[name], numbers(name)
    options = asked(case)
    options["method"] = options.pop("sam_method", "local")
    fit = cbec.sam(case["model"], dataset(case["data"]), **options)
    table = expected["parameters"]
    found = aligned(fit.parameters, table)
    kept = np.array([not (lhs == "x" and rhs == "x") for lhs, rhs in zip(table["lhs"], table["rhs"], strict=True)])
    for ours, theirs in (("est", "est"), ("se", "se"), ("std_all", "std.all")):
        here = kept & np.array([op != ":=" for op in table["op"]]) if ours == "se" else kept
        np.testing.assert_allclose(found[ours][here], array(table[theirs])[here], err_msg=ours, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(fit.measurement["chisq"], expected["measurement"]["Chisq"], rtol=1e-6, atol=1e-6)
    if options["method"] == "local":
        for key in ("chisq", "df", "cfi", "rmsea", "srmr"):
            np.testing.assert_allclose(
                fit.fit_measures[key], expected["structural"][key], rtol=1e-6, atol=1e-6, err_msg=key
            )
        groups = (
            expected["reliability"] if isinstance(expected["reliability"], list) else expected["reliability"].values()
        )
        for ours, theirs in zip(fit.reliability.to_dict("records"), groups, strict=True):
            for variable, value in theirs.items():
                assert ours[variable] == pytest.approx(value, abs=1e-6)


BLOCKED = "f =~ u1 + u2 + u3\nh =~ v1 + v2 + v3\nh ~ f"


@pytest.mark.parametrize(
    ("model", "options", "key"),
    [
        ("f =~ u1 + u2 + u3\ng =~ u4 + u5 + u6\ntop =~ f + g + v1", {}, "structure.sam_model"),
        (BLOCKED, {"blocks": [["f"]]}, "structure.sam_blocks"),
        (BLOCKED, {"method": "both"}, "structure.unknown_option"),
        (BLOCKED, {"estimator": "ULS"}, "structure.unknown_option"),
        (BLOCKED + "\nu1 ~~ v1", {}, "structure.sam_shared"),
        (BLOCKED + "\nf =~ v1", {}, "structure.sam_shared"),
        (BLOCKED + "\ny ~ u1", {}, "structure.sam_shared"),
    ],
)
def test_what_cannot_be_split_into_two_steps(model, options, key):
    with pytest.raises(ModelError) as caught:
        cbec.sam(model, dataset("exploratory.csv"), **options)
    assert caught.value.key == key


def test_shared_items_are_measured_in_one_block():
    """With all latent variables in one block and a saturated structure, two steps give what one gives."""
    data = dataset("exploratory.csv")
    joint = cbec.sem(BLOCKED + "\nu1 ~~ v1", data)
    steps = cbec.sam(BLOCKED + "\nu1 ~~ v1", data, blocks=[["f", "h"]], method="global")
    np.testing.assert_allclose(steps.x, joint.x, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(steps.vcov, joint.vcov, rtol=2e-3, atol=2e-4)


def test_two_steps_answer_as_any_fit_does():
    fit = cbec.sam(BLOCKED, dataset("exploratory.csv"))
    assert set(fit.parameters["step"]) == {0, 1, 2}
    assert 0 < fit.effects("f", "h")["se"].iloc[0] < 0.2
    assert "h ~ f" in str(fit)
    assert fit.measurement["latents"].tolist() == ["f", "h"]


def test_error_is_left_in_where_nothing_else_would_remain():
    rng = np.random.default_rng(5)
    f = rng.standard_normal(14)
    data = pd.DataFrame(rng.standard_normal((14, 6)), columns=[f"{a}{k}" for a in "ab" for k in (1, 2, 3)])
    data = data.add(np.where(data.columns.str.startswith("a"), 1.0, 0.9) * f[:, None] * 0.6)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = cbec.sam("f =~ a1 + a2 + a3\nh =~ b1 + b2 + b3\nh ~ f", data)
    assert any(one.message.key == "structure.sam_shrunk" for one in caught) == any(m.shrunk for m in fit.steps.moments)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["05_hs_cmb_ulmc", "09_hs_bifactor", "09_hs_second_order"])
def test_method_factor_bifactor_and_second_order(shared, name):
    expected = json.loads((shared / f"reference/sem/lavaan/{name}.json").read_text(encoding="utf-8"))
    options = {key.replace(".", "_"): value for key, value in dict(expected["options"] or {}).items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)  # two of them are improper, as lavaan says too
        fit = cbec.cfa(expected["model"], dataset("holzinger_swineford"), **options)
    for ours, theirs in (("est", "est"), ("se", "se"), ("std_all", "std.all")):
        np.testing.assert_allclose(fit.parameters[ours], array(expected["parameters"][theirs]), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(fit.fit_measures["chisq"], expected["fit_measures"]["chisq"], rtol=1e-8)


@pytest.mark.shared
def test_common_method_comparisons(shared):
    folder = shared / "reference/sem/lavaan"
    expected = json.loads((folder / "05_hs_cmb_tests.json").read_text(encoding="utf-8"))
    method = json.loads((folder / "05_hs_cmb_ulmc.json").read_text(encoding="utf-8"))["model"]
    data = dataset("holzinger_swineford")
    three = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
    one = "f =~ " + " + ".join(f"x{k}" for k in range(1, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        fits = {name: cbec.cfa(model, data) for name, model in (("one", one), ("three", three), ("method", method))}
    for key, pair in (("one_vs_three", ("one", "three")), ("three_vs_method", ("three", "method"))):
        found = cbec.compare(*(fits[name] for name in pair)).iloc[1]
        for ours, theirs in (("chisq_diff", "Chisq.diff"), ("df_diff", "Df.diff"), ("pvalue", "Pr..Chisq.")):
            np.testing.assert_allclose(found[ours], expected[key][theirs][1], rtol=1e-7)


def test_what_is_not_resampled():
    for fit in (refit({}), cbec.sam(BLOCKED, dataset("exploratory.csv"))):
        with pytest.raises(ModelError, match="not resampled"):
            fit.bootstrap(10)


def test_rotated_solutions_answer_as_any_fit_does():
    fit = cbec.sem(U2 + "\ny ~ f1 + f2", dataset("exploratory.csv"), rotation="oblimin")
    assert fit.factor_scores().shape == (400, 2)
    assert {"f1", "f2"} <= set(fit.r_squared.index) | set(fit.latents)
    assert "f1 =~ u1" in str(fit)
    assert fit.effects("f1", "y")["est"].iloc[0] == fit.parameters.query("lhs == 'y' and rhs == 'f1'")["est"].iloc[0]
    index = fit.modification_indices()
    assert np.isfinite(index["mi"]).all()


def test_modification_indices_of_residuals_do_not_depend_on_rotation():
    found = []
    for rotation in ("oblimin", "varimax", "none"):
        index = cbec.cfa(U2, dataset("exploratory.csv"), rotation=rotation).modification_indices()
        residual = index[(index["op"] == "~~") & index["lhs"].str.startswith("u")]
        found.append(residual.sort_values(["lhs", "rhs"])[["mi", "epc"]].to_numpy())
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-6, atol=1e-9)


def test_incomplete_answers_and_robust_errors():
    """All at once: full information on incomplete data gives complete-data results where nothing is missing."""
    data = dataset("exploratory.csv")
    one = cbec.cfa(U2, data, estimator="MLR", meanstructure=True)
    other = cbec.cfa(U2, data, estimator="MLR", missing="fiml")
    np.testing.assert_allclose(other.parameters["est"], one.parameters["est"], atol=1e-7)
    np.testing.assert_allclose(other.parameters["se"], one.parameters["se"], atol=1e-6)


def test_simulated_data_are_marked():
    class Marked:
        frame, synthetic = dataset("exploratory.csv"), True

    items = [f"u{k}" for k in range(1, 9)]
    for found in (
        cbec.sam(BLOCKED, Marked()), cbec.efa(Marked(), 2, variables=items, rotation="oblimin"), cbec.pls(BLOCKED, Marked()),
    ):  # fmt: skip
        assert "simulated" in str(found).lower() or "synthetic" in str(found).lower()
