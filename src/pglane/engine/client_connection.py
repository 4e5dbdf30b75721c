"""What every client connection is once it is logged in: who it is, what holds for it, how it ends.

Requests and leases are in `client_link.py`, which builds on this.
"""

from typing import TYPE_CHECKING

from pglane.connection.exchange import IDLE_STATUS, Exchange
from pglane.connection.settings import Vector
from pglane.connection.whole_requests import is_whole_request
from pglane.doors.session_state import IMMOVABLE
from pglane.engine import lane_wishes
from pglane.engine.admission import Admission
from pglane.engine.lane_origin import origin_of
from pglane.engine.server_link import LeaseHolder
from pglane.engine.transport import Transport
from pglane.errors import Refusal
from pglane.errors.waiting import ShuttingDown
from pglane.scheduler.request import request_of
from pglane.scheduler.work import stamp_of
from pglane.wire.framing import MessageReader
from pglane.wire.server_messages import ErrorResponse, error_response

if TYPE_CHECKING:
    from types import ModuleType

    from pglane.connection.own_block import OwnBlock
    from pglane.connection.requests import ClientRequests
    from pglane.connection.role import KnownRole
    from pglane.connection.weight import Weight
    from pglane.doors.session_state import ClientSessionState
    from pglane.engine.database import Database
    from pglane.engine.server_link import ServerLink
    from pglane.engine.syscalls import Peer

HELD_BACK_BYTES = 65_536
"""Of a client that sent more than can be passed on, nothing more is read where memory is tight."""
_HELD_BACK_BYTES: int = HELD_BACK_BYTES
_NOTHING_TOLD: dict[str, str] = {}  # of all that come in; nothing is put into it
FOLLOWING_BYTES_MAX = 16_384
"""Of one request that follows another client's in a shared pipeline."""
_FOLLOWING_BYTES_MAX: int = FOLLOWING_BYTES_MAX
COVERED_BYTES = 1024
"""What each connection is counted with covers so much of what it sent."""
_COVERED_BYTES: int = COVERED_BYTES

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


