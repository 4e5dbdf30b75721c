# cython: boundscheck=False, wraparound=False
"""What a client sends, made fit for the server connection it holds.

A client of a door that lends server connections uses names (of prepared statements) that mean something only
to itself. This module walks its messages, leaves alone what can be left alone (a run of messages is one
slice), and rewrites Parse, Bind, Describe and Close so that each name means on this server
connection what it means to this client (see `statements.py`).

Whatever is refused is refused by making the server fail too, and giving the client our error in place of
the server's: a refusal inside a transaction must abort it as any error would (fact A9).

`forward` stops, and is called again later, when a statement must first be prepared and described on this server
connection (HELD), or at the message that ends the client (TERMINATED).
"""

from pglane.connection.exchange import (
    BIND,
    CLOSE,
    CLOSE_COMPLETE,
    CLOSE_SILENT,
    DESCRIBE,
    DESCRIBE_SILENT,
    EXECUTE,
    FUNCTION,
    PARSE,
    PARSE_SILENT,
    QUERY,
    REFUSED,
    Exchange,
    PendingParse,
)
from pglane.connection.statements import (
    ClientStatement,
    ServerStatement,
    ServerStatements,
    Shape,
    Shapes,
)
from pglane.wire.framing import MessageReader
from pglane.wire.statements import Verdict, VerdictCache

FORWARDED = 0
TERMINATED = 1
HELD = 2
OUT_OF_PLACE = 4

