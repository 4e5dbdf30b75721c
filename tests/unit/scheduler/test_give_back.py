"""Which leases are asked to end, and when to ask again."""

import pytest

from pglane.scheduler.policy import LanePolicy
from tests.support.lane_rig import LaneRig

OTP = LanePolicy("otp", reserve=1, borrow_hold_s=1.0)
BROWSE = LanePolicy("browse")


def lent_rig(*more: LanePolicy, otp: LanePolicy = OTP) -> LaneRig:
    return LaneRig(3, otp, BROWSE, *more)


def test_nothing_is_asked_for_while_nobody_waits() -> None:
    rig = lent_rig()
    rig.fill("browse", 3)
    rig.now += 100.0
    assert rig.queue.recall(rig.now) == []


def test_a_loan_is_taken_back_when_its_time_is_over() -> None:
    rig = lent_rig()
    leases = rig.fill("browse", 3)
    rig.ask("otp")
    assert rig.queue.next_due() == rig.now  # at once: it might be over already
    assert rig.queue.expired(rig.now) == []
    assert rig.queue.recall(rig.now) == []
    assert rig.queue.next_due() == rig.now + 1.0
    rig.now += 1.0
    (asked,) = rig.queue.recall(rig.now)
    assert asked in leases
    assert asked.recalled == rig.now
    assert rig.queue.recalls.pending == 1
    assert rig.queue.recall(rig.now) == []
    rig.now += 0.25
    (granted,) = rig.end(asked)
    assert granted.lane is rig.lane("otp")
    counters = rig.lane("browse").counters
    assert (counters.recalls, counters.give_back_s_max) == (1, 0.25)
    assert rig.queue.recalls.pending == 0


def test_a_loan_without_a_time_is_left_alone() -> None:
    rig = lent_rig(otp=LanePolicy("otp", reserve=1))
    rig.fill("browse", 3)
    rig.ask("otp")
    rig.now += 20.0
    assert rig.queue.recall(rig.now) == []


@pytest.mark.parametrize(("sign", "expected"), [("idle", 1), ("reads_only", 1), ("", 2)])
def test_who_loses_least_is_asked_first(sign: str, expected: int) -> None:
    rig = lent_rig()
    leases = []
    for _ in range(3):
        rig.now += 0.1
        leases += rig.fill("browse", 1)
    if sign:
        setattr(leases[1], sign, True)
    rig.ask("otp")
    rig.now += 5.0
    assert rig.queue.recall(rig.now) == [leases[expected]]


def test_a_commit_on_its_way_is_never_stopped() -> None:
    rig = lent_rig()
    for lease in rig.fill("browse", 3):
        lease.committing = True
    rig.ask("otp")
    rig.now += 5.0
    assert rig.queue.recall(rig.now) == []


def test_what_is_within_ones_own_reservation_is_not_lent() -> None:
    rig = lent_rig(LanePolicy("mail", reserve=1))
    rig.fill("mail", 1)
    rig.fill("browse", 2)
    rig.ask("otp")
    rig.now += 5.0
    (asked,) = rig.queue.recall(rig.now)
    assert asked.lane is rig.lane("browse")


def test_a_lease_older_than_its_lane_allows_ends_when_somebody_waits() -> None:
    rig = LaneRig(2, LanePolicy("browse", hold_s_max=2.0), LanePolicy("other"))
    old = rig.ask("browse")
    rig.now += 1.0
    young = rig.ask("browse")
    assert rig.queue.recall(rig.now) == []
    rig.now += 1.5
    rig.ask("other")
    assert rig.queue.next_due() == old.since + 2.0
    assert rig.queue.recall(rig.now) == [old]
    assert rig.queue.recall(rig.now) == []
    rig.now = young.since + 2.0
    young.committing = True
    assert rig.queue.recall(rig.now) == []


def test_what_was_asked_already_is_not_asked_again_for_another() -> None:
    rig = LaneRig(3, LanePolicy("otp", reserve=2, borrow_hold_s=1.0), BROWSE)
    rig.fill("browse", 3)
    rig.ask("otp")
    rig.now += 2.0
    (first,) = rig.queue.recall(rig.now)
    rig.ask("otp")
    (second,) = rig.queue.recall(rig.now)
    assert first is not second


def test_when_nobody_waits_the_first_end_is_remembered() -> None:
    rig = LaneRig(3, LanePolicy("browse", hold_s_max=2.0))
    first, second, third = rig.fill("browse", 3)
    waiting = rig.ask("browse")
    rig.now += 3.0
    assert rig.queue.recall(rig.now) == [first, second, third]
    rig.queue.leave(waiting, rig.now)
    assert rig.queue.recall(rig.now) == []
    rig.end(first)
    rig.now += 1.0
    again = rig.ask("browse")
    assert rig.queue.recall(rig.now) == []
    assert rig.ask("browse").waiting
    rig.queue.expired(rig.now)
    rig.queue.recall(rig.now)
    assert rig.queue.next_due() == again.since + 2.0


def test_what_is_still_being_opened_is_not_asked_for() -> None:
    rig = lent_rig()
    first, second = rig.fill("browse", 2)
    opening = rig.request("browse")
    rig.queue.arrive(opening, rig.now)
    rig.queue.claim(opening, rig.now)
    rig.ask("otp")
    first.committing = second.committing = True
    rig.now += 5.0
    assert rig.queue.recall(rig.now) == []
    rig.queue.grant(opening, rig.now)
    assert list(rig.lane("browse").holders) == [first, second, opening]
    rig.now += 1.0
    assert rig.queue.recall(rig.now) == [opening]


def test_after_the_budget_shrank_as_many_are_asked_as_are_too_many() -> None:
    rig = lent_rig()
    leases = rig.fill("browse", 3)
    rig.queue.configure(1, [OTP, BROWSE], (), rig.now)
    rig.now += 10.0
    assert rig.queue.recall(rig.now) == []  # nobody needs them
    waiting = rig.ask("otp")
    assert set(rig.queue.recall(rig.now)) == set(leases)
    assert [rig.end(lease) for lease in leases] == [[], [], [waiting]]
