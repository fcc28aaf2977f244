"""Two-level models: lavaan's numbers, the likelihood by brute force, what theory says must hold, and bad input."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import cbecmodel as cbec
from cbecmodel.errors import DataError, ModelError, ModelWarning
from cbecmodel.structure.estimate.implied import implied
from cbecmodel.structure.levels.likelihood import level_discrepancy

ROOT = Path(__file__).parents[1] / "reference"
CASES = json.loads((ROOT / "design" / "twolevel.json").read_text(encoding="utf-8"))
MODEL = "level: 1\nfw =~ y1 + y2 + y3\nfw ~ x\nlevel: 2\nfb =~ y1 + y2 + y3\nfb ~ z"
LOOSE = {"chisq.scaled": 0.03, "baseline.chisq": 0.02, "baseline.chisq.scaled": 1.0}  # lavaan's EM stops at 1e-4


@pytest.fixture(scope="module")
def pupils():
    return pd.read_csv(ROOT / "sem" / "data" / "pupils.csv")


def fitted(case, pupils):
    """Fit a case as lavaan did."""
    school = pupils.groupby("school")["x"]
    whole = case["data"] == "pupils"
    frame = pupils if whole else pupils[(school.transform("size") >= 4) & (school.cumcount() < 4)]
    options = case["options"]
    if options["estimator"] == "MLR":  # see twolevel.R
        frame = frame.assign(x=frame["x"] - frame["x"].mean())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        return cbec.sem(
            case["model"], frame, cluster="school", estimator=options["estimator"], fixed_x=options["fixed.x"]
        )


def numbers(values):
    return np.array([np.nan if value in (None, "NA") else value for value in values], dtype=float)


@pytest.mark.parametrize("name", list(CASES))
def test_lavaan(pupils, name):
    case = CASES[name]
    fit, expected = fitted(case, pupils), case["parameters"]
    found = fit.parameters
    assert found[["lhs", "op", "rhs"]].to_numpy().tolist() == [
        list(row) for row in zip(expected["lhs"], expected["op"], expected["rhs"], strict=True)
    ]
    assert found["level"].tolist() == expected["level"]
    for ours, theirs in (("est", "est"), ("se", "se"), ("std_all", "std.all")):
        np.testing.assert_allclose(found[ours], numbers(expected[theirs]), rtol=1e-6, atol=1e-8, err_msg=ours)
    measures = fit.fit_measures
    assert fit.df == case["df"]
    np.testing.assert_allclose(
        measures[["logl", "unrestricted_logl"]], [case["logl"], case["saturated_logl"]], rtol=1e-10
    )


@pytest.mark.parametrize("name", [name for name in CASES if name != "two_factors"])  # its EM ends elsewhere
def test_lavaan_loosely(pupils, name):
    """What depends on lavaan's saturated and baseline models, which it does not bring to their optimum."""
    measures = fitted(CASES[name], pupils).fit_measures
    for theirs, value in CASES[name]["loose"].items():
        tolerance = 1e-5 if theirs == "scaling.factor.h0" else LOOSE.get(theirs, 4e-3)
        np.testing.assert_allclose(measures[theirs.replace(".", "_")], value, atol=tolerance, rtol=1e-7, err_msg=theirs)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name]["scores"]])
def test_scores(pupils, name):
    case = CASES[name]
    fit = fitted(case, pupils)
    np.testing.assert_allclose(fit.factor_scores().to_numpy()[:5], case["scores"]["within"], rtol=1e-6, atol=1e-8)
    if "z" not in fit.observed:  # lavaan 0.6-14 does not take what the clusters' own variables say
        found = fit.factor_scores(level=2).to_numpy()[:5]
        np.testing.assert_allclose(found, case["scores"]["between"], rtol=1e-6, atol=1e-8)


def joint(problem, x, cluster):
    """Return the data of one cluster with their means and covariances, and the covariances of fb with them."""
    within, between = (implied(group, x) for group in problem.pattern.groups)
    names, data = problem.table.observed, problem.clusters
    low, high = list(data.varying), names.index("z")
    cases = data.cases[data.member == cluster]
    n = len(cases)
    mu = within.mu + between.mu
    cov = np.zeros((1 + len(low) * n,) * 2)
    cov[0, 0] = between.sigma[high, high]
    cov[0, 1:] = cov[1:, 0] = np.tile(between.sigma[high, low], n)
    block = np.ix_(low, low)
    cov[1:, 1:] = np.kron(np.ones((n, n)), between.sigma[block]) + np.kron(np.eye(n), within.sigma[block])
    latent = between.full[len(names) + problem.table.latents.index("fb")]
    cross = np.concatenate([[latent[high]], np.tile(latent[low], n)])
    mean = np.concatenate([[mu[high]], np.tile(mu[low], n)])
    return np.concatenate([[cases[0, high]], cases[:, low].ravel()]), mean, cov, cross


