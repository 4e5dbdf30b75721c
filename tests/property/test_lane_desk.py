"""Server connections of three roles, random traffic: what fits is used, nobody is forgotten."""

import random

import pytest

from pglane.scheduler.lane import Lane
from pglane.scheduler.lanes import SWITCH_S_MAX, LaneQueue
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.request import Request
from tests.support.lane_desk import CLOSING, IDLE, LEASED, OPENING, LaneDesk, Slot
from tests.support.lane_rig import PATIENT_S

USERS = ("anna", "berta", "carla")
EVENTS = 500
LANES = (
    LanePolicy("otp", reserve=1, wait_s_max=PATIENT_S),
    LanePolicy("kept", reserve=1, lends=False, wait_s_max=PATIENT_S),
    LanePolicy("browse", wait_s_max=PATIENT_S),
    LanePolicy("session", borrows=False, limit=2, wait_s_max=PATIENT_S),
)


class Traffic:
    """Draws what happens next."""

    def __init__(self, seed: int) -> None:
        self.drawn = random.Random(seed)
        self.queue = LaneQueue(5, LANES)
        self.desk = LaneDesk(self.queue)
        self.now = 1.0
        self.asked: list[Request] = []

    def ask(self) -> None:
        lane = self.queue.lanes[self.drawn.choice(LANES).name]
        tenant = lane.tenants.enter(self.drawn.choice(["", "web"]))
        request = Request(lane, tenant, self.drawn.choice(USERS), None, None)
        self.asked.append(request)
        self.desk.ask(request, self.now)

    def any_of(self, *states: str) -> Slot | None:
        slots = [slot for state in states for slot in self.desk.in_state(state)]
        return self.drawn.choice(slots) if slots else None

    def step(self, asks: float) -> None:
        self.now += self.drawn.choice([0.0, 0.001, SWITCH_S_MAX])
        choice = self.drawn.random()
        if choice < asks:
            self.ask()
        elif choice < 0.55 and (slot := self.any_of(LEASED)):
            self.desk.end(slot, self.now)
        elif choice < 0.70 and (slot := self.any_of(OPENING)):
            self.desk.opened(slot, self.now)
        elif choice < 0.80 and (slot := self.any_of(CLOSING)):
            self.desk.gone(slot, self.now)
        elif choice < 0.85 and (slot := self.any_of(OPENING)):
            self.desk.opening_failed(slot, self.now)
        elif choice < 0.90 and (slot := self.any_of(LEASED, IDLE)):
            self.desk.close(slot, self.now)
        elif choice < 0.95 and (waiting := list(self.queue)):
            leaving = self.drawn.choice(waiting)
            self.asked.remove(leaving)
            self.queue.leave(leaving, self.now)

    def check(self) -> None:
        slots = self.desk.slots
        assert len(slots) <= self.queue.budget.limit
        busy = [slot.lease for slot in slots if slot.state != IDLE]
        assert all(lease is not None and lease.held for lease in busy)
        assert len(set(map(id, busy))) == len(busy) == self.queue.budget.busy
        for slot in slots:
            assert (slot.lease is None) == (slot.state == IDLE)
            if slot.state == LEASED and isinstance(slot.lease, Request):
                assert slot.lease.user == slot.user
                assert not slot.lease.claimed
        for request in self.queue:
            lane = request.lane
            assert isinstance(lane, Lane)
            if request.waiting:
                assert not self.queue.admits(lane), "somebody waits beside a place"


@pytest.mark.parametrize("seed", range(20))
def test_the_books_are_right_and_everybody_is_served(seed: int) -> None:
    traffic = Traffic(seed)
    for _ in range(EVENTS):
        traffic.step(asks=0.35)
        traffic.check()
    for _ in range(40 * EVENTS):
        if not len(traffic.queue):
            break
        traffic.step(asks=0.0)
        traffic.check()
    assert len(traffic.queue) == 0


def test_two_busy_lanes_of_two_roles_settle_on_their_server_connections() -> None:
    queue = LaneQueue(4, [LanePolicy("a", wait_s_max=1e9), LanePolicy("b", wait_s_max=1e9)])
    desk = LaneDesk(queue)
    now = 1.0
    for _ in range(300):
        for name in "ab":
            lane = queue.lanes[name]
            desk.ask(Request(lane, lane.tenants.enter(""), name, None, None), now)
    turns = {"a": 0, "b": 0}
    for _ in range(400):
        now += 0.005
        for slot in desk.in_state(CLOSING):
            desk.gone(slot, now)
        for slot in desk.in_state(OPENING):
            desk.opened(slot, now)
        slot = min(desk.in_state(LEASED), key=lambda each: each.lease.since)  # type: ignore[union-attr]
        turns[slot.user] += 1
        desk.end(slot, now)
    assert abs(turns["a"] - turns["b"]) <= 40
    assert desk.switches <= 20
