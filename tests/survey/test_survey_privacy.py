"""Nobody's contacts come in, and nobody who could be recognised goes out."""

import json
import warnings
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from exports import delimited

from cbecmodel.errors import ConvergenceError, DataError, DataWarning
from cbecmodel.survey.formats.ddi import NAMESPACE
from cbecmodel.survey.instrument import Instrument
from cbecmodel.survey.raking import rake
from cbecmodel.survey.read import read_responses
from cbecmodel.survey.responses import Responses


def people(small: Instrument, n: int = 40, *, synthetic: bool = False) -> Responses:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({name: rng.integers(1, 6, n) for name in small.items})
    frame["X_PET"] = np.where(np.arange(n) % 2, 1, 96)
    frame["S_AGE"] = 20 + np.arange(n) % 4 * 10
    frame["X_NOTE"] = "call me"
    return Responses.from_frame(frame, small, synthetic=synthetic)


def write(path: Path, small: Instrument, **columns: object) -> Path:
    rows = [["respondent", *small.items, *columns]]
    rows += [
        [at, *[1 + (at + k) % 5 for k in range(len(small.items))], *(c[at] for c in columns.values())]
        for at in range(3)
    ]  # type: ignore[index]
    path.write_bytes(delimited(rows))
    return path


def test_personal_columns_and_contacts_in_texts_stay_outside(small: Instrument, tmp_path: Path) -> None:
    columns = {
        "Name of mother": ["li@example.org", "wang@example.cn", "x@y.io"],
        "姓名": ["李", "王", "张"],
        "Remark": ["fine", "ok", "13"],
        "Contact": ["+86 138 0013 8000", "13900139000", ""],
        "X_NOTE": ["write to li@example.org", "at 10.1.2.3 or 0044 20 7946 0958", "I am 42"],
    }
    path = write(tmp_path / "a.csv", small, **columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        answers = read_responses(path, small)
        kept = read_responses(path, small, keep_personal=True)
    assert answers.extra_columns == ("Remark",)
    everything = " ".join(map(str, answers.raw.to_numpy().ravel())) + " ".join(map(str, answers.frame["X_NOTE"]))
    for secret in ("li@", "wang@", "李", "138", "139", "10.1.2.3", "7946"):
        assert secret not in everything
    assert answers.frame["X_NOTE"].tolist() == ["write to […]", "at […] or […]", "I am 42"]
    assert {"姓名", "Contact", "Name of mother"} <= set(answers.log["where"])
    assert kept.frame["X_NOTE"].iloc[0] == "write to li@example.org"


def test_k_anonymity(small: Instrument) -> None:
    answers = people(small)
    found = answers.anonymity(["X_PET", "S_AGE"])
    assert (found.k, len(found.table)) == (10, 4)  # pets and ages go together in this sample
    assert answers.anonymity(["S_AGE"], coarsen={"S_AGE": [18, 40]}).table["n"].tolist() == [20, 20]
    assert "k" in found.summary()
    with pytest.raises(DataError, match="NOPE"):
        answers.anonymity(["NOPE"])


def test_deposit_holds_no_text_and_no_order(small: Instrument, tmp_path: Path) -> None:
    answers = people(small, synthetic=True)
    written = {
        path.name: path for path in answers.deposit(tmp_path / "out", quasi=["S_AGE"], coarsen={"S_AGE": [18, 40]})
    }
    assert set(written) == {"datapackage.json", "small_answers.csv", "small_ddi.xml", "small.yaml", "README.md"}
    table = pd.read_csv(written["small_answers.csv"])
    assert "X_NOTE" not in table
    assert set(table["S_AGE"]) == {"18–39", "40+"}
    assert table["respondent"].tolist() == list(range(1, 41))
    assert sorted(table["J1"]) == sorted(answers.frame["J1"].astype(int))
    fields = json.loads(written["datapackage.json"].read_text())["resources"][0]["schema"]["fields"]
    assert [one["name"] for one in fields] == list(table.columns)
    counts = {
        v.get("name"): v.find(f"{{{NAMESPACE}}}sumStat").text
        for v in ET.parse(written["small_ddi.xml"]).iter(f"{{{NAMESPACE}}}var")
    }  # type: ignore[union-attr]
    assert counts["J1"] == "40"
    assert "Synthetic data" in written["README.md"].read_text(encoding="utf-8")


def test_deposit_refuses_when_somebody_could_be_recognised(small: Instrument, tmp_path: Path) -> None:
    answers = people(small)
    with pytest.raises(DataError, match=r"40 people.*k = 1"):
        answers.deposit(tmp_path / "out", quasi=list(small.items))
    assert not (tmp_path / "out").exists()
    assert answers.deposit(tmp_path / "out", quasi=["X_PET"], leave_out=list(small.items))


def test_raking_meets_margins(small: Instrument) -> None:
    answers = people(small, 60)
    targets = {"X_PET": {1: 0.3, 96: 0.7}, "J1": {1: 0.1, 2: 0.2, 3: 0.4, 4: 0.2, 5: 0.1}}
    found = answers.rake(targets)
    np.testing.assert_allclose(found.margins["weighted"], found.margins["target"], atol=1e-9)
    assert found.weights.mean() == pytest.approx(1)
    assert found.effective_n == pytest.approx(found.weights.sum() ** 2 / (found.weights**2).sum())
    assert answers.rake(targets, limit=1.5).weights.max() <= 1.5 + 1e-9
    even = pd.DataFrame({"a": [1, 1, 2, 2], "b": [1, 2, 1, 2]})
    product = rake(even, {"a": {1: 0.25, 2: 0.75}, "b": {1: 0.4, 2: 0.6}}).weights  # independent: weights multiply
    np.testing.assert_allclose(product, [0.4, 0.6, 1.2, 1.8])


def test_quotas_that_cannot_be_met(small: Instrument) -> None:
    answers = people(small)
    for targets, said in (
        ({"NOPE": {1: 1.0}}, "NOPE"),
        ({"X_PET": {1: 0.5, 96: 0.6}}, "1.1"),
        ({"X_PET": {1: 0.5, 96: 0.3, 7: 0.2}}, "7"),
        ({"X_PET": {1: 1.0}}, "96"),
    ):
        with pytest.raises(DataError, match=said):
            answers.rake(targets)
    apart = pd.DataFrame({"a": [1, 1, 2], "b": [1, 1, 2]})
    with pytest.raises(ConvergenceError):
        rake(apart, {"a": {1: 0.5, 2: 0.5}, "b": {1: 0.2, 2: 0.8}})
