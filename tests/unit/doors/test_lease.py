"""The lease desk, decision by decision; sequences are tried in tests/property."""

import pytest

from pglane.connection.settings import Vectors
from pglane.doors.decisions import Close, Grant, Open, Reject
from pglane.doors.lease import (
    BACKOFF_S_MAX,
    BACKOFF_S_MIN,
    DENIED_MAX,
    DENIED_S,
    LOOKED_AT_MAX,
    LeaseDesk,
)
from pglane.doors.need import Need
from pglane.pool.ledger import CLEANING, CLOSING, IDLE, LEASED, Slot
from pglane.scheduler.lane import EXPIRY_SHARE
from pglane.scheduler.lanes import SWITCH_S_MAX
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.reasons import RefusedBecause, WaitReason
from pglane.scheduler.request import Request
from pglane.scheduler.tree import NEVER
from tests.support.desk_invariants import assert_consistent

VECTORS = Vectors()
TUNED = VECTORS.of({"work_mem": "1MB"})
PLAIN = Need(VECTORS.empty, VECTORS.empty, exact=False, fresh=False)
EXACT = Need(TUNED, TUNED, exact=True, fresh=False)
FRESH = Need(VECTORS.empty, VECTORS.empty, exact=True, fresh=True)


def new_desk(budget: int, opening_max: int) -> LeaseDesk:
    """A desk with a lane for each user, where anybody waits for ten seconds."""
    desk = LeaseDesk(budget, opening_max)
    for user in ("anna", "berta", "carla"):
        desk.queue.add(LanePolicy(user, wait_s_max=10.0))
    return desk


def wish(desk: LeaseDesk, user: str = "anna", need: Need = PLAIN) -> Request:
    lane = desk.queue.lanes[user]
    return Request(lane, lane.tenants.enter(""), user, need, object())


def kinds(decisions: list[object]) -> list[type]:
    return [type(decision) for decision in decisions]


def opened_slot(desk: LeaseDesk, user: str = "anna", need: Need = PLAIN) -> Slot:
    """A leased slot: somebody asked, one was opened, and it was granted."""
    (opening,) = desk.arrive(wish(desk, user, need), 1.0)
    assert isinstance(opening, Open)
    (grant,) = desk.opened(opening.slot, 1.0)
    assert isinstance(grant, Grant)
    return grant.slot


def test_the_first_request_opens_a_server_connection_and_gets_it() -> None:
    desk = new_desk(1, 1)
    request = wish(desk)
    (opening,) = desk.arrive(request, 1.0)
    assert isinstance(opening, Open)
    assert opening.request is request
    assert request.reason is WaitReason.OPENING_SERVER
    (grant,) = desk.opened(opening.slot, 2.0)
    assert isinstance(grant, Grant)
    assert (grant.request, grant.slot.state) == (request, LEASED)
    assert not len(desk.queue)
    assert desk.debts() == 0


def test_an_idle_one_is_leased_at_once_the_newest_that_fits() -> None:
    desk = new_desk(3, 3)
    plain, tuned = opened_slot(desk), opened_slot(desk, need=EXACT)
    assert desk.lease_idle(wish(desk, "anna", PLAIN), 1.0) is None
    assert desk.released(plain, 2.0) == []
    assert desk.released(tuned, 3.0) == []
    assert desk.lease_idle(wish(desk, "berta", PLAIN), 4.0) is None
    assert desk.lease_idle(wish(desk, "anna", FRESH), 4.0) is None
    assert desk.lease_idle(wish(desk, "anna", PLAIN), 4.0) is plain
    assert desk.lease_idle(wish(desk, "anna", EXACT), 4.0) is tuned
    assert_consistent(desk)


def test_a_released_one_goes_to_who_waits_longest() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    first, second = wish(desk), wish(desk)
    assert desk.arrive(first, 2.0) == []
    assert desk.arrive(second, 3.0) == []
    (grant,) = desk.released(slot, 4.0)
    assert isinstance(grant, Grant)
    assert grant.request is first


