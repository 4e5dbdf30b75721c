# cython: boundscheck=False, wraparound=False
"""What a client sends, made fit for the server connection it holds.

A client of a door that lends server connections uses names (of prepared statements) that mean something only
to itself. This module walks its messages, leaves alone what can be left alone (a run of messages is one
slice), and rewrites Parse, Bind, Describe and Close so that each name means on this server
connection what it means to this client (see `statements.py`).

Whatever is refused is refused by making the server fail too, and giving the client our error in place of
the server's: a refusal inside a transaction must abort it as any error would (fact A9).

`forward` stops, and is called again later, when the client's next message must wait (HELD; why is
`Exchange.held`), or at the message that ends the client (TERMINATED).

A Sync behind a statement that may be COPY FROM STDIN waits until it is answered: see `exchange.py`.
"""

from pglane.connection.deallocation import deallocated_name
from pglane.connection.exchange import (
    BIND,
    CLOSE,
    CLOSE_SILENT,
    DESCRIBE,
    DESCRIBE_SILENT,
    EXECUTE,
    FAILED_STATUS,
    FUNCTION,
    HELD_FOR_ANSWERS,
    HELD_FOR_DESCRIPTION,
    HELD_FOR_ROOM,
    IDLE_STATUS,
    PARSE,
    PARSE_SILENT,
    QUERY,
    REFUSED,
    Exchange,
    PendingDeallocation,
    PendingParse,
)
from pglane.connection.statements import (
    ClientStatement,
    ServerStatement,
    ServerStatements,
    Shape,
    Shapes,
)
from pglane.wire.framing import HEADER_BYTES, MessageReader
from pglane.wire.server_messages import ErrorResponse
from pglane.wire.statements import Effect, Kind, Verdict, VerdictCache

FORWARDED = 0
TERMINATED = 1
HELD = 2
OUT_OF_PLACE = 4

SYNTAX_THAT_FAILS = b"pglane refuses"
"""No statement begins like this: the server answers with a syntax error in any state."""
KNOWN = frozenset(b"QPBDEHSCFdcfXp")
TEXT_SETTINGS = frozenset({"client_encoding", "standard_conforming_strings"})
UNCERTAIN = "not known until the server reports it"
"""No encoding has this name: texts sent meanwhile are not read, but treated as everything (A12)."""
NO_SHAPE = Shape(b"", b"", None)
STALE = Shape(b"", b"", None)
STALE.stale = True
FLUSH = b"H\x00\x00\x00\x04"
NOT_ACCOUNTED_FOR = Verdict((Kind.UNKNOWN,), int(Effect.UNKNOWN), ())
FORGETS = int(Effect.DEALLOCATE | Effect.DEALLOCATE_ALL | Effect.DISCARD_ALL | Effect.UNKNOWN)
COPIES = int(Effect.COPY | Effect.UNKNOWN)
DEALLOCATES = int(Kind.DEALLOCATE)
STATEMENT_BYTES_MAX = 32 * 1024 * 1024
"""Texts of one client's prepared statements taken together, in bytes; small ones are not counted."""
LARGE_TEXT_BYTES = 4096
DEALLOCATING_MAX = 64
"""Portals of a DEALLOCATE or the like that are bound and not executed."""


