"""The pauses between crashes."""

from pglane.control.restarts import CRASHES_MAX, Restarts


def test_the_pause_doubles_to_its_bound_and_then_it_is_given_up():
    restarts = Restarts()
    pauses = [restarts.crashed(now) for now in range(CRASHES_MAX)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, None]


def test_a_minute_of_life_clears_the_record():
    restarts = Restarts()
    for now in range(CRASHES_MAX - 1):
        restarts.crashed(now)
    assert restarts.crashed(8 + 60) == 0.1


def test_a_crash_every_minute_is_never_given_up():
    restarts = Restarts()
    assert {restarts.crashed(now * 60) for now in range(100)} == {0.1}


def test_ten_within_a_minute_count_wherever_the_minute_begins():
    restarts = Restarts()
    pauses = [restarts.crashed(now * 6.6) for now in range(12)]
    assert None not in pauses[:9]
    assert pauses[9] is None
