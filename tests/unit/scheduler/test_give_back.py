"""Which leases are asked to end, and when to ask again."""

import pytest

from pglane.scheduler.policy import DoorPolicy, LanePolicy
from tests.support.lane_rig import LaneRig

OTP = LanePolicy("otp", reserve=1, borrow_hold_s=1.0)
BROWSE = LanePolicy("browse")
MAIL = LanePolicy("mail", reserve=1)


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


# How many are needed ---------------------------------------------------------------------------


def test_what_must_be_free_for_others_before_is_asked_for_in_the_same_moment() -> None:
    """One after the other, each would take the time of a give-back, and only one is promised."""
    mail = LanePolicy("mail", reserve=1, guard=1)
    kept = LanePolicy("kept", reserve=1, lends=False)
    rig = LaneRig(4, BROWSE)
    leases = rig.fill("browse", 4)
    rig.queue.configure(4, [OTP, mail, kept, BROWSE], (), rig.now)
    waiting = rig.ask("otp")
    rig.now += 1.0
    asked = rig.queue.recall(rig.now)
    assert len(asked) == 3
    assert [rig.end(lease) for lease in asked] == [[], [], [waiting]]
    assert rig.queue.recall(rig.now) == []
    assert [lease.held for lease in leases].count(True) == 1


def test_a_place_that_was_guarded_for_the_lender_itself_is_asked_for_once() -> None:
    rig = LaneRig(3, BROWSE)
    rig.fill("browse", 3)
    otp = LanePolicy("otp", reserve=2, guard=1, borrow_hold_s=1.0)
    rig.queue.configure(3, [otp, BROWSE], (), rig.now)
    first = rig.ask("otp")
    rig.now += 1.0
    asked = rig.queue.recall(rig.now)
    assert len(asked) == 2  # its own, and the guard for the next one
    assert [rig.end(lease) for lease in asked] == [[first], []]
    assert rig.ask("otp").held


def test_one_more_is_asked_for_a_lane_that_is_owed_a_place_and_came_earlier() -> None:
    rig = lent_rig(MAIL, LanePolicy("late", reserve=1))
    rig.fill("browse", 3)
    earlier = rig.ask("mail")
    rig.now += 1.0
    waiting = rig.ask("otp")
    rig.now += 1.0
    rig.ask("late")
    first, second = rig.queue.recall(rig.now)
    assert rig.end(first) == [earlier]
    assert rig.end(second) == [waiting]


def test_one_more_is_asked_for_a_lane_that_comes_in_the_same_moment() -> None:
    rig = lent_rig(MAIL)
    rig.fill("browse", 3)
    rig.now += 1.0
    waiting = rig.ask("otp")
    rig.queue.expired(rig.now)
    (first,) = rig.queue.recall(rig.now)
    equal = rig.ask("mail")
    assert rig.queue.next_due() == rig.now
    (second,) = rig.queue.recall(rig.now)
    assert rig.end(first) + rig.end(second) == [waiting, equal]


def test_one_more_is_asked_for_a_lane_that_came_between_two_of_the_lender() -> None:
    rig = LaneRig(4, LanePolicy("otp", reserve=2, borrow_hold_s=1.0), BROWSE, MAIL)
    rig.fill("browse", 4)
    waiting = []
    for name in ("otp", "mail", "otp"):
        rig.now += 1.0
        waiting.append(rig.ask(name))
    asked = rig.queue.recall(rig.now)
    assert [rig.end(lease) for lease in asked] == [[one] for one in waiting]


def test_a_lease_that_its_own_lane_takes_back_is_nothing_for_the_lender() -> None:
    mail = LanePolicy("mail", reserve=1, hold_s_max=1.0)
    rig = lent_rig(mail)
    rig.fill("mail", 1)
    browsing = rig.fill("browse", 2)
    rig.ask("mail")
    rig.ask("otp")
    rig.now += 1.0
    outstayed, lent = rig.queue.recall(rig.now)
    assert outstayed.lane is rig.lane("mail")
    assert lent in browsing


def test_a_lane_is_never_asked_for_more_than_it_borrowed() -> None:
    otp = LanePolicy("otp", reserve=2, borrow_hold_s=1.0)
    rig = LaneRig(4, otp, LanePolicy("mail", reserve=1))
    leases = rig.fill("mail", 4)
    rig.ask("otp")
    rig.now += 1.0
    (first,) = rig.queue.recall(rig.now)
    rig.ask("otp")
    (second,) = rig.queue.recall(rig.now)
    rig.queue.configure(2, [otp], (), rig.now)
    asked = {first, second, *rig.queue.recall(rig.now)}
    assert asked == set(leases)  # it reserves nothing any more


def test_where_a_door_is_full_leases_of_that_door_are_asked() -> None:
    otp = LanePolicy("otp", door="transaction", reserve=1, borrow_hold_s=1.0)
    web = LanePolicy("web", door="transaction")
    rig = LaneRig(4, otp, web, BROWSE, doors=(DoorPolicy("transaction", 2),))
    inside = rig.fill("web", 2)
    rig.now += 0.5
    rig.fill("browse", 1)
    rig.ask("otp")
    rig.now += 1.0
    (asked,) = rig.queue.recall(rig.now)
    assert asked in inside
    assert rig.queue.recall(rig.now) == []


def test_what_a_door_gives_back_is_the_budgets_too() -> None:
    otp = LanePolicy("otp", door="transaction", reserve=1, borrow_hold_s=1.0)
    web = LanePolicy("web", door="transaction")
    rig = LaneRig(3, otp, web, BROWSE, doors=(DoorPolicy("transaction", 2),))
    rig.fill("web", 2)
    rig.fill("browse", 1)
    waiting = rig.ask("otp")
    rig.now += 1.0
    (asked,) = rig.queue.recall(rig.now)
    assert asked.lane is rig.lane("web")
    assert rig.end(asked) == [waiting]


def test_it_is_looked_at_again_when_a_lease_that_was_asked_has_ended() -> None:
    rig = lent_rig()
    rig.fill("browse", 3)
    rig.ask("otp")
    rig.now += 1.0
    (asked,) = rig.queue.recall(rig.now)
    rig.ask("otp")
    rig.queue.expired(rig.now)
    rig.queue.recall(rig.now)
    rig.now += 0.1
    rig.end(asked)
    assert rig.queue.next_due() == rig.now