FAILED_STATUS = 0x45
SYNTAX_THAT_FAILS = b"pglane refuses"
"""No statement begins like this: the server answers with a syntax error in any state."""
EXTENDED = (0x50, 0x42, 0x44, 0x45, 0x43, 0x48)
KNOWN = frozenset(b"QPBDEHSCFdcfXp")
TEXT_SETTINGS = frozenset({"client_encoding", "standard_conforming_strings"})
UNCERTAIN = "not known until the server reports it"
"""No encoding has this name: texts sent meanwhile are not read, but treated as everything (A12)."""
NO_SHAPE = Shape(b"", b"", None)


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
    """

    __slots__ = (
        "_cache",
        "_shapes",
        "effects",
        "encoding",
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
        self._cache = cache
        self._shapes = shapes

    def forward(self, exchange: Exchange) -> int:
        """Moves every message that is here to `exchange.to_server`.

        Raises:
            MalformedStream: the client's bytes are not the protocol.
            MalformedRequest: the body of a message is not.
        """
        reader = self.reader
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
        if exchange.skipping:
            return self._passes_skipping(kind, exchange)
        if kind == 0x51:  # Query
            return self._query(exchange)
        if kind == 0x53:  # Sync
            exchange.syncs()
            return True
        if kind == 0x45:  # Execute
            exchange.expect(EXECUTE)
            return True
        if kind == 0x64 or kind == 0x48:  # CopyData, Flush
            return True
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
        if kind == 0x53:
            exchange.syncs()
            return True
        return False

    def _passes_named(self, kind: int, exchange: Exchange) -> bool:
        """A door that does not rewrite names: notes what is to come and passes it on."""
        if kind == 0x50:
            name, at = self._string(self.reader.begin + 5)
            text, at = self._string(at)
            verdict = self._judge(text)
            names = self.statements
            statement = ClientStatement(text, b"", verdict, NO_SHAPE)
            self._keep(name, statement)
            exchange.expect(PARSE, PendingParse(None, names, name, statement))
        elif kind == 0x42:
            _, at = self._string(self.reader.begin + 5)
            name, at = self._string(at)
            self._note(self.statements.get(name))
            exchange.expect(BIND)
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
        exchange.statements.unnamed = None
        if self.statements:
            self.statements.pop(b"", None)
        if verdict.effects:
            self._note_verdict(verdict)
        exchange.expect(QUERY)
        return True

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

    def _parse_unnamed(self, exchange: Exchange) -> bool:
        """An unnamed Parse is sent as it is; a named one is rewritten."""
        reader = self.reader
        if reader.buffer[reader.begin + 5] != 0:
            return False
        text, at = self._string(reader.begin + 6)
        types = reader.buffer[at : reader.end]
        statement = ClientStatement(text, types, self._judge(text), NO_SHAPE)
        self.statements[b""] = statement
        exchange.statements.unnamed = statement
        exchange.expect(PARSE, PendingParse(None, self.statements, b"", statement))
        return True

    def _bind_unnamed(self, exchange: Exchange) -> bool:
        """A Bind of the unnamed statement that this server connection holds is sent as it is."""
        reader = self.reader
        _, at = self._string(reader.begin + 5)
        if reader.buffer[at] != 0:
            return False
        statement = self.statements.get(b"")
        if statement is None or exchange.statements.unnamed is not statement:
            return False
        self._note(statement)
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
        if kind == 0x50:
            self._parse_named(exchange)
        elif kind == 0x42:
            return self._bind(exchange)
        elif kind == 0x44:
            return self._describe(exchange)
        elif kind == 0x43:
            self._close(exchange)
        else:
            exchange.to_server.append(self.reader.message())
            exchange.expect(FUNCTION)
        return FORWARDED

    def _parse_named(self, exchange: Exchange) -> None:
        reader = self.reader
        name, at = self._string(reader.begin + 5)
        text, at = self._string(at)
        types = reader.buffer[at : reader.end]
        if name in self.statements:
            self._refuse(exchange, error(b"42P05", b'prepared statement "%b" already exists' % name))
            return
        if len(self.statements) >= self.statements_max:
            self._refuse(exchange, error(b"53000", b"too many prepared statements on this connection"))
            return
        shape = self._shapes.of(text, types, self.parse_key)
        statement = ClientStatement(text, types, self._judge(text), shape)
        self.statements[name] = statement
        known = exchange.statements.find(shape)
        if known is not None and known.complete and exchange.status != FAILED_STATUS:
            exchange.answer_parse_locally(PendingParse(None, self.statements, name, statement))
            return
        fresh = self._prepare(exchange, shape)
        exchange.expect(PARSE, PendingParse(fresh, self.statements, name, statement))

    def _prepare(self, exchange: Exchange, shape: Shape) -> ServerStatement:
        """Sends a Parse under a name of ours; the oldest statement makes room first."""
        statements: ServerStatements = exchange.statements
        fresh = statements.add(shape)
        evicted = statements.evict()
        if evicted is not None:
            exchange.to_server.append(message(b"C", b"S" + evicted.name + b"\x00"))
            exchange.expect(CLOSE_SILENT)
        exchange.to_server.append(
            message(b"P", b"%b\x00%b\x00%b" % (fresh.name, shape.text, shape.types))
        )
        return fresh

    def _keep(self, name: bytes, statement: ClientStatement) -> None:
        if name in self.statements or len(self.statements) < self.statements_max:
            self.statements[name] = statement

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
        self._note(self.statements.get(name))
        rest = reader.buffer[at : reader.end]
        exchange.to_server.append(message(b"B", b"%b\x00%b\x00%b" % (portal, target, rest)))
        statement = self.statements.get(name)
        exchange.expect(BIND, exchange.statements.find(statement.shape) if statement else None)
        return FORWARDED

    def _server_name(self, exchange: Exchange, name: bytes) -> bytes | None:
        """What the client's statement is called here; None: refused; may set `exchange.held`."""
        statement = self.statements.get(name)
        if statement is None and not name:
            gone = b"unnamed prepared statement does not exist"
            self._refuse(exchange, error(b"26000", gone))
            return None
        if statement is None:
            return b"%b?" % name if exchange.statements.is_ours(name) else name
        if not name:
            self._renew_unnamed(exchange, statement)
            return b""
        shape = self._shape_of(statement)
        if shape.stale:
            self._refuse(exchange, error(b"0A000", b"cached plan must not change result type"))
            return None
        known = exchange.statements.find(shape)
        if known is None:
            self._prepare_and_describe(exchange, shape)
            return b""
        return known.name

    def _shape_of(self, statement: ClientStatement) -> Shape:
        """The statement under the client's present state; what it promised stays promised."""
        shape = statement.shape
        if shape.parse_key is not self.parse_key and not shape.stale:
            renewed = self._shapes.of(statement.text, statement.types, self.parse_key)
            if renewed.description is None:
                renewed.description = shape.description
            statement.shape = renewed
            return renewed
        return shape

    def _renew_unnamed(self, exchange: Exchange, statement: ClientStatement) -> None:
        """This server connection holds somebody else's unnamed statement: parse ours again."""
        if exchange.statements.unnamed is statement:
            return
        exchange.statements.unnamed = statement
        exchange.to_server.append(message(b"P", b"\x00%b\x00%b" % (statement.text, statement.types)))
        exchange.expect(PARSE_SILENT)

    def _prepare_and_describe(self, exchange: Exchange, shape: Shape) -> None:
        """Prepares a statement that the client prepared elsewhere, and asks what it returns now.

        The client's message waits for the answer: rows of a shape that it was not told about would
        be read wrongly (fact A8).
        """
        fresh = self._prepare(exchange, shape)
        exchange.expect(PARSE_SILENT, fresh)
        exchange.to_server.append(message(b"D", b"S" + fresh.name + b"\x00"))
        exchange.to_server.append(b"H\x00\x00\x00\x04")
        exchange.expect(DESCRIBE_SILENT, shape)
        exchange.held = True

    def _describe(self, exchange: Exchange) -> int:
        reader = self.reader
        if reader.buffer[reader.begin + 5] != 0x53:
            exchange.to_server.append(reader.message())
            exchange.expect(DESCRIBE)
            return FORWARDED
        name, _ = self._string(reader.begin + 6)
        target = self._server_name(exchange, name)
        if target is None:
            return FORWARDED
        if exchange.held:
            reader.step_back()
            return HELD
        exchange.to_server.append(message(b"D", b"S" + target + b"\x00"))
        statement = self.statements.get(name)
        exchange.expect(DESCRIBE, statement.shape if statement is not None and name else None)
        return FORWARDED

    def _close(self, exchange: Exchange) -> None:
        """A statement's Close is ours to answer: the server-side one may serve others."""
        reader = self.reader
        if reader.buffer[reader.begin + 5] != 0x53:
            exchange.to_server.append(reader.message())
            exchange.expect(CLOSE)
            return
        name, _ = self._string(reader.begin + 6)
        self.statements.pop(name, None)
        exchange.answer_locally(CLOSE_COMPLETE)

    def _refuse(self, exchange: Exchange, answer: bytes) -> None:
        """Makes the server fail here, and the client read `answer` instead of its error."""
        exchange.to_server.append(message(b"P", b"\x00%b\x00\x00\x00" % SYNTAX_THAT_FAILS))
        exchange.statements.unnamed = None
        exchange.expect(REFUSED, answer)

    def forget_statements(self) -> None:
        """DEALLOCATE ALL and DISCARD ALL: the client's names are gone; the unnamed one stays."""
        unnamed = self.statements.get(b"")
        self.statements.clear()
        if unnamed is not None:
            self.statements[b""] = unnamed


class MalformedRequest(Exception):
    """A client's message has a body that the protocol does not allow."""

    def __init__(self, kind: str, seen: str) -> None:
        super().__init__(f"message {kind}: {seen}")
        self.kind = kind
        self.seen = seen


def message(kind: bytes, body: bytes) -> bytes:
    """One message with its length."""
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def error(sqlstate: bytes, text: bytes) -> bytes:
    """An ErrorResponse as PostgreSQL itself would word it."""
    return message(b"E", b"SERROR\x00VERROR\x00C%b\x00M%b\x00\x00" % (sqlstate, text))
