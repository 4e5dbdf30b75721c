"""One client connection in the engine: login, requests, and the lease it holds or waits for.

Phases: logging in; welcome (a server connection is asked what this client's settings look like,
unless that is known); then idle, waiting, or leased, as its door says. Bytes that come while it
waits stay in its reader, and beyond one bufferful the socket is not read.
"""

from typing import TYPE_CHECKING

from pglane.connection.client_names import CATALOG, NOTIFIES
from pglane.connection.exchange import HELD_FOR_CHANNELS, IDLE_STATUS, Exchange
from pglane.connection.request_messages import stream_malformed
from pglane.connection.requests import HELD, OUT_OF_PLACE, TERMINATED
from pglane.connection.settings import Vector
from pglane.doors.ending import Ending
from pglane.doors.session_state import IMMOVABLE
from pglane.engine import hearing, last_answers
from pglane.engine.admission import Admission
from pglane.engine.handover import must_discard_sequences, prepare_lease, stop_listening
from pglane.engine.probing import keep_sum, probe
from pglane.engine.reading_back import read_back
from pglane.engine.server_link import LeaseHolder
from pglane.engine.transport import Transport
from pglane.engine.welcome import Welcome, tell_defaults
from pglane.errors import Refusal
from pglane.errors.protocol import MessageOutOfPlace
from pglane.errors.waiting import ShuttingDown
from pglane.wire.framing import MalformedStream
from pglane.wire.server_messages import (
    ErrorResponse,
    error_response,
    ready_for_query,
)
from pglane.wire.statements import Effect

if TYPE_CHECKING:
    from types import ModuleType

    from pglane.connection.requests import ClientRequests
    from pglane.doors.session_state import ClientSessionState
    from pglane.engine.server_link import ServerLink
    from pglane.engine.syscalls import Peer

EXECUTES = int(Effect.EXECUTES)
HELD_BYTES_MAX = 131_072
"""Requests that wait in our memory before the client's socket is not read any more."""
TERMINATE = 0x58


def _is_ignored(kind: int) -> bool:
    """Flush and copy messages mean nothing where no request is under way."""
    return kind == 0x48 or kind == 0x64 or kind == 0x63 or kind == 0x66


# Phases of a client that is logged in; plain numbers, for the hot path compares them.
WELCOME = 0
IDLE = 1
WAITING = 2
LEASED = 3
GONE = 4

# Compiled, these are C integers that Python code cannot see: to compare with them costs no object.
_WELCOME: int = WELCOME
_IDLE: int = IDLE
_WAITING: int = WAITING
_LEASED: int = LEASED
_GONE: int = GONE
_IDLE_STATUS: int = IDLE_STATUS
_CATALOG: int = CATALOG
_DATABASE: int = int(Effect.DATABASE)
_EXECUTES: int = EXECUTES
_NOTIFIES: int = NOTIFIES
_TERMINATE: int = TERMINATE


