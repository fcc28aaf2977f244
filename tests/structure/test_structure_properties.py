"""What theory says must not change does not change; truth is recovered; divergence ends soon."""

import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import threadpoolctl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from semopy.examples import holzinger39, political_democracy

import cbecmodel as cbec
from cbecmodel.errors import ConvergenceError, DataError, ModelError

MODEL = "f =~ y1 + y2 + y3 + y4; g =~ y5 + y6 + y7 + y8; h =~ x1 + x2 + x3; f ~ h; g ~ h + f; y1 ~~ y5"
NAMES = [f"y{k}" for k in range(1, 9)] + ["x1", "x2", "x3"]
THREE = "visual =~ x1 + x2 + x3; textual =~ x4 + x5 + x6; speed =~ x7 + x8 + x9"
FEW = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
INVARIANT = ["chisq", "df", "cfi", "tli", "rmsea", "srmr", "baseline_chisq"]
KEYS = ["lhs", "op", "rhs", "group"]


def democracy():
    return political_democracy.get_data()[NAMES].reset_index(drop=True)


def schools():
    return holzinger39.get_data().reset_index(drop=True)


def standardized(fit):
    """Return standardized values by parameter, whatever the order of rows and sides."""
    frame = fit.parameters.query("op != '~1'")
    sides = [sorted((a, b)) if op == "~~" else [a, b] for a, op, b in frame[["lhs", "op", "rhs"]].to_numpy()]
    keys = [(a, op, b, g) for (a, b), op, g in zip(sides, frame["op"], frame["group"], strict=True)]
    return dict(zip(keys, frame["std_all"], strict=True))


def agree(one, other, rtol=1e-8):
    np.testing.assert_allclose(other.fit_measures[INVARIANT], one.fit_measures[INVARIANT], rtol=rtol, atol=1e-9)
    ours, theirs = standardized(one), standardized(other)
    assert ours.keys() == theirs.keys()
    np.testing.assert_allclose([theirs[key] for key in ours], list(ours.values()), rtol=1e-6, atol=1e-7)


@FEW
@given(st.lists(st.floats(-4, 4), min_size=11, max_size=11), st.randoms(use_true_random=False))
def test_units_order_of_columns_and_rows(powers, random):
    data = democracy()
    columns, rows = list(NAMES), list(data.index)
    random.shuffle(columns)
    random.shuffle(rows)
    changed = (data * 10.0 ** np.array(powers)).loc[rows, columns]
    agree(cbec.sem(MODEL, data), cbec.sem(MODEL, changed), rtol=1e-7)


