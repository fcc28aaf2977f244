"""Bad data are named, never fitted; good data of odd types are converted."""

import numpy as np
import pandas as pd
import pytest
from semopy.examples import political_democracy

import cbecmodel as cbec
from cbecmodel.errors import DataError, ModelError, ModelWarning
from cbecmodel.messages import use_language

MODEL = "ind60 =~ x1 + x2 + x3; dem60 =~ y1 + y2 + y3 + y4; dem60 ~ ind60"


@pytest.fixture
def data():
    return political_democracy.get_data().reset_index(drop=True)


def refused(data, model=MODEL, **options):
    with pytest.raises(DataError) as caught:
        cbec.sem(model, data, **options)
    with use_language("zh"):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in str(caught.value))
    return str(caught.value)


def test_unknown_variable_names_the_closest(data):
    said = refused(data.rename(columns={"y1": "Y1"}))
    assert "y1" in said
    assert "Y1" in said or "y2" in said


def test_constant(data):
    assert "y2" in refused(data.assign(y2=3.0))
    assert "y2" in refused(data.assign(y2=0.1))


def test_infinite(data):
    data.loc[7, "x2"] = np.inf
    said = refused(data)
    assert "x2" in said
    assert "row 7" in said


def test_not_numeric(data):
    data["x2"] = data["x2"].astype(str).where(data.index != 4, "many")
    said = refused(data)
    assert "x2" in said
    assert '"many"' in said
    assert "row 4" in said
    dates = data.assign(x2=pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(len(data)), unit="D"))
    assert "x2" in refused(dates)


def test_every_member_of_a_dependent_set_is_named(data):
    said = refused(data.assign(y4=data["y1"]))
    assert "y1, y4" in said
    assert "x1" not in said
    said = refused(data.assign(y4=2 * data["y1"] - data["y3"], x3=data["x2"]))
    assert "y1, y3, y4" in said
    assert "x2, x3" in said


def test_too_few_cases(data):
    said = refused(data.head(7))
    assert "7 complete cases for 7 variables" in said


def test_all_missing_and_doubled_columns(data):
    assert "y3" in refused(data.assign(y3=np.nan))
    doubled = pd.concat([data, data[["y3"]]], axis=1)
    assert "y3" in refused(doubled)


def test_no_data_and_wrong_kind():
    assert "no data" in refused(None)
    assert "list" in refused([1, 2])


def test_lossless_conversion_and_untouched_data(data):
    usual = cbec.sem(MODEL, data)
    odd = data.assign(
        x1=data["x1"].astype("Float64"),
        y1=data["y1"].map(repr),
        y2=data["y2"].astype(object),
        y3=data["y3"].astype("category"),
    )
    before = odd.copy(deep=True)
    fit = cbec.sem(MODEL, odd)
    np.testing.assert_allclose(fit.x, usual.x, rtol=1e-10)
    pd.testing.assert_frame_equal(odd, before)


def test_listwise_looks_at_the_models_variables_only(data):
    data.loc[:9, "y8"] = np.nan
    data.loc[3, "x1"] = np.nan
    fit = cbec.sem(MODEL, data)
    assert (fit.n_obs, fit.n_dropped) == (74, 1)
    assert 3 not in fit.data_used


def test_objects_that_hold_a_frame(data):
    class Answers:
        frame = data
        synthetic = True

    fit = cbec.sem(MODEL, Answers())
    assert fit.synthetic
    assert not cbec.sem(MODEL, data).synthetic


def test_summary_statistics_equal_raw_data(data):
    raw = cbec.sem(MODEL, data, meanstructure=True)
    fit = cbec.sem(MODEL, sample_cov=data.cov(), sample_mean=data.mean(), sample_nobs=len(data), meanstructure=True)
    np.testing.assert_allclose(fit.x, raw.x, rtol=1e-10)
    with pytest.raises(DataError, match="sample_nobs"):
        cbec.sem(MODEL, sample_cov=data.cov())
    with pytest.raises(DataError, match="DataFrame"):
        cbec.sem(MODEL, sample_cov=data.cov().to_numpy(), sample_nobs=75)
    crooked = data.cov()
    crooked.iloc[0, 1] += 1
    with pytest.raises(DataError, match="not symmetric"):
        cbec.sem(MODEL, sample_cov=crooked, sample_nobs=75)
    bad = data.cov()
    bad.loc["y1", "y2"] = bad.loc["y2", "y1"] = 100
    with pytest.raises(DataError, match="not positive definite"):
        cbec.sem(MODEL, sample_cov=bad, sample_nobs=75)
    with pytest.raises(ModelError, match="fitted to moments"):
        fit.factor_scores()


