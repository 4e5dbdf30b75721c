"""Who is over a limit in time: looked for now and then, not timed one by one.

A transaction pays nothing for these limits: the times it is judged by (`ClientLink.asked`,
`began`) are kept for the statistics anyway. A sweep over the leases, ten times within the shortest
limit, finds who is over one; clients without a lease are looked at less often and some hundred a
turn. So a limit acts up to a tenth later than it says, never earlier.

A statement is cancelled as a client would cancel it (rule B10: nothing is fed meanwhile), and what
PostgreSQL answers then is told in words that name the limit; the client stays connected. What has
not ended `cancel_ms_max` later loses its server connection, and its client hears what is true of
that: 08007, if it may have been committed. Who pipelines one statement after the other makes
progress with each answer; the time of a statement begins anew there. A cancel hits what runs when
it arrives: of a pipeline that may be the statement behind the one that ran too long, and then the
client is told so.

Timers for each statement were rejected: two heap operations for each transaction, for what nearly
never happens.
"""

from typing import TYPE_CHECKING

from pglane.config.limits import shortest_s
from pglane.connection.exchange import IDLE_STATUS
from pglane.engine.client_connection import GONE, IDLE, LEASED
from pglane.engine.holding import quiet_since
from pglane.engine.server_link import ServerLink
from pglane.errors.limits import (
    ClientIdle,
    IdleInTransaction,
    StatementTooLong,
    TransactionCancelled,
    TransactionTooLong,
)
from pglane.wire.server_messages import error_response

if TYPE_CHECKING:
    from pglane.config.limits import Limit
    from pglane.config.settings import Settings
    from pglane.engine.client_link import ClientLink
    from pglane.engine.loop import Timer
    from pglane.engine.worker import Worker
    from pglane.errors import Refusal

SWEEPS = 10
"""Looks within the shortest limit."""
SWEEP_S_MIN, SWEEP_S_MAX = 0.005, 1.0
IDLE_SWEEP_S_MIN = 0.1
CLIENTS_A_TURN = 500
"""Clients without a lease that are looked at before others have their turn."""


PIPELINED = " Others were sent behind it: if it ended just then, the next one is this one."


class Running:
    """What a client's server connection was seen doing.

    Attributes:
        asked: the client's `asked`: another one is another request.
        units: how many units were answered by then.
        since: when that was first seen, or asked.
        cancelled: when it was cancelled; negative: it was not.
        limit: for which it was.
        alone: it was for the time of one statement, not for its transaction's.
        hit_max: the last unit that it can have hit.
    """

    __slots__ = ("alone", "asked", "cancelled", "hit_max", "limit", "since", "units")

    def __init__(self, asked: float, units: int, since: float) -> None:
        self.asked = asked
        self.units = units
        self.since = since
        self.cancelled = -1.0
        self.limit: Limit | None = None
        self.alone = False
        self.hit_max = 0


