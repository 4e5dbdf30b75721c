# cython: boundscheck=False, wraparound=False
"""What was asked on a server connection, and what is still to be answered.

PostgreSQL answers in order. For every message that will be answered the exchange keeps one expectation;
each answer that completes one takes it off. That is how answers nobody asked for by name are swallowed
(the Parse we sent so that a client's Bind works here), how answers that the server will never give are
inserted in the right place (the Parse of a statement that is already there), and how the end of a unit
is known: ReadyForQuery with nothing outstanding.

Rules it follows, from the message flow chapter of the PostgreSQL manual and facts A2, A8, A13 of the protocol
research:

* After an error in the extended protocol the server discards everything until Sync; so do we.
* During COPY FROM STDIN the server ignores Sync and Flush; a Sync sent before CopyDone has no ReadyForQuery.
* CopyDone or CopyFail that arrives when no copy runs is ignored by the server.

Rows pass unread: the head of a DataRow or CopyData is looked at, nothing else; an incomplete one is
handed on as it comes. Indexes below lie inside the message that `MessageReader` found.
"""

from pglane.connection.statements import ClientStatement, ServerStatement, ServerStatements, Shape
from pglane.wire.framing import MalformedStream, MessageReader

QUERY = 1
PARSE = 2
BIND = 3
DESCRIBE = 4
EXECUTE = 5
CLOSE = 6
SYNC = 7
FUNCTION = 8
COPY_END = 9
LOCAL = 10
PARSE_SILENT = 11
CLOSE_SILENT = 12
DESCRIBE_SILENT = 13
INTERNAL = 14
REFUSED = 15

READY = 1
INTERNAL_DONE = 2
PARAMETERS = 4
ENDING = 8
BROKEN = 16
FORGOTTEN = 32
DISCARDED = 64
RELEASED_HOLD = 128

IDLE_STATUS = 0x49
IN_TRANSACTION = 0x54
FAILED_STATUS = 0x45

LENGTH_MAX = 0x3FFFFFFF + 4
"""PostgreSQL never makes a longer message (1 GB, MaxAllocSize)."""
INSPECTED_BYTES_MAX = 16 * 1024 * 1024
"""Largest answer that is kept until it is whole; rows and copy data are not kept."""

CLOSE_COMPLETE = b"3\x00\x00\x00\x04"
COPY_FAIL = b"f\x00\x00\x00\x1cthe client disconnected\x00"
FAILING_PARSE = b"P\x00\x00\x00\x16\x00pglane refuses\x00\x00\x00"
"""No statement begins like this: the server answers with a syntax error in any state."""
SYNC_MESSAGE = b"S\x00\x00\x00\x04"
PARSE_COMPLETE = b"1\x00\x00\x00\x04"
STALE_PLAN = b"cached plan must not change result type"


class PendingParse:
    """What a Parse made, to be confirmed by ParseComplete or taken back by an error."""

    __slots__ = ("client_statement", "name", "names", "server_statement")

    def __init__(
        self,
        server_statement: ServerStatement | None,
        names: dict[bytes, ClientStatement],
        name: bytes,
        client_statement: ClientStatement,
    ) -> None:
        self.server_statement = server_statement
        self.names = names
        self.name = name
        self.client_statement = client_statement


