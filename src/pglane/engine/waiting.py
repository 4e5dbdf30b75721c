"""What those hear who wait for a server connection: why, behind whom, and the end of it.

A request that is refused was not started: its client gets an error inside its connection, stays
connected, and may try again (promise P5). Before that, at half of its time, it gets a notice. A
notice may come at any time, and a client that waits has nothing half told; so it goes out at once.

Clients hear who of their own user holds server connections, and of others only how many.
"""

from typing import TYPE_CHECKING

from pglane.errors.server import ServerUnreachable
from pglane.errors.waiting import (
    WaitedWhilePaused,
    WaitHopeless,
    WaitOverloaded,
    WaitShed,
    WaitTooLong,
)
from pglane.pool.ledger import SlotState
from pglane.scheduler.reasons import RefusedBecause
from pglane.wire.server_messages import notice_response

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.database import Database
    from pglane.engine.loop import Timer
    from pglane.errors import Refusal
    from pglane.scheduler.lane import Lane
    from pglane.scheduler.request import Request

HOLDERS_TOLD_MAX = 3
RETRY_S_MIN, RETRY_S_MAX = 0.1, 10.0
NOTICE_EVERY_S = 0.25
"""All who wait are looked at at most so often."""
NOTICE_SHARE = 0.5
"""The part of its time after which who waits is told."""

KINDS: "dict[RefusedBecause | None, type[Refusal]]" = {
    RefusedBecause.HOPELESS: WaitHopeless,
    RefusedBecause.SHED: WaitShed,
    RefusedBecause.OVERLOADED: WaitOverloaded,
}


def rejection(database: "Database", request: "Request") -> "Refusal":
    """Why a request is answered without having been started."""
    client: ClientLink = request.client  # type: ignore[assignment]
    waited_ms = (database.loop.now - request.arrived) * 1000
    limit = _limit(client, request)
    if database.paused:
        return WaitedWhilePaused(database=database.name, waited_ms=waited_ms, limit=limit)
    desk = database.desk
    statistics = desk.ledger.statistics()
    if desk.failure and not statistics.leased:
        return ServerUnreachable(
            address=database.worker.address_text(), reason=desk.failure, waited_ms=waited_ms
        )
    lane: Lane = request.lane  # type: ignore[assignment]
    return KINDS.get(request.refused, WaitTooLong)(
        waited_ms=waited_ms,
        lane=lane.name,
        door=client.door.NAME,
        database=database.name,
        user=client.user,
        leased=statistics.used,
        budget=statistics.budget,
        own=lane.busy,
        holders=holders(database, client),
        ahead=lane.waiting,
        limit=limit,
        retry_ms=_retry_s(database, lane) * 1000,
    )


def _limit(client: "ClientLink", request: "Request") -> object:
    """How long it may wait, and who says so."""
    lane: Lane = request.lane  # type: ignore[assignment]
    if lane.wait_is_default:
        return client.limits.told("wait_ms_max")
    return f"wait_ms_max is {lane.wait_s_max * 1000:.0f} for lane {lane.name}"


def _retry_s(database: "Database", lane: "Lane") -> float:
    """When another try may fare better: about when those who wait are served; never the same."""
    served_s = lane.mean_s * (lane.waiting + 1) / max(lane.busy, 1)
    chance: float = database.worker.random()
    return min(max(served_s, RETRY_S_MIN), RETRY_S_MAX) * (0.5 + chance)


def holders(database: "Database", client: "ClientLink") -> str:
    """Who holds the server connections: by door, and those of the client's own user."""
    counts: dict[str, int] = {}
    own: list[str] = []
    for slot in database.desk.ledger.in_state(SlotState.LEASED):
        holder: ClientLink | None = getattr(slot.link, "client", None)
        door = holder.door.NAME if holder is not None else "none"
        counts[door] = counts.get(door, 0) + 1
        if holder is not None and holder.user == client.user and len(own) < HOLDERS_TOLD_MAX:
            name = holder.vector.items.get("application_name", "") or "without a name"
            own.append(f"{name} for {database.loop.now - slot.since:.1f} s")
    told = ", ".join(f"{door}: {count}" for door, count in counts.items()) or "none leased"
    return f"{told}; of your user: {', '.join(own)}" if own else told


class Notices:
    """Tells those who wait for long; one timer, armed while anybody waits."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._timer: Timer | None = None
        self._told: dict[Request, float] = {}

    def begin(self, request: "Request") -> None:
        """Somebody waits."""
        if self._timer is None:
            self._timer = self._database.loop.call_at(_due(request), self._look)

    def _look(self) -> None:
        self._timer = None
        now, told, due = self._database.loop.now, self._told, float("inf")
        self._told = {}
        for lane in self._database.desk.queue.lanes.values():
            for place, request in enumerate(lane.arrivals, 1):
                if _due(request) > now:
                    due = min(due, _due(request))
                    continue
                self._told[request] = request.arrived
                if told.get(request) != request.arrived:
                    self._tell(request, place, now)
        if due < float("inf"):
            due = max(due, now + NOTICE_EVERY_S)
            self._timer = self._database.loop.call_at(due, self._look)
        self._database.notices_wait = self._timer is not None

    def _tell(self, request: "Request", place: int, now: float) -> None:
        client: ClientLink = request.client  # type: ignore[assignment]
        if not client.welcomed:
            return  # a client that logs in is told nothing yet
        lane: Lane = request.lane  # type: ignore[assignment]
        database = self._database
        waited_ms, limit_ms = (now - request.arrived) * 1000, _wait_s(request) * 1000
        text = f"still waiting for a server connection: {waited_ms:.0f} of {limit_ms:.0f} ms"
        detail = (
            f"Lane {lane.name}, place {place} of {lane.waiting}, "
            f"reason {database.desk.reason_of(request).value}; {lane.busy} of "
            f"{database.desk.ledger.budget} server connections are used by this lane "
            f"({holders(database, client)})."
        )
        client.transport.write(notice_response("NOTICE", "00000", text, detail, ""))


def _wait_s(request: "Request") -> float:
    return request.deadline - request.arrived


def _due(request: "Request") -> float:
    return request.arrived + _wait_s(request) * NOTICE_SHARE
