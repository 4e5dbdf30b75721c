"""What a decision costs grows with the logarithm of lanes and tenants: comparisons are counted."""

import math

import pytest

from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.request import Request
from tests.support.lane_rig import PATIENT_S, LaneRig

TURNS = 300


def steps(rig: LaneRig) -> int:
    budget = rig.queue.budget
    heaps = [budget.unmet, budget.sharing, budget.strict]
    heaps += [lane.fair for lane in rig.queue.lanes.values()]
    return sum(heap.steps for heap in heaps)


def waiting_in(lanes: int, tenants: int, reserve: int = 0) -> tuple[LaneRig, list[Request]]:
    """Everything is taken, and somebody waits in each tenant of each lane."""
    policies = [
        LanePolicy(f"lane {n}", weight=1.0 + n % 3, reserve=reserve, wait_s_max=PATIENT_S)
        for n in range(lanes)
    ]
    rig = LaneRig(4 + reserve * lanes, *policies, LanePolicy("filler", wait_s_max=PATIENT_S))
    held = rig.fill("filler", 4 + reserve * lanes)
    for lane in policies:
        for number in range(tenants):
            for _ in range(2):
                rig.ask(lane.name, str(number))
    return rig, held


def steps_each(rig: LaneRig, held: list[Request]) -> float:
    """Comparisons of one turn: a lease ends, the next is granted, another arrives."""
    before = steps(rig)
    for turn in range(TURNS):
        rig.now += 0.001
        place = turn % len(held)
        lease = held[place]
        (held[place],) = rig.end(lease)
        lane, tenant = lease.lane, lease.tenant
        rig.ask(lane.name, tenant.name)  # type: ignore[attr-defined]
    return (steps(rig) - before) / TURNS


@pytest.mark.parametrize(
    ("lanes", "tenants", "reserve"), [(1000, 1, 0), (1, 1000, 0), (400, 1, 1), (30, 30, 0)]
)
def test_a_turn_costs_a_few_times_the_logarithm(lanes: int, tenants: int, reserve: int) -> None:
    each = steps_each(*waiting_in(lanes, tenants, reserve))
    assert each <= 10 * (math.log2(lanes + 1) + math.log2(tenants + 1))


def test_eight_times_as_many_cost_a_little_more_and_not_eight_times() -> None:
    few = steps_each(*waiting_in(100, 1))
    many = steps_each(*waiting_in(800, 1))
    assert many < 2.5 * few


def test_where_nobody_waits_nothing_is_compared_at_all() -> None:
    rig = LaneRig(10, *(LanePolicy(f"lane {n}") for n in range(1000)))
    for turn in range(TURNS):
        rig.now += 0.001
        rig.end(rig.ask(f"lane {turn}"))
    assert steps(rig) == 0
