"""The reference suite that is not part of the project: lavaan 0.6-14, Newton-polished."""

import json
import math
import warnings

import numpy as np
import pandas as pd
import pytest

import cbecmodel as cbec
from cbecmodel.errors import ModelWarning

pytestmark = pytest.mark.shared
CFA = ("05_", "06_", "08_", "09_")
CASES = [
    "01_political_democracy_ml", "01_political_democracy_ml_means_observed", "01_political_democracy_ml_stdlv",
    "01_political_democracy_ml_wishart", "01_political_democracy_equal_loadings", "01_political_democracy_defined_delta",
    "02_political_democracy_mlr", "02_political_democracy_mlm", "02_political_democracy_mlmvs", "02_political_democracy_mlf",
    "03_political_democracy_listwise", "03_political_democracy_fiml_ml",
    "08_bfi_two_factor_fiml_mlr", "05_hs_cfa_ml", "05_hs_cfa_mlr_stdlv", "05_hs_cfa_one_factor",
    "05_hs_cfa_tau_equivalent", "06_hs_invariance_ml_configural", "06_hs_invariance_ml_metric",
    "06_hs_invariance_ml_scalar", "06_hs_invariance_ml_strict", "06_hs_invariance_ml_means",
    "06_hs_invariance_ml_partial_scalar", "06_hs_invariance_mlr_configural", "06_hs_invariance_mlr_metric",
    "06_hs_invariance_mlr_means", "08_bfi_five_factor_ml", "09_hs_bifactor", "09_hs_second_order", "10_mediation_delta",
    "01_political_democracy_gls", "01_political_democracy_uls", "01_political_democracy_wls", "05_hs_cfa_gls", "05_hs_cfa_uls",
    "05_hs_cfa_wls", "05_hs_cfa_dwls", "10_mediation_delta_fixedxF", "10_mediation_pd_scale_means", "14_sim30_ml",
]  # fmt: skip


def array(values):
    return np.array([math.nan if value is None else value for value in values], dtype=float)


def words(value):
    if isinstance(value, list):
        return [words(each) for each in value]
    return value.replace(".", "_") if isinstance(value, str) else value


@pytest.mark.parametrize("name", CASES)
def test_case(shared, name):
    folder = shared / "reference" / "sem"
    numbers = json.loads((folder / "lavaan" / f"{name}.json").read_text(encoding="utf-8"))
    options = {key.replace(".", "_"): words(value) for key, value in dict(numbers["options"] or {}).items()}
    if options.get("missing") == "ml":
        options["missing"] = "fiml"
    if "group_partial" in options:
        options["group_partial"] = numbers["options"]["group.partial"]
    if options.get("estimator") in ("ULS", "DWLS"):
        options["se"] = "standard"  # lavaan 0.6's default; ours (and 0.7's) is robust
    options.pop("ordered", None)
    function = cbec.cfa if name.startswith(CFA) else cbec.sem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        fit = function(numbers["model"], pd.read_csv(folder / "data" / numbers["data_file"]), **options)
    for ours, theirs in (("est", "est"), ("se", "se"), ("std_lv", "std.lv"), ("std_all", "std.all")):
        expected = array(numbers["parameters"][theirs])
        np.testing.assert_allclose(fit.parameters[ours], expected, rtol=1e-6, atol=1e-8, err_msg=ours)
    np.testing.assert_allclose(
        fit.standardized()["se"], array(numbers["standardized_std_all"]["se"]), rtol=1e-6, atol=5e-7
    )
    for key in (
        "npar",
        "chisq",
        "df",
        "cfi",
        "tli",
        "rmsea",
        "srmr",
        "crmr",
        "logl",
        "aic",
        "bic",
        "bic2",
        "baseline.chisq",
    ):
        if numbers["fit_measures"].get(key) is None:
            continue  # lavaan's baseline model failed
        ours = fit.fit_measures[key.replace(".", "_")]
        np.testing.assert_allclose(ours, numbers["fit_measures"][key], rtol=1e-8, atol=1e-7, err_msg=key)
    for key in ("chisq.scaled", "pvalue.scaled", "chisq.scaling.factor", "cfi.robust", "tli.robust", "rmsea.robust"):
        gaps = options.get("missing") == "fiml"
        if numbers["fit_measures"].get(key) is not None and not (gaps and key.endswith("robust")):
            ours = fit.fit_measures[key.replace(".", "_")]
            np.testing.assert_allclose(ours, numbers["fit_measures"][key], rtol=1e-6, atol=1e-7, err_msg=key)


@pytest.mark.parametrize(("estimator", "key"), [("MLR", "mlr_sb2001"), ("MLM", "mlm_sb2001"), ("MLR", "mlr_sb2010")])
def test_scaled_difference(shared, estimator, key):
    folder = shared / "reference" / "sem"
    path = folder / "lavaan" / "02_political_democracy_scaled_difference_tests.json"
    numbers = json.loads(path.read_text(encoding="utf-8"))
    data = pd.read_csv(folder / "data" / "political_democracy.csv")
    fits = [cbec.sem(numbers[name], data, estimator=estimator) for name in ("model_free", "model_constrained")]
    table = cbec.compare(*fits, scaling=key[-4:])
    # lavaan's own fits here are not polished
    np.testing.assert_allclose(table["chisq_diff"].iloc[1], numbers[key]["Chisq.diff"][1], rtol=1e-5)
    np.testing.assert_allclose(table["pvalue"].iloc[1], numbers[key]["Pr..Chisq."][1], rtol=1e-5)


def test_score_tests(shared):
    """lavTestScore of lavaan 0.6-14, total and univariate."""
    folder = shared / "reference" / "sem"
    model = json.loads((folder / "lavaan/01_political_democracy_equal_loadings.json").read_text(encoding="utf-8"))
    path = folder / "lavaan/01_political_democracy_equal_loadings_tests.json"
    numbers = json.loads(path.read_text(encoding="utf-8"))
    found = cbec.sem(model["model"], pd.read_csv(folder / "data" / "political_democracy.csv")).score_test()
    expected = [numbers["score_total"][key][0:1] + numbers["score_uni"][key] for key in ("X2", "df", "p.value")]
    for ours, theirs in zip(("statistic", "df", "pvalue"), expected, strict=True):
        np.testing.assert_allclose(found[ours], theirs, rtol=1e-6, atol=1e-7)
