"""One lane: who of it is next, and what it was given."""

import pytest

from pglane.scheduler.bounds import NO_BOUND
from pglane.scheduler.group import Group
from pglane.scheduler.lane import (
    CONTINUED_MAX,
    EXPIRY_SHARE,
    HALF_LIFE_S,
    HOLD_S_MIN,
    LEARNED_MIN,
    NOWHERE,
    STRIDE_UP,
    Lane,
)
from pglane.scheduler.policy import GIVE_BACK_S, LanePolicy
from pglane.scheduler.request import Lease, Request
from pglane.scheduler.tenant import FINE_TURNS_MAX


def lane_of(**policy: object) -> Lane:
    return Lane(LanePolicy("browse", **policy), Group("", 4, None))  # type: ignore[arg-type]


def wait(lane: Lane, tenant: str = "", arrived: float = 0.0, continues: bool = False) -> Request:
    request = Request(lane, lane.tenants.enter(tenant), "anna", None, None)
    request.arrived = arrived
    request.continues = continues
    lane.note_ahead(request)
    lane.enqueue(request)
    return request


def serve(lane: Lane, now: float = 0.0) -> Request:
    request = lane.next(now)
    lane.dequeue(request, True)
    lane.arrivals.remove(request)
    return request


def test_a_new_lane_waits_for_nothing() -> None:
    lane = lane_of(reserve=2, guard=1, limit=3, rank=7)
    assert (lane.place, lane.waiting, lane.busy) == (NOWHERE, 0, 0)
    assert (lane.reserve, lane.kept_free, lane.limit, lane.rank) == (2, 1, 3, 7)
    assert lane_of().limit > 1_000_000


def test_less_than_was_promised_is_a_suspended_promise() -> None:
    lane = lane_of(reserve=2, lends=False)
    lane.adopt(lane.policy, lane.group, 1, 0)
    assert lane.suspended
    assert (lane.reserve, lane.kept_free) == (1, 1)


def test_tenants_take_turns_however_many_clients_one_has() -> None:
    lane = lane_of()
    loud = [wait(lane, "loud") for _ in range(3)]
    quiet = [wait(lane, "quiet") for _ in range(2)]
    served = [serve(lane) for _ in range(5)]
    assert served == [loud[0], quiet[0], loud[1], quiet[1], loud[2]]
    assert lane.waiting == 0


def test_who_did_not_wait_has_no_claim_to_turns_of_the_past() -> None:
    lane = lane_of()
    for _ in range(5):
        wait(lane, "loud")
    for _ in range(3):
        serve(lane)
    late = [wait(lane, "late") for _ in range(2)]
    assert serve(lane) is late[0]
    assert serve(lane) is not late[1]


def test_work_that_was_begun_goes_first() -> None:
    lane = lane_of()
    first, begun = wait(lane), wait(lane, continues=True)
    assert serve(lane) is begun
    assert serve(lane) is first
    assert lane.waiting == 0


def test_newcomers_have_a_turn_after_many_that_were_begun() -> None:
    lane = lane_of()
    newcomer = wait(lane)
    begun = [wait(lane, continues=True) for _ in range(CONTINUED_MAX + 1)]
    assert [serve(lane) for _ in range(CONTINUED_MAX)] == begun[:-1]
    assert serve(lane) is newcomer
    assert serve(lane) is begun[-1]


def test_what_is_begun_while_it_waits_goes_first_from_then_on() -> None:
    lane = lane_of()
    alone, first, begun = wait(lane, "a"), wait(lane, "b"), wait(lane, "b")
    lane.promote(begun)
    lane.promote(alone)
    assert lane.overtaken
    assert [serve(lane) for _ in range(3)] == [begun, alone, first]
    assert (lane.waiting, len(lane.fair)) == (0, 0)


def test_what_is_begun_no_more_is_the_first_of_its_tenant() -> None:
    lane = lane_of()
    for _ in range(2):
        wait(lane, "b")
        serve(lane)
    first, begun, alone = (
        wait(lane, "a"), wait(lane, "a", continues=True), wait(lane, "c", continues=True),
    )  # fmt: skip
    lane.demote(begun)
    lane.demote(alone)
    assert lane.overtaken
    assert [serve(lane) for _ in range(3)] == [begun, alone, first]
    ahead = wait(lane, "a", continues=True)
    lane.demote(ahead)
    assert serve(lane) is ahead


def test_the_newest_goes_first_where_asked_for_and_late() -> None:
    lane = lane_of(newest_first=True, wait_s_max=10.0)
    assert not lane.is_late(99.0)
    oldest, newest = wait(lane), wait(lane)
    assert lane.next(5.0) is oldest
    assert lane.next(5.1) is newest
    other = lane_of(wait_s_max=10.0)
    first = wait(other)
    wait(other)
    assert other.next(9.0) is first


