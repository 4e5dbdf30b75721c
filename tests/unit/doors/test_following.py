"""Who follows, and who falls back; decision by decision."""

from typing import Any

import pytest

from pglane.connection.settings import Vectors
from pglane.doors.decisions import Close, Grant, Open
from pglane.doors.following import fall_back, follow, next_follower
from pglane.doors.lease import LeaseDesk
from pglane.doors.need import Need
from pglane.pool.ledger import IDLE, LEASED, Slot
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.reasons import WaitReason
from pglane.scheduler.request import Request
from pglane.scheduler.work import stamp_of
from tests.support.desk_invariants import assert_consistent

VECTORS = Vectors()
TUNED = VECTORS.of({"work_mem": "1MB"})
PLAIN = Need(VECTORS.empty, VECTORS.empty, exact=False, fresh=False)
EXACT = Need(TUNED, TUNED, exact=True, fresh=False)


def new_desk(budget: int = 1, **policy: Any) -> LeaseDesk:
    desk = LeaseDesk(budget, 4)
    for lane in ("anna", "berta"):
        desk.queue.add(LanePolicy(lane, wait_s_max=10.0, **policy))
    return desk


def wish(desk: LeaseDesk, user: str = "anna", lane: str = "anna", need: Need = PLAIN) -> Request:
    found = desk.queue.lanes[lane]
    return Request(found, found.tenants.enter(""), user, need, object())


def leased(desk: LeaseDesk) -> Slot:
    """Somebody of anna's has a server connection."""
    (opening,) = desk.arrive(wish(desk), 1.0)
    assert isinstance(opening, Open)
    (grant,) = desk.opened(opening.slot, 1.0)
    assert isinstance(grant, Grant)
    return grant.slot


def waits(desk: LeaseDesk, at: float = 2.0, **wished: Any) -> Request:
    request = wish(desk, **wished)
    assert desk.arrive(request, at) == []
    return request


def test_those_of_its_lane_follow_in_their_order_and_the_place_stays_one() -> None:
    desk = new_desk()
    slot = leased(desk)
    first, second = waits(desk, 2.0), waits(desk, 3.0)
    for request in (first, second):
        assert next_follower(desk, slot, 4.0) is request
        follow(desk, slot, request, 4.0)
        assert (slot.lease, slot.state, slot.since) == (request, LEASED, 4.0)
        assert request.reason is WaitReason.BEHIND_IN_PIPELINE
        assert desk.queue.budget.busy == 1
        assert_consistent(desk)
    assert not first.held
    assert second.held
    assert next_follower(desk, slot, 4.0) is None
    assert desk.queue.lanes["anna"].counters.grants == 1
    for request in (first, second):
        desk.queue.comes_up(request, 5.0)
    counters = desk.queue.lanes["anna"].counters
    assert (counters.grants, counters.wait_s) == (3, 3.0 + 2.0)
    assert desk.released(slot, 6.0) == []
    assert slot.state == IDLE
    assert desk.queue.budget.busy == 0


def test_who_falls_back_waits_in_its_old_place_and_may_be_granted_later() -> None:
    desk = new_desk()
    slot = leased(desk)
    early, first, second = waits(desk, 2.0), waits(desk, 3.0), waits(desk, 4.0)
    follow(desk, slot, early, 5.0)
    follow(desk, slot, first, 5.0)
    late = waits(desk, 6.0)
    assert fall_back(desk, slot, None, [early, first], 7.0) == []
    assert list(desk.queue) == [early, first, second, late]
    assert early.reason is WaitReason.NO_SERVER_FREE
    assert desk.queue.budget.busy == 1
    assert desk.queue.lanes["anna"].busy == 0
    assert_consistent(desk)
    for request in (early, first, second, late):
        (grant,) = desk.released(slot, 8.0)
        assert isinstance(grant, Grant)
        assert grant.request is request


def test_who_falls_back_keeps_nobody_from_being_refused_in_time() -> None:
    desk = new_desk()
    slot = leased(desk)
    first = waits(desk, 2.0)
    follow(desk, slot, first, 3.0)
    hasty = waits(desk, 4.0)
    hasty.expires = 5.0
    fall_back(desk, slot, None, [first], 4.5)
    assert desk.queue.expired(6.0) == [hasty]


def test_who_falls_back_and_finds_a_free_one_gets_it() -> None:
    desk = new_desk(2)
    slot, other = leased(desk), leased(desk)
    first = waits(desk)
    follow(desk, slot, first, 3.0)
    assert desk.released(other, 4.0) == []
    (grant,) = fall_back(desk, slot, None, [first], 5.0)
    assert isinstance(grant, Grant)
    assert (grant.request, grant.slot) == (first, other)
    assert_consistent(desk)


