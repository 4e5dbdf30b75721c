"""One PostgreSQL database in the engine: carries out what its lease desk decides.

The desk (pure) says who gets what; here server connections are dialled, prepared for a client, cleaned, closed, and
losses are told truthfully. What a client is told when its server connection dies follows fact A7 of the protocol
research: a statement that was sent and not answered, outside an explicit transaction, is *in doubt*.
"""

from typing import TYPE_CHECKING

from pglane.connection.exchange import IDLE_STATUS
from pglane.connection.settings import (
    Vector,
    apply_statement,
    differences,
    read_back_statement,
)
from pglane.connection.statements import ServerStatements
from pglane.doors.lease import Close, Decision, Grant, LeaseDesk, Open, Reject
from pglane.engine.server_link import CLOSE_S_MAX, TERMINATE, ServerLink
from pglane.errors.server import OutcomeUnknown, ServerLost, ServerUnreachable
from pglane.errors.waiting import WaitTooLong
from pglane.pool.ledger import SlotState
from pglane.scheduler.fifo import Request
from pglane.wire.server_messages import ErrorResponse, error_response
from pglane.wire.statements import Effect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pglane.engine.client_link import ClientLink
    from pglane.engine.dialer import Dial
    from pglane.engine.loop import Timer
    from pglane.engine.transport import Transport
    from pglane.engine.worker import Worker
    from pglane.errors import Refusal
    from pglane.pool.ledger import Slot

UNKNOWN_PARAMETER = {b"42704", b"22023"}
WELCOMES_MAX = 1_000
"""Remembered welcomes; beyond it the table starts anew."""


