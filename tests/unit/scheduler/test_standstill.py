"""Works that wait for each other are found, and nobody else is taken for one of them."""

from pglane.scheduler.policy import DoorPolicy, LanePolicy
from pglane.scheduler.request import Lease, Request
from pglane.scheduler.standstill import newest, stuck
from tests.support.lane_rig import LaneRig

API = LanePolicy("api")
OTHER = LanePolicy("other")


def quiet(_lease: Lease) -> bool:
    return True


def crowd(rig: LaneRig, works: str, name: str = "api") -> tuple[list[Request], list[Request]]:
    """Each with a place, and each waits for another."""
    first = [rig.ask(name, work=work) for work in works]
    rig.now += 1.0
    second: list[Request] = []
    for work in works:
        rig.now += 0.001
        second.append(rig.ask(name, work=work))
    return first, second


def found(rig: LaneRig, is_quiet=quiet) -> list[str]:
    return [work.stamp[1] for work in stuck(rig.queue.lanes.values(), is_quiet)]


def test_works_that_have_all_places_and_wait_for_more() -> None:
    rig = LaneRig(2, API)
    first, second = crowd(rig, "ab")
    assert found(rig) == ["a", "b"]
    assert newest(stuck(rig.queue.lanes.values(), quiet)) is second[1]
    rig.queue.leave(second[1], rig.now)
    assert found(rig) == []
    assert rig.end(first[1]) == [second[0]]


def test_nobody_where_one_that_does_not_wait_may_end() -> None:
    rig = LaneRig(3, API)
    rig.ask("api")
    crowd(rig, "ab")
    assert found(rig) == []


def test_nobody_where_something_happens() -> None:
    rig = LaneRig(2, API)
    first, _ = crowd(rig, "ab")
    assert found(rig, lambda lease: lease is not first[0]) == []


def test_nobody_where_a_place_is_being_made_ready() -> None:
    rig = LaneRig(2, API)
    held = rig.ask("api", work="a")
    coming = [rig.request("api", work="a") for _ in range(2)]
    for request in coming:
        rig.queue.arrive(request, rig.now)
    rig.queue.claim(coming[0], rig.now)
    assert found(rig) == []
    rig.queue.grant(coming[0], rig.now)
    assert found(rig) == ["a"]
    assert held.held


def test_a_lane_at_its_limit_is_a_pool_of_its_own() -> None:
    rig = LaneRig(9, LanePolicy("api", limit=2), OTHER)
    rig.ask("other")
    first, second = crowd(rig, "ab")
    assert found(rig) == ["a", "b"]
    rig.queue.leave(second[0], rig.now)
    rig.end(first[0])
    rig = LaneRig(9, LanePolicy("api", limit=3), OTHER)
    rig.ask("api")
    crowd(rig, "ab")
    assert found(rig) == []


def test_so_is_a_door() -> None:
    lanes = (LanePolicy("api", door="session"), LanePolicy("jobs", door="session"), OTHER)
    rig = LaneRig(9, *lanes, doors=(DoorPolicy("session", 2),))
    rig.ask("other")
    crowd(rig, "ab")
    assert found(rig) == ["a", "b"]
    rig = LaneRig(9, *lanes, doors=(DoorPolicy("session", 3),))
    rig.ask("jobs")
    crowd(rig, "ab")
    assert found(rig) == []


def test_a_door_that_is_not_full_is_no_pool() -> None:
    lanes = (LanePolicy("api", door="session"), OTHER)
    rig = LaneRig(3, *lanes, doors=(DoorPolicy("session", 9),))
    rig.ask("other")
    crowd(rig, "ab")
    assert found(rig) == []


def test_who_waits_for_somebody_that_may_end_is_not_among_them() -> None:
    """A cycle beside one that may end: a waits for the lane of b and c, b for the budget."""
    rig = LaneRig(5, LanePolicy("api", limit=2), OTHER)
    rig.ask("api", work="b")
    rig.ask("api", work="c")
    rig.ask("other", work="a")
    rig.fill("other", 2)
    for name, work in (("api", "a"), ("other", "b"), ("api", "c")):
        assert not rig.ask(name, work=work).held
    assert found(rig) == []


def test_with_a_ticket_nobody_is_stuck_but_who_needs_more() -> None:
    rig = LaneRig(3, LanePolicy("api", nested=2))
    crowd(rig, "ab")
    assert found(rig) == []
    assert not rig.ask("api", work="a").held
    assert found(rig) == ["b", "a"] or found(rig) == ["a", "b"]
