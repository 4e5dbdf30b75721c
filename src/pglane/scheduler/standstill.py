"""Pool self-deadlock: works that hold all there is and each wait for more of it.

PostgreSQL sees idle transactions and no lock; nothing ends it but a time limit. Whoever knows
which leases belong together can prove it. Works form an AND-OR graph: a work waits for a place,
and *any* lease in the pool that has it may end, so a search for cycles would be wrong (a cycle
beside one lease that runs is no deadlock). It is reduced instead: who holds places and does not
wait, or does something, may end; so may whoever waits for a pool in which somebody holds a place
who may end; and so on. Whatever is left waits for itself, for ever.

The pool of a request is its lane where that is at its limit, else its door, else the budget.

A work is taken for sequential: with a place in which nothing happens, and a request that waits,
its code stands at that request. One that does several things at once may think in one transaction
while another waits; so its places must have been quiet for a while, as the caller says
(`is_quiet`).

Source of the reduction: Knapp, "Deadlock Detection in Distributed Databases" (ACM Computing
Surveys 1987), AND-OR model. The newest request is refused (wait-die: Rosenkrantz, Stearns and
Lewis 1978), for whoever came first has the most to lose.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pglane.scheduler.request import Request
from pglane.scheduler.work import Work

if TYPE_CHECKING:
    from pglane.scheduler.group import Group
    from pglane.scheduler.lane import Lane
    from pglane.scheduler.request import Lease

IsQuiet = Callable[["Lease"], bool]


def stuck(lanes: "Iterable[Lane]", is_quiet: IsQuiet) -> list[Work]:
    """Works that wait for each other and for nobody else; []: there are none.

    Args:
        lanes: all lanes of a budget.
        is_quiet: whether nothing happens in a lease, and nothing did for a while.
    """
    waiting: dict[Work, None] = {}
    for lane in lanes:
        request = lane.front.first
        while request is not None:
            waiting[request.work] = None  # type: ignore[index]
            request = request.after
    left = [work for work in waiting if _stands(work, is_quiet)]
    while left:
        held = _held(left)
        still = [work for work in left if not any(_may_end(each, held) for each in work.waiting)]
        if len(still) == len(left):
            return left
        left = still
    return []


def newest(works: Iterable[Work]) -> Request:
    """The request that came last of all that these wait with."""
    return max((each for work in works for each in work.waiting), key=lambda each: each.arrived)


def _stands(work: Work, is_quiet: IsQuiet) -> bool:
    """Whether it does nothing with what it has."""
    for lease in work.held:
        if (isinstance(lease, Request) and lease.claimed) or not is_quiet(lease):
            return False
    return True


def _held(works: Iterable[Work]) -> dict[object, int]:
    """How many places these have of each lane and group."""
    held: dict[object, int] = {}
    for work in works:
        for lease in work.held:
            lane: Lane = lease.lane  # type: ignore[assignment]
            held[lane] = held.get(lane, 0) + 1
            group: Group | None = lane.group
            while group is not None:
                held[group] = held.get(group, 0) + 1
                group = group.parent
    return held


def _may_end(request: Request, held: dict[object, int]) -> bool:
    """Whether somebody who may end has a place that the request could get."""
    lane: Lane = request.lane  # type: ignore[assignment]
    if lane.busy >= lane.limit:
        return lane.busy + lane.golden > held.get(lane, 0)
    group = lane.group
    while group.parent is not None and group.has_place():
        group = group.parent
    return group.busy > held.get(group, 0)