class Exchange:
    """The conversation on one server connection after its login.

    Attributes:
        status: transaction status byte of the last ReadyForQuery: I, T or E.
        to_client: what the client that holds the lease is to be given, in order.
        to_server: what the server is to be sent, in order.
        parameters: reported settings by the server's spelling, as last reported.
        changed: names of settings reported since this was last emptied.
        unit_open: messages of the extended protocol were sent and no Sync behind them.
        skipping: an error was seen and the server discards until the client's Sync.
        attached: a client holds the lease; what comes unasked is for it.
        held: the client's next message waits for the answer to ours.
        internal_rows: columns of the first row of an internal query, in text; None for NULL.
        internal_error: fields of the error an internal query gave.
        ending: fields of the FATAL or PANIC that ends this server connection.
    """

    __slots__ = (
        "_head",
        "_kinds",
        "_payloads",
        "attached",
        "changed",
        "copy_in",
        "ending",
        "held",
        "internal_error",
        "internal_rows",
        "parameters",
        "reader",
        "skipping",
        "statements",
        "status",
        "to_client",
        "to_server",
        "unit_open",
    )

    def __init__(self, statements: ServerStatements, parameters: dict[str, str]) -> None:
        self.reader = MessageReader(LENGTH_MAX)
        self.statements = statements
        self.parameters = parameters
        self.changed: set[str] = set()
        self.status = IDLE_STATUS
        self.to_client: list[object] = []
        self.to_server: list[bytes] = []
        self.skipping = False
        self.copy_in = False
        self.held = False
        self.attached = False
        self.unit_open = False
        self.internal_rows: list[bytes | None] = []
        self.internal_error: dict[str, bytes] | None = None
        self.ending: dict[str, bytes] | None = None
        self._kinds: list[int] = []
        self._payloads: list[object] = []
        self._head = 0

    # What was asked ------------------------------------------------------------------------

    def expect(self, kind: int, payload: object = None) -> None:
        """One more answer to come."""
        self._kinds.append(kind)
        self._payloads.append(payload)
        self.unit_open = kind != SYNC and kind != QUERY and kind != FUNCTION and kind != INTERNAL

    def answer_locally(self, answer: bytes) -> None:
        """The client gets `answer` once everything asked before is answered."""
        if self._head == len(self._kinds):
            self.to_client.append(answer)
        else:
            self.expect(LOCAL, answer)

    def answer_parse_locally(self, pending: PendingParse) -> None:
        """The client's statement is there already; an error before it still takes it back."""
        if self._head == len(self._kinds):
            self.to_client.append(PARSE_COMPLETE)
        else:
            self.expect(LOCAL, pending)

    def ask_internally(self, text: bytes) -> None:
        """A query of our own; its answer is swallowed and INTERNAL_DONE tells its end."""
        self.to_server.append(b"Q%b%b\x00" % ((len(text) + 5).to_bytes(4, "big"), text))
        self.expect(INTERNAL, None)

    def is_idle(self) -> bool:
        """Nothing is outstanding and no transaction is open."""
        return self._head == len(self._kinds) and self.status == IDLE_STATUS and not self.skipping

    def outstanding(self) -> int:
        """How many answers are to come."""
        return len(self._kinds) - self._head

    def executes_unanswered(self) -> bool:
        """Whether a statement that may change data was sent and is not answered (fact A7)."""
        return any(kind in (QUERY, EXECUTE, FUNCTION, SYNC) for kind in self._kinds[self._head :])

    # What was answered -----------------------------------------------------------------------

    def receive(self, data: bytes) -> int:
        """Takes what the server sent; returns event bits and fills `to_client`."""
        reader = self.reader
        reader.feed(data)
        events = 0
        if reader.stream_left:
            self._pass_stream()
        try:
            events = self._walk(reader)
        except MalformedStream as malformed:
            self.ending = {"M": str(malformed).encode()}
            events |= BROKEN
        return events

    def _walk(self, reader: MessageReader) -> int:
        events = 0
        run = reader.end
        while reader.next():
            kind = reader.kind
            if kind == 0x44 and not self._silent():  # DataRow
                continue
            begin = reader.begin
            event = self._take(kind, reader)
            if event >= 0 and not self._inserts():
                events |= event
                continue
            if event < 0:
                self._hand_on(reader, run, begin)
                event = -event - 1
            else:
                self._hand_on(reader, run, reader.end)
            events |= event
            self._insert_local_answers()
            run = reader.end
        self._hand_on(reader, run, reader.end)
        self._maybe_stream(reader)
        return events

    def _hand_on(self, reader: MessageReader, begin: int, end: int) -> None:
        """Gives the client a run of messages; the whole chunk is not copied."""
        if begin == end:
            return
        if begin == 0 and end == reader.size:
            self.to_client.append(reader.buffer)
        else:
            self.to_client.append(reader.buffer[begin:end])

    def _maybe_stream(self, reader: MessageReader) -> None:
        """Hands on the incomplete row at the end of a chunk; other answers wait until whole."""
        kind = reader.partial_kind()
        if kind == 0:
            return
        if (kind == 0x44 or kind == 0x64) and not self._silent():
            self.to_client.append(reader.stream_partial())
        elif reader.needed > INSPECTED_BYTES_MAX:
            raise MalformedStream(kind, reader.needed, INSPECTED_BYTES_MAX)

    def _pass_stream(self) -> None:
        part = self.reader.take_stream()
        if part:
            self.to_client.append(part)

    def _silent(self) -> bool:
        """Whether what comes now answers a query of our own."""
        return self._head < len(self._kinds) and self._kinds[self._head] == INTERNAL

    def _inserts(self) -> bool:
        return self._head < len(self._kinds) and self._kinds[self._head] == LOCAL

    def _insert_local_answers(self) -> None:
        while self._inserts():
            answer = self._payloads[self._head]
            self.to_client.append(PARSE_COMPLETE if isinstance(answer, PendingParse) else answer)
            self._pop()

    def _take(self, kind: int, reader: MessageReader) -> int:
        """Handles one answer: event bits >= 0 hand it on, -1 - bits swallow it."""
        if self._silent():
            return -1 - self._take_internal(kind, reader)
        if kind == 0x5A:  # ReadyForQuery
            return self._ready(reader)
        if kind == 0x43:  # CommandComplete
            return self._command_complete(reader)
        if kind in (0x32, 0x31, 0x33, 0x54, 0x6E, 0x49, 0x73, 0x74):
            return self._extended_answer(kind, reader)
        if kind == 0x45:
            return self._error(reader)
        return self._other(kind, reader)

    def _other(self, kind: int, reader: MessageReader) -> int:
        if kind == 0x53:  # ParameterStatus
            self._parameter(reader)
            return PARAMETERS if self.attached else -1 - PARAMETERS
        if kind == 0x47:  # CopyInResponse
            self._copy_in_begins()
            return 0
        if kind in (0x4E, 0x41):  # Notice, Notification: only for a client that holds the lease
            return 0 if self.attached else -1
        if kind in (0x64, 0x63, 0x48, 0x56):  # CopyData, CopyDone, CopyOut, FunctionCallResponse
            return 0
        self.ending = {"M": b"message type %d" % kind}
        return -1 - BROKEN

    def _head_kind(self) -> int:
        if self._head == len(self._kinds):
            return 0
        return self._kinds[self._head]

    def _pop(self) -> None:
        self._head += 1
        while self._head < len(self._kinds) and self._kinds[self._head] == COPY_END:
            self._head += 1
        if self._head == len(self._kinds):
            self._kinds.clear()
            self._payloads.clear()
            self._head = 0

    def _ready(self, reader: MessageReader) -> int:
        """ReadyForQuery: everything up to the Sync, Query or function call it answers is done."""
        self.status = reader.buffer[reader.begin + 5]
        if self._head == len(self._kinds):
            self.ending = {"M": b"ReadyForQuery that nothing asked for"}
            return -1 - BROKEN
        self.copy_in = False
        done = False
        while not done and self._head < len(self._kinds):
            kind = self._kinds[self._head]
            done = kind == SYNC or kind == QUERY or kind == FUNCTION
            if not done:
                self._undo(self._head)
            self._pop()
        return READY if self._head == len(self._kinds) else 0

    def _command_complete(self, reader: MessageReader) -> int:
        events = 0
        if reader.buffer[reader.begin + 5] == 0x44:  # D: DEALLOCATE ALL, DISCARD ALL, DELETE
            events = self._forgotten(reader.buffer[reader.begin + 5 : reader.end - 1])
        if self._head_kind() == EXECUTE:
            self._pop()
        return events

    def _forgotten(self, tag: bytes) -> int:
        if tag == b"DEALLOCATE ALL":
            self.statements.clear()
            return FORGOTTEN
        if tag == b"DISCARD ALL":
            self.statements.clear()
            return FORGOTTEN | DISCARDED
        return 0

    def _extended_answer(self, kind: int, reader: MessageReader) -> int:
        """Answers that complete one message of the extended protocol."""
        head = self._head_kind()
        if head == QUERY:
            return 0
        if kind == 0x31 and head in (PARSE, PARSE_SILENT):
            return self._parse_complete(head)
        if kind == 0x33 and head == CLOSE_SILENT:
            self._pop()
            return -1
        if kind == 0x74:  # ParameterDescription comes before the answer that completes Describe
            return -1 if head == DESCRIBE_SILENT else 0
        if kind in (0x54, 0x6E) and head == DESCRIBE_SILENT:
            return self._described_silently(reader)
        if kind in (0x54, 0x6E) and head == DESCRIBE:
            self._remember_description(reader)
            self._pop()
        elif head in (BIND, CLOSE, EXECUTE):
            self._pop()
        return 0

    def _parse_complete(self, head: int) -> int:
        payload = self._payloads[self._head]
        if isinstance(payload, PendingParse):
            if payload.server_statement is not None:
                payload.server_statement.complete = True
        elif isinstance(payload, ServerStatement):
            payload.complete = True
        self._pop()
        return -1 if head == PARSE_SILENT else 0

    def _remember_description(self, reader: MessageReader) -> None:
        """What a Describe of a statement said is what every later Bind of it must still mean."""
        payload = self._payloads[self._head]
        if isinstance(payload, Shape) and payload.description is None:
            payload.description = reader.buffer[reader.begin : reader.end]

    def _described_silently(self, reader: MessageReader) -> int:
        """Our own Describe before a Bind on another server connection (fact A8)."""
        shape: Shape = self._payloads[self._head]  # type: ignore[assignment]
        description = reader.buffer[reader.begin : reader.end]
        if shape.description is None:
            shape.description = description
        elif shape.description != description:
            shape.stale = True
        self._pop()
        self.held = False
        return -1 - RELEASED_HOLD

    # Errors ------------------------------------------------------------------------------------

    def _error(self, reader: MessageReader) -> int:
        fields = error_fields(reader.buffer[reader.begin + 5 : reader.end])
        if fields.get("V", fields.get("S")) in (b"FATAL", b"PANIC"):
            self.ending = fields
            return -1 - ENDING
        head = self._head_kind()
        refusal = self._refusal(head)
        if head == BIND and fields.get("M", b"") == STALE_PLAN:
            self._mark_stale()
        self.copy_in = False
        if head not in (0, QUERY, FUNCTION, SYNC):
            self._skip_to_sync()
        released = RELEASED_HOLD if self.held else 0
        self.held = False
        if refusal is not None:
            self._insert(refusal)
            return -1 - released
        return released

    def _refusal(self, head: int) -> object:
        """The error that takes the place of the server's, if we made the server fail (A9)."""
        return self._payloads[self._head] if head in (REFUSED, QUERY) else None

    def _insert(self, refusal: object) -> None:
        self._kinds.insert(self._head, LOCAL)
        self._payloads.insert(self._head, refusal)

    def _mark_stale(self) -> None:
        payload = self._payloads[self._head]
        if isinstance(payload, ServerStatement):
            payload.shape.stale = True

    def _skip_to_sync(self) -> None:
        """The server discards until Sync; what it will not answer is taken back."""
        while self._head < len(self._kinds) and self._kinds[self._head] != SYNC:
            self._undo(self._head)
            self._pop()
        self.skipping = self._head == len(self._kinds)

    def _undo(self, at: int) -> None:
        payload = self._payloads[at]
        if isinstance(payload, PendingParse):
            if payload.names.get(payload.name) is payload.client_statement:
                del payload.names[payload.name]
            self._take_back(payload.server_statement)
        elif self._kinds[at] == PARSE_SILENT:
            self._take_back(payload)

    def _take_back(self, statement: object) -> None:
        if isinstance(statement, ServerStatement):
            self.statements.forget(statement)
        else:
            self.statements.unnamed = None

    # Copy ----------------------------------------------------------------------------------------

    def _copy_in_begins(self) -> None:
        """Syncs sent ahead of CopyDone are ignored by the server (fact A13)."""
        at = self._head + 1
        while at < len(self._kinds) and self._kinds[at] in (SYNC, COPY_END):
            ended = self._kinds[at] == COPY_END
            del self._kinds[at]
            del self._payloads[at]
            if ended:
                return
        self.copy_in = True

    def copy_ends(self) -> None:
        """The client sent CopyDone or CopyFail."""
        if self.copy_in:
            self.copy_in = False
        elif self._head < len(self._kinds):
            self.expect(COPY_END)

    def syncs(self) -> None:
        """The client sent Sync."""
        if not self.copy_in:
            self.skipping = False
            self.expect(SYNC)

    def abandon(self) -> None:
        """Its client is gone: brings the server to ReadyForQuery without ending a unit well.

        A unit without its Sync is not committed when a private connection ends, so it must fail here too.
        """
        if self.copy_in:
            self.to_server.append(COPY_FAIL)
            self.copy_ends()
        if not self.unit_open and not self.skipping:
            return
        if not self.skipping:
            self.to_server.append(FAILING_PARSE)
            self.expect(REFUSED, b"")
        self.to_server.append(SYNC_MESSAGE)
        self.syncs()

    # Our own queries -----------------------------------------------------------------------------

    def _take_internal(self, kind: int, reader: MessageReader) -> int:
        if kind == 0x44:
            self.internal_rows = row_values(reader.buffer[reader.begin + 5 : reader.end])
        elif kind == 0x53:
            self._parameter(reader)
        elif kind == 0x45:
            fields = error_fields(reader.buffer[reader.begin + 5 : reader.end])
            self.internal_error = fields
            if fields.get("V", fields.get("S")) in (b"FATAL", b"PANIC"):
                self.ending = fields
                return ENDING
        elif kind == 0x43:
            self._command_complete(reader)
        elif kind == 0x5A:
            self.status = reader.buffer[reader.begin + 5]
            self._pop()
            return INTERNAL_DONE
        return 0

    def _parameter(self, reader: MessageReader) -> None:
        name, value = reader.buffer[reader.begin + 5 : reader.end - 1].split(b"\x00", 1)
        spelled = name.decode("utf-8", "replace")
        self.parameters[spelled] = value.decode("utf-8", "replace")
        self.changed.add(spelled)


def error_fields(body: bytes) -> dict[str, bytes]:
    """Fields of an ErrorResponse or NoticeResponse by their one-letter code."""
    return {chr(field[0]): field[1:] for field in body.split(b"\x00") if field}


def row_values(body: bytes) -> list[bytes | None]:
    """The columns of a DataRow, None for NULL."""
    values: list[bytes | None] = []
    at = 2
    for _ in range(int.from_bytes(body[:2], "big")):
        length = int.from_bytes(body[at : at + 4], "big", signed=True)
        at += 4
        if length < 0:
            values.append(None)
            continue
        values.append(body[at : at + length])
        at += length
    return values