class ClientConnection(LeaseHolder):
    """A client connection that is logged in.

    Attributes:
        phase: one of the numbers above.
        peer: where it comes from.
        connected: when it did, in seconds of the clock.
        asked: since when something is unanswered; if nothing is, -1 minus since when.
        began: since when its transaction runs; negative: none does.
        block: the transaction block it is in and no server connection is; None: there is none.
        lane_tagged: the lane that its first statement asked for; "": none.
        lane_wished: the lane that it asked for; "": none.
        work_said: the name of the work that it belongs to; "": of none.
        work_tagged: the same as its first statement says it.
        vector: the settings that hold for it.
        startup: the settings it began with.
        weight: what it sent to log in is counted, where that is much.
        welcomed: it was told its settings and may send requests.
        told: what PostgreSQL reports, as it was told at its welcome or since.
        settled: its door lends, and nothing that it was told has another default since.
        discarding: its request was refused; what is left of it is dropped.
        kept_bytes: of what it sent, what is kept and counted for itself.
        moves: server connections in a row that it lost before they were sent anything of it.
        pinned: it keeps its server connection though its door would not have it so.
        session_state: what it may leave on a server connection; None: anything.
        role: what PostgreSQL says of its role; None: it was not asked.
        dismissal: why it ends as soon as nothing is under way; None: it does not.
    """

    __slots__ = (
        "_lasting",
        "asked",
        "began",
        "block",
        "connected",
        "database",
        "discarding",
        "dismissal",
        "door",
        "kept_bytes",
        "key",
        "lane_tagged",
        "lane_wished",
        "login_startup",
        "moves",
        "number",
        "peer",
        "phase",
        "pinned",
        "process_id",
        "requested",
        "rewrites",
        "role",
        "session_state",
        "settled",
        "startup",
        "told",
        "vector",
        "weight",
        "welcomed",
        "work_said",
        "work_tagged",
    )

    def __init__(
        self, admission: Admission, transport: Transport, peer: "Peer", number: int
    ) -> None:
        self._set_up(admission, transport, peer, number)

    def _set_up(
        self, admission: Admission, transport: Transport, peer: "Peer", number: int
    ) -> None:
        self.peer = peer
        self._come_in(admission)
        self.number = number
        self.transport = transport
        self.process_id = 0
        self.key = b""
        self.phase = _WELCOME
        self.moves = 0
        self.pinned = False
        self.session_state: ClientSessionState | None = None
        self.welcomed = False
        self.kept_bytes = 0
        self.weight: Weight | None = None
        self.settled = False
        self.told = _NOTHING_TOLD
        self.discarding = False
        self.dismissal: Refusal | None = None
        self.server: ServerLink | None = None
        self.follows: ServerLink | None = None
        self.request = None
        self.connected = 0.0
        self.requested = 0.0
        self.asked = -1.0
        self.began = -1.0
        self.block: OwnBlock | None = None

    def _come_in(self, admission: Admission) -> None:
        """What the admission says."""
        self.user = admission.user
        self.role: KnownRole | None = admission.role
        self.door: ModuleType = admission.door
        self.rewrites = admission.virtual
        self._lasting = admission.lasting
        self.login_startup = admission.startup
        self.startup: Vector = admission.settings
        self.vector: Vector = admission.settings
        self.need = admission.need()
        self.database: Database = admission.database
        self.lane_tagged = ""
        self.lane_wished = admission.lane_wished
        self.lease = request_of(self.user, self.need, self)
        self.work_tagged = ""
        self.work_said = admission.work
        if self.work_said:
            self.lease.stamp = stamp_of(self.user, self.work_said)
        self._join_lane(admission)
        self.limits = admission.limits
        self.requests: ClientRequests = admission.requests()
        self.requests.parse_key = self.vector.parse_key

    def _join_lane(self, admission: Admission) -> None:
        """Its leases belong where those of all belong that came by the same admission."""
        placing = self.database.placing
        place = admission.place
        if place is None or place.matching is not placing.matching:
            place = placing.place(origin_of(self), self.lane_wished)
            if not placing.matching.reads_addresses:
                admission.place = place
        placing.join(self.lease, place)

    def on_full(self) -> None:
        """It reads more slowly than the server sends."""
        server = self.server
        if server is not None:
            server.transport.pause()

    def on_drained(self) -> None:
        """It caught up."""
        server = self.server
        if server is not None:
            server.transport.resume()

    # Shared pipelines ----------------------------------------------------------------------

    def leaves_nothing(self) -> bool:
        """Whether all that it asked for is a read that is repeatable."""
        return self.requests.repeatable and not self.pinned and not self.database.unread

    def may_be_followed(self) -> bool:
        """Whether others' reads may be sent behind its own."""
        if not self.rewrites or self.dismissal is not None or self.block is not None:
            return False
        return self.leaves_nothing() and not self.transport.full

    def finds_all(self, server: "ServerLink") -> bool:
        """Whether a server connection is as it needs it."""
        if server.vector is not self.vector or not self.settled or server.suspect:
            return False
        if self.block is not None or self.dismissal is not None or not self.rewrites:
            return False
        if self.requests.subscriptions is not None:
            return False
        return not (server.exchange.drawn and self.database.asks_sequences)

    def unit_behind(self, server: "ServerLink") -> bytes | None:
        """What is sent for it behind others' reads; None: it must not follow."""
        if self.phase != _WAITING or self.transport.full:
            return None
        requests = self.requests
        reader = requests.reader
        if not reader.is_untouched() or reader.size > _FOLLOWING_BYTES_MAX:
            return None
        if not self.finds_all(server) or not is_whole_request(reader.buffer, reader.size):
            return None
        return requests.following(reader.buffer, reader.size, server.exchange)

    # What it is told -----------------------------------------------------------------------

    def _note_waited(self) -> None:
        self.database.traffic.wait_s += self.database.loop.now - self.request.arrived  # type: ignore[union-attr]

    def _note_asked(self) -> None:
        """Counts time from now on, unless it is counted already."""
        if self.asked < 0:
            self.asked = self.database.loop.now
            if self.began < 0:
                self.began = self.asked

    def _note_answered(self, exchange: Exchange) -> None:
        now = self.database.loop.now
        traffic = self.database.traffic
        if self.asked >= 0:
            traffic.query_s += now - self.asked
            self.asked = -1.0 - now
        if exchange.status == _IDLE_STATUS and self.began >= 0:
            traffic.transaction_s += now - self.began
            self.began = -1.0

    def settings_are(self, vector: Vector) -> None:
        """Its settings changed for good."""
        before = self.vector
        self.vector = vector
        self.need.holds = vector
        self.requests.parse_key = vector.parse_key
        if vector is not before:
            lane_wishes.settings_changed(self, before)

    def discarded(self) -> None:
        """It ran DISCARD ALL: it is as it was when it connected, but for what it sent behind."""
        self.pinned = False
        self.requests.discarded()
        if self.session_state is not None and not self.requests.effects & IMMOVABLE:
            self._unpin(self.session_state)
        self.settings_are(self.startup)

    def parameters_changed(self, exchange: Exchange) -> None:
        """The scanner must read its texts as the server does."""
        requests = self.requests
        requests.encoding = exchange.encoding
        requests.standard_strings = exchange.standard_strings

    def is_gone(self) -> bool:
        """It left; nobody reads what it is sent."""
        return self.phase == _GONE

    def leave(self, polite: bool) -> None:
        """The client is going; its lease, if any, is put in order."""
        if self.phase == _GONE:
            return
        self.phase = _GONE
        if self.session_state is not None and self.session_state.pinned_by:
            self._unpin(self.session_state)
        self._close()
        self.database.client_left(self, polite)  # type: ignore[arg-type]

    def note_kept(self) -> None:
        """Counts what it sent and what cannot be passed on yet."""
        if self.phase != _GONE:
            reader = self.requests.reader
            memory = self.database.loop.memory
            kept_bytes = reader.kept_bytes()
            if kept_bytes <= _COVERED_BYTES:
                kept_bytes = 0
            if kept_bytes == self.kept_bytes:
                return
            memory.add(kept_bytes - self.kept_bytes)
            self.kept_bytes = kept_bytes
            if kept_bytes:
                memory.expect(kept_bytes)
                if kept_bytes > _HELD_BACK_BYTES and memory.is_tight():
                    self.database.worker.relief.hold_back(self)  # type: ignore[arg-type]

    def _close(self) -> None:
        """Its connection ends; where memory is tight what it does not read is thrown away."""
        memory = self.database.loop.memory
        if self.kept_bytes:
            memory.add(-self.kept_bytes)
            self.kept_bytes = 0
            reader = MessageReader(self.requests.reader.length_max)
            reader.stream_left = self.requests.reader.stream_left
            self.requests.reader = reader
        if self.requests.statements:
            self.requests.statements.clear()  # it may itself wait for a search for cycles
        if self.transport.queued_bytes and memory.is_tight():
            self.transport.flush()
            if self.transport.queued_bytes:
                self.transport.abort()
                return
        self.transport.close()

    def _unpin(self, session_state: "ClientSessionState") -> None:
        """What not even DISCARD ALL takes away goes with its server connection."""
        if self.server is not None and session_state.outlasts_cleaning():
            self.server.suspect = True
        session_state.release()

    def refuse(self, refusal: Refusal) -> None:
        """Tells it why; a fatal refusal ends the connection."""
        self.database.worker.log_refusal(self, refusal)
        if refusal.fatal:
            self.end_with(error_response(refusal))
        else:
            self.transport.write(error_response(refusal))

    def end_with(self, error: bytes) -> None:
        """Its connection ends with this error.

        Behind a part of a row it ends without a word: the client would take the error for the
        rest of the row.
        """
        server = self.server
        if server is None or not server.is_amid_message():
            self.transport.write(error)
        self.leave(polite=False)

    def end_without(self, server: "ServerLink", error: bytes) -> None:
        """Its connection ends with this error; the server connection that it held is not its."""
        amid = server.is_amid_message()
        server.unlease()
        self.server = None
        if amid:
            self.leave(polite=False)
        else:
            self.end_with(error)

    def settings_refused(self, fields: dict[str, bytes]) -> None:
        """The server did not accept its settings: it would not have let it in with them."""
        told = {**fields, "S": b"FATAL", "V": b"FATAL"}
        self.end_with(ErrorResponse(tuple(told.items())).encode())

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

    def end_dismissed(self) -> None:
        """It may not stay, and has nothing under way."""
        assert self.dismissal is not None
        self.database.worker.log_refusal(self, self.dismissal)
        self.end_with(error_response(self.dismissal))