def test_improper_solutions_are_said(data):
    with pytest.warns(ModelWarning, match="negative variance of x1, x3"):
        cbec.growth("i =~ 1*x1 + 1*x2 + 1*x3; s =~ 0*x1 + 1*x2 + 2*x3", data)


def test_underidentified_parameters_are_named(data):
    with pytest.warns(ModelWarning) as caught:
        fit = cbec.cfa("f =~ y1 + y2", data)
    keys = {warning.message.key for warning in caught}
    assert keys == {"structure.negative_df", "structure.unidentified"}
    said = next(w.message for w in caught if w.message.key == "structure.unidentified")
    assert "f=~y2" in str(said)
    assert "f~~f" in str(said)
    assert fit.parameters["se"].isna().any()
    assert len(fit.warnings) == 2


def test_rescaling_changes_nothing_that_is_free_of_scale(data):
    usual = cbec.sem(MODEL, data)
    factors = pd.Series([1e-3, 1e4, 1, 1e3, 1e-2, 10, 1], index=["x1", "x2", "x3", "y1", "y2", "y3", "y4"])
    for engine in ("native", "semopy"):
        fit = cbec.sem(MODEL, data[factors.index] * factors, engine=engine)
        np.testing.assert_allclose(fit.fit_measures["chisq"], usual.fit_measures["chisq"], rtol=1e-7)
        np.testing.assert_allclose(fit.parameters["std_all"], usual.parameters["std_all"], rtol=1e-4, atol=1e-6)


def test_incomplete_data(data):
    data.loc[:39, "y1"] = np.nan
    data.loc[40:, "y2"] = np.nan
    assert "y1 & y2" in refused(data, missing="fiml")
    with pytest.raises(ModelError, match="MLM"):
        cbec.sem(MODEL, data, missing="fiml", estimator="MLM")
    with pytest.raises(ModelError, match="semopy"):
        cbec.cfa("f =~ x1 + x2 + x3 + y1", data, missing="fiml", engine="semopy")


def test_groups(data):
    data["region"] = np.where(np.arange(75) % 2, "south", "north")
    assert "one group" in refused(data.assign(region="north"), group="region")
    data.loc[5, "region"] = None
    with pytest.warns(cbec.CbecWarning, match="1 case"):
        fit = cbec.cfa("f =~ y1 + y2 + y3 + y4", data, group="region", group_equal="loadings")
    assert fit.group_labels == ("north", "south")
    data = data.dropna()
    assert set(fit.implied()) == {"north", "south"}
    assert fit.n_obs == 74
    assert fit.factor_scores().shape == (74, 1)
    with pytest.raises(ModelError, match="no parameter"):
        cbec.cfa("f =~ y1 + y2 + y3", data, group="region", group_equal="loadings", group_partial="f=~y9")
    blocks = "group: south\nf =~ y1 + y2 + y3\ngroup: north\nf =~ y1 + 1*y2 + y3"
    rows = cbec.cfa(blocks, data, group="region").parameters
    assert rows.query("rhs == 'y2' and group == 1")["est"].iloc[0] == 1


def test_groups_without_constraints_equal_separate_fits(data):
    data["region"] = np.where(np.arange(75) % 2, "south", "north")
    together = cbec.cfa("f =~ y1 + y2 + y3 + y4", data, group="region")
    apart = [cbec.cfa("f =~ y1 + y2 + y3 + y4", part, meanstructure=True) for _, part in data.groupby("region")]
    np.testing.assert_allclose(together.x, np.concatenate([fit.x for fit in apart]), rtol=1e-8)
    np.testing.assert_allclose(
        together.fit_measures["chisq"], sum(fit.fit_measures["chisq"] for fit in apart), rtol=1e-10
    )
