"""One server connection in the engine: its socket, its conversation, its place in the ledger.

Life: dial, log in, then leased and released in turn, at last closed; and it is not gone before
the server's end of the socket is (fact A5). Between leases it may have work of its own, one task
at a time: applying a client's settings, reading settings back, rolling back, cleaning. A task is
a query whose answer no client sees.

While a cancel request for it is on its way nothing is fed to it and nobody gets it (rule B10).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pglane.connection.answer_events import (
    BROKEN,
    DISCARDED,
    ENDING,
    INTERNAL_DONE,
    PARAMETERS,
    READY,
    RELEASED_HOLD,
    ROLELESS,
    TO_SERVER,
)
from pglane.connection.exchange import IDLE_STATUS, Exchange
from pglane.connection.prepared_statements import ServerStatements
from pglane.engine.transport import Owner
from pglane.scheduler.request import Request
from pglane.wire.framing import HEADER_BYTES

if TYPE_CHECKING:
    from pglane.config.limits import Limits
    from pglane.connection.requests import ClientRequests
    from pglane.connection.server_login import ServerLogin
    from pglane.connection.settings import Vector
    from pglane.doors.need import Need
    from pglane.engine.client_link import ClientLink
    from pglane.engine.database import Database
    from pglane.engine.dialer import Address
    from pglane.engine.pipeline import Follower
    from pglane.engine.syscalls import Chunk
    from pglane.engine.transport import Transport
    from pglane.pool.ledger import Slot

QUEUE_BYTES_MAX = 262_144
TERMINATE = b"X\x00\x00\x00\x04"
READY_IDLE = b"Z\x00\x00\x00\x05I"
TARGETED_RESET = (
    b"CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; "
    b"SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES"
)
"""DISCARD ALL without what would throw the statement cache away."""
FULL_RESET = b"DISCARD ALL"
CLOSE_S_MAX = 5.0
"""How long a server may take to close its end before we close ours."""

# Compiled, these are C integers that Python code cannot see.
_HEADER_BYTES: int = HEADER_BYTES
_READY_KIND: int = 0x5A


class LeaseHolder(Owner):
    """Who can hold a lease: a client, as far as database and server connections know it.

    A base class, so that compiled calls are direct.

    Attributes:
        user: its role.
        follows: where what it asks for was sent on behind others' reads; None: nowhere.
        need: what a server connection must be like.
        limits: in time, for it.
        lease: with which it asks next; held while it holds a server connection.
        request: the one with which it waits; None: it does not.
        requests: what it sent.
        server: the server connection it holds.
    """

    __slots__ = (
        "follows", "lease", "limits", "need", "request", "requests", "server", "transport", "user",
    )  # fmt: skip

    follows: "ServerLink | None"
    lease: "Request"
    limits: "Limits"
    need: "Need"
    request: "Request | None"
    requests: "ClientRequests"
    server: "ServerLink | None"
    transport: "Transport"
    user: str

    def another_lease(self) -> "Request":
        """One that neither waits nor books a place, as the last one may still do."""
        lease = self.lease
        if lease.held or lease.waiting:
            last, lease = lease, Request(lease.lane, lease.tenant, self.user, self.need, self)
            lease.stamp = last.stamp
        return lease

    def granted(self, server: "ServerLink") -> None:
        """The lease begins."""

    def comes_up(self, server: "ServerLink") -> None:
        """Its request was sent behind others' and is the next to be answered."""

    def release(self, server: "ServerLink") -> None:
        """It gives its server connection back; what came meanwhile asks anew."""

    def leaves_nothing(self) -> bool:
        """Whether all that it asked for is a read that is repeatable."""
        raise NotImplementedError

    def may_be_followed(self) -> bool:
        """Whether others' reads may be sent behind its own."""
        raise NotImplementedError

    def finds_all(self, server: "ServerLink") -> bool:
        """Whether a server connection is as it needs it."""
        raise NotImplementedError

    def unit_behind(self, server: "ServerLink") -> bytes | None:
        """What is sent for it behind others' reads; None: it must not follow."""

    def note_kept(self) -> None:
        """Counts what it sent and what cannot be passed on yet."""

    def answered(self) -> None:
        """Everything it asked for is answered."""

    def forward(self) -> None:
        """It may send on what waits."""


