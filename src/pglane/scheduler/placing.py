"""Where the leases of a client belong: which lane of one budget, and which tenant in it.

This joins those who say what lanes there are (`matching.LaneMatching`, made from the settings by
`doors.lane_plan`) and those who lend server connections. `enter` says where the *next* lease of a
client belongs, from its `Origin` and the lane it wishes for, and why a wish was not granted.

In the engine `ClientLink.lane_wished` holds the wish ("": none), and `Database.enter_lane(client)`
is to be called whenever that has changed. A request that waits, or a lease that is held, stays
where it is; the next one goes elsewhere. A new plan is adopted in two steps: the queue is
configured (`LaneQueue.configure`), then the placing adopts the rules and all clients enter again.
So nothing that waits is lost, and what is promised anew holds from the next decision on.

What is worked out for one client holds for all that come from the same place, and is remembered:
to enter costs a look into a table, so it can be done for one transaction alone.
"""

from typing import TYPE_CHECKING

from pglane.scheduler.lane import Lane
from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.matching import LaneMatching, Origin, WishRefused
from pglane.scheduler.request import Request

if TYPE_CHECKING:
    from pglane.scheduler.tenant import Tenant

PLACES_MAX = 10_000
"""Remembered places; beyond it the table starts anew."""


class LanePlacing:
    """Which lanes and tenants of a queue clients belong to.

    Attributes:
        matching: the rules that hold now.
    """

    def __init__(self, queue: LaneQueue, matching: LaneMatching) -> None:
        self._queue = queue
        self._places: dict[tuple[Origin, str], tuple[Lane, str, WishRefused | None]] = {}
        self.matching = matching

    def adopt(self, matching: LaneMatching) -> None:
        """Other rules from now on; the queue has been configured with their lanes."""
        self._places.clear()
        self.matching = matching

    def enter(self, request: Request, origin: Origin, wished: str = "") -> WishRefused | None:
        """A client's requests belong there from now on; this one neither waits nor is held.

        Args:
            request: the client's; its lane is None before it belongs anywhere.
            origin: where the client comes from.
            wished: the lane it asked for; "": none.

        Returns:
            Why its wish was not granted.
        """
        lane, name, refused = self._place(origin, wished)
        if request.lane is not None:
            self.part(request)
        request.lane = lane
        request.tenant = lane.tenants.enter(name)
        return refused

    def part(self, request: Request) -> None:
        """Its client is gone, or goes to another lane."""
        tenant: Tenant = request.tenant  # type: ignore[assignment]
        lane: Lane = tenant.lane  # type: ignore[assignment]
        lane.tenants.part(tenant)

    def _place(self, origin: Origin, wished: str) -> tuple[Lane, str, WishRefused | None]:
        key = (origin, wished)
        place = self._places.get(key)
        if place is None:
            placed = self.matching.place(origin)
            if wished:
                placed = self.matching.wish(origin, placed, wished)
            if len(self._places) >= PLACES_MAX:
                self._places.clear()
            lane = self._queue.add(placed.policy)
            place = self._places[key] = (lane, placed.tenant, placed.refused)
        return place
