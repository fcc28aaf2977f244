"""Scaled difference tests of Satorra (2000) against lavaan, and what must hold of them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from semopy.examples import holzinger39, political_democracy

import cbecmodel as cbec
from cbecmodel.errors import DataWarning, ModelError

NUMBERS = json.loads((Path(__file__).parents[1] / "reference/sem/difference.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def fits():
    done = {}
    data, children = political_democracy.get_data(), holzinger39.get_data()
    for estimator in ("ML", "MLM", "MLR", "MLMV", "ULS"):
        done[estimator] = [cbec.sem(NUMBERS[kind], data, estimator=estimator) for kind in ("free", "tied")]
    equal = ((), ("loadings", "intercepts"))
    options = {"estimator": "MLM", "group": "school"}
    done["groups"] = [cbec.cfa(NUMBERS["factors"], children, group_equal=one, **options) for one in equal]
    items = [f"x{k}" for k in range(1, 7)]
    z = (children[items] - children[items].mean()) / children[items].std(ddof=1)
    cut = 1 + (z > -0.8).astype(int) + (z > 0).astype(int) + (z > 0.8).astype(int)
    for estimator in ("WLSMV", "WLSM"):
        models = NUMBERS["ordinal"]
        with pytest.warns(DataWarning, match="empty cell"):
            done[f"ordinal_{estimator}"] = [cbec.cfa(one, cut, estimator=estimator, ordered=items) for one in models]
    return done


@pytest.mark.parametrize("case", NUMBERS["tests"], ids=lambda one: "-".join(map(str, list(one.values())[:3])))
def test_lavaan(fits, case):
    table = cbec.compare(*fits[case["case"]], scaling="2000", restriction=case["restriction"], shape=case["shape"])
    # lavaan's fits are not polished: its difference of chi-squares is good to some 1e-5
    for key in ("chisq_diff", "df_diff", "pvalue"):
        np.testing.assert_allclose(table[key].iloc[1], case[key], rtol=5e-5, err_msg=key)


def test_under_normal_theory_the_scaling_is_nearly_one():
    """Of normal data the factor tends to one, so that the scaled difference is the plain one."""
    rng = np.random.default_rng(5)
    factor = rng.standard_normal((20_000, 1))
    data = pd.DataFrame(0.7 * factor + rng.standard_normal((20_000, 5)), columns=list("abcde"))
    free, tied = (cbec.cfa(model, data, estimator="MLM") for model in ("f =~ a+b+c+d+e", "f =~ a+p*b+p*c+p*d+p*e"))
    plain = free.fit_measures["chisq"] - tied.fit_measures["chisq"]
    for restriction in ("delta", "exact"):
        found = cbec.compare(free, tied, scaling="2000", restriction=restriction)["chisq_diff"].iloc[1]
        np.testing.assert_allclose(found, -plain, rtol=0.03)


def test_exact_does_not_depend_on_units(fits):
    data = political_democracy.get_data() * 1000
    scaled = [cbec.sem(NUMBERS[kind], data, estimator="MLM") for kind in ("free", "tied")]
    one, other = (cbec.compare(*pair, scaling="2000", restriction="exact") for pair in (fits["MLM"], scaled))
    np.testing.assert_allclose(one["chisq_diff"].iloc[1], other["chisq_diff"].iloc[1], rtol=1e-7)


def test_least_squares_and_adjusted_tests_use_it_by_default(fits):
    for estimator in ("ULS", "MLMV"):
        default, named = (cbec.compare(*fits[estimator], **more) for more in ({}, {"scaling": "satorra.2000"}))
        pd.testing.assert_frame_equal(default, named)
        assert 0.01 < default["pvalue"].iloc[1] < 1
        with pytest.raises(ModelError, match="2000"):
            cbec.compare(*fits[estimator], scaling="2001")


def test_plain_tests_stay_plain(fits):
    table = fits["ML"][0].compare(fits["ML"][1])
    np.testing.assert_allclose(table["chisq_diff"].iloc[1], table["chisq"].diff().iloc[1], rtol=1e-12)


def test_refusals(fits):
    with pytest.raises(ModelError, match="visual~1"):
        cbec.compare(*fits["groups"], scaling="2000", restriction="exact")
    for option in ("scaling", "restriction", "shape"):
        with pytest.raises(ModelError, match=option):
            cbec.compare(*fits["MLM"], **{option: "best"})
    data = political_democracy.get_data()
    one = cbec.cfa("f =~ y1 + y2 + y3 + y4; y1 ~~ y2", data, estimator="MLM")
    other = cbec.cfa("f =~ y1 + y2 + y3 + y4; y1 ~~ y3; y2 ~~ 2*y2", data, estimator="MLM")
    with pytest.raises(ModelError, match="y1~~y3"):
        cbec.compare(one, other, scaling="2000", restriction="exact")
