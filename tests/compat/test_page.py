"""Differences find their explanations, and the page shows the rest as not explained."""

import dataclasses
from pathlib import Path

import pytest

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
    return Difference(test, place, "passed", "failed", "PGL0402")


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
    assert "| 1 | PGL0402 | session, transaction | by design: looks | `b` |" in text
    assert "| 1 | PGL0402 | session | not explained | `c` |" in text
    assert "Nothing." in page([result()], [])


def test_what_differed_once_is_told() -> None:
    kept = result()
    assert "differed once and not again (" not in page([kept], [])
    unstable = dataclasses.replace(kept, unstable={"session": 0, "transaction": 3})
    assert "3 differed once and not again (transaction door)." in page([unstable], [])


def test_a_refusal_explains_only_tests_whose_own_error_carries_it() -> None:
    refused = Explanation("drv", ("session",), "refused", "temp", ("*",), "PGL0402")
    other = dataclasses.replace(differs("t::c"), code="PGL0403")
    taken, unexplained = explained(result(differs("t::b"), other), [refused])
    assert taken == [(refused, [differs("t::b")])]
    assert unexplained == [other]
    with pytest.raises(ValueError, match="which code"):
        Explanation("drv", ("session",), "refused", "temp", ("*",))


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