def test_likelihood_by_brute_force(pupils):
    fit = cbec.sem(MODEL, pupils, cluster="school", fixed_x=False, estimator="MLR")
    problem, x = fit.problem, fit.x
    parts = [joint(problem, x, cluster) for cluster in range(fit.n_clusters)]
    total = sum(multivariate_normal.logpdf(data, mean, cov) for data, mean, cov, _ in parts)
    np.testing.assert_allclose(problem.log_likelihood(x), total, rtol=1e-11)
    step = 1e-5 * np.eye(len(x))

    def density(point, cluster):
        data, mean, cov, _ = joint(problem, point, cluster)
        return multivariate_normal.logpdf(data, mean, cov)

    for cluster in (0, 16):
        slope = [(density(x + h, cluster) - density(x - h, cluster)) / 2e-5 for h in step]
        np.testing.assert_allclose(problem.scores(x)[cluster], slope, atol=1e-7)
    scores = fit.factor_scores(level=2)["fb"].to_numpy()
    eta = problem.at(x).states[1].eta[-1]
    for cluster in (0, 16):
        data, mean, cov, cross = parts[cluster]
        np.testing.assert_allclose(scores[cluster], eta + cross @ np.linalg.solve(cov, data - mean), rtol=1e-9)


def test_derivatives(pupils):
    problem = cbec.sem(MODEL, pupils, cluster="school").problem
    x = cbec.sem(MODEL, pupils, cluster="school").x + 0.03
    found = level_discrepancy(problem.pattern, problem.clusters, x)
    step = 1e-5 * np.eye(len(x))
    at = [[level_discrepancy(problem.pattern, problem.clusters, x + sign * h) for sign in (1, -1)] for h in step]
    slope = [(up.value - down.value) / 2e-5 for up, down in at]
    bend = [(up.gradient - down.gradient) / 2e-5 for up, down in at]
    np.testing.assert_allclose(found.gradient, slope, atol=1e-8)
    np.testing.assert_allclose(found.hessian, bend, atol=1e-7)