@FEW
@given(st.lists(st.floats(-100, 100), min_size=11, max_size=11))
def test_added_constants_move_intercepts_alone(constants):
    data = democracy()
    one, other = (cbec.sem(MODEL, frame, meanstructure=True) for frame in (data, data + np.array(constants)))
    agree(one, other)
    merged = one.parameters.merge(other.parameters, on=KEYS)
    still = merged.query("op != '~1'")
    np.testing.assert_allclose(still["est_y"], still["est_x"], rtol=1e-6, atol=1e-7)
    moved = merged.query("op == '~1' and lhs in @NAMES").set_index("lhs")
    np.testing.assert_allclose((moved["est_y"] - moved["est_x"])[NAMES], constants, rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("marker", ["y2", "y3", "y4"])
def test_the_marker_and_std_lv(marker):
    data = democracy()
    usual = cbec.sem(MODEL, data)
    agree(usual, cbec.sem(MODEL, data, std_lv=True))
    others = [name for name in ("y1", "y2", "y3", "y4") if name != marker]
    agree(usual, cbec.sem(MODEL.replace("f =~ y1 + y2 + y3 + y4", f"f =~ {' + '.join([marker, *others])}"), data))


def test_order_of_formulas():
    data = democracy()
    agree(cbec.sem(MODEL, data), cbec.sem("; ".join(reversed(MODEL.split("; "))), data))


def test_names_and_order_of_groups():
    data = schools()
    usual = cbec.cfa(THREE, data, group="school", group_equal="loadings")
    renamed = data.assign(school=data["school"].map({"Pasteur": "乙", "Grant-White": "甲"}))
    again = cbec.cfa(THREE, renamed.iloc[::-1], group="school", group_equal="loadings")
    assert again.group_labels == ("甲", "乙")
    np.testing.assert_allclose(again.fit_measures[INVARIANT], usual.fit_measures[INVARIANT], rtol=1e-8)
    mirrored = {(a, op, b, 3 - g): value for (a, op, b, g), value in standardized(again).items()}
    ours = standardized(usual)
    np.testing.assert_allclose([mirrored[key] for key in ours], list(ours.values()), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("estimator", ["ML", "MLR"])
def test_fiml_without_gaps_is_ml(estimator):
    data = democracy()
    one = cbec.sem(MODEL, data, estimator=estimator, meanstructure=True, information="observed")
    two = cbec.sem(MODEL, data, estimator=estimator, missing="fiml")
    np.testing.assert_allclose(two.x, one.x, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(two.vcov, one.vcov, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(two.fit_measures[INVARIANT], one.fit_measures[INVARIANT], rtol=1e-8)


def test_a_gap_with_no_weight_changes_nothing():
    """A case that answered one variable alone tells only of that variable's own moments: a saturated model's slopes stay."""
    data = democracy()[["x1", "x2", "y1"]]
    extra = pd.DataFrame({"x1": [4.0, 6.0], "x2": [np.nan, np.nan], "y1": [np.nan, np.nan]})
    model = "y1 ~ x2 + x1; x2 ~ x1; x1 ~~ x1"
    one = cbec.sem(model, data, missing="fiml").parameters.query("op == '~'")["est"]
    two = cbec.sem(model, pd.concat([data, extra], ignore_index=True), missing="fiml").parameters.query("op == '~'")[
        "est"
    ]
    np.testing.assert_allclose(two, one, rtol=1e-7)


def test_groups_without_constraints_are_separate_fits():
    data = schools()
    together = cbec.cfa(THREE, data, group="school")
    apart = [cbec.cfa(THREE, data[data["school"] == label], meanstructure=True) for label in together.group_labels]
    for name in ("chisq", "df", "logl", "npar", "baseline_chisq"):
        total = sum(fit.fit_measures[name] for fit in apart)
        np.testing.assert_allclose(together.fit_measures[name], total, rtol=1e-10, err_msg=name)
    for (_, ours), fit in zip(together.parameters.groupby("group"), apart, strict=True):
        np.testing.assert_allclose(ours["est"], fit.parameters["est"], rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(ours["se"], fit.parameters["se"], rtol=1e-7, atol=1e-9)


def simulated(rng, n):
    """Two factors with a path of 0.5, loadings 1, 0.8, 1.2, residual variances 0.5."""
    f = rng.standard_normal(n)
    g = 0.5 * f + np.sqrt(0.75) * rng.standard_normal(n)
    columns = {}
    for factor, values in (("a", f), ("b", g)):
        for k, loading in enumerate((1.0, 0.8, 1.2)):
            columns[f"{factor}{k}"] = loading * values + np.sqrt(0.5) * rng.standard_normal(n)
    return pd.DataFrame(columns)


def test_truth_is_recovered():
    """60 samples of 400: means within 4 Monte Carlo errors of the truth, standard errors and test of the right size."""
    model = "f =~ a0 + a1 + a2; g =~ b0 + b1 + b2; g ~ f"
    fits = [cbec.sem(model, simulated(np.random.default_rng([7, k]), 400)) for k in range(60)]
    wanted = [("f", "a1", 0.8), ("f", "a2", 1.2), ("g", "b1", 0.8), ("g", "b2", 1.2), ("g", "f", 0.5), ("g", "g", 0.75)]
    for lhs, rhs, truth in wanted:
        rows = [fit.parameters.set_index(["lhs", "rhs"]).loc[(lhs, rhs)] for fit in fits]
        found, errors = np.array([row["est"] for row in rows]), np.array([row["se"] for row in rows])
        assert abs(found.mean() - truth) < 4 * found.std(ddof=1) / np.sqrt(60), (lhs, rhs)
        # a standard deviation of 60 values is itself known to 9 %: four of these
        assert 0.64 < found.std(ddof=1) / errors.mean() < 1.36, (lhs, rhs)
    statistics = np.array([fit.fit_measures["chisq"] for fit in fits])
    assert abs(statistics.mean() - 8) < 4 * np.sqrt(2 * 8 / 60)


@pytest.mark.parametrize("engine", ["native", "semopy"])
@pytest.mark.filterwarnings("ignore::cbecmodel.errors.ModelWarning")
def test_divergence_ends_soon_in_a_typed_error(engine):
    """A second-order model on answers that have nothing in common: no solution, and that is said within seconds."""
    rng = np.random.default_rng(2)
    blocks = {f"f{k}": [f"v{k}{i}" for i in range(4)] for k in range(9)}
    data = pd.DataFrame({name: rng.standard_normal(300) for names in blocks.values() for name in names})
    lines = [f"{factor} =~ {' + '.join(names)}" for factor, names in blocks.items()]
    lines += ["A =~ f0 + f1 + f2", "B =~ f3 + f4 + f5", "f6 ~ A + B", "f7 ~ f6 + A + B", "f8 ~ f7"]
    start = time.perf_counter()
    with pytest.raises(ConvergenceError):
        cbec.sem("\n".join(lines), data, engine=engine)
    assert time.perf_counter() - start < 20  # some 2 s; 55 s before linear algebra was kept to one thread


def reordered(data, order):
    """Fit one model with formulas, terms and columns in the order 1 or -1."""
    terms = {"f": ["y1", "y2", "y3", "y4"], "h": ["x1", "x2", "x3"]}
    lines = [f"{factor} =~ {' + '.join(['1*' + names[0], *names[1:][::order]])}" for factor, names in terms.items()]
    return cbec.sem("; ".join([*lines, "f ~ h"][::order]), data[data.columns[::order]])


def test_engines_whatever_the_order():
    """semopy orders its rows by hashes; ours come in the order of the model, and its numbers are ours."""
    data = democracy()
    usual = cbec.sem(MODEL, data)
    other = cbec.sem(MODEL, data, engine="semopy")
    assert other.parameters[KEYS].equals(usual.parameters[KEYS])
    np.testing.assert_allclose(other.fit_measures["chisq"], usual.fit_measures["chisq"], rtol=1e-7)
    agree(reordered(data, 1), reordered(data, -1), rtol=1e-7)


def test_engine_of_classes_in_threads():
    """semopy keeps registries on its classes, which are locked: fits in threads are those of one thread."""
    data = democracy()
    models = [MODEL, "f =~ y1 + y2 + y3 + y4", "h =~ x1 + x2 + x3; y1 ~ h"] * 3
    alone = [cbec.sem(model, data, engine="semopy").parameters for model in models[:3]] * 3
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda model: cbec.sem(model, data, engine="semopy").parameters, models))
    for one, other in zip(alone, found, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.mark.slow  # two interpreters start
def test_processes_return_the_same_results():
    """Results of another process, with another hash seed, are the same to the last bit, and can be read and used."""
    data = schools()
    options = {"group": "school", "group_equal": "loadings", "estimator": "MLR"}
    usual = cbec.cfa(THREE, data, **options)
    tasks = [joblib.delayed(cbec.cfa)(THREE, data, **options) for _ in range(2)]
    for fit in joblib.Parallel(n_jobs=2, backend="loky")(tasks):
        assert type(fit) is type(usual)
        pd.testing.assert_frame_equal(fit.parameters, usual.parameters, check_exact=True)
        pd.testing.assert_series_equal(fit.fit_measures, usual.fit_measures, check_exact=True)
        pd.testing.assert_frame_equal(fit.vcov, usual.vcov, check_exact=True)
        pd.testing.assert_frame_equal(fit.modification_indices(), usual.modification_indices(), check_exact=True)
        assert str(fit) == str(usual)
        assert fit.options == usual.options
        again = pickle.loads(pickle.dumps(fit))
        pd.testing.assert_frame_equal(again.parameters, fit.parameters, check_exact=True)


@FEW
@given(st.permutations(list(range(301))))
def test_rows_of_incomplete_data_in_groups(order):
    """Whatever the order of cases: the same fit, but for which group comes first."""
    data = schools()[["school", *(f"x{k}" for k in range(1, 10))]]
    data = data.mask((np.arange(data.size).reshape(data.shape) % 29 == 0) & (data.columns != "school"))
    usual = cbec.cfa(THREE, data, group="school", missing="fiml")
    again = cbec.cfa(THREE, data.iloc[order], group="school", missing="fiml")
    agree_by_label(usual, again)


def agree_by_label(one, other):
    np.testing.assert_allclose(other.fit_measures[INVARIANT], one.fit_measures[INVARIANT], rtol=1e-7, atol=1e-9)
    frames = [
        fit.parameters.assign(group=[fit.group_labels[g - 1] for g in fit.parameters["group"]]).set_index(KEYS)
        for fit in (one, other)
    ]
    np.testing.assert_allclose(frames[1].loc[frames[0].index, "est"], frames[0]["est"], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(frames[1].loc[frames[0].index, "se"], frames[0]["se"], rtol=1e-6, atol=1e-7)


def test_threads_are_given_back():
    before = [(one["prefix"], one["num_threads"]) for one in threadpoolctl.threadpool_info()]
    cbec.sem(MODEL, democracy())
    assert [(one["prefix"], one["num_threads"]) for one in threadpoolctl.threadpool_info()] == before


@pytest.mark.parametrize("estimator", ["GLS", "ULS", "WLS", "DWLS"])
def test_least_squares_and_units(estimator):
    """Only ULS depends on units, and even it must converge in any: all columns in one other unit change nothing."""
    data = schools()[[f"x{k}" for k in range(1, 10)]]
    usual = cbec.cfa(THREE, data, estimator=estimator)
    columns = np.linspace(-3, 3, 9) if estimator != "ULS" else np.full(9, 3.0)
    again = cbec.cfa(THREE, data * 10.0**columns, estimator=estimator)
    ours, theirs = standardized(usual), standardized(again)
    np.testing.assert_allclose([theirs[key] for key in ours], list(ours.values()), rtol=1e-6, atol=1e-7)
    scale = 10.0**12 if estimator == "ULS" else 1.0
    np.testing.assert_allclose(again.fit_measures["chisq"], usual.fit_measures["chisq"] * scale, rtol=1e-7)
    assert "aic" not in usual.fit_measures
    assert estimator in str(usual)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"estimator": "DWLS", "information": "observed"}, "information"),
        ({"estimator": "ULS", "missing": "fiml"}, "ULS"),
        ({"estimator": "DWLS", "test": "yuan_bentler_mplus"}, "test"),
        ({"estimator": "WLS", "engine": "semopy"}, "engine"),
    ],
)
def test_least_squares_refuses_what_it_has_not(options, word):
    with pytest.raises(ModelError, match=word):
        cbec.cfa(THREE, schools(), **options)


def test_wls_with_too_few_cases():
    with pytest.raises(DataError, match="WLS"):
        cbec.cfa(THREE, schools().head(40), estimator="WLS")


def test_score_test_of_written_constraints_is_that_of_labels():
    labels = cbec.cfa("f =~ y1 + a*y2 + a*y3 + a*y4", democracy()).score_test()
    written = cbec.cfa("f =~ y1 + a*y2 + b*y3 + c*y4; a == b; a == c", democracy() * 1000).score_test()
    np.testing.assert_allclose(written[["statistic", "df"]], labels[["statistic", "df"]], rtol=1e-8)
    with pytest.raises(ModelError, match="constraints"):
        cbec.cfa("f =~ y1 + y2 + y3 + y4", democracy()).score_test()
