"""Differences find their explanations, and the page shows the rest as not explained."""

from pathlib import Path

from tests.compat import explanations, results
from tests.compat.explanations import Explanation, explained
from tests.compat.page import PAGE, page
from tests.compat.results import Difference, Result

LOOKS = Explanation("drv", ("session", "transaction"), "by design", "looks", ("t.py::a[*", "t::b"))
COUNTS = {"passed": 2, "failed": 1, "skipped": 0}


def result(*differences: Difference) -> Result:
    counts = dict.fromkeys(("direct", "session", "transaction"), COUNTS)
    return Result("drv", "2026-01-02", "1.2", "18.1", counts, {"session": 0}, differences)


def differs(test: str, place: str = "session") -> Difference:
    return Difference(test, place, "passed", "failed")


def test_only_a_star_stands_for_anything() -> None:
    for test, known in [
        ("t.py::a[x]", True),
        ("t_py::a[x]", False),
        ("t::b", True),
        ("t::bb", False),
    ]:
        found, unexplained = explained(result(differs(test)), [LOOKS])
        assert bool(found) is known, test
        assert bool(unexplained) is not known, test


def test_an_explanation_speaks_of_its_suite_and_places_alone() -> None:
    for other in (
        Explanation("other", LOOKS.places, "bug", "", LOOKS.tests),
        Explanation("drv", ("transaction",), "bug", "", LOOKS.tests),
    ):
        assert explained(result(differs("t::b")), [other]) == ([], [differs("t::b")])


def test_an_explanation_of_nothing_is_found() -> None:
    assert explanations.unused([result(differs("t::b"))], [LOOKS]) == []
    assert explanations.unused([result(differs("t::c"))], [LOOKS]) == [LOOKS]


def test_the_page_counts_groups_and_admits() -> None:
    text = page(
        [result(differs("t::b"), differs("t::b", "transaction"), differs("t::c"))], [LOOKS]
    )
    assert "| drv 1.2 | 18.1 | 2026-01-02 | 2 / 1 / 0 | 2 / 1 / 0 | 2 / 1 / 0 |" in text
    assert "| 1: `b` | session, transaction | by design: looks |" in text
    assert "| `c` | session | not explained |" in text
    assert "Nothing." in page([result()], [])


def test_a_result_survives_its_file(tmp_path: Path) -> None:
    one = result(differs("t::b"))
    one.save(tmp_path)
    assert results.load_all(tmp_path) == [one]


def test_the_page_is_fresh_and_every_difference_explained() -> None:
    kept, reasons = results.load_all(), explanations.load()
    assert PAGE.read_text() == page(kept, reasons), "python -m tests.compat --page-only"
    for one in kept:
        assert explained(one, reasons)[1] == []
    assert explanations.unused(kept, reasons) == []
