"""What is made ready for somebody, and what lanes make of it."""

from pglane.doors.decisions import Close, Grant, Open, Recall, Reject
from pglane.doors.lane_plan import LanePlan
from pglane.doors.lease import LeaseDesk
from pglane.pool.ledger import IDLE, Slot
from pglane.scheduler.lanes import SWITCH_S_MAX
from pglane.scheduler.matching import LaneMatching
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.reasons import WaitReason
from pglane.scheduler.request import Request
from tests.support.desk_invariants import assert_consistent
from tests.unit.doors.test_lease import EXACT, kinds, new_desk, opened_slot, wish


def opening_of(decisions: list[object]) -> Slot:
    (opening,) = decisions
    assert isinstance(opening, Open)
    return opening.slot


def granted(decisions: list[object]) -> tuple[Request, Slot]:
    (grant, *_) = decisions
    assert isinstance(grant, Grant)
    return grant.request, grant.slot


def test_who_awaits_an_opening_takes_what_fits_first_and_leaves_the_other_to_all() -> None:
    desk = new_desk(2, 2)
    slot, request = opened_slot(desk), wish(desk)
    coming = opening_of(desk.arrive(request, 2.0))
    assert granted(desk.released(slot, 2.0)) == (request, slot)
    assert_consistent(desk)
    assert desk.opened(coming, 3.0) == []
    assert coming.state == IDLE
    assert_consistent(desk)


def test_who_was_promised_an_opening_takes_what_fits_too() -> None:
    desk = new_desk(3, 1)
    slot = opened_slot(desk)
    first, second = wish(desk), wish(desk)
    coming = opening_of(desk.arrive(first, 2.0))
    assert desk.arrive(second, 2.0) == []
    assert second.claimed
    assert granted(desk.released(slot, 2.0)) == (first, slot)
    assert granted(desk.opened(coming, 3.0)) == (second, coming)
    assert_consistent(desk)


def test_a_promise_that_nobody_waits_for_any_more_is_free() -> None:
    desk = new_desk(2, 1)
    first, second = wish(desk), wish(desk)
    desk.arrive(first, 2.0)
    desk.arrive(second, 2.0)
    assert desk.debts() == 2
    desk.leave(second, 3.0)
    assert desk.debts() == 1
    assert_consistent(desk)


def test_the_first_that_is_opened_is_for_who_came_first() -> None:
    desk = new_desk(2, 2)
    first, second = wish(desk), wish(desk)
    one, other = opening_of(desk.arrive(first, 2.0)), opening_of(desk.arrive(second, 2.0))
    assert granted(desk.opened(other, 3.0)) == (first, other)
    assert granted(desk.opened(one, 3.0)) == (second, one)
    assert_consistent(desk)


def test_what_is_of_another_kind_is_for_whom_it_was_opened() -> None:
    desk = new_desk(2, 2)
    first, second = wish(desk, need=EXACT), wish(desk)
    desk.arrive(first, 2.0)
    other = opening_of(desk.arrive(second, 2.0))
    assert granted(desk.opened(other, 3.0)) == (second, other)


def test_a_promise_is_exchanged_for_what_is_opened_sooner() -> None:
    desk = new_desk(2, 1)
    berta, carla = opened_slot(desk, "berta"), opened_slot(desk, "carla")
    desk.released(berta, 2.0)
    first, second = wish(desk), wish(desk)
    assert kinds(desk.arrive(first, 3.0)) == [Close]
    assert desk.arrive(second, 3.0) == []
    assert kinds(desk.released(carla, 3.0 + SWITCH_S_MAX)) == [Close]
    sooner = opening_of(desk.gone(carla, 4.0))
    assert desk.gone(berta, 4.0) == []
    grant, opening = desk.opened(sooner, 5.0)
    assert granted([grant]) == (first, sooner)
    assert isinstance(opening, Open)
    assert opening.request is second
    assert_consistent(desk)


def test_whose_opening_failed_gets_the_next_that_succeeds() -> None:
    desk = new_desk(2, 2)
    first, second = wish(desk), wish(desk)
    one, other = opening_of(desk.arrive(first, 2.0)), opening_of(desk.arrive(second, 2.0))
    assert desk.opening_failed(one, "refused", 0.5, 2.0) == []
    assert first.reason is not None
    assert desk.reason_of(first) is WaitReason.DATABASE_DOWN
    grant, opening = desk.opened(other, 2.1)
    assert granted([grant]) == (first, other)
    assert isinstance(opening, Open)
    assert opening.request is second
    assert_consistent(desk)


def test_one_that_is_closed_before_it_was_given_is_opened_again() -> None:
    desk = new_desk(2, 1)
    request = wish(desk)
    first = opening_of(desk.arrive(request, 2.0))
    assert opening_of(desk.closing(first, 3.0)) is not first
    assert_consistent(desk)
    assert desk.gone(first, 4.0) == []
    assert_consistent(desk)


def test_an_idle_one_that_ends_has_its_place_until_it_is_gone() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    desk.released(slot, 2.0)
    desk.closing(slot, 3.0)
    assert desk.arrive(wish(desk), 3.0) == []
    assert_consistent(desk)
    assert kinds(desk.gone(slot, 4.0)) == [Open]
    idle = new_desk(1, 1)
    slot = opened_slot(idle)
    idle.released(slot, 2.0)
    assert idle.gone(slot, 3.0) == []