def test_a_released_one_rests_where_nobody_waits_and_the_budget_is_kept() -> None:
    desk = new_desk(2, 2)
    slot, other = opened_slot(desk), opened_slot(desk)
    assert desk.rests(slot, 2.0)
    assert (slot.state, slot.since) == (IDLE, 2.0)
    assert desk.resize(1, 1, 3.0) == [Close(slot)]
    desk.ledger.budget = 0
    assert not desk.rests(other, 3.0), "one too many"
    desk.ledger.budget = 2
    assert desk.arrive(wish(desk), 4.0) == []
    assert not desk.rests(other, 4.0), "somebody waits"
    assert other.state == LEASED


def test_a_released_one_is_passed_straight_on_where_nothing_else_changes() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    assert desk.pass_on(slot, 2.0) is None  # nobody waits
    first, second = wish(desk), wish(desk)
    desk.arrive(first, 2.0)
    desk.arrive(second, 3.0)
    assert desk.pass_on(slot, 4.0) is first
    assert (slot.state, slot.since) == (LEASED, 4.0)
    assert list(desk.queue) == [second]
    assert_consistent(desk)


def test_where_more_is_to_be_decided_nothing_is_passed_straight_on() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    desk.arrive(wish(desk, "berta"), 2.0)
    assert desk.pass_on(slot, 2.0) is None  # nobody who fits
    assert desk.pass_on(slot, 2.0 + SWITCH_S_MAX) is None  # the place goes to another role
    desk.ledger.budget = 2
    assert desk.pass_on(slot, 2.0) is None  # there is room for one more
    desk.ledger.budget = 0
    assert desk.ledger.room() == -1
    assert desk.pass_on(slot, 2.0) is None  # the budget was lowered: it must be closed


def test_whose_time_is_over_when_one_is_free_is_told_with_that() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    request = wish(desk)
    desk.arrive(request, 2.0)
    request.expires = 3.0
    assert desk.pass_on(slot, 4.0) is None
    (reject,) = desk.released(slot, 4.0)
    assert isinstance(reject, Reject)
    assert reject.request is request
    assert slot.state == IDLE
    assert_consistent(desk)


def test_one_that_was_cleaned_is_not_passed_straight_on() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    request = wish(desk)
    desk.arrive(request, 2.0)
    desk.cleaning(slot, 3.0)
    assert desk.pass_on(slot, 4.0) is None
    (grant,) = desk.released(slot, 4.0)
    assert isinstance(grant, Grant)
    assert (grant.request, slot.state) == (request, LEASED)


def test_while_one_is_idle_nothing_is_passed_straight_on() -> None:
    desk = new_desk(2, 2)
    slot, idle = opened_slot(desk), opened_slot(desk, need=EXACT)
    desk.released(idle, 2.0)
    desk.queue.arrive(wish(desk), 3.0)
    assert desk.pass_on(slot, 4.0) is None


def test_who_needs_another_role_gets_the_place_after_a_while() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    other, same = wish(desk, "berta"), wish(desk)
    desk.arrive(other, 2.0)
    desk.arrive(same, 2.0)
    (grant,) = desk.released(slot, 2.0)
    assert isinstance(grant, Grant)
    assert grant.request is same
    (close,) = desk.released(slot, 2.0 + SWITCH_S_MAX)
    assert isinstance(close, Close)
    assert other.claimed
    (opening,) = desk.gone(slot, 3.0)
    assert isinstance(opening, Open)
    assert opening.request is other


def test_who_has_no_server_connection_of_its_role_gets_the_first_place_at_once() -> None:
    desk = new_desk(2, 2)
    slots = [opened_slot(desk), opened_slot(desk)]
    waiting = [wish(desk), wish(desk), wish(desk, "berta")]
    for request in waiting:
        assert desk.arrive(request, 2.0) == []
    (grant,) = desk.released(slots[0], 2.0)
    assert isinstance(grant, Grant)
    assert grant.request is waiting[0]
    assert desk.released(slots[1], 2.0) == [Close(slots[1])], "though another one fits it"
    assert waiting[2].claimed
    assert_consistent(desk)


def test_nothing_is_closed_for_another_role_while_there_is_room() -> None:
    desk = new_desk(2, 1)
    slot = opened_slot(desk)
    (opening,) = desk.arrive(wish(desk, "carla"), 1.0)
    assert isinstance(opening, Open)
    desk.opening_failed(opening.slot, "refused", 0.0, 1.0)
    assert desk.released(slot, 1.04) == []
    assert slot.state == IDLE


