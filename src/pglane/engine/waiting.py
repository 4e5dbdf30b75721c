"""What those hear who wait for a server connection: why, behind whom, and the end of it.

A request that is refused was not started: its client gets an error inside its connection, stays
connected, and may try again (promise P5). Before that, at half of its time, it gets a notice, and
the log a line. A notice may come at any time, and a client that waits has nothing half told; so it
goes out at once.

Clients hear who of their own user holds server connections, and of others only how many (see
`holding`); the log, which is for who runs the gateway, has some of all by name.
"""

from typing import TYPE_CHECKING

from pglane.doors.decisions import Reject
from pglane.engine import holding
from pglane.errors.server import ServerFull, ServerUnreachable
from pglane.errors.waiting import (
    WaitedWhilePaused,
    WaitHopeless,
    WaitOverloaded,
    WaitShed,
    WaitTooLong,
)
from pglane.scheduler.reasons import RefusedBecause
from pglane.wire.server_messages import notice_response

if TYPE_CHECKING:
    from pglane.engine.client_link import ClientLink
    from pglane.engine.database import Database
    from pglane.engine.loop import Timer
    from pglane.engine.standstills import Standstills
    from pglane.errors import Refusal
    from pglane.scheduler.lane import Lane
    from pglane.scheduler.request import Request

RETRY_S_MIN, RETRY_S_MAX = 0.1, 10.0
NOTICE_EVERY_S = 0.25
"""All who wait are looked at at most so often."""
LOG_EVERY_S = 10.0
"""The log has one line about a lane's long waits in so long."""
NOTICES_A_LOOK = 100
"""So many are told at once, the others a moment later: those who are served go on meanwhile."""
REFUSALS_A_TURN = 100
"""The same of those who are refused."""
NEVER, NEVER_YET = float("inf"), float("-inf")

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
    denied = desk.denial(request.user, database.loop.now)
    if denied or (desk.failure and desk.full):
        return ServerFull(
            address=database.worker.address_text(),
            reason=denied or desk.failure,
            waited_ms=waited_ms,
        )
    if desk.failure and not statistics.leased:
        return ServerUnreachable(
            address=database.worker.address_text(), reason=desk.failure, waited_ms=waited_ms
        )
    if request.refused is RefusedBecause.POOL_DEADLOCK:
        standstills: Standstills = database.standstills
        return standstills.refusal(request)
    lane: Lane = request.lane  # type: ignore[assignment]
    return KINDS.get(request.refused, WaitTooLong)(
        waited_ms=waited_ms,
        lane=lane.name,
        door=client.door.NAME,
        database=database.name,
        user=client.user,
        leased=statistics.used - statistics.idle,
        budget=statistics.budget,
        own=lane.busy,
        holders=holding.told(database, _whose(database, client)),
        ahead=lane.waiting,
        limit=limit,
        retry_ms=_retry_s(database, lane) * 1000,
    )


def _whose(database: "Database", client: "ClientLink") -> str | None:
    """The user whose holders a client hears of by name; None: an administrator's, all."""
    return None if client.user in database.worker.settings.admin_users else client.user


def _limit(client: "ClientLink", request: "Request") -> object:
    """How long it may wait, and who says so."""
    lane: Lane = request.lane  # type: ignore[assignment]
    if lane.wait_is_default:
        return client.limits.told("wait_ms_max")
    return f"wait_ms_max is {lane.wait_s_max * 1000:.0f} for lane {lane.name}"


def _retry_s(database: "Database", lane: "Lane") -> float:
    """When another try may fare better: about when those who wait are served; never the same.

    Who has held a connection for longer than the lane's mean keeps it about as long again, as far
    as anybody can know; so the next comes free at the age of the youngest lease, not sooner.
    """
    hold_s = max(lane.mean_s, holding.youngest_s(database))
    served_s = hold_s * (lane.waiting + 1) / max(lane.busy, 1)
    chance: float = database.worker.random()
    return min(max(served_s, RETRY_S_MIN), RETRY_S_MAX) * (0.5 + chance)