def test_a_place_that_is_no_more_is_claimed_for_nobody() -> None:
    desk = new_desk(3, 3)
    ending, older, newer = (opened_slot(desk) for _ in range(3))
    desk.released(older, 2.0)
    desk.released(newer, 3.0)
    desk.closing(ending, 3.0)
    assert desk.resize(2, 3, 3.0) == [], "with the one that ends the budget is kept"
    request = wish(desk, "berta")
    assert desk.arrive(request, 4.0) == [Close(older)]
    assert desk.gone(older, 5.0) == [Close(newer)], "there is no room yet"
    assert desk.gone(ending, 6.0) == []
    assert opening_of(desk.gone(newer, 7.0)).user == "berta"
    assert_consistent(desk)


def test_promises_to_open_end_with_a_lowered_budget() -> None:
    desk = new_desk(3, 1)
    desk.arrive(wish(desk), 2.0)
    promised = wish(desk)
    desk.arrive(promised, 2.0)
    assert desk.resize(1, 1, 3.0) == []
    assert not promised.claimed
    assert_consistent(desk)


# Lanes -----------------------------------------------------------------------------------------


def planned(*lanes: LanePolicy) -> LanePlan:
    matching = LaneMatching(lanes)
    matching.wait_s_max = 5.0
    return LanePlan(lanes, (), matching)


def test_a_plan_holds_from_the_beginning_and_another_one_from_then_on() -> None:
    desk = LeaseDesk(2, 2, planned(LanePolicy("anna", reserve=1)))
    berta = desk.queue.add(LanePolicy("berta"))
    assert desk.queue.lanes["anna"].reserve == 1
    desk.resize(2, 2, 1.0)
    assert desk.queue.lanes["anna"].reserve == 1
    desk.resize(2, 2, 2.0, planned(LanePolicy("anna")))
    assert desk.queue.lanes["anna"].reserve == 0
    assert berta.wait_s_max == 5.0


def test_a_lane_at_its_limit_waits_beside_what_is_free() -> None:
    desk = LeaseDesk(2, 2, planned(LanePolicy("anna", limit=1)))
    slot = opened_slot(desk)
    request = wish(desk)
    assert desk.arrive(request, 2.0) == []
    assert desk.reason_of(request) is WaitReason.LANE_AT_LIMIT
    assert granted(desk.released(slot, 3.0)) == (request, slot)


def test_what_is_free_is_not_for_a_lane_at_its_limit() -> None:
    desk = LeaseDesk(2, 2, planned(LanePolicy("anna")))
    opened_slot(desk)
    idle = opened_slot(desk)
    assert desk.rests(idle, 2.0)
    desk.resize(2, 2, 3.0, planned(LanePolicy("anna", limit=1)))
    assert desk.lease_idle(wish(desk), 4.0) is None
    assert idle.state == IDLE
    assert_consistent(desk)


def test_while_nothing_can_be_opened_what_is_released_goes_to_whom_it_fits() -> None:
    desk = LeaseDesk(2, 2, planned(LanePolicy("anna"), LanePolicy("berta", reserve=1)))
    slot = opened_slot(desk)
    owed = wish(desk, "berta")
    desk.opening_failed(opening_of(desk.arrive(owed, 2.0)), "refused", 0.5, 2.0)
    request = wish(desk)
    assert desk.arrive(request, 2.01) == []
    assert granted(desk.released(slot, 2.02)) == (request, slot)
    assert desk.queue.lanes["berta"].counters.reasons[WaitReason.DATABASE_DOWN.place] == 0


def test_while_nothing_can_be_opened_idle_ones_go_to_whom_they_fit() -> None:
    desk = new_desk(3, 3)
    slot = opened_slot(desk)
    desk.released(slot, 1.5)
    owed = wish(desk, "berta")
    desk.opening_failed(opening_of(desk.arrive(owed, 2.0)), "refused", 0.5, 2.0)
    request = wish(desk)
    assert granted(desk.arrive(request, 2.01)) == (request, slot)
    later = wish(desk, "carla")
    assert desk.arrive(later, 2.02) == []
    assert later.reason is WaitReason.DATABASE_DOWN
    counters = desk.queue.lanes["carla"].counters
    assert counters.reasons[WaitReason.DATABASE_DOWN.place] == 1


def test_an_idle_one_is_given_to_whom_it_fits_before_it_makes_room() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    desk.released(slot, 2.0)
    desk.paused = True
    other, request = wish(desk, "berta"), wish(desk)
    desk.arrive(other, 3.0)
    desk.arrive(request, 3.0)
    assert desk.reason_of(other) is WaitReason.PAUSED
    desk.paused = False
    assert granted(desk.tick(3.01)) == (request, slot)


def test_who_is_found_too_late_is_rejected() -> None:
    desk = new_desk(1, 1)
    slot = opened_slot(desk)
    request, other = wish(desk), wish(desk)
    desk.arrive(request, 2.0)
    desk.arrive(other, 9.0)
    assert desk.pass_on(slot, 12.0) is other
    assert desk.rejections(12.0) == [Reject(request)]
    late = wish(desk)
    desk.arrive(late, 12.0)
    assert desk.released(slot, 30.0) == [Reject(late)]
    assert slot.state == IDLE


def test_a_lease_that_outstays_its_lane_is_recalled_while_somebody_waits() -> None:
    desk = LeaseDesk(1, 1, planned(LanePolicy("anna", hold_s_max=1.0)))
    slot = opened_slot(desk)
    desk.arrive(wish(desk), 1.5)
    assert desk.tick(1.9) == []
    assert desk.next_deadline(1.9) == 2.0
    assert desk.tick(2.0) == [Recall(slot.lease)]
