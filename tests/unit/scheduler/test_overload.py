"""Whether a lane is overloaded."""

import pytest

from pglane.scheduler.overload import INTERVAL_S
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.request import Request
from tests.support.lane_rig import LaneRig

AFTER_S = 0.1
TICK_S = 0.05


def rig_with(waiting: int, **policy: object) -> LaneRig:
    """Two places, both taken, and so many that wait."""
    lane = LanePolicy("browse", shed_after_s=AFTER_S, wait_s_max=1e6, **policy)  # type: ignore[arg-type]
    rig = LaneRig(2, lane)
    rig.held = rig.fill("browse", 2)  # type: ignore[attr-defined]
    for _ in range(waiting):
        rig.ask("browse")
    return rig


def excess(rig: LaneRig, places: float = 2.0) -> int:
    lane = rig.lane("browse")
    assert lane.overload is not None
    return lane.overload.excess(lane, places, rig.now)


def pass_time(rig: LaneRig, seconds: float, places: float = 2.0, *, served: int = 0) -> int:
    """Looks again and again, while leases end and others come; the last finding."""
    found = 0
    for _ in range(round(seconds / TICK_S)):
        rig.now += TICK_S
        for _ in range(served):
            rig.held.append(rig.end(rig.held.pop(0))[0])  # type: ignore[attr-defined]
            rig.ask("browse")
        found = excess(rig, places)
    return found


def test_a_wait_that_is_too_long_for_less_than_an_interval_is_none() -> None:
    rig = rig_with(50)
    assert pass_time(rig, AFTER_S + INTERVAL_S - TICK_S) == 0
    assert pass_time(rig, 3 * TICK_S) == 48


def test_one_short_wait_begins_the_interval_anew() -> None:
    rig = rig_with(3)
    pass_time(rig, INTERVAL_S)
    for request in list(rig.lane("browse").arrivals):
        rig.queue.leave(request, rig.now)
    assert excess(rig) == 0
    for _ in range(3):
        rig.ask("browse")
    assert pass_time(rig, AFTER_S + INTERVAL_S - TICK_S) == 0


def test_as_many_may_wait_as_are_served_in_the_time_that_is_allowed() -> None:
    rig = rig_with(100)
    found = pass_time(rig, 4 * INTERVAL_S, served=2)
    pace = 2 / TICK_S
    assert found == pytest.approx(100 - pace * AFTER_S, abs=1)


def test_there_may_always_be_one_for_each_place() -> None:
    rig = rig_with(30)
    assert pass_time(rig, 2 * INTERVAL_S, places=7.0) == 23
    assert pass_time(rig, TICK_S, places=40.0) == 0


def test_it_is_over_after_an_interval_in_which_nothing_was_too_much() -> None:
    rig = rig_with(30)
    assert pass_time(rig, 2 * INTERVAL_S) == 28
    waiting: list[Request] = list(rig.lane("browse").arrivals)
    for request in waiting:
        rig.queue.leave(request, rig.now)
    assert pass_time(rig, INTERVAL_S - TICK_S) == 0
    for _ in range(30):
        rig.ask("browse")
    assert excess(rig) == 28, "it is not over yet"
    assert pass_time(rig, 4 * TICK_S) == 28
    for request in list(rig.lane("browse").arrivals):
        rig.queue.leave(request, rig.now)
    pass_time(rig, INTERVAL_S + TICK_S)
    for _ in range(30):
        rig.ask("browse")
    assert excess(rig) == 0


def test_who_has_a_server_connection_coming_does_not_wait_for_one() -> None:
    rig = LaneRig(2, LanePolicy("browse", shed_after_s=AFTER_S))
    request = rig.request("browse")
    rig.queue.arrive(request, rig.now)
    rig.queue.claim(request, rig.now)
    assert pass_time(rig, 3 * INTERVAL_S, places=0.0) == 0


def test_what_was_seen_can_be_forgotten() -> None:
    rig = rig_with(30)
    assert pass_time(rig, 2 * INTERVAL_S) == 28
    overload = rig.lane("browse").overload
    assert overload is not None
    overload.forget()
    assert pass_time(rig, INTERVAL_S - TICK_S) == 0
