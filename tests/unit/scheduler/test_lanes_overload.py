"""Who is refused where requests of a lane wait too long, and who has tried before."""

import pytest

from pglane.scheduler.policy import DoorPolicy, LanePolicy
from pglane.scheduler.reasons import RefusedBecause
from tests.support.lane_rig import LaneRig
from tests.unit.scheduler.test_lanes import BROWSE, refusals


def overloaded(*others: LanePolicy, doors: tuple[DoorPolicy, ...] = (), **told: object) -> LaneRig:
    """Two places; `browse` has waited for longer than it should, for longer than an interval."""
    browse = LanePolicy("browse", shed_after_s=0.1, wait_s_max=1e6, **told)  # type: ignore[arg-type]
    rig = LaneRig(2, browse, *others, doors=doors)
    rig.fill("browse", 2)
    for _ in range(5):
        rig.ask("browse")
    for _ in range(4):
        rig.now += 0.5
        rig.queue.relieve(rig.lane("browse"), rig.now)
    return rig


def test_where_requests_wait_too_long_the_newest_are_refused() -> None:
    rig = overloaded()
    assert rig.lane("browse").waiting == 2, "one for each place"
    assert refusals(rig.queue) == {RefusedBecause.OVERLOADED: 3}
    place = RefusedBecause.OVERLOADED.place
    assert rig.lane("browse").counters.refused[place] == 3


def test_lower_ranks_pay_first_where_they_have_what_it_waits_for() -> None:
    bulk = LanePolicy("bulk", rank=1, wait_s_max=1e6)
    rig = overloaded(bulk)
    rig.ask("bulk")
    rig.ask("browse")
    rig.queue.take_refused()
    rig.queue.relieve(rig.lane("browse"), rig.now)
    assert [request.lane for request in rig.queue.take_refused()] == [rig.lane("bulk")]


@pytest.mark.parametrize("held_up_by", ["its own limit", "its door"])
def test_they_do_not_pay_for_what_they_do_not_have(held_up_by: str) -> None:
    bulk = LanePolicy("bulk", rank=1, wait_s_max=1e6)
    if held_up_by == "its door":
        rig = overloaded(bulk, doors=(DoorPolicy("session", 2),), door="session")
    else:
        rig = overloaded(bulk, limit=2)
    rig.ask("bulk")
    rig.ask("browse")
    rig.queue.take_refused()
    rig.queue.relieve(rig.lane("browse"), rig.now)
    assert [request.lane for request in rig.queue.take_refused()] == [rig.lane("browse")]


def test_nothing_is_refused_where_nobody_waits() -> None:
    rig = LaneRig(2, LanePolicy("browse", shed_after_s=0.1))
    rig.queue.relieve(rig.lane("browse"), rig.now)
    assert rig.queue.take_refused() == []


def test_who_was_refused_and_asks_again_has_tried_once() -> None:
    rig = LaneRig(1, BROWSE)
    lease = rig.ask("browse")
    request = rig.ask("browse")
    for attempt in (1, 2):
        rig.queue.refuse(request, RefusedBecause.SHED, rig.now)
        rig.now += 1.0
        rig.queue.arrive(request, rig.now)
        assert request.attempt == attempt
    rig.now += 1.0
    assert rig.end(lease) == [request]
    rig.end(request)
    holder = rig.ask("browse")
    rig.queue.arrive(request, rig.now)
    assert request.attempt == 0, "it has been served"
    rig.queue.refuse(request, RefusedBecause.SHED, rig.now)
    rig.now += 1.0
    rig.end(holder)
    assert rig.queue.take(request, rig.now)
    rig.queue.release(request, rig.now)
    rig.fill("browse", 1)
    rig.queue.arrive(request, rig.now)
    assert request.attempt == 0, "it has been served without waiting"