class ClientRequests:
    """The messages of one client after its login, and the names it gave.

    Attributes:
        reader: the client's stream; messages not yet forwarded stay in it.
        statements: the client's prepared statements by its own names; b"" is the unnamed one.
        effects: session effects of what was forwarded since the lease began (`Effect` bits).
        unanswered_effects: the same since everything was last answered.
        settings: names of settings touched since the lease began.
        virtual: statement names are rewritten (a door that changes server connections).
        parse_key: the state its texts are parsed under.
        out_of_place: type byte of the message that made `forward` return OUT_OF_PLACE.
        may_forget: something that is not answered yet may drop prepared statements; what names one
            waits.
        may_copy: something sent since the server was last idle may be COPY FROM STDIN.
    """

    __slots__ = (
        "_cache",
        "_deallocating",
        "_shapes",
        "effects",
        "encoding",
        "may_copy",
        "may_forget",
        "out_of_place",
        "parse_key",
        "reader",
        "settings",
        "standard_strings",
        "statements",
        "statements_max",
        "unanswered_effects",
        "virtual",
    )

    def __init__(
        self,
        cache: VerdictCache,
        shapes: Shapes,
        *,
        virtual: bool,
        message_bytes_max: int,
        statements_max: int,
    ) -> None:
        self.reader = MessageReader(message_bytes_max)
        self.statements: dict[bytes, ClientStatement] = {}
        self.effects = 0
        self.unanswered_effects = 0
        self.settings: set[str] = set()
        self.virtual = virtual
        self.parse_key: object = None
        self.encoding = "UTF8"
        self.standard_strings = True
        self.statements_max = statements_max
        self.out_of_place = 0
        self.may_copy = False
        self.may_forget = False
        self._deallocating: dict[bytes, bytes] = {}
        self._cache = cache
        self._shapes = shapes

    def forward(self, exchange: Exchange) -> int:
        """Moves every message that is here to `exchange.to_server`.

        Raises:
            MalformedStream: the client's bytes are not the protocol.
            MalformedRequest: the body of a message is not.
        """
        reader = self.reader
        exchange.names = self.statements
        if reader.stream_left:
            exchange.to_server.append(reader.take_stream())
        outcome = FORWARDED
        run = reader.end
        while outcome == FORWARDED and not exchange.held and reader.next():
            kind = reader.kind
            begin = reader.begin
            if self._passes(kind, exchange):
                continue
            self._hand_on(exchange, run, begin)
            outcome = self._rewrite(kind, exchange)
            run = reader.end
        if exchange.held and outcome == FORWARDED:
            outcome = HELD
        self._hand_on(exchange, run, reader.end)
        self._maybe_stream(exchange)
        return outcome

    def _hand_on(self, exchange: Exchange, begin: int, end: int) -> None:
        if begin == end:
            return
        reader = self.reader
        if begin == 0 and end == reader.size:
            exchange.to_server.append(reader.buffer)
        else:
            exchange.to_server.append(reader.buffer[begin:end])

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
        if kind == 0x48:  # Flush
            return self._flush()
        if kind == 0x63 or kind == 0x66:  # CopyDone, CopyFail
            exchange.copy_ends()
            return True
        if not self.virtual:
            return self._passes_named(kind, exchange)
        if kind == 0x50:
            return self._parse_unnamed(exchange)
        if kind == 0x42:
            return self._bind_unnamed(exchange)
        return False

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

    def _hold_sync(self, exchange: Exchange) -> int:
        """A Sync while a copy runs is ignored by the server, if it is not too late: never send it."""
        if exchange.copy_in:
            return FORWARDED
        return self._wait(exchange, HELD_FOR_ANSWERS)

    def _wait(self, exchange: Exchange, reason: int) -> int:
        """The message is read again when what it waits for has come."""
        exchange.to_server.append(FLUSH)
        exchange.held = reason
        self.reader.step_back()
        return HELD

    def _flush(self) -> bool:
        """One with a body makes the server fail without any answer of its own to tell by."""
        if self.reader.end - self.reader.begin != HEADER_BYTES:
            raise MalformedRequest("Flush", "it has a body")
        return True

    def _execute(self, exchange: Exchange) -> bool:
        if self._deallocating and self.reader.body()[:-4] in self._deallocating:
            return False
        exchange.expect(EXECUTE)
        return True

    def _execute_deallocating(self, exchange: Exchange) -> None:
        """Runs what may drop prepared statements; who has prepared those is known only now."""
        text = self._deallocating.pop(self.reader.body()[:-4])
        deallocation = self._deallocation(text, exchange)
        exchange.to_server.append(self.reader.message())
        exchange.expect(EXECUTE, deallocation)

    def _note_portal(self, portal: bytes, statement: ClientStatement | None) -> None:
        """Remembers which portals may drop prepared statements when they are executed."""
        deallocating = self._deallocating
        if statement is not None:
            verdict: Verdict = statement.verdict  # type: ignore[assignment]
            if verdict.effects & FORGETS and self.virtual:
                if len(deallocating) >= DEALLOCATING_MAX:
                    deallocating.clear()
                deallocating[portal + b"\x00"] = statement.text
                return
        if deallocating:
            deallocating.pop(portal + b"\x00", None)

    def _passes_named(self, kind: int, exchange: Exchange) -> bool:
        """A door that does not rewrite names: notes what is to come and passes it on."""
        if kind == 0x50:
            name, at = self._string(self.reader.begin + 5)
            text, at = self._string(at)
            verdict = self._judge(text)
            before = self.statements.get(name)
            statement = ClientStatement(text, b"", verdict, NO_SHAPE)
            self._keep(name, statement)
            exchange.expect(PARSE, PendingParse(None, self.statements, name, statement, before))
        elif kind == 0x42:
            _, at = self._string(self.reader.begin + 5)
            name, at = self._string(at)
            self._note(self.statements.get(name))
            exchange.expect(BIND)
            if name not in self.statements:
                self._note_verdict(NOT_ACCOUNTED_FOR)
        elif kind == 0x44:
            exchange.expect(DESCRIBE)
        elif kind == 0x43:
            exchange.expect(CLOSE)
        elif kind == 0x46:
            exchange.expect(FUNCTION)
        else:
            return False
        return True

    # Simple queries --------------------------------------------------------------------------

    def _query(self, exchange: Exchange) -> bool:
        reader = self.reader
        data = reader.buffer
        last = reader.end - 1
        if data[last] != 0:
            raise MalformedRequest("Query", "its text does not end with a zero byte")
        verdict = self._judge(data[reader.begin + 5 : last])
        if verdict.effects:
            self._note_verdict(verdict)
            if verdict.effects & FORGETS and self.virtual:
                return False
        self._expect_query(exchange, None)
        return True

    def _expect_query(self, exchange: Exchange, deallocation: object) -> None:
        """A Query destroys the unnamed statement (fact A3)."""
        exchange.statements.unnamed = None
        before = self.statements.pop(b"", None) if self.statements else None
        if before is None or deallocation is not None:
            exchange.expect(QUERY, deallocation)
        else:
            exchange.expect(QUERY, PendingParse(None, self.statements, b"", None, before))

    def _query_deallocating(self, exchange: Exchange) -> None:
        """A text that may drop prepared statements."""
        deallocation = self._deallocation(self.reader.body()[:-1], exchange)
        exchange.to_server.append(self.reader.message())
        self._expect_query(exchange, deallocation)

    def _deallocation(self, text: bytes, exchange: Exchange) -> PendingDeallocation | None:
        """Prepares for a text that may drop statements; None if it names none of ours.

        In a failed transaction it fails whatever it names.
        """
        self.may_forget = True
        if self._judge(text).single != DEALLOCATES or exchange.status == FAILED_STATUS:
            return None
        name = deallocated_name(text)
        return self._give_name(exchange, name) if name and name in self.statements else None

    def _give_name(self, exchange: Exchange, name: bytes) -> PendingDeallocation:
        """Lets the name that only we know mean an empty statement on the server connection.

        So that tag, errors and transaction are the server's own. An empty text is parsed in any
        state of the transaction and takes no part in it.
        """
        empty = ServerStatement(name, NO_SHAPE)
        exchange.to_server.append(message(b"C", b"S%b\x00" % name))
        exchange.expect(CLOSE_SILENT)
        exchange.to_server.append(message(b"P", b"%b\x00\x00\x00\x00" % name))
        exchange.expect(PARSE_SILENT, empty)
        return PendingDeallocation(self.statements, name, self.statements[name], empty)

    def _judge(self, text: bytes) -> Verdict:
        return self._cache.lookup(text, self.encoding, self.standard_strings)

    def _note(self, statement: ClientStatement | None) -> None:
        if statement is not None:
            verdict: Verdict = statement.verdict  # type: ignore[assignment]
            if verdict.effects:
                self._note_verdict(verdict)

    def _note_verdict(self, verdict: Verdict) -> None:
        self.effects |= verdict.effects
        self.unanswered_effects |= verdict.effects
        if verdict.effects & COPIES:
            self.may_copy = True
        if verdict.settings:
            self.settings.update(verdict.settings)
            if not TEXT_SETTINGS.isdisjoint(verdict.settings):
                self.encoding = UNCERTAIN

    # The extended protocol -------------------------------------------------------------------

    def _string(self, at: int) -> tuple[bytes, int]:
        """The zero-terminated string at `at`, and where it is followed."""
        reader = self.reader
        end = reader.buffer.find(b"\x00", at, reader.end)
        if end < 0:
            raise MalformedRequest(chr(reader.kind), "a string in it does not end")
        return reader.buffer[at:end], end + 1

    def _last_string(self, at: int) -> bytes:
        """The string at `at`, which ends the message."""
        text, end = self._string(at)
        if end != self.reader.end:
            raise MalformedRequest(chr(self.reader.kind), "something follows its name")
        return text

    def _byte(self, at: int) -> int:
        """The byte at `at`, which must lie within the message."""
        reader = self.reader
        if at >= reader.end:
            raise MalformedRequest(chr(reader.kind), "it ends too early")
        return reader.buffer[at]

    def _parse_unnamed(self, exchange: Exchange) -> bool:
        """An unnamed Parse is sent as it is; a named one is rewritten."""
        reader = self.reader
        if self._byte(reader.begin + 5) != 0:
            return False
        text, at = self._string(reader.begin + 6)
        types = reader.buffer[at : reader.end]
        statement = ClientStatement(text, types, self._judge(text), NO_SHAPE)
        before = self.statements.get(b"")
        self.statements[b""] = statement
        exchange.statements.unnamed = statement
        exchange.expect(PARSE, PendingParse(None, self.statements, b"", statement, before))
        return True

    def _bind_unnamed(self, exchange: Exchange) -> bool:
        """A Bind of the unnamed statement that this server connection holds is sent as it is."""
        reader = self.reader
        portal, at = self._string(reader.begin + 5)
        if self._byte(at) != 0:
            return False
        statement = self.statements.get(b"")
        if statement is None or exchange.statements.unnamed is not statement:
            return False
        self._note(statement)
        self._note_portal(portal, statement)
        exchange.expect(BIND)
        return True

    def _rewrite(self, kind: int, exchange: Exchange) -> int:
        """Handles a message that cannot be sent as it is."""
        if kind == 0x58:
            return TERMINATED
        if kind not in KNOWN or kind == 0x70:
            self.out_of_place = kind
            return OUT_OF_PLACE
        if exchange.skipping:
            return FORWARDED
        if exchange.is_full():
            return self._wait(exchange, HELD_FOR_ROOM)
        if self.may_forget and kind != 0x53:
            if exchange.outstanding():
                return self._wait(exchange, HELD_FOR_ANSWERS)
            self.may_forget = False
        if kind == 0x50:
            self._parse_named(exchange)
        elif kind == 0x42:
            return self._bind(exchange)
        elif kind == 0x44:
            return self._describe(exchange)
        elif kind == 0x43:
            self._close(exchange)
        elif kind == 0x53:
            return self._hold_sync(exchange)
        elif kind == 0x51:
            self._query_deallocating(exchange)
        elif kind == 0x45:
            self._execute_deallocating(exchange)
        else:
            exchange.to_server.append(self.reader.message())
            exchange.expect(FUNCTION)
        return FORWARDED

    def _parse_named(self, exchange: Exchange) -> None:
        reader = self.reader
        name, at = self._string(reader.begin + 5)
        text, at = self._string(at)
        types = reader.buffer[at : reader.end]
        shape = self._shapes.of(text, types, self.parse_key)
        refusal = self._no_room_for(name, text)
        if refusal:
            self._parse_apart(exchange, shape)
            self._refuse(exchange, refusal)
            return
        statement = ClientStatement(shape.text, shape.types, self._judge(text), shape)
        self.statements[name] = statement
        known = exchange.statements.find(shape)
        if known is not None and known.complete and not exchange.may_have_failed():
            statement.prepared = known
            exchange.answer_locally(PendingParse(None, self.statements, name, statement))
            return
        fresh = self._prepare(exchange, shape)
        statement.prepared = fresh
        exchange.expect(PARSE, PendingParse(fresh, self.statements, name, statement))

    def _parse_apart(self, exchange: Exchange, shape: Shape) -> None:
        """What the server has against the text itself goes before our refusal."""
        apart = exchange.statements.apart(shape)
        exchange.statements.unclosed.append(apart)
        exchange.to_server.append(
            message(b"P", b"%b\x00%b\x00%b" % (apart.name, shape.text, shape.types))
        )
        exchange.expect(PARSE_SILENT, apart)

    def _no_room_for(self, name: bytes, text: bytes) -> bytes:
        """The error that answers a Parse of this name; b"" if it may be."""
        statements = self.statements
        if name in statements:
            return error(b"42P05", b'prepared statement "%b" already exists' % name)
        full = len(statements) >= self.statements_max
        if not full and len(text) > LARGE_TEXT_BYTES:
            held = sum([len(statement.text) for statement in statements.values()])
            full = held + len(text) > STATEMENT_BYTES_MAX
        return error(b"53000", b"too many prepared statements on this connection") if full else b""

    def _prepare(self, exchange: Exchange, shape: Shape) -> ServerStatement:
        """Sends a Parse under a name of ours; the oldest statements make room first."""
        fresh = exchange.statements.add(shape)
        self._close_evicted(exchange)
        exchange.to_server.append(
            message(b"P", b"%b\x00%b\x00%b" % (fresh.name, shape.text, shape.types))
        )
        return fresh

    def _close_evicted(self, exchange: Exchange) -> None:
        evicted = exchange.statements.evict()
        while evicted is not None:
            exchange.to_server.append(message(b"C", b"S" + evicted.name + b"\x00"))
            exchange.expect(CLOSE_SILENT, evicted)
            evicted = exchange.statements.evict()

    def _keep(self, name: bytes, statement: ClientStatement) -> None:
        if name in self.statements or len(self.statements) < self.statements_max:
            self.statements[name] = statement
        else:
            self._note(statement)

    def _bind(self, exchange: Exchange) -> int:
        reader = self.reader
        portal, at = self._string(reader.begin + 5)
        name, at = self._string(at)
        target = self._server_name(exchange, name)
        if target is None:
            return FORWARDED
        if exchange.held:
            reader.step_back()
            return HELD
        statement = self.statements.get(name)
        self._note(statement)
        self._note_portal(portal, statement)
        rest = reader.buffer[at : reader.end]
        exchange.to_server.append(message(b"B", b"%b\x00%b\x00%b" % (portal, target, rest)))
        exchange.expect(BIND, statement if name else None)
        return FORWARDED

    def _server_name(self, exchange: Exchange, name: bytes) -> bytes | None:
        """What the client's statement is called here; None: refused; may set `exchange.held`."""
        statement = self.statements.get(name)
        if not name:
            self._renew_unnamed(exchange, statement)
            return b""
        if statement is None:
            return b"%b?" % name if exchange.statements.is_ours(name) else name
        shape = self._shape_of(statement)
        if shape.stale:
            self._refuse(exchange, error(b"0A000", b"cached plan must not change result type"))
            return None
        known = exchange.statements.find(shape)
        if known is None:
            known = self._prepare(exchange, shape)
            exchange.expect(PARSE_SILENT, known)
            self._describe_silently(exchange, statement, known)
        elif not known.checked and statement.prepared is not known:
            self._describe_silently(exchange, statement, known)
        return known.name

    def _shape_of(self, statement: ClientStatement) -> Shape:
        """The statement under the client's present state; what it promised stays promised."""
        shape = statement.shape
        if shape.parse_key is not self.parse_key and not shape.stale:
            renewed = self._shapes.of(statement.text, statement.types, self.parse_key)
            if renewed.description is None:
                renewed.description = shape.description
            elif shape.description is not None and renewed.description != shape.description:
                return STALE
            statement.shape = renewed
            return renewed
        return shape

    def _renew_unnamed(self, exchange: Exchange, statement: ClientStatement | None) -> None:
        """This server connection may hold somebody else's unnamed statement: parse ours again.

        If the client has none, nobody else's may answer in its place.
        """
        if statement is None:
            exchange.statements.unnamed = None
            exchange.to_server.append(message(b"C", b"S\x00"))
            exchange.expect(CLOSE_SILENT)
            return
        if exchange.statements.unnamed is statement:
            return
        exchange.statements.unnamed = statement
        exchange.to_server.append(
            message(b"P", b"\x00%b\x00%b" % (statement.text, statement.types))
        )
        exchange.expect(PARSE_SILENT)

    def _describe_silently(
        self, exchange: Exchange, statement: ClientStatement, known: ServerStatement
    ) -> None:
        """Asks what a statement that the client prepared elsewhere returns here and now.

        The client's message waits for the answer: rows of a shape that it was not told about would
        be read wrongly (fact A8).
        """
        exchange.to_server.append(message(b"D", b"S" + known.name + b"\x00"))
        exchange.to_server.append(FLUSH)
        exchange.expect(DESCRIBE_SILENT, statement)
        exchange.held = HELD_FOR_DESCRIPTION

    def _describe(self, exchange: Exchange) -> int:
        reader = self.reader
        if self._byte(reader.begin + 5) != 0x53:
            exchange.to_server.append(reader.message())
            exchange.expect(DESCRIBE)
            return FORWARDED
        name = self._last_string(reader.begin + 6)
        target = self._server_name(exchange, name)
        if target is None:
            return FORWARDED
        if exchange.held:
            reader.step_back()
            return HELD
        exchange.to_server.append(message(b"D", b"S" + target + b"\x00"))
        statement = self.statements.get(name)
        exchange.expect(DESCRIBE, statement if name else None)
        return FORWARDED

    def _close(self, exchange: Exchange) -> None:
        """A statement's Close is ours to answer: the server-side one may serve others."""
        reader = self.reader
        if self._byte(reader.begin + 5) != 0x53:
            exchange.to_server.append(reader.message())
            exchange.expect(CLOSE)
            return
        name = self._last_string(reader.begin + 6)
        before = self.statements.pop(name, None)
        exchange.answer_locally(PendingParse(None, self.statements, name, None, before))

    def _refuse(self, exchange: Exchange, answer: bytes) -> None:
        """Makes the server fail here, and the client read `answer` instead of its error."""
        exchange.to_server.append(message(b"P", b"\x00%b\x00\x00\x00" % SYNTAX_THAT_FAILS))
        exchange.statements.unnamed = None
        exchange.expect(REFUSED, answer)


class MalformedRequest(Exception):
    """A client's message has a body that the protocol does not allow."""

    def __init__(self, kind: str, seen: str) -> None:
        super().__init__(f"message {kind}: {seen}")
        self.kind = kind
        self.seen = seen


def message(kind: bytes, body: bytes) -> bytes:
    """One message with its length.

    What `pglane.wire.body.message` does, compiled and without a check: nothing here is longer than
    a message that was received plus a name of ours.
    """
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def error(sqlstate: bytes, text: bytes) -> bytes:
    """An ErrorResponse as PostgreSQL itself would word it."""
    fields = (("S", b"ERROR"), ("V", b"ERROR"), ("C", sqlstate), ("M", text))
    return ErrorResponse(fields).encode()
