"""Nothing goes wrong silently: each way to fail ends in a typed error or warning that names what and where, in two languages."""

import warnings

import numpy as np
import pandas as pd
import pytest
from semopy.examples import political_democracy

import cbecmodel as cbec
from cbecmodel.errors import CbecError, CbecWarning, ConvergenceError, DataError, DataWarning, ModelWarning
from cbecmodel.messages import use_language

ONE = "f =~ y1 + y2 + y3 + y4"
CURVE = "i =~ 1*x1 + 1*x2 + 1*x3; s =~ 0*x1 + 1*x2 + 2*x3"
ANSWERS = "f =~ a + b + c + d"


@pytest.fixture
def data():
    return political_democracy.get_data().reset_index(drop=True)


@pytest.fixture
def regions(data):
    return data.assign(region=np.where(np.arange(len(data)) % 2, "南方", "north"))


@pytest.fixture
def answers():
    rng = np.random.default_rng(1)
    latent = rng.standard_normal((200, 1)) + rng.standard_normal((200, 4))
    codes = pd.DataFrame(np.searchsorted([-0.5, 0.8], latent) + 1, columns=list("abcd"))
    return codes.assign(school=np.where(np.arange(200) % 2, "乙", "甲"))


def changed(frame, rows, **values):
    frame = frame.copy()
    for name, value in values.items():
        frame.loc[rows, name] = value
    return frame


def speaks(message):
    """Return the English sentence, having seen that the Chinese one can be said."""
    with use_language("zh"):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in str(message).replace("南方", "").replace("乙", ""))
    return str(message)


def refused(kind, *words, model=ONE, data=None, function=cbec.cfa, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CbecWarning)
        with pytest.raises(kind) as caught:
            function(model, data, **options)
    assert isinstance(caught.value, CbecError)
    said = speaks(caught.value)
    for word in words:
        assert word in said, (word, said)


