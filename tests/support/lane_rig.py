"""A scheduler of lanes with somebody who acts on it: what the engine does, without servers."""

from pglane.scheduler.lane import Lane
from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.policy import DoorPolicy, LanePolicy
from pglane.scheduler.request import Lease, Offer, Request

PATIENT_S = 1e6


class OfferFor(Offer):
    """A server connection of one role."""

    def __init__(self, user: str) -> None:
        self.user = user

    def fits(self, request: Request) -> bool:
        return request.user == self.user


class LaneRig:
    """Asks, ends and grants; every server connection fits everybody, if not told otherwise."""

    def __init__(
        self,
        budget: int,
        *lanes: LanePolicy,
        doors: tuple[DoorPolicy, ...] = (),
        queue_class: type[LaneQueue] = LaneQueue,
        waiting_max: int = 10_000,
    ) -> None:
        self.queue = queue_class(budget, lanes, doors, waiting_max)
        self.now = 100.0

    def lane(self, name: str) -> Lane:
        return self.queue.lanes[name]

    def request(self, name: str, tenant: str = "", user: str = "", work: str = "") -> Request:
        lane = self.lane(name)
        request = Request(lane, lane.tenants.enter(tenant), user, None, object())
        request.stamp = (user, work) if work else None
        return request

    def ask(self, name: str, tenant: str = "", user: str = "", work: str = "") -> Request:
        """It has a place at once, or waits."""
        request = self.request(name, tenant, user, work)
        if not self.queue.take(request, self.now):
            self.queue.arrive(request, self.now)
            self.decide(None)
        return request

    def end(self, lease: Lease) -> list[Request]:
        """The lease ends, and whoever is next gets its place."""
        lane = lease.lane
        assert isinstance(lane, Lane)
        self.queue.release(lease, self.now)
        return self.decide(lane)

    def decide(self, own: Lane | None) -> list[Request]:
        granted: list[Request] = []
        while (request := self.queue.choose(None, own, self.now, True)) is not None:
            self.queue.grant(request, self.now)
            granted.append(request)
            own = None
        return granted

    def fill(self, name: str, count: int) -> list[Request]:
        """So many leases of a lane."""
        leases = [self.ask(name) for _ in range(count)]
        assert all(lease.held for lease in leases)
        return leases
