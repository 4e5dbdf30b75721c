"""How long proofs wait behind failed ones, and what is told of them."""

import pytest

from pglane.connection import failed_logins
from pglane.connection.failed_logins import (
    ENTRIES_MAX,
    FIRST_DELAY_S,
    FORGET_S,
    FREE,
    FREE_OF_NETWORK,
    NETWORK_DELAY_S,
    TOLD_S,
    FailedLogins,
    Noted,
)

HERE, THERE = b"\xc0\0\2\1", b"\xc0\0\2\2"


def failures(delay_s_max: float = 5.0) -> FailedLogins:
    made = FailedLogins()
    made.delay_s_max = delay_s_max
    return made


def fail(made, user="anna", network=HERE, now=0.0, local=False, times=1) -> Noted:
    for _ in range(times):
        noted = made.failed(user, network, local=local, now=now)
    return noted


def test_some_failures_cost_nothing():
    made = failures()
    assert not made.any
    assert fail(made, times=FREE) == Noted()
    assert made.any
    assert made.not_before("anna", HERE) == 0.0


def test_further_ones_make_the_next_wait_longer_each_time_up_to_a_limit():
    made = failures()
    fail(made, times=FREE)
    waits = []
    for _ in range(80):
        fail(made, now=7.0)
        waits.append(made.not_before("anna", HERE) - 7.0)
    assert [round(each, 3) for each in waits[:7]] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert max(waits) == 5.0
    assert waits[0] == pytest.approx(FIRST_DELAY_S)


def test_others_and_other_places_do_not_wait():
    made = failures()
    fail(made, times=FREE + 5)
    assert made.not_before("berta", HERE) == 0.0
    assert made.not_before("anna", THERE) == 0.0
    assert made.delay_s(HERE) == made.delay_s(THERE) == 0.0


def test_the_right_password_ends_it():
    made = failures()
    fail(made, times=FREE + 5, local=True)
    made.succeeded("anna", HERE)
    assert made.not_before("anna", HERE) == 0.0
    assert not made.any
    made.succeeded("nobody", HERE)


def test_many_names_from_one_network_slow_it_down_for_all_and_lock_nobody_out():
    made = failures()
    for number in range(FREE_OF_NETWORK + 1):
        assert made.delay_s(HERE) == 0.0
        fail(made, user=f"user{number}")
    assert made.delay_s(HERE) == NETWORK_DELAY_S
    assert made.delay_s(THERE) == 0.0
    made.succeeded("anna", HERE)
    assert made.delay_s(HERE) == NETWORK_DELAY_S
    assert made.any


def test_this_machine_is_no_such_network():
    made = failures()
    for number in range(FREE_OF_NETWORK + 5):
        fail(made, user=f"user{number}", local=True)
    assert made.delay_s(HERE) == 0.0


def test_without_a_delay_nothing_is_kept():
    made = failures(0.0)
    assert fail(made, times=100) == Noted()
    assert not made.any


def test_they_are_forgotten():
    made = failures()
    fail(made, times=FREE + 5, now=0.0)
    fail(made, user="berta", now=10.0)
    made.forget(FORGET_S)
    assert made.not_before("anna", HERE) == 0.0
    assert made.any
    made.forget(FORGET_S + 10.0)
    assert not made.any


def test_the_oldest_is_forgotten_for_the_newest(monkeypatch):
    assert ENTRIES_MAX >= 1000
    monkeypatch.setattr(failed_logins, "ENTRIES_MAX", 3)
    made = failures()
    fail(made, times=FREE + 1)
    for number in range(10):
        fail(made, user=f"user{number}", network=b"%d" % number)
    assert made.not_before("anna", HERE) == 0.0
    assert len(made._pairs) <= 3
    assert len(made._networks) <= 3


def test_one_line_tells_of_many():
    made = failures()
    assert fail(made, times=FREE).by_itself
    assert fail(made) == Noted(False, 1)
    assert fail(made, now=TOLD_S - 1.0, times=5) == Noted(False)
    assert fail(made, now=TOLD_S) == Noted(False, 6)


def test_one_line_tells_of_a_whole_network():
    made = failures()
    for number in range(FREE_OF_NETWORK):
        assert fail(made, user=f"user{number}").by_itself
    assert fail(made, user="one more") == Noted(False, 1, True)
    assert fail(made, user="and one") == Noted(False)