def warned(kind, *words, model=ONE, data=None, function=cbec.cfa, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = function(model, data, **options)
    assert all(isinstance(each.message, CbecWarning) for each in caught)
    assert all(each.filename == __file__ for each in caught)
    said = [speaks(each.message) for each in caught if each.category is kind]
    assert any(all(word in sentence for word in words) for sentence in said), said
    return fit


@pytest.mark.parametrize("missing", ["listwise", "fiml"])
def test_constant_column(data, regions, missing):
    gap = changed(data.assign(y2=3.0), [0, 1], y1=np.nan)
    refused(DataError, "Constant: y2", data=gap, missing=missing)
    south = regions["region"] == "南方"
    part = changed(changed(regions, south, y2=3.0), [0, 1], y1=np.nan)
    refused(DataError, 'In group "南方"', "Constant: y2", data=part, group="region", missing=missing)


def test_every_duplicate_is_named(data, regions):
    refused(DataError, "duplicated", ": y1, y2, y4.", data=data.assign(y2=data["y1"], y4=-data["y1"]))
    copied = changed(regions, regions["region"] == "north", y4=regions["y1"])
    refused(DataError, 'In group "north"', "y1, y4", data=copied, group="region")


@pytest.mark.parametrize("missing", ["listwise", "fiml"])
def test_every_member_of_a_linear_dependence_is_named(data, missing):
    sums = changed(data.assign(y4=data["y1"] + data["y3"]), [0, 1, 2], y2=np.nan)
    refused(DataError, "y1, y3, y4", data=sums, missing=missing)
    dependent = data.assign(x3=data["x1"] - data["x2"])
    refused(DataError, "x1, x2, x3", model="y1 ~ x1 + x2 + x3", function=cbec.sem, data=dependent)


def test_infinite_value(data):
    refused(DataError, "y2", "1 infinite", "row 4", data=changed(data, 4, y2=-np.inf))


def test_non_numeric_types(data):
    refused(DataError, "y2", "not numeric", "row 3", '"many"', data=changed(data.astype({"y2": object}), 3, y2="many"))
    refused(DataError, "y2", "complex", data=data.assign(y2=data["y2"] + 1j))
    refused(DataError, "y2", "category", data=data.assign(y2=pd.Categorical(np.where(data["y2"] > 3, "hi", "lo"))))


def test_types_that_lose_nothing_are_converted(data):
    whole = data.assign(y2=(data["y2"] * 10).round())
    odd = whole.assign(y2=whole["y2"].astype("Int64"), y3=whole["y3"].astype("Float32").astype("Float64"))
    usual = cbec.cfa(ONE, whole.assign(y3=whole["y3"].astype("float32").astype(float)))
    np.testing.assert_allclose(cbec.cfa(ONE, odd).x, usual.x, rtol=1e-12)
    gap = changed(odd, [0, 1, 2], y2=pd.NA)
    assert cbec.cfa(ONE, gap).n_dropped == 3


@pytest.mark.parametrize("kind", ["int64", "Int64"])
def test_whole_numbers_too_large_to_be_exact(data, kind):
    huge = (data["y2"] * 10).round().astype("int64") + 2**60
    refused(DataError, "y2", "too large", str(huge[huge % 2**8 != 0].iloc[0]), data=data.assign(y2=huge.astype(kind)))
    exact = huge - 2**60 + 2**40
    fit, usual = (cbec.cfa(ONE, data.assign(y2=column.astype(kind))) for column in (exact, huge - 2**60))
    np.testing.assert_allclose(fit.fit_measures["chisq"], usual.fit_measures["chisq"], rtol=1e-6)


@pytest.mark.parametrize("missing", ["listwise", "fiml"])
def test_too_few_cases(data, regions, missing):
    refused(DataError, "4 complete cases for 4 variables", data=data.head(4), missing=missing)
    few = regions[(regions["region"] == "north") | (regions.index < 6)]
    refused(DataError, 'In group "南方"', "3 complete cases", data=few, group="region", missing=missing)


def test_nothing_answered_and_never_together(regions):
    south = regions["region"] == "南方"
    refused(DataError, '"南方"', "y4", data=changed(regions, south, y4=np.nan), group="region")
    apart = changed(changed(regions, south & (regions.index < 40), y4=np.nan), south & (regions.index >= 40), y3=np.nan)
    refused(DataError, '"南方"', "y3 & y4", data=apart, group="region", missing="fiml")


def test_non_convergence_names_what_is_least_determined():
    cov = pd.DataFrame([[1, 0.5, 0.4], [0.5, 1, 0], [0.4, 0, 1]], index=list("abc"), columns=list("abc"))
    said = ("did not converge", "determine least there", "a~~a", "f~~f")
    refused(ConvergenceError, *said, model="f =~ a + b + c", sample_cov=cov, sample_nobs=100)


def test_impossible_start_names_the_variables(data):
    refused(ConvergenceError, "could not begin", "y1, y2", model="f =~ y1 + y2 + y3; y1 ~~ 20*y2", data=data)


def test_negative_variance(data, regions):
    warned(ModelWarning, "negative variance of x1, x3.", model=CURVE, data=data, function=cbec.growth)
    fit = warned(
        ModelWarning, "negative variance", "(南方)", model=CURVE, data=regions, function=cbec.growth, group="region"
    )
    assert all("(1)" not in str(each) for each in fit.warnings)


def block(within, between):
    cov = np.full((6, 6), within)
    cov[:3, 3:] = cov[3:, :3] = between
    np.fill_diagonal(cov, 1.0)
    return pd.DataFrame(cov, index=list("abcdef"), columns=list("abcdef"))


def test_correlation_beyond_one():
    options = {"sample_cov": block(0.5, 0.6), "sample_nobs": 200}
    fit = warned(ModelWarning, "beyond ±1", "u ~~ v", model="u =~ a + b + c; v =~ d + e + f", **options)
    assert any(each.key == "structure.latent_covariance" for each in fit.warnings)


def test_residual_correlation_beyond_one():
    data = pd.DataFrame(np.random.default_rng(4).standard_normal((300, 4)), columns=list("abcd"))
    data["a"] += 3 * data["b"]
    model = "f =~ 1*a + 1*b + 0*c + 0*d; f ~~ 0.9*f; a ~~ 0.12*a; b ~~ 0.2*b; a ~~ b"
    warned(ModelWarning, "residual correlation", "a ~~ b", model=model, data=data)


def test_latent_covariances_not_positive_definite():
    signs = np.array([[1, 0.62, -0.62], [0.62, 1, 0.62], [-0.62, 0.62, 1]])
    loadings = np.kron(np.eye(3), np.full((3, 1), 0.7))
    cov = loadings @ signs @ loadings.T
    np.fill_diagonal(cov, 1.0)
    names = [f"v{k}" for k in range(9)]
    model = "f =~ v0 + v1 + v2; g =~ v3 + v4 + v5; h =~ v6 + v7 + v8"
    table = pd.DataFrame(cov, index=names, columns=names)
    warned(ModelWarning, "not positive definite", "f, g, h", model=model, sample_cov=table, sample_nobs=500)


def test_too_many_parameters(data):
    fit = warned(ModelWarning, "df = -1", model="f =~ y1 + y2", data=data)
    assert "f=~y2" in str(fit.warnings[1])


def test_underidentified_parameters(data, regions):
    fit = warned(ModelWarning, "no information", "f=~y1", "f~~f", model="f =~ NA*y1 + y2 + y3 + y4", data=data)
    assert fit.parameters["se"].isna().any()
    loose = "f =~ c(1, NA)*y1 + y2 + y3 + y4"
    fit = warned(ModelWarning, "f=~y1 (南方)", "f~~f (南方)", model=loose, data=regions, group="region")
    assert "north" not in str(fit.warnings[0])


def test_empirical_underidentification():
    """Two indicators a factor are identified by the factors' covariance alone; here it is zero."""
    cov = np.kron(np.eye(2), [[1.0, 0.5], [0.5, 1.0]])
    table = pd.DataFrame(cov, index=list("abcd"), columns=list("abcd"))
    model = "f =~ a + b; g =~ c + d"
    fit = warned(ModelWarning, "no information", "f=~b", "g=~d", model=model, sample_cov=table, sample_nobs=100)
    assert fit.df == 1
    assert fit.parameters["se"].isna().any()


def test_information_that_is_not_positive(data):
    """First-order information of fewer cases than parameters."""
    model = "f =~ x1 + x2 + x3 + y1; x1 ~~ x2"
    warned(ModelWarning, "no information", "f=~x2", model=model, data=data.head(7), estimator="MLF")


def test_just_identified(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = cbec.cfa("f =~ y1 + y2 + y3", data)
    assert fit.df == 0
    assert fit.fit_measures["chisq"] < 1e-10
    assert np.isnan(fit.fit_measures["pvalue"])
    assert "just identified (df = 0)" in str(fit)
    with use_language("zh"):
        assert "恰好识别" in str(fit)


def test_empty_category(answers):
    declared = pd.Categorical(answers["a"].replace(2, 3), categories=[1, 2, 3], ordered=True)
    warned(DataWarning, "category 2 of a", model=ANSWERS, data=answers.assign(a=declared), ordered=list("abcd"))
    refused(DataError, "b", "one category", model=ANSWERS, data=answers.assign(b=2), ordered=list("abcd"))


def test_empty_cells_of_a_table(answers):
    empty = changed(answers, answers["a"] == 1, b=1)
    warned(DataWarning, "empty cell", "a × b", model=ANSWERS, data=empty, ordered=list("abcd"))
    part = changed(answers, (answers["a"] == 1) & (answers["school"] == "乙"), b=1)
    warned(DataWarning, "a × b", "(乙)", model=ANSWERS, data=part, ordered=list("abcd"), group="school")
    refused(DataError, "a & b", "±1", model=ANSWERS, data=answers.assign(b=4 - answers["a"]), ordered=list("abcd"))


def test_group_with_a_missing_category(answers):
    lacks = changed(answers, (answers["a"] == 3) & (answers["school"] == "乙"), a=2)
    refused(DataError, '"乙"', "category 3 of a", model=ANSWERS, data=lacks, ordered=list("abcd"), group="school")


def test_cases_without_a_group(regions):
    warned(DataWarning, "2 case(s)", '"region"', data=changed(regions, [0, 1], region=None), group="region")


def test_active_inequality(data, regions):
    warned(ModelWarning, "a > 2", model="f =~ y1 + a*y2 + y3 + y4; a > 2", data=data)
    warned(ModelWarning, "a2 > 2", model="f =~ y1 + c(a1, a2)*y2 + y3 + y4; a2 > 2", data=regions, group="region")
    warned(ModelWarning, "x1~~x1 > 0", model=CURVE, data=data, function=cbec.growth, bounds="pos_var")


def test_improper_solution_keeps_its_numbers_and_its_warning(data):
    fit = warned(ModelWarning, "Improper solution", model=CURVE, data=data, function=cbec.growth)
    assert fit.converged
    assert (fit.parameters.query("lhs == rhs and op == '~~'")["est"] < 0).any()
    assert [type(each) for each in fit.warnings] == [ModelWarning]


def test_the_overview_shows_the_corrected_test_and_indices():
    from semopy.examples import holzinger39

    model, data = "visual =~ x1 + x2 + x3; textual =~ x4 + x5 + x6", holzinger39.get_data()
    robust, plain = (str(cbec.cfa(model, data, estimator=name)) for name in ("MLR", "ML"))
    assert "χ² (scaled)           24.37, df = 8, p = .002" in robust
    assert "CFI (robust)          0.975" in robust
    assert "(scaled)" not in plain
    assert "(robust)" not in plain
