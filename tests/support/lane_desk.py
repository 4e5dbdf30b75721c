"""Places with server connections of several roles in them, run by the scheduler of lanes.

The least that a desk must do: each slot that is not idle has the lease that books its place. One
that is closed or opened for somebody has that request as its lease already.
"""

from pglane.scheduler.lane import Lane
from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.request import Lease, Request
from tests.support.lane_rig import OfferFor

IDLE, LEASED, OPENING, CLOSING = "idle", "leased", "opening", "closing"


class Slot:
    def __init__(self, user: str, state: str, lease: Lease | None) -> None:
        self.user = user
        self.state = state
        self.lease = lease


class LaneDesk:
    """Carries out at once what is decided; openings and closings end when they are told to."""

    def __init__(self, queue: LaneQueue) -> None:
        self.queue = queue
        self.slots: list[Slot] = []
        self.switches = 0

    def in_state(self, state: str) -> list[Slot]:
        return [slot for slot in self.slots if slot.state == state]

    def has_room(self) -> bool:
        return len(self.slots) < self.queue.budget.limit

    def ask(self, request: Request, now: float) -> None:
        for slot in self.in_state(IDLE):
            if slot.user == request.user and self.queue.take(request, now):
                slot.state, slot.lease = LEASED, request
                return
        self.queue.arrive(request, now)
        self.provide(None, now)

    def end(self, slot: Slot, now: float) -> None:
        """A clean server connection is free."""
        lease = slot.lease
        assert lease is not None
        self.queue.release(lease, now)
        slot.state, slot.lease = IDLE, None
        lane = lease.lane
        assert isinstance(lane, Lane)
        self.offer(slot, lane, now)
        self.provide(lane, now)

    def offer(self, slot: Slot, own: Lane | None, now: float) -> bool:
        offer = OfferFor(slot.user)
        request = self.queue.choose(offer, own, now, not self.has_room())
        if request is None:
            return False
        if not offer.fits(request):
            self.switch(slot, request, now)
            return True
        if request.claimed:
            other = next(each for each in self.slots if each.lease is request)
            other.lease = self.queue.spare(other, now)
        self.queue.grant(request, now)
        slot.state, slot.lease = LEASED, request
        return True

    def switch(self, slot: Slot, request: Request, now: float) -> None:
        """Closes one that fits nobody, for somebody."""
        self.queue.claim(request, now)
        slot.state, slot.lease = CLOSING, request
        self.switches += 1

    def provide(self, own: Lane | None, now: float) -> None:
        """Offers what is idle, opens where there is room, and closes what fits nobody."""
        while self.has_room() or self.in_state(IDLE):
            if any(self.offer(slot, own, now) for slot in self.in_state(IDLE)):
                own = None
                continue
            request = self.queue.choose(None, own, now, True)
            if request is None:
                return
            if self.has_room():
                self.queue.claim(request, now)
                self.slots.append(Slot(request.user, OPENING, request))
            else:
                self.switch(self.in_state(IDLE)[0], request, now)
            own = None

    def opened(self, slot: Slot, now: float) -> None:
        lease = slot.lease
        if isinstance(lease, Request) and lease.claimed:
            self.queue.grant(lease, now)
            slot.state = LEASED
        else:
            self.end(slot, now)

    def opening_failed(self, slot: Slot, now: float) -> None:
        self.slots.remove(slot)
        lease = slot.lease
        assert lease is not None
        if isinstance(lease, Request) and lease.claimed:
            self.queue.unclaim(lease, now)
        else:
            self.queue.release(lease, now)
        self.provide(None, now)

    def close(self, slot: Slot, now: float) -> None:
        """The server connection ends of its own accord, or by the engine's wish."""
        if slot.state == IDLE:
            slot.lease = self.queue.spare(slot, now)
        slot.state = CLOSING

    def gone(self, slot: Slot, now: float) -> None:
        """The backend is gone: the place is free, or somebody's whom it was closed for."""
        self.slots.remove(slot)
        lease = slot.lease
        assert lease is not None
        if isinstance(lease, Request) and lease.claimed:
            self.slots.append(Slot(lease.user, OPENING, lease))
            return
        self.queue.release(lease, now)
        lane = lease.lane
        assert isinstance(lane, Lane)
        self.provide(lane, now)
