"""The page that shows how near lavaan we are is the one the cases give."""

from structure_parity import PAGE, bound, page, relative


def test_the_committed_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/structure/structure_parity.py"


def test_differences_are_bounded_from_above():
    assert [bound(value) for value in (0.0, 2e-9, 1.5e-6, 0.3)] == ["< 1e-9", "< 1e-8", "< 1e-5", "< 1e0"]
    assert relative([1.0, 200.0], [1.0, 100.0]) == 1.0
    assert relative([0.5, 3.0], [0.25, float("nan")]) == 0.25
