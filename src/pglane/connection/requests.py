# cython: boundscheck=False, wraparound=False
"""What a client sends, made fit for the server connection it holds.

A client of a door that lends server connections uses names (of prepared statements) that mean
something only to itself. This module walks its messages, leaves alone what can be left alone (a
run of messages is one slice), and rewrites Parse, Bind, Describe and Close so that each name
means on this server connection what it means to this client (see `statements.py`).

Whatever is refused is refused by making the server fail too, and giving the client our error in
place of the server's: a refusal inside a transaction must abort it as any error would (fact A9).

`forward` stops, and is called again later, when the client's next message must wait (HELD; why is
`Exchange.held`), or at the message that ends the client (TERMINATED).

A Sync behind a statement that may be COPY FROM STDIN waits until it is answered: see
`exchange.py`.
"""

from pglane.connection.client_effects import FORGETS
from pglane.connection.client_names import SYNTAX_THAT_FAILS
from pglane.connection.exchange import (
    HELD_FOR_ANSWERS,
    HELD_FOR_ROOM,
    IDLE_STATUS,
    Exchange,
)
from pglane.connection.expectations import FUNCTION, QUERY, pending_parse
from pglane.connection.extended_requests import (
    CALLED_BY_NUMBER,
    FORWARDED,
    HELD,
    OUT_OF_PLACE,
    TERMINATED,
)
from pglane.connection.prepared_statements import Shapes
from pglane.connection.request_messages import MalformedRequest, message
from pglane.connection.whole_requests import WholeRequests
from pglane.errors.protocol import MessageMalformed
from pglane.wire.framing import HEADER_BYTES, MalformedStream, message_reader
from pglane.wire.server_messages import error_response
from pglane.wire.statements import Verdict, VerdictCache

# Compiled, these are C integers that Python code cannot see.
_FORWARDED: int = FORWARDED
_HEADER_BYTES: int = HEADER_BYTES
_HELD: int = HELD
_QUERY: int = QUERY

KNOWN = frozenset(b"QPBDEHSCFdcfXp")