def test_a_recall_is_over_where_it_falls_back() -> None:
    desk = new_desk()
    slot = leased(desk)
    first = waits(desk)
    follow(desk, slot, first, 3.0)
    first.recalled = 3.5
    desk.queue.recalls.pending += 1
    fall_back(desk, slot, None, [first], 4.0)
    assert (first.recalled, desk.queue.recalls.pending) == (-1.0, 0)


def no_lease(desk: LeaseDesk, slot: Slot) -> None:
    slot.lease = None


def is_idle(desk: LeaseDesk, slot: Slot) -> None:
    desk.ledger.move(slot, IDLE, 2.0)


def another_lane_waits(desk: LeaseDesk, slot: Slot) -> None:
    waits(desk, lane="berta")


def is_recalled(desk: LeaseDesk, slot: Slot) -> None:
    slot.lease.recalled = 2.0  # type: ignore[attr-defined]


def is_of_a_work(desk: LeaseDesk, slot: Slot) -> None:
    slot.lease.stamp = stamp_of("anna", "w")  # type: ignore[attr-defined]


def is_paused(desk: LeaseDesk, slot: Slot) -> None:
    desk.paused = True


def fails(desk: LeaseDesk, slot: Slot) -> None:
    desk.failure = "no route"


def rotates(desk: LeaseDesk, slot: Slot) -> None:
    desk.rotated = 2


def has_room(desk: LeaseDesk, slot: Slot) -> None:
    desk.ledger.budget = 2


def has_too_many(desk: LeaseDesk, slot: Slot) -> None:
    desk.ledger.budget = 0


def refused_one(desk: LeaseDesk, slot: Slot) -> None:
    desk.queue.refused.append(wish(desk))


@pytest.mark.parametrize(
    "because",
    [
        no_lease,
        is_idle,
        another_lane_waits,
        is_recalled,
        is_of_a_work,
        is_paused,
        fails,
        rotates,
        has_room,
        has_too_many,
        refused_one,
    ],
)
def test_nobody_follows(because: Any) -> None:
    desk = new_desk()
    slot = leased(desk)
    request = waits(desk)
    assert next_follower(desk, slot, 3.0) is request
    because(desk, slot)
    assert next_follower(desk, slot, 3.0) is None


def test_nobody_follows_where_leases_end_by_time_or_nobody_waits() -> None:
    desk = new_desk(hold_s_max=5.0)
    slot = leased(desk)
    assert next_follower(desk, slot, 3.0) is None
    waits(desk)
    assert next_follower(desk, slot, 3.0) is None


def test_nobody_follows_where_one_is_idle_or_coming() -> None:
    desk = new_desk(2)
    slot, other = leased(desk), leased(desk)
    waits(desk, need=EXACT)
    desk.ledger.move(other, IDLE, 3.0)
    assert next_follower(desk, slot, 3.0) is None
    desk = new_desk(2)
    slot, other = leased(desk), leased(desk)
    waits(desk, user="berta")
    assert desk.released(other, 3.0) == [Close(other)]
    waits(desk, 3.0)
    assert desk.debts() == 1
    assert next_follower(desk, slot, 3.0) is None


@pytest.mark.parametrize(
    ("wished", "now"),
    [({"user": "berta"}, 3.0), ({"need": EXACT}, 3.0), ({}, 11.9)],
    ids=["another role", "other settings", "too late"],
)
def test_who_is_next_does_not_follow(wished: dict[str, Any], now: float) -> None:
    desk = new_desk()
    slot = leased(desk)
    waits(desk, **wished)
    waits(desk, 2.5)
    assert next_follower(desk, slot, now) is None


def test_who_continues_a_work_does_not_follow() -> None:
    desk = new_desk()
    slot = leased(desk)
    request = wish(desk)
    request.stamp = stamp_of("anna", "w")
    assert desk.arrive(request, 2.0) == []
    assert next_follower(desk, slot, 3.0) is None


def test_the_place_is_the_heads_again_unless_it_has_or_asks_for_another() -> None:
    desk = new_desk()
    slot = leased(desk)
    head: Any = slot.lease
    first = waits(desk)
    follow(desk, slot, first, 3.0)
    assert not head.held
    assert fall_back(desk, slot, head, [first], 4.0) == []
    assert (slot.lease, head.held, head.since) == (head, True, 4.0)
    assert desk.queue.lanes["anna"].busy == 1
    assert_consistent(desk)
    follow(desk, slot, first, 5.0)
    other = wish(desk)
    other.waiting = True
    fall_back(desk, slot, other, [first], 6.0)
    assert slot.lease is not other
