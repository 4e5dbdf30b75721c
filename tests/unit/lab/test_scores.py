"""Figures from samples."""

import pytest

from pglane.lab.scores import NEVER, Spread, jain, spread, tally
from pglane.lab.traffic import SERVED, UNANSWERED, Sample, Stream


def test_only_what_was_asked_in_time_counts() -> None:
    samples = [
        Sample(0.5, 1.0, SERVED),
        Sample(1.0, 0.2, SERVED),
        Sample(1.5, 0.1, SERVED),
        Sample(2.0, 0.0, "53300"),
        Sample(2.5, 0.15, UNANSWERED),
        Sample(2.6, 0.4, UNANSWERED),
        Sample(3.0, 9.0, SERVED),
    ]
    found = tally(Stream("otp"), samples, 1.0, 3.0)
    assert (found.asked, found.served, found.unanswered) == (5, 2, 2)
    assert found.refused == {"53300": 1}
    assert found.per_s == 1.5
    assert found.served_share == 0.4
    assert found.waits_s == (0.1, 0.2, 0.4)
    assert found.longest_open
    assert (found.wait_s(0.5), found.wait_s(1.0)) == (0.2, 0.4)


def test_nobody_served_is_never() -> None:
    found = tally(Stream("otp"), [Sample(1.0, 3.0, UNANSWERED)], 0.0, 2.0)
    assert found.wait_s(0.5) == NEVER
    assert found.served_share == 0.0
    assert tally(Stream("otp"), [], 0.0, 2.0).served_share == 0.0


def test_those_who_ask_once_all_count() -> None:
    assert tally(Stream("a", once=True), [Sample(0.0, 1.0, SERVED)], 1.0, 2.0).asked == 1


def test_the_spread_of_rounds() -> None:
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


@pytest.mark.parametrize(
    ("shares", "index"), [([1, 1, 1, 1], 1.0), ([1, 0, 0, 0], 0.25), ([0, 0], 0.0), ([1, 3], 0.8)]
)
def test_jain(shares: list[float], index: float) -> None:
    assert jain(shares) == pytest.approx(index)
