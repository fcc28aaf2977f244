"""The page that shows how near lavaan we are is the one the cases give."""

import pytest
from structure_parity import PAGE, bound, page, relative, shown

DIGITS = 1e-6  # of the numbers on the page; what comes after them differs between machines


def table(text: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]


def exponent(difference: str) -> int:
    return int(difference.removeprefix("< 1e").removesuffix("|").strip())


def same(ours: str, theirs: str) -> bool:
    return ours == theirs or (
        bool(ours and theirs) and float(ours) == pytest.approx(float(theirs), rel=DIGITS, abs=1e-9)
    )


def test_the_committed_page_is_up_to_date():
    text = page()
    committed, made = table(PAGE.read_text(encoding="utf-8")), table(text)
    assert [row[:2] for row in committed] == [row[:2] for row in made], (
        "run: python tests/structure/structure_parity.py"
    )
    for old, new in zip(committed, made, strict=True):
        assert same(old[2], new[2]), (old, new)
        assert old[3] == new[3], (old, new)
        assert exponent(new[4]) <= exponent(old[4]) + 1, (old, new)  # a difference near a power of ten may cross it


def test_the_page_shows_zero_where_only_rounding_is_left():
    assert [shown(value) for value in (1.3e-13, -3e-14, 2e-9, 0.5)] == ["0", "0", "2e-09", "0.5"]


def test_a_wrong_page_is_noticed():
    assert same("0.5", "0.5000000001")
    assert not same("0.5", "0.50001")
    assert not same("", "0.5")


def test_differences_are_bounded_from_above():
    assert [bound(value) for value in (0.0, 2e-9, 1.5e-6, 0.3)] == ["< 1e-9", "< 1e-8", "< 1e-5", "< 1e0"]
    assert relative([1.0, 200.0], [1.0, 100.0]) == 1.0
    assert relative([0.5, 3.0], [0.25, float("nan")]) == 0.25
