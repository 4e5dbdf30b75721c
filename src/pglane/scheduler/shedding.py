"""Whom to refuse when too many wait.

The lowest rank goes first; of it the tenant with the most waiting; of that one the newest retry,
then the newest. Those who waited longest are nearest to being served, and a retry is the work of
somebody who has been answered before.

A sixteenth of the limit is refused at once. The search looks at every tenant that waits; done so
rarely, it costs each arrival next to nothing, and the queue does not stand at its limit with one
refusal for each arrival.
"""

import heapq
from collections.abc import Iterable

from pglane.scheduler.lane import Lane
from pglane.scheduler.request import Request
from pglane.scheduler.tenant import Tenant

RELIEF = 16
"""This part of the limit is freed at once."""
RETRY_LOOKS = 64
"""Newest requests of a tenant among which a retry is looked for."""


def victims(lanes: Iterable[Lane], waiting_max: int) -> list[Request]:
    """Those to refuse so that fewer than the limit wait again."""
    waiting = [lane for lane in lanes if lane.waiting]
    excess = sum(lane.waiting for lane in waiting) - waiting_max + waiting_max // RELIEF
    found: list[Request] = []
    for rank in sorted({lane.rank for lane in waiting}):
        tenants = [tenant for lane in waiting if lane.rank == rank for tenant in _tenants(lane)]
        found += _of_largest(tenants, excess - len(found))
        if len(found) >= excess:
            break
    return found


def _tenants(lane: Lane) -> list[Tenant]:
    known: list[Tenant] = lane.tenants.all()
    return [tenant for tenant in known if tenant.line.first is not None]


def _of_largest(tenants: list[Tenant], count: int) -> list[Request]:
    """From the tenant that has most waiting, then from whichever has most then."""
    lines = [_in_order(tenant) for tenant in tenants]
    sizes = [(-len(line), number) for number, line in enumerate(lines)]
    heapq.heapify(sizes)
    found: list[Request] = []
    while sizes and len(found) < count:
        size, number = sizes[0]
        found.append(lines[number].pop())
        if lines[number]:
            heapq.heapreplace(sizes, (size + 1, number))
        else:
            heapq.heappop(sizes)
    return found


def _in_order(tenant: Tenant) -> list[Request]:
    """All that wait, who is to be refused first last."""
    waiting: list[Request] = list(tenant.line)  # type: ignore[arg-type]
    recent = waiting[-RETRY_LOOKS:]
    firsts = [request for request in recent if not request.attempt]
    retries = [request for request in recent if request.attempt]
    return waiting[:-RETRY_LOOKS] + firsts + retries
