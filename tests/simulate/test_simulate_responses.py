"""Drawn answers: do they have what the population states, and does nothing depend on anything else?"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cbecmodel.errors import ContentError
from cbecmodel.simulate.item_responses import measurement
from cbecmodel.simulate.population import Population
from cbecmodel.simulate.response_behaviour import careless_kinds
from cbecmodel.simulate.responses import latent_responses, questions_of, simulate_responses
from cbecmodel.simulate.truth import population_truth
from cbecmodel.structure.api import sem
from cbecmodel.survey.instrument import Instrument, load_instrument
from cbecmodel.survey.read import read_responses
from cbecmodel.survey.responses import Responses

PATHS = """
SDI =~ .80*PRS + .75*FBC + .70*LRI
PLI =~ .80*MLD + .75*ALG + .70*PGA
VI  =~ .80*PVF + .80*SYM + .70*EMR + .70*HYB
SDI ~~ .40*PLI + .35*VI
PLI ~~ .40*VI
PCI ~ .25*SDI + .20*PLI + .30*VI
CID ~ .20*PCI + .15*SDI + .15*PLI + .25*VI
"""
STATED = (0.02, 0.05, 0.10, 0.20, 0.28, 0.23, 0.12)


@pytest.fixture(scope="module")
def consumer() -> Instrument:
    return load_instrument("consumer")


def draw(instrument: Instrument, n: int, seed: int = 1, **population: Any) -> Responses:
    return simulate_responses(instrument, population=population, n=n, seed=seed)


def test_latent_responses_have_the_implied_correlations(consumer: Instrument) -> None:
    n = 200_000
    population = Population.load({"paths": PATHS, "loadings": {"items": {"PCI1": 0.6}}, "method_factor": 0.2})
    questions = [question for question in questions_of(consumer) if question.construct in {"PRS", "MLD", "PCI", "CID"}]
    drawn = latent_responses(population, questions, n, seed=3)
    implied = measurement(population, questions).correlations()
    observed = np.corrcoef(np.array([drawn[question.name] for question in questions]))
    error = (1 - implied**2) / np.sqrt(n)
    off = ~np.eye(len(questions), dtype=bool)
    assert np.abs((observed - implied)[off] / error[off]).max() < 4.5  # of some hundred normal deviates
    truth = population_truth(consumer, population, "PCI =~ PCI1 + PCI2\nPRS =~ PRS1 + PRS2\nPCI ~ PRS")
    values = truth.set_index(["lhs", "op", "rhs"])["std_all"]
    assert values["PCI", "=~", "PCI1"] == pytest.approx(0.6)
    assert values["PCI", "~", "PRS"] == pytest.approx(0.8 * (0.25 + 0.2 * 0.4 + 0.3 * 0.35))


def test_category_shares_are_the_stated_ones(consumer: Instrument) -> None:
    n = 40_000
    answers = draw(consumer, n, thresholds={"default": {"probabilities": STATED}})
    for item in ("PCI1", "PVF4"):  # PVF4 is worded in reverse; the analysis frame has it turned round
        shares = answers.frame[item].value_counts(normalize=True).sort_index().to_numpy()
        error = np.sqrt(np.array(STATED) * (1 - np.array(STATED)) / n)
        assert np.abs((shares - STATED) / error).max() < 4
    raw = answers.raw["PVF4"].astype(float)
    assert (raw + answers.frame["PVF4"] == 8).all()


def test_the_same_seed_gives_the_same_bytes(consumer: Instrument) -> None:
    everything = {
        "paths": PATHS,
        "careless": {"share": 0.1},
        "missing": {"mcar": 0.05},
        "eligible": 0.9,
        "consent": 0.9,
    }
    one, other = (draw(consumer, 300, seed=9, **everything).raw.to_csv(lineterminator="\n") for _ in range(2))
    assert one == other
    assert one != draw(consumer, 300, seed=10, **everything).raw.to_csv(lineterminator="\n")


def test_spoiling_answers_leaves_the_others_as_they_were(consumer: Instrument) -> None:
    clean = draw(consumer, 500, paths=PATHS)
    spoiled = draw(consumer, 500, paths=PATHS, careless={"share": 0.2}, missing={"mcar": 0.1})
    items = list(consumer.items)
    same = (clean.frame[items] == spoiled.frame[items]) | spoiled.frame[items].isna()
    honest = same.all(axis=1)
    assert 0.75 < honest.mean() < 0.9  # straight-liners and random answers are 16 % of all
    assert spoiled.frame.loc[honest, items].isna().to_numpy().mean() > 0.08


def test_careless_respondents_betray_themselves(consumer: Instrument) -> None:
    careful = draw(consumer, 400)
    kinds = {"straight_line": 1.0}
    lines = draw(consumer, 400, careless={"share": 1.0, "kinds": kinds, "slip": 0.0})
    ticked = lines.raw[[item for item in consumer.items if item not in consumer.routing]].astype(float)
    assert (ticked.max(axis=1) == ticked.min(axis=1)).all()
    assert lines.frame["duration_s"].median() < 0.5 * careful.frame["duration_s"].median()
    for check in consumer.checks.values():
        passed = careful.frame[check.id] == careful.frame[check.compare_with] if check.compare_with else None
        passed = careful.frame[check.id].isin(check.passing) if passed is None else passed
        assert passed.all(), check.id
    inattentive = draw(consumer, 400, careless={"share": 1.0, "kinds": {"inattentive": 1.0}})
    pd.testing.assert_frame_equal(inattentive.frame[list(consumer.items)], careful.frame[list(consumer.items)])
    assert inattentive.frame["ATT1"].isin(consumer.checks["ATT1"].passing).mean() < 0.3


def test_routing_hides_and_missing_codes_say_why(consumer: Instrument) -> None:
    answers = draw(consumer, 3000, missing={"mcar": 0.05}, covariates={"X_LIVE": {0: 0.5, 1: 0.5}})
    never = answers.frame["X_LIVE"] == 0
    assert (answers.missing.loc[never, "LSI1"] == "-77").all()
    assert set(answers.missing.loc[~never, "LSI1"]) == {"", "-99"}
    assert abs((answers.missing["PCI1"] == "-99").mean() - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 3000)


def test_missing_at_random_depends_on_the_covariate(consumer: Instrument) -> None:
    live = {0: 0.5, 4: 0.5}
    mar = {"share": 0.1, "covariate": "X_LIVE", "slope": 1.0}
    answers = draw(consumer, 4000, missing={"mar": mar}, covariates={"X_LIVE": live})
    gaps = answers.frame["PCI1"].isna().groupby(answers.frame["X_LIVE"]).mean()
    odds = 0.1 / 0.9 * np.exp([-1, 1])
    np.testing.assert_allclose(gaps, odds / (1 + odds), atol=4 * np.sqrt(0.25 / 2000))


def test_people_who_decline_or_do_not_qualify_answer_nothing(consumer: Instrument) -> None:
    ages = {"mean": 30, "sd": 10, "min": 15, "max": 80}
    countries = {"VNM": 0.5, "USA": 0.4, "CHN": 0.1}
    answers = draw(
        consumer,
        4000,
        consent=0.9,
        eligible=0.8,
        covariates={"S_AGE": ages, "S_COUNTRY": countries, "S_BOUGHT": {0: 0.2, 1: 0.8}},
    )
    agreed = answers.frame["consent"] == 1
    assert abs(agreed.mean() - 0.9) < 0.02
    out = (answers.frame["S_AGE"] < 18) | (answers.frame["S_COUNTRY"] == "CHN") | (answers.frame["S_BOUGHT"] == 0)
    assert abs(out[agreed].mean() - 0.2) < 0.03
    takes_part = agreed & ~out
    items = list(consumer.items)
    assert answers.frame.loc[~takes_part, items].isna().to_numpy().all()
    assert answers.frame.loc[takes_part, "PCI1"].notna().all()
    assert answers.frame.loc[~agreed, "S_AGE"].isna().all()


def test_language_bias_moves_only_that_language(consumer: Instrument) -> None:
    shares = {"en": 0.5, "zh": 0.5}
    fair = draw(consumer, 20_000, languages=shares)
    bias = {"zh": {"shift": {"CID2": 0.5}, "loadings": {"CID3": -0.3}}}
    biased = draw(consumer, 20_000, languages=shares, language_bias=bias)
    chinese = fair.frame["form_language"] == "zh"
    assert abs(chinese.mean() - 0.5) < 0.02
    items = list(consumer.items)
    pd.testing.assert_frame_equal(fair.frame.loc[~chinese, items], biased.frame.loc[~chinese, items])
    assert biased.frame.loc[chinese, "CID2"].mean() > fair.frame.loc[chinese, "CID2"].mean() + 0.6
    here, there = (frame.loc[chinese, ["CID1", "CID3"]].corr().iloc[0, 1] for frame in (fair.frame, biased.frame))
    assert here - there == pytest.approx(0.75 * 0.3, abs=0.05)


@pytest.mark.parametrize(
    ("population", "says"),
    [
        ({"paths": "CID ~ .3*PIC"}, "no PIC. Did you mean PCI"),
        ({"loadings": {"items": {"PCI9": 0.5}}}, "loadings.items: the instrument consumer has no PCI9"),
        ({"languages": {"en": 0.5, "fr": 0.5}}, "languages: the instrument consumer has no fr"),
        ({"covariates": {"X_LIVE": {0: 0.5, 9: 0.5}}}, "X_LIVE: 9 is not an option"),
        ({"covariates": {"X_LIVE": {0: 0.5, 1: 0.4}}}, "X_LIVE: the shares .* sum to 0.9"),
        ({"uncorrelated": ["MARKER"]}, "uncorrelated"),
        ({"missing": {"mar": {"share": 0.1, "covariate": "AGE", "slope": 1}}}, "missing.mar.covariate"),
        ({"language_bias": {"zh": {"shift": {"X": 1}}}}, r"language_bias.zh: .* no X"),
        ({"thresholds": {"items": {"PCI1": {"probabilities": [0.5, 0.5]}}}}, "PCI1: 2 probabilities for a scale of 7"),
        ({"covariates": {"S_BOUGHT": {0: 1.0}}}, "S_BOUGHT: every stated answer is screened out"),
        ({"eligible": 0.5, "covariates": {"S_BOUGHT": {1: 1.0}}}, "eligible"),
    ],
)
def test_names_and_values_that_are_not_there(consumer: Instrument, population: dict[str, Any], says: str) -> None:
    with pytest.raises(ContentError, match=says):
        simulate_responses(consumer, population=population, n=50, seed=1)


def test_how_many_must_be_said(consumer: Instrument) -> None:
    assert len(simulate_responses(consumer, population={"n": 40}, seed=1).frame) == 40
    assert len(simulate_responses(consumer, population={"n": 40}, n=50, seed=1).frame) == 50
    for n in (None, 0):
        with pytest.raises(ContentError, match="how many respondents"):
            simulate_responses(consumer, n=n, seed=1)


def test_the_firm_instrument_and_synthetic_source() -> None:
    firm = load_instrument("firm")
    answers = simulate_responses(firm, n=60, seed=1)
    assert answers.synthetic
    assert answers.source.name == "simulated-firm"
    assert "ynthetic" in str(answers)


def test_drawn_answers_can_be_written_and_read_back(consumer: Instrument, tmp_path: Path) -> None:
    answers = draw(consumer, 80, missing={"mcar": 0.1}, languages={"en": 0.5, "zh": 0.5})
    path = tmp_path / "answers.csv"
    path.write_text(answers.raw.to_csv(index=False, lineterminator="\n"), encoding="utf-8")
    again = read_responses(path, consumer)
    pd.testing.assert_frame_equal(again.frame, answers.frame, check_dtype=False)


def test_a_fit_finds_the_paths_of_the_population(consumer: Instrument) -> None:
    """Answers on seven points weaken loadings by some 3 %, not the standardized paths among latents."""
    measured = consumer.measurement("PRS", "FBC", "LRI", "MLD", "ALG", "PGA", "PVF", "SYM", "EMR", "HYB", "PCI", "CID")
    higher = "\nSDI =~ PRS + FBC + LRI\nPLI =~ MLD + ALG + PGA\nVI =~ PVF + SYM + EMR + HYB\n"
    model = measured + higher + "PCI ~ a*SDI + PLI + VI\nCID ~ b*PCI + SDI + PLI + VI\nab := a*b"
    fit = sem(model, draw(consumer, 30_000, seed=11, paths=PATHS))
    truth = population_truth(consumer, {"paths": PATHS}, model)
    found = fit.standardized().merge(truth, on=["lhs", "op", "rhs"])
    paths = found[found["op"].isin(["~", ":="])]
    assert len(paths) == 8
    assert (np.abs(paths["est_std"] - paths["std_all"]) / paths["se"]).max() < 3.5
    items = found[(found["op"] == "=~") & found["rhs"].isin(list(consumer.items))]
    np.testing.assert_allclose(items["est_std"] / items["std_all"], 0.973, atol=0.02)


def test_screening_catches_the_careless_and_spares_the_attentive(consumer: Instrument) -> None:
    population = Population.load(
        {"paths": PATHS, "careless": {"share": 0.1}, "thresholds": {"default": {"mean": 4.8, "sd": 1.4}}}
    )
    answers = simulate_responses(consumer, population=population, n=1500, seed=2)
    kinds = pd.Series(careless_kinds(population, 1500, seed=2), index=answers.frame.index)
    excluded = answers.screen().table["excluded"].reindex(kinds.index)
    caught = excluded.groupby(kinds).mean()
    assert caught[""] < 0.02
    assert caught["straight_line"] > 0.9
    assert caught["random"] > 0.9


@pytest.mark.parametrize("n", [None, 0, -5, 10.5, "100"])
def test_how_many_is_a_whole_number(n: Any) -> None:
    with pytest.raises(ContentError, match=r"n is .* whole number, 1 or more"):
        simulate_responses("firm", n=n, seed=1)


def test_an_instrument_may_be_named() -> None:
    assert simulate_responses("firm", n=np.int64(50), seed=1).source.n_rows == 50
