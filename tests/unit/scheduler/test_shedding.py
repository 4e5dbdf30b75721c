"""Whom to refuse when too many wait."""

from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.request import Request
from pglane.scheduler.shedding import RELIEF, RETRY_LOOKS, for_lane, victims
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
    other = rig.request("browse", work="cart")
    rig.queue.book(other, rig.now)
    begun = rig.request("browse", work="cart")
    rig.queue.arrive(begun, rig.now)
    assert begun.continues
    assert chosen(rig, 0) == []


def for_browse(rig: LaneRig, count: int) -> list[Request]:
    others = rig.queue.lanes.values()
    return for_lane(rig.lane("browse"), others, count, rig.now)


def test_an_overloaded_lane_gets_relief_from_lower_ranks_and_then_from_itself() -> None:
    rig = rig_of(LanePolicy("otp", rank=9), LanePolicy("browse"), LanePolicy("bulk", rank=1))
    waiting(rig, "otp", "", 9)
    browse, bulk = waiting(rig, "browse", "", 3), waiting(rig, "bulk", "", 2)
    assert for_browse(rig, 3) == [bulk[1], bulk[0], browse[2]]
    assert for_browse(rig, 1) == [bulk[1]]


def test_lanes_of_its_own_rank_do_not_pay() -> None:
    rig = rig_of(LanePolicy("browse"), LanePolicy("other"))
    browse = waiting(rig, "browse", "", 1)
    waiting(rig, "other", "", 9)
    assert for_browse(rig, 5) == browse


RESERVED = LanePolicy("mail", rank=1, reserve=1, hold_s_max=1.0, lends=False)


def test_a_lane_within_its_reservation_is_left_alone() -> None:
    rig = LaneRig(3, LanePolicy("browse"), RESERVED)
    rig.fill("mail", 1)
    rig.fill("browse", 2)
    mail, browse = waiting(rig, "mail", "", 2), waiting(rig, "browse", "", 2)
    assert for_browse(rig, 9) == [browse[1], browse[0]]
    rig.now += 2.5  # longer than was promised
    assert for_browse(rig, 9) == [mail[1], mail[0], browse[1], browse[0]]


def test_a_reservation_that_is_exceeded_or_cannot_be_kept_protects_nobody() -> None:
    rig = LaneRig(3, LanePolicy("browse"), RESERVED)
    rig.fill("mail", 2)
    rig.fill("browse", 1)
    (mail,) = waiting(rig, "mail", "", 1)
    assert for_browse(rig, 1) == [mail]
    rig = LaneRig(0, LanePolicy("browse"), RESERVED)
    (mail,) = waiting(rig, "mail", "", 1)
    assert for_browse(rig, 1) == [mail]


def test_a_reservation_without_a_bound_protects_all_the_same() -> None:
    endless = LanePolicy("mail", rank=1, reserve=1, lends=False)
    rig = LaneRig(2, LanePolicy("browse"), endless)
    rig.fill("mail", 1)
    waiting(rig, "mail", "", 2)
    rig.now += 50.0
    assert for_browse(rig, 1) == []


def test_a_lane_that_is_owed_a_place_is_not_overloaded() -> None:
    rig = LaneRig(2, LanePolicy("browse", reserve=1), LanePolicy("bulk", rank=1))
    rig.fill("bulk", 2)
    waiting(rig, "browse", "", 3)
    (bulk,) = waiting(rig, "bulk", "", 1)
    assert for_browse(rig, 9) == [bulk]


def test_a_long_line_is_refused_from_its_end() -> None:
    rig = rig_of(LanePolicy("browse"))
    browse = waiting(rig, "browse", "", RETRY_LOOKS + 3)
    assert for_browse(rig, RETRY_LOOKS + 2) == browse[:0:-1]
