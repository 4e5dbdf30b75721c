"""Golden tickets: why works that need several places at once always finish (rule R7).

T works that need two places each, on T places: each has one and waits for another, for ever, and
PostgreSQL sees idle transactions. A lane with `nested` = n keeps n-1 places, its *ticket*, that
are given only to requests that continue a work (`work`), and to one work at a time:

* Whoever has the ticket finishes. It has its first place outside of the ticket, or the ticket
  would not be its; so of its further n-1 none can be missing.
* Then the ticket goes to another one that waits. So all of them finish, however many there are:
  n places do where a pool without a ticket needs (n-1) * T + 1.

The ticket is used only where an ordinary place is not to be had. What is on it is no part of the
lane's reservation or share; it is guarded like a reservation that is not lent (`group`), counts
against the limits of lane, door and budget, and so it is there when it is needed.

If a work that is on the ticket gives an ordinary place back, one of its others takes that place
over and frees the ticket's: else it could have nothing *but* the ticket, all of it, and need more.

Not covered: works that need more than n, and works with places of several lanes. Those are found
instead (`standstill`), where it comes to that.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pglane.scheduler.group import Group
    from pglane.scheduler.lane import Lane
    from pglane.scheduler.request import Lease, Request
    from pglane.scheduler.work import Work


def may_have(lane: "Lane", work: "Work | None") -> bool:
    """Whether a work may have one more place of a lane's ticket now."""
    if lane.golden >= lane.golden_max or work is None or not work.held:
        return False
    if lane.golden_work is not None and lane.golden_work is not work:
        return False
    group: Group | None = lane.group
    while group is not None:
        if group.busy >= group.limit:
            return False  # there are fewer places than there were
        group = group.parent
    return True


def next_of(lane: "Lane") -> "Request | None":
    """Who could have the next place of a lane's ticket; None: nobody."""
    holder: Work | None = lane.golden_work
    if holder is None:
        first: Request | None = lane.front.first  # type: ignore[assignment]
        return first if first is not None and may_have(lane, first.work) else None
    for request in holder.waiting:
        if request.continues and request.lane is lane:
            return request if may_have(lane, holder) else None
    return None


def take(lane: "Lane", work: "Work") -> None:
    """A place of the ticket is in use, by this work."""
    lane.golden_work = work
    _count(lane, 1)


def give_back(lane: "Lane") -> None:
    """A place of the ticket is free; with the last one the ticket is."""
    _count(lane, -1)
    if not lane.golden:
        lane.golden_work = None


def _count(lane: "Lane", change: int) -> None:
    lane.golden += change
    group: Group | None = lane.group
    while group is not None:
        group.busy += change
        group.guarded -= change
        group = group.parent


def exchange(lease: "Lease", lane: "Lane") -> None:
    """The place of an ordinary lease is about to be free: one on the ticket takes it over."""
    work: Work = lease.work  # type: ignore[assignment]
    if lane.golden_work is not work:
        return
    other = next(each for each in work.held if each.golden and each.lane is lane)
    other.golden, lease.golden = False, True
    other.borrowed, lease.borrowed = lease.borrowed, False
    other.lender, lease.lender = lease.lender, None
    lane.overtaken = True  # a place of the lane is not free though a lease of it ends


def dissolve(lane: "Lane") -> None:
    """What is on the ticket is ordinary from now on; the caller counts anew."""
    for lease in lane.holders:
        lease.golden = False
    lane.busy += lane.golden
    lane.golden = 0
    lane.golden_work = None
