"""Where the leases of a client belong: which lane of one budget, and which tenant in it.

This joins those who say what lanes there are (`matching.LaneMatching`, made from the settings by
`doors.lane_plan`) and those who lend server connections. `enter` says where the *next* lease of a
client belongs, from its `Origin` and the lane it wishes for, and why a wish was not granted.

In the engine `ClientLink.lane_wished` holds the wish ("": none), and `Database.enter_lane(client)`
is to be called whenever that has changed. A request that waits, or a lease that is held, stays
where it is; the next one goes elsewhere. A new plan is adopted in two steps: the queue is
configured (`LaneQueue.configure`), then the placing adopts the rules and all clients enter again.
So nothing that waits is lost, and what is promised anew holds from the next decision on.

What is worked out for one client holds for all that come from the same place, and is remembered
(`Place`): to enter costs a look into a table, so it can be done for one transaction alone. Whoever
keeps a place himself enters by `join`, which costs next to nothing, as long as `rules` are the
same.
"""

from typing import TYPE_CHECKING

from pglane.scheduler.lane import Lane
from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.matching import LaneMatching, Origin, WishRefused
from pglane.scheduler.request import Request

if TYPE_CHECKING:
    from pglane.scheduler.tenant import Tenant
    from pglane.scheduler.tenants import Tenants

PLACES_MAX = 10_000
"""Remembered places; beyond it the table starts anew."""
UNKNOWN = "\0"
"""In place of wishes for lanes that do not exist: what strangers write is not to be remembered."""


class Place:
    """Where the leases of some clients belong.

    Attributes:
        lane: which lane.
        tenant: the name of which tenant of it.
        refused: why what they wished for was not granted; None: it was, or they did not wish.
        matching: the rules by which that is so.
    """

    __slots__ = ("lane", "matching", "refused", "tenant")

    def __init__(
        self, lane: Lane, tenant: str, refused: WishRefused | None, matching: LaneMatching
    ) -> None:
        self.lane = lane
        self.tenant = tenant
        self.refused = refused
        self.matching = matching


class LanePlacing:
    """Which lanes and tenants of a queue clients belong to.

    Attributes:
        matching: the rules that hold now.
    """

    def __init__(self, queue: LaneQueue, matching: LaneMatching) -> None:
        self._queue = queue
        self._places: dict[tuple[Origin, str], Place] = {}
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
        place = self.place(origin, wished)
        self.join(request, place)
        return place.refused

    def join(self, request: Request, place: Place) -> None:
        """A client's requests belong to a place that holds by the rules of now."""
        if request.lane is not None:
            self.part(request)
        lane: Lane = place.lane
        tenants: Tenants = lane.tenants
        request.lane = lane
        request.tenant = tenants.enter(place.tenant)

    def part(self, request: Request) -> None:
        """Its client is gone, or goes to another lane."""
        tenant: Tenant = request.tenant  # type: ignore[assignment]
        lane: Lane = tenant.lane  # type: ignore[assignment]
        tenants: Tenants = lane.tenants
        tenants.part(tenant)

    def place(self, origin: Origin, wished: str = "") -> Place:
        """Where clients from there belong that wish for this lane."""
        if wished and not self.matching.knows(origin, wished):
            wished = UNKNOWN
        key = (origin, wished)
        place = self._places.get(key)
        if place is None:
            placed = self.matching.place(origin)
            if wished:
                placed = self.matching.wish(origin, placed, wished)
            if len(self._places) >= PLACES_MAX:
                self._places.clear()
            lane = self._queue.add(placed.policy)
            place = Place(lane, placed.tenant, placed.refused, self.matching)
            self._places[key] = place
        return place
