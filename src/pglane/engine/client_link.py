"""One client connection in the engine: its requests, and the lease it holds or waits for.

Phases: welcome (a server connection is asked what this client's settings look like, unless that is
known); then idle, waiting, or leased, as its door says. Bytes that come while it waits stay in its
reader, and beyond one bufferful the socket is not read.
"""

from typing import TYPE_CHECKING

from pglane.connection.client_channels import NOTIFIES
from pglane.connection.client_effects import CATALOG
from pglane.connection.exchange import HELD_FOR_CHANNELS, IDLE_STATUS
from pglane.connection.extended_requests import HELD, OUT_OF_PLACE, TERMINATED
from pglane.connection.request_messages import stream_malformed
from pglane.connection.whole_requests import is_whole_request
from pglane.engine import hearing, lane_wishes, last_answers, own_blocks
from pglane.engine.client_connection import (
    GONE,
    IDLE,
    LEASED,
    WAITING,
    WELCOME,
    ClientConnection,
)
from pglane.engine.doubted import come_in_later
from pglane.engine.handover import keep_sum, prepare_lease
from pglane.engine.lease_ending import end_by
from pglane.engine.origins import REPORTED
from pglane.engine.welcome import Welcome, may_be_superuser, tell_defaults
from pglane.errors import Refusal
from pglane.errors.protocol import MessageOutOfPlace
from pglane.wire.framing import MalformedStream
from pglane.wire.server_messages import error_response, ready_for_query
from pglane.wire.statements import Effect

if TYPE_CHECKING:
    from pglane.engine.admission import Admission
    from pglane.engine.server_link import ServerLink
    from pglane.engine.syscalls import Chunk, Peer
    from pglane.engine.transport import Transport
    from pglane.pool.ledger import Slot
    from pglane.scheduler.request import Request

EXECUTES = int(Effect.EXECUTES)
HELD_BYTES_MAX = 131_072
"""Requests that wait in our memory before the client's socket is not read any more."""
TERMINATE = 0x58
LOST = 1 << 60
"""More than any message has: where the next one begins is not known any more."""


def _is_ignored(kind: int) -> bool:
    """Flush and copy messages mean nothing where no request is under way."""
    return kind == 0x48 or kind == 0x64 or kind == 0x63 or kind == 0x66


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
_BIND: int = 0x42


