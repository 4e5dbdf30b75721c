"""Random traffic: every decision of the scheduler is one that the slow oracle allows."""

import random
from dataclasses import replace

import pytest

from pglane.scheduler.lane import Lane
from pglane.scheduler.policy import DoorPolicy, LanePolicy
from pglane.scheduler.request import Request
from tests.support.lane_oracle import Oracle
from tests.support.lane_rig import PATIENT_S, LaneRig

EVENTS = 400
TENANTS = ("", "web", "cron")
WORKS = ("", "", "cart", "mail", "sync")


def policies_of(drawn: random.Random) -> list[LanePolicy]:
    """A handful of lanes, some in a door, some with reservations."""
    policies = [
        LanePolicy(
            f"lane {number}",
            door=drawn.choice(["", "session"]),
            reserve=drawn.choice([0, 0, 1, 2]),
            guard=drawn.choice([0, 1]),
            lends=drawn.random() < 0.8,
            weight=drawn.choice([1.0, 1.0, 3.0]),
            limit=drawn.choice([0, 0, 2]),
            borrows=drawn.random() < 0.7,
            wait_s_max=PATIENT_S,
            nested=drawn.choice([1, 1, 2, 3]),
        )
        for number in range(drawn.randint(2, 5))
    ]
    return [
        replace(each, limit=each.limit + each.golden if each.limit else 0) for each in policies
    ]


class Checked:
    """The scheduler and the oracle, told the same."""

    def __init__(self, seed: int) -> None:
        self.drawn = random.Random(seed)
        policies = self.policies = policies_of(self.drawn)
        reserved = sum(policy.reserve + policy.golden for policy in policies)
        budget = reserved + self.drawn.randint(1, 3)
        door = max(sum(p.reserve + p.golden for p in policies if p.door), 1)
        door += self.drawn.randint(0, 2)
        self.rig = LaneRig(budget, *policies, doors=(DoorPolicy("session", door),))
        self.oracle = Oracle(budget, policies, {"session": door})
        self.names = [policy.name for policy in policies]
        self.held: list[Request] = []
        self.waiting: list[Request] = []

    def ask(self) -> None:
        name, tenant = self.drawn.choice(self.names), self.drawn.choice(TENANTS)
        work = self.drawn.choice(WORKS)
        request = self.rig.request(name, tenant, work=work)
        lane = self.oracle.lanes[name]
        others = any(each.waiting for each in self.oracle.lanes.values())
        free = self.oracle.may_have(lane) and (not others or (lane.missing and not lane.waiting))
        if work and self.oracle.asks(work) and any(p.golden for p in self.policies):
            free = False  # what waits of the work may go on by it, so it is decided
        assert self.rig.queue.take(request, self.rig.now) == bool(free)
        if free:
            self.oracle.took(name, tenant, request, work, self.rig.now)
            self.held.append(request)
            return
        self.oracle.arrived(name, tenant, request, work, self.rig.now)
        self.rig.queue.arrive(request, self.rig.now)
        self.waiting.append(request)
        self.decide(None)

    def end(self) -> None:
        lease = self.held.pop(self.drawn.randrange(len(self.held)))
        lane = lease.lane
        assert isinstance(lane, Lane)
        self.oracle.ended(lane.name, lease, self.rig.now)
        self.rig.queue.release(lease, self.rig.now)
        self.decide(lane)

    def leave(self) -> None:
        request = self.waiting.pop(self.drawn.randrange(len(self.waiting)))
        self.oracle.left(request.lane.name, request, self.rig.now)  # type: ignore[attr-defined]
        self.rig.queue.leave(request, self.rig.now)

    def decide(self, own: Lane | None) -> None:
        while True:
            allowed = self.oracle.next_lanes(own.name if own else None)
            request = self.rig.queue.choose(None, own, self.rig.now, True)
            if request is None:
                assert not allowed
                assert not self.oracle.by_tickets()
                return
            name: str = request.lane.name  # type: ignore[attr-defined]
            if allowed:
                assert name in [lane.policy.name for lane in allowed]
                assert request in self.oracle.next_requests(self.oracle.lanes[name])
            golden = not self.oracle.may_have(self.oracle.lanes[name])
            golden = golden and request in self.oracle.by_tickets()
            assert golden or allowed
            self.rig.queue.grant(request, self.rig.now)
            assert request.golden == golden
            self.oracle.granted(name, request, self.rig.now, golden=golden)
            self.waiting.remove(request)
            self.held.append(request)
            own = None

    def run(self, events: int) -> None:
        for _ in range(events):
            self.rig.now += self.drawn.choice([0.0, 0.001, 0.010, 0.1, 5.0]) * self.drawn.random()
            choice = self.drawn.random()
            if choice < 0.5:
                self.ask()
            elif choice < 0.93 and self.held:
                self.end()
            elif self.waiting:
                self.leave()


@pytest.mark.parametrize("seed", range(25))
def test_every_decision_is_one_that_the_oracle_allows(seed: int) -> None:
    checked = Checked(seed)
    checked.run(EVENTS)
    assert checked.rig.queue.budget.busy == len(checked.held)
    assert checked.rig.queue.waiting == len(checked.waiting)