class Refusals:
    """Answers those who are refused; of a crowd that came together a part in each turn."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._left = REFUSALS_A_TURN
        self._later: list[Request] = []
        self._timer: Timer | None = None

    def tell(self, request: "Request") -> None:
        """It is answered now, or soon; meanwhile nothing is started for it."""
        if self._timer is None:
            self._timer = self._database.loop.call_later(0.0, self._go_on)
        if self._later or not self._left:
            self._later.append(request)
            return
        self._left -= 1
        client: ClientLink = request.client  # type: ignore[assignment]
        # Else it left or cancelled between the decision and now, and may have asked anew since.
        if client.request is request and request.refused is not None:
            client.rejected(rejection(self._database, request))

    def _go_on(self) -> None:
        self._timer = None
        self._left = REFUSALS_A_TURN
        waiting, self._later = self._later, []
        self._database.perform([Reject(request) for request in waiting])


class Notices:
    """Tells those who wait for long, and the log of each lane's first of them.

    One timer, armed while anybody waits: for whoever reaches half of his time first.
    """

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._timer: Timer | None = None
        self._looked = NEVER_YET
        self._told: dict[Request, float] = {}
        self._logged: dict[str, float] = {}

    def begin(self, due: float) -> None:
        """Somebody waits who is to be told before all others, at this moment."""
        self.end()
        due = max(due, self._looked + NOTICE_EVERY_S)
        self._timer = self._database.loop.call_at(due, self._look)

    def end(self) -> None:
        """Nobody waits to be told, as far as is known."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        database, told, next_due = self._database, self._told, NEVER
        now = self._looked = database.loop.now
        self._told = {}
        left = NOTICES_A_LOOK
        for lane in database.desk.queue.lanes.values():
            waiting = list(lane.arrivals)
            for place, request in enumerate(waiting, 1):
                due = notice_due(request)
                if due > now:
                    next_due = min(next_due, due)
                elif told.get(request) == request.arrived:
                    self._told[request] = request.arrived
                elif left:
                    left -= 1
                    self._told[request] = request.arrived
                    self._tell(request, f"{place} of {len(waiting)}", now)
        if not left:
            self._looked = NEVER_YET
            next_due = now
        database.notices_due = next_due
        if next_due < NEVER:
            self.begin(next_due)

    def _tell(self, request: "Request", place: str, now: float) -> None:
        client: ClientLink = request.client  # type: ignore[assignment]
        lane: Lane = request.lane  # type: ignore[assignment]
        if now - self._logged.get(lane.name, NEVER_YET) >= LOG_EVERY_S:
            fresh = {name: at for name, at in self._logged.items() if now - at < LOG_EVERY_S}
            self._logged = fresh | {lane.name: now}
            self._log(request, place, now)
        if not client.welcomed:
            return  # a client that logs in is told nothing yet
        waited_ms, limit_ms = (now - request.arrived) * 1000, _wait_s(request) * 1000
        text = f"still waiting for a server connection: {waited_ms:.0f} of {limit_ms:.0f} ms"
        detail = f"Lane {lane.name}, {self._why(request, place, _whose(self._database, client))}."
        client.transport.write(notice_response("NOTICE", "00000", text, detail, ""))

    def _log(self, request: "Request", place: str, now: float) -> None:
        lane: Lane = request.lane  # type: ignore[assignment]
        database = self._database
        database.worker.log(
            "warning",
            "waits_long",
            f"half of its {_wait_s(request) * 1000:.0f} ms have passed: "
            f"{self._why(request, place, None)}",
            database=database.name,
            lane=lane.name,
            waited_ms=round((now - request.arrived) * 1000),
        )

    def _why(self, request: "Request", place: str, user: str | None) -> str:
        """Where it stands, and behind whom; without a user all holders are told by name."""
        lane: Lane = request.lane  # type: ignore[assignment]
        desk = self._database.desk
        refused = desk.denial(request.user, self._database.loop.now) or desk.failure
        return (
            f"place {place}, reason {desk.reason_of(request).value}; "
            f"{lane.busy} of {desk.ledger.budget} server connections are used by this lane "
            f"({holding.told(self._database, user)})"
            + (f"; the last attempt to open one: {refused}" if refused else "")
        )


def notice_due(request: "Request") -> float:
    """When half of its time is over."""
    return (request.arrived + request.deadline) / 2


def _wait_s(request: "Request") -> float:
    return request.deadline - request.arrived