def test_an_idle_one_that_fits_nobody_makes_room() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    desk.released(slot, 2.0)
    request = wish(desk, "berta")
    (close,) = desk.arrive(request, 3.0)
    assert isinstance(close, Close)
    assert (close.slot, slot.state) == (slot, CLOSING)
    assert desk.debts() == 1
    assert desk.arrive(wish(desk, "berta"), 3.0) == []


def test_an_idle_one_makes_room_also_when_the_last_room_was_just_used() -> None:
    """Two wait for a place, one place is free and one is idle: both get theirs."""
    desk = new_desk(3, 3)
    berta = opened_slot(desk, "berta")
    (opening,) = desk.arrive(wish(desk), 1.0)
    assert isinstance(opening, Open)
    (second,) = desk.arrive(wish(desk), 1.0)
    assert isinstance(second, Open)
    desk.arrive(wish(desk), 1.0)
    assert kinds(desk.released(berta, 1.0)) == [Close]


def test_a_promise_goes_with_who_leaves() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    desk.released(slot, 2.0)
    request = wish(desk, "berta")
    desk.arrive(request, 3.0)
    assert desk.leave(request, 4.0) == []
    assert desk.debts() == 0
    assert desk.gone(slot, 5.0) == []
    assert desk.ledger.used == 0


def test_who_leaves_while_one_is_opened_leaves_it_to_others() -> None:
    desk = new_desk(1, 1)
    request = wish(desk)
    (opening,) = desk.arrive(request, 1.0)
    assert isinstance(opening, Open)
    desk.leave(request, 2.0)
    assert desk.opened(opening.slot, 3.0) == []
    assert opening.slot.state == IDLE
    assert desk.debts() == 0


def test_one_opened_for_one_request_alone_is_that_ones() -> None:
    desk = new_desk(2, 1)
    request, other = wish(desk, need=FRESH), wish(desk)
    (opening,) = desk.arrive(request, 1.0)
    assert isinstance(opening, Open)
    assert desk.arrive(other, 1.0) == []
    grant, another = desk.opened_for(opening.slot, request, 2.0)
    assert isinstance(grant, Grant)
    assert grant.request is request
    assert isinstance(another, Open)
    assert another.request is other


def test_one_opened_for_nobody_any_more_makes_room() -> None:
    desk = new_desk(2, 1)
    request, other = wish(desk, need=FRESH), wish(desk)
    (opening,) = desk.arrive(request, 1.0)
    assert isinstance(opening, Open)
    desk.arrive(other, 1.0)
    desk.leave(request, 1.0)
    assert kinds(desk.closing(opening.slot, 2.0)) == [Open]
    assert desk.closing(opening.slot, 2.0) == []


def test_attempts_to_open_are_made_after_pauses_that_double() -> None:
    desk = new_desk(1, 1)
    patient = desk.queue.add(LanePolicy("patient", wait_s_max=1000.0))
    request = Request(patient, patient.tenants.enter(""), "anna", PLAIN, object())
    (opening,) = desk.arrive(request, 0.0)
    now, pauses = 0.0, []
    for _ in range(8):
        assert isinstance(opening, Open)
        assert desk.opening_failed(opening.slot, "refused", 0.999_999, now) == []
        assert desk.failure == "refused"
        due = desk.next_deadline(now)
        assert due is not None
        assert desk.tick((now + due) / 2) == []
        pauses.append(due - now)
        now = due
        (opening,) = desk.tick(now)
    assert pauses[0] == pytest.approx(BACKOFF_S_MIN, rel=1e-5)
    assert pauses[1] == pytest.approx(BACKOFF_S_MIN * 2, rel=1e-5)
    assert pauses[-1] == pytest.approx(BACKOFF_S_MAX, rel=1e-5)
    assert isinstance(opening, Open)
    assert kinds(desk.opened(opening.slot, now)) == [Grant]
    assert desk.failure == ""


