"""Snapshots, and what can be told from two of them."""

import pytest

from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.reasons import REFUSALS, WaitReason
from pglane.scheduler.statistics import fairness, jain, statistics, tenant_statistics
from tests.support.lane_rig import LaneRig

OTP = LanePolicy("otp", reserve=1)
BROWSE = LanePolicy("browse", weight=2.0)


def test_a_snapshot_tells_who_has_and_who_waits() -> None:
    rig = LaneRig(2, OTP, BROWSE)
    rig.fill("browse", 2)
    rig.now += 1.0
    rig.ask("otp")
    rig.now += 2.0
    seen = statistics(rig.queue, rig.now)
    assert (seen.budget, seen.busy, seen.on_loan, seen.waiting) == (2, 2, 1, 1)
    otp, browse = seen.lanes
    assert (otp.name, otp.door, otp.promised, otp.reserve) == ("otp", "", 1, 1)
    assert (otp.waiting, otp.head_age_s, otp.backlogged_s) == (1, 2.0, 2.0)
    assert (browse.busy, browse.service_s, browse.grants) == (2, 6.0, 2)
    assert (browse.head_age_s, browse.coming) == (0.0, 0)
    assert otp.reasons[WaitReason.NO_SERVER_FREE.value] == 1
    assert sum(otp.refused.values()) == sum(otp.violations.values()) == 0


def test_what_is_being_made_ready_is_told() -> None:
    rig = LaneRig(1, OTP)
    request = rig.request("otp")
    rig.queue.arrive(request, rig.now)
    rig.queue.claim(request, rig.now)
    (otp,) = statistics(rig.queue, rig.now).lanes
    assert (otp.busy, otp.waiting, otp.coming) == (1, 0, 1)


def test_what_works_have_and_wait_for_is_told() -> None:
    rig = LaneRig(2, LanePolicy("web", nested=2))
    first = rig.ask("web", work="first")
    rig.ask("web", work="first")
    rig.ask("web", work="second")
    rig.ask("web", work="first")
    (web,) = statistics(rig.queue, rig.now).lanes
    assert (web.tickets, web.tickets_busy, web.busy) == (1, 1, 2)
    assert (web.waiting, web.continuing) == (2, 1)
    rig.end(first)
    (web,) = statistics(rig.queue, rig.now).lanes
    assert (web.tickets_busy, web.continuing) == (1, 0)


def test_the_tenants_that_used_most_come_first() -> None:
    rig = LaneRig(2, BROWSE)
    long, short = rig.ask("browse", "long"), rig.ask("browse", "short")
    rig.now += 1.0
    rig.end(short)
    rig.now += 1.0
    rig.end(long)
    first, second = tenant_statistics(rig.lane("browse"), 5, rig.now)
    assert (first.name, first.held_s, first.clients, first.grants) == ("long", 2.0, 1, 1)
    assert second.name == "short"
    assert len(tenant_statistics(rig.lane("browse"), 1, rig.now)) == 1


def test_a_tenant_that_waits_and_one_that_was_refused() -> None:
    rig = LaneRig(1, LanePolicy("browse", wait_s_max=10.0))
    first = rig.ask("browse", "calm")
    rig.ask("browse", "loud")
    rig.now += 2.0
    rig.end(first)
    rig.ask("browse", "loud")
    rig.now += 1.0
    rig.ask("browse", "calm")
    told = {each.name: each for each in tenant_statistics(rig.lane("browse"), 5, rig.now + 1.0)}
    loud, calm = told["loud"], told["calm"]
    assert (loud.grants, loud.waiting, loud.head_age_s) == (1, 1, 2.0)
    assert (loud.wait_s, loud.wait_s_max, sum(loud.waits)) == (2.0, 2.0, 1)
    assert (calm.grants, calm.wait_s, sum(calm.waits), calm.head_age_s) == (1, 0.0, 0, 1.0)
    rig.now += 8.5
    assert len(rig.queue.expired(rig.now)) == 1
    told = {each.name: each for each in tenant_statistics(rig.lane("browse"), 5, rig.now)}
    assert told["loud"].refused == {reason.value: 0 for reason in REFUSALS} | {"expired": 1}
    assert sum(told["calm"].refused.values()) == 0


def test_fairness_is_about_those_that_waited() -> None:
    rig = LaneRig(3, LanePolicy("a"), LanePolicy("b"), LanePolicy("calm"))
    rig.fill("a", 2)
    rig.fill("b", 1)
    before = statistics(rig.queue, rig.now)
    rig.ask("a")
    rig.ask("b")
    rig.now += 1.0
    after = statistics(rig.queue, rig.now)
    assert fairness(before, after) == pytest.approx(9 / 10)
    rig.queue.add(LanePolicy("new"))
    rig.ask("new")
    rig.now += 1.0
    assert fairness(before, statistics(rig.queue, rig.now)) == pytest.approx(9 / 15)


def test_jains_index() -> None:
    assert jain([]) == 1.0
    assert jain([0.0, 0.0]) == 1.0
    assert jain([2.0, 2.0]) == 1.0
    assert jain([1.0, 0.0, 0.0, 0.0]) == 0.25