class ClientLink(LeaseHolder):
    """A client connection that is logged in, at a door that lends server connections or gives one.

    Attributes:
        phase: one of the numbers above.
        peer: where it comes from.
        connected: when it did, in seconds of the clock.
        server: the server connection it holds.
        vector: the settings that hold for it.
        startup: the settings it began with.
        welcomed: it was told its settings and may send requests.
        told: what PostgreSQL reports, as it was told at its welcome or since.
        settled: its door lends, and nothing that it was told has another default since.
        discarding: its request was refused; what is left of it is dropped.
        pinned: it keeps its server connection though its door would not have it so.
        session_state: what it may leave on a server connection; None: anything.
    """

    __slots__ = (
        "_asked",
        "_began",
        "_lasting",
        "connected",
        "database",
        "discarding",
        "door",
        "key",
        "login_startup",
        "number",
        "peer",
        "phase",
        "pinned",
        "process_id",
        "requested",
        "requests",
        "rewrites",
        "server",
        "session_state",
        "settled",
        "startup",
        "told",
        "vector",
        "welcomed",
    )

    def __init__(
        self, admission: Admission, transport: Transport, peer: "Peer", number: int
    ) -> None:
        self._come_in(admission)
        self.peer = peer
        self.number = number
        self.transport = transport
        self.process_id = 0
        self.key = b""
        self.phase = _WELCOME
        self.pinned = False
        self.session_state: ClientSessionState | None = None
        self.welcomed = False
        self.settled = False
        self.told: dict[str, str] = {}
        self.discarding = False
        self.server: ServerLink | None = None
        self.request = None
        self.connected = 0.0
        self.requested = 0.0
        self._asked = -1.0  # since when something is unanswered; negative: nothing is
        self._began = -1.0  # since when its transaction runs; negative: none does

    def _come_in(self, admission: Admission) -> None:
        """A method, for a constructor's arguments have no C types."""
        self.user = admission.user
        self.door: ModuleType = admission.door
        self.rewrites = admission.virtual
        self._lasting = admission.lasting
        self.login_startup = admission.startup
        self.startup: Vector = admission.settings
        self.vector: Vector = admission.settings
        self.need = admission.need()
        self.database = admission.database
        self.requests: ClientRequests = admission.requests()
        self.requests.parse_key = self.vector.parse_key

    # What comes ----------------------------------------------------------------------------

    def on_data(self, data: bytes) -> None:
        """The client sent something."""
        self.database.traffic.received_bytes += len(data)
        server = self.server
        if server is not None and server.raw:
            server.transport.write(data)
            return
        self.requests.reader.feed(data)
        if self.phase == _LEASED:
            self._note_asked()
            self.forward()
        elif self.phase == _IDLE:
            self.want()
        else:
            self._limit_held()

    def _limit_held(self) -> None:
        if self.requests.reader.buffered_bytes() > HELD_BYTES_MAX:
            self.transport.pause()

    def on_shut(self) -> bool:
        """It sends no more; through the direct door it may still wait for answers."""
        server = self.server
        if server is None or not server.raw or server.closing:
            return False
        last_answers.begin(self, server)
        return True

    def on_end(self, reason: str) -> None:
        """The client is gone without a word."""
        del reason
        self.leave(polite=False)

    def on_failure(self) -> None:
        """We failed it: its server connection is in a state nobody knows."""
        if self.server is not None:
            self.server.suspect = True
        self.leave(polite=False)

    def on_full(self) -> None:
        """It reads more slowly than the server sends."""
        if self.server is not None:
            self.server.transport.pause()

    def on_drained(self) -> None:
        """It caught up."""
        if self.server is not None:
            self.server.transport.resume()

    # Asking for a lease --------------------------------------------------------------------

    def want(self) -> None:
        """Asks for a lease if a whole request is here."""
        if self.phase != _IDLE:
            return
        reader = self.requests.reader
        try:
            if self.discarding:
                self.discarding = not self._discard()
                if self.discarding:
                    return
            while reader.next():
                if reader.kind == _TERMINATE:
                    self.leave(polite=True)
                    return
                if not _is_ignored(reader.kind):
                    reader.step_back()
                    self._ask()
                    return
        except MalformedStream as malformed:
            self.refuse(stream_malformed(malformed))

    def _ask(self) -> None:
        database = self.database
        self.requested = database.loop.now
        slot = database.desk.lease_idle(self.user, self.need, self.requested)
        if slot is None:
            self.phase = _WAITING
            database.wait(self)
        else:
            self.granted(slot.link)  # type: ignore[arg-type]

    def granted(self, server: "ServerLink") -> None:
        """The lease begins."""
        self.server = server
        self.database.traffic.leases += 1
        if self.request is not None:
            self._note_waited()
        self._note_asked()
        self.request = None
        self.phase = _LEASED
        server.lease_to(self)
        if self.rewrites:
            server.exchange.deaf = True
        else:
            hearing.by_itself(self, server)
        server.exchange.subscriptions = self.requests.subscriptions
        self._begin_lease()
        drawn = self.requests.strangers_drew = server.exchange.drawn
        if (
            server.vector is not self.vector
            or not self.settled
            or server.suspect
            or (drawn and must_discard_sequences(self, server))
        ):
            prepare_lease(self, server)
        else:
            self.forward()

    def _begin_lease(self) -> None:
        self.requests.effects = 0
        self.requests.unanswered_effects = 0
        self.requests.discards = 0
        self.requests.drew = -1

    def takes_back(self, request: bytes) -> None:
        """Its first request of this lease never was; it is at the head of what waits again."""
        reader = self.requests.reader
        reader.feed(request + reader.take_all())
        self._begin_lease()

    def forward(self) -> None:
        """Sends on what is here, as far as it may be sent now."""
        server = self.server
        if server is None or not server.feedable():
            self._limit_held()
            return
        if self.transport.paused:
            self.transport.resume()
        exchange = server.exchange
        streaming = self.requests.reader.stream_left
        try:
            outcome = self.requests.forward(exchange)
        except MalformedStream as malformed:
            self.refuse(stream_malformed(malformed))
            return
        server.transport.write_all(exchange.to_server)
        if exchange.to_client:
            self.transport.write_all(exchange.to_client)
        if self.requests.unanswered_effects & _DATABASE:
            self.database.worker.vacate_databases()
        if self.requests.unanswered_effects & _NOTIFIES:
            server.notifier = self.process_id
        if outcome:
            self._stopped(outcome, server)
        elif streaming and not self.requests.reader.stream_left and exchange.is_idle():
            # The server failed the COPY while a message of it was still coming: with its last
            # byte sent, the server connection may go to somebody else.
            server.answered()

    def _stopped(self, outcome: int, server: "ServerLink") -> None:
        """Not everything that is here could be sent on."""
        if outcome == TERMINATED:
            self.leave(polite=True)
        elif outcome == OUT_OF_PLACE:
            self.refuse(MessageOutOfPlace(kind=self.requests.out_of_place))
        elif outcome == HELD:
            self._limit_held()
            if server.exchange.held == HELD_FOR_CHANNELS:
                hearing.ask(self, server)

    # The end of a lease --------------------------------------------------------------------

    def answered(self) -> None:
        """Everything it asked for is answered."""
        server = self.server
        if server is None:
            return
        requests = self.requests
        exchange = server.exchange
        if exchange.owes_ready:
            hearing.end_transaction(self, server)
            return
        if requests.unanswered_effects:
            requests.unanswered_effects = 0
            self.parameters_changed(exchange)
        if exchange.skipping or exchange.held or requests.reader.stream_left:
            return
        self._note_answered(exchange)
        if requests.effects & _CATALOG:
            requests.catalog_settles(transaction_is_over=exchange.status == IDLE_STATUS)
            if exchange.status == IDLE_STATUS:
                self.database.watch.look()
        if not self.rewrites or self.pinned or exchange.status != _IDLE_STATUS:
            return  # every door keeps the lease
        if requests.effects & _EXECUTES:
            requests.note_executed(self.vector.prepared.by_name.values())
        if requests.effects & self._lasting == 0 and not exchange.changed:
            self._release(server)
            return
        ending = self.door.after_answer(exchange.status, requests.effects, pinned=self.pinned)
        self._end_lease(ending, server)

    def _note_waited(self) -> None:
        self.database.traffic.wait_s += self.database.loop.now - self.request.arrived  # type: ignore[union-attr]

    def _note_asked(self) -> None:
        """Counts time from now on, unless it is counted already."""
        if self._asked < 0:
            self._asked = self.database.loop.now
            if self._began < 0:
                self._began = self._asked

    def _note_answered(self, exchange: Exchange) -> None:
        now = self.database.loop.now
        traffic = self.database.traffic
        if self._asked >= 0:
            traffic.query_s += now - self._asked
            self._asked = -1.0
        if exchange.status == _IDLE_STATUS and self._began >= 0:
            traffic.transaction_s += now - self._began
            self._began = -1.0

    def _end_lease(self, ending: Ending, server: "ServerLink") -> None:
        match ending:
            case Ending.RELEASE if not server.exchange.changed:
                self._release(server)
            case Ending.RELEASE | Ending.READ_BACK:
                read_back(self, server)
            case Ending.CLEAN:
                read_back(self, server, cleans=True)
            case Ending.STOP_LISTENING:
                stop_listening(self, server)
            case Ending.PROBE:
                probe(self, server)
            case Ending.PIN:
                hearing.by_itself(self, server)
                self.pinned = True
                server.must_discard = True
            case Ending.KEEP:
                pass

    def _release(self, server: "ServerLink") -> None:
        self.unlease()
        self.database.release(server)
        if self.database.draining:
            self.end_for_drain()
        elif self.requests.reader.buffered_bytes():
            self.want()

    def unlease(self) -> None:
        """It holds nothing any more; what came meanwhile asks anew."""
        server = self.server
        if server is not None:
            server.unlease()
        self.server = None
        self.phase = _IDLE
        self._asked = -1.0
        self._began = -1.0
        if self.transport.paused:
            self.transport.resume()

    def hear_itself(self, server: "ServerLink") -> None:
        """It keeps its server connection: what that hears is for it."""
        hearing.by_itself(self, server)

    def settings_are(self, vector: Vector) -> None:
        """Its settings changed for good."""
        self.vector = vector
        self.need.holds = vector
        self.requests.parse_key = vector.parse_key

    def discarded(self) -> None:
        """It ran DISCARD ALL: it is as it was when it connected, but for what it sent behind."""
        self.pinned = False
        self.requests.discarded()
        if self.session_state is not None and not self.requests.effects & IMMOVABLE:
            self._unpin(self.session_state)
        self.settings_are(self.startup)

    def parameters_changed(self, exchange: Exchange) -> None:
        """The scanner must read its texts as the server does."""
        requests, parameters = self.requests, exchange.parameters
        encoding = parameters.get("client_encoding", "UTF8")
        # One object for the usual one: it is compared for every text.
        requests.encoding = "UTF8" if encoding == "UTF8" else encoding
        requests.standard_strings = parameters.get("standard_conforming_strings", "on") == "on"

    # Endings -------------------------------------------------------------------------------

    def is_gone(self) -> bool:
        """It left; nobody reads what it is sent."""
        return self.phase == _GONE

    def leave(self, polite: bool) -> None:
        """The client is going; its lease, if any, is put in order."""
        if self.phase == _GONE:
            return
        self.phase = _GONE
        if self.session_state is not None:
            self._unpin(self.session_state)
        self.transport.close()
        self.database.client_left(self, polite=polite)

    def _unpin(self, session_state: "ClientSessionState") -> None:
        """What not even DISCARD ALL takes away goes with its server connection."""
        if self.server is not None and session_state.outlasts_cleaning():
            self.server.suspect = True
        session_state.release()

    def refuse(self, refusal: Refusal) -> None:
        """Tells it why; a fatal refusal ends the connection."""
        self.transport.write(error_response(refusal))
        self.database.worker.log_refusal(self, refusal)
        if refusal.fatal:
            self.leave(polite=False)

    def rejected(self, refusal: Refusal) -> None:
        """Its request was not started; it hears why and stays connected (promise P5)."""
        self.request = None
        self.database.worker.log_refusal(self, refusal)
        if self.phase == _WELCOME:
            self.end_with(error_response(refusal, ends=True))
            return
        self.phase = _IDLE
        self.transport.write(error_response(refusal))
        self.discarding = True
        self.want()
        self.transport.resume()

    def _discard(self) -> bool:
        """Drops the request at the head (a Query, or all up to Sync); whether it is all gone."""
        reader = self.requests.reader
        while reader.next():
            if reader.kind == TERMINATE:
                reader.step_back()
                return True
            if reader.kind in UNIT_ENDS:
                self.transport.write(READY_IDLE)
                return True
        return False

    def end_with(self, error: bytes) -> None:
        """Its connection ends with this error."""
        self.transport.write(error)
        self.request = None
        self.leave(polite=False)

    def settings_refused(self, fields: dict[str, bytes]) -> None:
        """The server did not accept its settings: it would not have let it in with them."""
        told = {**fields, "S": b"FATAL", "V": b"FATAL"}
        self.end_with(ErrorResponse(tuple(told.items())).encode())

    # Beginning -----------------------------------------------------------------------------

    def begin(self) -> None:
        """It is logged in: it is told the settings that hold for it, or waits for a server."""
        known = self.database.welcomes.get((self.user, self.vector))
        if known is not None and not self.need.fresh:
            self.welcomed = True
            self._welcome(known)
        else:
            self._ask_first()

    def _ask_first(self) -> None:
        slot = self.database.desk.lease_idle(self.user, self.need, self.database.worker.loop.now)
        if slot is None:
            self.database.wait(self)
        else:
            self.granted(slot.link)  # type: ignore[arg-type]

    def _welcome(self, welcome: Welcome) -> None:
        """What a server says after the login, in our name."""
        self.transport.write(welcome.message(self.process_id, self.key))
        self.requests.encoding = welcome.encoding
        self.requests.standard_strings = welcome.standard_strings
        self.told = welcome.parameters
        self.settled = self.rewrites
        self.phase = _IDLE
        self.database.cancel_keys.assign(self)
        self.want()

    def lease_ready(self, server: "ServerLink") -> None:
        """The server connection is as this client needs it."""
        if not self.welcomed:
            welcome = Welcome(dict(server.exchange.parameters))
            if not server.suspect:
                self.database.keep_welcome(self, welcome)
            self.welcomed = True
            self.end_lease(server)
            if self.phase != _GONE:
                self._welcome(welcome)
                self.settled = self.settled and not server.suspect
            return
        if not self.settled or server.suspect:
            tell_defaults(self, server)
        self.forward()

    def end_lease(self, server: "ServerLink") -> None:
        """The server connection is clean: it goes, unless it was dirtied again meanwhile."""
        self.requests.effects = 0
        if server.sum:
            keep_sum(server)
        self.unlease()
        self.database.release(server)
        if self.database.draining:
            self.end_for_drain()
        elif self.welcomed:
            self.want()

    def has_nothing_under_way(self) -> bool:
        """It may be sent away without harm: it asked for nothing, or its lease is unused."""
        server = self.server
        if server is None:
            return self.phase == _IDLE
        exchange = server.exchange
        idle = exchange.is_idle() and not exchange.unit_open and not exchange.owes_ready
        reader = self.requests.reader
        waits = reader.buffered_bytes() or reader.stream_left
        return idle and self.phase == _LEASED and not server.raw and not waits

    def end_for_drain(self) -> None:
        """The gateway stops and this client has nothing under way."""
        self.end_with(error_response(ShuttingDown(reason="It was told to stop")))

    def raw_begins(self, server: "ServerLink") -> None:
        """Direct door: it is told what the server told us; from here on bytes pass unread."""
        self.welcomed = True
        server.raw = True
        self._welcome_raw(server)

    def _welcome_raw(self, server: "ServerLink") -> None:
        self._welcome(Welcome(server.exchange.parameters))
        self.phase = _LEASED
        waiting = self.requests.reader.take_all()
        if waiting:
            server.transport.write(waiting)


UNIT_ENDS = (0x51, 0x53, 0x46)
"""Query, Sync and function call: each is answered by one ReadyForQuery."""
READY_IDLE = ready_for_query(b"I")
