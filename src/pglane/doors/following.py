"""Who is sent on behind a read that is being answered: shared pipelines, as a desk sees them.

A request that *follows* has the place that another one of its lane still uses: PostgreSQL answers
in order, so the first answer is the other's. In the books the place is the last follower's, and
those before it have none any more; so however many follow, a place is one lease.

A pipeline is its lane's alone. Whoever belongs to another lane, continues a work, needs another
role or other settings, or comes while places are free or being made, is never passed over for one
who follows: then nobody follows any more, and what is in flight comes to its end. Lanes whose
leases may be taken back by time have no pipelines: a bound on a lease is a bound on one request.
"""

from typing import TYPE_CHECKING

from pglane.pool.ledger import IDLE, LEASED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pglane.doors.decisions import Decision
    from pglane.doors.lease import LeaseDesk
    from pglane.doors.need import Need
    from pglane.pool.ledger import Slot
    from pglane.scheduler.lane import Lane
    from pglane.scheduler.request import Lease, Request

# Compiled, these are C integers that Python code cannot see.
_IDLE: int = IDLE
_LEASED: int = LEASED


def next_follower(desk: "LeaseDesk", slot: "Slot", now: float) -> "Request | None":
    """Who would get the slot if it were free now, and may follow what is in flight there."""
    lease: Lease | None = slot.lease  # type: ignore[assignment]
    if lease is None or slot.state != _LEASED or not _may_share(desk, lease):
        return None
    lane: Lane = lease.lane  # type: ignore[assignment]
    request = lane.next(now)
    need: Need = request.need  # type: ignore[assignment]
    if request.stamp is not None or now >= request.expires or request.user != slot.user:
        return None
    return request if need.accepts(slot.base) else None


def _may_share(desk: "LeaseDesk", lease: "Lease") -> bool:
    """Whether all who wait are of the lane that has the place, and no place is to be had."""
    queue, ledger = desk.queue, desk.ledger
    lane: Lane = lease.lane  # type: ignore[assignment]
    if not lane.waiting or lane.waiting != queue.waiting or lane.hold_s_max > 0.0:
        return False
    if lease.recalled >= 0.0 or lease.stamp is not None or queue.refused or desk.debts():
        return False
    if desk.paused or desk.failure or desk.rotated:
        return False
    return ledger.room() == 0 and not ledger.count(_IDLE)


def follow(desk: "LeaseDesk", slot: "Slot", request: "Request", now: float) -> None:
    """`next_follower` is sent on: the place is its from now on."""
    desk.queue.follow(request, slot.lease, now)  # type: ignore[arg-type]
    slot.lease = request
    desk.ledger.hand_over(slot, now)


def fall_back(
    desk: "LeaseDesk",
    slot: "Slot",
    head: "Request | None",
    followers: "Sequence[Request]",
    now: float,
) -> "list[Decision]":
    """They wait again, in their old places; the place is the head's again, who is being answered.

    So it counts for its lane, and can be asked back, however long that takes. None: nobody's.
    """
    for request in followers:
        desk.queue.falls_back(request, now)
    if head is None or head.held or head.waiting:
        slot.lease = desk.queue.spare(slot, now)
    else:
        desk.queue.book(head, now)
        slot.lease = head
    return desk.tick(now)