class Overdue:
    """The sweeps of one worker."""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self._timer: Timer | None = None
        self._period_s = 0.0
        self._idle_after = 0.0
        self._idle: list[ClientLink] = []
        self._running: dict[ServerLink, Running] = {}

    def apply(self, settings: "Settings") -> None:
        """The limits are others; where nobody has one, nothing is done at all."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        shortest = shortest_s(settings)
        if shortest:
            self._period_s = min(max(shortest / SWEEPS, SWEEP_S_MIN), SWEEP_S_MAX)
            self._arm()
        else:
            self._running.clear()

    def _arm(self) -> None:
        self._timer = self._worker.loop.call_later(self._period_s, self._sweep)

    def _sweep(self) -> None:
        now = self._worker.loop.now
        self._arm()
        leased: list[tuple[ClientLink, ServerLink]] = []
        for database in self._worker.databases.values():
            for slot in database.desk.ledger:
                link = slot.link
                if isinstance(link, ServerLink) and link.client is not None and not link.closing:
                    leased.append((link.client, link))
        servers = {server for _, server in leased}
        for server in [server for server in self._running if server not in servers]:
            self._forget(server)
        for client, server in leased:
            if client.server is server and not server.closing:
                self._look(client, server, now)
        self._look_at_idle(now)

    # Those that hold a server connection ---------------------------------------------------

    def _look(self, client: "ClientLink", server: ServerLink, now: float) -> None:
        if server.raw:
            if server.heard:
                server.heard = False
                client.asked = -1.0 - now
            return
        if server.exchange.outstanding():
            self._look_at_running(client, server, now)
            return
        self._forget(server)
        limits = client.limits
        if client.began >= 0 and 0 < limits.transaction_s < now - client.began:
            ran_ms = (now - client.began) * 1000
            told = limits.told("transaction_ms_max")
            self._end(client, server, TransactionTooLong(ran_ms=ran_ms, limit=told))
        elif _pauses(client, server):
            idle_s = now - quiet_since(client)
            if 0 < limits.idle_transaction_s < idle_s:
                told = limits.told("idle_transaction_ms_max")
                self._end(client, server, IdleInTransaction(ran_ms=idle_s * 1000, limit=told))

    def _look_at_running(self, client: "ClientLink", server: ServerLink, now: float) -> None:
        units = server.exchange.answered_units()
        seen = self._running.get(server)
        if seen is None or seen.asked != client.asked:
            self._forget(server)
            seen = self._running[server] = Running(client.asked, units, client.asked)
        elif seen.units != units and seen.cancelled < 0:
            seen.units, seen.since = units, now
        if seen.alone and seen.units != units and not server.cancels:
            seen.units, seen.since, seen.cancelled = units, now, -1.0
            if units >= seen.hit_max:
                server.exchange.instead, seen.alone = b"", False
        if seen.cancelled >= 0:
            if now - seen.cancelled > self._worker.settings.cancel_ms_max / 1000:
                del self._running[server]
                reason = f"it did not end when it was cancelled ({seen.limit})"
                client.database.lost(server, reason)
            return
        limits = client.limits
        if 0 < limits.query_s < now - seen.since:
            ran_ms = (now - seen.since) * 1000
            seen.limit, seen.alone = limits.told("query_ms_max"), True
            behind = PIPELINED if server.exchange.segment - units > 1 else ""
            refusal = StatementTooLong(ran_ms=ran_ms, limit=seen.limit, behind=behind)
            self._cancel(client, server, seen, refusal)
        elif client.began >= 0 and 0 < limits.transaction_s < now - client.began:
            ran_ms = (now - client.began) * 1000
            seen.limit = limits.told("transaction_ms_max")
            ended = TransactionCancelled(ran_ms=ran_ms, limit=seen.limit)
            self._cancel(client, server, seen, ended)

    def _cancel(
        self, client: "ClientLink", server: ServerLink, seen: Running, refusal: "Refusal"
    ) -> None:
        """What runs is cancelled; a query of our own before it has its end first, and a bound."""
        seen.cancelled = self._worker.loop.now
        self._worker.log_refusal(client, refusal)
        if server.busy and not server.guarded:
            return
        exchange = server.exchange
        exchange.instead = error_response(refusal)

        def over() -> None:
            seen.hit_max = exchange.segment
            if not exchange.outstanding():
                exchange.instead = b""

        self._worker.cancel_request(server, over)

    def _forget(self, server: ServerLink) -> None:
        """What was seen running has been answered."""
        if self._running.pop(server, None) is not None:
            server.exchange.instead = b""

    def _end(self, client: "ClientLink", server: ServerLink, refusal: "Refusal") -> None:
        """Ends the client; PostgreSQL rolls back what its server connection had begun."""
        self._worker.log_refusal(client, refusal)
        client.end_without(server, error_response(refusal))
        client.database.close(server)

    # All others ----------------------------------------------------------------------------

    def _look_at_idle(self, now: float) -> None:
        if self._idle or now < self._idle_after:
            return
        self._idle_after = now + max(self._period_s, IDLE_SWEEP_S_MIN)
        self._idle = list(self._worker.clients.values())
        self._look_at_some()

    def _look_at_some(self) -> None:
        now = self._worker.loop.now
        some = self._idle[-CLIENTS_A_TURN:]
        del self._idle[-CLIENTS_A_TURN:]
        for client in some:
            limits, quiet_s = client.limits, now - quiet_since(client)
            if client.block is not None and client.phase == IDLE:
                if 0 < limits.idle_transaction_s < quiet_s:
                    told = limits.told("idle_transaction_ms_max")
                    self._send_away(client, IdleInTransaction(ran_ms=quiet_s * 1000, limit=told))
            elif 0 < limits.idle_s < quiet_s and _is_idle(client):
                told = limits.told("client_idle_ms_max")
                self._send_away(client, ClientIdle(ran_ms=quiet_s * 1000, limit=told))
        if self._idle:
            self._worker.loop.call_later(0.0, self._look_at_some)

    def _send_away(self, client: "ClientLink", refusal: "Refusal") -> None:
        self._worker.log_refusal(client, refusal)
        client.end_with(error_response(refusal))


def _pauses(client: "ClientLink", server: ServerLink) -> bool:
    """Whether it keeps a transaction open, or a server connection from others, for nothing."""
    exchange = server.exchange
    if exchange.status != IDLE_STATUS or exchange.unit_open:
        return True
    return client.rewrites and not client.pinned and not server.busy


def _is_idle(client: "ClientLink") -> bool:
    """Whether nothing of it is under way."""
    if client.phase == GONE or client.phase == IDLE:
        return client.phase == IDLE
    server = client.server
    if client.phase != LEASED or server is None:
        return False
    if server.raw:
        return server.quiet and not server.heard
    exchange = server.exchange
    return exchange.is_idle() and not exchange.unit_open and not server.busy
