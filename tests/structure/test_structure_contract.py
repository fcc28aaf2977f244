"""What users call answers, or refuses with a sentence, whatever kind of fit it is asked of."""

import warnings

import numpy as np
import pandas as pd
import pytest
from semopy.examples import holzinger39

import cbecmodel as cbec
from cbecmodel.errors import CbecError, CbecWarning, ModelError

ITEMS = [f"x{k}" for k in range(1, 10)]
FACTORS = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9\n"
PATHS = FACTORS + "speed ~ b*visual + c*textual\ntextual ~ a*visual\nind := a*c\n"
QUESTIONS = {
    "fit_measures": lambda fit: fit.fit_measures,
    "vcov": lambda fit: fit.vcov,
    "r_squared": lambda fit: fit.r_squared,
    "implied": lambda fit: fit.implied(),
    "standardized": lambda fit: [fit.standardized(kind) for kind in ("all", "lv", "nox")],
    "modification_indices": lambda fit: fit.modification_indices(minimum=3.84),
    "score_test": lambda fit: fit.score_test("x1 ~~ x7"),
    "expected_changes": lambda fit: fit.expected_changes("x1 ~~ x7"),
    "wald_test": lambda fit: fit.wald_test("a == b"),
    "effects": lambda fit: fit.effects("visual", "speed"),
    "factor_scores": lambda fit: fit.factor_scores(),
    "bartlett": lambda fit: fit.factor_scores(method="bartlett"),
    "residual_summary": lambda fit: fit.residual_summary(),
    "small_sample_tests": lambda fit: fit.small_sample_tests(),
    "cross_check": lambda fit: fit.cross_check(),
    "compare": lambda fit: fit.compare(fit),
    "reliability": cbec.reliability,
    "pls": lambda fit: fit.pls(),
    "bootstrap": lambda fit: fit.bootstrap(replicates=5, seed=1, ci="basic", progress=False).parameters,
    "to_latex": lambda fit: fit.to_latex(),
    "html": lambda fit: fit._repr_html_(),
} | {
    f"residuals_{kind}": lambda fit, kind=kind: fit.residuals(type=kind)
    for kind in ("raw", "cor", "cor_bentler", "standardized", "normalized", "standardized_mplus")
}
REFUSED = {
    "fiml": {"cross_check", "bartlett"},  # one child answered no item of a factor
    "groups": {"cross_check", "small_sample_tests", "pls"},
    "ordinal": {
        "bartlett", "residuals_standardized", "residuals_normalized", "residuals_standardized_mplus", "residual_summary",
        "cross_check", "small_sample_tests",
    },
    "semopy": set(),
    "moments": {"factor_scores", "bartlett", "bootstrap"},
    "two_stage": {"factor_scores", "bartlett", "bootstrap"},
    "GLS": {"cross_check", "small_sample_tests"},
}  # fmt: skip


@pytest.fixture(scope="module")
def children():
    return holzinger39.get_data()


@pytest.fixture(scope="module")
def fits(children):
    rng = np.random.default_rng(1)
    gaps = children.assign(**children[ITEMS].mask(rng.random((len(children), 9)) < 0.08))
    cut = children.assign(**{item: pd.qcut(children[item], 3, labels=False, duplicates="drop") for item in ITEMS})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CbecWarning)  # empty cells
        return {
            "fiml": cbec.sem(PATHS, gaps, missing="fiml"),
            "groups": cbec.sem(PATHS, children, group="school", estimator="MLR"),
            "ordinal": cbec.sem(PATHS, cut, ordered=True),
            "semopy": cbec.sem(PATHS, children, engine="semopy"),
            "moments": cbec.sem(PATHS, sample_cov=children[ITEMS].cov(), sample_nobs=len(children)),
            "two_stage": cbec.sem(PATHS, gaps, missing="two_stage"),
            "GLS": cbec.sem(PATHS, children, estimator="GLS"),
        }


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("kind", REFUSED)
def test_a_fit_answers_or_says_why_not(fits, kind, question):
    if question in REFUSED[kind]:
        with pytest.raises(CbecError) as refusal:
            QUESTIONS[question](fits[kind])
        assert len(str(refusal.value)) > 30
    else:
        assert len(QUESTIONS[question](fits[kind])) > 0


@pytest.mark.parametrize("kind", REFUSED)
def test_free_parameters_are_complete(fits, kind):
    shown = fits[kind].parameters
    free = shown[shown["se"] > 0]
    assert len(free) > 20
    assert free.drop(columns=["lhs", "op", "rhs", "label"]).notna().all(axis=None)
    assert "nan" not in fits[kind].summary().lower()


def test_a_measurement_model_is_drawn_too(children):
    picture = cbec.cfa(FACTORS, children).plot(indicators=True)
    said = {note.get_text() for note in picture.axes[0].texts}
    assert {"visual", "textual", "speed", "x1", "x9", "0.46", "0.47", "0.28"} <= said


def test_nothing_to_draw_is_said(children):
    fit = cbec.sem("x1 ~~ x2", children)
    with pytest.raises(ModelError, match="path diagram"):
        fit.plot()


def test_bootstrap_errors_are_those_of_the_bootstrap(children):
    fit = cbec.sem(PATHS, children, se="bootstrap")
    drawn = cbec.sem(PATHS, children).bootstrap(1000, seed=1, progress=False)
    for column in ("est", "se", "ci_lower", "ci_upper"):
        np.testing.assert_array_equal(fit.parameters[column], drawn.parameters[column])
    free = (fit.parameters["se"] > 0) & (fit.parameters["op"] != ":=")
    np.testing.assert_allclose(np.sqrt(np.diag(fit.vcov)), fit.parameters.loc[free, "se"], rtol=1e-10)
    usual = cbec.sem(PATHS, children).parameters
    np.testing.assert_array_equal(fit.parameters["z"].isna(), usual["z"].isna())


@pytest.mark.parametrize(
    "options",
    [{"missing": "two_stage"}, {"cluster": "school"}],
)
def test_bootstrap_errors_are_refused_where_nothing_can_be_resampled(children, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CbecWarning)
        with pytest.raises(ModelError):
            cbec.sem(PATHS, children.assign(**children[ITEMS].round()), se="bootstrap", **options)


def test_cluster_errors_need_clusters(children):
    one = cbec.sem(PATHS, children.assign(town=np.arange(len(children)) // 7), se="cluster", cluster="town")
    other = cbec.sem(PATHS, children.assign(town=np.arange(len(children)) // 7), cluster="town")
    pd.testing.assert_frame_equal(one.parameters, other.parameters)
    with pytest.raises(ModelError, match="cluster="):
        cbec.sem(PATHS, children, se="cluster")


def test_what_is_no_model_or_kind_is_refused(children):
    with pytest.raises(ModelError, match="ParameterTable"):
        cbec.sem(None, children)
    with pytest.raises(ModelError, match="nox"):
        cbec.cfa(FACTORS, children).standardized("zz")
