"""Whom to refuse when too many wait."""

from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.request import Request
from pglane.scheduler.shedding import RELIEF, victims
from tests.support.lane_rig import LaneRig


def waiting(rig: LaneRig, lane: str, tenant: str, count: int) -> list[Request]:
    made: list[Request] = []
    for _ in range(count):
        request = rig.request(lane, tenant)
        rig.queue.arrive(request, rig.now)
        made.append(request)
    return made


def chosen(rig: LaneRig, waiting_max: int) -> list[Request]:
    return victims(rig.queue.lanes.values(), waiting_max)


def rig_of(*policies: LanePolicy) -> LaneRig:
    return LaneRig(1, *policies)


def test_a_part_of_the_limit_is_freed_at_once() -> None:
    rig = rig_of(LanePolicy("browse"))
    requests = waiting(rig, "browse", "", 2 * RELIEF + 1)
    assert chosen(rig, 2 * RELIEF) == requests[:-4:-1]


def test_the_lowest_rank_goes_first_and_then_the_next() -> None:
    rig = rig_of(LanePolicy("otp", rank=9), LanePolicy("bulk", rank=1), LanePolicy("idle", rank=0))
    important = waiting(rig, "otp", "", 3)
    bulk = waiting(rig, "bulk", "", 2)
    assert chosen(rig, 4) == [bulk[1]]
    assert chosen(rig, 2) == [bulk[1], bulk[0], important[2]]


def test_of_a_rank_the_tenant_with_most_waiting_pays() -> None:
    rig = rig_of(LanePolicy("browse"))
    few, many = waiting(rig, "browse", "few", 2), waiting(rig, "browse", "many", 4)
    assert chosen(rig, 3) == [many[3], many[2], few[1]]


def test_a_retry_goes_before_what_was_never_tried() -> None:
    rig = rig_of(LanePolicy("browse"))
    requests = waiting(rig, "browse", "", 4)
    requests[1].attempt = 2
    assert chosen(rig, 2) == [requests[1], requests[3]]


def test_a_tenant_can_lose_all_it_has() -> None:
    rig = rig_of(LanePolicy("browse"))
    first, second = waiting(rig, "browse", "a", 1), waiting(rig, "browse", "b", 1)
    assert set(chosen(rig, 0)) == {*first, *second}


def test_work_that_was_begun_is_never_shed() -> None:
    rig = rig_of(LanePolicy("browse"))
    begun = rig.request("browse")
    begun.continues = True
    rig.queue.arrive(begun, rig.now)
    assert chosen(rig, 0) == []