@pytest.mark.parametrize("jitter", [0.001, 0.4, 0.999])
def test_an_attempt_is_made_anywhere_in_the_pause(jitter: float) -> None:
    desk = new_desk(1, 1)
    (opening,) = desk.arrive(wish(desk), 1.0)
    assert isinstance(opening, Open)
    desk.opening_failed(opening.slot, "refused", jitter, 1.0)
    assert desk.next_deadline(1.0) == pytest.approx(1.0 + BACKOFF_S_MIN * jitter)


def test_a_role_without_a_connection_left_delays_others_little() -> None:
    desk = new_desk(2, 2)
    decisions = desk.arrive(wish(desk), 1.0)
    for number in range(8):
        (opening,) = decisions
        assert isinstance(opening, Open)
        now = 1.0 + number
        assert desk.opening_denied(opening.slot, "too many", now) == []
        assert desk.next_deadline(now) == pytest.approx(now + DENIED_S)
        assert not desk.failure
        decisions = desk.tick(now + DENIED_S)
    assert desk.denial("anna", 8.5) == "too many"
    assert desk.denial("anna", 9.5) == ""
    assert desk.denial("berta", 8.5) == ""


def test_denials_of_so_many_roles_are_remembered_and_the_oldest_goes_first() -> None:
    desk = new_desk(1, 1)
    names = ["anna", *(f"role_{number}" for number in range(DENIED_MAX - 1)), "anna", "last"]
    for name in names:
        slot = desk.ledger.open(name, None, 1.0)
        assert desk.opening_denied(slot, "too many", 1.0) == []
    assert [desk.denial(name, 1.0) for name in ("role_0", "role_1", "anna", "last")] == [
        "",
        *["too many"] * 3,
    ]


def test_attempts_that_fail_together_count_as_one() -> None:
    desk = new_desk(3, 3)
    opening = [decision for _ in range(3) for decision in desk.arrive(wish(desk), 1.0)]
    for number, one in enumerate(opening):
        assert isinstance(one, Open)
        desk.opening_failed(one.slot, "refused", 0.9, 2.0 + number / 1000)
    assert len(opening) == 3
    assert desk.next_deadline(2.01) == pytest.approx(2.0 + BACKOFF_S_MIN * 0.9)


def test_who_waited_its_whole_time_is_rejected() -> None:
    desk = new_desk(1, 1)
    opened_slot(desk)
    assert desk.next_deadline(1.0) == NEVER
    request = wish(desk)
    desk.arrive(request, 2.0)
    told = 2.0 + 10.0 * EXPIRY_SHARE
    assert desk.next_deadline(2.0) <= told
    assert desk.tick(told - 0.1) == []
    assert desk.next_deadline(told - 0.1) == told
    (rejected,) = desk.tick(told)
    assert isinstance(rejected, Reject)
    assert rejected.request is request
    assert desk.next_deadline(12.0) == NEVER


def test_no_more_than_so_many_are_opened_at_once() -> None:
    desk = new_desk(5, 2)
    assert [kinds(desk.arrive(wish(desk), 1.0)) for _ in range(3)] == [[Open], [Open], []]


def test_a_lowered_budget_closes_what_is_idle_and_then_what_is_released() -> None:
    desk = new_desk(3, 3)
    slots = [opened_slot(desk) for _ in range(3)]
    desk.released(slots[0], 2.0)
    assert kinds(desk.resize(1, 1, 3.0)) == [Close]
    assert slots[0].state == CLOSING
    desk.arrive(wish(desk), 3.0)
    assert kinds(desk.released(slots[1], 4.0)) == [Close]
    assert kinds(desk.released(slots[2], 5.0)) == [Grant]
    assert_consistent(desk, lowered=True)


def test_a_lowered_budget_takes_promises_back() -> None:
    desk = new_desk(2, 2)
    slots = [opened_slot(desk), opened_slot(desk)]
    desk.released(slots[0], 2.0)
    request = wish(desk, "berta")
    assert kinds(desk.arrive(request, 3.0)) == [Close]
    assert request.claimed
    desk.resize(1, 1, 4.0)
    assert not request.claimed
    assert desk.gone(slots[0], 5.0) == []
    assert kinds(desk.released(slots[1], 6.0)) == [Close]
    assert kinds(desk.gone(slots[1], 7.0)) == [Open]