class ServerLink(Owner):
    """A server connection that is logged in.

    Attributes:
        client: who holds the lease; None between leases, or while its answers have nobody to
        read them.
        followers: those who come next; their reads are on their way (`pipeline.Follower`).
        vector: settings that are true on it now.
        base: settings it was opened with.
        busy: a query of our own runs on it.
        guarded: a client's request was sent behind that query.
        held_cancels: what cancels that request, as soon as nothing else would be hit.
        raw: bytes pass unread (direct door).
        heard: where they do: some passed since somebody looked.
        quiet: where they do: the last ones said that it is idle.
        cancels: cancel requests on their way.
        process_id: of its backend.
        key: with which its query is cancelled.
        notifier: process id told to the client whose text notified here last; 0: none did.
        number: no connection had it before.
        leases: how many there were.
        must_discard: cleaning it takes DISCARD ALL.
        dirty: its client left state behind.
        dialled: where it is connected to.
        suspect: it must not be leased again.
        harmless: the role that it logged in as is known to be no superuser.
        superuser: it is known to be one.
        default_rights: session_authorization and role that RESET gives back; None if not asked.
        standby: its server was one when it said so last.
        sums: hashes of all settings, by the vector that held when they were taken.
        sum: one whose vector is being read back.
        expires: when it is to be replaced, in seconds of the clock.
        traffic: what its database counts.
    """

    __slots__ = (
        "_after_task",
        "address",
        "base",
        "busy",
        "cancels",
        "client",
        "closing",
        "database",
        "default_rights",
        "dialled",
        "dirty",
        "exchange",
        "expires",
        "followers",
        "guarded",
        "harmless",
        "heard",
        "held_cancels",
        "key",
        "leases",
        "must_discard",
        "notifier",
        "number",
        "process_id",
        "quiet",
        "raw",
        "slot",
        "standby",
        "sum",
        "sums",
        "superuser",
        "suspect",
        "traffic",
        "transport",
        "vector",
    )

    def __init__(
        self,
        database: "Database",
        slot: "Slot",
        transport: "Transport",
        login: "ServerLogin",
        statements: ServerStatements,
        address: str,
        number: int,
    ) -> None:
        self.database = database
        self.slot = slot
        self.transport = transport
        self.exchange = Exchange(statements, login.parameters)
        self.traffic = self.exchange.traffic = database.traffic
        self.process_id = login.process_id
        self.key = login.key
        self.address = address
        self.number = number
        self.base: Vector = slot.base  # type: ignore[assignment]
        self.vector = self.base
        self.client: ClientLink | None = None
        self.followers: list[Follower] = []
        self.raw = False
        self.heard = False
        self.quiet = False
        self.cancels = 0
        self.leases = 0
        self.expires = 0.0
        self.closing = False
        self.must_discard = False
        self.notifier = 0
        self.suspect = False
        self.standby = login.parameters.get("in_hot_standby") == "on"
        self.superuser = login.superuser is True
        self.harmless = login.superuser is False
        self.default_rights: tuple[str, str] | None = None
        self.sum = b""
        self.sums: dict[Vector, bytes] = {}
        self.dirty = False
        self.dialled: Address | None = None
        self.busy = False
        self.guarded = False
        self.held_cancels: list[Callable[[], None]] = []
        self._after_task: Callable[[bool], None] | None = None

    # What comes ----------------------------------------------------------------------------

    def takes(self, chunk: "Chunk") -> bool:
        """The server sent something: what is for the client as it is goes on at once."""
        client = self.client
        if client is None or self.raw or self.closing:
            return False
        data, size = chunk.data, chunk.size
        if self.followers:
            self._takes_shared(chunk.whole())
            return True
        if not self.exchange.relays(data, size):
            return False
        self.traffic.sent_bytes += size
        client.transport.write_now(data, size)
        self.answered()
        return True

    def _takes_shared(self, data: bytes) -> None:
        """Answers of several clients: each goes to its own."""
        at, size, there = 0, len(data), data
        while at < size:
            end = size if self.exchange.has_more() else ready_end(data, at)
            part = there[at:end]
            client = self.client
            if client is not None and self.exchange.relays(part, end - at):
                self.traffic.sent_bytes += end - at
                client.transport.write_now(part, end - at)
                self.answered()
            else:
                self.on_data(part)
            at = end

    def on_data(self, data: bytes) -> None:
        """The server sent something that is to be read."""
        self.traffic.sent_bytes += len(data)
        if self.raw:
            self.heard = True
            self.quiet = data.endswith(READY_IDLE)
            client = self.client
            if client is not None:
                client.transport.write(data)
            return
        if self.closing:
            return
        exchange = self.exchange
        self._hand_on(exchange.receive(data))
        while exchange.stopped and not self.closing:
            self._hand_on(exchange.goes_on())

    def _hand_on(self, events: int) -> None:
        """What the exchange made of it."""
        client, exchange = self.client, self.exchange
        if exchange.to_client:
            if client is not None:
                client.transport.send_all(exchange.to_client)
            else:
                exchange.to_client.clear()
        if events == READY:
            self.answered()
        elif events:
            self._on_events(events)

    def _on_events(self, events: int) -> None:
        if events & (ENDING | BROKEN):
            self._ends(events)
            return
        client, guarded = self.client, self.guarded
        if events & ROLELESS:
            self.database.role_is_gone(self)
        if events & TO_SERVER:
            self.flush()
        if events & DISCARDED:
            self._discarded(client)
        if events & PARAMETERS:
            self._reported(client, events)
        if events & INTERNAL_DONE:
            self._task_done()
        if events & RELEASED_HOLD and client is not None and not self.exchange.owes_ready:
            client.forward()
            if self.client is not client:
                return  # it has left, and what it left behind is put in order
        if events & READY or (guarded and self.client is None):
            self.answered()  # of a request that waited behind the guard nothing may have been sent

    def _reported(self, client: "ClientLink | None", events: int) -> None:
        """A setting is another one; where nobody asked for anything, defaults were reloaded."""
        if (self.exchange.parameters.get("in_hot_standby") == "on") != self.standby:
            self.database.worker.role_changed(self)
        if client is not None:
            client.parameters_changed(self.exchange)
        elif not (events & READY or self.busy or self.exchange.outstanding()):
            self.suspect = True
            self.exchange.changed.clear()

    def _ends(self, events: int) -> None:
        """The server says good-bye; whom it has answered fully loses nothing by that."""
        if events & READY:
            self.suspect = True
            self.answered()
        if not self.closing:
            self.database.lost(self, self._ending_reason())

    def answered(self) -> None:
        """Nothing is outstanding but what is nobody's."""
        if self.busy or self.cancels or not self.exchange.is_settled():
            return
        client = self.client
        if client is None:
            self.database.abandoned(self)
            return
        if self.followers and not self._leaves_only_answers(client):
            self.database.pipelines.fall_back(self)
        if self.exchange.outstanding() and not self._leaves_only_answers(client):
            self.database.pipelines.bound(self)
            return  # it is put in order when those are done
        client.answered()

    def _leaves_only_answers(self, client: LeaseHolder) -> bool:
        """Whether another client's read may be answered next."""
        return client.leaves_nothing() and self.exchange.leaves_only_answers()

    def _discarded(self, client: "ClientLink | None") -> None:
        """DISCARD ALL succeeded: the session is as it was opened."""
        self.now_holds(self.base)
        self.exchange.changed.clear()
        if client is not None:  # one that is gone may have asked for more behind it
            self.must_discard = False
            client.discarded()

    def _ending_reason(self) -> str:
        fields = self.exchange.ending or {}
        return fields.get("M", b"no reason given").decode("utf-8", "replace")

    def on_end(self, reason: str) -> None:
        """The server's end of the socket is closed."""
        self.database.ended(self, reason)

    def on_full(self) -> None:
        """More is queued for the server than it takes: its client waits."""
        client = self.client
        if client is not None:
            client.transport.pause()

    def on_drained(self) -> None:
        """The server took what was queued."""
        client = self.client
        if client is not None:
            client.transport.resume()

    # Leases --------------------------------------------------------------------------------

    def lease_to(self, client: "ClientLink") -> None:
        """The client holds it from now on."""
        self.client = client
        self.leases += 1
        self.exchange.attached = True
        if self.exchange.statements.has_loose:
            self.exchange.statements.drop_loose()
        if client.transport.full:
            self.transport.pause()

    def unlease(self) -> None:
        """Nobody holds it."""
        if self.held_cancels:
            self.free_cancels(strike=False)
        self.client = None
        self.exchange.attached = False
        if self.transport.paused:
            self.transport.resume()

    def quarantine_over(self) -> None:
        """A cancel request has struck or missed: the server connection may be fed again."""
        if self.cancels or self.closing:
            return
        self.answered()
        client = self.client
        if client is not None and not self.raw:
            client.forward()

    def is_before_a_request(self) -> bool:
        """Whether a request of its client is behind a query of ours, sent or still to be sent."""
        client = self.client
        waits = client is not None and client.requests.reader.buffered_bytes() > 0
        return self.guarded or waits

    def is_amid_message(self) -> bool:
        """Whether its client was sent a part of a message only: nothing can follow it."""
        if self.raw:
            return not self.quiet
        return self.exchange.reader.stream_left > 0

    def feedable(self) -> bool:
        """Whether a client's requests may be sent now."""
        if self.busy or self.cancels or self.closing or self.followers:
            return False
        return not self.exchange.drops()

    def is_usual(self) -> bool:
        """Whether nothing but its client's requests is going on."""
        return not (self.busy or self.cancels or self.closing or self.raw or self.suspect)

    def free_cancels(self, *, strike: bool) -> None:
        """What waited for the end of a query of ours: cancels what runs now, or it is too late."""
        held, self.held_cancels = self.held_cancels, []
        for done in held:
            if strike and self.exchange.outstanding():
                self.database.worker.cancel_server(self, done)
            else:
                done()

    def flush(self) -> None:
        """Hands what the exchange collected to the socket."""
        self.transport.write_all(self.exchange.to_server)

    def now_holds(self, vector: "Vector") -> None:
        """These settings are true on it."""
        self.vector = vector
        self.slot.holds = vector

    # Our own queries -----------------------------------------------------------------------

    def run(self, text: bytes, then: Callable[[bool], None]) -> None:
        """Sends a query of our own; `then` gets whether it succeeded."""
        self.run_all([text], then)

    def run_all(self, texts: list[bytes], then: Callable[[bool], None]) -> None:
        """Sends several at once; `then` gets whether all succeeded, `exchange.own` which did."""
        if self.followers:
            self.database.pipelines.fall_back(self)
        self.busy = True
        self._after_task = then
        self.exchange.own.begin()
        for text in texts:
            self.exchange.ask_internally(text)
        self.flush()

    def run_guard(self, text: bytes, client: "ClientLink", then: Callable[[bool], None]) -> None:
        """Sends a query of our own with the client's one request behind it.

        `then` gets whether it succeeded; if not, the request was refused and is taken back.
        """
        self._after_task = then
        self.exchange.own.begin()
        self.exchange.ask_internally(text, guards=True)
        client.forward()
        self.guarded = True
        self.busy = True

    def _task_done(self) -> None:
        then = self._after_task
        self.guarded = False
        self.busy = False
        self._after_task = None
        if then is not None:
            then(self.exchange.own.error is None)
        if self.held_cancels and self.client is not None and not self.busy:
            self.free_cancels(strike=True)

    def roll_back(self, then: Callable[[bool], None]) -> None:
        """Ends a transaction that its client left open."""
        self.run(b"ROLLBACK", then)

    def clean(self, then: Callable[[bool], None]) -> None:
        """Back to the state it was opened in, so that anybody may have it."""

        def cleaned(succeeded: bool) -> None:
            self.exchange.changed.clear()
            if self.must_discard:
                self.exchange.statements.clear()
                self.now_holds(self.base)
            else:
                vectors = self.database.worker.vectors
                self.now_holds(vectors.of(self.base.items, self.vector.prepared))
            self.must_discard = False
            self.exchange.drawn = False
            then(succeeded and self.exchange.status == IDLE_STATUS)

        self.run(FULL_RESET if self.must_discard else TARGETED_RESET, cleaned)

    def reads_utf8(self) -> bool:
        """Whether text arrives on it as UTF-8, or as it is."""
        encoding = self.exchange.parameters.get("client_encoding", "UTF8")
        return encoding == "UTF8" or not self.has_encoding()

    def has_encoding(self) -> bool:
        """Whether the database knows what characters are."""
        return self.exchange.parameters.get("server_encoding") != "SQL_ASCII"


def ready_end(data: bytes, at: int) -> int:
    """Where the first ReadyForQuery from `at` on ends, a message's beginning; else the end."""
    size = len(data)
    while at + _HEADER_BYTES <= size:
        high = data[at + 1]  # in a variable of its own: shifted as C's int it would turn negative
        length = (high << 24) | (data[at + 2] << 16) | (data[at + 3] << 8) | data[at + 4]
        end = at + 1 + length
        if end > size or length + 1 < _HEADER_BYTES:
            break
        if data[at] == _READY_KIND:
            return end
        at = end
    return size