class Database:
    """Everything about one database.

    Attributes:
        name: of the database at the server.
        desk: who has and who waits.
        welcomes: reported settings by role and settings vector: what a new client is told.
    """

    def __init__(self, worker: "Worker", name: str) -> None:
        settings = worker.settings
        self.worker = worker
        self.loop = worker.loop
        self.name = name
        self.desk = LeaseDesk(settings.budget, settings.opening_max)
        self.welcomes: dict[tuple[str, Vector], dict[str, str]] = {}
        self.draining = False
        self._tick_timer: Timer | None = None
        self._dials: dict[Slot, Dial] = {}

    # Waiting -------------------------------------------------------------------------------

    def wait(self, client: "ClientLink") -> None:
        """The client found nothing free."""
        now = self.loop.now
        deadline = now + self.worker.settings.wait_ms_max / 1000
        client.request = Request(client.user, client.need, now, deadline, client)
        self.perform(self.desk.arrive(client.request, now))
        self._arm_tick()

    def _arm_tick(self) -> None:
        due = self.desk.next_deadline(self.loop.now)
        if due is None or (self._tick_timer is not None and self._tick_timer.due <= due):
            return
        if self._tick_timer is not None:
            self._tick_timer.cancel()
        self._tick_timer = self.worker.loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._tick_timer = None
        self.perform(self.desk.tick(self.loop.now))
        self._arm_tick()

    def perform(self, decisions: "list[Decision]") -> None:
        """Carries decisions out, in order."""
        for decision in decisions:
            if isinstance(decision, Grant):
                decision.request.client.granted(decision.slot.link)  # type: ignore[attr-defined]
                continue
            match decision:
                case Open(slot, request):
                    self._open(slot, request)
                case Close(slot):
                    self._close_link(slot.link)  # type: ignore[arg-type]
                case Reject(request):
                    self._reject(request)

    def _reject(self, request: Request) -> None:
        client: ClientLink = request.client  # type: ignore[assignment]
        now = self.loop.now
        waited_ms = (now - request.arrived) * 1000
        statistics = self.desk.ledger.statistics()
        if self.desk.failure and not statistics.leased:
            refusal = ServerUnreachable(
                address=self.worker.address_text(), reason=self.desk.failure, waited_ms=waited_ms
            )
            client.rejected(refusal)
            return
        client.rejected(
            WaitTooLong(
                waited_ms=waited_ms,
                door=client.door.NAME,
                database=self.name,
                user=client.user,
                leased=statistics.used,
                budget=statistics.budget,
                holders=self._holders(),
                ahead=len(self.desk.queue),
            )
        )

    def cancel_waiting(self, client: "ClientLink", refusal: "Refusal") -> None:
        """The client cancelled a request that waits."""
        request = client.request
        if request is not None:
            self.perform(self.desk.leave(request, self.loop.now))
            client.rejected(refusal)

    def _holders(self) -> str:
        """Who holds the server connections, by door."""
        counts: dict[str, int] = {}
        for slot in self.desk.ledger.in_state(SlotState.LEASED):
            holder = getattr(slot.link, "client", None)
            door = holder.door.NAME if holder is not None else "none"
            counts[door] = counts.get(door, 0) + 1
        return ", ".join(f"{door}: {count}" for door, count in counts.items()) or "none leased"

    # Opening -------------------------------------------------------------------------------

    def _open(self, slot: "Slot", request: Request) -> None:
        self.worker.with_addresses(lambda found, error: self._dial(slot, request, found, error))

    def _dial(self, slot: "Slot", request: Request, found: "Sequence[object]", error: str) -> None:
        if not found:
            self._opening_failed(slot, request, error or "the host name has no address", None)
            return
        client: ClientLink = request.client  # type: ignore[assignment]
        dial = self.worker.dial(
            self,
            client,
            slot,
            lambda dial, transport: self._opened(slot, request, dial, transport),
            lambda _, reason, refusal: self._opening_failed(slot, request, reason, refusal),
        )
        self._dials[slot] = dial
        dial.begin()

    def _opened(self, slot: "Slot", request: Request, dial: "Dial", transport: "Transport") -> None:
        del self._dials[slot]
        login = dial.login
        assert login is not None
        worker = self.worker
        statements = ServerStatements(worker.statement_prefix, worker.settings.statements_per_server_max)
        link = ServerLink(
            self, slot, transport, login, statements, str(dial.address), worker.next_number()
        )
        slot.link = link
        transport.set_owner(link)
        link.dialled = dial.address
        lifetime_s = worker.settings.server_lifetime_ms_max / 1000
        link.expires = self.loop.now + lifetime_s * (0.75 + 0.5 * worker.random())
        worker.logged_in(slot.user, login)
        client: ClientLink = request.client  # type: ignore[assignment]
        if client.need.fresh:
            self._opened_fresh(link, request, client, login.rest)
            return
        self.welcomes.setdefault((slot.user, link.base), dict(login.parameters))
        self.perform(self.desk.opened(slot, self.loop.now))

    def _opened_fresh(
        self, link: ServerLink, request: Request, client: "ClientLink", rest: bytes
    ) -> None:
        """A server connection of the client's own (direct door)."""
        now = self.loop.now
        if client.is_gone():
            self.desk.opened_for(link.slot, request, now)
            self.close(link)
            return
        link.raw = True
        self.perform(self.desk.opened_for(link.slot, request, now))
        if rest:
            link.on_data(rest)

    def _opening_failed(
        self, slot: "Slot", request: Request, reason: str, error: ErrorResponse | None
    ) -> None:
        self._dials.pop(slot, None)
        worker = self.worker
        if error is not None and worker.check_interval and self._is_about_interval(error):
            worker.check_interval = False
            self._open(slot, request)
            return
        worker.log(
            "warning",
            "server_connection_failed",
            f"no server connection for user {slot.user}, database {self.name}: {reason}",
            user=slot.user,
            database=self.name,
        )
        now = self.loop.now
        decisions = self.desk.opening_failed(slot, reason, worker.random(), now)
        if error is not None and error.get("C") not in (b"53300", b"57P03", b"57P01"):
            self._refuse_all_like(request, error)
        self.perform(decisions)
        self._arm_tick()

    def keep_welcome(self, client: "ClientLink", parameters: dict[str, str]) -> None:
        """What clients with the same role and settings are told from now on."""
        if len(self.welcomes) >= WELCOMES_MAX:
            self.welcomes.clear()
        self.welcomes[(client.user, client.vector)] = parameters

    def _is_about_interval(self, error: ErrorResponse) -> bool:
        """An old server does not know the setting with which it would notice a vanished client."""
        return error.get("C") in UNKNOWN_PARAMETER and b"check_interval" in (error.get("M") or b"")

    def _refuse_all_like(self, request: Request, error: ErrorResponse) -> None:
        """The server refused this role or its settings: whoever needs the same hears the same."""
        for waiting in self.desk.queue:
            same = waiting.user == request.user and waiting.need.base is request.need.base  # type: ignore[attr-defined]
            if same and (waiting is request or not request.need.fresh):  # type: ignore[attr-defined]
                self.desk.queue.leave(waiting)
                client: ClientLink = waiting.client  # type: ignore[assignment]
                client.end_with(error.encode())

    # Leases --------------------------------------------------------------------------------

    def prepare_lease(self, client: "ClientLink", server: ServerLink) -> None:
        """Makes the client's settings true on the server connection, then lets it go on."""
        if server.raw:
            client.raw_begins(server)
            return
        if not client.door.REWRITES_NAMES and len(server.exchange.statements):
            server.exchange.statements.clear()
            server.run(b"DEALLOCATE ALL", lambda _: self.prepare_lease(client, server))
            return
        wanted = differences(server.vector, server.base, client.vector)
        if not wanted:
            server.vector = client.vector
            client.lease_ready(server)
            return
        text = apply_statement(wanted).encode("utf-8", "surrogateescape")
        server.run(text, lambda fine: self._applied(client, server, fine))

    def _applied(self, client: "ClientLink", server: ServerLink, succeeded: bool) -> None:  # noqa: FBT001
        server.exchange.changed.clear()
        if succeeded:
            server.vector = client.vector
        if server.client is not client:
            self.abandoned(server)
        elif succeeded:
            client.lease_ready(server)
        else:
            fields = server.exchange.internal_error or {}
            client.settings_refused(fields)

    def release(self, server: ServerLink) -> None:
        """A clean server connection goes to whoever is next."""
        now = self.loop.now
        if server.suspect or now >= server.expires or self.draining:
            self.close(server)
            return
        decisions = self.desk.released(server.slot, now)
        if decisions:
            self.perform(decisions)

    def read_back(self, client: "ClientLink", server: ServerLink) -> None:
        """The client changed settings: what are they now?"""
        requests = client.requests
        if requests.effects & Effect.RESET_ALL:
            self.clean_for(client, server)
            return
        changes = server.reported_changes()
        wanted = requests.settings - set(changes)
        if requests.effects & Effect.ROLE:
            wanted |= {"role", "session_authorization"}
        names = sorted(wanted)
        requests.settings.clear()
        if not names:
            self._settle(client, server, changes)
            return

        def read(succeeded: bool) -> None:  # noqa: FBT001
            rows = server.exchange.internal_rows
            if succeeded and len(rows) == len(names):
                told = zip(names, rows, strict=True)
                changes.update(
                    {n: v.decode("utf-8", "surrogateescape") for n, v in told if v is not None}
                )
            self._settle(client, server, changes)

        text = read_back_statement(names).encode("utf-8", "surrogateescape")
        server.run(text, read)

    def _settle(self, client: "ClientLink", server: ServerLink, changes: dict[str, str]) -> None:
        """The new settings are the client's and true on this server connection."""
        vector = self.worker.vectors.changed(client.vector, changes)
        server.vector = vector
        if server.client is not client:
            self.abandoned(server)
            return
        client.settings_are(vector)
        client.end_lease(server)

    def clean_for(self, client: "ClientLink", server: ServerLink) -> None:
        """Cleans before the lease ends; after RESET ALL the client is as it began."""
        if client.requests.effects & Effect.RESET_ALL:
            client.settings_are(client.startup)
        client.requests.settings.clear()

        def cleaned(succeeded: bool) -> None:  # noqa: FBT001
            server.suspect = server.suspect or not succeeded
            if server.client is not client:
                self.abandoned(server)
            else:
                client.end_lease(server)

        server.clean(cleaned)

    # Clients that leave --------------------------------------------------------------------

    def client_left(self, client: "ClientLink", *, polite: bool) -> None:
        """Puts in order what a client leaves behind."""
        self.worker.client_gone(client)
        if client.request is not None:
            self.perform(self.desk.leave(client.request, self.loop.now))
            client.request = None
        server = client.server
        if server is None:
            return
        client.server = None
        server.unlease()
        if server.raw:
            self.close(server)
            return
        server.must_discard = server.must_discard or client.pinned or not client.door.REWRITES_NAMES
        server.dirty = server.dirty or server.must_discard or client.requests.effects != 0
        exchange = server.exchange
        if client.requests.reader.stream_left:
            self.close(server)
            return
        cancel = not polite and exchange.executes_unanswered()
        exchange.abandon()
        server.flush()
        if exchange.outstanding() == 0:
            self.abandoned(server)
        elif cancel:
            self.worker.cancel_server(server)
        if server.transport.paused:
            server.transport.resume()

    def abandoned(self, server: ServerLink) -> None:
        """A server connection whose client is gone has nothing outstanding any more."""
        if server.closing or not server.feedable():
            return
        exchange = server.exchange
        if exchange.outstanding():
            return
        if exchange.status != IDLE_STATUS:
            server.dirty = True
            server.roll_back(lambda fine: self._cleaned(server, fine))
        elif server.dirty or exchange.changed:
            server.dirty = False
            server.clean(lambda fine: self._cleaned(server, fine))
        else:
            self.release(server)

    def _cleaned(self, server: ServerLink, succeeded: bool) -> None:  # noqa: FBT001
        if not succeeded:
            self.close(server)
        else:
            self.abandoned(server)

    # Endings -------------------------------------------------------------------------------

    def close(self, server: ServerLink) -> None:
        """Ends a server connection; its slot is used until its backend is gone."""
        self.desk.closing(server.slot, self.loop.now)
        self._close_link(server)

    def _close_link(self, server: ServerLink) -> None:
        if server.closing:
            return
        server.closing = True
        if server.exchange.outstanding() or server.raw:
            self.worker.cancel_server(server)
        server.transport.resume()
        if not server.raw:
            server.transport.write(TERMINATE)
        server.transport.flush()
        server.transport.shut_writing()
        self.worker.loop.call_later(CLOSE_S_MAX, lambda: self._give_up(server))

    def _give_up(self, server: ServerLink) -> None:
        """The server keeps its end open; what more there is to do, it must do itself."""
        if not server.transport.ended:
            server.transport.abort()
            self.ended(server, "the server did not close its end")

    def lost(self, server: ServerLink, reason: str) -> None:
        """The server said that this connection ends, or made no sense."""
        self._tell_loss(server, reason)
        self.close(server)

    def ended(self, server: ServerLink, reason: str) -> None:
        """The server's end is closed: its backend is gone."""
        if not server.closing:
            self._tell_loss(server, reason)
            self.desk.closing(server.slot, self.loop.now)
            server.closing = True
        self.perform(self.desk.gone(server.slot, self.loop.now))
        self._arm_tick()

    def _tell_loss(self, server: ServerLink, reason: str) -> None:
        client = server.client
        if client is None:
            return
        server.unlease()
        client.server = None
        if server.raw:
            client.leave(polite=True)
            return
        client.server_lost(self._loss_answer(client, server, reason))

    def _loss_answer(self, client: "ClientLink", server: ServerLink, reason: str) -> bytes | None:
        """What is true for this client (fact A7)."""
        exchange = server.exchange
        explicit = exchange.status != IDLE_STATUS and not client.requests.unanswered_effects & Effect.TRANSACTION
        in_flight = exchange.executes_unanswered()
        if in_flight and not explicit:
            return error_response(OutcomeUnknown(reason=reason))
        if exchange.ending is not None and exchange.ending.get("C"):
            told = tuple((code, value) for code, value in exchange.ending.items())
            return ErrorResponse(told).encode()
        when = "while a transaction was open" if explicit else "while it was yours"
        return error_response(ServerLost(when=when, reason=reason))

    def keep_house(self, now: float) -> None:
        """Idle too long or too old: closed, one at a time per look."""
        idle_s = self.worker.settings.server_idle_ms_max / 1000
        for slot in self.desk.ledger.in_state(SlotState.IDLE):
            link: ServerLink = slot.link  # type: ignore[assignment]
            if now - slot.since > idle_s or now >= link.expires:
                self.close(link)

    def close_idle(self) -> None:
        """The worker drains: what nobody uses goes, and what is released."""
        self.draining = True
        for slot in self.desk.ledger.in_state(SlotState.IDLE):
            self.close(slot.link)  # type: ignore[arg-type]

    def stop(self) -> None:
        """The worker stops: everything is told to end."""
        for dial in list(self._dials.values()):
            dial.abandon()
        for slot in self.desk.ledger:
            if isinstance(slot.link, ServerLink) and not slot.link.closing:
                self.close(slot.link)