def test_who_leaves_gives_its_turn_to_the_next_of_its_tenant() -> None:
    lane = lane_of()
    first, second = wait(lane), wait(lane)
    lane.dequeue(first, False)
    assert lane.next(0.0) is second
    begun = wait(lane, continues=True)
    lane.dequeue(begun, False)
    lane.dequeue(second, False)
    assert lane.waiting == 0
    assert len(lane.fair) == 0


def test_who_waits_again_stands_where_it_stood() -> None:
    lane = lane_of()
    first, second = wait(lane, arrived=1.0), wait(lane, arrived=2.0)
    lane.dequeue(first, True)
    lane.requeue(first)
    assert lane.next(3.0) is first
    lane.dequeue(first, True)
    lane.dequeue(second, True)
    lane.requeue(second)
    assert lane.next(3.0) is second
    begun = wait(lane, arrived=3.0, continues=True)
    lane.dequeue(begun, True)
    lane.requeue(begun)
    assert lane.next(3.0) is begun


def test_a_request_is_not_started_in_the_last_tenth_of_its_time() -> None:
    lane = lane_of(wait_s_max=10.0)
    request = wait(lane, arrived=100.0)
    lane.set_deadline(request)
    assert (request.deadline, request.expires) == (110.0, 100.0 + 10.0 * EXPIRY_SHARE)


# What it was given -----------------------------------------------------------------------------


def test_a_lane_that_did_not_wait_starts_where_the_others_are() -> None:
    lane = lane_of()
    lane.tag = 3.0
    lane.return_to(9.0, 4.0, 0.0)
    assert lane.tag == 9.0


def test_a_debt_is_bounded_and_halves() -> None:
    lane = lane_of(weight=2.0)
    lane.tag, lane.left = 10.0, 0.0
    lane.return_to(9.0, 4.0, HALF_LIFE_S)
    assert lane.tag == 9.5
    lane.tag = 99.0
    lane.return_to(9.0, 4.0, 0.0)
    assert lane.tag == 11.0


def test_what_it_used_is_divided_by_its_weight_and_the_lag_is_bounded() -> None:
    lane = lane_of(weight=2.0)
    lane.charge(1.0, 0.0, 4.0)
    assert lane.tag == 0.5
    lane.charge(100.0, 0.0, 4.0)
    assert lane.tag == 2.0
    lane.charge(-100.0, 0.0, 4.0)
    assert lane.tag == -2.0


def test_it_learns_how_long_its_leases_last() -> None:
    lane = lane_of()
    lane.learn(0.0)
    assert lane.mean_s == lane.usual_s == HOLD_S_MIN
    for _ in range(300):
        lane.learn(0.010)
    assert lane.mean_s == pytest.approx(0.010)
    assert lane.usual_s == pytest.approx(0.010, rel=0.2)
    lane.learn(1.0)
    assert lane.mean_s > 0.05
    assert lane.usual_s < 0.012
    usual_s = lane.usual_s
    lane.learn(0.0001)
    assert lane.usual_s < usual_s


def test_those_who_followed_each_other_tell_the_mean_alone() -> None:
    lane = lane_of()
    for _ in range(LEARNED_MIN + 1):
        lane.learn(0.004)
    usual_s, mean_s = lane.usual_s, lane.mean_s
    for _ in range(100):
        lane.learn(0.0, True)
    assert lane.usual_s == usual_s
    assert lane.mean_s < mean_s / 10


def test_what_the_first_leases_were_like_does_not_count_for_long() -> None:
    lane = lane_of()
    for held_s in (3.0, 0.005, 0.005):
        lane.learn(held_s)
    assert lane.usual_s == 0.005
    lane = lane_of()
    for held_s in (0.005, 3.0, 3.0, 3.0):
        lane.learn(held_s)
    assert lane.usual_s == 0.005 * STRIDE_UP**3
    for _ in range(LEARNED_MIN):
        lane.learn(3.0)
    usual_s = lane.usual_s
    lane.learn(0.005)
    assert lane.usual_s > usual_s / 2


def test_time_is_counted_where_places_are_used_and_where_somebody_waits() -> None:
    lane = lane_of()
    lane.touch(10.0)
    lane.busy = 2
    lane.touch(13.0)
    wait(lane)
    lane.touch(14.0)
    counters = lane.counters
    assert (counters.service_s, counters.backlogged_s) == (8.0, 1.0)
    assert counters.backlogged_service_s == 2.0


def test_an_estimate_needs_experience() -> None:
    lane = lane_of()
    tenant = lane.tenants.enter("")
    for _ in range(4):
        wait(lane)
    assert lane.estimate_s(tenant, 1.0) == 0.0
    for _ in range(LEARNED_MIN):
        lane.learn(0.5)
    assert lane.estimate_s(tenant, 1.0) == pytest.approx(2.0)
    assert lane.estimate_s(tenant, 4.0) == pytest.approx(0.5)
    lane.busy = 2
    assert lane.estimate_s(tenant, 1.0) == pytest.approx(1.0)