class ClientLink(ClientConnection):
    """What a client asks for, and the lease it holds meanwhile."""

    __slots__ = ()

    # What comes ----------------------------------------------------------------------------

    def takes(self, chunk: "Chunk") -> bool:
        """The client sent something: a request that is all there is goes on without being kept."""
        if self.phase == _LEASED:
            return self._asks_on(chunk)
        if self.phase != _IDLE or self.discarding or not self._is_request(chunk.data, chunk.size):
            return False
        database = self.database
        if self.block is not None or (database.reads_tags and self._says_a_lane(chunk)):
            return False  # that is looked at where it is kept
        database.traffic.received_bytes += chunk.size
        self.requested = database.loop.now
        slot = database.desk.find_idle(self._next_lease())
        if slot is None:
            self.requests.reader.feed(chunk.whole())
            self.phase = _WAITING
            self.note_kept()
            database.wait(self)
        else:
            self._begins(chunk, slot)
        return True

    def _begins(self, chunk: "Chunk", slot: "Slot") -> None:
        """A lease begins with a request that is all there is.

        It is sent on before the lease is booked, so that the server works meanwhile: where few
        clients are, each waits for all that is done before.
        """
        server: ServerLink = slot.link  # type: ignore[assignment]
        fits = sent = False
        try:
            fits = self._holds(server)
            sent = fits and self._sends(chunk.data, chunk.size, server)
        finally:
            self.database.desk.lease(slot, self.lease, self.requested)
        if sent:
            self._tell_effects(server)
            return
        self.requests.reader.feed(chunk.whole())
        if fits:
            self.forward()
            self.note_kept()
        else:
            self.note_kept()
            prepare_lease(self, server)

    def _asks_on(self, chunk: "Chunk") -> bool:
        """The next request of a client that has a server connection."""
        server = self.server
        if server is None or server.raw or not self._is_request(chunk.data, chunk.size):
            return False
        if not server.feedable() or not server.exchange.is_quiet():
            return False
        if not self._asks(chunk.data, chunk.size, server):
            return False
        self.database.traffic.received_bytes += chunk.size
        self._note_asked()
        return True

    def _is_request(self, data: bytes, size: int) -> bool:
        """Whether what came is one whole request, and nothing came before that waits."""
        if not is_whole_request(data, size):
            return False
        return self.requests.reader.would_take(size - 1)

    def _says_a_lane(self, chunk: "Chunk") -> bool:
        """Whether a request may hold tags, leave those of the last one, or begin a block."""
        tagged = bool(self.lane_tagged or self.work_tagged)
        return tagged or self.requests.may_say_a_lane(chunk.data, chunk.size)

    def _asks(self, data: bytes, size: int, server: "ServerLink") -> bool:
        """Sends a request on and says whom it concerns; False if it is to be looked at closer."""
        if not self._sends(data, size, server):
            return False
        self._tell_effects(server)
        return True

    def _sends(self, data: bytes, size: int, server: "ServerLink") -> bool:
        """Sends on a request that is whole; False if it is to be looked at closer."""
        requests = self.requests
        if data[0] == _BIND:
            unit = requests.rebinds(data, size, server.exchange)
            if unit is None:
                return False
            server.transport.send_now(unit)
            return True
        if not requests.begins_with(data, size, server.exchange):
            return False
        server.transport.write_now(data, size)
        return True

    def _tell_effects(self, server: "ServerLink") -> None:
        """What was sent may concern others."""
        effects = self.requests.unanswered_effects
        if effects & _DATABASE:
            self.database.worker.vacate_databases()
        if effects & _NOTIFIES:
            server.notifier = self.process_id

    def on_data(self, data: bytes) -> None:
        """The client sent something."""
        self.database.traffic.received_bytes += len(data)
        server = self.server
        if server is not None and server.raw:
            server.heard = True
            server.quiet = False
            self._pass_on(data, server)
            return
        self.requests.reader.feed(data)
        if self.phase == _LEASED:
            self._note_asked()
            self.forward()
        elif self.phase == _IDLE:
            self.want()
        else:
            self._limit_held()
        if self.requests.reader.kept_bytes() != self.kept_bytes:
            self.note_kept()

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

    # Asking for a lease --------------------------------------------------------------------

    def want(self) -> None:
        """Asks for a lease if a whole request is here."""
        if self.phase != _IDLE:
            return
        reader = self.requests.reader
        try:
            while True:
                if self.discarding:
                    self.discarding = not self._discard()
                    if self.discarding:
                        return
                if not reader.next():
                    return
                if reader.kind == _TERMINATE:
                    self.leave(polite=True)
                    return
                if not _is_ignored(reader.kind) and not self._answers():
                    reader.step_back()
                    self._ask()
                    return
        except MalformedStream as malformed:
            self.refuse(stream_malformed(malformed))

    def _answers(self) -> bool:
        """Whether what it asks is answered without a server connection."""
        if self.block is None and not self.database.reads_tags:
            return False
        return own_blocks.answers(self)

    def _ask(self) -> None:
        database = self.database
        self.requested = database.loop.now
        if database.reads_tags and self.rewrites:
            lane_wishes.transaction_begins(self)
        slot = database.desk.lease_idle(self._next_lease(), self.requested)
        if slot is None:
            self.phase = _WAITING
            database.wait(self)
        else:
            self.granted(slot.link)  # type: ignore[arg-type]

    def _next_lease(self) -> "Request":
        """With what it asks; its last lease may still be held, by what is being cleaned."""
        if self.lease.held or self.lease.waiting:
            self.lease = self.another_lease()
        return self.lease

    def granted(self, server: "ServerLink") -> None:
        """The lease begins."""
        if self.request is not None:
            self._note_waited()
            self.request = None
        if not self._holds(server):
            prepare_lease(self, server)
        elif not self._asks_kept(server):
            self.forward()

    def comes_up(self, server: "ServerLink") -> None:
        """Its request was sent behind others' and is the next to be answered."""
        self._note_waited()
        self.request = None
        self._holds(server)

    def _asks_kept(self, server: "ServerLink") -> bool:
        """Sends on what it kept while it waited, if that is one request and no more."""
        reader = self.requests.reader
        if not reader.is_untouched() or self.transport.paused:
            return False
        data = reader.buffer
        if not is_whole_request(data, reader.size) or not server.feedable():
            return False
        if not server.exchange.is_quiet() or not self._asks(data, reader.size, server):
            return False
        reader.drop()
        return True

    def _holds(self, server: "ServerLink") -> bool:
        """Notes that it has this server connection; whether that is as it needs it already."""
        self.server = server
        self.database.traffic.leases += 1
        self._note_asked()
        self.phase = _LEASED
        server.lease_to(self)
        if self.rewrites:
            server.exchange.deaf = True
        else:
            hearing.by_itself(self, server)
        server.exchange.subscriptions = self.requests.subscriptions
        self._begin_lease()
        drawn = self.requests.strangers_drew = server.exchange.drawn
        return (
            server.vector is self.vector
            and self.settled
            and not server.suspect
            and self.block is None
            and not (drawn and (self.database.asks_sequences or not self.rewrites))
        )

    def _begin_lease(self) -> None:
        self.requests.effects = 0
        self.requests.unanswered_effects = 0
        self.requests.may_end = False
        self.requests.discards = 0
        self.requests.drew = -1
        self.requests.wrote = False
        self.requests.moves = False
        self.requests.rereads = False

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
            self.transport.write_all(exchange.to_client)
            self.refuse(stream_malformed(malformed))
            return
        server.transport.send_all(exchange.to_server)
        if exchange.to_client:
            self.transport.write_all(exchange.to_client)
        self._tell_effects(server)
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
            requests.answered(exchange.status == _IDLE_STATUS and not exchange.unit_open)
            self.parameters_changed(exchange)
        if exchange.skipping or exchange.held or requests.reader.stream_left:
            return
        if exchange.unit_open:
            return  # what is answered of the next unit was flushed: its transaction is open
        self._note_answered(exchange)
        if requests.effects & _CATALOG:
            self._catalog_settles(exchange.status == _IDLE_STATUS)
        if not self.rewrites or self.pinned or exchange.status != _IDLE_STATUS:
            if self.dismissal is not None and exchange.is_idle():
                self.end_dismissed()
            return  # every door keeps the lease
        if requests.effects & _EXECUTES:
            requests.note_executed(self.vector.prepared.by_name.values())
        if self.database.unread:
            requests.doubt()
        if requests.effects & self._lasting == 0 and not exchange.changed:
            self.release(server)
            return
        ending = self.door.after_answer(exchange.status, requests.effects, pinned=self.pinned)
        end_by(self, ending, server)

    def _catalog_settles(self, is_over: bool) -> None:
        """DDL was answered; whether its transaction is over, too."""
        requests = self.requests
        requests.catalog_settles(transaction_is_over=is_over)
        if is_over and requests.makes_code:
            requests.makes_code = False
            self.database.watch.look()

    def release(self, server: "ServerLink") -> None:
        """It gives its server connection back; what came meanwhile asks anew."""
        self.unlease()
        self.database.release(server)
        if self.dismissal is not None:
            self.end_dismissed()
        elif self.database.draining:
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
        self.moves = 0
        if self.asked >= 0:
            self.asked = -1.0 - self.database.loop.now
        self.began = -1.0
        if self.transport.paused:
            self.transport.resume()
        if self.kept_bytes or self.requests.reader.size:
            self.note_kept()

    # Endings -------------------------------------------------------------------------------

    def rejected(self, refusal: Refusal) -> None:
        """Its request was not started; it hears why and stays connected (promise P5)."""
        self.request = None
        self.database.worker.log_refusal(self, refusal)
        if self.phase == _WELCOME:
            self.end_with(error_response(refusal, ends=True))
            return
        self.phase = _IDLE
        if self.block is not None:
            self.block.fail()
        self.transport.write(error_response(refusal))
        self.requests.channels_heard = False  # what has asked for that is what is dropped
        self.requests.fails_unsent()
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
                self.transport.write(READY_IDLE if self.block is None else READY_FAILED)
                return True
        return False

    def hear_itself(self, server: "ServerLink") -> None:
        """It keeps its server connection: what that hears is for it."""
        hearing.by_itself(self, server)

    # Beginning -----------------------------------------------------------------------------

    def begin(self, admission: "Admission") -> None:
        """It is logged in: it is told the settings that hold for it, or waits for a server."""
        known = admission.welcome()
        if known is None or self.need.fresh:
            self.ask_first()
        elif known.doubted:
            self.ask_first()
            come_in_later(self, known)
        else:
            self.comes_in(known)

    def comes_in(self, welcome: Welcome) -> None:
        """It is told what is known, and may send requests."""
        self.welcomed = True
        self._welcome(welcome)
        self.want()

    def ask_first(self) -> None:
        """Asks for a server connection that tells what its settings look like."""
        self.phase = _WELCOME
        slot = self.database.desk.lease_idle(self._next_lease(), self.database.loop.now)
        if slot is None:
            self.database.wait(self)
        else:
            self.granted(slot.link)  # type: ignore[arg-type]

    def _welcome(self, welcome: Welcome) -> None:
        """What a server says after the login, in our name; superusers come from few places."""
        if not welcome.harmless and not may_be_superuser(self, welcome.parameters.get(REPORTED)):
            return
        self.transport.write(welcome.message(self.process_id, self.key))
        self.requests.encoding = welcome.encoding
        self.requests.standard_strings = welcome.standard_strings
        self.told = welcome.parameters
        self.settled = self.rewrites and not welcome.doubted
        self.phase = _IDLE

    def lease_ready(self, server: "ServerLink") -> None:
        """The server connection is as this client needs it."""
        if not self.welcomed:
            welcome = Welcome(dict(server.exchange.parameters), server.harmless)
            if not server.suspect:
                self.database.keep_welcome(self.user, self.startup, welcome)
            self.end_lease(server)
            if self.phase != _GONE:  # what it sent already is looked at behind its welcome only
                self.welcomed = True
                self._welcome(welcome)
                self.settled = self.settled and not server.suspect
                self.want()
            return
        if not self.settled or server.suspect:
            tell_defaults(self, server)
            if self.phase == _GONE:
                return
        if self.block is None:
            self.forward()
        else:
            own_blocks.take_up(self, server)

    def end_lease(self, server: "ServerLink") -> None:
        """The server connection is clean: it goes, unless it was dirtied again meanwhile."""
        self.requests.effects = 0
        if server.sum:
            keep_sum(server)
        self.unlease()
        self.database.release(server)
        if self.dismissal is not None:
            self.end_dismissed()
        elif self.database.draining:
            self.end_for_drain()
        elif self.welcomed:
            self.want()

    def raw_begins(self, server: "ServerLink") -> None:
        """Direct door: it is told what the server told us; from here on bytes pass unread."""
        self.welcomed = True
        server.raw = True
        server.quiet = True
        self._welcome_raw(server)

    def _welcome_raw(self, server: "ServerLink") -> None:
        self._welcome(Welcome(server.exchange.parameters, server.harmless))
        if self.phase == _GONE:
            return
        self.phase = _LEASED
        waiting = self.requests.reader.take_all()
        if waiting:
            self._pass_on(waiting, server)

    def _pass_on(self, data: bytes, server: "ServerLink") -> None:
        """Direct door: nobody looks at more than where messages end."""
        reader = self.requests.reader
        try:
            reader.skip(data)
        except MalformedStream:
            reader.stream_left = LOST  # the server will say so
        server.transport.write(data)


def client_link(
    admission: "Admission", transport: "Transport", peer: "Peer", number: int
) -> ClientLink:
    """One, made without what it costs to call a class."""
    made = ClientLink.__new__(ClientLink)
    made._set_up(admission, transport, peer, number)
    return made


UNIT_ENDS = (0x51, 0x53, 0x46)
"""Query, Sync and function call: each is answered by one ReadyForQuery."""
READY_IDLE = ready_for_query(b"I")
READY_FAILED = ready_for_query(b"E")
