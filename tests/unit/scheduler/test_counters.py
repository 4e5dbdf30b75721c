"""Numbers of a lane."""

from pglane.scheduler.counters import BUCKETS, Counters


def test_a_wait_falls_into_the_bucket_of_its_width() -> None:
    counters = Counters()
    for wait_s in (0.0, 1e-6, 3e-6, 1e9):
        counters.waited(wait_s)
    assert counters.waits[0] == counters.waits[1] == counters.waits[2] == 1
    assert counters.waits[BUCKETS - 1] == 1
    assert counters.wait_s_max == 1e9
    counters.waited(0.5)
    assert counters.wait_s_max == 1e9
    assert counters.wait_s == 1e9 + 0.5 + 4e-6


def test_the_longest_return_is_remembered() -> None:
    counters = Counters()
    counters.given_back(2.0)
    counters.given_back(1.0)
    assert (counters.give_back_s, counters.give_back_s_max) == (3.0, 2.0)


def test_returns_fall_into_the_same_buckets_as_waits() -> None:
    counters = Counters()
    for took_s in (0.0, 0.25, 0.26, 1.0):
        counters.given_back(took_s)
        counters.waited(took_s)
    assert counters.give_backs == counters.waits
    assert [counters.give_backs[bucket] for bucket in (0, 18, 20)] == [1, 2, 1]