class ClientRequests(WholeRequests):
    """The messages of one client after its login, and the names it gave.

    Attributes:
        out_of_place: type byte of the message that made `forward` return OUT_OF_PLACE.
    """

    __slots__ = ("out_of_place",)

    def __init__(
        self,
        cache: VerdictCache,
        shapes: Shapes,
        virtual: bool,
        message_bytes_max: int,
        statements_max: int,
    ) -> None:
        self._set_up(cache, shapes, virtual, message_bytes_max, statements_max)

    def _set_up(
        self,
        cache: VerdictCache,
        shapes: Shapes,
        virtual: bool,
        message_bytes_max: int,
        statements_max: int,
    ) -> None:
        self._name_nothing(cache, shapes, virtual, statements_max)
        self._hear_nothing()
        self._read_from(message_reader(message_bytes_max))
        self.out_of_place = 0
        self._nothing_again()

    def forward(self, exchange: Exchange) -> int:
        """Moves every message that is here to `exchange.to_server`.

        Raises:
            MalformedStream: the client's bytes are not the protocol.
        """
        reader = self.reader
        exchange.names = self.statements
        if reader.stream_left:
            exchange.to_server.append(reader.take_stream())
        outcome = _FORWARDED
        run = reader.end
        try:
            while outcome == _FORWARDED and not exchange.held and reader.next():
                kind = reader.kind
                begin = reader.begin
                try:
                    if self._passes(kind, exchange):
                        continue
                    self._hand_on(exchange, run, begin)
                    run = begin
                    outcome = self._rewrite(kind, exchange)
                except MalformedRequest as malformed:
                    self._hand_on(exchange, run, begin)
                    self._refuse_malformed(exchange, malformed)
                run = reader.end - self.rest_bytes
                self.rest_bytes = 0
        except MalformedStream:
            self._hand_on(exchange, run, reader.end)  # answers to what stands before it are due
            raise
        self.repeatable = False
        if exchange.held and outcome == _FORWARDED:
            outcome = _HELD
        self._hand_on(exchange, run, reader.end)
        self._maybe_stream(exchange)
        return outcome

    def _refuse_malformed(self, exchange: Exchange, malformed: MalformedRequest) -> None:
        """An error where PostgreSQL gives one too, and no more than that."""
        refusal = MessageMalformed(
            name=malformed.kind, expected="the protocol's form", seen=malformed.seen
        )
        answer = error_response(refusal)
        if self.reader.kind == 0x51:
            self._fail_query(exchange, answer)
        else:
            self._refuse(exchange, answer)

    def _hand_on(self, exchange: Exchange, begin: int, end: int) -> None:
        if begin == end:
            return
        reader = self.reader
        if begin == 0 and end == reader.size:
            exchange.to_server.append(reader.buffer)
        else:
            exchange.to_server.append(reader.part(begin, end))

    def _maybe_stream(self, exchange: Exchange) -> None:
        """Copy data is handed on as it comes; everything else is read whole."""
        if self.reader.partial_kind() == 0x64 and not exchange.held:
            if exchange.skipping:
                return
            exchange.to_server.append(self.reader.stream_partial())

    def _passes(self, kind: int, exchange: Exchange) -> bool:
        """Notes what the message asks for; True if it may be sent as it is."""
        if exchange.skipping or exchange.is_full():
            return self._passes_skipping(kind, exchange)
        if kind == 0x51:  # Query
            return self._query(exchange)
        if kind == 0x53:  # Sync
            return self._sync(exchange)
        if kind == 0x45:  # Execute
            return self._execute(exchange)
        if kind == 0x64:  # CopyData
            return True
        if not self.virtual:
            return self._passes_named(kind, exchange)
        if kind == 0x50:
            return self._parse_unnamed(exchange)
        if kind == 0x42:
            return self._bind_unnamed(exchange)
        if kind == 0x44:
            return self._describe_portal(exchange)
        return self._passes_unanswered(kind, exchange)

    def _passes_skipping(self, kind: int, exchange: Exchange) -> bool:
        """The server discards all until Sync: so nothing else is sent to it."""
        if kind == 0x53 and not exchange.is_full():
            exchange.syncs()
            return True
        return False

    def _sync(self, exchange: Exchange) -> bool:
        """False where it would overtake the answer to what may be COPY FROM STDIN."""
        if exchange.copy_in:
            return False
        if self.may_copy:
            if exchange.outstanding():
                return False
            self.may_copy = exchange.status != IDLE_STATUS
        exchange.syncs()
        return True

    # Simple queries --------------------------------------------------------------------------

    def _query(self, exchange: Exchange) -> bool:
        reader = self.reader
        data = reader.buffer
        last = reader.end - 1
        if data[last] != 0:
            raise MalformedRequest("Query", "its text does not end with a zero byte")
        return self._asks(data, reader.begin + 5, last, exchange)

    def begins_with(self, data: bytes, size: int, exchange: Exchange) -> bool:
        """Notes the request that these bytes are, where nothing else waits; True: send them on.

        What `forward` does with a chunk that is one Query or one whole unit, without a copy of it.
        False: nothing was noted, the reader is to be fed.
        """
        exchange.names = self.statements
        if data[0] == 0x50:
            return self._asks_unit(data, size, exchange)
        return self._asks(data, _HEADER_BYTES, size - 1, exchange)

    def _asks(self, data: bytes, begin: int, end: int, exchange: Exchange) -> bool:
        """Notes the text of a Query; False if it is not to be sent on as it is."""
        verdict = self._cache.lookup_part(data, begin, end, self.encoding, self.standard_strings)
        effects = verdict.effects
        if effects & self.apart or self.changes_channels:
            return False
        if effects:
            self._note_verdict(verdict)
        if verdict.may_draw:
            self._note_drawing(verdict, exchange)
        self.repeatable = verdict.repeatable
        self._expect_query(exchange, None)
        return True

    def _expect_query(self, exchange: Exchange, deallocation: object) -> None:
        """A Query destroys the unnamed statement (fact A3).

        One that is gone already may come back until then, where its Close is discarded.
        """
        exchange.statements.unnamed = None
        before = self.statements.pop(b"", None) if self.statements else None
        gone = before is None and not exchange.outstanding()
        if gone or deallocation is not None:
            exchange.expect(_QUERY, deallocation)
        else:
            exchange.expect(_QUERY, pending_parse(None, self.statements, b"", None, before))

    def _query_apart(self, exchange: Exchange) -> int:
        """A text that may not run here, drop prepared statements or change what is listened to."""
        if self._is_unread(exchange):
            return self._wait(exchange, HELD_FOR_ANSWERS)
        reader = self.reader
        text = reader.buffer[reader.begin + 5 : reader.end - 1]
        verdict = self._judge(text)
        objection = self._state_objection(verdict, text, exchange)
        if objection is None or self._names_unsettled(verdict, text, exchange):
            return self._wait(exchange, HELD_FOR_ANSWERS)
        if not objection:
            objection = self._objection(verdict, text, exchange)
        if objection is None:
            reader.step_back()
            return HELD
        if objection:
            self._fail_query(exchange, objection)
            return FORWARDED
        self._note_verdict(verdict)
        if verdict.may_draw:
            self._note_drawing(verdict, exchange)
        self._send_apart(verdict, text, exchange)
        return FORWARDED

    def _send_apart(self, verdict: Verdict, text: bytes, exchange: Exchange) -> None:
        deallocation = None
        if verdict.effects & FORGETS:
            unit_open = exchange.unit_open
            deallocation = self._deallocation(text, exchange)
            exchange.unit_open = unit_open  # an empty text that is parsed opens nothing
        exchange.to_server.append(self.reader.message())
        before = None if deallocation is not None else self.statements.get(b"")
        steps = self._steps(verdict, text, before)
        if steps is None or deallocation is not None:
            self._expect_query(exchange, deallocation)
        else:
            exchange.statements.unnamed = None
            self.statements.pop(b"", None)
            exchange.expect(_QUERY, steps)

    def _fail_query(self, exchange: Exchange, answer: bytes) -> None:
        """Makes the server fail in place of a Query, and the client read `answer`."""
        exchange.to_server.append(message(b"Q", SYNTAX_THAT_FAILS + b"\x00"))
        exchange.statements.unnamed = None
        exchange.expect(_QUERY, self._unnamed_goes(answer))

    def fails_unsent(self) -> None:
        """The request at the head is refused, and not sent: to its names that is an error."""
        reader = self.reader
        if reader.next():
            unnamed = reader.kind == 0x50 and reader.buffer[reader.begin + HEADER_BYTES] == 0
            if unnamed or reader.kind == 0x51:
                self.statements.pop(b"", None)
            reader.step_back()

    # What must be rewritten ------------------------------------------------------------------

    def _rewrite(self, kind: int, exchange: Exchange) -> int:
        """Handles a message that cannot be sent as it is."""
        if kind == 0x58:
            return TERMINATED
        if kind not in KNOWN or kind == 0x70:
            self.out_of_place = kind
            return OUT_OF_PLACE
        if exchange.skipping:
            self.channels_heard = False  # whatever waited for that is dropped
            self.channels_refused = b""
            return FORWARDED
        reason = self._reason_to_wait(kind, exchange)
        if reason:
            return self._wait(exchange, reason)
        return self._rewrite_named(kind, exchange)

    def _reason_to_wait(self, kind: int, exchange: Exchange) -> int:
        if exchange.is_full():
            return HELD_FOR_ROOM
        if kind == 0x53:
            return 0 if exchange.copy_in else HELD_FOR_ANSWERS
        if self.may_forget:
            if exchange.outstanding():
                return HELD_FOR_ANSWERS
            self.may_forget = False
        return 0

    def _rewrite_named(self, kind: int, exchange: Exchange) -> int:
        """A Sync comes here while a copy runs: the server ignores it, if it is not too late."""
        if kind == 0x42:
            return self._bind(exchange)
        if kind == 0x44:
            return self._describe(exchange)
        if kind == 0x50:
            return self._parse_named(exchange)
        if kind == 0x43:
            return self._close(exchange)
        if kind == 0x51:
            return self._query_apart(exchange)
        if kind == 0x45:
            return self._execute_apart(exchange)
        if kind == 0x46:
            self._note_verdict(CALLED_BY_NUMBER)
            exchange.drawn = True
            exchange.to_server.append(self.reader.message())
            exchange.expect(FUNCTION)
        return FORWARDED


def client_requests(
    cache: VerdictCache,
    shapes: Shapes,
    virtual: bool,
    message_bytes_max: int,
    statements_max: int,
) -> ClientRequests:
    """Those of one client, made without what it costs to call a class."""
    made = ClientRequests.__new__(ClientRequests)
    made._set_up(cache, shapes, virtual, message_bytes_max, statements_max)
    return made
