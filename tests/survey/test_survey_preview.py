"""A person can fill in the preview on a phone or a computer, in both languages, and the answers can be read."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cbecmodel.errors import DataWarning
from cbecmodel.survey.instrument import load_instrument
from cbecmodel.survey.preview import preview_page, write_preview
from cbecmodel.survey.read import read_responses

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
FILL = (Path(__file__).parent / "fill_preview.js").read_text(encoding="utf-8")
FRAME = """<!DOCTYPE html><body style="margin:0">
<iframe src="page.html" style="width:{width}px;height:1400px;border:0"></iframe><pre id="result"></pre>
<script>addEventListener("message", (e) => {{ document.getElementById("result").textContent = e.data }})</script>"""
VALUES = {
    "consent": 1, "S_AGE": 30, "S_COUNTRY": "VNM", "S_BOUGHT": 1, "X_PLATFORMS": [1, 96], "X_LIVE": 0, "X_FREQ": 5, "ATT1": 3,
    "ATT2": 1, "PU1": 5, "PU4": 2, "K_BRAND": "=1+1", "K_PERSON": "LI0742",
}  # fmt: skip
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


def fill(folder: Path, page: str, width: int, answers: dict[str, Any]) -> dict[str, Any]:
    """Open a page in a frame as wide as a screen, let the script fill it in, and return what it found."""
    code = FILL.replace("ANSWERS", json.dumps(answers)).replace("STOP", '""')
    (folder / "page.html").write_text(page.replace("</body>", f"<script>{code}</script></body>"), encoding="utf-8")
    (folder / "frame.html").write_text(FRAME.format(width=width), encoding="utf-8")
    assert BROWSER is not None
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--window-size=1400,1400",
        "--virtual-time-budget=30000",
    ]
    target = (folder / "frame.html").as_uri()
    done = subprocess.run(
        [*command, f"--user-data-dir={folder / 'profile'}", "--dump-dom", target],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    found = re.search(r'<pre id="result">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    return dict(json.loads(html.unescape(found[1])))


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1000, 1280])
@pytest.mark.parametrize(("lang", "locale"), [("en", "en"), ("zh", "zh-cn")])
def test_fill_in_save_and_read(tmp_path: Path, width: int, lang: str, locale: str) -> None:
    consumer = load_instrument("consumer")
    found = fill(tmp_path, preview_page(consumer), width, {"locale": locale, "scale": 6, "values": VALUES})
    assert found["error"] == ""
    assert found["clipped"] == []
    assert found["errors"] is None
    assert "live" not in found["pages"]  # nobody is asked about live streams who never watches any
    assert len(found["pages"]) == len(consumer.placement.pages) - 1
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(found["record"]), encoding="utf-8")
    with pytest.warns(DataWarning):  # one person answers everything alike
        answers = read_responses(path, consumer)
    table = tmp_path / "answers.csv"
    table.write_text(found["csv"], encoding="utf-8", newline="")
    with pytest.warns(DataWarning):
        pd.testing.assert_frame_equal(read_responses(table, consumer).frame, answers.frame)
    row = answers.frame.iloc[0]
    assert row["K_BRAND"] == "=1+1"
    assert (row["PU1"], row["PU4"], row["PRS1"], row["S_COUNTRY"]) == (5, 6, 6, "VNM")
    assert (row["X_PLATFORMS_1"], row["X_PLATFORMS_2"], row["X_PLATFORMS_96"]) == (1, 0, 1)
    assert row["form_language"] == lang
    assert row["device"] == ("phone" if width < 600 else "computer")
    assert answers.missing["LSI1"].tolist() == ["-77"]
    order = json.loads(row["item_order"])
    assert set(order["PU_PEOU"]) == {*consumer.constructs["PU"].items, *consumer.constructs["PEOU"].items}


@needs_browser
@pytest.mark.slow
def test_a_watcher_sees_the_live_page_and_a_minor_is_thanked(tmp_path: Path) -> None:
    page = preview_page("consumer")
    watcher = fill(tmp_path, page, 1000, {"locale": "en", "scale": 4, "values": VALUES | {"X_LIVE": 3}})
    assert "live" in watcher["pages"]
    assert watcher["record"]["LSI1"] == 4
    minor = fill(tmp_path, page, 1000, {"locale": "en", "scale": 4, "values": VALUES | {"S_AGE": 17}})
    assert minor["pages"] == ["consent", "eligibility"]
    assert "This survey is for other people than you" in minor["text"]
    assert "PU1" not in minor["record"]


def test_the_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = write_preview("firm", tmp_path / "p.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)
    assert page.count("</script>") == 5
