"""A place that goes from one who is still being answered to those who follow it."""

from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.reasons import WaitReason
from tests.support.lane_rig import LaneRig

BROWSE = LanePolicy("browse")


def test_the_place_goes_on_and_each_wait_ends_with_its_turn() -> None:
    rig = LaneRig(1, BROWSE)
    lane = rig.lane("browse")
    head, first, second = (rig.ask("browse") for _ in range(3))
    rig.now += 1.0
    rig.queue.follow(first, head, rig.now)
    rig.queue.follow(second, first, rig.now)
    assert [lease.held for lease in (head, first, second)] == [False, False, True]
    assert (rig.queue.budget.busy, lane.busy, lane.waiting, lane.counters.grants) == (1, 1, 0, 1)
    assert first.reason is WaitReason.BEHIND_IN_PIPELINE
    assert lane.counters.reasons[WaitReason.BEHIND_IN_PIPELINE.place] == 2
    rig.now += 1.0
    rig.queue.comes_up(first, rig.now)
    rig.now += 1.0
    rig.queue.comes_up(second, rig.now)
    assert (lane.counters.grants, lane.counters.wait_s) == (3, 2.0 + 3.0)
    assert rig.end(second) == []
    assert rig.queue.budget.busy == 0


def test_who_falls_back_stands_where_it_stood_and_costs_its_lane_nothing() -> None:
    rig = LaneRig(1, BROWSE)
    lane = rig.lane("browse")
    asked = []
    for _ in range(4):
        asked.append(rig.ask("browse"))
        rig.now += 1.0
    head, first, second, third = asked
    rig.queue.follow(first, head, rig.now)
    rig.queue.follow(second, first, rig.now)
    second.recalled = rig.now
    rig.queue.recalls.pending += 1
    for request in (first, second):
        rig.queue.falls_back(request, rig.now)
    assert list(rig.queue) == [first, second, third]
    assert first.reason is WaitReason.NO_SERVER_FREE
    assert (lane.busy, lane.waiting, second.recalled) == (0, 3, -1.0)
    assert rig.queue.recalls.pending == 0
    spare = rig.queue.spare(None, rig.now)
    assert rig.end(spare) == [first]
    assert rig.end(first) == [second]
    assert rig.end(second) == [third]


def test_a_tenant_whose_request_fell_back_has_not_had_its_turn() -> None:
    rig = LaneRig(1, BROWSE)
    head, mine, other = (rig.ask("browse", tenant) for tenant in ("", "a", "b"))
    before = mine.tenant.key  # type: ignore[attr-defined]
    rig.queue.follow(mine, head, rig.now)
    rig.now += 1.0
    more = rig.ask("browse", "a")
    rig.queue.falls_back(mine, rig.now)
    assert mine.tenant.key == before  # type: ignore[attr-defined]
    spare = rig.queue.spare(None, rig.now)
    order = rig.end(spare)
    order += rig.end(order[-1])
    order += rig.end(order[-1])
    assert set(order[:2]) == {mine, other}
    assert order[2] is more


def test_who_falls_back_alone_is_the_next_to_be_served() -> None:
    rig = LaneRig(1, BROWSE)
    head, mine = rig.ask("browse"), rig.ask("browse", "a")
    rig.queue.follow(mine, head, rig.now)
    rig.queue.falls_back(mine, rig.now)
    assert list(rig.queue) == [mine]
    assert rig.end(rig.queue.spare(None, rig.now)) == [mine]