def test_units_and_order_do_not_matter(pupils):
    plain = cbec.sem(MODEL, pupils, cluster="school")
    other = pupils.assign(y1=pupils["y1"] * 100, school=pupils["school"].astype(str) + "s").sample(
        frac=1, random_state=3
    )
    scaled = cbec.sem(MODEL, other, cluster="school")
    np.testing.assert_allclose(scaled.fit_measures["chisq"], plain.fit_measures["chisq"], rtol=1e-7)
    np.testing.assert_allclose(scaled.parameters["std_all"], plain.parameters["std_all"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(scaled.icc, plain.icc, rtol=1e-7)


def test_nothing_between_clusters():
    """Without variance between clusters the within part is the single-level model."""
    rng = np.random.default_rng(5)
    n, size = 400, 8
    f = rng.standard_normal((n, size))
    cases = {f"y{k}": f + rng.standard_normal((n, size)) for k in range(1, 5)}
    frame = pd.DataFrame({name: (v - v.mean(axis=1, keepdims=True)).ravel() for name, v in cases.items()})
    frame += rng.standard_normal((n, 4)).repeat(size, axis=0) * 0.5  # what the cases' own spread makes of their means
    frame["s"] = np.repeat(np.arange(n), size)
    items = "y1 + y2 + y3 + y4"
    flat = cbec.cfa(f"f =~ {items}", frame.drop(columns="s") - frame.groupby("s").transform("mean"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        two = cbec.sem(
            f"level: 1\nf =~ {items}\nlevel: 2\ny1 ~~ y2 + y3 + y4\ny2 ~~ y3 + y4\ny3 ~~ y4", frame, cluster="s"
        )
    np.testing.assert_allclose(two.parameters["est"][1:4], flat.parameters["est"][1:4], rtol=1e-6)
    np.testing.assert_allclose(two.parameters["est"][4:9], flat.parameters["est"][4:9] * size / (size - 1), rtol=1e-6)
    assert (two.icc.abs() < 0.05).all()


def test_readouts(pupils):
    fit = cbec.sem(MODEL, pupils, cluster="school")
    assert "Clusters" in fit.summary()
    assert "within: " in fit.summary()
    assert "<table" in fit._repr_html_()
    assert fit.vcov.index[-1] == "y3~1.l2"
    assert set(fit.implied()) == {"within", "between"}
    gaps = fit.residuals()
    both = gaps["between"]["mean"][["y1", "y2", "y3"]] + gaps["within"]["mean"][["y1", "y2", "y3"]]
    np.testing.assert_allclose(both, 0, atol=0.02)
    assert abs(fit.residuals("cor")["within"]["cov"].loc["y1", "y1"]) < 1e-12
    assert fit.r_squared[("between", "fb")] > 0
    for refused in (lambda: fit.effects("x", "fw"), fit.modification_indices, lambda: fit.factor_scores("bartlett")):
        with pytest.raises(ModelError):
            refused()


@pytest.mark.parametrize(
    ("model", "options", "error", "said"),
    [
        (MODEL, {}, ModelError, "cluster="),
        (MODEL, {"cluster": "school", "group": "sector"}, ModelError, "group"),
        (MODEL, {"cluster": "school", "missing": "fiml"}, ModelError, "listwise"),
        (MODEL, {"cluster": "school", "weights": "weight"}, ModelError, "weights"),
        (MODEL, {"cluster": "school", "estimator": "WLS"}, ModelError, "MLR"),
        (MODEL, {"cluster": "school", "ordered": ["y1"]}, ModelError, "ordered"),
        (MODEL, {"cluster": "school", "se": "robust_sem"}, ModelError, "robust_huber_white"),
        ("level: 1\ny1 ~ x", {"cluster": "school"}, ModelError, "1 level"),
        ("y2 ~ x\nlevel: 1\ny1 ~ x\nlevel: 2\ny1 ~ z", {"cluster": "school"}, ModelError, "line 1"),
        ("level: 1\ny1 ~ x + 1\nlevel: 2\ny1 ~ z", {"cluster": "school"}, ModelError, "y1"),
        ("level: 1\nf =~ y1 + y2 + y3\nlevel: 2\nf =~ y1 + y2 + y3", {"cluster": "school"}, ModelError, "fw and fb"),
        ("level: 1\ny1 ~ y2\nlevel: 2\ny1 ~ x", {"cluster": "school"}, DataError, "differs within"),
        ("level: 1\ny1 ~ z\nlevel: 2\ny1 ~~ y1", {"cluster": "school"}, DataError, "same in all cases"),
        (MODEL, {"cluster": "own"}, DataError, "one case only"),
        (MODEL, {"cluster": "few"}, DataError, "more clusters"),
        (MODEL, {"cluster": "gone"}, DataError, "no variable"),
    ],
)
def test_bad_input(pupils, model, options, error, said):
    few = np.where(pupils["z"] > 0, 1, 0)
    frame = pupils.assign(own=range(len(pupils)), few=few)
    if options.get("cluster") == "few":
        frame["z"] = few * 1.0
    with pytest.raises(error) as caught:
        cbec.sem(model, frame, **options)
    assert said in str(caught.value)


@pytest.mark.shared
def test_tutorial_of_the_reference(shared):
    """lavaan 0.6-14 at its default tolerances; its saturated model is not asserted."""
    folder = shared / "reference" / "sem"
    case = json.loads((folder / "lavaan" / "12_twolevel_tutorial.json").read_text(encoding="utf-8"))
    fit = cbec.sem(case["model"], pd.read_csv(folder / "data" / case["data_file"]), cluster="cluster")
    for ours, theirs in (("est", "est"), ("se", "se"), ("std_all", "std.all"), ("std_lv", "std.lv")):
        np.testing.assert_allclose(fit.parameters[ours], numbers(case["parameters"][theirs]), rtol=1e-3, atol=2e-4)
    np.testing.assert_allclose(fit.fit_measures["logl"], case["fit_measures"]["logl"], rtol=1e-9)
    assert fit.fit_measures["logl"] > case["fit_measures"]["logl"]
    np.testing.assert_allclose(fit.icc, case["icc"]["values"], atol=1e-4)


def test_hessian_of_chains_with_means(pupils):
    """A path into a variable that sends another path on, with means: the second derivatives of one level alone."""
    fit = cbec.sem("y2 ~ y1\ny1 ~ x", pupils.assign(x=pupils["x"] + 2), meanstructure=True)
    work, point = fit.problem.standard, fit.x * fit.problem.standard.scale.parameters + 0.1
    step = 1e-5 * np.eye(len(point))
    bend = [
        (work.objective(point + h, False).gradient - work.objective(point - h, False).gradient) / 2e-5 for h in step
    ]
    np.testing.assert_allclose(work.objective(point, True).hessian, bend, atol=1e-7)
