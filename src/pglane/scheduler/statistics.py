"""What the scheduler knows about itself, as immutable snapshots: console, metrics, lab and tests.

Counters only grow, so two snapshots and a subtraction give any window (`fairness`). Nothing is
counted for a snapshot that is not counted anyway, and taking one changes nothing but the time up
to which used places are summed.
"""

from dataclasses import dataclass

from pglane.scheduler.counters import VIOLATIONS
from pglane.scheduler.lane import Lane
from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.reasons import REASONS, REFUSALS
from pglane.scheduler.tenant import Tenant


@dataclass(frozen=True, slots=True)
class TenantStatistics:
    """One tenant; see `tenant.Tenant`.

    Attributes:
        head_age_s: how long its oldest request waits by now.
        refused: by `RefusedBecause` value.
    """

    name: str
    clients: int
    busy: int
    waiting: int
    head_age_s: float
    grants: int
    waits: tuple[int, ...]
    wait_s: float
    wait_s_max: float
    held_s: float
    refused: dict[str, int]


@dataclass(frozen=True, slots=True)
class LaneStatistics:
    """One lane; see `lane.Lane` and `counters.Counters`.

    Attributes:
        coming: requests for which a server connection is being made ready; they are in `busy` too.
        tickets: places of its golden ticket that can be kept now.
        tickets_busy: those in use; they are in `busy` too.
        continuing: requests that wait and whose work has a lease already.
        head_age_s: how long the oldest request waits by now.
        reasons: arrivals that had to wait, by `WaitReason` value.
        refused: by `RefusedBecause` value.
        violations: waits beyond the promised bound, by reason.
    """

    name: str
    door: str
    weight: float
    promised: int
    reserve: int
    busy: int
    waiting: int
    coming: int
    tickets: int
    tickets_busy: int
    continuing: int
    head_age_s: float
    hold_s_mean: float
    grants: int
    waits: tuple[int, ...]
    wait_s: float
    wait_s_max: float
    service_s: float
    backlogged_s: float
    backlogged_service_s: float
    borrowed_s: float
    lent_s: float
    recalls: int
    give_back_s: float
    give_back_s_max: float
    give_backs: tuple[int, ...]
    reasons: dict[str, int]
    refused: dict[str, int]
    violations: dict[str, int]


@dataclass(frozen=True, slots=True)
class SchedulerStatistics:
    """A whole budget at one moment."""

    budget: int
    busy: int
    on_loan: int
    waiting: int
    recalls_pending: int
    lanes: tuple[LaneStatistics, ...]


def statistics(queue: LaneQueue, now: float) -> SchedulerStatistics:
    """A snapshot."""
    lanes = tuple(lane_statistics(lane, now) for lane in queue.lanes.values())
    return SchedulerStatistics(
        queue.budget.limit,
        queue.budget.busy,
        queue.budget.on_loan(),
        queue.waiting,
        queue.recalls.pending,
        lanes,
    )


def lane_statistics(lane: Lane, now: float) -> LaneStatistics:
    """A snapshot of one lane."""
    lane.touch(now)
    told = lane.counters
    oldest = lane.arrivals.first
    return LaneStatistics(
        name=lane.name,
        door=lane.group.name,
        weight=lane.weight,
        promised=lane.policy.reserve,
        reserve=lane.reserve,
        busy=lane.busy + lane.golden,
        waiting=lane.waiting,
        coming=sum(request.claimed for request in lane.arrivals),
        tickets=lane.golden_max,
        tickets_busy=lane.golden,
        continuing=sum(1 for _ in lane.front),
        head_age_s=0.0 if oldest is None else now - oldest.arrived,
        hold_s_mean=lane.mean_s,
        grants=told.grants,
        waits=tuple(told.waits),
        wait_s=told.wait_s,
        wait_s_max=told.wait_s_max,
        service_s=told.service_s,
        backlogged_s=told.backlogged_s,
        backlogged_service_s=told.backlogged_service_s,
        borrowed_s=told.borrowed_s,
        lent_s=told.lent_s,
        recalls=told.recalls,
        give_back_s=told.give_back_s,
        give_back_s_max=told.give_back_s_max,
        give_backs=tuple(told.give_backs),
        reasons={reason.value: told.reasons[reason.place] for reason in REASONS},
        refused={reason.value: told.refused[reason.place] for reason in REFUSALS},
        violations=dict(zip(VIOLATIONS, told.violations, strict=True)),
    )


def tenant_statistics(lane: Lane, count: int, now: float) -> tuple[TenantStatistics, ...]:
    """The tenants of a lane that used most, at most so many."""
    most = sorted(lane.tenants.all(), key=lambda tenant: -tenant.held_s)[:count]
    return tuple(_tenant_statistics(tenant, now) for tenant in most)


def _tenant_statistics(tenant: Tenant, now: float) -> TenantStatistics:
    oldest = tenant.line.first
    return TenantStatistics(
        name=tenant.name,
        clients=tenant.members,
        busy=tenant.busy,
        waiting=tenant.waiting,
        head_age_s=0.0 if oldest is None else now - oldest.arrived,  # type: ignore[attr-defined]
        grants=tenant.grants,
        waits=tuple(tenant.waits),
        wait_s=tenant.wait_s,
        wait_s_max=tenant.wait_s_max,
        held_s=tenant.held_s,
        refused={reason.value: tenant.refused[reason.place] for reason in REFUSALS},
    )


def fairness(before: SchedulerStatistics, after: SchedulerStatistics) -> float:
    """Jain's index over the lanes that waited in between: 1.0 where each got its share.

    What a lane got is its places in use per second in which it waited, over its weight. Of n
    lanes, one that has it all gives 1/n.
    """
    earlier = {lane.name: lane for lane in before.lanes}
    got: list[float] = []
    for lane in after.lanes:
        was = earlier.get(lane.name)
        waited_s = lane.backlogged_s - (was.backlogged_s if was else 0.0)
        service_s = lane.backlogged_service_s - (was.backlogged_service_s if was else 0.0)
        if waited_s > 0.0:
            got.append(service_s / waited_s / lane.weight)
    return jain(got)


def jain(values: list[float]) -> float:
    """(sum x)^2 / (n * sum x^2); 1.0 for nothing and for nobody who got anything."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0