def test_a_raised_budget_is_used_at_once() -> None:
    desk = new_desk(1, 1)
    opened_slot(desk)
    desk.arrive(wish(desk), 2.0)
    assert kinds(desk.resize(2, 1, 3.0)) == [Open]


def test_one_that_is_put_in_order_is_shown_as_such() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    desk.cleaning(slot, 2.0)
    desk.cleaning(slot, 3.0)
    assert (slot.state, slot.since) == (CLEANING, 2.0)
    assert desk.released(slot, 4.0) == []
    assert slot.state == IDLE


def test_a_connection_in_the_clients_state_comes_first() -> None:
    desk = new_desk(budget=LOOKED_AT_MAX + 3, opening_max=99)
    slots = [opened_slot(desk) for _ in range(LOOKED_AT_MAX + 3)]
    for slot in slots:
        desk.released(slot, 2.0)
    mine = Need(VECTORS.empty, VECTORS.empty, exact=False, fresh=False)
    mine.holds = slots[3].holds = TUNED
    slots[5].base = TUNED  # opened for others
    assert desk.lease_idle(wish(desk, "anna", mine), 3.0) is slots[3]
    desk.released(slots[3], 3.0)
    slots[3].holds = VECTORS.empty
    slots[0].holds = TUNED  # too far down to be looked at
    assert desk.lease_idle(wish(desk, "anna", mine), 3.0) is slots[3]
    assert desk.lease_idle(wish(desk, "anna", mine), 3.0) is slots[-1]


def test_a_rotating_desk_opens_before_it_uses_one_again() -> None:
    desk = new_desk(4, 4)
    desk.rotated = 2
    desk.released(opened_slot(desk), 1.0)
    assert desk.lease_idle(wish(desk, "anna", PLAIN), 2.0) is None
    desk.released(opened_slot(desk), 2.0)
    assert desk.lease_idle(wish(desk, "anna", PLAIN), 3.0) is not None


def test_a_rotating_desk_never_gives_the_same_one_twice_if_there_is_another() -> None:
    desk = new_desk(2, 2)
    desk.rotated = 2
    need = Need(VECTORS.empty, VECTORS.empty, exact=False, fresh=False)
    first, second = opened_slot(desk), opened_slot(desk)
    desk.released(first, 1.0)
    assert desk.lease_idle(wish(desk, "anna", need), 2.0) is first
    desk.released(first, 2.0)
    desk.released(second, 3.0)
    assert desk.lease_idle(wish(desk, "anna", need), 4.0) is second, (
        "not the oldest: it had that one"
    )
    desk.released(second, 4.0)
    assert desk.lease_idle(wish(desk, "anna", need), 5.0) is first
    assert desk.lease_idle(wish(desk, "anna", need), 5.0) is second, "the budget has no other"
    assert desk.lease_idle(wish(desk, "anna", need), 5.0) is None


def rotating(budget: int) -> tuple[LeaseDesk, Need, Slot]:
    """A desk with one free server connection, and a need that had that one last."""
    desk = new_desk(budget, 2)
    desk.rotated = 1
    need = Need(VECTORS.empty, VECTORS.empty, exact=False, fresh=False)
    only = opened_slot(desk)
    desk.released(only, 1.0)
    assert desk.lease_idle(wish(desk, "anna", need), 2.0) is only
    return desk, need, only


def test_a_rotating_desk_opens_another_for_who_had_the_only_free_one() -> None:
    desk, need, only = rotating(budget=2)
    desk.released(only, 3.0)
    assert desk.lease_idle(wish(desk, "anna", need), 4.0) is None
    (opening,) = desk.arrive(wish(desk, need=need), 4.0)
    assert isinstance(opening, Open)
    (grant,) = desk.opened(opening.slot, 5.0)
    assert isinstance(grant, Grant)
    assert grant.slot is need.last is opening.slot
    assert only.state == IDLE


def test_a_rotating_desk_keeps_the_last_one_from_who_awaits_another() -> None:
    desk, need, only = rotating(budget=2)
    (opening,) = desk.arrive(wish(desk, need=need), 3.0)
    assert desk.released(only, 4.0) == []
    assert only.state == IDLE
    assert isinstance(opening, Open)
    assert kinds(desk.opening_failed(opening.slot, "refused", 0.0, 5.0)) == [Grant]
    assert need.last is only, "no other can be had"
    desk.released(only, 6.0)
    assert desk.opening_failed(desk.ledger.open("berta", None, 6.0), "refused", 0.0, 6.0) == []
    assert desk.lease_idle(wish(desk, "anna", need), 7.0) is only


