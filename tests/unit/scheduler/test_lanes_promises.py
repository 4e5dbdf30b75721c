"""Which waits of a budget's lanes count as broken promises."""

from dataclasses import replace

import pytest

from pglane.scheduler.bounds import NO_BOUND
from pglane.scheduler.policy import GIVE_BACK_S, LanePolicy
from pglane.scheduler.request import Request
from tests.support.lane_rig import LaneRig

OTP = LanePolicy("otp", reserve=1)
BROWSE = LanePolicy("browse")


def claimed(rig: LaneRig, name: str) -> Request:
    request = rig.request(name)
    rig.queue.arrive(request, rig.now)
    assert rig.queue.choose(None, None, rig.now, True) is request
    rig.queue.claim(request, rig.now)
    return request


@pytest.mark.parametrize(
    ("waited_s", "broken"), [(0.9, [0, 0, 0]), (1.0, [0, 0, 0]), (1.1, [1, 0, 0])]
)
def test_a_wait_beyond_the_bound_is_counted(waited_s: float, broken: list[int]) -> None:
    rig = LaneRig(1, OTP, LanePolicy("browse", hold_s_max=1.0, give_back_s=0.0))
    lease = rig.ask("browse")
    rig.ask("otp")
    rig.now += waited_s
    rig.end(lease)
    assert rig.lane("otp").counters.violations == broken


@pytest.mark.parametrize("lane", ["otp", "browse"])
def test_a_limit_of_the_hold_is_kept_while_it_is_being_enforced(lane: str) -> None:
    """Behind a lease of another lane, and behind one of its own."""
    rig = LaneRig(1, replace(OTP, hold_s_max=1.0), LanePolicy("browse", hold_s_max=1.0))
    (lease,) = rig.fill(lane, 1)
    rig.ask("otp")
    rig.now = lease.since + 1.0
    assert rig.queue.recall(rig.now) == [lease]
    rig.now += GIVE_BACK_S
    assert len(rig.end(lease)) == 1
    assert rig.lane("otp").counters.violations == [0, 0, 0]


def test_one_that_was_opened_late_is_told_apart() -> None:
    rig = LaneRig(1, OTP, LanePolicy("browse", hold_s_max=1.0, give_back_s=0.0))
    request = claimed(rig, "otp")
    rig.now += 1.5
    rig.queue.grant(request, rig.now)
    assert rig.lane("otp").counters.violations == [0, 1, 0]


def test_so_is_one_whose_promise_was_suspended() -> None:
    rig = LaneRig(1, LanePolicy("otp", reserve=2), BROWSE)
    lease = rig.ask("browse")
    rig.end(lease)
    rig.ask("browse")
    rig.ask("otp")
    (lease,) = rig.lane("browse").holders
    rig.end(lease)
    rig.end(next(iter(rig.lane("otp").holders)))
    assert rig.lane("otp").counters.violations == [0, 0, 0]
    (lease,) = rig.fill("browse", 1)
    rig.ask("otp")
    rig.now += 0.5
    rig.end(lease)
    assert rig.lane("otp").counters.violations == [0, 0, 1]


@pytest.mark.parametrize(("waited_s", "broken"), [(1.0, [0, 0, 0]), (1.1, [1, 0, 0])])
def test_the_bound_holds_where_more_is_used_than_there_is(
    waited_s: float, broken: list[int]
) -> None:
    rig = LaneRig(3, OTP, LanePolicy("browse", hold_s_max=1.0, give_back_s=0.0))
    leases = rig.fill("browse", 3)
    rig.queue.configure(
        1, [OTP, LanePolicy("browse", hold_s_max=1.0, give_back_s=0.0)], (), rig.now
    )
    waiting = rig.ask("otp")
    rig.now += waited_s
    assert [rig.end(lease) for lease in leases] == [[], [], [waiting]]
    assert rig.lane("otp").counters.violations == broken


@pytest.mark.parametrize(("waited_s", "broken"), [(1.0, [0, 0, 0]), (1.1, [1, 0, 0])])
def test_who_waits_while_lanes_change_is_judged_by_the_new_ones_from_then_on(
    waited_s: float, broken: list[int]
) -> None:
    rig = LaneRig(2, LanePolicy("otp"), BROWSE)
    (lease, _) = rig.fill("browse", 2)
    waiting = rig.ask("otp")
    rig.now += 10.0
    rig.queue.configure(
        2, [OTP, LanePolicy("browse", hold_s_max=1.0, give_back_s=0.0)], (), rig.now
    )
    rig.now += waited_s
    assert rig.end(lease) == [waiting]
    assert rig.lane("otp").counters.violations == broken


def test_nothing_is_promised_of_a_guard_that_is_new_and_in_use() -> None:
    kept = LanePolicy("kept", reserve=1, lends=False, hold_s_max=1.0, give_back_s=0.0)
    rig = LaneRig(2, BROWSE)
    rig.fill("browse", 2)
    rig.queue.configure(2, (BROWSE, kept), (), rig.now)
    late = rig.ask("kept")
    assert not late.promised
    assert rig.lane("kept").bound_s(late) == NO_BOUND


def test_one_that_was_never_served_broke_the_promise_too() -> None:
    rig = LaneRig(
        1,
        LanePolicy("otp", reserve=1, wait_s_max=5.0),
        LanePolicy("b", hold_s_max=1.0, give_back_s=0.0),
    )
    rig.fill("b", 1)
    rig.ask("otp")
    assert len(rig.queue.expired(rig.now + 5.0)) == 1
    assert rig.lane("otp").counters.violations == [1, 0, 0]