def test_an_estimate_counts_the_turns_of_others() -> None:
    lane = lane_of()
    for _ in range(LEARNED_MIN):
        lane.learn(1.0)
    for _ in range(9):
        wait(lane, "loud")
    wait(lane, "quiet")
    assert lane.estimate_s(lane.tenants.enter("quiet"), 1.0) == pytest.approx(2.0)
    assert lane.estimate_s(lane.tenants.enter("loud"), 1.0) == pytest.approx(10.0)


def test_a_lease_is_held_until_it_is_let_go() -> None:
    lane = lane_of()
    lease = Lease(lane, lane.tenants.enter(""), None)
    lane.hold(lease, 5.0)
    assert (lease.held, lease.since) == (True, 5.0)
    assert list(lane.holders) == [lease]
    lane.let_go(lease)
    assert not lease.held
    assert list(lane.holders) == []


def test_a_lane_is_left_when_it_has_no_leases_and_no_clients() -> None:
    lane = lane_of()
    assert lane.is_left()
    request = wait(lane)
    assert not lane.is_left()
    lane.dequeue(request, False)
    lane.arrivals.remove(request)
    assert lane.is_empty()
    assert not lane.is_left()
    lane.tenants.part(request.tenant)
    assert lane.is_left()


# The bound -------------------------------------------------------------------------------------


def test_the_bound_counts_who_came_before() -> None:
    lane = lane_of(reserve=1, hold_s_max=1.0, give_back_s=0.0)
    lane.loan_s_max = 5.0
    first = wait(lane)
    assert lane.bound_s(first) == 5.0
    second = wait(lane)
    assert lane.bound_s(second) == 6.0
    lane.busy = 1
    third = wait(lane)
    assert lane.bound_s(third) == 3.0


def test_the_bound_counts_what_it_takes_to_enforce_an_end() -> None:
    lane = lane_of(reserve=1, hold_s_max=1.0)
    wait(lane)
    assert lane.bound_s(wait(lane)) == 1.0 + GIVE_BACK_S


def test_the_bound_counts_the_turns_of_other_tenants() -> None:
    lane = lane_of(reserve=1, hold_s_max=1.0, give_back_s=0.0)
    for _ in range(9):
        wait(lane, "loud")
    assert lane.bound_s(wait(lane, "quiet")) == 1.0
    assert lane.bound_s(wait(lane, "quiet")) == 3.0
    lane.tenants.enter("fined").key = FINE_TURNS_MAX
    assert lane.bound_s(wait(lane, "fined")) == 2 * (FINE_TURNS_MAX + 1)


def test_nothing_is_promised_where_order_of_arrival_is_not_kept() -> None:
    lane = lane_of(reserve=1, hold_s_max=1.0, give_back_s=0.0)
    request = wait(lane)
    wait(lane, continues=True)
    assert lane.bound_s(request) == NO_BOUND
    newest = lane_of(reserve=1, hold_s_max=1.0, give_back_s=0.0, newest_first=True)
    assert newest.bound_s(wait(newest)) == NO_BOUND
    suspended = lane_of(reserve=2, hold_s_max=1.0, give_back_s=0.0)
    suspended.adopt(suspended.policy, suspended.group, 1, 0)
    assert suspended.bound_s(wait(suspended)) == NO_BOUND
    again = lane_of(reserve=1, hold_s_max=1.0, give_back_s=0.0)
    failed, other = wait(again), wait(again)
    again.dequeue(failed, True)
    assert again.bound_s(other) == 1.0
    again.requeue(failed)
    assert again.bound_s(other) == NO_BOUND


def test_clients_of_one_lane_may_wait_for_different_times() -> None:
    lane = lane_of(wait_s_max=10.0, wait_is_default=True)
    patient, hasty = wait(lane), Request(lane, lane.tenants.enter(""), "anna", None, None)
    lane.set_deadline(patient)
    assert patient.deadline == 10.0
    hasty.patience_s = 1.0
    lane.set_deadline(hasty)
    assert hasty.deadline == 1.0
    lane.enqueue(hasty)
    assert lane.mixed
    for _ in range(2):
        serve(lane)
    lane.enqueue(hasty)
    assert not lane.mixed


def test_places_are_counted_for_as_long_as_they_are_held() -> None:
    lane = lane_of()
    lane.touch(1.0)
    lane.busy = 2
    lane.touch(1.0)
    assert lane.counters.service_s == 0.0
    lane.touch(4.0)
    assert lane.counters.service_s == 6.0


def test_it_is_empty_when_it_has_nothing_and_nobody_waits() -> None:
    lane = lane_of()
    assert lane.is_empty()
    wait(lane)
    assert not lane.is_empty()
    serve(lane)
    lane.busy = 1
    assert not lane.is_empty()


def test_who_is_put_back_stands_where_it_stood_and_may_expire_later() -> None:
    lane = lane_of()
    early = wait(lane, arrived=1.0)
    lane.arrivals.remove(early)
    late = wait(lane, arrived=2.0)
    assert not lane.mixed
    lane.put_back(early)
    assert list(lane.arrivals) == [early, late]
    assert lane.mixed