def test_a_rotating_desk_passes_the_last_one_on_where_the_budget_has_no_other() -> None:
    desk, need, only = rotating(budget=1)
    other = Need(VECTORS.empty, VECTORS.empty, exact=False, fresh=False)
    desk.arrive(wish(desk, need=other), 3.0)
    assert desk.pass_on(only, 4.0) is not None
    assert other.last is only
    desk.arrive(wish(desk, need=need), 5.0)
    assert kinds(desk.released(only, 6.0)) == [Grant]
    assert need.last is only


def test_a_paused_desk_opens_none_and_takes_none_from_anybody() -> None:
    desk = new_desk(2, 2)
    desk.paused = True
    request = wish(desk)
    assert desk.arrive(request, 1.0) == []
    assert desk.tick(2.0) == []
    (reject,) = desk.tick(11.0)
    assert isinstance(reject, Reject)
    desk.arrive(wish(desk), 12.0)
    desk.paused = False
    assert kinds(desk.tick(12.0)) == [Open]


def test_a_paused_desk_that_rotates_falls_back_on_nothing() -> None:
    desk, need, only = rotating(budget=2)
    (opening,) = desk.arrive(wish(desk, need=need), 3.0)
    desk.released(only, 4.0)
    desk.paused = True
    assert isinstance(opening, Open)
    assert desk.opening_failed(opening.slot, "refused", 0.0, 5.0) == []


def impatient_desk() -> tuple[LeaseDesk, Slot]:
    """One server connection that is used; requests that wait longer than 0.1 s are too late."""
    desk = LeaseDesk(1, 1)
    desk.queue.add(LanePolicy("anna", wait_s_max=1e6, shed_after_s=0.1))
    return desk, opened_slot(desk)


def rejected(desk: LeaseDesk, since: float) -> int:
    """How many of ten that arrive over two seconds and a half."""
    decisions: list[object] = []
    for number in range(10):
        decisions += desk.arrive(wish(desk), since + number * 0.25)
    return sum(isinstance(decision, Reject) for decision in decisions)


def test_where_requests_wait_too_long_some_are_rejected() -> None:
    desk, _ = impatient_desk()
    assert rejected(desk, 10.0) > 3


@pytest.mark.parametrize("held_up_by", ["a pause", "a failure"])
def test_nobody_is_rejected_for_waiting_where_nobody_is_granted_anything(held_up_by: str) -> None:
    desk, slot = impatient_desk()
    if held_up_by == "a pause":
        desk.paused = True
    else:
        desk.failure = "refused"
    assert rejected(desk, 10.0) == 0
    desk.paused, desk.failure = False, ""
    desk.released(slot, 13.0)
    assert desk.arrive(wish(desk), 13.0) == [], "it takes a while to be overloaded"


def test_works_that_wait_for_each_other_lose_the_newest_request() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    desk.released(slot, 1.0)
    first, second = wish(desk), wish(desk)
    first.stamp = second.stamp = ("anna", "cart")
    assert desk.lease_idle(first, 2.0) is slot
    desk.arrive(second, 2.0)
    assert desk.break_standstill(lambda lease: lease is not first, 3.0) == ([], [])
    desk.paused = True
    assert desk.break_standstill(lambda _: True, 3.0) == ([], [])
    desk.paused = False
    works, (reject,) = desk.break_standstill(lambda _: True, 3.0)
    assert [work.stamp for work in works] == [("anna", "cart")]
    assert isinstance(reject, Reject)
    assert reject.request is second
    assert second.refused is RefusedBecause.POOL_DEADLOCK
    assert_consistent(desk)


def test_a_request_gets_what_is_free_where_it_asks() -> None:
    here, there = new_desk(2, 2), new_desk(2, 2)
    slot = opened_slot(here)
    assert here.released(slot, 2.0) == []
    request = wish(here)
    assert here.find_idle(request) is slot
    assert there.find_idle(request) is None
    assert here.find_idle(request) is slot
