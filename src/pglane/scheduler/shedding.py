"""Whom to refuse when too many wait, or when a lane's requests wait for too long.

The lowest rank goes first; of it the tenant with the most waiting; of that one the newest retry,
then the newest. Those who waited longest are nearest to being served, and a retry is the work of
somebody who has been answered before.

Work that holds a lease already (`Request.continues`) is never refused, nor what has a server
connection coming: something was spent on it.

**Too many** (`victims`): a sixteenth of the limit is refused at once. The search looks at every
tenant that waits; done so rarely, it costs each arrival next to nothing, and the queue does not
stand at its limit with one refusal for each arrival.

**For too long** (`for_lane`): an overloaded lane gets relief from lanes of a lower rank, then from
itself. Lanes of its own rank and above never pay for it: their shares are theirs. Nor does a lane
that has no more than its reservation, as long as nobody of it waits longer than was promised: that
reservation is what a flood beside it must not touch. A lane that is owed a place is not
overloaded, it is waiting for what it lent.
"""

import heapq
from collections.abc import Iterable, Iterator

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
    return _lowest_first(waiting, excess)


def for_lane(lane: Lane, others: Iterable[Lane], count: int, now: float) -> list[Request]:
    """At most so many to refuse because a lane's requests wait for too long."""
    lower = [
        each
        for each in others
        if each.waiting and each.rank < lane.rank and not _keeps_its_promise(each, now)
    ]
    found = _lowest_first(lower, count)
    if lane.busy >= lane.reserve:
        found += _of_largest([lane], count - len(found))
    return found


def _keeps_its_promise(lane: Lane, now: float) -> bool:
    """Whether it has no more than was promised to it, and no less in time."""
    if not lane.reserve or lane.suspended or lane.busy > lane.reserve:
        return False
    oldest = lane.arrivals.first
    assert oldest is not None
    bound_s = lane.bound_s(oldest)
    return bound_s < 0.0 or now - oldest.arrived <= bound_s


def _lowest_first(lanes: list[Lane], count: int) -> list[Request]:
    found: list[Request] = []
    for rank in sorted({lane.rank for lane in lanes}):
        found += _of_largest([lane for lane in lanes if lane.rank == rank], count - len(found))
        if len(found) >= count:
            break
    return found


def _of_largest(lanes: list[Lane], count: int) -> list[Request]:
    """From the tenant that has most waiting, then from whichever has most then."""
    tenants: list[Tenant] = [tenant for lane in lanes for tenant in lane.fair.members()]  # type: ignore[misc]
    lines = [_newest_first(tenant) for tenant in tenants]
    sizes = [(-tenant.waiting, number) for number, tenant in enumerate(tenants)]
    heapq.heapify(sizes)
    found: list[Request] = []
    while sizes and len(found) < count:
        size, number = sizes[0]
        request = next(lines[number], None)
        if request is None:
            heapq.heappop(sizes)
        else:
            found.append(request)
            heapq.heapreplace(sizes, (size + 1, number))
    return found


def _newest_first(tenant: Tenant) -> Iterator[Request]:
    """All that wait in line, who is to be refused first first."""
    recent: list[Request] = []
    request: Request | None = tenant.line.last  # type: ignore[assignment]
    while request is not None and len(recent) < RETRY_LOOKS:
        recent.append(request)
        request = request.before  # type: ignore[assignment]
    yield from (each for each in recent if each.attempt)
    yield from (each for each in recent if not each.attempt)
    while request is not None:
        yield request
        request = request.before  # type: ignore[assignment]
